//! What a platform or camera notifies of a subscription: vehicles it saw, in lists inside notifications.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    BodyError, ItemError, VehicleCapture,
    capture::{List, one_or_many, read},
    loose::Loose,
};

/// One notification with what it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id, for the answer; empty when it has none.
    pub id: String,
    /// The subscription it answers; empty when it names none.
    pub subscribe_id: String,
    /// The vehicles, motor first.
    pub vehicles: Vec<Result<VehicleCapture, ItemError>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "SubscribeNotificationListObject", borrow)]
    list: Option<Notifications<'a>>,
}

#[derive(Deserialize)]
struct Notifications<'a> {
    #[serde(rename = "SubscribeNotificationObject", borrow)]
    notifications: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "NotificationID", borrow, default)]
    id: Loose<'a>,
    #[serde(rename = "SubscribeID", borrow, default)]
    subscribe_id: Loose<'a>,
    // One vendor names the lists as in the posts of vehicles.
    #[serde(rename = "MotorVehicleObjectList", alias = "MotorVehicleListObject", borrow, default)]
    motor: Option<List<'a>>,
    #[serde(rename = "NonMotorVehicleObjectList", alias = "NonMotorVehicleListObject", borrow, default)]
    non_motor: Option<List<'a>>,
}

/// Reads `{"SubscribeNotificationListObject":{"SubscribeNotificationObject":[…]}}`; a single one may stand without its
/// list. A notification that tells of no vehicle, such as one of a subscription's end, has none.
pub fn parse_notifications(body: &[u8]) -> Result<Vec<Notification>, BodyError> {
    let expected = "SubscribeNotificationListObject";
    let list = read::<Body<'_>>(body, expected)?.list.ok_or(BodyError::Missing { expected })?;
    let missing = BodyError::Missing { expected: "SubscribeNotificationObject" };
    let entries = list.notifications.and_then(one_or_many).ok_or(missing)?;
    Ok(entries.into_iter().map(notification).collect())
}

fn notification(raw: &RawValue) -> Notification {
    let Ok(entry) = serde_json::from_str::<Entry<'_>>(raw.get()) else {
        let fault = "is not an object of distinct keys";
        let broken = ItemError { motor_vehicle_id: None, field: "SubscribeNotificationObject", fault };
        return Notification { id: String::new(), subscribe_id: String::new(), vehicles: vec![Err(broken)] };
    };
    let motor = entry.motor.and_then(|list| list.read(true)).unwrap_or_default();
    let non_motor = entry.non_motor.and_then(|list| list.read(false)).unwrap_or_default();
    Notification {
        id: entry.id.owned().unwrap_or_default(),
        subscribe_id: entry.subscribe_id.owned().unwrap_or_default(),
        vehicles: motor.into_iter().chain(non_motor).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let name = "viid_subscribe_notification_SYNTHETIC.json";
        std::fs::read_to_string(format!("{}/../../shared/samples/captures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_notification_tells_of_a_vehicle_under_either_name_of_its_list() {
        for body in [sample(), sample().replace("MotorVehicleObjectList", "MotorVehicleListObject")] {
            let told = parse_notifications(body.as_bytes()).unwrap().remove(0);
            assert_eq!(told.id, "33052300005030000001042026031009300000001");
            let vehicle = told.vehicles[0].as_ref().unwrap();
            assert_eq!((vehicle.plate.as_deref(), vehicle.images.len(), vehicle.is_motor), (Some("浙E12345"), 1, true));
        }
    }

    #[test]
    fn a_notification_without_vehicles_or_with_broken_ones_spoils_no_other() {
        let body = br#"{"SubscribeNotificationListObject":{"SubscribeNotificationObject":[
            {"NotificationID":"1","Title":"end"}, 7,
            {"NotificationID":"3","NonMotorVehicleObjectList":{"NonMotorVehicleObject":[{"NonMotorVehicleID":"n"}]}}]}}"#;
        let told = parse_notifications(body).unwrap();
        assert!(told[0].vehicles.is_empty());
        assert!(told[1].vehicles[0].is_err());
        assert_eq!(told[2].vehicles[0].as_ref().unwrap_err().motor_vehicle_id.as_deref(), Some("n"));
        assert_eq!(parse_notifications(b"{}").unwrap_err().status(), super::super::StatusCode::InvalidJsonContent);
        assert_eq!(parse_notifications(b"{").unwrap_err(), BodyError::NotJson);
    }
}
