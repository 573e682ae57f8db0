//! A folder that somebody else wrote: its settings file must not send anything anywhere, nor stop
//! the program for ever. And what the program says of where its settings come from.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, chown, lchown, symlink},
    process::Command,
};

use mfaferry::sandbox::Settings;

use crate::support::{Bench, around, binary, factors, run, run_bounded};

/// Nobody is it.
const STRANGER: Option<u32> = Some(54_321);

/// Puts a settings file there.
type Prepare<'a> = &'a dyn Fn(&Bench);

/// Flags, environment and settings file; and what is said of who asks, or why nobody does.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str, Result<&'a str, &'a str>);

/// A tenant that knows one client only, and one ready token.
fn bench() -> Bench {
    let bench = Bench::new(Settings {
        client_id: Some("tester".into()),
        client_secret: Some("CANARYclientsecret".into()),
        static_tokens: vec!["ready".into()],
        ..Settings::default()
    });
    bench.write("in.csv", factors(3).0);
    bench
}

/// Returns true if only root can do it and we are not root; says so.
fn is_not_root(what: &str) -> bool {
    let skipped = !rustix::process::geteuid().is_root();
    if skipped {
        println!("skipped, since only root can: {what}");
    }
    skipped
}

pub(crate) fn make_pipe(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_file_that_is_only_found_may_not_say_where_credentials_are_sent() {
    let bench = bench();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let there = format!("http://{}", listener.local_addr().unwrap());
    fs::write(bench.path("key"), "CANARYkey").unwrap();
    for text in [
        format!("rate = 5\nbase_url = \"{there}\"\n"),
        format!("rate = 5\n\"base-url\" = \"{there}\"\n"),
        format!("rate = 5\ndomain = \"localhost\"\nbase_url = \"{there}\"\n"),
        format!("rate = 5\naudience = \"{there}\"\n"),
        format!("rate = 5\nhttps_proxy = \"{there}\"\n"),
        format!("rate = 5\nproxy = \"{there}\"\n"),
        "rate = 5\nclient_secret_file = \"key\"\n".into(),
        "rate = 5\ntoken_file = \"key\"\n".into(),
        "rate = 5\nclient_key_file = \"key\"\n".into(),
        "rate = 5\nclient_secret = \"CANARYkey\"\n".into(),
        format!("rate = 5\n[tenant.mine]\nbase_url = \"{there}\"\n"),
        format!("rate = 5\ntenant.mine.base_url = \"{there}\"\n"),
    ] {
        bench.write("mfaferry.toml", &text);
        for name in ["import", "verify", "export"] {
            let mut command = binary();
            command.current_dir(bench.folder.path()).args([name, "in.csv", "--timeout=1s"]);
            command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYsecret");
            let done = run_bounded(&mut command);
            assert_eq!(done.code, Some(3), "{text}: {done:?}");
            assert!(done.stderr.contains("--config ./mfaferry.toml"), "{text}: {done:?}");
            assert!(done.stderr.contains("`mfaferry.toml` line "), "{text}: {done:?}");
            assert!(!done.stderr.contains("CANARY"), "{done:?}");
        }
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it was asked");
    // The same file is good when the user says so.
    let text = format!("base_url = \"{}\"\n", bench.tenant().base_url());
    bench.write("mfaferry.toml", text);
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(["import", "in.csv", "--config=mfaferry.toml"]);
    command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
    let done = run(&mut command);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(bench.tenant().stats().created, 3);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of files and owners")]
fn a_file_that_is_only_found_is_read_if_nobody_else_can_have_written_it() {
    let text = "ledger = \"from-file\"\n";
    let mode = |bench: &Bench, mode| {
        bench.write("mfaferry.toml", "ledger = \"from-file\"\n");
        let path = bench.path("mfaferry.toml");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let link = |bench: &Bench, to: &str| symlink(to, bench.path("mfaferry.toml")).unwrap();
    let cases: [(&str, bool, Prepare<'_>); 16] = [
        ("plain", true, &|bench| mode(bench, 0o644)),
        ("private", true, &|bench| mode(bench, 0o400)),
        ("a link to a plain file", true, &|bench| {
            bench.write("other", text);
            link(bench, "other");
        }),
        ("writable by the group", false, &|bench| mode(bench, 0o664)),
        ("writable by all", false, &|bench| mode(bench, 0o646)),
        ("a link to a writable file", false, &|bench| {
            mode(bench, 0o666);
            fs::rename(bench.path("mfaferry.toml"), bench.path("other")).unwrap();
            link(bench, "other");
        }),
        ("a hard link", false, &|bench| {
            mode(bench, 0o644);
            fs::hard_link(bench.path("mfaferry.toml"), bench.path("other")).unwrap();
        }),
        ("a pipe", false, &|bench| make_pipe(&bench.path("mfaferry.toml"))),
        ("a folder", false, &|bench| fs::create_dir(bench.path("mfaferry.toml")).unwrap()),
        ("a link to a device", false, &|bench| link(bench, "/dev/zero")),
        ("a link to a pipe", false, &|bench| {
            make_pipe(&bench.path("pipe"));
            link(bench, "pipe");
        }),
        ("a link to itself", false, &|bench| link(bench, "mfaferry.toml")),
        ("too long", false, &|bench| {
            bench.write("mfaferry.toml", format!("{text}#{}", "x".repeat(65_536)));
        }),
        ("no text", false, &|bench| {
            bench.write("mfaferry.toml", b"ledger = \"\xff\"");
        }),
        ("a stranger's", false, &|bench| {
            mode(bench, 0o644);
            chown(bench.path("mfaferry.toml"), STRANGER, None).unwrap();
        }),
        ("a stranger's link", false, &|bench| {
            bench.write("other", text);
            link(bench, "other");
            lchown(bench.path("mfaferry.toml"), STRANGER, None).unwrap();
        }),
    ];
    for (name, good, prepare) in cases {
        if name.contains("stranger") && is_not_root(name) {
            continue;
        }
        let bench = bench();
        prepare(&bench);
        let done = run_bounded(&mut bench.import("in.csv"));
        if good {
            assert_eq!(done.code, Some(0), "{name}: {done:?}");
            assert_eq!(done.summary()["ledger"], "from-file", "{name}");
            assert!(done.stderr.lines().next().unwrap().ends_with("settings mfaferry.toml"));
        } else {
            assert_eq!(done.code, Some(3), "{name}: {done:?}");
            assert!(done.stderr.starts_with("error: `mfaferry.toml`"), "{name}: {done:?}");
            assert_eq!(bench.tenant().stats().created, 0, "{name}");
        }
    }
}

#[test]
fn a_file_that_is_named_may_be_a_pipe_and_ends() {
    let bench = bench();
    let piped = "exec \"$0\" \"$@\" --config <(sleep 0.1; echo 'ledger = \"piped\"')";
    let done = run_bounded(&mut around("bash", &["-c", piped], &bench.import("in.csv")));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.summary()["ledger"], "piped");

    make_pipe(&bench.path("pipe"));
    bench.write("long", format!("#{}", "x".repeat(65_536)));
    for bad in ["/dev/zero", "/dev/null", "pipe", "long", ".", "absent"] {
        let done = run_bounded(bench.import("in.csv").args(["--config", bad]));
        assert_eq!(done.code, Some(3), "{bad}: {done:?}");
        assert!(done.stderr.starts_with(&format!("error: `{bad}`")), "{bad}: {done:?}");
    }

    bench.write("open.toml", "ledger = \"open\"\n");
    let open = fs::Permissions::from_mode(0o666);
    fs::set_permissions(bench.path("open.toml"), open).unwrap();
    let done = run(bench.import("in.csv").args(["--config", "open.toml"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("other users can change the settings file `open.toml`"),
        "{done:?}"
    );
}

#[test]
fn an_unknown_key_or_variable_is_named_with_the_nearest() {
    let bench = bench();
    for (text, line, key, near) in [
        ("\n\nrat = 5\n", 3, "`rat`", "`rate`"),
        ("rate = 5\nmax_error = 5\n", 2, "`max_error`", "`max_errors`"),
        // As the environment and Terraform's provider call them.
        (
            "client_assertion_signing_alg = 5\n",
            1,
            "unknown key",
            "did you mean `client_signing_alg`",
        ),
        ("client_assertion_private_key = 5\n", 1, "unknown key", "did you mean `client_key_file`"),
        ("AUTH0_DOMAIN = 5\n", 1, "unknown key", "did you mean `domain`"),
        ("api_token = 5\n", 1, "`api_token`", "did you mean `token_file`"),
        ("rate = 5\n\"mäx\" = 5\n", 2, "unknown key", "known are: "),
        ("rate = 5\n[Tenant.a]\nrate = 5\n", 2, "unknown key", "such as `[tenant.acme]`"),
        ("[profile.a]\nrate = 5\n", 1, "`profile`", "such as `[tenant.acme]`"),
        ("[rate]\nx = 1\n", 1, "`rate`", "command line"),
        ("rate = 5\nburst = 1\n\"max-errors\" = 1\nmax_errors = 2\n", 4, "twice", "one of them"),
    ] {
        bench.write("some.toml", text);
        let done = run(bench.import("in.csv").args(["--config", "some.toml"]));
        let code = if text.starts_with("[rate") { 3 } else { 2 };
        assert_eq!(done.code, Some(code), "{text}: {done:?}");
        for word in [&format!("`some.toml` line {line}"), key, near] {
            assert!(done.stderr.contains(word), "{text}: {word}: {done:?}");
        }
    }
    let done = run(bench.import("in.csv").env("MFAFERRY_RATES", "5"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("MFAFERRY_RATES is not a setting: did you mean MFAFERRY_RATE?"),
        "{done:?}"
    );
    let done = run(bench.import("in.csv").arg("-q").env("MFAFERRY_RATES", "5"));
    assert!(done.stderr.is_empty(), "{done:?}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of places")]
fn credentials_of_one_place_are_used_together() {
    let bench = bench();
    bench.write("bad", "bad");
    bench.write("good", "CANARYclientsecret");
    bench.write("token", "ready");
    let (id, secret, token) = ("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_API_TOKEN");
    let right = "CANARYclientsecret";
    let both = [(id, "tester"), (secret, right)];
    let cases: [Case<'_>; 12] = [
        // A file's token or pair does not beat the environment's.
        (&[], &both, "token_file = \"bad\"", Ok("client test… (AUTH0_CLIENT_ID)")),
        (&[], &both, "client_id = \"x\"\nclient_secret_file = \"bad\"", Ok("(AUTH0_CLIENT_ID)")),
        (
            &[],
            &[(token, "ready")],
            "client_id = \"x\"\nclient_secret_file = \"bad\"",
            Ok("token (AUTH0_API_TOKEN)"),
        ),
        (&[], &[], "token_file = \"token\"", Ok("token (some.toml)")),
        (
            &[],
            &[],
            "client_id = \"tester\"\nclient_secret_file = \"good\"",
            Ok("client test… (some.toml)"),
        ),
        // Nor does the environment's beat a flag's.
        (
            &["--token-file=token"],
            &[(id, "tester"), (secret, "bad")],
            "",
            Ok("token (--token-file)"),
        ),
        (
            &["--client-secret-file=good"],
            &[(id, "tester"), (token, "bad")],
            "",
            Ok("client test… (AUTH0_CLIENT_ID, secret --client-secret-file)"),
        ),
        (
            &["--client-id=tester"],
            &[(secret, right), (token, "bad")],
            "",
            Ok("client test… (--client-id, secret AUTH0_CLIENT_SECRET)"),
        ),
        // A secret without an id of its own is not silent about whose it takes.
        (
            &[],
            &[(secret, right)],
            "client_id = \"tester\"",
            Ok("client test… (some.toml, secret AUTH0_CLIENT_SECRET)"),
        ),
        // Two clients are one too many.
        (
            &["--client-id=other"],
            &both,
            "",
            Err("--client-id names another client than AUTH0_CLIENT_ID"),
        ),
        (
            &[],
            &[(id, "other")],
            "client_id = \"tester\"\nclient_secret_file = \"good\"",
            Err("AUTH0_CLIENT_ID names another client than some.toml"),
        ),
        (&[], &[(id, "tester")], "", Err("the client secret is missing")),
    ];
    for (number, (flags, environment, file, expected)) in cases.into_iter().enumerate() {
        bench.write("some.toml", file);
        let mut command = bench.import("in.csv");
        command.env_remove(id).env_remove(secret).envs(environment.iter().copied());
        command.args(flags).args([
            "--timeout=20s",
            "--config=some.toml",
            &format!("--ledger=ledger{number}"),
        ]);
        let done = run(&mut command);
        let (Ok(text) | Err(text)) = expected;
        assert_eq!(done.code, Some(if expected.is_ok() { 0 } else { 3 }), "{number}: {done:?}");
        assert!(done.stderr.contains(text), "{number}: {text}: {done:?}");
        assert!(!done.stderr.contains("CANARY"), "{number}: {done:?}");
    }
}

#[test]
fn every_command_says_first_which_tenant_it_talks_to() {
    let bench = bench();
    let tenant = format!(
        "tenant {} (--base-url) · client test… (AUTH0_CLIENT_ID)",
        bench.tenant().base_url()
    );
    bench.write("methods.csv", "user_id,authentication_method_id,name\n");
    bench.write("mfaferry.toml", "rate = 100\n");
    for (command, rest) in [
        (&["import", "in.csv"][..], "create, read · ledger in.csv.ledger (new)"),
        (&["import", "in.csv"], "create, read · ledger in.csv.ledger"),
        (&["verify", "in.csv"], "read"),
        (&["export", "in.csv", "--ledger=e", "--out=o"], "read · ledger e (new)"),
        (&["replace", "in.csv", "--ledger=r"], "read, update · ledger r (new)"),
        (&["update", "methods.csv", "--ledger=u"], "update · ledger u (new)"),
        (&["undo", "--ledger=in.csv.ledger", "--yes"], "read, delete · ledger in.csv.ledger"),
        (&["undo", "--ledger=in.csv.ledger", "--dry-run"], "read, delete · ledger in.csv.ledger"),
    ] {
        let mut run_it = bench.command(command[0]);
        let done = run(run_it.args(&command[1..]));
        assert_eq!(done.code, Some(0), "{command:?}: {done:?}");
        let line = done.stderr.lines().next().unwrap_or_default();
        assert_eq!(line, format!("{tenant} · scopes {rest} · settings mfaferry.toml"));
    }
    fs::remove_file(bench.path("mfaferry.toml")).unwrap();

    let done = run(bench.import("in.csv").args(["--log-format=json", "--log-file=log"]));
    let line: serde_json::Value =
        serde_json::from_str(done.stderr.lines().next().unwrap()).unwrap();
    let facts = &line["fields"];
    for (name, value) in [
        ("tenant", bench.tenant().base_url().into()),
        ("tenant_from", "--base-url".into()),
        ("client_id", "test…".into()),
        ("credentials_from", "AUTH0_CLIENT_ID".into()),
        ("scopes", serde_json::json!(["create", "read"])),
        ("ledger", "in.csv.ledger".into()),
        ("ledger_is_new", false.into()),
    ] {
        assert_eq!(facts[name], value, "{line}");
    }
    assert!(fs::read_to_string(bench.path("log")).unwrap().contains("tenant http://"));

    let done = run(bench.import("in.csv").arg("-q"));
    assert!(done.stderr.is_empty(), "{done:?}");
    let mut command = binary();
    let done =
        run(command.current_dir(bench.folder.path()).args(["import", "in.csv", "--sandbox"]));
    assert!(done.stderr.starts_with("tenant sandbox (--sandbox) · scopes create, read · ledger /"));
}

#[test]
fn the_sandbox_answers_to_loopback_names_only() {
    let bench = bench();
    let port = bench.tenant().addr().port();
    for (host, status) in [
        ("localhost", 200),
        (&*format!("127.0.0.1:{port}"), 200),
        ("[::1]:1", 200),
        ("evil.example", 421),
        (&*format!("evil.example:{port}"), 421),
        ("127.0.0.1.evil.example", 421),
    ] {
        for path in ["/_sandbox/state", "/_sandbox/stats"] {
            let mut stream = TcpStream::connect(bench.tenant().addr()).unwrap();
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_else_of_the_same_user_may_look_into_our_memory() {
    use std::os::unix::fs::MetadataExt;
    let mut command = binary();
    command.args(["sandbox"]);
    // Root owns its processes' files either way: only another user's show it.
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        let reuid = STRANGER.unwrap().to_string();
        around("setpriv", &["--reuid", &reuid, "--clear-groups"], &command)
    } else {
        command
    };
    let Ok(mut child) = command.stdout(std::process::Stdio::piped()).spawn() else {
        println!("skipped: there is no setpriv");
        return;
    };
    let mut first = [0; 9];
    let said = child.stdout.as_mut().unwrap().read_exact(&mut first);
    if said.is_err() {
        child.wait().unwrap();
        println!("skipped: another user may not run it here");
        return;
    }
    let owner = fs::metadata(format!("/proc/{}/environ", child.id())).unwrap().uid();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(owner, 0, "the kernel gives root what belongs to a process that is not dumpable");
}
