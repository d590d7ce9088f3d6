//! What is wrong with a sensor, by rules over what is remembered of it.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::memory::Memory;
use crate::domain::time::{Instant, age};

/// Restarts of the last day that make a restart more than chance.
const RESTARTS_A_DAY: usize = 2;
/// Missed changes count as an illness for so many days after the last.
const MISSED_DAYS: i64 = 7;
/// A claim from too far ahead, or an impossible count, is told for so many days.
const TOLD_DAYS: i64 = 1;
/// Moves that must be known before a space has a usual pace.
const PACE_MOVES: usize = 6;
/// Neighbours that must be there before their moving says anything.
const PACE_NEIGHBOURS: usize = 3;

/// Something wrong with a sensor, or worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Illness {
    /// Every gateway that heard it last is down, so it cannot be heard.
    GatewayDown,
    /// Silent for longer than its heartbeat allows.
    Silent,
    /// Never heard since it was put into the city file.
    Unheard,
    /// It says that something is wrong.
    Fault,
    /// Its space has not moved for far longer than it ever stands, while its neighbours' have.
    Stuck,
    /// Its space moves more often than vehicles can.
    Flapping,
    /// It counted what cannot be true.
    Implausible,
    /// Its battery is low.
    BatteryLow,
    /// Its clock is wrong, or it claims times too far ahead.
    ClockSkew,
    /// It starts again and again; with a poor link it does so by itself.
    Restarting,
    /// Changes of its space were never heard.
    MissedChanges,
    /// It is new, or has started anew, and is not yet sure of its space.
    Learning,
}

/// How grave an illness is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong.
    Well,
    /// Worth knowing; what it says still counts.
    Notice,
    /// Somebody must look after it.
    Ill,
}

impl Illness {
    /// All of them, gravest first.
    pub const ALL: [Self; 12] = [
        Self::GatewayDown,
        Self::Silent,
        Self::Unheard,
        Self::Fault,
        Self::Stuck,
        Self::Flapping,
        Self::Implausible,
        Self::BatteryLow,
        Self::ClockSkew,
        Self::Restarting,
        Self::MissedChanges,
        Self::Learning,
    ];

    /// Its word in queries, answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GatewayDown => "gateway_down",
            Self::Silent => "silent",
            Self::Unheard => "unheard",
            Self::Fault => "fault",
            Self::Stuck => "stuck",
            Self::Flapping => "flapping",
            Self::Implausible => "implausible",
            Self::BatteryLow => "battery_low",
            Self::ClockSkew => "clock_skew",
            Self::Restarting => "restarting",
            Self::MissedChanges => "missed_changes",
            Self::Learning => "learning",
        }
    }

    /// How grave it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::MissedChanges | Self::Learning | Self::Restarting => Severity::Notice,
            _ => Severity::Ill,
        }
    }

    /// Whether enforcement may still rest on what the sensor says of its space.
    fn leaves_trust(self) -> bool {
        matches!(self, Self::BatteryLow | Self::ClockSkew | Self::Restarting | Self::MissedChanges)
    }
}

/// Where illness begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// A sensor is silent after so many of its heartbeats.
    pub heartbeats: f64,
    /// A space is stuck after so many times its longest stay.
    pub stays: f64,
    /// ... and not before this, seconds.
    pub stuck_after_s: u32,
    /// A space flaps at more than so many moves ...
    pub flapping_moves: usize,
    /// ... within this, seconds.
    pub flapping_window_s: u32,
    /// A battery is low below this, millivolts.
    pub battery_low_mv: u32,
    /// A battery is low below this, percent.
    pub battery_low_percent: f64,
    /// A clock is wrong from this on, seconds.
    pub clock_skew_s: u32,
}

/// What is known of a sensor beside what it said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Profile {
    /// It says something at least this often, seconds; `None` if it has no heartbeat.
    pub heartbeat_s: Option<u32>,
    /// Moves of its space until it is sure of itself.
    pub learning_moves: usize,
    /// Every gateway that heard it last is down.
    pub is_gateway_down: bool,
}

/// Moves until a sensor of this codec is sure of its space; the maker's word.
pub fn learning_moves(codec: &str) -> usize {
    // Bosch: detection is poor until about ten vehicles have parked and left.
    if codec == "bosch/tps110" { 10 } else { 0 }
}

