//! What drivers are told, case by case.

use yunpark_signs::Reason;

use super::{
    super::{
        arrival::Expected,
        flow::{Flows, Rates},
    },
    *,
};
use crate::domain::{
    guidance::{Policy, RulesChange},
    ids::SignId,
    ids::{GroupId, PanelId},
    lot::{CountedBy, LotKind, VehicleClass},
    sign::{Arrow, GuidanceLine, LotGroup, Manner, Target},
    sign_link::SnmpVersion,
    text::{Language, Localized},
    time::parse_rfc3339,
};

pub struct Town {
    pub city: City,
    pub lots: BTreeMap<LotId, Availability>,
    pub rules: config::Guidance,
    pub now: Instant,
    pub closed: Vec<&'static str>,
    forecast: Option<u32>,
    rates: Rates,
    link: SignLink,
    pub manner: Manner,
    pub change: RulesChange,
    pub orders: Vec<Order>,
}

pub fn id(text: &str) -> LotId {
    LotId::parse(text).unwrap()
}

fn lot(text: &str, capacity: u32) -> Lot {
    Lot {
        id: id(text),
        name: Localized { zh: format!("{text}停车场"), en: format!("Lot {text}") },
        kind: LotKind::Garage,
        geometry: geo::Geometry::Point(geo::Point::new(119.5, 28.1)),
        location: geo::Coord { x: 119.5, y: 28.1 },
        capacity,
        vehicle_class: VehicleClass::Motor,
        spaces: Vec::new(),
        counted_by: CountedBy::Counters,
        mixed: false,
        nightly_reset: None,
        uses: BTreeMap::new(),
        opening_hours: None,
        tariff: None,
        max_height_m: None,
        entrances: Vec::new(),
        street: None,
        grid_cell: None,
        stale_after_s: None,
    }
}

pub fn sign(link: SignLink, language: Language) -> Sign {
    Sign {
        id: SignId::parse("G").unwrap(),
        name: Localized::default(),
        location: geo::Coord { x: 119.5, y: 28.1 },
        heading_deg: 0.0,
        language,
        panels: Vec::new(),
        link,
        manner: Manner::default(),
    }
}

pub fn line(target: Target) -> GuidanceLine {
    GuidanceLine { target, label: None, arrow: Some(Arrow::Left), travel_time_s: 120 }
}

fn group() -> Target {
    Target::Group(GroupId::parse("G").unwrap())
}

impl Town {
    pub fn new() -> Self {
        let mut city = City::default();
        for lot in [lot("A", 100), lot("B", 50)] {
            city.lots.insert(lot.id.clone(), lot);
        }
        let name = Localized { zh: "城西".into(), en: "West".into() };
        let gid = GroupId::parse("G").unwrap();
        city.groups.insert(gid.clone(), LotGroup { id: gid, name, lots: vec![id("A"), id("B")] });
        let now = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        // Most of these tests are about counts; those about arrivals say so.
        let rules = config::Guidance { policy: Policy::Thresholds, ..config::Config::load(None).unwrap().guidance };
        let mut town = Self {
            city,
            lots: BTreeMap::new(),
            rules,
            now,
            closed: Vec::new(),
            forecast: None,
            rates: Rates::default(),
            link: SignLink::MqttJson,
            manner: Manner::default(),
            change: RulesChange::default(),
            orders: Vec::new(),
        };
        town.count("A", 100, 34);
        town.count("B", 50, 20);
        town
    }

    pub fn count(&mut self, lot: &str, capacity: u32, free: u32) {
        let availability = Availability {
            free,
            occupied: capacity - free,
            unknown: 0,
            observed_at: Some(self.now),
            version: 1,
            ..Availability::unheard(id(lot), capacity)
        };
        self.lots.insert(id(lot), availability);
    }

    pub fn face(&self, targets: &[Target], language: Language, state: &mut PanelState) -> Face {
        self.composed(targets, language, state).face
    }

