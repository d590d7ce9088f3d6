//! Captures over MQTT: a camera publishes what it saw and names its pictures, which it sent over HTTP; acknowledged when kept.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::{Event, Packet, Publish, QoS};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Desk, Error, staged::Said};
use crate::{
    config,
    domain::{ids::CameraId, lot::VehicleClass, time::parse_rfc3339},
    mqtt::{self, Backoff, Client, Session},
    store::staged,
};

/// Where cameras publish: `yunpark/v1/camera/<camera>/capture`; answered on `.../answer`.
pub const FILTER: &str = "yunpark/v1/camera/+/capture";
/// Messages taken off the wire that are not yet kept; what finds no room is not acknowledged and comes again.
const QUEUE: usize = 256;
/// Longest message, bytes: its pictures are elsewhere.
const LONGEST: usize = 64 * 1024;
/// Most pictures one message names.
const MOST_PICTURES: usize = 8;

/// What a camera says of a vehicle.
#[derive(Deserialize)]
struct Message {
    /// Its own id of the sighting; the same again is the same.
    key: String,
    /// The camera's token.
    #[serde(default)]
    token: String,
    /// When, RFC 3339.
    at: String,
    #[serde(default)]
    plate: Option<String>,
    #[serde(default)]
    plate_color: Option<String>,
    #[serde(default)]
    vehicle_class: VehicleClass,
    /// What is one and the same vehicle without a plate.
    #[serde(default)]
    track: Option<String>,
    /// The names its pictures were sent under.
    pictures: Vec<String>,
}

/// The connection, and the desk behind it.
pub struct Ear {
    client: Client,
    events: Session,
    desk: Arc<Desk>,
}

impl Ear {
    /// A connection with the session `<mqtt.client_id>-captures`.
    pub fn new(config: &config::Mqtt, desk: Arc<Desk>) -> Result<Self, mqtt::Error> {
        let mut options = mqtt::options(config, &format!("{}-captures", config.client_id))?;
        options.set_manual_acks(true);
        let (client, events) = mqtt::connect(config, options, QUEUE * 2)?;
        Ok(Self { client, events, desk })
    }

    /// Hears cameras until `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { client, events, desk } = self;
        let (deliver, said) = mpsc::channel(QUEUE);
        tokio::select! {
            () = poll(events, &client, deliver, &stop) => {}
            () = keep(&client, desk, said) => {}
        }
        Ok(())
    }
}

async fn poll(mut events: Session, client: &Client, deliver: mpsc::Sender<Publish>, stop: &CancellationToken) {
    let mut backoff = Backoff::default();
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            event = events.poll() => event,
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                backoff.reset();
                if client.try_subscribe(FILTER, QoS::AtLeastOnce).is_err() {
                    tracing::warn!("the subscription to captures found no room in the queue");
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                if deliver.try_send(publish).is_err() {
                    metrics::counter!("yunpark_mqtt_captures_put_off_total").increment(1);
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error, "the connection captures come over is ill");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(backoff.wait()) => {}
                }
            }
        }
    }
}

/// Keeps what was said, one after another. What cannot be kept for want of the store is not acknowledged: it comes again with
/// the next connection.
async fn keep(client: &Client, desk: Arc<Desk>, mut said: mpsc::Receiver<Publish>) {
    let mut backoff = Backoff::default();
    while let Some(publish) = said.recv().await {
        let camera = publish.topic.split('/').nth(3).and_then(|id| CameraId::parse(id).ok());
        let Some(camera) = camera else { continue };
        let answer = loop {
            match desk.heard(&camera, &publish.payload).await {
                Err(error @ Error::Store(_)) => {
                    tracing::warn!(error = %error, "a capture over MQTT cannot be kept; trying again");
                    tokio::time::sleep(backoff.wait()).await;
                }
                Ok(answer) => break answer,
                Err(error) => {
                    break json!({"ok": false, "reason": error.word(), "key": key_of(&publish.payload)});
                }
            }
        };
        backoff.reset();
        let topic = format!("yunpark/v1/camera/{camera}/answer");
        // Best effort: the camera that hears nothing sends again, and is answered the same.
        if client.try_publish(topic, QoS::AtLeastOnce, false, answer.to_string()).is_err() {
            metrics::counter!("yunpark_mqtt_dropped_total").increment(1);
        }
        if client.ack(&publish).await.is_err() {
            return;
        }
    }
}

/// The key a message names, for the answer to one that was refused.
fn key_of(payload: &[u8]) -> Option<String> {
    let message: serde_json::Value = serde_json::from_slice(payload.get(..LONGEST.min(payload.len()))?).ok()?;
    message.get("key")?.as_str().filter(|key| key.len() <= 128).map(str::to_owned)
}

impl Desk {
    /// Takes in what a camera said over MQTT; what it is answered.
    pub async fn heard(&self, camera: &CameraId, payload: &[u8]) -> Result<serde_json::Value, Error> {
        let heard = self.hear(camera, payload).await;
        match heard {
            // The desk counted what it was given; what was refused before is counted here.
            Err(error @ (Error::Invalid { .. } | Error::ForeignDevice)) => Err(self.count_refused(camera, error)),
            other => other,
        }
    }

    async fn hear(&self, camera: &CameraId, payload: &[u8]) -> Result<serde_json::Value, Error> {
        if payload.len() > LONGEST {
            return Err(Error::invalid("message", "is longer than 64 KiB; pictures are sent over HTTP"));
        }
        let message: Message =
            serde_json::from_slice(payload).map_err(|_| Error::invalid("message", "is not a capture in JSON"))?;
        if self.camera_of_token(&message.token).as_ref() != Some(camera) {
            return Err(Error::ForeignDevice);
        }
        let at = parse_rfc3339(&message.at).map_err(|_| Error::invalid("at", "is no RFC 3339 instant"))?;
        if message.pictures.is_empty() || message.pictures.len() > MOST_PICTURES {
            return Err(Error::invalid("pictures", "must name 1 to 8 pictures"));
        }
        let key = super::error::text("key", &message.key, 100)?;
        let key = format!("mqtt:{key}");
        let said = Said {
            at,
            track: message.track,
            plate: message.plate,
            plate_color: message.plate_color,
            vehicle_class: message.vehicle_class,
        };
        if let Some(images) = self.all_there(camera, &message.pictures).await? {
            let received = self.receive(said.capture(camera, key), images).await?;
            return Ok(json!({
                "ok": true, "key": message.key, "id": received.id, "duplicate": received.duplicate, "state": received.state,
            }));
        }
        self.draft_capture(camera, &key, &said, &message.pictures).await?;
        Ok(json!({"ok": true, "key": message.key, "state": "waiting_for_pictures"}))
    }

    /// The bytes of pictures a camera sent before, if all of them are there.
    async fn all_there(&self, camera: &CameraId, names: &[String]) -> Result<Option<Vec<Bytes>>, Error> {
        let mut images = Vec::with_capacity(names.len());
        for name in names {
            let Some(picture) = staged::picture(&self.db, camera, name).await? else { return Ok(None) };
            let Some(bytes) = self.evidence.get(picture.sha256).await? else { return Ok(None) };
            images.push(bytes);
        }
        Ok(Some(images))
    }
}
