//! The fence before a sign: what a driver must ask before each write, so that it stops before its sign can be another node's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::Error;
use crate::{clock::Steady, domain::lease};

/// One lease that this node holds, as its driver sees it.
#[derive(Debug)]
pub struct Tenure {
    token: u64,
    steady: Steady,
    /// When this node stops, microseconds of the steady clock.
    ends_us: AtomicU64,
    /// It is known to be another's, or nobody's.
    is_over: AtomicBool,
}

impl Tenure {
    /// A lease that holds until `ends`.
    pub fn new(token: u64, ends: Duration, steady: Steady) -> Self {
        Self { token, steady, ends_us: AtomicU64::new(micros(ends)), is_over: AtomicBool::new(false) }
    }

    /// Its token: every later lease of the sign has a higher one.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// It was renewed.
    pub fn extend(&self, ends: Duration) {
        self.ends_us.fetch_max(micros(ends), Ordering::SeqCst);
    }

    /// It is over, whatever it was thought to last.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether something that may take this long may be begun now.
    pub fn permits(&self, write: Duration) -> bool {
        let ends = Duration::from_micros(self.ends_us.load(Ordering::SeqCst));
        !self.is_over.load(Ordering::SeqCst) && lease::permits(ends, self.steady.now(), write)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What a driver asks before each write.
#[derive(Debug, Clone, Default)]
pub struct Fence(Option<Arc<Tenure>>);

impl Fence {
    /// The fence of a node that is alone: every write is its own to make.
    pub fn alone() -> Self {
        Self(None)
    }

    /// The fence of a lease.
    pub fn of(tenure: Arc<Tenure>) -> Self {
        Self(Some(tenure))
    }

    /// The lease's token; `None` where a node is alone.
    pub fn token(&self) -> Option<u64> {
        self.0.as_ref().map(|tenure| tenure.token())
    }

    /// Asked immediately before a write that is over, or given up, within `write`.
    ///
    /// # Errors
    /// [`Error::Unleased`] if the lease might end before the write does.
    pub fn check(&self, write: Duration) -> Result<(), Error> {
        if self.0.as_ref().is_none_or(|tenure| tenure.permits(write)) {
            return Ok(());
        }
        metrics::counter!("yunpark_sign_writes_held_back_total").increment(1);
        Err(Error::Unleased)
    }

    /// Whether the sign is this node's to speak of.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|tenure| tenure.permits(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_write_is_begun_only_if_it_is_over_before_the_lease() {
        let steady = Steady::manual();
        let tenure = Arc::new(Tenure::new(7, S(8), steady.clone()));
        let fence = Fence::of(tenure.clone());
        assert!(fence.check(S(5)).is_ok());
        steady.advance(S(3));
        assert!(matches!(fence.check(S(5)), Err(Error::Unleased)), "it could end in the very moment the lease does");
        assert!(fence.check(S(4)).is_ok() && fence.holds());
        tenure.extend(S(11));
        assert!(fence.check(S(5)).is_ok(), "renewed");
        tenure.extend(S(9));
        assert!(fence.check(S(7)).is_ok(), "an answer that comes late takes nothing back");
        // Stopped, or asleep, for longer than the lease lasts.
        steady.advance(S(3_600));
        assert!(fence.check(Duration::ZERO).is_err() && !fence.holds());
    }

    #[test]
    fn a_lease_that_is_known_to_be_lost_is_over_at_once_and_for_good() {
        let tenure = Arc::new(Tenure::new(7, S(8), Steady::manual()));
        let fence = Fence::of(tenure.clone());
        tenure.end();
        tenure.extend(S(100));
        assert!(fence.check(Duration::ZERO).is_err());
        assert_eq!((fence.token(), Fence::alone().token()), (Some(7), None));
        assert!(Fence::alone().check(S(1_000_000)).is_ok());
    }
}

#[cfg(test)]
#[path = "fence_tests.rs"]
mod drivers;
