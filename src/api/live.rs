//! `WS /api/v1/live`: the socket around a session, and the pump that turns the board's changes into frames.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    response::Response,
};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use serde::Deserialize;
use tokio::{sync::broadcast::error::RecvError, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Problem, Shared, lots};
use crate::{
    availability::Follow,
    domain::{
        availability::{Availability, Cursor, Level, Quality, SpaceStatus},
        city::City,
        hours::Hours,
        ids::{LotId, SpaceId},
        time::Instant,
    },
    live::{ClientMessage, Frame, LotFrame, Seat, ServerMessage, Session, SpaceView},
};

/// A silent connection is told this often that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A client that takes nothing for this long is let go.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// Largest message a client may send, bytes.
const MAX_MESSAGE: usize = 16 * 1024;
/// Every lot is looked at this often, so that a number growing stale is told without a change.
const SWEEP: Duration = Duration::from_secs(1);

/// Where a client left off.
#[derive(Debug, Deserialize)]
pub struct Resume {
    cursor: Option<String>,
}

/// Opens a live session.
pub async fn open(
    State(services): State<Shared>,
    Query(resume): Query<Resume>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let seat = services.hub.seat().map_err(|full| Problem::unavailable(full.to_string()))?;
    let upgrade = upgrade.read_buffer_size(2048).write_buffer_size(2048).max_message_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move { serve(services, socket, resume, seat).await }))
}

/// A socket's sending half, with the time limit of one send.
struct Out(SplitSink<WebSocket, Message>);

impl Out {
    /// Sends a text frame; `None` when the client is gone or takes nothing.
    async fn text(&mut self, text: impl Into<Utf8Bytes>) -> Option<()> {
        let sent = tokio::time::timeout(SEND_LIMIT, self.0.send(Message::Text(text.into()))).await;
        matches!(sent, Ok(Ok(()))).then_some(())
    }
}

