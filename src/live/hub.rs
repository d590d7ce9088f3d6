//! The hub: the newest state of every lot as the sessions tell it, and the frames that carry what changed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use geo::Coord;
use serde_json::value::RawValue;
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use super::{message::ServerMessage, words::Words};
use crate::domain::{
    availability::{Cursor, SpaceStatus},
    ids::LotId,
};

/// Frames a session may fall behind before it is given a new snapshot instead.
const BACKLOG: usize = 16;

/// One lot as the socket tells it.
#[derive(Debug, Clone)]
pub struct LotFrame {
    /// The lot.
    pub id: LotId,
    /// Where it stands on the map.
    pub at: Coord,
    /// The availability object of the protocol, serialised.
    pub json: Arc<RawValue>,
    /// The clock alone moved it last (it grew stale, it closed): no cursor tells of that, so who resumes is told again.
    pub by_clock: bool,
}

/// What changed within one tick, serialised once for all sessions.
#[derive(Debug)]
pub struct Frame {
    /// Frames are numbered as they are published.
    pub number: u64,
    /// The engine began anew: what was told before no longer compares, and every session is given a snapshot.
    pub renew: bool,
    /// Where to resume after this frame.
    pub cursor: Cursor,
    /// The lots that changed.
    pub lots: Vec<LotFrame>,
    /// The spaces that moved, by lot.
    pub spaces: Vec<(LotId, Vec<SpaceStatus>)>,
    /// Some moves were not heard: who watches spaces must read them anew.
    pub spaces_lost: bool,
    /// The `changes` message for sessions that see all; `None` if no lot changed.
    pub words: Option<Words>,
}

/// What one tick found.
#[derive(Debug, Default)]
pub struct Tick {
    /// Where to resume after it.
    pub cursor: Cursor,
    /// The lots that changed.
    pub lots: Vec<LotFrame>,
    /// The spaces that moved, by lot.
    pub spaces: Vec<(LotId, Vec<SpaceStatus>)>,
    /// Some moves were not heard.
    pub spaces_lost: bool,
    /// The engine began anew.
    pub renew: bool,
    /// Lots that are gone.
    pub retired: Vec<LotId>,
}

struct State {
    number: u64,
    cursor: Cursor,
    lots: BTreeMap<LotId, LotFrame>,
    /// The `snapshot` message for sessions that see all, made when first asked for at this cursor.
    snapshot: Option<Arc<Words>>,
}

/// The newest state, and the frames that carry what changed.
pub struct Hub {
    state: Mutex<State>,
    frames: broadcast::Sender<Arc<Frame>>,
    seats: Arc<AtomicUsize>,
    max_seats: usize,
    /// The sessions on sockets, each a task of its own.
    pub sessions: TaskTracker,
}

/// No seat is left.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many live sessions at once")]
pub struct Full;

/// A session's right to be there; given back when dropped.
pub struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        let left = self.0.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        metrics::gauge!("yunpark_live_sessions").set(left as f64);
    }
}

/// A state of the hub as it was told to a session: frames up to `number` are in it.
#[derive(Debug)]
pub struct Told<T> {
    /// The number of the last frame in it.
    pub number: u64,
    /// Where it stands.
    pub cursor: Cursor,
    /// What is told.
    pub what: T,
}

/// A session's start: every frame after a cursor.
pub struct Joined {
    /// Where the frames begin.
    pub cursor: Cursor,
    /// The frames after it.
    pub frames: broadcast::Receiver<Arc<Frame>>,
}

impl Hub {
    /// A hub for at most `max_seats` sessions.
    pub fn new(max_seats: usize) -> Self {
        Self {
            state: Mutex::new(State {
                number: 0,
                cursor: Cursor(String::new()),
                lots: BTreeMap::new(),
                snapshot: None,
            }),
            frames: broadcast::Sender::new(BACKLOG),
            seats: Arc::default(),
            max_seats,
            sessions: TaskTracker::new(),
        }
    }

    /// Takes a seat, or says that none is left.
    pub fn seat(&self) -> Result<Seat, Full> {
        let taken = self.seats.fetch_add(1, Ordering::Relaxed) + 1;
        let seat = Seat(self.seats.clone());
        if taken > self.max_seats {
            metrics::counter!("yunpark_live_refused_total").increment(1);
            return Err(Full);
        }
        metrics::gauge!("yunpark_live_sessions").set(taken as f64);
        Ok(seat)
    }

