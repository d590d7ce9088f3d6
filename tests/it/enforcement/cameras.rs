//! Cameras at the enforcement desk: each speaks for itself, for its own zones, and whole or not at all.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use yunpark::enforcement::viid::Registering;
use yunpark_sensors::viid::{DeviceId, StatusCode, VehicleCapture, parse_motor_vehicles};

use super::*;

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/captures").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The sample of two shots, with pictures that can be read.
fn two_shots() -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let (early, late) = (STANDARD.encode(picture(10)), STANDARD.encode(picture(20)));
    let body = sample("viid_motorvehicles_parking_two_shots_SYNTHETIC.json");
    body.replacen("/9j/2Q==", &early, 1).replace("/9j/2Q==", &late).into_bytes()
}

fn authorization(challenge: &str, device: &str, password: &str) -> String {
    use md5::{Digest, Md5};
    let hash = |text: String| hex::encode(Md5::digest(text));
    let nonce = challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let ha1 = hash(format!("{device}:viid:{password}"));
    let ha2 = hash("POST:/VIID/System/Register".to_owned());
    let response = hash(format!("{ha1}:{nonce}:00000001:0a4f113b:auth:{ha2}"));
    format!(
        "Digest username=\"{device}\",realm=\"viid\",nonce=\"{nonce}\",uri=\"/VIID/System/Register\",qop=auth,\
         nc=00000001,cnonce=\"0a4f113b\",response=\"{response}\""
    )
}

