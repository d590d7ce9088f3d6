//! The steps of a matter: each with who may take it, from where it leads where, and the clock it starts or stops.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{
    Catalogue, Category, Counts, Course, Due, Held, Level, Limit, Matter, Part, Refused, Said, Stage, State, WorkClock,
};
use crate::domain::{ledger::Digest, staff::Role, time::Instant};

/// A step as somebody takes it, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It is opened 立案; the centre may set right what it is and where.
    Open {
        /// Another category than was said.
        #[serde(default)]
        category: Option<String>,
        /// Another class of street.
        #[serde(default)]
        street_class: Option<u8>,
    },
    /// It is not opened 不予立案.
    Refuse,
    /// A unit is given it 派遣.
    Dispatch {
        /// The unit.
        unit: String,
        /// The person of that unit.
        #[serde(default)]
        assignee: Option<String>,
    },
    /// It was put right 处理.
    Handle {
        /// Pictures that show so.
        #[serde(default)]
        pictures: Vec<Digest>,
    },
    /// The unit says how 反馈.
    FeedBack,
    /// Another person looked 核查: it is closed, or goes back to the unit.
    Verify {
        /// Whether it is as the unit said.
        passed: bool,
    },
    /// It is judged 评价.
    Evaluate {
        /// How content, 1 to 5.
        #[serde(default)]
        content: Option<u8>,
    },
    /// The unit hands it back 退回: it is not its own.
    Return,
    /// The unit asks for more time 申请延期.
    AskDelay {
        /// How much more.
        more: Limit,
    },
    /// It is given more time 同意延期.
    GrantDelay,
    /// It is not 不同意延期.
    RefuseDelay,
    /// It goes up a level 督办.
    Escalate,
    /// It is one with another matter 并案.
    Merge {
        /// That matter.
        into: String,
    },
    /// It is set aside 挂账.
    Suspend,
    /// It is taken up again where it stood.
    Resume,
    /// A closed one is taken up again.
    Reopen,
}

impl Step {
    /// The step's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Refuse => "refuse",
            Self::Dispatch { .. } => "dispatch",
            Self::Handle { .. } => "handle",
            Self::FeedBack => "feed_back",
            Self::Verify { .. } => "verify",
            Self::Evaluate { .. } => "evaluate",
            Self::Return => "return",
            Self::AskDelay { .. } => "ask_delay",
            Self::GrantDelay => "grant_delay",
            Self::RefuseDelay => "refuse_delay",
            Self::Escalate => "escalate",
            Self::Merge { .. } => "merge",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Reopen => "reopen",
        }
    }

    /// Whose step it is.
    pub fn part(&self) -> Part {
        match self {
            Self::Handle { .. } | Self::FeedBack | Self::Return | Self::AskDelay { .. } => Part::Unit,
            Self::Verify { .. } => Part::Inspector,
            Self::Evaluate { .. } => Part::Evaluator,
            _ => Part::Centre,
        }
    }

    /// One of each, with what it needs left empty.
    pub fn every() -> Vec<Self> {
        let more = Limit { count: 60, counts: Counts::WorkingMinutes };
        vec![
            Self::Open { category: None, street_class: None },
            Self::Refuse,
            Self::Dispatch { unit: String::new(), assignee: None },
            Self::Handle { pictures: Vec::new() },
            Self::FeedBack,
            Self::Verify { passed: true },
            Self::Evaluate { content: None },
            Self::Return,
            Self::AskDelay { more },
            Self::GrantDelay,
            Self::RefuseDelay,
            Self::Escalate,
            Self::Merge { into: String::new() },
            Self::Suspend,
            Self::Resume,
            Self::Reopen,
        ]
    }
}

/// What somebody commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Nothing.
    None,
    /// A town's matters, while they are the town's.
    Town(&'a str),
    /// Every matter.
    County,
}

/// Who takes a step, when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By<'a> {
    /// Sign-in name; for the system the rule that acts.
    pub name: &'a str,
    /// Role at the time; `None` is the system by its own rules.
    pub role: Option<Role>,
    /// What they command.
    pub command: Command<'a>,
    /// The units they belong to.
    pub units: &'a [String],
    /// When.
    pub now: Instant,
    /// Why, or what is to be said.
    pub why: &'a str,
}

/// What steps go by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Kinds of matters, and the flow.
    pub catalogue: &'a Catalogue,
    /// Working time.
    pub clock: &'a WorkClock,
}

