//! Sums over a whole ledger agree with its rows one by one.

use std::{collections::BTreeMap, path::Path};

use mfaferry::{
    ledger::{Admission, Asked, Intent, Ledger, LedgerKind, Opened, Opening, Reader, Row, Seq},
    model::{
        Code, Completion, FactorType, Fault, Fingerprint, How, LocalTime, Operation, Reason,
        Refusal, Rejection, Settlement, State, UserId,
    },
    report::{Digest, Filter, Listed, jsonl},
};
use proptest::prelude::*;
use serde_json::Value;

/// Fate of a row.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It is refused as it is read.
    Refused(Refusal, Code),
    /// It is settled, with so many attempts in doubt.
    Settled(FactorType, State, How, Option<Reason>, u32),
    /// An intent is recorded, and nothing else.
    InFlight(FactorType),
    /// Nothing is recorded of it.
    Waiting,
}

/// Makes a ledger of a run over rows with these fates, from line 2 on.
fn ledger_of(path: &Path, fates: &[Fate], completion: Completion) {
    ledger_with(path, fates, completion, &|line| format!("auth0|{line}"));
}

/// Makes the same, with the user of each line.
pub(crate) fn ledger_with(
    path: &Path,
    fates: &[Fate],
    completion: Completion,
    user: &dyn Fn(u64) -> String,
) {
    let opening = Opening {
        tenant: "https://tenant.example",
        command: "import",
        kind: LedgerKind::Factors,
        input: "/data/factors.csv",
        retry: Vec::new(),
        shard: None,
        now: || LocalTime::from_millis(1_700_000_000_000),
    };
    let Opened { ledger, owner, .. } = Ledger::open(path, opening).unwrap();
    let owner = std::thread::spawn(|| owner.block().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let rows =
            fates.iter().zip(2..).map(|(fate, line)| row_of(fate, line, &user(line))).collect();
        let admissions = ledger.admit(rows).await.unwrap();
        for (admission, fate) in admissions.iter().zip(fates) {
            if let Admission::Todo(seq, _) = admission {
                settle(&ledger, *seq, fate).await;
            }
        }
        ledger.end_run(completion).await.unwrap();
    });
    drop(ledger);
    owner.join().unwrap();
}

fn row_of(fate: &Fate, line: u64, user: &str) -> Row {
    let factor_type = match fate {
        Fate::Refused(refusal, code) => {
            let faults = vec![Fault::new("type", *code, "breaks a rule")];
            let user = UserId::parse(user);
            let rejection =
                Rejection { refusal: *refusal, user, ..Rejection::of_line(line, faults) };
            return Row::Rejected(Box::new(rejection));
        }
        Fate::Settled(factor_type, ..) | Fate::InFlight(factor_type) => *factor_type,
        Fate::Waiting => FactorType::Phone,
    };
    let mut print = [0; 16];
    print[..8].copy_from_slice(&line.to_le_bytes());
    Row::Asked(Asked {
        operation: Operation::Import,
        fingerprint: Fingerprint(print),
        as_written: None,
        line,
        at: None,
        user: UserId::parse(user).unwrap(),
        factor_type: Some(factor_type),
        name: None,
        method_id: None,
    })
}

async fn settle(ledger: &Ledger, seq: Seq, fate: &Fate) {
    if matches!(fate, Fate::Waiting) {
        return;
    }
    let at = LocalTime::from_millis(1_700_000_000_000);
    let intent = Intent { seq, at, skew: None, doubts: 0, marked: false };
    ledger.record_intents(vec![intent]).await.unwrap();
    if let Fate::Settled(_, state, how, error, doubts) = fate {
        let method_id = (*state == State::Created).then(|| format!("phone|dev_{}", seq.0));
        let settlement =
            Settlement { state: *state, how: *how, method_id, status: None, error: error.clone() };
        ledger.settle(seq, settlement, *doubts).await.unwrap();
    }
}

