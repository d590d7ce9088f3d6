//! One partition's leases in this node's hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Holdings, Seen, Tenures};
use crate::{
    availability::{Answer, Ask},
    display::fence::Tenure,
    domain::{ids::SignId, lease::owner},
};

/// One partition's leases.
pub(super) struct Hand<'a> {
    of: &'a Tenures,
    shard: usize,
    life: String,
    held: Holdings,
    /// Leases to be given back once their drivers have ended; they are renewed until then.
    leaving: Holdings,
    /// The nodes that live, once the partition has said so.
    nodes: Option<BTreeMap<String, String>>,
}

impl<'a> Hand<'a> {
    /// An empty hand.
    pub(super) fn new(of: &'a Tenures, shard: usize, life: String) -> Self {
        Self { of, shard, life, held: Holdings::new(), leaving: Holdings::new(), nodes: None }
    }

    /// Tends the leases until `stop`, and then until none is left.
    pub(super) async fn work(mut self, stop: &CancellationToken) {
        loop {
            let (stopping, is_first) = (stop.is_cancelled(), self.nodes.is_none());
            let is_answered = self.step(stopping).await;
            if stopping && self.is_done(is_answered) {
                return;
            }
            if is_first && is_answered && !stopping {
                // Now that it is known who else lives.
                continue;
            }
            tokio::select! {
                () = self.of.tenancy.bells[self.shard].notified() => {}
                () = stop.cancelled(), if !stopping => {}
                () = tokio::time::sleep(self.of.terms.every) => {}
            }
        }
    }

    /// Whether a node that stops may go: it holds nothing, or drives nothing and cannot say so.
    fn is_done(&self, is_answered: bool) -> bool {
        let driven = &self.of.tenancy.inner().driven;
        self.leaving.is_empty() || !is_answered && !self.leaving.keys().any(|sign| driven.contains(sign))
    }

    /// Asks once for all that is to be renewed, taken and given back. Tells whether the partition answered.
    async fn step(&mut self, stopping: bool) -> bool {
        let (ask, giving) = self.ask(stopping);
        // The lease counts from before it was asked for.
        let asked_at = self.of.steady.now();
        let answer = tokio::time::timeout(self.of.terms.length / 4, self.of.book.tend(self.shard, &ask)).await;
        let fault = match answer {
            Ok(Ok(answer)) => {
                self.take_in(&ask, answer, asked_at);
                for sign in giving {
                    self.leaving.remove(&sign);
                    metrics::counter!("yunpark_sign_leases_given_back_total").increment(1);
                }
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        self.drop_ended();
        let is_answered = fault.is_none();
        self.note(fault);
        self.of.publish(self.shard, &self.held);
        is_answered
    }

    /// What is asked for, and which signs it gives back.
    fn ask(&mut self, stopping: bool) -> (Ask, Vec<SignId>) {
        let city = self.of.city.borrow().clone();
        let mine = |sign: &SignId| {
            let nodes = self.nodes.iter().flat_map(|nodes| nodes.keys().map(String::as_str));
            !stopping && owner(nodes, sign.as_str()) == Some(self.life.as_str())
        };
        let wanted: Vec<SignId> = (city.signs.keys())
            .filter(|sign| self.of.book.shard_of(sign) == self.shard && mine(sign))
            .cloned()
            .collect();
        let is_wanted = |sign: &SignId| wanted.binary_search(sign).is_ok();
        let (stays, goes): (Holdings, Holdings) =
            std::mem::take(&mut self.held).into_iter().partition(|(sign, _)| is_wanted(sign));
        self.held = stays;
        self.leaving.extend(goes);
        // Drivers are told to end before it is asked whether any is left.
        self.of.publish(self.shard, &self.held);
        let inner = self.of.tenancy.inner();
        let (driven, idle): (Vec<_>, Vec<_>) = self.leaving.iter().partition(|(sign, _)| inner.driven.contains(*sign));
        let told = |(sign, tenure): (&SignId, &Arc<Tenure>)| (sign.clone(), tenure.token());
        let heard = |sign: &SignId| match &inner.heard {
            Some(heard) => heard.get(sign).copied().unwrap_or(0),
            // Nothing is known of the sign: somebody may have driven it.
            None => 1,
        };
        let is_new = |sign: &&SignId| !self.held.contains_key(*sign) && !self.leaving.contains_key(*sign);
        let ask = Ask {
            life: self.life.clone(),
            name: self.of.name.clone(),
            stays: !stopping,
            length: self.of.terms.length,
            renew: self.held.iter().chain(driven).map(told).collect(),
            take: wanted.iter().filter(is_new).map(|sign| (sign.clone(), heard(sign))).collect(),
            give: idle.iter().copied().map(told).collect(),
        };
        let giving = idle.into_iter().map(|(sign, _)| sign.clone()).collect();
        (ask, giving)
    }

    fn take_in(&mut self, ask: &Ask, answer: Answer, asked_at: Duration) {
        let ends = self.of.terms.ends(asked_at);
        for ((sign, _), is_renewed) in ask.renew.iter().zip(answer.renewed) {
            let tenure = self.held.get(sign).or_else(|| self.leaving.get(sign));
            match tenure {
                Some(tenure) if is_renewed => tenure.extend(ends),
                Some(_) => self.lose(sign, "another node has it, or its keeper forgot it"),
                None => {}
            }
        }
        for ((sign, _), token) in ask.take.iter().zip(answer.taken) {
            let Some(token) = token else { continue };
            metrics::counter!("yunpark_sign_leases_taken_total").increment(1);
            tracing::info!(sign.id = %sign, lease.token = token, "this node drives the sign now");
            self.held.insert(sign.clone(), Arc::new(Tenure::new(token, ends, self.of.steady.clone())));
        }
        self.nodes = Some(answer.nodes);
    }

    /// What could not be renewed in time, or was found to be another's, is held no more.
    fn drop_ended(&mut self) {
        let is_over = |(_, tenure): &(&SignId, &Arc<Tenure>)| !tenure.permits(Duration::ZERO);
        let over: Vec<SignId> =
            self.held.iter().chain(&self.leaving).filter(is_over).map(|(sign, _)| sign.clone()).collect();
        for sign in over {
            self.lose(&sign, "it was not renewed in time, or the store knows a newer one");
        }
    }

    fn lose(&mut self, sign: &SignId, why: &'static str) {
        if let Some(tenure) = self.held.remove(sign).or_else(|| self.leaving.remove(sign)) {
            tenure.end();
            metrics::counter!("yunpark_sign_leases_lost_total").increment(1);
            tracing::warn!(sign.id = %sign, lease.token = tenure.token(), why, "the lease of the sign is lost");
        }
    }

    fn note(&self, fault: Option<String>) {
        let mut inner = self.of.tenancy.inner();
        let before = inner.seen.entry(self.shard).or_default();
        if let Some(fault) = fault.as_ref().filter(|_| before.fault.is_none()) {
            tracing::warn!(error = %fault, "leases of signs cannot be renewed");
        }
        *before = Seen { nodes: self.nodes.clone().unwrap_or_default(), fault };
    }
}
