//! The enforcement desk on both databases: from captures to a record, with nothing counted twice and everything audited.

mod buckets;
mod cameras;
mod courses;
mod decisions;
mod doors;
mod duties;
mod figures;
mod handed_over;
mod hotspots;
mod late;
mod papers;
mod petitions;
mod plates;
mod proof;
mod rules;
mod score;
mod uploads;

use std::{collections::BTreeMap, io::Cursor, sync::Arc};

use bytes::Bytes;
use chrono::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use yunpark::{
    clock::Clock,
    config::{self, CameraCredential, Config},
    domain::{
        capture::{Source, State},
        city::City,
        ids::{CameraId, LotId, ZoneId},
        incident,
        ledger::Kind as Step,
        lot::{CountedBy, Lot, LotKind, VehicleClass},
        place::{Camera, Zone, ZoneRule},
        record::{self, Act, Kind},
        staff::Role,
        text::Localized,
        time::{Instant, parse_rfc3339},
    },
    enforcement::{
        Decision, Desk, Error, IncidentState, NewCapture, NewRecord, NewSeizure, Person, Purpose, Review, What,
    },
    store::{Db, backup, evidence::Evidence, ledger, query, verify},
};

use crate::services;

const DEVICE: &str = "33052300001190000001";
const TOW: &str = "道路交通安全法 第九十三条第二款";

struct House {
    desk: Desk,
    db: Db,
    evidence: Evidence,
    clock: Clock,
    city: watch::Sender<Arc<City>>,
    dir: TempDir,
}

fn start() -> Instant {
    parse_rfc3339("2026-03-10T01:00:00Z").unwrap()
}

fn square(lon: f64, lat: f64, half: f64) -> geo::Polygon {
    geo::Rect::new((lon - half, lat - half), (lon + half, lat + half)).to_polygon()
}

fn text(zh: &str, en: &str) -> Localized {
    Localized { zh: zh.into(), en: en.into() }
}

fn city() -> City {
    let zone = Zone {
        id: ZoneId::parse("Z1").unwrap(),
        name: text("解放街", "Jiefang Street"),
        rule: ZoneRule::NoParking,
        hours: None,
        dwell_s: 300,
        street_class: 1,
        area: geo::MultiPolygon(vec![square(119.57, 28.11, 0.001)]),
        vehicle_class: None,
    };
    let camera = |id: &str, device: Option<&str>| Camera {
        id: CameraId::parse(id).unwrap(),
        name: text(id, id),
        location: geo::coord! { x: 119.57, y: 28.11 },
        view: None,
        zones: vec![zone.id.clone()],
        viid_device_id: device.map(str::to_owned),
    };
    let lot = Lot {
        id: LotId::parse("L1").unwrap(),
        name: text("城西停车场", "West car park"),
        kind: LotKind::CarPark,
        geometry: geo::Point::new(119.571, 28.112).into(),
        location: geo::coord! { x: 119.571, y: 28.112 },
        capacity: 50,
        vehicle_class: VehicleClass::Motor,
        spaces: vec![],
        counted_by: CountedBy::Counters,
        mixed: false,
        nightly_reset: None,
        uses: BTreeMap::new(),
        opening_hours: None,
        tariff: None,
        max_height_m: None,
        entrances: vec![],
        street: None,
        grid_cell: None,
        stale_after_s: None,
    };
    let mut city = City { name: text("云和", "Yunhe"), fictional: true, ..City::default() };
    city.zones.insert(zone.id.clone(), zone.clone());
    let elsewhere = ZoneId::parse("Z2").unwrap();
    let area = geo::MultiPolygon(vec![square(119.58, 28.11, 0.001)]);
    city.zones.insert(elsewhere.clone(), Zone { id: elsewhere, area, ..zone.clone() });
    for camera in [camera("CAM-1", Some(DEVICE)), camera("CAM-2", None)] {
        city.cameras.insert(camera.id.clone(), camera);
    }
    city.lots.insert(lot.id.clone(), lot);
    city
}

impl House {
    async fn open(url: &str, dir: TempDir, change: &impl Fn(&mut config::Enforcement)) -> Self {
        let store = config::Store::of(url, 4);
        let db = Db::connect(&store).await.unwrap();
        db.migrate().await.unwrap();
        let evidence = Evidence::open(&dir.path().join("evidence")).unwrap();
        Self::over(db, evidence, dir, change)
    }

