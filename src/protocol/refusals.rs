//! A refusal that every user receives is not about the rows: a feature is switched off, or the plan
//! lacks it. Asking a million times more would reveal nothing new. Pure.
//!
//! Each kind of request is judged by itself: emails that are created do not change the fact that
//! phones are refused to everybody.

use std::collections::HashMap;

use crate::{
    error::Error,
    model::{Code, FactorType, Reason, UserId},
};

/// Number of different users refused alike, while no request was granted, that rules out chance. A
/// few could be chance: the first users of an export are often test accounts. Twenty cost ten
/// seconds at the slowest tenant's rate.
const ALIKE: usize = 20;

/// Kind of thing that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestClass {
    /// Creation of a factor of that type.
    Create(FactorType),
    /// A change of existing methods.
    Change,
    /// A list of existing methods.
    List,
    /// A look-up of users by their address.
    LookUp,
}

/// Refusals that every user has received so far, by what was asked for.
#[derive(Debug, Default)]
pub struct Refusals(HashMap<RequestClass, Series>);

/// Identical refusals, of different users, since the start.
#[derive(Debug, Default)]
struct Series {
    /// True once any request was granted: then no refusal is everybody's.
    granted: bool,
    alike: Option<(Reason, Option<u16>)>,
    users: Vec<UserId>,
}

impl Refusals {
    /// Notes that a request was granted.
    pub fn granted(&mut self, asked: RequestClass) {
        let series = self.0.entry(asked).or_default();
        if !series.granted {
            *series = Series { granted: true, ..Series::default() };
        }
    }

    /// Takes in a refusal. Returns an error when everybody is refused and the rows are not the
    /// reason.
    pub fn refused(
        &mut self,
        asked: RequestClass,
        user: &UserId,
        reason: &Reason,
        status: Option<u16>,
    ) -> Option<Error> {
        let series = self.0.entry(asked).or_default();
        let is_new =
            series.alike.as_ref().is_none_or(|(alike, was)| (alike, *was) != (reason, status));
        // A user who does not exist, or whose id is malformed, is refused for that before anything
        // else: it says nothing about what all others are refused for.
        let counts_against = |(alike, _): &(Reason, _)| is_everybodys(alike);
        let is_beside = !is_everybodys(reason) && series.alike.as_ref().is_some_and(counts_against);
        if series.granted || (is_new && is_beside) {
            return None;
        }
        if is_new {
            series.alike = Some((reason.clone(), status));
            series.users.clear();
        }
        if series.users.len() < ALIKE && !series.users.contains(user) {
            series.users.push(user.clone());
        }
        (series.users.len() >= ALIKE && is_everybodys(reason)).then(|| {
            Error::refused(
                "everybody_refused",
                format!(
                    "the tenant refuses {} to everybody: {ALIKE} different users were answered \
                     alike ({}), and no user differently",
                    asked.words(),
                    answer(reason, status),
                ),
                asked.hint(),
            )
        })
    }

    /// Names what everybody was refused for a reason that may be the rows' own.
    pub fn hints(&self) -> Vec<String> {
        let told = |(asked, series): (&RequestClass, &Series)| {
            let (reason, status) = series.alike.as_ref()?;
            let many = series.users.len() >= ALIKE && !is_everybodys(reason);
            many.then(|| {
                let cause = match reason.code() {
                    Code::UserNotFound => "is this the tenant they are in?",
                    _ => "the cause may be the same for all of them",
                };
                format!(
                    "{} was refused to everybody with the same answer ({}): {cause}",
                    asked.words(),
                    answer(reason, *status),
                )
            })
        };
        let mut hints: Vec<String> = self.0.iter().filter_map(told).collect();
        hints.sort();
        hints
    }
}

impl RequestClass {
    fn hint(self) -> &'static str {
        match self {
            Self::Create(_) | Self::Change => {
                "that is hardly the rows' doing: look whether the tenant has this enabled \
                 (Security > Multi-factor Auth) and its plan includes it. What was refused stays \
                 rejected: once it is mended, run the same command again with `--retry rejected`; \
                 without that it goes on with the next rows"
            }
            Self::List | Self::LookUp => {
                "that is hardly the users' doing: look whether the token may read them, and the \
                 tenant's plan includes this; then run the same command again"
            }
        }
    }

    fn words(self) -> String {
        match self {
            Self::Create(factor_type) => format!("a factor of type `{}`", factor_type.name()),
            Self::Change => "the change".into(),
            Self::List => "a list of methods".into(),
            Self::LookUp => "a look-up of users".into(),
        }
    }
}

