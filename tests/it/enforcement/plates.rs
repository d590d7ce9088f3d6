//! Finding plates on both databases: misread ones, parts of them, and what one plate has been part of.

use yunpark::{domain::plate::Match, store::plates};

use super::*;

fn purpose() -> Purpose {
    Purpose::read(Some("resident's complaint")).unwrap()
}

#[tokio::test]
async fn a_misread_plate_is_found_by_its_nearest_readings_first() {
    for house in houses().await {
        for (nth, plate) in
            ["浙K12345", "沪K12345", "浙KI2346", "浙K12845", "浙A00001", "云和012345"].iter().enumerate()
        {
            let new = capture(&nth.to_string(), plate, nth as i64);
            house.desk.receive(new, vec![picture(nth as u8)]).await.unwrap();
        }
        let search = async |asked: &str| {
            let found = house.desk.search_plates(asked, &purpose(), &officer()).await.unwrap();
            found.into_iter().map(|one| (one.plate, one.matched)).collect::<Vec<_>>()
        };
        let found = search("浙K·12345").await;
        assert_eq!(found[0], ("浙K12345".into(), Match::Exact));
        assert_eq!(found[1], ("沪K12345".into(), Match::Confusable));
        let rest: Vec<&str> = found[2..].iter().map(|(plate, _)| plate.as_str()).collect();
        assert_eq!(rest, ["浙K12845", "浙K12346"], "one character off, the one seen last first");
        for asked in ["2345", "K123?5", "?K12345", "012345"] {
            assert!(!search(asked).await.is_empty(), "{asked}");
        }
        assert_eq!(search("和0123").await, [("云和012345".into(), Match::Partial)]);
        assert!(search("浙B98765").await.is_empty());
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn plates_that_were_there_before_the_index_are_entered_with_all_they_have() {
    for house in houses().await {
        for nth in 0..3 {
            house
                .desk
                .receive(capture(&nth.to_string(), "浙K12345", nth * 60), vec![picture(nth as u8)])
                .await
                .unwrap();
        }
        // As it was before there was an index; one more came since.
        for text in ["DELETE FROM plate_keys", "DELETE FROM plates"] {
            query("plates", text).execute(&house.db).await.unwrap();
        }
        house.desk.receive(capture("3", "浙K12345", 180), vec![picture(3)]).await.unwrap();
        house.desk.receive(capture("4", "浙A00001", 180), vec![picture(4)]).await.unwrap();
        loop {
            let mut tx = house.db.begin_write().await.unwrap();
            let more = plates::catch_up(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            if !more {
                break;
            }
        }
        let found = house.desk.search_plates("浙K12345", &purpose(), &officer()).await.unwrap();
        assert_eq!((found.len(), found[0].entries), (1, 4));
        let history = house.desk.plate_history("浙K12345", &purpose(), &officer()).await.unwrap();
        assert_eq!(history.entries.iter().filter(|entry| entry.kind == "capture").count(), 4);
    }
}
