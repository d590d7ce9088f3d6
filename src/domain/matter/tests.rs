//! Scenario tables: a matter, the steps somebody takes, and where it stands then or why not.

use std::collections::BTreeMap;

use chrono_tz::Asia::Shanghai;

use super::{
    category::{ByClass, SameMatter},
    dispatch::{Place, Shift, Unit, Why, choose_person, choose_unit},
    merge::{Known, same_matter},
    *,
};
use crate::domain::{calendar::Calendar, staff::Role, text::Localized, time::parse_rfc3339};

fn local(text: &str) -> Instant {
    parse_rfc3339(&format!("{text}:00+08:00")).unwrap()
}

fn limit(text: &str) -> Limit {
    text.parse().unwrap()
}

fn catalogue() -> Catalogue {
    let category = |needs_picture, town_first| Category {
        class: Class::Event,
        name: Localized::default(),
        opened_when: Localized::default(),
        closed_when: Localized::default(),
        sources: vec![Source::Officer, Source::Citizen],
        handle: ByClass::Each(["2wh", "4wh", "1wd", "2wd"].map(limit)),
        limits: BTreeMap::new(),
        same: SameMatter { within_m: 40, within_h: 4 },
        needs_picture,
        town_first,
        opens_itself: false,
    };
    let same = |text| ByClass::Same(limit(text));
    let limits = [
        (Stage::Open, same("30wm")),
        (Stage::Dispatch, same("30wm")),
        (Stage::FeedBack, same("1wh")),
        (Stage::Verify, same("1wd")),
        (Stage::Evaluate, same("5wd")),
    ];
    let flow = Flow {
        limits: limits.into(),
        escalation: limit("4wh"),
        most_returns: 1,
        most_delays: 1,
        reopened_within: limit("15d"),
    };
    let categories = [("E1".to_owned(), category(true, true)), ("C1".to_owned(), category(false, false))];
    Catalogue { categories: categories.into(), flow }
}

fn clock() -> WorkClock {
    let span = |text: &str| Span::try_from(text.to_owned()).unwrap();
    let holidays = (1..=7).map(|day| format!("2026-10-{day:02}").parse().unwrap()).collect();
    let calendar = Calendar::new(Shanghai, holidays, ["2026-10-10".parse().unwrap()].into());
    WorkClock::new(calendar, vec![span("08:30-12:00"), span("14:00-17:30")])
}

const TOWN: &str = "331125001";

fn said(category: &str, at: &str) -> Said {
    Said {
        id: "m1".to_owned(),
        number: "CG-1".to_owned(),
        category: category.to_owned(),
        source: Source::Citizen,
        cell: Some(GridCellId::parse("G01").unwrap()),
        town: Some(TOWN.to_owned()),
        street_class: 1,
        location: Some((119.57, 28.11)),
        subject: None,
        at: local(at),
    }
}

/// Who takes a step in these tables.
#[derive(Clone, Copy)]
struct Who {
    name: &'static str,
    role: Role,
    command: Command<'static>,
    unit: &'static str,
}

const COUNTY: Who = Who { name: "li", role: Role::Supervisor, command: Command::County, unit: "" };
const TOWN_CENTRE: Who = Who { name: "sun", role: Role::Supervisor, command: Command::Town(TOWN), unit: "" };
const OTHER_TOWN: Who = Who { name: "qian", role: Role::Supervisor, command: Command::Town("331125002"), unit: "" };
const OFFICER: Who = Who { name: "wang", role: Role::Officer, command: Command::None, unit: "north" };
const STRANGER: Who = Who { name: "zhou", role: Role::Officer, command: Command::None, unit: "south" };
const AUDITOR: Who = Who { name: "wu", role: Role::Auditor, command: Command::None, unit: "" };

fn open() -> Step {
    Step::Open { category: None, street_class: None }
}
fn give() -> Step {
    Step::Dispatch { unit: "north".to_owned(), assignee: None }
}
fn handle() -> Step {
    Step::Handle { pictures: vec![Digest::of(b"a picture")] }
}

