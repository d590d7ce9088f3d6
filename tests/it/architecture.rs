//! The arrows of the architecture, the size of files, and where tasks may be spawned.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Leaf rooms that every other room may use.
const OPEN: &[&str] = &["domain"];
/// Rooms that every room but `domain` may use.
const GROUND: &[&str] = &["clock", "config", "lifecycle", "telemetry", "tls", "mqtt", "signboard"];

/// Which rooms a room may use beside the open ones; a room that is not listed is a fault.
fn allowed(room: &str) -> Option<&'static [&'static str]> {
    Some(match room {
        // `mqtt` is the connection to the broker, `signboard` what signs should show and show: plain pieces that doors
        // and drivers both hold.
        "domain" | "clock" | "config" | "lifecycle" | "telemetry" | "tls" | "broker" | "mqtt" | "signboard"
        | "store" | "availability" | "live" => &[],
        // Staff accounts, the city in force, how sensors are, what is set: small rooms over the store's rows.
        "staff" | "cityfeed" | "sensor_health" | "settings" => &["store"],
        // A city file, held against what signs can show and what is in force.
        "cityimport" => &["store", "guidance", "cityfeed"],
        // What the engine knows, kept in the store and given back; who is coming, and the lots they come to.
        "keeper" | "demand" => &["store", "availability"],
        "ingest" => &["store", "availability", "live", "sensor_health", "demand"],
        "guidance" | "display" | "enforcement" | "forecast" | "feeds" | "history" => &["store", "availability", "live"],
        // Pictures are kept by the enforcement desk; partners are told as subscribers of feeds are.
        "matters" => &["store", "enforcement", "feeds"],
        "api" | "app" | "cli" | "main" | "lib" => &["*"],
        _ => return None,
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file below a folder, as (path from the root, text).
fn sources(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !["node_modules", "dist", "target"].contains(&entry.file_name().to_string_lossy().as_ref()) {
                    walk(&path, endings, found);
                }
            } else if path.extension().is_some_and(|e| endings.contains(&e.to_string_lossy().as_ref())) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    found.sort();
    let named = found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text)
    });
    named.collect()
}

/// The room of a file below `src/`: its folder, or the file's own name.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    inside.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The rooms a text names by `crate::room`, also inside `use crate::{a, b::c}`; comments are passed over.
fn used(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            let mut taking = true;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        rooms.push(std::mem::take(&mut name));
                        taking = true;
                    }
                    ':' if depth == 1 => taking = false,
                    c if depth == 1 && taking && !c.is_whitespace() => name.push(c),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            rooms.push(name);
        } else {
            rooms.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms.retain(|room| !room.is_empty() && room.chars().all(|c| c.is_lowercase() || c == '_' || c.is_numeric()));
    rooms
}

#[test]
fn each_room_uses_only_the_rooms_it_may() {
    let mut faults = Vec::new();
    for (path, text) in sources("src", &["rs"]) {
        let room = room_of(&path);
        let Some(may) = allowed(room) else {
            faults.push(format!("{path}: the room {room} is not drawn in the architecture"));
            continue;
        };
        for other in used(&text) {
            let fine = other == room
                || may.contains(&"*")
                || may.contains(&other.as_str())
                || OPEN.contains(&other.as_str())
                || GROUND.contains(&other.as_str()) && room != "domain";
            if !fine {
                faults.push(format!("{path}: {room} may not use {other}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_database_redis_or_mqtt_type_passes_through_the_http_door() {
    for (path, text) in sources("src/api", &["rs"]) {
        for foreign in ["sqlx::", "redis::", "rumqttc::"] {
            assert!(!text.contains(foreign), "{path} names {foreign}");
        }
    }
    for (path, text) in sources("src/domain", &["rs"]) {
        for foreign in ["tokio::", "async fn", "std::fs", "TcpStream", "UdpSocket", "Utc::now"] {
            assert!(!text.contains(foreign), "{path} names {foreign}");
        }
    }
}

#[test]
fn the_simulator_and_the_leaf_crates_never_use_the_server() {
    for folder in ["simulator", "sensors", "signs", "documents"] {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let server = manifest.lines().any(|line| line.starts_with("yunpark ") || line.contains("path = \"..\""));
        assert!(!server, "{folder} depends on the server");
        for (path, text) in sources(folder, &["rs"]) {
            assert!(!text.contains("yunpark::"), "{path} uses the server");
        }
    }
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() {
    let mut long = BTreeMap::new();
    for folder in ["src", "sensors", "signs", "simulator", "tests", "benches", "web"] {
        for (path, text) in sources(folder, &["rs", "ts", "tsx", "css", "mjs", "lua"]) {
            if text.lines().count() > 600 {
                long.insert(path, text.lines().count());
            }
        }
    }
    assert!(long.is_empty(), "split these into rooms: {long:?}");
}

#[test]
fn tasks_are_spawned_by_the_lifecycle_alone() {
    for (path, text) in sources("src", &["rs"]) {
        let bare = text.lines().any(|line| line.contains("tokio::spawn(") || line.contains("tokio::task::spawn("));
        assert!(!bare || room_of(&path) == "lifecycle", "{path} spawns a task that nobody watches");
    }
}

#[test]
fn every_file_opens_with_one_sentence_that_says_what_it_is() {
    for folder in ["src", "sensors/src", "signs/src", "simulator/src", "tests"] {
        for (path, text) in sources(folder, &["rs"]) {
            assert!(text.starts_with("//! "), "{path} does not say what it is");
        }
    }
}

#[test]
fn every_file_the_pages_name_is_there() {
    let mut missing = Vec::new();
    for page in ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/operating.md", "docs/integrating.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for name in text.split(['`', '(', ')', ' ', '\n', ',']) {
            let inside = ["src/", "sensors/", "signs/", "simulator/", "web/src/", "tests/", "docs/"];
            let is_path = inside.iter().any(|folder| name.starts_with(folder)) && !name.contains(['*', '<']);
            if is_path && !root().join(name.trim_end_matches(['.', ':', ';'])).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
