//! Links to partners: what each is told in its own codes, in order, signed, until it acknowledges it; and what it comes to ask.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::{Drawn, Error, Matters};
use crate::{
    clock::new_id,
    config::Partner,
    domain::{
        ledger::Digest,
        matter::{Matter, Source},
        time::{Instant, rfc3339},
    },
    feeds::webhooks::sign,
    store::{
        Tx,
        partners::{self, Message},
    },
};

/// Longest wait for a partner's answer, milliseconds.
const TIMEOUT_MS: u64 = 15_000;
/// Longest answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// First pause before a message is tried again, and the longest, seconds.
const PAUSES_S: (u64, u64) = (2, 900);
/// How often a partner is looked after where nobody rings.
const LOOK: Duration = Duration::from_secs(5);
/// Acknowledged messages and tries are kept this long.
const KEPT: chrono::Duration = chrono::Duration::days(90);

/// The pause after a number of tries.
fn pause(tries: u32) -> chrono::Duration {
    let (first, longest) = PAUSES_S;
    let seconds = first.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(longest);
    chrono::Duration::seconds(seconds as i64)
}

/// Whether an answer acknowledges a message: JSON that names it. A page of a proxy, or of something else that stands at the
/// address, does not.
fn acknowledges(answer: &[u8], id: &str) -> bool {
    serde_json::from_slice::<Json>(answer).is_ok_and(|answer| answer["received"].as_str() == Some(id))
}

impl Matters {
    /// Tells every partner of a matter it cares for, in the transaction of what it tells.
    pub(super) async fn tell_partners(
        &self,
        tx: &mut Tx,
        drawn: &Drawn,
        matter: &Matter,
        event: &str,
        now: Instant,
    ) -> Result<(), Error> {
        for (name, partner) in &self.config.partners {
            let Some(category) = partner.categories.get(&matter.category) else { continue };
            let id = format!("pm_{}", new_id());
            let body = told(partner, category, (&id, event), matter, drawn, now);
            partners::add(tx, name, &id, &matter.id, &body.to_string(), now).await?;
        }
        Ok(())
    }

    /// Delivers to every partner until `stop`, each for itself.
    pub async fn run_links(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let told = self.config.partners.iter().filter(|(_, partner)| !partner.url.is_empty());
        let deliver = join_all(told.map(|(name, partner)| self.deliver(name, partner)));
        tokio::select! {
            () = stop.cancelled() => {}
            _ = deliver => stop.cancelled().await,
        }
        Ok(())
    }

    async fn deliver(&self, name: &str, partner: &Partner) {
        let mut forgotten_at: Option<Instant> = None;
        loop {
            let rung = self.bell.notified();
            match partners::next(&self.db, name).await {
                Ok(Some(message)) => {
                    let wait = (message.next_at - self.clock.now()).to_std().unwrap_or_default();
                    if wait.is_zero() {
                        self.send(partner, message).await;
                    } else {
                        tokio::time::sleep(wait.min(LOOK)).await;
                    }
                }
                Ok(None) => {
                    let _ = tokio::time::timeout(LOOK, rung).await;
                }
                Err(error) => {
                    tracing::warn!(%error, partner = name, "messages to a partner cannot be read yet");
                    tokio::time::sleep(LOOK).await;
                }
            }
            let now = self.clock.now();
            if forgotten_at.is_none_or(|at| now - at > chrono::Duration::hours(1)) {
                forgotten_at = Some(now);
                if let Err(error) = partners::forget(&self.db, now - KEPT).await {
                    tracing::warn!(%error, "old messages to partners cannot be forgotten yet");
                }
            }
        }
    }

