//! The feeds over HTTP: what every reader of a real node meets.

use std::process::Command;

use serde_json::Value;

use super::{sample, schemas};
use crate::{
    node::{Node, Places},
    services::wait_for,
};

/// A request as curl makes it: status, headers in lower case, and the body's size as it came.
fn curl(node: &Node, path: &str, more: &[&str]) -> (u16, String, Vec<u8>) {
    let body = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", "-D", "-", "-o"])
        .arg(body.path())
        .args(more)
        .arg(node.url(path))
        .output()
        .unwrap();
    let head = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head, std::fs::read(body.path()).unwrap())
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::trim)
}

/// The public feeds of the sample city.
const PATHS: [&str; 21] = [
    "/feeds/catalogue.json",
    "/feeds/parkapi/v1",
    "/feeds/parkapi/v1/city",
    "/feeds/parkapi/v3/sources",
    "/feeds/parkapi/v3/parking-sites",
    "/feeds/parkapi/v3/parking-sites/FEW",
    "/feeds/parkapi/v3/parking-spots",
    "/feeds/parkapi/v3/parking-spots/ROW~S1",
    "/feeds/geojson/city.geojson",
    "/feeds/geojson/parking-spots/city.geojson",
    "/feeds/datex2/v3/parking-table.xml",
    "/feeds/datex2/v3/parking-status.xml",
    "/feeds/datex2/v3/vms-table.xml",
    "/feeds/datex2/v3/vms.xml",
    "/feeds/datex2/v2/parking-table.xml",
    "/feeds/datex2/v2/parking-status.xml",
    "/feeds/cds/curbs/zones",
    "/feeds/cds/curbs/policies",
    "/feeds/cds/events/status",
    "/feeds/cds/metrics/aggregates",
    "/feeds/siri/facility-monitoring.xml",
];

#[test]
fn every_feed_is_open_to_all_named_compressed_and_counted() {
    let node = Node::start(
        &Places { more: "[feeds]\nburst = 200\nrequests_per_minute = 60".into(), ..Places::default() },
        &sample::city_file(),
    );
    wait_for("the city's date to be known", || {
        let (_, sources) = node.get("/feeds/parkapi/v3/sources")?;
        (sources["items"][0]["static_data_updated_at"] != "1970-01-01T00:00:00Z").then_some(())
    });
    for path in PATHS {
        let (status, head, _) = curl(&node, path, &["-H", "Origin: https://elsewhere.example"]);
        assert_eq!(status, 200, "{path}: {head}");
        assert_eq!(header(&head, "access-control-allow-origin"), Some("*"), "{path}");
        if path == "/feeds/catalogue.json" {
            continue;
        }
        assert!(header(&head, "link").unwrap().contains("rel=\"license\""), "{path}");
        assert!(header(&head, "last-modified").is_some() && header(&head, "yunpark-cursor").is_some(), "{path}");
        assert!(header(&head, "cache-control").unwrap().contains("max-age"), "{path}");
    }
    // A reader who has it is told so, until something moves.
    let (_, head, _) = curl(&node, "/feeds/parkapi/v1", &[]);
    let (etag, date) =
        (header(&head, "etag").unwrap().to_uppercase(), header(&head, "last-modified").unwrap().to_owned());
    let etag = etag.replace("W/", "").to_lowercase();
    let (status, _, body) = curl(&node, "/feeds/parkapi/v1", &["-H", &format!("If-None-Match: W/{etag}")]);
    assert_eq!((status, body.len()), (304, 0));
    assert_eq!(curl(&node, "/feeds/parkapi/v1", &["-H", "If-None-Match: \"other\""]).0, 200);
    let date = chrono::DateTime::parse_from_rfc2822(&date).unwrap().to_rfc2822().replace("+0000", "GMT");
    assert_eq!(curl(&node, "/feeds/parkapi/v1", &["-H", &format!("If-Modified-Since: {date}")]).0, 304);
    for encoding in ["gzip", "br"] {
        let (_, head, body) =
            curl(&node, "/feeds/datex2/v3/parking-table.xml", &["-H", &format!("Accept-Encoding: {encoding}")]);
        assert_eq!(header(&head, "content-encoding"), Some(encoding));
        assert!(body.len() < 4000, "{} bytes", body.len());
    }
    let (status, head, _) =
        curl(&node, "/feeds/parkapi/v1", &["-X", "OPTIONS", "-H", "Access-Control-Request-Method: GET"]);
    assert_eq!((status, header(&head, "access-control-allow-methods")), (204, Some("get, head, options")));
    for (path, status) in [
        ("/feeds/parkapi/v1/elsewhere", 404),
        ("/feeds/geojson/elsewhere.geojson", 404),
        ("/feeds/parkapi/v3/parking-sites/NONE", 404),
        ("/feeds/parkapi/v3/parking-sites?bbox=1,2,3", 400),
        ("/feeds/parkapi/v1/city?crs=bd09", 400),
        ("/feeds/ngsi-ld/v1/entities", 400),
        ("/feeds/ngsi-ld/v1/entities?type=OnStreetParking", 200),
        ("/feeds/cds/metrics/aggregates?start_time=5&end_time=4", 400),
        ("/feeds/cds/events/events", 401),
    ] {
        assert_eq!(curl(&node, path, &[]).0, status, "{path}");
    }
    let officer = node.sign_in("wang");
    let (status, events) = node.ask("GET", "/feeds/cds/events/events", &[("Authorization", &officer)], None).unwrap();
    assert_eq!((status, events["data"]["events"].as_array().map(Vec::len)), (200, Some(0)), "{events}");
    // Whoever asks without end is told to wait, and the rest of the site goes on.
    let refused = (0..400).map(|_| curl(&node, "/feeds/parkapi/v1", &[])).find(|(status, _, _)| *status == 429);
    let (_, head, body) = refused.expect("somebody who asks 400 times at once is refused");
    assert!(header(&head, "retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(serde_json::from_slice::<Value>(&body).unwrap()["type"].as_str().unwrap().ends_with("too-many-requests"));
    assert_eq!(node.get("/api/v1/lots").unwrap().0, 200);
}

#[test]
fn pages_of_sites_meet_over_the_wire() {
    let node = Node::start(&Places::default(), &sample::city_file());
    let mut path = "/feeds/parkapi/v3/parking-sites?limit=3&purpose=CAR".to_owned();
    let mut seen = Vec::new();
    loop {
        let (status, page) = node.get(&path).unwrap();
        assert_eq!((status, &page["total_count"]), (200, &Value::from(7)), "{page}");
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["uid"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_path"].as_str() else { break };
        path = next.to_owned();
    }
    assert_eq!(seen, ["FEW", "FULL", "MUTE", "NIGHT", "OLD", "ROW", "SHUT"]);
    for (query, count) in [
        ("bbox=119.5700,28.1089,119.5711,28.1092", 1),
        ("lat=28.11&lon=119.575&radius=5", 1),
        ("type=ON_STREET", 1),
        ("not_type=ON_STREET", 7),
        ("name=fengming", 1),
        ("source_uid=elsewhere", 0),
    ] {
        let (_, page) = node.get(&format!("/feeds/parkapi/v3/parking-sites?{query}")).unwrap();
        assert_eq!(page["total_count"], count, "{query}: {page}");
    }
    let table = node.text("/feeds/datex2/v3/parking-table.xml");
    assert_eq!(schemas::xmllint(&schemas::datex2_v3(), table.as_bytes()), Ok(()));
}
