//! Rows that were selected, mended and imported are in the ledger once.

use std::{fs, process::Command};

use mfaferry::sandbox::{Settings, Users};

use crate::support::{Bench, binary, run, spawn, until};

const GOOD: &str = "+14155550100";
const HEADER: &str = "user_id,type,phone_number\n";

/// An input that was imported into the ledger `l`, with flags about it.
struct Mending {
    bench: Bench,
    name: &'static str,
    flags: Vec<&'static str>,
}

/// A tenant that refuses users called `gone`.
fn bench() -> Bench {
    Bench::new(Settings { users: Users::AnyBut(vec!["gone".into()]), ..Settings::default() })
}

impl Mending {
    fn of(name: &'static str, input: &str, flags: &[&'static str]) -> Self {
        let mending = Self { bench: bench(), name, flags: flags.to_vec() };
        mending.bench.write(name, input);
        mending.import(name);
        mending
    }

    fn csv(rows: &str) -> Self {
        Self::of("f.csv", &format!("{HEADER}{rows}"), &[])
    }

    fn command(&self, name: &str) -> Command {
        let mut command = self.bench.import(name);
        command.args(["--ledger", "l"]).args(&self.flags);
        command
    }

    fn import(&self, name: &str) {
        let done = run(&mut self.command(name));
        assert!(matches!(done.code, Some(0 | 4)), "{name}: {done:?}");
    }

    /// Selects what is bad with the reasons into a file, changed by `mend`, and imports that.
    fn mend(&self, to: &str, flags: &[&str], mend: impl Fn(&str) -> String) {
        let mut select = binary();
        let select = select.current_dir(self.bench.folder.path()).args(["select", self.name]);
        let done = run(select.args(["--ledger", "l"]).args(&self.flags).args(flags));
        assert_eq!(done.code, Some(0), "{done:?}");
        self.bench.write(to, mend(&done.stdout));
        self.import(to);
    }

    fn report(&self, flags: &[&str]) -> String {
        let mut report = binary();
        let report = report.current_dir(self.bench.folder.path());
        run(report.args(["report", "--ledger", "l"]).args(flags)).stdout
    }

    /// Number of rows in the ledger, and of those that are rejected.
    fn rows(&self) -> (usize, usize) {
        let rows = self.report(&["--format", "jsonl"]);
        (rows.lines().count(), rows.matches("\"state\":\"rejected\"").count())
    }

    fn is_well(&self) -> bool {
        let page = self.report(&["--format", "html"]);
        page.contains("All well") && !page.contains("Look at it")
    }
}

const REASON: &[&str] = &["--with-reason"];

/// Puts a good number in the place of bad ones.
fn good(text: &str) -> String {
    text.replace("012", "+14155550102").replace("013", "+14155550103").replace("C\"", "")
}

#[test]
fn what_was_mended_is_one_row_and_all_is_well() {
    let csv = format!(
        "{HEADER}a|1,phone,{GOOD}\na|2,phone,012\na|2,phone,013\n,phone,{GOOD}\na|4,fax,{GOOD}\n\
         a|5,phone,{GOOD}C\"\na|6,phone,{GOOD}\n"
    );
    let user = format!(
        "{{\"user_id\":\"a|1\",\"authentication_methods\":[{{\"type\":\"phone\",\"phone_number\":\"{GOOD}\"}},\
         {{\"type\":\"phone\",\"phone_number\":\"012\"}}]}}\n"
    );
    let document = format!("[{},\n{}]\n", user.trim(), user.trim().replace("a|1", "a|2"));
    let person = |id: &str, phone: &str| {
        let secret = serde_json::json!({"mobileNumber": phone}).to_string();
        let codes = serde_json::json!({"type": "recovery-authn-codes", "secretData": "{}",
            "credentialData": "{}"});
        serde_json::json!({"id": id, "username": id, "credentials":
            [{"type": "mobile-number", "secretData": "{}", "credentialData": secret}, codes]})
    };
    let realm =
        serde_json::json!({"realm": "acme", "users": [person("1", GOOD), person("2", "012")]});
    let keycloak = &["--from", "keycloak", "--user-id", "auth0|{id}"][..];
    let uris = "otpauth://totp/a:b?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
                otpauth://totp/a:c?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX2&digits=8\n";
    let otpauth = &["--from", "otpauth", "--user-id", "auth0|{username}"][..];
    for (name, input, to, flags, n_rows) in [
        ("f.csv", csv.as_str(), "m.csv", &[][..], 7),
        ("f.jsonl", &user, "m.jsonl", &[], 2),
        ("f.json", &document, "m.jsonl", &[], 4),
        ("f.json", &realm.to_string(), "m.json", keycloak, 4),
        ("f.txt", uris, "m.txt", otpauth, 2),
    ] {
        let mending = Mending::of(name, input, flags);
        let (rows, rejected) = mending.rows();
        assert!(rows == n_rows && rejected > 0 && !mending.is_well(), "{name}: {rows}, {rejected}");
        mending.mend(to, REASON, |text| {
            assert!(text.contains("mf_code"), "{name}: {text}");
            good(text)
                .replace("\n,phone", "\na|3,phone")
                .replace("fax", "phone")
                .replace("=8", "=6")
        });
        assert_eq!(mending.rows(), (n_rows, 0), "{name}");
        assert!(mending.is_well(), "{name}");
        // The same again changes nothing.
        mending.import(to);
        assert_eq!(mending.rows(), (n_rows, 0), "{name}");
    }
}

