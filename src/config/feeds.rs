//! The section `feeds`: how the city publishes, whose feeds it takes in, and whom it tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::domain::ids::LotId;

/// Open data, out and in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feeds {
    /// The name this city goes by in the addresses of its feeds.
    pub city: String,
    /// Who publishes.
    pub publisher: String,
    /// ISO 3166-1 alpha-2 code of the country.
    pub country: String,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// The licence's name.
    pub licence_name: String,
    /// The licence's address.
    pub licence_url: String,
    /// The address this site is reached at from outside; empty leaves links out.
    pub base_url: String,
    /// The one language names are in; empty: Chinese and English.
    pub language: String,
    /// Requests one reader may make in a minute.
    pub requests_per_minute: u32,
    /// How many of them at once.
    pub burst: u32,
    /// Whether a proxy of ours stands in front.
    pub behind_proxy: bool,
    /// Whether sources and subscribers may stand in private networks.
    pub allow_private_addresses: bool,
    /// Other operators' feeds that are taken in.
    pub sources: BTreeMap<String, Source>,
    /// Who is told of changes.
    pub subscribers: BTreeMap<String, Subscriber>,
}

/// What another operator's feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// ParkAPI v3 JSON, or GeoJSON with its fields.
    Parkapi,
    /// DATEX II status, version 2 or 3.
    Datex2,
    /// CSV, with a mapping of columns.
    Csv,
}

/// One other operator's feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Where its counts are.
    pub url: String,
    /// How often it is asked, seconds.
    #[serde(default = "default_every_s")]
    pub every_s: u32,
    /// Longest wait for an answer, milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Longest answer that is read, bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: usize,
    /// Which lot each of the source's ids is; one that is not named is the lot of the same id.
    #[serde(default)]
    pub lots: BTreeMap<String, LotId>,
    /// For CSV, and GeoJSON of a city's own making: which column each field is.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

fn default_every_s() -> u32 {
    60
}

fn default_timeout_ms() -> u64 {
    10_000
}

fn default_max_bytes() -> usize {
    16 * 1024 * 1024
}

/// One who is told of changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriber {
    /// Where it is told.
    pub url: String,
    /// What the messages are signed with.
    pub secret: Secret,
    /// Only changes of these lots; all when empty.
    #[serde(default)]
    pub lots: Vec<LotId>,
}

impl Feeds {
    /// An address of this site as others reach it; the bare path where the site's own address is not set.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// What types cannot say: one key and the reason it is wrong.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let is_word = |text: &str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        };
        let is_code = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_site = |url: &str| {
            ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
        };
        let rules: [(&'static str, bool, &str); 6] = [
            ("feeds.city", is_word(&self.city), "must be 1 to 64 of A-Z a-z 0-9 . _ -"),
            ("feeds.country", is_code(&self.country, 2), "must be a country's two letters"),
            ("feeds.currency", is_code(&self.currency, 3), "must be a currency's three letters"),
            (
                "feeds.base_url",
                self.base_url.is_empty() || is_site(&self.base_url),
                "must be empty, or begin with http:// or https://",
            ),
            ("feeds.requests_per_minute", self.requests_per_minute > 0, "must be at least 1"),
            ("feeds.burst", self.burst > 0, "must be at least 1"),
        ];
        if let Some((key, _, reason)) = rules.iter().find(|(_, holds, _)| !holds) {
            return Some((key, (*reason).to_owned()));
        }
        for (name, source) in &self.sources {
            if !is_word(name) {
                return Some(("feeds.sources", format!("{name:?} must be 1 to 64 of A-Z a-z 0-9 . _ -")));
            }
            if !is_site(&source.url) {
                return Some(("feeds.sources", format!("{name}: url must begin with http:// or https://")));
            }
            if source.every_s == 0 || source.timeout_ms == 0 || source.max_bytes == 0 {
                return Some((
                    "feeds.sources",
                    format!("{name}: every_s, timeout_ms and max_bytes must be at least 1"),
                ));
            }
        }
        for (name, subscriber) in &self.subscribers {
            if !is_word(name) {
                return Some(("feeds.subscribers", format!("{name:?} must be 1 to 64 of A-Z a-z 0-9 . _ -")));
            }
            if !is_site(&subscriber.url) {
                return Some(("feeds.subscribers", format!("{name}: url must begin with http:// or https://")));
            }
            if subscriber.secret.reveal().len() < 16 {
                return Some(("feeds.subscribers", format!("{name}: secret must have at least 16 characters")));
            }
        }
        None
    }
}
