//! `yunpark doctor` on a whole set-up with real parts, and on each of many broken ones.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    node::{Node, Places},
    services::{self, Server},
    small_disk::SmallDisk,
    town::town,
};

const PASSWORD: &str = "broker-password-1";

/// A broker that knows the node's user by the access list of the package, from which lines may be left out.
fn broker(without: &str) -> (Server, TempDir) {
    let folder = TempDir::new().unwrap();
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/compose/mosquitto.acl");
    let text = fs::read_to_string(list).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| without.is_empty() || !line.contains(without)).collect();
    fs::write(folder.path().join("acl"), kept.join("\n") + "\n").unwrap();
    let passwords = folder.path().join("passwords");
    let made =
        Command::new("mosquitto_passwd").arg("-b").arg("-c").arg(&passwords).args(["yunpark", PASSWORD]).status();
    assert!(made.unwrap().success(), "mosquitto_passwd comes with Mosquitto");
    let here = folder.path().display();
    let more = format!("allow_anonymous false\nacl_file {here}/acl\npassword_file {here}/passwords\n");
    (services::mosquitto_with(&more), folder)
}

fn places(broker: &Server, redis: &str) -> Places {
    Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: redis.to_owned(),
        mqtt_more: format!("username = \"yunpark\"\npassword = \"{PASSWORD}\""),
        ..Places::default()
    }
}

/// Changes the configuration file.
fn set(node: &Node, from: &str, to: &str) {
    let text = fs::read_to_string(&node.config).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    fs::write(&node.config, text.replacen(from, to, 1)).unwrap();
}

fn doctor(node: &Node) -> (Option<i32>, String) {
    let told = node.command(&["doctor", "--config", node.path()], "");
    assert!(told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
    (told.status.code(), String::from_utf8_lossy(&told.stdout).into_owned())
}

/// One line says that a check is bad and names why; the exit code too.
fn is_bad(node: &Node, check: &str, why: &str) {
    let (code, told) = doctor(node);
    let named = told.lines().any(|line| {
        let mut words = line.split_whitespace();
        (words.next(), words.next()) == (Some("bad"), Some(check)) && line.contains(why) && line.contains(" -> ")
    });
    assert!(code == Some(1) && named, "{check}, {why}: {told}");
}

#[test]
fn a_healthy_set_up_passes_while_its_node_runs_and_before() {
    let redis = services::redis_with(&["--appendonly", "yes", "--maxmemory", "100mb"]);
    let (mosquitto, _list) = broker("");
    let sql = services::postgres();
    let mut places = places(&mosquitto, &format!("redis://127.0.0.1:{}/0", redis.port));
    places.sql = sql;
    let mut node = Node::prepare(&places, &town(1, 4, "127.0.0.1:9"));
    fs::set_permissions(&node.config, fs::Permissions::from_mode(0o600)).unwrap();
    for _ in 0..2 {
        let (code, told) = doctor(&node);
        assert_eq!(code, Some(0), "{told}");
        assert!(!told.contains("bad "), "{told}");
        for check in
            ["config", "database", "redis", "mqtt", "clock", "evidence", "disk", "ports", "signs", "certificates"]
        {
            let is_told = told.lines().any(|line| line.split_whitespace().nth(1) == Some(check));
            assert!(is_told, "{check}: {told}");
        }
        assert!(!told.contains(PASSWORD), "{told}");
        if node.get("/healthz").is_none() {
            node.run();
        } else {
            assert!(told.contains("a node runs on"), "{told}");
        }
    }
    let told = node.command(&["doctor", "--json", "--config", node.path()], "");
    let findings: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    assert!(findings.len() > 10 && findings.iter().all(|finding| finding["state"] != "bad"), "{findings:?}");
    // Nothing it tried stays behind: it is never heard of by ingest, nor retained.
    assert!(node.metric("yunpark_ingest_refused_total") < 1.0);
    let kept = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &mosquitto.port.to_string(), "-u", "yunpark", "-P", PASSWORD])
        .args(["-t", "yunpark/v1/doctor/#", "-W", "1"])
        .output()
        .unwrap();
    assert!(kept.stdout.is_empty());
}

