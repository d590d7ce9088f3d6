//! `yunpark doctor`: looks at everything a node needs before, or while, it runs; one line for each thing looked at, with what to
//! do where it is not well. Nothing is changed but the function library, which Redis is given as at every start.

mod broker;
mod certificate;
mod database;
mod names;
mod places;
mod redis;
mod secrecy;

use std::{path::Path, process::ExitCode};

use serde::Serialize;

use super::output::say;
use crate::config::Config;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warn,
    Bad,
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    told: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

/// All that was found.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn ok(&mut self, check: &'static str, told: impl Into<String>) {
        self.0.push(Finding { check, state: State::Ok, told: told.into(), todo: None });
    }

    fn warn(&mut self, check: &'static str, told: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Finding { check, state: State::Warn, told: told.into(), todo: Some(todo.into()) });
    }

    fn bad(&mut self, check: &'static str, told: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Finding { check, state: State::Bad, told: told.into(), todo: Some(todo.into()) });
    }

    /// Another clock beside ours, by so many microseconds ahead of it.
    fn clock(&mut self, whose: &str, ahead_us: i64) {
        let off_ms = ahead_us / 1000;
        let told = format!("{whose} is {off_ms} ms from this machine's clock");
        match off_ms.abs() {
            0..=999 => self.ok("clock", told),
            1000..=4999 => self.warn("clock", told, "let NTP set the clocks of both machines"),
            _ => self.bad("clock", told, "let NTP set the clocks of both machines; order and limits go by them"),
        }
    }

    fn is_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.state == State::Bad)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Bad => "bad",
        };
        // An error of a library may have lines of its own.
        let told = self.told.replace('\n', " ");
        write!(f, "{state:<5} {:<12} {told}", self.check)?;
        self.todo.as_ref().map_or(Ok(()), |todo| write!(f, " -> {todo}"))
    }
}

/// Looks at what a configuration names; exit 1 if something is bad.
pub async fn run(file: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    match Config::load(Some(file)) {
        Ok(config) => {
            report.ok("config", format!("{} reads", file.display()));
            places::permissions(&mut report, file, &config);
            let db = database::look(&mut report, &config).await;
            redis::look(&mut report, &config).await;
            broker::look(&mut report, &config).await;
            secrecy::look(&mut report, &config);
            places::evidence(&mut report, &config).await;
            places::room(&mut report, &config);
            places::ports(&mut report, &config).await;
            if let Some(db) = db {
                names::signs(&mut report, &db).await;
                db.close().await;
            }
            names::certificates(&mut report, &config).await;
        }
        Err(error) => report.bad("config", error.to_string(), "see `yunpark config print` for every key"),
    }
    if as_json {
        say(&serde_json::to_string_pretty(&report.0)?);
    } else {
        for finding in &report.0 {
            say(&finding.to_string());
        }
    }
    Ok(if report.is_bad() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
