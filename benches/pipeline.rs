//! The whole line through the real binary against the sandbox in this process: file, ledger, HTTP.
#![expect(clippy::expect_used, clippy::format_push_string, reason = "a bench")]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mfaferry::sandbox::{Sandbox, Settings};

const ROWS: u64 = 20_000;

fn pipeline(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("in.csv");
    let mut csv = String::from("user_id,type,phone_number\n");
    for row in 0..ROWS {
        csv += &format!("auth0|{row},phone,+1415{:07}\n", 5_000_000 + row);
    }
    std::fs::write(&input, csv).expect("the disk has room");
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    group.measurement_time(Duration::from_secs(20));
    group.bench_function("import/64_in_flight", |bencher| {
        bencher.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for time in 0..times {
                let sandbox = runtime.block_on(Sandbox::start(Settings::default(), 0));
                let sandbox = sandbox.expect("a free port");
                let ledger = folder.path().join(format!("{time}.ledger"));
                #[expect(clippy::disallowed_methods, reason = "criterion measures real time")]
                let began = Instant::now();
                let status = Command::new(env!("CARGO_BIN_EXE_mfaferry"))
                    .arg("import")
                    .arg(&input)
                    .args(["--base-url", &sandbox.base_url(), "--rate", "100000"])
                    .args(["--concurrency", "64", "--quiet"])
                    .arg("--ledger")
                    .arg(&ledger)
                    .env("AUTH0_CLIENT_ID", "bench")
                    .env("AUTH0_CLIENT_SECRET", "bench")
                    .stdout(Stdio::null())
                    .status();
                took += began.elapsed();
                assert!(status.expect("it starts").success());
                runtime.block_on(sandbox.stop());
                std::fs::remove_file(ledger).expect("it is there");
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
