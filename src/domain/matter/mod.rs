//! A matter of city management 案卷: something somebody must put right, in seven steps from collecting to evaluating.

pub mod category;
pub mod dispatch;
pub mod fair;
pub mod limit;
pub mod merge;
pub mod open_data;
pub mod patrol;
mod refused;
pub mod score;
mod step;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::{
    category::{Catalogue, Category, Class, Flow, Source},
    limit::{Counts, Limit, Span, WorkClock},
    refused::Refused,
    step::{By, Command, Rules, Step},
};
use super::{ids::GridCellId, ledger::Digest, time::Instant};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$item_doc])* $item,)*
        }
        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$item),*];
            /// The word in the database and the API.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $word,)*
                }
            }
            /// Reads a word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// The seven steps 七步.
    Stage {
        /// 信息收集: somebody or something says it.
        Collect = "collect",
        /// 案卷建立: it is looked at, and opened or refused.
        Open = "open",
        /// 任务派遣: a unit is given it.
        Dispatch = "dispatch",
        /// 任务处理: the unit puts it right.
        Handle = "handle",
        /// 处理反馈: the unit says how.
        FeedBack = "feed_back",
        /// 核查结案: another person sees that it is so.
        Verify = "verify",
        /// 综合评价: it is judged.
        Evaluate = "evaluate",
    }
}

words! {
    /// Where a matter stands.
    State {
        /// Said, not looked at yet.
        Collected = "collected",
        /// Opened, and given to nobody yet.
        Opened = "opened",
        /// A unit has it.
        Dispatched = "dispatched",
        /// Put right, by the unit's word of the place.
        Handled = "handled",
        /// The unit has said how; nobody else has looked.
        FedBack = "fed_back",
        /// Verified and closed.
        Closed = "closed",
        /// Judged; nothing more comes.
        Evaluated = "evaluated",
        /// Set aside, its clock stopped 挂账.
        Suspended = "suspended",
        /// One with another matter.
        Merged = "merged",
        /// Not opened, with a reason 不予立案.
        Refused = "refused",
    }
}

words! {
    /// Who commands: two levels, and one that supervises both 一级监督、两级指挥.
    Level {
        /// The town.
        Town = "town",
        /// The county centre.
        County = "county",
        /// The supervision over both.
        Supervision = "supervision",
    }
}

words! {
    /// What a person or a system does in the flow.
    Part {
        /// Says what there is.
        Collector = "collector",
        /// Opens, dispatches, closes: a command centre.
        Centre = "centre",
        /// Puts it right.
        Unit = "unit",
        /// Looks whether it is so.
        Inspector = "inspector",
        /// Judges.
        Evaluator = "evaluator",
    }
}

impl Stage {
    /// Whose step it is.
    pub fn part(self) -> Part {
        match self {
            Self::Collect => Part::Collector,
            Self::Open | Self::Dispatch => Part::Centre,
            Self::Handle | Self::FeedBack => Part::Unit,
            Self::Verify => Part::Inspector,
            Self::Evaluate => Part::Evaluator,
        }
    }
}

impl State {
    /// The step it waits for.
    pub fn waits_for(self) -> Option<Stage> {
        match self {
            Self::Collected => Some(Stage::Open),
            Self::Opened => Some(Stage::Dispatch),
            Self::Dispatched => Some(Stage::Handle),
            Self::Handled => Some(Stage::FeedBack),
            Self::FedBack => Some(Stage::Verify),
            Self::Closed => Some(Stage::Evaluate),
            Self::Evaluated | Self::Suspended | Self::Merged | Self::Refused => None,
        }
    }

    /// Whether something is still to be put right.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Collected | Self::Opened | Self::Dispatched | Self::Handled | Self::FedBack | Self::Suspended
        )
    }
}

impl Level {
    /// The level above.
    pub fn above(self) -> Option<Self> {
        match self {
            Self::Town => Some(Self::County),
            Self::County => Some(Self::Supervision),
            Self::Supervision => None,
        }
    }
}

/// Until when a step must be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Which step.
    pub stage: Stage,
    /// Since when its clock runs.
    pub since: Instant,
    /// Until when.
    pub by: Instant,
    /// What its limit is counted in.
    pub in_working_time: bool,
}

/// The clock of a matter that was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Where it stood.
    pub state: State,
    /// The step it waited for.
    pub stage: Stage,
    /// What was left of its limit, seconds.
    pub left_s: i64,
    /// What that is counted in.
    pub in_working_time: bool,
}

/// What happened to a matter so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// When each step was taken last, by its name.
    pub at: BTreeMap<String, Instant>,
    /// Steps of the seven that were taken after their time.
    pub late: BTreeSet<Stage>,
    /// How often a unit handed it back.
    pub returns: u32,
    /// How often a limit was made longer.
    pub delays: u32,
    /// How often verifying found it not put right.
    pub reworks: u32,
    /// How often it was taken up again after it was closed.
    pub reopened: u32,
    /// A longer limit that was asked for and not yet answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<Limit>,
    /// The clock while it is set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Who put it right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled_by: Option<String>,
    /// Who verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<String>,
    /// Pictures of it put right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Digest>,
    /// How content the evaluation is, 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<u8>,
}

/// A matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matter {
    /// Its id.
    pub id: String,
    /// Its number, as people say it.
    pub number: String,
    /// The code of its category.
    pub category: String,
    /// How it came in first.
    pub source: Source,
    /// Where it stands.
    pub state: State,
    /// Who commands it now.
    pub level: Level,
    /// The management cell it lies in, or nearest to.
    pub cell: Option<GridCellId>,
    /// The town, by the nine digits of its street's code.
    pub town: Option<String>,
    /// The class of its street, 1 strict to 4 basic.
    pub street_class: u8,
    /// lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// The unit that has it.
    pub unit: Option<String>,
    /// The person of that unit.
    pub assignee: Option<String>,
    /// The device it is about, such as `sensor:fcd6bd00001a2b3c`.
    pub subject: Option<String>,
    /// When it was said first.
    pub collected_at: Instant,
    /// The running clock.
    pub due: Option<Due>,
    /// When it goes up a level unless the step is taken.
    pub escalates_at: Option<Instant>,
    /// What happened so far.
    pub course: Course,
    /// The matter it is one with.
    pub merged_into: Option<String>,
}

/// A matter as it is first said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: String,
    /// The code of its category.
    pub category: String,
    /// How it comes in.
    pub source: Source,
    /// The cell it lies in.
    pub cell: Option<GridCellId>,
    /// The town of that cell.
    pub town: Option<String>,
    /// The class of its street.
    pub street_class: u8,
    /// lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// The device it is about.
    pub subject: Option<String>,
    /// When it was said.
    pub at: Instant,
}
