//! Good and bad inputs through the binary.

use std::{fmt::Write, process::Stdio};

use mfaferry::sandbox::{Settings, Verb};
use serde_json::json;

use crate::support::{Bench, binary, factors, read, run, spawn};

const GOOD: &str = "auth0|1,phone,+14155550100\n";

#[test]
fn what_makes_a_file_unreadable_is_told_with_its_line_before_anything_is_sent() {
    let bench = Bench::new(Settings::default());
    let long = "x".repeat((1 << 20) + 1);
    let many = GOOD.repeat(2000);
    let header = "user_id,type,phone_number\n";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("csv", format!("{header}{many}auth0|1,phone,\"+1415\n{many}").into(), "2002"),
        ("csv", format!("{header}{many}auth0|1,phone,{long}\n").into(), "2002"),
        ("csv", [format!("{header}{many}").as_bytes(), b"auth0|\xff,phone,\n"].concat(), "2002"),
        ("csv", [format!("{header}{many}").as_bytes(), b"auth0|\0,phone,\n"].concat(), "2002"),
        (
            "csv",
            "\u{feff}user_id,type".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            "UTF-16",
        ),
        ("csv", format!("user_id,phone_number\n{many}").into(), "type"),
        ("csv", format!("user_id,type,phone_nummer\n{many}").into(), "phone_number"),
        ("csv", format!("user_id,type,type\n{many}").into(), "type"),
        ("csv", "".into(), ""),
        ("jsonl", [GOOD.as_bytes(), b"\xff"].concat(), ""),
        ("jsonl", "[{\"user_id\": 1}]\n".into(), ""),
    ];
    for (extension, bytes, says) in cases {
        let name = format!("in.{extension}");
        bench.write(&name, bytes);
        let done = run(&mut bench.import(&name));
        assert_eq!(done.code, Some(2), "{says}: {done:?}");
        assert!(done.stderr.contains(says), "{says}: {done:?}");
        assert!(!done.stderr.contains("+1415"), "{done:?}");
        let check = run(binary().current_dir(bench.folder.path()).args(["check", &name]));
        assert_eq!(check.code, Some(2), "{says}: {check:?}");
    }
    assert_eq!(bench.tenant().stats().requests(Verb::Token), 0, "nothing was sent");
    let done = run(&mut bench.import("no-such-file.csv"));
    assert_eq!(done.code, Some(2), "{done:?}");
}

#[test]
fn an_input_that_cannot_be_read_at_all_is_told_before_the_tenant_and_summed_up_by_nobody() {
    let bench = Bench::new(Settings::default());
    bench.write("header.csv", "user_id,type,phone_nummer\nauth0|1,phone,+14155550100\n");
    bench.write("quote.csv", "user_id,type,phone_number\nauth0|1,phone,\"+1415\n");
    let at = bench.folder.path();
    for command in ["import", "export", "replace", "update", "delete", "verify"] {
        for (name, says) in [("missing.csv", "missing.csv"), ("header.csv", "column")] {
            // A list of users may have any other columns.
            if (command, name) == ("export", "header.csv") {
                continue;
            }
            // No tenant, no credentials.
            let done = run(binary().current_dir(at).args([command, name]));
            assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{command}: {done:?}");
            assert!(done.stderr.contains(says), "{command}: {done:?}");
        }
    }
    for name in ["missing.csv", "header.csv", "quote.csv"] {
        for output in ["text", "json"] {
            let mut command = binary();
            let done = run(command.current_dir(at).args(["check", name, "--output", output]));
            assert_eq!(done.code, Some(2), "{done:?}");
            if output == "text" {
                assert_eq!(done.stdout, "", "{name}");
            } else {
                assert_eq!(done.json()["code"], "unreadable_input", "{done:?}");
            }
        }
    }
}