/// Walks a matter through steps; panics with the step that was refused.
fn walk(category: &str, steps: &[(Who, Step, &str)]) -> Result<Matter, (usize, Refused)> {
    let (catalogue, clock) = (catalogue(), clock());
    let rules = Rules { catalogue: &catalogue, clock: &clock };
    let mut matter = Matter::collect(said(category, "2026-03-10T09:00"), rules).unwrap();
    for (nth, (who, step, at)) in steps.iter().enumerate() {
        let units = [who.unit.to_owned()];
        let by = By {
            name: who.name,
            role: Some(who.role),
            command: who.command,
            units: &units,
            now: local(at),
            why: "because",
        };
        matter = matter.advance(step, by, rules).map_err(|refused| (nth, refused))?;
    }
    Ok(matter)
}

const T: &str = "2026-03-10T09:10";

/// The way to each state.
fn way_to(state: State) -> Vec<(Who, Step, &'static str)> {
    let to_closed = || {
        vec![
            (COUNTY, open(), T),
            (COUNTY, give(), T),
            (OFFICER, handle(), T),
            (OFFICER, Step::FeedBack, T),
            (COUNTY, Step::Verify { passed: true }, T),
        ]
    };
    match state {
        State::Collected => vec![],
        State::Opened => to_closed()[..1].to_vec(),
        State::Dispatched => to_closed()[..2].to_vec(),
        State::Handled => to_closed()[..3].to_vec(),
        State::FedBack => to_closed()[..4].to_vec(),
        State::Closed => to_closed(),
        State::Evaluated => [to_closed(), vec![(COUNTY, Step::Evaluate { content: Some(5) }, T)]].concat(),
        State::Suspended => [to_closed()[..2].to_vec(), vec![(COUNTY, Step::Suspend, T)]].concat(),
        State::Merged => vec![(COUNTY, Step::Merge { into: "m2".to_owned() }, T)],
        State::Refused => vec![(COUNTY, Step::Refuse, T)],
    }
}

#[test]
fn every_step_that_does_not_begin_where_a_matter_stands_is_refused_by_name() {
    let legal: BTreeMap<State, &[&str]> = [
        (State::Collected, &["open", "refuse", "escalate", "merge"][..]),
        (State::Opened, &["dispatch", "escalate", "merge", "suspend"]),
        (
            State::Dispatched,
            &[
                "dispatch",
                "handle",
                "return",
                "ask_delay",
                "grant_delay",
                "refuse_delay",
                "escalate",
                "merge",
                "suspend",
            ],
        ),
        (State::Handled, &["feed_back", "escalate"]),
        (State::FedBack, &["verify", "escalate"]),
        (State::Closed, &["evaluate", "reopen"]),
        (State::Evaluated, &[]),
        (State::Suspended, &["resume"]),
        (State::Merged, &[]),
        (State::Refused, &[]),
    ]
    .into();
    for state in State::ALL {
        let steps = way_to(*state);
        let matter = walk("E1", &steps).unwrap();
        assert_eq!(matter.state, *state);
        assert_eq!(matter.possible(), legal[state].to_vec(), "{state:?}");
        for step in Step::every() {
            if legal[state].contains(&step.name()) {
                continue;
            }
            let steps = [steps.clone(), vec![(COUNTY, step.clone(), T)]].concat();
            let refused = walk("E1", &steps).unwrap_err().1;
            assert_eq!(refused, Refused::NotNow { state: state.as_str(), step: step.name() });
        }
    }
}

#[test]
fn whoever_may_not_take_a_step_is_told_why() {
    let after = |state, who, step: Step| walk("E1", &[way_to(state), vec![(who, step, T)]].concat()).unwrap_err().1;
    for (state, who, step, refused) in [
        (State::Collected, OFFICER, open(), Refused::NotYourPart("centre")),
        (State::Collected, AUDITOR, open(), Refused::NotYourPart("centre")),
        (State::Collected, OTHER_TOWN, open(), Refused::NotYourLevel("town")),
        (State::Dispatched, STRANGER, handle(), Refused::NotYourUnit),
        (State::Dispatched, TOWN_CENTRE, handle(), Refused::NotYourUnit),
        (State::Dispatched, AUDITOR, handle(), Refused::NotYourPart("unit")),
        (State::Dispatched, OFFICER, Step::Handle { pictures: vec![] }, Refused::NoPicture),
        (State::FedBack, OFFICER, Step::Verify { passed: true }, Refused::SamePerson),
        (State::FedBack, AUDITOR, Step::Verify { passed: true }, Refused::NotYourPart("inspector")),
        (State::Closed, OFFICER, Step::Evaluate { content: Some(5) }, Refused::NotYourPart("evaluator")),
        (State::Closed, COUNTY, Step::Evaluate { content: Some(6) }, Refused::OutOfRange("content")),
        (State::Collected, COUNTY, Step::Merge { into: "m1".to_owned() }, Refused::Itself),
        (State::Dispatched, COUNTY, Step::GrantDelay, Refused::Asked),
        (
            State::Collected,
            COUNTY,
            Step::Open { category: Some("X9".to_owned()), street_class: None },
            Refused::UnknownCategory("X9".to_owned()),
        ),
    ] {
        assert_eq!(after(state, who, step.clone()), refused, "{step:?}");
    }
    assert!(walk("E1", &[way_to(State::FedBack), vec![(STRANGER, Step::Verify { passed: true }, T)]].concat()).is_ok());
}