#[tokio::test]
async fn a_camera_proves_itself_posts_a_stay_and_may_repeat_itself() {
    let home = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    for house in houses().await {
        let desk = &house.desk;
        let device = DeviceId::parse(DEVICE).unwrap();
        let register = |authorization: Option<&str>| {
            desk.viid_register(&device, authorization, "POST", "/VIID/System/Register", home).unwrap()
        };
        let challenged = |registering| match registering {
            Registering::Challenge(challenge) => challenge,
            Registering::Registered => panic!("let in without proof"),
        };
        let now = || house.clock.now();
        assert!(!desk.viid().is_registered(&device, home, now()));
        let challenge = challenged(register(None));
        let another = challenged(register(Some(&authorization(&challenge, DEVICE, "wrong"))));
        let stale = authorization(&challenge, DEVICE, "Passw0rd!");
        challenged(register(Some(&stale)));
        let good = authorization(&another, DEVICE, "Passw0rd!");
        assert_eq!(register(Some(&good)), Registering::Registered);
        challenged(register(Some(&good)));
        assert!(desk.viid().is_registered(&device, home, now()));
        assert!(!desk.viid().is_registered(&device, IpAddr::V4(Ipv4Addr::LOCALHOST), now()), "another address");

        // The same stay three times over.
        let mut rows = None;
        for _ in 0..3 {
            let answers = desk.viid_vehicles(&device, parse_motor_vehicles(&two_shots()).unwrap()).await;
            assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [StatusCode::Ok]);
            let now = house.rows().await;
            assert_eq!(*rows.get_or_insert(now), now);
        }
        assert_eq!(rows.unwrap()[..2], [2, 1], "two shots are two captures of one stay");
        let (ripe, _) = desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap();
        assert_eq!((ripe[0].plate.as_deref(), ripe[0].dwell_s), (Some("浙E12345"), 300));
        assert_eq!(ripe[0].captures[0].camera.as_deref(), Some("CAM-1"));

        // Samples of another device, or that hold no vehicle at all, are refused each for itself.
        for (name, status) in [
            ("viid_motorvehicles_public_sample_abridged.json", StatusCode::InvalidOperation),
            ("viid_motorvehicles_easy1400_apidoc_template.json", StatusCode::InvalidJsonContent),
        ] {
            let answers = desk.viid_vehicles(&device, parse_motor_vehicles(sample(name).as_bytes()).unwrap()).await;
            assert_eq!(answers[0].status, status, "{name}");
        }
        assert_eq!(house.rows().await, rows.unwrap());
        house.clock.advance(Duration::seconds(301));
        assert!(!desk.viid().is_registered(&device, home, now()), "a silent camera must register again");
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

fn own() -> DeviceId {
    DeviceId::parse(DEVICE).unwrap()
}

/// The vehicle of the sample of two shots.
fn vehicle() -> VehicleCapture {
    parse_motor_vehicles(&two_shots()).unwrap().remove(0).unwrap()
}

async fn posted(house: &House, vehicles: Vec<VehicleCapture>) -> Vec<StatusCode> {
    let answers = house.desk.viid_vehicles(&own(), vehicles.into_iter().map(Ok).collect()).await;
    answers.into_iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn a_registered_camera_speaks_for_no_other() {
    for house in houses().await {
        let empty = house.rows().await;
        let device_id = DeviceId::parse("33052300001190000002").unwrap();
        let foreign = VehicleCapture { device_id, ..vehicle() };
        assert_eq!(posted(&house, vec![foreign]).await, [StatusCode::InvalidOperation]);
        assert_eq!(house.rows().await, empty);
    }
}

#[tokio::test]
async fn the_shots_of_a_vehicle_are_taken_in_together_or_not_at_all() {
    for house in houses().await {
        let empty = house.rows().await;
        let mut torn = vehicle();
        torn.images.last_mut().unwrap().bytes = b"not a picture".to_vec();
        assert_eq!(posted(&house, vec![torn]).await, [StatusCode::InvalidJsonContent]);
        assert_eq!(house.rows().await, empty);
        // A shot is the same one whether it comes alone or with the others.
        let mut late = vehicle();
        late.images.sort_by_key(|image| image.shot_time);
        late.images.remove(0);
        assert_eq!(posted(&house, vec![late, vehicle(), vehicle()]).await, [StatusCode::Ok; 3]);
        assert_eq!(house.rows().await[..2], [2, 1]);
    }
}

#[tokio::test]
async fn a_camera_that_posts_too_many_vehicles_at_once_is_told_to_send_the_rest_again() {
    for house in houses().await {
        let empty = VehicleCapture { images: vec![], ..vehicle() };
        let answers = posted(&house, vec![empty; 65]).await;
        assert_eq!(answers.iter().filter(|status| **status == StatusCode::InvalidJsonContent).count(), 64);
        assert_eq!(answers.last(), Some(&StatusCode::DeviceBusy));
    }
}

fn by_camera(key: &str, location: Option<(f64, f64)>) -> NewCapture {
    let source = Source::Camera(CameraId::parse("CAM-1").unwrap());
    NewCapture { source, role: None, location, ..capture(key, "浙K12345", 0) }
}

#[tokio::test]
async fn a_cameras_token_is_bound_to_the_camera_and_its_zones() {
    for house in houses().await {
        let desk = &house.desk;
        let (here, elsewhere) = ((119.57, 28.11), (119.58, 28.11));
        let zone = |id: &str| Some(ZoneId::parse(id).unwrap());
        let foreign = NewCapture { zone: zone("Z2"), ..by_camera("z", None) };
        let refused = desk.receive(foreign, vec![picture(1)]).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "zone", .. })), "{refused:?}");
        let another = NewCapture { camera: CameraId::parse("CAM-2").ok(), ..by_camera("c", None) };
        let refused = desk.receive(another, vec![picture(1)]).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "camera", .. })), "{refused:?}");
        for (key, at, named, joins) in [
            ("nowhere", None, None, true),
            ("named", None, zone("Z1"), true),
            ("inside", Some(here), None, true),
            ("outside", Some(elsewhere), None, false),
            ("outside its zone", Some(elsewhere), zone("Z1"), false),
        ] {
            let new = NewCapture { zone: named, ..by_camera(key, at) };
            let received = desk.receive(new, vec![picture(1)]).await.unwrap();
            assert_eq!((received.incident.is_some(), received.state), (joins, State::Accepted), "{key}");
        }
        house.city.send_modify(|city| Arc::make_mut(city).cameras.clear());
        let refused = desk.receive(by_camera("gone", None), vec![picture(1)]).await;
        assert!(matches!(refused, Err(Error::UnknownCamera)), "{refused:?}");
        assert!(desk.receive(by_camera("nowhere", None), vec![picture(1)]).await.unwrap().duplicate);
    }
}
