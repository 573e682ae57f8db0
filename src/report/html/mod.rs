//! A whole ledger as one page that explains itself, for the person who has to answer for a
//! migration and for the one who has to act on it at night. One file, no script, nothing loaded.

mod chart;
mod closing;
mod facts;
mod figures;
mod groups;
mod lanes;
mod scale;
mod verdict;
mod verified;
mod words;
mod writer;

use self::{verdict::PageVerdict, writer::Html};
use super::{LedgerAccount, Verified};
use crate::model::{LocalTime, State};

/// Rows of each reason that are shown.
pub const ROWS_SHOWN: usize = 200;
/// Longest page, in bytes.
pub const LONGEST_PAGE: usize = 2 << 20;
/// Numbers of rows that are tried in turn until the page is short enough.
const FEWER: [usize; 10] = [ROWS_SHOWN, 150, 100, 60, 30, 15, 8, 4, 1, 0];

/// Allows nothing but style in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("style.css");

/// Content of a page.
#[derive(Debug)]
pub struct LedgerPage<'a> {
    /// The ledger.
    pub account: &'a LedgerAccount,
    /// Findings of `verify`, where they were given.
    pub verified: Option<&'a Verified>,
    /// The time at which the page is made.
    pub now: LocalTime,
}

impl LedgerPage<'_> {
    /// Renders the page. If it would be too long, fewer rows of each reason are shown; all are
    /// counted.
    pub fn render(&self) -> String {
        let mut page = Html::default();
        for most in FEWER {
            page = self.with_rows(most);
            if page.len() <= LONGEST_PAGE {
                break;
            }
        }
        page.into_string()
    }

    fn with_rows(&self, most: usize) -> Html {
        let verdict = PageVerdict::of(self.account, self.verified);
        let mut html = Html::default();
        html.raw("<!DOCTYPE html>\n");
        html.tag("html", &[("lang", "en")], |html| {
            html.tag("head", &[], |html| {
                html.void("meta", &[("charset", "utf-8")]);
                html.void(
                    "meta",
                    &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)],
                );
                let viewport = "width=device-width, initial-scale=1";
                html.void("meta", &[("name", "viewport"), ("content", viewport)]);
                html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
                let title = format!("{}: {}", words::host(&self.account.tenant), verdict.state());
                html.leaf("title", &[], title);
                html.tag("style", &[], |html| html.raw(STYLE));
            });
            html.tag("body", &[], |html| {
                html.tag("main", &[("class", verdict.class())], |html| {
                    self.body(html, &verdict, most);
                });
            });
        });
        html.raw("\n");
        html
    }

    fn body(&self, html: &mut Html, verdict: &PageVerdict, most: usize) {
        let Self { account, verified, now } = self;
        verdict.write(account, html);
        facts::identity(account, html);
        figures::write(account, html);
        groups::reasons(account, most, html);
        groups::not_carried(account, most, html);
        groups::in_flight(account, most, html);
        groups::doubts(account, most, html);
        groups::nothing(account, html);
        chart::write(account, html);
        verified::write(*verified, account, most, html);
        facts::runs(account, *now, html);
        closing::proofs(account, html);
        closing::limits(account, *verified, html);
        closing::signatures(html);
        html.tag("footer", &[], |html| {
            html.text(format!(
                "Made by mfaferry {} on {}. This page holds no script and loads nothing. ",
                env!("CARGO_PKG_VERSION"),
                words::time(*now)
            ));
            if account.pseudonyms.is_some() {
                html.text("User ids are hidden behind pseudonyms that only this ledger can make.");
            } else {
                html.text("It names users: keep it as you keep the ledger.");
            }
        });
    }
}

/// Returns the states in the order in which people ask for them.
fn states() -> impl Iterator<Item = State> {
    let own = [State::Replaced, State::Updated, State::Deleted, State::Exported, State::Resolved];
    [State::Created].into_iter().chain(own).chain([
        State::AlreadyPresent,
        State::AlreadyGone,
        State::Undone,
        State::Kept,
        State::NotCarried,
        State::Rejected,
        State::Failed,
        State::NeedsReview,
        State::InFlight,
    ])
}
