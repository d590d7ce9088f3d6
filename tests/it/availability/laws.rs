//! The laws of count and order as properties: any run of observations, on any engine, gives what the plain model gives.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{model::Model, *};

/// A step of a random run: an observation, an operator's hand, or time that passes.
#[derive(Debug, Clone)]
enum Step {
    Observe(Observation),
    Act(Action, i64),
    Sweep(i64),
}

/// Steps in batches, and the debounce interval they are taken under.
type Run = (u64, Vec<Vec<Step>>);

fn any_observation() -> impl Strategy<Value = Observation> {
    let state = prop_oneof![Just(Free), Just(Occupied), Just(Unknown)];
    let lane = || prop_oneof![Just("n"), Just("s")].prop_map(str::to_owned);
    let direction = || prop_oneof![Just(In), Just(Out)];
    let width = prop_oneof![Just(7_u8), Just(16), Just(32), Just(40), Just(64)];
    let total = (direction(), lane(), width, 0_u64..40).prop_map(|(direction, lane, width_bits, step)| {
        // Around zero, so that totals wrap.
        let value = (step.wrapping_sub(20)) & (u64::MAX >> (64 - width_bits));
        Statement::Total { direction, lane, value, width_bits }
    });
    let baseline = (direction(), lane(), proptest::option::of(0_u64..9))
        .prop_map(|(direction, lane, value)| Statement::Baseline { direction, lane, value });
    let statement = prop_oneof![
        8 => (prop_oneof![4 => Just("1"), 4 => Just("2"), 1 => Just("9")], state)
            .prop_map(|(space, state)| Statement::Space { space: space_id(space), state }),
        3 => (direction(), 1_u32..4, lane())
            .prop_map(|(direction, count, lane)| Statement::Passage { direction, count, lane }),
        3 => total,
        1 => baseline,
        1 => (0_u32..14).prop_map(|count| Statement::Occupied { count }),
        1 => (0_u32..14).prop_map(|count| Statement::Free { count }),
    ];
    let order = prop_oneof![
        Just((None, None)),
        (
            prop_oneof![Just(None), Just(Some("s;1")), Just(Some("t"))],
            prop_oneof![0_u64..12, Just(u64::MAX), Just(u64::MAX - 1)]
        )
            .prop_map(|(session, seq)| (session, Some(seq))),
    ];
    let lot = prop_oneof![8 => Just("A"), 5 => Just("B"), 8 => Just("C"), 6 => Just("D"), 1 => Just("X")];
    let delay_ms =
        prop_oneof![6 => Just(0_i64), 3 => Just(5000), 1 => Just(300_000), 2 => Just(-50_000), 1 => Just(-60_001)];
    (lot, statement, order, 0_i64..1500, 0_i64..3, delay_ms).prop_map(
        |(lot, statement, (session, seq), at_s, ms, delay_ms)| {
            let at_ms = at_s * 1000 + ms;
            Observation {
                received_at: at(at_ms + delay_ms),
                session: session.map(str::to_owned),
                seq,
                ..observed(lot, statement, at_ms)
            }
        },
    )
}

fn any_action() -> impl Strategy<Value = Action> {
    let lot = prop_oneof![Just("A"), Just("B"), Just("C"), Just("D"), Just("X")].prop_map(lot_id);
    let service = prop_oneof![Just(Service::InService), Just(Service::OutOfService), Just(Service::Reserved)];
    let space = prop_oneof![4 => Just("1"), 4 => Just("2"), 1 => Just("9")].prop_map(space_id);
    (lot, 0_u32..4, service, space, 0_u32..12, any::<bool>()).prop_map(|(lot, kind, service, space, places, closed)| {
        match kind {
            0 => Action::Reserve { lot, places },
            1 => Action::Close { lot, closed },
            2 => Action::Correct { lot, occupied: places },
            _ => Action::Service { lot, space, service },
        }
    })
}

/// What a working counter says, in its order: an absolute count, then totals that grow past the end of their width.
fn any_counter() -> impl Strategy<Value = Vec<Step>> {
    let width = prop_oneof![Just(7_u8), Just(16), Just(32), Just(40), Just(64)];
    let lot = prop_oneof![Just("C"), Just("D")];
    let growths = proptest::collection::vec(0_u64..6, 2..9);
    (lot, prop_oneof![Just(In), Just(Out)], width, 0_u64..20, growths, 0_i64..1400, 0_u32..12).prop_map(
        |(lot, direction, width_bits, before_end, growths, start_s, count)| {
            let largest = u64::MAX >> (64 - width_bits);
            let mut value = largest - before_end;
            let mut steps = vec![Step::Observe(observed(lot, Statement::Occupied { count }, start_s * 1000))];
            for (place, growth) in (1_i64..).zip(growths) {
                let total = Statement::Total { direction, lane: "n".to_owned(), value, width_bits };
                steps.push(Step::Observe(observed(lot, total, (start_s + 10 * place) * 1000)));
                value = value.wrapping_add(growth) & largest;
            }
            steps
        },
    )
}