    /// Starts following: no frame between the state told and the first frame received is missed.
    pub fn join(&self) -> Joined {
        let state = self.lock();
        Joined { cursor: state.cursor.clone(), frames: self.frames.subscribe() }
    }

    /// The `snapshot` message of the present state, shared by all who ask at this cursor.
    pub fn snapshot(&self) -> Told<Arc<Words>> {
        let mut state = self.lock();
        let what = if let Some(words) = &state.snapshot {
            words.clone()
        } else {
            let lots = state.lots.values().map(|lot| &*lot.json).collect();
            let text = ServerMessage::Snapshot { cursor: &state.cursor.0, lots }.to_text();
            state.snapshot.insert(Arc::new(Words::new(text))).clone()
        };
        Told { number: state.number, cursor: state.cursor.clone(), what }
    }

    /// The present frames of some lots.
    pub fn present(&self, wanted: impl Fn(&LotFrame) -> bool) -> Told<Vec<LotFrame>> {
        let state = self.lock();
        let what = state.lots.values().filter(|lot| wanted(lot)).cloned().collect();
        Told { number: state.number, cursor: state.cursor.clone(), what }
    }

    /// Takes in what changed within one tick and tells every session. `retired` lots are forgotten.
    pub fn publish(&self, tick: Tick) {
        let Tick { cursor, lots, spaces, spaces_lost, renew, retired } = tick;
        let words = (!lots.is_empty()).then(|| {
            let lots = lots.iter().map(|lot| &*lot.json).collect();
            Words::new(ServerMessage::Changes { cursor: &cursor.0, lots }.to_text())
        });
        let mut state = self.lock();
        for lot in &lots {
            state.lots.insert(lot.id.clone(), lot.clone());
        }
        for lot in &retired {
            state.lots.remove(lot);
        }
        state.cursor = cursor.clone();
        state.snapshot = None;
        state.number += 1;
        let number = state.number;
        // Sent under the lock, so that `join` never tells a state whose frame is still to come. No session listening is fine.
        let _ = self.frames.send(Arc::new(Frame { number, renew, cursor, lots, spaces, spaces_lost, words }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: &str, free: u32) -> LotFrame {
        LotFrame {
            id: LotId::parse(id).unwrap(),
            at: Coord { x: 119.57, y: 28.11 },
            json: RawValue::from_string(format!(r#"{{"id":"{id}","free":{free}}}"#)).unwrap().into(),
            by_clock: false,
        }
    }

    fn tick(cursor: &str, lots: Vec<LotFrame>) -> Tick {
        Tick { cursor: Cursor(cursor.to_owned()), lots, ..Tick::default() }
    }

    #[test]
    fn a_session_that_joins_misses_nothing_and_hears_nothing_twice() {
        let hub = Hub::new(10);
        hub.publish(tick("1", vec![frame("L1", 5)]));
        let mut joined = hub.join();
        assert_eq!(joined.cursor.0, "1");
        assert_eq!(hub.snapshot().what.text(), r#"{"type":"snapshot","cursor":"1","lots":[{"id":"L1","free":5}]}"#);
        assert!(joined.frames.try_recv().is_err(), "what the snapshot tells is not told again");
        hub.publish(tick("2", vec![frame("L1", 4)]));
        let frame = joined.frames.try_recv().unwrap();
        assert_eq!(
            frame.words.as_ref().unwrap().text(),
            r#"{"type":"changes","cursor":"2","lots":[{"id":"L1","free":4}]}"#
        );
    }

    #[test]
    fn a_slow_session_is_told_that_it_lags_and_the_newest_state_awaits_it() {
        let hub = Hub::new(10);
        let mut joined = hub.join();
        for n in 0..100 {
            hub.publish(tick(&n.to_string(), vec![frame("L1", n)]));
        }
        assert!(matches!(joined.frames.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
        assert!(hub.snapshot().what.text().contains(r#""free":99"#));
    }

    #[test]
    fn seats_are_bounded_and_given_back() {
        let hub = Hub::new(1);
        let seat = hub.seat().unwrap();
        assert_eq!(hub.seat().err(), Some(Full));
        drop(seat);
        assert!(hub.seat().is_ok());
    }

    #[test]
    fn a_retired_lot_is_forgotten() {
        let hub = Hub::new(1);
        hub.publish(tick("1", vec![frame("L1", 5), frame("L2", 6)]));
        hub.publish(Tick { retired: vec![LotId::parse("L1").unwrap()], ..tick("2", vec![]) });
        assert!(!hub.snapshot().what.text().contains("L1"));
    }
}
