//! `/healthz`, `/readyz`, `/metrics`: alive; ready, with each dependency named; measured.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::Shared;
use crate::keeper::Rebuilt;

/// Longest a dependency may take to answer; whoever asks whether the node is ready does not wait for long either.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// One thing the node needs, and whether it is there.
#[derive(Debug, Clone, Serialize)]
pub struct Dependency {
    /// Its name: `store`, `availability`, `mqtt`, `mqtt_signs`.
    pub name: &'static str,
    /// Whether it answers.
    pub ok: bool,
    /// What is wrong with it, or how it is.
    pub detail: Option<String>,
    /// Of `availability`: when and why it was last given back what it had lost, in this life of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Rebuilt>,
}

impl Dependency {
    /// A dependency as its own check found it.
    pub fn checked<E: std::fmt::Display>(name: &'static str, result: Result<(), E>) -> Self {
        Self::told(name, result.map(|()| None).map_err(|error| error.to_string()))
    }

    /// A dependency as it answers, or does not while one waits.
    async fn asked<E: std::fmt::Display>(name: &'static str, answer: impl Future<Output = Result<(), E>>) -> Self {
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(result) => Self::checked(name, result),
            Err(_) => Self::told(name, Err(format!("no answer within {} s", ANSWER_LIMIT.as_secs()))),
        }
    }

    /// A dependency as its own check found it, with what it has to tell while it is well.
    fn told(name: &'static str, result: Result<Option<String>, String>) -> Self {
        let ok = result.is_ok();
        Self { name, ok, detail: result.unwrap_or_else(Some), rebuilt: None }
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    dependencies: Vec<Dependency>,
}

/// Alive: the process answers.
pub async fn alive() -> &'static str {
    "ok"
}

/// Ready: every dependency of this node's roles answers.
pub async fn ready(State(services): State<Shared>) -> Response {
    // At the same time: one that is silent does not keep the others' answers back.
    let (store, availability) = tokio::join!(
        Dependency::asked("store", services.db.ping()),
        Dependency::asked("availability", services.engine.ping()),
    );
    let mut dependencies = vec![store, Dependency { rebuilt: services.kept.rebuilt(), ..availability }];
    if !services.board.is_ready() {
        dependencies.push(Dependency {
            name: "board",
            ok: false,
            detail: Some("does not follow the stream of changes".to_owned()),
            rebuilt: None,
        });
    }
    dependencies.extend(services.health.iter().map(|(name, check)| Dependency::told(name, check())));
    let ready = dependencies.iter().all(|dependency| dependency.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, dependencies })).into_response()
}

/// Prometheus metrics.
pub async fn metrics(State(services): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], services.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dependency_that_is_silent_is_named_and_keeps_nobody_waiting() {
        let silent = Dependency::asked("store", std::future::pending::<Result<(), String>>()).await;
        assert!(!silent.ok);
        assert_eq!(silent.detail.as_deref(), Some("no answer within 2 s"));
        let well = Dependency::asked("store", async { Ok::<(), String>(()) }).await;
        assert!(well.ok && well.detail.is_none());
    }
}
