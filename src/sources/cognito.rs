//! Amazon Cognito user pools: what `AdminGetUser` answers for each user, or pages of `ListUsers`.
//!
//! The API reference of Amazon Cognito: `AdminGetUser` (`UserMFASettingList`, `UserAttributes`),
//! `ListUsers` (`Attributes`, no list of factors), `AssociateSoftwareToken` (the only answer that
//! ever holds a secret).

use super::{About, FactorDraft, Rows, System};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person},
};

const FACTORS: &str = "UserMFASettingList";

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "cognito",
    title: "Amazon Cognito",
    forms: &[Form::Json(Places { elements: &["", "Users[]"], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "aws cognito-idp list-users --user-pool-id POOL --query 'Users[].[Username]' --output text > names",
            "while IFS= read -r name; do aws cognito-idp admin-get-user --user-pool-id POOL --username \"$name\" \
             --output json; done < names > users.json",
            "Objects one after another are read as they come, and so are an array and one object a line.",
        ],
        carries: &[
            "phone: verified numbers of users with `SMS_MFA` in `UserMFASettingList`",
            "email: addresses of users with `EMAIL_OTP` in it",
        ],
        leaves: &[
            "authenticator apps (`SOFTWARE_TOKEN_MFA`): Cognito hands out no secret, so these users must enrol \
             again",
            "unverified numbers and addresses",
            "phones of profiles: they are no second factors, unless `--include-profile-phone`",
            "passkeys: no answer of Cognito's holds their public keys",
        ],
        traps: &[
            "`ListUsers` does not say who has which factor: ask `AdminGetUser` about each user.",
            "`{id}` is the attribute `sub`; `{username}` is `Username`, which may be an address or a name of \
             another provider.",
            "`MFAOptions` and `PreferredMfaSetting` are ignored: the one is dead, the other says only which \
             factor goes first.",
        ],
        flags: &[
            "--user-id or --users: Cognito knows no Auth0 ids",
            "--include-profile-phone: takes verified phones of users without `SMS_MFA` for factors, too",
        ],
        no_factors: "no user has a `UserMFASettingList`: answers of `ListUsers` never have one. Ask \
                     `AdminGetUser` about each user, as `mfaferry sources cognito` shows",
    },
    recognises,
    read,
};

fn recognises(user: &Node) -> bool {
    let keys = ["UserAttributes", "Attributes", "UserStatus", FACTORS];
    user.has("Username") && keys.iter().any(|key| user.has(key))
}

fn read(user: &Node, rows: &mut Rows<'_>) {
    let attribute = |name| attribute(user, name);
    let text = |name| attribute(name).text();
    let is_phone_verified = attribute("phone_number_verified").flag() == Some(true);
    rows.person = Person {
        id: text("sub").map(Into::into),
        email: text("email").map(Into::into),
        username: user.get("Username").text().map(Into::into),
        is_email_verified: attribute("email_verified").flag(),
        is_disabled: user.get("Enabled").flag() == Some(false),
    };
    let number = attribute("phone_number").scalar();
    for (index, factor) in rows.items(user.get(FACTORS), FACTORS).iter().enumerate() {
        let at = format!("{FACTORS}[{index}]");
        match factor.text() {
            Some("SMS_MFA") if is_phone_verified => rows.push(at, FactorDraft::phone(number).by_sms()),
            Some("SMS_MFA") => unconfirmed(at, rows),
            Some("EMAIL_OTP") => {
                rows.push(at, FactorDraft::new(FactorType::Email).set(Field::Email, text("email")));
            }
            Some("SOFTWARE_TOKEN_MFA") => rows.not_carried(
                at,
                Some(FactorType::Totp),
                Code::SecretNotExported,
                "is an authenticator app, whose secret Cognito never hands out: the user must enrol again",
            ),
            Some(_) => rows.not_carried(
                at,
                None,
                Code::FactorTypeUnsupported,
                "is of a type that no API creates in Auth0",
            ),
            None => rows.reject(at, None, "", Code::InvalidRow, "must be the name of a factor"),
        }
    }
    if let Some(number) = number.filter(|_| is_phone_verified) {
        rows.profile_phone("phone_number", number);
    }
}

/// Returns the value of an attribute: `AdminGetUser` and `ListUsers` have two names for their list.
fn attribute<'n>(user: &'n Node, name: &str) -> &'n Node {
    let lists = ["UserAttributes", "Attributes"].into_iter().flat_map(|key| user.get(key).items());
    let mut named = lists.filter(|attribute| attribute.get("Name").text() == Some(name));
    named.next().map_or(&Node::Null, |attribute| attribute.get("Value"))
}

