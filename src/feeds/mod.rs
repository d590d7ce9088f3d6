//! Open data, out and in: what the city publishes in the formats others already read, and what it takes from their feeds.
//!
//! Every format is written from one [`picture::Picture`], so that all of them tell the same number at the same cursor.

pub mod catalogue;
pub mod cds;
pub mod datex2;
pub mod datum;
pub mod geojson;
pub mod navigate;
pub mod ngsi_ld;
pub mod parkapi_v1;
pub mod parkapi_v3;
pub mod picture;
pub mod press;
pub mod query;
pub mod siri;
pub mod sources;
pub mod spots;
pub mod uid;
pub mod webhooks;
pub mod xml;

pub use catalogue::Feed;
pub use picture::{Judged, Opening, Openings, Picture, Site, Spot, SpotState, judge};
pub use press::{Edition, Press, Variant};
pub use query::{QueryFault, SitesQuery};
pub use spots::Spots;
