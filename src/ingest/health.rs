//! How the sensors' door is, for readiness.

use std::sync::Arc;

use tokio::sync::watch;

/// How the sensors' door is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Connected to the broker and subscribed.
    pub connected: bool,
    /// The last batch was applied.
    pub engine_ok: bool,
    /// What ails the connection or the engine, while it does.
    pub fault: Option<String>,
}

impl Health {
    /// Whether messages come in and take effect.
    pub fn is_ok(&self) -> bool {
        self.connected && self.engine_ok
    }
}

/// Where door and pipeline tell how they are.
#[derive(Debug, Clone)]
pub(super) struct Teller(Arc<watch::Sender<Health>>);

pub(super) fn channel() -> (Teller, watch::Receiver<Health>) {
    let (sender, receiver) = watch::channel(Health { connected: false, engine_ok: true, fault: None });
    (Teller(Arc::new(sender)), receiver)
}

impl Teller {
    pub(super) fn connected(&self) {
        self.tell(|health| {
            health.connected = true;
            if health.engine_ok {
                health.fault = None;
            }
        });
    }

    pub(super) fn disconnected(&self, fault: &str) {
        if self.tell(|health| (health.connected, health.fault) = (false, Some(fault.to_owned()))) {
            tracing::warn!(error = fault, "the sensors' connection to the broker is ill");
        }
    }

    pub(super) fn applied(&self) {
        if !self.0.borrow().engine_ok {
            tracing::info!("the availability engine takes observations again");
            self.tell(|health| (health.engine_ok, health.fault) = (true, None));
        }
    }

    pub(super) fn not_applied(&self, fault: &str) {
        if self.tell(|health| (health.engine_ok, health.fault) = (false, Some(fault.to_owned()))) {
            tracing::error!(
                error = fault,
                "observations cannot be applied; messages stay unacknowledged until they can"
            );
        }
    }

    /// Whether it was news.
    fn tell(&self, change: impl FnOnce(&mut Health)) -> bool {
        self.0.send_if_modified(|health| {
            let before = health.clone();
            change(health);
            *health != before
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_until_it_comes_right() {
        let (teller, health) = channel();
        assert!(!health.borrow().is_ok(), "nobody is connected yet");
        teller.connected();
        assert!(health.borrow().is_ok());
        teller.not_applied("Redis does not answer");
        assert_eq!(health.borrow().fault.as_deref(), Some("Redis does not answer"));
        teller.connected();
        assert!(health.borrow().fault.is_some(), "a new connection does not mend the engine");
        teller.applied();
        assert!(health.borrow().is_ok() && health.borrow().fault.is_none());
        teller.disconnected("no route");
        assert!(!health.borrow().is_ok());
    }
}
