//! The HTTP door: the router reads as a site map; one file per resource.

pub mod json;
pub mod problem;
pub mod signs;

pub use problem::Problem;