pub(crate) fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let types = || proptest::sample::select(FactorType::ALL.to_vec());
    let states = proptest::sample::select(vec![
        State::Created,
        State::AlreadyPresent,
        State::Rejected,
        State::Failed,
        State::NeedsReview,
    ]);
    let reasons = proptest::sample::select(vec![
        None,
        Some(Reason::from(Code::UserNotFound)),
        Some(Reason::http(503)),
        Some(Reason::parse("a_later_code:x")),
    ]);
    let hows = proptest::sample::select(vec![How::Response, How::Reconciled]);
    let fate = prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(is_carried, is_masked)| {
            let code = if is_masked { Code::Masked } else { Code::Unconfirmed };
            Fate::Refused(if is_carried { Refusal::Rejected } else { Refusal::NotCarried }, code)
        }),
        (types(), states, hows, reasons, 0_u32..3).prop_map(|(kind, state, how, error, doubts)| {
            Fate::Settled(kind, state, how, error, doubts)
        }),
        types().prop_map(Fate::InFlight),
        Just(Fate::Waiting),
    ];
    proptest::collection::vec(fate, 0..40)
}

/// Number of rows by these keys of a report's objects.
fn counted(rows: &[Value], keys: &[&str]) -> BTreeMap<Vec<String>, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let key = keys.iter().map(|key| row[*key].as_str().unwrap_or_default().to_owned());
        *counts.entry(key.collect()).or_default() += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_sums_of_a_ledger_are_those_of_its_rows(fates in fates()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        ledger_of(&path, &fates, Completion::Complete);
        let reader = Reader::open(&path).unwrap();
        let digest = Digest::read(&reader, 3).unwrap();
        let mut text = Vec::new();
        let all = Listed { name: None, ledger: &reader, filter: &Filter::default() };
        jsonl(&[all], &mut text).unwrap();
        let rows: Vec<Value> =
            text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
                .collect();
        prop_assert_eq!(digest.rows(), rows.len() as u64);
        prop_assert_eq!(digest.states, reader.totals().unwrap());
        let mut cells = BTreeMap::new();
        for of_type in &digest.types {
            let name = of_type.factor_type.map_or("", FactorType::name).to_owned();
            for state in State::ALL.into_iter().filter(|state| of_type.states[*state] > 0) {
                cells.insert(vec![name.clone(), state.name().to_owned()], of_type.states[state]);
            }
        }
        prop_assert_eq!(cells, counted(&rows, &["type", "state"]));
        let with_reason: Vec<_> = rows
            .iter()
            .filter(|row| {
                ["rejected", "failed", "needs_review"].iter().any(|bad| row["state"] == *bad)
                    || row["error"].is_string()
            })
            .cloned()
            .map(|mut row| {
                // A later version's code is told by the text that the ledger has.
                if row["code"] == "unknown" {
                    row["code"] = "a_later_code".into();
                }
                row
            })
            .collect();
        let mut reasons = BTreeMap::new();
        for group in &digest.reasons {
            let key = vec![group.state.name().to_owned(), group.code.to_string()];
            let of_group = |row: &&Value| {
                [row["state"].as_str(), row["code"].as_str()].map(Option::unwrap_or_default)
                    == [group.state.name(), &group.code]
            };
            let lines = with_reason.iter().filter(of_group).map(|row| row["line"].as_u64().unwrap());
            prop_assert_eq!(group.lines().collect::<Vec<_>>(), lines.take(3).collect::<Vec<_>>());
            reasons.insert(key, group.count);
        }
        prop_assert!(digest.reasons.windows(2).all(|pair| pair[0].count >= pair[1].count));
        prop_assert_eq!(reasons, counted(&with_reason, &["state", "code"]));
        let doubts = fates.iter().filter(|fate| matches!(fate, Fate::Settled(.., 1..)));
        prop_assert_eq!(digest.doubts.count, doubts.count() as u64);
        prop_assert_eq!(digest.doubts.by.values().sum::<u64>(), digest.doubts.count);
    }
}
