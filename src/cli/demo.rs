//! `yunpark demo`: the whole system on embedded defaults, with a simulated county seat around it.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use chrono::DurationRound;
use clap::Args;
use figment::providers::Serialized;
use yunpark_simulator::{life, sign, town};

use super::output::{complain, say};
use crate::{
    app::App,
    clock::{self, Clock},
    config::{CameraCredential, Config, Secret},
    domain::{ids::LotId, staff::Role},
    lifecycle::{self, Stage},
    staff::StaffDesk,
    store::{
        Db,
        history::{self, Point},
    },
    telemetry,
};

/// Where the pages and the API are found unless told otherwise.
const LISTEN: &str = "127.0.0.1:8080";
/// Where the broker is found unless told otherwise.
const MQTT_LISTEN: &str = "127.0.0.1:1883";

/// Options of the demonstration.
#[derive(Args)]
pub struct Options {
    /// host:port of the pages and the API.
    #[arg(long, default_value = LISTEN)]
    listen: String,
    /// host:port of the embedded MQTT broker.
    #[arg(long, default_value = MQTT_LISTEN)]
    mqtt_listen: String,
    /// Where the demonstration keeps its database and pictures; a folder that goes away with it by default.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// How many times faster than life the town lives.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// The same seed makes the same town.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Start the system without the simulated drivers and cameras.
    #[arg(long)]
    no_simulator: bool,
    #[command(flatten)]
    faults: life::faults::Faults,
}

/// Simulated signs that speak NTCIP 1203, each on a UDP port of its own.
const NTCIP_SIGNS: u16 = 8;
/// Where free UDP ports are looked for.
const NTCIP_PORTS: (u16, u16) = (16_101, 17_001);

/// Demonstration accounts: name and role. Their passwords are printed.
const ACCOUNTS: [(&str, Role); 4] = [
    ("officer", Role::Officer),
    ("supervisor", Role::Supervisor),
    ("operator", Role::Operator),
    ("admin", Role::Admin),
];

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
    let listen = free_address(&options.listen, "--listen", LISTEN)?;
    let mqtt_listen = free_address(&options.mqtt_listen, "--mqtt-listen", MQTT_LISTEN)?;
    let ntcip_base_port = free_udp_base(NTCIP_SIGNS)?;
    let town = town::Town::generate(options.seed, town::TownOptions { ntcip_base_port });

    let secrets: BTreeMap<String, CameraCredential> = town
        .cameras
        .iter()
        .map(|camera| {
            Ok((
                camera.id.clone(),
                CameraCredential { token: secret()?, viid_password: secret()?, ..CameraCredential::default() },
            ))
        })
        .collect::<anyhow::Result<_>>()?;
    let mut config = configuration(&folder, listen, mqtt_listen)?;
    config.enforcement.cameras.clone_from(&secrets);
    let spans = telemetry::logs(&config.log, &config.telemetry)?;
    let metrics = telemetry::metrics()?;

    let db = Db::connect(&config.store).await?;
    db.migrate().await?;
    super::import::save(&db, &town.to_geojson(), &config.guidance)
        .await
        .context("the simulated town cannot be imported")?;
    if !options.no_simulator {
        remember(&db, &town, options.seed).await.context("the town's past cannot be stored")?;
    }
    let desk = StaffDesk::new(db.clone(), Clock::System, config.session.clone());
    let mut passwords = Vec::new();
    for (name, role) in ACCOUNTS {
        let password = password(listen)?;
        desk.add_or_reset(name, role, &password).await?;
        passwords.push((name, password));
    }
    db.close().await;

    let mut app = App::start(config, Clock::System, metrics).await?;
    let rest = app.lifecycle().token(Stage::Rest);
    app.lifecycle().start("spans", Stage::Rest, spans.run(rest));
    start_town(&mut app, town, &secrets, &options)?;
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

/// Gives the town a past to learn from, unless it has one. Counts fall on quarters of an hour, which is what is learned of long ago.
async fn remember(db: &Db, town: &town::Town, seed: u64) -> anyhow::Result<()> {
    let now = Clock::System.now();
    let from = now - chrono::Duration::days(life::past::DAYS);
    let Some(first) = town.lots.first() else { return Ok(()) };
    if !history::range(db, &LotId::parse(&first.id)?, from, now, 1).await?.is_empty() {
        return Ok(());
    }
    let points = life::past::counts(town, seed, now.duration_trunc(chrono::Duration::minutes(15))?);
    let points = points.into_iter().map(|count| {
        Ok(Point {
            lot: LotId::parse(&count.lot)?,
            at: count.at,
            free: count.capacity - count.taken,
            occupied: count.taken,
            unknown: 0,
            out_of_service: 0,
            capacity: count.capacity,
        })
    });
    let points = points.collect::<anyhow::Result<Vec<Point>>>()?;
    let mut tx = db.begin_write().await?;
    history::append(&mut tx, &points).await?;
    tx.commit().await?;
    Ok(())
}

/// The folder of the demonstration: the operator's, or one of our own that goes away with us.
fn folder(named: Option<PathBuf>) -> anyhow::Result<Folder> {
    let ours = named.is_none();
    let path = named.unwrap_or_else(|| std::env::temp_dir().join(format!("yunpark-demo-{}", clock::new_id())));
    std::fs::create_dir_all(&path).with_context(|| format!("the folder {} cannot be made", path.display()))?;
    Ok(Folder { path, ours })
}

