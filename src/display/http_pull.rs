//! The driver of a sign that is a screen with a browser: it asks for its face itself, and its word that it shows it confirms it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{Error, driver::Protocol};
use crate::{
    clock::Clock,
    signboard::{Desired, ShownFaces},
};

/// Longest wait for the screen's word: it asks every second, and a new face takes it a few requests more.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// One screen's side of the conversation.
pub struct HttpPull {
    /// What the screen says it shows.
    pub shown: watch::Receiver<Arc<ShownFaces>>,
    /// What it should show by now.
    pub desired: watch::Receiver<Arc<Desired>>,
    /// The clock.
    pub clock: Clock,
    /// Longest wait for its word.
    pub patience: Duration,
}

impl Protocol for HttpPull {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let asked = self.clock.now();
        let deadline = Instant::now() + self.patience;
        loop {
            let missing: Vec<String> = {
                let shown = self.shown.borrow_and_update();
                let says_so = |panel, version| shown.get(panel).is_some_and(|s| s.version == version && s.at >= asked);
                let missing = faces.iter().filter(|(panel, wanted)| !says_so(*panel, wanted.face.version));
                missing.map(|(panel, _)| panel.to_string()).collect()
            };
            if missing.is_empty() {
                return Ok(None);
            }
            let is_overtaken =
                |panel, version| self.desired.borrow().get(panel).is_none_or(|w| w.face.version != version);
            if faces.iter().any(|(panel, wanted)| is_overtaken(panel, wanted.face.version)) {
                return Err(Error::Overtaken);
            }
            tokio::select! {
                heard = self.shown.changed() => if heard.is_err() {
                    return Err(Error::Unreachable("the sign has left the board".to_owned()));
                },
                changed = self.desired.changed() => if changed.is_err() {
                    return Err(Error::Unreachable("the sign has left the board".to_owned()));
                },
                () = tokio::time::sleep_until(deadline) => {
                    let panels = missing.join(", ");
                    return Err(Error::Unreachable(format!("the screen has not said that it shows panel {panels}")));
                }
            }
        }
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        // The screen says what it shows with every question.
        self.show(faces).await
    }
}
