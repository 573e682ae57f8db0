//! Bytes to frames: one JSONL line or one CSV record at a time, in a buffer of bounded size.
//!
//! Invariants:
//! - what comes out does not depend on how the reader cuts its bytes;
//! - a frame is UTF-8, holds no NUL, is not blank, and is at most [`MAX_FRAME`] bytes long;
//! - lines are physical ones, counted by LF, also those inside quotes.

use std::io::{ErrorKind, Read};
use std::str;

use memchr::{memchr, memchr_iter};

use super::{
    Format, InputError,
    document::{Between, Cutter},
    quotes::{self, Quotes},
    sniff,
};

/// The longest frame, in bytes: as much as the API takes in one body (`auth0-api.md` 1.3).
pub(super) const MAX_FRAME: usize = 1 << 20;

/// Bytes asked of the reader at once; larger blocks measured no faster.
const BLOCK: usize = 1 << 17;

/// One record's worth of text.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// Physical line where it begins.
    pub(super) line: u64,
    /// Physical line where it ends.
    pub(super) last_line: u64,
    /// Without the line ending.
    pub(super) text: &'a str,
    /// True if every quote is where it may be; always true in JSONL.
    pub(super) well_quoted: bool,
    /// False if the input ends with it and there is no line ending.
    pub(super) ended: bool,
}

/// Cuts what a reader gives into frames.
pub(super) struct Framer<R> {
    reader: R,
    format: Format,
    /// Character between the cells of a CSV.
    delimiter: u8,
    buffer: Vec<u8>,
    /// Start of the unread bytes, `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Offset of `buffer[start]` in the input.
    offset: u64,
    line: u64,
    sniffed: bool,
    at_end: bool,
    /// Place in a JSON document.
    cutter: Cutter,
}

/// Extent of a frame, from `start` on.
struct Span {
    /// Without the line ending.
    len: usize,
    /// With it.
    taken: usize,
    /// Line endings inside.
    n_inner: u64,
    /// Line endings up to the next frame.
    n_lines: u64,
    well_quoted: bool,
    ended: bool,
}

impl<R: Read> Framer<R> {
    pub(super) fn new(reader: R, format: Format) -> Self {
        Self {
            reader,
            format,
            delimiter: b',',
            buffer: vec![0; BLOCK],
            start: 0,
            end: 0,
            offset: 0,
            line: 1,
            sniffed: false,
            at_end: false,
            cutter: Cutter::default(),
        }
    }

