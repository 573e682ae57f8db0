//! What answers in the tenant's place: what it shows of itself, and when a run gives up on it.
//!
//! A page of a gateway may quote what was sent, so that little of it is shown, and no word that
//! could be a number, an address or a secret.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::transport::Head;
use crate::{error::Error, text::escape};

/// So many foreign answers in a row, from the start, are no stray page any more.
const STRANGE: u32 = 3;
/// Characters that are shown of an answer.
const SHOWN: usize = 60;
/// Longer words are not shown.
const LONGEST_WORD: usize = 15;
/// So many digits could be a number or a code.
const MOST_DIGITS: usize = 4;
/// Further than this into an answer its visible text is not looked for.
const SEARCHED: usize = 8 * 1024;

/// What a request is, as far as something in between treats it by that: a firewall that turns
/// writes away may well let reads pass, from which nothing follows for writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Asks.
    Read = 0,
    /// Changes something.
    Write = 1,
}

/// Who has answered so far.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Whether the tenant itself has ever answered, by [`Side`].
    known: [bool; 2],
    /// Foreign answers in a row, by [`Side`].
    strange: [u32; 2],
    /// What the last of them showed, while the tenant has not answered since.
    last: Option<String>,
    /// What was last told in the log.
    told: Option<String>,
}

impl Watch {
    /// Takes in an answer of the tenant's own.
    pub(super) fn met(&self, side: Side) {
        let mut seen = self.seen();
        seen.known[side as usize] = true;
        // Who changes something for us would answer questions.
        seen.known[Side::Read as usize] = true;
        seen.strange[side as usize] = 0;
        if seen.strange == [0, 0] {
            seen.last = None;
        }
    }

    /// Takes in a foreign answer. An error when nothing else has come since the start.
    pub(super) fn met_stranger(&self, side: Side, shown: String) -> Result<(), Error> {
        let mut seen = self.seen();
        seen.strange[side as usize] += 1;
        let count = seen.strange[side as usize];
        if seen.told.as_ref() == Some(&shown) {
            tracing::debug!("something else answers in the tenant's place: {shown}");
        } else {
            tracing::warn!("something else answers in the tenant's place: {shown}");
            seen.told = Some(shown.clone());
        }
        let error = || {
            Error::refused(
                "not_the_tenant",
                format!("something else answers in the tenant's place: {shown}"),
                "a firewall, a proxy, a login page or another server: check --domain or \
                 --base-url, and what stands between here and the Management API; then run the \
                 same command again",
            )
        };
        let strange = count >= STRANGE && !seen.known[side as usize];
        let outcome = if strange { Err(error()) } else { Ok(()) };
        seen.last = Some(shown);
        outcome
    }

