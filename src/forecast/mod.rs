//! How many places will be free on arrival: a recorder that keeps the history, a model that learns from it.

mod forecaster;
mod model;
mod recorder;

pub use forecaster::Forecaster;
pub use model::{Forecast, LotModel, MAX_HORIZON_H, Method, Reading};
pub use recorder::{Recorder, SAMPLE_EVERY_S};