/// The other sensors of the same lot that watch a space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// How many there are.
    pub all: usize,
    /// How many have seen their space move since this sensor's last did.
    pub moved_since: usize,
}

/// What is wrong with a sensor at `now`, gravest first.
pub fn diagnose(
    memory: &Memory,
    profile: Profile,
    neighbours: Neighbours,
    limits: &Limits,
    now: Instant,
) -> Vec<Illness> {
    let is_within = |at: Option<Instant>, span: Duration| at.is_some_and(|at| age(now, at) <= span);
    let is_silent =
        silent_after(profile, limits).zip(memory.heard_at).is_some_and(|(limit, heard_at)| age(now, heard_at) > limit);
    let is = |illness| match illness {
        Illness::GatewayDown => profile.is_gateway_down,
        Illness::Silent => is_silent,
        Illness::Unheard => memory.heard_at.is_none(),
        Illness::Fault => memory.report.as_ref().is_some_and(|(_, report)| report.fault.is_some()),
        // Of one that is silent nothing more is known.
        Illness::Stuck => !is_silent && is_stuck(memory, neighbours, limits, now),
        Illness::Flapping => {
            let window = Duration::seconds(limits.flapping_window_s.into());
            memory.moves().iter().filter(|one| is_within(Some(one.at), window)).count() > limits.flapping_moves
        }
        Illness::Implausible => is_within(memory.implausible_at, Duration::days(TOLD_DAYS)),
        Illness::BatteryLow => memory.battery.as_ref().is_some_and(|(_, report)| {
            report.battery_mv.is_some_and(|mv| mv < limits.battery_low_mv)
                || report.battery_percent.is_some_and(|percent| percent < limits.battery_low_percent)
        }),
        Illness::ClockSkew => {
            let limit_ms = i64::from(limits.clock_skew_s) * 1000;
            memory.skew_ms.is_some_and(|(_, skew_ms)| skew_ms.abs() >= limit_ms)
                || is_within(memory.future_at, Duration::days(TOLD_DAYS))
        }
        Illness::Restarting => {
            let today = |restart: &&(Instant, String)| is_within(Some(restart.0), Duration::days(1));
            memory.restarts.iter().filter(today).count() >= RESTARTS_A_DAY
        }
        Illness::MissedChanges => is_within(memory.missed_at, Duration::days(MISSED_DAYS)),
        Illness::Learning => memory.heard_at.is_some() && is_learning(memory, profile),
    };
    Illness::ALL.into_iter().filter(|illness| is(*illness)).collect()
}

/// How long a sensor may be silent.
pub fn silent_after(profile: Profile, limits: &Limits) -> Option<Duration> {
    let allowed =
        |heartbeat_s: u32| Duration::milliseconds((f64::from(heartbeat_s) * limits.heartbeats * 1000.0) as i64);
    profile.heartbeat_s.map(allowed)
}

/// Whether enforcement may rest on what a sensor says of its space: it was heard lately, is sure of itself, and shows none
/// of the illnesses that make its word doubtful.
pub fn is_trustworthy(illnesses: &[Illness]) -> bool {
    illnesses.iter().all(|illness| illness.leaves_trust())
}

fn is_learning(memory: &Memory, profile: Profile) -> bool {
    let since = memory.started_at.max(memory.first_heard_at);
    let moves = memory.moves();
    let moves = moves.iter().filter(|one| since.is_none_or(|since| one.at > since)).count();
    moves < profile.learning_moves
}

/// A space that has stood for far longer than its longest known stay, while most of its neighbours have moved.
fn is_stuck(memory: &Memory, neighbours: Neighbours, limits: &Limits, now: Instant) -> bool {
    let moves = memory.moves();
    let Some(moved_at) = moves.last().map(|last| last.at).filter(|_| moves.len() >= PACE_MOVES) else { return false };
    let stays = moves.windows(2).map(|pair| pair[1].at - pair[0].at);
    let longest = stays.max().unwrap_or_default();
    let allowed_s = (longest.as_seconds_f64() * limits.stays).max(limits.stuck_after_s.into());
    let others_move = neighbours.all >= PACE_NEIGHBOURS && neighbours.moved_since * 2 >= neighbours.all;
    age(now, moved_at).as_seconds_f64() > allowed_s && others_move
}
