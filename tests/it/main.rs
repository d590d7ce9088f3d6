//! The whole system from outside, against real Redis, Mosquitto, PostgreSQL, SNMP tools and Chromium.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, in its helpers too")]

mod architecture;
mod enforcement;
mod availability;
mod city;
mod ingest;
mod services;
mod simulated_town;
mod signs;
mod store;
