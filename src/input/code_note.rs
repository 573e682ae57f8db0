//! The column or key `mf_code`, in which rows that are written out again state what was wrong with
//! them. Every input ignores it.

use serde::de::IgnoredAny;

use super::quotes::{Quotes, scan};

/// Name of the column and of the key.
pub const CODE_NAME: &str = "mf_code";

/// Place of the code in the rows of a table.
#[derive(Debug)]
pub struct CodeColumn {
    delimiter: u8,
    /// Number of cells of the header; a row has at least as many.
    width: usize,
    least: usize,
    /// The column, if the header has it already.
    place: Option<usize>,
}

impl CodeColumn {
    /// Finds the column by a header. Unless `is_strict`, rows may lack cells of unnamed columns at
    /// the end.
    pub fn of(header: &[u8], delimiter: u8, is_strict: bool) -> Self {
        let (text, _) = split_ending(header);
        let names: Vec<_> =
            cells(text, delimiter).iter().map(|(from, to)| &text[*from..*to]).collect();
        let is_named = |name: &&[u8]| !bare(name).is_empty();
        let n_named = names.iter().rposition(is_named).map_or(0, |last| last + 1);
        let is_that = |name: &&[u8]| bare(name).eq_ignore_ascii_case(CODE_NAME.as_bytes());
        let least = if is_strict { names.len() } else { n_named };
        Self { delimiter, width: names.len(), least, place: names.iter().position(is_that) }
    }

    /// Adds the header with the column's name.
    pub fn write_header(&self, header: &[u8], out: &mut Vec<u8>) {
        let (text, ending) = split_ending(header);
        out.extend_from_slice(text);
        if self.place.is_none() {
            out.push(self.delimiter);
            out.extend_from_slice(CODE_NAME.as_bytes());
        }
        out.extend_from_slice(ending);
    }

    /// Adds a row with a code in that column. A row with too many or too few cells keeps its fault.
    pub fn write_row(&self, row: &[u8], code: &str, out: &mut Vec<u8>) {
        let (text, ending) = split_ending(row);
        let is_sound = is_well_quoted(text, self.delimiter);
        let cells = if is_sound { cells(text, self.delimiter) } else { Vec::new() };
        let missing = self.width.saturating_sub(cells.len());
        let fits = is_sound && (self.least..=self.width).contains(&cells.len());
        let pad = |out: &mut Vec<u8>, n| out.extend(std::iter::repeat_n(self.delimiter, n));
        match self.place {
            // In such a row, the place of the column is unknown.
            Some(_) if !fits => out.extend_from_slice(text),
            Some(place) => {
                let (from, to) = cells.get(place).copied().unwrap_or((text.len(), text.len()));
                out.extend_from_slice(&text[..from]);
                pad(out, (place + 1).saturating_sub(cells.len()));
                out.extend_from_slice(code.as_bytes());
                out.extend_from_slice(&text[to..]);
            }
            None => {
                out.extend_from_slice(text);
                pad(out, 1 + if fits { missing } else { 0 });
                out.extend_from_slice(code.as_bytes());
            }
        }
        out.extend_from_slice(ending);
    }
}

/// Adds a row of a table without a header, with a cell `mf_code=CODE` after its own.
pub fn add_code(row: &[u8], delimiter: u8, code: &str, out: &mut Vec<u8>) {
    let (text, ending) = split_ending(row);
    let last = cells(text, delimiter).last().copied().unwrap_or_default();
    let is_note = text[last.0..last.1].starts_with(format!("{CODE_NAME}=").as_bytes());
    out.extend_from_slice(if is_note { &text[..last.0.saturating_sub(1)] } else { text });
    if !code.is_empty() {
        out.push(delimiter);
        out.extend_from_slice(format!("{CODE_NAME}={code}").as_bytes());
    }
    out.extend_from_slice(ending);
}

/// Adds one JSON object with a key for the code after the others, or with a new value if the key
/// exists. Adds anything else unchanged, and returns false.
pub fn add_key(json: &[u8], code: &str, out: &mut Vec<u8>) -> bool {
    let Some(object) = Object::of(json) else {
        out.extend_from_slice(json);
        return false;
    };
    let (from, to) = object.code.unwrap_or((object.end, object.end));
    out.extend_from_slice(&json[..from]);
    if object.code.is_none() {
        let comma = if object.is_empty { "" } else { "," };
        out.extend_from_slice(format!("{comma}\"{CODE_NAME}\":").as_bytes());
    }
    out.extend_from_slice(format!("\"{code}\"").as_bytes());
    out.extend_from_slice(&json[to..]);
    true
}

