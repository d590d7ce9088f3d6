//! Cameras at the doors of a real node: a Python GA/T 1400 client, curl with HTTP Digest, pushes and MQTT; what is refused is
//! refused in each protocol's own form, and nothing is half stored.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services::{self, wait_for},
    town::town,
};

const DEVICE: &str = "33112500001190000001";

fn picture(node: &Node, shade: u8) -> PathBuf {
    let path = node.dir.path().join(format!("{shade}.jpg"));
    image::RgbImage::from_pixel(1280, 720, image::Rgb([shade, 90, 60])).save(&path).unwrap();
    path
}

fn minutes_ago(minutes: i64) -> chrono::DateTime<chrono::Utc> {
    #[expect(clippy::disallowed_methods, reason = "the test plays the camera, whose clock is the wall's")]
    let now = chrono::Utc::now();
    now - chrono::Duration::minutes(minutes)
}

/// Runs curl; the status and the body.
fn curl(arguments: &[&str]) -> (u16, String) {
    let output = Command::new("curl").args(["-sS", "-w", "\n%{http_code}"]).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn incidents(node: &Node, token: &str) -> Vec<Value> {
    let (_, listed) = node.ask("GET", "/api/v1/incidents", &[("Authorization", token)], None).unwrap();
    listed["incidents"].as_array().unwrap().clone()
}

fn both() -> [Places; 2] {
    [Places::default(), Places { sql: services::postgres(), ..Places::default() }]
}

fn proven(node: &mut Node) {
    node.stop();
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
}

#[test]
fn a_camera_in_another_language_registers_posts_and_is_answered_item_by_item() {
    for places in both() {
        let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
        let (early, late) = (picture(&node, 10), picture(&node, 20));
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/enforcement/viid_client.py");
        let output = Command::new("python3")
            .arg(client)
            .args([&node.http.to_string(), DEVICE, "Passw0rd!"])
            .args([&early, &late])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Vec<Value> =
            String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let step = |name: &str| told.iter().find(|step| step["step"] == name).unwrap();
        let items = |name: &str| -> Vec<u64> {
            let list = step(name)["body"]["ResponseStatusListObject"]["ResponseStatusObject"].as_array();
            list.unwrap_or_else(|| panic!("{}", step(name)))
                .iter()
                .map(|one| one["StatusCode"].as_u64().unwrap())
                .collect()
        };
        let single = |name: &str| {
            let code = step(name)["body"]["ResponseStatusObject"]["StatusCode"].as_u64().unwrap();
            (step(name)["status"].as_u64().unwrap(), code)
        };
        for (name, answer) in [
            ("unregistered", (401, 4)),
            ("challenge", (401, 4)),
            ("register", (200, 0)),
            ("replay", (401, 4)),
            ("keepalive", (200, 0)),
            ("torn", (400, 7)),
            ("faces", (200, 4)),
            ("unregister", (200, 0)),
            ("gone", (401, 4)),
        ] {
            assert_eq!(single(name), answer, "{name}");
        }
        assert_eq!(step("time")["body"]["SystemTimeObject"]["TimeZone"], "GMT+8");
        assert_eq!(items("batch"), [0, 8, 4, 8], "each in its order");
        assert_eq!((items("again"), items("other_content")), (vec![0], vec![4]));
        for name in ["bike", "waiting", "picture", "notification"] {
            assert_eq!(items(name), [0], "{name}");
        }
        let officer = node.sign_in("wang");
        let seen = incidents(&node, &officer);
        let mut plates: Vec<&str> = seen.iter().map(|one| one["plate"].as_str().unwrap()).collect();
        plates.sort_unstable();
        assert_eq!(plates, ["浙E12345", "浙E77777", "湖州123456"]);
        let parked = seen.iter().find(|one| one["plate"] == "浙E12345").unwrap();
        assert_eq!((parked["state"].as_str(), parked["dwell_s"].as_i64()), (Some("ripe"), Some(540)));
        let bike = seen.iter().find(|one| one["plate"] == "湖州123456").unwrap();
        assert_eq!(bike["vehicle_class"], "non_motor");
        // Counted per camera, for those who look after them.
        let li = node.sign_in("li");
        let (_, cameras) = node.ask("GET", "/api/v1/cameras", &[("Authorization", &li)], None).unwrap();
        let camera = &cameras["cameras"][0];
        assert_eq!((camera["id"].as_str(), camera["has_credential"].as_bool()), (Some("CAM-1"), Some(true)));
        assert!(camera["duplicates"].as_u64().unwrap() >= 2 && camera["refused"]["key-reused"] == 1, "{camera}");
        proven(&mut node);
    }
}

#[test]
fn curl_registers_with_its_own_digest() {
    let node = Node::start(&Places::default(), &town(1, 4, "127.0.0.1:9"));
    let user = format!("{DEVICE}:Passw0rd!");
    let body = json!({"RegisterObject": {"DeviceID": DEVICE}}).to_string();
    let (status, answer) = curl(&[
        "--digest",
        "-u",
        &user,
        "-H",
        "Content-Type: application/VIID+JSON",
        "-d",
        &body,
        &node.url("/VIID/System/Register"),
    ]);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("\"StatusCode\":0"), "{answer}");
    let wrong = format!("{DEVICE}:wrong");
    let (status, _) = curl(&["--digest", "-u", &wrong, "-d", &body, &node.url("/VIID/System/Register")]);
    assert_eq!(status, 401);
    // A request without a body is told the challenge too.
    let (status, answer) = curl(&["-X", "POST", &node.url("/VIID/System/Register")]);
    assert_eq!(status, 401, "{answer}");
}

