//! The laws of count and order as properties: any run of observations, on any engine, gives what the plain model gives.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{model::Model, *};

/// A step of a random run: an observation, or an operator's hand.
#[derive(Debug, Clone)]
enum Step {
    Observe(Observation),
    OutOfService(&'static str, &'static str, bool),
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let state = prop_oneof![Just(Free), Just(Occupied), Just(Unknown)];
    let statement = prop_oneof![
        6 => (prop_oneof![4 => Just("1"), 4 => Just("2"), 1 => Just("9")], state)
            .prop_map(|(space, state)| Statement::Space { space: space_id(space), state }),
        3 => (prop_oneof![Just(In), Just(Out)], 1_u32..4, prop_oneof![Just("n"), Just("s")])
            .prop_map(|(direction, count, lane)| Statement::Passage { direction, count, lane: lane.to_owned() }),
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
    let lot = prop_oneof![8 => Just("A"), 4 => Just("B"), 8 => Just("C"), 1 => Just("X")];
    (lot, statement, order, 0_i64..1500, 0_i64..3).prop_map(|(lot, statement, (session, seq), at_s, ms)| Observation {
        received_at: at(1_400_000),
        session: session.map(str::to_owned),
        seq,
        ..observed(lot, statement, at_s * 1000 + ms)
    })
}

fn any_run() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let hand = (prop_oneof![Just("A"), Just("B")], prop_oneof![Just("1"), Just("2")], any::<bool>());
    let step = prop_oneof![
        15 => any_observation().prop_map(Step::Observe),
        1 => hand.prop_map(|(lot, space, out)| Step::OutOfService(lot, space, out)),
    ];
    proptest::collection::vec(proptest::collection::vec(step, 1..12), 1..12)
}

/// Runs the steps on engine and model side by side; then replays the stream, and everything applied, again.
async fn agrees_with_the_model(engine: &Engine, run: &[Vec<Step>]) {
    engine.configure(&city(), at(0)).await.unwrap();
    let mut model = Model::new(&city(), LIMITS);
    let start = engine.lots().await.unwrap();
    let mut applied = Vec::new();
    for batch in run {
        let mut observations = Vec::new();
        for step in batch {
            match step {
                Step::Observe(observation) => observations.push(observation.clone()),
                Step::OutOfService(lot, space, out) => {
                    let (lot, space) = (lot_id(lot), space_id(space));
                    let outcome = engine.set_out_of_service(&lot, &space, *out, at(0)).await.unwrap();
                    assert_eq!(outcome, model.set_out_of_service(&lot, &space, *out));
                }
            }
        }
        let expected: Vec<Outcome> = observations.iter().map(|observation| model.apply(observation)).collect();
        assert_eq!(engine.apply(&observations).await.unwrap(), expected);
        assert_eq!(engine.lots().await.unwrap().lots, model.lots());
        let taken = |outcome: &Outcome| matches!(outcome, Outcome::Changed | Outcome::Confirmed);
        applied.extend(observations.into_iter().zip(expected).filter(|(_, outcome)| taken(outcome)).map(|(it, _)| it));
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
        assert_eq!(&Availability { observed_at: lot.observed_at, ..told.clone() }, lot);
        assert_eq!(engine.spaces(&lot.lot).await.unwrap().unwrap(), model.spaces(&lot.lot));
    }
    for chunk in applied.chunks(7) {
        assert!(engine.apply(chunk).await.unwrap().iter().all(|outcome| *outcome == Outcome::Late));
    }
    assert_eq!(engine.lots().await.unwrap(), now, "what was applied once is never applied again");
}

fn check_runs(cases: u32, check: impl Fn(Vec<Vec<Step>>)) {
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
    check_runs(300, |run| runtime.block_on(agrees_with_the_model(&memory_engine(LIMITS.stream_length), &run)));
}

#[test]
fn any_run_of_observations_gives_what_the_model_gives_in_redis() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = services::redis();
    let case = std::cell::Cell::new(0);
    check_runs(60, |run| {
        case.set(case.get() + 1);
        runtime.block_on(async {
            let config = redis_config(server.port, &format!("case{}", case.get()), LIMITS.stream_length);
            agrees_with_the_model(&Engine::redis(&config).await.unwrap(), &run).await;
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
            let open = || Engine::memory(Some(journal.clone()), LIMITS).unwrap();
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
