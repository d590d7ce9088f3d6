//! The MQTT broker: a retained message at QoS 1, out and back, on a topic that its access list must allow.

use std::time::{Duration, Instant};

use rumqttc::{ConnectReturnCode, Event, Packet, QoS};

use super::Report;
use crate::{
    clock,
    config::{Config, Role},
    mqtt::{Client, Error, Fault, Session, connect, granted, options},
};

/// The topics a doctor writes and reads: `yunpark/v1/doctor/<client id>`.
const TOPIC: &str = "yunpark/v1/doctor/";
/// Longest wait for all of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Publishes, subscribes, hears itself, and takes its retained message away again.
pub(super) async fn look(report: &mut Report, config: &Config) {
    if !config.node.roles.iter().any(|role| matches!(role, Role::Ingest | Role::Guidance)) {
        report.ok("mqtt", "none of this node's roles speaks MQTT");
        return;
    }
    if config.mqtt.url.is_empty() {
        let todo = "set mqtt.url for anything but a demonstration: it forgets sessions when the node ends";
        report.warn("mqtt", "the broker is embedded", todo);
        return;
    }
    let name = format!("{}-doctor-{}", config.mqtt.client_id, std::process::id());
    let mut options = match options(&config.mqtt, &name) {
        Ok(options) => options,
        Err(error) => return report.bad("mqtt", error.to_string(), "mqtt.url is mqtt://host:port"),
    };
    options.set_clean_session(true);
    let (client, mut events) = match connect(&config.mqtt, options, 16) {
        Ok(connected) => connected,
        Err(error) => return report.bad("mqtt", error.to_string(), "see mqtt.ca, mqtt.client_cert, mqtt.client_key"),
    };
    let topic = format!("{TOPIC}{}", config.mqtt.client_id);
    match tokio::time::timeout(PATIENCE, round_trip(&client, &mut events, &topic)).await {
        Ok(Ok(took)) => {
            let told = format!(
                "{} kept and gave back a message at QoS 1 in {:.1} ms",
                config.mqtt.url,
                took.as_secs_f64() * 1e3
            );
            report.ok("mqtt", told);
        }
        Ok(Err(Ill::Connection(error))) => {
            let todo = match *error {
                Fault::Refused(ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized) => {
                    "check mqtt.username and mqtt.password"
                }
                _ => "check mqtt.url and that the broker runs",
            };
            report.bad("mqtt", format!("{}: {error}", config.mqtt.url), todo);
        }
        Ok(Err(Ill::Refused)) => {
            report.bad(
                "mqtt",
                format!("{topic} may not be subscribed to"),
                "let its access list allow `topic readwrite yunpark/#`",
            );
        }
        Ok(Err(Ill::Ended(error))) => {
            let told = format!("the broker ended the connection at a message on {topic}: {error}");
            report.bad("mqtt", told, "let its access list allow `topic readwrite yunpark/#`");
        }
        Ok(Err(Ill::NotRetained)) => {
            report.bad("mqtt", "the broker does not keep retained messages", "allow them: signs are told by them");
        }
        Err(_) => {
            let told = format!("nothing came back on {topic} within {} s", PATIENCE.as_secs());
            report.bad("mqtt", told, "let its access list allow `topic readwrite yunpark/#`, or look why it hangs");
        }
    }
}

enum Ill {
    Connection(Box<Fault>),
    Ended(Box<Fault>),
    Refused,
    NotRetained,
}

async fn round_trip(client: &Client, events: &mut Session, topic: &str) -> Result<Duration, Ill> {
    let word = clock::new_id();
    let began = Instant::now();
    // The queue has room for all that is asked here.
    let asked = |done: Result<(), Error>| done.map_err(|_| Ill::Refused);
    asked(client.try_publish(topic, QoS::AtLeastOnce, true, word.clone()))?;
    let mut is_connected = false;
    let took = loop {
        let event = events.poll().await;
        match event
            .map_err(|error| if is_connected { Ill::Ended(error.into()) } else { Ill::Connection(error.into()) })?
        {
            Event::Incoming(Packet::ConnAck(_)) => is_connected = true,
            Event::Incoming(Packet::PubAck(_)) => asked(client.try_subscribe(topic, QoS::AtLeastOnce))?,
            Event::Incoming(Packet::SubAck(ack)) if !granted(&ack.return_codes) => return Err(Ill::Refused),
            Event::Incoming(Packet::Publish(heard)) if heard.payload == word.as_bytes() => {
                if !heard.retain {
                    return Err(Ill::NotRetained);
                }
                break began.elapsed();
            }
            _ => {}
        }
    };
    asked(client.try_publish(topic, QoS::AtLeastOnce, true, ""))?;
    loop {
        if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.map_err(|error| Ill::Ended(error.into()))? {
            break;
        }
    }
    if client.try_disconnect().is_ok() {
        crate::mqtt::drain(events).await;
    }
    Ok(took)
}
