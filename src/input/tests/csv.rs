//! Tests from CSV to rows.

use super::*;

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
        (is_cut, source.ending().open_lines.first().copied())
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
            "2! : the row has 2 cells, but the header has 4",
            "3! : the row has 5 cells, but the header has 4",
            "4! : the row has a quote inside an unquoted cell, or text after a closing quote: \
             quote the whole cell and double the quotes inside it",
            "5! : the row has a quote inside an unquoted cell, or text after a closing quote: \
             quote the whole cell and double the quotes inside it",
            "6! : the row, up to line 7, has a quote inside an unquoted cell, or text after a \
             closing quote: quote the whole cell and double the quotes inside it",
            "8! : the line contains a bare carriage return: end lines with LF or CRLF",
            "9! name: must not be longer than 16384 bytes; email: must not be longer than 16384 bytes",
            "10 user_id=auth0|9 type=email",
        ],
    );
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
    assert_eq!(read, ["line 1: not a header: none of its cells is a known column name"]);
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
    let refused = "column 3 has a value in this row, but no name in the header: name the column, \
                   or remove the value";
    for (text, expected) in [
        (
            "user_id,type,\na,email,\nb,email\n",
            &["2 user_id=a type=email", "3 user_id=b type=email"][..],
        ),
        ("user_id,,type, ,,\na,,email,,,\n", &["2 user_id=a type=email"]),
        (",user_id,type\n,a,email\n", &["2 user_id=a type=email"]),
        // Nobody knows what it is, so nobody may say that nothing is lost.
        ("user_id,type,\na,email,x\n", &[&format!("2! : {refused}")]),
        ("user_id,type,\na,email,,\n", &["2! : the row has 4 cells, but the header has 3"]),
        ("user_id,,type\na\n", &["2! : the row has 1 cells, but the header has 3"]),
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
        (r#"{"ID":"a|1","user_id":"b"}"#, "1! user_id: appears twice".into()),
        // Keys are compared as they are.
        (r#"{"ID":"a|1","Tenant":1}"#, "1! : key 2 of the line is unknown".into()),
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
            "line 1: not a header: none of its cells is a known column name",
            "start with a header",
        ),
        (
            "user_id|type\n",
            "line 1: the cells of the header are separated by bars",
            "--delimiter '|'",
        ),
        ("user_id;ty\"pe\n", "line 1: the header has a misplaced quote", "semicolon"),
        ("user_id,\"type\n", "line 1: a quote opened here is never closed", "close it"),
        ("user_id,ty\"pe\n", "line 1: the header has a misplaced quote", "comma"),
        (
            "user_id,type\rauth0|1,email\r",
            "line 1: the header contains a bare carriage return: end lines with LF or CRLF",
            "one line",
        ),
        ("{\"user_id\": \"auth0|1\"}\n", "line 1: this is JSON, not CSV", "--format jsonl"),
        ("[\n", "line 1: this is JSON, not CSV", "--format jsonl"),
    ] {
        check_error(Format::Csv, text, expected, hint);
    }
}
