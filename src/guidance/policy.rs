//! The rule that turns availability and orders into a face: pure, its state handed in and out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use yunpark_signs as signs;
use yunpark_signs::{Face, LineState, Mode};

use super::{arrival::Ahead, brightness, line::Judge, panel::PanelState, spoken};
use crate::{
    config,
    domain::{
        availability::Availability,
        city::City,
        guidance::Rules,
        ids::LotId,
        lot::Lot,
        sign::{Panel, Sign, SignLink},
        sign_order::{Order, in_force},
        time::Instant,
    },
    signboard::Basis,
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
    /// How long one answer of a sign may take.
    pub answer: Duration,
    /// Whether a lot is within its opening hours now.
    pub is_open: &'a dyn Fn(&Lot) -> bool,
    /// What is ahead of a driver who is on the way to a lot and arrives at some instant.
    pub ahead: &'a dyn Fn(&LotId, Instant) -> Ahead,
    /// How old what is known of a lot is.
    pub age: &'a dyn Fn(&Availability) -> Duration,
    /// What people have signs show, whether it holds now or not.
    pub orders: &'a [Order],
}

/// A face as it was composed.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// What to show, with version 0.
    pub face: Face,
    /// When the oldest observation behind its numbers reaches its lot's limit, or the order ends; `None` if it shows nothing
    /// that ends. From then on nobody may show this face any more, whoever has died in between.
    pub good_until: Option<Instant>,
    /// What each line of guidance rests on.
    pub basis: Vec<Basis>,
    /// The lots of the panel of which nothing may be told any more: a number that rests on one is not held back.
    pub lost: BTreeSet<String>,
}

/// The shortest time a sign can be told to hold a face, where one answer of it may take `answer`: from there on what it was told
/// counts. An NTCIP sign counts whole minutes, and a message is written in several steps. A number that is nearer to its limit
/// cannot be entrusted to it, so its line falls back that much sooner.
pub fn shortest_hold(link: &SignLink, answer: Duration) -> Duration {
    match link {
        SignLink::Ntcip1203 { .. } => Duration::seconds(60) + answer * 2,
        // They count seconds.
        SignLink::Onbon { .. } | SignLink::Modbus { .. } => answer + Duration::seconds(2),
        SignLink::MqttJson | SignLink::Xunpeng { .. } | SignLink::HttpPull { .. } => Duration::zero(),
    }
}

/// How long a sign rests between two things it is told.
pub fn min_interval(sign: &Sign, rules: &config::Guidance) -> Duration {
    millis(sign.manner.min_interval_ms.map_or(rules.min_interval_ms, u64::from))
}

/// How long a panel of a sign keeps what it shows.
pub fn min_dwell(sign: &Sign, rules: &config::Guidance) -> Duration {
    millis(sign.manner.min_dwell_ms.map_or(rules.min_dwell_ms, u64::from))
}

/// How long one answer of a sign may take, as configured.
pub fn answer(display: &config::Display) -> Duration {
    millis(display.timeout_ms)
}

/// At most a day: what is configured beyond is no time any more.
fn millis(ms: u64) -> Duration {
    Duration::milliseconds(ms.min(86_400_000) as i64)
}

/// The rules a panel of a sign is judged by: as configured, then by the sign's level, then as the panel says.
pub fn rules_of(sign: &Sign, panel: &Panel, rules: &config::Guidance) -> Rules {
    rules.rules().at(sign.manner.level, rules.area_round_to).changed(&panel.rules)
}

/// What a panel of a sign should show, and until when it may; moves the memory of the thresholds in `state`, also under an
/// order, so that guidance goes on as if nobody had spoken.
pub fn compose(sign: &Sign, panel: &Panel, situation: &Situation<'_>, state: &mut PanelState) -> Composed {
    let rules = rules_of(sign, panel, situation.rules);
    let judge = Judge {
        sign,
        rules: &rules,
        at: situation,
        hold: hold(sign, situation),
        update: update(sign, situation.rules),
    };
    state.levels.resize_with(panel.lines.len(), Vec::new);
    let mut composed = Composed { face: Face::blank(0), good_until: None, basis: Vec::new(), lost: BTreeSet::new() };
    for (line, levels) in panel.lines.iter().zip(&mut state.levels) {
        let told = judge.line(line, levels);
        composed.good_until = [composed.good_until, told.good_until].into_iter().flatten().min();
        composed.face.lines.push(told.line);
        composed.basis.push(told.basis);
        composed.lost.extend(told.lost);
    }
    composed.face.mode = mode_of(&composed.face.lines);
    if let Some(order) = in_force(situation.orders, &sign.id, &panel.id, situation.now) {
        composed.face = spoken::face(order, sign, panel, composed.face, situation.rules);
        composed.good_until = Some(order.ends_at);
        composed.basis.clear();
        composed.lost.clear();
    }
    composed.face.page_ms = situation.rules.page_ms;
    // The sun and the clock's table move by the minute.
    let minute = situation.now.timestamp().div_euclid(60);
    let percent = state.brightness.filter(|(known, _)| *known == minute).map_or_else(
        || brightness::percent(sign, situation.city.time_zone, situation.now, &situation.rules.brightness),
        |(_, percent)| percent,
    );
    state.brightness = Some((minute, percent));
    composed.face.brightness_percent = Some(percent);
    composed
}

/// The longest time a change waits before the sign is told.
fn update(sign: &Sign, rules: &config::Guidance) -> Duration {
    (millis(rules.tick_ms) * 2).max(min_interval(sign, rules)).max(min_dwell(sign, rules))
}

/// How much longer than now a number must hold to be entrusted to a sign: what its protocol needs, and the time in which it
/// may be told nothing new.
fn hold(sign: &Sign, situation: &Situation<'_>) -> Duration {
    shortest_hold(&sign.link, situation.answer) + min_interval(sign, situation.rules)
}

pub(super) fn mode_of(lines: &[signs::Line]) -> Mode {
    let all = |state| lines.iter().all(|line| line.state == state);
    match lines {
        [] => Mode::Blank,
        _ if all(LineState::NoData) => Mode::Fallback,
        _ if all(LineState::Full) => Mode::Full,
        _ if all(LineState::Closed) => Mode::Closed,
        _ => Mode::Normal,
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
pub(super) mod tests;
