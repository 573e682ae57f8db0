use std::{
    collections::BTreeSet,
    io::{Cursor, Write},
};

use proptest::prelude::*;

use super::*;
use crate::{input::Format, model::Code};

fn read(bytes: impl Into<Vec<u8>>, format: Format) -> Result<Map, IdentityError> {
    let table = Columns::from_reader(Box::new(Cursor::new(bytes.into())), format, COLUMNS);
    Map::read(table, Path::new("users.csv"))
}

fn csv(text: &str) -> Map {
    read(text, Format::Csv).unwrap()
}

fn person(id: &str, email: &str, username: &str) -> Person {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Person { id: some(id), email: some(email), username: some(username), ..Person::default() }
}

/// The user id, or the code of the reason why there is none.
fn outcome(map: &Map, person: &Person) -> Result<String, String> {
    map.user_id(person).unwrap().map_err(|fault| {
        assert_eq!(fault.field, "user_id");
        for value in [&person.email, &person.username].into_iter().flatten() {
            assert!(value.len() < 4 || !fault.rule.contains(value), "{}", fault.rule);
        }
        fault.code.into_owned()
    })
}

#[test]
fn a_person_is_found_by_all_that_map_and_source_know() {
    let map = csv("id,email,user_id,username\n\
         1,a@x.example,auth0|1,anna\n\
         2,b@x.example,auth0|2,\n\
         3,,auth0|3,carl\n\
         ,a@x.example,auth0|1,\n\
         4,D@x.example,auth0|4,\n\
         5,d@x.example,auth0|5,\n\
         6,E@x.example,auth0|6,Eve\n");
    let ambiguous = || Err("user_ambiguous".to_owned());
    let unknown = || Err("user_not_mapped".to_owned());
    let user = |id: &str| Ok(id.to_owned());
    for (id, email, username, expected) in [
        ("1", "a@x.example", "anna", user("auth0|1")),
        ("1", "", "", user("auth0|1")),
        ("", "a@x.example", "", user("auth0|1")),
        ("", "", "anna", user("auth0|1")),
        // A new address, a new name: the id says who it is.
        ("1", "new@x.example", "new", user("auth0|1")),
        ("9", "b@x.example", "", user("auth0|2")),
        // Two facts, two users.
        ("1", "b@x.example", "", ambiguous()),
        ("2", "b@x.example", "carl", ambiguous()),
        ("", "a@x.example", "carl", ambiguous()),
        // Case of addresses, where it tells lines apart and where it does not.
        ("", "A@X.EXAMPLE", "", user("auth0|1")),
        ("", "d@x.example", "", user("auth0|5")),
        ("", "D@x.example", "", user("auth0|4")),
        ("", "D@X.example", "", ambiguous()),
        ("", "e@x.example", "", user("auth0|6")),
        // Names and ids are what they are.
        ("", "", "Anna", unknown()),
        ("", "", "Eve", user("auth0|6")),
        (" 1", "", "", unknown()),
        ("01", "", "", unknown()),
        ("a@x.example", "1", "1", unknown()),
        ("", "", "", unknown()),
        ("", " ", "", unknown()),
    ] {
        let found = outcome(&map, &person(id, email, username));
        assert_eq!(found, expected, "{id} {email} {username}");
    }
}

#[test]
fn a_map_goes_by_the_columns_that_it_has() {
    let map = csv("email,user_id\na@x.example,auth0|1\n");
    assert_eq!(outcome(&map, &person("7", "a@x.example", "x")), Ok("auth0|1".into()));
    let fault = map.user_id(&person("7", "", "x")).unwrap().unwrap_err();
    assert!(fault.rule.contains("the source knows no `email` of this person"), "{}", fault.rule);
    let fault = map.user_id(&person("7", "b@x.example", "x")).unwrap().unwrap_err();
    assert!(fault.rule.contains("no line of the map has this person's `email`"), "{}", fault.rule);
}

