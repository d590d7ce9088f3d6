//! Uploads while the node is killed or its disk is full: what was answered is there whole, and nothing is left that belongs to
//! nothing. And what strangers may see holds no plate and no name.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use serde_json::{Value, json};

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services,
    town::town,
};

const UPLOADS: usize = 120;
const MORE: &str = "[enforcement]\nmax_captures_per_minute = 0";

/// A picture of noise, so that it is as large as a photograph.
fn picture(folder: &Path, nth: usize) -> PathBuf {
    let path = folder.join(format!("{nth}.jpg"));
    let mut seed = nth as u32 + 1;
    let mut dot = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    image::RgbImage::from_fn(320, 180, |_, _| image::Rgb([dot(), dot(), dot()])).save(&path).unwrap();
    path
}

#[expect(clippy::disallowed_methods, reason = "the test plays the camera, whose clock is the wall's")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// Sends one capture; the status and the answer, or nothing where the node was gone.
fn send(node_url: &str, nth: usize, picture: &Path, at: chrono::DateTime<chrono::Utc>) -> Option<(u16, Value)> {
    let meta =
        json!({"at": (at - chrono::Duration::seconds(nth as i64)).to_rfc3339(), "plate": format!("浙E{:05}", nth % 7)});
    let output = Command::new("curl")
        .args([
            "-sS",
            "--max-time",
            "30",
            "-w",
            "\n%{http_code}",
            "-H",
            &format!("Authorization: Bearer {CAMERA_TOKEN}"),
        ])
        .args(["-H", &format!("Idempotency-Key: up-{nth}"), "-F", &format!("meta={meta};type=application/json")])
        .args(["-F", &format!("image=@{};type=image/jpeg", picture.display()), node_url])
        .output()
        .unwrap();
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n')?;
    Some((status.parse().ok()?, serde_json::from_str(body).unwrap_or(Value::Null)))
}

