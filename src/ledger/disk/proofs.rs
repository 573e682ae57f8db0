//! Proofs of how secrets are read, for commands that need to know whether one was made. Nothing
//! else depends on them, so they are in `meta`, where earlier versions ignore them.

use std::path::Path;

use data_encoding::HEXLOWER;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{file, open, scan, seal::Seal};
use crate::{
    error::Error,
    ledger::{Key, LedgerFault},
    model::{Factor, FactorType, Fingerprint, LocalTime, ProofVerdict},
};

/// Start of a proof's key in `meta`; the fingerprint of the factor follows.
const PROOF: &str = "proof:";

/// A proof that a ledger holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// Stands for the user and for the secret as the app has it or, if that is unknown, as an
    /// import reads it.
    pub fingerprint: Fingerprint,
    /// Result of the proof.
    pub verdict: ProofVerdict,
    /// Time of the proof.
    pub at: LocalTime,
    /// Line of the row in its input, if that was recorded.
    pub line: Option<u64>,
    /// User of the secret, if that was recorded.
    pub user: Option<String>,
}

/// Factors whose secrets an import reads rightly, according to a ledger's proofs.
#[derive(Debug)]
pub struct ProvedRight {
    key: Key,
    fingerprints: Vec<Fingerprint>,
}

impl ProvedRight {
    /// Returns true if a factor is one of them: the same secret of the same user.
    pub fn holds(&self, factor: &Factor) -> bool {
        factor.factor_type() == FactorType::Totp
            && self.fingerprints.contains(&self.key.fingerprint(factor))
    }
}

/// A proof as it is stored in `meta`.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    verdict: String,
    at: i64,
    /// Earlier versions recorded neither this nor the user.
    #[serde(default)]
    line: Option<u64>,
    #[serde(default)]
    user: Option<String>,
}

/// Records proofs in the ledger at `path`, which must exist; durable on return. A later proof of a
/// factor replaces the earlier one, but codes that matched nothing, and may have been mistyped, do
/// not revoke a right one.
pub fn record_proofs(
    path: &Path,
    proved: &[(Factor, ProofVerdict)],
    at: LocalTime,
) -> Result<(), Error> {
    write(path, proved, at).map_err(|fault| fault.at(path))
}

fn write(path: &Path, proved: &[(Factor, ProofVerdict)], at: LocalTime) -> Result<(), LedgerFault> {
    if let Err(error) = std::fs::symlink_metadata(path) {
        return Err(LedgerFault::cannot("open it", &error));
    }
    // Dropped last: closing its file releases SQLite's locks.
    let lock = file::lock(path, |_, _| Err(LedgerFault::bug("a ledger that has gone")))?;
    let mut connection = open::open_to_write(&lock.path)?;
    open::distrust(&mut connection, &lock.path)?;
    let meta = open::recognise(&connection)?;
    file::examine(&lock.path)?;
    // A damaged ledger must stay as it is, so that no import trusts it.
    let writes = scan::scan(&connection, &lock.path, &mut |_| {})?;
    Seal::open(&lock.path, &meta.id, writes)?;
    let key = Key::new(&meta.key);
    let held = read(&connection)?;
    let all = connection.unchecked_transaction()?;
    for (factor, verdict) in proved {
        let print = key.fingerprint(factor);
        let is_right = |held: &Proved| held.fingerprint == print && held.verdict.is_right();
        if *verdict == ProofVerdict::NoMatch && held.iter().any(is_right) {
            continue;
        }
        let user = Some(factor.user.as_str().into());
        let line = Some(factor.line);
        let stored = Stored { verdict: verdict.name().into(), at: at.as_millis(), line, user };
        let stored = serde_json::to_vec(&stored)
            .map_err(|error| LedgerFault::new(format!("cannot write a proof: {error}"), ""))?;
        let print = HEXLOWER.encode(&print.0);
        let insert = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
        all.execute(insert, params![format!("{PROOF}{print}"), stored])?;
    }
    all.commit()?;
    open::give_up_wal(&connection)?;
    connection.close().map_err(|(_, error)| error.into())
}

/// Returns the factors of a ledger that are proved to be read rightly; `None` if there are none.
pub(super) fn right(connection: &Connection) -> Result<Option<ProvedRight>, LedgerFault> {
    let right = read(connection)?.into_iter().filter(|proof| proof.verdict.is_right());
    let fingerprints: Vec<_> = right.map(|proof| proof.fingerprint).collect();
    if fingerprints.is_empty() {
        return Ok(None);
    }
    let key = Key::new(&open::recognise(connection)?.key);
    Ok(Some(ProvedRight { key, fingerprints }))
}