#[test]
fn a_town_commands_its_own_until_the_county_takes_it() {
    let steps = [(TOWN_CENTRE, open(), T), (TOWN_CENTRE, Step::Escalate, T), (TOWN_CENTRE, give(), T)];
    assert_eq!(walk("E1", &steps).unwrap_err(), (2, Refused::NotYourLevel("county")));
    let steps = [(TOWN_CENTRE, open(), T), (TOWN_CENTRE, Step::Escalate, T), (COUNTY, give(), T)];
    assert_eq!(walk("E1", &steps).unwrap().level, Level::County);
    // A component is the county's from the start.
    assert_eq!(walk("C1", &[(TOWN_CENTRE, open(), T)]).unwrap_err(), (0, Refused::NotYourLevel("county")));
    let up = [(COUNTY, Step::Escalate, T), (COUNTY, Step::Escalate, T), (COUNTY, Step::Escalate, T)];
    assert_eq!(walk("E1", &up).unwrap_err(), (2, Refused::Highest));
}

#[test]
fn each_step_starts_its_clock_and_a_late_one_is_noted() {
    let matter = walk("E1", &way_to(State::Opened)).unwrap();
    assert_eq!(matter.due.map(|due| (due.stage, due.by)), Some((Stage::Dispatch, local("2026-03-10T09:40"))));
    let matter = walk("E1", &way_to(State::Dispatched)).unwrap();
    assert_eq!(matter.due.map(|due| (due.stage, due.by)), Some((Stage::Handle, local("2026-03-10T11:10"))));
    let steps = [way_to(State::Dispatched), vec![(OFFICER, handle(), "2026-03-10T11:11")]].concat();
    let matter = walk("E1", &steps).unwrap();
    assert_eq!(matter.course.late, [Stage::Handle].into());
    // Given to another person of the unit, the clock goes on.
    let again = Step::Dispatch { unit: "north".to_owned(), assignee: Some("wang".to_owned()) };
    let steps = [way_to(State::Dispatched), vec![(COUNTY, again, "2026-03-10T10:30")]].concat();
    assert_eq!(walk("E1", &steps).unwrap().due.map(|due| due.by), Some(local("2026-03-10T11:10")));
}

#[test]
fn what_is_overdue_goes_up_a_level_and_then_another_across_the_holidays() {
    let (catalogue, clock) = (catalogue(), clock());
    let rules = Rules { catalogue: &catalogue, clock: &clock };
    // Said half an hour before the last office of the year's longest holidays closes.
    let matter = Matter::collect(said("E1", "2026-09-30T17:15"), rules).unwrap();
    assert_eq!(matter.escalates_at, Some(local("2026-10-08T08:45")));
    assert_eq!(matter.escalated(local("2026-10-08T08:44"), rules), None);
    let county = matter.escalated(local("2026-10-08T08:45"), rules).unwrap();
    assert_eq!((county.level, county.state), (Level::County, State::Collected));
    // The county has four working hours more, over lunch.
    assert_eq!(county.escalates_at, Some(local("2026-10-08T14:45")));
    assert_eq!(county.escalated(local("2026-10-08T14:00"), rules), None);
    let supervised = county.escalated(local("2026-10-08T14:45"), rules).unwrap();
    assert_eq!((supervised.level, supervised.escalates_at), (Level::Supervision, None));
    assert_eq!(supervised.escalated(local("2027-01-01T00:00"), rules), None);
    assert!(supervised.is_overdue(local("2026-10-08T14:45")));
}

