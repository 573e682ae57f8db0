use super::*;
use crate::{
    input::{Ending, Format, Row, RowReader, Shape, Source},
    plan::plan,
};

/// Codes, rows and lines of what is found in a CSV.
fn look(mut whole: Whole, csv: &str) -> Vec<(&'static str, u64, Vec<u64>)> {
    let reader = Box::new(std::io::Cursor::new(csv.to_owned()));
    let mut source = Source::from_reader(reader, Format::Csv, Shape::Factors);
    while let Some(row) = source.next_row().unwrap() {
        whole.see(&match row {
            Row::Record(record) => plan(record, None).planned,
            Row::Rejected(rejection) => Planned::Rejected(Box::new(rejection)),
        });
    }
    let found = whole.findings(source.ending(), &source.lines());
    found.into_iter().map(|finding| (finding.code, finding.rows, finding.lines)).collect()
}

/// A secret of 160 bits, another for each number.
fn secret(number: u32) -> String {
    let mut key = [0x9f; 20];
    key[..4].copy_from_slice(&number.wrapping_mul(0x9E37_79B9).to_be_bytes());
    data_encoding::BASE32_NOPAD.encode(&key)
}

fn totp(rows: &[(&str, String)]) -> String {
    let rows = rows.iter().map(|(user, secret)| format!("auth0|{user},totp,{secret}\n"));
    format!("user_id,type,totp_secret\n{}", rows.collect::<String>())
}

#[test]
fn a_secret_of_several_users_is_found_and_a_row_that_is_there_twice_is_not() {
    let rows = [("a", 1), ("b", 2), ("a", 1), ("c", 1), ("d", 3), ("e", 1), ("f", 2)];
    let csv = totp(&rows.map(|(user, number)| (user, secret(number))));
    let expected = [("shared_secret", 3, vec![2, 5, 7]), ("shared_secret", 2, vec![3, 8])];
    assert_eq!(look(Whole::default(), &csv), expected);
    assert_eq!(look(Whole::default(), &totp(&[("a", secret(1)), ("b", secret(2))])), []);
}

#[test]
fn a_secret_of_everybody_is_one_finding_with_its_first_lines() {
    let users: Vec<_> = (0..1_000).map(|user| user.to_string()).collect();
    let rows: Vec<_> = users.iter().map(|user| (user.as_str(), secret(1))).collect();
    assert_eq!(
        look(Whole::default(), &totp(&rows)),
        [("shared_secret", 1_000, vec![2, 3, 4, 5, 6])]
    );
}

#[test]
fn beyond_the_bounds_it_counts_and_says_so() {
    let users: Vec<_> = (0..100).map(|user| user.to_string()).collect();
    let pairs = users.iter().zip(0_u32..).map(|(user, n)| (user.as_str(), secret(n / 2)));
    let csv = totp(&pairs.collect::<Vec<_>>());
    let found = look(Whole::default(), &csv);
    assert_eq!(found.len(), SHARED_VALUES_REPORTED + 1);
    assert_eq!(found[SHARED_VALUES_REPORTED], ("more_shared_values", 30, vec![]));
    let found = look(Whole::remembering(10), &csv);
    assert_eq!((found.len(), found[10].clone()), (11, ("not_all_compared", 80, vec![])));
}

#[test]
fn a_share_of_other_values_says_something_of_the_rest() {
    let hex = |n: u32| format!("{:040x}", u128::from(n + 7) << 90);
    let rows = |good: u32, bad: u32| {
        let good = (0..good).map(|n| ("a", secret(n)));
        totp(&good.chain((0..bad).map(|n| ("b", hex(n)))).collect::<Vec<_>>())
    };
    let codes = |csv: String| -> Vec<_> {
        look(Whole::default(), &csv).into_iter().map(|(code, rows, _)| (code, rows)).collect()
    };
    assert_eq!(codes(rows(5, 3)), [("column_looks_otherwise", 3)]);
    assert_eq!(codes(rows(5, 2)), [], "a few are told by themselves");
    assert_eq!(codes(rows(100, 3)), [], "a few are told by themselves");
    assert_eq!(codes(rows(0, 9)), [], "nothing is sent");
    let phones = "user_id,type,phone_number\na|1,phone,+13122000001\n".to_owned();
    let damaged = phones + &"a|2,phone,4.91512E+11\n".repeat(3);
    assert_eq!(codes(damaged), [("spreadsheet_damage", 3)]);
}

#[test]
fn no_finding_holds_a_value() {
    let csv = totp(&[("a", secret(1)), ("b", secret(1))]);
    let mut whole = Whole::default();
    let reader = Box::new(std::io::Cursor::new(csv));
    let mut source = Source::from_reader(reader, Format::Csv, Shape::Factors);
    while let Some(Row::Record(record)) = source.next_row().unwrap() {
        whole.see(&plan(record, None).planned);
    }
    let beginning: String = secret(1).chars().take(8).collect();
    let told = format!("{whole:?}");
    assert!(!told.contains(&beginning), "{told}");
    let told = format!("{:?}", whole.findings(Ending::default(), &Lines::default()));
    assert!(told.contains("(lines 2, 3)") && !told.contains(&beginning), "{told}");
}

#[test]
fn rows_that_are_not_carried_say_nothing_about_the_rest() {
    use crate::model::{Fault, Refusal};
    for (refusal, is_odd) in [(Refusal::Rejected, true), (Refusal::NotCarried, false)] {
        let mut whole = Whole::default();
        whole.accepted[FactorType::Totp as usize - 1] = 3;
        for line in 1..=ENOUGH_ROWS {
            let faults = vec![Fault::new("totp_secret", Code::LooksLikeHex, "is hexadecimal")];
            let (index, at, user, factor_type) = (None, None, None, Some(FactorType::Totp));
            let row = Rejection { line, index, at, user, factor_type, refusal, faults };
            whole.add(&Sight::Rejected(Box::new(row)));
        }
        assert_eq!(!whole.findings(Ending::default(), &Lines::default()).is_empty(), is_odd);
    }
}
