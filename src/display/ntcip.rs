//! The driver of an NTCIP 1203 sign over SNMP: write, let the sign check it, compare CRCs, light it, read it back.

mod device;
mod link;

use std::time::Duration;

use async_snmp::{Auth, AuthProtocol, PrivProtocol, UsmConfig};
use yunpark_signs::{
    Face, Size,
    ntcip::multi::{self, ColorScheme},
};

use self::link::Link;
use super::{Error, driver::Protocol, fence::Fence};
use crate::{
    clock::Clock,
    domain::{
        ids::PanelId,
        sign::Sign,
        sign_link::{SnmpAuth, SnmpVersion},
        time::Instant,
    },
    signboard::{Desired, Device, good_until},
};

/// As whom a sign is asked.
#[derive(Debug, Clone)]
pub struct Access {
    /// SNMP community of versions 1 and 2c.
    pub community: String,
    /// Version of SNMP.
    pub version: SnmpVersion,
}

impl Access {
    fn auth(&self) -> Result<Auth, Error> {
        let community = || bytes::Bytes::copy_from_slice(self.community.as_bytes());
        let user = match &self.version {
            SnmpVersion::V1 => return Ok(Auth::v1(community())),
            SnmpVersion::V2c => return Ok(Auth::v2c(community())),
            SnmpVersion::V3(user) => user,
        };
        let protocol = match user.auth {
            SnmpAuth::Md5 => AuthProtocol::Md5,
            SnmpAuth::Sha1 => AuthProtocol::Sha1,
            SnmpAuth::Sha256 => AuthProtocol::Sha256,
        };
        let usm = UsmConfig::new(bytes::Bytes::copy_from_slice(user.name.as_bytes()));
        let usm = match &user.privacy_password {
            Some(privacy) => usm.auth_priv(protocol, &user.auth_password, PrivProtocol::Aes128, privacy),
            None => usm.auth(protocol, &user.auth_password),
        };
        let refused = |error: &dyn std::fmt::Display| Error::Access(error.to_string());
        usm.map(Auth::Usm).map_err(|error| refused(&error))
    }
}

/// One sign's side of the conversation.
pub struct Ntcip {
    address: String,
    access: Access,
    timeout: Duration,
    hold: Hold,
    panels: Vec<(PanelId, Size)>,
    fence: Fence,
    link: Option<Link>,
}

/// How long a sign is told to hold a message.
#[derive(Debug, Clone)]
pub struct Hold {
    clock: Clock,
    /// The dead man's time, minutes.
    dead_man_min: u16,
    /// Within this a request that was sent is taken, or never.
    timeout: Duration,
}

impl Hold {
    /// The dead man's time is rounded up to whole minutes.
    pub fn new(clock: Clock, dead_man_s: u32, timeout: Duration) -> Self {
        let dead_man_min = u16::try_from(dead_man_s.div_ceil(60).clamp(1, 65534)).unwrap_or(65534);
        Self { clock, dead_man_min, timeout }
    }

    /// Minutes to write now for faces that may stand until `end`: the dead man's, or the whole minutes that are left, rounded
    /// down, and counted from the latest moment the sign may take the request at. None is left in the last minute, of which
    /// a sign that counts minutes cannot be told; guidance lets the line fall back before it comes to that
    /// (`guidance::policy::shortest_hold`).
    fn minutes(&self, end: Option<Instant>) -> Option<u16> {
        let Some(end) = end else { return Some(self.dead_man_min) };
        let taken = self.clock.now() + chrono::Duration::from_std(self.timeout).unwrap_or_default();
        let whole = u16::try_from((end - taken).num_minutes().min(65534)).ok()?;
        (whole > 0).then_some(whole.min(self.dead_man_min))
    }
}

impl Ntcip {
    /// A driver that has not spoken to its sign yet.
    pub fn new(sign: &Sign, address: &str, access: Access, timeout: Duration, hold: Hold, fence: Fence) -> Self {
        let size =
            |panel: &crate::domain::sign::Panel| Size { width: panel.width_px.into(), height: panel.height_px.into() };
        Self {
            address: address.to_owned(),
            access,
            timeout,
            hold,
            panels: sign.panels.iter().map(|panel| (panel.id.clone(), size(panel))).collect(),
            fence,
            link: None,
        }
    }

    /// The open connection, or a new one with a first look at what the sign can do.
    async fn link(&mut self) -> Result<&mut Link, Error> {
        let known = self.link.take();
        let link = if let Some(link) = known {
            link
        } else {
            let fence = self.fence.clone();
            Link::open(&self.address, &self.access, (self.timeout, fence), self.hold.dead_man_min).await?
        };
        Ok(self.link.insert(link))
    }

    fn multi(&self, faces: &Desired, scheme: ColorScheme) -> Result<String, Error> {
        let panels: Vec<(&Face, Size)> = self
            .panels
            .iter()
            .filter_map(|(id, size)| faces.get(id).map(|wanted| (wanted.face.as_ref(), *size)))
            .collect();
        Ok(multi::encode(&panels, scheme)?)
    }
}

impl Protocol for Ntcip {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let (hold, end) = (self.hold.clone(), good_until(faces));
        let scheme = self.link().await?.scheme;
        let multi = self.multi(faces, scheme)?;
        let percent = faces.values().filter_map(|wanted| wanted.face.brightness_percent).max();
        let link = self.link().await?;
        let shown = match link.show(&multi, || hold.minutes(end)).await {
            Ok(detail) => link.shine(percent).await.map(|()| detail),
            Err(error) => Err(error),
        };
        self.looked(shown)
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let (hold, end) = (self.hold.clone(), good_until(faces));
        let link = self.link().await?;
        let verified = match link.verify(|| hold.minutes(end)).await {
            Ok(detail) => link.examine(hold.clock.now()).await.map(|()| detail),
            Err(error) => Err(error),
        };
        self.looked(verified)
    }

    fn device(&self) -> Option<Device> {
        self.link.as_ref().and_then(|link| link.device.clone())
    }
}

impl Ntcip {
    /// A sign that comes back may be another one, and one that shows something else may have been switched off and on: it is
    /// looked at, prepared and lit anew.
    fn looked<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if outcome.as_ref().is_err_and(|error| !error.is_of_the_face()) {
            self.link = None;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sign_is_never_told_to_hold_a_face_beyond_its_end(left_ms in -100_000i64..2_000_000, dead_man_s in 0u32..1000, timeout_ms in 0u64..5_000) {
            let now = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
            let timeout = Duration::from_millis(timeout_ms);
            let hold = Hold::new(Clock::manual(now), dead_man_s, timeout);
            let left = chrono::Duration::milliseconds(left_ms);
            match hold.minutes(Some(now + left)) {
                Some(minutes) => {
                    prop_assert!(minutes >= 1 && u32::from(minutes) <= dead_man_s.div_ceil(60).max(1));
                    prop_assert!(i64::from(minutes) * 60_000 + timeout_ms as i64 <= left_ms);
                }
                None => prop_assert!(left_ms < 60_000 + timeout_ms as i64),
            }
        }
    }

    #[test]
    fn a_face_without_a_number_is_held_for_the_dead_mans_time_rounded_up() {
        let hold = |dead_man_s| Hold::new(Clock::System, dead_man_s, Duration::ZERO).minutes(None);
        assert_eq!([hold(180), hold(61), hold(0)], [Some(3), Some(2), Some(1)]);
    }
}
