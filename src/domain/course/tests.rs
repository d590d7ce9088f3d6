//! Scenario tables of every course: legal moves succeed, each other one is refused by name, and clocks end when the law says.

use chrono_tz::Asia::Shanghai;

use super::*;
use crate::domain::{
    lot::VehicleClass,
    record::Act,
    terms::{Calendar, Term, Unit},
    time::parse_rfc3339,
};

const LIMITS: Limits = Limits { simple_max_yuan: 200, max_yuan: 3000 };

fn at(text: &str) -> Instant {
    parse_rfc3339(text).unwrap()
}

fn by<'a>(name: &'a str, role: Role, now: &str) -> By<'a> {
    By { name, role, now: at(now), why: "as the file says" }
}

fn officer() -> By<'static> {
    by("lan", Role::Officer, "2026-03-10T02:00:00Z")
}

fn supervisor() -> By<'static> {
    by("wu", Role::Supervisor, "2026-03-10T03:00:00Z")
}

fn record(kind: Kind, act: Option<Act>, state: State) -> Record {
    Record {
        id: "r1".into(),
        number: "X-20260310-000001".into(),
        kind,
        state,
        plate: Some("浙K12345".into()),
        vehicle_class: VehicleClass::Motor,
        at: at("2026-03-10T01:00:00Z"),
        zone: None,
        grid_cell: None,
        location: None,
        reason: "blocks the fire lane".into(),
        note: None,
        officer: "lan".into(),
        approved_by: None,
        incident: None,
        act,
        legal_basis: None,
        evidence: vec![crate::domain::ledger::Digest::of(b"a picture")],
        ledger_seq: 1,
        course: Course::default(),
        follows: None,
        due: None,
    }
}

/// A step of a name with everything it needs.
fn whole(name: &str) -> Step {
    let item = Item { name: "电动自行车".into(), quantity: 1, note: String::new() };
    let execute = |at_once: bool| {
        let (second_officer, custody, inventory) = ("chen".into(), "城西停车场".into(), vec![item.clone()]);
        if at_once {
            Step::ExecuteAtOnce { second_officer, custody, inventory, witness: None }
        } else {
            Step::Execute { second_officer, custody, inventory, witness: None }
        }
    };
    match name {
        "decide_on_spot" => Step::DecideOnSpot { amount_yuan: 150, articles: "第九十三条".into() },
        "notice" => {
            Step::Notice { amount_yuan: 150, articles: "第九十三条".into(), second_officer: "chen".into() }
        }
        "state" => Step::State { statement: "I was in hospital".into() },
        "decide" => Step::Decide { outcome: Outcome::Penalty, amount_yuan: 150 },
        "serve" => Step::Serve { how: "direct".into() },
        "note_payment" => Step::NotePayment { receipt: "0001".into() },
        "move" => Step::Move { custody: "城西停车场".into() },
        "execute" => execute(false),
        "execute_at_once" => execute(true),
        "note_testing" => Step::NoteTesting { days: 3 },
        other => every_step().into_iter().find(|step| step.name() == other).unwrap(),
    }
}

