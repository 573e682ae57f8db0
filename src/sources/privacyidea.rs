//! privacyIDEA: what its token janitors export.
//!
//! Read in `privacyidea/privacyidea`: `cli/privacyideatokenjanitor/findtokens.py` (the old janitor:
//! YAML and CSV; its CSV looks for `timStep`, so the period is `None`),
//! `cli/pitokenjanitor/utils/findtokens.py` (the new one: its YAML ends in an exception),
//! `lib/tokenclass.py` (`_to_dict`). The seed is hexadecimal. The owner is `login@realm`, and a
//! login may have an `@` of its own.

use super::{About, FactorDraft, Rows, System, totp};
use crate::{
    input::Form,
    model::{Code, FactorType, Node, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "privacyidea",
    title: "privacyIDEA",
    // What `select` writes of YAML is JSON.
    forms: &[Form::Yaml(&[]), Form::BareCsv, Form::JsonLines],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "privacyidea-token-janitor find --tokentype totp --action export --yaml > tokens.yaml",
            "pi-tokenjanitor find export --format csv --file tokens.csv",
            "Without `--b32`: seeds are read as hexadecimal.",
        ],
        carries: &["totp: SHA1, 6 digits, 30 s, of tokens that have an owner"],
        leaves: &[
            "tokens of other types (hotp, push, sms, …)",
            "tokens that are disabled, revoked or locked, or whose rollout is not finished",
        ],
        traps: &[
            "CSV does not say which hash a token has: its rows are taken for SHA1, privacyIDEA's default. If \
             yours has others, use the YAML of the old janitor.",
            "The YAML of the present `pi-tokenjanitor` ends in an exception.",
            "Policies that put a PIN before the code cannot be moved.",
            "`{username}` is the owner's login without its realm.",
        ],
        flags: &["--user-id or --users: privacyIDEA knows logins only"],
        no_factors: "the file has no tokens: check the filter that it was exported with",
    },
    recognises,
    read,
};

fn recognises(element: &Node) -> bool {
    let is_token = element.has("otpkey") && element.has("owner");
    let is_type = |cell: &Node| matches!(cell.text().map(str::trim), Some("totp" | "hotp"));
    is_token || element.items().get(3).is_some_and(is_type)
}

/// Remark about the CSV, with its code.
const NO_HASH: (&str, &str) = (
    "hash_not_exported",
    "the CSV does not say which hash the tokens use: all are taken for SHA-1. A token of another hash \
     would lock its user out: ask privacyIDEA for them, or export YAML, which says it",
);

/// A token in either form.
#[derive(Debug, Default)]
struct Token<'a> {
    owner: Option<&'a str>,
    kind: Option<&'a str>,
    seed: Option<&'a str>,
    algorithm: Node,
    digits: Node,
    period: Node,
}

fn read(element: &Node, rows: &mut Rows<'_>) {
    let token = match element {
        Node::List(cells) => {
            rows.remark = Some(NO_HASH);
            of_csv(cells)
        }
        _ => Some(of_yaml(element)),
    };
    let Some(token) = token else {
        let rule =
            "does not have the five or six cells of a token: does a login have a comma? Use YAML";
        rows.reject("", None, "", Code::InvalidRow, rule);
        return;
    };
    match token.kind.map(str::to_ascii_lowercase).as_deref() {
        Some("totp") => totp_token(element, &token, rows),
        Some("hotp") => {
            let rule =
                "is counter-based (HOTP), which the API cannot check: the user must enrol again";
            own(&token, rows);
            rows.not_carried("", Some(FactorType::Totp), Code::HotpUnsupported, rule);
        }
        _ => {
            own(&token, rows);
            let rule = "is of a type that no API creates in Auth0";
            rows.not_carried("", None, Code::FactorTypeUnsupported, rule);
        }
    }
}

