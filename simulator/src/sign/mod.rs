//! Emulators of roadside signs: one that speaks NTCIP 1203 over SNMP, one that follows retained JSON over MQTT.

pub mod controller;
pub mod mqtt;
pub mod ntcip;
mod town;

use std::{io::Write as _, net::SocketAddr, time::Duration};

use tokio_util::sync::CancellationToken;

pub use mqtt::{MqttHandle, MqttSign, run_mqtt};
pub use ntcip::{Handle, NtcipSign, run_ntcip};
pub use town::run_town;

/// Which signs to emulate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// host:port (UDP) of an NTCIP 1203 sign's SNMP agent; may be given several times.
    #[arg(long)]
    pub ntcip: Vec<SocketAddr>,
    /// SNMP community of the NTCIP signs.
    #[arg(long, default_value = "public")]
    pub community: String,
    /// Width of an NTCIP sign, pixels.
    #[arg(long, default_value_t = 320)]
    pub width: u32,
    /// Height of an NTCIP sign, pixels.
    #[arg(long, default_value_t = 96)]
    pub height: u32,
    /// mqtt://host:port of the broker MQTT signs listen to.
    #[arg(long)]
    pub mqtt: Option<String>,
    /// Id of an MQTT sign; may be given several times.
    #[arg(long, requires = "mqtt")]
    pub sign: Vec<String>,
}

/// Runs the signs until the process is interrupted; prints what each shows whenever that changes.
pub async fn run(args: Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.ntcip.is_empty() || !args.sign.is_empty(),
        "name a sign: --ntcip host:port, or --mqtt URL --sign ID"
    );
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let mut ntcip = Vec::new();
    for listen in &args.ntcip {
        let sign = NtcipSign {
            community: args.community.clone(),
            width: args.width,
            height: args.height,
            ..NtcipSign::new(*listen)
        };
        ntcip.push(run_ntcip(sign, stop.clone()).await?);
    }
    let mut mqtt = Vec::new();
    for sign in &args.sign {
        let url = args.mqtt.clone().unwrap_or_default();
        mqtt.push(run_mqtt(MqttSign { url, sign: sign.clone() }, stop.clone())?);
    }
    let mut told = Vec::new();
    let mut interrupt = std::pin::pin!(interrupted());
    loop {
        let signs = ntcip.iter().map(|sign| format!("{}: {:?}", sign.address(), sign.shown()));
        let shown: Vec<String> =
            signs.chain(mqtt.iter().map(|sign| format!("{}: {:?}", sign.sign(), sign.shown()))).collect();
        for (i, line) in shown.iter().enumerate() {
            if told.get(i) != Some(line) {
                writeln!(std::io::stdout(), "{line}")?;
            }
        }
        told = shown;
        tokio::select! {
            stopped = &mut interrupt => return Ok(stopped?),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
}

async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