    pub fn composed(&self, targets: &[Target], language: Language, state: &mut PanelState) -> Composed {
        let lines = targets.iter().cloned().map(line).collect();
        let panel =
            Panel { id: PanelId::parse("P").unwrap(), width_px: 160, height_px: 64, lines, rules: self.change.clone() };
        let situation = Situation {
            city: &self.city,
            lots: &self.lots,
            now: self.now,
            rules: &self.rules,
            stale_after: Duration::seconds(900),
            answer: Duration::seconds(5),
            is_open: &|lot| !self.closed.contains(&lot.id.as_str()),
            age: &|lot| Flows::default().age(lot, self.now),
            ahead: &|_, _| Ahead {
                forecast: self.forecast.map(|free| Expected { free, chance: 1.0 }),
                rates: self.rates,
                under_way: crate::domain::demand::Coming::default(),
            },
            orders: &self.orders,
        };
        let sign = Sign { manner: self.manner.clone(), ..sign(self.link.clone(), language) };
        compose(&sign, &panel, &situation, state)
    }

    pub fn told(&self, targets: &[Target]) -> Vec<String> {
        self.face(targets, Language::Zh, &mut PanelState::default())
            .lines
            .iter()
            .map(|line| line.text.clone())
            .collect()
    }
}

pub fn a() -> Target {
    Target::Lot(id("A"))
}

pub fn b() -> Target {
    Target::Lot(id("B"))
}

#[test]
fn a_line_tells_the_free_places_of_its_lot_under_its_name() {
    let face = Town::new().face(&[a()], Language::Zh, &mut PanelState::default());
    assert_eq!((face.lines[0].to_string().as_str(), face.mode), ("A停车场 ← 34", Mode::Normal));
    assert_eq!((face.lines[0].free, face.lines[0].offset, face.lines[0].reason), (Some(34), 0, None));
    assert_eq!(face.lines[0].rule, Some(signs::Rule::Thresholds));
}

#[test]
fn one_ill_lot_does_not_blank_its_neighbour() {
    let mut town = Town::new();
    town.lots.remove(&id("A"));
    assert_eq!(town.told(&[a(), b()]), ["----", "20"]);
    let face = town.face(&[a()], Language::Zh, &mut PanelState::default());
    assert_eq!((face.mode, face.lines[0].free), (Mode::Fallback, None));
}

#[test]
fn a_stale_number_is_never_shown() {
    let mut town = Town::new();
    town.now += Duration::seconds(900);
    assert_eq!(town.told(&[a()]), ["34"], "just young enough");
    town.now += Duration::microseconds(1);
    assert_eq!(town.told(&[a()]), ["----"]);
}

#[test]
fn a_face_may_stand_until_the_first_of_its_numbers_reaches_its_limit() {
    let mut town = Town::new();
    let start = town.now;
    let good_until = |town: &Town, targets: &[Target]| {
        let end = town.composed(targets, Language::Zh, &mut PanelState::default()).good_until;
        end.map(|end| (end - start).num_seconds())
    };
    town.now += Duration::seconds(100);
    town.count("B", 50, 20);
    assert_eq!(good_until(&town, &[b()]), Some(1000));
    assert_eq!(good_until(&town, &[b(), a()]), Some(900), "the older lot decides");
    assert_eq!(good_until(&town, &[group()]), Some(900), "in a sum as well");
    town.city.lots.get_mut("B").unwrap().stale_after_s = Some(60);
    assert_eq!(good_until(&town, &[a(), b()]), Some(160), "a lot with a limit of its own");
    town.now += Duration::seconds(61);
    assert_eq!(good_until(&town, &[a(), b()]), Some(900), "a line without a number has no end");
    town.count("A", 100, 0);
    assert_eq!(good_until(&town, &[a()]), Some(161 + 900), "that it is full ends as a number does");
    town.closed = vec!["A"];
    assert_eq!(good_until(&town, &[a(), b()]), None);
}

#[test]
fn a_sign_that_counts_whole_minutes_falls_back_while_it_can_still_be_told() {
    let mut town = Town::new();
    let address = "127.0.0.1:161".to_owned();
    town.link = SignLink::Ntcip1203 { address, community: "public".to_owned(), version: SnmpVersion::V1 };
    town.now += Duration::seconds(830);
    assert_eq!(town.told(&[a()]), ["34"], "seventy seconds are a minute and the time to write");
    town.now += Duration::microseconds(1);
    assert_eq!(town.told(&[a()]), ["----"]);
    town.link = SignLink::MqttJson;
    assert_eq!(town.told(&[a()]), ["34"], "a sign that is told the moment itself shows it to the last");
}

