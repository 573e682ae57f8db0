use std::io;

use super::*;

/// Shows what an export holds: lines, lists, and values with their shapes.
fn shown(node: &Node) -> String {
    match node {
        Node::Null => "-".into(),
        Node::Text(text) => format!("'{}'", text.as_str()),
        Node::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Node::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}={}", shown(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
        Node::Bool(_) | Node::Number(_) => panic!("YAML has texts only"),
    }
}

fn read(yaml: &[u8]) -> (Vec<String>, Option<String>) {
    const LISTS: &[&str] = &["totp_configurations", "webauthn_credentials"];
    let mut reader = YamlReader::new(io::Cursor::new(yaml.to_vec()), LISTS);
    let mut found = Vec::new();
    loop {
        match reader.next_element() {
            Ok(None) => {
                assert!(reader.next_element().unwrap().is_none());
                return (found, None);
            }
            Ok(Some(YamlElement { line, list, index, node })) => {
                found.push(format!("{line} {}[{index}] {}", list.unwrap_or(""), shown(&node)));
            }
            Err(fault) => {
                assert!(reader.next_element().unwrap().is_none(), "nothing after a fault");
                return (found, Some(fault.to_string()));
            }
        }
    }
}

#[track_caller]
fn check(yaml: &str, expected: &[&str]) {
    let (found, fault) = read(yaml.as_bytes());
    assert_eq!(fault, None, "{yaml}");
    assert_eq!(found, expected, "{yaml}");
}

#[track_caller]
fn refused(yaml: &[u8], expected: &str) {
    let (found, fault) = read(yaml);
    let fault = fault.unwrap_or_else(|| panic!("{found:?}"));
    assert!(fault.starts_with(expected), "{fault}");
}

#[test]
fn the_layout_of_authelia_is_read_by_element_with_every_scalar_a_text() {
    check(
        "# yaml-language-server: $schema=https://example.org/schema.json\n\ntotp_configurations:\n    - \
         username: mara\n      digits: 6\n      secret: \"007\"\n      last_used_at: null\n    - username: \
         yes\n      secret: 1e5\n      tags: []\nother:\n    a: [{b: c}]\n    b: 1\nwebauthn_credentials: \
         []\n",
        &[
            "4 totp_configurations[0] {username='mara' digits='6' secret='007' last_used_at=-}",
            "8 totp_configurations[1] {username='yes' secret='1e5' tags=[]}",
        ],
    );
    check(
        "webauthn_credentials:\n- kid: a\n- kid: b\ntotp_configurations: null\n",
        &["2 webauthn_credentials[0] {kid='a'}", "3 webauthn_credentials[1] {kid='b'}"],
    );
}

#[test]
fn the_layout_of_privacyidea_is_a_list_at_the_top() {
    check(
        "- _hashed_pin: ''\n  info_list:\n    hashlib: sha1\n  otpkey: 0812e345678901234567890123456789\n  \
         owner: \"j\\xFCrgen@example\"\n- otpkey: 12e4\n  active: true\n  revoked: ~\n",
        &[
            "1 [0] {_hashed_pin='' info_list={hashlib='sha1'} otpkey='0812e345678901234567890123456789' \
             owner='jürgen@example'}",
            "6 [1] {otpkey='12e4' active='true' revoked=-}",
        ],
    );
    check(
        "--- \n- a: 'null'\n- b:\n- |\n  x\n...\n---\n- c: d\n",
        &["2 [0] {a='null'}", "3 [1] {b=-}", "5 [2] 'x\n'", "8 [0] {c='d'}"],
    );
}

#[test]
fn documents_without_elements_have_none() {
    for yaml in [
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "null\n",
        "a: b\n",
        "totp_configurations: []\n",
        "[]",
        "{}",
    ] {
        check(yaml, &[]);
    }
}

