//! Who may do what: every route of the API against every role. A route without a row here fails the test, and so does a row
//! without a route.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{
    node::{CAMERA_TOKEN, Node, Places, STAFF},
    town::town,
};

/// Everybody who may knock: a stranger, a camera with its token, and each role of the staff.
const WHO: [&str; 7] = ["public", "device", "officer", "supervisor", "operator", "auditor", "admin"];

const EVERYONE: &[&str] = &WHO;
const STAFF_ALL: &[&str] = &["officer", "supervisor", "operator", "auditor", "admin"];
const ENFORCERS: &[&str] = &["officer", "supervisor"];
const READERS: &[&str] = &["officer", "supervisor", "auditor"];
const SUPERVISORS: &[&str] = &["supervisor"];
const OPERATORS: &[&str] = &["supervisor", "operator", "admin"];
const OPERATORS_AND_AUDITORS: &[&str] = &["supervisor", "operator", "auditor", "admin"];
const FLOW: &[&str] = &["officer", "supervisor", "operator"];
const FLOW_READERS: &[&str] = &["officer", "supervisor", "operator", "auditor"];
const JUDGES: &[&str] = &["supervisor", "auditor"];
const KEEPERS: &[&str] = &["operator", "admin"];
const ADMINS: &[&str] = &["admin"];
const PERMIT_READERS: &[&str] = &["officer", "supervisor", "auditor", "admin"];
const GRANTERS: &[&str] = &["supervisor", "admin"];
const AUDITORS: &[&str] = &["auditor"];
const SENDERS: &[&str] = &["device", "officer", "supervisor"];
const DEVICES: &[&str] = &["device"];
/// Whoever proves themselves in the door's own way, which nobody here does.
const OWN_PROOF: &[&str] = &[];

const WHAT: &str = r#"{"vehicle_class": "non_motor", "reason": "x", "unplated": 1}"#;
const UNTIL: &str = r#"{"mode": "blank", "ends_at": "2026-01-01T00:00:00Z", "reason": "x"}"#;

