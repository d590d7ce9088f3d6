//! A record of the enforcement ledger: its kinds and acts, the legal basis each act needs, its number and its steps.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    course::Course,
    ids::{GridCellId, ZoneId},
    ledger::{Digest, Kind as Step},
    lot::VehicleClass,
    time::Instant,
};

/// Words that are kept and told as they are written, each a variant.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }
        impl $name {
            /// The word as it is kept and told.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Reads a word.
            pub fn parse(word: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|each| each.as_str() == word)
            }
        }
    };
}
pub(super) use words;

words! {
    /// What is recorded.
    Kind {
        /// A warning 警告.
        Warning = "warning",
        /// A correction of a non-motor vehicle on the spot 纠正.
        Correction = "correction",
        /// A penalty case 案件: opened here, decided by people in later steps.
        Penalty = "penalty",
        /// A tow, a detention or a seizure.
        Seizure = "seizure",
    }
}

words! {
    /// Where a record stands.
    State {
        /// A warning or a correction, done.
        Issued = "issued",
        /// A penalty case that was opened.
        Opened = "opened",
        /// A seizure that waits for a supervisor.
        Proposed = "proposed",
        /// A seizure a supervisor approved.
        Approved = "approved",
        /// The vehicle left, or the fault was put right.
        Complied = "complied",
        /// Nothing more came of a warning.
        Lapsed = "lapsed",
        /// A warning became a penalty case.
        Escalated = "escalated",
        /// Taken back.
        Revoked = "revoked",
        /// The party was told what is to be decided.
        Noticed = "noticed",
        /// The party stated its case.
        Stated = "stated",
        /// The statement was weighed.
        Weighed = "weighed",
        /// A hearing was asked for.
        HearingRequested = "hearing_requested",
        /// The hearing was held.
        HearingHeld = "hearing_held",
        /// Decided.
        Decided = "decided",
        /// The decision was served.
        Served = "served",
        /// The fine was paid.
        Paid = "paid",
        /// The party was reminded in writing.
        Demanded = "demanded",
        /// The court was asked to enforce.
        CourtApplied = "court_applied",
        /// A review or a lawsuit runs.
        Appealed = "appealed",
        /// Closed.
        Closed = "closed",
        /// A vehicle was moved away.
        Moved = "moved",
        /// The owner knows where it is.
        Informed = "informed",
        /// The owner took it back.
        Collected = "collected",
        /// Taken at once; the approval is still to come.
        Unapproved = "unapproved",
        /// Taken, with an approval.
        Executed = "executed",
        /// Held for the longer term.
        Extended = "extended",
        /// The term is over or the approval was refused: it must go back.
        MustReturn = "must_return",
        /// Gone back.
        Released = "released",
        /// Disposed of by law.
        Disposed = "disposed",
    }
}

words! {
    /// Three acts that are easily confused; each has its own legal bases.
    Act {
        /// Tow 拖移.
        Tow = "tow",
        /// Detention 扣留.
        Detention = "detention",
        /// Seizure 扣押.
        Seizure = "seizure",
    }
}

impl Kind {
    /// The letter its numbers begin with.
    pub fn letter(self) -> char {
        match self {
            Self::Warning => 'W',
            Self::Correction => 'C',
            Self::Penalty => 'P',
            Self::Seizure => 'S',
        }
    }
    /// Where a new record of this kind stands.
    pub fn first_state(self) -> State {
        match self {
            Self::Warning | Self::Correction => State::Issued,
            Self::Penalty => State::Opened,
            Self::Seizure => State::Proposed,
        }
    }
    /// What the ledger says of a new record.
    pub fn first_step(self) -> Step {
        match self {
            Self::Warning => Step::WarningIssued,
            Self::Correction => Step::CorrectionRecorded,
            Self::Penalty => Step::PenaltyOpened,
            Self::Seizure => Step::SeizureProposed,
        }
    }
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The act has no legal basis, or one that is not its own.
    #[error("this act needs a legal basis from its own list")]
    NoLegalBasis,
    /// The basis is for another kind of vehicle.
    #[error("this legal basis is not for this kind of vehicle")]
    BasisForOtherVehicles,
    /// The basis does not give this ground.
    #[error("this legal basis does not give this ground")]
    GroundNotGiven,
    /// Illegal parking is no ground to detain a motor vehicle.
    #[error(
        "illegal parking alone is no ground to detain a motor vehicle (处理程序规定 第二十七条); it may be towed (道路交通安全法 第九十三条)"
    )]
    ParkingAlone,
    /// The record has not come to where there is such a document.
    #[error("there is no such document of this record yet")]
    NoSuchDocument,
    /// The first offence is warned.
    #[error("the first offence is warned, not fined (行政处罚法 第三十三条)")]
    FirstOffence,
    /// It is not a seizure.
    #[error("only a seizure is approved")]
    NotASeizure,
    /// It was approved before.
    #[error("the seizure was approved before")]
    AlreadyApproved,
    /// Nobody approved it yet.
    #[error("the seizure waits for a supervisor's approval")]
    NotApproved,
    /// The one who proposed it may not approve it.
    #[error("another person than the proposer must approve")]
    ApprovedByProposer,
}

/// The basis an act is founded on, if it stands in that act's own list.
pub fn legal_basis(given: &str, of_this_act: &[String]) -> Result<String, Refused> {
    let given = given.trim();
    let found = of_this_act.iter().find(|basis| !given.is_empty() && basis.as_str() == given);
    found.cloned().ok_or(Refused::NoLegalBasis)
}

