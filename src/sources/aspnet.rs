//! ASP.NET Core Identity (and Duende on top of it): users joined with their tokens.
//!
//! Read in `dotnet/aspnetcore`: `UserStoreBase` (`[AspNetUserStore]`, `AuthenticatorKey`,
//! `RecoveryCodes`), `AuthenticatorTokenProvider`, `Rfc6238AuthenticationService` (SHA-1, 30
//! seconds, Base32). A key is there as soon as its user has looked at the page for enrolling: only
//! `TwoFactorEnabled` says that it is in use.

use super::{About, FactorDraft, Rows, System, columns, totp};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "aspnet",
    title: "ASP.NET Core Identity",
    forms: &[Form::Csv(None), Form::JsonLines, Form::Json(Places { elements: &[""], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "Save the result of this query as CSV with its header:",
            "select u.Id, u.UserName, u.Email, u.EmailConfirmed, u.PhoneNumber, u.PhoneNumberConfirmed, \
             u.TwoFactorEnabled, t.LoginProvider, t.Name, t.Value from AspNetUsers u left join AspNetUserTokens t \
             on t.UserId = u.Id and t.LoginProvider = '[AspNetUserStore]'",
        ],
        carries: &[
            "totp: `AuthenticatorKey` of users whose `TwoFactorEnabled` is true",
            "phone: with --include-profile-phone, confirmed numbers of the same users",
        ],
        leaves: &[
            "recovery codes: Auth0 has no import for them",
            "keys of users whose `TwoFactorEnabled` is false: they have only looked at the page",
            "passkeys (.NET 10): they are in another table, which this version does not read",
        ],
        traps: &[
            "The table of tokens alone does not say which keys are in use: join the users.",
            "Stores that encrypt (`CfDJ8…`) must be read by their own application.",
            "Tokens of other providers, such as Google's, are no factors and better left out of the file: they are \
             passed over, and each brings its user's phone once more.",
            "A file of INSERTs is no table: run the query instead.",
            "With --include-profile-phone, the phone of a user who has recovery codes and no \
             `AuthenticatorKey` is not taken; ASP.NET Core Identity's own pages make no such user.",
        ],
        flags: &[
            "--user-id or --users: ASP.NET Core Identity knows no Auth0 ids",
            "--include-profile-phone: makes phones of profiles factors",
        ],
        no_factors: "does the query join `AspNetUserTokens`? Without it there are no keys",
    },
    recognises,
    read,
};

fn recognises(row: &Node) -> bool {
    columns::has(row, "TwoFactorEnabled") || columns::has(row, "LoginProvider")
}

fn read(row: &Node, rows: &mut Rows<'_>) {
    let cell = |column| columns::cell(row, column);
    let text = |column| cell(column).scalar().map(str::to_owned);
    rows.person = Person {
        id: text("Id").or_else(|| text("UserId")),
        email: text("Email"),
        username: text("UserName"),
        is_email_verified: cell("EmailConfirmed").flag(),
        is_disabled: false,
    };
    // The name varies in forks, and other providers are called without brackets.
    let provider = cell("LoginProvider").text().unwrap_or_default().trim();
    let is_own = provider.starts_with('[') || !columns::has(row, "LoginProvider");
    match cell("Name").text().map(str::trim) {
        Some("AuthenticatorKey") if is_own => authenticator(row, rows),
        Some("RecoveryCodes") if is_own => rows.recovery_codes(""),
        Some(_) if is_own => {
            let rule = "is a token of a kind that ASP.NET Core Identity itself does not have";
            rows.not_carried("", None, Code::FactorTypeUnsupported, rule);
        }
        Some(_) | None => {}
    }
    // It is in each row of a user. Recovery codes come with a key, whose row has it as well; where
    // the table has other providers' tokens, it comes more than once, which is better than never.
    let is_confirmed = |column| cell(column).flag() == Some(true);
    if rows.options.includes_profile_phone
        && cell("Name").text() != Some("RecoveryCodes")
        && !cell("PhoneNumber").is_null()
        && is_confirmed("PhoneNumberConfirmed")
        && is_confirmed("TwoFactorEnabled")
    {
        let factor =
            FactorDraft::new(FactorType::Phone).set_cell(Field::PhoneNumber, cell("PhoneNumber"));
        rows.push("PhoneNumber", factor);
    }
}

