//! `report --format html`: one page that is whole, safe, and says what the ledger says.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path};

use mfaferry::{
    ledger::{Reader, record_proofs},
    model::{
        Code, Completion, Credential, Factor, FactorType, How, LocalTime, ProofVerdict, Reason,
        Refusal, State, UserId,
    },
    report::{LONGEST_PAGE, LedgerAccount, LedgerPage, ROWS_SHOWN},
    sandbox::{Settings, Users},
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::{
    digest::{Fate, fates, ledger_with},
    support::{Bench, Done, binary, run, signal, spawn, until},
};

/// Elements that a page may have, and those that hold nothing and have no end.
const ELEMENTS: &str = "html head title style body main h1 h2 p div dl dt dd span code b table thead \
                        tbody tr th td section header details summary figure figcaption svg path \
                        line text rect ul li footer";
/// Attributes that a page may have: none of them loads or runs anything.
const ATTRIBUTES: &str = "lang class scope colspan open viewBox role aria-label d x y x1 y1 x2 y2 \
                          width height opacity text-anchor";

/// A page taken apart: its texts, with `|` where an element begins or ends.
struct Parsed {
    text: String,
    /// Text of each cell of the table below each heading.
    cells: Vec<(String, Vec<Vec<String>>)>,
}

/// Takes a page apart as a browser would, and is stricter: every element is one that we write, ends
/// where it should, and has no attribute by which anything could be loaded or run.
fn parse(page: &str) -> Parsed {
    assert!(page.len() <= LONGEST_PAGE, "{} bytes", page.len());
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let (mut open, mut text, mut cells) = (Vec::new(), String::new(), Vec::new());
    let mut heading = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        add_text(before, &open, &mut text, &mut heading, &mut cells);
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "ends out of its turn");
        } else {
            let name = begin(tag);
            match &*name {
                "h2" => heading.clear(),
                "table" => cells.push((heading.clone(), Vec::new())),
                "tr" => cells.last_mut().unwrap().1.push(Vec::new()),
                "td" | "th" => cells.last_mut().unwrap().1.last_mut().unwrap().push(String::new()),
                "style" => {
                    let (style, _) = rest.split_once("</style>").unwrap();
                    for word in ["url(", "@import", "src", "expression", "<"] {
                        assert!(!style.contains(word), "{word}");
                    }
                }
                _ => {}
            }
            if name != "meta" {
                open.push(name);
            }
        }
        text.push('|');
    }
    assert_eq!((open.len(), rest), (0, "\n"));
    Parsed { text, cells }
}

/// Reads the inside of a tag, and returns its element.
fn begin(tag: &str) -> String {
    let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    if name == "meta" {
        let allowed = [
            "meta charset=\"utf-8\"",
            "meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; \
             style-src &#39;unsafe-inline&#39;\"",
            "meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"",
            "meta name=\"color-scheme\" content=\"light dark\"",
        ];
        assert!(allowed.contains(&tag), "{tag}");
        return name.into();
    }
    assert!(ELEMENTS.split_whitespace().any(|known| known == name), "<{tag}>");
    while !attributes.is_empty() {
        let (attribute, after) = attributes.split_once("=\"").unwrap();
        let known = ATTRIBUTES.split_whitespace().any(|known| known == attribute.trim());
        assert!(known, "{attribute} of <{tag}>");
        attributes = after.split_once('"').unwrap().1;
    }
    name.into()
}

fn add_text(
    part: &str,
    open: &[String],
    text: &mut String,
    heading: &mut String,
    cells: &mut [(String, Vec<Vec<String>>)],
) {
    if open.last().is_some_and(|name| name == "style") {
        return;
    }
    assert!(!part.contains('>'), "{part}");
    for entity in part.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|known| entity.starts_with(known)), "&{entity}");
    }
    let hostile = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!part.contains(hostile), "{part:?}");
    let plain = part.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let plain = plain.replace("&#39;", "'").replace("&amp;", "&");
    text.push_str(&plain);
    if open.last().is_some_and(|name| name == "h2") {
        heading.push_str(&plain);
    }
    if open.iter().any(|name| name == "td" || name == "th") {
        cells.last_mut().unwrap().1.last_mut().unwrap().last_mut().unwrap().push_str(&plain);
    }
}

