//! Every format against its own schema, with lots full, nearly full, closed, out of hours, stale and unheard.

use serde_json::{Value, json};
use yunpark::{
    domain::{
        course::Course,
        ids::ZoneId,
        incident::{Incident, State},
        lot::VehicleClass,
        record::{Kind, Record, State as RecordState},
    },
    feeds::{
        Feed, Picture, SitesQuery, Variant, cds,
        cds::Device,
        datex2,
        datum::Crs,
        ngsi_ld::{self, Kind as Entity},
        parkapi_v3,
    },
};

use super::{sample, schemas};

fn written(feed: Feed, picture: &Picture) -> Vec<u8> {
    feed.write(picture, Variant::default(), &sample::settings(), &sample::signs())
}

fn json(feed: Feed, picture: &Picture) -> Value {
    serde_json::from_slice(&written(feed, picture)).unwrap()
}

fn text(feed: Feed, picture: &Picture) -> String {
    String::from_utf8(written(feed, picture)).unwrap()
}

/// The part of an XML text that tells of one thing.
fn about<'t>(text: &'t str, element: &str, id: &str) -> &'t str {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let parts = text.split(open.as_str()).skip(1).map(|part| part.split(close.as_str()).next().unwrap());
    parts
        .into_iter()
        .find(|part| part.contains(&format!("id=\"{id}\"")))
        .unwrap_or_else(|| panic!("nothing about {id}"))
}

#[tokio::test]
async fn parkapi_v1_keeps_its_schema_and_tells_no_old_number() {
    let document = json(Feed::ParkApiCity, &sample::picture().await);
    assert_eq!(schemas::parkapi_v1(&document), Vec::<String>::new());
    let lot = |id: &str| document["lots"].as_array().unwrap().iter().find(|lot| lot["id"] == id).unwrap();
    for (id, state, free) in [
        ("FULL", "open", json!(0)),
        ("FEW", "open", json!(8)),
        ("ROW", "open", json!(2)),
        ("SHUT", "closed", json!(33)),
        ("NIGHT", "closed", json!(44)),
        ("OLD", "nodata", Value::Null),
        ("MUTE", "nodata", Value::Null),
    ] {
        assert_eq!((&lot(id)["state"], &lot(id)["free"]), (&json!(state), &free), "{id}");
    }
    assert_eq!((&lot("ROW")["total:disabled"], &lot("ROW")["free:disabled"]), (&json!(1), &json!(1)));
    assert_eq!((&lot("FULL")["total:disabled"], &lot("FULL")["free:disabled"]), (&json!(2), &Value::Null));
    assert!(document["lots"].as_array().unwrap().iter().all(|lot| lot["id"] != "BIKES"), "cars only");
    // What OpenTripPlanner reads of each lot.
    assert!(lot("FEW")["coords"]["lat"].is_f64() && lot("FEW")["coords"]["lng"].is_f64() && lot("FEW")["total"] == 100);
    let mut broken = document.clone();
    broken["lots"][0]["free"] = json!(-1);
    broken["lots"][1]["state"] = json!("ajar");
    assert_eq!(schemas::parkapi_v1(&broken).len(), 2, "the schema is looked at");
}

#[tokio::test]
async fn parkapi_v3_drops_its_realtime_fields_with_their_age() {
    let (picture, settings) = (sample::picture().await, sample::settings());
    let asked = SitesQuery::default().read("city").unwrap();
    let page = parkapi_v3::sites(&picture, &asked, Variant::default(), &settings);
    let items = serde_json::to_value(&page.items).unwrap();
    let site = |id: &str| items.as_array().unwrap().iter().find(|item| item["uid"] == id).unwrap();
    assert_eq!((page.total, page.next), (8, None));
    for (id, free, opening) in
        [("FULL", 0, "OPEN"), ("SHUT", 33, "CLOSED"), ("NIGHT", 44, "CLOSED"), ("BIKES", 12, "OPEN")]
    {
        assert_eq!(site(id)["has_realtime_data"], true, "{id}");
        assert_eq!(
            (&site(id)["realtime_free_capacity"], &site(id)["realtime_opening_status"]),
            (&json!(free), &json!(opening))
        );
    }
    for id in ["OLD", "MUTE"] {
        assert_eq!(site(id)["has_realtime_data"], false);
        let realtime: Vec<&String> =
            site(id).as_object().unwrap().keys().filter(|key| key.starts_with("realtime_")).collect();
        assert!(realtime.is_empty(), "{id}: {realtime:?}");
    }
    assert_eq!(
        (&site("BIKES")["purpose"], &site("ROW")["type"], &site("FULL")["max_height"]),
        (&json!("BIKE"), &json!("ON_STREET"), &json!(190))
    );
    let spots = parkapi_v3::spots(&picture, &asked, Variant::default(), &settings);
    let spots = serde_json::to_value(&spots.items).unwrap();
    let told: Vec<(&Value, &Value)> =
        spots.as_array().unwrap().iter().map(|spot| (&spot["uid"], &spot["realtime_status"])).collect();
    let taken = [
        ("ROW~S1", json!("AVAILABLE")),
        ("ROW~S2", json!("TAKEN")),
        ("ROW~S3", json!("AVAILABLE")),
        ("ROW~S4", Value::Null),
    ];
    assert_eq!(told.len(), 4);
    for ((uid, status), (wanted_uid, wanted)) in told.into_iter().zip(&taken) {
        assert_eq!((uid, status), (&json!(wanted_uid), wanted));
    }
}