fn unconfirmed(at: String, rows: &mut Rows<'_>) {
    let rule = "is of a number that Cognito has not verified";
    rows.not_carried(at, Some(FactorType::Phone), Code::Unconfirmed, rule);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{all_flags, read_all, read_with, told, told_sample};
    use crate::{model::from_json, sources::Options};

    /// Makes a user of attributes as `name=value`.
    fn user(factors: &str, attributes: &[&str]) -> String {
        let attributes = attributes.iter().map(|attribute| {
            let (name, value) = attribute.split_once('=').unwrap();
            format!(r#"{{"Name":"{name}","Value":"{value}"}}"#)
        });
        let attributes = attributes.collect::<Vec<_>>().join(",");
        format!(
            r#"{{"Username":"mara","UserAttributes":[{attributes}],"UserMFASettingList":{factors}}}"#
        )
    }

    const PHONE: &str = "phone_number=+493012345678";
    const EMAIL: &str = "email=mara@example.org";

    #[test]
    fn a_factor_is_what_the_list_names() {
        let at = "UserMFASettingList";
        for (factors, attributes, expected) in [
            (
                r#"["SMS_MFA"]"#,
                &[PHONE, "phone_number_verified=true"][..],
                "[0] phone phone_number=+493012345678 preferred_authentication_method=sms",
            ),
            (
                r#"["SMS_MFA"]"#,
                &[PHONE, "phone_number_verified=false"],
                "[0] phone not_carried unconfirmed",
            ),
            (r#"["SMS_MFA"]"#, &[PHONE], "[0] phone not_carried unconfirmed"),
            (
                r#"["SMS_MFA"]"#,
                &["phone_number_verified=true"],
                "[0] phone rejected required (phone_number)",
            ),
            (r#"["EMAIL_OTP"]"#, &[EMAIL], "[0] email email=mara@example.org"),
            (
                r#"["EMAIL_OTP"]"#,
                &[EMAIL, "email_verified=true"],
                "[0] email email=mara@example.org",
            ),
            (
                r#"["EMAIL_OTP"]"#,
                &[EMAIL, "email_verified=false"],
                "[0] email email=mara@example.org",
            ),
            (r#"["EMAIL_OTP"]"#, &[], "[0] email rejected required (email)"),
            (r#"["SOFTWARE_TOKEN_MFA"]"#, &[], "[0] totp not_carried secret_not_exported"),
            (r#"["WEB_AUTHN"]"#, &[], "[0]  not_carried factor_type_unsupported"),
            ("[null]", &[], "[0]  rejected invalid_row"),
            ("{}", &[], "  rejected invalid_row"),
            (r#""SMS_MFA""#, &[PHONE, "phone_number_verified=true"], "  rejected invalid_row"),
        ] {
            let found = told(read_all(&SYSTEM, &user(factors, attributes), None));
            assert_eq!(found, [format!("{at}{expected}")], "{factors} {attributes:?}");
        }
        for nothing in ["[]", "null"] {
            let verified = user(nothing, &[PHONE, "phone_number_verified=true"]);
            assert_eq!(told(read_all(&SYSTEM, &verified, None)), [""; 0]);
        }
    }

    #[test]
    fn a_person_is_known_by_the_attribute_sub() {
        let json = user("[]", &["sub=9b1d4a70", EMAIL, "email_verified=false"]);
        let (person, _) = read_all(&SYSTEM, &json, None);
        assert_eq!(person.id.as_deref(), Some("9b1d4a70"));
        assert_eq!(person.username.as_deref(), Some("mara"));
        assert_eq!(person.email.as_deref(), Some("mara@example.org"));
        assert_eq!((person.is_email_verified, person.is_disabled), (Some(false), false));
        let disabled =
            r#"{"Username":"mara","Enabled":false,"Attributes":[{"Name":"sub","Value":"1"}]}"#;
        let (person, _) = read_all(&SYSTEM, disabled, None);
        assert_eq!((person.id.as_deref(), person.is_disabled), (Some("1"), true));
        // `Username` is an id in some pools only.
        assert_eq!(read_all(&SYSTEM, &user("[]", &[]), None).0.id, None);
    }

    #[test]
    fn a_profile_phone_is_a_factor_only_with_the_flag_if_it_is_verified_and_only_once() {
        let n_rows = |factors: &str, verified: &str, options: &Options| {
            let verified = format!("phone_number_verified={verified}");
            let user = from_json(&user(factors, &[PHONE, &verified])).unwrap();
            told(read_with(&SYSTEM, &user, options, &[])).len()
        };
        for (factors, verified, without, with) in [
            ("null", "true", 0, 1),
            ("null", "false", 0, 0),
            (r#"["SMS_MFA"]"#, "true", 1, 1),
            (r#"["SOFTWARE_TOKEN_MFA"]"#, "true", 1, 2),
        ] {
            assert_eq!(n_rows(factors, verified, &Options::default()), without, "{factors}");
            assert_eq!(n_rows(factors, verified, &all_flags()), with, "{factors}");
        }
    }

    #[test]
    fn the_sample_holds_each_kind_of_row() {
        insta::assert_snapshot!(told_sample("cognito.json", &SYSTEM), @r#"
        1 6a051250-7a0 UserMFASettingList[0] phone phone_number=+493012345678 preferred_authentication_method=sms
        1 6a051250-7a0 UserMFASettingList[1] totp not_carried secret_not_exported
        35 86b07569-b5a UserMFASettingList[0] phone not_carried unconfirmed
        35 86b07569-b5a UserMFASettingList[1] email email=noor@example.org
        68 e0a1e6cf-21f phone_number phone phone_number=+493012345680
        97 ca1825ef-97c UserMFASettingList[0] email email=ines@example.org
        121 f3ace225-8bf UserMFASettingList[0] phone rejected phone_not_e164 (phone_number)
        121 f3ace225-8bf UserMFASettingList[1]  not_carried factor_type_unsupported
        "#);
    }
}
