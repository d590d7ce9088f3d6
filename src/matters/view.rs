//! A matter as staff, and as its reporter, see it: what the one may know and the other may not.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Drawn, Error, Matters};
use crate::{
    domain::{
        ledger::Digest,
        matter::{Class, Level, Matter, Source, Stage, State},
        staff::Actor,
        text::Localized,
        time::Instant,
    },
    enforcement::Person,
    store::{
        ledger, matter_reports,
        matters::{self, Filter, Listed, MATTER},
    },
};

/// A matter in a list.
#[derive(Debug, Clone, Serialize)]
pub struct MatterView {
    /// The matter with its course.
    #[serde(flatten)]
    pub matter: Matter,
    /// What its category is called.
    pub category_name: Localized,
    /// What its cell is called.
    pub cell_name: Option<Localized>,
    /// The cell's code.
    pub cell_code: Option<String>,
    /// What its unit is called.
    pub unit_name: Option<Localized>,
    /// How often it was said.
    pub reports: u32,
    /// How soon it is looked at.
    pub rank: u32,
    /// Whether its running clock is over.
    pub is_overdue: bool,
    /// Whether a picture must show that it was put right.
    pub needs_picture: bool,
    /// What the one who asks may do with it.
    pub steps: Vec<&'static str>,
}

/// A report as staff see it.
#[derive(Debug, Clone, Serialize)]
pub struct ReportView {
    /// How it came in.
    pub source: Source,
    /// What was said.
    pub what: String,
    /// Where, in words.
    pub place: String,
    /// How the reporter can be reached; for the centre and the unit that has it.
    pub contact: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Its pictures.
    pub pictures: Vec<Digest>,
    /// The how-manieth of its address that day.
    pub rank: u32,
    /// How content the reporter is.
    pub judged: Option<u8>,
}

/// One entry of a matter's history.
#[derive(Debug, Clone, Serialize)]
pub struct StepView {
    /// The ledger's entry.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What: a step's name, `collected` or `reported`.
    pub step: String,
    /// Who: a person, or the rule that acted.
    pub who: String,
    /// Why, or what was said.
    pub why: String,
    /// Pictures it rests on.
    pub pictures: Vec<Digest>,
}

/// A matter with all there is to it.
#[derive(Debug, Clone, Serialize)]
pub struct Whole {
    /// The matter.
    #[serde(flatten)]
    pub view: MatterView,
    /// What was said of it.
    pub said: Vec<ReportView>,
    /// What happened, first first.
    pub history: Vec<StepView>,
    /// When it is opened, and when it may be closed.
    pub opened_when: Localized,
    /// When it may be closed.
    pub closed_when: Localized,
}

/// What a reporter sees by receipt.
#[derive(Debug, Clone, Serialize)]
pub struct Followed {
    /// The receipt.
    pub receipt: String,
    /// The matter's number.
    pub number: String,
    /// What it is about.
    pub category: String,
    /// What that is called.
    pub category_name: Localized,
    /// Where it stands.
    pub state: State,
    /// Where it stood before it was set aside.
    pub stage: Option<Stage>,
    /// When the report came in.
    pub at: DateTime<Utc>,
    /// Whether others said the same.
    pub others: u32,
    /// Until when the next step is to be taken.
    pub due_by: Option<DateTime<Utc>>,
    /// Who has it, as an authority.
    pub unit: Option<Localized>,
    /// The steps taken, each with its time.
    pub steps: Vec<(String, DateTime<Utc>)>,
    /// What the unit did, or why it was not opened.
    pub answer: Option<String>,
    /// Whether the reporter may say how content they are.
    pub may_judge: bool,
    /// What they said.
    pub judged: Option<u8>,
}

/// A kind of matter as pages offer it.
#[derive(Debug, Clone, Serialize)]
pub struct KindView {
    /// Its code.
    pub code: String,
    /// Event or component.
    pub class: Class,
    /// Its name.
    pub name: Localized,
    /// When a matter of it is opened.
    pub opened_when: Localized,
}

impl Matters {
    /// Up to `limit` matters, the most pressing first, as this person may act on them.
    pub async fn list(&self, filter: &Filter, limit: u32, person: &Person) -> Result<Vec<MatterView>, Error> {
        let (drawn, now) = (self.drawn(), self.clock.now());
        let listed = matters::list(&self.db, filter, limit).await?;
        Ok(listed.into_iter().map(|one| self.view(&drawn, one, person, now)).collect())
    }

    /// A matter with all there is to it.
    pub async fn whole(&self, id: &str, person: &Person) -> Result<Whole, Error> {
        let (drawn, now) = (self.drawn(), self.clock.now());
        let listed = self.find(id).await?;
        let standing = drawn.directory.standing(person);
        let is_theirs = listed.matter.unit.as_ref().is_some_and(|unit| standing.units.contains(unit));
        let may_call = is_theirs || standing.command() != crate::domain::matter::Command::None;
        let said = matter_reports::of(&self.db, &listed.matter.id).await?;
        let said = said.into_iter().map(|report| ReportView {
            source: report.source,
            what: report.what,
            place: report.place,
            contact: report.contact.filter(|_| may_call),
            at: report.at,
            pictures: report.pictures,
            rank: report.rank,
            judged: report.judged,
        });
        let entries = ledger::about(&self.db, MATTER, &listed.matter.id, 500).await?;
        let category = self.catalogue.categories.get(&listed.matter.category);
        let (opened_when, closed_when) =
            category.map(|one| (one.opened_when.clone(), one.closed_when.clone())).unwrap_or_default();
        Ok(Whole {
            said: said.collect(),
            history: entries.iter().rev().map(step_view).collect(),
            opened_when,
            closed_when,
            view: self.view(&drawn, listed, person, now),
        })
    }

