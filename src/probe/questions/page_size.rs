//! Question: how large may a page be? The `limit` of an answer says so, and so do its contents: a
//! page that holds fewer methods than there are was cut, no matter what `limit` says. A page cannot
//! hold more methods than the user has, so this is asked while the methods of the question about
//! the cap still exist.

use std::time::Duration;

use super::{
    super::asker::{Asker, Unanswered},
    is_invalid,
};
use crate::{
    api::{RawApi, RawRequest, RawVerb},
    model::{PageSizeAbove, TenantFacts},
    text::counted,
};

/// Sizes to try first: the documented caps, and one more than the larger.
const FIRST_SIZES: [u32; 3] = [101, 100, 50];
/// Largest size to try.
const LARGEST_SIZE: u32 = 1_000;

/// Treatment of a size by the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Honoured,
    Cut(u32),
    CutSilently(u32),
    Refused,
}

/// Pause before a page that is not whole is asked for again: a list may lag behind its own total.
const PAUSE_BEFORE_RETRY: Duration = Duration::from_secs(1);

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    // Methods that the list does not show yet would make a whole page look cut.
    if let Some(last) = asker.made.iter().rev().find_map(|made| made.id.clone()) {
        asker.shown(&last).await?;
    }
    let mut search = Search::default();
    let mut fullest = 0;
    while let Some(size) = search.next() {
        let (page, shown) = page(asker, size).await?;
        fullest = fullest.max(shown);
        search.take(size, page);
    }
    let found = search.found();
    let said = match &found {
        None if search.refused == 1 => {
            return Err(Unanswered::Unclear("every size is refused".into()));
        }
        None => format!("{LARGEST_SIZE}, and maybe more"),
        Some((cap, PageSizeAbove::Refused)) => format!("{cap}; more is refused"),
        Some((cap, PageSizeAbove::Cut)) => format!("{cap}; more is cut to that"),
        Some((cap, PageSizeAbove::CutSilently)) => {
            format!("{cap}; more is cut to that, though the list says otherwise")
        }
    };
    let cap = found.map_or(LARGEST_SIZE, |(cap, _)| cap);
    (facts.page_size_cap, facts.page_size_above) = found.unzip();
    if fullest >= cap {
        return Ok(said);
    }
    let seen = counted(fullest.into(), "method");
    Ok(format!("{said}. By its own word: it was never seen with more than {seen}"))
}

/// Gets a page of that size, and again if it holds fewer methods than it should. Returns the number
/// that it held as well.
async fn page<A: RawApi>(asker: &mut Asker<A>, size: u32) -> Result<(Page, u32), Unanswered> {
    let first = page_once(asker, size).await?;
    if !matches!(first.0, Page::CutSilently(_)) {
        return Ok(first);
    }
    asker.pause(PAUSE_BEFORE_RETRY).await?;
    let again = page_once(asker, size).await?;
    if first == again && again.1 > 0 {
        return Ok(again);
    }
    Err(Unanswered::Unclear(format!("per_page={size} shows now more, now fewer than there are")))
}

async fn page_once<A: RawApi>(asker: &mut Asker<A>, size: u32) -> Result<(Page, u32), Unanswered> {
    let user = asker.user.clone();
    let query = format!("page=0&per_page={size}&include_totals=true");
    let request = RawRequest { query: Some(&query), ..RawRequest::all(RawVerb::Get, &user) };
    let told = asker.send(&format!("GET list, per_page={size}"), request).await?;
    if is_invalid(&told) {
        return Ok((Page::Refused, 0));
    }
    if told.status != 200 {
        return Err(Unanswered::Unclear(format!("per_page={size} got {}", told.short())));
    }
    let number =
        |name: &str| told.body[name].as_u64().and_then(|number| u32::try_from(number).ok());
    let shown = told.body["authenticators"].as_array().map_or(0, Vec::len);
    let shown = u32::try_from(shown).unwrap_or(u32::MAX);
    match number("limit") {
        Some(limit) => Ok((read(size, limit, shown, number("total")), shown)),
        None => Err(Unanswered::Unclear("the list does not say how large its pages are".into())),
    }
}

