//! Decoding beside the parser alone: ChirpStack's JSON, and a bay sensor's frame. `./run bench sensors`.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops at what it did not expect"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde::de::IgnoredAny;
use yunpark_sensors::{Codec, Decoder, chirpstack};

/// The envelope is opened at no less than this part of the parser's speed alone.
const LEAST: f64 = 0.5;
/// How long each is measured, and how often in turn.
const ROUND: Duration = Duration::from_millis(250);
const ROUNDS: usize = 6;

/// An uplink as ChirpStack 4 writes it, with one gateway.
const UPLINK: &[u8] = br#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-07-29T08:00:00.123456789+00:00","deviceInfo":{"tenantId":"52f14cd4-c6f1-4fbd-8f87-4025e1d49242","tenantName":"City Parking","applicationId":"ca739e26-7b67-4f14-b69e-d568c22a5a75","applicationName":"onstreet-bays","deviceProfileId":"605d08d4-65f5-4d2c-8a5a-3d2457662f79","deviceProfileName":"bosch-tps110","deviceName":"bay-A-017","devEui":"fcd6bd00001a2b3c","deviceClassEnabled":"CLASS_A","tags":{"bay_id":"A-017"}},"devAddr":"00189440","adr":true,"dr":5,"fCnt":4242,"fPort":1,"confirmed":false,"data":"AQ==","rxInfo":[{"gatewayId":"0016c001f153a14c","uplinkId":4217106255,"gwTime":"2026-07-29T08:00:00+00:00","rssi":-36,"snr":10.5,"channel":2,"rfChain":1,"crcStatus":"CRC_OK"}],"txInfo":{"frequency":868100000,"modulation":{"lora":{"bandwidth":125000,"spreadingFactor":7,"codeRate":"CR_4_5"}}},"regionConfigId":"eu868"}"#;

/// A name, and what is repeated.
type Contender = (&'static str, Box<dyn FnMut()>);

fn main() -> std::process::ExitCode {
    let decoder = Decoder::Codec(Codec::BoschTps110);
    let mut contenders: Vec<Contender> = vec![
        (
            "serde_json, checked and thrown away",
            Box::new(|| drop(black_box(serde_json::from_slice::<IgnoredAny>(black_box(UPLINK))))),
        ),
        (
            "serde_json, to a value",
            Box::new(|| drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(UPLINK))))),
        ),
        ("envelope", Box::new(|| drop(black_box(chirpstack::parse(black_box(UPLINK)))))),
        (
            "envelope and frame, to a report",
            Box::new(move || {
                let uplink = chirpstack::parse(black_box(UPLINK)).expect("the uplink is whole");
                drop(black_box(uplink.report(&decoder)));
            }),
        ),
        ("frame alone", Box::new(|| drop(black_box(Codec::BoschTps110.decode(Some(2), black_box(&[1, 21])))))),
    ];
    // In turn, and the best round of each: whatever else the machine does then troubles all alike.
    let mut best = vec![0.0_f64; contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, work), best) in contenders.iter_mut().zip(&mut best) {
            *best = best.max(rate(work));
        }
    }
    let parser = best[0];
    println!("{:<38} {:>12} {:>10} {:>24}", "", "per second", "MB/s", "of serde_json, thrown away");
    for ((name, _), rate) in contenders.iter().zip(&best) {
        let megabytes = rate * UPLINK.len() as f64 / 1e6;
        if *name == "frame alone" {
            println!("{name:<38} {rate:>12.0}");
        } else {
            println!("{name:<38} {rate:>12.0} {megabytes:>10.0} {:>24.2}", rate / parser);
        }
    }
    // What the frame costs beside its envelope is told, not judged.
    let mut envelopes = contenders.iter().zip(&best).filter(|((name, _), _)| *name == "envelope");
    let is_fast = envelopes.any(|(_, rate)| rate / parser >= LEAST);
    println!("{}: envelopes at no less than {LEAST} of the parser alone", if is_fast { "pass" } else { "FAIL" });
    if is_fast { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

fn rate(work: &mut dyn FnMut()) -> f64 {
    let (start, mut times) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for _ in 0..256 {
            work();
        }
        times += 256;
    }
    f64::from(times) / start.elapsed().as_secs_f64()
}
