//! The rule that turns availability into a face: pure, its state handed in and out.

use std::collections::BTreeMap;

use chrono::Duration;
use yunpark_signs as signs;
use yunpark_signs::{Colour, Face, LineState, Mode, Reason};

use super::hysteresis::Thresholds;
use crate::{
    config::{self, Policy},
    domain::{
        availability::{Availability, Quality},
        city::City,
        ids::LotId,
        lot::Lot,
        sign::{Arrow, GuidanceLine, Panel, Sign, SignLink},
        text::Language,
        time::Instant,
    },
};

/// Everything a face is composed from, at one moment.
pub struct Situation<'a> {
    /// The city in force.
    pub city: &'a City,
    /// The availability of its lots.
    pub lots: &'a BTreeMap<LotId, Availability>,
    /// The present moment.
    pub now: Instant,
    /// The configured rules.
    pub rules: &'a config::Guidance,
    /// A lot without a limit of its own is stale after this long.
    pub stale_after: Duration,
    /// Whether a lot is open now.
    pub is_open: &'a dyn Fn(&Lot) -> bool,
    /// Free places forecast for a moment, where a forecast can be made.
    pub forecast: &'a dyn Fn(&LotId, Instant) -> Option<u32>,
}

/// A face as it was composed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// What to show, with version 0.
    pub face: Face,
    /// When the oldest observation behind its numbers reaches its lot's limit; `None` if it shows no number. From then on
    /// nobody may show this face any more, whoever has died in between.
    pub good_until: Option<Instant>,
}

/// The shortest time a sign can be told to hold a face. An NTCIP sign counts whole minutes: one minute, and what it takes to
/// write a message. A number that is nearer to its limit cannot be entrusted to it, so its line falls back that much sooner.
pub fn shortest_hold(link: &SignLink) -> Duration {
    match link {
        SignLink::MqttJson => Duration::zero(),
        SignLink::Ntcip1203 { .. } => Duration::seconds(70),
    }
}

/// What a panel remembers from one composition to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelState {
    /// Which of its lines are FULL.
    full: Vec<bool>,
    /// What it was last told to show.
    pub shown: Option<Face>,
    /// When that last changed.
    changed_at: Option<Instant>,
}

/// The words of a language.
struct Words {
    full: &'static str,
    closed: &'static str,
}

/// Shown where there is no number that can be believed.
const NO_DATA: &str = "----";

fn words(language: Language) -> Words {
    match language {
        Language::Zh => Words { full: "满", closed: "关闭" },
        Language::En => Words { full: "FULL", closed: "CLOSED" },
    }
}

/// What a panel of a sign should show, and until when it may; moves the memory of FULL in `state`.
pub fn compose(sign: &Sign, panel: &Panel, situation: &Situation<'_>, state: &mut PanelState) -> Composed {
    state.full.resize(panel.lines.len(), false);
    let mut good_until: Option<Instant> = None;
    let lines: Vec<signs::Line> = (panel.lines.iter().zip(&mut state.full))
        .map(|(line, was_full)| {
            let (line, end) = compose_line(line, sign, situation, was_full);
            good_until = [good_until, end].into_iter().flatten().min();
            line
        })
        .collect();
    Composed { face: Face { mode: mode_of(&lines), lines, ..Face::blank(0) }, good_until }
}

fn mode_of(lines: &[signs::Line]) -> Mode {
    let all = |state| lines.iter().all(|line| line.state == state);
    match lines {
        [] => Mode::Blank,
        _ if all(LineState::NoData) => Mode::Fallback,
        _ if all(LineState::Full) => Mode::Full,
        _ if all(LineState::Closed) => Mode::Closed,
        _ => Mode::Normal,
    }
}

