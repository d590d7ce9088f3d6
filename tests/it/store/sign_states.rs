//! What is known of signs, in the store: under the same token or a higher one it is replaced, under an older one never.

use yunpark::{
    domain::ids::{PanelId, SignId},
    store::{
        Db, query,
        sign_states::{Kept, Mark, forget_retired, keep, keep_word, marks, of, words},
    },
};

use super::{at, on_both};

on_both! {
    a_node_whose_lease_is_over_replaces_nothing,
    two_nodes_that_write_at_once_leave_the_newer_token,
    what_a_screen_said_last_is_told,
    a_retired_sign_is_forgotten,
}

fn sign(id: &str) -> SignId {
    SignId::parse(id).unwrap()
}

fn kept(id: &str, token: u64, doc: &str) -> Kept {
    Kept { sign: sign(id), token, node: "one".to_owned(), doc: doc.to_owned(), kept_at: at(1) }
}

async fn is_kept(db: &Db, state: Kept) -> bool {
    let mut tx = db.begin_write().await.unwrap();
    let is_kept = keep(&mut tx, &state).await.unwrap();
    tx.commit().await.unwrap();
    is_kept
}

async fn a_node_whose_lease_is_over_replaces_nothing(db: &Db) {
    let doc = async || of(db, &[sign("G1")]).await.unwrap()[0].doc.clone();
    assert!(is_kept(db, kept("G1", 1_770_000_000_000, "first")).await);
    assert!(is_kept(db, kept("G1", 1_770_000_000_000, "the same node again")).await);
    assert!(is_kept(db, kept("G1", 1_770_000_000_500, "its successor")).await);
    assert!(!is_kept(db, kept("G1", 1_770_000_000_000, "the first one wakes up")).await);
    assert_eq!(doc().await, "its successor");
    assert_eq!(marks(db).await.unwrap(), [(sign("G1"), Mark { token: 1_770_000_000_500, revision: 3 })].into());
    assert!(is_kept(db, kept("G2", 1, "another sign has tokens of its own")).await);
    assert_eq!(of(db, &[sign("G1"), sign("G2"), sign("G3")]).await.unwrap().len(), 2);
    assert!(of(db, &[]).await.unwrap().is_empty());
}

async fn two_nodes_that_write_at_once_leave_the_newer_token(db: &Db) {
    for round in 0..20 {
        let (old, new) = (kept("G1", 2 * round + 1, "old"), kept("G1", 2 * round + 2, "new"));
        let (_, is_new_kept) = tokio::join!(is_kept(db, old), is_kept(db, new));
        assert!(is_new_kept);
        let now = of(db, &[sign("G1")]).await.unwrap().remove(0);
        assert_eq!((now.token, now.doc.as_str()), (2 * round + 2, "new"));
    }
}

async fn what_a_screen_said_last_is_told(db: &Db) {
    let panel = PanelId::parse("P1").unwrap();
    let mut tx = db.begin_write().await.unwrap();
    for (version, second) in [(7, 10), (8, 20)] {
        keep_word(&mut tx, (&sign("H1"), &panel), version, at(second)).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(words(db, at(15)).await.unwrap(), [(sign("H1"), panel, 8, at(20))]);
    assert!(words(db, at(21)).await.unwrap().is_empty());
}

async fn a_retired_sign_is_forgotten(db: &Db) {
    for id in ["G1", "G2"] {
        assert!(is_kept(db, kept(id, 1, "{}")).await);
        let text = "INSERT INTO city_features (kind, id, doc, ordinal, revision, retired_at_us) \
                    VALUES ('sign', $1, '{}', 0, 1, $2)";
        let retired = (id == "G2").then_some(5_i64);
        query("city_features", text).bind(id).bind(retired).execute(db).await.unwrap();
    }
    let mut tx = db.begin_write().await.unwrap();
    assert_eq!(forget_retired(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(marks(db).await.unwrap().into_keys().collect::<Vec<_>>(), [sign("G1")]);
}
