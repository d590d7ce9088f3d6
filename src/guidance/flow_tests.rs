//! What is made of cars that come and go, and of signs that send them or do not.

use yunpark_signs::Line;

use super::{
    super::policy::tests::{Town, id, line},
    *,
};
use crate::domain::{guidance::RulesChange, ids::PanelId, time::parse_rfc3339};

fn lot(occupied: u32, version: u64) -> Availability {
    let lot = Availability::unheard(id("A"), 100);
    Availability { occupied, free: 100 - occupied, unknown: 0, version, ..lot }
}

/// One lot, looked at every ten seconds.
struct Scene {
    flows: Flows,
    now: Instant,
    cars: u32,
    version: u64,
}

impl Scene {
    fn new() -> Self {
        let mut scene =
            Self { flows: Flows::default(), now: parse_rfc3339("2026-03-10T01:00:00Z").unwrap(), cars: 10, version: 1 };
        scene.look();
        scene
    }

    fn look(&mut self) {
        self.version += 1;
        self.flows.observe(&[(id("A"), self.lot())].into(), self.now);
    }

    /// The lot as its last word told, which was four seconds on its way.
    fn lot(&self) -> Availability {
        Availability { observed_at: Some(self.now - Duration::seconds(4)), ..lot(self.cars, self.version) }
    }

    fn wait(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
    }

    /// So many cars come a minute for so many minutes, and as many leave between two looks at the end of each.
    fn come(&mut self, a_minute: u32, minutes: u32) {
        for _ in 0..minutes {
            for _ in 0..a_minute {
                self.wait(60 / i64::from(a_minute));
                self.cars += 1;
                self.look();
            }
            self.cars -= a_minute;
            self.look();
        }
    }

    fn rates(&self) -> Rates {
        self.flows.rates(&id("A"), self.now)
    }

    fn a_minute(&self) -> f64 {
        self.rates().coming * 60.0
    }

    /// What two signs tell of the lot.
    fn tell(&mut self, states: [LineState; 2]) {
        let panel = Panel {
            id: PanelId::parse("P").unwrap(),
            width_px: 160,
            height_px: 32,
            lines: vec![line(Target::Lot(id("A")))],
            rules: RulesChange::default(),
        };
        let (city, mut sent) = (Town::new().city, Sent::default());
        for state in states {
            let face =
                Face { lines: vec![Line { state, lots: vec!["A".to_owned()], ..Line::default() }], ..Face::blank(1) };
            sent.add(&city, &panel, &face);
        }
        self.flows.send(sent);
    }
}

#[test]
fn two_cars_a_minute_in_and_one_out_are_seen_as_that() {
    let mut scene = Scene::new();
    for second in (0..1800).step_by(10) {
        match second % 60 {
            0 | 20 => scene.cars += 1,
            40 => scene.cars -= 1,
            _ => {}
        }
        scene.look();
        scene.wait(10);
    }
    let rates = scene.rates();
    assert!((rates.coming * 60.0 - 2.0).abs() < 0.25, "{rates:?}");
    assert!((rates.going * 60.0 - 1.0).abs() < 0.25, "{rates:?}");
}

#[test]
fn a_correction_is_no_traffic_and_quiet_fades() {
    let mut scene = Scene::new();
    scene.wait(1);
    scene.cars = 60;
    scene.look();
    assert_eq!(scene.rates(), Rates::default());
    let silent = Availability { free: 38, unknown: 2, ..lot(60, scene.version + 1) };
    scene.flows.observe(&[(id("A"), silent)].into(), scene.now);
    (scene.version, scene.cars) = (scene.version + 1, 62);
    scene.look();
    assert_eq!(scene.rates(), Rates::default(), "sensors came back, not cars");
    scene.wait(1);
    scene.cars = 63;
    scene.look();
    let then = scene.rates().coming;
    scene.wait(7200);
    assert!(then > 0.0 && scene.rates().coming < then / 1000.0);
}

#[test]
fn those_whom_full_kept_away_will_come_again() {
    use LineState::{Few, Free, Full};
    let mut scene = Scene::new();
    scene.tell([Free, Few]);
    scene.come(4, 30);
    let open = scene.a_minute();
    assert!((open - 4.0).abs() < 0.25, "{open}");
    scene.tell([Full, Full]);
    scene.come(1, 20);
    let full = scene.a_minute();
    assert!(full > 3.0, "two minutes of being sent there are forgotten, and no more: {full}");
    scene.come(1, 240);
    let long = scene.a_minute();
    assert!((long - 1.0).abs() < 0.4, "after hours nobody knows better than what comes now: {long}");
}

#[test]
fn what_comes_now_holds_where_it_is_more() {
    let mut scene = Scene::new();
    scene.tell([LineState::Free, LineState::Full]);
    scene.come(1, 30);
    scene.tell([LineState::Full; 2]);
    scene.come(6, 20);
    let coming = scene.a_minute();
    assert!(coming > 4.5 && coming < 6.5, "{coming}");
}

#[test]
fn a_lot_of_which_no_sign_tells_is_seen_as_it_is() {
    let (mut with, mut without) = (Scene::new(), Scene::new());
    with.tell([LineState::Free; 2]);
    for scene in [&mut with, &mut without] {
        scene.come(3, 15);
        scene.come(1, 5);
    }
    assert_eq!(with.rates(), without.rates());
}

#[test]
fn silence_makes_a_count_older_only_where_words_bring_several_cars_at_once() {
    let age_after = |by: u32| {
        let mut scene = Scene::new();
        for turn in 0..60 {
            scene.wait(30);
            scene.cars = if turn % 2 == 0 { 10 + by } else { 10 };
            scene.look();
        }
        let (lot, asked) = (scene.lot(), scene.now + Duration::seconds(56));
        scene.flows.age(&lot, asked).num_seconds()
    };
    assert_eq!(age_after(1), 4, "each word brings one car: none came since, and words take four seconds");
    assert_eq!(age_after(2), 60, "words are too few to tell");
    assert_eq!(
        Scene::new().flows.age(&Scene::new().lot(), Scene::new().now),
        Duration::seconds(4),
        "nothing moved yet"
    );
    let mut mixed = Scene::new();
    for turn in 0..60 {
        mixed.wait(30);
        mixed.cars = [11, 12, 13, 15, 14, 13, 12, 10][turn % 8];
        mixed.look();
    }
    let age = mixed.flows.age(&mixed.lot(), mixed.now + Duration::seconds(56)).num_seconds();
    assert!((10..40).contains(&age), "a fourth more came than there were words: {age}");
}
