//! The law of order: which of two observations of one subject is the newer.

use serde::{Deserialize, Serialize};

/// An observation's place in its subject's order.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// `observed_at`, microseconds since the Unix epoch.
    pub at_us: i64,
    /// The device's session; no session is a session of its own.
    pub session: &'a str,
    /// The device's sequence number.
    pub seq: Option<u64>,
}

/// What is kept of a subject (a space, a lane, a lot's absolute count) to tell what is newer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// The newest `observed_at` applied, microseconds; 0 before the first.
    pub at_us: i64,
    /// Where the present run of sequence numbers began, if another run went before it, microseconds; else 0.
    #[serde(default)]
    pub since_us: i64,
    /// The last sequence number applied.
    #[serde(default)]
    pub seq: Option<u64>,
    /// The session of that number; `None` for the empty one.
    #[serde(default)]
    pub session: Option<Box<str>>,
}

impl Mark {
    /// Whether anything was ever applied.
    pub fn is_heard(&self) -> bool {
        self.at_us != 0
    }

    /// Takes a newer observation and returns true; leaves everything as it was and returns false for any other.
    ///
    /// Within a session the sequence number decides, unless it fell back and the time is later by more than
    /// `seq_reset_us`: then the device has restarted. Otherwise the time decides. A run of numbers that followed another
    /// admits nothing from before its own beginning, so that what was applied in the earlier run is never applied again.
    pub fn admit(&mut self, stamp: Stamp<'_>, seq_reset_us: i64) -> bool {
        let last_us = self.at_us;
        let is_same_session = self.session.as_deref().unwrap_or("") == stamp.session;
        let begins_run = if last_us == 0 {
            false
        } else {
            match (stamp.seq, self.seq) {
                (Some(new), Some(last)) if is_same_session => {
                    if new > last {
                        if stamp.at_us < self.since_us {
                            return false;
                        }
                        false
                    } else if stamp.at_us > last_us.saturating_add(seq_reset_us) {
                        true
                    } else {
                        return false;
                    }
                }
                _ if stamp.at_us > last_us => true,
                _ => return false,
            }
        };
        if begins_run {
            self.since_us = stamp.at_us;
        }
        self.at_us = last_us.max(stamp.at_us);
        self.seq = stamp.seq;
        if !is_same_session {
            self.session = (!stamp.session.is_empty()).then(|| stamp.session.into());
        }
        true
    }

    /// Takes an operator's word, which is always the newest.
    pub fn overrule(&mut self, at_us: i64) {
        let at_us = self.at_us.max(at_us);
        *self = Self { at_us, since_us: at_us, seq: None, session: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const RESET: i64 = 600 * SECOND;

    fn stamp(at_s: i64, session: &str, seq: Option<u64>) -> Stamp<'_> {
        Stamp { at_us: at_s * SECOND, session, seq }
    }

    /// Applies the stamps in order and says which were taken.
    fn taken(stamps: &[Stamp<'_>]) -> Vec<bool> {
        let mut mark = Mark::default();
        stamps.iter().map(|stamp| mark.admit(*stamp, RESET)).collect()
    }

    #[test]
    fn within_a_session_the_sequence_number_decides() {
        let stamps = [stamp(100, "a", Some(10)), stamp(101, "a", Some(12)), stamp(102, "a", Some(11))];
        assert_eq!(taken(&stamps), [true, true, false]);
        assert_eq!(taken(&[stamp(100, "a", Some(1)), stamp(90, "a", Some(2))]), [true, true]);
    }

    #[test]
    fn a_new_session_and_a_device_without_numbers_go_by_time() {
        assert_eq!(taken(&[stamp(100, "a", Some(10)), stamp(101, "b", Some(0))]), [true, true]);
        assert_eq!(taken(&[stamp(100, "a", Some(10)), stamp(99, "b", Some(11))]), [true, false]);
        assert_eq!(taken(&[stamp(100, "", None), stamp(100, "", None), stamp(101, "", None)]), [true, false, true]);
    }

    #[test]
    fn a_restarted_device_is_believed_once_its_time_is_much_later() {
        let stamps = [
            stamp(1000, "", Some(500)),
            stamp(1600, "", Some(0)),
            stamp(1601, "", Some(0)),
            stamp(1602, "", Some(1)),
            stamp(1000, "", Some(500)),
        ];
        assert_eq!(taken(&stamps), [true, false, true, true, false], "what was applied before the restart stays late");
    }

    proptest::proptest! {
        #[test]
        fn what_was_applied_once_is_never_applied_again(
            raw in proptest::collection::vec((1_i64..2000, 0_u8..2, proptest::option::of(0_u64..6)), 1..60),
        ) {
            let sessions = ["", "s"];
            let mut mark = Mark::default();
            let mut applied: Vec<Stamp<'_>> = Vec::new();
            for (at_s, session, seq) in raw {
                let next = stamp(at_s, sessions[usize::from(session)], seq);
                if mark.admit(next, RESET) {
                    applied.push(next);
                }
                for old in &applied {
                    let before = mark.clone();
                    proptest::prop_assert!(!mark.admit(*old, RESET));
                    proptest::prop_assert_eq!(&before, &mark);
                }
            }
        }
    }
}
