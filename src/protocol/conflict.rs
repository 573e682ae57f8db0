//! Consequences of a conflict (409): what the tenant says exists, and what a list shows. Pure.
//!
//! Auth0 does not document what it compares (auth0-api.md 10.1). Where a probe has found that out,
//! a 409 proves more, or less, than a list alone.

use std::time::Duration;

use crate::{
    model::{Code, Factor, FactorType, Finding, How, Method, TenantFacts},
    protocol::{RetryPolicy, reconcile::present},
};

/// Proof that a conflict gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictProof {
    /// Something exists that the tenant considers the same; what it compares is unknown.
    Unknown,
    /// Exactly this value exists.
    Value,
    /// A method of the type exists; nothing is known about its value.
    Type,
}

impl RetryPolicy {
    /// Adds what is known about the tenant.
    #[must_use]
    pub fn knowing(mut self, facts: &TenantFacts) -> Self {
        self.list_delay = Duration::from_millis(facts.list_delay_ms.unwrap_or_default());
        self.conflict.clone_from(&facts.conflict);
        self
    }

    /// Returns what a conflict proves about a factor of that type.
    pub fn proof_of_conflict(&self, factor_type: FactorType) -> ConflictProof {
        match &self.conflict {
            Some(rule) if rule.of_second(factor_type) => ConflictProof::Type,
            Some(rule) if rule.of_same(factor_type) => ConflictProof::Value,
            // It is unknown whether the tenant considers this a conflict at all.
            Some(_) | None => ConflictProof::Unknown,
        }
    }
}

impl ConflictProof {
    /// Returns what the conflict proves if an earlier attempt may have created the method.
    #[must_use]
    pub const fn in_doubt(self) -> Self {
        match self {
            // The method may be ours, or may have existed before: the list has to show which.
            Self::Value => Self::Unknown,
            other => other,
        }
    }
}

/// Judges what `list` shows about a factor that the tenant calls a conflict. `taken` returns
/// whether a method id is known to stand for another factor.
pub fn judge(
    factor: &Factor,
    list: &[Method],
    taken: impl Fn(&str) -> bool,
    proof: ConflictProof,
) -> Finding {
    match (present(factor, list, &taken), proof) {
        (Some((id, how)), ConflictProof::Unknown | ConflictProof::Value) => {
            Finding::There(Some(id), how)
        }
        (Some((id, How::Listed)), ConflictProof::Type) => Finding::There(Some(id), How::Listed),
        // A masked number that fits, or a TOTP of that name: a conflict of the type adds nothing.
        (Some(_), ConflictProof::Type) => Finding::Unclear(Code::SecondOfType),
        (None, ConflictProof::Unknown | ConflictProof::Type) => Finding::Absent,
        (None, ConflictProof::Value) => of_its_type(factor, list, taken),
    }
}

/// Finds the value that must exist among the methods of its type although none shows it, as for a
/// TOTP under another name.
fn of_its_type(factor: &Factor, list: &[Method], taken: impl Fn(&str) -> bool) -> Finding {
    let is_candidate = |method: &&Method| {
        method.factor_type == Some(factor.factor_type())
            && !taken(&method.id)
            // A method that shows a value shows a different one.
            && method.contact.is_none()
            && method.key_id.is_none()
    };
    let mut candidates = list.iter().filter(is_candidate);
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Finding::There(Some(only.id.clone()), How::Response),
        (Some(_), Some(_)) => Finding::There(None, How::Response),
        // The tenant contradicts itself.
        (None, _) => Finding::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Contact, Credential, FactorType, UserId};

    fn factor(credential: Credential) -> Factor {
        let user = UserId::parse("auth0|1").unwrap();
        Factor { line: 2, at: None, user, name: Some("Mine".into()), credential }
    }

    fn method(id: &str, of: FactorType, name: &str, contact: Option<&str>) -> Method {
        Method {
            id: id.into(),
            factor_type: Some(of),
            name: Some(name.into()),
            contact: contact.map(Into::into),
            ..Method::default()
        }
    }

    #[test]
    fn a_conflict_proves_what_the_tenant_is_known_to_compare() {
        use ConflictProof::{Type, Unknown, Value};
        use FactorType::{Email, Phone, Totp};
        let all = |finding: Finding| [finding.clone(), finding.clone(), finding];
        let there = |id: &str, how| Finding::There(Some(id.into()), how);
        let number = Contact::new("+44207183875044".into());
        let phone = factor(Credential::Phone { number, preferred: None });
        let totp = factor(Credential::Totp { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".into() });
        let plain = method("plain", Phone, "x", Some("+44207183875044"));
        let masked = method("masked", Phone, "x", Some("XXXXXXXXXXX5044"));
        let other = method("other", Phone, "x", Some("XXXXXXXXXXX5045"));
        let bare = method("bare", Phone, "x", None);
        let (mine, theirs) =
            (method("mine", Totp, "Mine", None), method("theirs", Totp, "x", None));
        let mail = method("mail", Email, "Mine", None);
        let unclear = Finding::Unclear(Code::SecondOfType);
        let cases: [(&Factor, &[&Method], [Finding; 3]); 9] = [
            // By what is known of the rule: nothing, the value, the type.
            (&phone, &[&masked, &plain], all(there("plain", How::Listed))),
            (
                &phone,
                &[&masked],
                [
                    there("masked", How::Consistent),
                    there("masked", How::Consistent),
                    unclear.clone(),
                ],
            ),
            // A value that is shown, and another one, cannot be what the tenant means.
            (&phone, &[&other], all(Finding::Absent)),
            (
                &phone,
                &[&other, &bare],
                [Finding::Absent, there("bare", How::Response), Finding::Absent],
            ),
            (
                &totp,
                &[&mine, &theirs],
                [there("mine", How::Consistent), there("mine", How::Consistent), unclear],
            ),
            (&totp, &[&theirs], [Finding::Absent, there("theirs", How::Response), Finding::Absent]),
            (
                &totp,
                &[&theirs, &Method { id: "third".into(), ..theirs.clone() }],
                [Finding::Absent, Finding::There(None, How::Response), Finding::Absent],
            ),
            // Another factor's, by the ledger, or of another type.
            (&totp, &[&Method { id: "taken".into(), ..mine.clone() }, &mail], all(Finding::Absent)),
            (&totp, &[], all(Finding::Absent)),
        ];
        for (factor, list, expected) in cases {
            let list: Vec<Method> = list.iter().map(|method| (*method).clone()).collect();
            for (proof, expected) in [Unknown, Value, Type].into_iter().zip(expected) {
                let found = judge(factor, &list, |id| id == "taken", proof);
                assert_eq!(found, expected, "{proof:?}: {list:?}");
            }
        }
        assert_eq!([Unknown, Value, Type].map(ConflictProof::in_doubt), [Unknown, Unknown, Type]);
    }
}
