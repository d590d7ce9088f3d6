//! What an approach counts and what it learns: each passage once, in bounds, and no share that was not seen.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    availability::{Availability, Outcome},
    observation::Direction,
    time::parse_rfc3339,
};

const LIMITS: Limits = Limits { max_future_ms: 60_000, seq_reset_after_s: 600, max_delta: 500 };

fn start() -> Instant {
    parse_rfc3339("2026-03-10T01:00:00Z").unwrap()
}

fn at(s: i64) -> Instant {
    start() + chrono::Duration::seconds(s)
}

fn id(text: &str) -> ApproachId {
    ApproachId::parse(text).unwrap()
}

fn sighting(statement: Statement, s: i64, seq: Option<u64>) -> Sighting {
    Sighting { approach: id("A"), statement, observed_at: at(s), received_at: at(s), session: None, seq }
}

fn passage(s: i64, seq: Option<u64>, count: u32) -> Sighting {
    sighting(Statement::Passage { direction: Direction::In, count, lane: String::new() }, s, seq)
}

fn total(s: i64, value: u64) -> Sighting {
    sighting(Statement::Total { direction: Direction::In, lane: "1".to_owned(), value, width_bits: 16 }, s, None)
}

#[test]
fn who_passed_is_expected_around_the_travel_time_and_then_no_more() {
    let mut passed = Passed::default();
    for car in 0..10 {
        assert_eq!(passed.hear(&passage(car, Some(car.unsigned_abs()), 1), LIMITS), Outcome::Changed);
    }
    let due = |from, until| passed.arriving(100, at(from), at(until));
    assert!((due(10, 1000) - 10.0).abs() < 1e-9, "all of them are under way");
    assert!(due(10, 40) < 1e-9, "none is there in half a minute: that is less than half the way");
    assert!((due(10, 105) - 5.0).abs() < 1e-9, "half of them till the usual time is over");
    assert!((due(105, 1000) - 5.0).abs() < 1e-9, "and the others after it");
    assert!(due(156, 2000) < 1e-9, "half as long again, and all are there or never come");
}

#[test]
fn who_leaves_is_not_coming_and_other_words_are_no_passages() {
    let mut passed = Passed::default();
    let out = Statement::Passage { direction: Direction::Out, count: 3, lane: String::new() };
    assert_eq!(passed.hear(&sighting(out, 1, None), LIMITS), Outcome::Confirmed);
    assert_eq!(passed.hear(&sighting(Statement::Occupied { count: 3 }, 2, None), LIMITS), Outcome::NotCounted);
    assert_eq!(passed.since(at(-100)), 0);
}

#[test]
fn a_total_counts_what_it_grew_by_spread_over_the_time_it_grew_in() {
    let mut passed = Passed::default();
    assert_eq!(passed.hear(&total(0, 65_530), LIMITS), Outcome::Confirmed);
    assert_eq!(passed.hear(&total(300, 24), LIMITS), Outcome::Changed, "it wrapped");
    assert_eq!(passed.since(at(-100)), 30);
    assert_eq!(passed.since(at(200)), 11, "and a third of them in the last third");
    assert_eq!(passed.hear(&total(310, 9_000), LIMITS), Outcome::Quarantined, "no road carries that");
    assert_eq!(passed.hear(&total(320, 9_001), LIMITS), Outcome::Changed);
    assert_eq!(passed.since(at(-100)), 31);
}

#[test]
fn a_counter_that_falls_silent_or_whose_clock_is_off_counts_no_more_and_says_so() {
    let mut passed = Passed::default();
    assert_eq!(passed.state(at(0)), State::Unheard);
    for car in 0..200 {
        passed.hear(&passage(car * 5, None, 1), LIMITS);
    }
    assert_eq!(passed.state(at(1010)), State::Live);
    assert_eq!(passed.state(at(1300)), State::Silent, "five minutes without a car on a busy road");
    assert!(passed.arriving(120, at(1300), at(4000)) < 1e-9);
    let mut late = Sighting { received_at: at(5000), ..passage(1400, None, 1) };
    assert_eq!(passed.hear(&late, LIMITS), Outcome::Changed);
    assert_eq!(passed.state(at(5000)), State::ClockOff);
    assert!(passed.arriving(120, at(5000), at(9000)) < 1e-9, "an hour old by its word, it counts for nobody");
    late = Sighting { received_at: at(5010), ..passage(9000, None, 1) };
    assert_eq!(passed.hear(&late, LIMITS), Outcome::Future);
    assert_eq!(passed.state(at(5010)), State::ClockOff);
    passed.hear(&passage(5020, None, 1), LIMITS);
    assert_eq!(passed.state(at(5020)), State::Live);
}

