//! Judges which changes to a user's methods are allowed. Pure.

use crate::{
    api::SetMethod,
    ledger::{Entry, Key},
    model::{Code, Factor, FactorType, LocalTime, Method, Millis, Reason},
    protocol::marker::Mark,
};

/// Returns a reason not to replace a user's set unless loss is allowed: a method that PUT would
/// delete and cannot set (auth0-api.md 1.2).
pub(super) fn loss(present: &[Method]) -> Option<Reason> {
    let kept = |method: &&Method| method.factor_type.is_some_and(FactorType::is_settable);
    let lost = present.iter().find(|method| !kept(method))?;
    // The tenant's own word, if it is a plain one.
    let word = lost.type_name.as_str();
    let is_word = (1..=32).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    Some(Reason::with(Code::WouldDestroy, if is_word { word } else { "unknown" }))
}

/// Tolerance for comparing the tenant's clock with ours.
const TOLERANCE: Millis = 5_000;
/// Tolerance where much time may have passed in between, or the tenant's clock was not known yet:
/// ours may have been set meanwhile.
const WIDE: Millis = 26 * 60 * 60 * 1000;

/// Returns the reason why a method cannot be the one that an import created, judging by its time:
/// an import knows when its request left, and when it learned the outcome.
pub(super) fn other_time(entry: &Entry, method: &Method) -> Option<Code> {
    let (sent, settled) = entry.intent_at.zip(entry.settled_at)?;
    let before = if entry.skew.is_some() { TOLERANCE } else { WIDE };
    let after = if entry.doubts == 0 { before } else { WIDE };
    let at_tenant = |at: LocalTime| at.at_tenant(entry.skew.unwrap_or_default());
    let span = at_tenant(sent) - before..=at_tenant(settled.max(sent)) + after;
    (!span.contains(&method.created_at)).then_some(Code::OtherTime)
}

/// Returns a reason for `undo` to keep a method that an import created: it is in use, it is a
/// different one, or somebody has changed it.
pub(super) fn keeps(entry: &Entry, method: &Method, key: &Key) -> Option<Code> {
    if let Some(code) = other_time(entry, method) {
        return Some(code);
    }
    if method.used {
        return Some(Code::UsedSince);
    }
    if method.factor_type != entry.factor_type {
        return Some(Code::OtherType);
    }
    let name = method.name.as_deref();
    if entry.marked && Mark::of(entry.fingerprint).is_in(name) {
        return None;
    }
    // Where no name was sent, the tenant may have chosen one.
    let given = entry.name?;
    (name.map(|name| key.name(name)) != Some(given)).then_some(Code::Renamed)
}