#[test]
fn what_no_export_has_ends_the_reading_with_its_line() {
    let deep = |depth| format!("- {}{}\n", "[".repeat(depth), "]".repeat(depth));
    check(&deep(MAX_DEPTH), &[&format!("1 [0] {}{}", "[".repeat(32), "]".repeat(32))]);
    let deep_aside = format!("aside: {}{}\n", "[".repeat(40), "]".repeat(40));
    let table: [(&str, &str); 17] = [
        ("- a: &x b\n", "line 1: an anchor"),
        ("- &x [a]\n", "line 1: an anchor"),
        ("- &x {a: b}\n", "line 1: an anchor"),
        ("- a\n- *x\n", "line 2: "),
        ("- a\n- !!binary aaaa\n", "line 2: a tag"),
        ("- !x {a: b}\n", "line 1: a tag"),
        ("- a: b\n  a: c\n", "line 2: a repeated key"),
        ("totp_configurations: []\ntotp_configurations: []\n", "line 2: a repeated key"),
        ("totp_configurations: text\n", "line 1: not a list"),
        ("totp_configurations: {a: b}\n", "line 1: not a list"),
        ("text\n", "line 1: neither a list"),
        ("- a: 'b\n", "line "),
        ("- a: b\n c: d\n- [", "line "),
        ("- [a, b}\n", "line 1: not valid YAML"),
        ("- ? [a]\n  : b\n", "line 1: a key that is no text"),
        (&deep(MAX_DEPTH + 1), "line 1: nesting"),
        (&deep_aside, "line 1: nesting"),
    ];
    for (yaml, expected) in table {
        refused(yaml.as_bytes(), expected);
    }
    let bytes: [(&[u8], &str); 5] = [
        (b"- a\n- b\0\n- c\n", "line 2: a NUL character"),
        (b"- a\n- \xff\n", "line 2: invalid UTF-8"),
        (b"- a\n- \xc3", "line 2: invalid UTF-8"),
        (b"- a\n- b\n- secret: JBSW", "line 3: cut off"),
        (b"- \xed\xa0\x80\n", "line 1: invalid UTF-8"),
    ];
    for (yaml, expected) in bytes {
        refused(yaml, expected);
    }
}

/// Fails at once.
struct Broken;
impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("gone"))
    }
}

#[test]
fn what_stands_before_a_fault_was_handed_out_and_a_reader_that_breaks_is_said() {
    let good = "- username: mara\n  secret: aaaa\n".repeat(20);
    let (found, fault) = read(format!("{good}- *x\n").as_bytes());
    assert!(found.len() >= 19, "{}", found.len());
    assert!(fault.unwrap().starts_with("line 41: "));

    let start = io::Cursor::new(good.into_bytes());
    let mut reader = YamlReader::new(start.chain(Broken), &[]);
    let fault = std::iter::from_fn(|| reader.next_element().transpose()).find_map(Result::err);
    assert_eq!(fault.unwrap().to_string(), "line 41: reading failed: gone");
}

/// Counts the bytes that are read.
struct Endless {
    unit: &'static [u8],
    start: &'static [u8],
    read: Arc<std::sync::atomic::AtomicUsize>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = if self.start.is_empty() { self.unit } else { std::mem::take(&mut self.start) };
        let len = from.len().min(buffer.len());
        buffer[..len].copy_from_slice(&from[..len]);
        self.read.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
        Ok(len)
    }
}

#[test]
fn an_element_without_end_is_refused_after_a_mebibyte_and_a_document_without_end_is_not() {
    for (start, unit) in [
        (&b"- a: "[..], &b"xxxxxxxx"[..]),
        (b"- a: '", b"xxxxxxxx"),
        (b"- a:\n", b"  - b\n"),
        (b"- ", b"        "),
        (b"- |\n", b"  x\n"),
        (b"#", b"########"),
        (b"- a\n", b"\n\n\n\n\n\n"),
        (b"aside: '", b"xxxxxxxx"),
        (b"'", b"xxxxxxxx"),
    ] {
        let read = Arc::<std::sync::atomic::AtomicUsize>::default();
        let mut reader =
            YamlReader::new(Endless { unit, start, read: Arc::clone(&read) }, &["list"]);
        let fault = std::iter::from_fn(|| reader.next_element().transpose()).find_map(Result::err);
        assert!(fault.unwrap().to_string().ends_with("an element longer than 1 MiB"));
        assert!(read.load(std::sync::atomic::Ordering::Relaxed) < 2 * MAX_ELEMENT);
    }
    let unit = b"- {a: b}\n";
    let read = Arc::default();
    let mut reader = YamlReader::new(Endless { unit, start: b"", read }, &[]);
    for index in 0..130_000 {
        assert_eq!(reader.next_element().unwrap().unwrap().index, index);
    }
}

/// Pieces that the grammar is made of.
const PIECES: [&str; 36] = [
    "- ",
    "? ",
    ": ",
    "a",
    "\n",
    "  ",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    "\"",
    "|",
    ">",
    "#",
    "&a ",
    "*a ",
    "!t ",
    "!!",
    "---",
    "...",
    "%YAML 1.2\n",
    "\\x",
    "\\u",
    "\u{feff}",
    "é",
    "\0",
    "\r",
    "null",
    "~",
    "|2-\n",
    "<<: ",
    "@",
    "list: ",
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(500))]

    #[test]
    fn whatever_comes_is_read_to_an_end(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60),
        cut in 0_usize..200,
    ) {
        let text = pieces.concat();
        let bytes = text.as_bytes();
        let (found, _) = read(&bytes[..cut.min(bytes.len())]);
        assert!(found.len() <= bytes.len());
    }
}
