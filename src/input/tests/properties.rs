//! Properties that hold for any bytes.

use super::*;

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            &b"\n"[..], b"\r\n", b"\r", b"\"", b"\"\"", b",", b",,,", b"auth0|1", b"email", b"{", b"}", b"[", b"]",
            b"{\"user_id\":\"auth0|1\"", b",\"type\":\"totp\"", b"{\"authentication_methods\":[", b"\"name\":", b"null",
            b"1e5", b"true", b"\xef\xbb\xbf", b"\\ud800", b"user_id,type,name,email\n",
        ])
        .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Everything that reaches people from reading and planning.
fn messages(bytes: &[u8], format: Format) -> String {
    let (rows, error) = read(bytes, format);
    let mut said =
        error.map_or_else(String::new, |error| format!("{error} {error:?} {}", error.hint()));
    for row in rows {
        let rejection = match row {
            Row::Rejected(rejection) => rejection,
            Row::Record(record) => match plan::plan(record, None).planned {
                Planned::Rejected(rejection) => *rejection,
                Planned::Factor(_) => continue,
            },
        };
        // The user is named on purpose; everything else must be silent.
        said.extend([format!("{:?} {:?} ", rejection.faults, rejection.factor_type)]);
    }
    said
}

/// Cells as CSV writes them.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn any_bytes_give_rows_in_order_or_an_error(bytes in pieces(), with_header: bool) {
        let header = if with_header { HEADER } else { "" };
        for (format, bytes) in [
            (Format::Csv, [header.as_bytes(), &bytes].concat()),
            (Format::Jsonl, bytes.clone()),
        ] {
            let (rows, error) = read(bytes.clone(), format);
            let lines: Vec<u64> = rows.iter().map(Row::line).collect();
            prop_assert!(lines.is_sorted());
            let n_lines = 1 + memchr::memchr_iter(b'\n', &bytes).count() as u64;
            let last = lines.iter().copied().chain(error.as_ref().and_then(InputError::line)).max();
            prop_assert!(last.is_none_or(|last| last <= n_lines));
            let counted = count_rows(&bytes[..], format, Shape::Factors).map_err(|error| error.to_string());
            match (counted, error) {
                (Err(counted), Some(error)) => prop_assert_eq!(counted, error.to_string()),
                (Ok(counted), None) if format == Format::Csv => prop_assert_eq!(counted, rows.len() as u64),
                (Ok(counted), None) => prop_assert!(counted <= rows.len() as u64),
                (counted, error) => prop_assert!(false, "{counted:?} {error:?}"),
            }
        }
    }

    #[test]
    fn csv_cells_come_back_as_they_were_written(
        rows in prop::collection::vec(prop::array::uniform4("[a-z,\"\r\n é]{0,9}"), 1..9),
    ) {
        let lines = rows.iter().map(|row| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
        let text = format!("{HEADER}{}", lines.collect::<Vec<_>>().join("\n"));
        let (read, error) = read(text, Format::Csv);
        prop_assert!(error.is_none());
        prop_assert_eq!(read.len(), rows.len());
        let mut line = 2;
        for (row, cells) in read.iter().zip(&rows) {
            let Row::Record(record) = row else { panic!("{row:?}") };
            prop_assert_eq!(record.line, line);
            for (field, cell) in [Field::UserId, Field::Type, Field::Name, Field::Email].into_iter().zip(cells) {
                let expected =
                    if cell.trim().is_empty() { Cell::Absent } else { Cell::Text(cell.clone()) };
                prop_assert!(*record.get(field) == expected);
            }
            line += 1 + cells.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
        }
    }

    #[test]
    fn csv_and_jsonl_of_the_same_cells_give_the_same_records(
        rows in prop::collection::vec(prop::array::uniform4("[ -~é]{0,12}"), 1..6),
    ) {
        let fields = [Field::UserId, Field::Type, Field::Name, Field::Email];
        let csv = rows.iter().map(|row| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n");
        let csv = read(HEADER.to_owned() + &csv.collect::<String>(), Format::Csv).0;
        let jsonl = rows.iter().map(|row| {
            let object = fields.iter().zip(row).map(|(field, cell)| (field.name(), cell));
            serde_json::to_string(&object.collect::<std::collections::BTreeMap<_, _>>()).unwrap() + "\n"
        });
        let jsonl = read(jsonl.collect::<String>(), Format::Jsonl).0;
        // A header counts as a line.
        let told = |rows: &[Row], less: u64| -> Vec<String> {
            rows.iter()
                .map(|row| {
                    let line = row.line();
                    told(row).replacen(&line.to_string(), &(line - less).to_string(), 1)
                })
                .collect()
        };
        prop_assert_eq!(told(&csv, 1), told(&jsonl, 0));
    }

    #[test]
    fn no_message_holds_a_piece_of_the_input(
        canary in "[0-9A-Za-z@+/=]{0,4}Qq[0-9JKZ]{6,12}[0-9A-Za-z@+/=,\":{}\r]{0,9}",
        place in 0_usize..12,
    ) {
        let c = &canary;
        let text = match place {
            0 => c.clone(),
            1 => format!("user_id,type,{c}\n"),
            2 => format!("{c},type,email\n"),
            3 => format!("{HEADER}{c}"),
            4 => format!("{HEADER}auth0|1,{c},,"),
            5 => format!("{HEADER}auth0|1,email,\"{c},"),
            6 => format!("{HEADER}auth0|1,email,\"\"{c},\n,,,{c}"),
            7 => format!("{{\"{c}\": 1}}"),
            8 => format!("{{\"user_id\": \"auth0|1\", \"type\": \"{c}\", \"name\": \"{c}\", \"email\": \"{c}\"}}"),
            9 => format!("{{\"authentication_methods\": [\"{c}\"]}}"),
            10 => format!("{{\"authentication_methods\": [{{\"{c}\": \"{c}\"}}]}}"),
            _ => format!("{{\"user_id\": \"auth0|1\", \"type\": {c}}} {c}"),
        };
        for format in [Format::Csv, Format::Jsonl] {
            let said = messages(text.as_bytes(), format);
            for window in c.as_bytes().windows(6) {
                let window = str::from_utf8(window).unwrap();
                prop_assert!(!said.contains(window), "{} in {}", window, said);
            }
        }
    }
}