/// Reads a row of CSV: `login@realm, serial, otpkey, type, otplen[, timeStep]`.
fn of_csv(cells: &[Node]) -> Option<Token<'_>> {
    // The note that `select --with-reason` adds, for want of a header.
    let is_note = |last: &Node| last.text().is_some_and(|text| text.starts_with("mf_code="));
    let cells = match cells.split_last() {
        Some((last, cells)) if is_note(last) => cells,
        _ => cells,
    };
    let (5 | 6) = cells.len() else { return None };
    let cell = |at: usize| cells.get(at).and_then(Node::text).map(str::trim);
    // Python's word for nothing.
    let node = |at| cell(at).filter(|cell| *cell != "None").map_or(Node::Null, Node::of);
    Some(Token {
        owner: cell(0),
        kind: cell(3),
        seed: cell(2),
        algorithm: Node::Null,
        digits: node(4),
        period: node(5),
    })
}

fn of_yaml(token: &Node) -> Token<'_> {
    let info = token.get("info_list");
    Token {
        owner: token.get("owner").text(),
        kind: token.get("type").text().or_else(|| token.get("tokentype").text()),
        seed: token.get("otpkey").text(),
        algorithm: info.get("hashlib").clone(),
        digits: token.get("otplen").clone(),
        period: info.get("timeStep").clone(),
    }
}

/// Sets the person: the login before the last `@`. Returns false if nobody owns the token.
fn own(token: &Token<'_>, rows: &mut Rows<'_>) -> bool {
    let owner = token.owner.map(str::trim).filter(|owner| !owner.eq_ignore_ascii_case("n/a"));
    let login = owner.map(|owner| owner.rsplit_once('@').map_or(owner, |(login, _)| login));
    // The realm tells apart two people of one login.
    rows.person.id = owner.map(Into::into);
    rows.person.username = login.filter(|login| !login.is_empty()).map(Into::into);
    rows.person.username.is_some()
}

