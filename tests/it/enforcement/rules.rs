//! What an administrator sets holds at the desk at once, and what was decided under the rules before stays as it was decided.

use serde_json::json;
use yunpark::{
    config::Rules,
    domain::{record::Refused, staff::Actor},
    enforcement::{
        documents::{Document, Paper},
        forms,
    },
    settings::{SettingsDesk, To, Wish},
};

use super::*;

/// The same house under rules that may be set.
async fn ruled() -> Vec<(House, SettingsDesk)> {
    let mut all = Vec::new();
    for house in houses().await {
        let configured = Rules::of(house.desk.config());
        let (settings, rules) = SettingsDesk::open(house.db.clone(), house.clock.clone(), configured).await.unwrap();
        all.push((House { desk: house.desk.under(rules), ..house }, settings));
    }
    all
}

async fn set(settings: &SettingsDesk, name: &str, to: To) {
    let based_on = settings.one(name).await.unwrap().unwrap().version;
    let wish = Wish { to, based_on, reason: "试点".into() };
    let admin = Actor::Staff { name: "root".into(), role: Role::Admin };
    settings.set(name, &wish, &format!("{name}-{based_on}"), &admin, |_| None).await.unwrap();
}

#[tokio::test]
async fn a_first_offence_is_warned_from_the_moment_it_is_set_and_no_longer() {
    for (house, settings) in ruled().await {
        let review = async |plate: &str| {
            let id = house.ripe(plate).await;
            house.desk.review(&id, Decision::Penalty.into(), &officer()).await
        };
        review("浙K12345").await.unwrap();
        set(&settings, "first_offence", To::Value(json!({"policy": "warn", "within_days": 365}))).await;
        let refused = review("浙K54321").await;
        assert!(matches!(refused, Err(Error::Record(Refused::FirstOffence))), "{refused:?}");
        set(&settings, "first_offence", To::Configured).await;
        review("浙K99999").await.unwrap();
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn grace_is_added_to_what_the_zone_allows() {
    for (house, settings) in ruled().await {
        // Three hundred seconds are allowed; the two captures are that far apart.
        let state = async |plate: &str| {
            let id = house.ripe(plate).await;
            house.desk.incident(&id).await.unwrap().unwrap().state
        };
        assert_eq!(state("浙K12345").await, "ripe");
        let mut rules = settings.rules().told("dwell");
        rules["class_1_grace_s"] = json!(60);
        set(&settings, "dwell", To::Value(rules)).await;
        assert_eq!(state("浙K54321").await, "open", "a minute more is left");
        set(&settings, "dwell", To::Configured).await;
        assert_eq!(state("浙K99999").await, "ripe");
    }
}

#[tokio::test]
async fn pictures_are_kept_as_long_as_is_set() {
    for (house, settings) in ruled().await {
        // What a camera took; an officer's own pictures are kept in any case.
        let taken = NewCapture {
            source: Source::Camera(CameraId::parse("CAM-1").unwrap()),
            role: None,
            location: None,
            ..capture("left", "浙K88888", 0)
        };
        let left = house.desk.receive(taken, vec![picture(7)]).await.unwrap();
        house.clock.advance(Duration::hours(2));
        house.desk.close_silent().await.unwrap();
        house.clock.advance(Duration::days(2));
        assert_eq!(house.desk.erase_due().await.unwrap(), 0, "seven days as configured");
        let kept = json!({"left_in_time_days": 1, "rejected_days": 90, "set_aside_days": 30});
        set(&settings, "retention", To::Value(kept)).await;
        assert_eq!(house.desk.erase_due().await.unwrap(), 1);
        assert_eq!(house.evidence.get(left.images[0].sha256).await.unwrap(), None);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn a_holiday_that_is_set_moves_what_is_due_from_then_on() {
    for (house, settings) in ruled().await {
        let id = house.ripe("浙K12345").await;
        let (_, record) = house.desk.review(&id, Decision::Penalty.into(), &officer()).await.unwrap();
        let id = record.unwrap().id;
        let due = async || house.desk.course(&id).await.unwrap().unwrap().dues[0].day;
        let before = due().await;
        let mut calendar = settings.rules().told("calendar");
        let holidays = calendar["holidays"].as_array_mut().unwrap();
        holidays.push(json!(before.to_string()));
        holidays.push(json!(before.succ_opt().unwrap().to_string()));
        set(&settings, "calendar", To::Value(calendar)).await;
        assert!(due().await > before, "the term ends on the next day of work");
        set(&settings, "calendar", To::Version(1)).await;
        set(&settings, "calendar", To::Configured).await;
        assert_eq!(due().await, before);
    }
}

#[tokio::test]
async fn a_template_that_is_set_is_printed_and_an_unfit_one_says_what_the_law_wants() {
    for (house, settings) in ruled().await {
        let id = house.ripe("浙K12345").await;
        let (_, record) = house.desk.review(&id, Decision::Warning.into(), &officer()).await.unwrap();
        let id = record.unwrap().id;
        let printed = async || {
            let (paper, me) = (Paper::default(), officer());
            house.desk.document(&id, Document::Warning, paper, "http://x", &me).await.unwrap().unwrap()
        };
        let own = house.desk.forms().into_iter().find(|form| form.document == "warning").unwrap();
        assert_eq!(own.whence, forms::Whence::BuiltIn);
        let html = own.html.replace("</h1>", "</h1><p>云和县专用</p>");
        assert_eq!(forms::fault(Document::Warning, &html), None);
        let lost = forms::fault(Document::Warning, &html.replace("{{court}}", "法院")).unwrap();
        assert!(lost.contains("{{court}}"), "{lost}");
        set(&settings, "template.warning", To::Value(json!({ "html": html }))).await;
        let page = printed().await;
        assert!(page.contains("云和县专用") && page.contains("浙K12345"), "{page}");
        let form = house.desk.forms().into_iter().find(|form| form.document == "warning").unwrap();
        assert_eq!(form.whence, forms::Whence::Set);
        assert_ne!(form.sha256, own.sha256);
        set(&settings, "template.warning", To::Configured).await;
        assert!(!printed().await.contains("云和县专用"));
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}
