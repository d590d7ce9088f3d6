//! What is followed on its way: a message of a sensor from the broker through availability and guidance to the sign's write, and a
//! request of the HTTP door. Each has an id, which stands in every line that is logged on the way.
//!
//! Of messages only a share is followed, and never more than so many a second. Within one node: what another node's sign is told
//! of a message of this one's is not followed there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tracing::{Span, info_span};

use crate::{
    clock,
    config::Telemetry,
    domain::ids::{LotId, SignId},
};

/// How long what moved a lot may be what changed a sign.
const LEADS_FOR: Duration = Duration::from_secs(30);
/// Lots, and signs, that lead somewhere at a time; beyond it nothing new is followed until some are past.
const MOST: usize = 10_000;
/// The golden ratio's part of 2^64: steps of it fall evenly over the whole.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// One thing that is followed; clones are the same. It ends when the last is dropped.
#[derive(Debug, Clone)]
pub struct Trail {
    id: Arc<str>,
    root: Span,
}

impl Trail {
    /// What came in under this id, within the span it was taken in.
    pub fn of(id: &str, root: Span) -> Self {
        Self { id: id.into(), root }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// It is applied to a lot.
    pub fn applying(&self, lot: &LotId) -> Span {
        info_span!(target: "yunpark::trail", parent: &self.root, "availability.apply", request.id = %self.id, lot.id = %lot)
    }

    /// It changes what a sign is to show.
    pub fn guiding(&self, sign: &SignId) -> Span {
        info_span!(target: "yunpark::trail", parent: &self.root, "guidance.compose", request.id = %self.id, sign.id = %sign)
    }

    /// A sign is told.
    pub fn writing(&self, sign: &SignId) -> Span {
        info_span!(target: "yunpark::trail", parent: &self.root, "sign.write", request.id = %self.id, sign.id = %sign)
    }
}

/// Where everything that is followed leads at the moment. Clones share one memory.
#[derive(Debug, Clone, Default)]
pub struct Trails(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    share: f64,
    per_s: u32,
    seen: AtomicU64,
    leads: Mutex<Leads>,
}

#[derive(Debug)]
struct Leads {
    second: Instant,
    begun: u32,
    /// What moved a lot last, since when, and the signs that were told of it.
    lots: HashMap<LotId, (Trail, Instant, BTreeSet<SignId>)>,
    /// What changed a sign's face that is still to be written.
    signs: HashMap<SignId, (Trail, Instant)>,
}

impl Trails {
    /// Follows a share of what comes.
    pub fn new(config: &Telemetry) -> Self {
        if config.sample <= 0.0 || config.max_per_s == 0 {
            return Self(None);
        }
        let leads = Leads { second: Instant::now(), begun: 0, lots: HashMap::new(), signs: HashMap::new() };
        let (share, per_s) = (config.sample, config.max_per_s);
        Self(Some(Arc::new(Inner { share, per_s, seen: AtomicU64::new(0), leads: Mutex::new(leads) })))
    }

    /// Whether the next thing is to be followed.
    pub fn draw(&self) -> bool {
        let Some(inner) = &self.0 else { return false };
        let place = inner.seen.fetch_add(STEP, Ordering::Relaxed);
        // At a share of 1 every place is below it.
        (place as f64) < inner.share * 18_446_744_073_709_551_616.0 && inner.has_room()
    }

    /// A message of a sensor that is followed; `None` for most.
    pub fn message(&self) -> Option<Trail> {
        if !self.draw() {
            return None;
        }
        let id = new_id();
        let root = info_span!(target: "yunpark::trail", parent: None, "mqtt.message", request.id = %id, messaging.system = "mqtt");
        Some(Trail::of(&id, root))
    }

    /// What is followed is about to move a lot.
    pub fn moves(&self, lot: &LotId, trail: &Trail) {
        let Some(mut leads) = self.leads() else { return };
        if leads.lots.len() >= MOST {
            leads.lots.retain(|_, (_, since, _)| since.elapsed() < LEADS_FOR);
        }
        if leads.lots.len() < MOST {
            leads.lots.insert(lot.clone(), (trail.clone(), Instant::now(), BTreeSet::new()));
        }
    }

