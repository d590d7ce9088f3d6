//! Backups while a county works: taken while captures come in, restored after everything is gone, from one database to the other,
//! and every damage named before anything is touched.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services,
    small_disk::SmallDisk,
    town::town,
};

const SHADES: usize = 6;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Posts a capture of a plate with a picture of its own; its status.
fn capture(node: &Node, key: &str, plate: &str, minutes_ago: i64, shade: u8) -> u16 {
    let file = node.dir.path().join(format!("{key}.png"));
    image::RgbImage::from_pixel(1280, 720, image::Rgb([shade, key.len() as u8, 60])).save(&file).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test plays the camera, whose clock is the wall's")]
    let at = chrono::Utc::now() - chrono::Duration::minutes(minutes_ago);
    let meta =
        json!({"at": at.to_rfc3339(), "plate": plate, "camera": "CAM-1", "zone": "Z1", "vehicle_class": "motor"});
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"])
        .args(["-H", &format!("Authorization: Bearer {CAMERA_TOKEN}"), "-H", &format!("Idempotency-Key: {key}")])
        .args(["-F", &format!("meta={meta};type=application/json")])
        .args(["-F", &format!("image=@{};type=image/png", file.display()), &node.url("/api/v1/captures")])
        .output()
        .unwrap();
    fs::remove_file(file).unwrap();
    String::from_utf8_lossy(&output.stdout).parse().unwrap_or_default()
}

/// A node with a city, counts, captures with pictures, a record and a matter.
fn a_county(sql: &str) -> Node {
    let places = Places { sql: sql.to_owned(), availability: "keep_every_s = 1".to_owned(), ..Places::default() };
    let node = Node::start(&places, &town(2, 4, "127.0.0.1:9"));
    for bay in 1..=3 {
        #[expect(clippy::disallowed_methods, reason = "the test plays the sensor, whose clock is the wall's")]
        let at = chrono::Utc::now().to_rfc3339();
        let state = json!({"state": "occupied", "at": at}).to_string();
        node.publish(&format!("yunpark/v1/space/L1/S{bay:03}/state"), &state);
    }
    services::wait_for("the counts", || (node.get("/api/v1/lots/L1")?.1["occupied"] == 3).then_some(()));
    for shade in 0..SHADES {
        let plate = format!("浙K{:05}", 10_000 + shade / 2);
        let minutes_ago = 30 - 12 * (shade as i64 % 2);
        assert_eq!(capture(&node, &format!("k{shade}"), &plate, minutes_ago, 10 * shade as u8), 201);
    }
    let officer = node.sign_in("wang");
    let staff = [("Authorization", officer.as_str())];
    let (_, ripe) = node.ask("GET", "/api/v1/incidents?state=ripe", &staff, None).unwrap();
    let path = format!("/api/v1/incidents/{}/review", ripe["incidents"][0]["id"].as_str().unwrap());
    let decision = json!({"decision": "warning", "reason": "首次，已劝离"});
    let (status, reviewed) = node.ask("POST", &path, &staff, Some(&decision)).unwrap();
    assert_eq!(status, 200, "{reviewed}");
    let meta = json!({"category": "E0503", "location": [119.5705, 28.108], "what": "堵住消防通道"});
    let output = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}", "-H", "Idempotency-Key: m1", "-F"])
        .args([&format!("meta={meta};type=application/json"), &node.url("/api/v1/citizen/reports")])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.ends_with("\n201"), "{told}");
    // What the engine knows is in the store.
    services::wait_for("the counts to be kept", || {
        (node.metric("yunpark_availability_kept_total") > 0.0).then_some(())
    });
    node
}

/// What a node answers that is no matter of its age.
fn answers(node: &Node) -> Value {
    let officer = node.sign_in("wang");
    let supervisor = node.sign_in("li");
    let ask = |who: &str, path: &str| {
        let (status, told) = node.ask("GET", path, &[("Authorization", who)], None).unwrap();
        assert_eq!(status, 200, "{path}: {told}");
        told
    };
    let counts = |lot: &Value| json!([lot["id"], lot["free"], lot["occupied"], lot["unknown"], lot["capacity"]]);
    let lots = node.get("/api/v1/lots").unwrap().1;
    let signs = node.get("/api/v1/signs").unwrap().1;
    let names = |list: &Value, of: &str| -> Vec<Value> {
        list[of].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    };
    json!({
        "lots": lots["lots"].as_array().unwrap().iter().map(counts).collect::<Vec<_>>(),
        "signs": names(&signs, "signs"),
        "records": ask(&officer, "/api/v1/records")["records"],
        "matters": names(&ask(&supervisor, "/api/v1/matters"), "matters"),
    })
}