#[test]
fn a_lot_whose_every_place_is_unknown_has_no_number() {
    let mut town = Town::new();
    let ill = Availability { observed_at: Some(town.now), ..Availability::unheard(id("A"), 100) };
    town.lots.insert(id("A"), ill);
    assert_eq!(town.told(&[a()]), ["----"]);
}

#[test]
fn a_group_sums_the_lots_with_live_data_and_says_which() {
    let mut town = Town::new();
    assert_eq!(town.told(&[group()]), ["54"]);
    town.lots.remove(&id("A"));
    let face = town.face(&[group()], Language::Zh, &mut PanelState::default());
    assert_eq!((face.lines[0].text.as_str(), &face.lines[0].lots), ("20", &vec!["B".to_owned()]));
    town.closed.push("B");
    assert_eq!(town.told(&[group()]), ["----"], "what is open is silent, what speaks is closed");
}

#[test]
fn a_closed_lot_is_told_closed_whatever_its_sensors_say() {
    let mut town = Town::new();
    town.closed = vec!["A", "B"];
    assert_eq!(town.told(&[a(), group()]), ["关闭", "关闭"]);
    let face = town.face(&[a()], Language::En, &mut PanelState::default());
    assert_eq!((face.mode, face.lines[0].text.as_str()), (Mode::Closed, "CLOSED"));
}

#[test]
fn a_lot_an_operator_closed_is_told_closed_left_out_of_its_group_and_counts_again_when_reopened() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    let close = |town: &mut Town, closed| town.lots.get_mut("A").unwrap().closed = closed;
    let mut told = |town: &Town| {
        let face = town.face(&[a(), group()], Language::Zh, &mut state);
        face.lines.into_iter().map(|line| (line.text, line.reason, line.lots.concat())).collect::<Vec<_>>()
    };
    let number = |text: &str, lots: &str| (text.to_owned(), None, lots.to_owned());
    let closed = |lots: &str| ("关闭".to_owned(), Some(Reason::ClosedByOperator), lots.to_owned());
    assert_eq!(told(&town), [number("34", "A"), number("54", "AB")]);
    close(&mut town, true);
    assert_eq!(told(&town), [closed("A"), number("20", "B")], "34 places nobody may drive to are not told");
    town.closed = vec!["A", "B"];
    assert_eq!(told(&town), [closed("A"), closed("AB")], "one stays closed when the hours of the other begin");
    town.closed.clear();
    close(&mut town, false);
    assert_eq!(told(&town), [number("34", "A"), number("54", "AB")]);
    // Nothing need ever have been heard of a lot to close it.
    town.lots.insert(id("A"), Availability { closed: true, ..Availability::unheard(id("A"), 100) });
    assert_eq!(told(&town)[0], closed("A"));
}

#[test]
fn a_lot_that_is_gone_leaves_no_number_behind_and_its_neighbour_alone() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    assert_eq!(town.face(&[a(), b()], Language::Zh, &mut state).lines.len(), 2);
    town.city.lots.remove("A");
    let face = town.face(&[a(), b(), group()], Language::Zh, &mut state);
    let told: Vec<_> = face.lines.iter().map(|line| (line.text.as_str(), line.state)).collect();
    assert_eq!(told, [("----", LineState::NoData), ("20", LineState::Free), ("20", LineState::Free)]);
}

#[test]
fn full_is_kept_within_the_band_and_the_reason_is_named() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    let mut told = Vec::new();
    for free in [3, 2, 5, 6] {
        town.count("A", 100, free);
        let face = town.face(&[a()], Language::En, &mut state);
        told.push((face.lines[0].text.clone(), face.mode, face.lines[0].reason));
        assert_eq!(face.lines[0].free, Some(free));
    }
    let full = |reason| ("FULL".to_owned(), Mode::Full, reason);
    let number = |n: &str| (n.to_owned(), Mode::Normal, None);
    assert_eq!(told, [number("3"), full(None), full(Some(Reason::Hysteresis)), number("6")]);
}

