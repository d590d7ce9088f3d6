//! Links that hand a lot to a map application, each with the order of numbers and the datum it wants.

use std::fmt::Write;

use geo::Coord;
use serde::Serialize;

use super::datum::to_gcj02;

/// Where drivers can be sent by which application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Navigation {
    /// Amap 高德: lon,lat in GCJ-02.
    pub amap: String,
    /// Baidu 百度: lat,lon, told that it is WGS-84.
    pub baidu: String,
    /// Tencent 腾讯: lat,lon in GCJ-02.
    pub tencent: String,
    /// Apple: lat,lon in WGS-84.
    pub apple: String,
    /// Google: lat,lon in WGS-84.
    pub google: String,
    /// RFC 5870 with a label, as phones read it: lat,lon in WGS-84.
    pub geo: String,
}

/// The links to a WGS-84 place with a name.
pub fn links(place: Coord, name: &str) -> Navigation {
    let (lon, lat) = (place.x, place.y);
    let gcj = to_gcj02(place);
    let (gcj_lon, gcj_lat) = (gcj.x, gcj.y);
    let title = encoded(name);
    Navigation {
        amap: format!(
            "https://uri.amap.com/navigation?to={gcj_lon:.6},{gcj_lat:.6},{title}&mode=car&src=yunpark&callnative=1"
        ),
        baidu: format!(
            "https://api.map.baidu.com/marker?location={lat:.6},{lon:.6}&title={title}&content={title}&coord_type=wgs84\
             &output=html&src=webapp.yunpark.parking"
        ),
        tencent: format!(
            "https://apis.map.qq.com/uri/v1/routeplan?type=drive&to={title}&tocoord={gcj_lat:.6},{gcj_lon:.6}\
             &coord_type=2&referer=yunpark"
        ),
        apple: format!("https://maps.apple.com/?daddr={lat:.6},{lon:.6}&dirflg=d"),
        google: format!("https://www.google.com/maps/dir/?api=1&destination={lat:.6},{lon:.6}&travelmode=driving"),
        geo: format!("geo:{lat:.6},{lon:.6}?q={lat:.6},{lon:.6}({title})"),
    }
}

/// A text as part of an address: what separates fields in any of them becomes a space, and the rest is percent-encoded.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b',' | b';' | b'|' | b':' | b'(' | b')' => out.push_str("%20"),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// A text as the value of a query's field, so that it comes back as it was.
pub fn encoded_exactly(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_application_is_given_its_own_order_and_datum() {
        let links = links(Coord { x: 120.1551, y: 30.2741 }, "西湖, P1");
        assert!(links.amap.contains("to=120.159794,30.271771,%E8%A5%BF%E6%B9%96%20%20P1&"), "{}", links.amap);
        assert!(links.tencent.contains("tocoord=30.271771,120.159794&coord_type=2"), "{}", links.tencent);
        assert!(links.baidu.contains("location=30.274100,120.155100&title="), "{}", links.baidu);
        assert!(links.baidu.contains("coord_type=wgs84"));
        assert!(links.apple.contains("daddr=30.274100,120.155100"));
        assert!(links.google.contains("destination=30.274100,120.155100"));
        assert!(links.geo.starts_with("geo:30.274100,120.155100?q=30.274100,120.155100("));
    }

    #[test]
    fn a_name_cannot_break_out_of_its_link() {
        let links = links(Coord { x: 8.4, y: 49.0 }, "A&B=\"<script>\"#?/");
        for link in [links.amap, links.baidu, links.tencent, links.geo] {
            assert!(!link.contains(['<', '"', '#', '\'']), "{link}");
            assert!(!link.contains("A&B"), "{link}");
        }
    }
}
