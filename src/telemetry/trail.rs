//! What is followed on its way: a message of a sensor from the broker through availability and guidance to the sign's write, and a
//! request of the HTTP door. Each has an id, which stands in every line that is logged on the way.
//!
//! Of messages only a share is followed, and never more than so many a second. What moves a lot in Redis is told to all nodes with
//! the change, so that a sign of another node is followed too.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tracing::{Span, info_span};

use super::{adopt, place};
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

/// A span's place: its trace and itself, as a W3C `traceparent` tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// 32 hexadecimal digits.
    pub trace: String,
    /// 16 hexadecimal digits.
    pub span: String,
}

impl Parent {
    /// Reads a `traceparent`; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)).then_some(part)
        };
        let (version, trace, span, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let is_something = |part: &str| part.bytes().any(|byte| byte != b'0');
        // A later version may say more behind; this one may not.
        let is_whole = version != "ff" && (version != "00" || parts.next().is_none());
        let parent = || Self { trace: trace.to_owned(), span: span.to_owned() };
        (is_whole && is_something(trace) && is_something(span)).then(parent)
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace, self.span)
    }
}

/// Whether a text may be an id: 16 to 64 hexadecimal digits and hyphens, so that nobody writes a plate or a name into our log.
pub fn is_id(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// One thing that is followed; clones are the same. Its steps lie under the span it came in with, which may be over by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    id: Arc<str>,
    /// `None` where spans are not sent.
    parent: Option<Arc<Parent>>,
}

impl Trail {
    /// What came in under this id, within this span.
    pub fn of(id: &str, came_in: &Span) -> Self {
        Self { id: id.into(), parent: place(came_in).map(Arc::new) }
    }

    /// Reads what its `Display` wrote, on this node or another; `None` if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, parent) = text.split_once(' ').map_or((text, None), |(id, parent)| (id, Some(parent)));
        let parent = parent.and_then(Parent::parse).map(Arc::new);
        is_id(id).then(|| Self { id: id.into(), parent })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// It is applied to a lot.
    pub fn applying(&self, lot: &LotId) -> Span {
        self.step(info_span!(target: "yunpark::trail", parent: None, "availability.apply", request.id = %self.id, lot.id = %lot))
    }

    /// It changes what a sign is to show.
    pub fn guiding(&self, sign: &SignId) -> Span {
        self.step(info_span!(target: "yunpark::trail", parent: None, "guidance.compose", request.id = %self.id, sign.id = %sign))
    }

    /// A sign is told.
    pub fn writing(&self, sign: &SignId) -> Span {
        self.step(
            info_span!(target: "yunpark::trail", parent: None, "sign.write", request.id = %self.id, sign.id = %sign),
        )
    }

    fn step(&self, span: Span) -> Span {
        if let Some(parent) = &self.parent {
            adopt(&span, parent);
        }
        span
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        self.parent.as_ref().map_or(Ok(()), |parent| write!(f, " {parent}"))
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

    /// A message of a sensor that is followed, with the span it is taken in; `None` for most.
    pub fn message(&self) -> Option<(Trail, Span)> {
        if !self.draw() {
            return None;
        }
        let id = new_id();
        let span = info_span!(target: "yunpark::trail", parent: None, "mqtt.message", request.id = %id, messaging.system = "mqtt");
        Some((Trail::of(&id, &span), span))
    }

    /// What is followed is about to move a lot. Said again, it changes nothing.
    pub fn moves(&self, lot: &LotId, trail: &Trail) {
        let Some(mut leads) = self.leads() else { return };
        if leads.lots.get(lot).is_some_and(|(known, ..)| known.id == trail.id) {
            return;
        }
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
    fn what_is_told_to_another_node_is_read_there() {
        let parent = Parent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        for parent in [None, Some(Arc::new(parent))] {
            let trail = Trail { id: new_id().into(), parent };
            assert_eq!(Trail::parse(&trail.to_string()), Some(trail));
        }
        for text in ["", "K12345", "浙K12345 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            assert_eq!(Trail::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_parent_is_read_where_it_is_one() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Parent::parse(text).unwrap().to_string(), text);
        for other in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
        ] {
            assert_eq!(Parent::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_moved_a_lot_leads_once_to_each_sign_and_once_to_its_write() {
        let trails = trails(1.0, 100);
        let (lot, other) = (LotId::parse("L1").unwrap(), LotId::parse("L2").unwrap());
        let (sign, beside) = (SignId::parse("A").unwrap(), SignId::parse("B").unwrap());
        let (trail, _) = trails.message().unwrap();
        trails.moves(&lot, &trail);
        assert!(trails.changes(&sign, [&other]).is_none());
        assert_eq!(trails.changes(&sign, [&other, &lot]).unwrap().id(), trail.id());
        assert!(trails.changes(&sign, [&lot]).is_none(), "a later change has another cause");
        trails.moves(&lot, &Trail::parse(&trail.to_string()).unwrap());
        assert!(trails.changes(&sign, [&lot]).is_none(), "told again, as by another node, it is the same");
        assert_eq!(trails.changes(&beside, [&lot]).unwrap().id(), trail.id());
        assert_eq!(trails.takes(&sign).unwrap().id(), trail.id());
        assert!(trails.takes(&sign).is_none());
        trails.rests(&lot, &trail);
        assert!(trails.changes(&SignId::parse("C").unwrap(), [&lot]).is_none());
    }
}
