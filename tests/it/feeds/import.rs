//! Other operators' feeds taken in: real cities there and back, our own documents read again, and sources that are ill.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use yunpark::{
    config::{Source, SourceKind},
    domain::observation::SpaceState,
    feeds::{
        Picture, Variant, datex2, geojson,
        sources::{self, Ill, Record},
    },
};

use super::{sample, shared};
use crate::{
    node::{Node, Places},
    services::wait_for,
};

type Answer = Box<dyn Fn(&mut dyn Write) -> std::io::Result<()> + Send>;

/// A little server that answers each path in a way of its own; its port.
fn serve(answers: BTreeMap<&'static str, Answer>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = std::sync::Arc::new(std::sync::Mutex::new(answers));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), answers) = (stream, answers.clone()) else { continue };
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
                loop {
                    let mut header = String::new();
                    if reader.read_line(&mut header).unwrap_or(0) <= 2 {
                        break;
                    }
                }
                if path == "/slow" {
                    std::thread::sleep(Duration::from_secs(30));
                }
                if let Some(answer) = answers.lock().unwrap().get(path.as_str()) {
                    let _ = answer(&mut stream);
                }
            });
        }
    });
    port
}

fn body(text: impl Into<Vec<u8>>) -> Answer {
    let text = text.into();
    Box::new(move |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len())?;
        stream.write_all(&text)
    })
}

/// Converts a file of the shared samples into a city file with the program itself.
fn converted(file: &Path, more: &[&str]) -> Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_yunpark"))
        .args(["convert", "--kind", "parkapi", "--time-zone", "Europe/Berlin"])
        .args(more)
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn sample_file(name: &str) -> (std::path::PathBuf, Value) {
    let path = shared("parkapi").join(name);
    let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    (path, value)
}

fn columns(pairs: &[(&str, &str)]) -> String {
    let lines: Vec<String> = pairs.iter().map(|(field, column)| format!("{field} = \"{column}\"")).collect();
    lines.join("\n")
}

fn inline(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(field, column)| format!("{field} = \"{column}\"")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// All items of a list that comes in pages.
fn all(node: &Node, path: &str) -> BTreeMap<String, Value> {
    let (status, page) = node.get(path).unwrap();
    assert_eq!((status, &page["next_path"]), (200, &Value::Null));
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["uid"].as_str().unwrap().to_owned(), item.clone()))
        .collect()
}

#[test]
fn karlsruhe_comes_back_as_it_went_in() {
    let (path, sent) = sample_file("karlsruhe_sites_realtime_2024-11-27.json");
    let mapping = [
        ("id", "id"),
        ("name", "parkhaus_name"),
        ("capacity", "gesamte_parkplaetze"),
        ("free", "freie_parkplaetze"),
        ("live", "echtzeit_status=OK|Geschlossen"),
        ("closed", "geschlossen=T"),
        ("max_height_m", "max_durchfahrtshoehe"),
        // The file is of 2024: its own time would make all of it stale, which another test shows.
        ("at", ""),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), columns(&mapping)).unwrap();
    let city = converted(&path, &["--name", "Karlsruhe", "--columns", file.path().to_str().unwrap()]);
    let port = serve([("/sites.json", body(fs::read(&path).unwrap()))].into());
    let more = format!(
        "[feeds]\nrequests_per_minute = 100000\nburst = 100000\nallow_private_addresses = true\nlanguage = \"de\"\ncountry = \"DE\"\n[feeds.sources]\n\
         KA = {{ kind = \"parkapi\", url = \"http://127.0.0.1:{port}/sites.json\", every_s = 1, columns = {} }}",
        inline(&mapping)
    );
    let node = Node::start(&Places { more, ..Places::default() }, &city);
    let live = |feature: &Value| {
        ["OK", "Geschlossen"].contains(&feature["properties"]["echtzeit_status"].as_str().unwrap_or_default())
    };
    let features = sent["features"].as_array().unwrap();
    let lots: Vec<&Value> = features
        .iter()
        .filter(|feature| feature["properties"]["gesamte_parkplaetze"].as_u64().is_some_and(|n| n > 0))
        .collect();
    let told = wait_for("every live lot to be told", || {
        let told = all(&node, "/feeds/parkapi/v3/parking-sites");
        let live_now = told.values().filter(|site| site["has_realtime_data"] == true).count();
        (live_now == lots.iter().filter(|lot| live(lot)).count()).then_some(told)
    });
    assert_eq!((told.len(), lots.len()), (76, 76));
    for feature in lots {
        let (sent, told) = (&feature["properties"], &told[&feature["properties"]["id"].to_string()]);
        assert_eq!(told["name"].as_str().unwrap(), sent["parkhaus_name"].as_str().unwrap().trim(), "{sent}");
        assert_eq!(told["capacity"], sent["gesamte_parkplaetze"], "{sent}");
        for (axis, at) in [("lon", 0), ("lat", 1)] {
            let away = told[axis].as_f64().unwrap() - feature["geometry"]["coordinates"][at].as_f64().unwrap();
            assert!(away.abs() < 1e-7, "{axis} of {sent}");
        }
        let height_cm = sent["max_durchfahrtshoehe"]
            .as_f64()
            .filter(|height_m| *height_m > 0.0)
            .map(|height_m| (height_m * 100.0).round());
        assert_eq!(told["max_height"].as_f64(), height_cm, "{sent}");
        if live(feature) {
            assert_eq!(told["realtime_free_capacity"], sent["freie_parkplaetze"], "{sent}");
            let opening = if sent["geschlossen"] == "T" { "CLOSED" } else { "OPEN" };
            assert_eq!(told["realtime_opening_status"], opening, "{sent}");
        } else {
            assert!(told.get("realtime_free_capacity").is_none(), "a fault is no number: {told}");
        }
    }
}

