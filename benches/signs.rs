//! From a face that is wanted to the face confirmed, over many emulated signs of mixed kinds in this process.
//!
//! `./run bench signs`, or `cargo bench --bench signs -- SECONDS`. All load stays on loopback and each measurement ends after
//! the given seconds (5 by default). What is measured are the drivers and the fleet; what comes before, from the message of a
//! sensor to the face, is measured by the other benchmarks.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use yunpark::{
    clock::Clock,
    config::Config,
    display::{Fleet, Publish},
    domain::{
        city::City,
        guidance::RulesChange,
        ids::{LotId, PanelId, SignId},
        sign::{GuidanceLine, Manner, Panel, Sign, SignLink, Target},
        sign_link::{Endpoint, Framing, Registers, SnmpVersion},
        text::{Language, Localized},
    },
    signboard::SignBoard,
};
use yunpark_signs::{Face, Line, LineState, Mode};
use yunpark_simulator::sign::{
    Faults, ModbusSign, NtcipSign, Switches, XunpengSign, run_modbus, run_ntcip, run_onbon, run_xunpeng,
};

const ANY: &str = "127.0.0.1:0";

type Failure = Box<dyn std::error::Error>;

/// A way to silence an emulator.
type Silence = Box<dyn Fn()>;

fn deaf(faults: Faults) -> Silence {
    Box::new(move || faults.set(Switches { deaf: true, ..Switches::default() }))
}

/// An emulator of the kind whose turn it is, and how it is reached.
async fn emulator(at: usize, stop: &CancellationToken) -> Result<(SignLink, Silence), Failure> {
    let listen = ANY.parse()?;
    Ok(match at % 4 {
        0 => {
            let sign = run_ntcip(NtcipSign { width: 160, height: 32, ..NtcipSign::new(listen) }, stop.clone()).await?;
            let (address, community) = (sign.address().to_string(), "public".to_owned());
            let silence: Silence = Box::new(move || sign.set_switches(Switches { deaf: true, ..Switches::default() }));
            (SignLink::Ntcip1203 { address, community, version: SnmpVersion::V1 }, silence)
        }
        1 => {
            let sign = run_onbon(listen, stop.clone()).await?;
            (SignLink::Onbon { address: sign.address().to_string(), run_mode: 2 }, deaf(sign.faults))
        }
        2 => {
            let sign = run_xunpeng(XunpengSign { listen, watchdog: None }, stop.clone()).await?;
            (SignLink::Xunpeng { line: Endpoint::Tcp(sign.address().to_string()), no_data: 0 }, deaf(sign.faults))
        }
        _ => {
            let sign = ModbusSign { listen, is_rtu: false, units: [1, 1], hold_s: Some(9) };
            let sign = run_modbus(sign, stop.clone()).await?;
            let registers =
                Registers { numbers: vec![0], states: vec![1], hold_s: Some(9), brightness: None, no_number: u16::MAX };
            let line = Endpoint::Tcp(sign.address().to_string());
            (SignLink::Modbus { line, framing: Framing::Tcp, unit: 1, registers }, deaf(sign.faults))
        }
    })
}

fn sign(id: SignId, panel: PanelId, link: SignLink) -> Result<Sign, Failure> {
    let target = Target::Lot(LotId::parse("L1")?);
    let lines = vec![GuidanceLine { target, label: None, arrow: None, travel_time_s: 0 }];
    Ok(Sign {
        id,
        name: Localized::default(),
        location: geo::Coord { x: 119.5, y: 28.1 },
        heading_deg: 0.0,
        language: Language::Zh,
        panels: vec![Panel { id: panel, width_px: 160, height_px: 32, lines, rules: RulesChange::default() }],
        link,
        manner: Manner::default(),
    })
}

fn face(version: u64) -> Face {
    let text = (version % 900).to_string();
    let line = Line { label: "城西".into(), text, state: LineState::Free, ..Line::default() };
    Face { mode: Mode::Normal, lines: vec![line], ..Face::blank(version) }
}