fn page_of(path: &Path, hides: bool) -> String {
    let reader = Reader::open(path).unwrap();
    let account = LedgerAccount::read("x.ledger", &reader, ROWS_SHOWN, hides).unwrap();
    LedgerPage { account: &account, verified: None, now: LocalTime::from_millis(1_700_000_100_000) }
        .render()
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text}"))
}

/// Names and ids that want to be more than text.
const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\" onload=\"alert(1)",
    "' onmouseover='alert(1)",
    "]]></svg></style><img src=x>",
    "--><h1>owned</h1>",
    "&lt;script&gt;",
    "a\u{202e}b\u{2066}c\u{0}\u{1b}[31m\u{9b}",
    "`</code><a href=//evil>`",
    "javascript:alert(1)",
];

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l");
    let long = "<&\"".repeat(4_000);
    let ids: Vec<&str> = HOSTILE.into_iter().chain([&*long]).collect();
    let fates: Vec<_> = (0..ids.len())
        .map(|_| Fate::Settled(FactorType::Totp, State::NeedsReview, How::Reconciled, None, 1))
        .chain([Fate::Refused(Refusal::Rejected, Code::Masked), Fate::InFlight(FactorType::Phone)])
        .collect();
    let user = |line: u64| ids[usize::try_from(line).unwrap() % ids.len()].to_owned();
    ledger_with(&path, &fates, Completion::Interrupted, &user);
    let page = page_of(&path, false);
    let parsed = parse(&page);
    assert!(parsed.text.contains("<script>alert(1)</script>"), "as text it is there");
    assert!(!page.contains("<script") && !page.contains("<a ") && !page.contains("<img"));
    assert!(!page.contains(&"&lt;&amp;&quot;".repeat(100)), "a long id is cut");
    let hidden = page_of(&path, true);
    parse(&hidden);
    for id in ["alert", "evil", "owned"] {
        assert!(!hidden.contains(id), "{id}");
    }
    assert_eq!(hidden.matches("<td class=\"id\">user-").count(), 2 * ids.len() + 2);
}

#[test]
fn a_page_is_short_whatever_the_ledger_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l");
    let each = |code: &Code| vec![Fate::Refused(Refusal::Rejected, *code); 220];
    let mut fates: Vec<_> = Code::ALL.iter().flat_map(each).collect();
    // Each takes a sync.
    let reason = Some(Reason::from(Code::Timeout));
    let failed = Fate::Settled(FactorType::Passkey, State::Failed, How::Reconciled, reason, 1);
    fates.extend(vec![failed; 250]);
    let user = |line: u64| format!("{}{line}", "<\u{202e}&\"".repeat(60));
    ledger_with(&path, &fates, Completion::Complete, &user);
    let page = page_of(&path, false);
    let parsed = parse(&page);
    // However few rows are shown, all of them are counted.
    let figures = &parsed.cells[0].1;
    let sum = number(figures.last().unwrap().last().unwrap());
    assert_eq!(sum, fates.len() as u64);
    assert!(page.len() > LONGEST_PAGE / 4, "{} bytes hold few rows", page.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_figures_of_a_page_are_those_of_the_ledger_and_add_up(fates in fates()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        ledger_with(&path, &fates, Completion::Complete, &|line| format!("auth0|{line}"));
        let parsed = parse(&page_of(&path, false));
        let totals = Reader::open(&path).unwrap().totals().unwrap();
        let Some((_, figures)) = parsed.cells.iter().find(|(heading, _)| heading == "Figures") else {
            prop_assert_eq!(totals.sum(), 0);
            return Ok(());
        };
        let rows: Vec<(String, Vec<u64>)> = figures[1..]
            .iter()
            .map(|row| (row[0].clone(), row[1..].iter().map(|cell| number(cell)).collect()))
            .collect();
        let (sums, states) = rows.split_last().unwrap();
        for (name, counts) in &rows {
            let (sum, parts) = counts.split_last().unwrap();
            prop_assert_eq!(*sum, parts.iter().sum::<u64>(), "{}", name);
        }
        for (column, sum) in sums.1.iter().enumerate() {
            prop_assert_eq!(*sum, states.iter().map(|(_, counts)| counts[column]).sum::<u64>());
        }
        prop_assert_eq!(*sums.1.last().unwrap(), totals.sum());
        let shown: BTreeMap<_, _> = states
            .iter()
            .map(|(name, counts)| (name.clone(), *counts.last().unwrap()))
            .collect();
        for state in State::ALL.into_iter().filter(|state| totals[*state] > 0) {
            if !matches!(state, State::Pending | State::Undoing) {
                let name = state.name().replace('_', " ");
                let of_state = shown.iter().find(|(shown, _)| shown.starts_with(&name));
                prop_assert_eq!(of_state.map(|(_, count)| *count), Some(totals[state]));
            }
        }
    }
}

