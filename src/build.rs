//! Passes a description of the build to the compiler, for `--version`: the commit and its date, the
//! target and the compiler. The same commit gives the same texts, so that builds can be compared
//! byte by byte.
//!
//! Cargo runs it again only when the commit that is checked out changes, wherever git keeps that:
//! in a linked work tree and with packed refs, too. Without git, as in an archive of the sources,
//! the commit is `unknown`.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// Text for unknown values.
const UNKNOWN: &str = "unknown";
/// Digits of a commit in the short text, as in git.
const SHORT: usize = 7;
/// Variable that names the time a build is said to be of, in seconds since 1970; see
/// <https://reproducible-builds.org/specs/source-date-epoch/>.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "cargo::rerun-if-changed=src/build.rs")?;
    writeln!(out, "cargo::rerun-if-env-changed={EPOCH}")?;
    let head = is_repository()
        .then(|| git(&["show", "-s", "--no-show-signature", "--format=%H %ct", "HEAD"]))
        .flatten();
    if head.is_some() {
        for file in files_of_head() {
            writeln!(out, "cargo::rerun-if-changed={}", file.display())?;
        }
    }
    let (commit, committed) = head.as_deref().and_then(|it| it.split_once(' ')).unzip();
    let seconds = variable(EPOCH).or(committed.map(str::to_owned));
    let date = seconds.and_then(|seconds| seconds.trim().parse().ok()).map(date);
    let compiler =
        output(&mut Command::new(variable("RUSTC").as_deref().unwrap_or("rustc")), &["-V"]);
    let short = commit.and_then(|commit| commit.get(..SHORT)).unwrap_or(UNKNOWN);
    let build = match &date {
        Some(date) => format!("{short} {date}"),
        None => short.to_owned(),
    };
    let version = variable("CARGO_PKG_VERSION").unwrap_or_default();
    for (name, value) in [
        ("LINE", format!("{version} ({build})")),
        ("COMMIT", commit.unwrap_or(UNKNOWN).to_owned()),
        ("DATE", date.unwrap_or_default()),
        ("TARGET", variable("TARGET").unwrap_or_else(|| UNKNOWN.to_owned())),
        ("COMPILER", compiler.unwrap_or_else(|| UNKNOWN.to_owned())),
    ] {
        writeln!(out, "cargo::rustc-env=BUILT_{name}={value}")?;
    }
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name)?.into_string().ok()
}

/// Returns true if this folder is the top of a work tree: an archive may be unpacked inside another
/// repository.
fn is_repository() -> bool {
    let same = |top: String| Some(Path::new(&top).canonicalize().ok()? == here()?);
    git(&["rev-parse", "--show-toplevel"]).and_then(same).unwrap_or(false)
}

fn here() -> Option<PathBuf> {
    Path::new(&variable("CARGO_MANIFEST_DIR")?).canonicalize().ok()
}

/// Files that change with the commit that is checked out. Cargo takes one that is missing for
/// changed, so only those that exist are named.
fn files_of_head() -> Vec<PathBuf> {
    let place = |name: &str| git(&["rev-parse", "--git-path", name]).map(PathBuf::from);
    let branch = git(&["symbolic-ref", "-q", "HEAD"]).and_then(|branch| place(&branch));
    let mut files: Vec<_> = place("HEAD").into_iter().collect();
    match branch {
        Some(branch) if branch.exists() => files.push(branch),
        // It is packed; the next commit makes a file of it in the folder.
        Some(branch) => {
            files.extend(place("packed-refs"));
            files.extend(
                branch.ancestors().skip(1).find(|folder| folder.exists()).map(Path::to_owned),
            );
        }
        None => {}
    }
    files.retain(|file| file.exists());
    files
}

fn git(arguments: &[&str]) -> Option<String> {
    output(&mut Command::new("git"), arguments)
}

/// Returns the output of a program, if it exists and succeeds.
fn output(program: &mut Command, arguments: &[&str]) -> Option<String> {
    let done = program.args(arguments).output().ok().filter(|done| done.status.success())?;
    let text = String::from_utf8(done.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The day of a moment in UTC, as `2026-11-29`: civil from days, by Howard Hinnant.
fn date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
