//! Consecutive rows of one user, for which one list is requested. Pure.

use crate::{
    jobs::list::{ListQuestion, verify::Sample},
    model::{Factor, Planned, Rejection, UserId},
};

/// Most rows of a group, which bounds memory; further rows go into the next one.
const MAX_ROWS: u64 = 64;

/// Rows that are answered together.
#[derive(Debug, Default)]
pub struct Group {
    /// User of the factors; `None` when no request is needed.
    pub user: Option<UserId>,
    /// True if there may be another group of that user.
    pub scattered: bool,
    /// The factors, in input order.
    pub factors: Vec<Factor>,
    /// Rows between them that cannot be a factor, or that no import can carry.
    pub rejections: Vec<Rejection>,
    /// Number of rows with a factor that the input has had before.
    pub duplicates: u64,
    /// Number of rows of users who are not in the sample.
    pub not_sampled: u64,
}

impl Group {
    /// Returns the number of its rows.
    pub(super) fn rows(&self) -> u64 {
        (self.factors.len() + self.rejections.len()) as u64 + self.duplicates + self.not_sampled
    }
}

impl ListQuestion for Group {
    fn about(&self) -> Option<(&UserId, Option<&str>)> {
        let user = self.user.as_ref().filter(|_| !self.factors.is_empty());
        user.map(|user| (user, None))
    }
}

/// Collects consecutive rows of a user.
#[derive(Debug)]
pub(super) struct Grouper {
    sample: Option<Sample>,
    open: Group,
}

impl Grouper {
    /// Makes a grouper that skips users who are not in the sample.
    pub(super) fn new(sample: Option<Sample>) -> Self {
        Self { sample, open: Group::default() }
    }

    /// Takes in a row; returns the group that this row completes.
    pub(super) fn push(&mut self, planned: Planned) -> Option<Group> {
        let mut closed = None;
        match planned {
            Planned::Rejected(rejection) => self.open.rejections.push(*rejection),
            Planned::Factor(factor) => {
                if self.sample.is_some_and(|sample| !sample.picks(&factor.user)) {
                    self.open.not_sampled += 1;
                } else {
                    if self.open.user.as_ref().is_some_and(|user| *user != factor.user) {
                        closed = self.close();
                    }
                    self.open.user.get_or_insert_with(|| factor.user.clone());
                    self.open.factors.push(*factor);
                }
            }
        }
        if self.open.rows() >= MAX_ROWS { self.close() } else { closed }
    }

    /// Returns the last group, when there are no more rows.
    pub(super) fn close(&mut self) -> Option<Group> {
        Some(std::mem::take(&mut self.open)).filter(|group| group.rows() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Contact, Credential};

    fn factor(user: &str, line: u64) -> Planned {
        Planned::Factor(Box::new(Factor {
            line,
            at: None,
            user: UserId::parse(user).unwrap(),
            name: None,
            credential: Credential::Email { address: Contact::new(format!("{line}@example.com")) },
        }))
    }

    fn rejected(line: u64) -> Planned {
        Planned::Rejected(Box::new(Rejection::of_line(line, Vec::new())))
    }

    fn groups(rows: Vec<Planned>, sample: Option<Sample>) -> Vec<(String, usize, usize, u64)> {
        let mut grouper = Grouper::new(sample);
        let mut groups: Vec<_> = rows.into_iter().filter_map(|row| grouper.push(row)).collect();
        groups.extend(grouper.close());
        groups
            .into_iter()
            .map(|group| {
                let user = group.user.map(|user| user.to_string()).unwrap_or_default();
                (user, group.factors.len(), group.rejections.len(), group.not_sampled)
            })
            .collect()
    }

    #[test]
    fn rows_of_a_user_that_stand_together_are_one_group_bad_rows_or_not() {
        let rows = vec![rejected(1), factor("a|1", 2), rejected(3), factor("a|1", 4)];
        assert_eq!(groups(rows, None), [("a|1".into(), 2, 2, 0)]);
        let rows = vec![factor("a|1", 1), factor("a|2", 2), factor("a|1", 3)];
        let users: Vec<_> = groups(rows, None).into_iter().map(|group| group.0).collect();
        assert_eq!(users, ["a|1", "a|2", "a|1"]);
        assert_eq!(groups(vec![], None), []);
    }

    #[test]
    fn no_group_grows_without_end_and_nothing_is_lost_between_them() {
        for row in [|line| factor("a|1", line), rejected] {
            let all = groups((1..=1000).map(row).collect(), None);
            let most = usize::try_from(MAX_ROWS).unwrap();
            assert!(all.iter().all(|group| group.1 + group.2 <= most));
            assert_eq!(all.iter().map(|group| group.1 + group.2).sum::<usize>(), 1000);
        }
    }

    #[test]
    fn users_outside_the_sample_are_counted_and_divide_nobody() {
        let sample = Sample::parse("50%", 3).unwrap();
        let name = |n: u64| format!("auth0|{n}");
        let (inside, outside): (Vec<_>, Vec<_>) =
            (0..40).map(name).partition(|user| sample.picks(&UserId::parse(user).unwrap()));
        let rows = vec![factor(&inside[0], 1), factor(&outside[0], 2), factor(&inside[0], 3)];
        assert_eq!(groups(rows, Some(sample)), [(inside[0].clone(), 2, 0, 1)]);
    }
}