/// Deletes whatever a killed node had, and gives it an empty database.
fn lose_everything(node: &Node, new_sql: &str) {
    let here = node.dir.path();
    for file in ["yunpark.db", "yunpark.db-wal", "yunpark.db-shm", "availability.journal", "availability.journal.lock"]
    {
        let _ = fs::remove_file(here.join(file));
    }
    fs::remove_dir_all(here.join("evidence")).unwrap();
    let text = fs::read_to_string(&node.config).unwrap();
    let line = text.lines().find(|line| line.starts_with("url = \"sqlite") || line.starts_with("url = \"postgres"));
    let sql = if new_sql.is_empty() { format!("sqlite://{}/yunpark.db", here.display()) } else { new_sql.to_owned() };
    fs::write(&node.config, text.replace(line.unwrap(), &format!("url = \"{sql}\""))).unwrap();
}

fn backed_up(node: &Node, name: &str) -> PathBuf {
    let to = node.dir.path().join(name);
    let made = node.command(&["backup", "--config", node.path(), "--to", to.to_str().unwrap()], "");
    assert!(made.status.success(), "{}", said(&made));
    to
}

fn restored(node: &Node, from: &Path) -> Output {
    node.command(&["restore", "--config", node.path(), "--from", from.to_str().unwrap()], "")
}

/// Backs up under load, loses everything, restores, and asks the same.
fn comes_back(sql: &str, new_sql: &str, name: &str) {
    let mut node = a_county(sql);
    let before = answers(&node);
    let (done, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (to, at_least, at_most) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let n = sent.load(Ordering::Relaxed);
                let status = capture(&node, &format!("load{n}"), &format!("浙L{n:05}"), 1, (n % 250) as u8);
                assert_eq!(status, 201, "captures come in while the backup is made");
                sent.store(n + 1, Ordering::Relaxed);
            }
        });
        services::wait_for("captures to come in", || (sent.load(Ordering::Relaxed) > 2).then_some(()));
        let at_least = SHADES + sent.load(Ordering::Relaxed);
        let to = backed_up(&node, name);
        // The one that is under way may be in it as well.
        let at_most = SHADES + sent.load(Ordering::Relaxed) + 1;
        done.store(true, Ordering::Relaxed);
        (to, at_least, at_most)
    });
    node.kill();
    lose_everything(&node, new_sql);

    let told = restored(&node, &to);
    assert!(told.status.success(), "{}", said(&told));
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(proof.status.success(), "{}", said(&proof));
    assert!(said(&told).lines().any(|line| line == said(&proof).trim()), "{}\n{}", said(&told), said(&proof));

    let pieces: usize = said(&proof).split(" pieces of").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((at_least..=at_most).contains(&pieces), "{at_least} <= {pieces} <= {at_most}");
    node.run();
    services::wait_for("the same answers", || (answers(&node) == before).then_some(()));
    // Images are served whole.
    let officer = node.sign_in("wang");
    let staff = [("Authorization", officer.as_str())];
    let (_, records) = node.ask("GET", "/api/v1/records", &staff, None).unwrap();
    let incident = records["records"][0]["incident"].as_str().unwrap();
    let (_, incident) = node.ask("GET", &format!("/api/v1/incidents/{incident}"), &staff, None).unwrap();
    let image = incident["captures"][0]["images"][0]["sha256"].as_str().unwrap().to_owned();
    let picture = Command::new("curl")
        .args(["-sS", "-H", &format!("Authorization: {officer}"), &node.url(&format!("/api/v1/evidence/{image}"))])
        .output()
        .unwrap();
    assert_eq!(yunpark::domain::ledger::Digest::of(&picture.stdout).to_string(), image);
    let again = restored(&node, &to);
    assert!(!again.status.success() && said(&again).contains("not empty"), "{}", said(&again));
}

#[test]
fn what_was_backed_up_under_load_comes_back_in_sqlite() {
    comes_back("", "", "backup");
}

#[test]
fn what_was_backed_up_under_load_comes_back_in_postgresql() {
    comes_back(&services::postgres(), &services::postgres(), "backup.tar");
}

#[test]
fn a_county_moves_from_sqlite_to_postgresql() {
    comes_back("", &services::postgres(), "backup.tar");
}

#[test]
fn a_county_moves_from_postgresql_to_sqlite() {
    comes_back(&services::postgres(), "", "backup");
}

