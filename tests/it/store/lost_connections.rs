//! PostgreSQL behind connections that stand and never speak again, as when its machine is replaced by another.

use std::time::Duration;

use tokio::time::timeout;
use yunpark::{
    config,
    store::{Db, Error, query},
};

use crate::{
    services,
    way::{Manner, Way},
};

/// Longer than anything here may take.
const NEVER: Duration = Duration::from_secs(60);

async fn sleep(db: &Db) -> Result<(), Error> {
    query("(none)", "SELECT CAST(1 AS BIGINT) AS n FROM pg_sleep(1)").fetch_one(db).await.map(|_| ())
}

async fn sleep_in_order(db: &Db) -> Result<(), Error> {
    let mut tx = db.begin_write().await?;
    query("(none)", "SELECT CAST(1 AS BIGINT) AS n FROM pg_sleep(1)").fetch_one(&mut tx).await?;
    tx.commit().await
}

#[test]
fn a_statement_whose_answer_never_comes_ends_and_takes_no_connection_with_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let direct = services::postgres();
    let port = direct.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let way = Way::of_connections(runtime.handle(), port);
    let url = direct.replace(&format!(":{port}/"), &format!(":{}/", way.port));
    runtime.block_on(async {
        let settings = config::Store { statement_timeout_s: 3, ..config::Store::of(&url, 2) };
        let db = Db::connect(&settings).await.unwrap();
        let losing = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            way.be(Manner::Silent);
            way.forget();
            way.be(Manner::Open);
        };
        let (alone, in_order, ()) = timeout(NEVER, async { tokio::join!(sleep(&db), sleep_in_order(&db), losing) })
            .await
            .expect("nobody waits");
        for outcome in [alone, in_order] {
            let error = outcome.expect_err("its answer was lost");
            assert!(error.to_string().contains("no answer within 3 s"), "{error}");
        }
        // There are two connections at most: both must be had again.
        let again = async {
            loop {
                let both = async { tokio::try_join!(sleep(&db), sleep_in_order(&db)) };
                if both.await.is_ok() {
                    return;
                }
            }
        };
        timeout(NEVER, again).await.expect("the lost connections are given up");
    });
}