/// `kind from step to`, every legal move there is.
const LEGAL: &str = "
warning issued comply complied
warning issued lapse lapsed
warning issued escalate escalated
warning issued revoke revoked
warning complied revoke revoked
warning lapsed revoke revoked
penalty opened decide_on_spot decided
penalty opened notice noticed
penalty opened revoke revoked
penalty noticed state stated
penalty noticed request_hearing hearing_requested
penalty noticed decide decided
penalty noticed revoke revoked
penalty stated weigh weighed
penalty stated revoke revoked
penalty weighed state stated
penalty weighed request_hearing hearing_requested
penalty weighed decide decided
penalty weighed revoke revoked
penalty hearing_requested hold_hearing hearing_held
penalty hearing_requested revoke revoked
penalty hearing_held state stated
penalty hearing_held decide decided
penalty hearing_held revoke revoked
penalty decided serve served
penalty decided revoke revoked
penalty served note_payment paid
penalty served demand demanded
penalty served close closed
penalty served hold_for_appeal appealed
penalty served revoke revoked
penalty demanded note_payment paid
penalty demanded apply_to_court court_applied
penalty demanded hold_for_appeal appealed
penalty demanded revoke revoked
penalty court_applied note_payment paid
penalty court_applied close closed
penalty court_applied revoke revoked
penalty paid close closed
penalty paid revoke revoked
penalty appealed resume_after_appeal served
penalty appealed revoke revoked
tow proposed revoke revoked
tow approved revoke revoked
tow approved move moved
tow moved inform_owner informed
tow informed collect collected
detention proposed revoke revoked
detention approved revoke revoked
detention approved execute executed
detention proposed execute_at_once unapproved
detention unapproved approve_after executed
detention unapproved refuse_approval must_return
detention unapproved release released
detention must_return release released
detention executed release released
detention executed dispose disposed
detention extended release released
detention extended dispose disposed
seizure proposed revoke revoked
seizure approved revoke revoked
seizure approved execute executed
seizure proposed execute_at_once unapproved
seizure unapproved approve_after executed
seizure unapproved refuse_approval must_return
seizure unapproved release released
seizure must_return release released
seizure executed release released
seizure executed dispose disposed
seizure executed extend extended
seizure executed note_testing executed
seizure extended release released
seizure extended dispose disposed
seizure extended extend extended
seizure extended note_testing extended
";

