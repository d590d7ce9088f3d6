//! Figures of the public: cells with fewer than k are put together, so that no figure points at anybody.

use std::collections::BTreeMap;

/// What is published of a count by cell: cells with at least `k`, and all others as one sum, if that is at least `k` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anonymous {
    /// By cell.
    pub cells: BTreeMap<String, u64>,
    /// Of all other cells together; `None` where even that is fewer than `k`.
    pub elsewhere: Option<u64>,
}

/// Counts by cell that may be published. Where the rest is fewer than `k`, the smallest cell shown joins it, so that the rest
/// cannot be found by taking the shown from the total.
pub fn anonymous(counts: &BTreeMap<String, u64>, k: u64) -> Anonymous {
    let k = k.max(1);
    let (shown, hidden): (BTreeMap<_, _>, BTreeMap<_, _>) = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(cell, count)| (cell.clone(), *count))
        .partition(|(_, count)| *count >= k);
    let mut cells: BTreeMap<String, u64> = shown;
    let mut rest: u64 = hidden.values().sum();
    while rest > 0 && rest < k {
        let smallest =
            cells.iter().min_by_key(|(cell, count)| (**count, (*cell).clone())).map(|(cell, _)| cell.clone());
        let Some(smallest) = smallest else { break };
        rest += cells.remove(&smallest).unwrap_or_default();
    }
    Anonymous { cells, elsewhere: (rest >= k).then_some(rest) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rest_too_small_takes_the_smallest_cell_with_it() {
        let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(cell, n)| ((*cell).to_owned(), *n)).collect();
        let told = anonymous(&counts(&[("A", 9), ("B", 5), ("C", 2)]), 5);
        assert_eq!((told.cells, told.elsewhere), (counts(&[("A", 9)]), Some(7)));
        let told = anonymous(&counts(&[("A", 2)]), 5);
        assert_eq!((told.cells, told.elsewhere), (counts(&[]), None));
    }

    proptest! {
        #[test]
        fn no_figure_is_smaller_than_k_and_none_can_be_found_by_taking_away(
            counts in proptest::collection::btree_map("[A-Z]", 0_u64..20, 0..12), k in 1_u64..8,
        ) {
            let told = anonymous(&counts, k);
            let total: u64 = counts.values().sum();
            let shown: u64 = told.cells.values().sum();
            prop_assert!(told.cells.values().all(|count| *count >= k));
            let rest = total - shown;
            prop_assert!(rest == 0 || rest >= k || told.cells.is_empty());
            prop_assert_eq!(told.elsewhere, (rest >= k).then_some(rest));
        }
    }
}
