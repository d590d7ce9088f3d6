//! Text shown to people, in Chinese and English.

use serde::{Deserialize, Serialize};

/// A text in both languages of the pages; where English is missing, the Chinese stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(from = "LocalizedInput")]
pub struct Localized {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A localized text as it may be written: one string for both languages, or one for each.
#[derive(Deserialize)]
#[serde(untagged)]
enum LocalizedInput {
    Both(String),
    Each { zh: String, en: Option<String> },
}

impl From<LocalizedInput> for Localized {
    fn from(input: LocalizedInput) -> Self {
        match input {
            LocalizedInput::Both(text) => Self { zh: text.clone(), en: text },
            LocalizedInput::Each { zh, en } => Self { en: en.unwrap_or_else(|| zh.clone()), zh },
        }
    }
}

/// A language of the pages and the signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Simplified Chinese, the first language.
    #[default]
    Zh,
    /// English.
    En,
}

impl Localized {
    /// The text in one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}
/// A text as it may stand in HTML, between tags or in a quoted attribute.
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
