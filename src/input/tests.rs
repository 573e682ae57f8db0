//! Tests from bytes to rows, in both formats.

use std::io::Cursor;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::{
    model::{Cell, Field, Planned},
    plan,
};

fn source(text: impl Into<Vec<u8>>, format: Format) -> Source {
    Source::from_reader(Box::new(Cursor::new(text.into())), format, Shape::Factors)
}

fn read(text: impl Into<Vec<u8>>, format: Format) -> (Vec<Row>, Option<InputError>) {
    let mut source = source(text, format);
    let mut rows = Vec::new();
    loop {
        match source.next_row() {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => return (rows, None),
            Err(error) => {
                assert!(matches!(source.next_row(), Ok(None)), "an error is the end");
                return (rows, Some(error));
            }
        }
    }
}

/// A row in one line: `LINE[INDEX] field=value …` or `LINE! field: rule`.
fn told(row: &Row) -> String {
    match row {
        Row::Record(record) => {
            let mut told = record.line.to_string();
            told.extend(record.index.map(|index| format!("[{index}]")));
            for field in Field::FACTOR {
                let value = match record.get(field) {
                    Cell::Absent => continue,
                    Cell::Text(text) => text.clone(),
                    Cell::Bool(value) => value.to_string(),
                    Cell::Bit(value) => format!("<number {}>", u8::from(*value)),
                    Cell::List(items) => items.join("|"),
                    Cell::Unusable(what) => format!("<{what}>"),
                };
                told.extend([" ", field.name(), "=", &value]);
            }
            told
        }
        Row::Rejected(rejection) => {
            let faults: Vec<_> =
                rejection.faults.iter().map(|f| format!("{}: {}", f.field, f.rule)).collect();
            format!("{}! {}", rejection.line, faults.join("; "))
        }
    }
}

#[test]
fn a_last_line_without_ending_is_held_back_where_its_value_is_shorter_than_every_other() {
    let held = |text: &str, shape| {
        let reader = Box::new(Cursor::new(text.to_owned()));
        let mut source = Source::from_reader(reader, Format::Csv, shape);
        let mut last = None;
        while let Some(row) = source.next_row().unwrap() {
            last = Some(row);
        }
        let is_cut = matches!(last, Some(Row::Rejected(rejection))
            if rejection.faults[0].code == Code::CutOff.name());
        (is_cut, source.open_line())
    };
    let phones = "user_id,type,phone_number\na|1,phone,+13122000001\na|2,phone,+431234567\n";
    let emails = "user_id,type,phone_number,email\na|1,email,,ann@example.com\n\
                  a|3,phone,+13122000001,NULL\n";
    let named = "phone_number,user_id,type,name\n+13122000001,a|1,phone,Telephone\n";
    let ids = "type,phone_number,user_id\nphone,+13122000001,auth0|12\n";
    for (rows, last, expected) in [
        (phones, "a|3,phone,+1312200", (true, Some(4))),
        (phones, "a|3,phone,+4312345678", (false, Some(4))),
        // As short as another: it may be whole.
        (phones, "a|3,phone,+431234568", (false, Some(4))),
        // Ended, or as good as ended.
        (phones, "a|3,phone,+1312200\n", (false, None)),
        (phones, "a|3,phone,+1312200\r", (false, None)),
        (phones, "a|3,phone,+1312200\n  ", (false, None)),
        (phones, "a|3,phone,\"+1312200\"", (false, Some(4))),
        // Nothing to compare with.
        ("user_id,type,phone_number\n", "a|3,phone,+1312200", (false, Some(2))),
        // Other kinds are not compared with.
        (emails, "a|2,email,,ann@exa.co", (true, Some(4))),
        (emails, "a|2,phone,+1312200,", (false, Some(4))),
        (emails, "a|2,phone,+1312200,NULL", (false, Some(4))),
        // A shorter name does no harm, another user's id does.
        (named, "+13122000002,a|2,phone,Tele", (false, Some(3))),
        (ids, "phone,+13122000002,auth0|1", (true, Some(3))),
    ] {
        let text = format!("{rows}{last}");
        assert_eq!(held(&text, Shape::Factors), expected, "{last:?}");
    }
    // A user too few in a list changes nothing.
    assert_eq!(held("user_id\nauth0|12\nauth0|1", Shape::Users), (false, Some(3)));
}

#[test]
fn a_last_line_of_json_that_can_be_read_is_whole() {
    let whole = r#"{"user_id":"a|1","type":"phone","phone_number":"+13122000001"}"#;
    for (last, expected) in [("", None), ("\n", None), ("\n{\"user_id\":\"a", Some(2))] {
        let mut source = source(format!("{whole}{last}"), Format::Jsonl);
        while source.next_row().unwrap().is_some() {}
        assert_eq!(source.open_line(), expected, "{last:?}");
    }
}

