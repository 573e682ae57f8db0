//! The pure part: comparing, pairing, accounting.

use super::*;
use crate::model::{Channel, Code, Contact, PublicKeyCredential, TenantTime, UserId};

fn factor(name: Option<&str>, credential: Credential) -> Factor {
    Factor {
        line: 2,
        at: None,
        user: UserId::parse("auth0|1").unwrap(),
        name: name.map(Into::into),
        credential,
    }
}

fn phone(number: &str, name: Option<&str>, preferred: Option<Channel>) -> Factor {
    factor(name, Credential::Phone { number: Contact::new(number.into()), preferred })
}

fn email(address: &str) -> Factor {
    factor(None, Credential::Email { address: Contact::new(address.into()) })
}

fn totp(name: Option<&str>) -> Factor {
    factor(name, Credential::Totp { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".into() })
}

fn key(id: &str) -> Factor {
    factor(
        None,
        Credential::WebauthnRoaming(PublicKeyCredential {
            key_id: id.into(),
            public_key: "pQ==".into(),
            relying_party_identifier: Some("login.example".into()),
        }),
    )
}

fn listed(id: &str, factor_type: FactorType, shown: Option<&str>, name: Option<&str>) -> Method {
    let is_key = matches!(factor_type, FactorType::WebauthnRoaming | FactorType::Passkey);
    Method {
        id: id.into(),
        factor_type: Some(factor_type),
        name: name.map(Into::into),
        contact: shown.filter(|_| !is_key).map(Into::into),
        key_id: shown.filter(|_| is_key).map(Into::into),
        created_at: TenantTime::default(),
        type_name: factor_type.name().into(),
        ..Method::default()
    }
}

fn called_by(channel: Channel) -> Method {
    let shown = Some("XXXXXXXX0100");
    Method { preferred: Some(channel), ..listed("m", FactorType::Phone, shown, None) }
}

fn judged(factors: &[Factor], list: &[Method]) -> Vec<(VerifyState, Option<String>)> {
    let findings = compare(factors, &Ok(list.to_vec()), |id| id == "taken");
    findings.into_iter().map(|finding| (finding.state, finding.method_id)).collect()
}

const PHONE: &str = "+14155550100";

#[test]
fn one_factor_against_one_method() {
    use FactorType::{Email, Passkey, Phone, Totp, WebauthnRoaming};
    use VerifyState::{Differs, Missing, Present, Unverifiable};
    let plain = |name| listed("m", Phone, Some(PHONE), name);
    let masked = |name| listed("m", Phone, Some("XXXXXXXX0100"), name);
    for (number, (factor, method, expected)) in [
        (phone(PHONE, None, None), plain(None), Present),
        (phone(PHONE, None, None), masked(None), Present),
        (phone(PHONE, None, None), masked(Some("Any")), Present),
        (phone(PHONE, Some("Mine"), None), masked(Some("Mine")), Present),
        (phone(PHONE, Some("Mine"), None), masked(Some("Other")), Differs),
        (phone(PHONE, Some("Mine"), None), plain(None), Differs),
        (phone(PHONE, None, None), listed("m", Phone, Some("XXXXXXXX0101"), None), Missing),
        (phone(PHONE, None, None), listed("m", Phone, None, None), Unverifiable),
        (phone(PHONE, None, None), listed("m", Email, Some(PHONE), None), Missing),
        (phone(PHONE, None, None), listed("taken", Phone, Some(PHONE), None), Missing),
        (phone(PHONE, None, Some(Channel::Voice)), called_by(Channel::Voice), Present),
        (phone(PHONE, None, Some(Channel::Voice)), called_by(Channel::Sms), Differs),
        (phone(PHONE, None, Some(Channel::Voice)), masked(None), Present),
        (phone(PHONE, None, None), called_by(Channel::Voice), Present),
        (email("chuck@example.com"), listed("m", Email, Some("chuc*@exam*******"), None), Present),
        (email("chuck@example.com"), listed("m", Email, Some("chad*@exam*******"), None), Missing),
        (totp(None), listed("m", Totp, None, None), Unverifiable),
        (totp(None), listed("m", Totp, None, Some("App")), Missing),
        (totp(None), listed("m", Totp, None, Some("Authenticator")), Unverifiable),
        (totp(Some("App")), listed("m", Totp, None, Some("App")), Unverifiable),
        (totp(Some("App")), listed("m", Totp, None, None), Missing),
        (key("abc"), listed("m", WebauthnRoaming, Some("abc"), None), Present),
        (key("abc"), listed("m", WebauthnRoaming, Some("abd"), None), Missing),
        (key("abc"), listed("m", Passkey, Some("abc"), None), Missing),
        (key("abc"), listed("m", WebauthnRoaming, None, None), Unverifiable),
    ]
    .into_iter()
    .enumerate()
    {
        let id = (expected != Missing).then(|| "m".to_owned());
        assert_eq!(judged(&[factor], &[method]), [(expected, id)], "row {number}");
    }
}

#[test]
fn what_differs_is_named() {
    let wanted = phone(PHONE, Some("Mine"), Some(Channel::Voice));
    let found = compare(&[wanted], &Ok(vec![called_by(Channel::Sms)]), |_| false);
    assert_eq!(found[0].differing, [Field::Name, Field::PreferredAuthenticationMethod]);
}

#[test]
fn a_method_never_stands_for_two_factors_and_everybody_gets_one_where_that_can_be() {
    use FactorType::{Email, Phone, Totp};
    use VerifyState::{Differs, Missing, Present, Unverifiable};
    let id = |id: &str| Some(id.to_owned());
    // Two numbers of the same last four digits, one method.
    let two = [phone("+14155550100", None, None), phone("+14165550100", None, None)];
    let one = [listed("m", Phone, Some("XXXXXXXX0100"), None)];
    assert_eq!(judged(&two, &one), [(Present, id("m")), (Missing, None)]);
    // The very same value comes first, wherever it stands.
    let list = [
        listed("masked", Phone, Some("XXXXXXXX0100"), None),
        listed("plain", Phone, Some("+14155550100"), None),
    ];
    assert_eq!(judged(&two, &list), [(Present, id("plain")), (Present, id("masked"))]);
    // Then the same name.
    let named = [phone("+14155550100", Some("A"), None), phone("+14165550100", Some("B"), None)];
    let list = [
        listed("b", Phone, Some("XXXXXXXX0100"), Some("B")),
        listed("a", Phone, Some("XXXXXXXX0100"), Some("A")),
    ];
    assert_eq!(judged(&named, &list), [(Present, id("a")), (Present, id("b"))]);
    assert_eq!(judged(&named, &list[..1]), [(Missing, None), (Present, id("b"))]);
    let list = [list[0].clone(), listed("c", Phone, Some("XXXXXXXX0100"), Some("C"))];
    assert_eq!(judged(&named, &list), [(Differs, id("c")), (Present, id("b"))]);
    // A short address is masked whole, so it could be anybody's; a long one could not.
    let two = [email("chuck@example.com"), email("foo@example.com")];
    let list = [
        listed("short", Email, Some("****@exam*******"), None),
        listed("long", Email, Some("chuc*@exam*******"), None),
    ];
    assert_eq!(judged(&two, &list), [(Present, id("long")), (Present, id("short"))]);
    // TOTPs of one name: as many as there are.
    let list = [listed("t", Totp, None, Some("App"))];
    let two = [totp(Some("App")), totp(Some("App"))];
    assert_eq!(judged(&two, &list), [(Unverifiable, id("t")), (Missing, None)]);
}

#[test]
fn without_a_list_nothing_is_said() {
    let found = compare(&[totp(None)], &Err(Code::Forbidden.into()), |_| false);
    assert_eq!(
        (found[0].state, found[0].error.clone()),
        (VerifyState::Unanswered, Some(Code::Forbidden.into()))
    );
}

fn group(user: &str, scattered: bool, factors: Vec<Factor>) -> Group {
    Group { user: Some(UserId::parse(user).unwrap()), scattered, factors, ..Group::default() }
}

fn ids(extras: &[Extra]) -> Vec<&str> {
    extras.iter().map(|extra| extra.method_id.as_str()).collect()
}

#[test]
fn a_scattered_users_groups_share_its_methods_and_its_extras_come_last() {
    use FactorType::Totp;
    let mut account = Account::new(true);
    let app = |id| listed(id, Totp, None, None);
    let recovery = Method {
        factor_type: None,
        type_name: "recovery-code".into(),
        ..listed("r", Totp, None, None)
    };
    let list = Ok(vec![app("t1"), app("t2"), recovery]);
    for expected in ["t1", "t2"] {
        let seen = account.enter(&group("auth0|1", true, vec![totp(None)]), &list);
        assert_eq!(seen.findings[0].method_id.as_deref(), Some(expected));
        assert!(seen.extras.is_empty(), "not known yet");
    }
    let seen = account.enter(&group("auth0|1", true, vec![totp(None)]), &list);
    assert_eq!(seen.findings[0].state, VerifyState::Missing, "both stand for another already");
    let seen = account.enter(&group("auth0|2", false, vec![totp(None)]), &list);
    assert_eq!(ids(&seen.extras), ["t2", "r"], "nothing more of this user comes");
    assert_eq!((account.users, account.users_with_missing), (2, 1));
    let extras = account.finish();
    assert_eq!(ids(&extras), ["r"]);
    assert_eq!(extras[0].type_name, "recovery-code");
    assert_eq!(account.counts.rows(), 4);
}

#[test]
fn what_may_stand_for_an_unanswered_factor_is_no_extra() {
    let mut account = Account::new(true);
    let list = Ok(vec![listed("t", FactorType::Totp, None, None)]);
    account.enter(&group("auth0|1", true, vec![totp(None)]), &Err(Code::NoUsableList.into()));
    account.enter(&group("auth0|1", true, vec![key("abc")]), &list);
    assert_eq!(account.finish(), []);
    assert_eq!((account.users, account.users_with_missing), (1, 1));
    assert_eq!((account.counts.bad(), account.counts.unanswered), (2, 1));
}

#[test]
fn rows_that_are_not_carried_are_neither_asked_about_nor_bad() {
    use crate::model::{Refusal, Rejection};
    let row = |refusal| Rejection {
        line: 3,
        index: None,
        at: None,
        user: None,
        factor_type: None,
        refusal,
        faults: Vec::new(),
    };
    let mut account = Account::new(true);
    for (refusals, bad) in [
        (vec![Refusal::NotCarried, Refusal::NotCarried], 0),
        (vec![Refusal::Rejected, Refusal::NotCarried], 1),
    ] {
        let group =
            Group { rejections: refusals.into_iter().map(row).collect(), ..Group::default() };
        account.enter(&group, &Ok(Vec::new()));
        assert_eq!((account.counts.bad(), account.counts.asked(), account.users), (bad, 0, 0));
    }
    assert_eq!((account.counts.rows(), account.counts.not_carried), (4, 3));
}
