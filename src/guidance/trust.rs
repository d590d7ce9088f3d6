//! How far a lot's number can be trusted: by its age and by the share of its places that report.

use chrono::Duration;
use yunpark_signs::Reason;

use crate::domain::{
    availability::{Availability, Quality},
    guidance::Rules,
    time::{Instant, age},
};

/// How far a number can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// As a number.
    Number,
    /// As a word only.
    Word(Reason),
    /// Not at all.
    Nothing(Reason),
}

/// The share of the places in service that have a live word, 0 to 1; a lot with none in service reports wholly.
pub(super) fn reporting_share(lots: impl IntoIterator<Item = (u32, u32)>) -> f64 {
    let (heard, unknown) =
        lots.into_iter().fold((0u64, 0u64), |(heard, unknown), (h, u)| (heard + u64::from(h), unknown + u64::from(u)));
    if heard + unknown == 0 { 1.0 } else { heard as f64 / (heard + unknown) as f64 }
}

/// Places with and without a live word.
pub(super) fn heard_and_unknown(lot: &Availability) -> (u32, u32) {
    (lot.free.saturating_add(lot.occupied), lot.unknown)
}

/// How far the number of a lot can be trusted, for at least `hold` longer than `now`.
pub(super) fn trust(lot: Option<&Availability>, rules: &Rules, limit: Duration, now: Instant, hold: Duration) -> Trust {
    let Some((lot, observed_at)) = lot.and_then(|lot| Some((lot, lot.observed_at?))) else {
        return Trust::Nothing(Reason::Unheard);
    };
    if lot.quality(now + hold, limit) != Quality::Live {
        return Trust::Nothing(Reason::Stale);
    }
    let share = reporting_share([heard_and_unknown(lot)]);
    if share < rules.min_reporting_share || (lot.unknown == lot.capacity && lot.capacity > 0) {
        return Trust::Nothing(Reason::NotReporting);
    }
    if share < rules.number_reporting_share {
        return Trust::Word(Reason::FewReporting);
    }
    if rules.number_max_age_s > 0 && age(now, observed_at) > Duration::seconds(rules.number_max_age_s.into()) {
        return Trust::Word(Reason::Ageing);
    }
    Trust::Number
}