/// Formats an answer as `403, forbidden`.
fn answer(reason: &Reason, status: Option<u16>) -> String {
    let status = status.map(|status| format!("{status}, ")).unwrap_or_default();
    format!("{status}{reason}")
}

/// Returns whether a refusal cannot be about a row: no reason that a row can give explains it, and
/// it is not about what was sent.
fn is_everybodys(reason: &Reason) -> bool {
    match reason.code() {
        Code::Forbidden => true,
        // Too long (413), or not to be processed (422): one row may be the reason.
        Code::Http => ![Reason::http(413), Reason::http(422)].contains(reason),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Exit, model::Field};

    const PHONE: RequestClass = RequestClass::Create(FactorType::Phone);
    const EMAIL: RequestClass = RequestClass::Create(FactorType::Email);

    fn user(number: usize) -> UserId {
        UserId::parse(&format!("auth0|{number}")).unwrap()
    }

    /// Refuses that many users. Returns true if the run stops with the last, and with none before.
    fn stops(
        refusals: &mut Refusals,
        asked: RequestClass,
        users: std::ops::Range<usize>,
        (status, reason): (u16, &Reason),
    ) -> bool {
        let mut last = None;
        for number in users {
            assert!(last.is_none(), "it stopped before {number}");
            last = refusals.refused(asked, &user(number), reason, Some(status));
        }
        if let Some(error) = &last {
            assert_eq!(error.exit(), Exit::Config);
        }
        last.is_some()
    }

    #[test]
    fn twenty_users_that_are_refused_alike_stop_the_run_where_it_is_no_rows_doing() {
        for (status, reason, expected) in [
            (403, Reason::from(Code::Forbidden), true),
            (402, Reason::http(402), true),
            (405, Reason::http(405), true),
            (451, Reason::http(451), true),
            (413, Reason::http(413), false),
            (422, Reason::http(422), false),
            (403, Code::EntityLimit.into(), false),
            (403, Code::UserHasPasskey.into(), false),
            (404, Code::UserNotFound.into(), false),
            (400, Reason::of_field(Code::InvalidBody, Some(Field::PhoneNumber)), false),
        ] {
            let refusals = &mut Refusals::default();
            let refused = (status, &reason);
            assert!(!stops(refusals, PHONE, 0..ALIKE - 1, refused), "{reason}");
            // The same user again is nobody new.
            assert!(!stops(refusals, PHONE, 0..ALIKE - 1, refused), "{reason}");
            assert_eq!(refusals.hints(), Vec::<String>::new());
            let last = stops(refusals, PHONE, ALIKE - 1..ALIKE, refused);
            assert_eq!(last, expected, "{reason}");
            assert_eq!(refusals.hints().len(), usize::from(!expected), "{reason}");
        }
    }

    #[test]
    fn one_that_is_granted_clears_its_own_kind_for_good_and_no_other() {
        let reason = (403, &Code::Forbidden.into());
        let refusals = &mut Refusals::default();
        stops(refusals, PHONE, 0..ALIKE - 1, reason);
        refusals.granted(EMAIL);
        assert!(stops(refusals, PHONE, ALIKE - 1..ALIKE, reason));
        for number in 0..3 * ALIKE {
            assert!(!stops(refusals, EMAIL, number..number + 1, reason));
        }
    }

    #[test]
    fn another_answer_to_everybody_begins_anew_and_what_is_one_rows_own_changes_nothing() {
        let (forbidden, absent) = (Code::Forbidden.into(), Code::UserNotFound.into());
        let refusals = &mut Refusals::default();
        stops(refusals, PHONE, 0..ALIKE - 1, (403, &forbidden));
        stops(refusals, PHONE, 100..100 + ALIKE, (404, &absent));
        assert!(stops(refusals, PHONE, ALIKE - 1..ALIKE, (403, &forbidden)));
        let refusals = &mut Refusals::default();
        stops(refusals, PHONE, 0..ALIKE - 1, (403, &forbidden));
        stops(refusals, PHONE, 100..101, (405, &Reason::http(405)));
        assert!(!stops(refusals, PHONE, ALIKE - 1..ALIKE, (403, &forbidden)));
        // From rows' own to everybody's.
        let refusals = &mut Refusals::default();
        stops(refusals, PHONE, 0..ALIKE - 1, (404, &absent));
        assert!(stops(refusals, PHONE, 100..100 + ALIKE, (403, &forbidden)));
    }
}
