//! Every figure of the supervisors' desk is what SQL counts in the ledger alone, on both databases, and opens as many entries.

use yunpark::{
    clock::Clock,
    domain::course,
    enforcement::{
        Advance,
        behind::{Figure, Of},
    },
    staff::{NewMember, StaffDesk},
};

use super::*;

/// Counts ledger entries whose kind and payload are like these.
async fn entries(house: &House, kind: &'static str, like: &str) -> u64 {
    let text = "SELECT COUNT(*) AS n FROM ledger WHERE kind = $1 AND payload LIKE $2";
    query("ledger", text).bind(kind).bind(format!("%{like}%")).fetch_one(&house.db).await.unwrap().count("n").unwrap()
}

/// Counts the subjects of entries of a kind, beside those of which another kind tells too.
async fn subjects(house: &House, kind: &'static str, without: &'static str) -> u64 {
    let text = "SELECT COUNT(DISTINCT subject_id) AS n FROM ledger WHERE kind = $1 AND subject_id NOT IN \
                (SELECT subject_id FROM ledger WHERE kind = $2)";
    query("ledger", text).bind(kind).bind(without).fetch_one(&house.db).await.unwrap().count("n").unwrap()
}

/// Counts entries of a kind by people of some names.
async fn by(house: &House, kind: &'static str, names: [&str; 2]) -> u64 {
    let text = "SELECT COUNT(*) AS n FROM ledger WHERE kind = $1 AND (actor LIKE $2 OR actor LIKE $3)";
    let [one, other] = names.map(|name| format!("%\"name\":\"{name}\"%"));
    query("ledger", text).bind(kind).bind(one).bind(other).fetch_one(&house.db).await.unwrap().count("n").unwrap()
}

fn plate(nth: u32) -> String {
    let letter = |place: u32| ['3', '4', '9', 'H', 'K', 'P'][(nth / 6_u32.pow(place) % 6) as usize];
    format!("浙K{}{}3WW", letter(0), letter(1))
}

async fn stay(house: &House, plate: &str, lon: f64, seconds: i64) -> String {
    let at = |offset: i64| NewCapture {
        location: Some((lon, 28.11)),
        ..capture(&format!("{plate}-{offset}"), plate, offset)
    };
    house.desk.receive(at(0), vec![picture(0)]).await.unwrap();
    house.desk.receive(at(seconds), vec![picture(1)]).await.unwrap().incident.unwrap()
}

/// A busy day: offences in two zones, some of them decided, some vehicles that left in time, records in the street.
async fn live_through(house: &House) {
    let staff =
        StaffDesk::new(house.db.clone(), Clock::manual(start()), config::Session { hours: 12, max_failures: 3 });
    let admin = yunpark::domain::staff::Actor::Staff { name: "root".into(), role: Role::Admin };
    for (name, unit) in [("lan", "城南中队"), ("mei", "城南中队"), ("wu", "")] {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        let role = if name == "wu" { Role::Supervisor } else { Role::Officer };
        let new = NewMember { name: name.clone(), role, unit, password: "correct horse".into(), reason: "x".into() };
        staff.take_on(new, &name, &admin).await.unwrap();
    }
    house.city.send_modify(|city| {
        let mut other = City::clone(city);
        other.zones.get_mut(&ZoneId::parse("Z2").unwrap()).unwrap().street_class = 3;
        *city = Arc::new(other);
    });
    let mut stays = Vec::new();
    for nth in 0..9 {
        stays.push(stay(house, &plate(nth), if nth < 6 { 119.57 } else { 119.58 }, 300).await);
    }
    for nth in 9..12 {
        stay(house, &plate(nth), 119.57, 60).await;
    }
    let mei = Person { name: "mei".into(), role: Role::Officer };
    house.desk.review(&stays[0], Decision::Warning.into(), &officer()).await.unwrap();
    house.desk.review(&stays[1], Decision::Penalty.into(), &officer()).await.unwrap();
    let (_, case) = house.desk.review(&stays[2], Decision::Penalty.into(), &mei).await.unwrap();
    house.desk.review(&stays[3], rejection(), &supervisor("wu")).await.unwrap();
    house.desk.review(&stays[7], Decision::Warning.into(), &supervisor("wu")).await.unwrap();
    let correction = NewRecord {
        kind: Kind::Correction,
        what: What { plate: None, vehicle_class: VehicleClass::NonMotor, ..what("") },
    };
    for key in ["c1", "c2", "c3"] {
        house.desk.record(correction.clone(), key, &mei).await.unwrap();
    }
    let case = case.unwrap().id;
    let step = |step: course::Step| Advance::of(step, "办案");
    let decided =
        course::Step::DecideOnSpot { amount_yuan: 100, articles: "道路交通安全法 第九十三条".into() };
    house.desk.advance(&case, step(decided), None, &mei).await.unwrap();
    let served = course::Step::Serve { how: "direct".into() };
    house.desk.advance(&case, step(served), None, &mei).await.unwrap();
    house.clock.advance(Duration::hours(3));
    house.desk.close_silent().await.unwrap();
}

