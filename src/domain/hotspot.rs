//! Where illegal parking gathers, and what that says: drivers who do not find free places lack a sign, drivers who find none lack
//! places.

use serde::Serialize;

/// What is missing at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Places were free near by, and no sign on the way tells of them.
    SignMissing,
    /// Places were free near by, a sign tells of them, and drivers do not heed it.
    SignUnheeded,
    /// The lots near by were full.
    BaysMissing,
    /// Now this, now that.
    Mixed,
}

/// Fewer stays than this, of which it is known what was free, prove nothing.
pub const FEWEST: u32 = 8;
/// From this share on, of stays during which places were free near by, places are not what is missing.
const MOSTLY_FREE: f64 = 0.75;
/// Up to this share they are.
const MOSTLY_FULL: f64 = 0.25;

/// What the stays at a place say: how many of those of which it is known, `known`, happened while places were free near by,
/// `with_free`; and whether a sign near by tells of those lots. `None` where too little is known.
pub fn finding(known: u32, with_free: u32, is_told_by_a_sign: bool) -> Option<Finding> {
    if known < FEWEST {
        return None;
    }
    let share = f64::from(with_free) / f64::from(known);
    Some(if share <= MOSTLY_FULL {
        Finding::BaysMissing
    } else if share < MOSTLY_FREE {
        Finding::Mixed
    } else if is_told_by_a_sign {
        Finding::SignUnheeded
    } else {
        Finding::SignMissing
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_follows_from_what_was_free_and_who_was_told() {
        for (known, with_free, told, found) in [
            (7, 7, false, None),
            (8, 8, false, Some(Finding::SignMissing)),
            (8, 6, false, Some(Finding::SignMissing)),
            (8, 8, true, Some(Finding::SignUnheeded)),
            (8, 5, false, Some(Finding::Mixed)),
            (8, 2, false, Some(Finding::BaysMissing)),
            (8, 0, true, Some(Finding::BaysMissing)),
        ] {
            assert_eq!(finding(known, with_free, told), found, "{with_free} of {known}, told: {told}");
        }
    }
}
