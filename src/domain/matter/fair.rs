//! Fair limits for reports of the public without a riddle to solve: whoever says much waits behind whoever says little.

use serde::{Deserialize, Serialize};

/// How much of the public's reports is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Reports one address may send in an hour.
    pub per_address_hour: u32,
    /// Reports one address may send in a day.
    pub per_address_day: u32,
    /// Reports that wait to be looked at in all. The last fifth is kept for addresses that have said little.
    pub waiting: u32,
}

/// What was heard of an address so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Reports of it within an hour.
    pub in_hour: u32,
    /// Reports of it within a day.
    pub in_day: u32,
    /// Reports of everybody that wait.
    pub waiting: u32,
}

/// Why a report is not taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Slowed {
    /// This address has said enough for an hour.
    #[error("this address has sent many reports within the hour")]
    Hour,
    /// This address has said enough for a day.
    #[error("this address has sent many reports today")]
    Day,
    /// Too much waits.
    #[error("very many reports wait to be looked at")]
    Full,
}

impl Slowed {
    /// When to try again, seconds.
    pub fn retry_after_s(self) -> u32 {
        match self {
            Self::Hour => 3600,
            Self::Day => 6 * 3600,
            Self::Full => 600,
        }
    }
}

impl Measure {
    /// The rank of one more report of an address, from 1 on: the first of each address are looked at before any second.
    pub fn rank(&self, heard: Heard) -> Result<u32, Slowed> {
        if heard.in_hour >= self.per_address_hour {
            return Err(Slowed::Hour);
        }
        if heard.in_day >= self.per_address_day {
            return Err(Slowed::Day);
        }
        let rank = heard.in_day + 1;
        let kept_free = self.waiting / 5;
        let room = if rank <= 2 { self.waiting } else { self.waiting - kept_free };
        if heard.waiting >= room { Err(Slowed::Full) } else { Ok(rank) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURE: Measure = Measure { per_address_hour: 10, per_address_day: 30, waiting: 100 };

    #[test]
    fn an_address_is_ranked_by_what_it_said_today_and_slowed_by_the_hour_and_the_day() {
        let heard = |in_hour, in_day, waiting| MEASURE.rank(Heard { in_hour, in_day, waiting });
        assert_eq!(heard(0, 0, 0), Ok(1));
        assert_eq!(heard(9, 12, 0), Ok(13));
        assert_eq!(heard(10, 12, 0), Err(Slowed::Hour));
        assert_eq!(heard(0, 30, 0), Err(Slowed::Day));
    }

    #[test]
    fn the_last_fifth_is_kept_for_those_who_said_little() {
        let heard = |in_day, waiting| MEASURE.rank(Heard { in_hour: 0, in_day, waiting });
        assert_eq!(heard(5, 79), Ok(6));
        assert_eq!(heard(5, 80), Err(Slowed::Full));
        assert_eq!(heard(0, 99), Ok(1));
        assert_eq!(heard(0, 100), Err(Slowed::Full));
    }

    #[test]
    fn a_flood_from_few_addresses_takes_no_place_from_others() {
        // Five addresses send two thousand each: what is taken of them is bounded, and stands behind every first report.
        let mut waiting = 0;
        let mut ranks = Vec::new();
        for _ in 0..5 {
            for sent in 0..2_000 {
                if let Ok(rank) = MEASURE.rank(Heard { in_hour: sent.min(10), in_day: sent.min(30), waiting }) {
                    ranks.push(rank);
                    waiting += 1;
                }
            }
        }
        assert_eq!(ranks.len(), 50);
        let true_one = MEASURE.rank(Heard { in_hour: 0, in_day: 0, waiting }).unwrap();
        assert_eq!(ranks.iter().filter(|rank| **rank <= true_one).count(), 5);
    }
}
