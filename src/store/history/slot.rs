//! A lot's counts over a stretch of time: the sums of its minutes, which add up exactly to coarser stretches.

use super::Aged;
use crate::{
    domain::{ids::LotId, time::Instant},
    store::{Error, On, query::composed},
};

/// One table of the history: how fine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// A point a minute.
    Minutes,
    /// A row a quarter of an hour.
    Quarters,
    /// A row an hour.
    Hours,
}

impl Table {
    /// The length of its rows, seconds.
    pub fn step_s(self) -> i64 {
        match self {
            Self::Minutes => 60,
            Self::Quarters => 900,
            Self::Hours => 3600,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Minutes => "availability_history",
            Self::Quarters => "availability_quarters",
            Self::Hours => "availability_hours",
        }
    }

    /// The table, to be forgotten by the age of its rows.
    pub fn aged(self) -> Aged {
        Aged::new(self.name(), "at_us")
    }

    /// The table this one is rolled up from; minutes are what was sampled.
    pub(super) fn finer(self) -> Option<Self> {
        match self {
            Self::Minutes => None,
            Self::Quarters => Some(Self::Minutes),
            Self::Hours => Some(Self::Quarters),
        }
    }

    /// The columns of a slot, as this table holds them.
    pub(super) fn columns(self) -> [&'static str; 8] {
        match self {
            Self::Minutes => ["1", "free", "free", "free", "occupied", "unknown", "out_of_service", "capacity"],
            Self::Quarters | Self::Hours => [
                "samples",
                "free_min",
                "free_max",
                "free_sum",
                "occupied_sum",
                "unknown_sum",
                "out_of_service_sum",
                "capacity_sum",
            ],
        }
    }
}

/// A lot's counts over a stretch of time; sums are over its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// When it begins.
    pub at: Instant,
    /// How many minutes of it are known.
    pub samples: u64,
    /// Fewest free places.
    pub free_min: u32,
    /// Most free places.
    pub free_max: u32,
    /// Sum of the free places.
    pub free: u64,
    /// Sum of the occupied places.
    pub occupied: u64,
    /// Sum of the places nobody had word of.
    pub unknown: u64,
    /// Sum of the places out of service.
    pub out_of_service: u64,
    /// Sum of the capacities.
    pub capacity: u64,
}

impl Slot {
    /// Takes another slot's minutes in; `at` stays.
    pub fn absorb(&mut self, other: &Self) {
        self.samples += other.samples;
        self.free_min = self.free_min.min(other.free_min);
        self.free_max = self.free_max.max(other.free_max);
        self.free += other.free;
        self.occupied += other.occupied;
        self.unknown += other.unknown;
        self.out_of_service += other.out_of_service;
        self.capacity += other.capacity;
    }

    /// The mean counts: free, occupied, unknown, out of service, capacity. Rounded so that the four still add up to the
    /// capacity.
    pub fn mean(&self) -> [u32; 5] {
        let samples = self.samples.max(1);
        let capacity = (self.capacity + samples / 2) / samples;
        let sums = [self.free, self.occupied, self.unknown, self.out_of_service];
        let mut means = sums.map(|sum| sum / samples);
        // What rounding down leaves over goes to the largest remainders.
        let mut order = [0, 1, 2, 3];
        order.sort_by_key(|&part| std::cmp::Reverse(sums[part] % samples));
        let mut left = capacity.saturating_sub(means.iter().sum());
        for part in order.into_iter().cycle() {
            if left == 0 {
                break;
            }
            means[part] += 1;
            left -= 1;
        }
        let [free, occupied, unknown, out_of_service] = means;
        [free, occupied, unknown, out_of_service, capacity].map(|mean| u32::try_from(mean).unwrap_or(u32::MAX))
    }
}

/// The newest `limit` slots of a lot that begin from `from` on and before `to`, oldest first.
pub async fn slots(
    on: impl Into<On<'_>>,
    table: Table,
    lot: &LotId,
    from: Instant,
    to: Instant,
    limit: u32,
) -> Result<Vec<Slot>, Error> {
    let name = table.name();
    let [samples, free_min, free_max, free, occupied, unknown, out_of_service, capacity] = table.columns();
    let text = format!(
        "SELECT at_us, CAST({samples} AS BIGINT) AS samples, {free_min} AS free_min, {free_max} AS free_max, \
         {free} AS free_sum, {occupied} AS occupied_sum, {unknown} AS unknown_sum, \
         {out_of_service} AS out_of_service_sum, {capacity} AS capacity_sum FROM {name} \
         WHERE lot = $1 AND at_us >= $2 AND at_us < $3 ORDER BY at_us DESC LIMIT $4"
    );
    let ask = composed(name, text).bind(lot.as_str()).bind(from).bind(to).bind(limit);
    let slots = ask.fetch_all(on).await?.into_iter().rev().map(|row| {
        Ok(Slot {
            at: row.instant("at_us")?,
            samples: row.count("samples")?,
            free_min: row.count("free_min")?,
            free_max: row.count("free_max")?,
            free: row.count("free_sum")?,
            occupied: row.count("occupied_sum")?,
            unknown: row.count("unknown_sum")?,
            out_of_service: row.count("out_of_service_sum")?,
            capacity: row.count("capacity_sum")?,
        })
    });
    slots.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_mean_counts_add_up_to_the_capacity(minutes in prop::collection::vec((0_u32..50, 0_u32..50, 0_u32..50, 0_u32..9), 1..30)) {
            let slot = |&(free, occupied, unknown, out): &(u32, u32, u32, u32)| Slot {
                at: Instant::UNIX_EPOCH,
                samples: 1,
                free_min: free,
                free_max: free,
                free: free.into(),
                occupied: occupied.into(),
                unknown: unknown.into(),
                out_of_service: out.into(),
                capacity: u64::from(free + occupied + unknown + out),
            };
            let mut all = slot(&minutes[0]);
            for minute in &minutes[1..] {
                all.absorb(&slot(minute));
            }
            let [free, occupied, unknown, out, capacity] = all.mean();
            prop_assert_eq!(free + occupied + unknown + out, capacity);
            let exact = f64::from(minutes.iter().map(|minute| minute.0).sum::<u32>()) / minutes.len() as f64;
            prop_assert!((f64::from(free) - exact).abs() < 2.0);
            prop_assert!(f64::from(all.free_min) <= exact && exact <= f64::from(all.free_max));
        }
    }
}
