//! Question: how large may a page be, by the answers' own `limit`? So few methods as a probe makes show no
//! page that is cut without a word.

use super::{
    super::asker::{Asker, Unanswered},
    is_invalid,
};
use crate::{
    api::{RawApi, RawRequest, RawVerb},
    model::{PageSizeAbove, TenantFacts},
};

/// Sizes that are asked for first: the caps that are documented, and what is above them.
const FIRST: [u32; 3] = [101, 100, 50];
/// No larger page is asked for.
const LARGEST: u32 = 1_000;

/// Treatment of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Honoured,
    Cut(u32),
    Refused,
}

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let mut search = Search::default();
    while let Some(size) = search.next() {
        let page = page(asker, size).await?;
        search.take(size, page);
    }
    match search.found() {
        None if search.refused == 1 => Err(Unanswered::Unclear("every size is refused".into())),
        None => Ok(format!("{LARGEST}, and maybe more")),
        Some((cap, above)) => {
            facts.page_size_cap = Some(cap);
            facts.page_size_above = Some(above);
            let above = match above {
                PageSizeAbove::Refused => "more is refused",
                PageSizeAbove::Cut => "more is cut to that",
            };
            Ok(format!("{cap}; {above}"))
        }
    }
}

async fn page<A: RawApi>(asker: &mut Asker<A>, size: u32) -> Result<Page, Unanswered> {
    let user = asker.user.clone();
    let query = format!("page=0&per_page={size}&include_totals=true");
    let request = RawRequest { query: Some(&query), ..RawRequest::all(RawVerb::Get, &user) };
    let told = asker.send(&format!("GET list, per_page={size}"), request).await?;
    if is_invalid(&told) {
        return Ok(Page::Refused);
    }
    if told.status != 200 {
        return Err(Unanswered::Unclear(format!("per_page={size} got {}", told.short())));
    }
    let limit = told.body["limit"].as_u64().and_then(|limit| u32::try_from(limit).ok());
    match limit {
        Some(limit) if limit < size => Ok(Page::Cut(limit)),
        Some(_) => Ok(Page::Honoured),
        None => Err(Unanswered::Unclear("the list does not say how large its pages are".into())),
    }
}

/// Search for the largest size that is honoured.
#[derive(Debug)]
struct Search {
    honoured: u32,
    /// Smallest size that is known to be refused.
    refused: u32,
    cut: Option<u32>,
    first: std::slice::Iter<'static, u32>,
}

impl Default for Search {
    fn default() -> Self {
        Self { honoured: 0, refused: LARGEST + 1, cut: None, first: FIRST.iter() }
    }
}

impl Search {
    /// Returns the size to ask for next.
    fn next(&mut self) -> Option<u32> {
        if self.cut.is_some() || self.honoured + 1 >= self.refused {
            return None;
        }
        let between = self.honoured + 1..self.refused;
        if let Some(size) = self.first.by_ref().find(|size| between.contains(size)) {
            return Some(*size);
        }
        // The largest of all is the next likely answer.
        let is_open = self.refused > LARGEST;
        Some(if is_open { LARGEST } else { u32::midpoint(self.honoured, self.refused) })
    }

    fn take(&mut self, size: u32, page: Page) {
        match page {
            Page::Honoured => self.honoured = self.honoured.max(size),
            Page::Cut(limit) => self.cut = Some(limit),
            Page::Refused => self.refused = self.refused.min(size),
        }
    }

    fn found(&self) -> Option<(u32, PageSizeAbove)> {
        match self.cut {
            Some(limit) => Some((limit, PageSizeAbove::Cut)),
            None if self.honoured == 0 || self.refused > LARGEST => None,
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
    fn the_largest_page_is_found_in_few_requests() {
        for cap in [1, 2, 10, 49, 50, 51, 99, 100, 101, 102, 250, 999] {
            let refusing = |size| if size <= cap { Page::Honoured } else { Page::Refused };
            let (found, asked) = searched(refusing);
            assert_eq!(found, Some((cap, PageSizeAbove::Refused)));
            assert!(asked <= 14, "{cap}: {asked}");
            let cutting = |size| if size <= cap { Page::Honoured } else { Page::Cut(cap) };
            assert_eq!(searched(cutting).0, Some((cap, PageSizeAbove::Cut)));
        }
        for cap in [50, 100] {
            let refusing = |size| if size <= cap { Page::Honoured } else { Page::Refused };
            assert!(searched(refusing).1 <= 9, "{cap}");
        }
        assert_eq!(searched(|_| Page::Honoured).0, None);
        assert_eq!(searched(|_| Page::Refused).0, None);
    }
}
