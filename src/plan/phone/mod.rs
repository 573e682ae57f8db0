//! Phones: E.164 and nothing else, since Auth0 does not guess countries. Only characters that
//! nobody dials are removed; if digits may be meant in two ways, the row is refused. So the number
//! sent is always one that a person would read from the text.

mod countries;
mod written;

use written::{Written, national_fault};
use zeroize::Zeroizing;

use super::{
    draft::{Draft, Rule},
    text::in_ascii,
};
use crate::model::{Channel, Code, Contact, Credential, Field};

pub(super) fn credential(draft: &mut Draft) -> Option<Credential> {
    let number = draft.required(Field::PhoneNumber, number);
    let preferred = draft.optional(Field::PreferredAuthenticationMethod, channel);
    Some(Credential::Phone { number: number?, preferred })
}

#[expect(clippy::needless_pass_by_value, reason = "a check, as `Draft::optional` takes it")]
pub(super) fn channel(text: String) -> Result<Channel, Rule> {
    let text = text.trim();
    [Channel::Sms, Channel::Voice]
        .into_iter()
        .find(|channel| text.eq_ignore_ascii_case(channel.name()))
        .ok_or_else(|| Rule::new(Code::UnknownChannel, "must be `sms` or `voice`"))
}

fn number(text: String) -> Result<Contact, Rule> {
    // Nearly all are right as they are.
    if is_e164(&text) {
        return Ok(Contact::new(text));
    }
    let text = Zeroizing::new(text);
    if is_masked_in_input(&text) {
        return Err(Rule::new(
            Code::Masked,
            "is masked: export the whole number (tenant flag \
             `disable_management_api_sms_obfuscation`)",
        ));
    }
    let plain = Zeroizing::new(in_ascii(&text));
    let plain = plain.trim();
    let plain = match plain.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => plain.get(4..).unwrap_or(""),
        _ => plain,
    };
    let mut written = Written::read(plain)?;
    written.drop_decimal_tail();
    written.drop_trunk_zero()?;
    written.check()?;
    Ok(Contact::new(written.into_number()))
}

/// Returns true if a number is E.164 as it stands, of a length that its country has.
fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && national_fault(digits.as_bytes()).is_none()
    })
}

