//! Describes answers that come from something in the tenant's place.
//!
//! A gateway's page may quote what was sent, so only a little of it is shown, and no word that
//! could be a number, an address or a secret.

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;

use super::transport::AnswerHead;
use crate::text::escape;

/// Most characters shown of an answer.
const CHARACTERS_SHOWN: usize = 60;
/// Longest word shown.
const LONGEST_WORD: usize = 15;
/// Most digits in a shown word: more could be a number or a code.
const MAX_DIGITS: usize = 4;
/// Number of bytes of an answer that are searched for visible text.
const SEARCHED: usize = 8 * 1024;

/// Describes an answer: its status, its content type, and its first words.
pub(super) fn show(status: u16, head: &AnswerHead, body: Option<&Bytes>) -> String {
    let media = head.text(&CONTENT_TYPE).unwrap_or_default();
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

/// Returns the first visible words, except those that could repeat what was sent.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..SEARCHED).unwrap_or(body)).into_owned();
    let text = title(&text).map_or_else(|| without_tags(&text), |title| without_tags(&title));
    let mut shown = String::new();
    for word in text.split_whitespace() {
        let word = if is_harmless(word) { word } else { "…" };
        if shown.chars().count() + word.chars().count() >= CHARACTERS_SHOWN {
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
        // An address or a number may also be written in the escapes of HTML or of a URL.
        && !word.contains(['@', '%', '&'])
        && word.chars().filter(|character| character.is_numeric()).count() <= MAX_DIGITS
}

/// Returns the content of `<title>`.
fn title(text: &str) -> Option<String> {
    // Lower case has the same length, so positions are the same.
    let lower = text.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let begin = open + lower.get(open..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find("</title").unwrap_or(lower.len() - begin);
    text.get(begin..end).filter(|title| !title.trim().is_empty()).map(Into::into)
}

/// Returns the text between tags, without scripts and styles.
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
        let headers = media.map(|media| (CONTENT_TYPE, media.parse().unwrap()));
        let head = AnswerHead { headers: headers.into_iter().collect(), date: None };
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
        assert_eq!(show(200, &AnswerHead::default(), None), "200 (no content type, no text)");
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
}