/// Adds JSON without the white space between its tokens, on one line.
pub fn compact(json: &[u8], out: &mut Vec<u8>) {
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in json {
        if !in_string {
            in_string = byte == b'"';
            if !byte.is_ascii_whitespace() {
                out.push(byte);
            }
            continue;
        }
        if byte < b' ' {
            // The byte is not allowed there and must not break the line; it stays visible.
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.push(byte);
        }
        in_string = is_escaped || byte != b'"';
        is_escaped = !is_escaped && byte == b'\\';
    }
}

/// Outline of an object.
struct Object {
    /// Place of its closing brace.
    end: usize,
    is_empty: bool,
    /// Extent of the value of the code.
    code: Option<(usize, usize)>,
}

impl Object {
    /// Takes it from JSON; `None` if that is no object.
    fn of(json: &[u8]) -> Option<Self> {
        let is_object = json.trim_ascii_start().first() == Some(&b'{');
        if !is_object || serde_json::from_slice::<IgnoredAny>(json).is_err() {
            return None;
        }
        let mut object = Self { end: 0, is_empty: true, code: None };
        let (mut depth, mut at) = (0_u32, 0);
        let mut is_code = false;
        // Begin of the value, behind the colon.
        let mut value = None;
        while let Some(&byte) = json.get(at) {
            match byte {
                b'"' => {
                    let end = at + string_len(&json[at..]);
                    if depth == 1 && value.is_none() {
                        let key = serde_json::from_slice::<String>(&json[at..end]);
                        is_code = key.is_ok_and(|key| key == CODE_NAME);
                        object.is_empty = false;
                    }
                    at = end;
                    continue;
                }
                b':' if depth == 1 => value = Some(at + 1),
                b',' | b'}' if depth == 1 => {
                    if let Some(from) = value.take().filter(|_| is_code) {
                        let text = json[from..at].trim_ascii_end();
                        let blank = text.len() - text.trim_ascii_start().len();
                        object.code = Some((from + blank, from + text.len()));
                    }
                }
                _ => {}
            }
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && byte == b'}' {
                object.end = at;
                return Some(object);
            }
            at += 1;
        }
        None
    }
}

/// Length of the string that JSON begins with, its quotes included.
fn string_len(json: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    json.len()
}

/// Splits off the line ending, even half of one at the end of an input.
fn split_ending(line: &[u8]) -> (&[u8], &[u8]) {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    line.split_at(text.len())
}

/// Extent of each cell of a row, quotes included.
fn cells(row: &[u8], delimiter: u8) -> Vec<(usize, usize)> {
    let (mut cells, mut from, mut in_quotes) = (Vec::new(), 0, false);
    for (at, &byte) in row.iter().enumerate() {
        if byte == b'"' {
            in_quotes = !in_quotes;
        } else if byte == delimiter && !in_quotes {
            cells.push((from, at));
            from = at + 1;
        }
    }
    cells.push((from, row.len()));
    cells
}

fn is_well_quoted(row: &[u8], delimiter: u8) -> bool {
    let mut is_open = false;
    for line in row.split(|byte| *byte == b'\n') {
        match scan(line, delimiter, is_open) {
            Quotes::Closed => is_open = false,
            Quotes::Open { .. } => is_open = true,
            Quotes::Misplaced => return false,
        }
    }
    !is_open
}

