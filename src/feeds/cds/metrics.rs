//! Hourly occupancy of each row of bays, as the specification's CSV of aggregates.

use std::fmt::Write;

use chrono::Timelike;
use chrono_tz::Tz;

use super::curbs;
use crate::{config, domain::lot::Lot, store::history::Slot};

/// The head of the table.
const HEAD: &str = "curb_place_type,curb_place_id,metric_type,date,hour,value\n";

/// The table: one row for each row of bays and hour that is known. A value of -1 says that most of its places were unheard.
pub fn aggregates<'a>(
    lots: impl Iterator<Item = (&'a Lot, Vec<Slot>)>,
    time_zone: Tz,
    settings: &config::Feeds,
) -> String {
    let mut table = HEAD.to_owned();
    for (lot, slots) in lots {
        let id = curbs::lot_id(lot, settings);
        for slot in slots {
            let [free, occupied, unknown, _, capacity] = slot.mean();
            let value = if u64::from(unknown) * 2 > u64::from(capacity) || free + occupied == 0 {
                -1.0
            } else {
                (f64::from(occupied) * 1000.0 / f64::from(free + occupied)).round() / 10.0
            };
            let local = slot.at.with_timezone(&time_zone);
            let _ =
                writeln!(table, "zone,{id},occupancy_percent,{},{},{value}", local.format("%Y-%m-%d"), local.hour());
        }
    }
    table
}
