//! The running account: counts, and what one group of a user's rows has to know of another. Pure.
//!
//! Most users' rows are consecutive, and nothing is kept of them. For users whose rows are
//! scattered, the account keeps which methods already stand for a factor, so that one method does
//! not stand for two; what else these users have is only known after the last of their rows.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde::Serialize;

use super::{Comparison, Group, Usage, VerifyState, compare, type_of};
use crate::{
    jobs::list::Listed,
    model::{Code, Reason, Refusal, UserId},
};

/// Numbers of rows by state. They add up to the rows read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The same factor, again in the input.
    pub duplicates: u64,
    /// The factor exists.
    pub present: u64,
    /// The factor does not exist.
    pub missing: u64,
    /// The factor exists, with another name or preferred channel.
    pub differs: u64,
    /// A factor like it exists, but its value is not visible.
    pub unverifiable: u64,
    /// The tenant gave no usable list, so nothing is known.
    pub unanswered: u64,
    /// The row is not a factor.
    pub rejected: u64,
    /// The source has it, but no import can bring it into the tenant.
    pub not_carried: u64,
    /// The user was not asked about.
    pub not_sampled: u64,
}

impl Counts {
    /// Returns the number of all rows that have been counted.
    pub fn rows(&self) -> u64 {
        self.asked() + self.duplicates + self.rejected + self.not_carried + self.not_sampled
    }

    /// Returns the number of rows that the tenant was asked about.
    pub fn asked(&self) -> u64 {
        self.present + self.missing + self.differs + self.unverifiable + self.unanswered
    }

    /// Returns the number of rows that need attention.
    pub fn bad(&self) -> u64 {
        self.missing + self.differs + self.unanswered + self.rejected
    }

    /// Returns the number of rows in each state, by its name.
    pub fn by_state(&self) -> [(&'static str, u64); 9] {
        [
            ("present", self.present),
            ("missing", self.missing),
            ("differs", self.differs),
            ("unverifiable", self.unverifiable),
            ("unanswered", self.unanswered),
            ("rejected", self.rejected),
            ("not_carried", self.not_carried),
            ("duplicates", self.duplicates),
            ("not_sampled", self.not_sampled),
        ]
    }

    fn count(&mut self, state: VerifyState) {
        *match state {
            VerifyState::Present => &mut self.present,
            VerifyState::Missing => &mut self.missing,
            VerifyState::Differs => &mut self.differs,
            VerifyState::Unverifiable => &mut self.unverifiable,
            VerifyState::Unanswered => &mut self.unanswered,
        } += 1;
    }
}

/// A method that a user has and the input does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// User it belongs to.
    pub user: UserId,
    /// Its type, in the tenant's word.
    pub type_name: Cow<'static, str>,
    /// The tenant's id of it.
    pub method_id: String,
}

/// Result of one group.
#[derive(Debug, Default)]
pub struct Judged {
    /// One for each factor.
    pub findings: Vec<Comparison>,
    /// Other methods of the user, where known already.
    pub extras: Vec<Extra>,
}

/// The account of a whole run.
#[derive(Debug, Default)]
pub struct Account {
    /// Number of rows in each state.
    pub counts: Counts,
    /// Users asked about.
    pub users: u64,
    /// Users with a missing factor, or without a usable list.
    pub users_with_missing: u64,
    /// Factors that people have logged in with; `None` when not asked for.
    pub usage: Option<Usage>,
    wants_extras: bool,
    scattered: HashMap<UserId, Scattered>,
}

/// Memory of a user whose rows are scattered.
#[derive(Debug, Default)]
struct Scattered {
    /// Number of the user, in order of first appearance.
    number: u64,
    /// Methods that stand for a factor.
    taken: HashSet<String>,
    /// Other methods in the user's last list.
    extras: Vec<Extra>,
    missing: bool,
    /// Some rows got no answer, so remaining methods may be theirs.
    unsure: bool,
}

impl Account {
    /// Makes an empty account; `wants_extras` if the users' other methods are of interest.
    pub fn new(wants_extras: bool) -> Self {
        Self { wants_extras, ..Self::default() }
    }

    /// Also counts the factors that people have logged in with.
    #[must_use]
    pub fn counting_usage(self) -> Self {
        Self { usage: Some(Usage::default()), ..self }
    }

    /// Takes in what was answered for a group.
    pub fn enter(&mut self, group: &Group, listed: &Listed) -> Judged {
        // No user with that id exists, or could: there are no methods either.
        let nobody = |reason: &Reason| reason.is_not_found() || reason.code() == Code::InvalidUri;
        let none = Ok(Vec::new());
        let listed = if listed.as_ref().is_err_and(nobody) { &none } else { listed };
        self.counts.duplicates += group.duplicates;
        for rejection in &group.rejections {
            match rejection.refusal {
                Refusal::Rejected => self.counts.rejected += 1,
                Refusal::NotCarried => self.counts.not_carried += 1,
            }
        }
        self.counts.not_sampled += group.not_sampled;
        let Some(user) = group.user.as_ref().filter(|_| !group.factors.is_empty()) else {
            return Judged::default();
        };
        let mut own = Scattered::default();
        let next = self.scattered.len() as u64;
        let (known, new) = if group.scattered {
            let new = !self.scattered.contains_key(user);
            let fresh = || Scattered { number: next, ..Scattered::default() };
            (self.scattered.entry(user.clone()).or_insert_with(fresh), new)
        } else {
            (&mut own, true)
        };
        let mut findings = compare(&group.factors, listed, |id| known.taken.contains(id));
        known.taken.extend(findings.iter().filter_map(|finding| finding.method_id.clone()));
        for finding in &mut findings {
            self.counts.count(finding.state);
            match (&mut self.usage, finding.usage) {
                (Some(usage), Some(one)) => usage.count(finding.factor_type, one),
                _ => finding.usage = None,
            }
        }
        let is_missing = |finding: &Comparison| {
            matches!(finding.state, VerifyState::Missing | VerifyState::Unanswered)
        };
        let missing = findings.iter().any(is_missing);
        self.users += u64::from(new);
        self.users_with_missing += u64::from(missing && !known.missing);
        known.missing |= missing;
        known.unsure |= listed.is_err();
        if let (true, Ok(list)) = (self.wants_extras, listed) {
            let left_over = list.iter().filter(|method| !known.taken.contains(&method.id));
            let extra = |method| Extra {
                user: user.clone(),
                type_name: type_of(method),
                method_id: method.id.clone(),
            };
            known.extras = left_over.map(extra).collect();
        }
        let extras = if group.scattered { Vec::new() } else { own.extras };
        Judged { findings, extras }
    }

    /// Finds the other methods of users with scattered rows, once all rows are answered. A method
    /// that may stand for a factor without an answer is not called an extra.
    pub fn finish(&mut self) -> Vec<Extra> {
        let mut users: Vec<_> = std::mem::take(&mut self.scattered).into_values().collect();
        users.sort_by_key(|user| user.number);
        let sure = users.into_iter().filter(|user| !user.unsure);
        sure.flat_map(|user| user.extras).collect()
    }
}
