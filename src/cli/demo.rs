//! `yunpark demo`: the whole system on embedded defaults, with a simulated county seat around it.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use figment::providers::Serialized;
use yunpark_simulator::{life, sign, town};

use super::output::{complain, say};
use crate::{
    app::App,
    clock::{self, Clock},
    config::{CameraCredential, Config, Secret},
    domain::staff::Role,
    lifecycle::{self, Stage},
    staff::StaffDesk,
    store::Db,
    telemetry,
};

/// Options of the demonstration.
#[derive(Args)]
pub struct Options {
    /// host:port of the pages and the API.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// host:port of the embedded MQTT broker.
    #[arg(long, default_value = "127.0.0.1:1883")]
    mqtt_listen: String,
    /// Where the demonstration keeps its database and pictures; a folder that goes away with it by default.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// How many times faster than life the town lives.
    #[arg(long, default_value_t = 30.0)]
    speed: f64,
    /// The same seed makes the same town.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Start the system without the simulated drivers and cameras.
    #[arg(long)]
    no_simulator: bool,
}

/// Demonstration accounts: name and role. Their passwords are printed.
const ACCOUNTS: [(&str, Role); 2] = [("officer", Role::Officer), ("supervisor", Role::Supervisor)];

/// A folder that is removed when the demonstration ends, unless the operator named it.
struct Folder {
    path: PathBuf,
    ours: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(folder = %self.path.display(), error = %error, "the demonstration's folder stays behind");
        }
    }
}

/// Starts everything, prints the addresses and the sign-in, and runs until stopped.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let folder = folder(options.data_dir.clone())?;
    let listen = free_address(&options.listen, "--listen")?;
    let mqtt_listen = free_address(&options.mqtt_listen, "--mqtt-listen")?;
    let ntcip_base_port = free_udp_base(NTCIP_SIGNS)?;
    let town = town::Town::generate(options.seed, &town::Options { ntcip_base_port });

    let secrets: BTreeMap<String, CameraCredential> = town
        .camera_ids()
        .into_iter()
        .map(|camera| Ok((camera, CameraCredential { token: secret()?, viid_password: secret()? })))
        .collect::<anyhow::Result<_>>()?;
    let mut config = configuration(&folder, listen, mqtt_listen)?;
    config.enforcement.cameras.clone_from(&secrets);
    telemetry::logs(&config.log)?;
    let metrics = telemetry::metrics()?;

    let db = Db::connect(&config.store).await?;
    db.migrate().await?;
    super::import::save(&db, &town.to_geojson()).await.context("the simulated town cannot be imported")?;
    let desk = StaffDesk::new(db.clone(), Clock::System, config.session.clone());
    let mut passwords = Vec::new();
    for (name, role) in ACCOUNTS {
        let password = password(listen)?;
        desk.add_or_reset(name, role, &password).await?;
        passwords.push((name, password));
    }
    db.close().await;

    let mut app = App::start(config, Clock::System, metrics).await?;
    if !options.no_simulator {
        start_town(&mut app, town, &secrets, &options)?;
    }
    greet(&app, mqtt_listen, &passwords, ntcip_base_port);
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
