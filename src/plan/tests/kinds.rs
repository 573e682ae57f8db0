//! Values as real files hold them, by kind. Each table has what public reports tell of and what is
//! near to it; a row of a kind that is not right belongs here.

use super::*;
use crate::model::Code;

/// A passkey's fields besides those that a row is about.
const PASSKEY: [(Field, &str); 3] = [
    (Field::KeyId, "ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs"),
    (Field::PublicKey, P256_KEY),
    (Field::RelyingPartyIdentifier, "login.example.com"),
];

/// A COSE key for ES256.
const P256_KEY: &str = "pQECAyYgASFYIM6Kuye2eNFVQgE9wHNg7emGPyvgIlxz1jJMj5T2svInIlggG3wLk17Tz4sZ7jF6TCJn2fcuJ/zo9na7sAIepfCPT7A=";

/// A row with one value that matters, as it would be sent, or the code of its only fault; with the
/// codes of its warnings.
fn outcome(field: Field, cell: Cell) -> (Result<String, String>, Vec<&'static str>) {
    let mut record = record(&[(Field::UserId, "auth0|1")]);
    let name = match field {
        Field::PhoneNumber | Field::PreferredAuthenticationMethod => "phone",
        Field::Email => "email",
        Field::TotpSecret | Field::UserId | Field::Name => "totp",
        _ => "passkey",
    };
    record.set(Field::Type, Cell::Text(name.to_owned()));
    let others: &[(Field, &str)] = match name {
        "phone" => &[(Field::PhoneNumber, "+12025550123")],
        "email" => &[],
        "totp" => &[(Field::TotpSecret, SECRET)],
        _ => &PASSKEY,
    };
    for (other, text) in others {
        record.set(*other, Cell::Text((*text).to_owned()));
    }
    record.set(field, cell);
    let Plan { planned, warnings } = plan(record, None);
    let warnings = warnings.into_iter().map(Warning::code).collect();
    let value = match planned {
        Planned::Rejected(rejection) => {
            let codes: Vec<_> = rejection.faults.iter().map(|fault| &*fault.code).collect();
            Err(codes.join(" "))
        }
        Planned::Factor(factor) => Ok(match as_record(&factor).get(field) {
            Cell::Text(text) => text.clone(),
            Cell::Bool(bit) => bit.to_string(),
            Cell::List(list) => list.join(" "),
            Cell::Absent => String::new(),
            Cell::Bit(_) | Cell::Unusable(_) => panic!("nothing unusable is planned"),
        }),
    };
    (value, warnings)
}

/// Checks texts of one field: what is sent, or which rule is broken; with warnings.
#[track_caller]
fn check(field: Field, text: &str, expected: Result<&str, Code>, warned: &[&str]) {
    let (value, warnings) = outcome(field, Cell::Text(text.to_owned()));
    let expected = expected.map(str::to_owned).map_err(|code| code.name().to_owned());
    assert_eq!((value, warnings), (expected, warned.to_vec()), "{} {text:?}", field.name());
}

#[test]
fn words_for_nothing_are_nothing_and_are_counted() {
    for word in ["NULL", "null", "Null", "\\N", " NULL ", "(null)", "[NULL]", "\"NULL\"", "None"] {
        for field in [Field::Name, Field::UserHandle, Field::UserAgent, Field::Transports] {
            check(field, word, Ok(""), &["null_word"]);
        }
        check(Field::PhoneNumber, word, Err(Code::Required), &["null_word"]);
        if !word.starts_with('"') {
            check(Field::UserId, word, Err(Code::Required), &["null_word"]);
        }
    }
    // A cell that another type of factor needs.
    let cells = [(Field::PhoneNumber, "NULL"), (Field::KeyId, "\\N"), (Field::Name, "NULL")];
    let mut row =
        record(&[(Field::UserId, "auth0|1"), (Field::Type, "totp"), (Field::TotpSecret, SECRET)]);
    for (field, word) in cells {
        row.set(field, Cell::Text(word.to_owned()));
    }
    let Plan { planned, warnings } = plan(row, None);
    assert!(matches!(planned, Planned::Factor(_)));
    let [warning] = warnings.as_slice() else { panic!("one a row: {warnings:?}") };
    let told = warning.to_string();
    assert!(told.contains("`name`, `phone_number`, `key_id`") && told.ends_with("[null_word]"));
    // Inside of words they are words.
    check(Field::Name, "Null Island", Ok("Null Island"), &[]);
    check(Field::Name, "Nilsson", Ok("Nilsson"), &[]);
    let list = Cell::List(vec!["null".to_owned(), "usb".to_owned()]);
    assert_eq!(outcome(Field::Transports, list), (Ok("usb".to_owned()), vec!["null_word"]));
}

