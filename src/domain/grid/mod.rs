//! The grid of management cells 单元网格: their codes, which cell a point lies in, and how much of the town they cover.

mod code;
mod coverage;
mod locate;

pub use self::{
    code::{GridCode, InvalidCode},
    coverage::{Coverage, Gap, Overlap, Stray, coverage},
    locate::{Found, Grid},
};
