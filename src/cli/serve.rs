//! `yunpark serve`: runs this node until it is told to stop, or until a component dies.

use std::process::ExitCode;

use clap::Args;

use super::output::complain;
use crate::{
    app::App,
    clock::Clock,
    config::Config,
    domain::time::{Instant, parse_rfc3339},
    lifecycle::{self, Stage},
    telemetry,
};

/// A node whose clock runs faster, beside a simulated town that does the same. Never for a real one.
#[derive(Debug, Args)]
pub(super) struct Rehearsal {
    /// The instant at which the fast clock and the wall's agree, RFC 3339.
    #[arg(long, hide = true, value_parser = parse_rfc3339, requires = "rehearse_speed")]
    rehearse_from: Option<Instant>,
    /// Times real time, up to 10: what a message takes on its way is multiplied too.
    #[arg(long, hide = true, value_parser = clap::value_parser!(u32).range(1..=10), requires = "rehearse_from")]
    rehearse_speed: Option<u32>,
}

impl Rehearsal {
    /// The clock of the node.
    pub(super) fn clock(&self) -> Clock {
        match (self.rehearse_from, self.rehearse_speed) {
            (Some(from), Some(speed)) => Clock::Fast { from, speed: f64::from(speed) },
            _ => Clock::System,
        }
    }
}

/// Runs this node; exit 0 after a drained stop, 1 when a component died.
pub async fn run(config: Config, clock: Clock) -> anyhow::Result<ExitCode> {
    let spans = telemetry::logs(&config.log, &config.telemetry)?;
    let metrics = telemetry::metrics()?;
    let mut app = App::start(config, clock, metrics).await?;
    let rest = app.lifecycle().token(Stage::Rest);
    app.lifecycle().start("spans", Stage::Rest, spans.run(rest));
    tracing::info!(http = %app.http, "ready");
    let stop = async {
        if let Err(error) = lifecycle::signal().await {
            tracing::error!(error = %error, "signals cannot be heard");
        }
    };
    match app.run(stop).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(death) => Ok(complain(&death.to_string())),
    }
}
