//! Tests of files: their formats, compression, lengths, and the samples.

use super::*;

#[test]
fn formats_of_others_are_told_by_their_names() {
    let bulk = "line 1: this is Auth0's bulk import format (`mfa_factors`)";
    let secrets = "line 1: this is Auth0's export of MFA secrets (`otp_secret`)";
    let users = "line 1: this is an export of Auth0 users (`identities`)";
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
        error.to_string().ends_with("decompressing failed: it ends early: was it cut off?"),
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
    let starts = ["is masked", "uses a number of `digits`", "must be `phone`"];
    assert_eq!(bad.len(), starts.len());
    assert!(bad.iter().zip(starts).all(|(rule, start)| rule.starts_with(start)), "{bad:?}");
    let (factors, none) = sample("factors.jsonl");
    assert_eq!((&factors, none.len()), (&csv, 0));
    let (mut users, none) = sample("users.jsonl");
    csv.sort();
    users.sort();
    assert_eq!((&users, none.len()), (&csv, 0));
}