fn html(bench: &Bench, arguments: &[&str]) -> Done {
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(["report", "--format", "html"]).args(arguments);
    run(&mut command)
}

#[test]
fn the_verdict_is_the_worst_that_is_to_be_said() {
    let good = Fate::Settled(FactorType::Phone, State::Created, How::Response, None, 0);
    let bad = Fate::Settled(FactorType::Totp, State::NeedsReview, How::Reconciled, None, 1);
    let open = Fate::InFlight(FactorType::Email);
    for (fates, completion, verdict) in [
        (vec![good.clone()], Completion::Complete, "Complete: the only row is settled well."),
        (vec![good.clone(); 2], Completion::Complete, "Complete: every row is settled well."),
        (
            vec![good.clone(), bad.clone()],
            Completion::Complete,
            "Complete, and 1 of 2 rows has to be looked at.",
        ),
        (
            vec![good.clone()],
            Completion::Interrupted,
            "Unfinished: the last run did not come to its end.",
        ),
        (
            vec![bad, good.clone(), open],
            Completion::Complete,
            "Unfinished: 1 row is still in flight.",
        ),
        (vec![], Completion::Complete, "Complete, and empty: no row was recorded."),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        ledger_with(&path, &fates, completion, &|line| format!("auth0|{line}"));
        let parsed = parse(&page_of(&path, false));
        assert!(parsed.text.contains(verdict), "{verdict}: {}", parsed.text);
        std::fs::remove_file(folder.path().join("l-seal")).unwrap();
        let parsed = parse(&page_of(&path, false));
        assert!(parsed.text.contains("Not to be relied on"), "{}", parsed.text);
    }
}

/// A bench with an import of three rows, one of them bad.
fn imported() -> Bench {
    let users = Users::AnyBut(vec!["gone".into()]);
    let bench = Bench::new(Settings { users, ..Settings::default() });
    bench.write(
        "in.csv",
        "user_id,type,phone_number\nauth0|first,phone,+14155550100\nauth0|gone,phone,+14155550101\n\
         auth0|three,phone,12\n",
    );
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    bench
}

#[test]
fn a_page_names_the_input_by_the_digest_of_what_was_read() {
    let bench = imported();
    let done = html(&bench, &["in.csv.ledger"]);
    assert_eq!((done.code, &*done.stderr), (Some(0), ""), "{done:?}");
    let parsed = parse(&done.stdout);
    let bytes = std::fs::read(bench.path("in.csv")).unwrap();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
    assert!(parsed.text.contains(&digest), "{}", parsed.text);
    assert!(parsed.text.contains(&format!("in.csv, {} bytes", bytes.len())), "{}", parsed.text);
    let written = format!("mfaferry {}", env!("CARGO_PKG_VERSION"));
    assert!(parsed.text.contains(&written));
    assert!(parsed.text.contains("read 3 rows: 3 came to a state in it + 0 settled"));
    // Nothing of what the rows hold is in the notes.
    let ledger = std::fs::read(bench.path("in.csv.ledger")).unwrap();
    assert!(!String::from_utf8_lossy(&ledger).contains("4155550100"));
}