fn totp_token(element: &Node, token: &Token<'_>, rows: &mut Rows<'_>) {
    let factor_type = FactorType::Totp;
    let has_owner = own(token, rows);
    let is = |key| element.get(key).flag() == Some(true);
    if element.get("active").flag() == Some(false) || is("revoked") || is("locked") {
        let rule = "is disabled, revoked or locked in privacyIDEA";
        rows.not_carried("", Some(factor_type), Code::Disabled, rule);
        return;
    }
    if element.get("rollout_state").text().is_some_and(|state| state != "enrolled") {
        let rule = "was never confirmed: its rollout is not finished in privacyIDEA";
        rows.not_carried("", Some(factor_type), Code::Unconfirmed, rule);
        return;
    }
    if !has_owner {
        let rule = "has no owner in privacyIDEA: assign the token, or leave it out of the export";
        rows.reject("", Some(factor_type), "", Code::UserNotMapped, rule);
        return;
    }
    let mut factor = FactorDraft::new(factor_type);
    totp::check_algorithm(&mut factor, &token.algorithm);
    totp::check_digits(&mut factor, &token.digits);
    totp::check_period(&mut factor, &token.period);
    let seed = token.seed.unwrap_or("");
    rows.push("", totp::set_secret(factor, seed, SecretEncoding::Hex));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{read_all, told};

    const SEED: &str = "fc51582dc1c65f0f2533d98b381b90afeea7171f";
    const SENT: &str = " totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";

    #[track_caller]
    fn check(element: &str, username: Option<&str>, expected: &str) {
        let (person, rows) = read_all(&SYSTEM, element, None);
        assert_eq!(person.username.as_deref(), username, "{element}");
        assert_eq!(told((person, rows)), [expected], "{element}");
    }

    fn token(change: &str) -> String {
        let keys = [
            ("active", "\"true\""),
            ("info_list", "{\"hashlib\":\"sha1\",\"timeStep\":\"30\"}"),
            ("locked", "\"false\""),
            ("otplen", "\"6\""),
            ("owner", "\"mara@acme\""),
            ("revoked", "\"false\""),
            ("rollout_state", "\"\""),
            ("type", "\"totp\""),
            ("otpkey", &format!("\"{SEED}\"")),
        ]
        .map(|(key, value)| format!("\"{key}\":{value}"));
        let is_changed = |pair: &&String| pair.split(':').next() != change.split(':').next();
        let kept = keys.iter().filter(is_changed).cloned();
        format!("{{{}}}", kept.chain([change.to_owned()]).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn a_token_of_yaml_is_carried_if_it_is_in_use_and_usual() {
        let mara = Some("mara");
        check(&token("\"serial\":\"T1\""), mara, SENT);
        check(&token("\"rollout_state\":\"enrolled\""), mara, SENT);
        check(&token("\"rollout_state\":null"), mara, SENT);
        check(&token("\"info_list\":null"), mara, SENT);
        check(&token("\"owner\":\"mara@example.org@acme\""), Some("mara@example.org"), SENT);
        for (change, expected) in [
            ("\"active\":\"false\"", "not_carried disabled"),
            ("\"revoked\":\"true\"", "not_carried disabled"),
            ("\"locked\":\"true\"", "not_carried disabled"),
            ("\"rollout_state\":\"clientwait\"", "not_carried unconfirmed"),
            ("\"type\":\"hotp\"", "not_carried hotp_unsupported"),
            (
                "\"info_list\":{\"hashlib\":\"sha256\"}",
                "rejected totp_algorithm_unsupported (totp_secret)",
            ),
            (
                "\"info_list\":{\"timeStep\":\"60\"}",
                "rejected totp_period_unsupported (totp_secret)",
            ),
            ("\"otplen\":\"8\"", "rejected totp_digits_unsupported (totp_secret)"),
            (
                "\"otpkey\":\"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7\"",
                "rejected totp_secret_invalid (totp_secret)",
            ),
            ("\"otpkey\":\"fc51582\"", "rejected totp_secret_invalid (totp_secret)"),
            ("\"otpkey\":null", "rejected totp_secret_invalid (totp_secret)"),
        ] {
            check(&token(change), mara, &format!(" totp {expected}"));
        }
        check(&token("\"type\":\"push\""), mara, "  not_carried factor_type_unsupported");
        for owner in ["\"owner\":\"n/a\"", "\"owner\":null", "\"owner\":\"@acme\""] {
            check(&token(owner), None, " totp rejected user_not_mapped");
        }
    }

    #[test]
    fn rows_of_either_janitors_csv_are_told_by_their_cells() {
        for (cells, username, expected) in [
            ("mara@acme| TOTP1| S| totp| 6| 30", Some("mara"), SENT),
            ("mara@acme| TOTP1| S| totp| 6| None", Some("mara"), SENT),
            ("mara@acme| TOTP1| S| totp| 6", Some("mara"), SENT),
            ("m@example.org@acme| TOTP1| S| totp| 6| 30", Some("m@example.org"), SENT),
            (
                "mara@acme| TOTP1| S| totp| 8| 60",
                Some("mara"),
                " totp rejected totp_digits_unsupported (totp_secret), totp_period_unsupported (totp_secret)",
            ),
            ("n/a| TOTP1| S| totp| 6| 30", None, " totp rejected user_not_mapped"),
            ("mara@acme| HOTP1| S| hotp| 6", Some("mara"), " totp not_carried hotp_unsupported"),
            ("a| b@acme| TOTP1| S| totp| 6| 30", None, "  rejected invalid_row"),
            ("mara@acme| TOTP1| S| totp", None, "  rejected invalid_row"),
        ] {
            let cells: Vec<_> =
                cells.replace('S', SEED).split('|').map(|c| format!("\"{c}\"")).collect();
            let cells = cells.join(",");
            check(&format!("[{cells}]"), username, expected);
        }
    }
}