async fn serve(services: Shared, socket: WebSocket, resume: Resume, _seat: Seat) {
    let (out, mut incoming) = socket.split();
    let mut out = Out(out);
    let mut session = Session::default();
    let mut joined = services.hub.join();
    let mut cursor = joined.cursor.clone();
    if start(&services, &mut out, resume).await.is_none() {
        return;
    }
    loop {
        let sent = tokio::select! {
            frame = joined.frames.recv() => match frame {
                Ok(frame) => {
                    cursor = frame.cursor.clone();
                    tell(&services, &mut out, &session, &frame).await
                }
                Err(RecvError::Lagged(missed)) => {
                    metrics::counter!("yunpark_live_frames_skipped_total").increment(missed);
                    joined = services.hub.join();
                    cursor = joined.cursor.clone();
                    catch_up(&services, &mut out, &session).await
                }
                Err(RecvError::Closed) => None,
            },
            message = incoming.next() => match message {
                Some(Ok(Message::Text(text))) => answer(&services, &mut out, &mut session, &text).await,
                Some(Ok(Message::Binary(_))) => {
                    out.text(ServerMessage::Error { detail: "send text, not binary" }.to_text()).await
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Some(()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            },
            () = tokio::time::sleep(HEARTBEAT) => out.text(ServerMessage::Heartbeat { cursor: &cursor.0 }.to_text()).await,
            () = services.stop.cancelled() => {
                let _ = out.0.send(Message::Close(None)).await;
                None
            }
        };
        if sent.is_none() {
            return;
        }
    }
}

/// The first message: what changed since the client's cursor, or everything.
async fn start(services: &Shared, out: &mut Out, resume: Resume) -> Option<()> {
    if let Some(from) = resume.cursor.map(Cursor)
        && let Ok(Follow::Changes { changes, .. }) = services.engine.changes(&from, Duration::ZERO).await
    {
        let changed: std::collections::BTreeSet<LotId> =
            changes.into_iter().map(|change| change.availability.lot).collect();
        let (cursor, lots) = services.hub.present(|lot| changed.contains(&lot.id));
        let lots = lots.iter().map(|lot| &*lot.json).collect();
        return out.text(ServerMessage::Changes { cursor: &cursor.0, lots }.to_text()).await;
    }
    out.text(services.hub.snapshot()).await
}

/// Tells one frame, shared or cut to the session's view.
async fn tell(services: &Shared, out: &mut Out, session: &Session, frame: &Frame) -> Option<()> {
    if session.sees_all() {
        if let Some(text) = &frame.text {
            out.text(text.clone()).await?;
        }
    } else if let Some(text) = session.changes(&frame.cursor.0, frame.lots.iter()) {
        out.text(text).await?;
    }
    if frame.spaces_lost {
        return all_spaces(services, out, session).await;
    }
    for text in session.moved_spaces(frame) {
        out.text(text).await?;
    }
    Some(())
}

/// The newest state for a session that fell behind.
async fn catch_up(services: &Shared, out: &mut Out, session: &Session) -> Option<()> {
    if session.sees_all() {
        out.text(services.hub.snapshot()).await?;
    } else {
        in_view(services, out, session).await?;
    }
    all_spaces(services, out, session).await
}

/// A snapshot cut to the session's view.
async fn in_view(services: &Shared, out: &mut Out, session: &Session) -> Option<()> {
    let (cursor, lots) = services.hub.present(|lot| session.sees(lot.at));
    let lots = lots.iter().map(|lot| &*lot.json).collect();
    out.text(ServerMessage::Snapshot { cursor: &cursor.0, lots }.to_text()).await
}

/// All spaces of the lots the session watches.
async fn all_spaces(services: &Shared, out: &mut Out, session: &Session) -> Option<()> {
    for lot in session.watched() {
        let text = match services.engine.spaces(lot).await {
            Ok(Some(spaces)) => {
                let spaces = spaces.iter().map(SpaceView::from).collect();
                ServerMessage::Spaces { lot, spaces, partial: false }.to_text()
            }
            Ok(None) => ServerMessage::Error { detail: "no such lot" }.to_text(),
            Err(_) => ServerMessage::Error { detail: "spaces are not available at the moment" }.to_text(),
        };
        out.text(text).await?;
    }
    Some(())
}

/// Carries out what a client asks.
async fn answer(services: &Shared, out: &mut Out, session: &mut Session, text: &str) -> Option<()> {
    match session.hear(text) {
        Ok(ClientMessage::View { .. }) => in_view(services, out, session).await,
        Ok(ClientMessage::Watch { .. }) => all_spaces(services, out, session).await,
        Err(fault) => out.text(ServerMessage::Error { detail: &fault.to_string() }.to_text()).await,
    }
}

/// Opening hours of the lots of one city, read once.
#[derive(Default)]
struct Openings {
    city: Arc<City>,
    hours: HashMap<LotId, Option<Hours>>,
}

impl Openings {
    fn of(city: &Arc<City>) -> Self {
        let written = city.lots.values().filter_map(|lot| Some((lot.id.clone(), lot.opening_hours.as_deref()?)));
        Self { city: city.clone(), hours: written.map(|(lot, text)| (lot, Hours::parse(text).ok())).collect() }
    }

    /// A lot without hours is always open; one whose hours cannot be read counts as closed.
    fn is_open(&self, lot: &LotId, now: Instant) -> bool {
        let hours = self.hours.get(lot);
        hours.is_none_or(|hours| hours.as_ref().is_some_and(|hours| hours.is_open(self.city.time_zone, now)))
    }
}

/// What was last told of a lot; it is told again when one of these differs.
type Told = (u64, Option<Instant>, Quality, Level);

/// Turns the board's changes into frames for the hub, one each tick at most.
pub async fn pump(services: Shared, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
    let mut changes = services.board.subscribe();
    let mut ticks = tokio::time::interval(Duration::from_millis(services.config.http.live_tick_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: HashMap<LotId, Told> = HashMap::new();
    let mut openings = Openings::default();
    let mut last_sweep: Option<tokio::time::Instant> = None;
    let mut last_cursor = Cursor(String::new());
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let mut moved: BTreeMap<LotId, BTreeMap<SpaceId, SpaceStatus>> = BTreeMap::new();
        let mut spaces_lost = false;
        loop {
            use tokio::sync::broadcast::error::TryRecvError;
            match changes.try_recv() {
                Ok(batch) => {
                    spaces_lost |= batch.resynced;
                    for change in &batch.changes {
                        let spaces = moved.entry(change.availability.lot.clone()).or_default();
                        spaces.extend(change.spaces.iter().map(|space| (space.space.clone(), space.clone())));
                    }
                }
                Err(TryRecvError::Lagged(_)) => spaces_lost = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let sweep = last_sweep.is_none_or(|at| at.elapsed() >= SWEEP) || spaces_lost;
        if sweep {
            last_sweep = Some(tokio::time::Instant::now());
        }
        let state = services.board.snapshot();
        let city = services.city.borrow().clone();
        if !Arc::ptr_eq(&city, &openings.city) {
            openings = Openings::of(&city);
        }
        let now = services.clock.now();
        let mut lots = Vec::new();
        for lot in city.lots.values().filter(|lot| sweep || moved.contains_key(&lot.id)) {
            let unheard;
            let availability = if let Some(known) = state.lots.get(&lot.id) {
                known
            } else {
                unheard = Availability::unheard(lot.id.clone(), lot.capacity);
                &unheard
            };
            let view = lots::AvailabilityView::when(
                openings.is_open(&lot.id, now),
                lot,
                availability,
                now,
                &services.config.availability,
            );
            let fresh = (view.version, view.observed_at, view.quality, view.level);
            if told.insert(lot.id.clone(), fresh) != Some(fresh)
                && let Ok(json) = serde_json::value::to_raw_value(&view)
            {
                lots.push(LotFrame { id: lot.id.clone(), at: lot.location, json: Arc::from(json) });
            }
        }
        let retired: Vec<LotId> = told.keys().filter(|id| !city.lots.contains_key(*id)).cloned().collect();
        for lot in &retired {
            told.remove(lot);
        }
        let spaces: Vec<_> = moved
            .into_iter()
            .filter(|(_, spaces)| !spaces.is_empty())
            .map(|(lot, spaces)| (lot, spaces.into_values().collect()))
            .collect();
        if lots.is_empty() && spaces.is_empty() && retired.is_empty() && !spaces_lost && state.cursor == last_cursor {
            continue;
        }
        last_cursor = state.cursor.clone();
        services.hub.publish(state.cursor.clone(), lots, spaces, spaces_lost, &retired);
    }
}
