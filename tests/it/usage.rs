//! `verify --usage`: whether people get in with what was imported.

use mfaferry::sandbox::{Kind, Method, Settings};
use serde_json::{Value, json};

use crate::support::{Bench, Done, factors, run};

/// Ten users with two phones and an authenticator app each, imported; the first `users` of them
/// have used the app, and the first has used a phone, too.
fn bench(users: usize) -> Bench {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(30).0);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    for user in 0..users {
        bench.tenant().change(&format!("auth0|user{user}"), |methods| {
            let is_used = |method: &Method| {
                method.kind == Kind::Totp || user == 0 && method.value == "+14155000000"
            };
            for method in methods.iter_mut().filter(|method| is_used(method)) {
                method.last_auth_at = Some(method.created_at + jiff::SignedDuration::from_secs(60));
            }
        });
    }
    bench
}

fn verify(bench: &Bench, output: &str, more: &[&str]) -> Done {
    run(bench.command("verify").args(["in.csv", "--output", output]).args(more))
}

/// The line of the text about it.
fn told(done: &Done) -> &str {
    let line = done.stdout.lines().find(|line| line.starts_with("used since created"));
    line.unwrap_or_else(|| panic!("{done:?}"))
}

#[test]
fn factors_that_are_there_and_used_are_counted_by_type() {
    let bench = bench(7);
    // One is missing, one differs; and the app of one has a login that is as old as itself.
    bench.tenant().change("auth0|user1", |methods| methods.retain(|it| it.kind != Kind::Phone));
    bench.tenant().change("auth0|user2", |methods| {
        for method in methods.iter_mut().filter(|method| method.kind == Kind::Totp) {
            method.last_auth_at = Some(method.created_at);
        }
    });
    let text = verify(&bench, "text", &["--usage"]);
    assert_eq!((text.code, told(&text)), (Some(4), expected()), "{text:?}");
    let summary = verify(&bench, "json", &["--usage"]).json();
    let nobody = json!({"there": 0, "used": 0, "unclear": 0});
    assert_eq!(
        summary["usage"],
        json!({"there": 28, "used": 7, "unclear": 0, "percent_required": null, "types": {
            "phone": {"there": 18, "used": 1, "unclear": 0}, "email": nobody, "totp": {"there": 10, "used": 6, "unclear": 0},
            "webauthn-roaming": nobody, "passkey": nobody}})
    );
    assert_eq!(verify(&bench, "json", &[]).json()["usage"], Value::Null);
    let jsonl = verify(&bench, "jsonl", &["--usage"]);
    assert!(jsonl.stderr.contains(expected()), "{jsonl:?}");
    let rows: Vec<Value> =
        jsonl.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let held = bench.tenant().state();
    for row in &rows {
        let method = held[row["user_id"].as_str().unwrap()].iter();
        let method = method.clone().find(|method| Some(&*method.id) == row["method_id"].as_str());
        let Some(method) = method else {
            assert_eq!((&row["state"], row.get("used")), (&"missing".into(), None), "{row}");
            continue;
        };
        let last = method.last_auth_at;
        assert_eq!(row["used"], last.is_some_and(|last| last > method.created_at), "{row}");
        let said = row["last_auth_at"].as_str().map(|at| at.parse::<jiff::Timestamp>().unwrap());
        assert_eq!(
            said.map(jiff::Timestamp::as_millisecond),
            last.map(jiff::Timestamp::as_millisecond)
        );
    }
    assert_eq!(rows.iter().filter(|row| row["used"] == true).count(), 7);
    let plain = verify(&bench, "jsonl", &[]);
    assert!(!plain.stdout.contains("used") && !plain.stdout.contains("last_auth"), "{plain:?}");
}

fn expected() -> &'static str {
    "used since created: 7 of 28 (25 %); phone 1/18, totp 6/10"
}

#[test]
fn a_smaller_share_than_is_asked_for_ends_with_4() {
    let bench = bench(5);
    // 6 of 30.
    for (share, code) in [("20%", 0), (" 20 % ", 0), ("0%", 0), ("20.1%", 4), ("100%", 4)] {
        let done = verify(&bench, "text", &["--fail-if-unused", share]);
        assert_eq!(done.code, Some(code), "{share} {done:?}");
        let line = told(&done);
        assert_eq!(line.contains("--fail-if-unused asks for"), code == 4, "{share} {line}");
    }
    let json = verify(&bench, "json", &["--fail-if-unused", "20.1%"]);
    assert_eq!((json.code, &json.json()["usage"]["percent_required"]), (Some(4), &json!(20.1)));
    let quiet = verify(&bench, "text", &["--fail-if-unused", "21%", "-q"]);
    assert!(quiet.code == Some(4) && told(&quiet).ends_with("asks for 21 %"), "{quiet:?}");
    // The first five have 6 of 15, and in a sample it is the sample that counts.
    for (more, code) in [
        (["--fail-if-unused", "40%", "--max-users", "5"], 0),
        (["--fail-if-unused", "41%", "--max-users", "5"], 4),
        (["--fail-if-unused", "20%", "--sample", "100%"], 0),
        (["--fail-if-unused", "21%", "--sample", "100%"], 4),
    ] {
        let done = verify(&bench, "text", &more);
        assert_eq!(done.code, Some(code), "{more:?} {done:?}");
    }
    for bad in ["80", "0.8", "-1%", "101%", "NaN%", "%", "x%", "", "inf%", "80%%"] {
        let done = verify(&bench, "text", &["--fail-if-unused", bad]);
        assert_eq!(done.code, Some(2), "{bad} {done:?}");
    }
}