#[test]
fn bad_rows_do_not_stop_good_ones_and_are_told_by_line_and_field() {
    let bench = Bench::new(Settings::default());
    bench.write(
        "in.csv",
        "\u{feff}user_id,type,name,phone_number,totp_secret,email\r\n\
         auth0|1,phone,\"a\r\nb,\"\"c\"\"\",+14155550100,,\r\n\
         auth0|1,phone,,4155550100,,\r\n\
         auth0|2,totp,,,CANARY189,\r\n\
         \r\n\
         auth0|3,phone,\"Holiday, phone\",+1 (415) 555-0101,,\r\n\
         auth0|4,phone,,+14155550102,,x@example.com\r\n\
         auth0|5,phone,,XXXXXXX5044,,\r\n\
         auth0|6,email,,,,someone@example.com\r\n",
    );
    let done = run(bench.import("in.csv").args(["--output", "text"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(done.stdout.contains("  1  missing_plus       line 4  "), "{done:?}");
    let rows = bench.rows("in.csv.ledger");
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["line"].as_u64().unwrap(), row["state"].as_str().unwrap(), &row["field"]))
        .collect();
    assert_eq!(
        told,
        [
            (2, "rejected", &json!("name")),
            (4, "rejected", &json!("phone_number")),
            (5, "rejected", &json!("totp_secret")),
            (7, "created", &json!(null)),
            (8, "rejected", &json!("email")),
            (9, "rejected", &json!("phone_number")),
            (10, "created", &json!(null)),
        ]
    );
    assert!(!done.stdout.contains("CANARY") && !done.stderr.contains("CANARY"));
}

#[test]
fn a_row_that_is_mended_is_no_longer_reported_as_rejected() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", format!("user_id,type,phone_number\n{GOOD}auth0|2,phone,12\n"));
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(4));
    let again = run(&mut bench.import("in.csv"));
    assert_eq!((again.code, &again.summary()["rejected"]), (Some(4), &json!(1)));
    assert_eq!(bench.states("in.csv.ledger")["rejected"], 1, "not counted twice");
    bench.write("in.csv", format!("user_id,type,phone_number\n{GOOD}auth0|2,phone,+14155550102\n"));
    let mended = run(&mut bench.import("in.csv"));
    assert_eq!(mended.code, Some(0), "{mended:?}");
    assert!(!bench.states("in.csv.ledger").contains_key("rejected"));
}

#[test]
fn every_form_of_json_lines_is_read_and_bad_lines_are_told() {
    let bench = Bench::new(Settings::default());
    bench.write(
        "in.jsonl",
        concat!(
            "{\"user_id\":\"auth0|1\",\"type\":\"phone\",\"phone_number\":\"+14155550100\"}\n",
            "{\"user_id\":\"auth0|2\",\"authentication_methods\":[{\"type\":\"email\",\"email\":\"a@example.com\"},{\"type\":\"phone\",\"phone_number\":14155550101}]}\n",
            "{\"user_id\":\"auth0|3\",\"type\":\"phone\",\"phone_number\":\"+14155550102\",\"CANARY\":1}\n",
            "{\"user_id\":\"auth0|4\",\"type\":\"totp\",\"totp_secret\":\"CANARYCANARY\n",
        ),
    );
    let done = run(&mut bench.import("in.jsonl"));
    assert_eq!(done.code, Some(4), "{done:?}");
    let summary = done.summary();
    assert_eq!((&summary["created"], &summary["rejected"]), (&json!(2), &json!(3)));
    let rows = bench.rows("in.jsonl.ledger");
    let field = rows.iter().find(|row| row["line"] == 2 && row["state"] == "rejected").unwrap();
    assert_eq!(field["field"], "authentication_methods[1].phone_number");
    assert!(!format!("{rows:?}{done:?}").contains("CANARY"));
}

#[test]
fn standard_input_is_read_once_and_needs_a_ledger_name() {
    let bench = Bench::new(Settings::default());
    let (csv, wanted, users) = factors(90);
    let unnamed = run(bench.import("-").args(["--format", "csv"]));
    assert_eq!(unnamed.code, Some(2), "{unnamed:?}");
    for expected in ["created", "skipped"] {
        let mut command = bench.import("-");
        command.args(["--format", "csv", "--ledger", "piped.ledger"]).stdin(Stdio::piped());
        let mut child = spawn(&mut command);
        let mut pipe = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut pipe, csv.as_bytes()).unwrap();
        drop(pipe);
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!((done.code, &done.summary()[expected]), (Some(0), &json!(90)), "{done:?}");
    }
    bench.audit("piped.ledger", &wanted, &users);
}

#[test]
fn a_broken_stream_stops_at_that_point_with_the_line_and_keeps_what_came_before() {
    let bench = Bench::new(Settings::default());
    let mut command = bench.import("-");
    command.args(["--format", "csv", "--ledger", "piped.ledger"]).stdin(Stdio::piped());
    let mut child = spawn(&mut command);
    let mut pipe = child.stdin.take().unwrap();
    let text = format!("user_id,type,phone_number\n{GOOD}auth0|2,phone,\"+1415\n{GOOD}");
    std::io::Write::write_all(&mut pipe, text.as_bytes()).unwrap();
    drop(pipe);
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("line 3"), "{done:?}");
    assert_eq!(done.summary()["created"], 1);
}