/// Rows of both histories in some months, and of a time that no month has.
const A_PAST: &str = "INSERT INTO availability_history SELECT 'L' || lot, day, lot, 1, 0, 0, lot + 1 \
                      FROM (SELECT CAST(extract(epoch FROM now() + n * INTERVAL '1 day') * 1000000 AS BIGINT) AS day \
                      FROM generate_series(-100, 45) AS n UNION SELECT 4102444800000000) AS days, generate_series(1, 3) AS lot; \
                      INSERT INTO space_transitions SELECT lot, 'S', at_us, 'free', NULL, free FROM availability_history";

/// What stands in both, put together.
fn past_of(url: &str) -> String {
    let rows = "SELECT md5(string_agg(CAST(one AS TEXT), ' ' ORDER BY CAST(one AS TEXT))) || count(*) FROM";
    let of = |table: &str| services::sql(url, &format!("{rows} {table} AS one")).unwrap();
    of("availability_history") + &of("space_transitions")
}

#[test]
fn the_past_of_many_months_goes_from_database_to_database_and_from_before_there_were_months() {
    let town = town(1, 4, "127.0.0.1:9");
    let prepare = |sql: &str| Node::prepare(&Places { sql: sql.to_owned(), ..Places::default() }, &town);
    let first = services::postgres();
    let node = prepare(&first);
    services::sql(&first, A_PAST).unwrap();
    let past = past_of(&first);
    assert!(past.ends_with("441"), "{past}");
    // PostgreSQL, then SQLite, then PostgreSQL again.
    let mut from = backed_up(&node, "first.tar");
    for new in ["", &services::postgres()] {
        lose_everything(&node, new);
        let told = restored(&node, &from);
        assert!(told.status.success(), "{}", said(&told));
        if !new.is_empty() {
            assert_eq!(past_of(new), past);
            assert_eq!(services::sql(new, "SELECT count(*) FROM availability_history_default").unwrap(), "3");
            assert!(said(&node.command(&["doctor", "--config", node.path()], "")).contains("3 rows in its default"));
        }
        from = backed_up(&node, &format!("next{}.tar", new.len()));
    }
    // A database of before there were months, backed up and restored: parted at the end of the restore.
    let before = services::postgres();
    for file in files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))) {
        let version: i64 = file.file_name().unwrap().to_str().unwrap()[..4].parse().unwrap();
        if version < 55 {
            services::sql(&before, &fs::read_to_string(&file).unwrap()).unwrap();
        }
    }
    let seen = "CREATE TABLE _sqlx_migrations (version BIGINT); INSERT INTO _sqlx_migrations SELECT unnest(ARRAY";
    let manifest: Vec<i64> = services::sql(&first, "SELECT version FROM _sqlx_migrations WHERE version < 55")
        .unwrap()
        .lines()
        .map(|version| version.parse().unwrap())
        .collect();
    services::sql(&before, &format!("{seen}{manifest:?})")).unwrap();
    services::sql(&before, A_PAST).unwrap();
    let past = past_of(&before);
    let text = fs::read_to_string(&node.config).unwrap();
    let line = text.lines().find(|line| line.starts_with("url = \"postgres")).unwrap();
    fs::write(&node.config, text.replace(line, &format!("url = \"{before}\""))).unwrap();
    let from = backed_up(&node, "before.tar");
    let after = services::postgres();
    lose_everything(&node, &after);
    let told = restored(&node, &from);
    assert!(told.status.success(), "{}", said(&told));
    assert_eq!(past_of(&after), past);
    assert_eq!(services::sql(&after, "SELECT count(*) FROM history_months").unwrap(), "6");

    // And by PostgreSQL's own tools.
    let dumped = services::postgres();
    let dump = node.dir.path().join("dump.sql");
    assert!(Command::new("pg_dump").arg(&first).arg("-f").arg(&dump).status().unwrap().success());
    let read = Command::new("psql").args([&dumped, "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&dump).output().unwrap();
    assert!(read.status.success(), "{}", said(&read));
    assert_eq!(past_of(&dumped), past_of(&first));
    assert_eq!(services::sql(&dumped, "SELECT history_make_months(4102444800000000, 0)").unwrap(), "2");
    assert_eq!(services::sql(&dumped, "SELECT count(*) FROM availability_history_default").unwrap(), "0");
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

/// Flips one bit in the middle of a file.
fn change_a_byte(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(file, bytes).unwrap();
}

/// A restore that is refused in one line that says why; nothing was made.
fn refused(node: &Node, from: &Path, why: &str) {
    let told = restored(node, from);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    let line = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(line.contains(why) && line.lines().count() == 1, "{why}: {line}");
    assert!(!node.dir.path().join("yunpark.db").exists(), "{why}: no database was made");
    assert!(!node.dir.path().join("evidence").exists(), "{why}: no evidence was stored");
}

fn copied(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn every_damage_of_a_backup_is_named_and_nothing_is_touched() {
    let mut node = a_county("");
    let whole = backed_up(&node, "whole");
    let tar = backed_up(&node, "whole.tar");
    let second = node.command(&["backup", "--config", node.path(), "--to", tar.to_str().unwrap()], "");
    assert!(!second.status.success() && said(&second).contains("is there already"), "{}", said(&second));
    for file in files(&whole).iter().chain([&tar]) {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    let secrets = ["camera-token-1", "Passw0rd!", "correct horse"];
    let bytes = fs::read(&tar).unwrap();
    for secret in secrets {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    node.kill();
    lose_everything(&node, "");

    let damaged = node.dir.path().join("damaged");
    for file in files(&whole) {
        let name = file.strip_prefix(&whole).unwrap().to_str().unwrap().to_owned();
        copied(&whole, &damaged);
        change_a_byte(&damaged.join(&name));
        let named = if name == "manifest.sha256" { "manifest.json" } else { &name };
        refused(&node, &damaged, named);
        if name.starts_with("evidence/") || name.starts_with("tables/l") {
            fs::remove_file(damaged.join(&name)).unwrap();
            refused(&node, &damaged, &format!("{name} is missing"));
        }
    }
    let short = node.dir.path().join("short.tar");
    let bytes = fs::read(&tar).unwrap();
    for share in [10, 50, 90] {
        fs::write(&short, &bytes[..bytes.len() * share / 100]).unwrap();
        refused(&node, &short, "short.tar");
    }
    // A newer program's backup, and one that says more of itself than is true.
    let manifest: Value = serde_json::from_slice(&fs::read(whole.join("manifest.json")).unwrap()).unwrap();
    for (change, why) in [("migrations", "does not know migration 9999"), ("format", "newer version")] {
        copied(&whole, &damaged);
        let mut other = manifest.clone();
        match change {
            "migrations" => other["migrations"].as_array_mut().unwrap().push(9999.into()),
            _ => other["format"] = "yunpark-backup/2".into(),
        }
        let text = other.to_string();
        let hash = yunpark::domain::ledger::Digest::of(text.as_bytes());
        fs::write(damaged.join("manifest.json"), &text).unwrap();
        fs::write(damaged.join("manifest.sha256"), format!("{hash}  manifest.json\n")).unwrap();
        refused(&node, &damaged, why);
    }
    let checked = node.command(&["restore", "--check", "--config", node.path(), "--from", tar.to_str().unwrap()], "");
    assert!(checked.status.success() && said(&checked).starts_with("whole: "), "{}", said(&checked));
    let told = restored(&node, &tar);
    assert!(told.status.success(), "{}", said(&told));
}

#[test]
fn a_disk_that_fills_up_leaves_no_half_of_a_backup_and_no_half_of_a_restore() {
    let Some(disk) = SmallDisk::of_kb(400) else { return };
    let mut node = a_county("");
    let whole = backed_up(&node, "whole.tar");
    fs::write(disk.path().join("filling"), vec![7; 360 << 10]).unwrap();
    for name in ["small", "small.tar"] {
        let to = disk.path().join(name);
        let made = node.command(&["backup", "--config", node.path(), "--to", to.to_str().unwrap()], "");
        let line = String::from_utf8_lossy(&made.stderr).into_owned();
        assert_eq!(made.status.code(), Some(1), "{line}");
        assert!(line.contains("No space left") && line.lines().count() == 1, "{line}");
        let left: Vec<_> = fs::read_dir(disk.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["filling"]);
    }
    node.kill();
    disk.empty();
    let here = node.dir.path().display().to_string();
    let text = fs::read_to_string(&node.config).unwrap();
    for (key, value) in [("sqlite://", "yunpark.db"), ("evidence_dir = \"", "evidence")] {
        let small = text.replace(&format!("{key}{here}/{value}"), &format!("{key}{}/{value}", disk.path().display()));
        assert_ne!(small, text);
        fs::write(&node.config, &small).unwrap();
        fs::remove_dir_all(node.dir.path().join("evidence")).unwrap_or_default();
        let _ = fs::remove_file(node.dir.path().join("yunpark.db"));
        disk.fill();
        let told = restored(&node, &whole);
        let line = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!(told.status.code(), Some(1), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        for folder in [disk.path(), node.dir.path()] {
            assert!(!folder.join("yunpark.db").exists(), "{}: {line}", folder.display());
            let evidence = folder.join("evidence");
            assert!(!evidence.exists() || files(&evidence).is_empty(), "{line}");
        }
        disk.empty();
    }
}
