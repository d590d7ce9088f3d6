//! The book of leases, in one Redis, in a cluster, in Valkey: a lease is one node's at a time, and tokens only grow.

use std::{future::Future, time::Duration};

use yunpark::{
    availability::{Answer, Ask, Engine, Leases},
    config::{self, Config},
    domain::ids::SignId,
};

use crate::services::{self, cli};

const LENGTH: Duration = Duration::from_millis(1_500);

fn sign(id: &str) -> SignId {
    SignId::parse(id).unwrap()
}

async fn book(url: &str, prefix: &str) -> Leases {
    let availability = Config::load(None).unwrap().availability;
    let settings =
        config::Availability { redis_url: url.into(), key_prefix: prefix.to_owned(), partitions: 3, ..availability };
    Engine::redis(&settings).await.unwrap().leases().unwrap()
}

/// One node's way to speak of one sign.
struct Node<'a>(&'a Leases, &'static str);

impl Node<'_> {
    async fn asks(&self, sign: &SignId, ask: Ask) -> Answer {
        let (life, name) = (self.1.to_owned(), format!("node {}", self.1));
        let ask = Ask { life, name, length: LENGTH, stays: true, ..ask };
        self.0.tend(self.0.shard_of(sign), &ask).await.unwrap()
    }

    async fn takes(&self, sign: &SignId, heard: u64) -> Option<u64> {
        self.asks(sign, Ask { take: vec![(sign.clone(), heard)], ..Ask::default() }).await.taken[0]
    }

    async fn renews(&self, sign: &SignId, token: u64) -> bool {
        self.asks(sign, Ask { renew: vec![(sign.clone(), token)], ..Ask::default() }).await.renewed[0]
    }

    async fn gives(&self, sign: &SignId, token: u64) {
        self.asks(sign, Ask { give: vec![(sign.clone(), token)], ..Ask::default() }).await;
    }
}

/// Runs the same over one Redis, the three-master cluster and Valkey.
async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Leases) -> F) {
    let redis = services::redis();
    test(book(&format!("redis://127.0.0.1:{}", redis.port), "leases").await).await;
    let (url, prefix) = tokio::task::spawn_blocking(services::shared_cluster).await.unwrap();
    test(book(&url, &prefix).await).await;
    if let Some(valkey) = services::valkey() {
        test(book(&format!("redis://127.0.0.1:{}", valkey.port), "leases").await).await;
    }
}

async fn until_taken(node: &Node<'_>, sign: &SignId, heard: u64) -> u64 {
    for _ in 0..600 {
        if let Some(token) = node.takes(sign, heard).await {
            return token;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the lease is never to be had")
}

#[tokio::test]
async fn a_lease_is_one_nodes_until_it_gives_it_back_or_falls_silent_and_tokens_only_grow() {
    everywhere(|book| async move {
        let (a, b) = (Node(&book, "a"), Node(&book, "b"));
        // Signs of every partition.
        for sign in (0..6).map(|n| sign(&format!("G{n}"))) {
            let first = a.takes(&sign, 0).await.unwrap();
            assert_eq!(b.takes(&sign, first).await, None);
            assert_eq!(a.takes(&sign, 0).await, Some(first), "asked twice, given once");
            assert!(a.renews(&sign, first).await);
            assert!(!b.renews(&sign, first).await, "a token is no pass for another");
            b.gives(&sign, first).await;
            assert_eq!(b.takes(&sign, first).await, None, "only its holder gives it back");
            a.gives(&sign, first).await;
            let second = b.takes(&sign, first).await.expect("given back, it is to be had at once");
            assert!(second > first);
            assert!(!a.renews(&sign, first).await);
            a.gives(&sign, first).await;
            assert!(b.renews(&sign, second).await, "an old token gives nothing back");
        }
        let silent = sign("G0");
        let last = b.takes(&silent, 0).await.unwrap();
        let next = until_taken(&a, &silent, last).await;
        assert!(next > last);
        assert!(!b.renews(&silent, last).await, "whoever was silent for too long holds nothing");
    })
    .await;
}

#[tokio::test]
async fn a_token_is_higher_than_any_that_was_heard_of_elsewhere() {
    everywhere(|book| async move {
        let (a, sign) = (Node(&book, "a"), sign("G1"));
        let far = 4_000_000_000_000;
        // A book that is young has nothing to say of a sign that was driven before: it waits for who drove it.
        let first = until_taken(&a, &sign, far).await;
        assert!(first > far);
        let more = a.takes(&sign, first + 5).await.unwrap();
        assert!(more > first + 5, "its own lease, which the store knows a newer one of");
        a.gives(&sign, more).await;
        assert!(a.takes(&sign, 0).await.unwrap() > more, "the book remembers");
    })
    .await;
}

#[tokio::test]
async fn the_living_are_told_with_their_names() {
    everywhere(|book| async move {
        let (a, b, sign) = (Node(&book, "a"), Node(&book, "b"), sign("G1"));
        let names = |answer: &Answer| answer.nodes.values().cloned().collect::<Vec<_>>();
        a.asks(&sign, Ask::default()).await;
        assert_eq!(names(&b.asks(&sign, Ask::default()).await), ["node a", "node b"]);
        let gone = Ask { life: "b".to_owned(), length: LENGTH, ..Ask::default() };
        assert_eq!(names(&book.tend(book.shard_of(&sign), &gone).await.unwrap()), ["node a"]);
        b.asks(&sign, Ask::default()).await;
        for _ in 0..600 {
            if names(&a.asks(&sign, Ask::default()).await) == ["node a"] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("a node that fell silent is told as living for ever");
    })
    .await;
}

#[tokio::test]
async fn a_book_that_was_emptied_believes_who_held_and_gives_nothing_away_meanwhile() {
    let redis = services::redis();
    let book = book(&format!("redis://127.0.0.1:{}", redis.port), "leases").await;
    let (a, b) = (Node(&book, "a"), Node(&book, "b"));
    let held = sign("G1");
    let first = a.takes(&held, 0).await.unwrap();
    cli(redis.port, &["FLUSHALL"]);
    assert_eq!(b.takes(&held, first).await, None, "somebody may drive it");
    assert!(b.takes(&sign("G2"), 0).await.is_some(), "a sign that was never driven waits for nobody");
    assert!(a.renews(&held, first).await, "who held it holds it, under the same token");
    assert_eq!(b.takes(&held, first).await, None);
    // Now with nobody who comes back for it.
    cli(redis.port, &["FLUSHALL"]);
    assert!(until_taken(&b, &held, first).await > first);
    assert!(!a.renews(&held, first).await);
}
