//! Yunpark: parking guidance and violation tracking for a whole county.
//!
//! The rooms and who may use whom are drawn in `docs/ARCHITECTURE.md`; `app` is the only place where they are joined.

pub mod api;
pub mod app;
pub mod availability;
pub mod broker;
pub mod cityfeed;
pub mod cityimport;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demand;
pub mod display;
pub mod domain;
pub mod enforcement;
pub mod feeds;
pub mod forecast;
pub mod guidance;
pub mod history;
pub mod ingest;
pub mod keeper;
pub mod lifecycle;
pub mod live;
pub mod matters;
pub mod mqtt;
pub mod sensor_health;
pub mod settings;
pub mod signboard;
pub mod staff;
pub mod store;
pub mod telemetry;
pub mod tls;
