//! `--metrics-file`: what a monitoring system gets to see of a run, from its start to whatever end.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread::ScopedJoinHandle,
};

use mfaferry::sandbox::{Limit, Settings};

use crate::resolve::{person, realm};
use crate::support::{
    Bench, Done, binary, factors, read, run, run_bounded, samples, side_by_side, signal, spawn,
    until,
};

/// The samples of a text by name, and by the value of the label that they have besides `command`
/// and `tenant`; all of them of the same command and tenant.
#[derive(Debug, Default)]
struct Metrics {
    of: String,
    samples: BTreeMap<(String, String), f64>,
}

impl Metrics {
    /// Reads a text as strictly as it was written.
    fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        let mut family = ("", "");
        let mut seen = Vec::new();
        assert!(text.ends_with('\n'), "half a text: {text}");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(!help.is_empty() && !seen.contains(&name), "{line}");
                seen.push(name);
                family = (name, "");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, family.0);
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(kind == "counter" || kind == "gauge", "{line}");
                family.1 = kind;
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = sample.split_once('{').unwrap();
                assert_eq!((name, family.1.is_empty()), (family.0, false), "{line}");
                let labels = labels.strip_suffix("\"}").unwrap();
                let labels: Vec<_> = labels.split("\",").collect();
                let [command, tenant, more @ ..] = &labels[..] else { panic!("{line}") };
                assert!(command.starts_with("command=\"") && tenant.starts_with("tenant=\""));
                let of = format!("{command}\",{tenant}");
                assert!(metrics.of.is_empty() || metrics.of == of, "{line}");
                metrics.of = of;
                let more = more.first().map_or("", |label| label.split_once("=\"").unwrap().1);
                let key = (name.trim_start_matches("mfaferry_").to_owned(), more.to_owned());
                assert!(metrics.samples.insert(key, value.parse().unwrap()).is_none(), "{line}");
            }
        }
        check_by_promtool(text);
        metrics
    }

    fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).unwrap())
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.of(name, "")
    }

    fn of(&self, name: &str, label: &str) -> Option<f64> {
        self.samples.get(&(name.to_owned(), label.to_owned())).copied()
    }

    /// The samples of a name by their label.
    fn each(&self, name: &str) -> BTreeMap<&str, f64> {
        let samples = self.samples.iter().filter(|((of, _), _)| of == name);
        samples.map(|((_, label), value)| (label.as_str(), *value)).collect()
    }

    /// All samples of a name together, if there are any.
    fn sum(&self, name: &str) -> Option<f64> {
        let each = self.each(name);
        (!each.is_empty()).then(|| each.values().sum())
    }
}

/// Prometheus' own opinion, where it is installed.
fn check_by_promtool(text: &str) {
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut tool) = tool.stderr(Stdio::piped()).spawn() else { return };
    std::io::Write::write_all(&mut tool.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let told = tool.wait_with_output().unwrap();
    assert!(told.status.success() && told.stdout.is_empty(), "{:?}\n{text}", read(&told));
}

fn slow() -> Settings {
    Settings { limit: Limit::TokenBucket { rate: 100.0, burst: 10 }, ..Settings::default() }
}

/// Returns the names in the folder that are not among the `known` ones.
fn others(bench: &Bench, known: &[&str]) -> Vec<String> {
    let names = fs::read_dir(bench.folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !known.contains(&name.as_str())).collect()
}