    /// It did not move the lot.
    pub fn rests(&self, lot: &LotId, trail: &Trail) {
        let Some(mut leads) = self.leads() else { return };
        if leads.lots.get(lot).is_some_and(|(known, ..)| known.id == trail.id) {
            leads.lots.remove(lot);
        }
    }

    /// What moved one of the lots a sign tells of, once for each sign.
    pub fn changes<'a>(&self, sign: &SignId, lots: impl IntoIterator<Item = &'a LotId>) -> Option<Trail> {
        let mut leads = self.leads()?;
        let leads = &mut *leads;
        if leads.lots.is_empty() {
            return None;
        }
        leads.lots.retain(|_, (_, since, _)| since.elapsed() < LEADS_FOR);
        let mut found = None;
        for lot in lots {
            if let Some((trail, _, told)) = leads.lots.get_mut(lot)
                && told.insert(sign.clone())
            {
                found.get_or_insert(trail.clone());
            }
        }
        let trail = found?;
        leads.signs.retain(|_, (_, since)| since.elapsed() < LEADS_FOR);
        if leads.signs.len() < MOST {
            leads.signs.insert(sign.clone(), (trail.clone(), Instant::now()));
        }
        Some(trail)
    }

    /// What changed the face that a sign is told now.
    pub fn takes(&self, sign: &SignId) -> Option<Trail> {
        let (trail, since) = self.leads()?.signs.remove(sign)?;
        (since.elapsed() < LEADS_FOR).then_some(trail)
    }

    fn leads(&self) -> Option<MutexGuard<'_, Leads>> {
        self.0.as_ref().map(|inner| inner.leads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// Counts what is begun in this second; whether one more may be.
    fn has_room(&self) -> bool {
        let mut leads = self.leads.lock().unwrap_or_else(PoisonError::into_inner);
        if leads.second.elapsed() >= Duration::from_secs(1) {
            (leads.second, leads.begun) = (Instant::now(), 0);
        }
        leads.begun += 1;
        leads.begun <= self.per_s
    }
}

/// An id for what has none: 32 hexadecimal digits, as a trace has. Without randomness it is all zeros, which is nobody's.
pub fn new_id() -> String {
    hex::encode(clock::random_bytes::<16>().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trails(sample: f64, max_per_s: u32) -> Trails {
        let telemetry = crate::config::Config::load(None).unwrap().telemetry;
        Trails::new(&Telemetry { sample, max_per_s, ..telemetry })
    }

    #[test]
    fn a_share_of_what_comes_is_followed_and_no_more_than_may_be_in_a_second() {
        assert!((0..1000).all(|_| !trails(0.0, 1000).draw()));
        let all = trails(1.0, 1_000_000);
        assert!((0..10_000).all(|_| all.draw()));
        let tenth = trails(0.1, 1_000_000);
        let drawn = (0..10_000).filter(|_| tenth.draw()).count();
        assert!((990..=1010).contains(&drawn), "{drawn}");
        let few = trails(1.0, 5);
        // Whatever the second is in which this runs, it is not a thousand of them.
        assert!((0..1000).filter(|_| few.draw()).count() < 1000);
    }

    #[test]
    fn what_moved_a_lot_leads_once_to_each_sign_and_once_to_its_write() {
        let trails = trails(1.0, 100);
        let (lot, other) = (LotId::parse("L1").unwrap(), LotId::parse("L2").unwrap());
        let (sign, beside) = (SignId::parse("A").unwrap(), SignId::parse("B").unwrap());
        let trail = trails.message().unwrap();
        trails.moves(&lot, &trail);
        assert!(trails.changes(&sign, [&other]).is_none());
        assert_eq!(trails.changes(&sign, [&other, &lot]).unwrap().id(), trail.id());
        assert!(trails.changes(&sign, [&lot]).is_none(), "a later change has another cause");
        assert_eq!(trails.changes(&beside, [&lot]).unwrap().id(), trail.id());
        assert_eq!(trails.takes(&sign).unwrap().id(), trail.id());
        assert!(trails.takes(&sign).is_none());
        trails.rests(&lot, &trail);
        assert!(trails.changes(&SignId::parse("C").unwrap(), [&lot]).is_none());
    }
}