#[test]
fn what_a_page_says_is_what_it_said() {
    let bench = imported();
    let done = html(&bench, &["in.csv.ledger"]);
    let parsed = parse(&done.stdout);
    let (id, sum) = {
        let reader = Reader::open(&bench.path("in.csv.ledger")).unwrap();
        let sum = Sha256::digest(std::fs::read(bench.path("in.csv")).unwrap());
        (reader.id().to_owned(), data_encoding::HEXLOWER.encode(&sum))
    };
    let port = format!(":{}", bench.tenant().addr().port());
    let text = parsed.text.replace(&id, "ID").replace(&sum, "SHA256").replace(&port, ":PORT");
    let text = text.replace(bench.folder.path().to_str().unwrap(), "FOLDER");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('|').map(str::trim).filter(|line| !line.is_empty()) {
        // Moments and durations, and what is drawn.
        let line: Vec<_> = line
            .split(' ')
            .map(|word| match word {
                word if word.starts_with("202") && word.len() == 10 => "DATE",
                word if word.len() == 8 && word.matches(':').count() == 2 => "TIME",
                word if word.parse::<f64>().is_ok() && word.contains('.') => "N.N",
                word => word,
            })
            .collect();
        lines.push(line.join(" "));
    }
    let begin = lines.iter().position(|line| line == "Pace").unwrap();
    let end = lines.iter().position(|line| line.starts_with("Asked again")).unwrap();
    lines.drain(begin + 1..end);
    insta::assert_snapshot!(lines.join("\n").replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn hidden_ids_are_nowhere_and_their_pseudonyms_stay_the_same() {
    let bench = imported();
    let verified = "{\"line\":2,\"user_id\":\"auth0|first\",\"type\":\"phone\",\"state\":\"missing\",\
                    \"method_id\":\"phone|first_7\"}\n";
    bench.write("v.jsonl", verified);
    let flags = ["in.csv.ledger", "--hide-user-ids", "--verify", "v.jsonl"];
    let pages = [html(&bench, &flags), html(&bench, &flags)].map(|done| done.stdout);
    let names = |page: &str| {
        let names = page.match_indices("user-").map(|(at, _)| page.split_at(at).1.split_at(21).0);
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&pages[0]), names(&pages[1]));
    assert_eq!(names(&pages[0]).len(), 4, "one is named twice");
    for id in ["auth0", "first_", "gone", "three"] {
        assert!(!pages[0].contains(id), "{id}");
    }
    assert!(html(&bench, &["in.csv.ledger"]).stdout.contains("auth0|gone"));
}

#[test]
fn hidden_ids_are_in_no_name_of_a_file_either() {
    let users = Users::AnyBut(vec!["auth0|miller77".into()]);
    let bench = Bench::new(Settings { users, ..Settings::default() });
    let input = "auth0|miller77 and jones88.csv";
    bench.write(
        input,
        "user_id,type,phone_number\nauth0|miller77,phone,+14155550100\nauth0|jones88,phone,12\n",
    );
    run(&mut bench.import(input));
    bench.write(
        "jones88.jsonl",
        "{\"line\":2,\"file\":\"jones88.csv\",\"at\":\"users[auth0|jones88]\",\"user_id\":\
         \"auth0|miller77\",\"type\":\"phone\",\"state\":\"missing\"}\n",
    );
    let ledger = format!("{input}.ledger");
    let flags = [&*ledger, "--hide-user-ids", "--verify", "jones88.jsonl"];
    let page = html(&bench, &flags).stdout;
    let whole = std::fs::read(bench.path(input)).unwrap();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&whole));
    assert!(page.contains("input 1") && page.contains(&digest), "{page}");
    std::fs::remove_file(bench.path(&format!("{ledger}-seal"))).unwrap();
    for page in [page, html(&bench, &flags).stdout] {
        parse(&page);
        for id in ["miller77", "jones88", "auth0"] {
            assert!(!page.contains(id), "{id}: {page}");
        }
    }
    // Of a run that did not come to its end, in the verdict.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l");
    ledger_with(&path, &[Fate::InFlight(FactorType::Phone)], Completion::Interrupted, &|_| {
        "auth0|factors".into()
    });
    assert!(page_of(&path, false).contains("factors.csv"));
    let page = page_of(&path, true);
    assert!(!page.contains("factors.csv") && page.contains("Rows of input 1 that"), "{page}");
}

