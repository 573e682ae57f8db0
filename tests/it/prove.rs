//! `check --prove`: what the codes of an app prove about secrets, and what `import` says of it.

use std::{
    cell::Cell,
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

use data_encoding::{BASE32, BASE64, HEXLOWER};
use mfaferry::sandbox::Settings;
use serde_json::{Value, json};

use crate::{
    authenticator::{App, Hash, now},
    support::{Bench, Done, around, binary, read, run, samples, until},
};

const KEY: &[u8; 20] = b"\x00\x9fKey of 20 bytes!\xff\xfe";

/// Rows of users whose secrets are written in many ways; the name says which.
fn csv() -> String {
    let base32 = BASE32.encode(KEY);
    let rows = [
        ("base32", base32.clone()),
        ("hex", HEXLOWER.encode(KEY)),
        ("base64", BASE64.encode(KEY)),
        ("twice", BASE64.encode(base32.as_bytes())),
        ("uri", format!("otpauth://totp/a?secret={base32}")),
        ("uri256", format!("otpauth://totp/a?secret={base32}&algorithm=SHA256")),
        ("short", "JBSWY3DP".to_owned()),
        ("none", String::new()),
        ("encrypted", "gAAAAABkZ2V0LXRoZS1zZWNyZXQtZnJvbS1oZXJlLXBsZWFzZQ==".to_owned()),
        ("hotp", format!("otpauth://hotp/a?secret={base32}&counter=1")),
    ];
    let rows = rows.map(|(user, secret)| format!("auth0|{user},totp,My {user},,{secret}\n"));
    let header = "user_id,type,name,phone_number,totp_secret\n";
    header.to_owned() + &rows.concat() + "auth0|phone,phone,,+14155550123,\n"
}

fn folder(name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    folder
}

fn check(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.current_dir(folder.path()).arg("check").args(arguments);
    command
}

/// Runs it with those lines on standard input.
fn answer(command: &mut Command, lines: &[String]) -> Done {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    // Who needs fewer lines may be gone.
    drop(child.stdin.take().unwrap().write_all(text.as_bytes()));
    let done = read(&child.wait_with_output().unwrap());
    for line in lines.iter().filter(|line| line.len() >= 6) {
        let all = format!("{}{}", done.stdout, done.stderr);
        assert!(!all.contains(line.as_str()), "a code is shown: {done:?}");
        assert!(!all.contains(&BASE32.encode(KEY)) && !all.contains(&HEXLOWER.encode(KEY)));
    }
    done
}

/// Runs something within one step of an app's clock.
fn within_a_step<T>(mut run: impl FnMut() -> T) -> T {
    for _ in 0..20 {
        let step = now() / 30;
        let done = run();
        if step == now() / 30 {
            return done;
        }
    }
    panic!("no run ends within 30 seconds");
}

fn proofs(done: &Done) -> Vec<Value> {
    done.json()["proofs"].as_array().unwrap().clone()
}

#[test]
fn the_codes_of_an_app_tell_what_is_right_from_what_is_not() {
    let folder = folder("in.csv", &csv());
    let usual = App::new(KEY);
    let sha256 = App { hash: Hash::Sha256, ..usual };
    let sha512 = App { hash: Hash::Sha512, digits: 8, period: 60, ..usual };
    let as_text = HEXLOWER.encode(KEY);
    let as_text = App::new(as_text.as_bytes());
    let stranger = App::new(b"somebody else's key!");
    let hello = App::new(b"Hello");
    for (user, flags, app, ahead, n_codes, code, verdict, flag, off) in [
        ("base32", "", usual, 0, 1, 0, "right", None, Some(0)),
        ("base32", "", usual, -30, 1, 0, "right", None, Some(-30)),
        ("base32", "", usual, 60, 2, 0, "right_but_clock", None, Some(60)),
        ("base32", "", usual, -60, 2, 0, "right_but_clock", None, Some(-60)),
        ("base32", "", usual, 90, 2, 4, "no_match", None, None),
        ("base32", "", sha256, 0, 2, 4, "other_profile", None, Some(0)),
        ("base32", "", sha512, 0, 2, 4, "other_profile", None, Some(0)),
        ("base32", "", stranger, 0, 2, 4, "no_match", None, None),
        ("base32", "hex", usual, 0, 2, 4, "other_encoding", Some("base32"), Some(0)),
        ("hex", "", usual, 0, 2, 4, "other_encoding", Some("hex"), Some(0)),
        ("hex", "", as_text, 0, 2, 4, "other_encoding", Some("text"), Some(0)),
        ("hex", "hex", usual, 0, 1, 0, "right", None, Some(0)),
        ("hex", "hex", as_text, 0, 2, 4, "other_encoding", Some("text"), Some(0)),
        ("base64", "", usual, 0, 2, 4, "other_encoding", Some("base64"), Some(0)),
        ("twice", "", usual, 0, 2, 4, "other_encoding", Some("base64-of-base32"), Some(0)),
        ("uri", "", usual, 0, 1, 0, "right", None, Some(0)),
        ("uri", "hex", usual, 0, 1, 0, "right", None, Some(0)),
        ("uri256", "", sha256, 0, 2, 4, "other_profile", None, Some(0)),
        ("uri256", "", usual, 0, 2, 4, "other_profile", None, Some(0)),
        ("short", "", hello, 0, 2, 4, "other_profile", None, Some(0)),
        ("none", "", usual, 0, 0, 4, "no_match", None, None),
        ("encrypted", "", usual, 0, 0, 4, "no_match", None, None),
    ] {
        let what = format!("{user} {flags} {app:?} {ahead}");
        let done = within_a_step(|| {
            let user = format!("auth0|{user}");
            let mut command = check(&folder, &["in.csv", "--output", "json", "--prove", &user]);
            if !flags.is_empty() {
                command.args(["--secret-encoding", flags]);
            }
            answer(&mut command, &app.codes(ahead)[..n_codes])
        });
        assert_eq!(done.code, Some(code), "{what}: {done:?}");
        let flag = flag.map(|flag| format!("--secret-encoding {flag}"));
        let line =
            2 + csv().lines().skip(1).position(|row| row.contains(&format!("|{user},"))).unwrap();
        let expected = json!({"line": line, "name": format!("My {user}"), "verdict": verdict,
                              "flag": flag, "off_seconds": off});
        assert_eq!(proofs(&done), [expected], "{what}");
    }
}

#[test]
fn several_users_are_proved_in_the_order_of_the_input_and_the_worst_wins() {
    let folder = folder("in.csv", &csv());
    let users = ["--prove", "auth0|uri", "--prove", "auth0|base32"];
    let spaced = |code: &str| {
        let (first, rest) = code.split_at(3);
        format!(" {first} {rest}")
    };
    for (second, code) in [(App::new(KEY), 0), (App::new(b"somebody else's key!"), 4)] {
        let done = within_a_step(|| {
            let mut lines = vec![spaced(&App::new(KEY).codes(0)[0])];
            lines.extend(second.codes(0).into_iter().take(2));
            answer(check(&folder, &["in.csv"]).args(users), &lines)
        });
        assert_eq!(done.code, Some(code), "{done:?}");
        assert!(done.stdout.contains("right: line 2, \"My base32\": "), "{done:?}");
        let done = within_a_step(|| {
            let codes = [App::new(KEY).codes(0)[0].clone(), second.codes(0)[0].clone()];
            let codes = [codes.to_vec(), second.codes(0)[1..2].to_vec()].concat();
            answer(check(&folder, &["in.csv", "-q"]).args(users), &codes)
        });
        assert_eq!((done.code, done.stdout.is_empty()), (Some(code), code == 0), "{done:?}");
        assert!(!done.stdout.contains("rejected"), "{done:?}");
    }
}

#[test]
fn rows_of_one_line_are_told_apart_by_their_place_in_it() {
    let method = |secret: &str| json!({"type": "totp", "totp_secret": secret});
    let methods = [method(&HEXLOWER.encode(KEY)), method(&BASE32.encode(KEY))];
    let user = json!({"user_id": "auth0|1", "authentication_methods": methods}).to_string();
    let folder = folder("in.jsonl", &user);
    let done = within_a_step(|| {
        let codes = App::new(KEY).codes(0);
        let codes = [codes[0].clone(), codes[1].clone(), codes[0].clone()];
        answer(&mut check(&folder, &["in.jsonl", "--prove", "auth0|1"]), &codes)
    });
    assert_eq!(done.code, Some(4), "{done:?}");
    for said in [
        "\nother_encoding: line 1 (authentication_methods[0]): ",
        "\nright: line 1 (authentication_methods[1]): ",
    ] {
        assert!(done.stdout.contains(said), "{said}: {done:?}");
    }
}

#[test]
fn what_cannot_be_asked_about_or_answered_is_a_usage_error() {
    let folder = folder("in.csv", &csv());
    let code = || App::new(KEY).codes(0).into_iter().take(1).collect::<Vec<_>>();
    for (arguments, lines, said) in [
        (
            vec!["in.csv", "--prove", "auth0|nobody"],
            code(),
            "has no TOTP of the user `auth0|nobody`",
        ),
        (vec!["in.csv", "--prove", "auth0|phone"], code(), "has no TOTP of the user `auth0|phone`"),
        (vec!["in.csv", "--prove", "auth0|hotp"], code(), "has no TOTP of the user `auth0|hotp`"),
        (vec!["in.csv", "--prove", "auth0|base32"], vec![], "there is none left to read"),
        (vec!["in.csv", "--prove", "auth0|hex"], code(), "there is none left to read"),
        (vec!["in.csv", "--ledger", "x"], vec![], "--prove"),
    ] {
        let done = answer(&mut check(&folder, &arguments), &lines);
        assert_eq!(done.code, Some(2), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(said), "{arguments:?}: {done:?}");
    }
    // Without a terminal nobody can be asked about what comes from standard input.
    let prove = check(&folder, &["-", "--format", "csv", "--prove", "auth0|base32"]);
    let done = answer(&mut around("setsid", &["-w"], &prove), &code());
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("cannot ask for codes"), "{done:?}");
    let done =
        run(&mut check(&folder, &["in.csv", "--prove", "auth0|base32", "--ledger", "no.ledger"]));
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(!folder.path().join("no.ledger").exists());
}