/// Where a step leads from a state.
#[expect(clippy::match_same_arms, reason = "one line for each step, as the table reads")]
fn next(state: State, step: &Step, held: Option<&Held>) -> Option<State> {
    use State::{Closed, Collected, Dispatched, Evaluated, FedBack, Handled, Merged, Opened, Refused, Suspended};
    match (state, step) {
        (Collected, Step::Open { .. }) => Some(Opened),
        (Collected, Step::Refuse) => Some(Refused),
        (Opened, Step::Dispatch { .. }) => Some(Dispatched),
        // Given to another unit, or to another person of it.
        (Dispatched, Step::Dispatch { .. }) => Some(Dispatched),
        (Dispatched, Step::Handle { .. }) => Some(Handled),
        (Dispatched, Step::Return) => Some(Opened),
        (Dispatched, Step::AskDelay { .. } | Step::GrantDelay | Step::RefuseDelay) => Some(Dispatched),
        (Handled, Step::FeedBack) => Some(FedBack),
        (FedBack, Step::Verify { passed: true }) => Some(Closed),
        (FedBack, Step::Verify { passed: false }) => Some(Dispatched),
        (Closed, Step::Evaluate { .. }) => Some(Evaluated),
        (Closed, Step::Reopen) => Some(Opened),
        (Collected | Opened | Dispatched, Step::Merge { .. }) => Some(Merged),
        (Opened | Dispatched, Step::Suspend) => Some(Suspended),
        (Suspended, Step::Resume) => held.map(|held| held.state),
        (Collected | Opened | Dispatched | Handled | FedBack, Step::Escalate) => Some(state),
        _ => None,
    }
}

impl Matter {
    /// A matter that somebody or something says: the first of the seven steps.
    pub fn collect(said: Said, rules: Rules<'_>) -> Result<Self, Refused> {
        let category = category(rules.catalogue, &said.category)?;
        if !category.sources.contains(&said.source) {
            return Err(Refused::WrongSource);
        }
        let level = if category.town_first && said.town.is_some() { Level::Town } else { Level::County };
        let mut matter = Self {
            id: said.id,
            number: said.number,
            category: said.category,
            source: said.source,
            state: State::Collected,
            level,
            cell: said.cell,
            town: said.town,
            street_class: said.street_class.clamp(1, 4),
            location: said.location,
            unit: None,
            assignee: None,
            subject: said.subject,
            collected_at: said.at,
            due: None,
            escalates_at: None,
            course: Course::default(),
            merged_into: None,
        };
        matter.course.at.insert(Stage::Collect.as_str().to_owned(), said.at);
        matter.begin(said.at, rules)?;
        Ok(matter)
    }

    /// Takes a step: the matter as it then stands, or why not.
    pub fn advance(mut self, step: &Step, by: By<'_>, rules: Rules<'_>) -> Result<Self, Refused> {
        let next = next(self.state, step, self.course.held.as_ref());
        let next = next.ok_or(Refused::NotNow { state: self.state.as_str(), step: step.name() })?;
        if by.why.trim().is_empty() {
            return Err(Refused::NoReason);
        }
        self.check_person(step, by)?;
        self.note_late(step, by.now);
        let before = self.state;
        self.state = next;
        self.course.at.insert(step.name().to_owned(), by.now);
        match step {
            Step::Open { category: other, street_class } => self.set_right(other.as_deref(), *street_class, rules)?,
            Step::Dispatch { unit, assignee } => {
                if unit.trim().is_empty() {
                    return Err(Refused::OutOfRange("unit"));
                }
                let is_moved = before == State::Dispatched;
                (self.unit, self.assignee) = (Some(unit.clone()), assignee.clone());
                self.course.asks = None;
                if is_moved {
                    // The clock goes on: who has it is no reason for more time.
                    return Ok(self);
                }
            }
            Step::Handle { pictures } => {
                let needs_picture = category(rules.catalogue, &self.category)?.needs_picture;
                if needs_picture && pictures.is_empty() {
                    return Err(Refused::NoPicture);
                }
                self.course.pictures.extend(pictures);
                self.course.handled_by = Some(by.name.to_owned());
                self.course.asks = None;
            }
            Step::Verify { passed } => {
                self.course.verified_by = Some(by.name.to_owned());
                if !passed {
                    self.course.reworks += 1;
                }
            }
            Step::Evaluate { content } => {
                if content.is_some_and(|content| !(1..=5).contains(&content)) {
                    return Err(Refused::OutOfRange("content"));
                }
                self.course.judged = *content;
            }
            Step::Return => {
                let most = rules.catalogue.flow.most_returns;
                if self.course.returns >= most {
                    return Err(Refused::ReturnedTooOften(most));
                }
                self.course.returns += 1;
                (self.unit, self.assignee, self.course.asks) = (None, None, None);
            }
            Step::AskDelay { .. } | Step::GrantDelay | Step::RefuseDelay => {
                self.delay(step, by.now, rules)?;
                return Ok(self);
            }
            Step::Escalate => {
                self.rise(by.now, rules)?;
                return Ok(self);
            }
            Step::Merge { into } => {
                if *into == self.id || into.trim().is_empty() {
                    return Err(Refused::Itself);
                }
                self.merged_into = Some(into.clone());
            }
            Step::Suspend => return Ok(self.held(before, by.now, rules)),
            Step::Resume => return self.resumed(by.now, rules),
            Step::Reopen => {
                let closed = self.course.at.get("verify").copied().unwrap_or(self.collected_at);
                let until = rules.clock.end(closed, rules.catalogue.flow.reopened_within);
                if until.is_none_or(|until| by.now > until) {
                    return Err(Refused::ClosedTooLong);
                }
                self.course.reopened += 1;
                (self.unit, self.assignee) = (None, None);
            }
            Step::Refuse | Step::FeedBack => {}
        }
        self.begin(by.now, rules)?;
        Ok(self)
    }