/// Finds the id of each factor's method in the answer to PUT: the n-th of a type there is the n-th
/// of that type in what was sent. `None` where their numbers differ.
pub(super) fn ids<'a>(factors: &[Factor], set: &'a [SetMethod]) -> Vec<Option<&'a str>> {
    let of = |wanted| set.iter().filter(move |method| method.factor_type == Some(wanted));
    let id = |(index, factor): (usize, &Factor)| {
        let wanted = factor.factor_type();
        let same = |factors: &[Factor]| {
            factors.iter().filter(|factor| factor.factor_type() == wanted).count()
        };
        let all = same(factors) == of(wanted).count();
        let nth = same(factors.get(..index).unwrap_or_default());
        of(wanted).nth(nth).filter(|_| all).map(|method| method.id.as_str())
    };
    factors.iter().enumerate().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ClockSkew, Contact, Credential, FactorType, Fingerprint, Operation, State, TenantTime,
        UserId,
    };

    fn key() -> Key {
        Key::new(&[7; 32])
    }

    fn entry(name: Option<&str>) -> Entry {
        Entry {
            fingerprint: Fingerprint([1; 16]),
            operation: Operation::Import,
            run: 1,
            line: 2,
            at: None,
            user: UserId::parse("auth0|1").unwrap(),
            factor_type: Some(FactorType::Phone),
            name: name.map(|name| key().name(name)),
            state: State::Created,
            how: None,
            attempts: 1,
            doubts: 0,
            audited: false,
            marked: false,
            intent_at: None,
            skew: None,
            method_id: Some("m".into()),
            status: None,
            error: None,
            settled_at: None,
        }
    }

    fn method(name: Option<&str>) -> Method {
        Method {
            id: "m".into(),
            factor_type: Some(FactorType::Phone),
            type_name: "phone".into(),
            name: name.map(Into::into),
            ..Method::default()
        }
    }

    #[test]
    fn what_put_cannot_set_again_is_a_loss() {
        let of = |word: &str| Method {
            factor_type: FactorType::ALL.into_iter().find(|known| known.name() == word),
            type_name: word.into(),
            ..Method::default()
        };
        for (present, expected) in [
            (vec![], None),
            (vec![of("phone"), of("email"), of("totp")], None),
            (vec![of("phone"), of("passkey")], Some("would_destroy:passkey")),
            (vec![of("webauthn-roaming")], Some("would_destroy:webauthn-roaming")),
            (vec![of("push")], Some("would_destroy:push")),
            (vec![of("recovery-code")], Some("would_destroy:recovery-code")),
            (vec![of("\u{1b}[2J")], Some("would_destroy:unknown")),
        ] {
            assert_eq!(loss(&present).map(|reason| reason.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn what_was_used_or_changed_since_is_kept_and_nothing_else() {
        let marked = Method { name: Some(format!("Phone #{}xx", "aeaqcaib")), ..method(None) };
        let used = Method { used: true, ..method(Some("Mine")) };
        let other = Method { factor_type: Some(FactorType::Email), ..method(Some("Mine")) };
        for (given, found, expected) in [
            (Some("Mine"), method(Some("Mine")), None),
            (Some("Mine"), method(Some("Yours")), Some(Code::Renamed)),
            (Some("Mine"), method(None), Some(Code::Renamed)),
            (None, method(None), None),
            (None, method(Some("Phone")), None),
            (Some("Mine"), used, Some(Code::UsedSince)),
            (Some("Mine"), other, Some(Code::OtherType)),
            (Some("Mine"), marked.clone(), Some(Code::Renamed)),
        ] {
            assert_eq!(keeps(&entry(given), &found, &key()), expected, "{given:?}");
        }
        let still_marked = Entry { marked: true, ..entry(Some("Mine")) };
        let dressed = {
            let factor = Factor {
                line: 2,
                at: None,
                user: UserId::parse("auth0|1").unwrap(),
                name: Some("Mine".into()),
                credential: Credential::Phone {
                    number: Contact::new("+441".into()),
                    preferred: None,
                },
            };
            let mut rng = fastrand::Rng::with_seed(1);
            Mark::of(still_marked.fingerprint).mark_name(&factor, &mut rng)
        };
        assert_eq!(keeps(&still_marked, &method(Some(&dressed)), &key()), None);
    }

    #[test]
    fn what_was_created_at_another_time_is_kept() {
        let (sent, settled): (Millis, Millis) = (1_000_000, 1_000_400);
        for (skew, doubts, created, expected) in [
            (Some(0), 0, sent, None),
            (Some(0), 0, sent - TOLERANCE, None),
            (Some(0), 0, sent - TOLERANCE - 1, Some(Code::OtherTime)),
            (Some(0), 0, settled + TOLERANCE, None),
            (Some(0), 0, settled + TOLERANCE + 1, Some(Code::OtherTime)),
            (Some(3_600_000), 0, sent, Some(Code::OtherTime)),
            (Some(3_600_000), 0, sent + 3_600_000, None),
            // Looked up later, by a clock that may have been set.
            (Some(0), 1, settled + WIDE, None),
            (Some(0), 1, sent - TOLERANCE - 1, Some(Code::OtherTime)),
            (None, 0, sent - WIDE, None),
            (None, 0, sent - WIDE - 1, Some(Code::OtherTime)),
        ] {
            let entry = Entry {
                intent_at: Some(LocalTime::from_millis(sent)),
                settled_at: Some(LocalTime::from_millis(settled)),
                skew: skew.map(ClockSkew::from_millis),
                doubts,
                ..entry(Some("Mine"))
            };
            let method =
                Method { created_at: TenantTime::from_millis(created), ..method(Some("Mine")) };
            assert_eq!(keeps(&entry, &method, &key()), expected, "{skew:?} {doubts} {created}");
        }
    }

    #[test]
    fn ids_are_given_in_order_of_each_type_and_not_guessed() {
        let factor = |credential| Factor {
            line: 2,
            at: None,
            user: UserId::parse("auth0|1").unwrap(),
            name: None,
            credential,
        };
        let phone = |number: &str| {
            factor(Credential::Phone { number: Contact::new(number.into()), preferred: None })
        };
        let email = factor(Credential::Email { address: Contact::new("a@b.c".into()) });
        let factors = [phone("+1"), email, phone("+2")];
        let set = |id: &str, factor_type| SetMethod { id: id.into(), factor_type };
        let [a, b, c] = [
            set("a", Some(FactorType::Email)),
            set("b", Some(FactorType::Phone)),
            set("c", Some(FactorType::Phone)),
        ];
        let all = [a.clone(), b.clone(), c];
        assert_eq!(ids(&factors, &all), [Some("b"), Some("a"), Some("c")]);
        assert_eq!(ids(&factors, &[a, b]), [None, Some("a"), None]);
        assert_eq!(ids(&factors, &[]), [None; 3]);
    }
}