#[test]
fn what_a_row_may_hold_hangs_on_what_the_input_is_for() {
    let rows = |text: &str, format, shape| {
        let mut source = Source::from_reader(Box::new(Cursor::new(text.to_owned())), format, shape);
        let mut rows = Vec::new();
        while let Some(row) = source.next_row()? {
            rows.push(match &row {
                Row::Record(record) => {
                    let fields = Field::FACTOR.into_iter().chain([Field::AuthenticationMethodId]);
                    let given = fields.filter(|field| *record.get(*field) != Cell::Absent);
                    given.map(Field::name).collect::<Vec<_>>().join(" ")
                }
                Row::Rejected(_) => "rejected".into(),
            });
        }
        Ok::<_, InputError>(rows)
    };
    // A list of users may have anything else in it: a file of factors, say, or an export.
    let csv = "type,user_id,x,x\nphone,a|1,,\nphone,a|2,1,2\n";
    assert_eq!(rows(csv, Format::Csv, Shape::Users).unwrap(), ["user_id"; 2]);
    let lines = r#"{"user_id":"a|1","authentication_methods":[{"id":"m","created_at":"x"}]}
{"user_id":"a|1","authentication_method_id":"m","whatever":{"deep":[1]}}"#;
    let read = rows(lines, Format::Jsonl, Shape::Users).unwrap();
    assert_eq!(read, ["user_id", "user_id authentication_method_id"]);
    let methods = "user_id,authentication_method_id\na|1,m\n";
    let line = r#"{"user_id":"a|1","authentication_method_id":"m"}"#;
    for shape in [Shape::Changes, Shape::Targets] {
        let fields = ["user_id authentication_method_id"];
        assert_eq!(rows(methods, Format::Csv, shape).unwrap(), fields);
        assert_eq!(rows(line, Format::Jsonl, shape).unwrap(), fields);
        assert!(matches!(rows(csv, Format::Csv, shape), Err(InputError::UnknownColumn { .. })));
        assert_eq!(rows(lines, Format::Jsonl, shape).unwrap(), ["rejected"; 2]);
    }
    let missing = rows("user_id,name\na|1,n\n", Format::Csv, Shape::Changes).unwrap_err();
    assert_eq!(missing.hint(), "every row needs `user_id` and `authentication_method_id`");
    for shape in [Shape::Factors, Shape::Exported] {
        assert!(matches!(rows(methods, Format::Csv, shape), Err(InputError::UnknownColumn { .. })));
    }
    // What the API adds is passed over only where an export is said to be one.
    let export = r#"{"user_id":"a|1","authentication_methods":[{"id":"m","type":"phone","confirmed":true,"link_id":"l","created_at":"x","enrolled_at":"x","last_auth_at":"x","authentication_methods":[{"id":"s","type":"sms"}],"phone_number":"+1"}]}"#;
    assert_eq!(rows(export, Format::Jsonl, Shape::Factors).unwrap(), ["rejected"]);
    let read = rows(export, Format::Jsonl, Shape::Exported).unwrap();
    assert_eq!(read, ["user_id type phone_number"]);
    let strange = export.replace("confirmed", "confused");
    assert_eq!(rows(&strange, Format::Jsonl, Shape::Exported).unwrap(), ["rejected"]);
}

#[track_caller]
fn check(format: Format, text: &str, expected: &[&str]) {
    let (rows, error) = read(text, format);
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(error.is_none(), "{error:?}");
}

#[track_caller]
fn check_error(format: Format, text: impl Into<Vec<u8>>, expected: &str, hint: &str) {
    let text = text.into();
    let (_, error) = read(text.clone(), format);
    let error = error.expect("an error");
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().contains(hint), "{}", error.hint());
    let counted = count_rows(&text[..], format, Shape::Factors).map_err(|error| error.to_string());
    assert_eq!(counted, Err(expected.to_owned()), "preflight finds the same");
}

const HEADER: &str = "user_id,type,name,email\n";

#[test]
fn csv_rows_become_records() {
    check(
        Format::Csv,
        "\u{feff}Type, USER_ID ,\"name\",email\r\n\
         email,auth0|1,\"Work, \"\"home\"\"\",a@example.com\r\n\
         \r\n\
         email,auth0|2, ,\n\
         \"email\",\"auth0|\n3\",,\n\
         email,auth0|4,,",
        &[
            "2 user_id=auth0|1 type=email name=Work, \"home\" email=a@example.com",
            "4 user_id=auth0|2 type=email",
            "5 user_id=auth0|\n3 type=email",
            "7 user_id=auth0|4 type=email",
        ],
    );
    check(Format::Csv, HEADER, &[]);
}

