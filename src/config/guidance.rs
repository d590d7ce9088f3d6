//! The `[guidance]` section: what signs are told, in which words and colours, and how bright.

use serde::{Deserialize, Serialize};
use yunpark_signs::{Colour, LineState};

use crate::domain::{
    guidance::{Policy, Rules},
    text::Language,
};

/// What signs are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guidance {
    /// Which rule turns availability into a number: `arrival` (what will be left on arrival), or `thresholds`.
    pub policy: Policy,
    /// Signs are recomposed this often, milliseconds; only what differs is sent.
    pub tick_ms: u64,
    /// A panel keeps what it shows at least this long, milliseconds; a fallback is never held back.
    pub min_dwell_ms: u64,
    /// A sign is told something new at most once in this time, milliseconds, whatever it is.
    pub min_interval_ms: u64,
    /// How long a page stands where a panel needs several, milliseconds.
    pub page_ms: u32,
    /// FULL is shown when at most this share of the capacity is free.
    pub full_share: f64,
    /// FULL is left when more than this share of the capacity is free.
    pub full_exit_share: f64,
    /// FULL is shown at least up to this many free places.
    pub full_free: u32,
    /// Nearly full is shown when at most this share of the capacity is free.
    pub almost_full_share: f64,
    /// Nearly full is left when more than this share of the capacity is free.
    pub almost_full_exit_share: f64,
    /// Nearly full is shown at least up to this many free places.
    pub almost_full_free: u32,
    /// Whether nearly full is told by its word in place of the number.
    pub almost_full_as_word: bool,
    /// Places kept back from the number shown.
    pub held_back: u32,
    /// A line whose way is shorter than this goes by what moves now, a longer one by the forecast, seconds.
    pub near_s: u32,
    /// Deviations of the traffic till arrival that are kept back.
    pub margin: f64,
    /// The same where what is known is a minute old or older.
    pub margin_slow: f64,
    /// An age of the number beyond this counts no further, seconds.
    pub age_counts_s: u32,
    /// Signs of level `area` round down to a multiple of this.
    pub area_round_to: u32,
    /// A number older than this is told by a word, seconds; 0 is never.
    pub number_max_age_s: u32,
    /// With fewer of the places reporting than this share, a word stands in place of the number.
    pub number_reporting_share: f64,
    /// With fewer than this share, nothing is told.
    pub min_reporting_share: f64,
    /// The words of each language.
    pub words: Words,
    /// The colour of each state.
    pub colours: Colours,
    /// How bright signs are by the sun.
    pub brightness: Brightness,
}

/// The words of each language.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Of signs in Chinese.
    pub zh: LanguageWords,
    /// Of signs in English.
    pub en: LanguageWords,
}

/// The words of one language.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageWords {
    /// There is room.
    pub free: String,
    /// Nearly full.
    pub almost_full: String,
    /// Full.
    pub full: String,
    /// Closed.
    pub closed: String,
}

/// The colour of each state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colours {
    /// There is room.
    pub free: Colour,
    /// Nearly full.
    pub almost_full: Colour,
    /// Full.
    pub full: Colour,
    /// Closed.
    pub closed: Colour,
    /// No number that can be believed.
    pub no_data: Colour,
}

/// How bright signs are, percent of their brightest, by the sun where they stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brightness {
    /// While the sun is up.
    pub day_percent: u8,
    /// In civil twilight.
    pub twilight_percent: u8,
    /// At night.
    pub night_percent: u8,
}

impl Guidance {
    /// The rules as they stand here, before a sign's level and a panel's changes.
    pub fn rules(&self) -> Rules {
        Rules {
            policy: self.policy,
            full_share: self.full_share,
            full_exit_share: self.full_exit_share,
            full_free: self.full_free,
            almost_full_share: self.almost_full_share,
            almost_full_exit_share: self.almost_full_exit_share,
            almost_full_free: self.almost_full_free,
            almost_full_as_word: self.almost_full_as_word,
            held_back: self.held_back,
            near_s: self.near_s,
            margin: self.margin,
            margin_slow: self.margin_slow,
            age_counts_s: self.age_counts_s,
            round_to: 1,
            number_max_age_s: self.number_max_age_s,
            number_reporting_share: self.number_reporting_share,
            min_reporting_share: self.min_reporting_share,
        }
    }

    /// The first key that is wrong, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        const KEYS: [(&str, &str); 8] = [
            ("margin", "guidance.margin"),
            ("margin_slow", "guidance.margin_slow"),
            ("full_share", "guidance.full_share"),
            ("full_exit_share", "guidance.full_exit_share"),
            ("almost_full_share", "guidance.almost_full_share"),
            ("almost_full_exit_share", "guidance.almost_full_exit_share"),
            ("number_reporting_share", "guidance.number_reporting_share"),
            ("min_reporting_share", "guidance.min_reporting_share"),
        ];
        if let Some((key, reason)) = self.rules().fault() {
            let key = KEYS.iter().find(|(short, _)| *short == key).map_or("guidance", |(_, whole)| whole);
            return Some((key, reason));
        }
        let brightness = &self.brightness;
        let percents = [brightness.day_percent, brightness.twilight_percent, brightness.night_percent];
        let word = |words: &LanguageWords| {
            [&words.free, &words.almost_full, &words.full, &words.closed]
                .into_iter()
                .all(|word| !word.trim().is_empty())
        };
        [
            ("guidance.tick_ms", self.tick_ms > 0, "must be at least 1"),
            ("guidance.page_ms", (500..=25_500).contains(&self.page_ms), "must be between 500 and 25500"),
            (
                "guidance.brightness",
                percents.iter().all(|percent| (1..=100).contains(percent)),
                "must be between 1 and 100",
            ),
            ("guidance.words.zh", word(&self.words.zh), "must say something for every state"),
            ("guidance.words.en", word(&self.words.en), "must say something for every state"),
        ]
        .into_iter()
        .find(|(_, holds, _)| !holds)
        .map(|(key, _, reason)| (key, reason))
    }

    /// The words of a language.
    pub fn words(&self, language: Language) -> &LanguageWords {
        match language {
            Language::Zh => &self.words.zh,
            Language::En => &self.words.en,
        }
    }

    /// The colour of a state.
    pub fn colour(&self, state: LineState) -> Colour {
        match state {
            LineState::Free => self.colours.free,
            LineState::Few => self.colours.almost_full,
            LineState::Full => self.colours.full,
            LineState::Closed => self.colours.closed,
            LineState::NoData => self.colours.no_data,
            LineState::Text => Colour::Amber,
        }
    }
}