    fn over(db: Db, evidence: Evidence, dir: TempDir, change: &impl Fn(&mut config::Enforcement)) -> Self {
        let clock = Clock::manual(start() + Duration::minutes(30));
        let mut config = Config::load(None).unwrap().enforcement;
        (config.min_width_px, config.min_height_px) = (64, 36);
        let credential =
            CameraCredential { token: "t".into(), viid_password: "Passw0rd!".into(), ..Default::default() };
        config.cameras.insert("CAM-1".into(), credential);
        change(&mut config);
        let (sender, receiver) = watch::channel(Arc::new(city()));
        let free = |lot: &LotId| (lot.as_str() == "L1").then_some(34);
        let desk = Desk::new(db.clone(), evidence.clone(), receiver, clock.clone(), config, Arc::new(free));
        Self { desk, db, evidence, clock, city: sender, dir }
    }

    async fn count(&self, table: &'static str, text: &'static str) -> i64 {
        query(table, text).fetch_one(&self.db).await.unwrap().get("n").unwrap()
    }

    /// Rows of captures, incidents and ledger entries.
    async fn rows(&self) -> [i64; 3] {
        [
            self.count("captures", "SELECT COUNT(*) AS n FROM captures").await,
            self.count("incidents", "SELECT COUNT(*) AS n FROM incidents").await,
            self.count("ledger", "SELECT COUNT(*) AS n FROM ledger").await,
        ]
    }

    async fn last_step(&self) -> Step {
        let head = ledger::head(&self.db).await.unwrap();
        ledger::entries(&self.db, head.seq, 1).await.unwrap().remove(0).kind
    }

    /// Two captures of a plate five minutes apart: a ripe incident.
    async fn ripe(&self, plate: &str) -> String {
        self.desk.receive(capture(&format!("{plate}-0"), plate, 0), vec![picture(0)]).await.unwrap();
        let later = self.desk.receive(capture(&format!("{plate}-300"), plate, 300), vec![picture(1)]).await.unwrap();
        later.incident.unwrap()
    }
}

/// The same house on SQLite and on PostgreSQL.
async fn houses() -> Vec<House> {
    houses_with(|_| {}).await
}

/// The same with another configuration.
async fn houses_with(change: impl Fn(&mut config::Enforcement)) -> Vec<House> {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let sqlite = format!("sqlite://{}", one.path().join("yunpark.db").display());
    let postgres = tokio::task::spawn_blocking(services::postgres).await.unwrap();
    vec![House::open(&sqlite, one, &change).await, House::open(&postgres, other, &change).await]
}

fn picture(shade: u8) -> Bytes {
    sized(64, 36, shade)
}

fn sized(width: u32, height: u32, shade: u8) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::GrayImage::from_pixel(width, height, image::Luma([shade]));
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner().into()
}

fn capture(key: &str, plate: &str, seconds: i64) -> NewCapture {
    NewCapture {
        source: Source::Staff("lan".into()),
        role: Some(Role::Officer),
        key: key.into(),
        track: None,
        at: start() + Duration::seconds(seconds),
        plate: Some(plate.into()),
        plate_color: None,
        vehicle_class: VehicleClass::Motor,
        location: Some((119.57, 28.11)),
        camera: None,
        zone: None,
        note: None,
    }
}

fn officer() -> Person {
    Person { name: "lan".into(), role: Role::Officer }
}

fn supervisor(name: &str) -> Person {
    Person { name: name.into(), role: Role::Supervisor }
}

/// A rejection with its reason.
fn rejection() -> Review {
    Review { reason: Some("急救出车".into()), ..Decision::Reject.into() }
}

fn what(plate: &str) -> What {
    What {
        plate: Some(plate.into()),
        vehicle_class: VehicleClass::Motor,
        location: Some((119.57, 28.11)),
        zone: None,
        grid_cell: None,
        reason: "堵塞消防通道".into(),
        note: None,
        captures: vec![],
        at: None,
    }
}

