//! A camera's side of a Hikvision push: a number-plate event as XML with its JPEG, in one multipart body, signed in with HTTP Basic.

use anyhow::Context as _;
use chrono::{FixedOffset, SecondsFormat};
use reqwest::{Client, header};

use super::viid::Sighting;

const BOUNDARY: &str = "---------------------------7e13971310878";

/// One camera that pushes.
#[derive(Debug)]
pub struct IsapiCamera {
    client: Client,
    url: String,
    id: String,
    password: String,
}

impl IsapiCamera {
    /// A camera that signs in with its id.
    pub fn new(client: Client, base: &str, id: &str, password: &str) -> Self {
        let url = format!("{}/ISAPI/Event/notification/alert", base.trim_end_matches('/'));
        Self { client, url, id: id.to_owned(), password: password.to_owned() }
    }

    /// Pushes one sighting; sent again under the same key it is the same event.
    pub async fn send(&self, sighting: &Sighting<'_>, key: &str) -> anyhow::Result<()> {
        let answer = self
            .client
            .post(&self.url)
            .basic_auth(&self.id, Some(&self.password))
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body(sighting, key)?)
            .send()
            .await?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "the push was answered {status}");
        Ok(())
    }
}

/// The event and its picture, as a firmware writes them.
fn body(sighting: &Sighting<'_>, key: &str) -> anyhow::Result<Vec<u8>> {
    let beijing = FixedOffset::east_opt(8 * 3600).context("an offset")?;
    let at = sighting.at.with_timezone(&beijing);
    let (colour, word) = if sighting.car.electric { ("newEnergyGreen", "绿") } else { ("blue", "蓝") };
    let plate = &sighting.car.plate;
    let stay_ms = (sighting.at - sighting.since).num_milliseconds().max(0);
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <EventNotificationAlert version=\"2.0\" xmlns=\"http://www.isapi.org/ver20/XMLSchema\">\n\
         <macAddress>00:00:5e:00:53:01</macAddress>\n<channelID>1</channelID>\n<dateTime>{}</dateTime>\n\
         <eventType>ANPR</eventType>\n<eventState>active</eventState>\n<ANPR>\n<country>59</country>\n\
         <licensePlate>{word}{plate}</licensePlate>\n<confidenceLevel>97</confidenceLevel>\n<plateColor>{colour}</plateColor>\n\
         <illegalInfo><illegalCode>1039</illegalCode></illegalInfo>\n<vehicleType>vehicle</vehicleType>\n\
         <dwIllegalTime>{stay_ms}</dwIllegalTime>\n<pictureInfoList><pictureInfo><fileName>detectionPicture.jpg</fileName>\
         <type>detectionPicture</type><dataType>0</dataType><absTime>{}</absTime></pictureInfo></pictureInfoList>\n</ANPR>\n\
         <UUID>{key}</UUID>\n<picNum>1</picNum>\n</EventNotificationAlert>\n",
        at.to_rfc3339_opts(SecondsFormat::Millis, false),
        at.format("%Y%m%d%H%M%S%3f"),
    );
    let mut body = Vec::with_capacity(xml.len() + sighting.jpeg.len() + 512);
    for (name, kind, bytes) in
        [("anpr.xml", "text/xml", xml.as_bytes()), ("detectionPicture.jpg", "image/jpeg", sighting.jpeg)]
    {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n",
            bytes.len()
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Ok(body)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::life::plates::Car;

    #[test]
    fn an_event_tells_the_plate_behind_its_colour_and_the_time_in_beijing() {
        let car = Car { plate: "浙K12A45".to_owned(), electric: true, paint: [0, 0, 0] };
        let at: DateTime<Utc> = "2026-07-29T00:00:05Z".parse().unwrap();
        let sighting = Sighting { car: &car, since: at - chrono::Duration::seconds(300), at, jpeg: b"\xff\xd8\xff" };
        let body = body(&sighting, "CAM-1-7").unwrap();
        let text = String::from_utf8_lossy(&body);
        for told in
            ["绿浙K12A45", "<dateTime>2026-07-29T08:00:05.000+08:00<", "20260729080005000", ">300000<", ">CAM-1-7<"]
        {
            assert!(text.contains(told), "{told}");
        }
        assert!(text.ends_with(&format!("--{BOUNDARY}--\r\n")));
    }
}