    fn view(&self, drawn: &Drawn, listed: Listed, person: &Person, now: Instant) -> MatterView {
        let Listed { matter, reports, rank, .. } = listed;
        let standing = drawn.directory.standing(person);
        let by = standing.by(person, now, "");
        let category = self.catalogue.categories.get(&matter.category);
        let cell = matter.cell.as_ref().and_then(|id| drawn.city.grid_cells.get(id));
        MatterView {
            category_name: category.map(|one| one.name.clone()).unwrap_or_default(),
            needs_picture: category.is_some_and(|one| one.needs_picture),
            cell_name: cell.map(|cell| cell.name.clone()),
            cell_code: cell.and_then(|cell| cell.code.as_ref()).map(ToString::to_string),
            unit_name: matter.unit.as_ref().and_then(|id| drawn.directory.units.get(id)).map(|unit| unit.name.clone()),
            reports,
            rank,
            is_overdue: matter.is_overdue(now),
            steps: matter.offered(by),
            matter,
        }
    }

    /// What a receipt tells whoever holds it; `None` for a receipt there is none of.
    pub async fn follow(&self, receipt: &str) -> Result<Option<Followed>, Error> {
        let receipt = receipt.trim().to_ascii_uppercase();
        let Some(report) = matter_reports::by_receipt(&self.db, &receipt).await? else { return Ok(None) };
        let listed = self.find(&report.matter).await?;
        let (drawn, matter) = (self.drawn(), listed.matter);
        let course = &matter.course;
        let told =
            ["open", "refuse", "dispatch", "handle", "feed_back", "verify", "evaluate", "suspend", "resume", "reopen"];
        let mut steps: Vec<(String, DateTime<Utc>)> = told
            .into_iter()
            .filter_map(|step| Some((step.to_owned(), *course.at.get(step)?)))
            .chain([("collect".to_owned(), report.at)])
            .collect();
        steps.sort_by_key(|(_, at)| *at);
        let ended = matches!(matter.state, State::Closed | State::Evaluated);
        let answers = match matter.state {
            State::Refused => Some("refuse"),
            State::Closed | State::Evaluated => Some("feed_back"),
            _ => None,
        };
        let answer = match answers {
            Some(step) => self.said_at(&matter.id, step).await?,
            None => None,
        };
        let category = self.catalogue.categories.get(&matter.category);
        Ok(Some(Followed {
            number: matter.number.clone(),
            category_name: category.map(|one| one.name.clone()).unwrap_or_default(),
            stage: course.held.map(|held| held.stage).or_else(|| matter.state.waits_for()),
            at: report.at,
            others: listed.reports.saturating_sub(1),
            due_by: matter.due.filter(|due| due.stage != Stage::Evaluate).map(|due| due.by),
            unit: matter.unit.as_ref().and_then(|id| drawn.directory.units.get(id)).map(|unit| unit.name.clone()),
            steps,
            answer,
            may_judge: ended && report.judged.is_none(),
            judged: report.judged,
            state: matter.state,
            category: matter.category,
            receipt,
        }))
    }

    async fn said_at(&self, id: &str, step: &str) -> Result<Option<String>, Error> {
        let entries = ledger::about(&self.db, MATTER, id, 100).await?;
        Ok(entries.iter().map(step_view).find(|entry| entry.step == step).map(|entry| entry.why))
    }

    /// Kinds of matters somebody may say by this way.
    pub fn kinds(&self, source: Source) -> Vec<KindView> {
        let kinds = self.catalogue.categories.iter().filter(|(_, category)| category.sources.contains(&source));
        let view = |(code, category): (&String, &crate::domain::matter::Category)| KindView {
            code: code.clone(),
            class: category.class,
            name: category.name.clone(),
            opened_when: category.opened_when.clone(),
        };
        kinds.map(view).collect()
    }

    /// Units by id, with their names.
    pub fn units(&self) -> Vec<(String, Localized)> {
        self.drawn().directory.units.iter().map(|(id, unit)| (id.clone(), unit.name.clone())).collect()
    }

    /// What a person commands: `county`, a town's nine digits, or nothing; and their units.
    pub fn standing(&self, person: &Person) -> (Option<String>, Vec<String>) {
        let drawn = self.drawn();
        let standing = drawn.directory.standing(person);
        let command = match standing.command() {
            crate::domain::matter::Command::County => Some(Level::County.as_str().to_owned()),
            crate::domain::matter::Command::Town(town) => Some(town.to_owned()),
            crate::domain::matter::Command::None => None,
        };
        (command, standing.units)
    }

    /// How much of the town the grid covers.
    pub fn coverage(&self) -> crate::domain::grid::Coverage {
        crate::domain::grid::coverage(&self.drawn().city)
    }
}

fn step_view(entry: &crate::domain::ledger::Entry) -> StepView {
    let said: Json = serde_json::from_str(&entry.payload).unwrap_or_default();
    let named = said["step"]["step"].as_str().map(str::to_owned);
    let step = named.unwrap_or_else(|| entry.kind.as_str().trim_start_matches("matter.").to_owned());
    let who = match &entry.actor {
        Actor::Staff { name, .. } => name.clone(),
        Actor::Camera { id } => id.clone(),
        Actor::System { rule } => rule.clone(),
    };
    let why = said["why"].as_str().unwrap_or_default().to_owned();
    StepView { seq: entry.seq, at: entry.at, step, who, why, pictures: entry.evidence.clone() }
}
