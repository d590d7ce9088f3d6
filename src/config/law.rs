//! What the law sets, as configuration: legal bases of the three acts, statutory terms, holidays, amounts, first offences.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{
    lot::VehicleClass,
    record::{Act, Kind, State},
    terms::{Calendar, Term},
};

/// Articles, terms and amounts that change with the law and the place; each with its source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// Statutory terms by name.
    pub clocks: std::collections::BTreeMap<String, Term>,
    /// Holidays, and weekend days that are worked.
    pub calendar: Calendar,
    /// What may be fined.
    pub fines: Fines,
    /// What a first offence leads to.
    pub first_offence: FirstOffence,
    /// Words that name illegal parking and nothing more.
    pub parking_words: Vec<String>,
}

/// What look-ups of plates are odd, and how many are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUps {
    /// More by one person within an hour raise an alarm.
    pub alarm_per_hour: u32,
    /// More by one person within an hour are refused.
    pub most_per_hour: u32,
    /// More people who ask for one plate within a day raise an alarm.
    pub people_per_plate: u32,
    /// Look-ups outside these hours (OpenStreetMap syntax) raise an alarm; empty is at any time.
    pub duty_hours: String,
}

/// How long pictures are kept that came to nothing, days; 0 keeps them for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Of vehicles that left in time.
    pub left_in_time_days: u32,
    /// Of incidents a person rejected.
    pub rejected_days: u32,
    /// Of captures that belong to no incident.
    pub set_aside_days: u32,
}

/// What another authority is given of records, in signed files: no more than it needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Records of these kinds.
    pub kinds: Vec<Kind>,
    /// That stand there; empty is anywhere.
    #[serde(default)]
    pub states: Vec<State>,
    /// With these fields.
    #[serde(deserialize_with = "known_fields")]
    pub fields: Vec<String>,
    /// A file may be used so long, days.
    pub days: u32,
}

fn known_fields<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let fields = Vec::<String>::deserialize(from)?;
    match fields.iter().find(|field| !crate::domain::share::FIELDS.contains(&field.as_str())) {
        Some(unknown) => Err(serde::de::Error::custom(format!("there is no field {unknown:?} to share"))),
        None => Ok(fields),
    }
}

/// What stands on documents.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// The authority that signs.
    pub authority: String,
    /// Where to come.
    pub address: String,
    /// Its telephone.
    pub phone: String,
    /// The bank fines are paid at.
    pub bank: String,
    /// The authority that reviews.
    pub review_authority: String,
    /// The court.
    pub court: String,
    /// The address of the public pages, for QR codes; empty takes the address a document is asked at.
    pub public_url: String,
    /// A folder of templates that stand in place of the built-in ones; empty has none.
    pub templates_dir: String,
    /// The folder of fonts PDFs are set in.
    pub fonts_dir: String,
    /// The family of A4 documents.
    pub font: String,
    /// The family of slips.
    pub slip_font: String,
}

/// Highest fines, yuan.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fines {
    /// By the simple procedure.
    pub simple_max_yuan: u32,
    /// By any.
    pub max_yuan: u32,
    /// The articles.
    pub basis: String,
}

/// 首违: the first offence within a time teaches.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstOffence {
    /// What is made of it.
    pub policy: FirstOffencePolicy,
    /// A warning this old no longer counts, days.
    pub within_days: u32,
    /// The articles.
    pub basis: String,
}

/// What a first offence leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstOffencePolicy {
    /// Nothing is said.
    Off,
    /// The desk is told that it is the first; a person decides.
    Advise,
    /// A penalty is refused: the first time is warned.
    Warn,
}

/// Legal bases of the three acts that are easily confused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBases {
    /// Tow 拖移.
    pub tow: Vec<Basis>,
    /// Detention 扣留.
    pub detention: Vec<Basis>,
    /// Seizure 扣押.
    pub seizure: Vec<Basis>,
}

impl LegalBases {
    /// The bases of an act.
    pub fn of(&self, act: Act) -> &[Basis] {
        match act {
            Act::Tow => &self.tow,
            Act::Detention => &self.detention,
            Act::Seizure => &self.seizure,
        }
    }
}

/// One legal basis: the article, for which vehicles, and on which grounds. A bare text is an article without more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Basis {
    /// The article, as it stands on documents.
    pub text: String,
    /// Which vehicles it is for; all when absent.
    pub vehicle_class: Option<VehicleClass>,
    /// The grounds it gives, each a word; any when empty.
    pub grounds: Vec<String>,
}

impl<'de> Deserialize<'de> for Basis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            text: String,
            #[serde(default)]
            vehicle_class: Option<VehicleClass>,
            #[serde(default)]
            grounds: Vec<String>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Whole(Whole),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Text(text) => Self { text, ..Self::default() },
            Either::Whole(Whole { text, vehicle_class, grounds }) => Self { text, vehicle_class, grounds },
        })
    }
}
