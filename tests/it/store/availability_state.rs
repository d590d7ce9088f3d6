//! What the engine knows of each lot, in the store: newer replaces older, never the reverse.

use yunpark::{
    domain::{ids::LotId, time::Instant},
    store::{
        Db,
        availability_state::{Kept, forget_retired, index, keep, page},
        query,
    },
};

use super::{at, on_both};

on_both! {
    a_memory_replaces_only_an_older_one_of_its_lot,
    memories_are_read_in_pages,
    the_memory_of_a_retired_lot_is_dropped,
}

fn kept(lot: &str, doc: &str, version: u64, saved_at: Instant) -> Kept {
    Kept { lot: LotId::parse(lot).unwrap(), doc: doc.to_owned(), version, saved_at }
}

async fn written(db: &Db, memories: &[Kept]) -> u64 {
    let mut tx = db.begin_write().await.unwrap();
    let written = keep(&mut tx, memories).await.unwrap();
    tx.commit().await.unwrap();
    written
}

async fn a_memory_replaces_only_an_older_one_of_its_lot(db: &Db) {
    let doc = async || page(db, None).await.unwrap()[0].doc.clone();
    assert_eq!(written(db, &[kept("L1", "first", 5, at(10))]).await, 1);
    assert_eq!(written(db, &[kept("L1", "older version, written later", 4, at(20))]).await, 0);
    assert_eq!(written(db, &[kept("L1", "same version, taken before", 5, at(9))]).await, 0);
    assert_eq!(doc().await, "first");
    assert_eq!(written(db, &[kept("L1", "same version, taken later", 5, at(11))]).await, 1);
    assert_eq!(doc().await, "same version, taken later");
    assert_eq!(written(db, &[kept("L1", "newer version, by a slow clock", 6, at(3))]).await, 1);
    assert_eq!(doc().await, "newer version, by a slow clock");
    assert_eq!(index(db).await.unwrap(), [(LotId::parse("L1").unwrap(), 6, at(3))]);
}

async fn memories_are_read_in_pages(db: &Db) {
    let all: Vec<Kept> = (0..450).map(|number| kept(&format!("L{number:04}"), "{}", 1, at(number))).collect();
    assert_eq!(written(db, &all).await, 450);
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let next = page(db, after.as_ref()).await.unwrap();
        let Some(last) = next.last() else { break };
        after = Some(last.lot.clone());
        read.extend(next);
    }
    assert_eq!(read, all, "each once, in order");
}

async fn the_memory_of_a_retired_lot_is_dropped(db: &Db) {
    written(db, &[kept("L1", "{}", 1, at(1)), kept("L2", "{}", 1, at(1)), kept("L3", "{}", 1, at(1))]).await;
    for (lot, retired) in [("L1", None), ("L2", Some(at(2)))] {
        let text = "INSERT INTO city_features (kind, id, doc, ordinal, revision, retired_at_us) \
                    VALUES ('lot', $1, '{}', 1, 1, $2)";
        query("city_features", text).bind(lot).bind(retired).execute(db).await.unwrap();
    }
    assert_eq!(forget_retired(db).await.unwrap(), 1);
    let lots: Vec<String> = index(db).await.unwrap().iter().map(|(lot, _, _)| lot.to_string()).collect();
    assert_eq!(lots.len(), 2, "{lots:?}");
    assert!(!lots.contains(&"L2".to_owned()), "a lot the city does not know yet stays: a node may be ahead of another");
}