#[test]
fn what_a_spreadsheet_has_done_is_recognised_in_every_cell() {
    use Code::{DecimalTail, Formula, SpreadsheetError, SpreadsheetExponent};
    for field in [
        Field::PhoneNumber,
        Field::UserId,
        Field::TotpSecret,
        Field::KeyId,
        Field::UserHandle,
        Field::IdentityUserId,
        Field::Email,
    ] {
        for (text, code) in [
            ("4.479E+11", SpreadsheetExponent),
            ("+4,479E+11", SpreadsheetExponent),
            ("4.91512345678E+11", SpreadsheetExponent),
            ("5E+20", SpreadsheetExponent),
            ("1.5e15", SpreadsheetExponent),
            ("'4.479E+11", SpreadsheetExponent),
        ] {
            let may_be_its_own = matches!(
                field,
                Field::UserId | Field::UserHandle | Field::IdentityUserId | Field::Email
            );
            let is_guarded = text.starts_with('\'');
            let expected = if is_guarded && may_be_its_own { Code::ApostropheGuard } else { code };
            check(field, text, Err(expected), &[]);
        }
        if field != Field::UserId {
            check(field, "=A1", Err(Formula), &[]);
            check(field, "#NAME?", Err(SpreadsheetError), &[]);
            check(field, "########", Err(SpreadsheetError), &[]);
        }
    }
    check(Field::UserId, "#REF!", Err(SpreadsheetError), &[]);
    check(Field::IdentityUserId, "104837482947382910.0", Err(DecimalTail), &[]);
    check(Field::UserHandle, "1234567.0", Err(DecimalTail), &[]);
    check(Field::UserId, "1234567.0", Err(DecimalTail), &[]);
    // A label is not worth a factor.
    check(Field::Name, "#NAME?", Ok(""), &["null_word"]);
    check(Field::Name, "=1+1", Ok("=1+1"), &[]);
    check(Field::Name, "4.479E+11", Ok("4.479E+11"), &[]);
    check(Field::Name, "# 1", Ok("# 1"), &[]);
}

#[test]
fn guards_and_quotes_are_no_part_of_a_value() {
    let number = "+12025550123";
    for text in [
        "'+12025550123",
        "=\"+12025550123\"",
        "\"+12025550123\"",
        "'+12025550123'",
        "\u{201c}+12025550123\u{201d}",
        "\u{201e}+12025550123\u{201c}",
        "\u{ab}+12025550123\u{bb}",
        "`+12025550123`",
        "\"'+12025550123'\"",
        "\t+12025550123",
    ] {
        check(Field::PhoneNumber, text, Ok(number), &[]);
    }
    check(Field::PhoneNumber, "=+12025550123", Err(Code::Formula), &[]);
    check(Field::TotpSecret, &format!("'{SECRET}"), Ok(SECRET), &[]);
    check(Field::TotpSecret, &format!("\"{SECRET}\""), Ok(SECRET), &[]);
    check(Field::Email, "\"ann@example.com\"", Ok("ann@example.com"), &[]);
    check(Field::Email, "'ann@example.com'", Ok("ann@example.com"), &[]);
    // May belong to it.
    check(Field::Email, "'ann@example.com", Err(Code::ApostropheGuard), &[]);
    check(Field::Name, "'+1 phone", Ok("+1 phone"), &[]);
    check(Field::Name, "'\u{202a}+1 phone", Ok("+1 phone"), &[]);
    check(Field::Name, "\"Work\"", Ok("Work"), &[]);
    check(Field::Name, "'s-Hertogenbosch", Ok("'s-Hertogenbosch"), &[]);
    // An id is taken as it is, or not at all.
    check(Field::UserId, "'auth0|1", Err(Code::ApostropheGuard), &[]);
    check(Field::UserId, "\"auth0|1\"", Err(Code::SurroundingQuotes), &[]);
    check(Field::UserId, "=\"auth0|1\"", Err(Code::Formula), &[]);
}

