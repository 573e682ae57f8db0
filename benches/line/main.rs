//! The whole line, as its user starts it: server and clients are processes, contenders take turns
//! in one run, and what counts are ratios. Shared machines are noisy: believe medians, look at
//! spreads.
//!
//! ```text
//! cargo bench --profile release --bench line -- throughput --rows 1000000
//! cargo bench --profile release --bench line -- scale --rows 10000000
//! cargo bench --profile release --bench line -- all
//! ```
//!
//! `--profile release` measures the program as users build it. Linux only.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench: it measures real time and prints what it finds"
)]

mod bare;
mod blocking;
mod far;
mod input;
mod modes;
mod numbers;
mod process;
mod realm;
mod serve;
/// Certificates, and what a server needs of them.
#[path = "../../tests/it/tls.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "the tests' own, which need more")]
mod tls;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    mode: Option<Mode>,
    /// cargo says so
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Factors a second and what they cost, against a bare loop and what else is given
    Throughput(Options),
    /// Memory, ledger and cost at ROWS against those at a hundredth, and how a finished import
    /// resumes
    Scale(Options),
    /// Rows a second of `check`
    Check(Options),
    /// Rows a second of `select`, with the time to read the ledger
    Select(Options),
    /// People a second of `check` of another system's export, and its memory
    Export(Options),
    /// Time until there is anything to see
    Start(Options),
    /// Cost of keeping to a rate
    Pacing(Options),
    /// Cost of TLS, and the share of a hidden limit used over it at 200 ms an answer
    Tls(Options),
    /// All of these
    All(Options),
    #[command(hide = true)]
    Serve { port: u16 },
    #[command(hide = true)]
    Blocking(blocking::Manner),
    #[command(hide = true)]
    Bare { url: String, rows: u64, in_flight: usize, rate: u64 },
}

#[derive(Debug, Clone, Args)]
struct Options {
    /// Factors [default: 50,000; scale: 1,000,000; check: 2,000,000; select: 500,000]
    #[arg(long)]
    rows: Option<u64>,
    /// Turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The program
    #[arg(long, default_value = env!("CARGO_BIN_EXE_mfaferry"))]
    program: PathBuf,
    /// Folder for the files [default: a temporary one]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// An earlier build of it, to compare with
    #[arg(long)]
    before: Option<PathBuf>,
    /// An `oha` to compare with
    #[arg(long)]
    oha: Option<PathBuf>,
    /// A program that takes URL and ROWS, and sends with the vendor's SDK
    #[arg(long)]
    sdk: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rows: None,
            rounds: 3,
            program: env!("CARGO_BIN_EXE_mfaferry").into(),
            folder: None,
            before: None,
            oha: None,
            sdk: None,
        }
    }
}

fn main() {
    match Cli::parse().mode.unwrap_or_else(|| Mode::Throughput(Options::default())) {
        Mode::Throughput(options) => modes::throughput(&options),
        Mode::Scale(options) => modes::scale(&options),
        Mode::Check(options) => modes::check(&options),
        Mode::Select(options) => modes::select(&options),
        Mode::Export(options) => realm::export(&options),
        Mode::Start(options) => modes::start(&options),
        Mode::Pacing(options) => modes::pacing(&options),
        Mode::Tls(options) => far::tls(&options),
        Mode::All(options) => {
            modes::throughput(&options);
            modes::scale(&options);
            modes::check(&options);
            modes::select(&options);
            realm::export(&options);
            modes::start(&options);
            modes::pacing(&options);
            far::tls(&options);
        }
        Mode::Serve { port } => serve::serve(port),
        Mode::Blocking(manner) => blocking::serve(manner),
        Mode::Bare { url, rows, in_flight, rate } => bare::send(&url, rows, in_flight, rate),
    }
}
