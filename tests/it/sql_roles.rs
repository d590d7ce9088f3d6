//! The roles of `packaging/sql/roles.sql` on a real PostgreSQL: the service works whole as `yunpark_node`, and can neither change the
//! ledger nor a table; the reader reads.

use std::process::{Command, Stdio};

use serde_json::json;
use yunpark::{
    clock::Clock,
    config,
    history::{Keeper, kept},
    store::Db,
};

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
    services::wait_longer(3, "what is too old to be forgotten", || {
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
        "DROP TABLE availability_history_default",
        "ALTER TABLE space_transitions DETACH PARTITION space_transitions_default",
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
        "SELECT history_make_months(1, 0)",
        "SELECT history_drop_month('space_transitions', 1)",
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
    let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(owner), ' ') FROM (SELECT proowner FROM pg_proc WHERE proname LIKE \
                  'history_%' UNION ALL SELECT relowner FROM pg_class WHERE relname = 'history_months') AS of (owner)";
    assert_eq!(services::sql(&all, owners).unwrap(), "yunpark_owner");
    drop(node);
}

/// The months of a history, oldest first.
fn months(url: &str, history: &str) -> String {
    let text = "SELECT string_agg(name, ' ' ORDER BY from_us) FROM history_months WHERE until_us IS NOT NULL AND from_us IS NOT NULL";
    services::sql(url, &format!("{text} AND history = '{history}'")).unwrap()
}

#[test]
fn the_service_makes_and_drops_months_and_no_other_table() {
    let all = services::postgres();
    let (owner, node_url, reader) =
        (as_role(&all, "yunpark_owner"), as_role(&all, "yunpark_node"), as_role(&all, "yunpark_reader"));
    run_roles(&all);
    let (is_done, why) = migrate(&owner);
    assert!(is_done, "{why}");
    // Before roles.sql has run again the service may do so already: whoever may delete the rows may.
    let year_ago = "CAST(extract(epoch FROM now() - INTERVAL '1 year') * 1000000 AS BIGINT)";
    services::sql(&all, "DROP TABLE availability_history_before, space_transitions_before").unwrap();
    services::sql(&node_url, &format!("SELECT history_make_months({year_ago}, 1)")).unwrap();
    run_roles(&all);
    assert_eq!(months(&reader, "space_transitions").split(' ').count(), 5);

    // As a node does it: a month that is past goes whole, one that is missing is made.
    let newest = "SELECT name FROM history_months WHERE history = 'availability_history' ORDER BY from_us DESC NULLS LAST LIMIT 1";
    let newest = services::sql(&all, newest).unwrap();
    services::sql(&all, &format!("DROP TABLE {newest}")).unwrap();
    let old =
        format!("INSERT INTO space_transitions (lot, space, at_us, state) VALUES ('gone', 'S', {year_ago}, 'free')");
    services::sql(&node_url, &old).unwrap();
    let places = Places { sql: node_url.clone(), ..Places::default() };
    let node = Node::prepare(&places, &town(1, 4, "127.0.0.1:9"));
    let round = async {
        let db = Db::connect(&config::Store::of(&node_url, 2)).await.unwrap();
        let kept = kept(&config::Config::load(None).unwrap());
        Keeper::new(db.clone(), Clock::System, kept, true).round().await.expect("a round as the service's role");
        db.close().await;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(round);
    assert_eq!(services::sql(&all, &format!("SELECT to_regclass('{newest}') IS NOT NULL")).unwrap(), "t");
    assert_eq!(months(&all, "space_transitions").split(' ').count(), 3, "{}", months(&all, "space_transitions"));
    assert_eq!(services::sql(&all, "SELECT count(*) FROM space_transitions WHERE lot = 'gone'").unwrap(), "0");
    let owners = "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'space_transitions%'";
    assert_eq!(services::sql(&all, owners).unwrap(), "yunpark_owner");
    let told = node.command(&["doctor", "--config", node.path()], "");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.lines().any(|line| line.starts_with("ok    months")), "{told}");

    // What the functions are given they never take for another table, nor for a text of SQL.
    for wanted in ["ledger", "space_transitions_default", "space_transitions; DROP TABLE ledger", "\"x"] {
        let drop = format!("SELECT history_drop_month('{wanted}', {})", i64::MAX);
        assert_eq!(services::sql(&node_url, &drop).unwrap(), "0", "{wanted}");
    }
    // A table of that name in front of the real one is not looked at: the search path is the function's own.
    let name = all.rsplit('/').next().unwrap();
    services::sql(&all, &format!("GRANT TEMPORARY ON DATABASE {name} TO yunpark_node")).unwrap();
    let shadowed = format!(
        "CREATE TEMP TABLE history_months (history TEXT, name TEXT, from_us BIGINT, until_us BIGINT); \
         INSERT INTO history_months VALUES ('x', 'ledger', 0, 1); SELECT history_drop_month('x', {})",
        i64::MAX
    );
    assert_eq!(services::sql(&node_url, &shadowed).unwrap(), "0");
    assert_eq!(services::sql(&all, "SELECT to_regclass('ledger')").unwrap(), "ledger");
}