#[test]
fn what_nobody_sees_is_left_out_or_named() {
    for text in [
        "\u{202a}+12025550101\u{202c}",
        "\u{2068}+12025550101\u{2069}",
        "+1\u{fe0f}202-555-0101",
        "+1202555\u{200b}0101",
        "\u{200e}+12025550101",
        "\u{feff}+12025550101",
        "+1 202\u{ad} 555 0101",
        "\u{a0}+12025550101\u{3000}",
    ] {
        check(Field::PhoneNumber, text, Ok("+12025550101"), &[]);
    }
    check(Field::TotpSecret, &format!("\u{feff}{SECRET}\u{200b}"), Ok(SECRET), &[]);
    check(Field::TotpSecret, "JBSWY3DP\u{200b}EHPK3PXP", Ok("JBSWY3DPEHPK3PXP"), &["weak_secret"]);
    check(Field::Email, "\u{200b}ann@example.com\u{200e}", Ok("ann@example.com"), &[]);
    check(Field::Email, "ann\u{200b}@example.com", Err(Code::InvisibleCharacter), &[]);
    check(Field::IdentityUserId, "12\u{200b}34", Err(Code::InvisibleCharacter), &[]);
    for text in ["\u{feff}auth0|1", "auth0|1\u{200b}", "auth0|\u{200d}1"] {
        check(Field::UserId, text, Err(Code::InvisibleCharacter), &[]);
    }
    check(Field::Name, "\u{202e}Work\u{200b} phone", Ok("Work phone"), &[]);
    check(Field::Name, "👩\u{200d}💻", Ok("👩\u{200d}💻"), &[]);
    check(Field::Transports, "usb\u{feff}", Ok("usb"), &[]);
    check(Field::Aaguid, "\u{200b}7216fe24-7230-4eaa-8fc9-ed7867f8657f", Ok(UUID), &[]);
}

#[test]
fn wrongly_decoded_words_are_told_and_wrongly_decoded_values_refused() {
    check(Field::Name, "BÃ¼ro", Ok("BÃ¼ro"), &["garbled_text"]);
    check(Field::Name, "Bu\u{fffd}ro", Ok("Bu\u{fffd}ro"), &["garbled_text"]);
    check(Field::Name, "Büro", Ok("Büro"), &[]);
    check(Field::Name, "São Tomé", Ok("São Tomé"), &[]);
    check(Field::Email, "j\u{fffd}rg@example.com", Err(Code::GarbledText), &[]);
}

#[test]
fn a_user_id_without_a_connection_is_told() {
    check(Field::UserId, "1234", Ok("1234"), &["no_connection_prefix"]);
    check(Field::UserId, "auth0|1234", Ok("auth0|1234"), &[]);
}