#[test]
fn a_bad_csv_row_is_rejected_alone() {
    let long = "x".repeat(MAX_CELL + 1);
    check(
        Format::Csv,
        &format!(
            "{HEADER}auth0|1,email\n\
             auth0|2,email,,a@example.com,\n\
             auth0|3,email,5\" phone,\n\
             auth0|4,email,\"a\"b,\n\
             auth0|5,\"em\nail\"x,,\n\
             auth0|6,email\r,,\n\
             auth0|7,email,{long},{long}\n\
             auth0|9,email,,\n"
        ),
        &[
            "2! : the row must have 4 cells, as the header has, but has 2",
            "3! : the row must have 4 cells, as the header has, but has 5",
            "4! : the row has a quote inside an unquoted cell or text after a closing quote: quote the \
             whole cell and write inner quotes twice",
            "5! : the row has a quote inside an unquoted cell or text after a closing quote: quote the \
             whole cell and write inner quotes twice",
            "6! : the row, up to line 7, has a quote inside an unquoted cell or text after a closing quote: \
             quote the whole cell and write inner quotes twice",
            "8! : the line holds a bare carriage return: line endings must be LF or CRLF",
            "9! name: must not be longer than 16384 bytes; email: must not be longer than 16384 bytes",
            "10 user_id=auth0|9 type=email",
        ],
    );
}

