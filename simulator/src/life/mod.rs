//! The town alive: drivers come and go, sensors tell the broker, cameras see who stands where nobody may.

mod cameras;
pub mod faults;
mod isapi;
pub mod messages;
pub mod past;
mod plates;
mod scene;
#[cfg(test)]
mod tests;
pub mod tides;
pub mod traffic;
mod viid;

use std::{collections::BTreeMap, time::Duration};

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::{broker::Broker, town::Town};
use faults::{Faults, Way};
use traffic::Traffic;

/// Hour of the day at which the town wakes.
pub const FIRST_HOUR: f64 = 7.7;
const TICK: Duration = Duration::from_millis(50);
const MESSAGES_PER_SECOND: f64 = 2_500.0;
/// Every sensor speaks at least this often, even if nothing happens.
const HEARTBEAT_S: f64 = 240.0;

/// What the town needs to live.
#[derive(Debug)]
pub struct Options {
    /// The town; the server must have imported the same.
    pub town: Town,
    /// `mqtt://[user:password@]host[:port]`.
    pub mqtt_url: String,
    /// `http://host:port` for the cameras; without it they stay dark.
    pub http_base: Option<String>,
    /// Bearer token by camera id: these cameras post captures.
    pub camera_tokens: BTreeMap<String, String>,
    /// Password by camera id: of the cameras that have both, one in three speaks GA/T 1400, and one pushes as Hikvision's do.
    pub viid_passwords: BTreeMap<String, String>,
    /// Times real time.
    pub speed: f64,
    /// The same seed gives the same drivers, as far as the wall clock lets it.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
}

/// Lives until stopped; a broker or a server that is away is waited for.
pub async fn run(options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    anyhow::ensure!(options.speed.is_finite() && options.speed > 0.0, "speed must be above 0");
    let broker = Broker::connect(&options.mqtt_url, &format!("yunpark-simulator-{}", options.seed), stop.clone())?;
    let cameras = cameras::start(&options, &stop)?;
    let mut traffic =
        Traffic::new(&options.town, options.seed, FIRST_HOUR, Utc::now()).with(&options.faults, options.seed);
    let mut way = Way::new(options.faults.clone(), options.seed);
    drive(&mut traffic, &mut way, &broker, options.speed, &stop).await;
    for camera in cameras {
        // A camera task ends by the same token; one that panicked has nothing to say either.
        if let Err(error) = camera.await {
            tracing::error!(%error, "a camera died");
        }
    }
    Ok(())
}

async fn drive(traffic: &mut Traffic, way: &mut Way, broker: &Broker, speed: f64, stop: &CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = tokio::time::Instant::now();
    let mut connections = 0;
    let mut allowance = 0.0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let elapsed_s = last.elapsed().as_secs_f64().min(1.0);
        last = tokio::time::Instant::now();
        traffic.step(elapsed_s, speed);
        let connection = broker.connection();
        if !connection.up {
            continue;
        }
        if connection.times != connections {
            connections = connection.times;
            traffic.report_everything();
        }
        while let Some(word) = traffic.gateway_word(Utc::now()) {
            // What finds no room is said again with everything else, after the next connection.
            if !broker.offer_retained(&word) {
                break;
            }
        }
        traffic.beat(elapsed_s / HEARTBEAT_S);
        allowance = (allowance + elapsed_s * MESSAGES_PER_SECOND).min(MESSAGES_PER_SECOND * 0.1);
        while allowance >= 1.0 {
            let Some(message) = way.arrived() else {
                let Some(message) = traffic.next_message(Utc::now()) else { break };
                way.send(message);
                continue;
            };
            allowance -= 1.0;
            if !broker.offer(&message) {
                way.put_back(message);
                break;
            }
        }
    }
}
