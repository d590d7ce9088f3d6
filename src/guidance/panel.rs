//! What a panel remembers from one composition to the next, and when it may change what it shows.

use std::collections::BTreeSet;

use chrono::Duration;
use yunpark_signs::{Face, LineState, Mode, Source};

use super::hysteresis::Fullness;
use crate::domain::time::Instant;

/// What a panel remembers from one composition to the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PanelState {
    /// How full each thing its lines tell of was.
    pub(super) levels: Vec<Vec<Fullness>>,
    /// How bright it is, and in which minute that was found.
    pub(super) brightness: Option<(i64, u8)>,
    /// What it was last told to show.
    pub shown: Option<Face>,
    /// When that last changed.
    changed_at: Option<Instant>,
}

impl PanelState {
    /// Forgets what it was told: another node tells it now, or this one under another lease. How full its lots were stays, so
    /// that a sign that comes here shows what it did.
    pub fn forget(&mut self) {
        (self.shown, self.changed_at) = (None, None);
    }

    /// Takes a composed face: gives it its version if the panel is to change now. A panel keeps a face for `min_dwell`, but
    /// nothing that ceases to be true and no word of a person is held back. `lost` names the lots of which nothing may be told.
    pub fn advance(
        &mut self,
        face: Face,
        lost: &BTreeSet<String>,
        now: Instant,
        min_dwell: Duration,
        version: impl FnOnce() -> u64,
    ) -> Option<Face> {
        if let (Some(shown), Some(changed_at)) = (&self.shown, self.changed_at) {
            let rests = now >= changed_at && now - changed_at < min_dwell;
            if shown.shows_same(&face) || (rests && !is_urgent(shown, &face, lost)) {
                return None;
            }
        }
        let face = Face { version: version(), ..face };
        self.shown = Some(face.clone());
        self.changed_at = Some(now);
        Some(face)
    }
}

/// Whether what is shown ceases to be true, or a person has spoken.
fn is_urgent(shown: &Face, face: &Face, lost: &BTreeSet<String>) -> bool {
    let is_spoken = |face: &Face| face.source != Source::Guidance;
    if is_spoken(shown) || is_spoken(face) || shown.mode == Mode::Blank || face.mode == Mode::Blank {
        return true;
    }
    shown.lines.len() != face.lines.len()
        || shown.lines.iter().zip(&face.lines).any(|(old, new)| {
            let ended = matches!(new.state, LineState::NoData | LineState::Closed) && old.state != new.state;
            let rests_on_lost = old.free.is_some() && old.lots.iter().any(|lot| lost.contains(lot));
            let renamed = old.lots == new.lots && old.label != new.label;
            ended || rests_on_lost || renamed
        })
}
