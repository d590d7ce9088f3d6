//! Signing in and out: wrong passwords are counted, sessions end, and the ledger says so.

use chrono::Duration;
use yunpark::{
    clock::Clock,
    config,
    domain::{ledger::Kind, staff::Role},
    staff::{Refused, StaffDesk},
    store::{Db, ledger, query, verify::verify as prove},
};

use super::at;

super::on_both! {
    an_officer_signs_in_and_out_and_the_ledger_says_so,
    a_session_ends_with_the_shift,
    wrong_passwords_make_a_name_wait_a_quarter_of_an_hour,
    tries_at_the_same_time_count_too,
    a_reset_account_gets_its_new_role_and_loses_its_sessions,
    what_is_no_account_is_refused,
    a_second_factor_is_asked_for_and_each_code_is_taken_once,
}

const PASSWORD: &str = "correct horse";

fn desk(db: &Db) -> (StaffDesk, Clock) {
    let clock = Clock::manual(at(0));
    (StaffDesk::new(db.clone(), clock.clone(), config::Session { hours: 12, max_failures: 3 }), clock)
}

async fn kinds(db: &Db) -> Vec<Kind> {
    ledger::entries(db, 1, 100).await.unwrap().iter().map(|entry| entry.kind).collect()
}

async fn an_officer_signs_in_and_out_and_the_ledger_says_so(db: &Db) {
    let (desk, _clock) = desk(db);
    desk.add("li.wei", Role::Officer, PASSWORD).await.unwrap();
    assert!(matches!(desk.sign_in("li.wei", "wrong horse").await, Err(Refused::Wrong)));
    let signed_in = desk.sign_in("li.wei", PASSWORD).await.unwrap();
    assert_eq!((signed_in.role, signed_in.expires_at), (Role::Officer, at(12 * 3600)));
    assert_eq!(signed_in.token.len(), 43);
    let session = desk.who(&signed_in.token).await.unwrap().unwrap();
    assert_eq!((session.name.as_str(), session.role, session.expires_at), ("li.wei", Role::Officer, at(12 * 3600)));
    assert_eq!(desk.who("no such token").await.unwrap(), None);

    let row = query("staff_sessions", "SELECT token_hash FROM staff_sessions").fetch_one(db).await.unwrap();
    assert_ne!(row.get::<String>("token_hash").unwrap(), signed_in.token, "only its hash is kept");
    let row = query("staff", "SELECT password_hash FROM staff").fetch_one(db).await.unwrap();
    assert!(row.get::<String>("password_hash").unwrap().starts_with("$argon2id$"));

    desk.sign_out(&signed_in.token).await.unwrap();
    desk.sign_out(&signed_in.token).await.unwrap();
    assert_eq!(desk.who(&signed_in.token).await.unwrap(), None);
    assert_eq!(kinds(db).await, [Kind::StaffAdded, Kind::SignInRefused, Kind::SignedIn, Kind::SignedOut]);
    prove(db, None).await.unwrap();
}

async fn a_session_ends_with_the_shift(db: &Db) {
    let (desk, clock) = desk(db);
    desk.add("li.wei", Role::Officer, PASSWORD).await.unwrap();
    let signed_in = desk.sign_in("li.wei", PASSWORD).await.unwrap();
    clock.advance(Duration::hours(12) - Duration::microseconds(1));
    assert!(desk.who(&signed_in.token).await.unwrap().is_some());
    clock.advance(Duration::microseconds(1));
    assert_eq!(desk.who(&signed_in.token).await.unwrap(), None);
    desk.sign_in("li.wei", PASSWORD).await.unwrap();
    let row = query("staff_sessions", "SELECT COUNT(*) AS n FROM staff_sessions").fetch_one(db).await.unwrap();
    assert_eq!(row.get::<i64>("n").unwrap(), 1, "the ended session is forgotten");
}

async fn wrong_passwords_make_a_name_wait_a_quarter_of_an_hour(db: &Db) {
    let (desk, clock) = desk(db);
    desk.add("li.wei", Role::Officer, PASSWORD).await.unwrap();
    for name in ["li.wei", "nobody"] {
        for _ in 0..3 {
            assert!(matches!(desk.sign_in(name, "wrong horse").await, Err(Refused::Wrong)));
        }
        assert!(matches!(desk.sign_in(name, PASSWORD).await, Err(Refused::Throttled)));
    }
    assert_eq!(kinds(db).await[1..], [Kind::SignInRefused; 3], "strangers' names do not fill the ledger");
    clock.advance(Duration::minutes(15));
    desk.sign_in("li.wei", PASSWORD).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(desk.sign_in("li.wei", "wrong horse").await, Err(Refused::Wrong)), "counting starts afresh");
    }
}

