//! The door for Hikvision cameras: number-plate events with their pictures, in one post or in two.

use bytes::Bytes;
use chrono::Duration;
use yunpark_sensors::isapi::{AnprEvent, PictureInfo};

use super::{Desk, Error, receive::MAX_IMAGES, staged::Said};
use crate::domain::{
    ids::CameraId,
    lot::VehicleClass,
    time::{Instant, to_micros, truncate},
};

/// A picture as it came: the name of its part, and its bytes.
pub type Named = (String, Bytes);

impl Desk {
    /// Takes in an event: each time at which the vehicle was pictured is a capture of the same stay. Without pictures it waits
    /// for them; sent again it changes nothing.
    pub async fn isapi_event(&self, camera: &CameraId, event: AnprEvent, pictures: Vec<Named>) -> Result<(), Error> {
        if !self.may_call_itself(camera, &event.mac) {
            return Err(self.count_refused(camera, Error::ForeignDevice));
        }
        let uuid = event.uuid.trim();
        if uuid.is_empty() || uuid.len() > 80 || !uuid.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.count_refused(camera, Error::invalid("UUID", "must have 1 to 80 ASCII characters")));
        }
        let key = format!("isapi:{uuid}");
        let said = Said {
            at: truncate(event.at),
            track: Some(uuid.to_owned()),
            plate: event.plate.clone(),
            plate_color: event.plate_color.map(str::to_owned),
            vehicle_class: if event.is_motor { VehicleClass::Motor } else { VehicleClass::NonMotor },
        };
        if pictures.is_empty() {
            return match self.draft_capture(camera, &key, &said, &[]).await {
                Ok(()) => Ok(()),
                Err(error) => Err(self.count_refused(camera, error)),
            };
        }
        // The first post may have told the plate, and this one the pictures.
        let earlier = self.drafted(camera, &key).await?;
        let said = match &earlier {
            Some(earlier) => Said {
                plate: said.plate.or_else(|| earlier.plate.clone()),
                plate_color: said.plate_color.or_else(|| earlier.plate_color.clone()),
                ..said
            },
            None => said,
        };
        let shots = shots(&event, pictures);
        let captures = shots.into_iter().map(|(at, images)| {
            let new = Said { at, ..said.clone() }.capture(camera, format!("{key}:{}", to_micros(at)));
            (new, images)
        });
        self.receive_all(captures.collect()).await?;
        if earlier.is_some() {
            self.settle_draft(camera, &key).await?;
        }
        Ok(())
    }
}

/// The pictures by the time they were taken. A picture without a time of its own goes with the last; where no picture has
/// one, the first of several was taken when the stay the camera watched began.
fn shots(event: &AnprEvent, pictures: Vec<Named>) -> Vec<(Instant, Vec<Bytes>)> {
    let scenes: Vec<&PictureInfo> =
        event.pictures.iter().filter(|info| info.kind == "detectionPicture" || info.kind.is_empty()).collect();
    let began = event.stay_ms.map(|stay| event.at - Duration::milliseconds(stay.into()));
    let last = event.pictures.iter().filter_map(|info| info.at).max().unwrap_or(event.at);
    let mut shots = std::collections::BTreeMap::<Instant, Vec<Bytes>>::new();
    for (nth, (name, bytes)) in pictures.into_iter().enumerate() {
        let info = event.pictures.iter().find(|info| !name.is_empty() && is_named(&info.file_name, &name));
        let info = info.or_else(|| event.pictures.get(nth).filter(|_| name.is_empty()));
        let is_first_scene = match (scenes.first(), info) {
            (Some(first), Some(info)) => scenes.len() > 1 && std::ptr::eq(*first, info),
            _ => false,
        };
        let at = info.and_then(|info| info.at).or(began.filter(|_| is_first_scene)).unwrap_or(last);
        let shot = shots.entry(truncate(at)).or_default();
        if shot.len() < MAX_IMAGES && !shot.contains(&bytes) {
            shot.push(bytes);
        }
    }
    shots.into_iter().collect()
}

/// Whether a part has the name an event gives a picture; some write it without its ending.
fn is_named(told: &str, part: &str) -> bool {
    let stem = |name: &str| name.rsplit_once('.').map_or(name.to_owned(), |(stem, _)| stem.to_owned());
    told == part || stem(told) == stem(part)
}

#[cfg(test)]
mod tests {
    use yunpark_sensors::isapi::{Alert, parse};

    use super::*;

    fn event(change: impl Fn(String) -> String) -> AnprEvent {
        let path = "../shared/samples/captures/hik_anpr_parking_SYNTHETIC.xml";
        let xml = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        match parse(change(xml).as_bytes()).unwrap() {
            Alert::Anpr(event) => *event,
            Alert::Other(kind) => panic!("{kind}"),
        }
    }

    fn named(names: &[&str]) -> Vec<Named> {
        names.iter().map(|name| ((*name).to_owned(), Bytes::copy_from_slice(name.as_bytes()))).collect()
    }

    #[test]
    fn pictures_go_with_their_own_time_or_with_the_stay_the_camera_watched() {
        let names = ["detectionPicture_1.jpg", "detectionPicture_2.jpg", "licensePlatePicture.jpg"];
        let timed = event(|xml| xml);
        let untimed = event(|xml| xml.replace("absTime>", "nothing>"));
        for event in [timed, untimed] {
            let shots = shots(&event, named(&names));
            let told: Vec<(i64, usize)> =
                shots.iter().map(|(at, images)| ((event.at - *at).num_milliseconds(), images.len())).collect();
            assert_eq!(told, [(300_000, 1), (0, 2)]);
        }
        let nameless = shots(&event(|xml| xml), named(&["", "", ""]));
        assert_eq!(nameless.iter().map(|(_, images)| images.len()).sum::<usize>(), 2, "equal bytes are one picture");
    }
}
