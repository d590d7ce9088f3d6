//! The door for Dahua cameras that push ITSAPI: an event has no id, its pictures may come late.

use bytes::Bytes;
use yunpark_sensors::itsapi::TollgateInfo;

use super::{Desk, Error, receive::MAX_IMAGES, staged::Said};
use crate::domain::{ids::CameraId, ledger::Digest, lot::VehicleClass, time::truncate};

impl Desk {
    /// Takes in a sighting. What comes later under the same clock, plate and channel adds its pictures to the same stay.
    pub async fn itsapi_event(&self, camera: &CameraId, info: TollgateInfo) -> Result<(), Error> {
        if !self.may_call_itself(camera, &info.device_id) {
            return Err(self.count_refused(camera, Error::ForeignDevice));
        }
        // A plate stays out of keys, which stand where plates may not be looked for.
        let key = format!("itsapi:{}", &Digest::of(info.key().as_bytes()).to_string()[..32]);
        let said = Said {
            at: truncate(info.at),
            track: Some(key.clone()),
            plate: info.plate,
            plate_color: info.plate_color.map(|color| color.chars().take(32).collect()),
            vehicle_class: if info.is_motor { VehicleClass::Motor } else { VehicleClass::NonMotor },
        };
        if info.pictures.is_empty() {
            return match self.draft_capture(camera, &key, &said, &[]).await {
                Ok(()) => Ok(()),
                Err(error) => Err(self.count_refused(camera, error)),
            };
        }
        let mut images: Vec<Bytes> = Vec::new();
        for picture in info.pictures {
            let bytes = Bytes::from(picture);
            if images.len() < MAX_IMAGES && !images.contains(&bytes) {
                images.push(bytes);
            }
        }
        self.receive_or_add(said.capture(camera, key.clone()), images).await?;
        if self.drafted(camera, &key).await?.is_some() {
            self.settle_draft(camera, &key).await?;
        }
        Ok(())
    }
}