#[tokio::test]
async fn every_figure_is_what_sql_counts_in_the_ledger_and_opens_as_many_entries() {
    for house in houses().await {
        live_through(&house).await;
        let period = (start() - Duration::days(1), start() + Duration::days(1));
        let opens = async |of: Of, figure: Figure| house.desk.behind(of, &figure, period).await.unwrap().count;

        // The tiles.
        let tiles = house.desk.statistics(Some(period.0), Some(period.1)).await.unwrap();
        for (figure, kind, of) in [
            (tiles.counts.warnings, "warning.issued", Kind::Warning),
            (tiles.counts.corrections, "correction.recorded", Kind::Correction),
            (tiles.counts.penalties, "penalty.opened", Kind::Penalty),
            (tiles.counts.seizures, "seizure.proposed", Kind::Seizure),
        ] {
            assert_eq!(figure, entries(&house, kind, "").await, "{kind}");
            assert_eq!(figure, opens(Of::Records, Figure { kind: Some(of), ..Figure::default() }).await, "{kind}");
        }
        assert_eq!((tiles.counts.warnings, tiles.counts.corrections, tiles.counts.penalties), (2, 3, 2));
        assert_eq!(tiles.incidents_ripe, subjects(&house, "incident.ripened", "incident.reviewed").await);
        assert_eq!((tiles.incidents_ripe, tiles.incidents_open), (4, 0));
        let day: u64 = tiles.by_day.iter().map(|day| day.counts.warnings + day.counts.corrections).sum();
        assert_eq!(day, tiles.counts.warnings + tiles.counts.corrections);
        for zone in &tiles.by_zone {
            let named = format!("\"zone\":\"{}\"", zone.zone);
            let mut counted = 0;
            for kind in ["warning.issued", "correction.recorded", "penalty.opened", "seizure.proposed"] {
                counted += entries(&house, kind, &named).await;
            }
            assert_eq!(zone.count, counted, "{}", zone.zone);
            let figure = Figure { zone: Some(zone.zone.to_string()), ..Figure::default() };
            assert_eq!(zone.count, opens(Of::Records, figure).await);
        }

        // Where it gathers, at which hour.
        for spot in house.desk.hot_spots(period.0, period.1).await.unwrap() {
            let counted = entries(&house, "incident.ripened", &format!("\"zone\":\"{}\"", spot.zone)).await;
            assert_eq!(u64::from(spot.violations), counted, "{}", spot.zone);
            let zone = Figure { zone: Some(spot.zone.to_string()), ..Figure::default() };
            assert_eq!(counted, opens(Of::Offences, zone.clone()).await);
            for (hour, told) in (0..).zip(&spot.hours) {
                let at = Figure { hour: Some(hour), ..zone.clone() };
                assert_eq!(u64::from(told.violations), opens(Of::Offences, at).await, "{} at {hour}", spot.zone);
            }
            assert_eq!(spot.lots.len(), 1, "the only lot, with what it had free");
            assert_eq!((spot.lots[0].lot.as_str(), spot.lots[0].free), ("L1", Some(34.0)));
        }

        // From captures to closed cases.
        let funnel = house.desk.funnel(period.0, period.1).await.unwrap();
        for (figure, of, counted) in [
            (funnel.captures, Of::Captures, entries(&house, "capture.received", "").await),
            (funnel.ripe, Of::Ripe, subjects(&house, "incident.ripened", "").await),
            (funnel.reviewed, Of::Reviewed, subjects(&house, "incident.reviewed", "").await),
            (funnel.recorded, Of::Recorded, entries(&house, "incident.reviewed", "\"record\":\"").await),
            (funnel.cases, Of::Cases, entries(&house, "penalty.opened", "").await),
            (funnel.decided, Of::Decided, entries(&house, "record.stepped", "\"step\":\"decide").await),
            (funnel.served, Of::Served, entries(&house, "record.stepped", "\"step\":\"serve\"").await),
            (funnel.closed, Of::Closed, entries(&house, "record.stepped", "\"step\":\"close\"").await),
        ] {
            assert_eq!(figure, counted, "{of:?}");
            assert_eq!(figure, opens(of, Figure::default()).await, "{of:?}");
        }
        assert_eq!((funnel.captures, funnel.stays, funnel.ripe, funnel.reviewed, funnel.recorded), (24, 12, 9, 5, 4));

        // By class of street: the first zone is of class 1, the other of class 3.
        let classes = house.desk.class_scores(period.0, period.1).await.unwrap();
        let told: Vec<_> = classes.iter().map(|one| (one.class, one.stays, one.in_time, one.offences)).collect();
        assert_eq!(told, [(Some(1), 9, 3, 6), (Some(3), 3, 0, 3)]);
        for (class, zone) in [(1, "Z1"), (3, "Z2")] {
            let score = classes.iter().find(|one| one.class == Some(class)).unwrap();
            let figure = || Figure { class: Some(class), ..Figure::default() };
            assert_eq!(score.offences, entries(&house, "incident.ripened", &format!("\"zone\":\"{zone}\"")).await);
            assert_eq!(score.offences, opens(Of::Ripe, figure()).await);
            assert_eq!(score.stays, opens(Of::Stays, figure()).await);
            assert_eq!(score.in_time, opens(Of::InTime, figure()).await);
            assert_eq!(score.recorded, opens(Of::Recorded, figure()).await);
        }
        let in_time: u64 = classes.iter().map(|one| one.in_time).sum();
        assert_eq!(in_time, entries(&house, "incident.closed", "left_in_time").await);

        // By unit: two people of one unit, one of none.
        let units = house.desk.unit_scores(period.0, period.1).await.unwrap();
        let told: Vec<_> = units.iter().map(|one| (one.unit.as_deref(), one.people, one.records)).collect();
        assert_eq!(told, [(Some("城南中队"), 2, 6), (None, 1, 1)]);
        for (unit, names) in [(Some("城南中队"), ["lan", "mei"]), (None, ["wu", "nobody"])] {
            let score = units.iter().find(|one| one.unit.as_deref() == unit).unwrap();
            assert_eq!(score.warnings, by(&house, "warning.issued", names).await);
            assert_eq!(score.corrections, by(&house, "correction.recorded", names).await);
            assert_eq!(score.penalties, by(&house, "penalty.opened", names).await);
            let figure = Figure { unit: Some(unit.unwrap_or_default().to_owned()), ..Figure::default() };
            assert_eq!(score.records, opens(Of::Records, figure.clone()).await);
            assert_eq!((score.overdue, opens(Of::Overdue, figure).await), (0, 0));
        }

        // A month later what was due is overdue, and it is the ledger's own terms that say so.
        house.clock.advance(Duration::days(200));
        let units = house.desk.unit_scores(period.0, period.1).await.unwrap();
        let overdue: u64 = units.iter().map(|one| one.overdue).sum();
        assert_eq!(overdue, overdue_by_the_ledger(&house).await);
        assert_eq!(overdue, opens(Of::Overdue, Figure::default()).await);
        assert!(overdue > 0);
        // What a period before has is nothing.
        let before = (start() - Duration::days(20), start() - Duration::days(10));
        for of in [Of::Captures, Of::Stays, Of::Offences, Of::Records, Of::Overdue, Of::Cases] {
            assert_eq!(house.desk.behind(of, &Figure::default(), before).await.unwrap().count, 0, "{of:?}");
        }
    }
}

/// Records whose newest entry names a deadline that has passed.
async fn overdue_by_the_ledger(house: &House) -> u64 {
    let text = "SELECT payload, subject_id FROM ledger WHERE subject_type = 'record' AND seq IN \
                (SELECT MAX(seq) FROM ledger WHERE subject_type = 'record' GROUP BY subject_id)";
    let rows = query("ledger", text).fetch_all(&house.db).await.unwrap();
    let now = yunpark::domain::time::to_micros(house.clock.now());
    let due = |row: &yunpark::store::Row| {
        let payload: serde_json::Value = serde_json::from_str(&row.get::<String>("payload").unwrap()).unwrap();
        payload["record"]["due_us"].as_i64()
    };
    rows.iter().filter_map(due).filter(|due| *due <= now).count() as u64
}
