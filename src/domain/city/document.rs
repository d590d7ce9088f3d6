//! A city file taken apart into documents, so that a store keeps each feature as it was given.

use serde_json::{Map, Value};

use super::{
    fault::{Fault, Faults},
    field::Field,
    read::parse,
};

/// The kind of the document that holds the city's own name and time zone.
pub const CITY: &str = "city";

/// One feature, group, codec or sensor of a city file as it was given, or the city's own header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    /// `city`, `group`, `codec`, `sensor`, or a feature's kind.
    pub kind: String,
    /// Unique within the kind; a space's is `LOT/SPACE`, the city's is `city`.
    pub id: String,
    /// JSON text with sorted keys, so that equal content gives equal text.
    pub json: String,
}

/// Takes a city file apart. The file should have been read without faults before: what has no kind or no id is named by
/// its place in the file.
pub fn documents(text: &str) -> Result<Vec<Document>, Vec<Fault>> {
    let file = parse(text)?;
    let mut documents = Vec::new();
    if let Some(header) = file.get("yunpark") {
        documents.push(Document::new(CITY, CITY.to_owned(), header));
    }
    for (list, kind) in [("groups", "group"), ("codecs", "codec"), ("sensors", "sensor")] {
        for (index, item) in items(&file, list) {
            let id = item.get("id").and_then(Value::as_str).map_or_else(|| format!("#{index}"), str::to_owned);
            documents.push(Document::new(kind, id, item));
        }
    }
    for (index, feature) in items(&file, "features") {
        let word = |key: &str| feature.get("properties").and_then(|p| p.get(key)).and_then(Value::as_str);
        let kind = word("kind").unwrap_or("feature");
        let id = word("id").map_or_else(|| format!("#{index}"), str::to_owned);
        let id = if kind == "space" { format!("{}/{id}", word("lot").unwrap_or_default()) } else { id };
        documents.push(Document::new(kind, id, feature));
    }
    documents.sort();
    Ok(documents)
}

fn items<'a>(file: &'a Value, list: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    file.get(list).and_then(Value::as_array).into_iter().flatten().enumerate()
}

impl Document {
    fn new(kind: &str, id: String, value: &Value) -> Self {
        Self { kind: kind.to_owned(), id, json: sorted(value).to_string() }
    }

    /// Parses every document's JSON, in the order of kind and id; one that is no JSON becomes a fault.
    pub(super) fn parse_all<'d>(documents: &'d [Self], faults: &Faults) -> Vec<(&'d Self, Value)> {
        let mut documents: Vec<&Self> = documents.iter().collect();
        documents.sort();
        let parse = |document: &'d Self| match serde_json::from_str(&document.json) {
            Ok(value) => Some((document, value)),
            Err(error) => {
                faults.add(&document.name(), "(all)", format_args!("not JSON: {error}"));
                None
            }
        };
        documents.into_iter().filter_map(parse).collect()
    }

    fn name(&self) -> String {
        format!("{} {}", self.kind, self.id)
    }
}

/// The same value with every object's keys sorted, whatever order the parser keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(map) => {
            let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            Value::Object(pairs.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// A city file's parts, wherever they came from.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) header: Option<Field<'a>>,
    pub(super) groups: Vec<Field<'a>>,
    pub(super) codecs: Vec<Field<'a>>,
    pub(super) sensors: Vec<Field<'a>>,
    pub(super) features: Vec<Field<'a>>,
}

impl<'a> Parts<'a> {
    /// The parts of a whole file; what is wrong at the top becomes a fault of `(file)`.
    pub(super) fn of_file(faults: &'a Faults, value: &'a Value) -> Self {
        let mut parts = Self::default();
        let root = Field::root(faults, "(file)", value);
        let Some(mut file) = root.object() else { return parts };
        if file.need("type").is_some_and(|f| f.value() != "FeatureCollection") {
            file.fault_at("type", "must be \"FeatureCollection\"");
        }
        parts.header = file.may("yunpark");
        file.may("bbox");
        let groups = file.may("groups").and_then(|f| f.list()).unwrap_or_default();
        let codecs = file.may("codecs").and_then(|f| f.list()).unwrap_or_default();
        let sensors = file.may("sensors").and_then(|f| f.list()).unwrap_or_default();
        let features = file.need("features").and_then(|f| f.list()).unwrap_or_default();
        file.finish();
        let own = |name: String, field: &Field<'a>| Field::root(faults, name, field.value());
        parts.groups = groups.iter().map(|group| own(group.key().to_owned(), group)).collect();
        parts.codecs = codecs.iter().map(|codec| own(codec.key().to_owned(), codec)).collect();
        parts.sensors = sensors.iter().map(|sensor| own(sensor.key().to_owned(), sensor)).collect();
        let named = |(index, feature)| own(format!("feature #{}", index + 1), feature);
        parts.features = features.iter().enumerate().map(named).collect();
        parts
    }

    /// The parts a store kept.
    pub(super) fn of_documents(faults: &'a Faults, documents: &'a [(&Document, Value)]) -> Self {
        let mut parts = Self::default();
        for (document, value) in documents {
            let field = Field::root(faults, document.name(), value);
            match document.kind.as_str() {
                CITY => parts.header = Some(field),
                "group" => parts.groups.push(field),
                "codec" => parts.codecs.push(field),
                "sensor" => parts.sensors.push(field),
                _ => parts.features.push(field),
            }
        }
        parts
    }
}
