//! The imported city and the history of its lots.

use yunpark::{
    domain::ids::LotId,
    store::{
        Db,
        city::{self, Feature, Saved},
        evidence::{self, Piece},
        history::{self, Point},
    },
};

use super::at;

super::on_both! {
    an_import_says_what_it_changed_and_retires_what_is_gone,
    history_keeps_one_point_per_lot_and_instant,
    evidence_is_noted_once,
}

fn features(docs: &[(&str, &str)]) -> Vec<Feature> {
    let feature = |(id, doc): &(&str, &str)| Feature { kind: "lot".into(), id: (*id).into(), doc: (*doc).into() };
    docs.iter().map(feature).collect()
}

async fn save(db: &Db, docs: &[(&str, &str)]) -> Saved {
    let mut tx = db.begin_write().await.unwrap();
    let saved = city::save(&mut tx, &features(docs), at(0)).await.unwrap();
    tx.commit().await.unwrap();
    saved
}

async fn load(db: &Db) -> Option<(u64, Vec<Feature>)> {
    city::load(&mut db.begin_read().await.unwrap()).await.unwrap()
}

async fn an_import_says_what_it_changed_and_retires_what_is_gone(db: &Db) {
    assert_eq!(load(db).await, None);
    let saved = save(db, &[("b", "1"), ("a", "1")]).await;
    assert_eq!(saved, Saved { revision: 1, added: 2, ..Saved::default() });
    assert_eq!(load(db).await, Some((1, features(&[("b", "1"), ("a", "1")]))), "in the file's order");

    let same = save(db, &[("b", "1"), ("a", "1")]).await;
    assert_eq!(same, Saved { revision: 1, unchanged: 2, ..Saved::default() }, "the same file is no new revision");

    let saved = save(db, &[("c", "1"), ("b", "2")]).await;
    assert_eq!(saved, Saved { revision: 2, added: 1, changed: 1, unchanged: 0, retired: 1 });
    assert_eq!(load(db).await, Some((2, features(&[("c", "1"), ("b", "2")]))));

    let back = save(db, &[("a", "1"), ("c", "1"), ("b", "2")]).await;
    assert_eq!(back, Saved { revision: 3, added: 1, changed: 0, unchanged: 2, retired: 0 });
    assert_eq!(city::revision(db).await.unwrap(), Some(3));
    assert_eq!(load(db).await, Some((3, features(&[("a", "1"), ("c", "1"), ("b", "2")]))));
}

fn point(lot: &str, second: i64, free: u32) -> Point {
    let lot = LotId::parse(lot).unwrap();
    Point { lot, at: at(second), free, occupied: 10 - free, unknown: 0, out_of_service: 0, capacity: 10 }
}

async fn history_keeps_one_point_per_lot_and_instant(db: &Db) {
    let mut tx = db.begin_write().await.unwrap();
    let points = [point("L1", 0, 5), point("L1", 60, 4), point("L2", 60, 9), point("L1", 120, 3), point("L1", 60, 7)];
    history::append(&mut tx, &points).await.unwrap();
    tx.commit().await.unwrap();
    let lot = LotId::parse("L1").unwrap();
    let range = |from, to, limit| history::range(db, &lot, at(from), at(to), limit);
    let all = [point("L1", 0, 5), point("L1", 60, 7), point("L1", 120, 3)];
    assert_eq!(range(0, 121, 10).await.unwrap(), all);
    assert_eq!(range(0, 120, 10).await.unwrap(), all[..2], "the end is not in it");
    assert_eq!(range(0, 121, 2).await.unwrap(), all[1..], "the newest");

    let mut tx = db.begin_write().await.unwrap();
    let minutes = history::Table::Minutes.aged();
    let forgotten = history::forget(&mut tx, minutes, at(61), chrono::Duration::seconds(30)).await.unwrap();
    assert_eq!(forgotten, (1, true), "a bounded stretch at once");
    let forgotten = history::forget(&mut tx, minutes, at(61), chrono::Duration::hours(1)).await.unwrap();
    assert_eq!(forgotten, (2, false));
    tx.commit().await.unwrap();
    assert_eq!(range(0, 121, 10).await.unwrap(), all[2..]);
}

async fn evidence_is_noted_once(db: &Db) {
    let sha256 = yunpark::domain::ledger::Digest::of(b"picture");
    let piece = Piece {
        sha256,
        bytes: 7,
        width_px: 1920,
        height_px: 1080,
        media_type: "image/jpeg".to_owned(),
        taken_at: Some(at(0)),
    };
    assert_eq!(evidence::find(db, sha256).await.unwrap(), None);
    for taken_at in [Some(at(0)), None] {
        let mut tx = db.begin_write().await.unwrap();
        evidence::note(&mut tx, &Piece { taken_at, ..piece.clone() }, at(1)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(evidence::find(db, sha256).await.unwrap(), Some(piece));
}