/// The address asked for; where nobody asked and the usual port is taken, a free one, so that two demonstrations run side by
/// side.
fn free_address(wanted: &str, option: &str, usual: &str) -> anyhow::Result<SocketAddr> {
    let address = wanted.to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = address.with_context(|| format!("{option}: {wanted} is no host:port"))?;
    let probe = TcpListener::bind(address).or_else(|error| {
        let asked_for = wanted != usual;
        if asked_for { Err(error) } else { TcpListener::bind(SocketAddr::new(address.ip(), 0)) }
    });
    Ok(probe.with_context(|| format!("{option}: cannot listen on {address}"))?.local_addr()?)
}

/// The first of `count` UDP ports in a row that nobody uses.
fn free_udp_base(count: u16) -> anyhow::Result<u16> {
    (NTCIP_PORTS.0..NTCIP_PORTS.1)
        .step_by(usize::from(count))
        .find(|base| (0..count).all(|i| std::net::UdpSocket::bind(("127.0.0.1", base + i)).is_ok()))
        .context("no free UDP ports for the simulated signs")
}

/// The configuration of the demonstration, laid over the defaults.
fn configuration(folder: &Folder, listen: SocketAddr, mqtt_listen: SocketAddr) -> anyhow::Result<Config> {
    let inside = |name: &str| folder.path.join(name).display().to_string();
    let layers = Config::layers(None)?
        .merge(Serialized::default("http.listen", listen.to_string()))
        .merge(Serialized::default("mqtt.url", ""))
        .merge(Serialized::default("mqtt.embedded_listen", mqtt_listen.to_string()))
        .merge(Serialized::default("store.url", format!("sqlite://{}", inside("yunpark.db"))))
        .merge(Serialized::default("store.evidence_dir", inside("evidence")))
        .merge(Serialized::default("enforcement.heads_dir", inside("heads")))
        .merge(Serialized::default("enforcement.signing_key", inside("ledger.key")))
        .merge(Serialized::default("availability.redis_url", ""))
        .merge(Serialized::default("availability.journal", inside("availability.journal")));
    // The addresses should stay in sight: only what goes wrong is logged, unless somebody asks for more.
    let layers = if std::env::var_os("YUNPARK_LOG__FILTER").is_none() {
        layers.merge(Serialized::default("log.filter", "warn,rumqttd=off,async_snmp=off"))
    } else {
        layers
    };
    Ok(Config::layered(layers)?)
}

/// A random credential for a simulated camera.
fn secret() -> anyhow::Result<Secret> {
    Ok(Secret::from(hex::encode(clock::random_bytes::<16>()?).as_str()))
}

/// A password that is easy to type on this machine only; anywhere else it is a random one.
fn password(listen: SocketAddr) -> anyhow::Result<String> {
    if listen.ip().is_loopback() { Ok("yunpark-demo".to_owned()) } else { Ok(hex::encode(clock::random_bytes::<6>()?)) }
}

/// A speed above zero.
fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("must be a number above 0".to_owned()),
    }
}

/// Adds the town and its signs to the running node.
fn start_town(
    app: &mut App,
    town: town::Town,
    secrets: &BTreeMap<String, CameraCredential>,
    options: &Options,
) -> anyhow::Result<()> {
    let mqtt_url = format!("mqtt://{}", app.broker.context("the demonstration runs its own broker")?);
    let http_base = format!("http://{}", app.http);
    let lifecycle = app.lifecycle();
    let stop = lifecycle.token(Stage::Door);
    let rest = lifecycle.token(Stage::Rest);
    lifecycle.start("simulated-signs", Stage::Rest, sign::run_town(town.clone(), mqtt_url.clone(), rest));
    if options.no_simulator {
        return Ok(());
    }
    let reveal = |pick: fn(&CameraCredential) -> &Secret| {
        secrets.iter().map(|(camera, credential)| (camera.clone(), pick(credential).reveal().to_owned())).collect()
    };
    let life = life::Options {
        town,
        mqtt_url,
        http_base: Some(http_base),
        camera_tokens: reveal(|credential| &credential.token),
        viid_passwords: reveal(|credential| &credential.viid_password),
        speed: options.speed,
        seed: options.seed,
        faults: options.faults.clone(),
    };
    lifecycle.start("simulated-town", Stage::Door, life::run(life, stop));
    Ok(())
}

/// Prints where to look and how to sign in.
fn greet(app: &App, mqtt: SocketAddr, passwords: &[(&str, String)], ntcip: u16) {
    let base = format!("http://{}", app.http);
    let mut lines = vec![
        String::new(),
        "  Yunpark 云和停车 — demonstration with a fictional county seat 虚构县城演示".to_owned(),
        String::new(),
        format!("  live map      实时地图    {base}/"),
        format!("  signs         诱导屏      {base}/signs"),
        format!("  officers      执法员      {base}/officer"),
        format!("  supervisors   主管        {base}/supervisor"),
        format!("  operators     运维        {base}/operator"),
        format!("  administrators 管理       {base}/admin"),
        format!("  API                       {base}/api/v1/openapi.json"),
        format!("  health        健康        {base}/readyz   {base}/metrics"),
        format!("  MQTT                      mqtt://{mqtt}"),
        format!(
            "  NTCIP signs (SNMP)        127.0.0.1:{ntcip} and the {} ports after it, community public",
            NTCIP_SIGNS - 1
        ),
        String::new(),
    ];
    for (name, password) in passwords {
        lines.push(format!("  sign in as    登录        {name} / {password}"));
    }
    lines.push(String::new());
    lines.push("  Ctrl-C stops it 按 Ctrl-C 停止".to_owned());
    say(&lines.join("\n"));
}
