//! Installs a sensor in every bay: three in ten behind ChirpStack, one in ten behind The Things Stack, the rest native.

use rand::{RngExt, rngs::StdRng};

use super::{Device, Lot};

/// Gives every bay its device; ids are unique in the town.
pub fn install(lots: &mut [Lot], rng: &mut StdRng) {
    let mut serial: u32 = 0x1000;
    for space in lots.iter_mut().flat_map(|lot| &mut lot.spaces) {
        serial += rng.random_range(1..9);
        let draw: f64 = rng.random_range(0.0..1.0);
        space.device = if draw < 0.3 {
            Device::Bosch(format!("fcd6bd0000{serial:06x}"))
        } else if draw < 0.4 {
            Device::Nwave(format!("bay-{serial:05x}"))
        } else {
            Device::Native
        };
    }
}