#[test]
fn a_line_without_a_user_id_gives_its_code_unless_a_surer_fact_tells() {
    let map = csv("id,email,user_id,mf_code\n\
         1,a@x.example,,user_not_found\n\
         2,b@x.example,,\n\
         3,s@x.example,auth0|3,user_ambiguous\n\
         4,s@x.example,,user_ambiguous\n");
    for (id, email, expected) in [
        ("1", "a@x.example", Err("user_not_found")),
        ("", "a@x.example", Err("user_not_found")),
        ("2", "", Err("user_not_mapped")),
        // Looked up by hand: one of two people who share an address.
        ("3", "s@x.example", Ok("auth0|3")),
        ("4", "s@x.example", Err("user_ambiguous")),
        ("", "s@x.example", Err("user_ambiguous")),
    ] {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(outcome(&map, &person(id, email, "")), expected, "{id} {email}");
    }
}

#[test]
fn a_value_that_is_in_very_many_lines_is_nobodys() {
    let lines = |n: usize| "none@x.example,auth0|1\n".repeat(n);
    let map = csv(&format!("email,user_id\n{}", lines(MAX_LINES_EXAMINED)));
    let nobody = person("", "none@x.example", "");
    assert_eq!(outcome(&map, &nobody), Ok("auth0|1".into()));
    let map = csv(&format!("email,user_id\n{}", lines(MAX_LINES_EXAMINED + 1)));
    assert_eq!(outcome(&map, &nobody), Err("user_ambiguous".into()));
}