/// A changed secret is created beside the old one, which people have used: nobody is in with the
/// new one.
#[test]
fn a_login_with_one_of_several_that_look_the_same_is_no_use_of_a_row() {
    const OLD: &str = "auth0|1,totp,A,JBSWY3DPEHPK3PXP";
    const NEW: &str = "auth0|1,totp,A,KRSXG5CTMVRXEZLU";
    const OTHER: &str = "auth0|2,totp,A,JBSWY3DPEHPK3PXP";
    let bench = Bench::new(Settings::default());
    let write = |rows: &[&str]| {
        bench.write("in.csv", format!("user_id,type,name,totp_secret\n{}\n", rows.join("\n")));
    };
    for rows in [[OLD, OTHER], [NEW, OTHER]] {
        write(&rows);
        assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    }
    let login = |count: usize| {
        bench.tenant().change("auth0|1", |methods| {
            assert_eq!(methods.len(), 2);
            for method in methods.iter_mut().take(count) {
                method.last_auth_at = Some(method.created_at + jiff::SignedDuration::from_secs(60));
            }
        });
    };
    for (logins, rows, used, unclear) in [
        (0, &[NEW, OTHER][..], 0, 0),
        (1, &[NEW, OTHER], 0, 1),
        (1, &[OLD, NEW, OTHER], 0, 2),
        // Of one user, and not side by side.
        (1, &[OLD, OTHER, NEW], 0, 2),
        // Whichever it is, it was used.
        (2, &[NEW, OTHER], 1, 0),
    ] {
        login(logins);
        write(rows);
        let summary = verify(&bench, "json", &["--usage"]).json();
        let usage = &summary["usage"];
        let counted = [&usage["used"], &usage["unclear"], &usage["types"]["totp"]["unclear"]];
        assert_eq!(counted, [used, unclear, unclear], "{logins} {rows:?} {usage}");
        let jsonl = verify(&bench, "jsonl", &["--usage"]);
        let said = jsonl.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let unknown = said.filter(|row| row["used"].is_null() && row["last_auth_at"].is_null());
        assert_eq!(unknown.count(), unclear, "{logins} {rows:?} {jsonl:?}");
        let text = verify(&bench, "text", &["--fail-if-unused", "1%"]);
        assert_eq!(text.code == Some(0), used > 0, "{logins} {rows:?} {text:?}");
        let word = format!("; {unclear} cannot be told apart from another of the same user");
        assert_eq!(told(&text).contains(&word), unclear > 0, "{text:?}");
    }
}

#[test]
fn where_nothing_is_there_nothing_is_used() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,12\n");
    for (share, is_too_small) in [("0%", false), ("1%", true)] {
        let done = verify(&bench, "text", &["--fail-if-unused", share]);
        let line = told(&done);
        assert!(line.starts_with("used since created: 0 of 0"), "{done:?}");
        assert_eq!(line.contains("asks for 1 %"), is_too_small, "{line}");
    }
    // That alone fails, too.
    bench.write("in.csv", "user_id,type,phone_number\n");
    for (share, code) in [("0%", 0), ("1%", 4)] {
        let done = verify(&bench, "json", &["--fail-if-unused", share]);
        assert_eq!(done.code, Some(code), "{share} {done:?}");
    }
}

#[test]
fn a_rehearsal_shows_logins_and_undo_keeps_what_was_used() {
    let bench = Bench::new(Settings { used_share: 0.4, ..Settings::default() });
    bench.write("in.csv", factors(300).0);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    let summary = verify(&bench, "json", &["--usage"]).json();
    let used = summary["usage"]["used"].as_u64().unwrap();
    assert!(summary["usage"]["there"] == 300 && (80..=160).contains(&used), "{summary}");
    let mut undo = bench.command("undo");
    let undone = run(undo.args(["--ledger", "in.csv.ledger", "--yes"])).summary();
    assert_eq!((&undone["kept"], &undone["undone"]), (&json!(used), &json!(300 - used)));
}
