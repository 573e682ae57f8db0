//! Judges what a complete list says about a factor in doubt. Pure.
//!
//! The list may mask phones and addresses, never shows a TOTP secret, and may hold factors that the
//! user enrolled meanwhile (auth0-api.md 1.5, reliability.md 1.5). So the evidence has to be: the
//! same type, a consistent value, our name, creation after our intent by the tenant's clock, an id
//! that the ledger does not know as another factor's, and no second candidate. Anything less is
//! never "created".
//!
//! A method created well before our intent, whichever of the clocks is right ([`Sent`]), is not
//! ours, however similar it looks: most imported users have enrolled something before.

use crate::{
    model::{Audit, Code, Credential, Factor, FactorType, Finding, How, Method},
    protocol::{
        marker::Mark,
        sent::{Age, Sent},
    },
};

/// Judges `list` for `factor`, whose first attempt in doubt left at the time of `sent`. `known`
/// returns whether the ledger knows a method id as another factor's.
pub fn judge(
    factor: &Factor,
    list: &[Method],
    sent: Sent,
    known: impl Fn(&str) -> bool,
    mark: Marked<'_>,
) -> Finding {
    let (mut newer, mut older) = (None, None);
    let (mut unproven, mut unclear) = (None, false);
    let mut count_newer = 0_usize;
    for method in list {
        if method.factor_type != Some(factor.factor_type()) || known(&method.id) {
            continue;
        }
        let likeness = mark.compare(factor, method);
        // Its mark is proof, whatever the clocks show.
        let is_marked = likeness == Likeness::Same && mark.mark.is_in(method.name.as_deref());
        let age = if is_marked { Age::Newer } else { sent.age(method.created_at) };
        match (likeness, age) {
            (Likeness::Other, _)
            | (Likeness::Unclear, Age::Older)
            | (Likeness::Unclear | Likeness::Consistent, Age::WellBefore) => {}
            (Likeness::Unclear, Age::Newer | Age::Unknown) => unclear = true,
            (likeness, Age::Newer) => {
                count_newer += 1;
                newer = Some((method, likeness));
            }
            (Likeness::Same, Age::Older | Age::WellBefore | Age::Unknown) => older = Some(method),
            (Likeness::Consistent, Age::Older) => unproven = Some(Code::OlderCandidate),
            (Likeness::Consistent, Age::Unknown) => unproven = Some(Code::ClockUnknown),
        }
    }
    match newer {
        Some(_) if count_newer > 1 => Finding::Unclear(Code::SeveralCandidates),
        // A TOTP is recognised by its name only: a second one of that name proves nothing.
        Some(_) if unproven.is_some() && factor.factor_type() == FactorType::Totp => {
            Finding::Unclear(Code::SeveralCandidates)
        }
        Some((method, likeness)) => {
            if likeness == Likeness::Same || method.name == factor.name {
                Finding::Ours(method.id.clone())
            } else {
                Finding::Unclear(Code::OtherName)
            }
        }
        None => match (older, unproven) {
            (Some(method), _) => Finding::Older(method.id.clone()),
            (None, Some(why)) => Finding::Unclear(why),
            (None, None) if unclear => Finding::Unclear(Code::OtherName),
            (None, None) => Finding::Absent,
        },
    }
}

/// Finds the method of `list`, read before the first POST, that stands for `factor`: one that is
/// plainly the same, or else one that is consistent with it, preferably of the same name. `taken`
/// returns whether a method id is known to stand for another factor.
pub fn present(
    factor: &Factor,
    list: &[Method],
    taken: impl Fn(&str) -> bool,
) -> Option<(String, How)> {
    let candidates = list
        .iter()
        .filter(|method| method.factor_type == Some(factor.factor_type()) && !taken(&method.id));
    let best = candidates.filter_map(|method| {
        let rank = match compare(factor, method) {
            Likeness::Same => 0,
            Likeness::Consistent if method.name == factor.name => 1,
            // Without its key id, nothing can be said about a key.
            Likeness::Consistent if method.contact.is_some() => 2,
            Likeness::Consistent | Likeness::Unclear | Likeness::Other => return None,
        };
        Some((rank, method))
    });
    let (rank, method) = best.min_by_key(|(rank, _)| *rank)?;
    Some((method.id.clone(), if rank == 0 { How::Listed } else { How::Consistent }))
}