/// A route, who is let in, and a body that can be read where one is needed before the role is asked.
type Row = (&'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("POST /ISAPI/Event/notification/alert", DEVICES, ""),
    ("POST /NotificationInfo/KeepAlive", DEVICES, "{}"),
    ("POST /NotificationInfo/TollgateInfo", DEVICES, "{}"),
    ("POST /VIID/Images", OWN_PROOF, "{}"),
    ("POST /VIID/MotorVehicles", OWN_PROOF, "{}"),
    ("POST /VIID/NonMotorVehicles", OWN_PROOF, "{}"),
    ("POST /VIID/SubscribeNotifications", OWN_PROOF, "{}"),
    ("POST /VIID/System/Keepalive", OWN_PROOF, r#"{"KeepaliveObject": {"DeviceID": "33112500001190000001"}}"#),
    ("POST /VIID/System/Register", OWN_PROOF, r#"{"RegisterObject": {"DeviceID": "33112500001190000001"}}"#),
    ("GET /VIID/System/Time", EVERYONE, ""),
    ("POST /VIID/System/UnRegister", OWN_PROOF, r#"{"UnRegisterObject": {"DeviceID": "33112500001190000001"}}"#),
    ("GET /api/v1/admin/documents", ADMINS, ""),
    ("GET /api/v1/admin/history", ADMINS, ""),
    ("GET /api/v1/admin/settings", ADMINS, ""),
    ("GET /api/v1/admin/settings/{name}", ADMINS, ""),
    ("POST /api/v1/admin/settings/{name}", ADMINS, r#"{"configured": true, "based_on": 0, "reason": "x"}"#),
    ("GET /api/v1/admin/users", ADMINS, ""),
    ("POST /api/v1/admin/users", ADMINS, r#"{"name": "", "role": "officer", "password": "x", "reason": "x"}"#),
    ("POST /api/v1/admin/users/{name}", ADMINS, r#"{"reason": "x"}"#),
    ("GET /api/v1/appeals", READERS, ""),
    ("POST /api/v1/appeals", ENFORCERS, r#"{"record": "none", "kind": "review", "claim": "x", "authority": "x"}"#),
    ("GET /api/v1/appeals/{id}", READERS, ""),
    ("POST /api/v1/appeals/{id}/steps", SUPERVISORS, r#"{"step": "accept"}"#),
    ("GET /api/v1/approaches", OPERATORS, ""),
    ("GET /api/v1/audit", AUDITORS, ""),
    ("GET /api/v1/cameras", OPERATORS_AND_AUDITORS, ""),
    ("POST /api/v1/captures", SENDERS, ""),
    ("GET /api/v1/check", EVERYONE, ""),
    ("GET /api/v1/check/petitions/{receipt}", EVERYONE, ""),
    ("POST /api/v1/check/petitions", EVERYONE, ""),
    ("GET /api/v1/check/pictures/{nth}", EVERYONE, ""),
    ("GET /api/v1/citizen/kinds", EVERYONE, ""),
    ("POST /api/v1/citizen/reports", EVERYONE, ""),
    ("GET /api/v1/citizen/reports/{receipt}", EVERYONE, ""),
    ("POST /api/v1/citizen/reports/{receipt}/judgement", EVERYONE, r#"{"content": 5}"#),
    ("POST /api/v1/city", KEEPERS, ""),
    ("POST /api/v1/city/checks", KEEPERS, ""),
    ("GET /api/v1/corrections", READERS, ""),
    ("POST /api/v1/corrections", ENFORCERS, WHAT),
    ("POST /api/v1/corrections/bulk", ENFORCERS, WHAT),
    ("GET /api/v1/counters", OPERATORS, ""),
    ("GET /api/v1/dead-letters", KEEPERS, ""),
    ("GET /api/v1/evidence/{sha256}", READERS, ""),
    ("GET /api/v1/evidence/{sha256}/thumbnail", READERS, ""),
    ("GET /api/v1/feed-sources", OPERATORS, ""),
    ("GET /api/v1/field", ENFORCERS, ""),
    ("POST /api/v1/gateway/reports", OWN_PROOF, r#"{"category": "E0501"}"#),
    ("GET /api/v1/grid/coverage", FLOW_READERS, ""),
    ("GET /api/v1/incidents", READERS, ""),
    ("POST /api/v1/incidents/reviews", ENFORCERS, r#"{"reviews": []}"#),
    ("GET /api/v1/incidents/{id}", READERS, ""),
    ("GET /api/v1/incidents/{id}/manifest", READERS, ""),
    ("DELETE /api/v1/incidents/{id}/claim", ENFORCERS, ""),
    ("POST /api/v1/incidents/{id}/claim", ENFORCERS, ""),
    ("POST /api/v1/incidents/{id}/review", ENFORCERS, r#"{"decision": "warning"}"#),
    ("GET /api/v1/ledger/heads", EVERYONE, ""),
    ("GET /api/v1/live/events", EVERYONE, ""),
    ("GET /api/v1/lots", EVERYONE, ""),
    ("GET /api/v1/lots/{id}", EVERYONE, ""),
    ("POST /api/v1/lots/{id}/actions", OPERATORS, r#"{"action": "service", "space": "S001", "service": "in_service", "reason": "x"}"#),
    ("GET /api/v1/lots/{id}/forecast", EVERYONE, ""),
    ("GET /api/v1/lots/{id}/history", EVERYONE, ""),
    ("GET /api/v1/lots/{id}/typical", EVERYONE, ""),
    ("POST /api/v1/lots/{id}/reservations", OWN_PROOF, r#"{"eta_s": 60}"#),
    ("GET /api/v1/lots/{id}/spaces", EVERYONE, ""),
    ("GET /api/v1/lots/{id}/spaces/{space}/transitions", OPERATORS, ""),
    ("GET /api/v1/lots/{id}/underway", EVERYONE, ""),
    ("POST /api/v1/lots/{id}/underway", EVERYONE, r#"{"eta_s": 60}"#),
    ("GET /api/v1/map", EVERYONE, ""),
    ("GET /api/v1/matters", FLOW_READERS, ""),
    ("POST /api/v1/matters", FLOW, ""),
    ("GET /api/v1/matters/kit", FLOW_READERS, ""),
    ("GET /api/v1/matters/scores", JUDGES, ""),
    ("GET /api/v1/matters/{id}", FLOW_READERS, ""),
    ("POST /api/v1/matters/{id}/handled", FLOW, ""),
    ("POST /api/v1/matters/{id}/steps", FLOW, r#"{"step": "open", "why": "x"}"#),
    ("GET /api/v1/open/city-management", EVERYONE, ""),
    ("GET /api/v1/partner/matters", OWN_PROOF, ""),
    ("GET /api/v1/partners", JUDGES, ""),
    ("POST /api/v1/partners/messages/{id}/replay", SUPERVISORS, ""),
    ("GET /api/v1/patrols", FLOW_READERS, ""),
    ("POST /api/v1/patrols/{id}", FLOW, ""),
    ("GET /api/v1/permits", PERMIT_READERS, ""),
    ("POST /api/v1/permits", GRANTERS, r#"{"plate": "x", "from": "x", "to": "x", "reason": "x"}"#),
    ("DELETE /api/v1/permits/{id}", GRANTERS, ""),
    ("GET /api/v1/petitions", READERS, ""),
    ("POST /api/v1/petitions/{receipt}/answer", SUPERVISORS, r#"{"answer": "x"}"#),
    ("PUT /api/v1/pictures/{name}", DEVICES, ""),
    ("GET /api/v1/plates", READERS, ""),
    ("GET /api/v1/plates/{plate}/history", READERS, ""),
    ("GET /api/v1/records", READERS, ""),
    ("POST /api/v1/records", ENFORCERS, r#"{"kind": "warning", "vehicle_class": "motor", "reason": "x"}"#),
    ("GET /api/v1/records/{id}", READERS, ""),
    ("GET /api/v1/records/{id}/documents/{document}", ENFORCERS, ""),
    ("GET /api/v1/records/{id}/notice", READERS, ""),
    ("GET /api/v1/records/{id}/proof", READERS, ""),
    ("GET /api/v1/records/{id}/steps", READERS, ""),
    ("POST /api/v1/records/{id}/steps", ENFORCERS, r#"{"step": "comply", "why": "x"}"#),
    ("GET /api/v1/reports", READERS, ""),
    ("GET /api/v1/reports/behind", READERS, ""),
    ("GET /api/v1/reports/classes", READERS, ""),
    ("GET /api/v1/reports/due", READERS, ""),
    ("GET /api/v1/reports/funnel", READERS, ""),
    ("GET /api/v1/reports/hotspots", READERS, ""),
    ("GET /api/v1/reports/units", READERS, ""),
    ("GET /api/v1/seizures", READERS, ""),
    ("POST /api/v1/seizures", ENFORCERS, r#"{"act": "tow", "vehicle_class": "motor", "reason": "x"}"#),
    ("POST /api/v1/seizures/{id}/approve", SUPERVISORS, ""),
    ("GET /api/v1/sensors", OPERATORS, ""),
    ("GET /api/v1/sensors/{id}", OPERATORS, ""),
    ("DELETE /api/v1/session", STAFF_ALL, ""),
    ("GET /api/v1/session", STAFF_ALL, ""),
    ("POST /api/v1/session", EVERYONE, ""),
    ("GET /api/v1/sign-messages", OPERATORS, ""),
    ("POST /api/v1/sign-messages", OPERATORS, r#"{"priority": "operator", "ends_at": "2026-01-01T00:00:00Z", "reason": "x"}"#),
    ("DELETE /api/v1/sign-messages/{id}", OPERATORS, ""),
    ("GET /api/v1/signs", EVERYONE, ""),
    ("GET /api/v1/signs/{id}", EVERYONE, ""),
    ("DELETE /api/v1/signs/{id}/override", OPERATORS, ""),
    ("POST /api/v1/signs/{id}/override", OPERATORS, UNTIL),
    ("GET /api/v1/signs/{id}/page", EVERYONE, ""),
    ("GET /api/v1/signs/{id}/panels/{panel}.png", EVERYONE, ""),
    ("POST /api/v1/signs/{id}/shown", OWN_PROOF, r#"{"panel": "P1", "version": 1}"#),
    ("GET /api/v1/statistics", READERS, ""),
    ("DELETE /api/v1/underway/{id}", EVERYONE, ""),
    ("GET /api/v1/webhooks", OPERATORS, ""),
    ("POST /api/v1/webhooks/{id}/replay", OPERATORS, ""),
    ("GET /check", EVERYONE, ""),
    ("GET /feeds/catalogue.json", EVERYONE, ""),
    ("GET /feeds/cds/curbs/policies", EVERYONE, ""),
    ("GET /feeds/cds/curbs/zones", EVERYONE, ""),
    ("GET /feeds/cds/events/events", READERS, ""),
    ("GET /feeds/cds/events/status", EVERYONE, ""),
    ("GET /feeds/cds/metrics/aggregates", EVERYONE, ""),
    ("GET /feeds/datex2/v2/parking-status.xml", EVERYONE, ""),
    ("GET /feeds/datex2/v2/parking-table.xml", EVERYONE, ""),
    ("GET /feeds/datex2/v3/parking-status.xml", EVERYONE, ""),
    ("GET /feeds/datex2/v3/parking-table.xml", EVERYONE, ""),
    ("GET /feeds/datex2/v3/vms-table.xml", EVERYONE, ""),
    ("GET /feeds/datex2/v3/vms.xml", EVERYONE, ""),
    ("GET /feeds/geojson/parking-spots/{file}", EVERYONE, ""),
    ("GET /feeds/geojson/{file}", EVERYONE, ""),
    ("GET /feeds/ngsi-ld/v1/entities", EVERYONE, ""),
    ("GET /feeds/ngsi-ld/v1/entities/{id}", EVERYONE, ""),
    ("GET /feeds/parkapi/v1", EVERYONE, ""),
    ("GET /feeds/parkapi/v1/{city}", EVERYONE, ""),
    ("GET /feeds/parkapi/v3/parking-sites", EVERYONE, ""),
    ("GET /feeds/parkapi/v3/parking-sites/{id}", EVERYONE, ""),
    ("GET /feeds/parkapi/v3/parking-spots", EVERYONE, ""),
    ("GET /feeds/parkapi/v3/parking-spots/{id}", EVERYONE, ""),
    ("GET /feeds/parkapi/v3/sources", EVERYONE, ""),
    ("GET /feeds/siri/facility-monitoring.xml", EVERYONE, ""),
];

/// What the router serves without telling it in the document: pages, the operators' paths, sockets, the document itself.
const NOT_TOLD: [&str; 19] = [
    "/",
    "/VIID/{*other}",
    "/admin",
    "/api/v1/live",
    "/api/v1/openapi.json",
    "/assets/{*path}",
    "/feeds",
    "/healthz",
    "/lite",
    "/lots/{id}",
    "/lots/{id}/poster",
    "/matters",
    "/metrics",
    "/officer",
    "/operator",
    "/readyz",
    "/report",
    "/report/{receipt}",
    "/signs",
];

/// The paths a file of the router names.
fn routed(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let named = text.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"'));
    named.map(|(path, _)| path.to_owned()).collect()
}

/// What is asked for where a path has parts to be filled in.
fn filled(path: &str) -> String {
    let path = path
        .replace("/signs/{id}/shown", "/signs/SIGN-SCREEN/shown")
        .replace("{sha256}", &"0".repeat(64))
        .replace("{document}", "warning")
        .replace("{name}", "none.jpg");
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| whole + "none" + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// The status a request is answered with; the body of the answer is not waited for.
fn status(node: &Node, method: &str, path: &str, bearer: Option<&str>, body: &str) -> u16 {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}", "-X", method]);
    if let Some(bearer) = bearer {
        curl.args(["-H", &format!("Authorization: {bearer}")]);
    }
    if !body.is_empty() {
        curl.args(["-H", "Content-Type: application/json", "--data", body]);
    }
    if path == "/api/v1/live/events" {
        curl.args(["--max-time", "1"]);
    }
    let output = curl.arg(node.url(path)).output().unwrap();
    String::from_utf8_lossy(&output.stdout).parse().unwrap()
}

fn add(node: &Node, role: &str) {
    let added = node.command(&["user", "add", role, "--role", role, "--config", node.path()], "correct horse");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
}

fn sign_in(node: &Node, name: &str, password: &str) -> String {
    let body = serde_json::json!({"name": name, "password": password});
    let (status, session) = node.ask("POST", "/api/v1/session", &[], Some(&body)).unwrap();
    assert_eq!(status, 200, "{session}");
    format!("Bearer {}", session["token"].as_str().unwrap())
}

/// What somebody proves themselves with; each time a session of its own, for one of the routes ends it.
fn proof(node: &Node, who: &str) -> Option<String> {
    let of_the_house = STAFF.iter().find(|(_, role, _)| *role == who);
    match (who, of_the_house) {
        ("public", _) => None,
        ("device", _) => Some(format!("Bearer {CAMERA_TOKEN}")),
        (_, Some((name, _, password))) => Some(sign_in(node, name, password)),
        (role, None) => Some(sign_in(node, role, "correct horse")),
    }
}

#[test]
fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let more = "[feeds]\nrequests_per_minute = 100000\nburst = 100000\n".to_owned();
    let mut city = town(1, 3, "127.0.0.1:9");
    let features = city["features"].as_array_mut().unwrap();
    let mut screen = features.iter().find(|one| one["properties"]["id"] == "SIGN-MQTT").unwrap().clone();
    screen["properties"]["id"] = "SIGN-SCREEN".into();
    screen["properties"]["link"] = serde_json::json!({"protocol": "http_pull", "token": "c7f2a90e5b1d4836"});
    features.push(screen);
    let node = Node::start(&Places { more, ..Places::default() }, &city);
    for role in ["operator", "auditor", "admin"] {
        add(&node, role);
    }
    let (_, document) = node.get("/api/v1/openapi.json").unwrap();
    let told = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let told: BTreeSet<String> = told.collect();
    let rows: BTreeSet<String> = ROWS.iter().map(|(route, _, _)| (*route).to_owned()).collect();
    assert_eq!(rows.len(), ROWS.len(), "a route has one row");
    let missing: Vec<_> = told.difference(&rows).collect();
    let surplus: Vec<_> = rows.difference(&told).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "without a row: {missing:?}; without a route: {surplus:?}");

    // And what the router serves is told, or is known not to be.
    let documented: BTreeSet<&str> = told.iter().filter_map(|route| Some(route.split_once(' ')?.1)).collect();
    let served = routed("src/api/mod.rs").into_iter().chain(routed("src/api/feeds/mod.rs"));
    let unknown: Vec<String> = served
        .map(|path| if path.ends_with("/panels/{panel}") { path + ".png" } else { path })
        .filter(|path| {
            !documented.contains(path.as_str()) && !NOT_TOLD.contains(&path.as_str()) && path != "/supervisor"
        })
        .collect();
    assert!(unknown.is_empty(), "served and not told: {unknown:?}");

    let proofs: Vec<(&str, Option<String>)> = WHO.iter().map(|who| (*who, proof(&node, who))).collect();
    let mut wrong = Vec::new();
    for (route, let_in, body) in ROWS {
        let (method, path) = route.split_once(' ').unwrap();
        for (who, kept) in &proofs {
            let ends_it = *route == "DELETE /api/v1/session" && STAFF_ALL.contains(who);
            let own = if ends_it { proof(&node, who) } else { kept.clone() };
            let answered = status(&node, method, &filled(path), own.as_deref(), body);
            let refused = matches!(answered, 401 | 403);
            // Who is unknown is told to sign in; who is known and may not is told so.
            let is_staff = STAFF_ALL.contains(who);
            let as_it_should = if let_in.contains(who) {
                !refused && answered < 500
            } else if !let_in.iter().any(|one| STAFF_ALL.contains(one)) {
                // A door of devices does not know the staff: to it they are strangers.
                refused
            } else {
                answered == if is_staff { 403 } else { 401 }
            };
            if !as_it_should {
                wrong.push(format!("{route} as {who}: {answered}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
