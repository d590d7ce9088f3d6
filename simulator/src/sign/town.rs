//! All signs of a simulated town, each at the link the city file gives it.

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::{MqttSign, NtcipSign, run_mqtt, run_ntcip};
use crate::town::{SignLink, Town};

/// Runs an emulator for every sign of the town until `stop`.
pub async fn run_town(town: Town, mqtt_url: String, stop: CancellationToken) -> anyhow::Result<()> {
    let (mut ntcip, mut mqtt) = (Vec::new(), Vec::new());
    for sign in &town.signs {
        match &sign.link {
            SignLink::Ntcip(address) => {
                let listen = address.parse().with_context(|| format!("sign {}: {address}", sign.id))?;
                // Panels hang side by side on one controller.
                let width = sign.panels.iter().map(|panel| u32::from(panel.width_px)).sum();
                let height = sign.panels.iter().map(|panel| u32::from(panel.height_px)).max().unwrap_or_default();
                ntcip.push(run_ntcip(NtcipSign { width, height, ..NtcipSign::new(listen) }, stop.clone()).await?);
            }
            SignLink::MqttJson => {
                mqtt.push(run_mqtt(MqttSign { url: mqtt_url.clone(), sign: sign.id.clone() }, stop.clone())?);
            }
        }
    }
    stop.cancelled().await;
    Ok(())
}
