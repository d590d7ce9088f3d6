//! What the nodes that share the signs tell each other of them, through the store: each writes of its own signs under the tokens
//! of its leases, and reads of the others'.
//!
//! The store refuses what is said under an older token than it knows, so that a node that was stopped for long and wakes up
//! records no face that another has replaced; such a node learns of it here, and drops the sign.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::tenure::Tenancy;
use crate::{
    clock::Clock,
    domain::{
        ids::{PanelId, SignId},
        time,
    },
    signboard::{KeptSign, Shown, SignBoard},
    store::{
        self, Db,
        sign_states::{self, Kept, Mark},
    },
};

/// How often a node writes and reads.
const EVERY: Duration = Duration::from_secs(1);
/// What only moves by being looked at again is written this often.
const AFRESH: Duration = Duration::from_secs(5);
/// Signs written in one transaction.
const WRITTEN: usize = 100;
/// What screens said is read so far back, seconds: further than any node's clock is off, and than a driver waits for it.
const WORDS_S: i64 = 30;
/// Retired signs are forgotten this often, in rounds.
const FORGET_EVERY: u32 = 3_600;

/// What was last written of a sign.
struct Written {
    token: u64,
    gist: KeptSign,
    at: Instant,
}

/// Writes of this node's signs and reads of the others'.
pub struct Record {
    db: Db,
    clock: Clock,
    board: Arc<SignBoard>,
    /// What this node drives; `None` where it only reads.
    tenancy: Option<Arc<Tenancy>>,
    node: String,
    written: BTreeMap<SignId, Written>,
    known: BTreeMap<SignId, Mark>,
    words: BTreeMap<(SignId, PanelId), (u64, time::Instant)>,
}

impl Record {
    /// A record of a node that people call `node`.
    pub fn new(db: Db, clock: Clock, board: Arc<SignBoard>, tenancy: Option<Arc<Tenancy>>, node: String) -> Self {
        let (written, known, words) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { db, clock, board, tenancy, node, written, known, words }
    }

    /// Writes and reads until `stop`. While the store does not answer, signs are driven all the same.
    ///
    /// # Errors
    /// None.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let (mut is_silent, mut round) = (false, 0_u32);
        loop {
            match self.step(round).await {
                Ok(()) => is_silent = false,
                Err(error) if !is_silent => {
                    tracing::warn!(error = %error, "what signs show cannot be told to the other nodes, nor heard of them");
                    is_silent = true;
                }
                Err(_) => {}
            }
            round = (round + 1) % FORGET_EVERY;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn step(&mut self, round: u32) -> Result<(), store::Error> {
        self.write().await?;
        self.read().await?;
        self.exchange_words().await?;
        if round == FORGET_EVERY - 1 {
            let mut tx = self.db.begin_write().await?;
            sign_states::forget_retired(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Writes of the signs this node drives what moved, and all of it now and then.
    async fn write(&mut self) -> Result<(), store::Error> {
        let Some(tenancy) = self.tenancy.clone() else { return Ok(()) };
        let held = tenancy.held();
        self.written.retain(|sign, written| held.get(sign) == Some(&written.token));
        let (now, kept_at) = (Instant::now(), self.clock.now());
        let mut news = Vec::new();
        for (sign, token) in held {
            let told = KeptSign::of(&self.board.status(&sign));
            let gist = told.gist();
            let is_known = |written: &Written| written.gist == gist && now - written.at < AFRESH;
            if self.written.get(&sign).is_some_and(is_known) {
                continue;
            }
            let doc = match serde_json::to_string(&told) {
                Ok(doc) => doc,
                Err(error) => {
                    tracing::error!(sign.id = %sign, error = %error, "what is known of the sign cannot be written");
                    continue;
                }
            };
            let kept = Kept { sign, token, node: self.node.clone(), doc, kept_at };
            news.push((kept, Written { token, gist, at: now }));
        }
        let mut news = news.into_iter().peekable();
        while news.peek().is_some() {
            let mut outcomes = Vec::new();
            let mut tx = self.db.begin_write().await?;
            for (kept, written) in news.by_ref().take(WRITTEN) {
                outcomes.push((sign_states::keep(&mut tx, &kept).await?, kept.sign, written));
            }
            tx.commit().await?;
            for (is_kept, sign, written) in outcomes {
                if is_kept {
                    self.written.insert(sign, written);
                } else {
                    metrics::counter!("yunpark_sign_states_refused_total").increment(1);
                    tracing::warn!(sign.id = %sign, lease.token = written.token, "the store knows a newer lease of the sign");
                    tenancy.superseded(&sign, written.token);
                }
            }
        }
        Ok(())
    }

    /// Reads of the signs other nodes drive what moved.
    async fn read(&mut self) -> Result<(), store::Error> {
        let marks = sign_states::marks(&self.db).await?;
        let held: BTreeSet<SignId> =
            self.tenancy.as_ref().map(|tenancy| tenancy.held().into_keys().collect()).unwrap_or_default();
        if let Some(tenancy) = &self.tenancy {
            tenancy.hear(marks.iter().map(|(sign, mark)| (sign.clone(), mark.token)).collect());
        }
        // What this node drove last is read once it is another's, or its own again from before.
        self.known.retain(|sign, _| !held.contains(sign));
        let is_news = |(sign, mark): &(&SignId, &Mark)| !held.contains(*sign) && self.known.get(*sign) != Some(mark);
        let news: Vec<SignId> = marks.iter().filter(is_news).map(|(sign, _)| sign.clone()).collect();
        for some in news.chunks(sign_states::PAGE) {
            for kept in sign_states::of(&self.db, some).await? {
                match serde_json::from_str::<KeptSign>(&kept.doc) {
                    Ok(told) => self.board.mirror(&kept.sign, told.status()),
                    // Written by another release: the next word of its node is read again.
                    Err(error) => {
                        tracing::debug!(sign.id = %kept.sign, error = %error, "another node's word cannot be read");
                    }
                }
                if let Some(mark) = marks.get(&kept.sign) {
                    self.known.insert(kept.sign, *mark);
                }
            }
        }
        Ok(())
    }

    /// Hands on what screens said here of others' signs, and hears what they said elsewhere of this node's.
    async fn exchange_words(&mut self) -> Result<(), store::Error> {
        let said = self.board.take_said();
        let now = self.clock.now();
        if !said.is_empty() {
            let mut tx = self.db.begin_write().await?;
            for ((sign, panel), shown) in &said {
                sign_states::keep_word(&mut tx, (sign, panel), shown.version, shown.at).await?;
            }
            tx.commit().await?;
        }
        let Some(tenancy) = &self.tenancy else { return Ok(()) };
        let words = sign_states::words(&self.db, now - chrono::Duration::seconds(WORDS_S)).await?;
        let held = tenancy.held();
        let mut heard = BTreeMap::new();
        for (sign, panel, version, said_at) in words {
            let key = (sign, panel);
            let is_new = self.words.get(&key) != Some(&(version, said_at));
            if is_new && held.contains_key(&key.0) {
                // By this node's clock: the other's may be off.
                self.board.hear_shown(&key.0, &key.1, Shown { version, at: now });
            }
            heard.insert(key, (version, said_at));
        }
        self.words = heard;
        Ok(())
    }
}
