//! The shared state of the signs: what each panel should show, what it was seen to show, and how the sign is.
//!
//! Guidance writes what is desired, the drivers write what is confirmed, the API reads both.

mod device;
mod kept;
mod shared;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use yunpark_signs::Face;

use self::shared::Sharing;
pub use self::{
    device::{Device, FailedPixels},
    kept::KeptSign,
    shared::Driven,
};
use crate::{
    domain::{
        ids::{PanelId, SignId},
        sign_order::Order,
        time::Instant,
    },
    telemetry::Trails,
};

/// The faces a sign's panels should show, and how long each may stand.
pub type Desired = BTreeMap<PanelId, Wanted>;

/// What a panel should show, and how long it may stand without being told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it should show.
    pub face: Arc<Face>,
    /// When the first of its numbers reaches its limit; `None` if it shows none. No part of what makes a face new: it moves
    /// with every observation that confirms the numbers.
    pub good_until: Option<Instant>,
}

impl From<Face> for Wanted {
    /// A face that may stand as long as the sign hears of it.
    fn from(face: Face) -> Self {
        Self { face: Arc::new(face), good_until: None }
    }
}

/// When the first of the faces has reached its limit; `None` if none has one.
pub fn good_until(faces: &Desired) -> Option<Instant> {
    faces.values().filter_map(|wanted| wanted.good_until).min()
}

/// How a sign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It shows what it should.
    Ok,
    /// It answers, and does not show what it should.
    Failing,
    /// It does not answer.
    Unreachable,
    /// Nobody has asked it yet.
    Unknown,
}

/// Whether a sign is told everything, or tried only now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// It takes what it is told.
    #[default]
    Closed,
    /// It failed several times in a row; it rests until the next try.
    Open,
    /// It is being tried again.
    HalfOpen,
}

/// What kind of thing is wrong with a sign, in a word that pages can put into any language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It does not answer.
    Silent,
    /// It refuses what it is told.
    Refused,
    /// Its answers make no sense.
    Senseless,
    /// It does not keep what it is told.
    Memory,
    /// It shows something else.
    Differs,
    /// A fault of its own leaves it dark.
    Dark,
    /// The face cannot be told to it.
    Face,
    /// It cannot be asked in the way the city file says.
    Access,
}

/// How a sign is, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is.
    pub state: HealthState,
    /// What kind of thing is wrong.
    pub cause: Option<Cause>,
    /// What is wrong, or worth knowing.
    pub detail: Option<String>,
    /// Since when it is in this state.
    pub since: Instant,
}

/// A face that was read back from the sign, or acknowledged by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// What it shows.
    pub face: Arc<Face>,
    /// When it was first seen to show it, without another face or doubt since.
    pub since: Instant,
    /// When that was last seen.
    pub at: Instant,
}

/// A face a sign was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The face.
    pub face: Arc<Face>,
    /// When it was last told.
    pub at: Instant,
}

/// What a display that asks for its face itself says it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The version of the face.
    pub version: u64,
    /// When it said so.
    pub at: Instant,
}

/// What the panels of such a display say they show.
pub type ShownFaces = BTreeMap<PanelId, Shown>;

/// What one line of a desired face rests on; told beside the face, for it moves with every observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// The oldest observation behind the line; `None` if nothing was ever heard.
    pub observed_at: Option<Instant>,
    /// How old it may grow before the line falls back, seconds.
    pub limit_s: u32,
    /// Share of the places in service that have a live word, 0 to 1.
    pub reporting_share: f64,
}

/// One sign as it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SignStatus {
    /// What its panels should show.
    pub desired: BTreeMap<PanelId, Arc<Face>>,
    /// Until when each may; a face with no end is missing.
    pub good_until: BTreeMap<PanelId, Instant>,
    /// What its panels were seen to show; a panel that is dark or unheard of is missing.
    pub confirmed: BTreeMap<PanelId, Confirmed>,
    /// What its panels were last told, and when; a panel that was told nothing yet is missing.
    pub sent: BTreeMap<PanelId, Sent>,
    /// How its parts are; `None` where it does not tell.
    pub device: Option<Device>,
    /// Whether it is told everything.
    pub circuit: Circuit,
    /// How the driver finds the sign; `None` before it first tried.
    pub health: Option<Health>,
    /// Panels whose face could not be composed, and why.
    pub faults: BTreeMap<PanelId, String>,
    /// What the lines of each desired face rest on, line by line; empty under an order.
    pub basis: BTreeMap<PanelId, Vec<Basis>>,
}

