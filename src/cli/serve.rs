//! `yunpark serve`: runs this node until it is told to stop, or until a component dies.

use std::process::ExitCode;

use super::output::complain;
use crate::{app::App, clock::Clock, config::Config, lifecycle, telemetry};

/// Runs this node; exit 0 after a drained stop, 1 when a component died.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::logs(&config.log)?;
    let metrics = telemetry::metrics()?;
    let app = App::start(config, Clock::System, metrics).await?;
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
