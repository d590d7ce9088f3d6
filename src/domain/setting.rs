//! What an administration may set at run time: the names there are, the fields of each, and what may stand in them.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::Serialize;
use serde_json::{Map, Value};

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Holds {
    /// A whole number; where it is optional, none has the city file or nothing say.
    Whole {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
        /// Whether it may be absent.
        optional: bool,
        /// What is counted: `s`, `days`, `yuan`, `times`, `people`.
        unit: &'static str,
    },
    /// One of some words.
    Word {
        /// The words.
        of: &'static [&'static str],
    },
    /// A text of at most so many characters; it may be empty.
    Text {
        /// How many.
        most: usize,
    },
    /// Days, such as `2026-10-01`.
    Days,
}

/// A field of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What may stand in it.
    pub holds: Holds,
}

/// Something that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its fields, all of which a value has.
    pub fields: &'static [Field],
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field.
    pub field: String,
    /// Why.
    pub reason: String,
}

impl Wrong {
    fn of(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }
}

/// The longest stay a rule may allow, and the longest grace, seconds.
const DAY_S: u32 = 86_400;
/// Names of settings that are templates of documents begin so.
pub const TEMPLATE: &str = "template.";

const fn whole(name: &'static str, least: u32, most: u32, unit: &'static str) -> Field {
    Field { name, holds: Holds::Whole { least, most, optional: false, unit } }
}

const fn perhaps(name: &'static str, most: u32, unit: &'static str) -> Field {
    Field { name, holds: Holds::Whole { least: 0, most, optional: true, unit } }
}

/// Everything that can be set but templates, of which every document has one.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "dwell",
        fields: &[
            perhaps("class_1_dwell_s", DAY_S, "s"),
            whole("class_1_grace_s", 0, DAY_S, "s"),
            perhaps("class_2_dwell_s", DAY_S, "s"),
            whole("class_2_grace_s", 0, DAY_S, "s"),
            perhaps("class_3_dwell_s", DAY_S, "s"),
            whole("class_3_grace_s", 0, DAY_S, "s"),
            perhaps("class_4_dwell_s", DAY_S, "s"),
            whole("class_4_grace_s", 0, DAY_S, "s"),
        ],
    },
    Setting {
        name: "first_offence",
        fields: &[
            Field { name: "policy", holds: Holds::Word { of: &["off", "advise", "warn"] } },
            whole("within_days", 1, 3650, "days"),
        ],
    },
    Setting {
        name: "fines",
        fields: &[whole("simple_max_yuan", 0, 100_000, "yuan"), whole("max_yuan", 0, 100_000, "yuan")],
    },
    Setting {
        name: "calendar",
        fields: &[Field { name: "holidays", holds: Holds::Days }, Field { name: "workdays", holds: Holds::Days }],
    },
    Setting {
        name: "retention",
        fields: &[
            whole("left_in_time_days", 0, 3650, "days"),
            whole("rejected_days", 0, 3650, "days"),
            whole("set_aside_days", 0, 3650, "days"),
        ],
    },
    Setting {
        name: "look_ups",
        fields: &[
            whole("alarm_per_hour", 1, 100_000, "times"),
            whole("most_per_hour", 1, 100_000, "times"),
            whole("people_per_plate", 1, 100_000, "people"),
            Field { name: "duty_hours", holds: Holds::Text { most: 200 } },
        ],
    },
];

/// The fields of a template.
const OF_A_TEMPLATE: &[Field] = &[Field { name: "html", holds: Holds::Text { most: 60_000 } }];

/// The fields of a setting; `None` where there is no such name. Whether there is such a document is not asked here.
pub fn fields(name: &str) -> Option<&'static [Field]> {
    if name.strip_prefix(TEMPLATE).is_some_and(|document| !document.is_empty()) {
        return Some(OF_A_TEMPLATE);
    }
    SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.fields)
}

/// A value as it is kept: every field, each with what may stand in it, and nothing else. Or all that is wrong.
pub fn checked(name: &str, fields: &[Field], value: &Value) -> Result<Map<String, Value>, Vec<Wrong>> {
    let Some(given) = value.as_object() else { return Err(vec![Wrong::of("value", "must be an object of fields")]) };
    let mut wrong: Vec<Wrong> = given
        .keys()
        .filter(|key| fields.iter().all(|field| field.name != key.as_str()))
        .map(|key| Wrong::of(key, "there is no such field"))
        .collect();
    let mut kept = Map::new();
    for field in fields {
        match settled(field, given.get(field.name).unwrap_or(&Value::Null)) {
            Ok(value) => drop(kept.insert(field.name.to_owned(), value)),
            Err(reason) => wrong.push(Wrong::of(field.name, reason)),
        }
    }
    if wrong.is_empty() {
        wrong.extend(together(name, &kept));
    }
    if wrong.is_empty() { Ok(kept) } else { Err(wrong) }
}

