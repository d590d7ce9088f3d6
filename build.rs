//! Embeds the browser's side: a new build of it makes a new binary; without one the pages say how to build it.

use std::path::Path;

fn main() {
    // A path that is not there would rebuild the crate each time, so the folder above stands in for it.
    let pages = if Path::new("web/dist").exists() { "web/dist" } else { "web" };
    println!("cargo:rerun-if-changed={pages}");
    println!("cargo:rerun-if-changed=migrations");
}