#[test]
fn cars_are_told_from_sensors_that_come_and_go_and_from_corrections() {
    let lot = |occupied, free, version| Availability {
        occupied,
        free,
        unknown: 100 - occupied - free,
        version,
        ..Availability::unheard(LotId::parse("L").unwrap(), 100)
    };
    let mut seen = Seen::new(&lot(10, 90, 1));
    assert_eq!(seen.look(&lot(12, 88, 2)), Moved::Came(2));
    assert_eq!(seen.look(&lot(12, 88, 3)), Moved::Nothing);
    assert_eq!(seen.look(&lot(11, 89, 4)), Moved::Left(1));
    assert_eq!(seen.look(&lot(12, 80, 5)), Moved::Corrected);
    assert_eq!(seen.look(&lot(60, 32, 6)), Moved::Corrected);
}

/// A stream of pseudo-random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> u32 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

/// Hours of a lot downstream of approaches, each with cars a second, its travel time and the share that turns in; `base` cars a
/// second come from elsewhere. What is learned, and the true shares.
fn taught(roads: &[(f64, u32, f64)], base: f64, hours: i64, seed: u64, given: f64, wave: bool) -> Turning {
    let mut dice = Dice(seed);
    let legs: Vec<(ApproachId, f64)> = (0..roads.len()).map(|nth| (id(&format!("A{nth}")), given)).collect();
    let mut passed = vec![Passed::default(); roads.len()];
    let mut coming: VecDeque<u32> = vec![0; 4000].into();
    let (mut turning, mut came, mut seq) = (Turning::default(), 0u32, 0);
    for s in 0..hours * 3600 {
        // The hours of the day: four times as many at their height as at their depth, everywhere at once.
        let tide = if wave { 1.0 + 0.6 * (s as f64 / 10_800.0 * std::f64::consts::TAU).sin() } else { 1.0 };
        for ((rate, travel_s, share), passed) in roads.iter().zip(&mut passed) {
            for _ in 0..dice.poisson(rate * tide) {
                seq += 1;
                passed.hear(&passage(s, Some(seq), 1), LIMITS);
                if dice.unit() < *share {
                    let way_s = f64::from(*travel_s) * (0.7 + 0.6 * dice.unit());
                    coming[way_s as usize] += 1;
                }
            }
        }
        came += coming.pop_front().unwrap_or(0) + dice.poisson(base * tide);
        coming.push_back(0);
        if (s + 1) % BIN_S == 0 {
            let due: Vec<f64> = roads
                .iter()
                .zip(&passed)
                .map(|((_, travel_s, _), passed)| passed.arriving(*travel_s, at(s + 1 - BIN_S), at(s + 1)))
                .collect();
            turning.learn(&legs, Bin { due: &due, came: f64::from(came) }, 20_160.0, 0.9);
            came = 0;
        }
    }
    turning
}

fn share(turning: &Turning, nth: usize) -> f64 {
    turning.share(&id(&format!("A{nth}"))).unwrap()
}

#[test]
fn the_share_that_turns_in_is_found_and_an_unrelated_road_has_none() {
    for seed in 1..=3 {
        let turning = taught(&[(0.12, 120, 0.35), (0.15, 90, 0.0)], 0.02, 16, seed, 0.0, false);
        let (real, unrelated) = (share(&turning, 0), share(&turning, 1));
        assert!((real - 0.35).abs() < 0.08, "seed {seed}: {real}");
        assert!(unrelated < 0.06, "seed {seed}: {unrelated}");
    }
}

#[test]
fn what_only_shares_the_hours_of_the_day_teaches_nothing() {
    for seed in 1..=3 {
        let turning = taught(&[(0.15, 120, 0.0)], 0.05, 16, seed, 0.0, true);
        assert!(share(&turning, 0) < 0.07, "seed {seed}: {}", share(&turning, 0));
        let turning = taught(&[(0.12, 120, 0.35)], 0.04, 16, seed, 0.0, true);
        assert!((share(&turning, 0) - 0.35).abs() < 0.1, "seed {seed}: {}", share(&turning, 0));
    }
}

#[test]
fn nothing_is_claimed_before_it_was_seen_and_a_given_share_gives_way_to_what_is_seen() {
    let legs = [(id("A0"), 0.0)];
    let mut fresh = Turning::default();
    fresh.fit(&legs);
    assert_eq!(fresh.share(&id("A0")), Some(0.0));
    let hour = taught(&[(0.12, 120, 0.35)], 0.02, 1, 4, 0.0, false);
    assert!((0.05..0.4).contains(&share(&hour, 0)), "it is on its way: {}", share(&hour, 0));
    let told_wrong = taught(&[(0.15, 120, 0.0)], 0.05, 24, 4, 0.5, false);
    assert!(share(&told_wrong, 0) < 0.12, "{}", share(&told_wrong, 0));
}

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-12
}

