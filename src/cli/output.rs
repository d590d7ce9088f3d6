//! The two streams a command writes to: results on standard output, complaints on standard error.

use std::{io::Write, process::ExitCode};

/// Prints a result; success.
pub fn say(text: &str) -> ExitCode {
    // A reader that hung up, as `head` does, is no fault of the command.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::SUCCESS
}

/// Prints a complaint in one line; failure.
pub fn complain(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end().replace('\n', " "));
    ExitCode::FAILURE
}

/// Prints complaints, one line each, on standard error.
pub fn complain_each(complaints: &[impl std::fmt::Display]) {
    for complaint in complaints {
        complain(&complaint.to_string());
    }
}