#[test]
fn a_proof_that_is_not_right_is_in_the_verdict() {
    use ProofVerdict::{NoMatch, OtherEncoding, OtherProfile, Right, RightButClock};
    let caveat = "That TOTP secrets are read in the right encoding";
    let good = Fate::Settled(FactorType::Totp, State::Created, How::Response, None, 0);
    let bad = Fate::Settled(FactorType::Totp, State::Failed, How::Response, None, 0);
    for (fate, proofs, verdict, has_caveat) in [
        (&good, vec![], "Complete: the only row is settled well.", true),
        (&good, vec![Right, RightButClock], "Complete: the only row is settled well.", false),
        (
            &good,
            vec![Right, OtherEncoding],
            "Complete, but secrets of 1 user were proved to be read wrongly.",
            true,
        ),
        (
            &bad,
            vec![OtherProfile, OtherEncoding, NoMatch],
            "Complete, but secrets of 2 users were proved to be read wrongly and codes of 1 user match no \
             reading of the secret.",
            true,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        ledger_with(&path, std::slice::from_ref(fate), Completion::Complete, &|line| {
            format!("auth0|{line}")
        });
        let factor = |number: usize| Factor {
            line: 70 + number as u64,
            at: None,
            user: UserId::parse(&format!("auth0|proved{number}")).unwrap(),
            name: None,
            credential: Credential::Totp { secret: "KRSXG5CTMVRXEZLU".into() },
        };
        let proved: Vec<_> =
            proofs.iter().enumerate().map(|(number, proof)| (factor(number), *proof)).collect();
        record_proofs(&path, &proved, LocalTime::default()).unwrap();
        let (shown, hidden) = (parse(&page_of(&path, false)).text, page_of(&path, true));
        assert!(shown.contains(verdict), "{verdict}: {shown}");
        assert_eq!(shown.contains("All well"), verdict.starts_with("Complete:"), "{proofs:?}");
        assert_eq!(shown.contains(caveat), has_caveat, "{proofs:?}");
        assert_eq!(shown.contains("line 70||auth0|proved0"), !proofs.is_empty(), "{shown}");
        assert!(!hidden.contains("proved0"), "{hidden}");
    }
}

#[test]
fn rows_in_flight_are_told_and_never_called_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l");
    let none = "Every request was answered";
    let good = Fate::Settled(FactorType::Phone, State::Created, How::Response, None, 0);
    let open = Fate::InFlight(FactorType::Email);
    ledger_with(&path, &[open.clone(), good.clone(), open], Completion::Interrupted, &|line| {
        format!("auth0|{line}")
    });
    let page = parse(&page_of(&path, false));
    assert!(!page.text.contains(none), "{}", page.text);
    assert!(page.text.contains("2 rows are in flight and not yet looked up"), "{}", page.text);
    let (_, rows) = page.cells.iter().find(|(heading, _)| heading == "In flight").unwrap();
    let lines: Vec<_> = rows[1..].iter().map(|row| (&*row[0], &*row[1])).collect();
    assert_eq!(lines, [("2", "auth0|2"), ("4", "auth0|4")]);
    let path = folder.path().join("m");
    ledger_with(&path, &[good], Completion::Complete, &|line| format!("auth0|{line}"));
    assert!(parse(&page_of(&path, false)).text.contains(none));
}

/// A result of `verify`: a line for each state, with the users in their order from `auth0|2` on.
fn result_of(states: &[(&str, usize)]) -> String {
    let states = states.iter().flat_map(|(state, count)| std::iter::repeat_n(*state, *count));
    let line = |(user, state): (usize, &str)| {
        format!(
            "{{\"line\":{user},\"user_id\":\"auth0|{user}\",\"state\":\"{state}\",\"used\":true}}\n"
        )
    };
    (2..).zip(states).map(line).collect()
}

/// States with their numbers, beginning of user ids, verdict, a sentence, and whether a bound is
/// told.
type VerifyCase =
    (&'static [(&'static str, usize)], &'static str, &'static str, &'static str, bool);

const VERIFY_CASES: [VerifyCase; 5] = [
    (
        &[("present", 99)],
        "auth0|",
        "Complete: every row is settled well.",
        "Of 99 users who were asked about, nobody lacks a factor. They are a sample of the 200 users of \
             this ledger. If it was drawn by chance (--sample), then with 95 % confidence at most 3.031 %",
        true,
    ),
    (
        &[("present", 99), ("missing", 1)],
        "auth0|",
        "Complete, but verify found 1 row to look at.",
        "Of 100 users who were asked about, 1 lacks a factor or got no answer.",
        true,
    ),
    (&[("present", 1)], "auth0|", "every row is settled well", "Of 1 user who was asked", true),
    (
        &[("missing", 2), ("differs", 1), ("unanswered", 3), ("present", 194), ("rejected", 1272)],
        "auth0|",
        "Complete, but verify found 6 rows to look at.",
        "asked about 200 rows: 2 missing, 1 found to differ, 3 left without an answer. Besides, it \
             rejected 1,272 rows of its input without asking.",
        false,
    ),
    (
        &[("present", 9)],
        "other|",
        "Complete, but the result of verify shares no user with this ledger.",
        "it is probably of another input",
        false,
    ),
];