#[derive(Debug)]
struct Entry {
    desired: watch::Sender<Arc<Desired>>,
    confirmed: BTreeMap<PanelId, Confirmed>,
    sent: BTreeMap<PanelId, Sent>,
    device: Option<Device>,
    circuit: Circuit,
    health: Option<Health>,
    faults: BTreeMap<PanelId, String>,
    basis: BTreeMap<PanelId, Vec<Basis>>,
    shown: watch::Sender<Arc<ShownFaces>>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            desired: watch::Sender::new(Arc::default()),
            confirmed: BTreeMap::new(),
            sent: BTreeMap::new(),
            device: None,
            circuit: Circuit::default(),
            health: None,
            faults: BTreeMap::new(),
            basis: BTreeMap::new(),
            shown: watch::Sender::new(Arc::default()),
        }
    }
}

/// The shared state of all signs.
#[derive(Debug, Default)]
pub struct SignBoard {
    signs: Mutex<BTreeMap<SignId, Entry>>,
    orders: watch::Sender<Arc<Vec<Order>>>,
    sharing: Sharing,
    trails: Trails,
}

impl SignBoard {
    /// A board on whose signs what is followed may lead.
    pub fn following(trails: Trails) -> Self {
        Self { trails, ..Self::default() }
    }

    /// What is followed on its way to a sign.
    pub fn trails(&self) -> &Trails {
        &self.trails
    }

    fn signs(&self) -> MutexGuard<'_, BTreeMap<SignId, Entry>> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what people have signs show: every order that holds or is yet to.
    pub fn order(&self, orders: Vec<Order>) {
        self.orders.send_if_modified(|known| {
            let is_new = **known != orders;
            if is_new {
                *known = Arc::new(orders);
            }
            is_new
        });
    }

    /// What people have signs show.
    pub fn orders(&self) -> Arc<Vec<Order>> {
        self.orders.borrow().clone()
    }

    /// Says what a panel should show, or why nothing could be composed for it.
    pub fn desire(&self, sign: &SignId, panel: &PanelId, wanted: impl Into<Wanted>, fault: Option<String>) {
        let mut signs = self.signs();
        let entry = signs.entry(sign.clone()).or_default();
        match fault {
            Some(fault) => drop(entry.faults.insert(panel.clone(), fault)),
            None => drop(entry.faults.remove(panel)),
        }
        entry.desired.send_modify(|desired| {
            Arc::make_mut(desired).insert(panel.clone(), wanted.into());
        });
    }

    /// Says how long the face a panel should show may stand by now. Followers are woken only if that is sooner than it was:
    /// a later end they find when they next look.
    pub fn extend(&self, sign: &SignId, panel: &PanelId, good_until: Option<Instant>) {
        let mut signs = self.signs();
        let Some(entry) = signs.get_mut(sign) else { return };
        entry.desired.send_if_modified(|desired| {
            let Some(before) = desired.get(panel).map(|wanted| wanted.good_until) else { return false };
            if before == good_until {
                return false;
            }
            if let Some(wanted) = Arc::make_mut(desired).get_mut(panel) {
                wanted.good_until = good_until;
            }
            good_until.is_some_and(|end| before.is_none_or(|before| end < before))
        });
    }

    /// What a sign should show, now and whenever it changes; a slow reader sees the newest only.
    pub fn follow(&self, sign: &SignId) -> watch::Receiver<Arc<Desired>> {
        self.signs().entry(sign.clone()).or_default().desired.subscribe()
    }