    /// What the last foreign answer showed, if the tenant itself has not answered since.
    pub(super) fn last(&self) -> Option<String> {
        self.seen().last.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Plain values: still usable after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says what answered: its status, what its body is said to be, and its first words.
pub(super) fn show(status: u16, head: &Head, body: Option<&Bytes>) -> String {
    let media = head.media.as_ref().and_then(|media| media.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/+.-".contains(&byte);
    let media = match media {
        "" => "no content type",
        media if media.len() <= 40 && media.bytes().all(is_name) => media,
        _ => "an odd content type",
    };
    let words = body.map(|body| words(body)).unwrap_or_default();
    let redirect = if (300..400).contains(&status) { ", a redirect, never followed" } else { "" };
    if words.is_empty() {
        format!("{status}{redirect} ({media}, no text)")
    } else {
        format!("{status}{redirect} ({media}): \"{words}\"")
    }
}

/// The first words that a reader would see, without those that could be what was sent.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..SEARCHED).unwrap_or(body)).into_owned();
    let text = title(&text).map_or_else(|| without_tags(&text), |title| without_tags(&title));
    let mut shown = String::new();
    for word in text.split_whitespace() {
        let word = if is_harmless(word) { word } else { "…" };
        if shown.chars().count() + word.chars().count() >= SHOWN {
            shown.push('…');
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
    }
    escape(&shown)
}

fn is_harmless(word: &str) -> bool {
    word.chars().count() <= LONGEST_WORD
        // An address or a number may also be written in the codes of HTML or of a URL.
        && !word.contains(['@', '%', '&'])
        && word.chars().filter(|character| character.is_numeric()).count() <= MOST_DIGITS
}

/// What stands in `<title>`.
fn title(text: &str) -> Option<String> {
    // Of the same length, so that places are the same.
    let lower = text.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let begin = open + lower.get(open..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find("</title").unwrap_or(lower.len() - begin);
    text.get(begin..end).filter(|title| !title.trim().is_empty()).map(Into::into)
}

/// The text between tags, and none of scripts and styles.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('<');
    plain.push_str(pieces.next().unwrap_or_default());
    let mut hidden = false;
    for piece in pieces {
        let name: String =
            piece.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        let opens = ["script", "style"].iter().any(|tag| name.eq_ignore_ascii_case(tag));
        let closes = piece.starts_with('/');
        hidden = opens || (hidden && !closes);
        plain.push(' ');
        if let Some((_, after)) = piece.split_once('>').filter(|_| !hidden) {
            plain.push_str(after);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: u16, media: Option<&'static str>, body: &str) -> String {
        let head = Head { media: media.map(|media| media.parse().unwrap()), date: None };
        show(status, &head, Some(&Bytes::copy_from_slice(body.as_bytes())))
    }

    #[test]
    fn what_answered_is_said_with_its_first_words() {
        let html = Some("text/html; charset=UTF-8");
        for (status, media, body, expected) in [
            (
                403,
                html,
                "<!DOCTYPE html><html><head><TITLE lang=en>Attention Required!\n | Cloudflare</TITLE>",
                "403 (text/html): \"Attention Required! | Cloudflare\"",
            ),
            (
                409,
                html,
                "<html><style>p {color: red}</style><script>var a;</script><p>error code: 1001</p>",
                "409 (text/html): \"error code: 1001\"",
            ),
            (409, Some("text/plain"), "error code: 1001", "409 (text/plain): \"error code: 1001\""),
            (
                404,
                Some("application/json"),
                r#"{"message":"no Route matched with those values"}"#,
                "404 (application/json): \"{\"message\":\"no Route matched with those values\"}\"",
            ),
            (200, None, "", "200 (no content type, no text)"),
            (204, Some("a b\tc"), "", "204 (an odd content type, no text)"),
            (302, None, "", "302, a redirect, never followed (no content type, no text)"),
        ] {
            assert_eq!(shown(status, media, body), expected);
        }
        let long = shown(200, None, &"word ".repeat(4000));
        assert!(long.chars().count() < 100 && long.ends_with("…\""), "{long}");
        assert_eq!(show(200, &Head::default(), None), "200 (no content type, no text)");
    }

    #[test]
    fn no_word_that_could_have_been_sent_is_shown_and_nothing_reaches_the_terminal() {
        for canary in [
            "+14155550100",
            "14155",
            "a@b.c",
            "a%40b.c",
            "a&#64;b.c",
            "JBSWY3DPEHPK3PXP",
            "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
            "٠١٢٣٤",
        ] {
            for page in ["{\"sent\": \"CANARY\"}", "<title>CANARY</title>", "it was CANARY ."] {
                let shown = shown(403, None, &page.replace("CANARY", canary));
                assert!(!shown.contains(canary) && shown.contains('…'), "{shown}");
            }
        }
        let shown = shown(403, None, "<title>\u{1b}]0;x\u{7}\u{202e}</title>");
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
    }

    #[test]
    fn a_run_stops_when_strangers_answer_three_times_from_the_start_and_not_later() {
        let (stranger, known) = (Watch::default(), Watch::default());
        for watch in [&stranger, &known] {
            for _ in 1..STRANGE {
                assert!(watch.met_stranger(Side::Write, "a page".into()).is_ok());
            }
        }
        // That reads are answered is no excuse for writes.
        stranger.met(Side::Read);
        let stopped = stranger.met_stranger(Side::Write, "a page".into()).unwrap_err();
        assert_eq!(stopped.exit(), crate::error::Exit::Config);
        assert!(stopped.to_string().ends_with("place: a page"), "{stopped}");
        known.met(Side::Write);
        for side in [Side::Write, Side::Read] {
            for _ in 0..50 {
                assert!(known.met_stranger(side, "a page".into()).is_ok());
            }
        }
        assert_eq!(known.last().as_deref(), Some("a page"));
        known.met(Side::Write);
        known.met(Side::Read);
        assert_eq!(known.last(), None);
    }
}