#[test]
fn what_verify_found_is_told_with_figures_that_add_up_and_a_bound_where_it_is_a_sample() {
    let bench = Bench::new(Settings::default());
    let good = Fate::Settled(FactorType::Phone, State::Created, How::Response, None, 0);
    ledger_with(&bench.path("l"), &vec![good; 200], Completion::Complete, &|line| {
        format!("auth0|{line}")
    });
    let page = |states: &[(&str, usize)], before: &str| {
        bench.write("v.jsonl", result_of(states).replace("auth0|", before));
        parse(&html(&bench, &["l", "--verify", "v.jsonl"]).stdout)
    };
    let bound = "at most";
    for (states, before, verdict, said, has_bound) in VERIFY_CASES {
        let page = page(states, before);
        let text = page.text.replace('|', "");
        assert!(text.contains(verdict) && text.contains(said), "{said}: {text}");
        assert_eq!(text.contains(bound), has_bound, "{text}");
        let bad = verdict.split_whitespace().find_map(|word| word.parse::<u64>().ok());
        let tile = format!("Found by verify{}To", bad.unwrap_or(0));
        assert!(text.contains(tile.trim_end_matches("To")), "{text}");
        let heading = |(heading, _): &&(String, _)| heading.starts_with("Asked again");
        let (_, figures) = page.cells.iter().find(heading).unwrap();
        let mut sum = 0;
        for row in figures {
            if row[1].starts_with("Sum") {
                assert_eq!(number(&row[0]), sum, "{figures:?}");
            } else {
                sum += number(&row[0]);
            }
        }
    }
}

