//! What is wrong with a city file: which feature, which key, and why.

use std::{cell::RefCell, fmt};

/// One fault of a city file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `lot L1`, `feature #17` (counted from 1), `sensors[3]` (counted from 0), or `(file)`.
    pub feature: String,
    /// The dotted path of the wrong key, e.g. `properties.capacity`; `(all)` when the whole is unreadable.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.feature, self.key, self.reason)
    }
}

/// Gathers faults while a file is read, so that every one is told and not the first alone.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    /// Notes a fault; whatever the file says is brought onto one line.
    pub(super) fn add(&self, feature: &str, key: &str, reason: impl fmt::Display) {
        let reason: String = reason.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.0.borrow_mut().push(Fault { feature: feature.to_owned(), key: key.to_owned(), reason });
    }

    /// All of them, in the order they were met.
    pub(super) fn into_vec(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}
