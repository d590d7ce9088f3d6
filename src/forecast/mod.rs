//! How many places will be free on arrival: a recorder that keeps the history, a model that learns from it.

pub mod backtest;
mod forecaster;
mod kept;
mod model;
mod recorder;

pub use forecaster::{Arrival, Forecaster, UsualDay};
pub use model::{Forecast, LotModel, MAX_HORIZON_H, Method, Reading, Shared, Why};
pub use recorder::{Recorder, SAMPLE_EVERY_S};
