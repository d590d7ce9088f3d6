//! Named components, a stop in two stages, and a process that ends in failure when a component dies.

use std::{future::Future, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Why a component ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Death {
    /// It returned an error.
    #[error("component {name} failed: {reason}")]
    Failed {
        /// The component.
        name: String,
        /// Its error.
        reason: String,
    },
    /// It returned while the system was still to run.
    #[error("component {name} ended although nobody asked it to")]
    Ended {
        /// The component.
        name: String,
    },
    /// It panicked.
    #[error("component {name} panicked")]
    Panicked {
        /// The component.
        name: String,
    },
    /// It did not stop within the time a stop may take.
    #[error("components did not stop in time: {names}")]
    Hung {
        /// The components, comma-separated.
        names: String,
    },
}

/// Says, when dropped, that its component has ended: also when the task panics.
struct Bell {
    name: String,
    result: Option<Result<(), String>>,
    ring: mpsc::UnboundedSender<(String, Option<Result<(), String>>)>,
}

impl Drop for Bell {
    fn drop(&mut self) {
        // The receiver is gone only when the lifecycle itself is being torn down.
        let _ = self.ring.send((std::mem::take(&mut self.name), self.result.take()));
    }
}

/// The system's components. The first stage of a stop asks the doors to close (`stop_doors`); when they are drained, the
/// second stage stops what stood behind them (`stop_rest`).
pub struct Lifecycle {
    doors: CancellationToken,
    rest: CancellationToken,
    tasks: JoinSet<()>,
    running: Vec<(String, Stage)>,
    ring: mpsc::UnboundedSender<(String, Option<Result<(), String>>)>,
    bells: mpsc::UnboundedReceiver<(String, Option<Result<(), String>>)>,
}

/// When a component stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// First: it lets work in (HTTP, MQTT).
    Door,
    /// Second: it works for the doors.
    Rest,
}

impl Default for Lifecycle {
    fn default() -> Self {
        let (ring, bells) = mpsc::unbounded_channel();
        Self {
            doors: CancellationToken::new(),
            rest: CancellationToken::new(),
            tasks: JoinSet::new(),
            running: Vec::new(),
            ring,
            bells,
        }
    }
}

impl Lifecycle {
    /// The token a component of this stage watches.
    pub fn token(&self, stage: Stage) -> CancellationToken {
        match stage {
            Stage::Door => self.doors.clone(),
            Stage::Rest => self.rest.clone(),
        }
    }

    /// Starts a component. It must run until its stage's token is cancelled.
    pub fn start<F, E>(&mut self, name: &str, stage: Stage, component: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        self.running.push((name.to_owned(), stage));
        let bell = Bell { name: name.to_owned(), result: None, ring: self.ring.clone() };
        self.tasks.spawn(async move {
            let mut bell = bell;
            let result = component.await.map_err(|error| error.to_string());
            bell.result = Some(result);
        });
    }

    /// Runs until `stop` resolves or a component dies, then stops in two stages, each within `grace`.
    pub async fn run(mut self, stop: impl Future<Output = ()>, grace: Duration) -> Result<(), Death> {
        let death = tokio::select! {
            () = stop => None,
            bell = self.bells.recv() => bell.map(|(name, result)| {
                self.running.retain(|(running, _)| *running != name);
                death_of(name, result)
            }),
        };
        if let Some(death) = &death {
            tracing::error!(error = %death, "a component died; stopping the system");
        }
        self.doors.cancel();
        let first = self.wait(Some(Stage::Door), grace).await;
        self.rest.cancel();
        let second = self.wait(None, grace).await;
        match death {
            Some(death) => Err(death),
            None => first.and(second),
        }
    }

    /// Waits until no component of the stage (of any, if `None`) runs any more.
    async fn wait(&mut self, stage: Option<Stage>, grace: Duration) -> Result<(), Death> {
        let deadline = tokio::time::sleep(grace);
        tokio::pin!(deadline);
        let mut outcome = Ok(());
        while self.running.iter().any(|(_, s)| stage.is_none_or(|stage| *s == stage)) {
            tokio::select! {
                () = &mut deadline => {
                    let waited = self.running.iter().filter(|(_, s)| stage.is_none_or(|stage| *s == stage));
                    let names: Vec<&str> = waited.map(|(name, _)| name.as_str()).collect();
                    return Err(Death::Hung { names: names.join(", ") });
                }
                bell = self.bells.recv() => if let Some((name, result)) = bell {
                    self.running.retain(|(running, _)| *running != name);
                    if !matches!(result, Some(Ok(()))) && outcome.is_ok() {
                        outcome = Err(death_of(name, result));
                    }
                },
            }
        }
        outcome
    }
}

fn death_of(name: String, result: Option<Result<(), String>>) -> Death {
    match result {
        Some(Ok(())) => Death::Ended { name },
        Some(Err(reason)) => Death::Failed { name, reason },
        None => Death::Panicked { name },
    }
}

/// Resolves at SIGTERM or SIGINT.
pub async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn doors_stop_before_what_stands_behind_them() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut lifecycle = Lifecycle::default();
        for (name, stage) in [("store", Stage::Rest), ("http", Stage::Door)] {
            let (token, order) = (lifecycle.token(stage), order.clone());
            lifecycle.start(name, stage, async move {
                token.cancelled().await;
                order.lock().unwrap().push(name);
                Ok::<_, std::io::Error>(())
            });
        }
        lifecycle.run(async {}, GRACE).await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["http", "store"]);
    }

    #[tokio::test]
    async fn a_panic_pulls_the_cord_and_names_the_component() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.start("ill", Stage::Rest, async {
            assert_eq!(1, 2, "this component is ill");
            Ok::<_, std::io::Error>(())
        });
        let death = lifecycle.run(std::future::pending(), GRACE).await.unwrap_err();
        assert_eq!(death.to_string(), "component ill panicked");
    }

    #[tokio::test]
    async fn an_error_is_told_with_its_reason() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.start("mqtt", Stage::Door, async { Err::<(), _>("no route to broker") });
        let death = lifecycle.run(std::future::pending(), GRACE).await.unwrap_err();
        assert_eq!(death.to_string(), "component mqtt failed: no route to broker");
    }

    #[tokio::test]
    async fn a_component_that_will_not_stop_is_named() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.start("stubborn", Stage::Rest, std::future::pending::<Result<(), String>>());
        let death = lifecycle.run(async {}, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(death.to_string(), "components did not stop in time: stubborn");
    }
}