/// One instant for the whole run, so that an event sent again is the same.
static NOW: std::sync::OnceLock<chrono::DateTime<chrono::Utc>> = std::sync::OnceLock::new();

/// The sample of a parked car with pictures that can be read and times of today, as a multipart body in a file.
fn hikvision(node: &Node, uuid: &str, change: impl Fn(String) -> String, with_pictures: bool) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/captures");
    let xml = std::fs::read_to_string(folder.join("hik_anpr_parking_SYNTHETIC.xml")).unwrap();
    let beijing = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let now = *NOW.get_or_init(|| minutes_ago(0));
    let local = |minutes| (now - chrono::Duration::minutes(minutes)).with_timezone(&beijing);
    let xml = xml
        .replace("2026-03-10T09:15:00.847+08:00", &local(10).format("%Y-%m-%dT%H:%M:%S.847+08:00").to_string())
        .replace("20260310091000847", &local(15).format("%Y%m%d%H%M%S847").to_string())
        .replace("20260310091500847", &local(10).format("%Y%m%d%H%M%S847").to_string())
        .replace("a0fe72d4-3652-464a-aebd-3f9190010236", uuid);
    let xml = change(xml);
    let mut body = Vec::new();
    let mut part = |name: &str, kind: &str, bytes: &[u8]| {
        let head = format!(
            "--7e139\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    };
    part("anpr.xml", "text/xml", xml.as_bytes());
    if with_pictures {
        for (name, shade) in
            [("detectionPicture_1.jpg", 30), ("detectionPicture_2.jpg", 40), ("licensePlatePicture.jpg", 50)]
        {
            // One firmware sends pictures without saying that they are.
            part(name, "application/octet-stream", &std::fs::read(picture(node, shade)).unwrap());
        }
    }
    body.extend_from_slice(b"--7e139--\r\n");
    let path = node.dir.path().join(format!("{uuid}-{with_pictures}.body"));
    std::fs::write(&path, body).unwrap();
    path
}

fn push(node: &Node, file: &Path, more: &[&str]) -> (u16, String) {
    let data = format!("@{}", file.display());
    let url = node.url("/ISAPI/Event/notification/alert");
    let mut arguments = vec!["-H", "Content-Type: multipart/form-data; boundary=7e139", "--data-binary", &data];
    arguments.extend(more);
    arguments.push(&url);
    curl(&arguments)
}

#[test]
fn hikvisions_push_becomes_a_stay_and_a_retransmission_adds_nothing() {
    for places in both() {
        let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
        let bearer = format!("Authorization: Bearer {CAMERA_TOKEN}");
        let token = ["-H", &bearer];
        let file = hikvision(&node, "u1", |xml| xml, true);
        let (status, answer) = push(&node, &file, &token);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("<statusCode>1</statusCode>"), "{answer}");
        // By digest, by basic, and by a token in the address as well; the same event again is the same.
        for more in [&["--digest", "-u", "CAM-1:Passw0rd!"][..], &["-u", "CAM-1:Passw0rd!"]] {
            assert_eq!(push(&node, &file, more).0, 200, "{more:?}");
        }
        let again = hikvision(
            &node,
            "u1",
            |xml| xml.replace("<isDataRetransmission>false", "<isDataRetransmission>true"),
            true,
        );
        assert_eq!(push(&node, &again, &token).0, 200);
        let officer = node.sign_in("wang");
        let seen = incidents(&node, &officer);
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!((seen[0]["plate"].as_str(), seen[0]["dwell_s"].as_i64()), (Some("浙E12345"), Some(300)));
        assert_eq!((seen[0]["state"].as_str(), seen[0]["captures"].as_array().unwrap().len()), (Some("ripe"), 2));

        // The plate first, the pictures in a second post.
        let more = |xml: String| {
            xml.replace("浙E12345", "浙E66666").replace("<listType>", "<hasMoreData>true</hasMoreData><listType>")
        };
        assert_eq!(push(&node, &hikvision(&node, "u2", more, false), &token).0, 200);
        assert_eq!(incidents(&node, &officer).len(), 1, "it waits");
        let later = |xml: String| xml.replace("蓝浙E12345", "unknown");
        assert_eq!(push(&node, &hikvision(&node, "u2", later, true), &token).0, 200);
        assert!(incidents(&node, &officer).iter().any(|one| one["plate"] == "浙E66666"));
        // Without a plate it is a vehicle all the same.
        let none = |xml: String| xml.replace("蓝浙E12345", "noPlate");
        assert_eq!(push(&node, &hikvision(&node, "u3", none, true), &token).0, 200);
        assert!(incidents(&node, &officer).iter().any(|one| one["plate"].is_null()));

        let before = incidents(&node, &officer).len();
        let whole = std::fs::read(hikvision(&node, "u4", |xml| xml, true)).unwrap();
        let half = node.dir.path().join("half.body");
        std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
        let (status, answer) = push(&node, &half, &token);
        assert!(status == 400 && answer.contains("<statusCode>5</statusCode>"), "{status} {answer}");
        let bad =
            hikvision(&node, "u5", |xml| xml.replace("<dateTime>", "<when>").replace("</dateTime>", "</when>"), true);
        let (status, answer) = push(&node, &bad, &token);
        assert!(status == 400 && answer.contains("<statusCode>6</statusCode>"), "{status} {answer}");
        for more in [&[][..], &["-H", "Authorization: Bearer nobody"], &["-u", "CAM-1:wrong"]] {
            let (status, answer) = push(&node, &file, more);
            assert!(status == 401 && answer.contains("<statusCode>4</statusCode>"), "{status} {answer}");
        }
        let heartbeat = hikvision(&node, "u6", |xml| xml.replace("<eventType>ANPR", "<eventType>videoloss"), false);
        assert_eq!(push(&node, &heartbeat, &token).0, 200);
        assert_eq!(incidents(&node, &officer).len(), before);
        proven(&mut node);
    }
}

