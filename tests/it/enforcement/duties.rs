//! Duties towards those who are looked up: the log the auditor reads, alarms, claims, decisions about many, exports that are
//! traced.

use yunpark::{
    enforcement::{NewPermit, ReviewOf},
    store::permits::PermitKind,
};

use super::*;

fn purpose() -> Purpose {
    Purpose::read(Some("resident's complaint")).unwrap()
}

#[tokio::test]
async fn odd_look_ups_raise_one_alarm_and_far_too_many_are_refused() {
    let change = |config: &mut config::Enforcement| {
        (config.lookups.alarm_per_hour, config.lookups.most_per_hour, config.lookups.people_per_plate) = (3, 5, 2);
        config.lookups.duty_hours = "Mo-Su 06:00-22:00".into();
    };
    for house in houses_with(change).await {
        let desk = &house.desk;
        let look = async |plate: &str, person: &Person| desk.plate_history(plate, &purpose(), person).await.map(|_| ());
        let alarms = async || {
            let found = desk.accesses(true, None, None, 50).await.unwrap();
            found.into_iter().map(|one| one.subject_id).collect::<Vec<_>>()
        };
        for nth in 0..5 {
            look(&format!("浙K0000{nth}"), &officer()).await.unwrap();
        }
        assert_eq!(alarms().await, ["many_in_an_hour"], "one alarm, not two");
        assert!(matches!(look("浙K00009", &officer()).await, Err(Error::Slowed { .. })));
        for name in ["wu", "zhou", "chen"] {
            look("浙K12345", &supervisor(name)).await.unwrap();
        }
        assert_eq!(alarms().await, ["one_plate_many_people", "many_in_an_hour"]);
        house.clock.advance(Duration::hours(13));
        look("浙K12345", &officer()).await.unwrap();
        assert_eq!(alarms().await[0], "off_hours", "22:30 on the city's clocks");
        // The refused one stands in the log as well, with its purpose.
        let mine = desk.accesses(false, Some("lan"), None, 50).await.unwrap();
        assert_eq!(mine.iter().filter(|one| one.kind == "plate.looked_up").count(), 7);
        assert_eq!(mine.last().unwrap().detail["purpose"], "resident's complaint");
        let (newest, older) = (desk.accesses(false, None, None, 4).await.unwrap(), mine.len());
        let next = desk.accesses(false, None, Some(newest[3].seq), 100).await.unwrap();
        assert!(next[0].seq < newest[3].seq && older > 0);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn who_has_taken_an_incident_decides_it_until_the_while_is_over() {
    for house in houses().await {
        let desk = &house.desk;
        let id = house.ripe("浙K12345").await;
        let claim = desk.claim(&id, &officer()).await.unwrap();
        assert_eq!((claim.person.as_str(), claim.until - house.clock.now()), ("lan", Duration::minutes(10)));
        let wu = supervisor("wu");
        for refused in [desk.claim(&id, &wu).await.map(|_| ()), desk.review(&id, rejection(), &wu).await.map(|_| ())] {
            assert!(matches!(refused, Err(Error::Claimed { minutes: 10 })), "{refused:?}");
        }
        assert_eq!(desk.incident(&id).await.unwrap().unwrap().claim.unwrap(), claim);
        assert!(!desk.release_claim(&id, &wu).await.unwrap() && desk.release_claim(&id, &officer()).await.unwrap());
        desk.claim(&id, &wu).await.unwrap();
        house.clock.advance(Duration::minutes(10));
        desk.review(&id, rejection(), &officer()).await.unwrap();
        assert!(desk.claim(&id, &wu).await.is_err(), "decided");
    }
}

#[tokio::test]
async fn several_are_decided_in_one_go_each_by_itself() {
    for house in houses().await {
        let ids = [house.ripe("浙K12345").await, "none".to_owned(), house.ripe("浙K54321").await];
        let reviews =
            ids.iter().map(|id| ReviewOf { incident: id.clone(), review: Decision::Warning.into() }).collect();
        let came = house.desk.review_many(reviews, &supervisor("wu")).await.unwrap();
        let numbers: Vec<Option<String>> = came.into_iter().map(|(_, came)| came.ok().flatten()).collect();
        assert_eq!(numbers, [Some("W-20260310-000001".into()), None, Some("W-20260310-000002".into())]);
        assert!(house.desk.review_many(vec![], &officer()).await.is_err());
    }
}

#[tokio::test]
async fn an_export_names_the_entry_that_says_who_took_it() {
    for house in houses().await {
        let new = NewRecord { kind: Kind::Warning, what: What { reason: "=1+1".into(), ..what("浙K12345") } };
        house.desk.record(new, "w", &officer()).await.unwrap();
        let csv = house.desk.export(None, None, None, &supervisor("wu")).await.unwrap().csv();
        let seq = ledger::head(&house.db).await.unwrap().seq;
        assert!(csv.trim_end().ends_with(&format!(",ledger-{seq}")), "{csv}");
        let entry = ledger::entries(&house.db, seq, 1).await.unwrap().remove(0);
        assert_eq!((entry.kind, entry.actor), (Step::RecordsExported, supervisor("wu").actor()));
        let book = house.desk.export(None, None, None, &supervisor("wu")).await.unwrap().workbook("records");
        assert!(book.starts_with(b"PK\x03\x04"));
    }
}

#[tokio::test]
async fn no_penalty_exists_that_no_person_decided() {
    for house in houses().await {
        for (nth, plate) in ["浙K12345", "浙K54321", "浙K11111"].iter().enumerate() {
            let id = house.ripe(plate).await;
            if nth == 0 {
                house.desk.review(&id, Decision::Penalty.into(), &supervisor("wu")).await.unwrap();
            }
        }
        // Everything the system does by itself, for a long time.
        for _ in 0..10 {
            house.clock.advance(Duration::days(30));
            house.desk.close_silent().await.unwrap();
            house.desk.run_out().await.unwrap();
            house.desk.forget_parts().await.unwrap();
        }
        let (records, _) = house.desk.records(None, None, None, None, 100).await.unwrap();
        assert_eq!(records.len(), 1, "the others wait for a person");
        let entries = ledger::entries(&house.db, 1, 500).await.unwrap();
        let of_records = entries.iter().filter(|entry| entry.subject_type == "record");
        for entry in of_records {
            assert!(matches!(entry.actor, yunpark::domain::staff::Actor::Staff { .. }), "{:?}", entry.kind);
        }
    }
}

#[tokio::test]
async fn a_vehicle_with_a_permit_may_stand_there_and_only_there_and_then() {
    for house in houses().await {
        let desk = &house.desk;
        let permit = |plate: &str, zone: Option<&str>, to: &str| NewPermit {
            kind: PermitKind::default(),
            plate: plate.into(),
            zone: zone.map(|zone| ZoneId::parse(zone).unwrap()),
            from: "2026-03-10T00:00:00Z".into(),
            to: to.into(),
            reason: "家具配送".into(),
        };
        for wrong in
            [permit("浙K-2345", None, "2026-04-01T00:00:00Z"), permit("浙K12345", None, "2026-03-10T00:00:00Z")]
        {
            assert!(desk.grant_permit(wrong, None, &supervisor("wu")).await.is_err());
        }
        let (own, _) = desk
            .grant_permit(permit("浙K12345", Some("Z1"), "2026-04-01T00:00:00Z"), None, &supervisor("wu"))
            .await
            .unwrap();
        desk.grant_permit(permit("浙K54321", Some("Z2"), "2026-04-01T00:00:00Z"), None, &supervisor("wu"))
            .await
            .unwrap();
        let state = async |plate: &str| {
            let id = house.ripe(plate).await;
            desk.incident(&id).await.unwrap().unwrap().state
        };
        assert_eq!((state("浙K12345").await, state("浙K54321").await), ("open", "ripe"));
        assert_eq!(desk.permits(Some("浙K12345"), 10).await.unwrap(), std::slice::from_ref(&own));
        assert!(desk.end_permit(&own.id, None, &supervisor("wu")).await.unwrap());
        assert!(!desk.end_permit(&own.id, None, &supervisor("wu")).await.unwrap());
        assert!(desk.permits(Some("浙K12345"), 10).await.unwrap().is_empty());
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn an_incident_remembers_what_the_lots_near_by_had_free_when_it_became_ripe() {
    for house in houses().await {
        let id = house.ripe("浙K12345").await;
        let lots = house.desk.incident(&id).await.unwrap().unwrap().lots_when_ripe.unwrap();
        assert_eq!((lots[0].id.as_str(), lots[0].free), ("L1", Some(34)));
        let text = "UPDATE incidents SET lots_when_ripe = REPLACE(lots_when_ripe, '34', '5')";
        query("incidents", text).execute(&house.db).await.unwrap();
        let record = house.desk.review(&id, Decision::Warning.into(), &officer()).await.unwrap().1.unwrap();
        let notice = house.desk.notice(&record.id, &officer()).await.unwrap().unwrap();
        assert!(notice.contains("空位 5"), "the notice tells what was kept, not what is now");
    }
}

#[tokio::test]
async fn pictures_that_came_to_nothing_are_erased_in_time_and_the_ledger_says_so() {
    for house in houses().await {
        let desk = &house.desk;
        let by_camera = |key: &str, plate: &str, seconds| {
            let source = Source::Camera(CameraId::parse("CAM-1").unwrap());
            NewCapture { source, role: None, location: None, ..capture(key, plate, seconds) }
        };
        let mut kept = Vec::new();
        for (plate, shades) in [("浙K12345", [1, 2]), ("浙K54321", [3, 4]), ("浙K11111", [5, 2])] {
            for (shade, seconds) in shades.into_iter().zip([0, 300]) {
                let new = by_camera(&format!("{plate}-{seconds}"), plate, seconds);
                kept.push(desk.receive(new, vec![picture(shade)]).await.unwrap().images[0].sha256);
            }
        }
        // One leaves in time; of the others one is recorded and one rejected. They share a picture.
        let left = desk.receive(by_camera("left", "浙K99999", 0), vec![picture(9)]).await.unwrap().images[0].sha256;
        let (ripe, _) = desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap();
        for incident in ripe {
            let review =
                if incident.plate.as_deref() == Some("浙K12345") { Decision::Warning.into() } else { rejection() };
            desk.review(&incident.id, review, &officer()).await.unwrap();
        }
        let officers = desk.receive(capture("own", "浙K77777", -2 * 86_400), vec![picture(8)]).await.unwrap();
        desk.close_silent().await.unwrap();
        assert_eq!(desk.erase_due().await.unwrap(), 0);
        house.clock.advance(Duration::days(8));
        assert_eq!((desk.erase_due().await.unwrap(), desk.erase_due().await.unwrap()), (1, 0), "the one that left");
        assert_eq!(house.evidence.get(left).await.unwrap(), None);
        assert!(desk.show_evidence(left, &officer()).await.unwrap().is_none());
        house.clock.advance(Duration::days(90));
        assert_eq!(desk.erase_due().await.unwrap(), 3, "of the rejected ones, but for the picture a record rests on");
        for digest in [kept[0], kept[1], officers.images[0].sha256] {
            assert!(house.evidence.get(digest).await.unwrap().is_some());
        }
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        // A row that claims an erasure the ledger does not tell of proves nothing.
        house.evidence.erase(kept[0]).await.unwrap();
        let text = "INSERT INTO erasures (sha256, at_us, rule, ledger_seq) VALUES ($1, 0, 'rejected', 1)";
        query("erasures", text).bind(kept[0].to_string()).execute(&house.db).await.unwrap();
        let broken = verify::verify(&house.db, Some(&house.evidence)).await.unwrap_err().to_string();
        assert!(broken.contains(&format!("{} is gone", kept[0])), "{broken}");
    }
}

/// A picture whose Exif says that it was taken at this time of Beijing's clocks, without a place.
fn dated(shade: u8, when: &str) -> Bytes {
    let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
    // One entry points to the Exif directory at 26, whose one entry points to the text at 44.
    tiff.extend([0, 1, 0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 26, 0, 0, 0, 0]);
    tiff.extend([0, 1, 0x90, 0x03, 0, 2, 0, 0, 0, 20, 0, 0, 0, 44, 0, 0, 0, 0]);
    tiff.extend(when.as_bytes());
    tiff.push(0);
    let jpeg = picture(shade);
    let mut told = vec![0xff, 0xd8, 0xff, 0xe1];
    told.extend((tiff.len() as u16 + 8).to_be_bytes());
    told.extend(b"Exif\0\0");
    told.extend(tiff);
    told.extend(&jpeg[2..]);
    told.into()
}

#[tokio::test]
async fn a_picture_that_says_it_was_taken_at_another_time_is_kept_and_doubted() {
    for house in houses().await {
        let desk = &house.desk;
        let right = desk.receive(capture("r", "浙K12345", 0), vec![dated(1, "2026:03:10 09:04:59")]).await.unwrap();
        desk.receive(capture("w", "浙K12345", 300), vec![dated(2, "2026:03:09 09:05:00")]).await.unwrap();
        let incident = desk.incident(&right.incident.unwrap()).await.unwrap().unwrap();
        let doubts: Vec<_> = incident.captures.iter().map(|capture| capture.doubts.clone()).collect();
        assert_eq!(doubts, [vec![], vec![yunpark::domain::capture::Doubt::OtherTime]]);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        query("captures", "UPDATE captures SET doubts = NULL").execute(&house.db).await.unwrap();
        assert!(verify::verify(&house.db, None).await.unwrap_err().to_string().contains("in doubts"));
    }
}
