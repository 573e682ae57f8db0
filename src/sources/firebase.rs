//! Firebase Authentication and Google Identity Platform: what `firebase auth:export` writes as
//! JSON, an answer of `accounts:batchGet`, or users of the Admin SDK.
//!
//! Read in `firebase/firebase-tools`: `src/accountExporter.ts` (`mfaInfo` is there since 15.22.4,
//! in JSON only), `src/commands/auth-export.ts` (the layout), `src/gcp/auth.ts` (`mfaInfo`).

use super::{About, FactorDraft, Rows, System};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person},
};

/// Names of a factor's number: the whole one goes first, the Admin SDK's last.
const NUMBERS: [&str; 3] = ["unobfuscatedPhoneInfo", "phoneInfo", "phoneNumber"];

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "firebase",
    title: "Firebase Authentication",
    forms: &[Form::Json(Places { elements: &["", "users[]"], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "firebase auth:export users.json --format=json --project PROJECT",
            "Use firebase-tools 15.22.4 or later: older versions leave the factors out.",
            "What `listUsers()` of the Admin SDK gives, written as JSON, is read, too.",
        ],
        carries: &[
            "phone: factors of `mfaInfo` with a number",
            "email: factors of `mfaInfo` with an address",
        ],
        leaves: &[
            "authenticator apps (`totpInfo`): Firebase hands out no secret, so these users must enrol again",
            "phones of profiles (`phoneNumber`): they are for logging in, unless `--include-profile-phone`",
        ],
        traps: &[
            "CSV exports have no factors.",
            "Numbers with characters hidden (`+*******5678`) are refused: export them with the CLI.",
            "Tenants of Identity Platform are exported one by one.",
        ],
        flags: &[
            "--user-id or --users: Firebase knows no Auth0 ids; `{id}` is `localId`",
            "--include-profile-phone: takes the phones that people log in with for factors",
        ],
        no_factors: "no user has `mfaInfo`: firebase-tools leaves it out before 15.22.4, and in every CSV. \
                     Update them, and export again with `--format=json`",
    },
    recognises,
    read,
};

fn recognises(user: &Node) -> bool {
    let is_of_sdk = || user.has("uid") && (user.has("multiFactor") || user.has("metadata"));
    user.has("localId") || is_of_sdk()
}

fn read(user: &Node, rows: &mut Rows<'_>) {
    let id = ["localId", "uid"].iter().find_map(|key| user.get(key).text());
    rows.person = Person {
        id: id.map(Into::into),
        email: user.get("email").text().map(Into::into),
        username: None,
        is_email_verified: user.get("emailVerified").flag(),
        is_disabled: user.get("disabled").flag() == Some(true),
    };
    let multi_factor = user.get("multiFactor");
    let of_sdk = match multi_factor {
        Node::Object(_) => multi_factor.get("enrolledFactors"),
        other => other,
    };
    for (at, list) in [("mfaInfo", user.get("mfaInfo")), ("multiFactor.enrolledFactors", of_sdk)] {
        for (index, factor) in rows.items(list, at).iter().enumerate() {
            enrolled(factor, format!("{at}[{index}]"), rows);
        }
    }
    if let Some(number) = user.get("phoneNumber").scalar() {
        rows.profile_phone("phoneNumber", number);
    }
}

