//! What a node that drives a sign knows of it, as it is kept for the nodes that do not.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use yunpark_signs::{Face, ntcip::oid};

use super::{Basis, Circuit, Confirmed, Device, Health, Sent, SignStatus};
use crate::domain::{ids::PanelId, time::Instant};

/// One sign as its node knows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptSign {
    panels: BTreeMap<PanelId, KeptPanel>,
    device: Option<Device>,
    circuit: Circuit,
    health: Option<Health>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct KeptPanel {
    desired: Option<Face>,
    good_until: Option<Instant>,
    confirmed: Option<Seen>,
    sent: Option<(Face, Instant)>,
    fault: Option<String>,
    basis: Vec<Basis>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    face: Face,
    since: Instant,
    at: Instant,
}

impl KeptSign {
    /// What is kept of a sign.
    pub fn of(status: &SignStatus) -> Self {
        let mut panels: BTreeMap<PanelId, KeptPanel> = BTreeMap::new();
        let face = |face: &Arc<Face>| face.as_ref().clone();
        for (id, desired) in &status.desired {
            panels.entry(id.clone()).or_default().desired = Some(face(desired));
        }
        for (id, end) in &status.good_until {
            panels.entry(id.clone()).or_default().good_until = Some(*end);
        }
        for (id, Confirmed { face: shown, since, at }) in &status.confirmed {
            let seen = Seen { face: face(shown), since: *since, at: *at };
            panels.entry(id.clone()).or_default().confirmed = Some(seen);
        }
        for (id, Sent { face: told, at }) in &status.sent {
            panels.entry(id.clone()).or_default().sent = Some((face(told), *at));
        }
        for (id, fault) in &status.faults {
            panels.entry(id.clone()).or_default().fault = Some(fault.clone());
        }
        for (id, basis) in &status.basis {
            panels.entry(id.clone()).or_default().basis.clone_from(basis);
        }
        Self { panels, device: status.device.clone(), circuit: status.circuit, health: status.health.clone() }
    }

    /// The sign as it was kept.
    pub fn status(self) -> SignStatus {
        let mut status = SignStatus { circuit: self.circuit, health: self.health, ..SignStatus::default() };
        status.device = self.device.map(|device| Device { faults: oid::faults(device.fault_bits), ..device });
        for (id, panel) in self.panels {
            status.desired.extend(panel.desired.map(|face| (id.clone(), Arc::new(face))));
            status.good_until.extend(panel.good_until.map(|end| (id.clone(), end)));
            let confirmed =
                panel.confirmed.map(|Seen { face, since, at }| Confirmed { face: Arc::new(face), since, at });
            status.confirmed.extend(confirmed.map(|confirmed| (id.clone(), confirmed)));
            let sent = panel.sent.map(|(face, at)| Sent { face: Arc::new(face), at });
            status.sent.extend(sent.map(|sent| (id.clone(), sent)));
            status.faults.extend(panel.fault.map(|fault| (id.clone(), fault)));
            if !panel.basis.is_empty() {
                status.basis.insert(id, panel.basis);
            }
        }
        status
    }

    /// The same without what moves with every look and every observation.
    #[must_use]
    pub fn gist(&self) -> Self {
        let mut gist = self.clone();
        for panel in gist.panels.values_mut() {
            panel.good_until = None;
            panel.basis.clear();
            panel.sent = None;
            if let Some(confirmed) = &mut panel.confirmed {
                confirmed.at = confirmed.since;
            }
        }
        gist.device = gist.device.map(|device| Device { examined_at: Instant::UNIX_EPOCH, ..device });
        gist
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{
        super::{HealthState, SignBoard, Wanted},
        *,
    };
    use crate::domain::ids::SignId;

    #[test]
    fn what_is_kept_of_a_sign_is_all_that_is_known_of_it() {
        let (board, sign, panel) = (SignBoard::default(), SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap());
        let at = |s| Instant::UNIX_EPOCH + Duration::seconds(s);
        board.desire(&sign, &panel, Wanted { good_until: Some(at(900)), ..Face::blank(3).into() }, Some("wide".into()));
        board.rest_on(&sign, &panel, vec![Basis { observed_at: Some(at(1)), limit_s: 900, reporting_share: 0.5 }]);
        board.send(&sign, &board.status(&sign).desired, at(2));
        board.confirm(&sign, &board.status(&sign).desired, at(3));
        board.report(&sign, HealthState::Ok, Some("door".into()), at(4));
        board.note_device(
            &sign,
            Device {
                fault_bits: 1 << 13,
                faults: oid::faults(1 << 13),
                door_open: Some(true),
                failed_pixels: None,
                cabinet_c: Some([20, 31]),
                ambient_c: None,
                housing_c: None,
                examined_at: at(5),
            },
        );
        let status = board.status(&sign);
        let text = serde_json::to_string(&KeptSign::of(&status)).unwrap();
        let read: KeptSign = serde_json::from_str(&text).unwrap();
        assert_eq!(read.status(), status);

        let gist = KeptSign::of(&status).gist();
        board.extend(&sign, &panel, Some(at(960)));
        board.confirm(&sign, &board.status(&sign).desired, at(30));
        assert_eq!(KeptSign::of(&board.status(&sign)).gist(), gist, "it stands longer, and was seen again");
        board.desire(&sign, &panel, Face::blank(4), None);
        assert_ne!(KeptSign::of(&board.status(&sign)).gist(), gist, "another face");
    }
}
