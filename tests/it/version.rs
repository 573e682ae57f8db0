//! `--version`, and the build script that knows which commit a build is of.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{around, binary, run};

/// The text of `--version`, and with `--verbose` the text of that.
fn said(arguments: &[&str]) -> String {
    let done = run(binary().args(arguments));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{arguments:?}: {done:?}");
    done.stdout
}

#[test]
fn the_version_is_one_line_and_all_that_is_known_only_with_verbose() {
    let line = said(&["--version"]);
    assert_eq!(line, said(&["-V"]));
    assert_eq!(line.lines().count(), 1, "{line}");
    let begin = concat!("mfaferry ", env!("CARGO_PKG_VERSION"), " (");
    assert!(line.starts_with(begin) && line.ends_with(")\n"), "{line}");
    let full = said(&["--version", "--verbose"]);
    for arguments in [
        &["--verbose", "--version"][..],
        &["-V", "-v"],
        &["-v", "-V"],
        &["-Vv"],
        &["-vV"],
        &["-vvV"],
        &["--log-format", "json", "-V", "-vv"],
        &["-v", "--version", "import"],
        &["import", "--version", "--verbose"],
        &["import", "-v", "-V"],
    ] {
        assert_eq!(said(arguments), full, "{arguments:?}");
    }
    for arguments in [
        &["-V", "--log-format", "json"][..],
        &["import", "--version"],
        &["report", "-V"],
        &["check", "in.csv", "--show", "3", "--version"],
    ] {
        assert_eq!(said(arguments), line, "{arguments:?}");
    }
    for flag in ["--version", "--help"] {
        let full =
            run(&mut around("sh", &["-c", "exec \"$0\" \"$@\" >/dev/full"], binary().arg(flag)));
        assert_eq!(full.code, Some(1), "{full:?}");
        assert!(full.stderr.starts_with("error: writing to standard output: "), "{full:?}");
    }
    assert!(full.starts_with(&line), "{full}");
    for key in
        ["commit", "date", "target", "compiler", "ledger format", "Management API description"]
    {
        let value = full.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
        assert!(value.is_some_and(|value| !value.is_empty()), "{key}: {full}");
    }
    assert!(full.contains("\nledger format: 3 "), "{full}");
}

/// The build script, compiled, and a folder for sources.
struct Script {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Script {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("script");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/build.rs");
        let mut compiler = Command::new("rustc");
        compiler.args(["--edition", "2024", "-o"]).arg(&program).arg(source);
        assert!(compiler.status().unwrap().success());
        Self { folder, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lines that the script prints in a folder: the line of `--version`, and the files that make
    /// it run again.
    fn run(&self, name: &str, epoch: Option<&str>) -> (String, Vec<PathBuf>) {
        let here = self.path(name);
        let mut command = Command::new(&self.program);
        command
            .current_dir(&here)
            .env("CARGO_MANIFEST_DIR", &here)
            .env("CARGO_PKG_VERSION", "1.2.3");
        command
            .env_remove("SOURCE_DATE_EPOCH")
            .envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch)));
        let done = command.env("TARGET", "here").output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let said = String::from_utf8(done.stdout).unwrap();
        let of = |key: &str| {
            let lines = said.lines().filter_map(|line| line.strip_prefix(key));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let line = of("cargo::rustc-env=BUILT_LINE=").concat();
        let files = of("cargo::rerun-if-changed=").into_iter().map(|file| here.join(file));
        (line, files.filter(|file| !file.ends_with("src/build.rs")).collect())
    }

    /// Runs git in a folder, as somebody without settings, at a time; returns what it prints.
    fn git(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path(name)).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@x");
            // In UTC it is the day before.
            command.env(format!("GIT_{who}_DATE"), "2024-03-01T00:30:00+0100");
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Makes a repository with a commit.
    fn repository(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
        self.git(name, &["init", "-q", "-b", "trunk"]);
        self.commit(name);
    }

    fn commit(&self, name: &str) {
        self.git(name, &["commit", "-q", "--allow-empty", "-m", "x"]);
    }

    /// The line that a build of what is checked out should have.
    fn expected(&self, name: &str) -> String {
        let commit = self.git(name, &["rev-parse", "HEAD"]);
        format!("1.2.3 ({} 2024-02-29)", commit.get(..7).unwrap())
    }
}

/// Contents of files, of folders the names in them.
fn contents(files: &[PathBuf]) -> Vec<String> {
    let read = |file: &PathBuf| match fs::read_dir(file) {
        Ok(inner) => format!("{:?}", inner.map(|it| it.unwrap().path()).collect::<Vec<_>>()),
        Err(_) => fs::read_to_string(file).unwrap(),
    };
    files.iter().map(read).collect()
}

#[test]
fn a_build_is_told_again_when_the_commit_changes_wherever_git_keeps_that() {
    let script = Script::new();
    script.repository("main");
    script.git("main", &["worktree", "add", "-q", "-b", "side", "../linked"]);
    script.repository("packed");
    script.git("packed", &["pack-refs", "--all"]);
    script.repository("detached");
    script.git("detached", &["checkout", "-q", "--detach"]);
    for name in ["main", "linked", "packed", "detached"] {
        let (line, files) = script.run(name, None);
        assert_eq!(line, script.expected(name), "{name}");
        // Cargo would run it each time for a file that is not there.
        assert!(!files.is_empty() && files.iter().all(|file| file.exists()), "{name}: {files:?}");
        let before = contents(&files);
        script.git(name, &["status"]);
        assert_eq!(contents(&files), before, "{name}");
        assert_eq!(script.run(name, None), (line.clone(), files.clone()), "{name}");
        script.commit(name);
        assert_ne!(contents(&files), before, "{name}: nothing changed that it looks at");
    }
    // Another branch at the same commit, too: the next commit is one of that.
    let (_, files) = script.run("main", None);
    let before = contents(&files);
    script.git("main", &["checkout", "-q", "-b", "other"]);
    assert_ne!(contents(&files), before);
}

#[test]
fn without_a_commit_of_its_own_a_build_is_of_an_unknown_one() {
    let script = Script::new();
    script.repository("outer");
    fs::create_dir(script.path("outer/archive")).unwrap();
    fs::create_dir(script.path("alone")).unwrap();
    script.git("alone", &["init", "-q"]);
    for name in ["outer/archive", "alone"] {
        assert_eq!(script.run(name, None), ("1.2.3 (unknown)".to_owned(), Vec::new()), "{name}");
        let (line, _) = script.run(name, Some("1790000000"));
        assert_eq!(line, "1.2.3 (unknown 2026-09-21)", "{name}");
    }
    for (epoch, day) in [
        ("0", "1970-01-01"),
        ("951782399", "2000-02-28"),
        ("951782400", "2000-02-29"),
        ("951868800", "2000-03-01"),
        ("4107542399", "2100-02-28"),
        ("4107542400", "2100-03-01"),
        ("1798761599", "2026-12-31"),
    ] {
        let (line, _) = script.run("outer", Some(epoch));
        assert!(line.ends_with(&format!(" {day})")), "{epoch}: {line}");
    }
}
