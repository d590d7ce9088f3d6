//! How signs are kept in step, and how long what they show may stand.

use proptest::prelude::*;

use super::{
    super::policy::tests::{Town, a, id, line, sign},
    *,
};
use crate::{
    availability::{Engine, Limits, LotLayout},
    domain::{
        guidance::RulesChange,
        observation::{Observation, Statement},
        sign::SignLink,
        text::Language,
    },
};

/// A town with one sign that guides to lot A, and what keeps it.
struct Scene {
    clock: Clock,
    start: Instant,
    city: Arc<City>,
    engine: Engine,
    board: Arc<Board>,
    signs: Arc<SignBoard>,
    sign: Sign,
}

impl Scene {
    fn new() -> Self {
        let mut city = Town::new().city;
        let panel = Panel {
            id: PanelId::parse("P").unwrap(),
            width_px: 160,
            height_px: 32,
            lines: vec![line(a())],
            rules: RulesChange::default(),
        };
        let sign = Sign { panels: vec![panel], ..sign(SignLink::MqttJson, Language::Zh) };
        city.signs.insert(sign.id.clone(), sign.clone());
        let start = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
        let limits = Limits::of(&Config::load(None).unwrap().availability);
        let engine = Engine::memory(None, limits).unwrap();
        Self {
            clock: Clock::manual(start),
            start,
            city: Arc::new(city),
            board: Arc::new(Board::new(engine.clone())),
            engine,
            signs: Arc::default(),
            sign,
        }
    }

    fn guide(&self) -> Guide {
        let config = Arc::new(Config::load(None).unwrap());
        let city = watch::Sender::new(self.city.clone()).subscribe();
        Guide::new(
            config,
            self.clock.clone(),
            city,
            self.board.clone(),
            self.signs.clone(),
            Arc::new(|_, _| None),
            Arc::new(|_, _| crate::domain::demand::Coming::default()),
        )
    }

    fn lots(&self, free: u32) -> BTreeMap<LotId, Availability> {
        let heard = Availability {
            free,
            occupied: 100 - free,
            unknown: 0,
            observed_at: Some(self.clock.now()),
            ..Availability::unheard(id("A"), 100)
        };
        [(id("A"), heard)].into()
    }

    /// Version and text of what the sign should show, and the seconds after the start at which that ends.
    fn wanted(&self) -> (u64, String, Option<i64>) {
        let desired = self.signs.follow(&self.sign.id).borrow().clone();
        let wanted = &desired[&self.sign.panels[0].id];
        let end = wanted.good_until.map(|end| (end - self.start).num_seconds());
        (wanted.face.version, wanted.face.lines[0].text.clone(), end)
    }
}

#[test]
fn a_confirmed_number_may_stand_longer_and_is_no_new_face() {
    let (scene, seconds) = (Scene::new(), chrono::Duration::seconds);
    let mut guide = scene.guide();
    let mut lots = scene.lots(34);
    guide.step(&scene.city, &lots);
    let (version, text, end) = scene.wanted();
    assert_eq!((text.as_str(), end), ("34", Some(900)), "the observation, and its lot's limit");
    scene.clock.advance(seconds(600));
    guide.step(&scene.city, &lots);
    assert_eq!(scene.wanted(), (version, "34".to_owned(), Some(900)), "silence gives no time");
    lots = scene.lots(34);
    guide.step(&scene.city, &lots);
    assert_eq!(scene.wanted(), (version, "34".to_owned(), Some(1500)));
    scene.clock.advance(seconds(901));
    guide.step(&scene.city, &lots);
    let (_, text, end) = scene.wanted();
    assert_eq!((text.as_str(), end), ("----", None), "nothing that could grow old");
}

#[test]
fn a_number_the_panel_rests_on_gets_no_more_time() {
    let scene = Scene::new();
    let mut guide = scene.guide();
    guide.step(&scene.city, &scene.lots(34));
    scene.clock.advance(chrono::Duration::seconds(1));
    guide.step(&scene.city, &scene.lots(33));
    let (_, text, end) = scene.wanted();
    assert_eq!((text.as_str(), end), ("34", Some(900)));
    scene.clock.advance(chrono::Duration::seconds(1));
    guide.step(&scene.city, &scene.lots(33));
    let (_, text, end) = scene.wanted();
    assert_eq!((text.as_str(), end), ("33", Some(902)));
}