#[test]
fn an_export_is_proved_as_its_system_writes_it_also_where_the_row_is_refused() {
    let hex = HEXLOWER.encode(KEY);
    let user = |id: &str, value: &str, algorithm: &str| {
        let data = json!({"subType": "totp", "digits": 6, "period": 30, "algorithm": algorithm});
        let credential = json!({"id": id, "type": "otp", "userLabel": "Phone",
            "secretData": json!({"value": value}).to_string(), "credentialData": data.to_string()});
        json!({"id": id, "username": id, "credentials": [credential]})
    };
    let users = [user("a", &hex, "HmacSHA1"), user("b", &hex, "HmacSHA256")];
    let realm = json!({"realm": "r", "users": users}).to_string();
    let header =
        "id,name,confirmed,key,step,t0,digits,tolerance,drift,last_t,user_id,username,email";
    // The key of this system is hexadecimal.
    let base32 = BASE32.encode(KEY);
    let django = format!("{header}\n1,Pixel,t,{base32},30,0,6,1,0,5,7,mara,mara@example.org\n");
    for (name, text, from, id, app, verdict, said) in [
        (
            "r.json",
            &realm,
            "keycloak",
            "keycloak|a",
            App::new(hex.as_bytes()),
            "right",
            "as `import` reads it",
        ),
        (
            "r.json",
            &realm,
            "keycloak",
            "keycloak|a",
            App::new(KEY),
            "other_encoding",
            "Keycloak never writes it so",
        ),
        (
            "r.json",
            &realm,
            "keycloak",
            "keycloak|b",
            App { hash: Hash::Sha256, ..App::new(hex.as_bytes()) },
            "other_profile",
            "SHA-256",
        ),
        (
            "d.csv",
            &django,
            "django",
            "django|7",
            App::new(KEY),
            "other_encoding",
            "Django (django-otp) never writes it so",
        ),
    ] {
        let folder = folder(name, text);
        let done = within_a_step(|| {
            let mut command = check(&folder, &[name, "--from", from, "--prove", id]);
            answer(&mut command, &app.codes(0))
        });
        assert_eq!(done.code, Some(if verdict == "right" { 0 } else { 4 }), "{id}: {done:?}");
        assert!(done.stdout.contains(&format!("{verdict}: line ")), "{id}: {done:?}");
        assert!(done.stdout.contains(said), "{id}: {done:?}");
    }
}

