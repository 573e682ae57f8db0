//! `select`: exactly the lines of an input whose rows are in given states.

use std::{fs, io::Write, path::Path, process::Command};

use flate2::{Compression, write::GzEncoder};
use mfaferry::sandbox::{Settings, Users};

use crate::support::{Bench, Done, binary, run, spawn, until};

/// A tenant that refuses users called `gone`.
fn bench() -> Bench {
    Bench::new(Settings { users: Users::AnyBut(vec!["gone".into()]), ..Settings::default() })
}

/// `select INPUT --ledger l FLAGS`.
fn select(bench: &Bench, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(["select", "--ledger", "l"]).args(arguments);
    command
}

/// Imports and returns what is selected of the same input.
fn selected(name: &str, bytes: &[u8], import_flags: &[&str], flags: &[&str]) -> Done {
    let bench = bench();
    bench.write(name, bytes);
    let done = run(bench.import(name).args(["--ledger", "l"]).args(import_flags));
    assert!(matches!(done.code, Some(0 | 4)), "{name}: {done:?}");
    let done = run(select(&bench, &[name]).args(import_flags).args(flags));
    assert_eq!(done.code, Some(0), "{name}: {done:?}");
    done
}

const GOOD: &str = "+14155550100";

/// An input, the flags that it is imported and selected with, and what is selected of it.
type Case = (&'static str, String, &'static [&'static str], String);

const HEADER: &str = "user_id,type,phone_number,name\n";

/// The same rows as different programs write them.
fn forms() -> Vec<Case> {
    let header = HEADER;
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let rows = format!(
        "auth0|1,phone,{GOOD},A\nauth0|gone1,phone,{GOOD},\"B, \"\"b\"\"\"\n\n,,,\n\
         auth0|2,phone,012,C\nauth0|3,phone,{GOOD},\"D\"\nauth0|gone2,phone,{GOOD},E\n"
    );
    let bad = format!(
        "auth0|gone1,phone,{GOOD},\"B, \"\"b\"\"\"\nauth0|2,phone,012,C\nauth0|gone2,phone,{GOOD},E\n"
    );
    let whole = format!("{header}{rows}");
    let expected = format!("{header}{bad}");
    vec![
        ("LF", whole.clone(), &[][..], expected.clone()),
        ("CRLF", crlf(&whole), &[], crlf(&expected)),
        ("a byte order mark", format!("\u{feff}{whole}"), &[], format!("\u{feff}{expected}")),
        (
            "a declaration",
            format!("\u{feff}sep=;\n{}", whole.replace("B, ", "B; ").replace(',', ";")),
            &[],
            format!("\u{feff}sep=;\n{}", expected.replace("B, ", "B; ").replace(',', ";")),
        ),
        ("tabs", whole.replace("B, ", "B\t").replace(',', "\t"), &[], {
            expected.replace("B, ", "B\t").replace(',', "\t")
        }),
        (
            "a delimiter of its own",
            whole.replace("B, ", "B^ ").replace(',', "^"),
            &["--delimiter", "^"],
            expected.replace("B, ", "B^ ").replace(',', "^"),
        ),
        (
            "no line ending at the end",
            whole.trim_end().to_owned(),
            &[],
            expected.trim_end().to_owned(),
        ),
    ]
}

/// Rows that are odd.
fn oddities() -> Vec<Case> {
    let header = HEADER;
    vec![
        (
            "mixed line endings",
            format!("{header}auth0|gone1,phone,{GOOD},A\r\nauth0|gone2,phone,{GOOD},B\n"),
            &[],
            format!("{header}auth0|gone1,phone,{GOOD},A\r\nauth0|gone2,phone,{GOOD},B\n"),
        ),
        (
            "line breaks in cells, and a row that shifts",
            format!("{header}auth0|1,phone,{GOOD},A\nauth0|gone,phone,{GOOD},\"a\r\nb\n\"\nx,y\n"),
            &[],
            format!("{header}auth0|gone,phone,{GOOD},\"a\r\nb\n\"\nx,y\n"),
        ),
        (
            "a misplaced quote",
            format!("{header}auth0|1,phone,{GOOD},A\nauth0|2,phone,{GOOD},a\"b\n"),
            &[],
            format!("{header}auth0|2,phone,{GOOD},a\"b\n"),
        ),
        ("nothing bad", format!("{header}auth0|1,phone,{GOOD},A\n"), &[], header.to_owned()),
        (
            "joined files",
            format!("{header}auth0|1,phone,{GOOD},A\n{header}auth0|gone,phone,{GOOD},B\n"),
            &[],
            format!("{header}auth0|gone,phone,{GOOD},B\n"),
        ),
        (
            "joined files of other columns",
            format!(
                "{header}auth0|gone1,phone,{GOOD},A\ntype,user_id,phone_number,name\n\
                 phone,auth0|2,{GOOD},B\nphone,auth0|gone2,{GOOD},B\n"
            ),
            &[],
            format!(
                "{header}auth0|gone1,phone,{GOOD},A\ntype,user_id,phone_number,name\n\
                 phone,auth0|gone2,{GOOD},B\n"
            ),
        ),
        (
            "renamed and ignored columns",
            format!("id,type,tel,x\nauth0|1,phone,{GOOD},1\nauth0|gone,phone,{GOOD},2\n"),
            &["--map", "user_id=id,phone_number=tel", "--ignore-columns", "x"],
            format!("id,type,tel,x\nauth0|gone,phone,{GOOD},2\n"),
        ),
        (
            "declared secrets",
            "user_id,type,totp_secret\nauth0|1,totp,0011223344556677889900112233445566778899\n\
             auth0|gone,totp,1111223344556677889900112233445566778899\n"
                .to_owned(),
            &["--secret-encoding", "hex"],
            "user_id,type,totp_secret\nauth0|gone,totp,1111223344556677889900112233445566778899\n"
                .to_owned(),
        ),
    ]
}

#[test]
fn every_line_comes_out_as_it_is_written() {
    for (what, input, flags, expected) in forms().into_iter().chain(oddities()) {
        let done = selected("f.csv", input.as_bytes(), flags, &[]);
        assert_eq!(done.stdout, expected, "{what}");
    }
}

#[test]
fn what_is_compressed_or_comes_from_a_pipe_comes_out_as_text() {
    let text = format!("user_id,type,phone_number\na|1,phone,{GOOD}\na|gone,phone,{GOOD}\n");
    let expected = format!("user_id,type,phone_number\na|gone,phone,{GOOD}\n");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let done = selected("f.csv.gz", &gzip.finish().unwrap(), &[], &[]);
    assert_eq!(done.stdout, expected);

    let bench = bench();
    let path = bench.write("f.csv", &text);
    run(bench.import("f.csv").args(["--ledger", "l"]));
    let pipe = fs::File::open(path).unwrap();
    let done = run(select(&bench, &["-", "--format", "csv"]).stdin(pipe));
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), expected.as_str()), "{done:?}");
}