    /// Changes the character that stands between cells, from the next frame on.
    pub(super) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    /// The next frame that is not blank. A byte order mark before it, as joined files have, is
    /// passed over.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame<'_>>, InputError> {
        if !self.sniffed {
            self.sniff()?;
        }
        loop {
            self.pass_mark()?;
            let found = match self.format {
                Format::Json => self.find_value()?,
                Format::Csv | Format::Jsonl => self.find()?,
            };
            let Some(span) = found else {
                return Ok(None);
            };
            let (start, line, offset) = (self.start, self.line, self.offset);
            self.start += span.taken;
            self.offset += span.taken as u64;
            self.line += span.n_lines;
            if is_blank(&self.buffer[start..start + span.len]) {
                continue;
            }
            let text = checked(&self.buffer[start..start + span.len], line, offset)?;
            let last_line = line + span.n_inner;
            let Span { well_quoted, ended, .. } = span;
            return Ok(Some(Frame { line, last_line, text, well_quoted, ended }));
        }
    }

    /// Looks at the first bytes: is it text?
    fn sniff(&mut self) -> Result<(), InputError> {
        while !self.at_end && sniff::wants_more(&self.buffer[..self.end]) {
            self.fill()?;
        }
        self.sniffed = true;
        sniff::check(&self.buffer[..self.end])
    }

    /// Passes over byte order marks.
    fn pass_mark(&mut self) -> Result<(), InputError> {
        loop {
            let seen = &self.buffer[self.start..self.end];
            if seen.starts_with(sniff::BOM) {
                self.start += sniff::BOM.len();
                self.offset += sniff::BOM.len() as u64;
            } else if !self.at_end && sniff::BOM.starts_with(seen) {
                self.fill()?;
            } else {
                return Ok(());
            }
        }
    }

    /// Finds the end of the next frame, reading on as far as it takes.
    fn find(&mut self) -> Result<Option<Span>, InputError> {
        // Offsets from `start`: where this line begins, and up to where it holds no LF.
        let (mut begin, mut searched) = (0, 0);
        let mut n_lines = 1;
        let mut opened_on = None;
        loop {
            let seen = &self.buffer[self.start..self.end];
            let (end, has_lf) = match memchr(b'\n', &seen[searched..]) {
                Some(found) => (searched + found, true),
                None => (seen.len(), false),
            };
            if end > MAX_FRAME {
                return Err(opened_on.map_or(InputError::TooLong { line: self.line }, unclosed));
            }
            if !has_lf && !self.at_end {
                searched = end;
                self.fill()?;
                continue;
            }
            if seen.is_empty() {
                return Ok(None);
            }
            let quotes = match self.format {
                Format::Csv => quotes::scan(&seen[begin..end], self.delimiter, opened_on.is_some()),
                Format::Jsonl | Format::Json => Quotes::Closed,
            };
            if let Quotes::Open { reopened } = quotes {
                let line = self.line + n_lines - 1;
                let opened = opened_on.filter(|_| !reopened).unwrap_or(line);
                if !has_lf {
                    return Err(unclosed(opened));
                }
                opened_on = Some(opened);
                n_lines += 1;
                (begin, searched) = (end + 1, end + 1);
                continue;
            }
            let ending = usize::from(has_lf);
            let cr = usize::from(end > begin && seen[end - 1] == b'\r');
            return Ok(Some(Span {
                len: end - cr,
                taken: end + ending,
                n_inner: n_lines - 1,
                n_lines,
                well_quoted: quotes == Quotes::Closed,
                // Half of a CRLF does for one.
                ended: has_lf || cr > 0,
            }));
        }
    }

    /// Finds the next value of a JSON document, which begins at `start` then.
    fn find_value(&mut self) -> Result<Option<Span>, InputError> {
        loop {
            self.pass_mark()?;
            let Some(&byte) = self.buffer[self.start..self.end].first() else {
                // `pass_mark` reads on while there is nothing.
                return if self.cutter.is_in_array() {
                    Err(InputError::UnfinishedJson { line: self.line })
                } else {
                    Ok(None)
                };
            };
            match self.cutter.between(byte) {
                Between::Value => break,
                Between::Misplaced => return Err(InputError::MisplacedJson { line: self.line }),
                Between::Passed => {
                    self.start += 1;
                    self.offset += 1;
                    self.line += u64::from(byte == b'\n');
                }
            }
        }
        loop {
            let seen = &self.buffer[self.start..self.end];
            let end = self.cutter.find_end(seen);
            if end.unwrap_or(seen.len()) > MAX_FRAME {
                return Err(InputError::LongObject { line: self.line });
            }
            let is_scalar = !matches!(seen.first(), Some(b'{' | b'[' | b'"'));
            let end = end.or((self.at_end && is_scalar).then_some(seen.len()));
            if let Some(len) = end {
                let n_lines = memchr_iter(b'\n', &seen[..len]).count() as u64;
                let (taken, n_inner) = (len, n_lines);
                return Ok(Some(Span {
                    len,
                    taken,
                    n_inner,
                    n_lines,
                    well_quoted: true,
                    ended: true,
                }));
            }
            if self.at_end {
                return Err(InputError::UnfinishedJson { line: self.line });
            }
            self.cutter.restart();
            self.fill()?;
        }
    }

    /// Reads once, making room first.
    fn fill(&mut self) -> Result<(), InputError> {
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                // Bounded: `find` gives up on more than `MAX_FRAME` bytes.
                self.buffer.resize(self.buffer.len() + BLOCK, 0);
            }
        }
        let n_read = loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(n_read) => break n_read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(InputError::of_reader(self.line, source)),
            }
        };
        self.end += n_read;
        self.at_end = n_read == 0;
        Ok(())
    }
}

fn unclosed(line: u64) -> InputError {
    InputError::UnclosedQuote { line }
}

fn is_blank(frame: &[u8]) -> bool {
    // The first byte decides nearly always.
    frame.first().is_none_or(u8::is_ascii_whitespace) && frame.trim_ascii().is_empty()
}

/// The frame as text, or where it stops being text.
fn checked(frame: &[u8], line: u64, offset: u64) -> Result<&str, InputError> {
    let line_at = |at: usize| line + memchr_iter(b'\n', &frame[..at]).count() as u64;
    let text = str::from_utf8(frame).map_err(|error| {
        let at = error.valid_up_to();
        InputError::InvalidUtf8 { line: line_at(at), offset: offset + at as u64 }
    })?;
    match memchr(0, frame) {
        Some(at) => Err(InputError::Nul { line: line_at(at), offset: offset + at as u64 }),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;

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
                    seen.push((
                        frame.line,
                        frame.last_line,
                        frame.text.to_owned(),
                        frame.well_quoted,
                    ));
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
        let rule = |line| format!("line {line}: a quote is opened here and never closed");
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
        assert!(framer.buffer.len() <= MAX_FRAME + 2 * BLOCK);
    }

    #[test]
    fn what_is_not_text_is_reported_with_line_and_offset() {
        check(b"a\nb\xe9c\n", &[(1, "a")], "line 2: not UTF-8 at byte 3 of the input");
        check(
            b"\xef\xbb\xbfa\n\"b\n\0\"",
            &[(1, "a")],
            "line 3: a NUL byte at byte 8 of the input",
        );
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
}
