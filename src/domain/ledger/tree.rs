//! A Merkle tree over the ledger's entries (RFC 6962): its root stands in each signed head, so that one entry is proven with a few
//! hashes, and a whole ledger with memory that does not grow with it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Digest;

/// The hash of a leaf: of an entry, by the entry's own hash.
fn leaf(entry: Digest) -> Digest {
    Digest::from(<[u8; 32]>::from(Sha256::new().chain_update([0]).chain_update(entry.as_bytes()).finalize()))
}

fn node(left: Digest, right: Digest) -> Digest {
    let hash = Sha256::new().chain_update([1]).chain_update(left.as_bytes()).chain_update(right.as_bytes());
    Digest::from(<[u8; 32]>::from(hash.finalize()))
}

/// A tree that grows by one leaf after another: the roots of its whole subtrees, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growing {
    size: u64,
    roots: Vec<Digest>,
}

impl Growing {
    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry by its hash.
    pub fn push(&mut self, entry: Digest) {
        let mut root = leaf(entry);
        let mut full = self.size;
        while full & 1 == 1 {
            match self.roots.pop() {
                Some(left) => root = node(left, root),
                None => break,
            }
            full >>= 1;
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root of all leaves; of none, the hash of nothing.
    pub fn root(&self) -> Digest {
        let mut roots = self.roots.iter().rev().copied();
        match roots.next() {
            None => Digest::of(b""),
            Some(last) => roots.fold(last, |right, left| node(left, right)),
        }
    }
}

/// Collects the proof of one leaf while all leaves pass by, in memory that grows with the logarithm of their number.
#[derive(Debug, Clone)]
pub struct Proving {
    index: u64,
    size: u64,
    /// The ranges of leaves whose roots the proof holds, in the order of the proof, each with its tree.
    ranges: Vec<(u64, u64, Growing)>,
    seen: u64,
}

/// The proof that a leaf stands in a tree: the roots beside its way to the top, the nearest first.
pub type Path = Vec<Digest>;

impl Proving {
    /// Proves leaf `index` (from 0) of a tree of `size` leaves; `None` where there is no such leaf.
    pub fn new(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut low, mut high, mut ranges) = (0, size, Vec::new());
        while high - low > 1 {
            let middle = low + (high - low - 1).checked_ilog2().map_or(1, |power| 1 << power);
            if index < middle {
                ranges.push((middle, high, Growing::default()));
                high = middle;
            } else {
                ranges.push((low, middle, Growing::default()));
                low = middle;
            }
        }
        ranges.reverse();
        Some(Self { index, size, ranges, seen: 0 })
    }

    /// The next leaf passes by.
    pub fn pass(&mut self, entry: Digest) {
        let at = self.seen;
        self.seen += 1;
        if at == self.index || at >= self.size {
            return;
        }
        if let Some((_, _, tree)) = self.ranges.iter_mut().find(|(low, high, _)| (*low..*high).contains(&at)) {
            tree.push(entry);
        }
    }

    /// The proof, once all leaves have passed.
    pub fn path(self) -> Option<Path> {
        (self.seen >= self.size).then(|| self.ranges.iter().map(|(_, _, tree)| tree.root()).collect())
    }
}

/// Whether a proof shows that an entry is leaf `index` (from 0) of the tree of `size` leaves with this root.
pub fn proves(entry: Digest, index: u64, size: u64, path: &[Digest], root: Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf(entry));
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(*beside, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(hash, *beside);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(count: u64) -> Vec<Digest> {
        (0..count).map(|n| Digest::of(&n.to_be_bytes())).collect()
    }

    /// The definition of RFC 6962, word by word.
    fn by_definition(entries: &[Digest]) -> Digest {
        match entries.len() {
            0 => Digest::of(b""),
            1 => leaf(entries[0]),
            count => {
                let half = count.next_power_of_two() / 2;
                node(by_definition(&entries[..half]), by_definition(&entries[half..]))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_of_the_definition_at_every_size() {
        let mut tree = Growing::default();
        for count in 0..70 {
            assert_eq!(tree.root(), by_definition(&entries(count)), "{count}");
            tree.push(Digest::of(&count.to_be_bytes()));
        }
    }

    proptest! {
        #[test]
        fn a_proof_proves_its_entry_and_nothing_else(size in 1_u64..200, index in 0_u64..200, flip in 0_usize..256) {
            let index = index % size;
            let all = entries(size);
            let root = by_definition(&all);
            let mut proving = Proving::new(index, size).unwrap();
            for entry in &all {
                proving.pass(*entry);
            }
            let path = proving.path().unwrap();
            let entry = all[index as usize];
            prop_assert!(proves(entry, index, size, &path, root));
            prop_assert!(!proves(Digest::of(b"forged"), index, size, &path, root));
            let mut forged = *entry.as_bytes();
            forged[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(!proves(Digest::from(forged), index, size, &path, root));
            if size > 1 {
                let other = (index + 1) % size;
                prop_assert!(!proves(entry, other, size, &path, root));
                prop_assert!(!proves(entry, index, size, &path[1..], root));
            }
        }
    }

    #[test]
    fn there_is_no_proof_of_what_is_not_there() {
        assert!(Proving::new(3, 3).is_none());
        let mut early = Proving::new(0, 3).unwrap();
        early.pass(Digest::of(b"0"));
        assert!(early.path().is_none());
        assert!(!proves(Digest::of(b"0"), 0, 0, &[], Digest::of(b"")));
    }
}