#[test]
fn what_is_no_result_of_verify_is_exit_code_2() {
    let bench = imported();
    bench.write("v.jsonl", result_of(&[("present", 2)]) + "{\"rows\":3}\n");
    bench.write("empty.jsonl", "");
    std::fs::create_dir(bench.path("folder")).unwrap();
    for (file, message) in [
        ("v.jsonl", "line 3 of --verify"),
        ("empty.jsonl", "the file of --verify is empty"),
        ("folder", "cannot open `folder`"),
        ("nowhere", "cannot open `nowhere`"),
    ] {
        let done = html(&bench, &["in.csv.ledger", "--verify", file, "--out", "p.html"]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{file}: {done:?}");
        assert!(done.stderr.contains(message), "{file}: {}", done.stderr);
        assert!(!bench.path("p.html").exists());
    }
}

#[test]
fn a_page_is_not_written_where_there_is_no_folder_and_a_dash_is_standard_output() {
    let bench = imported();
    for command in [
        &["report", "in.csv.ledger", "--format", "html"][..],
        &["select", "in.csv", "--state", "rejected"],
    ] {
        for (out, is_there) in [("nowhere/p", false), ("in.csv/p", false), ("-", true)] {
            let mut run_it = binary();
            let done =
                run(run_it.current_dir(bench.folder.path()).args(command).args(["--out", out]));
            assert_eq!(done.stdout.is_empty(), !is_there, "{command:?} {out}: {done:?}");
            if !is_there {
                assert_eq!(done.code, Some(2), "{command:?} {out}: {done:?}");
                let message = format!("the folder of `{out}` does not exist");
                assert!(done.stderr.contains(&message), "{}", done.stderr);
                assert!(!done.stderr.contains(".mfaferry"), "{}", done.stderr);
            }
        }
    }
    assert!(!bench.path("-").exists());
}

#[test]
fn the_pace_counts_rows_that_requests_have_settled() {
    let bench = imported();
    let reader = Reader::open(&bench.path("in.csv.ledger")).unwrap();
    let pace = reader.runs().unwrap().0.pop().unwrap().pace.unwrap();
    assert_eq!(pace.samples().last().unwrap().settled, 2, "the third was refused as it was read");
}

#[test]
fn every_file_has_its_digest_also_after_an_undo() {
    let bench = Bench::new(Settings::default());
    let mut import = bench.import("f0.csv");
    let mut digests = Vec::new();
    for file in 0..12 {
        let name = format!("f{file}.csv");
        let rows = format!("user_id,type,phone_number\nauth0|{file},phone,+141555501{file:02}\n");
        digests.push(data_encoding::HEXLOWER.encode(&Sha256::digest(&rows)));
        bench.write(&name, rows);
        if file > 0 {
            import.arg(bench.path(&name));
        }
    }
    let done = run(import.args(["--ledger", bench.path("l").to_str().unwrap()]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let has_all = |page: &Parsed| digests.iter().all(|digest| page.text.contains(digest));
    let page = parse(&html(&bench, &["l"]).stdout);
    assert!(has_all(&page), "{}", page.text);
    let (_, runs) = page.cells.iter().find(|(heading, _)| heading == "Runs").unwrap();
    assert!(runs[1][4].contains(&digests[0]), "{runs:?}");
    let mut undo = bench.command("undo");
    let done = run(undo.args(["--ledger", "l", "--yes"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let page = parse(&html(&bench, &["l"]).stdout);
    assert!(has_all(&page) && page.text.contains("as run 1 read it"), "{}", page.text);
}

#[test]
fn a_page_is_a_new_private_file_or_none() {
    let bench = imported();
    let done = html(&bench, &["in.csv.ledger", "--out", "p.html"]);
    assert_eq!((done.code, &*done.stdout, &*done.stderr), (Some(0), "", ""), "{done:?}");
    let path = bench.path("p.html");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read_to_string(&path).unwrap();
    parse(&before);
    let done = html(&bench, &["in.csv.ledger", "--out", "p.html"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("`p.html` exists already"), "{}", done.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    let done = html(&bench, &["in.csv.ledger", "--out", "in.csv.ledger"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    for flag in [&["--verify", "p.html"][..], &["--hide-user-ids"], &["--out", "q.html"]] {
        let mut command = binary();
        command.current_dir(bench.folder.path()).args(["report", "in.csv.ledger"]).args(flag);
        let done = run(&mut command);
        assert_eq!(done.code, Some(2), "{flag:?}: {done:?}");
        assert!(done.stderr.contains(flag[0]) && done.stdout.is_empty(), "{done:?}");
    }
    assert!(!bench.path("q.html").exists());
}

#[test]
fn a_run_that_was_killed_leaves_most_of_its_pace() {
    let bench = Bench::new(Settings::default());
    let mut rows = String::from("user_id,type,phone_number\n");
    for user in 0..400 {
        rows += &format!("auth0|{user},phone,+1415555{user:04}\n");
    }
    bench.write("in.csv", rows);
    let mut command = bench.import("in.csv");
    let mut child = spawn(command.args(["--rate", "10"]));
    let running = || parse(&html(&bench, &["in.csv.ledger"]).stdout).text;
    let pace = || {
        let reader = Reader::open(&bench.path("in.csv.ledger")).ok()?;
        reader.runs().ok()?.0.pop()?.pace
    };
    until("the pace is noted", || pace().is_some());
    if cfg!(target_os = "linux") {
        let text = running();
        assert!(text.contains("A run is going on since 20"), "{text}");
    }
    signal(&child, "-KILL");
    child.wait().unwrap();
    let line = pace().unwrap();
    let last = line.samples().last().unwrap();
    assert!(line.samples().len() > 2 && last.requests > 20 && last.rate_ms > 0, "{line:?}");
    let parsed = parse(&html(&bench, &["in.csv.ledger"]).stdout);
    assert!(parsed.text.contains("Unfinished") && parsed.text.contains("no end was noted"));
    assert!(!parsed.text.contains("A run is going on"), "{}", parsed.text);
    for said in [
        "was killed or is still running",
        "what came after the last note is not shown",
        "Run the same command again, without |--max-users| if it had that",
    ] {
        assert!(parsed.text.contains(said), "{said}: {}", parsed.text);
    }
    assert!(parsed.text.contains("not read to its end"), "{}", parsed.text);
}