#[tokio::test]
async fn a_stay_seen_twice_becomes_a_warning_in_the_plates_history_and_the_ledger_is_whole() {
    for house in houses().await {
        let desk = &house.desk;
        let first = desk.receive(capture("a", "浙K·B8123", 0), vec![picture(1)]).await.unwrap();
        let opened = desk.incident(first.incident.as_deref().unwrap()).await.unwrap().unwrap();
        assert_eq!((opened.state, opened.captures.len()), ("open", 1));
        assert_eq!(
            desk.review(&opened.id, Decision::Warning.into(), &officer()).await.unwrap_err().to_string(),
            incident::Refused::NotRipe.to_string()
        );
        // A misread character is still the same vehicle.
        let second = desk.receive(capture("b", "浙K88123", 300), vec![picture(2)]).await.unwrap();
        assert_eq!(second.incident, first.incident);
        let (ripe, next) = desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap();
        assert_eq!((ripe.len(), next), (1, None));
        assert_eq!((ripe[0].dwell_s, ripe[0].as_read.len(), ripe[0].nearest_lots[0].free), (300, 2, Some(34)));

        let unsaid = desk.review(&opened.id, Decision::Warning.into(), &officer()).await;
        assert!(matches!(unsaid, Err(Error::Invalid { field: "plate", .. })), "{unsaid:?}");
        let (plate, note) = (Some("浙K·B8123".into()), Some("first time".into()));
        let warning = Review { plate, note, ..Decision::Warning.into() };
        let (incident, record) = desk.review(&opened.id, warning, &officer()).await.unwrap();
        let record = record.unwrap();
        assert_eq!((incident.state, incident.record.as_deref()), ("reviewed", Some(record.id.as_str())));
        assert_eq!((record.number.as_str(), record.evidence.len()), ("W-20260310-000001", 2));
        let plate = record.plate.clone().unwrap();

        let purpose = Purpose::read(Some("case W-1")).unwrap();
        let history = desk.plate_history(&plate, &purpose, &officer()).await.unwrap();
        assert_eq!(history.prior.warnings, 1);
        let warned = history.entries.iter().find(|entry| entry.kind == "warning").unwrap();
        assert_eq!((warned.id.as_str(), warned.ledger_seq), (record.id.as_str(), Some(record.ledger_seq)));

        let page = desk.notice(&record.id, &officer()).await.unwrap().unwrap();
        for told in [&record.number, &plate, "城西停车场", "空位 34", "Jiefang Street", "演示数据"] {
            assert!(page.contains(told), "{told}");
        }
        let report = verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        assert_eq!(report.checked_records, 1);
        query("records", "UPDATE records SET reason = 'nothing'").execute(&house.db).await.unwrap();
        assert!(verify::verify(&house.db, None).await.is_err(), "a changed record is noticed");
    }
}

