//! What administrators do: accounts that cannot lock everybody out, settings of which the newest holds; each act once, and in the
//! ledger with what was before and after.

use std::sync::Arc;

use serde_json::{Value, json};
use yunpark::{
    clock::Clock,
    config::{self, Config, FirstOffencePolicy, Rules},
    domain::{
        ledger::Kind,
        staff::{Actor, Role},
    },
    settings::{Refused as Unset, SettingsDesk, To, Wish},
    staff::{NewMember, Refused, StaffDesk, Turn},
    store::{Db, ledger, verify::verify as prove},
};

use super::at;

super::on_both! {
    an_account_is_added_once_and_the_last_administrator_stays_one,
    two_administrators_cannot_disable_each_other_at_once,
    the_newest_setting_holds_and_every_version_can_be_brought_back,
    a_wrong_setting_changes_nothing_and_names_its_fields,
    another_node_follows_what_was_set,
}

fn admin(name: &str) -> Actor {
    Actor::Staff { name: name.into(), role: Role::Admin }
}

fn desk(db: &Db) -> StaffDesk {
    StaffDesk::new(db.clone(), Clock::manual(at(0)), config::Session { hours: 12, max_failures: 3 })
}

fn member(name: &str, role: Role) -> NewMember {
    NewMember {
        name: name.into(),
        role,
        unit: "城南中队".into(),
        password: "correct horse".into(),
        reason: "入职".into(),
    }
}

fn because(reason: &str) -> Turn {
    Turn { reason: reason.into(), ..Turn::default() }
}

/// What the ledger says of a kind: its payloads, in order.
async fn said(db: &Db, kind: Kind) -> Vec<Value> {
    let entries = ledger::entries(db, 1, 1000).await.unwrap().into_iter().filter(|entry| entry.kind == kind);
    entries.map(|entry| serde_json::from_str(&entry.payload).unwrap()).collect()
}

async fn an_account_is_added_once_and_the_last_administrator_stays_one(db: &Db) {
    let desk = desk(db);
    let root = admin("root");
    assert!(!desk.take_on(member("root", Role::Admin), "k1", &root).await.unwrap().1);
    let (li, again) = desk.take_on(member("li", Role::Officer), "k2", &root).await.unwrap();
    assert_eq!((li.unit.as_deref(), again), (Some("城南中队"), false));
    assert!(desk.take_on(member("li", Role::Officer), "k2", &root).await.unwrap().1, "the same key adds nothing");
    assert!(matches!(desk.take_on(member("li", Role::Officer), "k3", &root).await, Err(Refused::Taken)));
    assert!(matches!(desk.take_on(member("wu", Role::Officer), "k2", &root).await, Err(Refused::KeyReused)));
    for (new, field) in [
        (NewMember { name: "a b".into(), ..member("", Role::Officer) }, "name"),
        (NewMember { password: "short".into(), ..member("wu", Role::Officer) }, "password"),
        (NewMember { unit: "x".repeat(81), ..member("wu", Role::Officer) }, "unit"),
        (NewMember { reason: " ".into(), ..member("wu", Role::Officer) }, "reason"),
    ] {
        let refused = desk.take_on(new, "k4", &root).await.unwrap_err();
        let named = match refused {
            Refused::Name => "name",
            Refused::Password => "password",
            Refused::Unit => "unit",
            Refused::Reason => "reason",
            other => panic!("{other:?}"),
        };
        assert_eq!(named, field);
    }

    // A new role holds at once; a new password and disabling end the sessions.
    let session = desk.sign_in("li", "correct horse").await.unwrap();
    let turn = Turn { role: Some(Role::Supervisor), unit: Some(String::new()), ..because("升任") };
    let li = desk.turn("li", turn, "k5", &root).await.unwrap();
    assert_eq!((li.role, li.unit), (Role::Supervisor, None));
    assert_eq!(desk.who(&session.token).await.unwrap().unwrap().role, Role::Supervisor);
    let turn = Turn { password: Some("battery staple".into()), ..because("忘记密码") };
    desk.turn("li", turn, "k6", &root).await.unwrap();
    assert!(desk.who(&session.token).await.unwrap().is_none());
    let session = desk.sign_in("li", "battery staple").await.unwrap();
    desk.turn("li", Turn { disabled: Some(true), ..because("离职") }, "k7", &root).await.unwrap();
    assert!(desk.who(&session.token).await.unwrap().is_none());
    assert!(matches!(desk.sign_in("li", "battery staple").await, Err(Refused::Wrong)));
    desk.turn("li", Turn { disabled: Some(false), ..because("返岗") }, "k8", &root).await.unwrap();
    desk.sign_in("li", "battery staple").await.unwrap();

    // The last administrator can neither leave, nor be made something else.
    for turn in [Turn { disabled: Some(true), ..because("x") }, Turn { role: Some(Role::Officer), ..because("x") }] {
        assert!(matches!(desk.turn("root", turn, "k9", &root).await, Err(Refused::LastAdmin)));
    }
    assert!(matches!(desk.turn("nobody", because("x"), "k10", &root).await, Err(Refused::Nobody)));

    let changes = said(db, Kind::StaffChanged).await;
    assert_eq!(changes.len(), 4, "{changes:?}");
    assert_eq!(changes[0]["before"], json!({"role": "officer", "unit": "城南中队", "disabled": false}));
    assert_eq!(changes[0]["after"], json!({"role": "supervisor", "unit": null, "disabled": false}));
    assert_eq!((&changes[0]["reason"], &changes[1]["new_password"]), (&json!("升任"), &json!(true)));
    assert!(!format!("{changes:?}").contains("battery"), "a password stands nowhere");
    assert_eq!(said(db, Kind::StaffAdded).await.len(), 2);
    prove(db, None).await.unwrap();
}

