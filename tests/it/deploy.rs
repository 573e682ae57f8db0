//! The samples of `samples/deploy/` do what they say: their command lines run, what they make of
//! exit codes is what the contract means by them, and what systemd and Kubernetes do to files is
//! borne.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use mfaferry::{error::Exit, sandbox::Settings};

use crate::support::{Bench, binary, factors, read, run, samples};

const SERVICE: &str = "mfaferry@.service";
const TIMER: &str = "mfaferry@.timer";
const CRON_JOB: &str = "cronjob.yaml";
const INDEXED_JOB: &str = "indexed-job.yaml";

/// The user of the container file, and the only member of its group.
const POD: u32 = 65_532;

const EXITS: [Exit; 7] = [
    Exit::Good,
    Exit::Unexpected,
    Exit::Usage,
    Exit::Config,
    Exit::NeedsAttention,
    Exit::Stopped,
    Exit::Ledger,
];

/// Returns true if the same command, started again, may come further.
fn may_come_further(exit: Exit) -> bool {
    match exit {
        Exit::Unexpected | Exit::Stopped => true,
        Exit::Good | Exit::Usage | Exit::Config | Exit::NeedsAttention | Exit::Ledger => false,
    }
}

fn sample(name: &str) -> String {
    fs::read_to_string(samples().join("deploy").join(name)).unwrap()
}

/// Says so past the test's capture.
fn untested(what: &str) {
    io::stderr().write_all(format!("\nNOT TESTED: {what}\n").as_bytes()).unwrap();
}

/// Values of all lines `KEY=…` of a unit.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.collect()
}

/// Items of the first YAML list under `key`, one a line.
fn items<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    let mut lines = yaml.lines().skip_while(|line| line.trim() != format!("{key}:")).skip(1);
    let items = std::iter::from_fn(|| lines.next()?.trim().strip_prefix("- "));
    items.collect()
}

/// The command line of a sample, as it is with these words in the place of others.
fn command_line(name: &str, others: &[(&str, &str)]) -> Vec<String> {
    let text = sample(name);
    let words: Vec<&str> = match name {
        SERVICE => values(&text, "ExecStart")[0].split(' ').skip(1).collect(),
        _ => items(&text, "args"),
    };
    assert!(words.len() > 3, "{name}: {words:?}");
    let replaced =
        |word: &str| others.iter().fold(word.to_owned(), |word, (from, to)| word.replace(from, to));
    words.into_iter().map(replaced).collect()
}

/// A tenant, and what a sample expects to find: an export and a secret.
fn bench() -> Bench {
    let bench = Bench::new(Settings::default());
    for folder in ["ledger", "input", "secrets", "tenant-0"] {
        fs::create_dir(bench.path(folder)).unwrap();
    }
    for input in ["input/factors.csv", "input/tenant-0.csv"] {
        bench.write(input, factors(5).0);
    }
    for secret in ["secrets/client-secret", "secrets/tenant-0"] {
        bench.write(secret, "CANARYclientsecret");
        fs::set_permissions(bench.path(secret), Permissions::from_mode(0o600)).unwrap();
    }
    bench
}

/// The run that a sample describes, for this tenant and below its folder.
fn of_sample(bench: &Bench, name: &str) -> Command {
    let places = [
        ("/srv/mfaferry/%i", "input/tenant-0"),
        ("%S/mfaferry/%i", "ledger"),
        ("%C/mfaferry/%i", "ledger/tenant-0"),
        ("%d/", "secrets/"),
        ("/run/secrets/mfaferry/", "secrets/"),
        ("/etc/mfaferry/mfaferry.toml", "settings.toml"),
        ("$(TENANT_INDEX)", "0"),
        ("/ledger/", "ledger/"),
        ("/input/", "input/"),
    ];
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(command_line(name, &places));
    if name == INDEXED_JOB {
        settings(bench);
    } else {
        command.env("MFAFERRY_BASE_URL", bench.tenant().base_url());
        command.env("AUTH0_CLIENT_ID", "tester");
    }
    command
}

/// Writes the settings file that is in the manifest, with this tenant as the first.
fn settings(bench: &Bench) {
    let yaml = sample(INDEXED_JOB);
    let lines = yaml.lines().skip_while(|line| line.trim() != "mfaferry.toml: |").skip(1);
    let lines: Vec<_> = lines
        .map_while(|line| line.strip_prefix("    ").or(Some("").filter(|_| line.is_empty())))
        .collect();
    let base_url = format!("base-url = \"{}\"", bench.tenant().base_url());
    let secrets = format!("{}/", bench.path("secrets").display());
    let text = lines.join("\n").replacen("domain = \"acme.eu.auth0.com\"", &base_url, 1);
    assert!(text.contains(&base_url), "{text}");
    bench.write("settings.toml", text.replace("/run/secrets/mfaferry/", &secrets));
}

#[test]
fn the_command_lines_of_the_samples_import_and_go_on_the_night_after() {
    for name in [SERVICE, CRON_JOB, INDEXED_JOB] {
        let bench = bench();
        let done = run(&mut of_sample(&bench, name));
        assert_eq!(done.code, Some(0), "{name}: {done:?}");
        assert_eq!(bench.tenant().stats().created, 5, "{name}");
        let done = run(&mut of_sample(&bench, name));
        assert_eq!(done.code, Some(0), "{name}: {done:?}");
        assert_eq!(bench.tenant().stats().created, 5, "{name}");
    }
}