#[test]
fn the_bays_of_freiburg_come_back_one_by_one() {
    let (path, sent) = sample_file("freiburg_disabled_sensors.geojson");
    let mapping = [("id", "name"), ("bay_free", "status=0"), ("bay_taken", "status=1")];
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), columns(&mapping)).unwrap();
    let more = ["--name", "Freiburg", "--lot", "FR=Freiburg", "--columns", file.path().to_str().unwrap()];
    let city = converted(&path, &more);
    let port = serve([("/bays.json", body(fs::read(&path).unwrap()))].into());
    let more = format!(
        "[feeds]\nrequests_per_minute = 100000\nburst = 100000\nallow_private_addresses = true\n[feeds.sources]\nFR = {{ kind = \"parkapi\", \
         url = \"http://127.0.0.1:{port}/bays.json\", every_s = 1, lots = {{ \"*\" = \"FR\" }}, columns = {} }}",
        inline(&mapping)
    );
    let node = Node::start(&Places { more, ..Places::default() }, &city);
    let told = wait_for("every bay to be told", || {
        let told = all(&node, "/feeds/parkapi/v3/parking-spots");
        (told.values().filter(|spot| spot["has_realtime_data"] == true).count() == 20).then_some(told)
    });
    for feature in sent["features"].as_array().unwrap() {
        let id = sources::city::own_id(feature["properties"]["name"].as_str().unwrap());
        let spot = &told[&format!("FR~{id}")];
        let status = if feature["properties"]["status"] == 0 { "AVAILABLE" } else { "TAKEN" };
        assert_eq!(spot["realtime_status"], status, "{feature}");
        let place = &feature["geometry"]["coordinates"];
        assert!((spot["lon"].as_f64().unwrap() - place[0].as_f64().unwrap()).abs() < 1e-7);
        assert!((spot["lat"].as_f64().unwrap() - place[1].as_f64().unwrap()).abs() < 1e-7);
    }
    let (_, site) = node.get("/feeds/parkapi/v3/parking-sites/FR").unwrap();
    assert_eq!((&site["capacity"], &site["realtime_free_capacity"]), (&json!(20), &json!(18)));
}

#[test]
fn the_polygons_of_single_bays_become_bays_at_their_middle() {
    let (path, sent) = sample_file("freiburg_disabled_static.geojson");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), columns(&[("id", "fid")])).unwrap();
    let more = ["--name", "Freiburg", "--lot", "FR=Freiburg", "--columns", file.path().to_str().unwrap()];
    let text = converted(&path, &more).to_string();
    let city = yunpark::domain::city::read(&text, &|_| true).unwrap_or_else(|faults| panic!("{faults:?}"));
    let lot = &city.lots["FR"];
    assert_eq!((lot.capacity, lot.spaces.len()), (312, 312));
    for feature in sent["features"].as_array().unwrap() {
        let id = feature["properties"]["fid"].as_str().unwrap();
        let place = lot.spaces.iter().find(|space| space.id.as_str() == id).unwrap().location.unwrap();
        let ring = feature["geometry"]["coordinates"][0].as_array().unwrap();
        let within = |at: usize, value: f64| {
            let all = ring.iter().map(|corner| corner[at].as_f64().unwrap());
            let (low, high) = all.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
            (low..=high).contains(&value)
        };
        assert!(within(0, place.x) && within(1, place.y), "bay {id} stands within its outline");
    }
}

