//! The rules beyond a plain count, case by case: thresholds, trust, levels, nearest with room, orders, dwell.

use chrono::Duration;
use yunpark_signs::{Colour, Face, LineState, Mode, Reason, Source};

use super::policy::tests::{Town, a, b, id};
use crate::{
    domain::{
        guidance::{RulesChange, SignLevel},
        ids::SignId,
        sign::{Arrow, Choice, Leds, Target},
        sign_order::{Order, OrderMode, Priority},
        text::{Language, Localized},
    },
    guidance::panel::PanelState,
};
fn texts(face: &Face) -> Vec<&str> {
    face.lines.iter().map(|line| line.text.as_str()).collect()
}

fn nearest() -> Target {
    let choice = |lot: &str, arrow, travel_time_s| Choice { lot: id(lot), arrow: Some(arrow), travel_time_s };
    Target::Nearest(vec![choice("A", Arrow::Left, None), choice("B", Arrow::Ahead, Some(300))])
}

#[test]
fn nearly_full_is_entered_and_left_at_its_own_thresholds_and_told_by_its_word_where_so_configured() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    town.rules.almost_full_as_word = true;
    let mut told = Vec::new();
    for free in [11, 10, 15, 16] {
        town.count("A", 100, free);
        let face = town.face(&[a()], Language::En, &mut state);
        told.push((face.lines[0].text.clone(), face.lines[0].state, face.lines[0].reason));
    }
    let low = |reason| ("LOW".to_owned(), LineState::Few, reason);
    let free = |n: &str| (n.to_owned(), LineState::Free, None);
    assert_eq!(told, [free("11"), low(None), low(Some(Reason::Hysteresis)), free("16")]);
}

#[test]
fn a_number_few_sensors_stand_behind_gives_way_to_a_word_and_then_to_nothing() {
    let mut town = Town::new();
    let mut told = |free: u32, occupied: u32, unknown: u32| {
        town.count("A", 100, free);
        let lot = town.lots.get_mut("A").unwrap();
        (lot.occupied, lot.unknown) = (occupied, unknown);
        let composed = town.composed(&[a()], Language::Zh, &mut PanelState::default());
        let line = &composed.face.lines[0];
        (line.text.clone(), line.reason, composed.basis[0].reporting_share)
    };
    assert_eq!(told(30, 50, 20), ("30".to_owned(), None, 0.8));
    assert_eq!(told(30, 49, 21), ("有位".to_owned(), Some(Reason::FewReporting), 0.79));
    assert_eq!(told(8, 52, 40), ("紧张".to_owned(), Some(Reason::FewReporting), 0.6));
    assert_eq!(told(30, 20, 50), ("有位".to_owned(), Some(Reason::FewReporting), 0.5));
    assert_eq!(told(30, 19, 51), ("----".to_owned(), Some(Reason::NotReporting), 0.49));
}

#[test]
fn a_number_that_is_not_young_any_more_gives_way_to_a_word_where_so_configured() {
    let mut town = Town::new();
    town.rules.number_max_age_s = 60;
    town.now += Duration::seconds(60);
    assert_eq!(town.told(&[a()]), ["34"]);
    town.now += Duration::seconds(1);
    let face = town.face(&[a()], Language::En, &mut PanelState::default());
    assert_eq!((texts(&face), face.lines[0].reason), (vec!["OPEN"], Some(Reason::Ageing)));
}

#[test]
fn why_nothing_is_told_stands_in_the_line() {
    let mut town = Town::new();
    let reason = |town: &Town| town.face(&[a()], Language::Zh, &mut PanelState::default()).lines[0].reason;
    town.now += Duration::seconds(901);
    assert_eq!(reason(&town), Some(Reason::Stale));
    town.lots.remove(&id("A"));
    assert_eq!(reason(&town), Some(Reason::Unheard));
    town.closed.push("A");
    assert_eq!(reason(&town), Some(Reason::OutOfHours));
}

