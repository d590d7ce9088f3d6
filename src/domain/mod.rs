//! The rules of the trade, pure: no I/O, no async, no clock; `now` is an argument and each rule returns what changed.

pub mod action;
pub mod appeal;
pub mod availability;
pub mod calendar;
pub mod capture;
pub mod city;
pub mod course;
pub mod dead_letter;
pub mod guidance;
pub mod hours;
pub mod ids;
pub mod incident;
pub mod ledger;
pub mod lot;
pub mod observation;
pub mod place;
pub mod plate;
pub mod record;
pub mod sensor_event;
pub mod sensor_health;
pub mod sign;
pub mod sign_link;
pub mod sign_order;
pub mod staff;
pub mod text;
pub mod time;