#[test]
fn maps_are_read_as_people_have_them() {
    let person = person("1", "a@x.example", "");
    for (text, format) in [
        ("\u{feff}User_ID;Email\r\nauth0|1;a@x.example\r\n", Format::Csv),
        ("name\temail\tuser_id\nx,y\ta@x.example\tauth0|1\n\n", Format::Csv),
        ("sep=;\nuser_id;email\nauth0|1;a@x.example", Format::Csv),
        (
            "\"user_id\",\"email\"\n\"auth0|1\",\"a@x.example\"\n,,\n\"user_id\",\"email\"\n",
            Format::Csv,
        ),
        ("user_id,email,\nauth0|1,a@x.example\n,,\n", Format::Csv),
        ("mf_row,mf_code,user_id,email\n2,,auth0|1,a@x.example\n", Format::Csv),
        // Files joined whose columns are in another order.
        ("user_id,email\nauth0|2,b@x.example\nEmail,User_id\na@x.example,auth0|1\n", Format::Csv),
        // Users without any key are common in what the export job writes.
        ("user_id,email\nsms|2,\nauth0|1,a@x.example\n", Format::Csv),
        (
            r#"{"user_id":"auth0|1","email":"a@x.example","identities":[{"user_id":"9"}]}"#,
            Format::Jsonl,
        ),
        (
            "{\"user_id\":\"sms|1\"}\n{\"email\":\"a@x.example\",\"user_id\":\"auth0|1\"}\n",
            Format::Jsonl,
        ),
        (r#"[{"user_id":"auth0|1","email":"a@x.example","username":null}]"#, Format::Json),
        (
            "{\"user_id\":\"auth0|1\",\n\"id\":1}\n{\"user_id\":\"sms|2\",\"email\":\"\"}",
            Format::Json,
        ),
    ] {
        let map = read(text, format).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(outcome(&map, &person), Ok("auth0|1".into()), "{text}");
    }
}

#[test]
fn a_map_that_is_none_stops_the_run_with_the_line_and_what_to_do() {
    for (text, format, words) in [
        ("", Format::Csv, "users.csv is empty"),
        ("\n\n", Format::Csv, "users.csv is empty"),
        ("user_id,email\n", Format::Csv, "no line below its header"),
        ("id,email\n1,secret@x.example\n", Format::Csv, "has no column `user_id`"),
        ("email\n", Format::Csv, "has no column `user_id`"),
        (
            "user_id,name\nauth0|1,secret\n",
            Format::Csv,
            "has no column `id`, `email` or `username`",
        ),
        ("auth0|1,secret@x.example\n", Format::Csv, "has no column `user_id`"),
        ("user_id,email,Email\nauth0|1,a,b\n", Format::Csv, "line 1: the header has two columns"),
        ("user_id,email\nauth0|1\n", Format::Csv, "users.csv line 2: the row has 1 cells"),
        ("user_id,email\n\nauth0|1,secret,x\n", Format::Csv, "line 3: the row has 3 cells"),
        ("user_id,email\nauth0|1,se\"cret\n", Format::Csv, "line 2: the row has a quote"),
        ("user_id,email\nauth0|1,\"secret\n", Format::Csv, "line 2: a quote opened here"),
        ("user_id,email\n auth0|1,secret\n", Format::Csv, "line 2: `user_id` has white space"),
        ("user_id,email\n\"auth0|\n1\",secret\n", Format::Csv, "line 2: `user_id` has white space"),
        ("user_id,email\n..,secret\n", Format::Csv, "line 2: `user_id` has white space"),
        ("user_id,id,mf_code\n,secret,lost\n", Format::Csv, "line 2: `mf_code` is no code"),
        ("id,user_id\n1,auth0|11\n2,auth0|1", Format::Csv, "line 3: `user_id` ends the file"),
        ("{\"user_id\":\"a\"}", Format::Csv, "line 1: this is JSON, not CSV"),
        ("user_id,email\nauth0|1,secret\n", Format::Json, "line 1: "),
        ("{\"email\":\"secret\"}", Format::Json, "has no column `user_id`"),
        ("{\"user_id\":\"a\"}\n", Format::Jsonl, "has no column `id`, `email` or `username`"),
        (
            "{\"user_id\":\"a\"}\n{\"user_id\":[\"secret\"]}",
            Format::Json,
            "line 2: `user_id` must be",
        ),
        ("{\"user_id\":\"a\",\"id\":1.5}", Format::Json, "line 1: `id` must be a string"),
        ("{\"user_id\":\"a\",\"id\":\"b\",\"id\":\"secret\"}", Format::Json, "key `id` twice"),
        ("{\"user_id\":\"a\"}\n{\"user_id\":", Format::Json, "line 2: the JSON ends inside"),
        ("{\"user_id\":\"a\"}\n\n{\"user_id\":x}", Format::Json, "line 3: the object is not valid"),
        ("{\"user_id\":\"a\"}\n3", Format::Json, "line 2: must be a JSON object"),
    ] {
        let error = read(text, format).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("the map of `--users`: ") && said.contains(words),
            "{text}: {said}"
        );
        assert!(!format!("{said}{error:?}{}", error.hint()).contains("secret"), "{said}");
        assert!(error.hint().len() > 20, "{said}");
    }
    let long = format!("user_id,id\nauth0|1,{}\n", "x".repeat(16_385));
    assert!(read(long, Format::Csv).unwrap_err().to_string().contains("line 2: `id` must not be"));
}

