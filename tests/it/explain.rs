//! `explain`: every code that anything can show has its meaning and its remedy.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::{binary, run};

fn explained() -> BTreeSet<String> {
    let all = run(binary().args(["explain", "--output", "json"]));
    let all = all.json();
    let groups = all["groups"].as_array().unwrap();
    let codes = groups.iter().flat_map(|group| group["codes"].as_array().unwrap());
    codes.map(|code| code["code"].as_str().unwrap().to_owned()).collect()
}

/// Texts in snake case behind one of the marks, in a source file.
fn codes_behind(path: &str, marks: &[&str]) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    let source = fs::read_to_string(source).unwrap();
    let source: String = source.split("#[cfg(test)]").next().unwrap().split_whitespace().collect();
    let behind = |mark: &&str| {
        let parts = source.split(*mark).skip(1);
        parts.filter_map(|part| part.split('"').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let found: Vec<_> = marks.iter().flat_map(behind).collect();
    assert!(!found.is_empty(), "{path}: no code behind {marks:?}");
    found
}

#[test]
fn every_code_of_a_warning_a_finding_and_an_error_is_explained() {
    let explained = explained();
    let written = [
        codes_behind("plan/warning.rs", &["}=>\"", "OneCharacter=>\"", "NameCut=>\""]),
        codes_behind("plan/whole/mod.rs", &[".find(\"", "{(\""]),
        codes_behind("identity/people.rs", &["code:\""]),
        codes_behind("sources/export.rs", &["code:\""]),
        codes_behind("sources/privacyidea.rs", &["NO_HASH:(&str,&str)=(\""]),
        codes_behind("error.rs", &["}=>\"", "(_)=>\"", "READY:&str=\""]),
        codes_behind("config/credentials.rs", &["refused(\""]),
        codes_behind("config/resolve.rs", &["refused(\""]),
        codes_behind("auth0/token.rs", &["refused(\""]),
        codes_behind("auth0/grant.rs", &["refused(\""]),
        codes_behind("protocol/refusals.rs", &["refused(\""]),
    ];
    for code in written.concat() {
        assert!(explained.contains(&code), "`{code}` is not explained");
    }
}

#[test]
fn a_code_is_explained_on_a_screen_and_an_unknown_one_names_the_nearest() {
    let done = run(binary().args(["explain", "looks_like_hex"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    for part in ["looks_like_hex (TOTP secrets)", "Likely cause:", "What to do:", "--prove"] {
        assert!(done.stdout.contains(part), "{done:?}");
    }
    let done = run(binary().args(["explain", "invalid_body:phone_number", "--output", "json"]));
    assert_eq!(done.json()["code"], "invalid_body", "{done:?}");
    let done = run(binary().args(["explain", "looks_like_hax"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("did you mean `looks_like_hex`?"), "{done:?}");
    for (arguments, near) in [
        (&["explain", "USER_NOT_FOUND"][..], "user_not_found"),
        (&["select", "in.csv", "--code", "HTTP_502"], "http"),
        (&["select", "in.csv", "--state", "Rejected"], "rejected"),
        (&["select", "in.csv", "--type", "TOTP"], "totp"),
        (&["report", "l", "--state", "NEEDS_REVIEW"], "needs_review"),
    ] {
        let done = run(binary().args(arguments));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains(&format!("did you mean `{near}`?")), "{done:?}");
    }
}