#[test]
fn places_held_back_are_taken_off_and_named() {
    let mut town = Town::new();
    town.rules.held_back = 4;
    let face = town.face(&[a()], Language::Zh, &mut PanelState::default());
    let line = &face.lines[0];
    assert_eq!((line.text.as_str(), line.free, line.offset), ("30", Some(34), -4));
    assert_eq!(line.reason, Some(Reason::HeldBack));
}

#[test]
fn the_arrival_rule_never_shows_more_than_is_forecast_for_the_arrival() {
    let mut town = Town::new();
    town.forecast = Some(9);
    town.rules.near_s = 60;
    town.rules.policy = Policy::Thresholds;
    assert_eq!(town.told(&[a()]), ["34"], "the other rule does not ask");
    town.rules.policy = Policy::Arrival;
    let face = town.face(&[a(), group()], Language::Zh, &mut PanelState::default());
    assert_eq!((face.lines[0].text.as_str(), face.lines[0].offset), ("9", -25));
    assert_eq!(face.lines[0].reason, Some(Reason::ForecastOnArrival));
    assert_eq!(face.lines[1].text, "18");
    town.forecast = Some(90);
    assert_eq!(town.told(&[a()]), ["34"], "a hopeful forecast adds nothing");
    town.forecast = None;
    assert_eq!(town.told(&[a()]), ["34"], "no forecast, no cap");
}

#[test]
fn by_default_a_filling_lot_is_told_as_it_will_be_on_arrival() {
    let mut town = Town::new();
    town.rules = config::Config::load(None).unwrap().guidance;
    town.rates = Rates { coming: 0.05, going: 0.0 };
    let face = town.face(&[a()], Language::Zh, &mut PanelState::default());
    let line = &face.lines[0];
    // Two minutes bring six cars, and the margin keeps two more back.
    assert_eq!((line.text.as_str(), line.reason), ("25", Some(Reason::FlowOnArrival)));
    assert_eq!(line.rule, Some(signs::Rule::Arrival));
}

#[test]
fn a_panel_rests_between_numbers_but_falls_back_at_once() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    let dwell = Duration::seconds(2);
    let advance = |town: &Town, state: &mut PanelState, version: u64| {
        let composed = town.composed(&[a(), b()], Language::Zh, state);
        state.advance(composed.face, &composed.lost, town.now, dwell, || version).map(|face| face.lines[0].text.clone())
    };
    assert_eq!(advance(&town, &mut state, 1).as_deref(), Some("34"));
    town.count("A", 100, 33);
    assert_eq!(advance(&town, &mut state, 2), None, "it rests");
    town.now += Duration::seconds(2);
    assert_eq!(advance(&town, &mut state, 2).as_deref(), Some("33"));
    town.lots.remove(&id("A"));
    assert_eq!(advance(&town, &mut state, 3).as_deref(), Some("----"), "a fallback is not held back");
    town.closed.push("A");
    assert_eq!(advance(&town, &mut state, 4).as_deref(), Some("关闭"), "nor is a closing");
    assert_eq!(advance(&town, &mut state, 5), None, "the same face is not told twice");
}

proptest::proptest! {
    #[test]
    fn a_sign_never_shows_more_than_is_free(free in 0u32..=100, held_back in 0u32..20, forecast in 0u32..200, arrival in proptest::bool::ANY) {
        let mut town = Town::new();
        town.count("A", 100, free);
        town.rules.held_back = held_back;
        town.forecast = Some(forecast);
        town.rules.policy = if arrival { Policy::Arrival } else { Policy::Thresholds };
        let line = &town.face(&[a()], Language::Zh, &mut PanelState::default()).lines[0];
        if let Ok(shown) = line.text.parse::<i64>() {
            proptest::prop_assert!(shown > 0 && shown <= i64::from(free));
            proptest::prop_assert_eq!(shown, i64::from(free) + line.offset);
            proptest::prop_assert_eq!(line.offset != 0, line.reason.is_some());
        }
    }
}
