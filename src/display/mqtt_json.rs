//! The driver of a sign that follows retained JSON on the system's MQTT broker and acknowledges each face.

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};
use yunpark_signs::mqtt_json::{Ack, SetMessage, set_topic};

use super::{Error, Publish, driver::Protocol, fence::Fence, quoted};
use crate::{clock::Clock, domain::ids::SignId, signboard::Desired};

/// One sign's side of the conversation.
pub struct MqttJson {
    /// The sign.
    pub sign: SignId,
    /// How a face is told.
    pub publish: Publish,
    /// What the sign says.
    pub acks: mpsc::Receiver<Bytes>,
    /// The clock, for how long a face holds.
    pub clock: Clock,
    /// How long a face holds unless it is told again; never beyond its own end.
    pub dead_man: Duration,
    /// Longest wait for the acknowledgements.
    pub timeout: Duration,
    /// What is asked before each message; its token goes with the message.
    pub fence: Fence,
}

impl Protocol for MqttJson {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        // What was said of older faces is of no use any more.
        while self.acks.try_recv().is_ok() {}
        let dead_man = chrono::Duration::from_std(self.dead_man).unwrap_or(chrono::Duration::MAX);
        let dark = self.clock.now() + dead_man;
        for (panel, wanted) in faces {
            let valid_until = wanted.good_until.map_or(dark, |end| end.min(dark));
            let message = SetMessage { token: self.fence.token(), ..SetMessage::new(&wanted.face, valid_until) };
            let payload = serde_json::to_vec(&message).map_err(|error| Error::Publish(error.to_string()))?;
            let topic = set_topic(self.sign.as_str(), panel.as_str());
            self.fence.check(self.timeout)?;
            (self.publish)(&topic, payload.into()).map_err(Error::Publish)?;
        }
        self.await_acks(faces).await.map(|()| None)
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        // Told again with a later end, if there is one by now; the sign acknowledges what it shows.
        self.show(faces).await
    }
}

impl MqttJson {
    async fn await_acks(&mut self, faces: &Desired) -> Result<(), Error> {
        let deadline = Instant::now() + self.timeout;
        let mut missing: Vec<_> = faces.iter().map(|(panel, wanted)| (panel.as_str(), wanted.face.version)).collect();
        while !missing.is_empty() {
            let ack = match tokio::time::timeout_at(deadline, self.acks.recv()).await {
                Ok(Some(ack)) => ack,
                Ok(None) => return Err(Error::Unreachable("the connection to the broker is gone".to_owned())),
                Err(_) => {
                    let panels: Vec<_> = missing.iter().map(|(panel, _)| *panel).collect();
                    return Err(Error::Unreachable(format!("no acknowledgement for panel {}", panels.join(", "))));
                }
            };
            let Ok(ack) = serde_json::from_slice::<Ack>(&ack) else {
                metrics::counter!("yunpark_sign_bad_acks_total").increment(1);
                continue;
            };
            let asked = missing.iter().position(|(panel, version)| *panel == ack.panel && *version == ack.version);
            match asked {
                Some(_) if !ack.ok => {
                    let reason = ack.error.as_deref().map_or_else(|| "no reason given".to_owned(), quoted);
                    return Err(Error::Refused { panel: ack.panel, version: ack.version, reason });
                }
                Some(at) => drop(missing.swap_remove(at)),
                None => {}
            }
        }
        Ok(())
    }
}
