//! DATEX II: the parking table, the parking status and what each sign shows, in version 3.7; table and status in version 2.3
//! for older readers. Each is valid against its schema, with lots full, closed, stale and unknown.
//!
//! Source: the DATEX II reference model, `DATEXII_3_*.xsd` (3.7) and `DATEXIISchema_2_2_3.xsd` (2.3).

pub mod v2;
mod v3;
mod v3_signs;

pub use v3::{status, table};
pub use v3_signs::{signs, signs_table};

use super::{
    picture::{Opening, Site},
    xml::Xml,
};
use crate::{
    config,
    domain::{
        availability::{Availability, Level, Quality},
        text::Localized,
    },
};

/// A text in the languages it is in: the two of the city file, or the one the settings name.
fn texts(xml: &mut Xml, [outer, prefix]: [&str; 2], text: &Localized, settings: &config::Feeds) {
    let (values, value) = (format!("{prefix}values"), format!("{prefix}value"));
    xml.inside(outer, &[], |xml| {
        xml.inside(&values, &[], |xml| {
            if settings.language.is_empty() {
                xml.leaf_with(&value, &[("lang", "zh")], &text.zh);
                if text.en != text.zh {
                    xml.leaf_with(&value, &[("lang", "en")], &text.en);
                }
            } else {
                xml.leaf_with(&value, &[("lang", &settings.language)], &text.zh);
            }
        });
    });
}

/// The language a publication says it is in.
fn language(settings: &config::Feeds) -> &str {
    if settings.language.is_empty() { "zh" } else { &settings.language }
}

/// How full a lot with these counts is.
fn fullness(counts: &Availability) -> &'static str {
    let judged = Availability { closed: false, ..counts.clone() };
    match judged.level(Quality::Live, true) {
        Level::Full => "full",
        Level::Few => "almostFull",
        Level::Free => "spacesAvailable",
        Level::Closed | Level::NoData => "unknown",
    }
}

/// Why nothing is told of a lot's occupancy; `None` if it is.
fn fault(site: Site<'_>) -> Option<&'static str> {
    match site.judged.quality {
        _ if site.live().is_some() => None,
        Quality::NoData => Some("noParkingInformationAvailable"),
        Quality::Stale | Quality::Live => Some("communicationsFailure"),
    }
}

/// Occupied places of all that are in service, percent, to two places.
fn percent(counts: &Availability) -> Option<f64> {
    let in_service = counts.free + counts.occupied;
    (in_service > 0).then(|| (f64::from(counts.occupied) * 10_000.0 / f64::from(in_service)).round() / 100.0)
}

/// The words of the two versions for whether a lot is open.
fn opening(site: Site<'_>, by_operator: &'static str) -> &'static str {
    match site.judged.opening {
        Opening::Open => "open",
        Opening::OutOfHours => "closed",
        Opening::ByOperator => by_operator,
    }
}