fn any_run() -> impl Strategy<Value = Run> {
    let steps = prop_oneof![
        15 => any_observation().prop_map(|observation| vec![Step::Observe(observation)]),
        2 => (any_action(), 0_i64..1500).prop_map(|(action, at_s)| vec![Step::Act(action, at_s)]),
        2 => (0_i64..2000).prop_map(|at_s| vec![Step::Sweep(at_s)]),
        1 => any_counter(),
    ];
    let batch = proptest::collection::vec(steps, 1..12).prop_map(|steps| steps.concat());
    (prop_oneof![Just(0_u64), Just(30_000)], proptest::collection::vec(batch, 1..12))
}

/// Lots of every kind: with limits to silence, with uses and classes, with counters, and mixed both ways.
fn rich_city() -> Vec<LotLayout> {
    use yunpark::domain::lot::{SpaceUse, VehicleClass};
    let mut city = city();
    city[0].spaces[0].stale_after_s = Some(60);
    city[0].spaces[0].dead_after_s = Some(240);
    city[0].spaces[1].dead_after_s = Some(100);
    city[0].spaces[1].uses = vec![SpaceUse::Disabled, SpaceUse::Charging];
    city[0].uses.insert(SpaceUse::Charging, 2);
    city[1].mixed = true;
    city[1].spaces[0].stale_after_s = Some(300);
    city[2].uses.insert(SpaceUse::Family, 3);
    let mut mixed = LotLayout { counted_by: CountedBy::Counters, mixed: true, ..by_spaces("D", 9, &["1", "2"]) };
    mixed.spaces[1].vehicle_class = VehicleClass::NonMotor;
    mixed.spaces[1].stale_after_s = Some(60);
    city.push(mixed);
    city
}

fn limits(debounce_ms: u64) -> Limits {
    Limits { debounce_ms, ..LIMITS }
}

/// Takes the steps of one batch on engine and model side by side; gives the observations that were taken.
async fn take(engine: &Engine, model: &mut Model, batch: &[Step]) -> Vec<Observation> {
    let mut observations = Vec::new();
    for step in batch {
        match step {
            Step::Observe(observation) => observations.push(observation.clone()),
            Step::Act(action, at_s) => {
                let now = at(at_s * 1000);
                assert_eq!(engine.act(action, now).await.unwrap(), model.act(action, now), "{action:?}");
            }
            Step::Sweep(at_s) => {
                let now = at(at_s * 1000);
                assert_eq!(engine.sweep(now).await.unwrap(), model.sweep(now), "at {at_s} s");
            }
        }
    }
    let expected: Vec<Outcome> = observations.iter().map(|observation| model.apply(observation)).collect();
    assert_eq!(engine.apply(&observations).await.unwrap(), expected, "{observations:?}");
    let lots = engine.lots().await.unwrap().lots;
    assert_eq!(lots, model.lots());
    for lot in &lots {
        assert!(lot.is_consistent());
        for group in &lot.groups {
            assert_eq!(group.free + group.occupied + group.unknown + group.out_of_service, group.capacity);
        }
        assert_eq!(engine.spaces(&lot.lot).await.unwrap().unwrap(), model.spaces(&lot.lot));
    }
    let was_taken = |outcome: &Outcome| matches!(outcome, Outcome::Changed | Outcome::Confirmed | Outcome::Quarantined);
    observations.into_iter().zip(expected).filter(|(_, outcome)| was_taken(outcome)).map(|(it, _)| it).collect()
}

/// Runs the steps on engine and model side by side; then replays the stream, and everything applied, again.
async fn agrees_with_the_model(engine: &Engine, (debounce_ms, run): &Run) {
    engine.configure(&rich_city(), at(0)).await.unwrap();
    let mut model = Model::new(&rich_city(), limits(*debounce_ms));
    let start = engine.lots().await.unwrap();
    let mut applied = Vec::new();
    for batch in run {
        applied.extend(take(engine, &mut model, batch).await);
    }
    let mut told: std::collections::BTreeMap<_, _> = start.lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
    for change in drain(engine, start.cursor).await.1 {
        assert!(change.availability.is_consistent());
        let before = told.insert(change.availability.lot.clone(), change.availability.clone());
        assert!(before.is_some_and(|before| before.version <= change.availability.version));
    }
    let now = engine.lots().await.unwrap();
    for lot in &now.lots {
        let told = &told[&lot.lot];
        let lag = lot.observed_at.unwrap_or(at(0)) - told.observed_at.unwrap_or(at(0));
        assert!(lag < chrono::Duration::seconds(1), "followers know the age to a second");
        let ageless = Availability { observed_at: lot.observed_at, confidence: lot.confidence, ..told.clone() };
        assert_eq!(&ageless, lot);
    }
    for chunk in applied.chunks(7) {
        assert!(engine.apply(chunk).await.unwrap().iter().all(|outcome| *outcome == Outcome::Late));
    }
    assert_eq!(engine.lots().await.unwrap(), now, "what was applied once is never applied again");
}

