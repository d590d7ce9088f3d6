//! The sign board of a node that shares the signs with others: which are its own, and what the others say of theirs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use super::{Shown, SignBoard, SignStatus, Wanted};
use crate::domain::ids::{PanelId, SignId};

/// Who drives a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// This node, which is alone.
    Alone,
    /// This node, under the lease with this token.
    Here(u64),
    /// Another node, or for the moment nobody.
    Elsewhere,
}

/// What the board knows of sharing.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// The tokens of the signs that are this node's; `None` where it is alone.
    tokens: RwLock<Option<Arc<BTreeMap<SignId, u64>>>>,
    /// What screens of other nodes' signs have said here.
    said: Mutex<BTreeMap<(SignId, PanelId), Shown>>,
}

impl Sharing {
    pub(super) fn relay(&self, sign: &SignId, panel: &PanelId, shown: Shown) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert((sign.clone(), panel.clone()), shown);
    }
}

impl SignBoard {
    /// Says which signs are this node's, with their tokens; the others are other nodes'. A node that never says so is alone.
    /// What another node wanted a sign to show is not what this one wants: of a sign that is new here nothing is desired yet.
    pub fn drive(&self, tokens: BTreeMap<SignId, u64>) {
        let mut signs = self.signs();
        let mut known = self.sharing.tokens.write().unwrap_or_else(PoisonError::into_inner);
        for (sign, token) in &tokens {
            if known.as_ref().and_then(|known| known.get(sign)) != Some(token) {
                let entry = signs.entry(sign.clone()).or_default();
                entry.desired.send_replace(Arc::default());
                entry.sent.clear();
            }
        }
        *known = Some(Arc::new(tokens));
    }

    /// Who drives a sign.
    pub fn driven(&self, sign: &SignId) -> Driven {
        match self.sharing.tokens.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            None => Driven::Alone,
            Some(tokens) => tokens.get(sign).map_or(Driven::Elsewhere, |token| Driven::Here(*token)),
        }
    }

    /// Takes what another node says of its sign; a sign of this node's own is as this node knows it.
    pub fn mirror(&self, sign: &SignId, status: SignStatus) {
        let mut signs = self.signs();
        if self.driven(sign) != Driven::Elsewhere {
            return;
        }
        let entry = signs.entry(sign.clone()).or_default();
        let wanted = status.desired.iter().map(|(panel, face)| {
            (panel.clone(), Wanted { face: face.clone(), good_until: status.good_until.get(panel).copied() })
        });
        entry.desired.send_replace(Arc::new(wanted.collect()));
        entry.confirmed = status.confirmed;
        entry.sent = status.sent;
        entry.device = status.device;
        entry.circuit = status.circuit;
        entry.health = status.health;
        entry.faults = status.faults;
        entry.basis = status.basis;
    }

    /// What screens of other nodes' signs have said here since this was last asked.
    pub fn take_said(&self) -> BTreeMap<(SignId, PanelId), Shown> {
        std::mem::take(&mut *self.sharing.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use yunpark_signs::Face;

    use super::*;
    use crate::domain::time::Instant;

    #[test]
    fn another_nodes_word_counts_for_its_own_signs_only() {
        let (board, panel) = (SignBoard::default(), PanelId::parse("P1").unwrap());
        let [own, other] = ["G1", "G2"].map(|id| SignId::parse(id).unwrap());
        assert_eq!(board.driven(&own), Driven::Alone);
        let said = |version| SignStatus {
            desired: [(panel.clone(), Arc::new(Face::blank(version)))].into(),
            ..SignStatus::default()
        };
        board.mirror(&own, said(1));
        assert!(board.status(&own).desired.is_empty(), "a node that is alone hears nobody");
        board.drive([(own.clone(), 7)].into());
        assert_eq!((board.driven(&own), board.driven(&other)), (Driven::Here(7), Driven::Elsewhere));
        board.desire(&own, &panel, Face::blank(9), None);
        for sign in [&own, &other] {
            board.mirror(sign, said(5));
        }
        let version = |sign| board.status(sign).desired.get(&panel).map(|face| face.version);
        assert_eq!((version(&own), version(&other)), (Some(9), Some(5)));

        // What the other wanted is not told under this node's lease.
        board.drive([(own.clone(), 7), (other.clone(), 8)].into());
        assert_eq!((version(&own), version(&other)), (Some(9), None));
        board.drive([(own.clone(), 10)].into());
        assert_eq!(version(&own), None, "another lease of the same sign");
    }

    #[test]
    fn what_a_screen_says_of_another_nodes_sign_is_handed_on() {
        let (board, panel) = (SignBoard::default(), PanelId::parse("P1").unwrap());
        let [own, other] = ["G1", "G2"].map(|id| SignId::parse(id).unwrap());
        board.drive([(own.clone(), 7)].into());
        let shown = Shown { version: 3, at: Instant::UNIX_EPOCH };
        board.hear_shown(&own, &panel, shown);
        board.hear_shown(&other, &panel, shown);
        assert_eq!(board.follow_shown(&own).borrow().get(&panel), Some(&shown));
        assert_eq!(board.take_said(), [((other, panel), shown)].into());
        assert!(board.take_said().is_empty());
    }
}
