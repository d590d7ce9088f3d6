//! The `yunpark` binary: hands its arguments to the command line's room.

use std::process::ExitCode;

fn main() -> ExitCode {
    yunpark::cli::main()
}
