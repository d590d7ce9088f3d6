//! `yunpark-simulator sign`: emulated signs of every kind in one process, and what each shows, told whenever that changes.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Faults, Handle, ModbusHandle, ModbusSign, MqttHandle, MqttSign, NtcipSign, OnbonHandle, Switches, XunpengHandle,
    XunpengSign, run_modbus, run_mqtt, run_ntcip, run_onbon, run_xunpeng,
};

/// Which signs to emulate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// host:port (UDP) of an NTCIP 1203 sign's SNMP agent; may be given several times.
    #[arg(long)]
    pub ntcip: Vec<SocketAddr>,
    /// host:port (TCP) of an Onbon font card; may be given several times.
    #[arg(long)]
    pub onbon: Vec<SocketAddr>,
    /// host:port (TCP) of a serial server with a Xunpeng display; may be given several times.
    #[arg(long)]
    pub xunpeng: Vec<SocketAddr>,
    /// host:port (TCP) of a Modbus TCP sign, unit 1; may be given several times.
    #[arg(long)]
    pub modbus: Vec<SocketAddr>,
    /// Register in which a Modbus sign is told for how many seconds to hold what it shows.
    #[arg(long, value_name = "REGISTER")]
    pub modbus_hold: Option<u16>,
    /// Signs at each address, on ports that follow one another.
    #[arg(long, default_value_t = 1)]
    pub count: u16,
    /// SNMP community of the NTCIP signs.
    #[arg(long, default_value = "public")]
    pub community: String,
    /// Width of an NTCIP sign, pixels.
    #[arg(long, default_value_t = 320)]
    pub width: u32,
    /// Height of an NTCIP sign, pixels.
    #[arg(long, default_value_t = 96)]
    pub height: u32,
    /// How long the NTCIP signs take a minute to be, milliseconds.
    #[arg(long, default_value_t = 60_000)]
    pub minute_ms: u64,
    /// mqtt://host:port of the broker MQTT signs listen to.
    #[arg(long)]
    pub mqtt: Option<String>,
    /// Id of an MQTT sign; may be given several times.
    #[arg(long, requires = "mqtt")]
    pub sign: Vec<String>,
    #[command(flatten)]
    wrong: Wrong,
}

/// What is wrong with the signs.
#[derive(Debug, Clone, Copy, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Wrong {
    /// They take so long to answer, milliseconds.
    #[arg(long, default_value_t = 0)]
    slow_ms: u64,
    /// They do not answer.
    #[arg(long)]
    deaf: bool,
    /// Share of requests they do not hear, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Check sums are wrong.
    #[arg(long = "wrong-crc")]
    miscounts: bool,
    /// Somebody works on them: they refuse what they are told.
    #[arg(long)]
    local: bool,
    /// They say that they show what they were told, and do not.
    #[arg(long)]
    lies: bool,
    /// Their answers are another's: of another unit, panel or number.
    #[arg(long)]
    foreign: bool,
    /// They are switched off and on so often, seconds; 0 is never. Each start takes two seconds.
    #[arg(long, default_value_t = 0)]
    reboot_every_s: u64,
}

/// How long a sign takes to start.
const START: Duration = Duration::from_secs(2);

/// The signs that run.
#[derive(Default)]
struct Signs {
    ntcip: Vec<Handle>,
    onbon: Vec<OnbonHandle>,
    xunpeng: Vec<XunpengHandle>,
    modbus: Vec<ModbusHandle>,
    mqtt: Vec<MqttHandle>,
}

