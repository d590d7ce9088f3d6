//! An emulated sign that follows retained JSON on an MQTT broker, acknowledges, and goes dark when its face ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio_util::sync::CancellationToken;
use yunpark_signs::mqtt_json::{Ack, SetMessage, ack_topic, set_topic};

/// An emulated sign.
#[derive(Debug, Clone)]
pub struct MqttSign {
    /// `mqtt://host:port` of the broker.
    pub url: String,
    /// The sign's id.
    pub sign: String,
}

/// A running sign: what it shows.
#[derive(Debug, Clone)]
pub struct MqttHandle {
    sign: String,
    panels: Panels,
}

type Panels = Arc<Mutex<BTreeMap<String, SetMessage>>>;

fn lock(panels: &Panels) -> MutexGuard<'_, BTreeMap<String, SetMessage>> {
    panels.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MqttHandle {
    /// The sign's id.
    pub fn sign(&self) -> &str {
        &self.sign
    }

    /// The lines each panel shows now; a panel whose face has ended is dark and missing.
    pub fn shown(&self) -> BTreeMap<String, Vec<String>> {
        let now = Utc::now();
        let panels = lock(&self.panels);
        panels
            .iter()
            .filter(|(_, set)| set.valid_until > now)
            .map(|(id, set)| (id.clone(), set.lines.clone()))
            .collect()
    }
}

/// Starts a sign that runs until `stop`; it connects again whenever the broker goes away.
pub fn run_mqtt(sign: MqttSign, stop: CancellationToken) -> anyhow::Result<MqttHandle> {
    let address = sign.url.strip_prefix("mqtt://").context("the broker's address starts with mqtt://")?;
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "1883"));
    let mut options = MqttOptions::new(format!("sign-{}", sign.sign), host, port.parse().context("the broker's port")?);
    options.set_keep_alive(Duration::from_secs(15));
    let (client, mut events) = AsyncClient::new(options, 64);
    let panels = Panels::default();
    let handle = MqttHandle { sign: sign.sign.clone(), panels: panels.clone() };
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    // Nothing waits for the event loop but this task, so the request must not wait either.
                    let _ = client.try_subscribe(set_topic(&sign.sign, "+"), QoS::AtLeastOnce);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let topic = &message.topic;
                    let Some(panel) = panel_of(topic, &sign.sign) else { continue };
                    let answer = take(&panels, panel, &message.payload, Utc::now());
                    if let Some(Ok(payload)) = answer.map(|ack| serde_json::to_vec(&ack)) {
                        let _ = client.try_publish(ack_topic(&sign.sign), QoS::AtLeastOnce, false, payload);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(sign.id = %sign.sign, error = %error, "the emulated sign has lost the broker");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    });
    Ok(handle)
}

/// The panel a topic of this sign names.
fn panel_of<'a>(topic: &'a str, sign: &str) -> Option<&'a str> {
    topic.strip_prefix("yunpark/v1/sign/")?.strip_prefix(sign)?.strip_prefix("/panel/")?.strip_suffix("/set")
}

/// Takes what a panel is told; the answer, unless the message has ended already or cannot be read.
fn take(panels: &Panels, panel: &str, payload: &[u8], now: DateTime<Utc>) -> Option<Ack> {
    let set: SetMessage = match serde_json::from_slice(payload) {
        Ok(set) => set,
        Err(error) => {
            tracing::warn!(panel.id = panel, error = %error, "the emulated sign cannot read what it is told");
            return None;
        }
    };
    if set.valid_until <= now {
        return None;
    }
    let mut panels = lock(panels);
    let older = panels.get(panel).is_some_and(|shown| shown.version > set.version);
    let error = older.then(|| "older than what is shown".to_owned());
    let ack = Ack { panel: panel.to_owned(), version: set.version, ok: !older, error };
    if !older {
        panels.insert(panel.to_owned(), set);
    }
    Some(ack)
}

#[cfg(test)]
mod tests {
    use yunpark_signs::Face;

    use super::*;

    fn message(version: u64, until: DateTime<Utc>) -> Vec<u8> {
        serde_json::to_vec(&SetMessage::new(&Face::blank(version), until)).unwrap()
    }

    #[test]
    fn a_sign_follows_newer_faces_and_refuses_older_ones() {
        let (panels, now) = (Panels::default(), DateTime::UNIX_EPOCH);
        let until = now + chrono::Duration::seconds(60);
        let ok = |version| take(&panels, "P1", &message(version, until), now).map(|ack| ack.ok);
        assert_eq!((ok(5), ok(5), ok(4), ok(6)), (Some(true), Some(true), Some(false), Some(true)));
    }

    #[test]
    fn a_face_that_has_ended_is_neither_shown_nor_acknowledged() {
        let (panels, now) = (Panels::default(), DateTime::UNIX_EPOCH);
        assert_eq!(take(&panels, "P1", &message(5, now), now), None);
        assert_eq!(take(&panels, "P1", b"nonsense", now), None);
        assert!(lock(&panels).is_empty());
    }

    #[test]
    fn a_topic_names_its_panel() {
        assert_eq!(panel_of("yunpark/v1/sign/G1/panel/P1/set", "G1"), Some("P1"));
        assert_eq!(panel_of("yunpark/v1/sign/G12/panel/P1/set", "G1"), None);
    }
}
