//! Which column of a table, or property of a feature, says what; and how its words are read.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The fields a mapping may name, and the columns they are read from unless it does: those of ParkAPI v3.
const FIELDS: [(&str, &str); 20] = [
    ("id", "uid"),
    ("name", "name"),
    ("lat", "lat"),
    ("lon", "lon"),
    ("capacity", "capacity"),
    ("free", "realtime_free_capacity"),
    ("occupied", "realtime_occupied"),
    ("at", "realtime_data_updated_at"),
    ("closed", "realtime_opening_status=CLOSED"),
    ("live", ""),
    ("opening_hours", "opening_hours"),
    ("max_height_cm", "max_height"),
    ("max_height_m", ""),
    ("garage", "type=CAR_PARK|UNDERGROUND"),
    ("street", "type=ON_STREET"),
    ("site", "parking_site_uid"),
    ("bay_free", "realtime_status=AVAILABLE"),
    ("bay_taken", "realtime_status=TAKEN"),
    ("disabled", ""),
    ("charging", ""),
];

/// Which column says what. A field that is a number or a text names its column; one that is yes or no names a column and the
/// words in it that mean yes: `status=closed|zu`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Mapping(BTreeMap<&'static str, String>);

impl From<BTreeMap<String, String>> for Mapping {
    fn from(own: BTreeMap<String, String>) -> Self {
        Self::of(&own)
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self::of(&BTreeMap::new())
    }
}

impl Mapping {
    /// The mapping with some fields read from other columns; a field that is unknown is passed over here, see
    /// [`Mapping::unknown`].
    pub fn of(own: &BTreeMap<String, String>) -> Self {
        let column =
            |(field, default): (&'static str, &str)| (field, own.get(field).map_or(default, String::as_str).to_owned());
        Self(FIELDS.into_iter().map(column).collect())
    }

    /// A field of a mapping that there is not.
    pub fn unknown(own: &BTreeMap<String, String>) -> Option<&str> {
        own.keys().map(String::as_str).find(|field| !FIELDS.iter().any(|(known, _)| known == field))
    }

    /// The column of a field; empty if it has none.
    pub fn column(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// What stands in the column of a field; nothing if it is empty.
    pub fn text<'r>(&self, field: &str, row: &'r dyn Row) -> Option<std::borrow::Cow<'r, str>> {
        let column = self.column(field);
        (!column.is_empty()).then(|| row.text(column)).flatten().filter(|text| !text.trim().is_empty())
    }

    /// Whether the column of a field says yes; `None` if it says nothing, or the field has no column.
    pub fn says(&self, field: &str, row: &dyn Row) -> Option<bool> {
        let (column, words) = self.column(field).split_once('=')?;
        let said = row.text(column)?;
        let said = said.trim();
        (!said.is_empty()).then(|| words.split('|').any(|word| word.eq_ignore_ascii_case(said)))
    }
}

/// One row of a table.
pub trait Row {
    /// What stands in a column.
    fn text(&self, column: &str) -> Option<std::borrow::Cow<'_, str>>;
}

impl Row for BTreeMap<String, String> {
    fn text(&self, column: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.get(column).map(|text| text.as_str().into())
    }
}

impl Row for serde_json::Map<String, serde_json::Value> {
    fn text(&self, column: &str) -> Option<std::borrow::Cow<'_, str>> {
        match self.get(column)? {
            serde_json::Value::String(text) => Some(text.as_str().into()),
            serde_json::Value::Number(number) => Some(number.to_string().into()),
            serde_json::Value::Bool(yes) => Some(if *yes { "true" } else { "false" }.into()),
            _ => None,
        }
    }
}
