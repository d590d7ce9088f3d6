//! Reads one JSON object key by key: what is missing, mistyped or unknown becomes a fault that names its path.

use std::{collections::BTreeMap, ops::RangeInclusive, rc::Rc, str::FromStr};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::fault::Faults;
use crate::domain::{hours::Hours, text::Localized};

/// Longest text of the city file, characters.
const MAX_TEXT_CHARS: usize = 500;

/// A value with the path it stands at.
#[derive(Clone)]
pub(super) struct Field<'a> {
    faults: &'a Faults,
    feature: Rc<str>,
    key: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// The value of a whole feature; its path is empty.
    pub(super) fn root(faults: &'a Faults, feature: impl Into<Rc<str>>, value: &'a Value) -> Self {
        Self { faults, feature: feature.into(), key: String::new(), value }
    }

    /// The same value under another feature's name, once its id is known.
    pub(super) fn named(&self, feature: &str) -> Self {
        Self { feature: feature.into(), ..self.clone() }
    }

    /// The feature it belongs to.
    pub(super) fn feature(&self) -> &str {
        &self.feature
    }

    /// Its dotted path within the feature.
    pub(super) fn key(&self) -> &str {
        if self.key.is_empty() { "(all)" } else { &self.key }
    }

    /// The bare value.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// Notes a fault of this value.
    pub(super) fn fault(&self, reason: impl std::fmt::Display) {
        self.faults.add(&self.feature, self.key(), reason);
    }

    /// Notes a fault of a key below this value.
    pub(super) fn fault_at(&self, below: &str, reason: impl std::fmt::Display) {
        self.faults.add(&self.feature, &self.path(below), reason);
    }

    fn path(&self, below: &str) -> String {
        if self.key.is_empty() { below.to_owned() } else { format!("{}.{below}", self.key) }
    }

    fn expect<T>(&self, found: Option<T>, what: &str) -> Option<T> {
        if found.is_none() {
            self.fault(format_args!("must be {what}, not {}", brief(self.value)));
        }
        found
    }

    /// A JSON object, to be read key by key.
    pub(super) fn object(&self) -> Option<Object<'a>> {
        let map = self.expect(self.value.as_object(), "an object")?;
        Some(Object { field: self.clone(), map, known: Vec::new() })
    }

    /// A JSON array's elements, each with its index in its path.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let items = self.expect(self.value.as_array(), "an array")?;
        let element = |(index, value)| Self { key: format!("{}[{index}]", self.key), value, ..self.clone() };
        Some(items.iter().enumerate().map(element).collect())
    }

    /// A text of at least one character, without control characters.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text = self.expect(self.value.as_str(), "a text")?;
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARS || text.chars().any(char::is_control) {
            self.fault(format_args!("must have 1 to {MAX_TEXT_CHARS} characters on one line"));
            return None;
        }
        Some(text)
    }

    /// A text in one language for both, or `{"zh","en"}`.
    pub(super) fn localized(&self) -> Option<Localized> {
        if self.value.is_string() {
            let text = self.text()?;
            return Some(Localized { zh: text.to_owned(), en: text.to_owned() });
        }
        if !self.value.is_object() {
            return self.expect(None, "a text or {\"zh\", \"en\"}");
        }
        let mut object = self.object()?;
        let zh = object.need("zh").and_then(|field| field.text());
        let en = object.may("en").map(|field| field.text());
        object.finish();
        let (zh, en) = (zh?, en.map_or(Some(None), |en| en.map(Some))?);
        Some(Localized { zh: zh.to_owned(), en: en.unwrap_or(zh).to_owned() })
    }

    /// An identifier.
    pub(super) fn id<T: FromStr<Err: std::fmt::Display>>(&self) -> Option<T> {
        let text = self.expect(self.value.as_str(), "an id")?;
        text.parse().map_err(|error| self.fault(error)).ok()
    }

    /// A whole number within a range.
    pub(super) fn whole(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.value.as_u64().and_then(|number| u32::try_from(number).ok());
        let within = number.filter(|number| range.contains(number));
        self.expect(within, &format!("a whole number from {} to {}", range.start(), range.end()))
    }

    /// A number within a range.
    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let within = self.value.as_f64().filter(|number| range.contains(number));
        self.expect(within, &format!("a number from {} to {}", range.start(), range.end()))
    }

    /// True or false.
    pub(super) fn flag(&self) -> Option<bool> {
        self.expect(self.value.as_bool(), "true or false")
    }

    /// One of a type's words.
    pub(super) fn word<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.value).map_err(|error| self.fault(error)).ok()
    }

    /// Words of a type, each with a whole number.
    pub(super) fn counts<T: DeserializeOwned + Ord>(&self, range: RangeInclusive<u32>) -> Option<BTreeMap<T, u32>> {
        let map = self.expect(self.value.as_object(), "an object of counts")?;
        let mut counts = Some(BTreeMap::new());
        for (word, value) in map {
            let field = Self { key: self.path(word), value, ..self.clone() };
            let count = field.whole(range.clone());
            let name = T::deserialize(serde::de::value::StrDeserializer::<serde_json::Error>::new(word))
                .map_err(|error| field.fault(error));
            match (name, count, &mut counts) {
                (Ok(name), Some(count), Some(counts)) => drop(counts.insert(name, count)),
                _ => counts = None,
            }
        }
        counts
    }

    /// Opening hours in OpenStreetMap syntax.
    pub(super) fn hours(&self) -> Option<String> {
        let text = self.text()?;
        Hours::parse(text).map_err(|error| self.fault(error)).ok()?;
        Some(text.to_owned())
    }
}

/// A JSON object of which every key must be known.
pub(super) struct Object<'a> {
    field: Field<'a>,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    /// A key that may be absent or null.
    pub(super) fn may(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let value = self.map.get(key).filter(|value| !value.is_null())?;
        Some(Field { key: self.field.path(key), value, ..self.field.clone() })
    }

    /// A key that must be there.
    pub(super) fn need(&mut self, key: &'static str) -> Option<Field<'a>> {
        let found = self.may(key);
        if found.is_none() {
            self.fault_at(key, "is missing");
        }
        found
    }

    /// Notes a fault of one of its keys.
    pub(super) fn fault_at(&self, key: &str, reason: impl std::fmt::Display) {
        self.field.fault_at(key, reason);
    }

    /// The object as a value, once its feature's name is known.
    pub(super) fn rename(&mut self, feature: &str) {
        self.field = self.field.named(feature);
    }

    /// The object's own field.
    pub(super) fn field(&self) -> &Field<'a> {
        &self.field
    }

    /// Ends the reading: every key nobody asked for is a fault.
    pub(super) fn finish(self) {
        for key in self.map.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let shown: String = key.chars().take(80).collect();
            self.fault_at(&shown, "unknown key");
        }
    }
}

/// A value as short as a sentence can bear.
fn brief(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > 40 => "a long text".to_owned(),
        other => other.to_string(),
    }
}

/// Whether an optional value is absent or well: `Some(None)` or `Some(Some(_))`; `None` when it stands and is wrong.
#[expect(
    clippy::option_option,
    reason = "absent, wrong and well are three things, and `?` ends a reading at the wrong one"
)]
pub(super) fn well<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}
