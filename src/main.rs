//! Parse, run, say what went wrong, leave with the right code.

use std::process::ExitCode;

/// Rows are made by one thread and freed by others, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mfaferry::commands::disable_core_dumps();
    match mfaferry::cli::parse() {
        Ok(cli) => mfaferry::commands::run(cli).into(),
        Err(error) => mfaferry::commands::refuse_arguments(&error).into(),
    }
}
