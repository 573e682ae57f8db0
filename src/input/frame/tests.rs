use std::io;

use proptest::prelude::*;

use super::{super::buffer::BLOCK, *};

/// Gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8], sizes: Vec<usize>) -> Self {
        Self { bytes, sizes: sizes.into_iter().cycle() }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.sizes.next().unwrap().min(self.bytes.len()).min(into.len());
        let (now, later) = self.bytes.split_at(n);
        into[..n].copy_from_slice(now);
        self.bytes = later;
        Ok(n)
    }
}

type Seen = Vec<(u64, u64, String, bool)>;

fn frames(reader: impl Read, format: Format) -> (Seen, String) {
    let mut framer = Framer::new(reader, format);
    let mut seen = Vec::new();
    loop {
        match framer.next_frame() {
            Ok(Some(frame)) => {
                seen.push((frame.line, frame.last_line, frame.text.to_owned(), frame.well_quoted));
            }
            Ok(None) => return (seen, String::new()),
            Err(error) => return (seen, error.to_string()),
        }
    }
}

fn csv(bytes: &[u8]) -> (Seen, String) {
    frames(bytes, Format::Csv)
}

#[track_caller]
fn check(bytes: &[u8], expected: &[(u64, &str)], error: &str) {
    let (seen, message) = csv(bytes);
    let seen: Vec<_> = seen.iter().map(|(line, _, text, _)| (*line, text.as_str())).collect();
    assert_eq!((seen.as_slice(), message.as_str()), (expected, error));
}

#[test]
fn lines_end_with_lf_or_crlf_or_the_input() {
    check(b"a\nb\r\nc", &[(1, "a"), (2, "b"), (3, "c")], "");
    check(b"a\n", &[(1, "a")], "");
    check(b"", &[], "");
}

#[test]
fn blank_lines_are_skipped_and_counted() {
    check(b"\n \t\r\na\n\n\nb\n\n", &[(3, "a"), (6, "b")], "");
}

#[test]
fn byte_order_marks_are_stripped_where_a_line_begins() {
    check(
        b"\xef\xbb\xbfa\n\xef\xbb\xbf\xef\xbb\xbfb\n\xef\xbb\xbf\"c\",\n\xef\xbb\xbf\n\xef\xbb\xbf",
        &[(1, "a"), (2, "b"), (3, "\"c\",")],
        "",
    );
    check(b"a\xef\xbb\xbf\n", &[(1, "a\u{feff}")], "");
    let one_by_one = Pieces::new(b"\xef\xbb\xbfa", vec![1]);
    assert_eq!(frames(one_by_one, Format::Csv).0[0].2, "a");
}

#[test]
fn lines_are_joined_while_a_quote_is_open() {
    check(b"h\n1,\"a\r\nb\n\",2\n3\n", &[(1, "h"), (2, "1,\"a\r\nb\n\",2"), (5, "3")], "");
    let jsonl = frames(&b"\"a\nb\"\n"[..], Format::Jsonl).0;
    assert_eq!(jsonl.len(), 2, "JSONL knows no line breaks inside quotes");
}

#[test]
fn a_misplaced_quote_costs_its_own_record_only() {
    let (seen, error) = csv(b"a,b\"c\nd\n\"e\nf\"g\nh\n");
    let seen: Vec<_> = seen.iter().map(|row| (row.0, row.1, row.3)).collect();
    assert_eq!(seen, [(1, 1, false), (2, 2, true), (3, 4, false), (5, 5, true)]);
    assert_eq!(error, "");
}

#[test]
fn a_quote_that_is_never_closed_is_reported_where_it_was_opened() {
    let rule = |line| format!("line {line}: a quote opened here is never closed");
    check(b"a\nb,\"c\nd\n", &[(1, "a")], &rule(2));
    check(b"a\n\"b\",\"c", &[(1, "a")], &rule(2));
    check(b"a\n\"b\nc\",\"d\ne", &[(1, "a")], &rule(3));
    let mut long = b"a\n\"".to_vec();
    long.resize(MAX_FRAME * 2, b'\n');
    check(&long, &[(1, "a")], &rule(2));
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let mut line = vec![b'x'; MAX_FRAME];
    assert_eq!(csv(&line).0.len(), 1);
    line.push(b'\n');
    assert_eq!(csv(&line).0.len(), 1);
    line.insert(0, b'x');
    check(&line, &[], "line 1: longer than 1048576 bytes");
}

#[test]
fn an_endless_line_is_given_up_with_bounded_memory() {
    let mut framer = Framer::new(io::repeat(b'x'), Format::Jsonl);
    assert!(matches!(framer.next_frame(), Err(InputError::TooLong { line: 1 })));
    assert!(framer.buffer.capacity() <= MAX_FRAME + 2 * BLOCK);
}

#[test]
fn what_is_not_text_is_reported_with_line_and_offset() {
    check(b"a\nb\xe9c\n", &[(1, "a")], "line 2: invalid UTF-8 at byte 3 of the input");
    check(b"\xef\xbb\xbfa\n\"b\n\0\"", &[(1, "a")], "line 3: a NUL byte at byte 8 of the input");
}

#[test]
fn a_failing_reader_stops_at_its_line() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let (seen, error) = frames((&b"abcdefgh\nb"[..]).chain(Broken), Format::Csv);
    assert_eq!((seen.len(), error.as_str()), (1, "line 2: reading failed: gone"));
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            &b"\n"[..], b"\r\n", b"\r", b"\"", b"\"\"", b",", b" ", b"\xef\xbb\xbf", b"ab", b"\xc3\xa9",
            b"{", b"}", b"[", b"]", b"\\",
        ])
        .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..3),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn framing_does_not_depend_on_how_bytes_arrive(
        bytes in bytes(),
        sizes in prop::collection::vec(1_usize..9, 1..5),
    ) {
        for format in [Format::Csv, Format::Jsonl, Format::Json] {
            let whole = frames(&bytes[..], format);
            prop_assert_eq!(&frames(Pieces::new(&bytes, sizes.clone()), format), &whole);
        }
    }

    #[test]
    fn lines_never_go_back_and_frames_never_overlap(bytes in bytes()) {
        let mut last = 0;
        for (line, last_line, _, _) in csv(&bytes).0 {
            prop_assert!(line > last && last_line >= line);
            last = last_line;
        }
    }
}
