//! An emulated sign that follows retained JSON on an MQTT broker, acknowledges, and goes dark when its face ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use yunpark_signs::mqtt_json::{Ack, SetMessage, ack_topic, set_topic};

use super::faults::{Faults, Switches};

/// An emulated sign.
#[derive(Debug, Clone)]
pub struct MqttSign {
    /// `mqtt://host:port` of the broker.
    pub url: String,
    /// The sign's id.
    pub sign: String,
}

/// A running sign: what it shows, and its faults.
#[derive(Debug, Clone)]
pub struct MqttHandle {
    sign: String,
    panels: Panels,
    /// How long it takes to start, each time it is switched off and on.
    reboots: watch::Sender<Duration>,
    /// The ways it goes wrong.
    pub faults: Faults,
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

    /// Switches it off and on: it is dark, and gone from the broker until it has started.
    pub fn reboot(&self, takes: Duration) {
        self.reboots.send_replace(takes);
        lock(&self.panels).clear();
    }
}

/// Starts a sign that runs until `stop`; it connects again whenever the broker goes away.
pub fn run_mqtt(sign: MqttSign, stop: CancellationToken) -> anyhow::Result<MqttHandle> {
    let address = sign.url.strip_prefix("mqtt://").context("the broker's address starts with mqtt://")?;
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "1883"));
    let mut options = MqttOptions::new(format!("sign-{}", sign.sign), host, port.parse().context("the broker's port")?);
    options.set_keep_alive(Duration::from_secs(15));
    let (reboots, mut rebooted) = watch::channel(Duration::ZERO);
    let handle = MqttHandle { sign: sign.sign, panels: Panels::default(), reboots, faults: Faults::default() };
    let running = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = running.listen(options.clone()) => return,
                changed = rebooted.changed() => if changed.is_err() { return },
            }
            // The connection was dropped with the event loop, as by a loss of power.
            let takes = *rebooted.borrow_and_update();
            lock(&running.panels).clear();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(takes) => {}
            }
        }
    });
    Ok(handle)
}

impl MqttHandle {
    /// Follows what the broker keeps for the sign, for ever.
    async fn listen(&self, options: MqttOptions) {
        let (client, mut events) = AsyncClient::new(options, 64);
        events.network_options.set_tcp_nodelay(true);
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    // Nothing waits for the event loop but this task, so the request must not wait either.
                    let _ = client.try_subscribe(set_topic(&self.sign, "+"), QoS::AtLeastOnce);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let Some(panel) = panel_of(&message.topic, &self.sign) else { continue };
                    if !self.faults.answers().await {
                        continue;
                    }
                    if let Some(payload) = take(&self.panels, panel, &message.payload, Utc::now(), self.faults.get()) {
                        let _ = client.try_publish(ack_topic(&self.sign), QoS::AtLeastOnce, false, payload);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(sign.id = %self.sign, error = %error, "the emulated sign has lost the broker");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

/// The panel a topic of this sign names.
fn panel_of<'a>(topic: &'a str, sign: &str) -> Option<&'a str> {
    topic.strip_prefix("yunpark/v1/sign/")?.strip_prefix(sign)?.strip_prefix("/panel/")?.strip_suffix("/set")
}

/// Takes what a panel is told; the answer, unless the message has ended already or cannot be read.
fn take(panels: &Panels, panel: &str, payload: &[u8], now: DateTime<Utc>, switches: Switches) -> Option<Vec<u8>> {
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
    let is_older = panels.get(panel).is_some_and(|shown| shown.version > set.version);
    let refusal =
        if switches.local { Some("somebody works on it") } else { is_older.then_some("older than what is shown") };
    let mut ack =
        Ack { panel: panel.to_owned(), version: set.version, ok: refusal.is_none(), error: refusal.map(str::to_owned) };
    if refusal.is_none() && !switches.lies {
        panels.insert(panel.to_owned(), set);
    }
    if switches.foreign {
        // What it says is about another panel.
        ack.panel = format!("{panel}-other");
    }
    let payload = serde_json::to_vec(&ack).ok()?;
    // Half of it is no message any more.
    Some(if switches.wrong_crc { payload[..payload.len() / 2].to_vec() } else { payload })
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
        let ok = |version| {
            let answer = take(&panels, "P1", &message(version, until), now, Switches::default())?;
            Some(serde_json::from_slice::<Ack>(&answer).unwrap().ok)
        };
        assert_eq!((ok(5), ok(5), ok(4), ok(6)), (Some(true), Some(true), Some(false), Some(true)));
    }

    #[test]
    fn a_face_that_has_ended_is_neither_shown_nor_acknowledged() {
        let (panels, now) = (Panels::default(), DateTime::UNIX_EPOCH);
        assert_eq!(take(&panels, "P1", &message(5, now), now, Switches::default()), None);
        assert_eq!(take(&panels, "P1", b"nonsense", now, Switches::default()), None);
        assert!(lock(&panels).is_empty());
    }

    #[test]
    fn a_topic_names_its_panel() {
        assert_eq!(panel_of("yunpark/v1/sign/G1/panel/P1/set", "G1"), Some("P1"));
        assert_eq!(panel_of("yunpark/v1/sign/G12/panel/P1/set", "G1"), None);
    }
}
