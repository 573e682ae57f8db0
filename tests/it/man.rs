//! `man`: a page a command, as those who package it and those who read it want it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use crate::support::{COMMANDS, Done, binary, run};

fn man(folder: &Path) -> Done {
    run(binary().args(["man", "--out"]).arg(folder))
}

/// Function that puts something in the place of a page.
type Make = fn(&Path);

/// Every file of a folder by its name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn there_is_a_page_for_each_command_and_writing_them_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let umask = format!("umask 077; exec \"$0\" man --out '{}'", pages.display());
    let done = run(Command::new("sh").args(["-c", &umask]).arg(binary().get_program()));
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{done:?}");
    let written = files(&pages);
    let mut expected: Vec<_> = COMMANDS.map(|name| format!("mfaferry-{name}.1")).to_vec();
    expected.push("mfaferry.1".into());
    expected.sort();
    assert_eq!(written.keys().cloned().collect::<Vec<_>>(), expected);
    for name in &expected {
        let mode = fs::metadata(pages.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name}");
        let page = &written[name];
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "\"SEE ALSO\""]
        {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{name}: {section}");
        }
        for exit in 0..=6 {
            assert!(page.contains(&format!("\n\\fB{exit}\\fR\n")), "{name}: exit code {exit}");
        }
        for other in expected.iter().filter(|other| *other != name) {
            let other = other.trim_end_matches(".1").replace('-', "\\-");
            assert!(page.contains(&format!("\\fB{other}\\fR(1)")), "{name}: {other}");
        }
        assert!(!page.lines().any(|line| line.ends_with(' ')), "{name}");
    }
    let import = &written["mfaferry-import.1"];
    assert!(import.contains("\n.SH EXAMPLES\n") && import.contains("AUTH0_DOMAIN"), "{import}");
    assert_eq!(man(&pages).code, Some(0));
    assert_eq!(files(&pages), written);
}

#[test]
fn a_page_reads_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(man(folder.path()).code, Some(0));
    for name in files(folder.path()).keys() {
        let path = folder.path().join(name);
        let Ok(shown) =
            Command::new("groff").args(["-man", "-Tutf8", "-k", "-ww"]).arg(path).output()
        else {
            println!("not checked: groff is not installed");
            return;
        };
        assert_eq!(String::from_utf8_lossy(&shown.stderr), "", "{name}");
        assert!(shown.status.success() && !shown.stdout.is_empty(), "{name}");
    }
}

#[test]
fn a_file_that_is_no_page_of_ours_is_left_alone_and_so_is_everything_else() {
    let make: [(&str, Make); 4] = [
        ("another file", |path| fs::write(path, ".TH MFAFERRY 1\n").unwrap()),
        ("an empty file", |path| fs::write(path, "").unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a link", |path| symlink("/nonexistent", path).unwrap()),
    ];
    for (what, make) in make {
        let folder = tempfile::tempdir().unwrap();
        make(&folder.path().join("mfaferry-verify.1"));
        let done = man(folder.path());
        assert_eq!(done.code, Some(2), "{what}: {done:?}");
        assert!(done.stderr.contains("mfaferry-verify.1"), "{what}: {done:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{what}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let file = folder.path().join("file");
    for place in [&file, &file.join("man1"), Path::new("/sys/mfaferry-man")] {
        let done = man(place);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains(&place.display().to_string()), "{done:?}");
        assert!(done.stderr.contains("\nhint: give --out a folder"), "{done:?}");
    }
}