#[test]
fn a_map_is_opened_by_its_name_and_decompressed() {
    let folder = tempfile::tempdir().unwrap();
    let text = b"user_id,email\nauth0|1,a@x.example\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    for (name, bytes) in [("a.csv", text.to_vec()), ("b.csv.gz", gzip.finish().unwrap())] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let map = Map::open(&path).unwrap();
        assert_eq!(outcome(&map, &person("", "a@x.example", "")), Ok("auth0|1".into()));
    }
    for (name, words, hint) in [
        ("missing.csv", "cannot be opened", "check the path"),
        ("a.xyz", "cannot tell the format", "let its name end"),
        (".", "is a directory", "give the name of a file"),
    ] {
        if name == "a.xyz" {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let error = Map::open(&folder.path().join(name)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
}

/// A line of a map.
type Line = (String, String, String, String, String);

/// The contract once more, as simply as it can be put.
fn model(lines: &[Line], person: &Person) -> Result<String, &'static str> {
    let facts =
        [&person.id, &person.email, &person.username].map(|fact| fact.clone().unwrap_or_default());
    let mut user_ids = BTreeSet::new();
    let mut surest = Vec::new();
    for (index, fact) in facts.iter().enumerate().filter(|(_, fact)| !fact.is_empty()) {
        let of = |line: &Line| [&line.2, &line.3, &line.4][index].clone();
        let mut hits: Vec<_> = lines.iter().filter(|line| of(line) == *fact).collect();
        if hits.is_empty() && index == 1 {
            hits = lines.iter().filter(|line| of(line).eq_ignore_ascii_case(fact)).collect();
        }
        user_ids.extend(hits.iter().map(|line| line.0.clone()).filter(|user| !user.is_empty()));
        if surest.is_empty() {
            surest = hits;
        }
    }
    if user_ids.len() > 1 {
        return Err("user_ambiguous");
    }
    match surest.iter().find(|line| line.0.is_empty()) {
        Some(_) if surest.iter().any(|line| !line.0.is_empty()) => Err("user_ambiguous"),
        Some(line) if line.1.is_empty() => Err("user_not_mapped"),
        Some(_) => Err("user_not_found"),
        None => user_ids.into_iter().next().ok_or("user_not_mapped"),
    }
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = ("(u[1-3])?", "(user_not_found)?", "[12]?", "[aAbB]?", "[xX]?");
    prop::collection::vec(line, 1..12)
}

proptest! {
    #[test]
    fn nobody_gets_another_user_id_than_the_contract_gives(
        lines in lines(),
        people in prop::collection::vec(("[123]?", "[aAbBc]?", "[xXy]?"), 1..12),
    ) {
        let mut text = "user_id,mf_code,id,email,username\n".to_owned();
        for (user, code, id, email, username) in &lines {
            let user = format!("\"{user}\"");
            text += &[&user, code, id, email, username].map(String::as_str).join(",");
            text.push('\n');
        }
        let map = csv(&text);
        for (id, email, username) in people {
            let person = person(&id, &email, &username);
            let expected = model(&lines, &person).map_err(str::to_owned);
            prop_assert_eq!(outcome(&map, &person), expected, "{:?} {}", (id, email, username), text);
        }
    }

    #[test]
    fn any_bytes_are_a_map_or_an_error_that_tells_no_value(
        pieces in prop::collection::vec(prop_oneof![
            6 => prop::sample::select(vec![
                &b"\n"[..], b"\r\n", b"\"", b",", b";", b"canary", b"auth0|1", b"user_id", b"email", b"{", b"}",
                b"[", b"]", b"{\"user_id\":\"canary\",\"id\":\"canary\"}", b":", b"\\u0000", b"\"id\"", b"1",
            ]).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ], 0..40),
        with_header: bool,
    ) {
        let header = if with_header { &b"user_id,email,id\n"[..] } else { b"" };
        for format in [Format::Csv, Format::Jsonl] {
            let bytes = [if format == Format::Csv { header } else { b"" }, &pieces.concat()].concat();
            match read(bytes, format) {
                Ok(map) => {
                    let found = map.user_id(&person("canary", "canary", "")).unwrap();
                    let fault = found.err().map(|fault| fault.rule).unwrap_or_default();
                    let said = format!("{map:?}{fault}");
                    prop_assert!(!said.contains("canary"));
                }
                Err(error) => {
                    let said = format!("{error} {error:?} {}", error.hint());
                    prop_assert!(!said.contains("canary"));
                }
            }
        }
    }
}

#[test]
fn codes_of_a_map_are_those_of_the_contract() {
    for code in
        [Code::UserNotMapped, Code::UserAmbiguous, Code::EmailNotVerified, Code::UserNotFound]
    {
        let map = csv(&format!("id,user_id,mf_code\n1,,{}\n", code.name()));
        assert_eq!(outcome(&map, &person("1", "", "")), Err(code.name().to_owned()));
    }
}