impl Signs {
    async fn start(args: &Args, stop: &CancellationToken) -> anyhow::Result<Self> {
        let each = |addresses: &[SocketAddr]| -> Vec<SocketAddr> {
            let ports = |first: &SocketAddr| {
                let (ip, port) = (first.ip(), first.port());
                (0..args.count).map(move |at| SocketAddr::new(ip, port.saturating_add(at)))
            };
            addresses.iter().flat_map(ports).collect()
        };
        let mut signs = Self::default();
        for listen in each(&args.ntcip) {
            let sign = NtcipSign {
                community: args.community.clone(),
                width: args.width,
                height: args.height,
                minute: Duration::from_millis(args.minute_ms.max(1)),
                ..NtcipSign::new(listen)
            };
            signs.ntcip.push(run_ntcip(sign, stop.clone()).await?);
        }
        for listen in each(&args.onbon) {
            signs.onbon.push(run_onbon(listen, stop.clone()).await?);
        }
        for listen in each(&args.xunpeng) {
            signs.xunpeng.push(run_xunpeng(XunpengSign { listen, watchdog: None }, stop.clone()).await?);
        }
        for listen in each(&args.modbus) {
            let sign = ModbusSign { listen, is_rtu: false, units: [1, 1], hold_s: args.modbus_hold };
            signs.modbus.push(run_modbus(sign, stop.clone()).await?);
        }
        for sign in &args.sign {
            let url = args.mqtt.clone().unwrap_or_default();
            signs.mqtt.push(run_mqtt(MqttSign { url, sign: sign.clone() }, stop.clone())?);
        }
        Ok(signs)
    }

    fn set_switches(&self, switches: Switches) {
        let onbon = self.onbon.iter().map(|sign| &sign.faults);
        let xunpeng = self.xunpeng.iter().map(|sign| &sign.faults);
        let serial = onbon.chain(xunpeng).chain(self.modbus.iter().map(|sign| &sign.faults));
        let others = serial.chain(self.mqtt.iter().map(|sign| &sign.faults));
        others.for_each(|faults: &Faults| faults.set(switches));
        self.ntcip.iter().for_each(|sign| sign.set_switches(switches));
    }

    /// Switches all of them off and on.
    fn reboot(&self) {
        self.ntcip.iter().for_each(|sign| sign.reboot(START));
        self.onbon.iter().for_each(|sign| sign.reboot(START));
        self.xunpeng.iter().for_each(|sign| sign.reboot(START));
        self.modbus.iter().for_each(|sign| sign.reboot(START));
        self.mqtt.iter().for_each(|sign| sign.reboot(START));
    }

    /// What each shows, in a line of its own.
    fn shown(&self) -> Vec<String> {
        let ntcip = self.ntcip.iter().map(|sign| format!("{}: {:?}", sign.address(), sign.shown()));
        let onbon = self.onbon.iter().map(|sign| format!("{}: {:?}", sign.address(), sign.shown()));
        let xunpeng = self.xunpeng.iter().map(|sign| format!("{}: {:?}", sign.address(), sign.shown()));
        let modbus = self.modbus.iter().map(|sign| format!("{}: {:?}", sign.address(), sign.registers(1)));
        let mqtt = self.mqtt.iter().map(|sign| format!("{}: {:?}", sign.sign(), sign.shown()));
        ntcip.chain(onbon).chain(xunpeng).chain(modbus).chain(mqtt).collect()
    }
}

/// Runs the signs until the process is interrupted; prints what each shows whenever that changes.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let addresses = [&args.ntcip, &args.onbon, &args.xunpeng, &args.modbus];
    anyhow::ensure!(
        addresses.iter().any(|list| !list.is_empty()) || !args.sign.is_empty(),
        "name a sign: --ntcip, --onbon, --xunpeng or --modbus host:port, or --mqtt URL --sign ID"
    );
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let signs = Signs::start(&args, &stop).await?;
    let Wrong { slow_ms, deaf, loss, miscounts: wrong_crc, local, lies, foreign, reboot_every_s } = args.wrong;
    signs.set_switches(Switches { slow: Duration::from_millis(slow_ms), deaf, loss, wrong_crc, local, lies, foreign });
    let every = if reboot_every_s == 0 { Duration::MAX } else { Duration::from_secs(reboot_every_s) };
    let mut started = std::time::Instant::now();
    let mut told = Vec::new();
    let mut interrupt = std::pin::pin!(interrupted());
    loop {
        let shown = signs.shown();
        for (i, line) in shown.iter().enumerate() {
            if told.get(i) != Some(line) {
                writeln!(std::io::stdout(), "{line}")?;
            }
        }
        told = shown;
        if started.elapsed() >= every {
            signs.reboot();
            started = std::time::Instant::now();
        }
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