/// Returns the proofs of a ledger. Entries that are not proofs are skipped, as all of them are for
/// people only.
pub(super) fn read(connection: &Connection) -> Result<Vec<Proved>, LedgerFault> {
    let all = "SELECT key, value FROM meta WHERE key GLOB ?1 ORDER BY key";
    let mut statement = connection.prepare(all)?;
    let mut rows = statement.query([format!("{PROOF}*")])?;
    let mut proofs = Vec::new();
    while let Some(row) = rows.next()? {
        let print = HEXLOWER.decode(row.get::<_, String>(0)?.trim_start_matches(PROOF).as_bytes());
        let stored: Option<Stored> =
            row.get_ref(1)?.as_blob().ok().and_then(|json| serde_json::from_slice(json).ok());
        let (Ok(print), Some(Stored { verdict, at, line, user })) = (print, stored) else {
            continue;
        };
        let verdict = ProofVerdict::ALL.into_iter().find(|known| known.name() == verdict);
        if let (Ok(print), Some(verdict)) = (print.try_into(), verdict) {
            let (fingerprint, at) = (Fingerprint(print), LocalTime::from_millis(at));
            proofs.push(Proved { fingerprint, verdict, at, line, user });
        }
    }
    Ok(proofs)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        ledger::{Reader, disk::sqlite::Sqlite, store::Store},
        model::{Completion, Credential, Shard, UserId},
    };

    const TENANT: &str = "https://t.example";

    /// Makes a ledger that a run has come to the end of.
    fn make(path: &Path) {
        let now = LocalTime::default();
        let lock =
            file::lock(path, |path, id| open::create(path, id, TENANT, Shard::WHOLE, now)).unwrap();
        let (mut store, ..) = Sqlite::open(lock, TENANT, "import", "in.csv", now).unwrap();
        store.load(&mut |_| {}).unwrap();
        store.end_run(Completion::Complete, now).unwrap();
        store.commit().unwrap();
    }

    fn factor(secret: &str) -> Factor {
        let user = UserId::parse("auth0|1").unwrap();
        let credential = Credential::Totp { secret: secret.into() };
        Factor { line: 2, at: None, user, name: None, credential }
    }

    #[test]
    fn a_later_proof_of_a_factor_replaces_the_one_before_and_no_secret_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ledger");
        make(&path);
        assert!(Reader::open(&path).unwrap().proofs().unwrap().is_empty());
        let (one, other) = (factor("KRSXG5CTMVRXEZLU"), factor("JBSWY3DPEHPK3PXP"));
        for (factor, verdict, at) in [
            (&one, ProofVerdict::NoMatch, 1),
            (&other, ProofVerdict::OtherEncoding, 2),
            (&one, ProofVerdict::Right, 3),
        ] {
            record_proofs(&path, &[(factor.clone(), verdict)], LocalTime::from_millis(at)).unwrap();
        }
        let reader = Reader::open(&path).unwrap();
        assert!(reader.fault().unwrap().is_none());
        let mut proofs = reader.proofs().unwrap();
        proofs.sort_by_key(|proof| proof.at.as_millis());
        let found: Vec<_> =
            proofs.iter().map(|proof| (proof.verdict, proof.at.as_millis())).collect();
        assert_eq!(found, [(ProofVerdict::OtherEncoding, 2), (ProofVerdict::Right, 3)]);
        drop(reader);
        // A run goes on with it as before.
        make(&path);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("KRSXG5CTMVRXEZLU") && !text.contains("JBSWY3DPEHPK3PXP"));
        }
    }

    #[test]
    fn codes_that_fit_nothing_take_no_proof_back() {
        use ProofVerdict::{NoMatch, OtherEncoding, OtherProfile, Right, RightButClock};
        for (before, after, kept) in [
            (Right, NoMatch, Right),
            (RightButClock, NoMatch, RightButClock),
            (OtherEncoding, NoMatch, NoMatch),
            (Right, OtherEncoding, OtherEncoding),
            (Right, OtherProfile, OtherProfile),
            (NoMatch, Right, Right),
            (Right, RightButClock, RightButClock),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.ledger");
            make(&path);
            for verdict in [before, after] {
                let proved = [(factor("KRSXG5CTMVRXEZLU"), verdict)];
                record_proofs(&path, &proved, LocalTime::default()).unwrap();
            }
            let proofs = Reader::open(&path).unwrap().proofs().unwrap();
            let found: Vec<_> = proofs.iter().map(|proof| proof.verdict).collect();
            assert_eq!(found, [kept], "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_ledger_that_is_not_there_or_not_whole_gets_no_proof() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ledger");
        let record = |path: &Path| {
            record_proofs(path, &[(factor("JBSWY3DP"), ProofVerdict::Right)], LocalTime::default())
        };
        assert!(record(&path).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was made");
        make(&path);
        fs::remove_file(file::seal(&path)).unwrap();
        assert!(record(&path).is_err());
        assert!(Reader::open(&path).unwrap().proofs().unwrap().is_empty());
    }
}
