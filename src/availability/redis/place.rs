//! Where things lie in Redis: the partition of a lot, the keys of a partition, and the cursor over all partitions.

use std::hash::Hasher;

use crate::domain::{availability::Cursor, ids::LotId};

/// The keys of one partition; all share one hash tag.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// The hash of this life of the partition.
    pub(super) meta: String,
    /// The hash of the lots' records.
    pub(super) lots: String,
    /// The stream of changes.
    pub(super) changes: String,
    /// The sorted set of the lots' deadlines.
    pub(super) due: String,
    /// The book of leases, the leases, and the nodes that live.
    pub(super) leases: [String; 3],
    /// What every lot's own key begins with.
    pub(super) lot_prefix: String,
}

impl Partition {
    /// The keys of partition `number` under a prefix.
    pub(super) fn new(prefix: &str, number: u16) -> Self {
        let tag = format!("{{{prefix}:p{number}}}");
        Self {
            meta: format!("{tag}:meta"),
            lots: format!("{tag}:lots"),
            changes: format!("{tag}:changes"),
            due: format!("{tag}:due"),
            leases: ["book", "leases", "nodes"].map(|part| format!("{tag}:leases:{part}")),
            lot_prefix: format!("{tag}:lot:"),
        }
    }

    /// The partition's own keys, as the functions that write take them.
    pub(super) fn own(&self) -> [&str; 4] {
        [&self.meta, &self.lots, &self.changes, &self.due]
    }

    /// A lot's own key.
    pub(super) fn lot(&self, lot: &LotId) -> String {
        format!("{}{lot}", self.lot_prefix)
    }
}

/// The partition a lot lies in: FNV-1a of its id, 64 bits, modulo the number of partitions. It must never change, or a
/// running deployment would lose its lots.
pub(super) fn partition_of(lot: &LotId, partitions: usize) -> usize {
    partition_of_text(lot.as_str(), partitions)
}

/// The same for any name.
pub(super) fn partition_of_text(name: &str, partitions: usize) -> usize {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.write(name.as_bytes());
    usize::try_from(hash.finish() % partitions.max(1) as u64).unwrap_or(0)
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// A place in one partition's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The life of the partition.
    pub(super) epoch: String,
    /// The id of the last entry read.
    pub(super) id: String,
}

/// The cursor of places, one for each partition in order.
pub(super) fn cursor(places: &[Place]) -> Cursor {
    let parts: Vec<String> = places.iter().map(|place| format!("{}.{}", place.epoch, place.id)).collect();
    Cursor(format!("r{}", parts.join("_")))
}

/// The places of a cursor; `None` if it is not one over this many partitions.
pub(super) fn places(cursor: &Cursor, partitions: usize) -> Option<Vec<Place>> {
    let places: Vec<Place> = cursor.0.strip_prefix('r')?.split('_').map(place).collect::<Option<_>>()?;
    (places.len() == partitions).then_some(places)
}

fn place(text: &str) -> Option<Place> {
    let (epoch, id) = text.split_once('.')?;
    let (ms, number) = id.split_once('-')?;
    let is_number = |text: &str| text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
    let is_epoch = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_epoch && is_number(ms) && is_number(number)).then(|| Place { epoch: epoch.to_owned(), id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_stays_in_its_partition_for_ever() {
        let partition = |lot: &str| partition_of(&LotId::parse(lot).unwrap(), 4);
        assert_eq!(["L1", "L2", "L3", "P-0017"].map(partition), ["L1", "L2", "L3", "P-0017"].map(fnv_by_hand));
    }

    /// FNV-1a from its published definition, in wide arithmetic.
    fn fnv_by_hand(text: &str) -> usize {
        let step = |hash: u128, byte: u8| ((hash ^ u128::from(byte)) * 1_099_511_628_211) & u128::from(u64::MAX);
        (text.bytes().fold(14_695_981_039_346_656_037_u128, step) % 4) as usize
    }

    #[test]
    fn a_cursor_is_read_back_and_a_foreign_one_is_not() {
        let place = Place { epoch: "ab12".to_owned(), id: "1700000000000-3".to_owned() };
        let both = [place.clone(), place];
        assert_eq!(places(&cursor(&both), 2).as_deref(), Some(&both[..]));
        assert_eq!(places(&cursor(&both), 4), None);
        for foreign in ["", "r", "m1.2.3", "rab.1", "rab.1-x", "rab.-1-2", "rab.01-2", "r{x}.1-2"] {
            assert_eq!(places(&Cursor(foreign.to_owned()), 1), None, "{foreign}");
        }
    }
}