/// A name without quotes and white space around it.
fn bare(name: &[u8]) -> &[u8] {
    let name = name.trim_ascii();
    let inner = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
    inner.map_or(name, |inner| inner.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_gets_its_code_in_the_column_of_that_name_and_keeps_its_faults() {
        for (header, row, delimiter, expected_header, expected) in [
            ("a,b\n", "1,2\n", b',', "a,b,mf_code\n", "1,2,x\n"),
            ("a;b\r\n", "1;2\r\n", b';', "a;b;mf_code\r\n", "1;2;x\r\n"),
            ("a,b\n", "1,2", b',', "a,b,mf_code\n", "1,2,x"),
            ("a,b\n", "1,2\r", b',', "a,b,mf_code\n", "1,2,x\r"),
            ("a,b\n", "\"1,\n\"\"2\",2\n", b',', "a,b,mf_code\n", "\"1,\n\"\"2\",2,x\n"),
            // Cells that may be missing are filled in, and those that may not are not.
            ("a,b,,\n", "1,2\n", b',', "a,b,,,mf_code\n", "1,2,,,x\n"),
            ("a,b\n", "1\n", b',', "a,b,mf_code\n", "1,x\n"),
            ("a,b\n", "1,2,3\n", b',', "a,b,mf_code\n", "1,2,3,x\n"),
            ("a,b\n", "1\"1,2\n", b',', "a,b,mf_code\n", "1\"1,2,x\n"),
            // The column is there.
            ("a,mf_code,b\n", "1,old,2\n", b',', "a,mf_code,b\n", "1,x,2\n"),
            ("a,b,\" MF_Code\"\n", "1,2,\"o,ld\"\n", b',', "a,b,\" MF_Code\"\n", "1,2,x\n"),
            ("mf_code,a\n", ",2\r\n", b',', "mf_code,a\n", "x,2\r\n"),
            ("a,mf_code\n", "1\n", b',', "a,mf_code\n", "1\n"),
            ("a,mf_code\n", "1\"1,old\n", b',', "a,mf_code\n", "1\"1,old\n"),
            ("a,mf_code\n", "1,2,3\n", b',', "a,mf_code\n", "1,2,3\n"),
            ("a,mf_code,\n", "1,old\n", b',', "a,mf_code,\n", "1,x\n"),
        ] {
            let column = CodeColumn::of(header.as_bytes(), delimiter, false);
            let header = text(|out| column.write_header(header.as_bytes(), out));
            let row = text(|out| column.write_row(row.as_bytes(), "x", out));
            assert_eq!((header.as_str(), row.as_str()), (expected_header, expected));
        }
        let strict = CodeColumn::of(b"a,b,\n", b',', true);
        assert_eq!(text(|out| strict.write_row(b"1,2\n", "x", out)), "1,2,x\n");
    }

    #[test]
    fn a_row_without_a_header_gets_its_code_behind_all_cells() {
        for (row, expected) in [
            ("a,b\n", "a,b,mf_code=x\n"),
            ("a,b", "a,b,mf_code=x"),
            ("a,b,mf_code=old\r\n", "a,b,mf_code=x\r\n"),
            ("a,\"mf_code=\"\n", "a,\"mf_code=\",mf_code=x\n"),
        ] {
            assert_eq!(text(|out| add_code(row.as_bytes(), b',', "x", out)), expected);
        }
        assert_eq!(text(|out| add_code(b"a,b,mf_code=old\n", b',', "", out)), "a,b\n");
    }

    #[test]
    fn an_object_gets_its_code_behind_its_keys_or_where_it_is() {
        for (json, expected) in [
            ("{}", "{\"mf_code\":\"x\"}"),
            (" {\"a\":1 } \r\n", " {\"a\":1 ,\"mf_code\":\"x\"} \r\n"),
            ("{\"a\":{\"mf_code\":1}}\n", "{\"a\":{\"mf_code\":1},\"mf_code\":\"x\"}\n"),
            ("{\"a\":\"}\\\"{\"}", "{\"a\":\"}\\\"{\",\"mf_code\":\"x\"}"),
            ("{\"mf_code\": null ,\"a\":1}", "{\"mf_code\": \"x\" ,\"a\":1}"),
            (
                "{\"a\":[1,{\"b\":2}],\"mf_code\":[\"o\",1]}",
                "{\"a\":[1,{\"b\":2}],\"mf_code\":\"x\"}",
            ),
            ("{\"mf\\u005fcode\":\"old\"}", "{\"mf\\u005fcode\":\"x\"}"),
        ] {
            assert_eq!(text(|out| assert!(add_key(json.as_bytes(), "x", out), "{json}")), expected);
        }
        for json in ["", "5", "[1]", "{\"a\":", "{\"a\":1}}", "\"{}\"", "{a}"] {
            assert_eq!(text(|out| assert!(!add_key(json.as_bytes(), "x", out), "{json}")), json);
        }
    }

    #[test]
    fn a_value_of_a_document_becomes_one_line_and_stays_the_same() {
        for (json, expected) in [
            ("{\n  \"a b\" : [ 1,\r\n2 ]\n}", "{\"a b\":[1,2]}"),
            ("\"a\\\" \\\\\" ", "\"a\\\" \\\\\""),
            ("{\"a\":\"1\n2\"}", "{\"a\":\"1\\u000a2\"}"),
        ] {
            assert_eq!(text(|out| compact(json.as_bytes(), out)), expected);
        }
    }
}