#[test]
fn how_secrets_are_written_is_declared_and_never_guessed() {
    let bench = Bench::new(Settings::default());
    let hex = "beef2345cafe6723dead4567face27450a1b2c3d";
    bench.write("in.csv", format!("user_id,type,totp_secret\nauth0|1,totp,{hex}\n"));
    let check = |flags: &[&str]| {
        let mut command = binary();
        command.current_dir(bench.folder.path());
        run(command.args(["check", "in.csv", "--show", "1"]).args(flags))
    };
    let refused = check(&[]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stdout.contains("[looks_like_hex]"), "{refused:?}");
    assert!(refused.stdout.contains("--secret-encoding hex"), "{refused:?}");
    let declared = check(&["--secret-encoding", "hex"]);
    assert_eq!(declared.code, Some(0), "{declared:?}");
    assert!(declared.stdout.contains("totp_secret=160 bits"), "{declared:?}");
    for (encoding, code) in [("base64-of-base32", 4), ("base32", 4), ("text", 0)] {
        let done = check(&["--secret-encoding", encoding]);
        assert_eq!(done.code, Some(code), "{encoding}: {done:?}");
    }
    // What is sent is the key, and its row has the rule's name where it is not.
    let done = run(bench.import("in.csv").args(["--ledger", "refused.ledger"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(bench.rows("refused.ledger")[0]["code"], json!("looks_like_hex"));
    let done = run(bench.import("in.csv").args(["--secret-encoding", "hex", "--new-ledger"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 1);
}

#[test]
fn a_kind_of_warning_is_shown_a_few_times_and_counted() {
    let bench = Bench::new(Settings::default());
    let mut rows = "user_id,type,name,phone_number\n".to_owned();
    for row in 0..50 {
        writeln!(rows, "auth0|{row},phone,NULL,+1415555{row:04}").unwrap();
    }
    bench.write("in.csv", rows);
    let done = run(binary().current_dir(bench.folder.path()).args(["check", "in.csv"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.stdout.matches("[null_word]").count(), 20, "{done:?}");
    assert!(done.stdout.contains("… and 30 more warnings `null_word`"), "{done:?}");
    assert!(done.stdout.contains("0 duplicates, 50 warnings"), "{done:?}");
}

/// A secret of 160 bits, another for each number.
fn secret(number: u8) -> String {
    let letter = |shift: u8| char::from(b'A' + (number + shift) % 26);
    (0..32_u8).map(|at| letter(at.wrapping_mul(7) % 26)).collect()
}

/// A file with a shared secret and a last line that is cut off.
fn odd_file() -> String {
    let [one, two, three] = [1, 2, 3].map(secret);
    let cut: String = secret(4).chars().take(26).collect();
    format!(
        "user_id,type,totp_secret\nauth0|1,totp,{one}\nauth0|2,totp,{two}\nauth0|3,totp,{one}\n\
         auth0|4,totp,{three}\nauth0|5,totp,{cut}"
    )
}

#[test]
fn check_tells_what_is_odd_about_a_file_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), odd_file()).unwrap();
    let check = |flags: &[&str]| {
        run(binary().current_dir(folder.path()).args(["check", "in.csv"]).args(flags))
    };
    let done = check(&[]);
    assert_eq!(done.code, Some(4), "{done:?}");
    for says in [
        "warning: different users have the same `totp_secret` in 2 rows (lines 2, 4)",
        "[shared_secret]",
        "rejected: line 6, totp_secret: ends the file without",
        "[cut_off]",
        "note: the last line (6) has no line ending: was the file cut off? [no_final_line_ending]",
        "5 rows: 4 factors to import, 1 rejected, 0 duplicates, 1 warning",
    ] {
        assert!(done.stdout.contains(says), "{says}: {done:?}");
    }
    let done = check(&["--output", "json"]);
    let found: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(found["warnings"], 1);
    let whole = &found["whole_file"];
    assert_eq!(whole[0]["code"], "shared_secret");
    assert_eq!(whole[0]["rows"], 2);
    assert_eq!(whole[0]["lines"], json!([2, 4]));
    assert_eq!(whole[1]["code"], "no_final_line_ending");
    for text in [&done.stdout, &check(&["-q"]).stdout] {
        assert!(!text.contains(&secret(1)), "{text}");
    }
}

#[test]
fn an_import_tells_what_is_odd_about_a_file_before_anything_is_sent() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", odd_file());
    let shared = "different users have the same `totp_secret` in 2 rows (lines 2, 4)";
    // The run ends at the ledger, which comes after the input and before the tenant.
    let done = run(bench.import("in.csv").args(["--ledger", "no-folder/x.ledger"]));
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(done.stderr.contains(shared), "{done:?}");

    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(done.stderr.matches(shared).count(), 1, "{done:?}");
    assert!(done.stderr.contains("[no_final_line_ending]"), "{done:?}");
    assert!(!done.stderr.contains(&secret(1)) && !done.stdout.contains(&secret(1)), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 4, "the cut one is held back");

    // A pipe can be read only once, so that it is told at its end.
    let mut command = bench.import("-");
    command.args(["--format", "csv", "--ledger", "piped.ledger"]);
    let mut child = spawn(command.stdin(Stdio::piped()));
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), odd_file().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(told.matches(shared).count(), 1, "{told}");
    assert!(told.contains("[no_final_line_ending]"), "{told}");
}