#[test]
fn every_move_that_is_not_in_the_table_is_refused_by_name_and_every_one_that_is_leads_where_it_says() {
    let legal: Vec<Vec<&str>> = LEGAL.trim().lines().map(|line| line.split(' ').collect()).collect();
    let mut tried = 0;
    for kind in ["warning", "correction", "penalty", "tow", "detention", "seizure"] {
        let act = Act::parse(kind);
        let family = if kind == "correction" { "warning" } else { kind };
        for state in State::ALL {
            for step in every_step() {
                let record = record(act.map_or_else(|| Kind::parse(kind).unwrap(), |_| Kind::Seizure), act, *state);
                let to =
                    legal.iter().find(|line| line[..3] == [family, state.as_str(), step.name()]).map(|line| line[3]);
                let came = record.advance(&whole(step.name()), supervisor(), LIMITS, &[]);
                match (to, came) {
                    (Some(to), Ok(record)) => assert_eq!(record.state.as_str(), to),
                    // Legal here, and refused for a reason of its own.
                    (Some(_), Err(refused)) => assert_eq!(refused, Refused::ExtendedBefore),
                    (None, came) => {
                        let named = Refused::NotNow { state: state.as_str(), step: step.name() };
                        assert_eq!(came.map(|_| ()), Err(named), "{kind}");
                    }
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 4000, "{tried} moves were tried");
}

/// Takes steps one after another.
fn walk(mut record: Record, steps: &[(&str, By<'_>)]) -> Result<Record, Refused> {
    for (name, by) in steps {
        record = record.advance(&whole(name), *by, LIMITS, &[])?;
    }
    Ok(record)
}

#[test]
fn cases_go_their_whole_way() {
    let opened = || record(Kind::Penalty, None, State::Opened);
    let (o, s) = (officer(), supervisor());
    for (steps, end) in [
        (&[("decide_on_spot", o), ("serve", o), ("note_payment", o), ("close", o)][..], "closed"),
        (&[("notice", o), ("decide", s), ("serve", o), ("demand", o), ("apply_to_court", s), ("close", o)], "closed"),
        (&[("notice", o), ("state", o), ("weigh", o), ("decide", s), ("serve", o), ("note_payment", o)], "paid"),
        (&[("notice", o), ("request_hearing", o), ("hold_hearing", o), ("decide", s), ("serve", o)], "served"),
        (&[("notice", o), ("decide", s), ("serve", o), ("hold_for_appeal", o), ("revoke", s)], "revoked"),
    ] {
        assert_eq!(walk(opened(), steps).unwrap().state.as_str(), end);
    }
    // Each is refused by its own name.
    for (steps, why) in [
        (&[("notice", o), ("decide", o)][..], Refused::NeedsSupervisor),
        (&[("notice", s), ("decide", by("lan", Role::Supervisor, "2026-03-10T03:00:00Z"))], Refused::SamePerson),
        (&[("notice", by("chen", Role::Officer, "2026-03-10T03:00:00Z"))], Refused::NeedsTwoOfficers),
        (&[("decide_on_spot", o), ("revoke", o)], Refused::NeedsSupervisor),
        (
            &[("decide_on_spot", o), ("serve", o), ("close", o)],
            Refused::NotNow { state: "served with a fine that is not paid", step: "close" },
        ),
        (&[("decide_on_spot", By { why: " ", ..o })], Refused::NoReason),
    ] {
        assert_eq!(walk(opened(), steps).unwrap_err(), why);
    }
    let steps = |step: Step, by| opened().advance(&step, by, LIMITS, &[]).unwrap_err();
    let articles = String::from("第九十三条");
    assert_eq!(
        steps(Step::DecideOnSpot { amount_yuan: 201, articles: articles.clone() }, o),
        Refused::TooHigh { max_yuan: 200 }
    );
    assert_eq!(steps(Step::DecideOnSpot { amount_yuan: 50, articles: " ".into() }, o), Refused::Missing("articles"));
    let noticed = walk(opened(), &[("notice", o), ("state", o), ("weigh", o)]).unwrap();
    let heavier = Step::Decide { outcome: Outcome::Penalty, amount_yuan: 151 };
    assert_eq!(noticed.clone().advance(&heavier, s, LIMITS, &[]).unwrap_err(), Refused::Heavier);
    let none = Step::Decide { outcome: Outcome::NoPenalty, amount_yuan: 0 };
    let decided = noticed.advance(&none, s, LIMITS, &[]).unwrap();
    assert_eq!(decided.course.amount_yuan, None);
    assert_eq!(walk(decided, &[("serve", o), ("close", o)]).unwrap().state, State::Closed, "nothing to pay");
    let unserved = opened().advance(&whole("decide_on_spot"), o, LIMITS, &[]).unwrap();
    assert_eq!(
        unserved.advance(&Step::Serve { how: "by shouting".into() }, o, LIMITS, &[]).unwrap_err(),
        Refused::Service
    );
}

fn clocks() -> Clocks {
    let term = |count, unit, rolls| Term { count, unit, rolls, basis: "an article".into() };
    [
        ("decide", term(90, Unit::Calendar, true)),
        ("serve", term(7, Unit::Working, false)),
        ("pay", term(15, Unit::Calendar, true)),
        ("approval", term(24, Unit::Hours, false)),
        ("hold", term(30, Unit::Calendar, false)),
        ("extension", term(30, Unit::Calendar, false)),
        ("come", term(15, Unit::Calendar, true)),
        ("inform", term(24, Unit::Hours, false)),
    ]
    .map(|(name, term)| (name.to_owned(), term))
    .into()
}

fn due(record: &Record) -> Vec<(&'static str, String)> {
    let dues = dues(record, &clocks(), &Calendar::default(), Shanghai);
    dues.into_iter().map(|due| (due.what, due.day.to_string())).collect()
}

#[test]
fn the_clocks_that_run_are_those_of_where_the_record_stands() {
    let (o, s) = (officer(), supervisor());
    let opened = record(Kind::Penalty, None, State::Opened);
    assert_eq!(due(&opened), [("decide", "2026-06-08".into())]);
    let decided = walk(opened, &[("decide_on_spot", o)]).unwrap();
    assert_eq!(due(&decided), [("serve", "2026-03-19".into())]);
    let served = walk(decided, &[("serve", o)]).unwrap();
    assert_eq!(due(&served), [("pay", "2026-03-25".into())]);
    // An appeal holds the clock: ten days of it move the end by ten.
    let held = served
        .clone()
        .advance(&Step::HoldForAppeal, by("lan", Role::Officer, "2026-03-12T02:00:00Z"), LIMITS, &[])
        .unwrap();
    assert_eq!(due(&held), []);
    let resumed =
        held.advance(&Step::ResumeAfterAppeal, by("lan", Role::Officer, "2026-03-22T02:00:00Z"), LIMITS, &[]).unwrap();
    assert_eq!(due(&resumed), [("pay", "2026-04-06".into())], "the fourth of April is a Saturday");
    assert_eq!(due(&walk(served, &[("note_payment", s), ("close", s)]).unwrap()), []);
}

#[test]
fn nothing_is_held_beyond_its_term_and_it_is_made_longer_once() {
    let seizure = || record(Kind::Seizure, Some(Act::Seizure), State::Approved);
    let taken = walk(seizure(), &[("execute", officer())]).unwrap();
    let now = |record: &Record| dues(record, &clocks(), &Calendar::default(), Shanghai);
    assert_eq!(due(&taken), [("hold", "2026-04-09".into())]);
    let extend = |record: Record, when: &str| {
        let dues = now(&record);
        record.advance(&Step::Extend, by("wu", Role::Supervisor, when), LIMITS, &dues)
    };
    assert_eq!(extend(taken.clone(), "2026-04-09T16:00:00Z").unwrap_err(), Refused::TermOver, "midnight has passed");
    let longer = extend(taken.clone(), "2026-04-09T15:59:59Z").unwrap();
    assert_eq!(due(&longer), [("hold", "2026-05-09".into())]);
    assert_eq!(extend(longer.clone(), "2026-04-10T02:00:00Z").unwrap_err(), Refused::ExtendedBefore);
    let tested = longer.advance(&Step::NoteTesting { days: 3 }, supervisor(), LIMITS, &[]).unwrap();
    assert_eq!(due(&tested), [("hold", "2026-05-12".into())], "days of testing do not count");
    let over = taken.clone().run_out(&now(&taken), at("2026-04-09T16:00:00Z")).unwrap();
    assert_eq!(over.state, State::MustReturn);
    assert!(taken.clone().run_out(&now(&taken), at("2026-04-09T15:59:59Z")).is_none());
    assert_eq!(over.possible(), ["release"]);
}

#[test]
fn what_was_done_at_once_is_approved_within_a_day_by_somebody_else_or_goes_back() {
    let proposed = record(Kind::Seizure, Some(Act::Seizure), State::Proposed);
    let taken = proposed.advance(&whole("execute_at_once"), officer(), LIMITS, &[]).unwrap();
    let now = dues(&taken, &clocks(), &Calendar::default(), Shanghai);
    assert_eq!(now[0].by, at("2026-03-11T02:00:00Z"));
    let approve =
        |name, when| taken.clone().advance(&Step::ApproveAfter, by(name, Role::Supervisor, when), LIMITS, &now);
    assert_eq!(approve("wu", "2026-03-11T02:00:00Z").unwrap_err(), Refused::ApprovalTooLate);
    assert_eq!(approve("chen", "2026-03-10T03:00:00Z").unwrap_err(), Refused::SamePerson);
    assert_eq!(approve("wu", "2026-03-11T01:59:59Z").unwrap().approved_by.as_deref(), Some("wu"));
    assert_eq!(taken.clone().run_out(&now, at("2026-03-11T02:00:00Z")).unwrap().state, State::MustReturn);
    let nobody = record(Kind::Seizure, Some(Act::Seizure), State::Approved);
    let alone = Step::Execute {
        second_officer: "lan".into(),
        custody: "x".into(),
        inventory: vec![Item { name: "x".into(), quantity: 1, note: String::new() }],
        witness: None,
    };
    assert_eq!(nobody.advance(&alone, officer(), LIMITS, &[]).unwrap_err(), Refused::NeedsTwoOfficers);
}

#[test]
fn a_surcharge_grows_by_three_per_cent_a_day_and_never_beyond_the_fine() {
    let due = at("2026-03-25T16:00:00Z");
    for (now, cost) in [
        ("2026-03-25T16:00:00Z", 0),
        ("2026-03-25T16:00:01Z", 450),
        ("2026-03-27T16:00:00Z", 900),
        ("2026-04-30T16:00:00Z", 15_000),
        ("2027-03-25T16:00:00Z", 15_000),
    ] {
        assert_eq!(surcharge(150, due, at(now)), cost, "{now}");
    }
}