fn settled(field: &Field, given: &Value) -> Result<Value, String> {
    match field.holds {
        Holds::Whole { optional: true, .. } if given.is_null() => Ok(Value::Null),
        Holds::Whole { least, most, .. } => {
            let number = given.as_u64().filter(|number| (u64::from(least)..=u64::from(most)).contains(number));
            number.map(Value::from).ok_or_else(|| format!("must be a whole number from {least} to {most}"))
        }
        Holds::Word { of } => {
            let word = given.as_str().filter(|word| of.contains(word));
            word.map(Value::from).ok_or_else(|| format!("must be one of {}", of.join(", ")))
        }
        Holds::Text { most } => {
            let text = given.as_str().ok_or("must be a text")?.trim();
            if text.chars().count() > most {
                return Err(format!("must have at most {most} characters"));
            }
            let odd = text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
            if odd { Err("must hold no control characters".to_owned()) } else { Ok(Value::from(text)) }
        }
        Holds::Days => days(given).map(|days| days.iter().map(NaiveDate::to_string).collect()),
    }
}

/// The days of a list; each once, in order.
fn days(given: &Value) -> Result<BTreeSet<NaiveDate>, String> {
    let list = given.as_array().ok_or("must be a list of days")?;
    if list.len() > 2000 {
        return Err("must be at most 2000 days".to_owned());
    }
    let day = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("{text:?} is no day such as 2026-10-01"))
    };
    list.iter().map(day).collect()
}

/// What fields say of each other.
fn together(name: &str, kept: &Map<String, Value>) -> Vec<Wrong> {
    let number = |field: &str| kept.get(field).and_then(Value::as_u64).unwrap_or_default();
    match name {
        "fines" if number("simple_max_yuan") > number("max_yuan") => {
            vec![Wrong::of("simple_max_yuan", "must not be more than the highest fine")]
        }
        "look_ups" if number("alarm_per_hour") > number("most_per_hour") => {
            vec![Wrong::of("alarm_per_hour", "must not be more than what is refused")]
        }
        "look_ups" => hours_fault(kept.get("duty_hours")).into_iter().collect(),
        "calendar" => calendar_faults(kept),
        _ => Vec::new(),
    }
}

fn hours_fault(given: Option<&Value>) -> Option<Wrong> {
    let text = given?.as_str().filter(|text| !text.is_empty())?;
    super::hours::Hours::parse(text).err().map(|error| Wrong::of("duty_hours", error.to_string()))
}

fn calendar_faults(kept: &Map<String, Value>) -> Vec<Wrong> {
    let of = |field: &str| kept.get(field).and_then(|value| days(value).ok()).unwrap_or_default();
    let (holidays, workdays) = (of("holidays"), of("workdays"));
    let mut wrong = Vec::new();
    if let Some(both) = holidays.intersection(&workdays).next() {
        wrong.push(Wrong::of("workdays", format!("{both} is among the holidays too")));
    }
    if let Some(day) = workdays.iter().find(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)) {
        wrong.push(Wrong::of("workdays", format!("{day} is no Saturday or Sunday; other days are worked anyway")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(name: &str, value: &Value) -> Vec<String> {
        let told = checked(name, fields(name).unwrap(), value).unwrap_err();
        told.into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn every_wrong_field_is_named_and_a_right_value_is_kept_whole() {
        let right = json!({"policy": "warn", "within_days": 365});
        let kept = checked("first_offence", fields("first_offence").unwrap(), &right).unwrap();
        assert_eq!(Value::Object(kept), right);
        let given = json!({"policy": "shoot", "within_days": 0, "more": 1});
        assert_eq!(wrong("first_offence", &given), ["more", "policy", "within_days"]);
        assert_eq!(wrong("first_offence", &json!({})), ["policy", "within_days"]);
        assert_eq!(wrong("retention", &json!([])), ["value"]);
        assert!(fields("nothing").is_none() && fields("template.").is_none() && fields("template.warning").is_some());
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused() {
        assert_eq!(wrong("fines", &json!({"simple_max_yuan": 300, "max_yuan": 200})), ["simple_max_yuan"]);
        let days = json!({"holidays": ["2027-01-01", "2027-01-02"], "workdays": ["2027-01-02"]});
        assert_eq!(wrong("calendar", &days), ["workdays"]);
        assert_eq!(wrong("calendar", &json!({"holidays": ["soon"], "workdays": ["2027-01-05"]})), ["holidays"]);
        assert_eq!(wrong("calendar", &json!({"holidays": [], "workdays": ["2027-01-05"]})), ["workdays"], "a Tuesday");
        let look_ups = json!({"alarm_per_hour": 9, "most_per_hour": 9, "people_per_plate": 1, "duty_hours": "nine"});
        assert_eq!(wrong("look_ups", &look_ups), ["duty_hours"]);
    }

    #[test]
    fn days_stand_once_and_in_order() {
        let given = json!({"holidays": ["2027-10-02", "2027-10-01", "2027-10-02"], "workdays": []});
        let kept = checked("calendar", fields("calendar").unwrap(), &given).unwrap();
        assert_eq!(kept["holidays"], json!(["2027-10-01", "2027-10-02"]));
    }
}