#[test]
fn lines_of_json_come_whole_and_values_of_a_document_a_line_each() {
    let factor =
        |user: &str| format!(r#"{{"user_id": "{user}","type":"phone","phone_number":"{GOOD}"}}"#);
    let user = |user: &str, second: &str| {
        format!(
            r#"{{"authentication_methods":[{{"type":"phone","phone_number":"{GOOD}"}}, {{"type":"email","email":"{second}"}}],"user_id":"{user}"}}"#
        )
    };
    let (good, gone) = (factor("a|1"), factor("a|gone"));
    let (well, mixed) = (user("a|2", "b@example.org"), user("a|3", "nobody"));
    let lines = format!("\u{feff}{good}\n{mixed}\r\n{well}\n\n{gone}\nno json\n");
    let done = selected("f.jsonl", lines.as_bytes(), &[], &[]);
    assert_eq!(done.stdout, format!("\u{feff}{mixed}\r\n{gone}\nno json\n"));
    let done = selected("f.jsonl", lines.as_bytes(), &[], &["--with-reason"]);
    let noted = |json: &str, code: &str| {
        format!("{},\"mf_code\":\"{code}\"}}", json.strip_suffix('}').unwrap())
    };
    let expected = format!(
        "\u{feff}{}\r\n{}\nno json\n",
        noted(&mixed, "not_an_address"),
        noted(&gone, "user_not_found")
    );
    assert_eq!(done.stdout, expected);
    assert!(
        done.stderr.contains("3 of 7 rows written: 3 rejected; 1 more on the same lines"),
        "{done:?}"
    );
    assert!(done.stderr.contains("1 line without mf_code"), "{done:?}");

    let pretty = |json: &str| json.replace(',', ",\n  ").replace(": ", ":\t");
    let document = format!(
        "[{},\n{} ,{}, 5, {}]",
        pretty(&good),
        pretty(&mixed),
        pretty(&well),
        pretty(&gone)
    );
    let plain = |json: &str| json.replace(": ", ":").replace(", ", ",");
    let done = selected("f.json", document.as_bytes(), &[], &[]);
    assert_eq!(done.stdout, format!("{}\n5\n{}\n", plain(&mixed), plain(&gone)));
}

#[test]
fn a_reason_goes_into_a_last_column_or_into_the_one_that_is_there() {
    let rows = format!("auth0|1,phone,{GOOD}\nauth0|gone,phone,{GOOD}\nauth0|2,phone,012,x\n");
    let input = format!("user_id,type,phone_number\r\n{rows}");
    let done = selected("f.csv", input.as_bytes(), &[], &["--with-reason"]);
    let expected = format!(
        "user_id,type,phone_number,mf_code\r\nauth0|gone,phone,{GOOD},user_not_found\nauth0|2,phone,012,x,invalid_row\n"
    );
    assert_eq!(done.stdout, expected);

    let input = format!(
        "user_id,mf_code,type,phone_number\nauth0|1,old,phone,{GOOD}\nauth0|gone,,phone,{GOOD}\n"
    );
    let all = ["--with-reason", "--state", "rejected,created"];
    let done = selected("f.csv", input.as_bytes(), &[], &all);
    assert_eq!(
        done.stdout,
        input.replace("1,old,", "1,,").replace("gone,,", "gone,user_not_found,")
    );
}

#[test]
fn states_codes_and_types_narrow_it() {
    let bench = bench();
    let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let header = "user_id,type,phone_number,totp_secret\n";
    let lines = [
        format!("a|1,phone,{GOOD},\n"),
        format!("a|gone,phone,{GOOD},\n"),
        format!("a|gone,totp,,{secret}\n"),
        "a|2,phone,012,\n".to_owned(),
        "a|3,totp,,JBSWY3DP\n".to_owned(),
    ];
    bench.write("f.csv", [header, &lines.concat()].concat());
    run(bench.import("f.csv").args(["--ledger", "l"]));
    let new = "a|4,phone,+14155550104,\n";
    bench.write("f.csv", [header, &lines.concat(), new].concat());
    for (flags, expected) in [
        (&[][..], &[1, 2, 3, 4][..]),
        (&["--state", "created"], &[0]),
        (&["--state", "unsettled"], &[5]),
        (&["--state", "created,unsettled"], &[0, 5]),
        (&["--state", "failed,needs_review,in_flight,not_carried"], &[]),
        (&["--code", "user_not_found"], &[1, 2]),
        (&["--code", "user_not_found", "--type", "totp"], &[2]),
        (&["--type", "phone"], &[1, 3]),
        (&["--code", "too_short,missing_plus"], &[3, 4]),
        (&["--code", "user_not_found", "--state", "created"], &[]),
        (&["--type", "webauthn_roaming"], &[]),
    ] {
        let done = run(&mut select(&bench, &[&["f.csv"], flags].concat()));
        let all: Vec<_> = lines.iter().map(String::as_str).chain([new]).collect();
        let rows: String = expected.iter().map(|at| all[*at]).collect();
        assert_eq!((done.code, done.stdout), (Some(0), format!("{header}{rows}")), "{flags:?}");
    }
    let done =
        run(&mut select(&bench, &["f.csv", "--code", "user_not_found", "--state", "failed"]));
    assert!(done.stderr.contains("rows in other states: 2 rejected"), "{done:?}");
    let done = run(&mut select(&bench, &["f.csv", "-q"]));
    assert_eq!(done.stderr, "");
    for (flag, value, near) in [
        ("--state", "rejectd", "`rejected`"),
        ("--state", "deleted", "no row of an import"),
        ("--code", "user_not_fond", "`user_not_found`"),
        ("--code", "invalid_body:phone_number", "`invalid_body`"),
        ("--code", "http_502", "`http`"),
        ("--type", "fone", "`phone`"),
    ] {
        let done = run(&mut select(&bench, &["f.csv", flag, value]));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains(near), "{done:?}");
    }
}

