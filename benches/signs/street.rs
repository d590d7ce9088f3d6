//! The emulated signs of a street, one kind after the other, and the city file that names them.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use yunpark_simulator::sign::{
    Faults, Handle, ModbusSign, MqttSign, NtcipSign, Switches, XunpengSign, run_modbus, run_mqtt, run_ntcip, run_onbon,
    run_xunpeng,
};

use crate::rig::Failure;

/// NTCIP 1203 over SNMP 1, Onbon, Xunpeng and Modbus over TCP, JSON over MQTT.
const KINDS: usize = 5;
/// One sign in so many is dead when some are; as many of each kind.
pub const DEAD_EVERY: usize = 10;

/// Signs that run until the street is dropped.
pub struct Street {
    signs: Vec<Sign>,
    links: Vec<Value>,
    stop: CancellationToken,
}

/// What a sign's faults are switched with.
enum Sign {
    Ntcip(Box<Handle>),
    Other(Faults),
}

impl Drop for Street {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Street {
    /// So many signs, each with a lot of its own.
    pub async fn build(count: usize, broker: u16) -> Result<Self, Failure> {
        let mut street = Self { signs: Vec::new(), links: Vec::new(), stop: CancellationToken::new() };
        for at in 0..count {
            let (sign, link) = street.sign(at, broker).await?;
            street.signs.push(sign);
            street.links.push(link);
        }
        Ok(street)
    }

    async fn sign(&self, at: usize, broker: u16) -> Result<(Sign, Value), Failure> {
        let (listen, stop) = ("127.0.0.1:0".parse()?, self.stop.clone());
        Ok(match at % KINDS {
            0 => {
                let sign = run_ntcip(NtcipSign { width: 160, height: 32, ..NtcipSign::new(listen) }, stop).await?;
                let link = json!({"protocol": "ntcip1203", "address": sign.address().to_string()});
                (Sign::Ntcip(Box::new(sign)), link)
            }
            1 => {
                let sign = run_onbon(listen, stop).await?;
                let link = json!({"protocol": "onbon", "address": sign.address().to_string()});
                (Sign::Other(sign.faults), link)
            }
            2 => {
                let sign = run_xunpeng(XunpengSign { listen, watchdog: None }, stop).await?;
                let link = json!({"protocol": "xunpeng", "address": sign.address().to_string()});
                (Sign::Other(sign.faults), link)
            }
            3 => {
                let sign = ModbusSign { listen, is_rtu: false, units: [1, 1], hold_s: Some(9) };
                let sign = run_modbus(sign, stop).await?;
                let registers = json!({"numbers": [0], "states": [1], "hold_s": 9});
                let address = sign.address().to_string();
                let link = json!({"protocol": "modbus", "address": address, "registers": registers});
                (Sign::Other(sign.faults), link)
            }
            _ => {
                let url = format!("mqtt://127.0.0.1:{broker}");
                let sign = run_mqtt(MqttSign { url, sign: format!("S{at}") }, stop)?;
                (Sign::Other(sign.faults), json!({"protocol": "mqtt_json"}))
            }
        })
    }

    /// Whether a sign is among those that die.
    pub fn is_mortal(at: usize) -> bool {
        at / KINDS % DEAD_EVERY == 3
    }

    /// Lets the mortal signs die, or live again.
    pub fn set_dead(&self, deaf: bool) {
        let switches = Switches { deaf, ..Switches::default() };
        for (_, sign) in self.signs.iter().enumerate().filter(|(at, _)| Self::is_mortal(*at)) {
            match sign {
                Sign::Ntcip(sign) => sign.set_switches(switches),
                Sign::Other(faults) => faults.set(switches),
            }
        }
    }

    /// The city with these signs and their lots, or with the lots alone.
    pub fn city(&self, with_signs: bool) -> Value {
        let place = json!({"type": "Point", "coordinates": [119.57, 28.11]});
        let lot = |at: usize| {
            json!({"type": "Feature", "geometry": place, "properties": {"kind": "lot", "id": format!("L{at}"),
                "name": format!("停车场{at}"), "capacity": 100, "counted_by": "counters"}})
        };
        let sign = |(at, link): (usize, &Value)| {
            json!({"type": "Feature", "geometry": place, "properties": {"kind": "sign", "id": format!("S{at}"),
                "name": format!("S{at}"), "heading_deg": 90, "link": link, "panels": [{"id": "P", "width_px": 160,
                "height_px": 32, "lines": [{"lot": format!("L{at}"), "label": "城西", "arrow": "left"}]}]}})
        };
        let lots = (0..self.links.len()).map(lot);
        let signs = self.links.iter().enumerate().filter(|_| with_signs).map(sign);
        json!({
            "type": "FeatureCollection",
            "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
            "groups": [], "sensors": [], "features": lots.chain(signs).collect::<Vec<_>>(),
        })
    }

    /// How many signs there are.
    pub fn len(&self) -> usize {
        self.signs.len()
    }
}
