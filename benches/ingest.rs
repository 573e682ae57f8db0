//! Rows a second from bytes to planned factors, on one core.
#![expect(clippy::expect_used, clippy::format_push_string, reason = "a bench")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mfaferry::{
    engine::intake::plan_row,
    input::{Format, RowReader, Shape, Source},
};

const ROWS: u64 = 20_000;

fn csv() -> String {
    let mut text = String::from("user_id,type,name,phone_number,preferred_authentication_method\n");
    for row in 0..ROWS {
        text += &format!("auth0|{row:024},phone,Work phone,+1415{:07},sms\n", 5_000_000 + row);
    }
    text
}

fn jsonl() -> String {
    let mut text = String::new();
    for row in 0..ROWS {
        text += &format!(
            "{{\"user_id\":\"auth0|{row:024}\",\"type\":\"phone\",\"name\":\"Work phone\",\
             \"phone_number\":\"+1415{:07}\"}}\n",
            5_000_000 + row
        );
    }
    text
}

fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(ROWS));
    for (name, format, text) in [("csv", Format::Csv, csv()), ("jsonl", Format::Jsonl, jsonl())] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let reader = std::io::Cursor::new(text.clone());
                let mut source = Source::from_reader(Box::new(reader), format, Shape::Factors);
                let mut planned = 0;
                while let Some(row) = source.next_row().expect("the file is sound") {
                    drop(plan_row(row, Shape::Factors, None));
                    planned += 1;
                }
                assert_eq!(planned, ROWS);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ingest);
criterion_main!(benches);
