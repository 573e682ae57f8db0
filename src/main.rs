//! Parses the command line, runs the command, and exits with its code.

use std::process::ExitCode;

/// Rows are allocated on one thread and freed on others, which the system allocator does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mfaferry::commands::disable_core_dumps();
    match mfaferry::cli::parse() {
        Ok(cli) => mfaferry::commands::run(cli).into(),
        Err(error) => mfaferry::commands::refuse_arguments(&error).into(),
    }
}
