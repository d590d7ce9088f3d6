//! The history's roll-up and the moves of spaces: sums that add up, steps that may be cut short, rows written once.

use chrono::Duration;
use yunpark::{
    clock::Clock,
    config::Config,
    domain::{
        ids::{LotId, SpaceId},
        observation::SpaceState,
        time::{Instant, parse_rfc3339},
    },
    history::{Keeper, kept},
    store::{
        Db,
        history::{self, Point, Table, roll_up, slots},
        transitions::{self, Transition},
    },
};

super::on_both! {
    minutes_are_rolled_up_to_sums_that_add_up,
    a_roll_up_cut_short_or_done_twice_writes_the_same,
    nothing_is_forgotten_before_it_is_rolled_up,
    a_move_is_written_once_however_many_nodes_saw_it,
}

fn noon() -> Instant {
    parse_rfc3339("2026-03-10T12:00:00Z").unwrap()
}

fn lot(name: &str) -> LotId {
    LotId::parse(name).unwrap()
}

/// `minutes` minutes of a lot from an instant on, whose free places go 0, 1, 2 .. 9, 0, 1 ..
async fn sample(db: &Db, name: &str, from: Instant, minutes: i64) {
    let point = |n: i64| {
        let free = u32::try_from(n % 10).unwrap();
        Point {
            lot: lot(name),
            at: from + Duration::minutes(n),
            free,
            occupied: 12 - free,
            unknown: 2,
            out_of_service: 1,
            capacity: 15,
        }
    };
    let points: Vec<Point> = (0..minutes).map(point).collect();
    let mut tx = db.begin_write().await.unwrap();
    history::append(&mut tx, &points).await.unwrap();
    tx.commit().await.unwrap();
}

/// Steps of both roll-ups until nothing is left to do; the number of rows written.
async fn roll(db: &Db, until: Instant) -> u64 {
    let mut rows = 0;
    for table in [Table::Quarters, Table::Hours] {
        loop {
            let mut tx = db.begin_write().await.unwrap();
            let step = roll_up(&mut tx, table, until).await.unwrap();
            tx.commit().await.unwrap();
            rows += step.rows;
            if step.is_done {
                break;
            }
        }
    }
    rows
}

async fn all(db: &Db, table: Table, name: &str) -> Vec<history::Slot> {
    slots(db, table, &lot(name), noon() - Duration::days(40), noon() + Duration::days(40), 100_000).await.unwrap()
}

async fn minutes_are_rolled_up_to_sums_that_add_up(db: &Db) {
    sample(db, "L1", noon(), 100).await;
    sample(db, "L2", noon() + Duration::minutes(7), 3).await;
    roll(db, noon() + Duration::minutes(100)).await;
    let quarters = all(db, Table::Quarters, "L1").await;
    assert_eq!(quarters.len(), 6, "the seventh is not over yet");
    assert_eq!((quarters[0].at, quarters[0].samples), (noon(), 15));
    assert_eq!((quarters[0].free_min, quarters[0].free_max, quarters[0].free), (0, 9, 45 + 10));
    let hours = all(db, Table::Hours, "L1").await;
    assert_eq!(hours.len(), 1);
    let mut sum = quarters[0].clone();
    quarters[1..4].iter().for_each(|quarter| sum.absorb(quarter));
    assert_eq!(hours[0], sum);
    let [free, occupied, unknown, out_of_service, capacity] = sum.mean();
    assert_eq!(free + occupied + unknown + out_of_service, capacity);
    let short = all(db, Table::Quarters, "L2").await;
    assert_eq!((short.len(), short[0].samples, short[0].free_max), (1, 3, 2));
}

async fn a_roll_up_cut_short_or_done_twice_writes_the_same(db: &Db) {
    sample(db, "L1", noon(), 600).await;
    let until = noon() + Duration::minutes(600);
    let mut tx = db.begin_write().await.unwrap();
    let step = roll_up(&mut tx, Table::Quarters, until).await.unwrap();
    assert!(step.rows > 0 && !step.is_done, "one step is bounded: {step:?}");
    drop(tx);
    assert!(all(db, Table::Quarters, "L1").await.is_empty(), "a step cut short leaves no trace");
    roll(db, until).await;
    let (quarters, hours) = (all(db, Table::Quarters, "L1").await, all(db, Table::Hours, "L1").await);
    assert_eq!((quarters.len(), hours.len()), (40, 10));
    assert_eq!(roll(db, until).await, 0, "what is done is not done again");
    assert_eq!(all(db, Table::Quarters, "L1").await, quarters);
    sample(db, "L1", noon() + Duration::days(3), 60).await;
    roll(db, noon() + Duration::days(4)).await;
    assert_eq!(all(db, Table::Hours, "L1").await.len(), 11, "days without a word are passed over");
}

async fn nothing_is_forgotten_before_it_is_rolled_up(db: &Db) {
    let clock = Clock::manual(noon() + Duration::minutes(30));
    let mut config = Config::load(None).unwrap();
    (config.history.minutes_days, config.history.quarters_days) = (1, 2);
    let keeper = Keeper::new(db.clone(), clock.clone(), kept(&config), false);
    sample(db, "L1", noon() - Duration::days(5), 60).await;
    let before = history::forgettable(db, Table::Minutes, noon() - Duration::days(1)).await.unwrap();
    assert_eq!(before, None, "nothing is rolled up yet");
    sample(db, "L1", noon(), 20).await;
    keeper.round().await.unwrap();
    assert_eq!(all(db, Table::Hours, "L1").await.len(), 1, "the old hour");
    assert_eq!(all(db, Table::Minutes, "L1").await.len(), 20, "the old minutes are gone, the new ones stay");
    clock.advance(Duration::days(10));
    keeper.round().await.unwrap();
    assert!(all(db, Table::Minutes, "L1").await.is_empty());
    assert!(all(db, Table::Quarters, "L1").await.is_empty());
    let hours = all(db, Table::Hours, "L1").await;
    assert_eq!(hours.iter().map(|hour| hour.samples).collect::<Vec<_>>(), [60, 20]);
}

async fn a_move_is_written_once_however_many_nodes_saw_it(db: &Db) {
    use SpaceState::{Free, Occupied};
    let (lot, space) = (lot("L1"), SpaceId::parse("S1").unwrap());
    let one = |state, minute, previous: Option<(SpaceState, i64)>| Transition {
        lot: lot.clone(),
        space: space.clone(),
        at: noon() + Duration::minutes(minute),
        state,
        previous: previous.map(|(state, _)| state),
        lasted: previous.map(|(_, minutes)| Duration::minutes(minutes)),
    };
    let moves = [one(Free, 0, None), one(Occupied, 5, Some((Free, 5))), one(Free, 30, Some((Occupied, 25)))];
    for written in [3, 0] {
        let mut tx = db.begin_write().await.unwrap();
        assert_eq!(transitions::append(&mut tx, &moves).await.unwrap(), written);
        tx.commit().await.unwrap();
    }
    let day = (noon(), noon() + Duration::days(1));
    let range = |after: Option<(Instant, SpaceState)>, limit| {
        let (lot, space) = (lot.clone(), space.clone());
        async move { transitions::range(db, &lot, &space, day, after.as_ref(), limit).await.unwrap() }
    };
    assert_eq!(range(None, 10).await, moves);
    assert_eq!(range(None, 2).await, moves[..2]);
    assert_eq!(range(Some((moves[1].at, moves[1].state)), 2).await, moves[2..]);
    assert_eq!(transitions::newest(db, &lot, &space).await.unwrap(), Some((Free, moves[2].at)));
}