#[test]
fn the_variables_of_the_samples_are_known() {
    let help = run(binary().args(["import", "--help"])).stdout;
    for name in [SERVICE, CRON_JOB, "Containerfile"] {
        let text = sample(name);
        for variable in ["AUTH0_DOMAIN", "AUTH0_CLIENT_ID"] {
            assert!(text.contains(variable), "{name} sets no {variable}");
            assert!(help.contains(&format!("[env: {variable}]")), "{variable}");
        }
    }
}

#[test]
fn a_run_is_started_again_where_that_may_come_further_and_nowhere_else() {
    let codes = |list: &str| -> BTreeSet<i32> {
        let words = list.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(|word| word.parse().unwrap()).collect()
    };
    let again: BTreeSet<i32> =
        EXITS.into_iter().filter(|exit| may_come_further(*exit)).map(|exit| exit as i32).collect();
    let all: BTreeSet<i32> = EXITS.into_iter().map(|exit| exit as i32).collect();
    let good = BTreeSet::from([Exit::Good as i32]);

    let unit = sample(SERVICE);
    let union = |key: &str| codes(&values(&unit, key).join(" "));
    assert_eq!(values(&unit, "Restart"), ["on-failure"]);
    assert_eq!(union("SuccessExitStatus"), good);
    let ends = &union("RestartPreventExitStatus") | &good;
    assert_eq!(&all - &ends, again);

    let yaml = [CRON_JOB, INDEXED_JOB].map(sample).concat();
    let rules = yaml.split("- action: ").skip(1).map(|rule| {
        let action = rule.lines().next().unwrap().trim();
        let value =
            |key: &str| rule.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim);
        let listed = value("values:").map(|list| codes(list.trim_matches(['[', ']'])));
        (action, value("operator:"), listed)
    });
    for (action, operator, listed) in rules {
        match (action, operator) {
            ("Ignore", None) => assert_eq!(listed, None),
            ("FailJob" | "FailIndex", Some("In")) => {
                assert_eq!(&listed.unwrap() | &good, &all - &again);
            }
            ("Count", Some("NotIn")) => assert_eq!(&all - &listed.unwrap(), again),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = tempfile::tempdir().unwrap();
    for name in [SERVICE, TIMER] {
        let unit = sample(name).replace("/usr/local/bin/mfaferry", env!("CARGO_BIN_EXE_mfaferry"));
        fs::write(folder.path().join(name), unit).unwrap();
    }
    let mut verify = Command::new("systemd-analyze");
    verify.current_dir(folder.path()).args(["verify", "--man=no", SERVICE, TIMER]);
    match verify.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => untested("no systemd-analyze"),
        done => {
            let done = read(&done.unwrap());
            assert_eq!((done.code, &*done.stderr), (Some(0), ""), "{done:?}");
        }
    }
}

#[test]
fn where_there_is_no_temporary_folder_the_variable_that_names_one_is_told() {
    let mut import = binary();
    import.current_dir(samples()).env("TMPDIR", "/nonexistent");
    let done = run(import.args(["import", "factors.csv", "--sandbox"]));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("let $TMPDIR name a folder that you can write to"), "{done:?}");
}

/// Gives a file to root and to the group of the pod.
fn hand_out(path: &Path, mode: u32) -> io::Result<()> {
    chown(path, Some(0), Some(POD))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[test]
fn a_volume_and_a_secret_of_kubernetes_are_taken_night_after_night() {
    let bench = bench();
    let (volume, secret) = (bench.path("ledger"), bench.path("secrets/client-secret"));
    if hand_out(&volume, 0o2775).is_err() || hand_out(&secret, 0o440).is_err() {
        return untested("files of other users: needs root");
    }
    for folder in [".", "secrets", "input"] {
        fs::set_permissions(bench.path(folder), Permissions::from_mode(0o755)).unwrap();
    }
    if binary().arg("--version").uid(POD).gid(POD).output().is_err() {
        return untested("the program is in a folder that is root's alone");
    }
    let night = || run(of_sample(&bench, CRON_JOB).uid(POD).gid(POD));
    for _ in 0..2 {
        let done = night();
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(!done.stderr.contains("others can read the file of"), "{done:?}");
        for file in fs::read_dir(&volume).unwrap() {
            let file = file.unwrap().path();
            let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
            assert_eq!(mode(&file), 0o600, "{}", file.display());
            // As the kubelet does before each start of a pod, unless told not to.
            fs::set_permissions(&file, Permissions::from_mode(0o660)).unwrap();
        }
    }
    assert_eq!(bench.tenant().stats().created, 5);

    // What is given to more than the pod is not.
    hand_out(&secret, 0o444).unwrap();
    let done = night();
    assert!(done.stderr.contains("others can read the file of"), "{done:?}");
    chown(volume.join("factors.ledger"), None, Some(POD + 1)).unwrap();
    fs::set_permissions(volume.join("factors.ledger"), Permissions::from_mode(0o660)).unwrap();
    let done = night();
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(done.stderr.contains("can be written by other users"), "{done:?}");
}
