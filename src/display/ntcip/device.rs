//! How the parts of an NTCIP 1203 sign are: doors, temperatures, pixels that fail. Only what the sign has is told.

use async_snmp::Oid;
use yunpark_signs::ntcip::oid;

use super::{
    super::Error,
    link::{Link, failed},
};
use crate::{
    domain::time::Instant,
    signboard::{Device, FailedPixels},
};

/// The parts of a sign change slowly: they are examined this often, and at once when the faults it tells change.
const EVERY_MIN: i64 = 5;
/// The most failing pixels whose places are read; the rest is counted.
const MOST_PLACES: u32 = 64;

impl Link {
    /// Examines the sign's parts if it is time.
    pub(super) async fn examine(&mut self, now: Instant) -> Result<(), Error> {
        let is_due = self.device.as_ref().is_none_or(|known| {
            now - known.examined_at >= chrono::Duration::minutes(EVERY_MIN) || known.fault_bits != self.fault_bits
        });
        if is_due {
            let device = Device {
                fault_bits: self.fault_bits,
                faults: oid::faults(self.fault_bits),
                door_open: self.number(oid::DOOR_OPEN).await?.map(|doors| doors != 0),
                failed_pixels: self.failed_pixels().await?,
                cabinet_c: self.range(oid::CABINET_TEMPERATURES).await?,
                ambient_c: self.range(oid::AMBIENT_TEMPERATURES).await?,
                housing_c: self.range(oid::HOUSING_TEMPERATURES).await?,
                examined_at: now,
            };
            self.device = Some(device);
        }
        Ok(())
    }

    async fn number(&mut self, object: &'static [u32]) -> Result<Option<i32>, Error> {
        Ok(self.get_known(object).await?.and_then(|value| value.as_i32()))
    }

    /// Lowest and highest of a group of temperatures, degrees Celsius; a value beyond what a cabinet can have is none.
    async fn range(&mut self, [lowest, highest]: [&'static [u32]; 2]) -> Result<Option<[i16; 2]>, Error> {
        let plausible = |celsius: i32| i16::try_from(celsius).ok().filter(|celsius| (-60..=120).contains(celsius));
        let lowest = self.number(lowest).await?.and_then(plausible);
        let highest = self.number(highest).await?.and_then(plausible);
        Ok(match (lowest, highest) {
            (Some(lowest), Some(highest)) => Some([lowest.min(highest), lowest.max(highest)]),
            (one, other) => one.or(other).map(|only| [only; 2]),
        })
    }

    /// The pixels that failed the sign's own tests.
    async fn failed_pixels(&mut self) -> Result<Option<FailedPixels>, Error> {
        let Some(count) = self.number(oid::PIXEL_FAILURES).await? else { return Ok(None) };
        let count = u32::try_from(count).unwrap_or(0);
        let mut places = Vec::new();
        // Rows are numbered by the sign, each kind of test apart: they are found one after the other.
        let mut row = oid::PIXEL_FAILURE_X.to_vec();
        while places.len() < MOST_PLACES.min(count) as usize {
            let Some((next, x)) = self.next(&row).await? else { break };
            let Some(index) = next.strip_prefix(oid::PIXEL_FAILURE_X) else { break };
            let y = self.get_optional(&[oid::PIXEL_FAILURE_Y, index].concat()).await?.and_then(|value| value.as_i32());
            let place = |value: i32| u16::try_from(value).ok();
            places.extend(place(x).zip(y.and_then(place)));
            row = next;
        }
        Ok(Some(FailedPixels { count, places }))
    }

    /// The object after one, with its number; `None` at the end of the tree, or where a sign does not go forward.
    async fn next(&mut self, object: &[u32]) -> Result<Option<(Vec<u32>, i32)>, Error> {
        let response = match self.client.get_next(&Oid::from_slice(object)).await {
            Ok(response) => response,
            Err(error) => match failed("the failing pixels", &error) {
                Error::Snmp { .. } | Error::Answer { .. } => return Ok(None),
                silence => return Err(silence),
            },
        };
        let next = response.single().map(|binding| (binding.oid.arcs().to_vec(), binding.value.as_i32()));
        Ok(next.and_then(|(next, number)| (next.as_slice() > object).then_some((next, number?))))
    }
}
