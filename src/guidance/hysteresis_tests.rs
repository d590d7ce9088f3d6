//! Hysteresis: worked examples, the laws of one band, and a hundred thousand random walks.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::config::Config;

fn rules(full: (f64, f64, u32), almost: (f64, f64, u32)) -> Rules {
    static CONFIGURED: LazyLock<Rules> = LazyLock::new(|| Config::load(None).unwrap().guidance.rules());
    Rules {
        full_share: full.0,
        full_exit_share: full.1,
        full_free: full.2,
        almost_full_share: almost.0,
        almost_full_exit_share: almost.1,
        almost_full_free: almost.2,
        ..CONFIGURED.clone()
    }
}

#[test]
fn a_lot_of_a_hundred_is_nearly_full_at_ten_full_at_two_and_comes_back_at_six_and_sixteen() {
    let thresholds = Thresholds::of(100, &Config::load(None).unwrap().guidance.rules());
    assert_eq!(thresholds.full, Band { enter: 2, exit: 5 });
    assert_eq!(thresholds.almost_full, Band { enter: 10, exit: 15 });
    let mut is = Fullness::Free;
    let told: String = [11, 10, 11, 3, 2, 3, 5, 6, 15, 16, 11, 2]
        .into_iter()
        .map(|free| {
            is = thresholds.judge(free, is);
            match is {
                Fullness::Free => '.',
                Fullness::AlmostFull => 'a',
                Fullness::Full => 'F',
            }
        })
        .collect();
    assert_eq!(told, ".aaaFFFaa..F");
}

#[test]
fn a_lot_of_one_place_opens_when_it_is_empty() {
    let thresholds = Thresholds::of(1, &Config::load(None).unwrap().guidance.rules());
    assert_eq!(thresholds.judge(0, Fullness::Free), Fullness::Full);
    assert_eq!(thresholds.judge(1, Fullness::Full), Fullness::AlmostFull);
}

/// A small fast generator, so that the walks are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 33) % u64::from(sides)).unwrap()
    }
}

#[test]
fn on_a_hundred_thousand_random_walks_there_are_never_more_turns_than_the_thresholds_allow() {
    let mut dice = Dice(0x5EED_CAFE_F00D_D1CE);
    let (mut turns_in_all, mut moves_in_all) = (0u64, 0u64);
    for walk in 0..100_000 {
        let share = |dice: &mut Dice| f64::from(dice.roll(30)) / 100.0;
        let (a, b, c, d) = (share(&mut dice), share(&mut dice), share(&mut dice), share(&mut dice));
        let rules = rules((a.min(b), a.max(b), dice.roll(4)), (c.min(d), c.max(d), dice.roll(8)));
        let capacity = 20 + dice.roll(480);
        let thresholds = Thresholds::of(capacity, &rules);
        let largest = 1 + dice.roll(6);
        let mut free = dice.roll(capacity + 1);
        let mut is = thresholds.judge(free, Fullness::Free);
        let (mut travelled, mut full_turns, mut almost_turns) = (0u64, 0u64, 0u64);
        for _ in 0..40 {
            let step = dice.roll(largest + 1);
            let next = if dice.roll(2) == 0 { free.saturating_sub(step) } else { (free + step).min(capacity) };
            travelled += u64::from(next.abs_diff(free));
            free = next;
            let now = thresholds.judge(free, is);
            full_turns += u64::from((now == Fullness::Full) != (is == Fullness::Full));
            almost_turns += u64::from((now == Fullness::Free) != (is == Fullness::Free));
            is = now;
        }
        // From one turn to the next the count must cross the whole band: no more turns than the way travelled pays for.
        let allowed = |band: Band| 1 + travelled / u64::from(band.exit + 1 - band.enter);
        assert!(full_turns <= allowed(thresholds.full), "walk {walk}: {full_turns} turns of {thresholds:?}");
        assert!(almost_turns <= allowed(thresholds.almost_full), "walk {walk}: {almost_turns} turns of {thresholds:?}");
        turns_in_all += full_turns + almost_turns;
        moves_in_all += travelled;
    }
    assert!(turns_in_all > 10_000 && moves_in_all > 1_000_000, "the walks cross the thresholds: {turns_in_all}");
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let band = || (0.0..0.5f64, 0.0..0.5f64, 0u32..10).prop_map(|(a, b, free)| (a.min(b), a.max(b), free));
    (band(), band()).prop_map(|(full, almost)| rules(full, almost))
}

fn any_fullness() -> impl Strategy<Value = Fullness> {
    prop_oneof![Just(Fullness::Free), Just(Fullness::AlmostFull), Just(Fullness::Full)]
}

proptest! {
    #[test]
    fn below_both_thresholds_it_is_and_above_both_it_is_not(rules in any_rules(), capacity in 0u32..3000, free in 0u32..3000, was in any_fullness()) {
        let thresholds = Thresholds::of(capacity, &rules);
        let is = thresholds.judge(free, was);
        if free <= thresholds.full.enter { prop_assert_eq!(is, Fullness::Full); }
        if free > thresholds.full.exit { prop_assert_ne!(is, Fullness::Full); }
        if free <= thresholds.almost_full.enter { prop_assert_ne!(is, Fullness::Free); }
        if free > thresholds.almost_full.exit { prop_assert_eq!(is, Fullness::Free); }
    }

    #[test]
    fn within_a_band_a_line_never_changes(rules in any_rules(), capacity in 0u32..3000, counts in prop::collection::vec(0u32..3000, 1..60), start in any_fullness()) {
        let thresholds = Thresholds::of(capacity, &rules);
        let mut is = start;
        for free in counts {
            let now = thresholds.judge(free, is);
            let inside = |band: Band| free > band.enter && free <= band.exit;
            if inside(thresholds.full) { prop_assert_eq!(now == Fullness::Full, is == Fullness::Full); }
            if inside(thresholds.almost_full) { prop_assert_eq!(now == Fullness::Free, is == Fullness::Free); }
            is = now;
        }
    }

    #[test]
    fn one_car_that_comes_and_goes_never_makes_it_flap(rules in any_rules(), capacity in 24u32..3000, free in 0u32..3000) {
        let thresholds = Thresholds::of(capacity, &rules);
        prop_assume!(thresholds.almost_full.enter + 1 < capacity);
        let (mut is, mut turns) = (thresholds.judge(free, Fullness::Free), 0);
        for step in 0..20 {
            let now = thresholds.judge(free + step % 2, is);
            turns += u32::from(now != is);
            is = now;
        }
        prop_assert!(turns <= 2, "{} turns", turns);
    }
}