fn enrolled(factor: &Node, at: String, rows: &mut Rows<'_>) {
    let is_there = |key: &str| match factor.get(key) {
        Node::Null => false,
        Node::Text(text) => !text.is_empty(),
        _ => true,
    };
    let name = factor.get("displayName").text();
    if NUMBERS.iter().any(|key| is_there(key)) {
        let number = NUMBERS.iter().find_map(|key| factor.get(key).scalar());
        rows.push(at, FactorDraft::phone(number).by_sms().set(Field::Name, name));
    } else if is_there("emailInfo") {
        let address = factor.get("emailInfo").get("emailAddress").text();
        let factor = FactorDraft::new(FactorType::Email);
        rows.push(at, factor.set(Field::Email, address).set(Field::Name, name));
    } else if is_there("totpInfo") || factor.get("factorId").text() == Some("totp") {
        let rule = "is an authenticator app, whose secret Firebase never hands out: the user must enrol again";
        rows.not_carried(at, Some(FactorType::Totp), Code::SecretNotExported, rule);
    } else if matches!(factor, Node::Object(_)) {
        let rule = "is of a type that no API creates in Auth0";
        rows.not_carried(at, None, Code::FactorTypeUnsupported, rule);
    } else {
        rows.reject(at, None, "", Code::InvalidRow, "must be an object");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{all_flags, read_all, read_with, told, told_sample};
    use crate::{model::from_json, sources::Options};

    fn read_factors(factors: &str) -> Vec<String> {
        told(read_all(
            &SYSTEM,
            &format!(r#"{{"localId":"Zk3vQ1mT8hX2","mfaInfo":{factors}}}"#),
            None,
        ))
    }

    #[test]
    fn each_enrolment_is_a_factor_or_a_row_that_says_why_not() {
        let phone =
            "mfaInfo[0] phone phone_number=+493012345678 preferred_authentication_method=sms";
        for (factors, expected) in [
            (r#"[{"phoneInfo":"+493012345678"}]"#, phone.to_owned()),
            (
                r#"[{"phoneInfo":"+493012345678","displayName":"work phone"}]"#,
                phone.replace("phone_number", "name=work phone phone_number"),
            ),
            (
                r#"[{"phoneInfo":"+*******5678","unobfuscatedPhoneInfo":"+493012345678"}]"#,
                phone.to_owned(),
            ),
            (
                r#"[{"phoneInfo":"+*******5678"}]"#,
                "mfaInfo[0] phone rejected masked_value (phone_number)".into(),
            ),
            (r#"[{"phoneInfo":{}}]"#, "mfaInfo[0] phone rejected required (phone_number)".into()),
            (r#"[{"totpInfo":{}}]"#, "mfaInfo[0] totp not_carried secret_not_exported".into()),
            (
                r#"[{"emailInfo":{"emailAddress":"mara@example.org"}}]"#,
                "mfaInfo[0] email email=mara@example.org".into(),
            ),
            (r#"[{"emailInfo":{}}]"#, "mfaInfo[0] email rejected required (email)".into()),
            (
                r#"[{"mfaEnrollmentId":"x"}]"#,
                "mfaInfo[0]  not_carried factor_type_unsupported".into(),
            ),
            ("[7]", "mfaInfo[0]  rejected invalid_row".into()),
            ("{}", "mfaInfo  rejected invalid_row".into()),
            (r#""none""#, "mfaInfo  rejected invalid_row".into()),
        ] {
            assert_eq!(read_factors(factors), [expected], "{factors}");
        }
        for nothing in ["[]", "null"] {
            assert_eq!(read_factors(nothing), [""; 0]);
        }
    }

    #[test]
    fn users_of_the_admin_sdk_are_read_too() {
        let user = r#"{"uid":"Zk3vQ1mT8hX2","disabled":true,"emailVerified":false,"metadata":{},"multiFactor":
            {"enrolledFactors":[{"uid":"1","factorId":"phone","phoneNumber":"+493012345678"},
                                {"uid":"2","factorId":"totp","displayName":"app"}]}}"#;
        assert!(recognises(&from_json(user).unwrap()));
        let (person, rows) = read_all(&SYSTEM, user, None);
        assert_eq!(person.id.as_deref(), Some("Zk3vQ1mT8hX2"));
        assert_eq!((person.is_disabled, person.is_email_verified), (true, Some(false)));
        assert_eq!(
            told((person, rows)),
            [
                "multiFactor.enrolledFactors[0] phone phone_number=+493012345678 \
                 preferred_authentication_method=sms",
                "multiFactor.enrolledFactors[1] totp not_carried secret_not_exported",
            ]
        );
    }

    #[test]
    fn a_profile_phone_is_a_factor_only_with_the_flag_and_only_once() {
        let user = |factors: &str| {
            from_json(&format!(
                r#"{{"localId":"Zk3vQ1mT8hX2","phoneNumber":"+49 30 12345678","mfaInfo":[{factors}]}}"#
            ))
            .unwrap()
        };
        let read = |factors, options: &Options| {
            told(read_with(&SYSTEM, &user(factors), options, &[])).len()
        };
        let (same, other) =
            (r#"{"phoneInfo":"+493012345678"}"#, r#"{"phoneInfo":"+493012345679"}"#);
        for (factors, without, with) in [("", 0, 1), (same, 1, 1), (other, 1, 2)] {
            assert_eq!(read(factors, &Options::default()), without, "{factors}");
            assert_eq!(read(factors, &all_flags()), with, "{factors}");
        }
    }

    #[test]
    fn the_sample_holds_each_kind_of_row() {
        insta::assert_snapshot!(told_sample("firebase.json", &SYSTEM), @r#"
        2 Zk3vQ1mT8hX2 users[0].mfaInfo[0] phone name=work phone phone_number=+493012345678 preferred_authentication_method=sms
        2 Zk3vQ1mT8hX2 users[0].mfaInfo[1] totp not_carried secret_not_exported
        27 Ab3vQ1mT8hX2 users[1].mfaInfo[0] phone phone_number=+493012345680 preferred_authentication_method=sms
        27 Ab3vQ1mT8hX2 users[1].mfaInfo[1] email name=mail email=noor@example.org
        27 Ab3vQ1mT8hX2 users[1].phoneNumber phone phone_number=+493012345679
        50 Cd3vQ1mT8hX2 users[2].mfaInfo[0] phone rejected masked_value (phone_number)
        50 Cd3vQ1mT8hX2 users[2].mfaInfo[1]  not_carried factor_type_unsupported
        66 Ef3vQ1mT8hX2 users[3].phoneNumber phone phone_number=+493012345682
        "#);
    }
}
