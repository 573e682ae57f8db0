//! Dialects under test: one element through a dialect and the planner, told in lines.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    Export, ExportedRow, Options, Rows, SYSTEMS, System,
    rows::{RowPosition, SourceRow},
};
use crate::{
    input::{InputError, Row},
    model::{Cell, Factor, Field, Node, Person, Planned, Rejection, from_json},
    plan,
};

/// Reads one element of JSON, with `rp_id` for `--rp-id`.
pub(super) fn read_all(system: &System, json: &str, rp_id: Option<&str>) -> (Person, Vec<Row>) {
    let options = Options { rp_id: rp_id.map(str::to_owned), ..Options::default() };
    read_with(system, &from_json(json).unwrap(), &options, &[])
}

/// Reads one element with those flags and notes.
pub(super) fn read_with(
    system: &System,
    element: &Node,
    options: &Options,
    notes: &[(&'static str, &str)],
) -> (Person, Vec<Row>) {
    let note = |place| notes.iter().find(|(other, _)| *other == place).map(|(_, text)| *text);
    let mut rows = Rows::new(options, &note);
    (system.read)(element, &mut rows);
    let (person, found) = rows.finish().pop().unwrap();
    let place = |index| RowPosition { line: 1, index, at: "" };
    let placed = |(index, row): (usize, SourceRow)| row.placed(&place(index.try_into().unwrap())).0;
    (person, found.into_iter().enumerate().map(placed).collect())
}

/// Tells each row in a line: its path, then what is sent, or why not.
pub(super) fn told((_, rows): (Person, Vec<Row>)) -> Vec<String> {
    rows.into_iter().map(tell).collect()
}

fn tell(row: Row) -> String {
    let planned = match row {
        Row::Rejected(rejection) => return refused(&rejection),
        Row::Record(mut record) => {
            record.set(Field::UserId, Cell::Text("auth0|1".into()));
            plan::plan(record, None).planned
        }
    };
    match planned {
        Planned::Rejected(rejection) => refused(&rejection),
        Planned::Factor(factor) => sent(&factor),
    }
}

fn refused(rejection: &Rejection) -> String {
    let at = rejection.at.as_deref().unwrap_or("");
    let codes = rejection.faults.iter().map(|fault| {
        if fault.field.is_empty() {
            fault.code.to_string()
        } else {
            format!("{} ({})", fault.code, fault.field)
        }
    });
    let kind = rejection.factor_type.map_or("", crate::model::FactorType::name);
    let state = rejection.refusal.state().name();
    format!("{at} {kind} {state} {}", codes.collect::<Vec<_>>().join(", "))
}

/// Tells a factor as it is sent, with the value that `check` would mask: it is synthetic here.
fn sent(factor: &Factor) -> String {
    let shown = plan::preview(factor).into_iter().skip(2).map(|(field, value)| match field {
        Field::PhoneNumber | Field::Email | Field::TotpSecret => {
            format!(" {}={}", field.name(), factor.identity())
        }
        _ => format!(" {}={value}", field.name()),
    });
    let at = factor.at.as_deref().unwrap_or("");
    format!("{at} {}{}", factor.factor_type(), shown.collect::<String>())
}

/// Returns the options of a run with the flags that dialects know.
pub(super) fn all_flags() -> Options {
    Options {
        rp_id: Some("login.example.org".into()),
        includes_profile_phone: true,
        ..Options::default()
    }
}

/// Reads a sample as it is in its file.
fn read_sample(file: &str, system: &'static System) -> (Vec<ExportedRow>, Export) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sources").join(file);
    Export::glance(std::slice::from_ref(&path), system, None).unwrap();
    let mut export = Export::open(&[path], system, None, all_flags()).unwrap();
    let mut rows = Vec::new();
    while let Some(found) = export.next_found().unwrap() {
        rows.push(found);
    }
    (rows, export)
}

/// Tells each row of a sample after its line and the id of its person.
pub(super) fn told_sample(file: &str, system: &'static System) -> String {
    let tell = |ExportedRow { person, row, .. }: ExportedRow| {
        let line = match &row {
            Row::Record(record) => record.line,
            Row::Rejected(rejection) => rejection.line,
        };
        // The beginning is enough to tell people apart.
        let id: String = person.id.as_deref().unwrap_or("nobody").chars().take(12).collect();
        format!("{line} {id} {}", tell(row))
    };
    read_sample(file, system).0.into_iter().map(tell).collect::<Vec<_>>().join("\n")
}

/// Counts the rows of a sample by what becomes of them.
fn tally(file: &str, system: &str) -> (Vec<String>, Vec<String>) {
    let (rows, export) = read_sample(file, System::of_name(system).unwrap());
    let mut tally = BTreeMap::<String, usize>::new();
    for ExportedRow { row, .. } in rows {
        let told = tell(row).split_once(' ').unwrap().1.to_owned();
        let is_sent = told.contains('=');
        let outcome = if is_sent { told.split(' ').next().unwrap().to_owned() } else { told };
        *tally.entry(outcome).or_default() += 1;
    }
    let tally = tally.iter().map(|(outcome, n)| format!("{n} {}", outcome.trim())).collect();
    (tally, export.ending().remarks.into_iter().map(|remark| remark.message).collect())
}

/// Samples, with their systems, and the numbers of their rows by what becomes of them.
const SAMPLES: [(&str, &str, &[&str]); 9] = [
    (
        "authelia.yaml",
        "authelia",
        &[
            "2 totp",
            "1 totp rejected totp_algorithm_unsupported (totp_secret)",
            "1 totp rejected totp_digits_unsupported (totp_secret), totp_period_unsupported (totp_secret)",
            "1 totp rejected totp_secret_invalid (totp_secret)",
        ],
    ),
    (
        "authelia.csv",
        "authelia",
        &[
            "1 rejected invalid_row",
            "1 totp",
            "1 totp rejected totp_algorithm_unsupported (totp_secret)",
        ],
    ),
    (
        "authelia-webauthn.yaml",
        "authelia",
        &[
            "2 webauthn-roaming",
            "1 webauthn-roaming not_carried webauthn_platform_unsupported",
            "1 webauthn-roaming rejected cloned_flag",
            "1 webauthn-roaming rejected rp_id_invalid (relying_party_identifier)",
        ],
    ),
    (
        "privacyidea.yaml",
        "privacyidea",
        &[
            "1 not_carried factor_type_unsupported",
            "3 totp",
            "2 totp not_carried disabled",
            "1 totp not_carried hotp_unsupported",
            "1 totp not_carried unconfirmed",
            "1 totp rejected totp_algorithm_unsupported (totp_secret)",
            "1 totp rejected totp_digits_unsupported (totp_secret), totp_period_unsupported (totp_secret)",
            "1 totp rejected user_not_mapped",
        ],
    ),
    (
        "privacyidea.csv",
        "privacyidea",
        &[
            "2 totp",
            "1 totp not_carried hotp_unsupported",
            "1 totp rejected totp_digits_unsupported (totp_secret), totp_period_unsupported (totp_secret)",
            "1 totp rejected user_not_mapped",
        ],
    ),
    (
        "otpauth.txt",
        "otpauth",
        &[
            "4 totp",
            "1 totp rejected factor_type_unsupported (totp_secret)",
            "1 totp rejected hotp_unsupported (totp_secret)",
            "1 totp rejected otpauth_no_secret (totp_secret)",
            "2 totp rejected totp_algorithm_unsupported (totp_secret)",
            "1 totp rejected totp_period_unsupported (totp_secret)",
        ],
    ),
    (
        "fusionauth.json",
        "fusionauth",
        &[
            "1 not_carried recovery_codes_not_importable",
            "1 email",
            "1 phone",
            "1 phone rejected phone_not_e164 (phone_number)",
            "1 totp",
            "1 totp not_carried secret_not_exported",
            "1 totp rejected totp_digits_unsupported (totp_secret)",
        ],
    ),
    (
        "fusionauth-passkeys.json",
        "fusionauth",
        &[
            "3 webauthn-roaming",
            "1 webauthn-roaming not_carried webauthn_platform_unsupported",
            "1 webauthn-roaming rejected public_key_not_cose (public_key)",
        ],
    ),
    (
        "zitadel.json",
        "zitadel",
        &[
            "1 not_carried recovery_codes_not_importable",
            "1 phone",
            "2 totp",
            "1 totp rejected totp_secret_invalid (totp_secret)",
        ],
    ),
];

#[test]
fn every_sample_is_read_as_its_system_writes_it() {
    for (file, system, expected) in SAMPLES {
        let (found, missing) = tally(file, system);
        assert_eq!(found, expected, "{file}");
        let is_told = ["otpauth.txt", "privacyidea.csv"].contains(&file);
        assert_eq!(missing.len(), usize::from(is_told), "{file}: {missing:?}");
    }
}

/// Every sample.
fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sources");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

/// Returns the system whose name the name of a sample begins with.
fn system_of_sample(sample: &Path) -> &'static System {
    let name = sample.file_name().unwrap().to_str().unwrap();
    let named = SYSTEMS.iter().copied().filter(|system| name.starts_with(system.name));
    named.max_by_key(|system| system.name.len()).unwrap()
}

#[test]
fn a_sample_is_taken_for_an_export_of_its_own_system_alone() {
    for sample in samples() {
        for system in SYSTEMS {
            let read = || -> Result<(), InputError> {
                let paths = [sample.clone()];
                let mut export = Export::open(&paths, system, None, Options::default())?;
                while export.next_found()?.is_some() {}
                Ok(())
            };
            let own = system_of_sample(&sample).name;
            // Both keep devices in the same table, and authentik's users have UUIDs.
            let is_same =
                (own, system.name) == ("authentik", "django") && sample.ends_with("authentik.csv");
            let is_own = system.name == own || is_same;
            let read = read();
            assert_eq!(
                read.is_ok(),
                is_own,
                "{} as one of {}: {read:?}",
                sample.display(),
                system.name
            );
        }
    }
}