async fn two_administrators_cannot_disable_each_other_at_once(db: &Db) {
    let desk = desk(db);
    for name in ["one", "other"] {
        desk.take_on(member(name, Role::Admin), name, &admin("root")).await.unwrap();
    }
    let off = || Turn { disabled: Some(true), ..because("x") };
    let (first, second) = (admin("one"), admin("other"));
    let (one, other) = tokio::join!(desk.turn("other", off(), "a", &first), desk.turn("one", off(), "b", &second));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let left = desk.members().await.unwrap().into_iter().filter(|member| member.disabled_at.is_none()).count();
    assert_eq!(left, 1);
}

fn configured() -> Rules {
    Rules::of(&Config::load(None).unwrap().enforcement)
}

fn wish(to: To, based_on: u64) -> Wish {
    Wish { to, based_on, reason: "年度调整".into() }
}

fn first_offence(policy: &str, days: u32) -> To {
    To::Value(json!({"policy": policy, "within_days": days}))
}

async fn the_newest_setting_holds_and_every_version_can_be_brought_back(db: &Db) {
    let (desk, rules) = SettingsDesk::open(db.clone(), Clock::manual(at(0)), configured()).await.unwrap();
    let (root, fit) = (admin("root"), |_: &_| None);
    let policy = || rules.borrow().law.first_offence.policy;
    assert_eq!(policy(), FirstOffencePolicy::Advise);
    let set = desk.set("first_offence", &wish(first_offence("warn", 30), 0), "k1", &root, fit).await.unwrap();
    assert_eq!((set.version, set.is_set, policy()), (1, true, FirstOffencePolicy::Warn));
    // The same again changes nothing; the key for something else, or a look at an older version, is refused.
    let again = desk.set("first_offence", &wish(first_offence("warn", 30), 0), "k1", &root, fit).await.unwrap();
    assert_eq!(again.version, 1);
    let other = desk.set("first_offence", &wish(first_offence("off", 30), 1), "k1", &root, fit).await;
    assert!(matches!(other, Err(Unset::KeyReused)), "{other:?}");
    let stale = desk.set("first_offence", &wish(first_offence("off", 30), 0), "k2", &root, fit).await;
    assert!(matches!(stale, Err(Unset::Stale { now: 1 })), "{stale:?}");
    desk.set("first_offence", &wish(first_offence("off", 60), 1), "k3", &root, fit).await.unwrap();
    assert_eq!(policy(), FirstOffencePolicy::Off);
    let back = desk.set("first_offence", &wish(To::Version(1), 2), "k4", &root, fit).await.unwrap();
    assert_eq!((back.version, policy(), back.value["within_days"].clone()), (3, FirstOffencePolicy::Warn, json!(30)));
    let free = desk.set("first_offence", &wish(To::Configured, 3), "k5", &root, fit).await.unwrap();
    assert_eq!((free.version, free.is_set, policy()), (4, false, FirstOffencePolicy::Advise));

    let versions = desk.history("first_offence", 10).await.unwrap();
    let told: Vec<_> = versions.iter().map(|one| (one.version, one.set_by.as_str(), one.value.is_some())).collect();
    assert_eq!(told, [(4, "root", false), (3, "root", true), (2, "root", true), (1, "root", true)]);
    let entries = said(db, Kind::SettingChanged).await;
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[0]["before"], json!({"policy": "advise", "within_days": 365}));
    assert_eq!(entries[0]["after"], json!({"policy": "warn", "within_days": 30}));
    assert_eq!((&entries[3]["configured"], &entries[3]["reason"]), (&json!(true), &json!("年度调整")));
    prove(db, None).await.unwrap();
}

