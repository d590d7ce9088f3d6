//! SIRI-FM 2.1 facility monitoring, in the profile OpenTripPlanner reads: present free bays of each known lot.
//!
//! A lot that is stale or unheard is told as of unknown status and carries no count.

use super::{
    picture::{Picture, Site},
    xml::Xml,
};
use crate::{config, domain::time::rfc3339};

/// The document.
pub fn facility_monitoring(picture: &Picture, settings: &config::Feeds) -> Vec<u8> {
    let at = rfc3339(picture.at);
    let mut xml = Xml::document();
    xml.inside("Siri", &[("version", "2.1"), ("xmlns", "http://www.siri.org.uk/siri")], |xml| {
        xml.inside("ServiceDelivery", &[], |xml| {
            xml.leaf("ResponseTimestamp", &at);
            xml.leaf("ProducerRef", &settings.publisher);
            xml.inside("FacilityMonitoringDelivery", &[("version", "2.1")], |xml| {
                xml.leaf("ResponseTimestamp", &at);
                for site in picture.sites().filter(|site| site.is_for_cars()) {
                    xml.inside("FacilityCondition", &[], |xml| condition(site, xml));
                }
            });
        });
    });
    xml.into_bytes()
}

fn condition(site: Site<'_>, xml: &mut Xml) {
    xml.leaf("FacilityRef", &site.lot.id);
    let status = match (site.is_open(), site.live()) {
        (false, _) => "notAvailable",
        (true, Some(_)) => "available",
        (true, None) => "unknown",
    };
    xml.inside("FacilityStatus", &[], |xml| xml.leaf("Status", status));
    if let Some(counts) = site.live() {
        xml.inside("MonitoredCounting", &[], |xml| {
            xml.leaf("CountingType", "presentCount");
            xml.leaf("CountedFeatureUnit", "bays");
            xml.leaf("Count", counts.free);
        });
    }
}
