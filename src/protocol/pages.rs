//! A user's methods, page by page: what has come so far, and what is to be asked for next. Pure.
//!
//! Pages are requested one by one, so that only the one that fails is requested again. A list that
//! changes between its pages is discarded.

use std::{collections::HashSet, time::Duration};

use super::{RetryPolicy, repeat::Tries};
use crate::{
    api::{Page, Verdict},
    model::{Code, Method},
};

/// Most methods that a user can credibly have; a longer list is unusable.
const MAX_METHODS: u64 = 1_000;
/// Most pages that a list can credibly have.
const MAX_PAGES: u64 = 50;

/// See the module.
#[derive(Debug, Default)]
pub struct Pages {
    methods: Vec<Method>,
    total: Option<u64>,
    number: u64,
    /// Attempts to get the page that is missing.
    tries: Tries,
}

/// Consequence of the answer to a page.
#[derive(Debug)]
pub enum AfterPage {
    /// The list has more: request its next page after this long.
    More(Duration),
    /// The whole list, or why there is none. The next list begins with its first page.
    Whole(Verdict<Vec<Method>>),
}

impl Pages {
    /// Returns the number of the page to request next; the first is 0.
    pub fn next(&self) -> u64 {
        self.number
    }

    /// Returns true if no page has come yet.
    pub fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// Takes in the answer to the next page. Returns the whole list, or why there is none; `None`
    /// while more pages are to come. Where only that page is missing, those before it are kept;
    /// otherwise the list begins anew.
    fn take(&mut self, verdict: Verdict<Page>) -> Option<Verdict<Vec<Method>>> {
        let page = match verdict {
            Verdict::Done(page) => page,
            Verdict::Refused(_) if !self.is_empty() => {
                return Some(self.fail(Code::IncompleteList));
            }
            other @ (Verdict::Present
            | Verdict::Refused(_)
            | Verdict::NotExecuted(_)
            | Verdict::InDoubt(_)
            | Verdict::Stop(_)
            | Verdict::StopInDoubt(_)) => return Some(other.without_result()),
        };
        let (start, count) = (self.methods.len() as u64, page.methods.len() as u64);
        let is_next = page.start.is_none_or(|at| at == start);
        if !is_next || (!self.is_empty() && page.total != self.total) {
            return Some(self.fail(Code::UnreadableList));
        }
        self.number += 1;
        self.tries = Tries::default();
        self.total = page.total;
        self.methods.extend(page.methods);
        let listed = self.methods.len() as u64;
        if listed.max(self.total.unwrap_or_default()) > MAX_METHODS {
            return Some(self.fail(Code::TooManyMethods));
        }
        let whole = match self.total {
            Some(total) => listed >= total || count == 0,
            None => count < page.size,
        };
        if !whole {
            return (self.number >= MAX_PAGES).then(|| self.fail(Code::IncompleteList));
        }
        let mut ids = HashSet::new();
        let each_once = self.methods.iter().all(|method| ids.insert(method.id.as_str()));
        if !each_once || self.total.is_some_and(|total| total != listed) {
            return Some(self.fail(Code::IncompleteList));
        }
        Some(Verdict::Done(std::mem::take(self).methods))
    }

    fn fail(&mut self, why: Code) -> Verdict<Vec<Method>> {
        *self = Self::default();
        Verdict::InDoubt(why.into())
    }
}