#[test]
fn a_matter_set_aside_keeps_what_was_left_of_its_limit() {
    // Ten minutes of two hours were used on Tuesday; it is taken up on Friday afternoon.
    let steps = [
        way_to(State::Dispatched),
        vec![(COUNTY, Step::Suspend, "2026-03-10T09:20"), (COUNTY, Step::Resume, "2026-03-13T16:30")],
    ]
    .concat();
    let matter = walk("E1", &steps).unwrap();
    assert_eq!((matter.state, matter.due.map(|due| due.by)), (State::Dispatched, Some(local("2026-03-16T09:20"))));
}

#[test]
fn more_time_is_asked_for_in_time_granted_once_and_never_by_the_unit_itself() {
    let ask = || Step::AskDelay { more: limit("2wh") };
    let steps = |more: &[(Who, Step, &'static str)]| [way_to(State::Dispatched), more.to_vec()].concat();
    let granted = walk("E1", &steps(&[(OFFICER, ask(), T), (COUNTY, Step::GrantDelay, T)])).unwrap();
    assert_eq!(granted.due.map(|due| due.by), Some(local("2026-03-10T14:40") + chrono::Duration::minutes(30)));
    assert_eq!((granted.course.delays, granted.escalates_at), (1, granted.due.map(|due| due.by)));
    let refused = walk("E1", &steps(&[(OFFICER, ask(), T), (COUNTY, Step::RefuseDelay, T)])).unwrap();
    assert_eq!(refused.due.map(|due| due.by), Some(local("2026-03-10T11:10")));
    for (more, why) in [
        (vec![(OFFICER, ask(), T), (OFFICER, ask(), T)], Refused::Asked),
        (vec![(OFFICER, ask(), T), (OFFICER, Step::GrantDelay, T)], Refused::NotYourPart("centre")),
        (vec![(OFFICER, ask(), T), (COUNTY, Step::GrantDelay, T), (OFFICER, ask(), T)], Refused::DelayedTooOften(1)),
        (vec![(OFFICER, ask(), "2026-03-10T15:00")], Refused::TooLate),
    ] {
        assert_eq!(walk("E1", &steps(&more)).unwrap_err().1, why);
    }
}

#[test]
fn a_unit_hands_back_what_is_not_its_own_once_and_work_that_is_not_done_goes_back_to_it() {
    let back = (OFFICER, Step::Return, T);
    let twice = [way_to(State::Dispatched), vec![back.clone(), (COUNTY, give(), T), back.clone()]].concat();
    assert_eq!(walk("E1", &twice).unwrap_err().1, Refused::ReturnedTooOften(1));
    let matter = walk("E1", &[way_to(State::Dispatched), vec![back]].concat()).unwrap();
    assert_eq!((matter.state, matter.unit), (State::Opened, None));
    let failed = [way_to(State::FedBack), vec![(COUNTY, Step::Verify { passed: false }, T)]].concat();
    let matter = walk("E1", &failed).unwrap();
    assert_eq!((matter.state, matter.course.reworks), (State::Dispatched, 1));
    assert_eq!(matter.due.map(|due| due.stage), Some(Stage::Handle));
}

#[test]
fn a_closed_matter_is_taken_up_again_within_its_time_only() {
    let reopen = |at| [way_to(State::Closed), vec![(COUNTY, Step::Reopen, at)]].concat();
    let matter = walk("E1", &reopen("2026-03-20T09:00")).unwrap();
    assert_eq!((matter.state, matter.course.reopened, matter.unit), (State::Opened, 1, None));
    assert_eq!(walk("E1", &reopen("2026-03-25T09:11")).unwrap_err().1, Refused::ClosedTooLong);
}

#[test]
fn nothing_happens_without_a_reason() {
    let (catalogue, clock) = (catalogue(), clock());
    let rules = Rules { catalogue: &catalogue, clock: &clock };
    let matter = Matter::collect(said("E1", "2026-03-10T09:00"), rules).unwrap();
    let by =
        By { name: "li", role: Some(Role::Supervisor), command: Command::County, units: &[], now: local(T), why: " " };
    assert_eq!(matter.clone().advance(&open(), by, rules), Err(Refused::NoReason));
    // The system judges and verifies nothing.
    let by = By { name: "rule", role: None, why: "x", ..by };
    assert_eq!(matter.advance(&Step::Refuse, by, rules), Err(Refused::NotYourPart("centre")));
    let wrong = Said { source: Source::Sensor, ..said("E1", "2026-03-10T09:00") };
    assert_eq!(Matter::collect(wrong, rules), Err(Refused::WrongSource));
}

#[test]
fn a_unit_is_chosen_by_cell_then_town_then_county_and_by_its_load() {
    let unit = |zh: &str, town: Option<&str>, duty: &str, most_open| Unit {
        name: Localized { zh: zh.to_owned(), en: zh.to_owned() },
        town: town.map(str::to_owned),
        duties: vec![duty.to_owned()],
        most_open,
        ..Unit::default()
    };
    let units: BTreeMap<String, Unit> = [
        ("north", unit("城北中队", Some(TOWN), "E", 2)),
        ("old", unit("老城中队", Some(TOWN), "E", 4)),
        ("south", unit("城南中队", Some("331125002"), "E", 4)),
        ("mobile", unit("机动中队", None, "E05", 10)),
        ("repair", unit("运维", None, "C", 10)),
    ]
    .map(|(id, unit)| (id.to_owned(), unit))
    .into();
    let here = Place { cell_unit: Some("城北中队"), town: Some(TOWN) };
    for (load, category, chosen) in [
        (vec![], "E0501", Some(("north", Why::Cell))),
        (vec![("north", 2)], "E0501", Some(("old", Why::Town))),
        (vec![("north", 2), ("old", 4)], "E0501", Some(("mobile", Why::County))),
        // All have their fill: the least for its size, and never a unit of another town.
        (vec![("north", 3), ("old", 5), ("mobile", 20)], "E0501", Some(("old", Why::AllFull))),
        (vec![], "C0202", Some(("repair", Why::County))),
        (vec![], "X1", None),
    ] {
        let load = load.into_iter().map(|(id, open)| (id.to_owned(), open)).collect();
        assert_eq!(choose_unit(&units, &load, category, here), chosen, "{load:?} {category}");
    }
}

#[test]
fn a_person_is_chosen_who_works_now_and_has_least() {
    let shift = |hours: &str, people: &[&str]| Shift {
        hours: hours.to_owned(),
        people: people.iter().map(|one| (*one).to_owned()).collect(),
    };
    let shifts = [shift("Mo-Fr 08:00-16:00", &["wang", "zhou"]), shift("Mo-Fr 16:00-23:00", &["zheng"])];
    let load = [("wang".to_owned(), 3)].into();
    let who = |at| choose_person(&shifts, &load, Shanghai, local(at));
    assert_eq!(who("2026-03-10T09:00"), Some("zhou"));
    assert_eq!(who("2026-03-10T20:00"), Some("zheng"));
    assert_eq!(who("2026-03-10T23:30"), None);
}

#[test]
fn one_matter_is_what_is_alike_near_and_recent() {
    let matter = |id: &str, state: &[(Who, Step, &str)], lon: f64| {
        let mut matter = walk("E1", state).unwrap();
        (matter.id, matter.location) = (id.to_owned(), Some((lon, 28.11)));
        Known { matter, last_at: local("2026-03-10T09:00") }
    };
    // A ten-thousandth of a degree is some ten metres here.
    let known = [matter("a", &[], 119.5703), matter("b", &[], 119.5701), matter("c", &way_to(State::Closed), 119.57)];
    let rule = SameMatter { within_m: 40, within_h: 4 };
    let of = |category: &str, lon: f64, at: &str| {
        same_matter(&known, category, Some((lon, 28.11)), None, local(at), rule).map(|matter| matter.id.as_str())
    };
    assert_eq!(of("E1", 119.57, "2026-03-10T10:00"), Some("b"), "the nearest that is open");
    assert_eq!(of("C1", 119.57, "2026-03-10T10:00"), None, "another kind");
    assert_eq!(of("E1", 119.572, "2026-03-10T10:00"), None, "another place");
    assert_eq!(of("E1", 119.57, "2026-03-10T13:01"), None, "another time");
    assert_eq!(same_matter(&known, "E1", None, Some("sensor:x"), local(T), rule), None);
}