#[test]
fn lines_are_found_wherever_they_have_moved() {
    let bench = bench();
    let header = "user_id,type,phone_number\n";
    let good = |n: u32| format!("auth0|{n},phone,+1415555{n:04}\n");
    let gone = |n: u32| format!("auth0|gone{n},phone,+1415555{n:04}\n");
    let rows: Vec<_> = (100..130).map(|n| if n % 3 == 0 { gone(n) } else { good(n) }).collect();
    bench.write("f.csv", [header, &rows.concat()].concat());
    run(bench.import("f.csv").args(["--ledger", "l"]));
    let mut moved: Vec<_> = rows.iter().rev().cloned().collect();
    moved.insert(0, good(200));
    moved.insert(7, gone(201));
    bench.write("other.csv", [header, &moved.concat()].concat());
    let done = run(&mut select(&bench, &["other.csv"]));
    let expected: String = moved
        .iter()
        .filter(|row| row.contains("gone") && !row.contains("gone201"))
        .cloned()
        .collect();
    assert_eq!(done.stdout, format!("{header}{expected}"));
    let done = run(&mut select(&bench, &["other.csv", "--state", "unsettled"]));
    assert_eq!(done.stdout, format!("{header}{}{}", good(200), gone(201)));
}

#[test]
fn several_files_become_one_where_their_headers_are_the_same() {
    let bench = bench();
    let row = |user: &str| format!("{user},phone,{GOOD}\n");
    bench.write(
        "a.csv",
        format!("\u{feff}user_id,type,phone_number\r\n{}", row("a|gone1").trim_end()),
    );
    bench.write("b.csv", format!("user_id,type,phone_number\n{}{}", row("a|1"), row("a|gone2")));
    bench.write("c.csv", format!("type,user_id,phone_number\nphone,a|gone3,{GOOD}\n"));
    bench
        .write("d.jsonl", "{\"user_id\":\"a|4\",\"type\":\"email\",\"email\":\"a@example.org\"}\n");
    let done = run(bench.import("a.csv").args(["b.csv", "c.csv", "--ledger", "l"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    let done = run(&mut select(&bench, &["a.csv", "b.csv"]));
    let expected = format!(
        "\u{feff}user_id,type,phone_number\r\n{}\r\n{}",
        row("a|gone1").trim_end(),
        row("a|gone2")
    );
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), expected.as_str()), "{done:?}");
    for other in ["c.csv", "d.jsonl"] {
        let done = run(&mut select(&bench, &["a.csv", "b.csv", other]));
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.stderr.contains(&format!("`a.csv` and `{other}`")), "{done:?}");
        assert!(done.stderr.contains("select one at a time"), "{done:?}");
    }
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

