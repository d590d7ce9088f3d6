//! The CRC of a message: CRC-16/X-25 over the MULTI text, the beacon octet and the pixel-service octet, octets swapped.

use crc::{CRC_16_IBM_SDLC, Crc};

const X25: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);

/// CRC of a message as `dmsMessageCRC` tells it; `beacon` and `pixel_service` are 0 where the sign has none.
pub fn message_crc(multi: &[u8], beacon: u8, pixel_service: u8) -> u16 {
    let mut digest = X25.digest();
    digest.update(multi);
    digest.update(&[beacon, pixel_service]);
    digest.finalize().swap_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_own_example_gives_its_crc() {
        // ite-org/NTCIP-8004, docs/macro-examples.md.
        assert_eq!(message_crc(b"[jp3]TEST [fl]Flashing[/fl]", 0, 0), 0x95F9);
    }

    #[test]
    fn beacon_and_pixel_service_are_part_of_what_is_checked() {
        assert_ne!(message_crc(b"34", 1, 0), message_crc(b"34", 0, 0));
        assert_ne!(message_crc(b"34", 0, 1), message_crc(b"34", 0, 0));
    }
}
