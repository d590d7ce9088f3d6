//! The whole system from outside, against real Redis, Mosquitto, PostgreSQL, SNMP tools and Chromium.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed, in its helpers too")]

mod architecture;
mod availability;
mod city;
mod crash;
mod enforcement;
mod guidance;
mod ingest;
mod ledger;
mod node;
mod sensor_events;
mod services;
mod sign;
mod signs;
mod simulated_town;
mod spine;
mod store;
mod town;
