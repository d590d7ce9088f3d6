//! The `[demand]` section: what drivers under way may tell, and how it counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;

/// What drivers under way may tell, and how it counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Things one address may have told that still count.
    pub per_address: u32,
    /// The same of one lot.
    pub per_address_and_lot: u32,
    /// A header in which a proxy in front tells the caller's address; empty: none.
    pub address_header: String,
    /// Furthest ahead an arrival may lie, seconds.
    pub furthest_s: u32,
    /// It counts this long after the expected arrival, seconds.
    pub grace_s: u32,
    /// The share of drivers under way who come.
    pub comes: f64,
    /// They count for at most this share of a lot's capacity.
    pub most_share: f64,
    /// The largest share of those who pass an approach that is believed to turn into one lot.
    pub most_turn: f64,
    /// For how long it is remembered which share did, days.
    pub turn_memory_days: f64,
    /// Tokens of apps that may ask for places, by the app's name.
    pub apps: BTreeMap<String, Secret>,
    /// An app may hold at most this share of a lot's capacity.
    pub app_share: f64,
}

impl Demand {
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        let header = self.address_header.is_empty() || http::HeaderName::try_from(self.address_header.as_str()).is_ok();
        [
            ("demand.comes", share(self.comes), "must be between 0 and 1"),
            ("demand.most_share", share(self.most_share), "must be between 0 and 1"),
            ("demand.most_turn", share(self.most_turn), "must be between 0 and 1"),
            ("demand.turn_memory_days", (0.1..=365.0).contains(&self.turn_memory_days), "must be between 0.1 and 365"),
            ("demand.app_share", share(self.app_share), "must be between 0 and 1"),
            ("demand.address_header", header, "is no name of a header"),
        ]
        .into_iter()
        .find(|(_, holds, _)| !holds)
        .map(|(key, _, reason)| (key, reason.to_owned()))
    }
}
