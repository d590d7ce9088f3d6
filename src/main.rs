//! The `yunpark` binary: hands its arguments to the command line's room.

fn main() {}