#[test]
fn a_sign_far_out_rounds_down_and_one_at_the_entrance_keeps_nothing_back() {
    let mut town = Town::new();
    town.rules.held_back = 2;
    let mut told = |level, free| {
        town.manner.level = level;
        town.count("A", 100, free);
        let line = town.face(&[a()], Language::Zh, &mut PanelState::default()).lines[0].clone();
        (line.text, line.offset, line.reason)
    };
    assert_eq!(told(SignLevel::Street, 34), ("32".to_owned(), -2, Some(Reason::HeldBack)));
    assert_eq!(told(SignLevel::Area, 34), ("30".to_owned(), -4, Some(Reason::HeldBack)));
    assert_eq!(told(SignLevel::Area, 6), ("4".to_owned(), -2, Some(Reason::HeldBack)), "below one step it is exact");
    assert_eq!(told(SignLevel::Entrance, 34), ("34".to_owned(), 0, None));
    town.rules.held_back = 0;
    town.manner.level = SignLevel::Area;
    town.count("A", 100, 34);
    let line = town.face(&[a()], Language::Zh, &mut PanelState::default()).lines[0].clone();
    assert_eq!((line.text.as_str(), line.reason), ("30", Some(Reason::Rounded)));
}

#[test]
fn a_panel_may_set_its_own_rules() {
    let mut town = Town::new();
    town.change = RulesChange { held_back: Some(4), full_free: Some(30), ..RulesChange::default() };
    let face = town.face(&[a()], Language::Zh, &mut PanelState::default());
    assert_eq!((texts(&face), face.mode), (vec!["满"], Mode::Full));
}

#[test]
fn the_nearest_with_room_is_named_until_it_is_full_and_again_once_it_clearly_has_room() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    let mut told = Vec::new();
    for free in [34, 3, 2, 5, 6] {
        town.count("A", 100, free);
        let face = town.face(&[nearest()], Language::En, &mut state);
        told.push(face.lines[0].to_string());
    }
    assert_eq!(told, ["Lot A ← 34", "Lot A ← 3", "Lot B ↑ 20", "Lot B ↑ 20", "Lot A ← 6"]);
}

#[test]
fn with_no_room_anywhere_the_nearest_line_says_full_else_that_it_does_not_know_else_closed() {
    let mut town = Town::new();
    let told = |town: &Town| town.face(&[nearest()], Language::En, &mut PanelState::default()).lines[0].clone();
    town.lots.remove(&id("A"));
    assert_eq!(told(&town).to_string(), "Lot B ↑ 20", "an ill lot is passed over");
    town.count("B", 50, 0);
    assert_eq!((told(&town).text.as_str(), told(&town).lots), ("FULL", vec!["B".to_owned()]));
    town.count("A", 100, 0);
    assert_eq!((told(&town).text.as_str(), told(&town).lots.len()), ("FULL", 2));
    town.lots.clear();
    assert_eq!(told(&town).text, "----");
    town.closed = vec!["A", "B"];
    assert_eq!(told(&town).text, "CLOSED");
}

#[test]
fn turning_to_the_next_lot_waits_for_the_dwell_but_an_ill_lot_does_not() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    let advance = |town: &Town, state: &mut PanelState| {
        let composed = town.composed(&[nearest()], Language::En, state);
        let face = state.advance(composed.face, &composed.lost, town.now, Duration::seconds(5), || 1)?;
        Some(face.lines[0].label.clone())
    };
    assert_eq!(advance(&town, &mut state).as_deref(), Some("Lot A"));
    town.now += Duration::seconds(1);
    town.count("A", 100, 0);
    town.count("B", 50, 20);
    assert_eq!(advance(&town, &mut state), None, "it rests");
    town.lots.remove(&id("A"));
    assert_eq!(advance(&town, &mut state).as_deref(), Some("Lot B"), "what it shows is not known any more");
}

#[test]
fn colours_follow_the_state_and_what_the_leds_can_light() {
    let mut town = Town::new();
    let colour = |town: &Town| town.face(&[a()], Language::Zh, &mut PanelState::default()).lines[0].colour;
    assert_eq!(colour(&town), Colour::Green);
    town.manner.leds = Leds::Amber;
    assert_eq!(colour(&town), Colour::Amber);
    town.manner.leds = Leds::RedGreen;
    town.lots.clear();
    assert_eq!(colour(&town), Colour::Amber, "there is no grey");
}