/// What an engine remembers is all there is to it: another that is given it stands where the first stood, and giving it
/// again, or giving what is older, moves nothing.
async fn is_remembered(engine: &Engine, other: &Engine, (debounce_ms, run): &Run) {
    engine.configure(&rich_city(), at(0)).await.unwrap();
    other.configure(&rich_city(), at(0)).await.unwrap();
    let mut model = Model::new(&rich_city(), limits(*debounce_ms));
    let mut older = Vec::new();
    for (number, batch) in run.iter().enumerate() {
        if number == run.len() / 2 {
            older = engine.export(None).await.unwrap();
        }
        take(engine, &mut model, batch).await;
    }
    let now = engine.lots().await.unwrap();
    engine.restore(&older, at(0)).await.unwrap();
    assert_eq!(engine.lots().await.unwrap(), now, "what is older moves nothing");

    let memory = engine.export(None).await.unwrap();
    let kept = serde_json::to_string(&memory).unwrap();
    let memory: Vec<yunpark::availability::LotMemory> = serde_json::from_str(&kept).unwrap();
    other.restore(&memory, at(0)).await.unwrap();
    let restored = other.lots().await.unwrap();
    for (lot, was) in restored.lots.iter().zip(&now.lots) {
        assert!(lot.version >= was.version);
        assert_eq!(&Availability { version: was.version, ..lot.clone() }, was);
        assert_eq!(other.spaces(&lot.lot).await.unwrap().unwrap(), model.spaces(&lot.lot));
        assert_eq!(other.counters(&lot.lot).await.unwrap(), engine.counters(&lot.lot).await.unwrap());
    }
    other.restore(&memory, at(0)).await.unwrap();
    assert_eq!(other.lots().await.unwrap(), restored, "restoring twice is restoring once");
}

fn check_runs(cases: u32, check: impl Fn(Run)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&any_run(), |run| {
            check(run);
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_run_of_observations_gives_what_the_model_gives_in_process() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check_runs(300, |run| runtime.block_on(agrees_with_the_model(&memory_of(&run), &run)));
}

fn memory_of(run: &Run) -> Engine {
    Engine::memory(None, limits(run.0)).unwrap()
}

async fn redis_of(port: u16, prefix: &str, run: &Run) -> Engine {
    let config = redis_config(port, prefix, LIMITS.stream_length);
    Engine::redis(&config::Availability { debounce_ms: run.0, ..config }).await.unwrap()
}

#[test]
fn whatever_an_engine_remembers_another_can_be_given() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = services::redis();
    let case = std::cell::Cell::new(0);
    check_runs(40, |run| {
        case.set(case.get() + 1);
        runtime.block_on(async {
            let redis = |name: &str| format!("{name}{}", case.get());
            is_remembered(&memory_of(&run), &memory_of(&run), &run).await;
            let (one, other) = (redis_of(server.port, &redis("one"), &run).await, memory_of(&run));
            is_remembered(&one, &other, &run).await;
            let (one, other) = (memory_of(&run), redis_of(server.port, &redis("other"), &run).await);
            is_remembered(&one, &other, &run).await;
        });
    });
}

#[test]
fn any_run_of_observations_gives_what_the_model_gives_in_redis() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = services::redis();
    let case = std::cell::Cell::new(0);
    check_runs(60, |run| {
        case.set(case.get() + 1);
        runtime.block_on(async {
            let engine = redis_of(server.port, &format!("case{}", case.get()), &run).await;
            agrees_with_the_model(&engine, &run).await;
        });
    });
}

#[test]
fn a_journal_gives_back_whatever_was_acknowledged() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check_runs(25, |run| {
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let journal = dir.path().join("journal");
            let open = || Engine::memory(Some(journal.clone()), limits(run.0)).unwrap();
            let engine = open();
            agrees_with_the_model(&engine, &run).await;
            let before = engine.lots().await.unwrap();
            let spaces = engine.spaces(&lot_id("A")).await.unwrap();
            drop(engine);
            let again = open();
            let after = again.lots().await.unwrap();
            assert_eq!(after.lots, before.lots);
            assert_eq!(again.spaces(&lot_id("A")).await.unwrap(), spaces);
            assert_eq!(again.changes(&before.cursor, Duration::ZERO).await.unwrap(), Follow::TooOld);
        });
    });
}
