//! `WS /api/v1/live`: the socket around a session; `events` tells the same where no socket can be held, and `pump` turns the
//! board's changes into the frames it tells.

pub(super) mod events;
mod pump;
mod socket;

use std::{collections::BTreeSet, future, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    response::{Response, sse::Event},
};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};

use self::socket::{GOING_AWAY, Heard, Socket};
use super::{Problem, Shared, json::Params};
use crate::{
    availability::Follow,
    domain::{availability::Cursor, ids::LotId},
    live::{ClientMessage, Frame, Seat, ServerMessage, Session, SpaceView, Words},
};

pub use pump::pump;

/// A silent connection is told this often that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A client that takes nothing for this long is let go.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// Steps of the stream that a resuming client is caught up over; further behind, a snapshot is shorter.
const MAX_STEPS: usize = 20;

/// Where a client left off.
#[derive(Debug, Deserialize)]
pub struct Resume {
    cursor: Option<String>,
}

/// Opens a live session.
pub async fn open(
    State(services): State<Shared>,
    Params(resume): Params<Resume>,
    request: Request,
) -> Result<Response, Problem> {
    let (answer, coming) = socket::accept(request)?;
    let seat = services.hub.seat().map_err(|full| Problem::unavailable(full.to_string()))?;
    let sessions = services.hub.sessions.clone();
    sessions.spawn(async move {
        if let Some(socket) = coming.socket().await {
            serve(services, socket, resume, seat).await;
        }
    });
    Ok(answer)
}

async fn serve(services: Shared, socket: Socket, resume: Resume, _seat: Seat) {
    let talk = Talk::new(services, Out::Socket(socket));
    let frames = talk.services.hub.join().frames;
    converse(talk, frames, resume).await;
}

/// Tells a client what changes until it is gone, and answers what it asks.
async fn converse(mut talk: Talk, mut frames: broadcast::Receiver<Arc<Frame>>, resume: Resume) {
    // What is seldom done is boxed: ten thousand sessions at rest need no room for it.
    if Box::pin(talk.start(resume)).await.is_none() {
        return;
    }
    // Neither is made anew for each message: both live in lists that all sessions share.
    let beat = tokio::time::sleep(HEARTBEAT);
    let stopped = talk.services.stop.clone().cancelled_owned();
    tokio::pin!(beat, stopped);
    let mut heard_at = tokio::time::Instant::now();
    loop {
        let said = tokio::select! {
            frame = frames.recv() => match frame {
                Ok(frame) => talk.tell(&frame).await,
                Err(RecvError::Lagged(missed)) => {
                    metrics::counter!("yunpark_live_frames_skipped_total").increment(missed);
                    Box::pin(talk.catch_up()).await
                }
                Err(RecvError::Closed) => None,
            },
            heard = talk.out.hear() => match heard {
                Heard::Text(text) => Box::pin(talk.answer(&text)).await,
                Heard::Binary => talk.complain("send text, not binary").await,
                Heard::Ping(payload) => talk.out.pong(payload).await,
                Heard::Pong => Some(Said::Nothing),
                Heard::End(code) => {
                    if let Some(code) = code {
                        talk.out.close(code).await;
                    }
                    None
                }
            },
            () = &mut beat => {
                let is_due = heard_at.elapsed() >= HEARTBEAT;
                beat.as_mut().reset(if is_due { tokio::time::Instant::now() } else { heard_at } + HEARTBEAT);
                if is_due {
                    let beat = ServerMessage::Heartbeat { cursor: &talk.cursor.0 }.to_text();
                    talk.say(&Words::plain(beat)).await
                } else {
                    Some(Said::Nothing)
                }
            }
            () = &mut stopped => {
                talk.out.close(GOING_AWAY).await;
                None
            }
        };
        match said {
            Some(Said::Something) => heard_at = tokio::time::Instant::now(),
            Some(Said::Nothing) => {}
            None => return,
        }
    }
}

/// The lots that changed after the client's cursor; `None` if a snapshot says it sooner.
async fn since(services: &Shared, resume: Resume) -> Option<BTreeSet<LotId>> {
    let mut at = Cursor(resume.cursor?);
    let mut changed = BTreeSet::new();
    for _ in 0..MAX_STEPS {
        match services.engine.changes(&at, Duration::ZERO).await {
            Ok(Follow::Changes { changes, .. }) if changes.is_empty() => return Some(changed),
            Ok(Follow::Changes { cursor, changes }) => {
                changed.extend(changes.into_iter().map(|change| change.availability.lot));
                at = cursor;
            }
            Ok(Follow::TooOld) | Err(_) => return None,
        }
    }
    None
}

/// Whether the client heard anything, so that it knows the connection lives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Something,
    Nothing,
}

/// Where a session's messages go.
enum Out {
    Socket(Socket),
    Events(mpsc::Sender<Event>),
}

impl Out {
    /// What the client says next; who listens to events says nothing.
    async fn hear(&mut self) -> Heard {
        match self {
            Self::Socket(socket) => socket.hear().await,
            Self::Events(_) => future::pending().await,
        }
    }