/// Rows of a text in one line each, and the fault of the whole, of an input of which that is said.
fn read_as(text: &str, format: Format, dialect: &Dialect) -> Vec<String> {
    let reader = Box::new(Cursor::new(text.to_owned()));
    let mut source = Source::of(reader, format, dialect, Shape::Factors);
    let mut all = Vec::new();
    let error = loop {
        match source.next_row() {
            Ok(Some(row)) => all.push(told(&row)),
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let counted = count(text.as_bytes(), format, dialect, Shape::Factors);
    match &error {
        None => assert_eq!(counted.unwrap(), all.len() as u64, "{text}"),
        Some(error) => assert_eq!(counted.unwrap_err().to_string(), *error, "{text}"),
    }
    all.extend(error);
    all
}

#[test]
fn the_delimiter_is_told_by_the_header() {
    let rows =
        ["2 user_id=auth0|1 type=email name=a, b;c email=x@example.com", "3 user_id=auth0|2"];
    let template =
        "user_id~type~\"name\"~Email\nauth0|1~email~\"a, b;c\"~x@example.com\nauth0|2~~~\n";
    for delimiter in [",", ";", "\t"] {
        let text = template.replace('~', delimiter);
        for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
            assert_eq!(read_as(&text, Format::Csv, &Dialect::default()), rows, "{text}");
        }
        let said = Dialect { delimiter: Some(delimiter.as_bytes()[0]), ..Dialect::default() };
        assert_eq!(read_as(&text, Format::Csv, &said), rows);
    }
    for other in ["|", "^", ":", "~"] {
        let text = template.replace("auth0|", "auth0").replace('~', other);
        let said = Dialect { delimiter: Some(other.as_bytes()[0]), ..Dialect::default() };
        let read = read_as(&text, Format::Csv, &said);
        assert_eq!(read, rows.map(|row| row.replace("auth0|", "auth0")));
        // Nobody has said so.
        assert!(read_as(&text, Format::Csv, &Dialect::default())[0].starts_with("line 1"));
    }
    // What is said counts, whatever the header looks like.
    let said = Dialect { delimiter: Some(b';'), ..Dialect::default() };
    let read = read_as("user_id,type\na,email\n", Format::Csv, &said);
    assert_eq!(read, ["line 1: not a header: none of its cells is the name of a column"]);
    // One column has no delimiter at all, and another file's delimiter is no more than text.
    let one = "user_id,type,name\na,email,x;y\tz\n";
    let read = read_as(one, Format::Csv, &Dialect::default());
    assert_eq!(read, ["2 user_id=a type=email name=x;y\tz"]);
}

#[test]
fn a_line_that_declares_the_delimiter_is_heeded() {
    let rows = ["3 user_id=auth0|1 type=email"];
    for (declared, delimiter) in [
        ("sep=;", ";"),
        ("sep=,", ","),
        ("SEP=\t", "\t"),
        ("\"sep=;\"", ";"),
        ("\u{feff}sep=|", "|"),
        ("sep=^", "^"),
        // The header knows better.
        ("sep=;", ","),
        ("sep=,", ";"),
    ] {
        let row = ["auth0|1", "email"].join(delimiter);
        let row = if delimiter == "|" { "\"auth0|1\"|email".into() } else { row };
        let text = format!("{declared}\r\nuser_id{delimiter}type\r\n{row}\r\n");
        assert_eq!(read_as(&text, Format::Csv, &Dialect::default()), rows, "{text}");
    }
    for not in ["sep=", "sep=;;", "sep=\"", "sep=a", "step=;"] {
        let read = read_as(&format!("{not}\nuser_id;type\n"), Format::Csv, &Dialect::default());
        assert!(read[0].starts_with("line 1: "), "{not}: {read:?}");
    }
}

#[test]
fn columns_without_name_and_values_are_ignored() {
    let refused =
        "column 3 has no name in the header, and a value in this row: name it, or empty it";
    for (text, expected) in [
        (
            "user_id,type,\na,email,\nb,email\n",
            &["2 user_id=a type=email", "3 user_id=b type=email"][..],
        ),
        ("user_id,,type, ,,\na,,email,,,\n", &["2 user_id=a type=email"]),
        (",user_id,type\n,a,email\n", &["2 user_id=a type=email"]),
        // Nobody knows what it is, so nobody may say that nothing is lost.
        ("user_id,type,\na,email,x\n", &[&format!("2! : {refused}")]),
        (
            "user_id,type,\na,email,,\n",
            &["2! : the row must have 3 cells, as the header has, but has 4"],
        ),
        ("user_id,,type\na\n", &["2! : the row must have 3 cells, as the header has, but has 1"]),
        // Rows of nothing, as spreadsheets write below the last one.
        ("user_id;type\na;email\n;\n; \n", &["2 user_id=a type=email"]),
        ("user_id,type\n\"\",\"\"\n", &["2"]),
    ] {
        assert_eq!(read_as(text, Format::Csv, &Dialect::default()), expected, "{text}");
    }
}

#[test]
fn columns_and_keys_are_ignored_and_renamed_as_is_said() {
    let mut said = Dialect { ignored: vec!["tenant".into(), "Note ".into()], ..Dialect::default() };
    assert_eq!(said.rename("totp_secret=otp_secret"), Ok(()));
    assert_eq!(said.rename(" user_id = ID"), Ok(()));
    for (pair, fault) in [
        ("totp_secret", RenameFault::NoPair),
        ("name=", RenameFault::NoPair),
        ("totpsecret=x", RenameFault::UnknownField(Some(Field::TotpSecret))),
        ("whatever=x", RenameFault::UnknownField(None)),
        ("totp_secret=x", RenameFault::Twice),
        ("name=ID", RenameFault::Twice),
    ] {
        assert_eq!(said.rename(pair), Err(fault), "{pair}");
    }
    let row = "user_id=a|1 type=totp totp_secret=S";
    for (text, expected) in [
        ("Id,type,tenant,OTP_secret,note,MF_code\na|1,totp,t,S,n,c\n", format!("2 {row}")),
        (
            "id;type;otp_secret;mf_line\na|1;totp;S;7\nID;type;otp_secret;mf_line\n",
            format!("2 {row}"),
        ),
        (
            "id,type,totp_secret,otp_secret\n",
            "line 1: the column `totp_secret` appears twice, as columns 3 and 4".into(),
        ),
        (
            "id,type,user_id\n",
            "line 1: the column `user_id` appears twice, as columns 1 and 3".into(),
        ),
    ] {
        assert_eq!(read_as(text, Format::Csv, &said), [expected], "{text}");
    }
    for (text, expected) in [
        (
            r#"{"ID":"a|1","type":"totp","tenant":{"a":[1]},"otp_secret":"S","mf_line":7}"#,
            format!("1 {row}"),
        ),
        (
            r#"{"mf_code":1,"ID":"a|1","authentication_methods":[{"type":"totp","otp_secret":"S","mf_x":1}]}"#,
            format!("1[0] {row}"),
        ),
        (r#"{"ID":"a|1","user_id":"b"}"#, "1! user_id: is there twice".into()),
        // Keys are compared as they are.
        (r#"{"ID":"a|1","Tenant":1}"#, "1! : key 2 of the line is not known".into()),
    ] {
        assert_eq!(read_as(text, Format::Jsonl, &said), [expected], "{text}");
    }
    // Of these nothing has to be said.
    let text = "user_id,type,mf_anything\na|1,email,x\n";
    assert_eq!(read_as(text, Format::Csv, &Dialect::default()), ["2 user_id=a|1 type=email"]);
}

#[test]
fn headers_that_come_again_are_passed_over() {
    let first = "2 user_id=a type=email";
    for (text, expected) in [
        (
            "user_id,type\na,email\nUSER_ID,\"type\"\nb,email\n",
            &[first, "4 user_id=b type=email"][..],
        ),
        (
            "\u{feff}user_id;type\r\na;email\r\n\u{feff}user_id;type\r\nb;email\r\n",
            &[first, "4 user_id=b type=email"],
        ),
        (
            "sep=;\nuser_id;type\na;email\nsep=;\nuser_id;type\nb;email\n",
            &["3 user_id=a type=email", "6 user_id=b type=email"],
        ),
        // Each file has its own header.
        (
            "user_id,type\na,email\n\u{feff}\"type\",name,user_id\nemail,n,b\n",
            &[first, "4 user_id=b type=email name=n"],
        ),
        (
            "user_id,type\na,email\nuser_id,type,x\nb,email,1\n",
            &[first, "line 3: unknown column 3"],
        ),
        // A mark alone does no harm.
        (
            "user_id,type\na,email\n\u{feff}b,email\n\u{feff}\"c\",email\n",
            &[first, "3 user_id=b type=email", "4 user_id=c type=email"],
        ),
        // Only a header is one.
        (
            "user_id,type,name\na,email,type\nb,user_id,name\nuser_id,email,n\n",
            &[
                "2 user_id=a type=email name=type",
                "3 user_id=b type=user_id name=name",
                "4 user_id=user_id type=email name=n",
            ],
        ),
    ] {
        assert_eq!(read_as(text, Format::Csv, &Dialect::default()), expected, "{text}");
    }
    let text = "\u{feff}{\"type\":\"email\"}\n\u{feff}{\"type\":\"email\"}\n";
    assert_eq!(read_as(text, Format::Jsonl, &Dialect::default()), ["1 type=email", "2 type=email"]);
}

#[test]
fn a_header_is_checked_before_any_row() {
    for (text, expected, hint) in [
        ("", "the input is empty", "header"),
        ("\u{feff}\n \n", "the input is empty", "header"),
        ("user_id,type,emial\n", "line 1: unknown column 3", "did you mean `email`?"),
        ("\nuser_id,type,Qq81Zz\n", "line 2: unknown column 3", "--ignore-columns"),
        (
            "type,email,user_id, Email\n",
            "line 1: the column `email` appears twice, as columns 2 and 4",
            "one of them",
        ),
        ("user_id,email\n", "line 1: the column `type` is missing", "`type`"),
        ("type,email\n", "line 1: the column `user_id` is missing", "`user_id`"),
        (
            "auth0|1,phonecall,+12025550123\n",
            "line 1: not a header: none of its cells is the name of a column",
            "begin with a header",
        ),
        (
            "user_id|type\n",
            "line 1: the cells of the header are separated by bars",
            "--delimiter '|'",
        ),
        ("user_id;ty\"pe\n", "line 1: the header has a quote in the wrong place", "semicolon"),
        ("user_id,\"type\n", "line 1: a quote is opened here and never closed", "close it"),
        ("user_id,ty\"pe\n", "line 1: the header has a quote in the wrong place", "comma"),
        (
            "user_id,type\rauth0|1,email\r",
            "line 1: the header holds a bare carriage return: end lines with LF or CRLF",
            "one line",
        ),
        ("{\"user_id\": \"auth0|1\"}\n", "line 1: this is JSON, not CSV", "--format jsonl"),
        ("[\n", "line 1: this is JSON, not CSV", "--format jsonl"),
    ] {
        check_error(Format::Csv, text, expected, hint);
    }
}

#[test]
fn what_is_not_text_stops_the_run() {
    for format in [Format::Csv, Format::Jsonl] {
        check_error(
            format,
            *b"\x1f\x8b\x09\0\0\0\0\0",
            "the input is a gzip file, not text",
            "decompress",
        );
        check_error(format, *b"\xff\xfeu\0s\0", "the input is UTF-16, not UTF-8", "iconv");
    }
    let text = [HEADER.as_bytes(), b"auth0|1,email,caf\xe9,\n"].concat();
    check_error(Format::Csv, text, "line 2: not UTF-8 at byte 41 of the input", "iconv");
    let text = format!("{HEADER}auth0|1,email,,\nauth0|2,\"email,,\nauth0|3,email,,\n");
    check_error(
        Format::Csv,
        text,
        "line 3: a quote is opened here and never closed",
        "written twice",
    );
}

#[test]
fn jsonl_lines_hold_factors_or_users() {
    check(
        Format::Jsonl,
        "\u{feff}{\"user_id\": \"auth0|1\", \"type\": \"email\", \"email\": \"a@example.com\", \"name\": null}\r\n\
         \n\
         {\"authentication_methods\": [{\"type\": \"email\"}, {\"type\": \"totp\"}], \"user_id\": \"auth0|2\"}\n\
         {\"authentication_methods\": [{}]}\n\
         {\"type\": \"passkey\", \"credential_backed_up\": true, \"transports\": [\"usb\", \"nfc\"], \"name\": \" \"}\n\
         {\"phone_number\": 447, \"name\": 1e3, \"email\": {\"a\": [1]}, \"key_id\": -1, \"aaguid\": [1], \
         \"transports\": [], \"user_agent\": [[\"a\"]]}",
        &[
            "1 user_id=auth0|1 type=email email=a@example.com",
            "3[0] user_id=auth0|2 type=email",
            "3[1] user_id=auth0|2 type=totp",
            "4[0]",
            "5 type=passkey credential_backed_up=true transports=usb|nfc",
            "6 name=<a number> phone_number=<a number> email=<an object> key_id=<a number> \
             aaguid=<a list that holds other things than strings> \
             user_agent=<a list that holds other things than strings> transports=",
        ],
    );
}

#[test]
fn a_bad_json_line_is_rejected_alone() {
    let long = "x".repeat(MAX_CELL + 1);
    let list = vec!["\"a\""; 65].join(",");
    let many = vec!["{}"; 1001].join(",");
    for (line, expected) in [
        ("nonsense", "1! : the line is not valid JSON (column 2)"),
        ("{\"user_id\": \"a\",}", "1! : the line is not valid JSON (column 17)"),
        ("{\"name\": NaN}", "1! : the line is not valid JSON (column 10)"),
        ("{\"name\": \"\\ud800\"}", "1! : the line is not valid JSON (column 17)"),
        (
            "{\"name\": \"a",
            "1! : the line ends at column 11, before its JSON object does: was it cut off?",
        ),
        ("{} {}", "1! : more follows after the JSON object (column 4): write one a line"),
        ("17", "1! : the line must be a JSON object"),
        ("\"user\"", "1! : the line must be a JSON object"),
        ("{\"name\": \"a\", \"name\": \"b\"}", "1! name: is there twice"),
        ("{\"user_id\": \"a\", \"Qq81Zz\": 1}", "1! : key 2 of the line is not known"),
        ("{\"emial\": 1}", "1! : key 1 of the line is not known; did you mean `email`?"),
        (
            "{\"authentication_methods\": [{}, {\"nmae\": 1}]}",
            "1! : key 1 of `authentication_methods[1]` is not known; did you mean `name`?",
        ),
        ("{\"authentication_methods\": []}", "1! authentication_methods: has no factors"),
        (
            "{\"authentication_methods\": null}",
            "1! authentication_methods: must be a list of factors",
        ),
        (
            "{\"authentication_methods\": {}}",
            "1! authentication_methods: must be a list of factors",
        ),
        (
            "{\"authentication_methods\": [{}, 1]}",
            "1! authentication_methods[1]: must be an object",
        ),
        (
            "{\"authentication_methods\": [{}], \"authentication_methods\": []}",
            "1! authentication_methods: is there twice",
        ),
        (
            "{\"authentication_methods\": [{\"user_id\": \"a\"}]}",
            "1! authentication_methods[0].user_id: belongs beside `authentication_methods`, not into it",
        ),
        (
            "{\"authentication_methods\": [{\"authentication_methods\": []}]}",
            "1! authentication_methods[0].authentication_methods: must not be inside itself",
        ),
        (
            "{\"user_id\": \"a\", \"type\": null, \"authentication_methods\": [{}]}",
            "1! : a line with `authentication_methods` must have no other key than `user_id` beside it",
        ),
        (
            &format!("{{\"authentication_methods\": [{many}]}}"),
            "1! authentication_methods: must have at most 1000 factors",
        ),
        (&format!("{{\"name\": \"{long}\"}}"), "1! name: must not be longer than 16384 bytes"),
        (&format!("{{\"name\": [\"{long}\"]}}"), "1! name: must not be longer than 16384 bytes"),
        (&format!("{{\"name\": [{list}]}}"), "1 name=<a list of more than 64 entries>"),
        (
            "{\"name\": \"a\rb\"}",
            "1! : the line holds a bare carriage return: line endings must be LF or CRLF",
        ),
        (
            &format!("{{\"name\": {}", "[".repeat(1000) + "1"),
            "1! : the line is not valid JSON (column 136)",
        ),
    ] {
        check(
            Format::Jsonl,
            &format!("{line}\n{{\"type\": \"email\"}}"),
            &[expected, "2 type=email"],
        );
    }
}

#[test]
fn what_is_not_jsonl_at_all_stops_the_run() {
    for (text, expected, hint) in [
        ("", "the input is empty", "at least one line"),
        (
            "\n[{\"user_id\": 1}]\n",
            "line 2: this is one JSON array, not one object a line",
            "--format json",
        ),
        (
            "{\n  \"user_id\": 1\n}\n",
            "line 1: the JSON object spans several lines",
            "--format json",
        ),
        (
            "{\"user_id\": 1,\n\"type\": 2}\n",
            "line 1: the JSON object spans several lines",
            "--format json",
        ),
        (
            "{\"user_id\": 1, \"type\": {}},\n{\"user_id\": 2},\n",
            "line 1: a comma follows the JSON object",
            "sed",
        ),
        (
            "{\"user_id\": {\"a\": 1},\n\"type\": 2}\n",
            "line 1: the JSON object spans several lines",
            "--format json",
        ),
        (HEADER, "line 1: this is a CSV header, not JSON", "--format csv"),
    ] {
        check_error(Format::Jsonl, text, expected, hint);
    }
}

#[test]
fn a_json_document_is_read_object_by_object() {
    let said = Dialect::default();
    let (one, two) = ("user_id=a type=email name={[\\\"],", "user_id=b type=email");
    let first = r#"{"user_id":"a","type":"email","name":"{[\\\"],"}"#;
    let second = "{\r\n \"user_id\": \"b\",\n \"type\": \"email\"\n}";
    for (text, lines) in [
        (format!("[{first},{second}]"), [1, 1]),
        (format!("\u{feff}[\n{first},\n{second}\n]\n"), [2, 3]),
        (format!("[\n{first},\n{second},\n]"), [2, 3]),
        // One after another, or the brackets cut off.
        (format!("{first}\n{second}\n"), [1, 2]),
        (format!("{first}{second}"), [1, 1]),
        (format!("{first},\n{second},\n"), [1, 2]),
        // Files that were joined.
        (format!("[{first}]\n\u{feff}[{second}]\n[]"), [1, 2]),
    ] {
        let expected = [format!("{} {one}", lines[0]), format!("{} {two}", lines[1])];
        assert_eq!(read_as(&text, Format::Json, &said), expected, "{text}");
    }
    let users = "[{\"user_id\":\"a\",\"authentication_methods\":[\n{\"type\":\"totp\"},{\"type\":\"email\"}]}]";
    let source = &mut source(users, Format::Json);
    let rows: Vec<_> = std::iter::from_fn(|| source.next_row().unwrap()).collect();
    let rows: Vec<_> = rows.iter().map(told).collect();
    assert_eq!(rows, ["1[0] user_id=a type=totp", "1[1] user_id=a type=email"]);
    for (text, expected) in [
        // A bad object is rejected alone.
        (
            "[{\"user_id\":\"a\"},\n{\"typ\":1},\n17, \"x\", null,[{}],\n{\"name\"\n: NaN},{\"name\":\"n\"}]",
            &[
                "1 user_id=a",
                "2! : key 1 of the object is not known; did you mean `type`?",
                "3! : every value must be a JSON object",
                "3! : every value must be a JSON object",
                "3! : every value must be a JSON object",
                "3! : every value must be a JSON object",
                "4! : the object is not valid JSON (line 5, column 3)",
                "5 name=n",
            ][..],
        ),
        (
            "[{\"name\":\"n\"},\n{\"name\":",
            &[
                "1 name=n",
                "line 2: the JSON ends before its array or object does: was the file cut off?",
            ],
        ),
        (
            "[{\"name\":\"n\"},\n",
            &[
                "1 name=n",
                "line 2: the JSON ends before its array or object does: was the file cut off?",
            ],
        ),
        (
            "[{\"name\":\"n\"}",
            &[
                "1 name=n",
                "line 1: the JSON ends before its array or object does: was the file cut off?",
            ],
        ),
        ("{\"name\":\"n\"}]", &["1 name=n", "line 1: not valid JSON between two objects"]),
        ("[{\"name\":\"n\"} {}]", &["1 name=n", "line 1: not valid JSON between two objects"]),
        ("[{\"name\":\"n\"},,{}]", &["1 name=n", "line 1: not valid JSON between two objects"]),
        ("user_id,type\n", &["line 1: this is a CSV header, not JSON"]),
        ("", &["the input is empty"]),
    ] {
        assert_eq!(read_as(text, Format::Json, &said), expected, "{text}");
    }
    let long = format!("[{{\"name\":\"n\"}},\n{{\"name\":\"{}\"}}]", "x".repeat(1 << 20));
    let read = read_as(&long, Format::Json, &said);
    assert_eq!(read[1], "line 2: the JSON object that begins here is longer than 1048576 bytes");
}

#[test]
fn formats_of_others_are_told_by_their_names() {
    let bulk = "line 1: this is Auth0's bulk import format (`mfa_factors`)";
    let secrets = "line 1: this is Auth0's export of MFA secrets (`otp_secret`)";
    let users = "line 1: this is an export of Auth0's users (`identities`)";
    for (format, text, expected) in [
        (Format::Jsonl, r#"{"user_id":"a","mfa_factors":[{"totp":{"secret":"S"}}]}"#, bulk),
        (Format::Json, r#"[{"user_id":"a","mfa_factors":[]}]"#, bulk),
        (Format::Csv, "user_id,mfa_factors.0.totp.secret\n", bulk),
        (Format::Jsonl, r#"{"user_id":"a","tenant":"t","type":"otp","otp_secret":"S"}"#, secrets),
        (Format::Csv, "user_id,tenant,type,otp_secret\n", "line 1: unknown column 2"),
        (Format::Csv, "user_id,type,otp_secret\n", secrets),
        (Format::Json, r#"[{"user_id":"a","identities":[]}]"#, users),
        (Format::Json, r#"{"sops":{},"data":"x"}"#, "line 1: this is a file encrypted by SOPS"),
    ] {
        assert_eq!(read_as(text, format, &Dialect::default()), [expected], "{text}");
    }
    // What is mapped or ignored is known.
    let mut said = Dialect { ignored: vec!["tenant".into()], ..Dialect::default() };
    said.rename("totp_secret=otp_secret").unwrap();
    let text = r#"{"user_id":"a","tenant":"t","type":"totp","otp_secret":"S"}"#;
    assert_eq!(read_as(text, Format::Jsonl, &said), ["1 user_id=a type=totp totp_secret=S"]);
}

#[test]
fn a_compressed_file_is_read_and_its_length_is_the_stored_one() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{HEADER}auth0|1,email,,a@example.com\n").repeat(1000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let path = folder.path().join("factors.csv.gz");
    std::fs::write(&path, &bytes).unwrap();
    let said = Dialect::default();
    assert_eq!(scan(&path, &said, Shape::Factors).unwrap(), Some(1000));
    let mut source = Source::open(&path, &said, Shape::Factors).unwrap();
    let read = source.bytes_read();
    let mut n_rows = 0;
    while source.next_row().unwrap().is_some() {
        n_rows += 1;
    }
    let len = bytes.len() as u64;
    assert_eq!((n_rows, source.len(), read.load(Ordering::Relaxed)), (1000, Some(len), len));
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let error = scan(&path, &said, Shape::Factors).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("decompressing failed: it ends before its time: was it cut off?"),
        "{error}"
    );
}

#[test]
fn the_format_is_told_by_the_extension() {
    for (name, expected) in [
        ("a.csv", Some(Format::Csv)),
        ("a.b.CSV", Some(Format::Csv)),
        ("a.tsv", Some(Format::Csv)),
        ("a.jsonl", Some(Format::Jsonl)),
        ("a.ndjson", Some(Format::Jsonl)),
        ("a.json", Some(Format::Json)),
        ("a.csv.gz", Some(Format::Csv)),
        ("a.JSONL.ZST", Some(Format::Jsonl)),
        ("a.json.zstd", Some(Format::Json)),
        ("a.gz", None),
        (".gz", None),
        ("csv", None),
        ("-", None),
    ] {
        assert_eq!(Format::of(Path::new(name)).ok(), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_opened_is_said_with_its_path() {
    let missing = Path::new("/nonexistent/factors.csv");
    for error in [
        Source::open(missing, &Dialect::default(), Shape::Factors).err(),
        scan(missing, &Dialect::default(), Shape::Factors).err(),
    ] {
        assert!(error.is_some_and(|error| {
            error.to_string().starts_with("`/nonexistent/factors.csv` cannot")
        }));
    }
    let directory = std::env::temp_dir();
    assert!(matches!(
        Source::open(&directory, &Dialect::default(), Shape::Factors),
        Err(InputError::Directory { .. })
    ));
    assert!(matches!(
        Source::open(Path::new("-"), &Dialect::default(), Shape::Factors),
        Err(InputError::UnknownFormat)
    ));
    let dialect = Dialect { format: Some(Format::Csv), ..Dialect::default() };
    assert!(matches!(scan(Path::new("-"), &dialect, Shape::Factors), Ok(None)));
}

#[test]
fn every_error_knows_its_line() {
    let (_, error) = read("user_id,type,x\n", Format::Csv);
    assert_eq!(error.and_then(|error| error.line()), Some(1));
    assert_eq!(InputError::Empty.line(), None);
}

#[test]
fn preflight_counts_rows_and_progress_counts_bytes() {
    let text = format!("{HEADER}a,b,c,d\n\n\"a\nb\",c\n");
    assert_eq!(count_rows(text.as_bytes(), Format::Csv, Shape::Factors).unwrap(), 2);
    assert_eq!(count_rows(&b"{}\n\n{}"[..], Format::Jsonl, Shape::Factors).unwrap(), 2);
    let mut source = source(text.as_str(), Format::Csv);
    let bytes_read = source.bytes_read();
    assert_eq!(bytes_read.load(Ordering::Relaxed), 0);
    while source.next_row().unwrap().is_some() {}
    assert_eq!(bytes_read.load(Ordering::Relaxed), text.len() as u64);
    assert_eq!(source.len(), None);
}

/// The good factors of a sample and the lines of its bad rows.
fn sample(name: &str) -> (Vec<String>, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    let counted = scan(&path, &Dialect::default(), Shape::Factors).unwrap();
    let mut source = Source::open(&path, &Dialect::default(), Shape::Factors).unwrap();
    assert_eq!(source.len(), path.metadata().ok().map(|metadata| metadata.len()));
    let (mut good, mut bad, mut n_rows) = (Vec::new(), Vec::new(), 0);
    while let Some(row) = source.next_row().unwrap() {
        n_rows += 1;
        let Row::Record(record) = row else { panic!("{row:?}") };
        match plan::plan(record, None).planned {
            Planned::Factor(factor) => {
                let shown: Vec<_> = plan::preview(&factor)
                    .iter()
                    .map(|(f, text)| format!("{}={text}", f.name()))
                    .collect();
                good.push(format!("{} {}", shown.join(" "), factor.identity()));
            }
            Planned::Rejected(rejection) => {
                bad.extend(rejection.faults.into_iter().map(|f| f.rule));
            }
        }
    }
    assert!(counted.is_some_and(|counted| counted <= n_rows));
    (good, bad)
}

#[test]
fn the_samples_hold_the_same_good_factors_and_three_bad_rows() {
    let (mut csv, bad) = sample("factors.csv");
    let starts = ["is masked", "asks for another number of `digits`", "must be `phone`"];
    assert_eq!(bad.len(), starts.len());
    assert!(bad.iter().zip(starts).all(|(rule, start)| rule.starts_with(start)), "{bad:?}");
    let (factors, none) = sample("factors.jsonl");
    assert_eq!((&factors, none.len()), (&csv, 0));
    let (mut users, none) = sample("users.jsonl");
    csv.sort();
    users.sort();
    assert_eq!((&users, none.len()), (&csv, 0));
}

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
