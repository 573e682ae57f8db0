//! The real binary against the sandbox, as a user would run it.
#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::print_stdout,
    reason = "tests, and what they share, may end in a panic"
)]

mod contract;
mod faults;
mod import;
mod inputs;
mod kill;
mod report;
mod samples;
mod secrets;
mod stop;
mod support;
mod tidy;
mod verify;