/// A line, and when the first of the numbers it is made of reaches its limit.
fn compose_line(
    line: &GuidanceLine,
    sign: &Sign,
    at: &Situation<'_>,
    was_full: &mut bool,
) -> (signs::Line, Option<Instant>) {
    let language = sign.language;
    let words = words(language);
    let label = line.label.as_ref().or_else(|| at.city.target_name(&line.target)).map_or("", |name| name.get(language));
    let lots = at.city.target_lots(&line.target);
    let ids = |lots: &[&Lot]| lots.iter().map(|lot| lot.id.to_string()).collect::<Vec<_>>();
    let blank = signs::Line {
        label: label.to_owned(),
        arrow: line.arrow.map(arrow),
        text: NO_DATA.to_owned(),
        state: LineState::NoData,
        lots: ids(&lots),
        colour: Colour::Grey,
        ..signs::Line::default()
    };
    let open: Vec<&Lot> = lots.iter().copied().filter(|lot| (at.is_open)(lot)).collect();
    if open.is_empty() && !lots.is_empty() {
        *was_full = false;
        let state = LineState::Closed;
        return (signs::Line { text: words.closed.to_owned(), state, colour: Colour::of(state), ..blank }, None);
    }
    let live: Vec<(&Lot, &Availability)> = open
        .iter()
        .filter_map(|lot| at.lots.get(&lot.id).map(|a| (*lot, a)))
        .filter(|(lot, a)| is_live(lot, a, at, shortest_hold(&sign.link)))
        .collect();
    if live.is_empty() {
        // The memory of FULL is kept: a lot that was full when it fell silent is not open for having been silent.
        return (blank, None);
    }
    let good_until = live.iter().filter_map(|(lot, a)| Some(a.observed_at? + limit_of(lot, at))).min();
    let free: u32 = live.iter().fold(0, |sum, (_, a)| sum.saturating_add(a.free));
    let capacity = live.iter().fold(0u32, |sum, (_, a)| sum.saturating_add(a.capacity));
    let (count, reason) = count_on_arrival(line, &live, free, at);
    let thresholds = Thresholds::of(capacity, at.rules);
    let is_full = thresholds.is_full(count, *was_full);
    let reason = if is_full && count > thresholds.enter { Some(Reason::Hysteresis) } else { reason };
    *was_full = is_full;
    let (text, state) = if is_full {
        (words.full.to_owned(), LineState::Full)
    } else if count <= (capacity / 10).max(3) {
        (count.to_string(), LineState::Few)
    } else {
        (count.to_string(), LineState::Free)
    };
    let counted: Vec<&Lot> = live.iter().map(|(lot, _)| *lot).collect();
    let offset = i64::from(count) - i64::from(free);
    let colour = Colour::of(state);
    (signs::Line { text, state, colour, lots: ids(&counted), free: Some(free), offset, reason, ..blank }, good_until)
}

/// How old a lot's number may grow.
fn limit_of(lot: &Lot, at: &Situation<'_>) -> Duration {
    lot.stale_after_s.map_or(at.stale_after, |limit| Duration::seconds(i64::from(limit)))
}

/// Whether a lot's number may be told: live for at least `hold` longer, and not wholly unknown.
fn is_live(lot: &Lot, availability: &Availability, at: &Situation<'_>, hold: Duration) -> bool {
    let unknown = availability.unknown == availability.capacity && availability.capacity > 0;
    availability.quality(at.now + hold, limit_of(lot, at)) == Quality::Live && !unknown
}

/// The count that is judged and shown, and why it is not the bare one.
fn count_on_arrival(
    line: &GuidanceLine,
    live: &[(&Lot, &Availability)],
    free: u32,
    at: &Situation<'_>,
) -> (u32, Option<Reason>) {
    let count = free.saturating_sub(at.rules.held_back);
    let reason = (count < free).then_some(Reason::HeldBack);
    if at.rules.policy == Policy::Thresholds {
        return (count, reason);
    }
    let arrival = at.now + Duration::seconds(i64::from(line.travel_time_s));
    // A lot without a forecast counts as it stands.
    let forecast = live
        .iter()
        .map(|(lot, a)| (at.forecast)(&lot.id, arrival).unwrap_or(a.free).min(a.capacity))
        .fold(0u32, u32::saturating_add);
    if forecast < count { (forecast, Some(Reason::ForecastOnArrival)) } else { (count, reason) }
}

fn arrow(arrow: Arrow) -> signs::Arrow {
    match arrow {
        Arrow::Left => signs::Arrow::Left,
        Arrow::Ahead => signs::Arrow::Ahead,
        Arrow::Right => signs::Arrow::Right,
        Arrow::UTurn => signs::Arrow::UTurn,
    }
}

impl PanelState {
    /// Takes a composed face: gives it its version if the panel is to change now. A panel keeps a face for `min_dwell`, but
    /// a line that loses its data or closes is never held back.
    pub fn advance(
        &mut self,
        face: Face,
        now: Instant,
        min_dwell: Duration,
        version: impl FnOnce() -> u64,
    ) -> Option<Face> {
        if let (Some(shown), Some(changed_at)) = (&self.shown, self.changed_at) {
            let rests = now >= changed_at && now - changed_at < min_dwell;
            if shown.shows_same(&face) || (rests && !is_urgent(shown, &face)) {
                return None;
            }
        }
        let face = Face { version: version(), ..face };
        self.shown = Some(face.clone());
        self.changed_at = Some(now);
        Some(face)
    }
}

/// Whether some line ceases to be true: its data is gone or its lots have closed, or the panel's lines are others.
fn is_urgent(shown: &Face, face: &Face) -> bool {
    shown.mode == Mode::Blank
        || face.mode == Mode::Blank
        || shown.lines.len() != face.lines.len()
        || shown.lines.iter().zip(&face.lines).any(|(old, new)| {
            let ended = matches!(new.state, LineState::NoData | LineState::Closed);
            (ended && old.state != new.state) || old.label != new.label || old.lots != new.lots
        })
}

#[cfg(test)]
#[path = "policy_tests.rs"]
pub(super) mod tests;
