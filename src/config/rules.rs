//! The rules in force: what the configuration says, under what an administration has set since.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Enforcement, FirstOffencePolicy, Law, LookUps, Retention};
use crate::domain::{
    setting::{TEMPLATE, fields},
    terms,
};

/// How long vehicles may stand in streets of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassRule {
    /// In place of what a zone of the city file says, seconds.
    pub dwell_s: Option<u32>,
    /// Added to what is allowed before a stay counts as an offence, seconds.
    pub grace_s: u32,
}

/// Rules that may change while a node runs.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Terms, holidays, amounts, first offences.
    pub law: Law,
    /// Which look-ups are odd.
    pub lookups: LookUps,
    /// How long pictures are kept that came to nothing.
    pub retention: Retention,
    /// By street class, 1 to 4.
    pub dwell: [ClassRule; 4],
    /// Templates of documents in place of others, by the document's name.
    pub templates: BTreeMap<String, String>,
}

impl Rules {
    /// What the configuration says.
    pub fn of(enforcement: &Enforcement) -> Self {
        Self {
            law: enforcement.law.clone(),
            lookups: enforcement.lookups.clone(),
            retention: enforcement.retention.clone(),
            dwell: [ClassRule::default(); 4],
            templates: BTreeMap::new(),
        }
    }

    /// The rule of a street's class.
    pub fn of_class(&self, class: u8) -> ClassRule {
        usize::from(class).checked_sub(1).and_then(|nth| self.dwell.get(nth)).copied().unwrap_or_default()
    }

    /// What a setting says now, field by field; none of an unknown one, or of a template that is not replaced.
    pub fn told(&self, name: &str) -> Value {
        let (law, kept, ups) = (&self.law, &self.retention, &self.lookups);
        match name {
            "dwell" => {
                let told = self.dwell.iter().zip(1..).flat_map(|(rule, class)| {
                    [
                        (format!("class_{class}_dwell_s"), rule.dwell_s.map_or(Value::Null, Value::from)),
                        (format!("class_{class}_grace_s"), rule.grace_s.into()),
                    ]
                });
                Value::Object(told.collect())
            }
            "first_offence" => {
                json!({"policy": law.first_offence.policy, "within_days": law.first_offence.within_days})
            }
            "fines" => json!({"simple_max_yuan": law.fines.simple_max_yuan, "max_yuan": law.fines.max_yuan}),
            "calendar" => json!(law.calendar),
            "retention" => json!(kept),
            "look_ups" => json!(ups),
            _ => match name.strip_prefix(TEMPLATE).and_then(|document| self.templates.get(document)) {
                Some(html) => json!({ "html": html }),
                None => Value::Null,
            },
        }
    }

    /// Lays what was set over what stood before. What no longer reads (a row of a later version) is passed over.
    pub fn lay(&mut self, name: &str, value: &Map<String, Value>) {
        let number = |field: &str| value.get(field).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let (law, kept) = (&mut self.law, &mut self.retention);
        let take = |into: &mut u32, field: &str| *into = number(field).unwrap_or(*into);
        match name {
            "dwell" => {
                for (rule, class) in self.dwell.iter_mut().zip(1..) {
                    rule.dwell_s = number(&format!("class_{class}_dwell_s"));
                    rule.grace_s = number(&format!("class_{class}_grace_s")).unwrap_or_default();
                }
            }
            "first_offence" => {
                let policy = value.get("policy").cloned().unwrap_or_default();
                let policy = serde_json::from_value::<FirstOffencePolicy>(policy);
                law.first_offence.policy = policy.unwrap_or(law.first_offence.policy);
                take(&mut law.first_offence.within_days, "within_days");
            }
            "fines" => {
                take(&mut law.fines.simple_max_yuan, "simple_max_yuan");
                take(&mut law.fines.max_yuan, "max_yuan");
            }
            "calendar" => {
                let calendar = serde_json::from_value::<terms::Calendar>(Value::Object(value.clone()));
                law.calendar = calendar.unwrap_or_else(|_| law.calendar.clone());
            }
            "retention" => {
                take(&mut kept.left_in_time_days, "left_in_time_days");
                take(&mut kept.rejected_days, "rejected_days");
                take(&mut kept.set_aside_days, "set_aside_days");
            }
            "look_ups" => {
                let lookups = serde_json::from_value::<LookUps>(Value::Object(value.clone()));
                self.lookups = lookups.unwrap_or_else(|_| self.lookups.clone());
            }
            _ => {
                if let (Some(document), Some(html)) =
                    (name.strip_prefix(TEMPLATE), value.get("html").and_then(Value::as_str))
                {
                    self.templates.insert(document.to_owned(), html.to_owned());
                }
            }
        }
        debug_assert!(fields(name).is_some(), "only what has fields is set");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        domain::setting::{SETTINGS, checked},
    };

    fn rules() -> Rules {
        Rules::of(&Config::load(None).unwrap().enforcement)
    }

    #[test]
    fn what_the_configuration_says_may_be_set_as_it_stands_and_changes_nothing() {
        for setting in SETTINGS {
            let mut rules = rules();
            let told = rules.told(setting.name);
            let kept = checked(setting.name, setting.fields, &told).unwrap_or_else(|wrong| panic!("{wrong:?}"));
            rules.lay(setting.name, &kept);
            assert_eq!(rules.told(setting.name), told, "{}", setting.name);
        }
    }

    #[test]
    fn what_is_set_holds() {
        for (name, set) in [
            (
                "dwell",
                json!({"class_1_dwell_s": 60, "class_1_grace_s": 5, "class_2_dwell_s": null, "class_2_grace_s": 0,
                "class_3_dwell_s": null, "class_3_grace_s": 7, "class_4_dwell_s": 0, "class_4_grace_s": 0}),
            ),
            ("first_offence", json!({"policy": "warn", "within_days": 30})),
            ("fines", json!({"simple_max_yuan": 100, "max_yuan": 150})),
            ("calendar", json!({"holidays": ["2027-01-01"], "workdays": ["2027-01-02"]})),
            ("retention", json!({"left_in_time_days": 1, "rejected_days": 2, "set_aside_days": 0})),
            (
                "look_ups",
                json!({"alarm_per_hour": 1, "most_per_hour": 2, "people_per_plate": 3, "duty_hours": "Mo-Fr 08:00-18:00"}),
            ),
            ("template.warning", json!({"html": "<p>{{plate}}</p>"})),
        ] {
            let mut rules = rules();
            rules.lay(name, &checked(name, fields(name).unwrap(), &set).unwrap());
            assert_eq!(rules.told(name), set);
        }
        let mut rules = rules();
        rules.dwell[0].grace_s = 9;
        assert_eq!((rules.of_class(1).grace_s, rules.of_class(0).grace_s, rules.of_class(9).grace_s), (9, 0, 0));
    }
}