    /// The matter as of when its last step came in: what was done with no network counts from when it was done, and the next
    /// clock from when others could know of it.
    pub fn heard(mut self, now: Instant, rules: Rules<'_>) -> Result<Self, Refused> {
        self.begin(now, rules)?;
        Ok(self)
    }

    /// The matter one level up, once its time there is over; `None` while it is not, or at the top.
    pub fn escalated(&self, now: Instant, rules: Rules<'_>) -> Option<Self> {
        self.escalates_at.filter(|at| *at <= now)?;
        let by = By { name: "overdue", role: None, command: Command::County, units: &[], now, why: "over its time" };
        self.clone().advance(&Step::Escalate, by, rules).ok()
    }

    /// Whether its running clock is over.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due.by < now)
    }

    /// The names of the steps it may take next, whoever takes them.
    pub fn possible(&self) -> Vec<&'static str> {
        let steps = Step::every();
        let held = self.course.held.as_ref();
        steps.iter().filter(|step| next(self.state, step, held).is_some()).map(Step::name).collect()
    }

    /// The names of the steps somebody may take next.
    pub fn offered(&self, by: By<'_>) -> Vec<&'static str> {
        let steps = Step::every();
        let held = self.course.held.as_ref();
        let open = steps.iter().filter(|step| next(self.state, step, held).is_some());
        let open = open.filter(|step| match step {
            Step::GrantDelay | Step::RefuseDelay => self.course.asks.is_some(),
            Step::AskDelay { .. } => self.course.asks.is_none(),
            Step::Escalate => self.level.above().is_some(),
            _ => true,
        });
        open.filter(|step| self.check_person(step, by).is_ok()).map(Step::name).collect()
    }

    /// Starts the clock of the step it now waits for.
    fn begin(&mut self, now: Instant, rules: Rules<'_>) -> Result<(), Refused> {
        let Some(stage) = self.state.waits_for() else {
            (self.due, self.escalates_at) = (None, None);
            return Ok(());
        };
        let category = category(rules.catalogue, &self.category)?;
        let Some(limit) = rules.catalogue.limit(category, stage, self.street_class) else {
            (self.due, self.escalates_at) = (None, None);
            return Ok(());
        };
        let by = rules.clock.end(now, limit).ok_or(Refused::BeyondCalendar)?;
        let in_working_time = limit.counts != Counts::Minutes;
        self.due = Some(Due { stage, since: now, by, in_working_time });
        // What was handed up stays there; a judgement that is late changes nothing in the street.
        let rises = stage != Stage::Evaluate && self.level != Level::Supervision;
        self.escalates_at = rises.then_some(by);
        Ok(())
    }

    fn note_late(&mut self, step: &Step, now: Instant) {
        let Some(due) = self.due else { return };
        let takes_it = match step {
            Step::Open { .. } | Step::Refuse => due.stage == Stage::Open,
            Step::Dispatch { .. } => due.stage == Stage::Dispatch,
            Step::Handle { .. } => due.stage == Stage::Handle,
            Step::FeedBack => due.stage == Stage::FeedBack,
            Step::Verify { .. } => due.stage == Stage::Verify,
            Step::Evaluate { .. } => due.stage == Stage::Evaluate,
            _ => false,
        };
        if takes_it && due.by < now {
            self.course.late.insert(due.stage);
        }
    }

    fn set_right(&mut self, other: Option<&str>, street_class: Option<u8>, rules: Rules<'_>) -> Result<(), Refused> {
        if let Some(code) = other {
            category(rules.catalogue, code)?;
            code.clone_into(&mut self.category);
        }
        if let Some(class) = street_class {
            if !(1..=4).contains(&class) {
                return Err(Refused::OutOfRange("street_class"));
            }
            self.street_class = class;
        }
        Ok(())
    }

    fn delay(&mut self, step: &Step, now: Instant, rules: Rules<'_>) -> Result<(), Refused> {
        let most = rules.catalogue.flow.most_delays;
        match step {
            Step::AskDelay { more } => {
                if self.course.asks.is_some() {
                    return Err(Refused::Asked);
                }
                if self.course.delays >= most {
                    return Err(Refused::DelayedTooOften(most));
                }
                if self.is_overdue(now) {
                    return Err(Refused::TooLate);
                }
                self.course.asks = Some(*more);
            }
            Step::GrantDelay => {
                let more = self.course.asks.take().ok_or(Refused::Asked)?;
                let due = self.due.as_mut().ok_or(Refused::Asked)?;
                due.by = rules.clock.end(due.by, more).ok_or(Refused::BeyondCalendar)?;
                self.escalates_at = self.escalates_at.map(|_| due.by);
                self.course.delays += 1;
            }
            _ => {
                self.course.asks.take().ok_or(Refused::Asked)?;
            }
        }
        Ok(())
    }

    fn rise(&mut self, now: Instant, rules: Rules<'_>) -> Result<(), Refused> {
        self.level = self.level.above().ok_or(Refused::Highest)?;
        let next = rules.clock.end(now, rules.catalogue.flow.escalation);
        self.escalates_at = next.filter(|_| self.level != Level::Supervision);
        Ok(())
    }

    fn held(mut self, state: State, now: Instant, rules: Rules<'_>) -> Self {
        self.course.held = self.due.map(|due| {
            let counts = if due.in_working_time { Counts::WorkingMinutes } else { Counts::Minutes };
            let left_s = rules.clock.left(now, due.by, counts).num_seconds();
            Held { state, stage: due.stage, left_s, in_working_time: due.in_working_time }
        });
        (self.due, self.escalates_at) = (None, None);
        self
    }

    fn resumed(mut self, now: Instant, rules: Rules<'_>) -> Result<Self, Refused> {
        let Some(held) = self.course.held.take() else { return Ok(self) };
        let counts = if held.in_working_time { Counts::WorkingMinutes } else { Counts::Minutes };
        let by = rules.clock.resumed(now, Duration::seconds(held.left_s), counts).ok_or(Refused::BeyondCalendar)?;
        self.due = Some(Due { stage: held.stage, since: now, by, in_working_time: held.in_working_time });
        self.escalates_at = (self.level != Level::Supervision).then_some(by);
        Ok(self)
    }

    fn check_person(&self, step: &Step, by: By<'_>) -> Result<(), Refused> {
        // The system acts by its own rules: it opens what devices say of themselves, dispatches, merges, hands up.
        let Some(role) = by.role else {
            let may = matches!(
                step,
                Step::Open { .. }
                    | Step::Dispatch { .. }
                    | Step::Merge { .. }
                    | Step::Escalate
                    | Step::Handle { .. }
                    | Step::FeedBack
            );
            return if may { Ok(()) } else { Err(Refused::NotYourPart(step.part().as_str())) };
        };
        let part = step.part();
        if !role.plays(part) {
            return Err(Refused::NotYourPart(part.as_str()));
        }
        match part {
            Part::Unit => {
                let is_own = self.unit.as_ref().is_none_or(|unit| by.units.contains(unit));
                if is_own || by.command == Command::County { Ok(()) } else { Err(Refused::NotYourUnit) }
            }
            Part::Inspector => {
                if self.course.handled_by.as_deref() == Some(by.name) {
                    Err(Refused::SamePerson)
                } else {
                    Ok(())
                }
            }
            Part::Centre => match by.command {
                Command::County => Ok(()),
                _ if self.level != Level::Town => Err(Refused::NotYourLevel(self.level.as_str())),
                Command::Town(town) if self.town.as_deref() == Some(town) => Ok(()),
                _ => Err(Refused::NotYourLevel(Level::Town.as_str())),
            },
            Part::Collector | Part::Evaluator => Ok(()),
        }
    }
}

impl Role {
    /// Whether a role plays a part of the flow.
    pub fn plays(self, part: Part) -> bool {
        match part {
            Part::Collector => matches!(self, Self::Officer | Self::Supervisor | Self::Operator),
            Part::Unit => matches!(self, Self::Officer | Self::Supervisor | Self::Operator),
            Part::Inspector => matches!(self, Self::Officer | Self::Supervisor),
            Part::Centre | Part::Evaluator => matches!(self, Self::Supervisor),
        }
    }
}

fn category<'a>(catalogue: &'a Catalogue, code: &str) -> Result<&'a Category, Refused> {
    catalogue.categories.get(code).ok_or_else(|| Refused::UnknownCategory(code.to_owned()))
}
