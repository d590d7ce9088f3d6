//! Where in a city file a feature begins, and how faults are mended: for whoever has the file open in an editor.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{fault::Fault, read::name_of};

/// A file's lists, each item as its text.
#[derive(Deserialize)]
struct Lists<'a> {
    #[serde(borrow, default)]
    features: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    groups: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    sensors: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    codecs: Vec<&'a RawValue>,
}

/// The line, counted from 1, on which what a fault names begins; `None` where it is about the whole file.
pub struct Lines(HashMap<String, usize>);

impl Lines {
    /// Finds every item of a file; nothing of one that is no JSON.
    pub fn of(text: &str) -> Self {
        let Ok(lists) = serde_json::from_str::<Lists<'_>>(text) else { return Self(HashMap::new()) };
        let line = LineOf::new(text);
        let mut found = HashMap::new();
        for (index, item) in lists.features.iter().enumerate() {
            let at = line.of(item);
            found.insert(format!("feature #{}", index + 1), at);
            let value: Value = serde_json::from_str(item.get()).unwrap_or_default();
            let kind = value.pointer("/properties/kind").and_then(Value::as_str).unwrap_or_default();
            // Of two with one name the later one is at fault.
            found.extend(name_of(kind, &value).map(|name| (name, at)));
        }
        for (list, kind, items) in
            [("groups", "group", lists.groups), ("sensors", "sensor", lists.sensors), ("codecs", "codec", lists.codecs)]
        {
            for (index, item) in items.iter().enumerate() {
                let at = line.of(item);
                found.insert(format!("{list}[{index}]"), at);
                let value: Value = serde_json::from_str(item.get()).unwrap_or_default();
                found.extend(value["id"].as_str().map(|id| (format!("{kind} {id}"), at)));
            }
        }
        Self(found)
    }

    /// The line of a fault. A file that is no JSON names its line in the reason.
    pub fn of_fault(&self, fault: &Fault) -> Option<usize> {
        let told = || fault.reason.rsplit_once(" at line ")?.1.split(' ').next()?.parse().ok();
        self.0.get(&fault.feature).copied().or_else(told)
    }
}

/// Line numbers by position in a text.
struct LineOf<'a> {
    text: &'a str,
    ends: Vec<usize>,
}

impl<'a> LineOf<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, ends: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    fn of(&self, item: &RawValue) -> usize {
        // The item is a part of the text: where it begins is how far apart their addresses are.
        let at = item.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        self.ends.partition_point(|end| *end < at) + 1
    }
}

/// How a fault is mended, in one word that the pages have sentences for.
pub fn remedy(fault: &Fault) -> Cow<'static, str> {
    let reason = fault.reason.as_str();
    let known = [
        ("not JSON", "json"),
        ("is missing", "add"),
        ("unknown key", "spelling"),
        ("must be one of", "word"),
        ("there is already", "own_id"),
        ("already", "own_id"),
        ("named twice", "own_id"),
        ("there is no codec", "codec"),
        ("there is no", "reference"),
        ("lies far from", "coordinates"),
        ("is more than the capacity", "capacity"),
        ("less than its", "capacity"),
        ("opening hours", "hours"),
        ("must be", "form"),
        ("must have", "form"),
        ("excludes", "either"),
        ("needs either", "either"),
        ("needs", "add"),
    ];
    known.into_iter().find(|(part, _)| reason.contains(part)).map_or("read", |(_, word)| word).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_the_line_its_feature_begins_on() {
        let text = "{\n \"features\": [\n  {\"properties\": {\"kind\": \"lot\", \"id\": \"L1\"}},\n\n  {\"x\": 1}\n ],\n \"sensors\": [{\"id\": \"s\"}]\n}";
        let lines = Lines::of(text);
        let line = |feature: &str, reason: &str| {
            lines.of_fault(&Fault { feature: feature.into(), key: String::new(), reason: reason.into() })
        };
        assert_eq!((line("lot L1", ""), line("feature #1", ""), line("feature #2", "")), (Some(3), Some(3), Some(5)));
        assert_eq!((line("sensors[0]", ""), line("sensor s", ""), line("(file)", "")), (Some(7), Some(7), None));
        let broken = "{\n \"features\": [\n";
        let error = serde_json::from_str::<Value>(broken).unwrap_err();
        let fault = Fault { feature: "(file)".into(), key: "(all)".into(), reason: format!("not JSON: {error}") };
        assert_eq!(Lines::of(broken).of_fault(&fault), Some(3));
        assert_eq!(remedy(&fault), "json");
    }

    #[test]
    fn the_remedy_follows_the_reason() {
        for (reason, word) in [
            ("is missing", "add"),
            ("unknown key", "spelling"),
            ("there is no lot", "reference"),
            ("there is no codec \"x/y\"", "codec"),
            ("there is already a lot, at feature #1", "own_id"),
            ("lies far from the rest of the city: longitude comes first", "coordinates"),
            ("must be a whole number", "form"),
            ("something else", "read"),
        ] {
            assert_eq!(remedy(&Fault { feature: String::new(), key: String::new(), reason: reason.into() }), word);
        }
    }
}
