//! What holders of documents send online, on both databases: a statement moves its case, a review becomes an appeal in its time.

use yunpark::{
    domain::course::Step as Move,
    enforcement::{Advance, petitions::NewPetition},
};

use super::*;

fn sent(number: &str, kind: &str) -> NewPetition {
    let (number, end, kind) = (number.to_owned(), "2345".to_owned(), kind.to_owned());
    NewPetition { number, end, kind, what: "当时在装卸货物".into(), contact: String::new() }
}

#[tokio::test]
async fn a_statement_moves_a_case_that_waits_for_one_and_a_review_is_filed_as_an_appeal_once() {
    for house in houses().await {
        let desk = &house.desk;
        for (name, role) in [("lan", "officer"), ("chen", "officer")] {
            let text = "INSERT INTO staff (name, role, password_hash, created_at_us) VALUES ($1, $2, 'x', 0)";
            query("staff", text).bind(name).bind(role).execute(&house.db).await.unwrap();
        }
        let new = NewRecord { kind: Kind::Penalty, what: what("浙K12345") };
        let record = desk.record(new, "p", &officer()).await.unwrap().0;
        let number = record.number.clone();
        let wrong = NewPetition { end: "9999".into(), ..sent(&number, "statement") };
        assert!(desk.petition(wrong, vec![]).await.unwrap().is_none());
        // Before the notice nothing waits for a statement: it is kept for a person to answer, and the case stands.
        let early = desk.petition(sent(&number, "statement"), vec![picture(3)]).await.unwrap().unwrap();
        assert_eq!(early.state, "received");
        let articles = "道路交通安全法 第九十三条".to_owned();
        let notice = Move::Notice { amount_yuan: 150, articles: articles.clone(), second_officer: "chen".into() };
        desk.advance(&record.id, Advance::of(notice, "告知"), None, &officer()).await.unwrap();
        desk.petition(sent(&number, "statement"), vec![]).await.unwrap().unwrap();
        let course = desk.course(&record.id).await.unwrap().unwrap();
        assert_eq!(course.steps.last().and_then(|step| step.state.as_deref()), Some("stated"));

        // Decided on the spot and served, a review may be asked for: it is an appeal, and a second one is refused.
        let new = NewRecord { kind: Kind::Penalty, what: what("浙K12345") };
        let other = desk.record(new, "p2", &officer()).await.unwrap().0;
        let decide = Move::DecideOnSpot { amount_yuan: 150, articles };
        desk.advance(&other.id, Advance::of(decide, "当场处罚"), None, &officer()).await.unwrap();
        let serve = Move::Serve { how: "direct".into() };
        desk.advance(&other.id, Advance::of(serve, "当场送达"), None, &officer()).await.unwrap();
        let review = desk.petition(sent(&other.number, "review"), vec![picture(4)]).await.unwrap().unwrap();
        assert_eq!((review.kind.as_str(), review.state.as_str()), ("review", "filed"));
        assert_eq!(desk.appeals(Some(&other.id), 10).await.unwrap().len(), 1);
        assert!(matches!(desk.petition(sent(&other.number, "review"), vec![]).await, Err(Error::Appeal(_))));

        let answered = desk.answer_petition(&early.receipt, "已核实", &supervisor("wu")).await.unwrap();
        assert_eq!(answered.told.answer.as_deref(), Some("已核实"));
        assert!(desk.answer_petition(&early.receipt, "再答", &supervisor("wu")).await.is_err());
        assert!(desk.answer_petition(&review.receipt, "不", &supervisor("wu")).await.is_err());
        let followed = desk.follow_petition(&early.receipt.to_lowercase()).await.unwrap().unwrap();
        assert_eq!((followed.state.as_str(), followed.number.as_str()), ("answered", number.as_str()));
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}