fn authenticator(row: &Node, rows: &mut Rows<'_>) {
    let factor_type = FactorType::Totp;
    match columns::cell(row, "TwoFactorEnabled").flag() {
        Some(true) => {}
        Some(false) => {
            let rule = "is not in use (`TwoFactorEnabled` is false): its user has seen it and not confirmed it";
            rows.not_carried("", Some(factor_type), Code::Unconfirmed, rule);
            return;
        }
        None => {
            let rule = "has no `TwoFactorEnabled` that is true or false, so nobody can tell whether it is in \
                        use: join `AspNetUsers`";
            rows.reject("", Some(factor_type), "", Code::InvalidRow, rule);
            return;
        }
    }
    let (factor, key) = (FactorDraft::new(factor_type), columns::cell(row, "Value"));
    rows.push("", totp::set_secret_of(factor, key, SecretEncoding::Base32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::{
            Options,
            tests::{read_all, read_with, told},
        },
    };

    fn row(enabled: &str, provider: &str, name: &str, value: &str) -> String {
        format!(
            r#"{{"Id":"5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21","UserName":"mara","Email":"mara@example.org",
                "EmailConfirmed":"True","PhoneNumber":"+493012345678","PhoneNumberConfirmed":"1",
                "TwoFactorEnabled":{enabled},"LoginProvider":{provider},"Name":{name},"Value":{value}}}"#
        )
    }

    const OWN: &str = r#""[AspNetUserStore]""#;
    const KEY: &str = r#""AuthenticatorKey""#;
    const SECRET: &str = r#""7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7""#;

    #[test]
    fn only_keys_of_its_own_store_that_are_in_use_are_factors() {
        let carried = Some(" totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7");
        let unconfirmed = Some(" totp not_carried unconfirmed");
        let invalid = Some(" totp rejected totp_secret_invalid (totp_secret)");
        let encrypted = Some(" totp rejected secret_encrypted (totp_secret)");
        let codes = Some("  not_carried recovery_codes_not_importable");
        for (row, expected) in [
            (row(r#""True""#, OWN, KEY, SECRET), carried),
            (row("true", OWN, KEY, SECRET), carried),
            (row(r#""1""#, OWN, KEY, SECRET), carried),
            (row("1", OWN, KEY, SECRET), carried),
            (row(r#""t""#, r#""[MyUserStore]""#, KEY, SECRET), carried),
            (row(r#""False""#, OWN, KEY, SECRET), unconfirmed),
            (row("0", OWN, KEY, SECRET), unconfirmed),
            (row("false", OWN, KEY, r#""CfDJ8AAAAAAA""#), unconfirmed),
            (row(r#""NULL""#, OWN, KEY, SECRET), Some(" totp rejected invalid_row")),
            (row("null", OWN, KEY, SECRET), Some(" totp rejected invalid_row")),
            (row("true", OWN, KEY, r#""CfDJ8AAAAAAA""#), encrypted),
            (row("true", OWN, KEY, r#""NULL""#), invalid),
            (row("true", OWN, KEY, "7"), invalid),
            (row("true", OWN, KEY, r#""7RIVQLOBYZPQ6JJT3""#), invalid),
            (row("true", OWN, r#""RecoveryCodes""#, r#""A-B;C-D""#), codes),
            (row("false", OWN, r#""RecoveryCodes""#, r#""A-B;C-D""#), codes),
            (row("true", OWN, r#""Other""#, SECRET), Some("  not_carried factor_type_unsupported")),
            (row("true", r#""Google""#, r#""access_token""#, r#""ya29""#), None),
            (row("true", r#""Google""#, KEY, SECRET), None),
            (row("true", "null", "null", "null"), None),
            (row("true", r#""NULL""#, r#""NULL""#, r#""NULL""#), None),
        ] {
            assert!(recognises(&from_json(&row).unwrap()), "{row}");
            let found = told(read_all(&SYSTEM, &row, None));
            assert_eq!(found.first().map(String::as_str), expected, "{row}");
            assert!(found.len() <= 1, "{row}");
        }
    }

    #[test]
    fn columns_are_found_in_the_spelling_of_any_database() {
        let row = row("true", OWN, KEY, SECRET);
        let expected = told(read_all(&SYSTEM, &row, None));
        let lower = row
            .replace("TwoFactorEnabled", "two_factor_enabled")
            .replace("LoginProvider", "loginprovider")
            .replace("UserName", "USERNAME");
        let (person, rows) = read_all(&SYSTEM, &lower, None);
        assert_eq!(person.id.as_deref(), Some("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21"));
        assert_eq!(person.username.as_deref(), Some("mara"));
        assert_eq!(person.email.as_deref(), Some("mara@example.org"));
        assert_eq!(person.is_email_verified, Some(true));
        assert_eq!(told((person, rows)), expected);
    }

    #[test]
    fn a_phone_is_a_factor_with_the_flag_alone_and_if_it_is_confirmed_and_in_use() {
        let with = Options { includes_profile_phone: true, ..Options::default() };
        let row = row("true", "null", "null", "null");
        let phone = "PhoneNumber phone phone_number=+493012345678";
        for (row, options, expected) in [
            (row.clone(), &with, vec![phone]),
            (row.clone(), &Options::default(), Vec::new()),
            (row.replace("+493012345678", "NULL"), &with, Vec::new()),
            (row.replace(r#""Name":null"#, r#""Name":"RecoveryCodes""#), &with, Vec::new()),
            (
                row.replace(r#""PhoneNumberConfirmed":"1""#, r#""PhoneNumberConfirmed":"0""#),
                &with,
                Vec::new(),
            ),
            (
                row.replace(r#""TwoFactorEnabled":true"#, r#""TwoFactorEnabled":false"#),
                &with,
                Vec::new(),
            ),
            (
                row.replace("+493012345678", "030 12345678"),
                &with,
                vec!["PhoneNumber phone rejected phone_not_e164 (phone_number)"],
            ),
        ] {
            let found = told(read_with(&SYSTEM, &from_json(&row).unwrap(), options, &[]));
            assert_eq!(found, expected, "{row}");
        }
    }
}