#[test]
fn ids_of_bytes_in_another_encoding_are_converted_or_named() {
    for field in [Field::UserHandle, Field::KeyId] {
        for (text, expected) in [
            ("frLPC97RAMqmPQTbsQb1cg", Ok("frLPC97RAMqmPQTbsQb1cg")),
            ("frLP+97RAMqmPQ/bsQb1cg==", Ok("frLP-97RAMqmPQ_bsQb1cg")),
            ("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21", Err(Code::LooksLikeUuid)),
            ("5d0c9f0e3b0a4c7e9a530f6c1f1a7d21", Err(Code::LooksLikeHex)),
            ("someone@example.com", Err(Code::NotBase64url)),
            ("8675309867530986", Err(Code::LooksLikeDecimal)),
        ] {
            check(field, text, expected, &[]);
        }
    }
    check(Field::KeyId, "ZnJMUEM5N1JBTXFtUFFUYnNRYjFjZw", Err(Code::EncodedTwice), &[]);
    // A handle may be text; 22 letters of both cases are 16 bytes that were encoded before.
    check(
        Field::UserHandle,
        "ZnJMUEM5N1JBTXFtUFFUYnNRYjFjZw",
        Ok("ZnJMUEM5N1JBTXFtUFFUYnNRYjFjZw"),
        &["encoded_twice"],
    );
}

#[test]
fn hexadecimal_that_fits_base32_is_refused_like_its_neighbours() {
    for text in [
        "3132333435363738393031323334353637383930",
        "c2a7d4e6b3f5a2d7c4e6b2f7a3d5c7e2b4f6a2d3",
        "BEEF2345CAFE6723DEAD4567FACE2745",
        "otpauth://totp/a?secret=BEEF2345CAFE6723DEAD4567FACE2745",
    ] {
        check(Field::TotpSecret, text, Err(Code::LooksLikeHex), &[]);
    }
}

#[test]
fn a_secret_in_a_uri_is_believed_to_be_base32_where_that_is_declared() {
    use crate::model::SecretEncoding;
    let uri = "otpauth://totp/a?secret=BEEF2345CAFE6723DEAD4567FACE2745";
    let row =
        || record(&[(Field::UserId, "auth0|1"), (Field::Type, "totp"), (Field::TotpSecret, uri)]);
    for (declared, is_sound) in
        [(Some(SecretEncoding::Base32), true), (Some(SecretEncoding::Hex), false), (None, false)]
    {
        let planned = plan(row(), declared).planned;
        assert_eq!(matches!(planned, Planned::Factor(_)), is_sound, "{declared:?}");
    }
}

#[test]
fn an_escaped_uri_is_the_uri() {
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    for (uri, expected, warned) in [
        ("secret={}&amp;digits=8&amp;issuer=Acme", Err(Code::OtpauthDigits), &[][..]),
        ("secret={}&amp;issuer=Acme", Ok(secret), &[]),
        ("issuer=Acme&amp;secret={}", Ok(secret), &[]),
        ("secret={}&algorithm=HmacSHA1&period=30.0&digits=06", Ok(secret), &[]),
        ("secret={}&algorithm=&digits=&period=", Ok(secret), &[]),
        ("secret={}&flavour=mint", Ok(secret), &["otpauth_parameter"]),
    ] {
        let uri = format!("otpauth://totp/Acme:a@example.com?{}", uri.replace("{}", secret));
        check(Field::TotpSecret, &uri, expected, warned);
    }
}

#[test]
fn no_hint_sends_people_to_a_secret_that_is_wrong() {
    for (text, code, said) in [
        ("r7Gm2QxVt9LwZ4KdYp0s", Code::LooksLikeBase64, "or the key as text"),
        ("eyJpdiI6ICJNREV5TXpRMU5qYzRPV0ZpWTJSbFpnPT0i", Code::LooksEncrypted, "decrypted"),
        (
            "b689c063468ad3b586c9|mFOllsHYA+691QCW|6eaa06c2a2f00d5705f9",
            Code::LooksEncrypted,
            "decrypted",
        ),
        ("JBSWY3DP0HPK3PXP", Code::NotBase32, "cannot be known"),
    ] {
        let found = faults(record(&[
            (Field::UserId, "auth0|1"),
            (Field::Type, "totp"),
            (Field::TotpSecret, text),
        ]));
        assert!(found[0].1.contains(said) && !found[0].1.contains("convert"), "{}", found[0].1);
        check(Field::TotpSecret, text, Err(code), &[]);
    }
}