#[tokio::test]
async fn geojson_is_read_by_a_library_and_shifts_only_when_asked() {
    let picture = sample::picture().await;
    for feed in [Feed::GeoJsonSites, Feed::GeoJsonSpots] {
        let read: geojson::FeatureCollection = text(feed, &picture).parse().unwrap();
        assert!(!read.features.is_empty());
    }
    let variant = Variant { crs: Crs::Gcj02, english: true };
    let shifted = Feed::GeoJsonSites.write(&picture, variant, &sample::settings(), &sample::signs());
    let (plain, shifted) = (json(Feed::GeoJsonSites, &picture), serde_json::from_slice::<Value>(&shifted).unwrap());
    let place = |document: &Value| document["features"][0]["geometry"]["coordinates"][0].as_f64().unwrap();
    assert!(
        (0.003..0.007).contains(&(place(&shifted) - place(&plain)).abs()),
        "some hundred metres in this part of China"
    );
    assert!(shifted["features"][0]["properties"]["name"].as_str().unwrap().starts_with("Car park"));
}

#[tokio::test]
async fn datex_two_of_both_versions_keeps_its_schema() {
    let picture = sample::picture().await;
    let (v3, v2) = (schemas::datex2_v3(), schemas::datex2_v2());
    for (feed, schema) in [
        (Feed::Datex3Table, &v3),
        (Feed::Datex3Status, &v3),
        (Feed::Datex3SignsTable, &v3),
        (Feed::Datex3Signs, &v3),
        (Feed::Datex2Table, &v2),
        (Feed::Datex2Status, &v2),
    ] {
        let document = written(feed, &picture);
        if let Err(faults) = schemas::xmllint(schema, &document) {
            panic!("{feed:?}: {faults}");
        }
    }
    for (feed, schema, whole, broken) in [
        (Feed::Datex3Table, &v3, "<prk:layer>0</prk:layer>", ""),
        (Feed::Datex3Status, &v3, "<prk:status>full</prk:status>", "<prk:status>stuffed</prk:status>"),
        (Feed::Datex3Signs, &v3, "<vms:lineColour>green</vms:lineColour>", "<vms:lineColour>mauve</vms:lineColour>"),
        (Feed::Datex2Table, &v2, "<urbanParkingSiteType>", "<urbanParkingSiteKind>"),
        (Feed::Datex2Status, &v2, "<parkingNumberOfVacantSpaces>0<", "<parkingNumberOfVacantSpaces>none<"),
    ] {
        let text = text(feed, &picture);
        assert!(text.contains(whole), "{feed:?} holds {whole}");
        let text = text.replace(whole, broken);
        assert!(schemas::xmllint(schema, text.as_bytes()).is_err(), "{feed:?}: a broken copy fails");
    }
}

#[tokio::test]
async fn datex_two_tells_each_state_and_no_old_number() {
    let picture = sample::picture().await;
    let status = text(Feed::Datex3Status, &picture);
    let lot = |id: &str| about(&status, "prk:parkingStatusInformation", id);
    for (id, wanted) in [
        ("FULL", ["<fac:openingStatus>open<", "<prk:numberOfVacantSpaces>0<", "<prk:status>full<"]),
        ("FEW", ["<fac:openingStatus>open<", "<prk:numberOfVacantSpaces>8<", "<prk:status>almostFull<"]),
        (
            "SHUT",
            ["<fac:openingStatus>temporarilyClosed<", "<prk:numberOfVacantSpaces>33<", "<prk:status>spacesAvailable<"],
        ),
        ("NIGHT", ["<fac:openingStatus>closed<", "<prk:numberOfVacantSpaces>44<", "<prk:status>spacesAvailable<"]),
        ("OLD", ["<fac:lastUpdated>", "<prk:parkingFault>communicationsFailure<", "<prk:status>unknown<"]),
        (
            "MUTE",
            ["<fac:openingStatus>open<", "<prk:parkingFault>noParkingInformationAvailable<", "<prk:status>unknown<"],
        ),
        ("ROW~S2", ["prk:SpaceStatus", "<prk:occupied>true<", "<prk:measurementOrCalculationTime>"]),
    ] {
        for part in wanted {
            assert!(lot(id).contains(part), "{id} holds {part}: {}", lot(id));
        }
    }
    assert!(!lot("OLD").contains("numberOfVacantSpaces") && !lot("MUTE").contains("numberOfVacantSpaces"));
    assert!(!status.contains("ROW~S4"), "a bay nobody knows of is not told as free or taken");
    let old = text(Feed::Datex2Status, &picture);
    let lot = |id: &str| about(&old, "parkingRecordStatus", id);
    assert!(
        lot("FEW").contains("<parkingNumberOfVacantSpaces>8<") && lot("FEW").contains("<parkingSiteStatus>almostFull<")
    );
    assert!(lot("SHUT").contains("<parkingSiteOpeningStatus>closedAbnormal<"));
    assert!(lot("OLD").contains("<parkingNumberOfSpacesOverride>80<") && !lot("OLD").contains("Vacant"));
    assert!(!old.contains("BIKES"));
}

