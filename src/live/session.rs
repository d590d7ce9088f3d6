//! One session's wishes: which lots it sees and whose spaces it watches. Pure; the socket around it is the API's.

use std::collections::BTreeSet;

use geo::Coord;

use super::{
    hub::{Frame, LotFrame},
    message::{ClientMessage, ServerMessage, SpaceView},
};
use crate::domain::ids::LotId;

/// Most lots whose spaces one session may watch.
pub const MAX_WATCHED: usize = 50;

/// Why a client's message was not carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no message of the protocol.
    #[error(
        "not understood; send {{\"type\":\"watch\",\"lots\":[...]}} or {{\"type\":\"view\",\"bbox\":[west,south,east,north]}}"
    )]
    NotUnderstood,
    /// The box is not one.
    #[error("bbox must be west, south, east, north in degrees")]
    BadBox,
    /// Too many lots at once.
    #[error("at most 50 lots can be watched at once")]
    TooMany,
}

/// One session's wishes.
#[derive(Debug, Default)]
pub struct Session {
    view: Option<[f64; 4]>,
    watched: BTreeSet<LotId>,
}

impl Session {
    /// Takes a client's message; gives what it asks for, so that the caller can answer at once.
    pub fn hear(&mut self, text: &str) -> Result<ClientMessage, Fault> {
        let message: ClientMessage = serde_json::from_str(text).map_err(|_| Fault::NotUnderstood)?;
        match &message {
            ClientMessage::View { bbox } => {
                if let Some([west, south, east, north]) = bbox {
                    let sane = [west, south, east, north].iter().all(|v| v.is_finite())
                        && west <= east
                        && south <= north
                        && west.abs() <= 180.0
                        && east.abs() <= 180.0
                        && south.abs() <= 90.0
                        && north.abs() <= 90.0;
                    if !sane {
                        return Err(Fault::BadBox);
                    }
                }
                self.view = *bbox;
            }
            ClientMessage::Watch { lots } => {
                if lots.len() > MAX_WATCHED {
                    return Err(Fault::TooMany);
                }
                self.watched = lots.iter().cloned().collect();
            }
        }
        Ok(message)
    }

    /// Whether the session sees everything, so that a shared frame serves it.
    pub fn sees_all(&self) -> bool {
        self.view.is_none()
    }

    /// Whether a lot at this place is in view.
    pub fn sees(&self, at: Coord) -> bool {
        self.view
            .is_none_or(|[west, south, east, north]| (west..=east).contains(&at.x) && (south..=north).contains(&at.y))
    }

    /// The lots in view, as a message of their own; `None` if none is.
    pub fn changes<'a>(&self, cursor: &str, lots: impl Iterator<Item = &'a LotFrame>) -> Option<String> {
        let lots: Vec<_> = lots.filter(|lot| self.sees(lot.at)).map(|lot| &*lot.json).collect();
        (!lots.is_empty()).then(|| ServerMessage::Changes { cursor, lots }.to_text())
    }

    /// The moved spaces of watched lots, one message a lot.
    pub fn moved_spaces(&self, frame: &Frame) -> Vec<String> {
        let watched = frame.spaces.iter().filter(|(lot, _)| self.watched.contains(lot));
        watched
            .map(|(lot, moved)| {
                let spaces = moved.iter().map(SpaceView::from).collect();
                ServerMessage::Spaces { lot, spaces, partial: true }.to_text()
            })
            .collect()
    }

    /// The lots whose spaces it watches.
    pub fn watched(&self) -> &BTreeSet<LotId> {
        &self.watched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_limits_what_is_seen_and_null_shows_all_again() {
        let mut session = Session::default();
        assert!(session.sees_all());
        session.hear(r#"{"type":"view","bbox":[119.5,28.0,119.6,28.2]}"#).unwrap();
        assert!(session.sees(Coord { x: 119.57, y: 28.11 }));
        assert!(!session.sees(Coord { x: 120.0, y: 28.11 }));
        session.hear(r#"{"type":"view","bbox":null}"#).unwrap();
        assert!(session.sees(Coord { x: 120.0, y: 28.11 }));
    }

    #[test]
    fn nonsense_is_refused_by_name_and_changes_nothing() {
        let mut session = Session::default();
        for (text, fault) in [
            ("hello", Fault::NotUnderstood),
            (r#"{"type":"watch"}"#, Fault::NotUnderstood),
            (r#"{"type":"watch","lots":["a/b"]}"#, Fault::NotUnderstood),
            (r#"{"type":"view","bbox":[5,0,1,2]}"#, Fault::BadBox),
            (r#"{"type":"view","bbox":[1e300,0,1e301,2]}"#, Fault::BadBox),
        ] {
            assert_eq!(session.hear(text).unwrap_err(), fault, "{text}");
        }
        let many: Vec<String> = (0..51).map(|n| format!("L{n}")).collect();
        let text = serde_json::json!({"type": "watch", "lots": many}).to_string();
        assert_eq!(session.hear(&text).unwrap_err(), Fault::TooMany);
        assert!(session.sees_all() && session.watched().is_empty());
    }
}
