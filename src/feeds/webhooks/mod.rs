//! Pushed to subscribers: what changed, signed, in order, tried again with growing pauses, and given up in the end; what was given up
//! is kept and can be replayed.

mod news;
mod post;
mod signature;

pub use news::News;
pub use post::{Post, pause};
pub use signature::{Signature, sign};