/// What all numbers of a kind on one day of the city's calendar begin with: `W-20260310-`.
pub fn number_prefix(kind: Kind, at: Instant, zone: Tz) -> String {
    format!("{}-{}-", kind.letter(), at.with_timezone(&zone).format("%Y%m%d"))
}

/// The number after `last` with the same beginning: `W-20260310-000123`.
pub fn next_number(prefix: &str, last: Option<&str>) -> String {
    let last = last.and_then(|number| number.strip_prefix(prefix)).and_then(|count| count.parse::<u64>().ok());
    format!("{prefix}{:06}", last.unwrap_or(0) + 1)
}

/// How many characters the number of a slip has.
const SLIP_CHARS: usize = 16;

/// Whether an officer's device gave a record's key as the number of the slip it printed with no network: `F` and fifteen
/// characters of Crockford's base 32.
pub fn is_slip(key: &str) -> bool {
    let own = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte));
    key.len() == SLIP_CHARS && key.starts_with('F') && key.bytes().all(own)
}

/// Today's state of a record; each step stands in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// Its number, unique in the city.
    pub number: String,
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// The plate's normal form.
    pub plate: Option<String>,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
    /// When it was made.
    pub at: Instant,
    /// The zone.
    pub zone: Option<ZoneId>,
    /// The management cell.
    pub grid_cell: Option<GridCellId>,
    /// Where, lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// Why.
    pub reason: String,
    /// What else the officer wrote.
    pub note: Option<String>,
    /// Who made it.
    pub officer: String,
    /// Who approved it, for a seizure.
    pub approved_by: Option<String>,
    /// The incident it comes from.
    pub incident: Option<String>,
    /// Which act, for a seizure.
    pub act: Option<Act>,
    /// What the act is founded on.
    pub legal_basis: Option<String>,
    /// Its pictures.
    pub evidence: Vec<Digest>,
    /// Its last entry in the ledger.
    pub ledger_seq: u64,
    /// What happened to it since it was made.
    pub course: Course,
    /// The record it follows from, such as the warning that was not heeded.
    pub follows: Option<String>,
    /// The nearest deadline: what is due, and the first instant after it.
    pub due: Option<(String, Instant)>,
}

impl Record {
    /// A supervisor approves a seizure somebody else proposed.
    pub fn approve(mut self, supervisor: &str) -> Result<Self, Refused> {
        if self.kind != Kind::Seizure {
            return Err(Refused::NotASeizure);
        }
        if self.state != State::Proposed {
            return Err(Refused::AlreadyApproved);
        }
        if self.officer == supervisor {
            return Err(Refused::ApprovedByProposer);
        }
        self.state = State::Approved;
        self.approved_by = Some(supervisor.to_owned());
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Shanghai;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    fn seizure() -> Record {
        Record {
            id: "r1".into(),
            number: "S-20260310-000001".into(),
            kind: Kind::Seizure,
            state: State::Proposed,
            plate: None,
            vehicle_class: VehicleClass::NonMotor,
            at: Instant::UNIX_EPOCH,
            zone: None,
            grid_cell: None,
            location: None,
            reason: "blocks the fire lane".into(),
            note: None,
            officer: "lan".into(),
            approved_by: None,
            incident: None,
            act: Some(Act::Seizure),
            legal_basis: Some("basis".into()),
            evidence: vec![],
            ledger_seq: 1,
            course: Course::default(),
            follows: None,
            due: None,
        }
    }

    #[test]
    fn an_act_stands_on_its_own_legal_basis_or_not_at_all() {
        let tow = ["道路交通安全法 第九十三条第二款".to_owned()];
        assert!(legal_basis(" 道路交通安全法 第九十三条第二款 ", &tow).is_ok());
        for wrong in ["", "  ", "违停", "行政强制法 第二十二条"] {
            assert_eq!(legal_basis(wrong, &tow), Err(Refused::NoLegalBasis), "{wrong}");
        }
        assert_eq!(legal_basis("", &[String::new()]), Err(Refused::NoLegalBasis));
    }

    #[test]
    fn a_slips_number_is_told_from_other_keys() {
        assert!(is_slip("F7K2M8XQ1P2R99AB"));
        for other in ["W-20260310-00000", "F7K2M8XQ1P2R99A", "F7K2M8XQ1P2R99AI", "f7k2m8xq1p2r99ab", "07K2M8XQ1P2R99AB"]
        {
            assert!(!is_slip(other), "{other}");
        }
    }

    #[test]
    fn numbers_run_by_the_day_of_the_citys_own_calendar() {
        let at = parse_rfc3339("2026-03-09T16:00:00Z").unwrap();
        let prefix = number_prefix(Kind::Warning, at, Shanghai);
        assert_eq!(next_number(&prefix, None), "W-20260310-000001");
        assert_eq!(next_number(&prefix, Some("W-20260310-000122")), "W-20260310-000123");
        assert_eq!(next_number(&prefix, Some("W-20260310-999999")), "W-20260310-1000000");
    }

    #[test]
    fn a_seizure_is_approved_once_and_by_another_person() {
        assert_eq!(seizure().approve("lan"), Err(Refused::ApprovedByProposer));
        let approved = seizure().approve("wu").unwrap();
        assert_eq!((approved.state, approved.approved_by.as_deref()), (State::Approved, Some("wu")));
        assert_eq!(approved.approve("zhou"), Err(Refused::AlreadyApproved));
        let warning = Record { kind: Kind::Warning, state: State::Issued, ..seizure() };
        assert_eq!(warning.approve("wu"), Err(Refused::NotASeizure));
    }
}