/// Judges what `list`, read at the end of a run, says about a settled factor that was once in
/// doubt, whose first attempt in doubt left at the time of `sent`. `own` is the id that the ledger
/// has for it; `known` as for [`judge`].
pub fn audit(
    factor: &Factor,
    list: &[Method],
    sent: Sent,
    own: Option<&str>,
    known: impl Fn(&str) -> bool,
    mark: Marked<'_>,
) -> Audit {
    let mut ids: Vec<String> = own.map(Into::into).into_iter().collect();
    let late = list.iter().filter(|method| {
        method.factor_type == Some(factor.factor_type())
            && own != Some(method.id.as_str())
            && !known(&method.id)
            && match (mark.compare(factor, method), sent.age(method.created_at)) {
                (Likeness::Same, Age::Newer | Age::Unknown) => true,
                (Likeness::Consistent, Age::Newer) => method.name == factor.name,
                (Likeness::Unclear | Likeness::Other, _)
                | (Likeness::Same, Age::Older | Age::WellBefore)
                | (Likeness::Consistent, Age::Older | Age::WellBefore | Age::Unknown) => false,
            }
    });
    ids.extend(late.map(|method| method.id.clone()));
    match (ids.len(), own) {
        (0, _) | (1, Some(_)) => Audit::Sound,
        (1, None) => Audit::Appeared(ids.remove(0)),
        _ => Audit::Doubled(ids),
    }
}

/// The mark of a factor, and whether every attempt bore it.
#[derive(Debug, Clone, Copy)]
pub struct Marked<'a> {
    /// The mark.
    pub mark: &'a Mark,
    /// True if every attempt in doubt bore the mark: then a method without it is not ours.
    pub always: bool,
}

impl Marked<'_> {
    fn compare(self, factor: &Factor, method: &Method) -> Likeness {
        let exact = compare(factor, method);
        if exact == Likeness::Other || exact == Likeness::Same {
            // The mark of one value on another value is evidence of nothing.
            return exact;
        }
        match self.mark.is_in(method.name.as_deref()) {
            true => Likeness::Same,
            false if self.always => Likeness::Other,
            false => exact,
        }
    }
}

/// Likeness of a listed method to a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Plainly the same value.
    Same,
    /// Consistent with it, as far as the list shows.
    Consistent,
    /// A method of the same kind; the list does not show whether it is the one.
    Unclear,
    /// A different one.
    Other,
}

/// Compares the values; the caller makes sure that both are of one type.
pub(crate) fn compare(factor: &Factor, method: &Method) -> Likeness {
    match &factor.credential {
        Credential::Phone { number, .. } => {
            compare_contact(method.contact.as_deref(), number.expose(), phone_matches)
        }
        Credential::Email { address } => {
            compare_contact(method.contact.as_deref(), address.expose(), email_matches)
        }
        Credential::Totp { .. } if method.name == factor.name => Likeness::Consistent,
        // Ours, renamed or cut by the tenant, or the user's own: nothing in the list decides it.
        Credential::Totp { .. } => Likeness::Unclear,
        Credential::WebauthnRoaming(key) | Credential::Passkey(key, _) => {
            match method.key_id.as_deref().map(|id| id.trim_end_matches('=')) {
                Some(id) if id == key.key_id => Likeness::Same,
                Some(_) => Likeness::Other,
                // Without its one identifier, nothing can be said.
                None => Likeness::Consistent,
            }
        }
    }
}