fn source(kind: SourceKind) -> Source {
    serde_json::from_value(json!({"kind": kind, "url": "http://x.example/"})).unwrap()
}

fn by_id(records: Vec<Record>) -> BTreeMap<String, Record> {
    records.into_iter().map(|record| (record.id.clone(), record)).collect()
}

/// Holds what was read of a document of ours against the picture it was written from.
fn same(read: &BTreeMap<String, Record>, picture: &Picture, cars_only: bool) {
    for site in picture.sites().filter(|site| !cars_only || site.is_for_cars()) {
        let record = &read[site.lot.id.as_str()];
        assert_eq!(record.free, site.live().map(|counts| counts.free), "{}", site.lot.id);
        assert_eq!(record.is_open, site.live().map(|_| site.is_open()).or(record.is_open), "{}", site.lot.id);
        if let Some(counts) = site.live() {
            assert_eq!(record.at, counts.observed_at, "{}", site.lot.id);
        }
    }
}

#[tokio::test]
async fn our_own_documents_say_the_same_when_they_are_read_again() {
    let (picture, settings) = (sample::picture().await, sample::settings());
    let xml = source(SourceKind::Datex2);
    let v3 = by_id(sources::read(&xml, &datex2::status(&picture, &settings)).unwrap());
    same(&v3, &picture, false);
    assert_eq!((v3["ROW~S2"].state, v3["ROW~S1"].state), (Some(SpaceState::Occupied), Some(SpaceState::Free)));
    same(&by_id(sources::read(&xml, &datex2::v2::status(&picture, &settings)).unwrap()), &picture, true);
    let json = source(SourceKind::Parkapi);
    same(
        &by_id(sources::read(&json, &geojson::sites(&picture, Variant::default(), &settings)).unwrap()),
        &picture,
        false,
    );
    for table in [
        datex2::table(&picture, Variant::default(), &settings),
        datex2::v2::table(&picture, Variant::default(), &settings),
    ] {
        let read = by_id(sources::read(&xml, &table).unwrap());
        for site in picture.sites().filter(|site| site.is_for_cars()) {
            let record = &read[site.lot.id.as_str()];
            assert_eq!(
                (record.capacity, record.name.as_deref()),
                (Some(site.lot.capacity), Some(site.lot.name.zh.as_str()))
            );
            let place = record.place.unwrap();
            assert!((place.x - site.lot.location.x).abs() < 1e-7 && (place.y - site.lot.location.y).abs() < 1e-7);
            assert_eq!(record.kind, Some(site.lot.kind), "{}", site.lot.id);
        }
    }
}

#[test]
fn what_cannot_be_true_is_not_believed() {
    let json = source(SourceKind::Parkapi);
    let read = |items: Value| sources::read(&json, json!({ "items": items }).to_string().as_bytes());
    let good = json!({"uid": "A", "name": "A", "capacity": 10, "realtime_free_capacity": 4, "lat": 49.0, "lon": 8.4});
    assert_eq!(read(json!([good])).unwrap().len(), 1);
    let spoilt = |key: &str, value: Value| {
        let mut item = good.clone();
        item[key] = value;
        read(json!([
            good,
            item.as_object().map(|item| {
                let mut item = item.clone();
                item["uid"] = json!("B");
                item
            })
        ]))
    };
    for (key, value) in [
        ("realtime_free_capacity", json!(11)),
        ("realtime_free_capacity", json!(-1)),
        ("realtime_free_capacity", json!(2.5)),
        ("capacity", json!("many")),
        ("lat", json!(91)),
        ("lon", json!(-181)),
        ("realtime_data_updated_at", json!("yesterday")),
    ] {
        assert!(matches!(spoilt(key, value.clone()), Err(Ill::Lying(_))), "{key} {value}");
    }
    assert!(matches!(read(json!([good, good])), Err(Ill::Lying(_))), "told of twice");
    assert!(matches!(read(json!([])), Err(Ill::Empty)));
    assert!(matches!(sources::read(&json, b"{\"items\": [{\"uid\""), Err(Ill::Broken(_))));
    assert!(matches!(sources::read(&json, b"[1, 2]"), Err(Ill::Other(_))));
    assert!(matches!(sources::read(&json, b" \n"), Err(Ill::Empty)));
}