const UUID: &str = "7216fe24-7230-4eaa-8fc9-ed7867f8657f";

#[test]
fn meanings_are_compared_and_not_spellings() {
    for text in [
        "7216fe2472304eaa8fc9ed7867f8657f",
        "{7216fe24-7230-4eaa-8fc9-ed7867f8657f}",
        "urn:uuid:7216FE24-7230-4EAA-8FC9-ED7867F8657F",
    ] {
        check(Field::Aaguid, text, Ok(UUID), &[]);
    }
    let zeros = "00000000-0000-0000-0000-000000000000";
    check(Field::Aaguid, zeros, Ok(zeros), &[]);
    for text in ["t", "1", "TRUE", "True", "yes", "Y", "on", "1.0"] {
        check(Field::CredentialBackedUp, text, Ok("true"), &[]);
    }
    for (bit, expected) in [(true, "true"), (false, "false")] {
        let found = outcome(Field::CredentialBackedUp, Cell::Bit(bit));
        assert_eq!(found, (Ok(expected.to_owned()), vec![]));
        let found = outcome(Field::PhoneNumber, Cell::Bit(bit));
        assert_eq!(found, (Err(Code::NotAString.name().to_owned()), vec![]));
    }
    for text in ["f", "0", "FALSE", "no", "N", "off", "0.0"] {
        check(Field::CredentialBackedUp, text, Ok("false"), &[]);
    }
    for text in ["singleDevice", "single-device", "SINGLE_DEVICE", "single device"] {
        check(Field::CredentialDeviceType, text, Ok("single_device"), &[]);
    }
    for text in [
        "usb nfc",
        "usb,nfc",
        "usb, nfc",
        "usb;nfc",
        "USB;NFC;",
        "[\"usb\",\"nfc\"]",
        "['usb', 'nfc']",
        "{usb,nfc}",
        "{\"usb\",\"nfc\"}",
        "usb|nfc",
        "usb,NULL,nfc",
    ] {
        let warned: &[&str] = if text.contains("NULL") { &["null_word"] } else { &[] };
        check(Field::Transports, text, Ok("usb nfc"), warned);
    }
    for text in ["[]", "{}", "[ ]"] {
        check(Field::Transports, text, Ok(""), &[]);
    }
}

#[test]
fn a_long_name_is_cut_and_the_factor_is_kept() {
    check(Field::Name, "Google Password Manager", Ok("Google Password Mana"), &["name_cut"]);
    check(Field::Name, "Samsung Galaxy S23 Ultra", Ok("Samsung Galaxy S23 U"), &["name_cut"]);
    check(Field::Name, "exactly twenty chars", Ok("exactly twenty chars"), &[]);
    // What is left is what would be left of it.
    check(Field::Name, "NULL                     x", Ok(""), &["name_cut"]);
    check(Field::Name, "'0123456789 0123456' x", Ok("0123456789 0123456"), &["name_cut"]);
}

#[test]
fn a_passkey_of_one_device_that_is_backed_up_is_told() {
    let mut row = record(&[(Field::UserId, "auth0|1"), (Field::Type, "passkey")]);
    for (field, text) in PASSKEY.into_iter().chain([
        (Field::CredentialDeviceType, "single_device"),
        (Field::CredentialBackedUp, "true"),
    ]) {
        row.set(field, Cell::Text(text.to_owned()));
    }
    assert_eq!(plan(row, None).warnings, [Warning::BackedUpSingleDevice]);
}