async fn a_wrong_setting_changes_nothing_and_names_its_fields(db: &Db) {
    let (desk, rules) = SettingsDesk::open(db.clone(), Clock::manual(at(0)), configured()).await.unwrap();
    let root = admin("root");
    let before = ledger::head(db).await.unwrap();
    let wrong = desk.set("first_offence", &wish(first_offence("never", 0), 0), "k1", &root, |_| None).await;
    let Err(Unset::Wrong(fields)) = wrong else { panic!("{wrong:?}") };
    assert_eq!(fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["policy", "within_days"]);
    let unexplained = Wish { reason: "  ".into(), ..wish(first_offence("warn", 30), 0) };
    let refused = desk.set("first_offence", &unexplained, "k2", &root, |_| None).await;
    assert!(matches!(&refused, Err(Unset::Wrong(fields)) if fields[0].field == "reason"), "{refused:?}");
    for (name, to) in [("nothing", To::Configured), ("fines", To::Version(7))] {
        let refused = desk.set(name, &wish(to, 0), "k3", &root, |_| None).await;
        assert!(matches!(refused, Err(Unset::NotFound(_))), "{refused:?}");
    }
    assert_eq!(ledger::head(db).await.unwrap(), before);
    assert_eq!(rules.borrow().told("first_offence"), json!({"policy": "advise", "within_days": 365}));
    // A refused try does not use its key up.
    desk.set("first_offence", &wish(first_offence("warn", 30), 0), "k1", &root, |_| None).await.unwrap();
}

async fn another_node_follows_what_was_set(db: &Db) {
    let clock = Clock::manual(at(0));
    let (one, _rules) = SettingsDesk::open(db.clone(), clock.clone(), configured()).await.unwrap();
    let (other, mut followed) = SettingsDesk::open(db.clone(), clock, configured()).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let mut following = tokio::task::JoinSet::new();
    following.spawn(Arc::new(other).follow(stop.clone()));
    let fines = To::Value(json!({"simple_max_yuan": 100, "max_yuan": 150}));
    one.set("fines", &wish(fines, 0), "k", &admin("root"), |_| None).await.unwrap();
    let told = followed.wait_for(|rules| rules.law.fines.max_yuan == 150);
    tokio::time::timeout(std::time::Duration::from_secs(60), told).await.expect("the other node is told").unwrap();
    stop.cancel();
    following.join_next().await.unwrap().unwrap().unwrap();
    // A node that starts later begins with it.
    let (_, later) = SettingsDesk::open(db.clone(), Clock::manual(at(0)), configured()).await.unwrap();
    assert_eq!(later.borrow().law.fines.simple_max_yuan, 100);
}