#[test]
fn a_file_is_new_private_and_whole() {
    let bench = bench();
    let text = format!("user_id,type,phone_number\na|gone,phone,{GOOD}\n");
    bench.write("f.csv", &text);
    run(bench.import("f.csv").args(["--ledger", "l"]));
    let done = run(&mut select(&bench, &["f.csv", "--out", "mend.csv"]));
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{done:?}");
    assert!(done.stderr.contains("1 of 1 row written to `mend.csv`: 1 rejected"), "{done:?}");
    assert_eq!(fs::read_to_string(bench.path("mend.csv")).unwrap(), text);
    assert_eq!(mode(&bench.path("mend.csv")), 0o600);

    let done = run(&mut select(&bench, &["f.csv", "--out", "-"]));
    assert_eq!((done.code, &done.stdout), (Some(0), &text), "{done:?}");
    assert!(!bench.path("-").exists());

    bench.write("mend.csv", "precious");
    for out in ["mend.csv", "f.csv", "l", "."] {
        let done = run(&mut select(&bench, &["f.csv", "--out", out]));
        assert_eq!(done.code, Some(2), "{out}: {done:?}");
    }
    assert_eq!(fs::read_to_string(bench.path("mend.csv")).unwrap(), "precious");

    bench.write("broken.csv", [text.as_bytes(), b"a|2,phone,\xff\n"].concat());
    let before = fs::read_dir(bench.folder.path()).unwrap().count();
    let done = run(&mut select(&bench, &["broken.csv", "--out", "new.csv"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), before, "nothing is left");
}

#[test]
fn a_ledger_that_cannot_tell_is_exit_code_6() {
    let bench = bench();
    let header = "user_id,type,phone_number\n";
    bench.write("f.csv", format!("{header}a|1,phone,{GOOD}\na|2,phone,012\n"));
    bench.write("other.csv", format!("{header}a|7,phone,{GOOD}\na|8,phone,012\n"));
    bench.write("users.csv", "user_id\na|1\n");
    bench.write("text", "no ledger");
    run(bench.import("f.csv").args(["--ledger", "l"]));
    run(bench.command("export").args(["users.csv", "--ledger", "e", "--out", "x"]));
    for (input, ledger, expected) in [
        ("f.csv", "missing", "ledger `missing`"),
        ("f.csv", "text", "ledger `text`"),
        ("f.csv", "e", "no import has written to it"),
        ("other.csv", "l", "it knows none of INPUT's 2 rows"),
    ] {
        let mut command = binary();
        command.current_dir(bench.folder.path());
        let done = run(command.args(["select", input, "--ledger", ledger, "--out", "out.csv"]));
        assert_eq!(done.code, Some(6), "{ledger}: {done:?}");
        assert!(done.stderr.contains(expected), "{ledger}: {done:?}");
        assert!(!bench.path("out.csv").exists());
    }
    // Of one whose rows are all bad, the ledger knows that they were refused.
    bench.write("bad.csv", format!("{header}a|2,phone,012\n"));
    let done = run(&mut select(&bench, &["bad.csv"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    // An input without rows has none that the ledger does not know.
    bench.write("empty.csv", header);
    let done = run(&mut select(&bench, &["empty.csv"]));
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), header), "{done:?}");
}

#[test]
fn what_was_mended_is_imported_and_nothing_is_left() {
    let header = "user_id,type,phone_number,mf_note\n";
    let csv = format!(
        "{header}a|1,phone,{GOOD},\"A,\n\"\"a\"\"\"\na|2,phone,012,\"B,\n\"\"b\"\"\"\na|3,phone,{GOOD},C\"\na|4,phone,{GOOD},D\n"
    );
    let user = format!(
        "{{\"user_id\":\"a|1\",\"authentication_methods\":[{{\"type\":\"phone\",\"phone_number\":\"{GOOD}\"}},\
         {{\"type\":\"phone\",\"phone_number\":\"012\"}}]}}\n"
    );
    let person = |id: &str, phone: &str| {
        let secret = serde_json::json!({"mobileNumber": phone}).to_string();
        serde_json::json!({"id": id, "username": id, "credentials":
            [{"type": "mobile-number", "secretData": "{}", "credentialData": secret}]})
    };
    let realm =
        serde_json::json!({"realm": "acme", "users": [person("1", GOOD), person("2", "012")]});
    let keycloak = &["--from", "keycloak", "--user-id", "auth0|{id}"][..];
    for (name, input, mended, flags, again, n_left) in [
        ("f.csv", csv.clone(), "m.csv", &[][..], &[][..], 2),
        // As a spreadsheet may put them.
        (
            "f.csv",
            format!("{header}{}", csv.lines().skip(1).collect::<Vec<_>>().join("\r\n")),
            "m.csv",
            &[],
            &[],
            2,
        ),
        ("f.jsonl", user, "m.jsonl", &[], &[], 1),
        ("f.json", realm.to_string(), "m.jsonl", keycloak, &["--format", "jsonl"], 1),
    ] {
        let bench = bench();
        bench.write(name, &input);
        let done = run(bench.import(name).args(["--ledger", "l"]).args(flags));
        assert_eq!(done.code, Some(4), "{name}: {done:?}");
        let out = ["--with-reason", "--out", mended];
        let done = run(select(&bench, &[name]).args(flags).args(out));
        assert_eq!(done.code, Some(0), "{name}: {done:?}");
        let text = fs::read_to_string(bench.path(mended)).unwrap();
        assert!(text.contains("mf_code") && !text.contains("a|4"), "{name}: {text}");
        let text =
            text.replace("012", "+14155550102").replace("C\"", "C").replace(GOOD, "+14155550199");
        bench.write(mended, text);
        let flags = [flags, again].concat();
        let done = run(bench.import(mended).args(["--ledger", "l"]).args(&flags));
        assert_eq!(done.code, Some(0), "{name}: {done:?}");
        assert_eq!(done.json()["rejected"], 0, "{name}: {done:?}");
        let done = run(select(&bench, &[mended]).args(&flags));
        assert!(done.stderr.contains("0 of "), "{name}: {done:?}");
        let done = run(select(&bench, &[name, "--state", "rejected"])
            .args(&flags[..flags.len() - again.len()]));
        assert!(done.stderr.contains(&format!("{n_left} of ")), "{name}: {done:?}");
    }
}

#[test]
fn a_ledger_is_read_while_an_import_is_going_on() {
    let bench = Bench::new(Settings { latency_ms: (200, 200), ..Settings::default() });
    let rows: Vec<_> = (0..40).map(|n| format!("a|{n},phone,+1415555{n:04}\n")).collect();
    let rows = rows.concat();
    bench.write("f.csv", format!("user_id,type,phone_number\n{rows}"));
    let mut import = bench.import("f.csv");
    let import = import.args(["--ledger", "l", "--concurrency", "4", "--rate", "20"]);
    let mut child = spawn(import);
    until("rows are created", || {
        bench.path("l").exists()
            && bench.tenant().stats().requests.get("POST").is_some_and(|n| *n > 4)
    });
    let done = run(&mut select(&bench, &["f.csv", "--state", "created,unsettled,in_flight"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("40 of 40 rows"), "{done:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn rows_that_an_import_would_see_otherwise_by_themselves_are_warned_of() {
    let header = "user_id,type,phone_number\n";
    let cut = format!("{header}a|1,phone,{GOOD}\na|2,phone,+1415555");
    let done = selected("f.csv", cut.as_bytes(), &[], &[]);
    assert_eq!(done.stdout, format!("{header}a|2,phone,+1415555"));
    assert!(done.stderr.contains("seems to be cut off"), "{done:?}");

    let bench = bench();
    let person = |id: &str, kind: &str, data: &str| {
        serde_json::json!({"id": id, "username": id, "email": "a@example.org", "credentials":
            [{"type": kind, "secretData": "{\"value\":\"a-secret-of-20-bytes\"}", "credentialData": data}]})
    };
    let phone = format!("{{\"mobileNumber\":\"{GOOD}\"}}");
    let users = [person("1", "otp", "{}"), person("2", "mobile-number", &phone)];
    bench.write("f.json", serde_json::json!({"realm": "x", "users": users}).to_string());
    let flags = ["--from", "keycloak", "--user-id", "auth0|{email}"];
    let done = run(bench.import("f.json").args(["--ledger", "l"]).args(flags));
    assert_eq!(done.json()["rejected"], 2, "{done:?}");
    for (more, is_warned) in [(&[][..], false), (&["--type", "totp"], true)] {
        let done = run(select(&bench, &["f.json"]).args(flags).args(more));
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(done.stderr.contains("1 of 2 rows with user_collision"), is_warned, "{done:?}");
    }
}
