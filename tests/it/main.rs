//! The whole system from outside, against real Redis, Mosquitto, PostgreSQL, SNMP tools and Chromium.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed, in its helpers too")]

mod architecture;
mod arrival;
mod attacks;
mod availability;
mod backup;
mod broker_alarm;
mod case_desk;
mod chaos;
mod city;
mod crash;
mod dead_letters;
mod disk_full;
mod doctor;
mod enforcement;
mod feeds;
mod guidance;
mod ingest;
mod leases;
mod ledger;
mod matters;
mod matters_page;
mod node;
mod officer_page;
mod packaging;
mod public_page;
mod roles;
mod sensor_events;
mod sensors;
mod services;
mod shared_group;
mod sign;
mod signs;
mod simulated_town;
mod small_disk;
mod spine;
mod staff_desks;
mod store;
mod town;
mod under_way;
mod way;