#[test]
fn what_was_learned_of_an_approach_stays_when_another_comes_or_goes() {
    let mut turning = taught(&[(0.12, 120, 0.35)], 0.02, 8, 5, 0.0, false);
    let before = share(&turning, 0);
    turning.fit(&[(id("B"), 0.1), (id("A0"), 0.0)]);
    assert!(is_same(share(&turning, 0), before) && is_same(turning.share(&id("B")).unwrap(), 0.1));
    assert!(turning.is_sound());
    turning.fit(&[(id("A0"), 0.0)]);
    assert!(is_same(share(&turning, 0), before));
    let text = serde_json::to_string(&turning).unwrap();
    assert_eq!(serde_json::from_str::<Turning>(&text).unwrap(), turning, "as it is kept");
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    let lane = prop::sample::select(vec!["", "1", "2"]);
    (0u8..3, lane, any::<bool>(), 0i64..4000, prop::option::of(0u64..40), 0u64..70_000, 1u32..4).prop_map(
        |(kind, lane, inward, s, seq, value, count)| {
            let direction = if inward { Direction::In } else { Direction::Out };
            let lane = lane.to_owned();
            let statement = match kind {
                0 => Statement::Passage { direction, count, lane },
                1 => Statement::Total { direction, lane, value: value % 300, width_bits: 16 },
                _ => Statement::Baseline { direction, lane, value: Some(value) },
            };
            sighting(statement, s, seq)
        },
    )
}

proptest! {
    #[test]
    fn what_was_heard_once_changes_nothing_again_however_late(
        sightings in prop::collection::vec(any_sighting(), 1..80), again in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut passed = Passed::default();
        let taken: Vec<Sighting> =
            sightings.into_iter().filter(|sighting| passed.hear(sighting, LIMITS) != Outcome::Late).collect();
        let before = passed.clone();
        for index in again {
            prop_assert_eq!(passed.hear(index.get(&taken), LIMITS), Outcome::Late);
            prop_assert_eq!(&passed, &before);
        }
    }

    #[test]
    fn numbered_passages_count_the_same_with_duplicates_in_between(
        gaps in prop::collection::vec((0i64..40, 0usize..3), 1..80),
    ) {
        let (mut once, mut often, mut s) = (Passed::default(), Passed::default(), 0);
        let mut sent: Vec<Sighting> = Vec::new();
        for (nth, (gap, repeats)) in gaps.iter().enumerate() {
            s += gap;
            let next = passage(s, Some(nth as u64), 1);
            once.hear(&next, LIMITS);
            often.hear(&next, LIMITS);
            sent.push(next);
            for back in 0..*repeats {
                often.hear(&sent[nth.saturating_sub(back * 7)], LIMITS);
            }
        }
        prop_assert_eq!(once, often);
    }

    #[test]
    fn every_vehicle_is_kept_once_and_expected_once(counts in prop::collection::vec((0i64..60, 1u32..3), 1..60)) {
        let (mut passed, mut s, mut counted) = (Passed::default(), 0, 0);
        for (gap, count) in counts {
            s += gap;
            if passed.hear(&passage(s, None, count), LIMITS) == Outcome::Changed {
                counted += count;
            }
        }
        prop_assume!(s < 2000);
        prop_assert_eq!(passed.kept().values().sum::<u32>(), counted);
        // Every one of them arrives in exactly one of the steps.
        let steps: f64 = (0..200).map(|step| passed.arriving(300, at(step * 30), at(step * 30 + 30))).sum();
        prop_assert!((steps - f64::from(counted)).abs() < 1e-6, "{steps} of {counted}");
    }

    #[test]
    fn no_flood_takes_more_room_or_claims_more_than_it_may(
        flood in prop::collection::vec((0i64..100_000, any::<u32>(), "[a-z]{1,3}"), 1..400),
    ) {
        let mut passed = Passed::default();
        for (s, count, lane) in flood {
            passed.hear(&sighting(Statement::Passage { direction: Direction::In, count, lane }, s, None), LIMITS);
        }
        prop_assert!(passed.kept().values().all(|count| *count <= 50));
        prop_assert!(passed.kept().len() <= 300);
        prop_assert!(serde_json::to_string(&passed).unwrap().len() < 12_000);
    }

    #[test]
    fn shares_stay_between_nothing_and_the_most(
        bins in prop::collection::vec((0.0f64..1e6, 0.0f64..1e6, 0.0f64..1e5), 1..200), given in 0.0f64..1.0,
    ) {
        let legs = [(id("A"), given), (id("B"), 0.0)];
        let mut turning = Turning::default();
        for (one, other, came) in bins {
            turning.learn(&legs, Bin { due: &[one, other], came }, 1000.0, 0.9);
            for (approach, _) in &legs {
                let share = turning.share(approach).unwrap();
                prop_assert!((0.0..=0.9).contains(&share), "{share}");
            }
            prop_assert!(turning.is_sound());
        }
    }
}
