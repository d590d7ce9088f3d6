//! Where it gathers and what is missing there, and how far things came: the figures are those of the ledger, on both databases.

use serde_json::Value;
use yunpark::domain::{
    guidance::RulesChange,
    hotspot::Finding,
    ids::{PanelId, SignId},
    sign::{GuidanceLine, Manner, Panel, Sign, Target},
    sign_link::SignLink,
    text::Language,
};

use super::*;

/// Two captures of a vehicle at a place, far enough apart to be an offence.
async fn offence(house: &House, plate: &str, lon: f64) -> String {
    let at = |seconds: i64| NewCapture {
        location: Some((lon, 28.11)),
        ..capture(&format!("{plate}-{seconds}"), plate, seconds)
    };
    house.desk.receive(at(0), vec![picture(0)]).await.unwrap();
    house.desk.receive(at(300), vec![picture(1)]).await.unwrap().incident.unwrap()
}

fn plate(nth: u32) -> String {
    let letter = |place: u32| ['3', '4', '9', 'H', 'K', 'P'][(nth / 6_u32.pow(place) % 6) as usize];
    format!("浙K{}{}3WW", letter(0), letter(1))
}

/// What the ledger says of a kind: each entry's payload.
async fn said(house: &House, kind: Step) -> Vec<Value> {
    let entries = ledger::entries(&house.db, 1, 10_000).await.unwrap();
    let of_kind = entries.into_iter().filter(|entry| entry.kind == kind);
    of_kind.map(|entry| serde_json::from_str(&entry.payload).unwrap()).collect()
}

/// A sign near the first zone that guides to the only lot.
fn sign() -> Sign {
    let target = Target::Lot(LotId::parse("L1").unwrap());
    let line = GuidanceLine { target, label: None, arrow: None, travel_time_s: 60 };
    let panel = Panel {
        id: PanelId::parse("P1").unwrap(),
        width_px: 160,
        height_px: 16,
        lines: vec![line],
        rules: RulesChange::default(),
    };
    Sign {
        id: SignId::parse("SG1").unwrap(),
        name: text("诱导屏", "Sign"),
        location: geo::coord! { x: 119.571, y: 28.11 },
        heading_deg: 0.0,
        language: Language::Zh,
        panels: vec![panel],
        link: SignLink::MqttJson,
        manner: Manner::default(),
    }
}

#[tokio::test]
async fn the_place_where_free_places_are_not_told_of_is_named_and_every_figure_is_the_ledgers() {
    for house in houses().await {
        let mut stays = Vec::new();
        for nth in 0..9 {
            stays.push(offence(&house, &plate(nth), 119.57).await);
        }
        for nth in 9..12 {
            offence(&house, &plate(nth), 119.58).await;
        }
        house.desk.review(&stays[0], Decision::Warning.into(), &officer()).await.unwrap();
        house.desk.review(&stays[1], Decision::Penalty.into(), &officer()).await.unwrap();
        house.desk.review(&stays[2], rejection(), &officer()).await.unwrap();
        let (from, to) = (start() - Duration::days(1), start() + Duration::days(1));

        let spots = house.desk.hot_spots(from, to).await.unwrap();
        let found: Vec<_> = spots.iter().map(|spot| (spot.zone.as_str(), spot.violations, spot.finding)).collect();
        assert_eq!(found, [("Z1", 9, Some(Finding::SignMissing)), ("Z2", 3, None)], "three prove nothing");
        // Half past nine by the city's clock; the only lot has 34 places free.
        let busy: Vec<_> = spots[0].hours.iter().enumerate().filter(|(_, hour)| hour.violations > 0).collect();
        assert_eq!((busy.len(), busy[0].0, busy[0].1.violations, busy[0].1.free), (1, 9, 9, Some(34.0)));

        let ripened = said(&house, Step::IncidentRipened).await;
        for spot in &spots {
            let here = ripened.iter().filter(|payload| payload["zone"] == spot.zone.as_str());
            let is_free = |lots: &Value| lots.as_array().unwrap().iter().any(|lot| lot["free"].as_u64() > Some(0));
            let (count, free) = here.fold((0, 0), |(n, free), one| (n + 1, free + u32::from(is_free(&one["lots"]))));
            assert_eq!((spot.violations, spot.with_free), (count, free), "{}", spot.zone);
        }
        let funnel = house.desk.funnel(from, to).await.unwrap();
        let reviewed = said(&house, Step::IncidentReviewed).await;
        let recorded = reviewed.iter().filter(|payload| !payload["record"].is_null()).count() as u64;
        assert_eq!(funnel.captures, said(&house, Step::CaptureReceived).await.len() as u64);
        assert_eq!((funnel.stays, funnel.ripe), (12, ripened.len() as u64));
        assert_eq!((funnel.reviewed, funnel.recorded), (reviewed.len() as u64, recorded));
        assert_eq!(funnel.cases, said(&house, Step::PenaltyOpened).await.len() as u64);
        assert_eq!((funnel.decided, funnel.served, funnel.closed), (0, 0, 0));

        // A period before has nothing, and a sign on the way changes what is said.
        assert_eq!(house.desk.hot_spots(from - Duration::days(9), from).await.unwrap(), []);
        house.city.send_modify(|city| {
            let mut with_sign = City::clone(city);
            with_sign.signs.insert(sign().id.clone(), sign());
            *city = Arc::new(with_sign);
        });
        let spots = house.desk.hot_spots(from, to).await.unwrap();
        assert_eq!(spots[0].finding, Some(Finding::SignUnheeded));
    }
}
