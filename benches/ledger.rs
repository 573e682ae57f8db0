//! Factors a second through the ledger, intent and outcome each, every batch synced; and how
//! fast a finished ledger says "settled".
#![expect(clippy::expect_used, reason = "a bench")]

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use mfaferry::{
    ledger::{Admission, Asked, Intent, Ledger, LedgerKind, Opening, Row, Seq},
    model::{
        ClockSkew, FactorType, Fingerprint, How, LocalTime, Operation, Settlement, State, UserId,
    },
};

const ROWS: u32 = 8_192;
const NOW: LocalTime = LocalTime::from_millis(1_700_000_000_000);

fn open(path: &std::path::Path) -> (Ledger, std::thread::JoinHandle<()>) {
    let opening = Opening {
        tenant: "bench",
        command: "import",
        kind: LedgerKind::Factors,
        input: "bench",
        retry: Vec::new(),
        shard: None,
        now: || NOW,
    };
    let opened = Ledger::open(path, opening).expect("the folder is ours");
    (opened.ledger, std::thread::spawn(|| opened.owner.block().expect("a runtime")))
}

fn rows() -> Vec<Row> {
    (0..ROWS)
        .map(|row| {
            // Spread like a hash.
            let print = u128::from(row).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
            Row::Asked(Asked {
                operation: Operation::Import,
                fingerprint: Fingerprint(print.to_le_bytes()),
                as_written: None,
                line: u64::from(row) + 2,
                at: None,
                user: UserId::parse(&format!("auth0|{row:024}")).expect("a sound id"),
                factor_type: Some(FactorType::Phone),
                name: None,
                method_id: None,
            })
        })
        .collect()
}

async fn deliver(ledger: &Ledger, seq: Seq) {
    let (at, skew) = (NOW, Some(ClockSkew::default()));
    let intent = Intent { seq, at, skew, doubts: 0, marked: false };
    ledger.record_intents(vec![intent]).await.expect("the disk has room");
    let settlement = Settlement {
        state: State::Created,
        how: How::Response,
        method_id: Some("phone|dev_0123456789abcdef".into()),
        status: Some(201),
        error: None,
    };
    ledger.settle(seq, settlement, 0).await.expect("the disk has room");
}

fn commits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("threads");
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(u64::from(ROWS))).sample_size(10);
    for in_flight in [1_usize, 32, 256] {
        let rows_here = if in_flight == 1 { ROWS / 16 } else { ROWS };
        group.throughput(Throughput::Elements(u64::from(rows_here)));
        group.bench_function(format!("intent_and_outcome/{in_flight}_in_flight"), |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let folder = tempfile::tempdir().expect("a folder");
                    let (ledger, thread) = open(&folder.path().join("ledger"));
                    let mut rows = rows();
                    rows.truncate(rows_here as usize);
                    #[expect(clippy::disallowed_methods, reason = "criterion measures real time")]
                    let began = Instant::now();
                    runtime.block_on(async {
                        let admissions = ledger.admit(rows).await.expect("the disk has room");
                        for batch in admissions.chunks(in_flight) {
                            join_all(batch.iter().map(|admission| match admission {
                                Admission::Todo(seq, _) => deliver(&ledger, *seq),
                                other => panic!("{other:?}"),
                            }))
                            .await;
                        }
                        ledger
                            .end_run(mfaferry::model::Completion::Complete)
                            .await
                            .expect("the disk has room");
                    });
                    took += began.elapsed();
                    drop(ledger);
                    thread.join().expect("no panic");
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