fn compare_contact(
    listed: Option<&str>,
    wanted: &str,
    masked_matches: impl Fn(&str, &str) -> bool,
) -> Likeness {
    match listed {
        None => Likeness::Consistent,
        Some(listed) if listed == wanted => Likeness::Same,
        Some(listed) if masked_matches(listed, wanted) => Likeness::Consistent,
        Some(_) => Likeness::Other,
    }
}

/// Returns true if the tenant has masked a listed phone or address. Other than in a number of the
/// input (`plan::phone`), one `*` is enough, and an `x` may be a letter of an address.
pub fn is_masked_by_tenant(listed: &str) -> bool {
    listed.contains('*') || listed.contains("XX")
}

/// Returns whether a phone as listed (`XXXXXXXXX5044`) may stand for `wanted`. The mask's length is
/// not relied on: mask lengths differ between recordings and the docs.
fn phone_matches(listed: &str, wanted: &str) -> bool {
    let visible = listed.trim_start_matches(['X', 'x', '*', '+', ' ']);
    visible.len() < listed.len()
        && listed.contains(['X', 'x', '*'])
        && !visible.contains(['X', 'x', '*'])
        && wanted.ends_with(visible)
}

/// Returns whether an address as listed (`chuc****@exam*******`, `****@exam*******`) may stand for
/// `wanted`: each side shows a prefix, and the lengths of the masks say nothing.
fn email_matches(listed: &str, wanted: &str) -> bool {
    let (Some((listed_local, listed_domain)), Some((local, domain))) =
        (listed.rsplit_once('@'), wanted.rsplit_once('@'))
    else {
        return false;
    };
    let side = |listed: &str, wanted: &str| match listed.split_once('*') {
        Some((prefix, _)) => starts_with_ignoring_case(wanted, prefix),
        None => listed.eq_ignore_ascii_case(wanted),
    };
    side(listed_local, local) && side(listed_domain, domain)
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ClockSkew, Contact, LocalTime, Millis, PublicKeyCredential, TenantTime, UserId},
        protocol::sent::{CLOCK_TOLERANCE, FIRST_TENANT, WELL_BEFORE},
    };

    const INTENT: LocalTime = LocalTime::from_millis(1_800_000_000_000);
    const NO_SKEW: Option<ClockSkew> = Some(ClockSkew::from_millis(0));
    const THEIRS: TenantTime = INTENT.at_tenant(ClockSkew::from_millis(0));

    /// All clocks show the same.
    fn sent() -> Sent {
        Sent::new(INTENT, [NO_SKEW, None], NO_SKEW)
    }

    fn unknown() -> Sent {
        Sent::new(INTENT, [None, None], None)
    }

    fn factor(credential: Credential) -> Factor {
        Factor {
            line: 2,
            at: None,
            user: UserId::parse("auth0|1").unwrap(),
            name: Some("Mine".into()),
            credential,
        }
    }

    fn phone() -> Factor {
        let number = Contact::new("+44207183875044".into());
        factor(Credential::Phone { number, preferred: None })
    }

    fn email() -> Factor {
        factor(Credential::Email { address: Contact::new("chuck334@example.com".into()) })
    }

    fn totp() -> Factor {
        factor(Credential::Totp { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".into() })
    }

    fn key() -> Factor {
        factor(Credential::WebauthnRoaming(PublicKeyCredential {
            key_id: "abc".into(),
            public_key: "pQ==".into(),
            relying_party_identifier: Some("login.example".into()),
        }))
    }

    fn listed(id: &str, of: &Factor, shown: Option<&str>, age: Millis) -> Method {
        let is_key = matches!(of.credential, Credential::WebauthnRoaming(_));
        Method {
            id: id.into(),
            factor_type: Some(of.factor_type()),
            name: of.name.clone(),
            contact: shown.filter(|_| !is_key).map(Into::into),
            key_id: shown.filter(|_| is_key).map(Into::into),
            created_at: THEIRS + age,
            preferred: None,
            ..Method::default()
        }
    }

    const REVIEW: Finding = Finding::Unclear(Code::OlderCandidate);

    fn judged(factor: &Factor, list: &[Method]) -> Finding {
        judged_at(factor, list, sent())
    }

    fn judged_at(factor: &Factor, list: &[Method], sent: Sent) -> Finding {
        let mark = Mark::of(crate::model::Fingerprint([1; 16]));
        judge(factor, list, sent, |id| id == "known", Marked { mark: &mark, always: false })
    }

    #[test]
    fn a_masked_or_plain_value_of_ours_is_found() {
        for (factor, shown) in [
            (phone(), Some("XXXXXXXXXXX5044")),
            (phone(), Some("*******5044")),
            (phone(), Some("+44207183875044")),
            (email(), Some("chuc****@exam*******")),
            (email(), Some("****@exam*******")),
            (email(), Some("CHUC***@example.com")),
            (email(), Some("chuck334@example.com")),
            (key(), Some("abc")),
            (key(), Some("abc=")),
            (totp(), None),
        ] {
            let list = [listed("m1", &factor, shown, 500)];
            assert_eq!(judged(&factor, &list), Finding::Ours("m1".into()), "{shown:?}");
        }
    }

    #[test]
    fn another_value_is_not_ours() {
        for (factor, shown) in [
            (phone(), "XXXXXXXXXXX5045"),
            (phone(), "+44207183875045"),
            (phone(), "5044"),
            (phone(), "4420XXXX5044"),
            (email(), "chud****@exam*******"),
            (email(), "chuc****@exbm*******"),
            (email(), "chuck335@example.com"),
            (email(), "nonsense"),
            (key(), "abd"),
        ] {
            let list = [listed("m1", &factor, Some(shown), 500)];
            assert_eq!(judged(&factor, &list), Finding::Absent, "{shown}");
        }
        assert_eq!(judged(&totp(), &[]), Finding::Absent);
        let other_name = Method { name: Some("Other".into()), ..listed("m1", &totp(), None, 500) };
        assert_eq!(
            judged(&totp(), std::slice::from_ref(&other_name)),
            Finding::Unclear(Code::OtherName)
        );
        let older = Method { created_at: THEIRS - 60_000, ..other_name };
        assert_eq!(judged(&totp(), &[older]), Finding::Absent);
        let other_type = Method { factor_type: None, ..listed("m1", &totp(), None, 500) };
        assert_eq!(judged(&totp(), &[other_type]), Finding::Absent);
    }

    #[test]
    fn what_the_ledger_knows_as_another_factors_is_not_ours() {
        for (factor, shown) in [(phone(), Some("XXXXXXXXXXX5044")), (totp(), None)] {
            let list = [listed("known", &factor, shown, 500)];
            assert_eq!(judged(&factor, &list), Finding::Absent);
            let list = [listed("known", &factor, shown, 500), listed("m2", &factor, shown, 900)];
            assert_eq!(judged(&factor, &list), Finding::Ours("m2".into()));
        }
    }

    #[test]
    fn two_candidates_are_never_guessed_between() {
        for (factor, shown) in [(phone(), Some("XXXXXXXXXXX5044")), (totp(), None)] {
            let list = [listed("m1", &factor, shown, 500), listed("m2", &factor, shown, 900)];
            assert_eq!(judged(&factor, &list), Finding::Unclear(Code::SeveralCandidates));
        }
        let list = [listed("m1", &totp(), None, -WELL_BEFORE), listed("m2", &totp(), None, 900)];
        assert_eq!(judged(&totp(), &list), Finding::Unclear(Code::SeveralCandidates));
    }

    #[test]
    fn what_was_there_before_the_intent_is_not_called_created() {
        let old = -CLOCK_TOLERANCE - 1;
        for (factor, shown, expected) in [
            (phone(), Some("XXXXXXXXXXX5044"), Finding::Unclear(Code::OlderCandidate)),
            (phone(), Some("+44207183875044"), Finding::Older("m1".into())),
            (email(), Some("chuc****@exam*******"), Finding::Unclear(Code::OlderCandidate)),
            (key(), Some("abc"), Finding::Older("m1".into())),
            (totp(), None, Finding::Unclear(Code::OlderCandidate)),
        ] {
            assert_eq!(judged(&factor, &[listed("m1", &factor, shown, old)]), expected);
        }
        // A clock that is a second behind does not hide what is ours.
        let list = [listed("m1", &totp(), None, -CLOCK_TOLERANCE)];
        assert_eq!(judged(&totp(), &list), Finding::Ours("m1".into()));
    }

    #[test]
    fn what_was_created_well_before_the_intent_is_not_ours_however_like_it_looks() {
        let old = -WELL_BEFORE - 1;
        for (factor, shown, expected) in [
            (phone(), Some("XXXXXXXXXXX5044"), Finding::Absent),
            (email(), Some("chuc****@exam*******"), Finding::Absent),
            (totp(), None, Finding::Absent),
            (key(), None, Finding::Absent),
            // Plainly the same value is there, whoever brought it.
            (phone(), Some("+44207183875044"), Finding::Older("m1".into())),
            (key(), Some("abc"), Finding::Older("m1".into())),
        ] {
            let before = listed("m1", &factor, shown, old);
            assert_eq!(judged(&factor, std::slice::from_ref(&before)), expected, "{shown:?}");
            let ours = listed("m2", &factor, shown, 500);
            assert_eq!(judged(&factor, &[ours, before]), Finding::Ours("m2".into()), "{shown:?}");
        }
        // Within the uncertainty, by a hair, or by a date that is none, nothing is certain.
        for (created_at, sent) in [
            (THEIRS - WELL_BEFORE, sent()),
            (TenantTime::default(), sent()),
            (FIRST_TENANT - 1, sent()),
            (THEIRS - 90 * 86_400_000, Sent::new(INTENT, [NO_SKEW, None], None)),
        ] {
            let method = Method { created_at, ..listed("m1", &totp(), None, 0) };
            assert_eq!(judged_at(&totp(), &[method], sent), REVIEW);
        }
    }

    #[test]
    fn where_nothing_is_known_of_the_clocks_no_age_is_evidence() {
        let unclear = |why| Finding::Unclear(why);
        for age in [-90 * 86_400_000, -60_000, 0, 500] {
            for (factor, shown, expected) in [
                (phone(), Some("XXXXXXXXXXX5044"), unclear(Code::ClockUnknown)),
                (totp(), None, unclear(Code::ClockUnknown)),
                // It is there; whoever brought it, nothing more is to do, and nothing to undo.
                (phone(), Some("+44207183875044"), Finding::Older("m1".into())),
                (key(), Some("abc"), Finding::Older("m1".into())),
                (key(), Some("abd"), Finding::Absent),
            ] {
                let list = [listed("m1", &factor, shown, age)];
                assert_eq!(judged_at(&factor, &list, unknown()), expected, "{age}: {shown:?}");
            }
            let renamed = Method { name: Some("Other".into()), ..listed("m1", &totp(), None, age) };
            assert_eq!(judged_at(&totp(), &[renamed], unknown()), unclear(Code::OtherName));
        }
    }

    #[test]
    fn before_the_first_post_the_likest_method_stands_for_a_factor_and_a_taken_one_does_not() {
        let plain = listed("plain", &phone(), Some("+44207183875044"), -9_000);
        let masked = listed("masked", &phone(), Some("XXXXXXXXXXX5044"), -9_000);
        let other_name = Method { id: "other".into(), name: None, ..masked.clone() };
        let list = [other_name.clone(), masked.clone(), plain];
        let found = |list: &[Method]| present(&phone(), list, |id| id == "taken");
        assert_eq!(found(&list), Some(("plain".into(), How::Listed)));
        assert_eq!(found(&list[..2]), Some(("masked".into(), How::Consistent)));
        assert_eq!(found(&list[..1]), Some(("other".into(), How::Consistent)));
        assert_eq!(found(&[Method { id: "taken".into(), ..masked }]), None);
        assert_eq!(found(&[]), None);
        let other = Method { name: Some("Other".into()), ..listed("t", &totp(), None, -9_000) };
        assert_eq!(present(&totp(), &[other], |_| false), None);
        let same = listed("t", &totp(), None, -9_000);
        assert_eq!(present(&totp(), &[same], |_| false), Some(("t".into(), How::Consistent)));
        let nothing_to_compare = listed("k", &key(), None, -9_000);
        let unnamed = Method { name: None, ..nothing_to_compare };
        assert_eq!(present(&key(), &[unnamed], |_| false), None);
    }

    #[test]
    fn a_mark_in_the_name_tells_even_a_totp_from_the_users_own() {
        let mark = Mark::of(crate::model::Fingerprint([1; 16]));
        let mut rng = fastrand::Rng::with_seed(1);
        let marked = Method {
            name: Some(mark.mark_name(&totp(), &mut rng)),
            ..listed("ours", &totp(), None, 500)
        };
        let own = listed("users", &totp(), None, 600);
        let judged = |list: &[Method], always| {
            judge(&totp(), list, sent(), |_| false, Marked { mark: &mark, always })
        };
        assert_eq!(judged(&[own.clone(), marked.clone()], true), Finding::Ours("ours".into()));
        assert_eq!(judged(std::slice::from_ref(&own), true), Finding::Absent);
        // Whatever the clocks show.
        for sent in [unknown(), Sent::new(INTENT + 90 * 86_400_000, [NO_SKEW, None], NO_SKEW)] {
            let marks = Marked { mark: &mark, always: true };
            let found = judge(&totp(), std::slice::from_ref(&marked), sent, |_| false, marks);
            assert_eq!(found, Finding::Ours("ours".into()));
        }
        // An attempt without a mark may be in there too: then nothing is certain.
        assert_eq!(judged(&[own, marked], false), Finding::Unclear(Code::SeveralCandidates));
    }

    #[test]
    fn a_late_commit_is_found_at_the_end_with_every_id() {
        let shown = Some("XXXXXXXXXXX5044");
        let own = listed("own", &phone(), shown, 500);
        let late = listed("late", &phone(), shown, 90_000);
        let older = listed("old", &phone(), shown, -90_000);
        let known = listed("known", &phone(), shown, 700);
        let audited = |list: &[Method], own: Option<&str>| {
            let mark = Mark::of(crate::model::Fingerprint([1; 16]));
            let mark = Marked { mark: &mark, always: false };
            audit(&phone(), list, sent(), own, |id| id == "known", mark)
        };
        let sound = [own.clone(), older, known];
        assert_eq!(audited(&sound, Some("own")), Audit::Sound);
        let both = [late.clone(), own];
        assert_eq!(audited(&both, Some("own")), Audit::Doubled(vec!["own".into(), "late".into()]));
        assert_eq!(audited(std::slice::from_ref(&late), None), Audit::Appeared("late".into()));
        assert_eq!(audited(&[], None), Audit::Sound);
        // Where nothing is known of the clocks it may as well have been there before.
        let mark = Mark::of(crate::model::Fingerprint([1; 16]));
        let mark = Marked { mark: &mark, always: false };
        assert_eq!(audit(&phone(), &[late], unknown(), None, |_| false, mark), Audit::Sound);
    }

    #[test]
    fn a_masked_candidate_of_another_name_needs_review() {
        let renamed = Method {
            name: Some("Other".into()),
            ..listed("m1", &phone(), Some("XXXXXXXXXXX5044"), 500)
        };
        assert_eq!(judged(&phone(), &[renamed]), Finding::Unclear(Code::OtherName));
    }
}