fn order(town: &Town, mode: OrderMode, priority: Priority, seconds: i64) -> Order {
    Order {
        id: format!("{priority:?}"),
        signs: vec![SignId::parse("G").unwrap()],
        panel: None,
        priority,
        mode,
        text: Localized { zh: "前方封闭请绕行".to_owned(), en: "Road closed".to_owned() },
        is_red: true,
        reason: "works".to_owned(),
        starts_at: town.now,
        ends_at: town.now + Duration::seconds(seconds),
        ordered_by: "ann".to_owned(),
        ordered_at: town.now,
        withdrawn_at: None,
    }
}

#[test]
fn an_order_stands_above_guidance_until_its_very_end_and_guidance_goes_on_below() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    town.orders = vec![
        order(&town, OrderMode::Closed, Priority::Operator, 60),
        order(&town, OrderMode::Text, Priority::Emergency, 30),
    ];
    let end =
        |composed: &super::policy::Composed, town: &Town| composed.good_until.map(|end| (end - town.now).num_seconds());
    let composed = town.composed(&[a(), b()], Language::Zh, &mut state);
    assert_eq!(composed.face.lines.iter().map(|line| line.label.as_str()).collect::<Vec<_>>(), ["前方封闭请绕行"]);
    assert_eq!((composed.face.source, composed.face.lines[0].colour), (Source::Emergency, Colour::Red));
    assert_eq!((end(&composed, &town), composed.basis.len()), (Some(30), 0), "nobody shows it longer");
    town.count("A", 100, 2);
    town.now += Duration::seconds(30);
    let composed = town.composed(&[a(), b()], Language::Zh, &mut state);
    assert_eq!((texts(&composed.face), composed.face.source), (vec!["关闭", "关闭"], Source::Operator));
    town.count("A", 100, 4);
    town.now += Duration::seconds(30);
    let face = town.face(&[a(), b()], Language::Zh, &mut state);
    assert_eq!(
        (texts(&face), face.source),
        (vec!["满", "20"], Source::Guidance),
        "full was entered while another spoke"
    );
}

#[test]
fn the_word_of_a_person_is_not_held_back_by_the_dwell() {
    let (mut town, mut state) = (Town::new(), PanelState::default());
    let advance = |town: &Town, state: &mut PanelState| {
        let composed = town.composed(&[a()], Language::Zh, state);
        state.advance(composed.face, &composed.lost, town.now, Duration::seconds(60), || 1).map(|face| face.source)
    };
    assert_eq!(advance(&town, &mut state), Some(Source::Guidance));
    town.orders = vec![order(&town, OrderMode::Blank, Priority::Operator, 10)];
    assert_eq!(advance(&town, &mut state), Some(Source::Operator));
    town.now += Duration::seconds(10);
    assert_eq!(advance(&town, &mut state), Some(Source::Guidance));
}

#[test]
fn on_random_walks_nothing_flaps_inside_the_dwell() {
    let mut town = Town::new();
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    let mut roll = |sides: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) % sides
    };
    let mut changes = 0;
    for walk in 0..2_000u64 {
        let dwell = Duration::seconds(i64::try_from(1 + roll(8)).unwrap());
        let mut state = PanelState::default();
        let mut free = u32::try_from(roll(30)).unwrap();
        let mut changed_at = None;
        for _ in 0..25 {
            town.now += Duration::milliseconds(i64::try_from(250 + roll(2_000)).unwrap());
            free = (free + u32::try_from(roll(5)).unwrap()).saturating_sub(2).min(100);
            town.count("A", 100, free);
            let composed = town.composed(&[a()], Language::Zh, &mut state);
            if state.advance(composed.face, &composed.lost, town.now, dwell, || walk).is_some() {
                assert!(changed_at.is_none_or(|at| town.now - at >= dwell), "walk {walk} flaps inside its dwell");
                changed_at = Some(town.now);
                changes += 1;
            }
        }
    }
    assert!(changes > 5_000, "the walks do change the panel: {changes}");
}