#[test]
fn an_ill_source_is_marked_with_its_reason_and_the_rest_go_on() {
    let item = |id: &str, free: i64| json!({"uid": id, "capacity": 50, "realtime_free_capacity": free});
    let items = |items: &[Value]| json!({ "items": items }).to_string();
    let whole = items(&[item("OK", 7)]);
    let old = json!({"items": [{"uid": "OLD", "capacity": 50, "realtime_free_capacity": 9, "realtime_data_updated_at": "2024-11-27T18:39:00Z"}]});
    let redirect: Answer = Box::new(|stream| {
        write!(stream, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    });
    let port = serve(
        [
            ("/ok", body(whole.clone())),
            ("/empty", body("")),
            ("/half", body(items(&[item("HALF", 3)]))),
            ("/broken", body(whole[..whole.len() / 2].to_owned())),
            ("/html", body("<html><body>Wartung</body></html>")),
            ("/lying", body(items(&[item("LYING", 51)]))),
            ("/long", body(vec![b' '; 200_000])),
            ("/redirect", redirect),
            ("/old", body(old.to_string())),
        ]
        .into(),
    );
    let mut more =
        "[feeds]\nrequests_per_minute = 100000\nburst = 100000\nallow_private_addresses = true\n[feeds.sources]\n"
            .to_owned();
    let names = ["OK", "EMPTY", "HALF", "BROKEN", "HTML", "LYING", "LONG", "REDIRECT", "SLOW", "OLD"];
    for name in names {
        let (path, kind) = (name.to_lowercase(), if name == "HTML" { "datex2" } else { "parkapi" });
        let lots = if name == "HALF" {
            "{ \"HALF\" = \"HALF\", \"OTHER\" = \"OTHER\" }".to_owned()
        } else {
            format!("{{ \"{name}\" = \"{name}\" }}")
        };
        let line = format!(
            "{name} = {{ kind = \"{kind}\", url = \"http://127.0.0.1:{port}/{path}\", every_s = 1, timeout_ms = 1500, max_bytes = 100000, lots = {lots} }}\n"
        );
        more.push_str(&line);
    }
    let features: Vec<Value> = (names.iter().chain(&["OTHER"]))
        .map(|name| {
            json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.11]}, "properties": {
                "kind": "lot", "id": name, "lot_kind": "garage", "name": name, "capacity": 50, "vehicle_class": "motor"}})
        })
        .collect();
    let city = json!({
        "type": "FeatureCollection", "groups": [], "sensors": [], "features": features,
        "yunpark": {"version": 1, "name": "Test", "time_zone": "Asia/Shanghai", "fictional": true},
    });
    let node = Node::start(&Places { more, ..Places::default() }, &city);
    let supervisor = node.sign_in("li");
    let states = wait_for("every source to have been asked", || {
        let (_, answer) = node.ask("GET", "/api/v1/feed-sources", &[("Authorization", &supervisor)], None)?;
        let asked = names.iter().all(|name| !answer["sources"][*name]["asked_at"].is_null());
        asked.then(|| answer["sources"].clone())
    });
    for (name, kind) in [
        ("OK", Value::Null),
        ("OLD", Value::Null),
        ("EMPTY", json!("empty")),
        ("HALF", json!("half")),
        ("BROKEN", json!("broken")),
        ("LYING", json!("lying")),
        ("LONG", json!("too_long")),
        ("REDIRECT", json!("unreachable")),
        ("SLOW", json!("slow")),
    ] {
        assert_eq!(states[name]["kind"], kind, "{}", states[name]);
    }
    assert!(["broken", "other_schema"].contains(&states["HTML"]["kind"].as_str().unwrap()));
    assert_eq!(states["LYING"]["reason"], "what it says cannot be true: LYING: 51 free of 50");
    assert_eq!(states["HALF"]["reason"], "it does not tell of 1 of 2 lots, such as OTHER");
    let quality = |lot: &str| {
        let (_, view) = node.get(&format!("/api/v1/lots/{lot}")).unwrap();
        (view["quality"].as_str().unwrap().to_owned(), view["free"].as_u64())
    };
    assert_eq!(quality("OK"), ("live".to_owned(), Some(7)), "the rest go on");
    assert_eq!(quality("HALF"), ("live".to_owned(), Some(3)), "what it does tell counts");
    assert_eq!(quality("OLD").0, "stale", "a source that stands still tells its own age");
    for lot in ["EMPTY", "BROKEN", "HTML", "LYING", "LONG", "REDIRECT", "SLOW", "OTHER"] {
        assert_eq!(quality(lot).0, "no_data", "{lot}");
    }
    assert!(node.metric("yunpark_feed_source_ill") >= 8.0);
    assert_eq!(node.ask("GET", "/api/v1/feed-sources", &[], None).unwrap().0, 401);
}
