//! When a line turns to FULL and when it leaves it: two thresholds with a band between them, so that it does not flap.

use crate::config;

/// The two thresholds of a line, in free places.
///
/// * FULL is entered when `free <= enter`, with `enter = max(full_free, floor(full_share * capacity))`.
/// * FULL is left when `free > exit`, with `exit = max(enter + 1, full_free + 1, floor(full_exit_share * capacity))`.
///
/// For `enter < free <= exit`, the band, a line stays what it was. The band holds at least one count, so a lot in which one
/// car comes and goes never flaps. A lot no larger than its band leaves FULL when it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Greatest count at which FULL is entered.
    pub enter: u32,
    /// Greatest count at which FULL is kept.
    pub exit: u32,
}

impl Thresholds {
    /// The thresholds of a capacity.
    pub fn of(capacity: u32, rules: &config::Guidance) -> Self {
        let share = |share: f64| (share * f64::from(capacity)).floor() as u32;
        let enter = rules.full_free.max(share(rules.full_share));
        let exit = share(rules.full_exit_share).max(enter.saturating_add(1));
        // An empty lot is never FULL for ever: the band ends below the capacity where there is room for it.
        Self { enter, exit: exit.min(capacity.saturating_sub(1)).max(enter) }
    }

    /// Whether a line is FULL, given whether it was.
    pub fn is_full(self, free: u32, was_full: bool) -> bool {
        free <= self.enter || (was_full && free <= self.exit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(full_share: f64, full_exit_share: f64, full_free: u32) -> config::Guidance {
        let config = config::Config::load(None).unwrap();
        config::Guidance { full_share, full_exit_share, full_free, ..config.guidance }
    }

    #[test]
    fn a_lot_of_a_hundred_is_full_at_two_and_open_again_at_six() {
        let thresholds = Thresholds::of(100, &rules(0.02, 0.05, 0));
        assert_eq!(thresholds, Thresholds { enter: 2, exit: 5 });
        let mut full = false;
        let told: Vec<bool> = [3, 2, 3, 5, 6, 5, 3, 2]
            .into_iter()
            .map(|free| {
                full = thresholds.is_full(free, full);
                full
            })
            .collect();
        assert_eq!(told, [false, true, true, true, false, false, false, true]);
    }

    #[test]
    fn a_lot_of_one_place_opens_when_it_is_empty() {
        let thresholds = Thresholds::of(1, &rules(0.02, 0.05, 0));
        assert!(thresholds.is_full(0, false) && !thresholds.is_full(1, true));
    }

    fn any_rules() -> impl Strategy<Value = config::Guidance> {
        (0.0..0.5f64, 0.0..0.5f64, 0u32..10).prop_map(|(a, b, free)| rules(a.min(b), a.max(b), free))
    }

    proptest! {
        #[test]
        fn within_the_band_a_line_never_changes(rules in any_rules(), capacity in 0u32..3000, counts in prop::collection::vec(0u32..3000, 1..60), start in any::<bool>()) {
            let thresholds = Thresholds::of(capacity, &rules);
            let mut full = start;
            for free in counts {
                let now = thresholds.is_full(free, full);
                if free > thresholds.enter && free <= thresholds.exit {
                    prop_assert_eq!(now, full, "flapped at {} in {:?}", free, thresholds);
                }
                full = now;
            }
        }

        #[test]
        fn below_the_band_it_is_full_and_above_it_is_not(rules in any_rules(), capacity in 0u32..3000, free in 0u32..3000, was in any::<bool>()) {
            let thresholds = Thresholds::of(capacity, &rules);
            prop_assert!(thresholds.enter >= rules.full_free && thresholds.exit >= thresholds.enter);
            if free <= thresholds.enter { prop_assert!(thresholds.is_full(free, was)); }
            if free > thresholds.exit { prop_assert!(!thresholds.is_full(free, was)); }
        }

        #[test]
        fn one_car_that_comes_and_goes_never_makes_it_flap(rules in any_rules(), capacity in 12u32..3000, free in 0u32..3000) {
            let thresholds = Thresholds::of(capacity, &rules);
            prop_assume!(thresholds.enter + 1 < capacity);
            let (mut full, mut turns) = (thresholds.is_full(free, false), 0);
            for step in 0..20 {
                let now = thresholds.is_full(free + step % 2, full);
                turns += u32::from(now != full);
                full = now;
            }
            prop_assert!(turns <= 1, "{} turns", turns);
        }
    }
}
