//! Leases of signs: how long a holder may believe in one, what it may still begin, and which of the living nodes a sign falls to.
//!
//! A lease runs in the book that gives it (`availability::Leases`) from the moment the book writes it down, and in the holder's
//! mind from before it asked: the holder's end comes first, by at least [`Terms::margin`], however long the answer took.
//! Instants are counted from the start of the machine ([`crate::clock::Steady`]), so that no setting of the wall clock moves them.

use std::time::Duration;

/// How long leases last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long the book keeps a lease that is not renewed.
    pub length: Duration,
    /// How much earlier its holder stops: what clocks may run apart in that time, and what a write may take to leave the node.
    pub margin: Duration,
    /// How often a lease is renewed, and how often whoever waits for one asks.
    pub every: Duration,
}

impl Terms {
    /// The terms of leases of this length: a sixteenth of it is margin, and it is renewed eight times.
    pub fn of(length: Duration) -> Self {
        Self { length, margin: length / 16, every: length / 8 }
    }

    /// When a holder stops that asked at `asked_at` and was told yes, however much later.
    pub fn ends(&self, asked_at: Duration) -> Duration {
        asked_at + self.length.saturating_sub(self.margin)
    }

    /// The longest write that finds its time at any moment, also when one renewal is lost.
    pub fn longest_write(&self) -> Duration {
        self.length.saturating_sub(self.margin + 2 * self.every)
    }
}

/// Whether something that may take as long as `write` may be begun now, under a lease that ends at `ends`: it is over before.
pub fn permits(ends: Duration, now: Duration, write: Duration) -> bool {
    now.checked_add(write).is_some_and(|over| over < ends)
}

/// The node a sign falls to: the one whose name and the sign's together weigh most (rendezvous hashing). Every node finds the
/// same, the signs are spread evenly, and a node that comes or goes moves only the signs that fall to it or fell to it.
pub fn owner<'a>(nodes: impl IntoIterator<Item = &'a str>, sign: &str) -> Option<&'a str> {
    nodes.into_iter().max_by_key(|node| (weight(node, sign), *node))
}

/// FNV-1a of both names, its bits then mixed: alone it leaves names that differ in their last letter close together.
fn weight(node: &str, sign: &str) -> u64 {
    let octets = node.bytes().chain([0]).chain(sign.bytes());
    let hash =
        octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn of_eight_seconds_a_write_of_five_finds_its_time_though_one_renewal_is_lost() {
        let terms = Terms::of(MS(8_000));
        assert_eq!((terms.margin, terms.every, terms.longest_write()), (MS(500), MS(1_000), MS(5_500)));
        let ends = terms.ends(MS(0));
        assert!(permits(ends, 2 * terms.every, MS(5_000)) && !permits(ends, 3 * terms.every, MS(5_000)));
        assert!(!permits(ends, ends, Duration::ZERO), "at its end it is over");
        assert!(!permits(ends, Duration::ZERO, Duration::MAX));
    }

    proptest! {
        /// The book and the holder tell time apart: the holder's clock may run slow by a thousandth.
        #[test]
        fn a_holder_stops_before_the_book_gives_its_lease_to_another(
            length_ms in 1_000u64..60_000,
            rounds in proptest::collection::vec((0u64..20_000, 0u64..20_000, 0u64..20_000), 1..12),
            pauses in proptest::collection::vec(0u64..40_000, 12),
        ) {
            let terms = Terms::of(MS(length_ms));
            // True time, microseconds; the holder counts a thousandth less.
            let counted = |true_us: u64| Duration::from_micros(true_us - true_us / 1_000);
            let (mut now, mut book_until, mut ends) = (0u64, None::<u64>, None::<Duration>);
            for ((to_book, from_book, idle), pause) in rounds.into_iter().zip(pauses) {
                let asked_at = counted(now);
                now += to_book * 1_000;
                // Another has taken it meanwhile, or the book writes it down anew.
                if book_until.is_some_and(|until| until < now) {
                    let believed = ends.is_some_and(|ends| permits(ends, counted(now), Duration::ZERO));
                    prop_assert!(!believed, "two hold one lease");
                    break;
                }
                book_until = Some(now + length_ms * 1_000);
                now += from_book * 1_000;
                ends = Some(ends.unwrap_or_default().max(terms.ends(asked_at)));
                now += (idle + pause) * 1_000;
                let expired = book_until.is_some_and(|until| until <= now);
                prop_assert!(!expired || !permits(ends.unwrap_or_default(), counted(now), Duration::ZERO));
            }
        }

        #[test]
        fn what_is_begun_is_over_before_the_lease_is(ends_ms in 0u64..100_000, now_ms in 0u64..100_000, write_ms in 0u64..100_000) {
            let is_over = now_ms + write_ms < ends_ms;
            prop_assert_eq!(permits(MS(ends_ms), MS(now_ms), MS(write_ms)), is_over);
        }

        #[test]
        fn a_node_that_leaves_moves_only_its_own_signs(count in 2usize..8, leaves in 0usize..8, seed in 0u32..1_000) {
            let nodes: Vec<String> = (0..count).map(|n| format!("yunpark-{seed}-{n}")).collect();
            let gone = &nodes[leaves % count];
            for sign in (0..200).map(|n| format!("S{n:03}")) {
                let before = owner(nodes.iter().map(String::as_str), &sign).unwrap();
                let after = owner(nodes.iter().filter(|node| *node != gone).map(String::as_str), &sign).unwrap();
                prop_assert!(before == after || before == gone);
            }
        }
    }

    #[test]
    fn signs_are_spread_evenly_whatever_order_the_nodes_are_named_in() {
        let nodes = ["a-0f3b", "b-77c1", "c-1d09"];
        let mut shares: BTreeMap<&str, u32> = BTreeMap::new();
        for sign in (0..3_000).map(|n| format!("SIGN-{n}")) {
            let one = owner(nodes, &sign).unwrap();
            assert_eq!(owner(nodes.into_iter().rev(), &sign), Some(one));
            *shares.entry(one).or_default() += 1;
        }
        assert!(shares.values().all(|share| (900..1_100).contains(share)), "{shares:?}");
        assert_eq!(owner([], "SIGN-1"), None);
    }
}
