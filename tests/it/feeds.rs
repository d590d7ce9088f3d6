//! Open data from outside: every format against its schema, the doors over HTTP, one number everywhere, other readers.

mod doors;
mod equal;
mod formats;
mod import;
mod reader;
mod sample;
mod schemas;
mod webhooks;

use std::path::PathBuf;

/// A folder of schemas and samples that tests share.
pub fn shared(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/samples").join(folder)
}