/// Returns true if a number has been masked: two or more of `X`, `x`, `*` or a bullet in a row.
fn is_masked_in_input(text: &str) -> bool {
    let mut run = 0;
    text.chars().any(|c| {
        run = if matches!(c, 'X' | 'x' | '*' | '\u{2022}' | '\u{25cf}') { run + 1 } else { 0 };
        run == 2
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, Code>) {
        let found = number(text.to_owned()).map(|number| number.expose().to_owned());
        assert_eq!(found.map_err(|rule| rule.code), expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn punctuation_is_removed() {
        for text in [
            "+12025550123",
            " +1 (202) 555-0123 ",
            "+1.202.555.0123",
            "+1\u{a0}202\u{202f}555\u{2011}0123",
            "+1[202]\u{2013}5550123",
            "(+1) 202 555 0123",
            "+1 202 555 - 0123",
            "tel:+1-202-555-0123",
            "TEL:+12025550123",
            "\u{ff0b}\u{ff11} (202) \u{ff15}\u{ff15}\u{ff15} 0123",
            "+1\u{662}\u{660}\u{662}5550123",
            "+1\u{6f2}\u{6f0}\u{6f2}5550123",
            "+1\u{3000}202\u{2009}555\u{2212}0123",
        ] {
            check(text, Ok("+12025550123"));
        }
        check("+49 151 23456789", Ok("+4915123456789"));
        check("+55 (11) 91234-5678", Ok("+5511912345678"));
        check("+54 9 (11) 1234-5678", Ok("+5491112345678"));
    }

    #[test]
    fn a_zero_that_is_dialled_inside_the_country_only_is_never_sent() {
        for (text, expected) in [
            ("+49 (0)151 23456789", Ok("+4915123456789")),
            ("+49(0)15123456789", Ok("+4915123456789")),
            ("+49 [0] 151 23456789", Ok("+4915123456789")),
            ("(+49) (0) 151 23456789", Ok("+4915123456789")),
            ("+49 (0151) 23456789", Ok("+4915123456789")),
            ("+44 (0)20 7946 0123", Ok("+442079460123")),
            ("+44 (020) 7946 0123", Ok("+442079460123")),
            ("+353 (0)86 123 4567", Ok("+353861234567")),
            ("+49\u{ff08}0\u{ff09}151 23456789", Ok("+4915123456789")),
            // Italy, and others that have begun to, dial it.
            ("+39 06 1234 5678", Ok("+390612345678")),
            ("+39 (06) 1234 5678", Ok("+390612345678")),
            ("+225 07 08 12 34 56", Ok("+2250708123456")),
            ("+39 (0)6 1234 5678", Err(Code::TrunkZero)),
            ("+39 (0)333 123 4567", Err(Code::TrunkZero)),
            // Outside of brackets it may be a typing error as well.
            ("+49 0151 23456789", Err(Code::TrunkZero)),
            ("+49015123456789", Err(Code::TrunkZero)),
            ("+44 020 7946 0123", Err(Code::TrunkZero)),
            ("+44 -0- 20 7946 0123", Err(Code::TrunkZero)),
            ("+44 (0)(0)20 7946 0123", Err(Code::TrunkZero)),
            // These countries have no such zero, or another prefix.
            ("+1 (0)202 555 0123", Err(Code::TrunkZero)),
            ("+36 (06) 1 234 5678", Err(Code::TrunkZero)),
            ("+34 (0)612 345 678", Err(Code::TrunkZero)),
            ("+7 (8) 495 123 45 67", Err(Code::ImpossibleLength)),
            // Not behind the country code.
            ("+44 20 (0) 7946 0123", Err(Code::TrunkZero)),
            ("+54 9 (011) 1234 5678", Err(Code::TrunkZero)),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn what_may_be_an_extension_is_never_dialled() {
        for text in [
            "+12025550123x5",
            "+1 202 555 0123 ext. 45",
            "+1 202 555 0123,45",
            "+1 202 555 0123;ext=45",
            "+1 202 555 0123 #45",
            "+1202/5550123",
            "+46 8 123 45 6 - 7",
            "+49 30 1234567-0",
            "+49 30 1234567-89",
            "+49 30 1234567 - 8901",
            "+49301234567.5",
        ] {
            check(text, Err(Code::Extension));
        }
        check("+1 202 555 0123 - 45", Err(Code::ImpossibleLength));
        check("+1 202 555 0123 (45)", Err(Code::Brackets));
        check("+49 30 1234567 (89)", Err(Code::Brackets));
        // Marks that stand between all groups are punctuation, and four digits are a group.
        check("+49-30-1234-567", Ok("+49301234567"));
        check("+49 30 1234-5678", Ok("+493012345678"));
        check("+49.30.1234.56", Ok("+4930123456"));
    }

    #[test]
    fn a_decimal_tail_is_no_digit_of_the_number() {
        check("+12025550123.0", Ok("+12025550123"));
        check("+12025550123.00", Ok("+12025550123"));
        check("+4915123456789.0", Ok("+4915123456789"));
        check("+4915123456789.000", Err(Code::ImpossibleLength));
        check("+49301234567.000", Err(Code::Extension));
    }

    #[test]
    fn a_length_that_the_country_does_not_have_is_refused() {
        for text in ["+120255501", "+1202555012345", "+3312345678", "+4420794601", "+123456", "+1"]
        {
            check(text, Err(Code::ImpossibleLength));
        }
        for text in ["+", "+999123456789", "+02025550123", "+2101234567"] {
            check(text, Err(Code::UnknownCountryCode));
        }
    }

    #[test]
    fn anything_but_e164_is_refused_with_its_own_rule() {
        for (text, code) in [
            ("XXXXXXXXX5044", Code::Masked),
            ("+1202***0123", Code::Masked),
            ("+1202555xx23", Code::Masked),
            ("+1202555\u{2022}\u{2022}23", Code::Masked),
            ("202555CALL", Code::MissingPlus),
            ("0012025550123", Code::MissingPlus),
            ("12025550123", Code::MissingPlus),
            ("2025550123", Code::MissingPlus),
            ("", Code::MissingPlus),
            ("+1202555CALL", Code::NotADigit),
            ("+1 202 555 0123+1 202 555 0124", Code::NotADigit),
            ("+1 202 555\u{1d7d8}123", Code::NotADigit),
            ("+1 (202 555 0123", Code::Brackets),
            ("+1 202) 555 0123", Code::Brackets),
            ("+1 ((202)) 555 0123", Code::Brackets),
            ("+1 (202] 555 0123", Code::Brackets),
        ] {
            check(text, Err(code));
        }
    }

    /// Returns the readings that a person may find for a number: all its digits, without a zero in
    /// brackets behind the country code, without a decimal tail, or without either.
    fn readings(text: &str) -> Vec<String> {
        let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
        let tailless = text.trim_end().trim_end_matches('0').strip_suffix('.');
        let mut readings = Vec::new();
        for text in [Some(text), tailless].into_iter().flatten() {
            readings.push(digits(text));
            for open in ["(0", "[0"] {
                if let Some((before, after)) = text.split_once(open)
                    && (1..=3).contains(&digits(before).len())
                {
                    readings.push(digits(&format!("{before}{after}")));
                }
            }
        }
        readings
    }

    /// Texts that look like numbers, of countries of every kind.
    fn written() -> impl Strategy<Value = String> {
        let code = prop::sample::select(vec!["1", "7", "39", "44", "49", "36", "225", "353", "81"]);
        let mark =
            prop::sample::select(vec!["", " ", "-", ".", " - ", "(", ")", "[0]", "(0)", ") "]);
        let group = ("[0-9]{1,4}", mark).prop_map(|(digits, mark)| format!("{mark}{digits}"));
        let tail = prop::sample::select(vec!["", "", ".0", ".00", " x5", "-12", " (3)"]);
        (code, prop::collection::vec(group, 1..5), tail)
            .prop_map(|(code, groups, tail)| format!("+{code}{}{tail}", groups.concat()))
    }

    proptest! {
        #[test]
        fn what_is_sent_is_a_reading_of_the_text_and_a_possible_number(
            text in prop_oneof![4 => written(), 1 => "[+]?[0-9 ().\\-\\[\\]/x,]{0,20}", 1 => "\\PC{0,12}"],
        ) {
            if let Ok(number) = number(text.clone()) {
                let sent = number.expose().strip_prefix('+').unwrap();
                let ascii = in_ascii(&text);
                prop_assert!(readings(&ascii).iter().any(|reading| reading == sent), "{text} {sent}");
                prop_assert!(national_fault(sent.as_bytes()).is_none());
                prop_assert_eq!(number_again(sent), sent);
            }
        }
    }

    fn number_again(digits: &str) -> String {
        number(format!("+{digits}")).unwrap().expose().trim_start_matches('+').to_owned()
    }
}