async fn tries_at_the_same_time_count_too(db: &Db) {
    let (desk, _clock) = desk(db);
    desk.add("li.wei", Role::Officer, PASSWORD).await.unwrap();
    let tries = (0..12).map(|n| {
        let desk = desk.clone();
        async move { desk.sign_in("li.wei", &format!("wrong horse {n}")).await }
    });
    let answers = tries.collect::<tokio::task::JoinSet<_>>().join_all().await;
    let wrong = answers.iter().filter(|answer| matches!(answer, Err(Refused::Wrong))).count();
    let throttled = answers.iter().filter(|answer| matches!(answer, Err(Refused::Throttled))).count();
    assert_eq!((wrong, throttled), (3, 9), "three guesses were checked, whatever came at once");
}

async fn a_reset_account_gets_its_new_role_and_loses_its_sessions(db: &Db) {
    let (desk, _clock) = desk(db);
    desk.add_or_reset("li.wei", Role::Officer, PASSWORD).await.unwrap();
    let before = desk.sign_in("li.wei", PASSWORD).await.unwrap();
    assert!(matches!(desk.add("li.wei", Role::Admin, PASSWORD).await, Err(Refused::Taken)));
    desk.add_or_reset("li.wei", Role::Supervisor, "another horse").await.unwrap();
    assert_eq!(desk.who(&before.token).await.unwrap(), None);
    assert!(matches!(desk.sign_in("li.wei", PASSWORD).await, Err(Refused::Wrong)));
    assert_eq!(desk.sign_in("li.wei", "another horse").await.unwrap().role, Role::Supervisor);
}

async fn what_is_no_account_is_refused(db: &Db) {
    let (desk, _clock) = desk(db);
    assert!(matches!(desk.add("li wei", Role::Officer, PASSWORD).await, Err(Refused::Name)));
    assert!(matches!(desk.add("li.wei", Role::Officer, "1234567").await, Err(Refused::Password)));
    assert!(matches!(desk.add("li.wei", Role::Officer, &"x".repeat(1025)).await, Err(Refused::Password)));
    assert!(matches!(desk.sign_in("'; DROP TABLE staff; --", PASSWORD).await, Err(Refused::Wrong)));
    desk.add("li.wei", Role::Officer, "八个字的长密码啊").await.unwrap();
    desk.sign_in("li.wei", "八个字的长密码啊").await.unwrap();
}

/// The code of a secret at an instant, computed by somebody else.
fn code(uri: &str, seconds: i64) -> String {
    let script = "import sys,hmac,base64,struct;s=sys.argv[1].split('secret=')[1].split('&')[0];\
                  h=hmac.new(base64.b32decode(s),struct.pack('>q',int(sys.argv[2])//30),'sha1').digest();o=h[19]&15;\
                  print('%06d'%((struct.unpack('>I',h[o:o+4])[0]&0x7fffffff)%1000000))";
    let output =
        std::process::Command::new("python3").args(["-c", script, uri, &seconds.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn a_second_factor_is_asked_for_and_each_code_is_taken_once(db: &Db) {
    let (desk, clock) = desk(db);
    desk.add("lan", Role::Officer, PASSWORD).await.unwrap();
    assert!(matches!(desk.set_totp("nobody", true).await, Err(Refused::Name)));
    let uri = desk.set_totp("lan", true).await.unwrap().unwrap();
    let now = clock.now().timestamp();
    let good = code(&uri, now);
    assert!(matches!(desk.sign_in("lan", PASSWORD).await, Err(Refused::Code)));
    let wrong = if good == "000000" { "000001" } else { "000000" };
    assert!(matches!(desk.sign_in_with("lan", PASSWORD, Some(wrong)).await, Err(Refused::Code)));
    assert!(matches!(desk.sign_in_with("lan", "wrong", Some(&good)).await, Err(Refused::Wrong)));
    clock.advance(Duration::minutes(16));
    let later = code(&uri, clock.now().timestamp());
    desk.sign_in_with("lan", PASSWORD, Some(&later)).await.unwrap();
    assert!(matches!(desk.sign_in_with("lan", PASSWORD, Some(&later)).await, Err(Refused::Code)), "used");
    desk.set_totp("lan", false).await.unwrap();
    desk.sign_in("lan", PASSWORD).await.unwrap();
    prove(db, None).await.unwrap();
}
