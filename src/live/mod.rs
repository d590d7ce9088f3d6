//! Fan-out of changes to WebSocket sessions: each frame is serialised once and shared; a slow session gets the newest state.

mod hub;
mod message;
mod session;
mod words;

pub use hub::{Frame, Full, Hub, Joined, LotFrame, Seat, Tick, Told};
pub use message::{ClientMessage, ServerMessage, SpaceView};
pub use session::{Fault, MAX_WATCHED, Session};
pub use words::{Words, inflate};