#[test]
fn what_was_mended_badly_is_still_one_row_until_it_is_mended() {
    let mending = Mending::csv(&format!("a|1,phone,{GOOD}\na|2,phone,012\n,phone,013\nx\n"));
    assert_eq!(mending.rows(), (4, 3));
    mending.mend("m.csv", REASON, |text| text.replace("012", "0123"));
    assert_eq!(mending.rows(), (4, 3));
    let text = fs::read_to_string(mending.bench.path("m.csv")).unwrap();
    mending.bench.write("m.csv", text.replace("0123", "+14155550102"));
    mending.import("m.csv");
    assert_eq!(mending.rows(), (4, 2));
}

#[test]
fn a_row_that_was_left_out_of_the_selection_stays_rejected() {
    let mending = Mending::csv("a|1,phone,012\na|1,phone,013\na|2,phone,012\n");
    let without = |text: &str| good(text).replace("a|1,phone,+14155550103,missing_plus\n", "");
    mending.mend("m.csv", REASON, |text| {
        let rows = without(text);
        assert_eq!(rows.lines().count(), 3, "{rows}");
        rows
    });
    assert_eq!(mending.rows(), (3, 1));
    // What comes to a selection later stands for its own rows.
    let text = fs::read_to_string(mending.bench.path("m.csv")).unwrap();
    mending.bench.write("m.csv", format!("{text}a|1,phone,+14155550109,\n"));
    mending.import("m.csv");
    assert_eq!(mending.rows(), (4, 1));
}

#[test]
fn only_a_selection_stands_for_rows_of_another_input() {
    let mending = Mending::csv(&format!("a|1,phone,{GOOD}\na|2,phone,012\n"));
    mending.mend("m.csv", &[], good);
    assert_eq!(mending.rows(), (3, 1));
    // Nor one that a file was joined with, nor one of several files.
    let joined = format!("{HEADER}a|2,phone,+14155550103\nuser_id,type,phone_number,mf_code\n");
    mending.bench.write("joined.csv", joined);
    mending.import("joined.csv");
    assert_eq!(mending.rows(), (4, 1));
    mending.bench.write("marked.csv", "user_id,type,phone_number,mf_code\n");
    mending.bench.write("other.csv", format!("{HEADER}a|2,phone,+14155550104\n"));
    run(mending.command("marked.csv").arg("other.csv"));
    assert_eq!(mending.rows(), (5, 1));
    // A selection of others takes nothing away, either.
    mending
        .bench
        .write("s.csv", "user_id,type,phone_number,mf_code\na|3,phone,+14155550105,missing_plus\n");
    mending.import("s.csv");
    assert_eq!(mending.rows(), (6, 1));
}

#[test]
fn a_selection_takes_over_at_the_end_of_its_import_and_no_sooner() {
    let rows = |row: fn(u32) -> String| (0..40).map(row).collect::<Vec<_>>().concat();
    let mending = Mending::csv(&rows(|n| format!("a|{n},phone,012\n")));
    assert_eq!(mending.rows(), (40, 40));
    let header = "user_id,type,phone_number,mf_code\n";
    let mended = rows(|n| format!("a|{n},phone,+1415555{n:04},missing_plus\n"));
    mending.bench.write("m.csv", format!("{header}{mended}"));
    let mut child = spawn(mending.command("m.csv").args(["--concurrency", "4", "--rate", "20"]));
    until("rows are created", || mending.bench.tenant().stats().created > 4);
    child.kill().unwrap();
    child.wait().unwrap();
    mending.bench.quiet();
    let (rows, rejected) = mending.rows();
    assert!(rejected == 40 && (44..80).contains(&rows), "{rows}, {rejected}");
    mending.import("m.csv");
    assert_eq!(mending.rows(), (40, 0));
}

#[test]
fn a_selection_is_not_told_that_it_lacks_what_it_never_held() {
    let mending = Mending::csv(&format!("a|1,phone,{GOOD}\na|2,phone,012\n"));
    let header = "user_id,type,phone_number";
    for (name, header, is_told) in
        [("m.csv", format!("{header},mf_code"), false), ("n.csv", format!("{header},mf_x"), true)]
    {
        mending.bench.write(name, format!("{header}\na|2,phone,+14155550102,missing_plus\n"));
        let mut import = mending.command(name);
        let done = run(import.args(["--output", "text"]));
        assert_eq!(done.stdout.contains("in the input"), is_told, "{done:?}");
    }
}

#[test]
fn a_selection_stands_for_rows_of_its_own_codes_alone() {
    // Rows that the tenant refused, mended: nothing says that those without a user were, too.
    let mending = Mending::csv(&format!(
        "a|gone,phone,{GOOD}\n,phone,{GOOD}\na|2,phone,012\nx\na|3,fax,{GOOD}\n"
    ));
    assert_eq!(mending.rows(), (5, 5));
    mending.mend("m.csv", &["--with-reason", "--code", "user_not_found"], |text| {
        assert_eq!(text.lines().count(), 2, "{text}");
        text.replace("gone", "2")
    });
    assert_eq!(mending.rows(), (6, 5));
    mending.bench.write("n.csv", "user_id,type,phone_number,mf_code\na|3,phone,+14155550103,\n");
    mending.import("n.csv");
    assert_eq!(mending.rows(), (7, 5));
}
