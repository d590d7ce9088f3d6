//! The roles of `packaging/sql/roles.sql` on a real PostgreSQL: the service works whole as `yunpark_node`, and can neither change the
//! ledger nor a table; the reader reads.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::{
    ledger::a_case,
    node::{Node, Places},
    services::{self, wait_for},
    town::town,
};

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/sql/roles.sql");

fn run_roles(superuser: &str) {
    let told = Command::new("psql").args([superuser, "-q", "-f", ROLES]).stdin(Stdio::null()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

/// The same database as another role.
fn as_role(url: &str, role: &str) -> String {
    url.replacen("yunpark@", &format!("{role}@"), 1)
}

fn migrate(url: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("yunpark.toml");
    std::fs::write(&file, format!("[store]\nurl = \"{url}\"\n")).unwrap();
    let told = Command::new(env!("CARGO_BIN_EXE_yunpark")).args(["migrate", "--config"]).arg(&file).output().unwrap();
    (told.status.success(), String::from_utf8_lossy(&told.stderr).into_owned())
}

#[test]
fn the_service_works_as_its_own_role_and_can_change_neither_the_ledger_nor_a_table() {
    let all = services::postgres();
    let (owner, node_url, reader) =
        (as_role(&all, "yunpark_owner"), as_role(&all, "yunpark_node"), as_role(&all, "yunpark_reader"));
    run_roles(&all);
    // The service's role does not migrate, and says who does.
    let (is_done, why) = migrate(&node_url);
    assert!(!is_done && why.contains("run `yunpark migrate` as the role that owns them"), "{why}");
    let (is_done, why) = migrate(&owner);
    assert!(is_done, "{why}");
    run_roles(&all);
    run_roles(&all);

    // Import, accounts, sign-in, captures, an incident, a record, a plate's history, the ledger's proof: all as the node's role.
    let places = Places { sql: node_url.clone(), more: "[history]\nminutes_days = 1".to_owned(), ..Places::default() };
    let mut node = a_case(&places);
    // Availability is kept in the store, and what is older than it is kept is forgotten.
    #[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
    let at = chrono::Utc::now().to_rfc3339();
    node.publish("yunpark/v1/space/L1/S001/state", &json!({"state": "free", "at": at, "seq": 1}).to_string());
    wait_for("the count to be kept", || {
        let kept = services::sql(&all, "SELECT count(*) FROM availability_state").unwrap();
        (kept != "0").then_some(())
    });
    let old = "INSERT INTO space_transitions (lot, space, at_us, state) \
               SELECT 'gone', 'S', CAST(EXTRACT(EPOCH FROM now() - INTERVAL '100 days') * 1000000 AS BIGINT), 'free'";
    services::sql(&node_url, old).expect("the service's role writes history");
    node.stop();
    node.run();
    wait_for("what is too old to be forgotten", || {
        let left = services::sql(&all, "SELECT count(*) FROM space_transitions WHERE lot = 'gone'").unwrap();
        (left == "0").then_some(())
    });
    node.stop();

    // Straight at the database, as whoever took over the service could.
    for statement in [
        "UPDATE ledger SET payload = payload",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
        "UPDATE signed_heads SET seq = seq",
        "DELETE FROM records",
        "ALTER TABLE ledger ADD COLUMN x TEXT",
        "DROP TABLE ledger",
        "CREATE TABLE mine (x TEXT)",
        "DELETE FROM _sqlx_migrations",
        "ALTER TABLE ledger OWNER TO yunpark_node",
        "SET ROLE yunpark_owner",
    ] {
        let why = services::sql(&node_url, statement).expect_err(statement);
        assert!(why.contains("permission denied") || why.contains("must be owner"), "{statement}: {why}");
    }
    // The reader reads what stands there, and nothing one signs in by.
    let entries: u32 = services::sql(&reader, "SELECT count(*) FROM ledger").unwrap().parse().unwrap();
    assert!(entries > 5);
    services::sql(&reader, "SELECT name, role FROM staff").unwrap();
    for statement in [
        "SELECT password_hash FROM staff",
        "SELECT * FROM staff_sessions",
        "SELECT * FROM mqtt_devices",
        "INSERT INTO patrols (id, cell, person, at_us) VALUES ('a', 'b', 'c', 1)",
        "UPDATE ledger SET payload = payload",
    ] {
        let why = services::sql(&reader, statement).expect_err(statement);
        assert!(why.contains("permission denied"), "{statement}: {why}");
    }
    let told = node.command(&["doctor", "--config", node.path()], "");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("its role may add to the ledger, and change nothing in it"), "{told}");
    let text = std::fs::read_to_string(&node.config).unwrap();
    std::fs::write(&node.config, text.replace(&node_url, &reader)).unwrap();
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
}

#[test]
fn an_existing_database_is_taken_over_with_its_rows() {
    let all = services::postgres();
    let (is_done, why) = migrate(&all);
    assert!(is_done, "{why}");
    services::sql(&all, "INSERT INTO patrols (id, cell, person, at_us) VALUES ('p', 'c', 'w', 1)").unwrap();
    run_roles(&all);
    let node =
        Node::prepare(&Places { sql: as_role(&all, "yunpark_node"), ..Places::default() }, &town(1, 4, "127.0.0.1:9"));
    assert_eq!(services::sql(&as_role(&all, "yunpark_reader"), "SELECT cell FROM patrols").unwrap(), "c");
    let (is_done, why) = migrate(&as_role(&all, "yunpark_owner"));
    assert!(is_done, "{why}");
    drop(node);
}