#[tokio::test]
async fn the_signs_publication_tells_what_each_shows_and_what_is_wrong() {
    let text = text(Feed::Datex3Signs, &sample::picture().await);
    let sign = |id: &str| about(&text, "vms:vmsControllerStatus", id);
    assert!(
        sign("SG-OK").contains("<vms:textLine>城西 &lt;北&gt; 42</vms:textLine><vms:lineColour>green<"),
        "{}",
        sign("SG-OK")
    );
    assert!(sign("SG-OK").contains("<vms:workingStatus>working<") && !sign("SG-OK").contains("Fault"));
    assert!(sign("SG-WRONG").contains("is &lt;too&gt; wide") && sign("SG-WRONG").contains("<vms:vmsFault>other<"));
    assert!(
        sign("SG-GONE").contains("<vms:vmsControllerFault>communicationsFailure<")
            && sign("SG-GONE").contains("notWorking")
    );
    assert!(!sign("SG-GONE").contains("textLine"), "nobody knows what it shows");
    assert!(sign("SG-DARK").contains("<vms:workingStatus>blank<") && sign("SG-DARK").contains("<vms:isBlank>true<"));
    assert!(!sign("SG-NEW").contains("workingStatus"));
}

#[tokio::test]
async fn ngsi_ld_keeps_the_schema_of_each_kind() {
    let (picture, settings) = (sample::picture().await, sample::settings());
    for (kind, count) in [(Entity::OffStreet, 7), (Entity::OnStreet, 1), (Entity::Spot, 4)] {
        let entities = ngsi_ld::entities(&picture, kind, Variant::default(), &settings);
        assert_eq!(entities.len(), count);
        for entity in &entities {
            assert_eq!(schemas::ngsi_ld(kind.name(), entity), Vec::<String>::new(), "{entity}");
            let found = ngsi_ld::entity(&picture, entity["id"].as_str().unwrap(), Variant::default(), &settings);
            assert_eq!(found.as_ref(), Some(entity), "an entity is found by its id");
            let normalized = ngsi_ld::normalized(entity.clone());
            assert_eq!(
                (&normalized["location"]["type"], &normalized["name"]["type"]),
                (&json!("GeoProperty"), &json!("Property"))
            );
        }
        let mut broken = entities[0].clone();
        broken["status"] = json!(["ajar"]);
        broken["location"] = json!("here");
        assert!(!schemas::ngsi_ld(kind.name(), &broken).is_empty(), "the schema is looked at");
    }
    let lot = |id: &str| {
        ngsi_ld::entity(&picture, &format!("urn:ngsi-ld:OffStreetParking:city:{id}"), Variant::default(), &settings)
            .unwrap()
    };
    assert_eq!(
        (&lot("FEW")["availableSpotNumber"], &lot("FEW")["status"]),
        (&json!(8), &json!(["open", "almostFull"]))
    );
    assert_eq!(
        (&lot("OLD")["availableSpotNumber"], &lot("SHUT")["status"]),
        (&Value::Null, &json!(["closedAbnormal"]))
    );
}

#[tokio::test]
async fn siri_tells_free_bays_as_trip_planners_read_them() {
    let text = text(Feed::Siri, &sample::picture().await);
    let lot = |id: &str| {
        text.split("<FacilityCondition>").find(|part| part.contains(&format!("<FacilityRef>{id}<"))).unwrap()
    };
    assert!(lot("FEW").contains(
        "<CountingType>presentCount</CountingType><CountedFeatureUnit>bays</CountedFeatureUnit><Count>8</Count>"
    ));
    assert!(lot("SHUT").contains("<Status>notAvailable<") && lot("OLD").contains("<Status>unknown<"));
    assert!(!lot("OLD").contains("Count") && text.matches("<MonitoredCounting>").count() == 5);
}