fn evidence_files(node: &Node) -> usize {
    fn count(folder: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.flatten().map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    count(&node.dir.path().join("evidence"))
}

/// Verifies the ledger and sweeps; what was said.
fn verified(node: &Node) -> String {
    let proof = node.command(&["ledger", "verify", "--sweep=0", "--config", node.path()], "");
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
    String::from_utf8_lossy(&proof.stdout).into_owned()
}

fn killed_in_the_middle_of_uploads(sql: String) {
    let mut node = Node::start(&Places { sql, more: MORE.to_owned(), ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    let pictures: Vec<PathBuf> = (0..UPLOADS).map(|nth| picture(node.dir.path(), nth)).collect();
    let (url, at) = (node.url("/api/v1/captures"), now());
    let answered = Mutex::new(BTreeMap::<usize, String>::new());
    let next = Mutex::new(0..UPLOADS);
    let upload = |until: usize| {
        loop {
            if answered.lock().unwrap().len() >= until {
                return;
            }
            let Some(nth) = next.lock().unwrap().next() else { return };
            if let Some((201, answer)) = send(&url, nth, &pictures[nth], at) {
                answered.lock().unwrap().insert(nth, answer["id"].as_str().unwrap().to_owned());
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| upload(UPLOADS / 2))).collect();
        services::wait_for("some uploads to be answered", || {
            (answered.lock().unwrap().len() >= UPLOADS / 4).then_some(())
        });
        node.kill();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let answered = answered.into_inner().unwrap();
    assert!(answered.len() < UPLOADS, "the node was killed in the middle");
    node.run();
    let mut ids = BTreeMap::new();
    for (nth, picture) in pictures.iter().enumerate() {
        let (status, answer) = send(&url, nth, picture, at).unwrap();
        let id = answer["id"].as_str().unwrap().to_owned();
        if let Some(known) = answered.get(&nth) {
            assert_eq!((status, &id, &answer["duplicate"]), (200, known, &json!(true)), "what was answered is there");
        }
        assert!(ids.insert(id, nth).is_none(), "each is there once");
    }
    node.stop();
    let said = verified(&node);
    assert!(said.contains(&format!("{UPLOADS} pieces of evidence")), "{said}");
    assert_eq!(evidence_files(&node), UPLOADS, "{said}");
}

#[test]
fn what_was_answered_before_a_kill_is_there_whole_in_sqlite() {
    killed_in_the_middle_of_uploads(String::new());
}

#[test]
fn what_was_answered_before_a_kill_is_there_whole_in_postgresql() {
    killed_in_the_middle_of_uploads(services::postgres());
}

/// A small file system of its own under the evidence folder, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&folder).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_keeps_what_it_answered() {
    let mut node = Node::prepare(&Places { more: MORE.to_owned(), ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    let folder = node.dir.path().join("evidence");
    let Some(disk) = SmallDisk::mount(folder.clone(), "1m") else {
        assert!(std::env::var_os("CI").is_none(), "a small file system must be mounted here");
        eprintln!("SKIPPED a_full_disk: nothing can be mounted here");
        return;
    };
    node.run();
    let (url, at) = (node.url("/api/v1/captures"), now());
    let pictures: Vec<PathBuf> = (0..30).map(|nth| picture(node.dir.path(), nth)).collect();
    let answers: Vec<(u16, Value)> =
        pictures.iter().enumerate().map(|(nth, picture)| send(&url, nth, picture, at).unwrap()).collect();
    let kept = answers.iter().filter(|(status, _)| *status == 201).count();
    assert!(kept > 0 && kept < answers.len(), "{kept} of {}", answers.len());
    let refused = answers.iter().filter(|(status, _)| *status != 201);
    for (status, answer) in refused {
        assert!(*status >= 500 && answer["type"].is_string(), "{status} {answer}");
    }
    let officer = node.sign_in("wang");
    let (status, _) = node.ask("GET", "/api/v1/incidents", &[("Authorization", &officer)], None).unwrap();
    assert_eq!(status, 200, "everything else goes on");
    // With room again, what was refused is taken.
    let again = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&folder).status().unwrap();
    assert!(again.success());
    for (nth, picture) in pictures.iter().enumerate() {
        let (status, answer) = send(&url, nth, picture, at).unwrap();
        assert_eq!(status, if answers[nth].0 == 201 { 200 } else { 201 }, "{answer}");
    }
    node.stop();
    assert!(verified(&node).contains("30 pieces of evidence"));
    assert_eq!(evidence_files(&node), 30);
    drop(disk);
}

#[test]
fn what_strangers_and_operators_see_holds_no_plate_and_no_name() {
    let mut node = Node::start(&Places::default(), &town(1, 4, "127.0.0.1:9"));
    let (url, at) = (node.url("/api/v1/captures"), now());
    let pictures: Vec<PathBuf> = (0..2).map(|nth| picture(node.dir.path(), nth)).collect();
    for (nth, picture) in pictures.iter().enumerate() {
        assert_eq!(send(&url, nth * 7, picture, at).unwrap().0, 201);
    }
    // Something wrong with a plate in it as well.
    let bad = Command::new("curl")
        .args(["-sS", "-H", &format!("Authorization: Bearer {CAMERA_TOKEN}"), "-H", "Idempotency-Key: bad"])
        .args([
            "-F",
            r#"meta={"at":"soon","plate":"浙E00000"}"#,
            "-F",
            &format!("image=@{}", pictures[0].display()),
            &url,
        ])
        .output()
        .unwrap();
    assert!(bad.status.success());
    let officer = node.sign_in("wang");
    let staff = [("Authorization", officer.as_str()), ("Idempotency-Key", "w1")];
    let new = json!({"kind": "warning", "plate": "浙E00000", "vehicle_class": "motor", "location": [119.5705, 28.1082], "reason": "违停"});
    let (status, record) = node.ask("POST", "/api/v1/records", &staff, Some(&new)).unwrap();
    assert_eq!(status, 201, "{record}");
    let number = record["number"].as_str().unwrap();
    let plate = "%E6%B5%99E00000";
    for path in
        [format!("/api/v1/plates/{plate}/history?purpose=check"), format!("/api/v1/plates?q={plate}&purpose=check")]
    {
        assert_eq!(node.ask("GET", &path, &staff, None).unwrap().0, 200, "{path}");
    }
    // Without a purpose nothing is told.
    assert_eq!(node.ask("GET", &format!("/api/v1/plates/{plate}/history"), &staff, None).unwrap().0, 400);
    let mut seen = vec![("/metrics".to_owned(), node.text("/metrics")), ("the log".to_owned(), node.log())];
    for path in [
        "/",
        "/signs",
        "/healthz",
        "/readyz",
        "/api/v1/lots",
        "/api/v1/lots/L1",
        "/api/v1/map",
        "/api/v1/signs",
        "/api/v1/openapi.json",
        "/api/v1/ledger/heads",
        "/api/v1/incidents",
        "/api/v1/records",
        "/api/v1/cameras",
    ] {
        seen.push((path.to_owned(), node.text(path)));
    }
    for path in [
        format!("/check?number={number}&end=0000"),
        format!("/api/v1/check?number={number}&end=0000"),
        format!("/check?number={number}"),
    ] {
        seen.push((path.clone(), node.text(&path)));
    }
    assert!(
        seen.iter().any(|(_, text)| text.contains("浙E·**000")),
        "the masked plate is shown to whoever knows its end"
    );
    node.stop();
    seen.push(("the log at the end".to_owned(), node.log()));
    for (place, text) in seen {
        assert!(!text.is_empty() || place == "the log", "{place} says nothing");
        for hidden in ["浙E00000", "E00000", plate, "\"wang\"", "wang"] {
            assert!(!text.contains(hidden), "{place} shows {hidden}");
        }
    }
}
