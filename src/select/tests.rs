use std::io::Cursor;

use proptest::prelude::*;

use super::*;

use crate::{
    engine::scan::scan_written,
    input::{Format, RowReader, Shape, Source},
};

/// The states that the command selects by default.
const BAD: [RowState; 3] =
    [RowState::In(State::Rejected), RowState::In(State::Failed), RowState::In(State::NeedsReview)];

/// Selects the rows in those states of an input that no ledger knows.
fn select(
    input: &[u8],
    format: Format,
    states: &[RowState],
    with_reason: bool,
) -> (String, Totals) {
    let criteria =
        Criteria { states: states.to_vec(), codes: Vec::new(), types: Vec::new(), with_reason };
    let mut selection = Selection::new(criteria, Known::default());
    let reader = Box::new(Cursor::new(input.to_vec()));
    let mut source = Source::from_reader(reader, format, Shape::Factors);
    source.keep_written();
    let mut out = Vec::new();
    let note = noter(Key::new(&[7; 32]), Shard::WHOLE);
    let scanned = scan_written(Box::new(source), None, note, |rows, written| {
        selection.take(rows, &written, &mut out)
    });
    assert!(scanned.unwrap().unreadable.is_none());
    (String::from_utf8(out).unwrap(), selection.finish())
}

/// A cell as spreadsheets write it.
fn quoted(cell: &str) -> String {
    let is_plain = !cell.contains(['"', ',', '\n', '\r']);
    if is_plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

fn rows() -> impl Strategy<Value = Vec<(Vec<String>, bool, u8)>> {
    let cell =
        prop::collection::vec(prop::sample::select(vec!["a", "\"", ",", "\n", "\r\n", "ü"]), 0..5);
    let cells = prop::collection::vec(cell.prop_map(|parts| parts.concat()), 0..5);
    prop::collection::vec((cells, any::<bool>(), 0_u8..3), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_of_all_states_are_the_rows_of_the_input(
        rows in rows(),
        is_marked: bool,
        is_declared: bool,
        ends_open: bool,
    ) {
        let mut expected = String::from(if is_marked { "\u{feff}" } else { "" });
        if is_declared {
            expected += "sep=,\r\n";
        }
        expected += "user_id,type,name\r\n";
        let mut input = expected.clone();
        let n_rows = rows.len();
        for (at, (cells, is_crlf, n_blank)) in rows.into_iter().enumerate() {
            let first = "x".to_owned();
            let cells: Vec<_> = std::iter::once(first).chain(cells).map(|cell| quoted(&cell)).collect();
            let is_last = at + 1 == n_rows;
            let ending = match (is_last && ends_open, is_crlf) {
                (true, _) => "",
                (false, true) => "\r\n",
                (false, false) => "\n",
            };
            let line = cells.join(",") + ending;
            expected += &line;
            input += &line;
            if !is_last {
                input += ["", "\n", " \r\n,,\n"][usize::from(n_blank)];
            }
        }
        let (output, totals) = select(input.as_bytes(), Format::Csv, &RowState::ALL, false);
        prop_assert_eq!(totals.rows, n_rows as u64);
        prop_assert_eq!(totals.n_selected(), n_rows as u64);
        prop_assert_eq!(&output, &expected);

        // With codes it is read as the same, and taking them out again gives it back.
        let (noted, _) = select(input.as_bytes(), Format::Csv, &RowState::ALL, true);
        let (again, totals) = select(noted.as_bytes(), Format::Csv, &RowState::ALL, true);
        prop_assert_eq!(totals.n_selected(), n_rows as u64);
        prop_assert_eq!(again, noted);
    }

    #[test]
    fn rows_come_with_the_right_line_however_many_stand_on_it(
        lines in prop::collection::vec((0_usize..4, any::<bool>()), 1..400),
    ) {
        let mut input = String::new();
        let mut expected = String::new();
        for (number, (n_factors, is_bad)) in lines.iter().enumerate() {
            let address = if *is_bad { "nobody".to_owned() } else { format!("a{number}@example.org") };
            let factor = format!("{{\"type\":\"email\",\"email\":\"{address}\"}}");
            let factors = vec![factor; *n_factors + 1].join(",");
            let line =
                format!("{{\"user_id\":\"auth0|{number}\",\"authentication_methods\":[{factors}]}}\n");
            if *is_bad {
                expected += &line;
            }
            input += &line;
        }
        let (output, totals) = select(input.as_bytes(), Format::Jsonl, &BAD, false);
        prop_assert_eq!(output, expected);
        let n_rows: usize = lines.iter().map(|(n_factors, _)| n_factors + 1).sum();
        prop_assert_eq!(totals.rows, n_rows as u64);
    }
}

#[test]
fn the_codes_of_a_line_are_those_that_are_wanted_or_bad_each_once() {
    let judged =
        |state, codes: &[Code], is_wanted| Judged { state, codes: codes.to_vec(), is_wanted };
    let bad = RowState::In(State::Failed);
    let good = RowState::In(State::Kept);
    for (rows, expected) in [
        (vec![], ""),
        (vec![judged(RowState::Unsettled, &[], true)], ""),
        (vec![judged(bad, &[Code::Timeout, Code::Http], true)], "timeout http"),
        (
            vec![
                judged(bad, &[Code::Timeout], true),
                judged(bad, &[Code::Timeout], false),
                judged(good, &[Code::UsedSince], false),
                judged(bad, &[Code::Http], false),
            ],
            "timeout http",
        ),
        (vec![judged(good, &[Code::UsedSince], true)], "used_since"),
    ] {
        assert_eq!(codes(&rows), expected);
    }
}

#[test]
fn many_rows_on_one_line_and_long_lines_do_not_pile_up() {
    // A thousand users of a thousand factors: batches end at lines, however long those are.
    let factor = "{\"type\":\"email\",\"email\":\"nobody\"}";
    let factors = vec![factor; 1000].join(",");
    let line = format!("{{\"user_id\":\"a|1\",\"authentication_methods\":[{factors}]}}\n");
    let input = line.repeat(50);
    let (output, totals) = select(input.as_bytes(), Format::Jsonl, &BAD, false);
    assert_eq!((output, totals.rows), (input, 50_000));
}