#[test]
fn another_nodes_sign_is_told_nothing_and_one_that_comes_here_is_told_under_its_token() {
    let scene = Scene::new();
    let mut guide = scene.guide();
    let (sign, panel) = (scene.sign.id.clone(), scene.sign.panels[0].id.clone());
    scene.signs.drive(BTreeMap::new());
    guide.step(&scene.city, &scene.lots(34));
    assert!(scene.signs.status(&sign).desired.is_empty());

    // The token comes from another clock, which may be ahead.
    let token = u64::try_from(scene.start.timestamp_millis()).unwrap() + 5_000;
    scene.signs.drive([(sign.clone(), token)].into());
    let versions: Vec<u64> = [34, 33]
        .into_iter()
        .map(|free| {
            scene.clock.advance(chrono::Duration::seconds(60));
            guide.step(&scene.city, &scene.lots(free));
            scene.wanted().0
        })
        .collect();
    assert_eq!(versions, [token, token + 1]);

    // Away and back within one step: the same number is told anew, under the new lease.
    scene.signs.drive([(sign.clone(), token + 90_000)].into());
    scene.clock.advance(chrono::Duration::seconds(60));
    guide.step(&scene.city, &scene.lots(33));
    assert_eq!(scene.wanted().0, token + 90_000);

    scene.signs.drive(BTreeMap::new());
    let told = scene.signs.status(&sign).desired[&panel].version;
    scene.clock.advance(chrono::Duration::seconds(60));
    guide.step(&scene.city, &scene.lots(12));
    assert_eq!(scene.signs.status(&sign).desired[&panel].version, told, "it is another node's to say");
}

#[tokio::test]
async fn after_a_start_a_sign_is_told_nothing_before_the_board_knows_the_lots() {
    let scene = Scene::new();
    let layouts: Vec<_> = scene.city.lots.values().map(LotLayout::of).collect();
    scene.engine.configure(&layouts, scene.start).await.unwrap();
    let heard = Observation {
        lot: id("A"),
        statement: Statement::Free { count: 34 },
        observed_at: scene.start,
        received_at: scene.start,
        session: None,
        seq: None,
    };
    scene.engine.apply(&[heard]).await.unwrap();
    let mut told = scene.signs.follow(&scene.sign.id);
    let stop = CancellationToken::new();
    let guided = scene.guide().run(stop.clone());
    let watched = async {
        let early = tokio::time::timeout(Duration::from_millis(400), told.changed()).await;
        assert!(early.is_err(), "the board is empty, and so is the sign");
        let board = scene.board.clone().run(stop.clone());
        let first = async {
            told.changed().await.unwrap();
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(board, first);
        ran.unwrap();
    };
    let (guided, ()) = tokio::join!(guided, watched);
    guided.unwrap();
    let (_, text, end) = scene.wanted();
    assert_eq!((text.as_str(), end), ("34", Some(900)), "the first word is the number, not ----");
}

#[test]
fn a_lot_that_was_full_tells_of_room_once_there_is_enough_for_those_whom_it_will_send() {
    let scene = Scene::new();
    let (mut guide, mut version) = (scene.guide(), 1);
    let mut told = |free: u32| {
        scene.clock.advance(chrono::Duration::seconds(10));
        version += 1;
        let mut lots = scene.lots(free);
        lots.get_mut(&id("A")).unwrap().version = version;
        guide.step(&scene.city, &lots);
        scene.wanted().1
    };
    // Six cars a minute come, and six leave.
    for _ in 0..180 {
        told(40);
        told(39);
    }
    for free in (0..40).rev() {
        told(free);
    }
    for _ in 0..120 {
        assert_eq!(told(0), "满", "twenty minutes of it, and nobody comes");
    }
    assert_eq!(told(9), "满", "in two minutes all nine places would be taken");
    assert_eq!(told(34).parse::<u32>().map(|free| free < 34), Ok(true));
}

#[test]
fn opening_hours_are_read_once_for_each_lot() {
    let (scene, asked) = (Scene::new(), RefCell::new(Vec::new()));
    let is_open = once_per_lot(|lot| {
        asked.borrow_mut().push(lot.id.clone());
        lot.id == id("A")
    });
    for _ in 0..3 {
        assert!(is_open(&scene.city.lots["A"]) && !is_open(&scene.city.lots["B"]));
    }
    assert_eq!(*asked.borrow(), [id("A"), id("B")]);
}

proptest! {
    #[test]
    fn versions_only_grow_even_when_the_clock_is_set_back(moves in prop::collection::vec(-5_000i64..5_000, 1..50)) {
        let mut now = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
        let mut last = None;
        for by in moves {
            now += chrono::Duration::milliseconds(by);
            let version = next_version(last, None, now);
            prop_assert!(last.is_none_or(|last| version > last));
            last = Some(version);
        }
    }

    #[test]
    fn after_a_restart_versions_go_on_above_the_old_ones(faces in 1u64..200, away_ms in 0i64..10_000) {
        let start = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
        // One face a millisecond is faster than any tick.
        let mut last = None;
        let mut now = start;
        for _ in 0..faces {
            last = Some(next_version(last, None, now));
            now += chrono::Duration::milliseconds(1);
        }
        let reborn = next_version(None, None, now + chrono::Duration::milliseconds(away_ms));
        prop_assert!(Some(reborn) > last);
    }
}
