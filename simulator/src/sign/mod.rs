//! Emulators of roadside signs, one kind for each way the server drives them, and the ways they go wrong.

mod args;
pub mod controller;
pub mod faults;
mod line;
pub mod modbus;
pub mod mqtt;
pub mod ntcip;
pub mod onbon;
mod parts;
mod town;
pub mod xunpeng;

pub use args::{Args, run};
pub use faults::{Faults, Switches};
pub use modbus::{ModbusHandle, ModbusSign, run_modbus};
pub use mqtt::{MqttHandle, MqttSign, run_mqtt};
pub use ntcip::{Handle, NtcipSign, run_ntcip};
pub use onbon::{OnbonHandle, run_onbon};
pub use parts::Parts;
pub use town::run_town;
pub use xunpeng::{XunpengHandle, XunpengSign, run_xunpeng};
