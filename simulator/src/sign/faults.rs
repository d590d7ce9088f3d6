//! The ways an emulated sign goes wrong, switched while it runs.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What is wrong with a sign.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Switches {
    /// It takes so long to answer.
    pub slow: Duration,
    /// It does not answer.
    pub deaf: bool,
    /// Share of requests that are lost, 0 to 1.
    pub loss: f64,
    /// Check sums of its answers, or of what it stores, are wrong.
    pub wrong_crc: bool,
    /// Somebody works on it: it refuses what it is told.
    pub local: bool,
    /// It says that it shows what it was told, and does not.
    pub lies: bool,
    /// Its answers are another's: of another unit, panel or number.
    pub foreign: bool,
}

/// The switches of one sign.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    switches: Switches,
    silent_until: Option<Instant>,
    /// Requests so far.
    asked: u64,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Throws the switches.
    pub fn set(&self, switches: Switches) {
        self.lock().switches = switches;
    }

    /// How the switches stand.
    pub fn get(&self) -> Switches {
        self.lock().switches
    }

    /// Lets it be silent for so long, as while it starts.
    pub fn silence(&self, how_long: Duration) {
        self.lock().silent_until = Some(Instant::now() + how_long);
    }

    /// Waits as long as the sign takes; whether it answers the request that has just come.
    pub async fn answers(&self) -> bool {
        let (switches, silent_until, asked) = {
            let mut state = self.lock();
            state.asked += 1;
            (state.switches, state.silent_until, state.asked)
        };
        if !switches.slow.is_zero() {
            tokio::time::sleep(switches.slow).await;
        }
        !switches.deaf && !is_lost(asked, switches.loss) && silent_until.is_none_or(|until| Instant::now() >= until)
    }
}

/// Whether the request of this number is one of the share that is lost: spread by the golden ratio, the same in each run.
fn is_lost(number: u64, share: f64) -> bool {
    (number as f64 * 0.618_033_988_749_895).fract() < share
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_many_requests_are_lost_as_was_said() {
        let lost = |share| (1..=1_000).filter(|number| super::is_lost(*number, share)).count();
        assert_eq!((lost(0.0), lost(1.0)), (0, 1_000));
        assert!(lost(0.1).abs_diff(100) <= 3, "{}", lost(0.1));
    }
}