#[tokio::test]
async fn curb_data_keeps_its_schemas() {
    let (picture, settings) = (sample::picture().await, sample::settings());
    let check = |file: &str, path: &str, document: &Value| {
        if let Some(faults) = schemas::cds(file, path, document) {
            assert_eq!(faults, Vec::<String>::new(), "{path}");
        }
    };
    let zones = json(Feed::CdsZones, &picture);
    check("Curbs API.yaml", "/curbs/zones", &zones);
    check("Curbs API.yaml", "/curbs/policies", &json(Feed::CdsPolicies, &picture));
    let row = zones["data"]["zones"].as_array().unwrap().iter().find(|zone| zone["user_zone_id"] == "ROW").unwrap();
    assert_eq!(
        (&row["available_spaces"], &row["num_spaces"], &row["street_name"]),
        (&json!(2), &json!(4), &json!("凤鸣街"))
    );
    let devices = [
        Device { id: "fcd6bd00001a2b3c".into(), source: cds::Source::InGround, is_online: Some(false) },
        Device { id: "CAM-1".into(), source: cds::Source::Camera, is_online: None },
    ];
    let zone = picture.city.time_zone;
    let status: Value = serde_json::from_slice(&cds::status(&devices, picture.at, zone, &settings)).unwrap();
    check("Events API.yaml", "/events/status", &status);
    assert!(!status.to_string().contains("fcd6bd00001a2b3c"), "a device is known by its UUID alone");
}

#[tokio::test]
async fn enforcement_events_keep_their_schema_and_hold_no_plate_and_no_name() {
    let (picture, settings, now) = (sample::picture().await, sample::settings(), sample::now());
    let minutes = chrono::Duration::minutes;
    let incident = Incident {
        id: "I-1".into(),
        state: State::Recorded,
        zone: ZoneId::parse("Z1").unwrap(),
        vehicle: "plate:浙K12345".into(),
        plate: Some("浙K12345".into()),
        vehicle_class: VehicleClass::Motor,
        first_seen: now - minutes(50),
        last_seen: now - minutes(20),
        ripe_at: Some(now - minutes(40)),
        record: Some("R-1".into()),
        version: 4,
    };
    let record = Record {
        id: "R-1".into(),
        number: "W-20260310-000001".into(),
        kind: Kind::Warning,
        state: RecordState::Issued,
        plate: Some("浙K12345".into()),
        vehicle_class: VehicleClass::Motor,
        at: now - minutes(10),
        zone: ZoneId::parse("Z1").ok(),
        grid_cell: None,
        location: Some((119.5705, 28.1082)),
        reason: "Wang saw 浙K12345".into(),
        note: None,
        officer: "wang".into(),
        approved_by: None,
        incident: Some("I-1".into()),
        act: None,
        legal_basis: None,
        evidence: Vec::new(),
        course: Course::default(),
        follows: None,
        due: None,
        ledger_seq: 9,
    };
    let body = cds::events::events(&picture.city, &[incident], &[record], (now - minutes(60), now), now, &settings);
    let text = String::from_utf8(body).unwrap();
    assert!(!text.contains("浙K") && !text.to_lowercase().contains("wang"), "{text}");
    let document: Value = serde_json::from_str(&text).unwrap();
    let events = document["data"]["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event_type"].as_str()).collect();
    assert_eq!(kinds, ["citation_issued", "vehicle_violation_end", "vehicle_violation_start"], "newest first");
    assert_eq!(events[0]["enforcement"]["enforcement_id"], events[2]["enforcement"]["enforcement_id"], "one stay");
    assert_eq!(
        (&events[0]["enforcement"]["is_warning"], &events[0]["event_time"]),
        (&json!(true), &json!((now - minutes(10)).timestamp_millis()))
    );
    if let Some(faults) = schemas::cds("Events API.yaml", "/events/events", &document) {
        assert_eq!(faults, Vec::<String>::new());
        let mut broken = document.clone();
        broken["data"]["events"][0]["event_type"] = json!("towed");
        assert!(
            !schemas::cds("Events API.yaml", "/events/events", &broken).unwrap().is_empty(),
            "the schema is looked at"
        );
    }
}

#[tokio::test]
async fn a_city_whose_names_are_in_one_language_says_so() {
    let picture = sample::picture().await;
    let settings = yunpark::config::Feeds { language: "de".into(), country: "DE".into(), ..sample::settings() };
    let text = String::from_utf8(datex2::v2::table(&picture, Variant::default(), &settings)).unwrap();
    assert!(schemas::xmllint(&schemas::datex2_v2(), text.as_bytes()).is_ok());
    assert!(text.contains("<value lang=\"de\">") && !text.contains("lang=\"zh\"") && text.contains("<country>de<"));
}