#[test]
fn of_an_export_neither_counted_codes_nor_encrypted_secrets_are_asked_about() {
    let otp = |kind: &str| {
        let data = json!({"subType": kind, "digits": 6, "period": 30, "algorithm": "HmacSHA1"});
        json!({"id": kind, "type": "otp", "userLabel": kind, "credentialData": data.to_string(),
               "secretData": json!({"value": "12345678901234567890"}).to_string()})
    };
    let user = |id: &str, kinds: &[&str]| {
        let credentials: Vec<_> = kinds.iter().map(|kind| otp(kind)).collect();
        json!({"id": id, "username": id, "credentials": credentials})
    };
    let users = [user("both", &["hotp", "totp"]), user("counted", &["hotp"])];
    let folder = folder("r.json", &json!({"realm": "r", "users": users}).to_string());
    let prove = |user: &str, codes: &[String]| {
        let arguments = ["r.json", "--from", "keycloak", "--output", "json", "--prove", user];
        answer(&mut check(&folder, &arguments), codes)
    };
    let done =
        within_a_step(|| prove("keycloak|both", &App::new(b"12345678901234567890").codes(0)[..1]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let found: Vec<_> = proofs(&done).iter().map(|proof| proof["verdict"].clone()).collect();
    assert_eq!(found, ["right"], "{done:?}");
    let done = prove("keycloak|counted", &["123456".to_owned()]);
    assert_eq!(done.code, Some(2), "{done:?}");
    let encrypted = samples().join("sources/aspnet.csv");
    let user = "aspnet|500d0471-e645-4a12-9204-fb9f12b52107";
    let done =
        run(binary().arg("check").arg(encrypted).args(["--from", "aspnet", "--prove", user]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(done.stdout.contains("\nno_match: line 7: the row holds no secret"), "{done:?}");
}

/// Runs `script`, in which `$0 "$@"` is a command, at a terminal of its own; types `answers`, each
/// once its question is there. Returns all that the terminal showed.
fn at_a_terminal(command: &Command, script: &str, answers: &[(&str, String)]) -> Option<String> {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let words: Vec<_> = command.get_args().map(quoted).collect();
    let script =
        script.replace("CHECK", &format!("{} {}", quoted(command.get_program()), words.join(" ")));
    let mut outer = Command::new("script");
    outer.args(["-qec", &script, "/dev/null"]).current_dir(command.get_current_dir().unwrap());
    outer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = outer.spawn() else {
        println!("\nNOT TESTED: a terminal: needs `script`");
        return None;
    };
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (send, shown) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut bytes) {
            drop(send.send(bytes[..count].to_vec()));
        }
    });
    let mut screen = String::new();
    let mut seen = 0;
    for (question, answer) in answers {
        until("a question comes", || {
            screen
                .extend(shown.try_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
            screen.split_at(seen).1.contains(question)
        });
        seen = screen.len();
        stdin.write_all(answer.as_bytes()).unwrap();
    }
    until("it ends", || child.try_wait().unwrap().is_some());
    screen.extend(shown.iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    Some(screen)
}

#[test]
fn at_a_terminal_a_code_is_asked_for_and_not_shown_and_the_terminal_is_as_before() {
    let folder = folder("in.csv", &csv());
    let script = "trap : INT; CHECK; echo \"code $?\"; stty -a";
    let now = "which code does the app show now? ";
    let typed = |code: &str| format!("{code}\n");
    let command = check(&folder, &["in.csv", "--prove", "auth0|base32"]);
    let codes = App::new(KEY).codes(0);
    let answers = [(now, typed("letters")), ("6 or 8 digits", typed(&codes[0]))];
    let Some(screen) = at_a_terminal(&command, script, &answers) else { return };
    assert!(
        screen.contains("line 2, \"My base32\": which code does the app show now? "),
        "{screen}"
    );
    assert!(screen.contains("right: line 2, \"My base32\""), "{screen}");
    assert!(screen.contains("code 0"), "{screen}");
    assert!(!screen.contains("letters") && !screen.contains(&codes[0]), "{screen}");
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
    // Whoever goes away leaves the terminal as it was, too.
    for (key, code) in [("\u{3}", 5), ("\u{4}", 2)] {
        let screen = at_a_terminal(&command, script, &[(now, key.to_owned())]).unwrap();
        assert!(screen.contains(&format!("code {code}")), "{screen}");
        assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
    }
    // What comes from standard input is asked about at the terminal.
    let piped =
        check(&folder, &["-", "--format", "csv", "--prove", "auth0|base32", "--output", "json"]);
    let codes = App::new(KEY).codes(0);
    let answers = [(now, typed(&codes[0]))];
    let screen = at_a_terminal(&piped, "cat in.csv | CHECK; echo \"code $?\"", &answers).unwrap();
    assert!(screen.contains("\"verdict\":\"right\"") && screen.contains("code 0"), "{screen}");
    assert!(!screen.contains(&codes[0]), "{screen}");
}

/// Proves a secret of `in.csv` for a ledger, with codes of [`KEY`].
fn prove(bench: &Bench, user: &str, ledger: &str) -> Done {
    within_a_step(|| {
        let mut command = binary();
        command.current_dir(bench.folder.path());
        command.args(["check", "in.csv", "--prove", user, "--ledger", ledger]);
        answer(&mut command, &App::new(KEY).codes(0))
    })
}

/// Number of times that an import advises to prove a secret.
fn hint(done: &Done) -> usize {
    done.stderr.matches("first prove the secret").count()
}

#[test]
fn import_asks_for_a_proof_until_its_ledger_holds_one() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", csv());
    let again = |more: &[&str]| run(bench.import("in.csv").args(more));
    // Each time with somebody new: where there is nothing to send, a proof would change nothing.
    let people = Cell::new(0);
    let import = |more: &[&str]| {
        people.set(people.get() + 1);
        let row = |number| format!("auth0|new{number},phone,,+1415555{:04},\n", 100 + number);
        let new = (0..people.get()).map(row).collect::<Vec<_>>().concat();
        bench.write("in.csv", format!("{}{new}", csv()));
        again(more)
    };
    let done = import(&["--secret-encoding", "hex"]);
    assert_eq!(hint(&done), 1, "{done:?}");
    assert_eq!(hint(&again(&["--secret-encoding", "hex"])), 0);
    let ledger = "in.csv.ledger";
    // The ledger was not there before.
    let command =
        "mfaferry check in.csv --secret-encoding hex --prove USER_ID --ledger in.csv.ledger\n";
    assert!(done.stderr.contains(command), "{done:?}");
    assert!(!done.stdout.contains("prove"), "{done:?}");
    assert_eq!(hint(&import(&["-q"])), 0);
    assert!(import(&[]).stderr.contains(&format!("--prove USER_ID --ledger {ledger}\n")));
    assert_eq!(prove(&bench, "auth0|hex", ledger).code, Some(4));
    assert_eq!(hint(&import(&[])), 1, "what is not right is no proof");
    let before = bench.rows(ledger);
    assert_eq!(prove(&bench, "auth0|base32", ledger).code, Some(0));
    assert_eq!(bench.rows(ledger), before);
    let done = import(&[]);
    assert_eq!(hint(&done), 0, "{done:?}");
    // Another input without a TOTP needs none.
    bench.write("phones.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550123\n");
    let done = run(bench.import("phones.csv").args(["--new-ledger"]));
    assert_eq!(hint(&done), 0, "{done:?}");
    let samples = samples().join("sources/keycloak.json");
    let samples = samples.to_str().unwrap();
    let mut command = bench.command("import");
    let from = ["--from", "keycloak", "--user-id", "auth0|{id}", "--ledger", "k.ledger"];
    let done = run(command.arg(samples).args(from));
    let said = format!(
        "check {samples} --from keycloak --user-id 'auth0|{{id}}' --prove USER_ID --ledger k.ledger\n"
    );
    assert!(done.stderr.contains(&said), "{done:?}");
}

#[test]
fn a_proof_counts_only_for_its_own_user_secret_and_reading() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", csv());
    let ledger = "in.csv.ledger";
    run(&mut bench.import("in.csv"));
    assert_eq!(prove(&bench, "auth0|base32", ledger).code, Some(0));
    assert_eq!(hint(&run(&mut bench.import("in.csv"))), 0);
    // Read so, there is another secret to send.
    assert_eq!(hint(&run(bench.import("in.csv").args(["--secret-encoding", "hex"]))), 1);
    let other = BASE32.encode(b"another key of ours!");
    for (user, secret, is_proved) in [
        ("auth0|base32", BASE32.encode(KEY), true),
        ("auth0|base32", other, false),
        ("auth0|other", BASE32.encode(KEY), false),
    ] {
        let header = "user_id,type,totp_secret\n";
        bench.write("other.csv", format!("{header}auth0|x,phone,\n{user},totp,{secret}\n"));
        let done = run(bench.import("other.csv").args(["--ledger", ledger]));
        assert_eq!(hint(&done), usize::from(!is_proved), "{user}: {done:?}");
    }
    // Whoever is proved need not be one of the first users.
    let rows = |ids: &[&str]| {
        let row = |id: &&str| format!("{id},totp,{}\n", BASE32.encode(KEY));
        ids.iter().map(row).collect::<String>()
    };
    for (ids, is_proved) in [(["auth0|a", "auth0|base32"], true), (["auth0|c", "auth0|b"], false)] {
        bench.write("other.csv", format!("user_id,type,totp_secret\n{}", rows(&ids)));
        let flags = ["--ledger", ledger, "--max-users", "1"];
        let done = run(bench.import("other.csv").args(flags));
        assert_eq!(hint(&done), usize::from(!is_proved), "{ids:?}: {done:?}");
    }
}

#[test]
fn import_from_a_pipe_asks_for_a_proof_at_its_first_totp_until_its_ledger_holds_one() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", csv());
    let import = |text: &str| {
        let mut command = bench.import("-");
        let flags = ["--format", "csv", "--secret-encoding", "hex", "--ledger", "p.ledger"];
        let done = answer(command.args(flags), &[text.to_owned()]);
        (done.stderr.matches("prove one secret, of a user").count(), done)
    };
    let phones = "user_id,type,phone_number\nauth0|1,phone,+14155550123";
    assert_eq!(import(phones).0, 0);
    let (count, done) = import(&csv());
    assert_eq!(count, 1, "{done:?}");
    let command = "check - --format csv --secret-encoding hex --prove USER_ID --ledger p.ledger\n";
    assert!(done.stderr.contains(command), "{done:?}");
    let done = within_a_step(|| {
        let mut command = binary();
        command.current_dir(bench.folder.path());
        command.args(["check", "in.csv", "--secret-encoding", "hex", "--prove", "auth0|hex"]);
        answer(command.args(["--ledger", "p.ledger"]), &App::new(KEY).codes(0)[..1])
    });
    assert_eq!(done.code, Some(0), "{done:?}");
    let (count, done) = import(&csv());
    assert_eq!(count, 0, "{done:?}");
}