    async fn send(&self, partner: &Partner, mut message: Message) {
        let signed = sign(partner.secret.reveal(), &message.id, self.clock.now().timestamp(), &message.body);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", signed.id.as_str()),
            ("webhook-timestamp", signed.timestamp.as_str()),
            ("webhook-signature", signed.signature.as_str()),
        ];
        let answered = self.fetcher.ask(&partner.url, &headers, message.body.clone(), (TIMEOUT_MS, MAX_ANSWER)).await;
        let now = self.clock.now();
        message.tries = message.tries.saturating_add(1);
        message.reason = match answered {
            Ok((status, answer)) if (200..300).contains(&status) => {
                (!acknowledges(&answer, &message.id)).then(|| "its answer does not name the message".to_owned())
            }
            Ok((status, _)) => Some(format!("it answers with status {status}")),
            Err(ill) => Some(ill.to_string()),
        };
        let is_sent = message.reason.is_none();
        if is_sent { "sent" } else { "waiting" }.clone_into(&mut message.state);
        message.sent_at = is_sent.then_some(now);
        message.next_at = now + pause(message.tries);
        let outcome = if is_sent { "acknowledged" } else { "failed" };
        metrics::counter!("yunpark_partner_tries_total", "outcome" => outcome).increment(1);
        while let Err(error) = partners::note(&self.db, &message, &new_id(), now).await {
            // Sending the next before this is written would break the order.
            tracing::warn!(%error, "what became of a message to a partner cannot be written yet");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The partner whose token this is; every token is compared, in the same time.
    pub fn partner_of_token(&self, token: &str) -> Option<String> {
        let given = Digest::of(token.as_bytes());
        let mut found = None;
        for (name, partner) in &self.config.partners {
            let expected = Digest::of(partner.token.reveal().as_bytes());
            let is_equal: bool = given.as_bytes().ct_eq(expected.as_bytes()).into();
            if is_equal && !partner.token.is_empty() {
                found = Some(name.clone());
            }
        }
        found
    }

    /// The gateway whose token this is, and how its reports come in.
    pub fn gateway_of_token(&self, token: &str) -> Option<(String, Source)> {
        let given = Digest::of(token.as_bytes());
        let mut found = None;
        for (name, gateway) in &self.config.gateways {
            let expected = Digest::of(gateway.token.reveal().as_bytes());
            let is_equal: bool = given.as_bytes().ct_eq(expected.as_bytes()).into();
            if is_equal {
                found = Some((name.clone(), gateway.source));
            }
        }
        found
    }

    /// A partner's messages after a place in its order.
    pub async fn pulled(&self, partner: &str, after: u64, limit: u32) -> Result<Vec<Message>, Error> {
        Ok(partners::after(&self.db, partner, after, limit).await?)
    }

    /// The newest messages and tries of a partner, or of all.
    pub async fn deliveries(&self, partner: &str, limit: u32) -> Result<(Vec<Message>, Vec<partners::Try>), Error> {
        let messages = partners::newest(&self.db, partner, limit).await?;
        Ok((messages, partners::tries(&self.db, partner, limit).await?))
    }

    /// Lets a message be sent once more; `false` if there is none such that was acknowledged.
    pub async fn replay(&self, id: &str) -> Result<bool, Error> {
        let replayed = partners::replay(&self.db, id, self.clock.now()).await?;
        self.bell.notify_waiters();
        Ok(replayed)
    }
}

/// What a partner is told of a matter: no person, no contact, no text of the public.
fn told(
    partner: &Partner,
    category: &str,
    (id, event): (&str, &str),
    matter: &Matter,
    drawn: &Drawn,
    now: Instant,
) -> Json {
    let state = matter.state.as_str();
    let cell = matter.cell.as_ref().and_then(|id| drawn.city.grid_cells.get(id));
    json!({
        "id": id,
        "type": format!("matter.{event}"),
        "timestamp": rfc3339(now),
        "data": {
            "number": matter.number,
            "category": category,
            "state": partner.states.get(state).map_or(state, String::as_str),
            "level": matter.level,
            "street_class": matter.street_class,
            "cell": cell.and_then(|cell| cell.code.as_ref()),
            "location": matter.location,
            "collected_at": rfc3339(matter.collected_at),
            "due_by": matter.due.map(|due| rfc3339(due.by)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_acknowledges_by_the_messages_own_id_alone() {
        assert!(acknowledges(br#"{"received": "pm_1"}"#, "pm_1"));
        for garbage in
            [&b"<html>OK</html>"[..], b"", b"{}", br#"{"received": "pm_2"}"#, br#"{"received": true}"#, b"\xff"]
        {
            assert!(!acknowledges(garbage, "pm_1"));
        }
    }

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour_and_never_end() {
        assert_eq!([1, 2, 3, 10, 10_000].map(|tries| pause(tries).num_seconds()), [2, 4, 8, 900, 900]);
    }
}
