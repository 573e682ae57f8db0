//! The real binary against the sandbox, as a user would run it.
#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::print_stdout,
    reason = "tests, and what they share, may end in a panic"
)]

mod authenticator;
#[cfg(target_os = "linux")]
mod between;
#[cfg(target_os = "linux")]
mod broken;
mod changes;
mod contract;
#[cfg(target_os = "linux")]
mod deploy;
#[cfg(target_os = "linux")]
mod digest;
mod disk;
#[cfg(target_os = "linux")]
mod door;
mod explain;
mod facts;
mod faults;
mod fuzz;
#[cfg(target_os = "linux")]
mod hostile;
mod import;
mod inputs;
mod kill;
mod lifecycle;
mod log_file;
mod man;
#[cfg(target_os = "linux")]
mod matrix;
mod max_users;
mod mended;
mod metrics;
mod names;
mod nightly;
mod notices;
mod older;
mod pace;
#[cfg(target_os = "linux")]
mod planted;
mod preflight;
mod probe;
mod profiles;
mod prove;
mod provider_words;
mod proxy;
#[cfg(target_os = "linux")]
mod reasons;
mod refused;
mod report;
mod report_page;
mod resolve;
mod samples;
mod schemas;
#[cfg(target_os = "linux")]
mod seal;
mod secrets;
mod select;
mod several;
mod shard;
mod signed;
mod sources;
mod spelling;
mod stop;
#[cfg(target_os = "linux")]
mod strace;
mod support;
mod texts;
mod tidy;
#[cfg(target_os = "linux")]
mod tls;
mod trust;
#[cfg(target_os = "linux")]
mod unmet;
mod usage;
mod verify;
mod version;
