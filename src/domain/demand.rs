//! Drivers under way: who said that they are coming, when they will be there, and how many places that takes.

use chrono::Duration;

use super::{ids::LotId, time::Instant};

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A driver navigates to the lot; some change their mind.
    Intent,
    /// An app has asked for a place; it is counted whole, and no place is kept shut.
    Reservation,
}

impl Kind {
    /// Its name, as it is stored and told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Reservation => "reservation",
        }
    }

    /// The kind of a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "intent" => Ok(Self::Intent),
            "reservation" => Ok(Self::Reservation),
            other => Err(format!("{other:?} is no kind of demand")),
        }
    }
}

/// One driver under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The lot.
    pub lot: LotId,
    /// What was said.
    pub kind: Kind,
    /// When the driver expects to be there.
    pub arrives_at: Instant,
    /// From then on it counts no more: the driver is there, and counted as such, or came not.
    pub ends_at: Instant,
}

/// The drivers under way to one lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Who navigates there.
    pub intents: u32,
    /// Places asked for.
    pub reservations: u32,
}

impl Counted {
    /// Counts one more.
    pub fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Intent => self.intents += 1,
            Kind::Reservation => self.reservations += 1,
        }
    }

    /// The places they will take: reservations whole, intents by the share that come, and those at most for `most_share` of the
    /// capacity, so that nobody can make a lot full by talk alone.
    pub fn places(self, capacity: u32, comes: f64, most_share: f64) -> u32 {
        let most = most_share * f64::from(capacity);
        let intents = (f64::from(self.intents) * comes).min(most).round() as u32;
        intents.saturating_add(self.reservations)
    }
}

/// Who is coming to a lot: by their own word, and by what counters upstream saw of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Coming {
    /// Places that those take who said so.
    pub said: u32,
    /// Vehicles expected of those who passed upstream.
    pub counted: f64,
}

impl Coming {
    /// Those who said so, and nobody counted.
    pub fn said(said: u32) -> Self {
        Self { said, counted: 0.0 }
    }

    /// How many come: the greater of the two, for a driver who said so passes the counters too, and nobody knows which car that is.
    /// So none is counted twice; where they are others, some are not counted.
    pub fn most(self) -> f64 {
        f64::from(self.said).max(self.counted)
    }
}

/// Those of a lot's drivers who still count at `now` and are there before `before`.
pub fn counted<'a>(demands: impl IntoIterator<Item = &'a Demand>, now: Instant, before: Instant) -> Counted {
    let mut counted = Counted::default();
    for demand in demands {
        if demand.ends_at > now && demand.arrives_at <= before {
            counted.add(demand.kind);
        }
    }
    counted
}

/// When a demand ends: some time after the arrival.
pub fn ends_at(arrives_at: Instant, grace: Duration) -> Instant {
    arrives_at + grace
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    fn demand(kind: Kind, minutes: i64) -> Demand {
        let arrives_at = parse_rfc3339("2026-03-10T01:00:00Z").unwrap() + Duration::minutes(minutes);
        let lot = LotId::parse("A").unwrap();
        Demand { lot, kind, arrives_at, ends_at: ends_at(arrives_at, Duration::minutes(10)) }
    }

    #[test]
    fn only_those_who_arrive_first_and_still_count_are_counted() {
        let now = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        let demands = [
            demand(Kind::Intent, -20),
            demand(Kind::Intent, -5),
            demand(Kind::Reservation, 4),
            demand(Kind::Intent, 30),
        ];
        let counted = counted(&demands, now, now + Duration::minutes(10));
        assert_eq!(counted, Counted { intents: 1, reservations: 1 });
    }

    proptest! {
        #[test]
        fn talk_never_takes_more_than_its_share(intents in 0u32..100_000, capacity in 0u32..5_000, share in 0.0f64..1.0) {
            let places = Counted { intents, reservations: 0 }.places(capacity, 0.8, share);
            prop_assert!(f64::from(places) <= share * f64::from(capacity) + 0.5);
        }
    }
}