#[test]
fn a_run_is_in_the_file_from_its_start_to_its_end() {
    let bench = Bench::new(slow());
    let (csv, ..) = factors(300);
    bench.write("in.csv", csv + "auth0|1,phone,,12,\nauth0|user0,phone,,+14155000000,\n");
    let path = bench.path("m.prom");
    let mut child = spawn(bench.import("in.csv").args(["--metrics-file", "m.prom"]));
    // The first look at the run.
    until("there are rows", || path.exists() && !Metrics::read(&path).each("rows").is_empty());
    let during = Metrics::read(&path);
    let tenant = bench.tenant().base_url();
    assert_eq!(during.of, format!("command=\"import\",tenant=\"{tenant}"));
    assert_eq!(during.of("info", env!("CARGO_PKG_VERSION")), Some(1.0));
    let left = during.get("rows_left").unwrap();
    assert!((left + during.sum("rows").unwrap() - 302.0).abs() < 0.1 && left > 100.0, "{during:?}");
    for absent in ["run_end_timestamp_seconds", "run_exit_code", "last_success_timestamp_seconds"] {
        assert_eq!(during.get(absent), None, "{absent}");
    }
    let done = read(&{
        until("the run ends", || child.try_wait().unwrap().is_some());
        child.wait_with_output().unwrap()
    });
    // What reads the ledger leaves nothing beside it.
    let left = others(&bench, &["in.csv", "m.prom", "in.csv.ledger", "in.csv.ledger-seal"]);
    assert_eq!(left, Vec::<String>::new());
    let (summary, after) = (done.summary(), Metrics::read(&path));
    assert_eq!((done.code, after.get("run_exit_code")), (Some(4), Some(4.0)), "{done:?}");
    for (state, rows) in after.each("rows") {
        assert_eq!(summary[state].as_f64(), Some(rows), "{state}");
    }
    assert_eq!(after.sum("rows"), Some(302.0));
    assert_eq!(after.sum("requests_total"), summary["requests"].as_f64());
    assert_eq!(after.get("throttled_total"), summary["throttled"].as_f64());
    for (reason, held) in after.each("held_seconds_total") {
        let told = summary[format!("held_by_{reason}_seconds")].as_f64().unwrap();
        assert!((told - held).abs() < 0.5, "{reason}: {held} {summary}");
    }
    for (state, rows) in bench.states("in.csv.ledger") {
        #[expect(clippy::cast_precision_loss, reason = "a few rows")]
        let rows = rows as f64;
        assert_eq!(after.of("ledger_rows", &state), Some(rows), "{state}");
    }
    assert_eq!(after.sum("ledger_rows"), Some(301.0));
    let times = ["run_start", "progress", "run_end"]
        .map(|name| after.get(&format!("{name}_timestamp_seconds")).unwrap());
    assert!(times.is_sorted() && times[2] - times[0] < 120.0, "{times:?}");
    assert_eq!((after.get("rows_left"), after.get("in_doubt")), (Some(0.0), Some(0.0)));
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("auth0|") && !text.contains("1415"), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn what_a_killed_run_has_written_stays_and_the_next_goes_on_from_there() {
    let bench = Bench::new(slow());
    bench.write("in.csv", factors(200).0);
    let path = bench.path("m.prom");
    let import = || {
        let mut import = bench.import("in.csv");
        import.args(["--metrics-file", "m.prom"]);
        import
    };
    let mut child = spawn(&mut import());
    until("there are rows", || path.exists() && !Metrics::read(&path).each("rows").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = Metrics::read(&path);
    assert_eq!(killed.get("run_end_timestamp_seconds"), None, "{killed:?}");
    assert!(killed.get("rows_left").unwrap() > 0.0, "{killed:?}");
    bench.quiet();
    let mut child = spawn(&mut import());
    until("it goes on", || {
        let now = Metrics::read(&path);
        now.get("run_start_timestamp_seconds") > killed.get("run_start_timestamp_seconds")
            && !now.each("rows").is_empty()
    });
    signal(&child, "-TERM");
    until("it stops", || child.try_wait().unwrap().is_some());
    let stopped = Metrics::read(&path);
    assert_eq!(stopped.get("run_exit_code"), Some(5.0), "{stopped:?}");
    assert_eq!(stopped.get("last_success_timestamp_seconds"), None);
    assert_eq!(run_bounded(&mut import()).code, Some(0));
    let done = Metrics::read(&path);
    assert_eq!(done.of("ledger_rows", "created"), Some(200.0));
    let success = done.get("last_success_timestamp_seconds");
    assert_eq!(success, done.get("run_end_timestamp_seconds"));
    // A run with bad rows is none, also where only the ledger tells of those before.
    bench.write("in.csv", factors(200).0 + "auth0|1,phone,,12,\n");
    for file in ["m.prom", "second.prom", "third.prom"] {
        let failed = run(import().args(["--metrics-file", file]));
        assert_eq!(failed.code, Some(4), "{failed:?}");
        let last = Metrics::read(&bench.path(file)).get("last_success_timestamp_seconds");
        // The end of the run and that of the command are no more than moments apart.
        assert!(last > Some(success.unwrap() - 1.0) && last <= success, "{file} {last:?}");
    }
    // A ledger of the version before does not say it.
    let ledger = rusqlite::Connection::open(bench.path("in.csv.ledger")).unwrap();
    assert_eq!(ledger.execute("DELETE FROM meta WHERE key GLOB 'bad:*'", []).unwrap(), 3);
    drop(ledger);
    assert_eq!(run(import().args(["--metrics-file", "fourth.prom"])).code, Some(4));
    let last = Metrics::read(&bench.path("fourth.prom")).get("last_success_timestamp_seconds");
    assert!(last > success, "{last:?} {success:?}");
}

/// Far more is read ahead than is asked for: what is left is counted, and only ever becomes less.
#[test]
fn the_rows_that_verify_has_left_never_grow() {
    let bench = Bench::new(Settings { latency_ms: (40, 40), ..Settings::default() });
    bench.write(
        "in.csv",
        factors(300).0 + "auth0|user0,phone,,12,\nauth0|user0,phone,,+14155000000,\n",
    );
    let cases = [
        (&[][..], Some(302.0)),
        (&["--max-users", "60"], Some(182.0)),
        (&["--sample", "40%", "--seed", "7"], None),
    ];
    side_by_side(&cases, |(more, all)| {
        let path = bench.path(&format!("{}.prom", more.len()));
        let mut verify = bench.command("verify");
        verify.args(["in.csv", "--concurrency", "4", "--metrics-file"]).arg(&path).args(more);
        let mut child = spawn(&mut verify);
        until("there are rows", || {
            path.exists() && Metrics::read(&path).get("rows_left").is_some()
        });
        let first = Metrics::read(&path);
        until("it ends", || child.try_wait().unwrap().is_some());
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(4), "{done:?}");
        let last = Metrics::read(&path);
        let work = last.sum("rows").unwrap() - last.of("rows", "not_sampled").unwrap();
        let left = first.get("rows_left").unwrap();
        assert!(all.is_none_or(|all| (work - all).abs() < 0.5), "{more:?} {work}");
        let settled = first.sum("rows").unwrap() - first.of("rows", "not_sampled").unwrap();
        assert!((left + settled - work).abs() < 0.5, "{more:?} {left} {settled} {work}");
        assert_eq!(last.get("rows_left"), Some(0.0), "{more:?} {last:?}");
    });
}

#[test]
fn every_command_that_talks_keeps_the_file_and_no_other_takes_the_flag() {
    let bench = Bench::of(Settings::default());
    bench.write("in.csv", factors(6).0);
    bench.write("users.csv", "user_id\nauth0|user0\n");
    bench.write("none.csv", "user_id,authentication_method_id\nauth0|user0,totp|dev_none\n");
    bench.write(
        "names.csv",
        "user_id,authentication_method_id,name\nauth0|user0,phone|dev_none,x\n",
    );
    bench.write("set.csv", "user_id,type,phone_number\nauth0|set,phone,+14155550111\n");
    bench.write("realm.json", realm(&[person("1", Some("ann@example.com"), true)]));
    for (arguments, code, rows) in [
        (&["preflight", "in.csv"][..], 0, None),
        (&["import", "in.csv"], 0, Some(6.0)),
        (&["verify", "in.csv"], 0, Some(6.0)),
        (&["resolve", "realm.json", "--from", "keycloak", "--out", "map.csv"], 0, Some(1.0)),
        (&["export", "users.csv", "--out", "out.jsonl"], 0, Some(1.0)),
        (&["replace", "set.csv"], 0, Some(1.0)),
        (&["update", "names.csv"], 4, Some(1.0)),
        (&["delete", "none.csv", "--yes"], 0, Some(1.0)),
        (&["undo", "--ledger", "in.csv.ledger", "--dry-run"], 0, Some(6.0)),
        (&["undo", "--ledger", "in.csv.ledger", "--yes"], 0, Some(6.0)),
    ] {
        let mut command = bench.command(arguments[0]);
        let done = run(command.args(&arguments[1..]).args(["--metrics-file", "m.prom"]));
        assert_eq!(done.code, Some(code), "{arguments:?} {done:?}");
        let metrics = Metrics::read(&bench.path("m.prom"));
        assert!(metrics.of.starts_with(&format!("command=\"{}\"", arguments[0])), "{metrics:?}");
        assert_eq!(metrics.get("run_exit_code"), Some(code.into()));
        assert_eq!(metrics.sum("rows"), rows, "{arguments:?} {metrics:?}");
        let left = Some(0.0).filter(|_| rows.is_some() && arguments[0] != "undo");
        assert_eq!(metrics.get("rows_left"), left, "{arguments:?} {metrics:?}");
        assert!(metrics.sum("requests_total") > Some(0.0), "{arguments:?}");
        let is_dry_run = arguments.contains(&"--dry-run");
        let has_success = metrics.get("last_success_timestamp_seconds").is_some();
        assert_eq!(has_success, code == 0 && !is_dry_run, "{arguments:?}");
        let has_ledger = !is_dry_run && !["preflight", "verify"].contains(&arguments[0]);
        assert_eq!(metrics.each("ledger_rows").is_empty(), !has_ledger, "{arguments:?}");
    }
    for arguments in [&["check", "in.csv"][..], &["report", "in.csv.ledger"], &["sandbox"]] {
        let done = run(binary().args(arguments).args(["--metrics-file", "m.prom"]));
        assert_eq!(done.code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_start_that_fails_has_its_start_end_and_exit_code() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    bench.write("other.ledger", "no ledger at all\n");
    bench.write("bad.csv", "user_id,colour\nauth0|1,red\n");
    let good = run(bench.import("in.csv").args(["--metrics-file", "m.prom"]));
    assert_eq!(good.code, Some(0), "{good:?}");
    let success = Metrics::read(&bench.path("m.prom")).get("last_success_timestamp_seconds");
    let without = |name: &str| {
        let mut import = bench.import("in.csv");
        import.env_remove(name);
        import
    };
    for (mut command, code) in [
        (bench.import("missing.csv"), 2),
        (bench.import("bad.csv"), 2),
        (without("AUTH0_CLIENT_SECRET"), 3),
        (bench.import("in.csv"), 6),
    ] {
        if code == 6 {
            command.args(["--ledger", "other.ledger"]);
        }
        let done = run(command.args(["--metrics-file", "m.prom"]));
        assert_eq!(done.code, Some(code), "{done:?}");
        let metrics = Metrics::read(&bench.path("m.prom"));
        assert_eq!(metrics.get("run_exit_code"), Some(code.into()));
        assert!(
            metrics.get("run_end_timestamp_seconds") >= metrics.get("run_start_timestamp_seconds")
        );
        assert_eq!(metrics.get("last_success_timestamp_seconds"), success, "{code}");
        assert!(metrics.each("rows").is_empty(), "{metrics:?}");
    }
}

/// Returns paths at which no metrics file can be, or something else is.
fn obstacles(bench: &Bench) -> Vec<(&'static str, &'static str)> {
    fs::create_dir(bench.path("folder")).unwrap();
    bench.write("precious.csv", "user_id\n");
    std::os::unix::fs::symlink(bench.path("precious.csv"), bench.path("link")).unwrap();
    assert!(Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
    vec![
        ("nowhere/m.prom", "No such file or directory (os error 2)\n"),
        ("folder", "it is not a regular file"),
        ("precious.csv", "it is there, and is no metrics file"),
        ("link", "it is a symbolic link"),
        ("pipe", "it is not a regular file"),
        ("/proc/m.prom", "No such file"),
        ("in.csv/m.prom", "Not a directory"),
    ]
}

/// Alerts may ask only for what is written.
#[test]
fn the_alerts_of_the_samples_are_rules_about_metrics_that_there_are() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    assert_eq!(run(bench.import("in.csv").args(["--metrics-file", "m.prom"])).code, Some(0));
    let written = Metrics::read(&bench.path("m.prom"));
    let alerts = samples().join("deploy/alerts.yml");
    let text = fs::read_to_string(&alerts).unwrap();
    let names: Vec<_> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter_map(|word| word.strip_prefix("mfaferry_"))
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    for name in names {
        assert!(!written.each(name).is_empty(), "{name}");
    }
    assert!(written.of("ledger_rows", "needs_review").is_some());
    if let Ok(told) = Command::new("promtool").args(["check", "rules"]).arg(&alerts).output() {
        assert!(told.status.success(), "{:?}", read(&told));
        bench.write("alerts.test.yml", alerts_test(&alerts));
        let mut promtool = Command::new("promtool");
        let told = promtool.args(["test", "rules"]).arg(bench.path("alerts.test.yml")).output();
        let told = told.unwrap();
        assert!(told.status.success(), "{:?}", read(&told));
    }
}

/// Times at which an alert fires, and does not: of a job that fails every night, of one that has
/// succeeded once, and of one that does so each night.
fn alerts_test(alerts: &Path) -> String {
    let mut series = String::new();
    for (job, last_success) in [
        ("never", None),
        ("once", Some("3600x120")),
        ("nightly", Some("3600x23 90000x23 176400x23 262800x23 349200x23")),
    ] {
        let mut add = |name: &str, values: &str| {
            series += &format!(
                "      - series: 'mfaferry_{name}_timestamp_seconds{{command=\"import\",\
                 tenant=\"{job}\"}}'\n        values: '{values}'\n"
            );
        };
        add("run_start", "0x23 86400x23 172800x23 259200x23 345600x23");
        if let Some(values) = last_success {
            add("last_success", values);
        }
    }
    let fired = |hours: u32, jobs: &[&str]| {
        let of = |job: &&str| format!("{{labels: '{{tenant=\"{job}\"}}', value: 1}}");
        let alerts = jobs.iter().map(of).collect::<Vec<_>>().join(", ");
        format!(
            "      - eval_time: {hours}h\n        expr: 'count by (tenant) (ALERTS{{\
             alertname=\"MfaferryNoSuccess\",alertstate=\"firing\"}})'\n        \
             exp_samples: [{alerts}]\n"
        )
    };
    format!(
        "rule_files: [{}]\nevaluation_interval: 1h\ntests:\n  - interval: 1h\n    input_series:\n\
         {series}    promql_expr_test:\n{}{}{}",
        alerts.display(),
        fired(25, &[]),
        fired(26, &["never"]),
        fired(60, &["never", "once"]),
    )
}

#[test]
fn a_file_that_cannot_be_written_is_told_once_and_stops_nothing() {
    let bench = Bench::new(Settings::default());
    let obstacles = obstacles(&bench);
    for (number, (path, expected)) in obstacles.into_iter().enumerate() {
        bench.write("in.csv", factors(3).0);
        let ledger = format!("{number}.ledger");
        let mut import = bench.import("in.csv");
        import.args(["--ledger", &ledger, "--metrics-file", path]);
        let done = run_bounded(&mut import);
        assert_eq!(done.code, Some(0), "{path} {done:?}");
        assert_eq!(done.stderr.matches("--metrics-file").count(), 1, "{path} {done:?}");
        assert!(done.stderr.contains(expected), "{path} {done:?}");
    }
    assert_eq!(fs::read_to_string(bench.path("precious.csv")).unwrap(), "user_id\n");
    let left = others(&bench, &[]);
    assert!(!left.iter().any(|name| name.starts_with(".mfaferry-new")), "{left:?}");
}

#[test]
fn the_file_is_none_that_the_command_reads_or_writes() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    let refused = |arguments: &[&str]| {
        let done: Done = run(bench.command(arguments[0]).args(&arguments[1..]));
        assert_eq!(done.code, Some(2), "{arguments:?} {done:?}");
        assert!(done.stdout.contains("--metrics-file"), "{arguments:?} {done:?}");
    };
    refused(&["import", "in.csv", "--metrics-file", "./in.csv"]);
    refused(&["import", "in.csv", "--ledger", "l", "--metrics-file", "l"]);
    refused(&["export", "in.csv", "--out", "o", "--metrics-file", "o"]);
    refused(&["delete", "in.csv", "--backup", "b", "--metrics-file", "b"]);
    refused(&["import", "in.csv", "--log-file", "g", "--metrics-file", "g"]);
    assert_eq!(others(&bench, &["in.csv"]), Vec::<String>::new());
}

/// `undo` would have its backup written over by its own numbers.
#[test]
fn the_file_is_no_file_of_the_ledger_and_not_its_backup_whatever_names_them() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    bench.write("methods.csv", "user_id,authentication_method_id\nauth0|user0,totp|dev_none\n");
    let folder = bench.path("");
    let refused = |arguments: &[&str], file: &str, setting: &str| {
        bench.write("mfaferry.toml", setting);
        let mut command = bench.command(arguments[0]);
        let done = run(command.args(&arguments[1..]).args(["--metrics-file", file]));
        assert_eq!(done.code, Some(2), "{arguments:?} {file} {setting} {done:?}");
        assert!(done.stderr.contains("--metrics-file"), "{arguments:?} {file} {done:?}");
        let left = others(&bench, &["in.csv", "methods.csv", "mfaferry.toml"]);
        assert_eq!(left, Vec::<String>::new(), "{arguments:?} {file} {setting}");
    };
    for side in ["", "-seal", "-wal", "-shm", "-journal", ".backup.jsonl"] {
        let given = format!("other.ledger{side}");
        let absolute = folder.join(&given).display().to_string();
        for (command, input) in
            [("import", "in.csv"), ("verify", "in.csv"), ("delete", "methods.csv")]
        {
            refused(&[command, input], &format!("{input}.ledger{side}"), "");
        }
        refused(&["import", "in.csv", "--ledger", "other.ledger"], &given, "");
        refused(&["undo", "--ledger", "other.ledger", "--yes"], &absolute, "");
        refused(&["import", "in.csv"], &given, "ledger = \"other.ledger\"\n");
        refused(&["undo", "--yes"], &given, "ledger = \"other.ledger\"\n");
        // Also where what else is set is wrong, which is told instead.
        bench.write("mfaferry.toml", "ledger = \"other.ledger\"\nrate = 0\n");
        let done = run(bench.import("in.csv").args(["--metrics-file", &given]));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(!bench.path(&given).exists(), "{done:?}");
    }
    // One that the settings file names is refused as one of the command line is.
    bench.write("mfaferry.toml", "metrics-file = \"out.jsonl\"\n");
    let done = run(bench.command("export").args(["in.csv", "--out", "out.jsonl"]));
    assert!(done.code == Some(2) && done.stderr.contains("--metrics-file"), "{done:?}");
}

#[test]
fn the_environment_and_the_settings_file_name_it_too() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    bench.write("mfaferry.toml", "metrics-file = \"file.prom\"\n");
    for (name, variable, flag) in [
        ("file.prom", None, None),
        ("variable.prom", Some("variable.prom"), None),
        ("flag.prom", Some("variable.prom"), Some("flag.prom")),
    ] {
        let mut import = bench.import("in.csv");
        import.envs(variable.map(|name| ("MFAFERRY_METRICS_FILE", name)));
        import.args(flag.map(|name| format!("--metrics-file={name}")));
        assert_eq!(run(&mut import).code, Some(0));
        assert_eq!(Metrics::read(&bench.path(name)).get("run_exit_code"), Some(0.0), "{name}");
        fs::remove_file(bench.path(name)).unwrap();
        // Also where what else is set is wrong.
        import.arg("--ledger=/");
        assert_eq!(run(&mut import).code, Some(6));
        assert_eq!(Metrics::read(&bench.path(name)).get("run_exit_code"), Some(6.0), "{name}");
    }
}

#[test]
fn whoever_reads_the_file_of_two_commands_finds_one_of_them_whole() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    let path = bench.path("m.prom");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let runs: Vec<_> = ["import", "verify"]
            .map(|name| {
                let bench = &bench;
                scope.spawn(move || {
                    for _ in 0..6 {
                        let mut command = bench.command(name);
                        run(command.args(["in.csv", "--metrics-file", "m.prom"]));
                    }
                })
            })
            .into();
        let mut seen = BTreeMap::<String, usize>::new();
        while !is_over.load(Ordering::Relaxed) {
            is_over.store(runs.iter().all(ScopedJoinHandle::is_finished), Ordering::Relaxed);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            assert!(text.starts_with("# HELP mfaferry_info") && text.ends_with('\n'), "{text}");
            let label = text.split(['{', ',']).find(|part| part.starts_with("command=")).unwrap();
            let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(
                samples.len() >= 3 && samples.iter().all(|line| line.contains(label)),
                "{text}"
            );
            *seen.entry(label.to_owned()).or_default() += 1;
        }
        assert_eq!(seen.len(), 2, "{seen:?}");
    });
    Metrics::read(&path);
}
