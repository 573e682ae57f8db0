//! Tests from JSON lines and documents to rows.

use super::*;

#[test]
fn a_last_line_of_json_that_can_be_read_is_whole() {
    let whole = r#"{"user_id":"a|1","type":"phone","phone_number":"+13122000001"}"#;
    for (last, expected) in [("", None), ("\n", None), ("\n{\"user_id\":\"a", Some(2))] {
        let mut source = source(format!("{whole}{last}"), Format::Jsonl);
        while source.next_row().unwrap().is_some() {}
        assert_eq!(source.ending().open_lines.first().copied(), expected, "{last:?}");
    }
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
             aaguid=<a list of something other than strings> \
             user_agent=<a list of something other than strings> transports=",
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of JSON inputs")]
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
            "1! : the line ends inside its JSON object (column 11): was it cut off?",
        ),
        (
            "{} {}",
            "1! : the line goes on after its JSON object (column 4): write one object per line",
        ),
        ("17", "1! : the line must be a JSON object"),
        ("\"user\"", "1! : the line must be a JSON object"),
        ("{\"name\": \"a\", \"name\": \"b\"}", "1! name: appears twice"),
        ("{\"user_id\": \"a\", \"Qq81Zz\": 1}", "1! : key 2 of the line is unknown"),
        ("{\"emial\": 1}", "1! : key 1 of the line is unknown; did you mean `email`?"),
        (
            "{\"authentication_methods\": [{}, {\"nmae\": 1}]}",
            "1! : key 1 of `authentication_methods[1]` is unknown; did you mean `name`?",
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
            "1! authentication_methods: appears twice",
        ),
        (
            "{\"authentication_methods\": [{\"user_id\": \"a\"}]}",
            "1! authentication_methods[0].user_id: belongs next to `authentication_methods`, not inside it",
        ),
        (
            "{\"authentication_methods\": [{\"authentication_methods\": []}]}",
            "1! authentication_methods[0].authentication_methods: must not contain itself",
        ),
        (
            "{\"user_id\": \"a\", \"type\": null, \"authentication_methods\": [{}]}",
            "1! : a line with `authentication_methods` must have no other key than that and \
             `user_id`",
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
            "1! : the line contains a bare carriage return: end lines with LF or CRLF",
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
            "line 2: this is a JSON array, not one object per line",
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
#[expect(clippy::too_many_lines, reason = "a table of JSON inputs")]
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
                "2! : key 1 of the object is unknown; did you mean `type`?",
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
                "line 2: the JSON ends inside an array or an object: was the file cut off?",
            ],
        ),
        (
            "[{\"name\":\"n\"},\n",
            &[
                "1 name=n",
                "line 2: the JSON ends inside an array or an object: was the file cut off?",
            ],
        ),
        (
            "[{\"name\":\"n\"}",
            &[
                "1 name=n",
                "line 1: the JSON ends inside an array or an object: was the file cut off?",
            ],
        ),
        ("{\"name\":\"n\"}]", &["1 name=n", "line 1: invalid JSON between two objects"]),
        ("[{\"name\":\"n\"} {}]", &["1 name=n", "line 1: invalid JSON between two objects"]),
        ("[{\"name\":\"n\"},,{}]", &["1 name=n", "line 1: invalid JSON between two objects"]),
        ("user_id,type\n", &["line 1: this is a CSV header, not JSON"]),
        ("", &["the input is empty"]),
    ] {
        assert_eq!(read_as(text, Format::Json, &said), expected, "{text}");
    }
    let long = format!("[{{\"name\":\"n\"}},\n{{\"name\":\"{}\"}}]", "x".repeat(1 << 20));
    let read = read_as(&long, Format::Json, &said);
    assert_eq!(read[1], "line 2: the JSON object that begins here is longer than 1048576 bytes");
}
