//! Starts the simulator's command line.

use clap::Parser as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    yunpark_simulator::cli::Cli::parse().run().await
}