/// Processor time of this process so far, seconds.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// What one measurement gave.
struct Outcome {
    p50_ms: f64,
    p95_ms: f64,
    faces: usize,
    /// Processor time for one face, emulator included, milliseconds.
    cost_ms: f64,
    /// Processor time in all, as a share of one core.
    share: f64,
}

/// Tells each of so many signs a new face a second, one in so many of them deaf, and times those that are not.
async fn measure(signs: usize, deaf_every: Option<usize>, span: Duration) -> Result<Outcome, Failure> {
    let stop = CancellationToken::new();
    let (mut city, mut silences) = (City::default(), Vec::new());
    let panel = PanelId::parse("P1")?;
    for at in 0..signs {
        let (link, silence) = emulator(at, &stop).await?;
        let id = SignId::parse(&format!("S{at}"))?;
        city.signs.insert(id.clone(), sign(id, panel.clone(), link)?);
        // Every kind has its dead: the offset moves with the round.
        if deaf_every.is_some_and(|every| at % every == at / every % every) {
            silences.push((at, silence));
        }
    }
    let (board, clock) = (Arc::new(SignBoard::default()), Clock::System);
    let (_sender, city) = watch::channel(Arc::new(city));
    let ids: Vec<SignId> = city.borrow().signs.keys().cloned().collect();
    let publish: Publish = Arc::new(|_: &str, _: bytes::Bytes| Err("there is no broker".to_owned()));
    let config = Config::load(None)?.display;
    let fleet = Fleet::new(config, clock, city, board.clone(), publish, mpsc::channel(1).1);
    let fleet = tokio::task::spawn_local(fleet.run(stop.clone()));
    for (_, silence) in &silences {
        silence();
    }
    let dead: Vec<SignId> =
        silences.iter().map(|(at, _)| SignId::parse(&format!("S{at}"))).collect::<Result<_, _>>()?;

    let (mut waiting, mut took) = (BTreeMap::<SignId, (u64, Instant)>::new(), Vec::new());
    let (start, before) = (Instant::now(), processor_s());
    let mut version = 0;
    // The signs take turns, so that one second holds one face of each.
    let rest = Duration::from_secs(1) / signs as u32;
    let mut next = start;
    while start.elapsed() < span {
        while next <= Instant::now() {
            let id = &ids[version as usize % ids.len()];
            version += 1;
            if !waiting.contains_key(id) {
                board.desire(id, &panel, face(version), None);
                waiting.insert(id.clone(), (version, Instant::now()));
            }
            next += rest;
        }
        waiting.retain(|id, (version, since)| {
            let confirmed = board.status(id).confirmed.get(&panel).is_some_and(|shown| shown.face.version >= *version);
            // The first face of a sign opens its connection and is not counted.
            if confirmed && *version > signs as u64 && !dead.contains(id) {
                took.push(since.elapsed().as_secs_f64() * 1e3);
            }
            !confirmed
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (used, elapsed) = (processor_s() - before, start.elapsed().as_secs_f64());
    stop.cancel();
    let _ = fleet.await;
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    Ok(Outcome {
        p50_ms: at(0.5),
        p95_ms: at(0.95),
        faces: took.len(),
        cost_ms: used * 1e3 / version.max(1) as f64,
        share: used / elapsed,
    })
}

fn main() -> Result<(), Failure> {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let span = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut out = std::io::stdout();
    writeln!(out, "signs  dead   faces   p50 ms   p95 ms   cpu ms a face   share of a core")?;
    for (signs, deaf_every) in [(10, None), (100, None), (1_000, None), (1_000, Some(10))] {
        let local = tokio::task::LocalSet::new();
        let Outcome { p50_ms, p95_ms, faces, cost_ms, share } =
            runtime.block_on(local.run_until(measure(signs, deaf_every, span)))?;
        let dead = deaf_every.map_or(0, |every| signs / every);
        writeln!(out, "{signs:5} {dead:5} {faces:7} {p50_ms:8.1} {p95_ms:8.1} {cost_ms:15.3} {share:17.2}")?;
    }
    Ok(())
}
