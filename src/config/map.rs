//! Section `map`: what is drawn under the lots, where it is not the city file's own.

use serde::{Deserialize, Serialize};

/// The base map of the public pages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseMap {
    /// A PMTiles file this node serves; empty is none.
    pub pmtiles: String,
    /// The address of a tile server's tiles with `{z}`, `{x}` and `{y}`; empty is none.
    pub url: String,
    /// What the tiles of that server are.
    pub kind: TileKind,
    /// How the layers of vector tiles are named.
    pub schema: TileSchema,
    /// What the tiles' coordinates mean.
    pub datum: Datum,
    /// Where the map comes from.
    pub attribution: String,
    /// The deepest zoom the server has tiles of.
    pub max_zoom: u8,
    /// The side of a raster tile, pixels.
    pub tile_px: u16,
}

/// What tiles are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TileKind {
    /// Pictures.
    Raster,
    /// Shapes (Mapbox Vector Tiles).
    Vector,
}

/// How the layers of vector tiles are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TileSchema {
    /// `earth`, `water`, `landuse`, `roads`, `buildings`.
    Protomaps,
    /// `water`, `landcover`, `transportation`, `building`.
    Openmaptiles,
}

/// What coordinates mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datum {
    /// What GPS says.
    Wgs84,
    /// What maps in China show: some hundred metres beside it.
    Gcj02,
}

impl BaseMap {
    /// Whether the city file's own map is drawn.
    pub fn is_the_citys(&self) -> bool {
        self.pmtiles.is_empty() && self.url.is_empty()
    }

    /// The site the pages may ask for tiles, as `scheme://host[:port]`; `None` where they ask this one only.
    pub fn site(&self) -> Option<&str> {
        let (scheme, rest) = self.url.split_once("://")?;
        let host = rest.split('/').next().unwrap_or(rest);
        Some(&self.url[..scheme.len() + "://".len() + host.len()])
    }

    /// What types cannot say: one key and the reason it is wrong.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        // The site stands in a header of every page: it must be a plain name.
        let is_plain = |site: &str| {
            ["http://", "https://"].iter().any(|scheme| {
                site.strip_prefix(scheme).is_some_and(|host| {
                    !host.is_empty()
                        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
                })
            })
        };
        let is_template = ["{z}", "{x}", "{y}"].iter().all(|part| self.url.contains(part));
        let rules: [(&'static str, bool, &str); 5] = [
            ("map.url", self.pmtiles.is_empty() || self.url.is_empty(), "name a file or a server, not both"),
            (
                "map.url",
                self.url.is_empty() || (is_template && self.site().is_some_and(is_plain)),
                "must be http:// or https:// with a host, {z}, {x} and {y}",
            ),
            (
                "map.attribution",
                self.is_the_citys() || !self.attribution.trim().is_empty(),
                "must say where the map comes from",
            ),
            ("map.max_zoom", (1..=24).contains(&self.max_zoom), "must be 1 to 24"),
            ("map.tile_px", matches!(self.tile_px, 256 | 512), "must be 256 or 512"),
        ];
        let (key, _, reason) = rules.iter().find(|(_, holds, _)| !holds)?;
        Some((key, (*reason).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn with(change: impl FnOnce(&mut BaseMap)) -> BaseMap {
        let mut map = Config::load(None).unwrap().map;
        change(&mut map);
        map
    }

    #[test]
    fn a_base_map_names_one_source_and_where_it_comes_from() {
        assert!(with(|_| ()).is_the_citys());
        let tiles = "https://tiles.example:8443/vec/{z}/{x}/{y}.png?tk=a;b";
        let good = with(|map| {
            map.url = tiles.to_owned();
            map.attribution = "审图号 GS(2026)1".to_owned();
        });
        assert_eq!((good.fault(), good.site()), (None, Some("https://tiles.example:8443")));
        let fault = |change: fn(&mut BaseMap)| with(change).fault().map(|(key, _)| key);
        assert_eq!(fault(|map| map.pmtiles = "town.pmtiles".to_owned()), Some("map.attribution"));
        for url in [
            "https://tiles.example/{z}/{x}.png",
            "ftp://a/{z}/{x}/{y}",
            "https://a b;c/{z}/{x}/{y}",
            "https:///{z}/{x}/{y}",
        ] {
            let map = with(|map| {
                map.url = url.to_owned();
                map.attribution = "x".to_owned();
            });
            assert_eq!(map.fault().map(|(key, _)| key), Some("map.url"), "{url}");
        }
    }
}