#[test]
fn what_is_wrong_with_the_broker_is_named() {
    let (mosquitto, _list) = broker("topic readwrite yunpark/#");
    let node = Node::prepare(&places(&mosquitto, ""), &town(1, 4, "127.0.0.1:9"));
    is_bad(&node, "mqtt", "access list");
    set(&node, PASSWORD, "another");
    is_bad(&node, "mqtt", "mqtt.password");
    drop(mosquitto);
    is_bad(&node, "mqtt", "that the broker runs");
}

#[test]
fn what_is_wrong_with_redis_is_named() {
    let mut redis = services::redis_with(&[
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory",
        "100mb",
        "--maxmemory-policy",
        "allkeys-lru",
    ]);
    let url = format!("redis://127.0.0.1:{}/0", redis.port);
    let node = Node::prepare(&Places { redis: url.clone(), ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    is_bad(&node, "redis", "noeviction");
    let (_, told) = doctor(&node);
    assert!(told.lines().any(|line| line.starts_with("warn  redis") && line.contains("append-only")), "{told}");
    // A user that may not call functions.
    let port = redis.port.to_string();
    let made = Command::new("redis-cli")
        .args(["-p", &port, "ACL", "SETUSER", "weak", "on", ">weak", "~*", "+@all", "-function", "-fcall"])
        .status();
    assert!(made.unwrap().success());
    set(&node, &url, &format!("redis://weak:weak@127.0.0.1:{port}/0"));
    is_bad(&node, "redis", "FUNCTION LOAD");
    redis.kill();
    is_bad(&node, "redis", "that it runs");
    assert!(!doctor(&node).1.contains("weak:weak"), "a password is not shown");
}

#[test]
fn what_is_wrong_with_the_database_is_named() {
    let node = Node::prepare(&Places::default(), &town(1, 4, "127.0.0.1:9"));
    let url = format!("sqlite://{}/yunpark.db", node.dir.path().display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let text = "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, \
                    execution_time FROM _sqlx_migrations WHERE version = 1";
        sqlx::query(text).execute(&pool).await.unwrap();
        pool.close().await;
    });
    is_bad(&node, "database", "9999");
    let nobody = format!("postgres://yunpark@127.0.0.1:{}/none", services::free_port());
    set(&node, &url, &nobody);
    is_bad(&node, "database", "store.url");
    // A role that may only read.
    let sql = services::postgres();
    let reader = Node::prepare(&Places { sql: sql.clone(), ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    runtime.block_on(async {
        let pool = sqlx::PgPool::connect(&sql).await.unwrap();
        for text in [
            "DROP ROLE IF EXISTS only_reads",
            "CREATE ROLE only_reads LOGIN",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reads",
        ] {
            sqlx::query(text).execute(&pool).await.unwrap();
        }
        pool.close().await;
    });
    set(&reader, "postgres://yunpark@", "postgres://only_reads@");
    is_bad(&reader, "database", "permission denied");
}

#[test]
fn months_that_are_missing_and_rows_that_stand_in_none_are_named() {
    let sql = services::postgres();
    let mut node = Node::prepare(&Places { sql: sql.clone(), ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    let lines = || {
        let (code, told) = doctor(&node);
        assert_eq!(code, Some(0), "{told}");
        let of_months = told.lines().filter(|line| line.split_whitespace().nth(1) == Some("months"));
        of_months.map(str::to_owned).collect::<Vec<_>>()
    };
    let told = lines();
    assert!(told.len() == 1 && told[0].starts_with("ok "), "{told:?}");
    let future = "SELECT string_agg('DROP TABLE ' || name, ';') FROM history_months \
                  WHERE from_us > extract(epoch FROM now()) * 1000000 AND history = 'space_transitions'";
    services::sql(&sql, &services::sql(&sql, future).unwrap()).unwrap();
    let stray = "INSERT INTO availability_history SELECT 'L1', CAST(extract(epoch FROM now() + INTERVAL '2 years') * 1000000 AS BIGINT), \
                 1, 1, 1, 1, 4";
    services::sql(&sql, stray).unwrap();
    let told = lines();
    assert!(told.len() == 2 && told.iter().all(|line| line.starts_with("warn ") && line.contains(" -> ")), "{told:?}");
    assert!(told[0].contains("availability_history has 1 rows in its default partition"), "{told:?}");
    assert!(told[1].contains("space_transitions has no partition for the next month"), "{told:?}");
    // A node makes what is missing when it starts, and tells of what it cannot mend.
    node.run();
    services::wait_for("the months to be made", || {
        let made = services::sql(&sql, "SELECT count(*) FROM history_months WHERE history = 'space_transitions'");
        (made.unwrap() == "5").then_some(())
    });
    services::wait_for("its word", || {
        let (status, ready) = node.get("/readyz")?;
        let of = ready["dependencies"].as_array()?.iter().find(|one| one["name"] == "history")?.clone();
        let is_told = of["detail"].as_str()?.contains("availability_history has 1 rows in its default partition");
        (status == 200 && of["ok"] == true && is_told).then_some(())
    });
    assert!((node.metric("yunpark_history_stray_rows") - 1.0).abs() < 1e-9);
}

#[test]
fn what_is_wrong_with_files_ports_and_names_is_named() {
    let mut city = town(1, 4, "no-such-sign.invalid:161");
    city["features"][0]["properties"]["name"]["en"] = "Car park".into();
    let node = Node::prepare(&Places::default(), &city);
    is_bad(&node, "signs", "SIGN-NTCIP: no-such-sign.invalid");

    let taken = TcpListener::bind(("127.0.0.1", node.http)).unwrap();
    is_bad(&node, "ports", "http.listen");
    drop(taken);

    fs::set_permissions(&node.config, fs::Permissions::from_mode(0o666)).unwrap();
    is_bad(&node, "permissions", "chmod 0640");
    fs::set_permissions(&node.config, fs::Permissions::from_mode(0o640)).unwrap();

    let evidence = node.dir.path().join("evidence").display().to_string();
    set(&node, &evidence, &format!("{}/evidence", node.path()));
    is_bad(&node, "evidence", "yunpark.toml");
    if let Some(disk) = SmallDisk::of_kb(2048) {
        set(&node, &format!("{}/evidence", node.path()), &disk.path().display().to_string());
        is_bad(&node, "disk", &disk.path().display().to_string());
        disk.fill();
        is_bad(&node, "evidence", "No space left");
    }
    set(&node, "[http]\n", "[http]\nlisten_to = 1\n");
    is_bad(&node, "config", "http.listen_to");
}

/// A server of a certificate of its own authority that ends within days; ended with the test.
struct Secured(Child);

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn secured(folder: &Path, port: u16, days: u32) -> Secured {
    let openssl = |arguments: &str| {
        let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 90 -subj /CN=authority");
    openssl("req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost");
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(&format!(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out own.pem -days {days} -extfile names"
    ));
    let child = Command::new("openssl")
        .args(["s_server", "-quiet", "-cert", "own.pem", "-key", "key.pem", "-port", &port.to_string()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    services::wait_for("a server behind TLS", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    Secured(child)
}

#[test]
fn a_certificate_that_ends_soon_or_is_not_trusted_is_named() {
    let (folder, port) = (TempDir::new().unwrap(), services::free_port());
    let _server = secured(folder.path(), port, 6);
    let more = format!("[feeds]\nbase_url = \"https://localhost:{port}\"\n");
    let node = Node::prepare(&Places { more, ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    is_bad(&node, "certificates", &format!("localhost:{port}"));
    let trusting = Command::new(env!("CARGO_BIN_EXE_yunpark"))
        .args(["doctor", "--config", node.path()])
        .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&trusting.stdout).into_owned();
    let soon = told.lines().find(|line| line.contains("certificates")).unwrap();
    assert!(soon.starts_with("warn ") && soon.contains("(5 days)"), "{told}");
    assert_eq!(trusting.status.code(), Some(0), "{told}");
}