#[tokio::test]
async fn one_incident_is_decided_once() {
    for house in houses().await {
        let id = house.ripe("浙K12345").await;
        let (_, record) = house.desk.review(&id, Decision::Penalty.into(), &supervisor("wu")).await.unwrap();
        let rows = house.rows().await;
        for decision in [Decision::Penalty.into(), rejection()] {
            let again = house.desk.review(&id, decision, &officer()).await;
            assert!(matches!(again, Err(Error::Incident(incident::Refused::AlreadyReviewed))), "{again:?}");
        }
        assert_eq!(house.rows().await, rows);
        // The vehicle still stands there: that belongs to the incident that was decided.
        let later = house.desk.receive(capture("later", "浙K12345", 900), vec![picture(9)]).await.unwrap();
        assert_eq!(later.incident, Some(id));
        let records = house.desk.records(Some(Kind::Penalty), None, None, None, 10).await.unwrap().0;
        assert_eq!((records.len(), &records[0].id), (1, &record.unwrap().id));
        let rejected = house.ripe("浙K54321").await;
        let (incident, none) = house.desk.review(&rejected, rejection(), &officer()).await.unwrap();
        assert_eq!((incident.state, none), ("reviewed", None));
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn the_same_capture_again_changes_nothing_and_a_reused_key_is_refused() {
    for house in houses().await {
        let sent = || house.desk.receive(capture("k", "浙K12345", 0), vec![picture(1)]);
        let first = sent().await.unwrap();
        let rows = house.rows().await;
        let again = sent().await.unwrap();
        assert!(again.duplicate && !first.duplicate);
        assert_eq!((&again.id, &again.incident, &again.images), (&first.id, &first.incident, &first.images));
        let other = house.desk.receive(capture("k", "浙K12345", 0), vec![picture(2)]).await;
        assert!(matches!(other, Err(Error::KeyReused)));
        assert_eq!(house.rows().await, rows);
        // Sent at the same time, it is taken once.
        let sent = |_| house.desk.receive(capture("same", "浙K12345", 60), vec![picture(3)]);
        let together = futures_util::future::join_all((0..6).map(sent)).await;
        let fresh = together.iter().filter(|received| !received.as_ref().unwrap().duplicate).count();
        assert_eq!((fresh, house.rows().await[0]), (1, rows[0] + 1));
    }
}

#[tokio::test]
async fn captures_make_one_stay_in_whatever_order_they_arrive() {
    for house in houses().await {
        for seconds in [1500, 0, 700] {
            let image = picture((seconds / 100) as u8);
            house.desk.receive(capture(&seconds.to_string(), "浙K12345", seconds), vec![image]).await.unwrap();
        }
        let (incidents, _) = house.desk.incidents(None, None, 10).await.unwrap();
        assert_eq!(incidents.len(), 1, "the capture in between bridges the two");
        let incident = &incidents[0];
        assert_eq!((incident.state, incident.dwell_s, incident.captures.len()), ("ripe", 1500, 3));
        // Both ids lead to the one that goes on.
        for seconds in [1500, 0] {
            let (key, image) = (seconds.to_string(), picture((seconds / 100) as u8));
            let again = house.desk.receive(capture(&key, "浙K12345", seconds), vec![image]).await.unwrap();
            assert_eq!(again.incident.as_ref(), Some(&incident.id));
        }
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_evidence_does_not_ripen_and_what_is_no_picture_is_refused() {
    for house in houses().await {
        let desk = &house.desk;
        let empty = house.rows().await;
        for bad in [&b"not an image"[..], b"GIF89a", &picture(1)[..40]] {
            let images = vec![picture(1), Bytes::copy_from_slice(bad)];
            let refused = desk.receive(capture("bad", "浙K12345", 0), images).await;
            assert!(matches!(refused, Err(Error::NotAPicture { index: 1 })), "{refused:?}");
        }
        let nowhere = NewCapture { location: Some((200.0, 0.0)), ..capture("bad", "浙K12345", 0) };
        assert!(matches!(desk.receive(nowhere, vec![picture(1)]).await, Err(Error::Invalid { field: "location", .. })));
        assert_eq!(house.rows().await, empty, "nothing is half applied");

        for seconds in [0, 300] {
            let new = capture(&format!("small-{seconds}"), "浙K12345", seconds);
            desk.receive(new, vec![sized(63, 36, seconds as u8)]).await.unwrap();
        }
        assert!(desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap().0.is_empty());
        // A clock two days off, and a place outside every zone: kept, and part of no incident.
        let skewed = desk.receive(capture("skew", "浙K12345", -2 * 86_400), vec![picture(7)]).await.unwrap();
        assert_eq!((skewed.state, skewed.incident), (State::ClockSkew, None));
        let outside = NewCapture { location: Some((119.6, 28.2)), ..capture("out", "浙K12345", 0) };
        assert_eq!(desk.receive(outside, vec![picture(8)]).await.unwrap().incident, None);
    }
}

#[tokio::test]
async fn a_vehicle_that_left_in_time_is_closed_once_its_gap_has_passed() {
    for house in houses().await {
        let seen = house.desk.receive(capture("a", "浙K12345", 0), vec![picture(1)]).await.unwrap();
        house.ripe("浙K54321").await;
        // The house's clock stands half an hour after the capture; the gap is a quarter of an hour.
        assert_eq!(house.desk.close_silent().await.unwrap(), 1);
        assert_eq!(house.desk.close_silent().await.unwrap(), 0);
        let closed = house.desk.incident(&seen.incident.unwrap()).await.unwrap().unwrap();
        assert_eq!(closed.state, "closed");
        // A late capture shows that it had stayed after all.
        let late = house.desk.receive(capture("b", "浙K12345", 400), vec![picture(2)]).await.unwrap();
        assert_eq!(late.incident.as_ref(), Some(&closed.id));
        assert_eq!(house.desk.incident(&closed.id).await.unwrap().unwrap().state, "ripe");
    }
}

#[tokio::test]
async fn a_seizure_needs_its_own_legal_basis_and_another_persons_approval() {
    for house in houses().await {
        let desk = &house.desk;
        let propose = |act, basis: &str| {
            let new = NewSeizure { act, legal_basis: basis.into(), ground: None, what: what("浙K12345") };
            async move { desk.propose_seizure(new, Some("key"), &supervisor("wu")).await }
        };
        let empty = house.rows().await;
        for (act, basis) in [(Act::Tow, ""), (Act::Tow, "违停"), (Act::Detention, TOW), (Act::Seizure, TOW)] {
            let refused = propose(act, basis).await;
            assert!(matches!(refused, Err(Error::Record(record::Refused::NoLegalBasis))), "{refused:?}");
        }
        assert_eq!(house.rows().await, empty);
        let (proposed, again) = propose(Act::Tow, TOW).await.unwrap();
        assert_eq!(
            (proposed.state, proposed.number.as_str(), again),
            (record::State::Proposed, "S-20260310-000001", false)
        );
        assert_eq!(propose(Act::Tow, TOW).await.unwrap(), (proposed.clone(), true), "the same key, the same record");

        let own = desk.approve_seizure(&proposed.id, &supervisor("wu")).await;
        assert!(matches!(own, Err(Error::Record(record::Refused::ApprovedByProposer))), "{own:?}");
        let approved = desk.approve_seizure(&proposed.id, &supervisor("zhou")).await.unwrap();
        assert_eq!((approved.state, approved.approved_by.as_deref()), (record::State::Approved, Some("zhou")));
        let twice = desk.approve_seizure(&proposed.id, &supervisor("chen")).await;
        assert!(matches!(twice, Err(Error::Record(record::Refused::AlreadyApproved))));
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn who_looks_stands_in_the_ledger_before_the_answer() {
    for house in houses().await {
        assert!(Purpose::read(None).is_err() && Purpose::read(Some("  ")).is_err());
        let purpose = Purpose::read(Some("resident's complaint")).unwrap();
        house.ripe("浙K12345").await;
        let before = house.rows().await[2];
        let found = house.desk.search_plates("K12?45", &purpose, &officer()).await.unwrap();
        assert_eq!(found.iter().map(|found| found.plate.as_str()).collect::<Vec<_>>(), ["浙K12345"]);
        assert_eq!(house.last_step().await, Step::PlatesSearched);
        // A confusable character finds it too; another plate does not.
        assert_eq!(house.desk.search_plates("浙KI234S", &purpose, &officer()).await.unwrap().len(), 1);
        assert!(house.desk.search_plates("浙K99999", &purpose, &officer()).await.unwrap().is_empty());
        assert!(house.desk.search_plates("??%", &purpose, &officer()).await.is_err());
        let history = house.desk.plate_history("浙K·12345", &purpose, &officer()).await.unwrap();
        assert_eq!((house.last_step().await, history.as_read.as_deref()), (Step::PlateLookedUp, Some("浙K·12345")));
        assert_eq!(history.entries.len(), 3, "two captures and the incident");
        assert_eq!(house.rows().await[2], before + 4, "each look-up is one entry");

        // Where the ledger cannot be written, nothing is told.
        query("ledger_head", "UPDATE ledger_head SET hash = 'broken'").execute(&house.db).await.unwrap();
        assert!(house.desk.plate_history("浙K12345", &purpose, &officer()).await.is_err());
    }
}

#[tokio::test]
async fn numbers_run_on_and_the_export_and_the_statistics_agree_with_the_records() {
    for house in houses().await {
        let new = |kind, reason: &str| NewRecord { kind, what: What { reason: reason.into(), ..what("浙K12345") } };
        for (nth, reason) in ["=cmd()", "two, parts", "plain"].into_iter().enumerate() {
            let key = nth.to_string();
            let (record, _) = house.desk.record(new(Kind::Correction, reason), &key, &officer()).await.unwrap();
            assert_eq!(record.number, format!("C-20260310-00000{}", nth + 1));
        }
        let reused = house.desk.record(new(Kind::Warning, "other"), "0", &officer()).await;
        assert!(matches!(reused, Err(Error::KeyReused)));
        assert!(house.desk.record(new(Kind::Seizure, "no"), "9", &officer()).await.is_err());
        house.clock.advance(Duration::days(1));
        house.desk.record(new(Kind::Warning, "plain"), "10", &officer()).await.unwrap();

        let (page, next) = house.desk.records(None, None, None, None, 3).await.unwrap();
        let (rest, end) = house.desk.records(None, None, None, next.as_deref(), 3).await.unwrap();
        assert_eq!((page.len(), rest.len(), end), (3, 1, None));
        let csv = house.desk.export(Some(Kind::Correction), None, None, &supervisor("wu")).await.unwrap().csv();
        assert_eq!(csv.matches("\r\n").count(), 4);
        assert!(csv.contains("\"'=cmd()\"") && csv.contains("\"two, parts\""));
        let counted = house.desk.statistics(None, None).await.unwrap();
        assert_eq!((counted.counts.corrections, counted.counts.warnings), (3, 1));
        assert_eq!((counted.by_zone[0].count, counted.by_zone[0].zone.as_str()), (4, "Z1"));
        let days: Vec<&str> = counted.by_day.iter().map(|day| day.day.as_str()).collect();
        assert_eq!(days, ["2026-03-10", "2026-03-11"]);
    }
}
