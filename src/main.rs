//! Parses the command line, runs the command, and exits with its code.

use std::process::ExitCode;

/// Rows are allocated by one thread and freed by others, at which the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mfaferry::commands::disable_core_dumps();
    match mfaferry::cli::parse() {
        Ok(cli) => mfaferry::commands::run(cli).into(),
        Err(error) => mfaferry::commands::refuse_arguments(&error).into(),
    }
}