impl RetryPolicy {
    /// Decides what follows from the answer to the page that `pages` requested. A later page that
    /// fails is requested again; if it never comes, or the tenant stays out of reach (which the
    /// breaker judges), the earlier pages are given up with it.
    pub fn after_page(
        &self,
        verdict: Verdict<Page>,
        pages: &mut Pages,
        rng: &mut fastrand::Rng,
    ) -> AfterPage {
        let Some(verdict) = pages.take(verdict) else {
            return AfterPage::More(Duration::ZERO);
        };
        let is_rest = !pages.is_empty() && pages.tries.bounced < self.max_attempts;
        let wait = is_rest.then(|| self.wait(self.max_attempts, &verdict, &mut pages.tries, rng));
        if let Some(wait) = wait.flatten() {
            return AfterPage::More(wait);
        }
        *pages = Pages::default();
        AfterPage::Whole(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::NotExecuted, model::Reason};

    /// Methods with those numbers as ids, as a page of up to 2.
    fn page(ids: std::ops::Range<u64>, total: Option<u64>) -> Page {
        let start = Some(ids.start);
        let methods = ids.map(|id| Method { id: id.to_string(), ..Method::default() }).collect();
        Page { methods, start, size: 2, total }
    }

    /// Takes the pages. Returns the outcome of the last one; those before it must ask for more.
    fn taken(pages: Vec<Page>) -> Result<usize, Code> {
        let (mut made, end) = (Pages::default(), pages.len() - 1);
        for (number, page) in pages.into_iter().enumerate() {
            assert_eq!(made.next(), number as u64);
            match made.take(Verdict::Done(page)) {
                None => assert!(number < end, "more is asked for"),
                Some(Verdict::Done(methods)) => {
                    assert_eq!((number, made.is_empty()), (end, true));
                    return Ok(methods.len());
                }
                Some(Verdict::InDoubt(why)) => {
                    assert_eq!((number, made.is_empty()), (end, true), "{why}");
                    return Err(why.code());
                }
                Some(other) => panic!("{other:?}"),
            }
        }
        unreachable!("the last page ends it")
    }

    #[test]
    fn a_list_is_whole_or_none() {
        let unnumbered = |ids| Page { start: None, ..page(ids, None) };
        for (pages, expected) in [
            (vec![page(0..0, Some(0))], Ok(0)),
            (vec![page(0..2, Some(2))], Ok(2)),
            (vec![page(0..2, Some(3)), page(2..3, Some(3))], Ok(3)),
            (vec![unnumbered(0..2), unnumbered(2..3)], Ok(3)),
            (vec![unnumbered(0..2), unnumbered(2..2)], Ok(2)),
            // It has grown, shrunk, moved, or is shorter than it says.
            (vec![page(0..2, Some(3)), page(2..4, Some(4))], Err(Code::UnreadableList)),
            (vec![page(0..2, Some(3)), page(1..3, Some(3))], Err(Code::UnreadableList)),
            (vec![page(0..2, Some(4)), page(2..2, Some(4))], Err(Code::IncompleteList)),
            (vec![page(0..2, Some(1))], Err(Code::IncompleteList)),
            (vec![unnumbered(0..2), unnumbered(1..2)], Err(Code::IncompleteList)),
            // Nobody has that many.
            (vec![page(0..2, Some(1_001))], Err(Code::TooManyMethods)),
            (vec![unnumbered(0..1_001)], Err(Code::TooManyMethods)),
        ] {
            assert_eq!(taken(pages), expected);
        }
        let endless = (0..MAX_PAGES).map(|number| page(number * 2..number * 2 + 2, None));
        assert_eq!(taken(endless.collect()), Err(Code::IncompleteList));
    }

    #[test]
    fn what_came_before_a_page_that_failed_is_kept() {
        let mut list = Pages::default();
        assert!(list.take(Verdict::Done(page(0..2, Some(3)))).is_none());
        for _ in 0..3 {
            let failed = list.take(Verdict::InDoubt(Reason::http(500)));
            assert!(matches!(failed, Some(Verdict::InDoubt(why)) if why == Reason::http(500)));
            assert_eq!(list.next(), 1);
        }
        let done = list.take(Verdict::Done(page(2..3, Some(3))));
        assert!(matches!(done, Some(Verdict::Done(methods)) if methods.len() == 3));
    }

    #[test]
    fn a_page_that_never_comes_takes_those_before_it_along_and_is_never_asked_for_without_end() {
        type Failure = fn() -> Verdict<Page>;
        let in_doubt: Failure = || Verdict::InDoubt(Reason::http(500));
        let not_sent: Failure = || Verdict::NotExecuted(NotExecuted::NotSent);
        let stop: Failure =
            || Verdict::Stop(Box::new(crate::error::Error::Internal(String::new())));
        let (policy, mut rng) = (RetryPolicy::new(3, Duration::ZERO), fastrand::Rng::with_seed(7));
        for (failure, most) in [(in_doubt, 2), (not_sent, 3), (stop, 0)] {
            let mut list = Pages::default();
            // The first page is for the job's own policy, each time.
            let first = policy.after_page(failure(), &mut list, &mut rng);
            assert!(matches!(first, AfterPage::Whole(_)), "{first:?}");
            for at in 0..2 {
                let came = Verdict::Done(page(at * 2..at * 2 + 2, Some(5)));
                let more = policy.after_page(came, &mut list, &mut rng);
                assert!(matches!(more, AfterPage::More(wait) if wait.is_zero()));
                for _ in 0..most {
                    let again = policy.after_page(failure(), &mut list, &mut rng);
                    assert!(matches!(again, AfterPage::More(_)), "{again:?}");
                    assert_eq!(list.next(), at + 1);
                }
            }
            let end = policy.after_page(failure(), &mut list, &mut rng);
            assert!(matches!(end, AfterPage::Whole(_)), "{end:?}");
            assert!(list.is_empty());
        }
    }

    #[test]
    fn a_later_page_that_is_refused_is_no_refusal_of_the_list() {
        let mut list = Pages::default();
        let refused = || Verdict::Refused(Code::UserNotFound.into());
        assert!(matches!(list.take(refused()), Some(Verdict::Refused(_))));
        assert!(list.take(Verdict::Done(page(0..2, Some(3)))).is_none());
        assert!(matches!(list.take(refused()), Some(Verdict::InDoubt(_))));
        assert!(list.is_empty());
    }
}
