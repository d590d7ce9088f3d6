//! The simulator's command line.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{
    life, load, sign,
    town::{Town, TownOptions},
};

/// A made-up town that publishes over the real doors.
#[derive(Debug, Parser)]
#[command(name = "yunpark-simulator", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a made-up town as a city file, or bring it to life.
    City(CityArgs),
    /// Publish bay states at a rate, and count.
    Load(LoadArgs),
    /// Emulate roadside signs and print what they show.
    Sign(sign::Args),
}

#[derive(Debug, clap::Args)]
struct CityArgs {
    /// Print the city file and stop.
    #[arg(long)]
    print: bool,
    /// Print what the town hides for reports to find, as JSON, and stop.
    #[arg(long)]
    truth: bool,
    /// The same seed gives the same town.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First UDP port of the eight NTCIP signs.
    #[arg(long, default_value_t = 16_100)]
    ntcip_base_port: u16,
    /// Broker the town's sensors publish to.
    #[arg(long, value_name = "mqtt://HOST:PORT", required_unless_present_any = ["print", "truth"])]
    mqtt: Option<String>,
    /// Server the town's cameras post to.
    #[arg(long, value_name = "http://HOST:PORT", requires = "cameras")]
    http: Option<String>,
    /// JSON file: {"C01": {"token": "...", "viid_password": "..."}, ...}
    #[arg(long, value_name = "FILE")]
    cameras: Option<PathBuf>,
    /// Times real time.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    #[command(flatten)]
    faults: life::faults::Faults,
}

#[derive(Debug, clap::Args)]
struct LoadArgs {
    /// Broker to publish to.
    #[arg(long, value_name = "mqtt://HOST:PORT", required_unless_present = "print_city")]
    mqtt: Option<String>,
    /// Lots, named LOAD-1 onwards.
    #[arg(long, default_value_t = 10)]
    lots: u32,
    /// Spaces in each lot, named S0001 onwards.
    #[arg(long, default_value_t = 100)]
    spaces: u32,
    /// Messages a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Share of messages that are sent twice, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    duplicates: f64,
    /// Let neighbouring messages change places.
    #[arg(long)]
    shuffle: bool,
    /// The same seed gives the same messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the true counts to this file as JSON before sending.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Print the city file with these lots and stop.
    #[arg(long)]
    print_city: bool,
}

/// What a camera proves itself with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Credential {
    token: Option<String>,
    viid_password: Option<String>,
}

impl Cli {
    /// Does what the command line says; stops at Ctrl-C or SIGTERM.
    pub async fn run(self) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        tokio::spawn(stop_at_signal(stop.clone()));
        match self.command {
            Command::City(args) => city(args, stop).await,
            Command::Load(args) => measure(args, stop).await,
            Command::Sign(args) => sign::run(args).await,
        }
    }
}

async fn stop_at_signal(stop: CancellationToken) {
    let terminated = async {
        #[cfg(unix)]
        if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            signal.recv().await;
            return;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    stop.cancel();
}

async fn city(args: CityArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let town = Town::generate(args.seed, TownOptions { ntcip_base_port: args.ntcip_base_port });
    if args.print {
        writeln!(std::io::stdout(), "{}", town.to_geojson())?;
        return Ok(());
    }
    if args.truth {
        let told = serde_json::json!({"missing_sign": town.missing_sign});
        writeln!(std::io::stdout(), "{told}")?;
        return Ok(());
    }
    let credentials: BTreeMap<String, Credential> = match &args.cameras {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text).with_context(|| format!("{} is not a list of cameras", path.display()))?
        }
        None => BTreeMap::new(),
    };
    let (mut camera_tokens, mut viid_passwords) = (BTreeMap::new(), BTreeMap::new());
    for (camera, credential) in credentials {
        camera_tokens.extend(credential.token.map(|token| (camera.clone(), token)));
        viid_passwords.extend(credential.viid_password.map(|password| (camera, password)));
    }
    let options = life::Options {
        town,
        mqtt_url: args.mqtt.unwrap_or_default(),
        http_base: args.http,
        camera_tokens,
        viid_passwords,
        speed: args.speed,
        seed: args.seed,
        faults: args.faults,
    };
    life::run(options, stop).await
}

async fn measure(args: LoadArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let options = load::Options {
        mqtt_url: args.mqtt.unwrap_or_default(),
        lots: args.lots,
        spaces: args.spaces,
        rate: args.rate,
        seconds: args.seconds,
        duplicates: args.duplicates,
        shuffle: args.shuffle,
        seed: args.seed,
        truth: args.truth,
    };
    if args.print_city {
        writeln!(std::io::stdout(), "{}", options.script().city())?;
        return Ok(());
    }
    let outcome = load::run(&options, stop).await?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&outcome)?)?;
    Ok(())
}
