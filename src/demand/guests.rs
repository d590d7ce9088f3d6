//! Who may say how much: each address a little, so that nobody can fill a town by talk. Addresses are hashed with a key that lives
//! and dies with the process, and are forgotten when what they said has ended.

use std::{collections::HashMap, hash::BuildHasher, net::IpAddr};

use foldhash::quality::RandomState;

use crate::domain::{ids::LotId, time::Instant};

/// Most addresses remembered; while they are all busy, nobody new is heard.
const MOST: usize = 20_000;

/// What addresses have said that still counts.
#[derive(Debug, Default)]
pub(super) struct Guests {
    key: RandomState,
    said: HashMap<u64, Vec<(LotId, Instant)>>,
}

/// Why an address is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hush {
    /// It has said enough for now.
    Often,
    /// It has said enough of this lot.
    SameLot,
    /// Too many others are speaking.
    Crowd,
}

impl Guests {
    /// Hears an address, unless it has said `most` things that still count, or `most_of_lot` of this lot.
    pub(super) fn hear(
        &mut self,
        peer: IpAddr,
        lot: &LotId,
        now: Instant,
        ends_at: Instant,
        (most, most_of_lot): (usize, usize),
    ) -> Result<(), Hush> {
        let guest = self.key.hash_one(network(peer));
        if self.said.len() >= MOST && !self.said.contains_key(&guest) {
            self.said.retain(|_, said| said.iter().any(|(_, ends_at)| *ends_at > now));
            if self.said.len() >= MOST {
                return Err(Hush::Crowd);
            }
        }
        let said = self.said.entry(guest).or_default();
        said.retain(|(_, ends_at)| *ends_at > now);
        if said.iter().filter(|(of, _)| of == lot).count() >= most_of_lot {
            return Err(Hush::SameLot);
        }
        if said.len() >= most {
            return Err(Hush::Often);
        }
        said.push((lot.clone(), ends_at));
        Ok(())
    }
}

/// The network an address stands for: an IPv6 customer has a whole /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn an_address_is_heard_a_few_times_and_again_when_that_has_ended() {
        let now = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        let ends = now + Duration::minutes(20);
        let lot = |id: &str| LotId::parse(id).unwrap();
        let mut guests = Guests::default();
        let peer: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        assert_eq!(guests.hear(peer, &lot("A"), now, ends, (3, 2)), Ok(()));
        assert_eq!(guests.hear(neighbour, &lot("A"), now, ends, (3, 2)), Ok(()), "the same network");
        assert_eq!(guests.hear(peer, &lot("A"), now, ends, (3, 2)), Err(Hush::SameLot));
        assert_eq!(guests.hear(peer, &lot("B"), now, ends, (3, 2)), Ok(()));
        assert_eq!(guests.hear(peer, &lot("C"), now, ends, (3, 2)), Err(Hush::Often));
        assert_eq!(guests.hear("192.0.2.7".parse().unwrap(), &lot("A"), now, ends, (3, 2)), Ok(()));
        assert_eq!(guests.hear(peer, &lot("C"), ends, ends + Duration::minutes(1), (3, 2)), Ok(()));
    }
}