#[test]
fn dahuas_push_is_one_passage_however_often_it_comes_and_late_pictures_add_to_it() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for places in both() {
        let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
        let url = node.url("/NotificationInfo/TollgateInfo");
        let bearer = format!("Authorization: Bearer {CAMERA_TOKEN}");
        let beijing = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
        // A clock that stands still while the test runs.
        let now = minutes_ago(1);
        let message = |minutes, shade: Option<u8>| {
            let at = (now - chrono::Duration::minutes(minutes)).with_timezone(&beijing);
            let at = at.format("%Y-%m-%d %H:%M:00.000").to_string();
            let content = shade.map(|shade| STANDARD.encode(std::fs::read(picture(&node, shade)).unwrap()));
            json!({"Picture": {
                "Plate": {"PlateNumber": "浙E12345", "PlateColor": "Blue", "IsExist": true, "Channel": 0},
                "SnapInfo": {"DeviceID": "cam-1", "AccurateTime": at},
                "NormalPic": {"PicName": "a.jpg", "Content": content},
            }})
        };
        let send = |body: &Value, nth: usize| {
            let file = node.dir.path().join(format!("dahua-{nth}.json"));
            std::fs::write(&file, body.to_string()).unwrap();
            curl(&[
                "-H",
                &bearer,
                "-H",
                "Content-Type: application/json",
                "--data-binary",
                &format!("@{}", file.display()),
                &url,
            ])
        };
        let first = message(10, Some(10));
        std::thread::scope(|scope| {
            let sent: Vec<_> = (0..6)
                .map(|nth| {
                    scope.spawn({
                        let (send, first) = (&send, &first);
                        move || send(first, nth)
                    })
                })
                .collect();
            for one in sent {
                let (status, answer) = one.join().unwrap();
                assert!(status == 200 && answer.contains("\"Result\":true"), "{status} {answer}");
            }
        });
        let officer = node.sign_in("wang");
        let captures = || incidents(&node, &officer)[0]["captures"].as_array().unwrap().len();
        assert_eq!((incidents(&node, &officer).len(), captures()), (1, 1));
        // A late picture of the same passage, then the passage five minutes later.
        assert_eq!(send(&message(10, Some(20)), 7).0, 200);
        assert_eq!((incidents(&node, &officer).len(), captures()), (1, 2));
        assert_eq!(send(&message(5, Some(30)), 8).0, 200);
        assert_eq!(incidents(&node, &officer)[0]["state"], "ripe");
        // Told without a picture it waits.
        assert_eq!(send(&message(2, None), 9).0, 200);
        assert_eq!(captures(), 3);
        for (body, status) in
            [(json!({"X": 1}), 422), (json!({"Picture": {"SnapInfo": {"AccurateTime": "soon"}}}), 422)]
        {
            let (answered, answer) = send(&body, 10);
            assert!(answered == status && answer.contains("\"Result\":false"), "{answered} {answer}");
        }
        let (status, answer) = curl(&["-H", &bearer, "-d", "{", &url]);
        assert!(status == 400 && answer.contains("not-json"), "{status} {answer}");
        let alive = node.url("/NotificationInfo/KeepAlive");
        let (status, answer) = curl(&["-H", &bearer, "-d", r#"{"Active":"keepAlive","DeviceID":"cam-1"}"#, &alive]);
        assert!(status == 200 && answer.contains("Success"), "{status} {answer}");
        assert_eq!(curl(&["-d", "{}", &alive]).0, 401);
        proven(&mut node);
    }
}

#[test]
fn a_capture_over_mqtt_names_its_pictures_and_is_answered_there() {
    let mosquitto = services::mosquitto();
    for sql in [String::new(), services::postgres()] {
        let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", mosquitto.port), sql, ..Places::default() };
        let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
        let bearer = format!("Authorization: Bearer {CAMERA_TOKEN}");
        let upload = |name: &str, shade| {
            let file = format!("@{}", picture(&node, shade).display());
            curl(&["-X", "PUT", "-H", &bearer, "--data-binary", &file, &node.url(&format!("/api/v1/pictures/{name}"))])
        };
        assert_eq!(upload("p1", 60).0, 201);
        assert_eq!(upload("p1", 60).0, 201, "the same again");
        assert_eq!(upload("p1", 61).0, 409, "another picture of that name");
        let publish = |token: &str, key: &str, minutes, picture: &str| {
            let message = json!({"key": key, "token": token, "at": minutes_ago(minutes).to_rfc3339(), "plate": "浙E12345", "pictures": [picture]});
            let sent = Command::new("mosquitto_pub")
                .args([
                    "-p",
                    &node.mqtt.to_string(),
                    "-q",
                    "1",
                    "-t",
                    "yunpark/v1/camera/CAM-1/capture",
                    "-m",
                    &message.to_string(),
                ])
                .status()
                .unwrap();
            assert!(sent.success());
        };
        // A retained word comes first of all: then the answers are listened for.
        let port = node.mqtt.to_string();
        let ready =
            Command::new("mosquitto_pub").args(["-p", &port, "-r", "-t", "trial/ready", "-m", "ready"]).status();
        assert!(ready.unwrap().success());
        let mut heard = Command::new("mosquitto_sub")
            .args(["-p", &port, "-t", "yunpark/v1/camera/CAM-1/answer", "-t", "trial/ready", "-C", "5", "-W", "120"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(heard.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.next().as_deref(), Some("ready"));
        publish(CAMERA_TOKEN, "k1", 20, "p1");
        publish("stolen", "k2", 15, "p1");
        publish(CAMERA_TOKEN, "k3", 10, "p2");
        publish(CAMERA_TOKEN, "k4", 10, "");
        let answers: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
        heard.wait().unwrap();
        let told = |key: &str| answers.iter().find(|answer| answer["key"] == key).unwrap();
        assert_eq!((&told("k1")["ok"], &told("k1")["duplicate"]), (&json!(true), &json!(false)));
        assert_eq!((&told("k2")["ok"], &told("k2")["reason"]), (&json!(false), &json!("foreign-device")));
        assert_eq!(told("k3")["state"], "waiting_for_pictures");
        let officer = node.sign_in("wang");
        assert_eq!(incidents(&node, &officer)[0]["captures"].as_array().unwrap().len(), 1);
        assert_eq!(upload("p2", 62).0, 201);
        wait_for("the stay to be ripe", || (incidents(&node, &officer)[0]["state"] == "ripe").then_some(()));
        proven(&mut node);
    }
}

#[test]
fn a_camera_that_floods_is_told_to_wait_and_nobody_else_is() {
    let more = "[enforcement]\nmax_captures_per_minute = 3".to_owned();
    let node = Node::start(&Places { more, ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    let bearer = format!("Authorization: Bearer {CAMERA_TOKEN}");
    let file = format!("image=@{};type=image/jpeg", picture(&node, 10).display());
    let send = |authorization: &str, key: &str| {
        let meta =
            format!("meta={};type=application/json", json!({"at": minutes_ago(1).to_rfc3339(), "plate": "浙E12345"}));
        let key = format!("Idempotency-Key: {key}");
        curl(&["-D", "-", "-H", authorization, "-H", &key, "-F", &meta, "-F", &file, &node.url("/api/v1/captures")])
    };
    let answers: Vec<(u16, String)> = (0..5).map(|nth| send(&bearer, &format!("k{nth}"))).collect();
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    assert!(
        answers[4].1.to_lowercase().contains("retry-after:") && answers[4].1.contains("problems/slowed"),
        "{}",
        answers[4].1
    );
    let officer = format!("Authorization: {}", node.sign_in("wang"));
    assert_eq!(send(&officer, "k9").0, 201);
}
