//! E-mail addresses whose domains are spelt with capitals, and ledgers that hold them.

use std::path::Path;

use mfaferry::{
    jobs::create::Factors,
    ledger::{Admission, Asked, Intent, Key, Ledger, LedgerKind, Opened, Opening, Row},
    model::{
        ClockSkew, Contact, Credential, Factor, FactorType, How, LocalTime, Operation, Settlement,
        State, UserId,
    },
};

use crate::support::open_ledger;

const NOW: LocalTime = LocalTime::from_millis(1_700_000_000_000);

fn factor(address: &str) -> Factor {
    Factor {
        line: 2,
        at: None,
        user: UserId::parse("auth0|1").unwrap(),
        name: None,
        credential: Credential::Email { address: Contact::new(address.into()) },
    }
}

/// The row as this version asks for it.
fn today(key: &Key, address: &str) -> Row {
    Factors::new(key.clone(), None).prepare(Box::new(factor(address))).0
}

/// The row as an earlier version asked for it: by the address as it is written.
fn before(key: &Key, address: &str) -> Row {
    let factor = factor(address);
    Row::Asked(Asked {
        operation: Operation::Import,
        fingerprint: key.as_written(&factor).unwrap_or_else(|| key.fingerprint(&factor)),
        as_written: None,
        line: 2,
        at: None,
        user: factor.user.clone(),
        factor_type: Some(FactorType::Email),
        name: None,
        method_id: None,
    })
}

/// Does something with the ledger in `folder`, in a run of its own.
fn run<T>(folder: &Path, work: impl AsyncFnOnce(&Ledger, &Key) -> T) -> T {
    let opening = || Opening {
        tenant: "http://127.0.0.1:1",
        command: "import",
        kind: LedgerKind::Factors,
        input: "in.csv",
        retry: Vec::new(),
        shard: None,
        now: || NOW,
    };
    let Opened { ledger, key, owner, .. } = open_ledger(&folder.join("x"), opening).unwrap();
    let owner = std::thread::spawn(|| owner.block().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done = runtime.block_on(work(&ledger, &key));
    drop(ledger);
    owner.join().unwrap();
    done
}

/// Sends the rows, and settles them where `settled`.
async fn send(ledger: &Ledger, rows: Vec<Row>, settled: bool) {
    for admission in ledger.admit(rows).await.unwrap() {
        let Admission::Todo(seq, _) = admission else { panic!("{admission:?}") };
        let intent =
            Intent { seq, at: NOW, skew: Some(ClockSkew::default()), doubts: 0, marked: false };
        ledger.record_intents(vec![intent]).await.unwrap();
        if settled {
            let settlement = Settlement {
                state: State::Created,
                how: How::Response,
                method_id: Some("email|dev_1".into()),
                status: Some(201),
                error: None,
            };
            ledger.settle(seq, settlement, 0).await.unwrap();
        }
    }
    ledger.flush().await.unwrap();
}

/// True if the ledger takes the address for one that it does not have.
fn is_new(folder: &Path, address: &str) -> bool {
    run(folder, async |ledger, key| {
        let admission = ledger.admit(vec![today(key, address)]).await.unwrap().remove(0);
        matches!(admission, Admission::Todo(..))
    })
}

#[test]
fn a_ledger_knows_an_address_however_its_domain_is_capitalised() {
    for held in ["ann@example.com", "ann@Example.COM"] {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), async |ledger, key| send(ledger, vec![today(key, held)], true).await);
        for asked in ["ann@example.com", "ann@Example.COM", "ann@EXAMPLE.com"] {
            assert!(!is_new(folder.path(), asked), "{held} and {asked}");
        }
        assert!(
            is_new(folder.path(), "Ann@example.com"),
            "before the `@`, case may have a meaning"
        );
    }
}

#[test]
fn a_ledger_of_an_earlier_version_knows_the_addresses_that_it_has() {
    for (held, asked, new) in [
        ("ann@example.com", "ann@example.com", false),
        ("ann@example.com", "ann@Example.COM", false),
        ("ann@Example.COM", "ann@Example.COM", false),
        // Nobody can tell from a keyed hash how its address was spelt.
        ("ann@Example.COM", "ann@example.com", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), async |ledger, key| send(ledger, vec![before(key, held)], true).await);
        assert_eq!(is_new(folder.path(), asked), new, "{held} and {asked}");
    }
}

#[test]
fn each_spelling_that_an_earlier_version_left_in_doubt_is_looked_up_under_its_own_mark() {
    let folder = tempfile::tempdir().unwrap();
    let both = ["ann@example.com", "ann@Example.COM"];
    run(folder.path(), async |ledger, key| {
        send(ledger, both.map(|address| before(key, address)).into(), false).await;
    });
    run(folder.path(), async |ledger, key| {
        let rows = both.map(|address| today(key, address)).into();
        let admissions = ledger.admit(rows).await.unwrap();
        let prints = admissions.iter().map(|admission| match admission {
            Admission::InDoubt(_, history) => history.print,
            other => panic!("{other:?}"),
        });
        let expected = [None, key.as_written(&factor("ann@Example.COM"))];
        assert_eq!(prints.collect::<Vec<_>>(), expected);
        assert!(expected[1].is_some());
    });
}

#[test]
fn one_address_in_two_spellings_is_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), async |ledger, key| {
        let rows = ["ann@Example.COM", "ann@example.com", "ann@EXAMPLE.COM"];
        let rows = rows.map(|address| today(key, address)).into();
        let admissions = ledger.admit(rows).await.unwrap();
        let new = admissions.iter().filter(|admission| **admission != Admission::Done).count();
        assert_eq!(new, 1, "{admissions:?}");
    });
}
