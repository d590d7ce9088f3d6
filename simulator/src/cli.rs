//! The simulator's command line.

use std::io::Write as _;

use clap::{Parser, Subcommand};

use crate::town::{Town, TownOptions};

/// A made-up town that publishes over the real doors.
#[derive(Debug, Parser)]
#[command(name = "yunpark-simulator")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a made-up town as a city file, or brings it to life.
    City(CityArgs),
}

#[derive(Debug, clap::Args)]
struct CityArgs {
    /// Print the city file and stop.
    #[arg(long)]
    print: bool,
    /// The same seed gives the same town.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First UDP port of the eight NTCIP signs.
    #[arg(long, default_value_t = 16_100)]
    ntcip_base_port: u16,
}

impl Cli {
    /// Does what the command line says.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::City(args) => {
                let town = Town::generate(args.seed, TownOptions { ntcip_base_port: args.ntcip_base_port });
                writeln!(std::io::stdout(), "{}", town.to_geojson())?;
                Ok(())
            }
        }
    }
}
