//! Whole proofs, with the codes of another authenticator: Python's `hmac`, at a fixed time.

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use proptest::{prelude::*, test_runner::RngAlgorithm};

use super::*;
use crate::{
    model::{Cell, Field, ProofVerdict, Record, SecretEncoding},
    plan::Standing,
};

const KEY: &[u8; 20] = b"\x00\x9fKey of 20 bytes!\xff\xfe";
/// Time at which a step of every period begins.
const NOW: u64 = 1_800_000_000;

/// Codes of one kind, from three steps before [`NOW`] on.
type Codes = [&'static str; 8];

/// Codes of the key.
const USUAL: Codes =
    ["133499", "438698", "019531", "960265", "025690", "861505", "680699", "770892"];
const SHA256: Codes =
    ["475565", "317352", "062991", "325326", "995855", "081974", "076061", "605643"];
const SHA512_8_60: Codes = [
    "23125126", "56532316", "71829314", "63821193", "09361151", "60096283", "05802740", "66919284",
];
const SHA1_60: Codes =
    ["410661", "532173", "821135", "082757", "724304", "642661", "458130", "907685"];
/// Codes of the text of the key in hexadecimal.
const HEX_TEXT: Codes =
    ["784846", "969950", "474938", "614506", "834937", "188408", "479745", "200764"];

/// A code, and when it is given.
fn at(codes: &Codes, step: i64, now: u64) -> (String, u64) {
    (codes[usize::try_from(step + 3).unwrap()].to_owned(), now)
}

fn record(secret: &str) -> Record {
    let mut record = Record::new(3);
    record.set(Field::TotpSecret, Cell::Text(secret.to_owned()));
    record
}

/// Gives codes until something is said; returns what was asked for, and what was said.
fn prove(mut trial: Trial, codes: &[(String, u64)]) -> (Vec<CodeRequest>, Option<Proof>) {
    let mut asked = Vec::new();
    for (typed, now) in codes {
        match trial.answer(AppCode::parse(typed.as_bytes()).as_ref(), *now) {
            AfterCode::Ask(wanted) => asked.push(wanted),
            AfterCode::Said(proof) => return (asked, Some(proof)),
        }
    }
    (asked, None)
}

fn of(secret: &str, flag: Option<SecretEncoding>) -> Trial {
    Trial::new(&record(secret), flag)
}

/// A code and the one after it, each in its time.
fn two(codes: &Codes, step: i64) -> Vec<(String, u64)> {
    vec![at(codes, step, NOW), at(codes, step + 1, NOW + 30)]
}

/// The same, both at one time: as who writes them beforehand gives them.
fn at_once(codes: &Codes, step: i64) -> Vec<(String, u64)> {
    vec![at(codes, step, NOW), at(codes, step + 1, NOW)]
}

/// A usual code, and another one so many seconds later.
fn later(first: i64, second: i64, seconds: u64) -> Vec<(String, u64)> {
    vec![at(&USUAL, first, NOW), at(&USUAL, second, NOW + seconds)]
}

/// Holds that all of `codes` are asked for, and what is said then.
#[track_caller]
fn check(
    what: &str,
    trial: Trial,
    codes: &[(String, u64)],
    expected: (ProofVerdict, Option<i64>, Option<&str>),
) {
    let (asked, proof) = prove(trial, codes);
    let proof = proof.unwrap_or_else(|| panic!("{what}: {asked:?}"));
    let flag = proof.flag();
    assert_eq!((proof.verdict, proof.off_seconds, flag.as_deref()), expected, "{what}");
    let again = match proof.verdict {
        ProofVerdict::NoMatch => CodeRequest::Another,
        _ => CodeRequest::Next,
    };
    assert_eq!(asked, vec![again; codes.len() - 1], "{what}");
}

#[test]
fn one_code_proves_what_is_right_and_a_wrong_clock_or_profile_takes_two() {
    use ProofVerdict::{NoMatch, OtherProfile, Right, RightButClock};
    let base32 = BASE32_NOPAD.encode(KEY);
    let uri = format!("otpauth://totp/a?secret={base32}&algorithm=SHA256");
    let other = BASE32_NOPAD.encode(b"another key of ours!");
    for (what, secret, codes, verdict, off) in [
        ("now", &base32, vec![at(&USUAL, 0, NOW)], Right, Some(0)),
        ("a step before", &base32, vec![at(&USUAL, -1, NOW)], Right, Some(-30)),
        ("a step after", &base32, vec![at(&USUAL, 1, NOW + 29)], Right, Some(30)),
        ("two before", &base32, two(&USUAL, -2), RightButClock, Some(-60)),
        // The second by itself would be right.
        ("two before, at once", &base32, at_once(&USUAL, -2), RightButClock, Some(-60)),
        ("two after, at once", &base32, at_once(&USUAL, 2), RightButClock, Some(60)),
        ("50 seconds before", &base32, later(-2, -1, 29), RightButClock, Some(-60)),
        ("50 seconds after", &base32, later(2, 3, 50), RightButClock, Some(60)),
        ("who typed slowly, and then not", &base32, later(-2, 0, 9), Right, Some(0)),
        ("the same after a minute", &base32, later(-2, 2, 60), Right, Some(0)),
        ("two after", &base32, two(&USUAL, 2), RightButClock, Some(60)),
        ("SHA-256", &base32, two(&SHA256, 0), OtherProfile, Some(0)),
        ("SHA-512, 8 digits", &base32, two(&SHA512_8_60, 0), OtherProfile, Some(0)),
        ("a minute", &base32, two(&SHA1_60, 1), OtherProfile, Some(60)),
        ("the URI says so", &uri, two(&SHA256, 0), OtherProfile, Some(0)),
        ("the URI says otherwise", &uri, two(&USUAL, 0), OtherProfile, Some(0)),
        ("three before", &base32, two(&USUAL, -3), NoMatch, None),
        ("another key", &other, two(&USUAL, 0), NoMatch, None),
    ] {
        check(what, of(secret, None), &codes, (verdict, off, None));
    }
}

#[test]
fn another_encoding_takes_two_codes_and_names_the_flag() {
    use ProofVerdict::{OtherEncoding, Right};
    use SecretEncoding::{Hex, Text};
    let base32 = BASE32_NOPAD.encode(KEY);
    let hex = HEXLOWER.encode(KEY);
    let twice = BASE64.encode(base32.as_bytes());
    for (what, secret, declared, codes, flag, off) in [
        ("hex", &hex, None, two(&USUAL, 0), "hex", 0),
        ("hex, late", &hex, None, two(&USUAL, -2), "hex", -60),
        ("text", &hex, None, two(&HEX_TEXT, 0), "text", 0),
        ("twice", &twice, None, two(&USUAL, 0), "base64-of-base32", 0),
        ("a wrong flag", &base32, Some(Text), two(&USUAL, 0), "base32", 0),
    ] {
        let flag = format!("--secret-encoding {flag}");
        check(what, of(secret, declared), &codes, (OtherEncoding, Some(off), Some(&flag)));
    }
    check("declared", of(&hex, Some(Hex)), &[at(&USUAL, 0, NOW)], (Right, Some(0), None));
}

#[test]
fn a_second_code_must_be_of_a_later_step_that_time_has_reached() {
    let hex = HEXLOWER.encode(KEY);
    let first = at(&USUAL, 0, NOW);
    for (second, is_said) in [
        // The same again proves nothing.
        (at(&USUAL, 0, NOW + 5), false),
        (at(&USUAL, 1, NOW + 1), true),
        (at(&USUAL, 1, NOW + 29), true),
        (at(&USUAL, 1, NOW + 300), true),
        (at(&USUAL, 3, NOW + 60), true),
        (at(&USUAL, 4, NOW + 60), false),
        (at(&USUAL, -1, NOW + 30), false),
        (at(&HEX_TEXT, 1, NOW + 30), false),
    ] {
        let codes = [first.clone(), second.clone()];
        let said = prove(of(&hex, None), &codes).1.map(|proof| proof.verdict);
        let expected = is_said.then_some(ProofVerdict::OtherEncoding);
        assert_eq!(said.filter(|said| *said != ProofVerdict::NoMatch), expected, "{second:?}");
    }
}

#[test]
fn a_mistyped_first_code_spoils_nothing() {
    let (base32, hex) = (BASE32_NOPAD.encode(KEY), HEXLOWER.encode(KEY));
    for (typed, is_code) in [("123456", true), ("12345", false), ("", false), ("letter", false)] {
        assert_eq!(AppCode::parse(typed.as_bytes()).is_some(), is_code);
        let typo = || (typed.to_owned(), NOW);
        let (asked, proof) = prove(of(&base32, None), &[typo(), at(&USUAL, 0, NOW + 9)]);
        assert_eq!(asked, [CodeRequest::Another], "{typed}");
        assert_eq!(proof.unwrap().verdict, ProofVerdict::Right);
        let codes = [typo(), at(&USUAL, 0, NOW + 9), at(&USUAL, 1, NOW + 30)];
        let (asked, proof) = prove(of(&hex, None), &codes);
        assert_eq!(asked, [CodeRequest::Another, CodeRequest::Next], "{typed}");
        assert_eq!(proof.unwrap().verdict, ProofVerdict::OtherEncoding);
        let (_, proof) = prove(of(&hex, None), &[typo(), typo()]);
        assert_eq!(proof.unwrap().verdict, ProofVerdict::NoMatch);
    }
}

#[test]
fn a_mistyped_code_after_a_match_is_asked_for_again_and_once() {
    use ProofVerdict::{NoMatch, OtherEncoding, Right, RightButClock};
    let (base32, hex) = (BASE32_NOPAD.encode(KEY), HEXLOWER.encode(KEY));
    let typo = |now| ("123456".to_owned(), now);
    for (what, secret, first, third, verdict, off) in [
        ("a clock", &base32, -2, at(&USUAL, -1, NOW + 40), RightButClock, Some(-60)),
        ("a clock, at once", &base32, -2, at(&USUAL, -1, NOW), RightButClock, Some(-60)),
        ("an encoding, the step after", &hex, 0, at(&USUAL, 1, NOW + 40), OtherEncoding, Some(0)),
        ("an encoding, later", &hex, 0, at(&USUAL, 2, NOW + 70), OtherEncoding, Some(0)),
        ("an encoding, at once", &hex, 0, at(&USUAL, 1, NOW), OtherEncoding, Some(0)),
        ("one of each step", &hex, 0, at(&USUAL, 2, NOW), OtherEncoding, Some(0)),
        ("right by itself", &base32, 2, at(&USUAL, 0, NOW + 9), Right, Some(0)),
        ("the first again", &hex, 0, at(&USUAL, 0, NOW + 9), NoMatch, None),
        ("another typo", &hex, 0, typo(NOW + 40), NoMatch, None),
    ] {
        for before in [vec![], vec![typo(NOW)]] {
            let codes = [at(&USUAL, first, NOW), typo(NOW), third.clone()];
            let (asked, proof) =
                prove(of(secret, None), &[before.clone(), codes.to_vec()].concat());
            let proof = proof.unwrap_or_else(|| panic!("{what}: {asked:?}"));
            assert_eq!((proof.verdict, proof.off_seconds), (verdict, off), "{what}");
            let expected =
                [&[CodeRequest::Another][..before.len()], &[CodeRequest::Next, CodeRequest::Again]];
            assert_eq!(asked, expected.concat(), "{what}");
        }
    }
}

#[test]
fn a_row_that_its_reader_refuses_is_never_called_right() {
    let trial = Trial::new(&record(&BASE32_NOPAD.encode(KEY)), None).of_refused_row();
    let (_, proof) = prove(trial, &[at(&USUAL, 0, NOW), at(&USUAL, 1, NOW + 30)]);
    let proof = proof.unwrap();
    assert_eq!((proof.verdict, proof.why), (ProofVerdict::OtherProfile, Some(Why::Declared)));
}

#[test]
fn what_no_flag_mends_names_none() {
    let hex = HEXLOWER.encode(KEY);
    let mut of_system = record(&hex);
    (of_system.is_of_system, of_system.encoding) = (true, Some(SecretEncoding::Base32));
    let codes = [at(&USUAL, 0, NOW), at(&USUAL, 1, NOW + 30)];
    let (_, proof) = prove(Trial::new(&of_system, None).of_refused_row(), &codes);
    let proof = proof.unwrap();
    assert_eq!((proof.standing, proof.flag()), (Some(Standing::Fixed), None));
    let said = proof.sentence(Some("Django"));
    assert!(said.contains("Django never writes it so"), "{said}");
    assert!(said.contains("`--secret-encoding hex` instead of `--from`"), "{said}");
    assert!(!said.contains(&hex), "{said}");
}

#[test]
fn a_row_without_a_secret_asks_for_nothing() {
    let trial = Trial::new(&Record::new(2), None);
    assert_eq!(trial.first(), None);
    assert!(Proof::no_secret().sentence(None).contains("holds no secret"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 50,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: proptest::test_runner::RngSeed::Fixed(16),
        ..ProptestConfig::default()
    })]

    /// A code fits some reading once in 6,700 tries, and two in a row practically never do.
    #[test]
    fn random_codes_prove_nothing(
        key in proptest::collection::vec(any::<u8>(), 20),
        codes in proptest::collection::vec(0..1_000_000u32, 4),
        now in 1_600_000_000..2_000_000_000u64,
    ) {
        let typed: Vec<_> =
            codes.iter().zip([0, 7, 31, 33]).map(|(code, later)| (format!("{code:06}"), now + later)).collect();
        for secret in [HEXLOWER.encode(&key), BASE64.encode(&key)] {
            let (_, proof) = prove(of(&secret, None), &typed);
            prop_assert_eq!(proof.map(|proof| proof.verdict), Some(ProofVerdict::NoMatch));
        }
    }
}