    async fn pong(&mut self, payload: Bytes) -> Option<Said> {
        let Self::Socket(socket) = self else { return Some(Said::Nothing) };
        within(socket.pong(payload)).await.map(|()| Said::Nothing)
    }

    /// Says that this is the end; whether the client still listens is its affair.
    async fn close(&mut self, code: u16) {
        if let Self::Socket(socket) = self {
            within(socket.close(code)).await;
        }
    }
}

/// Sends, unless the client is gone or takes nothing.
async fn within<E>(sending: impl Future<Output = Result<(), E>>) -> Option<()> {
    tokio::time::timeout(SEND_LIMIT, sending).await.ok()?.ok()
}

/// One session on its socket. Whatever sends gives `None` when the client is gone or takes nothing.
struct Talk {
    services: Shared,
    out: Out,
    session: Session,
    /// The last frame whose lots the client knows; older ones are not told again.
    told: u64,
    cursor: Cursor,
}

impl Talk {
    fn new(services: Shared, out: Out) -> Self {
        Self { services, out, session: Session::default(), told: 0, cursor: Cursor::default() }
    }

    async fn say(&mut self, words: &Words) -> Option<Said> {
        match &mut self.out {
            Out::Socket(socket) => within(socket.say(words)).await?,
            Out::Events(events) => {
                let event = Event::default().id(&self.cursor.0).data(words.text());
                within(events.send(event)).await?;
            }
        }
        Some(Said::Something)
    }

    /// Says that something could not be carried out.
    async fn complain(&mut self, detail: &str) -> Option<Said> {
        self.say(&Words::plain(ServerMessage::Error { detail }.to_text())).await
    }

    /// The first message: what changed since the client's cursor, or everything.
    async fn start(&mut self, resume: Resume) -> Option<Said> {
        let Some(changed) = since(&self.services, resume).await else { return self.snapshot().await };
        let present = self.services.hub.present(|lot| lot.by_clock || changed.contains(&lot.id));
        let lots = present.what.iter().map(|lot| &*lot.json).collect();
        let text = ServerMessage::Changes { cursor: &present.cursor.0, lots }.to_text();
        (self.told, self.cursor) = (present.number, present.cursor);
        self.say(&Words::new(text)).await
    }

    /// Everything in view.
    async fn snapshot(&mut self) -> Option<Said> {
        let session = &self.session;
        let (number, cursor, words) = if session.sees_all() {
            let told = self.services.hub.snapshot();
            (told.number, told.cursor, told.what)
        } else {
            let told = self.services.hub.present(|lot| session.sees(lot.at));
            let lots = told.what.iter().map(|lot| &*lot.json).collect();
            let text = ServerMessage::Snapshot { cursor: &told.cursor.0, lots }.to_text();
            (told.number, told.cursor, Arc::new(Words::new(text)))
        };
        (self.told, self.cursor) = (number, cursor);
        self.say(&words).await
    }

    /// Tells one frame, shared or cut to the session's view.
    async fn tell(&mut self, frame: &Frame) -> Option<Said> {
        if frame.renew && frame.number > self.told {
            return Box::pin(self.catch_up()).await;
        }
        let mut said = Said::Nothing;
        if frame.number > self.told {
            (self.told, self.cursor) = (frame.number, frame.cursor.clone());
            let own;
            let words = if self.session.sees_all() {
                frame.words.as_ref()
            } else {
                own = self.session.changes(&frame.cursor.0, frame.lots.iter()).map(Words::plain);
                own.as_ref()
            };
            if let Some(words) = words {
                said = self.say(words).await?;
            }
        }
        if frame.spaces_lost {
            return Box::pin(self.all_spaces(said)).await;
        }
        for text in self.session.moved_spaces(frame) {
            said = self.say(&Words::plain(text)).await?;
        }
        Some(said)
    }

    /// The newest state for a session that fell behind.
    async fn catch_up(&mut self) -> Option<Said> {
        let said = self.snapshot().await?;
        self.all_spaces(said).await
    }

    /// All spaces of the lots the session watches.
    async fn all_spaces(&mut self, mut said: Said) -> Option<Said> {
        for lot in self.session.watched().clone() {
            let text = match self.services.engine.spaces(&lot).await {
                Ok(Some(spaces)) => {
                    let spaces = spaces.iter().map(SpaceView::from).collect();
                    ServerMessage::Spaces { lot: &lot, spaces, partial: false }.to_text()
                }
                Ok(None) => ServerMessage::Error { detail: "no such lot" }.to_text(),
                Err(_) => ServerMessage::Error { detail: "spaces are not available at the moment" }.to_text(),
            };
            said = self.say(&Words::new(text)).await?;
        }
        Some(said)
    }

    /// Carries out what the client asks.
    async fn answer(&mut self, text: &str) -> Option<Said> {
        match self.session.hear(text) {
            Ok(ClientMessage::View { .. }) => self.snapshot().await,
            Ok(ClientMessage::Watch { .. }) => self.all_spaces(Said::Nothing).await,
            Err(fault) => self.complain(&fault.to_string()).await,
        }
    }
}