    /// Says that panels were seen to show these faces.
    pub fn confirm<'a>(
        &self,
        sign: &SignId,
        faces: impl IntoIterator<Item = (&'a PanelId, &'a Arc<Face>)>,
        at: Instant,
    ) {
        let mut signs = self.signs();
        let entry = signs.entry(sign.clone()).or_default();
        for (panel, face) in faces {
            let known = entry.confirmed.get(panel).filter(|known| known.face == *face);
            let since = known.map_or(at, |known| known.since);
            entry.confirmed.insert(panel.clone(), Confirmed { face: face.clone(), since, at });
        }
    }

    /// Says that panels are being told these faces.
    pub fn send<'a>(&self, sign: &SignId, faces: impl IntoIterator<Item = (&'a PanelId, &'a Arc<Face>)>, at: Instant) {
        let mut signs = self.signs();
        let entry = signs.entry(sign.clone()).or_default();
        for (panel, face) in faces {
            entry.sent.insert(panel.clone(), Sent { face: face.clone(), at });
        }
    }

    /// Says how the parts of a sign are.
    pub fn note_device(&self, sign: &SignId, device: Device) {
        let mut signs = self.signs();
        let entry = signs.entry(sign.clone()).or_default();
        if entry.device.as_ref() == Some(&device) {
            return;
        }
        entry.device = Some(device);
        let known = || signs.values().filter_map(|entry| entry.device.as_ref());
        let pixels = known().filter_map(|device| device.failed_pixels.as_ref()).map(|pixels| f64::from(pixels.count));
        metrics::gauge!("yunpark_signs_failed_pixels").set(pixels.sum::<f64>());
        let open = known().filter(|device| device.door_open == Some(true)).count();
        metrics::gauge!("yunpark_signs_door_open").set(open as f64);
        let faulty = known().filter(|device| !device.faults.is_empty()).count();
        metrics::gauge!("yunpark_signs_with_device_faults").set(faulty as f64);
        let hottest = known().filter_map(Device::hottest_c).max();
        metrics::gauge!("yunpark_signs_hottest_celsius").set(hottest.map_or(f64::NAN, f64::from));
    }

    /// Says whether the sign is told everything, or tried only now and then.
    pub fn set_circuit(&self, sign: &SignId, circuit: Circuit) {
        let mut signs = self.signs();
        let entry = signs.entry(sign.clone()).or_default();
        if entry.circuit == circuit {
            return;
        }
        entry.circuit = circuit;
        let open = signs.values().filter(|entry| entry.circuit != Circuit::Closed).count();
        metrics::gauge!("yunpark_signs_circuit_open").set(open as f64);
    }

    /// Says that nobody knows any more what the sign shows.
    pub fn unconfirm(&self, sign: &SignId) {
        self.signs().entry(sign.clone()).or_default().confirmed.clear();
    }

    /// Says how the sign is; `since` moves only when the state does. Tells whether the state moved.
    pub fn report(&self, sign: &SignId, state: HealthState, detail: Option<String>, now: Instant) -> bool {
        self.report_cause(sign, state, None, detail, now)
    }

    /// The same, with what kind of thing is wrong.
    pub fn report_cause(
        &self,
        sign: &SignId,
        state: HealthState,
        cause: Option<Cause>,
        detail: Option<String>,
        now: Instant,
    ) -> bool {
        let mut signs = self.signs();
        let entry = signs.entry(sign.clone()).or_default();
        let since = entry.health.as_ref().filter(|health| health.state == state).map(|health| health.since);
        entry.health = Some(Health { state, cause, detail, since: since.unwrap_or(now) });
        since.is_none()
    }

    /// One sign as it stands; empty if nothing was ever said of it.
    pub fn status(&self, sign: &SignId) -> SignStatus {
        self.signs().get(sign).map_or_else(SignStatus::default, |entry| SignStatus {
            desired: entry.desired.borrow().iter().map(|(id, wanted)| (id.clone(), wanted.face.clone())).collect(),
            good_until: (entry.desired.borrow().iter())
                .filter_map(|(id, wanted)| Some((id.clone(), wanted.good_until?)))
                .collect(),
            confirmed: entry.confirmed.clone(),
            sent: entry.sent.clone(),
            device: entry.device.clone(),
            circuit: entry.circuit,
            health: entry.health.clone(),
            faults: entry.faults.clone(),
            basis: entry.basis.clone(),
        })
    }

    /// Says what the lines of a panel's desired face rest on.
    pub fn rest_on(&self, sign: &SignId, panel: &PanelId, basis: Vec<Basis>) {
        self.signs().entry(sign.clone()).or_default().basis.insert(panel.clone(), basis);
    }

    /// Notes what a display that asks for its face itself says it shows; its driver hears of it.
    pub fn hear_shown(&self, sign: &SignId, panel: &PanelId, shown: Shown) {
        let mut signs = self.signs();
        if self.driven(sign) == Driven::Elsewhere {
            self.sharing.relay(sign, panel, shown);
            return;
        }
        let entry = signs.entry(sign.clone()).or_default();
        entry.shown.send_modify(|faces| {
            Arc::make_mut(faces).insert(panel.clone(), shown);
        });
    }

    /// What a display that asks for its face itself says it shows, now and whenever it says so again.
    pub fn follow_shown(&self, sign: &SignId) -> watch::Receiver<Arc<ShownFaces>> {
        self.signs().entry(sign.clone()).or_default().shown.subscribe()
    }

    /// Forgets signs and panels that are no longer in the city.
    pub fn retain(&self, panels: &BTreeMap<SignId, BTreeSet<PanelId>>) {
        let mut signs = self.signs();
        signs.retain(|sign, _| panels.contains_key(sign));
        for (sign, entry) in signs.iter_mut() {
            let Some(keep) = panels.get(sign) else { continue };
            entry.confirmed.retain(|panel, _| keep.contains(panel));
            entry.sent.retain(|panel, _| keep.contains(panel));
            entry.faults.retain(|panel, _| keep.contains(panel));
            entry.basis.retain(|panel, _| keep.contains(panel));
            entry.desired.send_if_modified(|desired| {
                let gone = desired.keys().any(|panel| !keep.contains(panel));
                if gone {
                    Arc::make_mut(desired).retain(|panel, _| keep.contains(panel));
                }
                gone
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn ids() -> (SignId, PanelId) {
        (SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap())
    }

    #[test]
    fn what_is_desired_is_not_yet_confirmed() {
        let (board, (sign, panel)) = (SignBoard::default(), ids());
        board.desire(&sign, &panel, Face::blank(3), None);
        let status = board.status(&sign);
        assert_eq!((status.desired[&panel].version, status.confirmed.len()), (3, 0));
        board.confirm(&sign, &status.desired, Instant::UNIX_EPOCH);
        assert_eq!(board.status(&sign).confirmed[&panel].face.version, 3);
        board.unconfirm(&sign);
        assert!(board.status(&sign).confirmed.is_empty());
    }

    #[test]
    fn a_face_that_is_seen_again_is_shown_since_it_was_first_seen() {
        let (board, (sign, panel)) = (SignBoard::default(), ids());
        let at = |s| Instant::UNIX_EPOCH + Duration::seconds(s);
        let since = || board.status(&sign).confirmed.get(&panel).map(|shown| (shown.since, shown.at));
        let face = |version| Arc::new(Face::blank(version));
        board.confirm(&sign, [(&panel, &face(1))], at(5));
        board.confirm(&sign, [(&panel, &face(1))], at(25));
        assert_eq!(since(), Some((at(5), at(25))));
        board.confirm(&sign, [(&panel, &face(2))], at(30));
        assert_eq!(since(), Some((at(30), at(30))), "another face");
        board.unconfirm(&sign);
        board.confirm(&sign, [(&panel, &face(2))], at(40));
        assert_eq!(since(), Some((at(40), at(40))), "nobody knows what it showed in between");
    }

    #[test]
    fn a_later_end_wakes_no_driver_and_a_sooner_one_does() {
        let (board, (sign, panel)) = (SignBoard::default(), ids());
        let at = |s| Instant::UNIX_EPOCH + Duration::seconds(s);
        board.desire(&sign, &panel, Wanted { good_until: Some(at(900)), ..Face::blank(3).into() }, None);
        let mut driver = board.follow(&sign);
        board.extend(&sign, &panel, Some(at(960)));
        assert!(!driver.has_changed().unwrap(), "a confirmation is not news");
        assert_eq!(good_until(&driver.borrow_and_update()), Some(at(960)), "but it is there for who looks");
        board.extend(&sign, &panel, Some(at(60)));
        assert!(driver.has_changed().unwrap(), "a shorter limit is");
        assert_eq!((good_until(&driver.borrow()), driver.borrow()[&panel].face.version), (Some(at(60)), 3));
    }

    #[tokio::test]
    async fn what_a_display_says_it_shows_reaches_whoever_follows_it() {
        let (board, (sign, panel)) = (SignBoard::default(), ids());
        let mut driver = board.follow_shown(&sign);
        let shown = Shown { version: 9, at: Instant::UNIX_EPOCH };
        board.hear_shown(&sign, &panel, shown);
        driver.changed().await.unwrap();
        assert_eq!(driver.borrow_and_update().get(&panel), Some(&shown));
    }

    #[test]
    fn health_keeps_the_moment_its_state_began() {
        let (board, (sign, _)) = (SignBoard::default(), ids());
        let (first, later) = (Instant::UNIX_EPOCH, Instant::UNIX_EPOCH + Duration::seconds(9));
        assert!(board.report(&sign, HealthState::Unreachable, Some("timeout".into()), first));
        assert!(!board.report(&sign, HealthState::Unreachable, Some("refused".into()), later));
        assert_eq!(board.status(&sign).health.unwrap().since, first);
        assert!(board.report(&sign, HealthState::Ok, None, later));
        assert_eq!(board.status(&sign).health.unwrap().since, later);
    }

    #[test]
    fn a_panel_that_left_the_city_is_forgotten() {
        let (board, (sign, panel)) = (SignBoard::default(), ids());
        board.desire(&sign, &panel, Face::blank(1), Some("too wide".into()));
        board.retain(&[(sign.clone(), BTreeSet::new())].into());
        assert_eq!(board.status(&sign), SignStatus::default());
    }
}
