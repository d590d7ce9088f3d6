//! The whole system from outside, against real Redis, Mosquitto, PostgreSQL, SNMP tools and Chromium.

mod architecture;
mod enforcement;
mod services;