/// Returns the treatment of a size, from the page's `limit` and from the number of methods that it
/// shows out of `total`.
fn read(size: u32, limit: u32, shown: u32, total: Option<u32>) -> Page {
    let is_whole = total.is_none_or(|total| shown >= total.min(limit));
    match (limit < size, is_whole) {
        (_, false) => Page::CutSilently(shown),
        (true, true) => Page::Cut(limit),
        (false, true) => Page::Honoured,
    }
}

/// Search for the largest size that is honoured.
#[derive(Debug)]
struct Search {
    honoured: u32,
    /// Smallest size that is known to be refused.
    refused: u32,
    cut: Option<(u32, PageSizeAbove)>,
    first: std::slice::Iter<'static, u32>,
}

impl Default for Search {
    fn default() -> Self {
        Self { honoured: 0, refused: LARGEST_SIZE + 1, cut: None, first: FIRST_SIZES.iter() }
    }
}

impl Search {
    /// Returns the size to try next.
    fn next(&mut self) -> Option<u32> {
        if self.cut.is_some() || self.honoured + 1 >= self.refused {
            return None;
        }
        let between = self.honoured + 1..self.refused;
        if let Some(size) = self.first.by_ref().find(|size| between.contains(size)) {
            return Some(*size);
        }
        // If none of the first sizes was refused, the largest is the most likely answer.
        let is_open = self.refused > LARGEST_SIZE;
        Some(if is_open { LARGEST_SIZE } else { u32::midpoint(self.honoured, self.refused) })
    }

    fn take(&mut self, size: u32, page: Page) {
        match page {
            Page::Honoured => self.honoured = self.honoured.max(size),
            Page::Cut(limit) => self.cut = Some((limit, PageSizeAbove::Cut)),
            Page::CutSilently(shown) => self.cut = Some((shown, PageSizeAbove::CutSilently)),
            Page::Refused => self.refused = self.refused.min(size),
        }
    }

    fn found(&self) -> Option<(u32, PageSizeAbove)> {
        match self.cut {
            Some(cut) => Some(cut),
            None if self.honoured == 0 || self.refused > LARGEST_SIZE => None,
            None => Some((self.honoured, PageSizeAbove::Refused)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(answer: impl Fn(u32) -> Page) -> (Option<(u32, PageSizeAbove)>, usize) {
        let (mut search, mut asked) = (Search::default(), 0);
        while let Some(size) = search.next() {
            search.take(size, answer(size));
            asked += 1;
        }
        (search.found(), asked)
    }

    #[test]
    fn a_page_that_holds_fewer_than_there_are_is_cut_whatever_it_says() {
        for (limit, shown, total, page) in [
            (100, 25, Some(25), Page::Honoured),
            (100, 100, Some(120), Page::Honoured),
            (50, 25, Some(25), Page::Cut(50)),
            (50, 50, Some(120), Page::Cut(50)),
            (100, 50, Some(51), Page::CutSilently(50)),
            (100, 0, None, Page::Honoured),
            // Without a total there is nothing to compare the number with.
            (100, 50, None, Page::Honoured),
        ] {
            assert_eq!(read(100, limit, shown, total), page, "{limit} {shown} {total:?}");
        }
    }

    #[test]
    fn the_largest_page_is_found_in_few_requests() {
        for cap in [1, 2, 10, 49, 50, 51, 99, 100, 101, 102, 250, 999] {
            let refusing = |size| if size <= cap { Page::Honoured } else { Page::Refused };
            let (found, asked) = searched(refusing);
            assert_eq!(found, Some((cap, PageSizeAbove::Refused)));
            assert!(asked <= 14, "{cap}: {asked}");
            let cutting = |size| if size <= cap { Page::Honoured } else { Page::Cut(cap) };
            assert_eq!(searched(cutting).0, Some((cap, PageSizeAbove::Cut)));
            let silent = |size| if size <= cap { Page::Honoured } else { Page::CutSilently(cap) };
            assert_eq!(searched(silent).0, Some((cap, PageSizeAbove::CutSilently)));
        }
        for cap in [50, 100] {
            let refusing = |size| if size <= cap { Page::Honoured } else { Page::Refused };
            assert!(searched(refusing).1 <= 9, "{cap}");
        }
        assert_eq!(searched(|_| Page::Honoured).0, None);
        assert_eq!(searched(|_| Page::Refused).0, None);
    }
}
