//! Answers as somebody between a run and its tenant changes them
//! ([`Path::Through`](super::Path)).

use serde_json::{Value, json};

use crate::between::{Request, replace, reply};

/// True for four of the first POSTs: what is sent again later goes through, and nobody is struck
/// three times.
fn is_struck(request: &Request) -> bool {
    request.verb == "POST" && [0, 4, 8, 12].contains(&request.nth)
}

/// The tenant executes every request; what it answers to those that are struck is changed.
fn executed(request: &Request, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let answer = request.pass();
    if is_struck(request) { change(answer) } else { answer }
}

/// The tenant never sees those that are struck.
fn not_executed(request: &Request, answer: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    if is_struck(request) { answer() } else { request.pass() }
}

pub(super) fn half_a_header(request: &Request) -> Vec<u8> {
    executed(request, |answer| answer[..30].to_vec())
}

pub(super) fn endless_headers(request: &Request) -> Vec<u8> {
    executed(request, |answer| {
        let endless = format!("\r\n{}date", "x-more: and more\r\n".repeat(60_000));
        replace(&answer, "\r\ndate", &endless)
    })
}

/// Each connection is closed after its first answer, and no header says so.
pub(super) fn closed_without_a_word(request: &Request) -> Vec<u8> {
    replace(&request.pass(), "connection: close\r\n", "")
}

pub(super) fn informational_noise(request: &Request) -> Vec<u8> {
    let noise = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    [&noise[..], &request.pass()].concat()
}

pub(super) fn broken_chunks(request: &Request) -> Vec<u8> {
    let chunks = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnonsense\r\n";
    executed(request, |_| chunks.to_vec())
}

pub(super) fn no_http(request: &Request) -> Vec<u8> {
    executed(request, |_| b"220 smtp.example ESMTP\r\n".to_vec())
}

pub(super) fn reset_long_past(request: &Request) -> Vec<u8> {
    odd_reset(&request.pass(), "1000")
}

pub(super) fn reset_far_ahead(request: &Request) -> Vec<u8> {
    odd_reset(&request.pass(), "99999999999")
}

pub(super) fn reset_in_words(request: &Request) -> Vec<u8> {
    odd_reset(&request.pass(), "tomorrow")
}

/// The answer with that `x-ratelimit-reset`.
fn odd_reset(answer: &[u8], reset: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let lines = text.split("\r\n").map(|line| match line.split_once(": ") {
        Some(("x-ratelimit-reset", _)) => format!("x-ratelimit-reset: {reset}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
}

pub(super) fn status_504_unexecuted(request: &Request) -> Vec<u8> {
    not_executed(request, || reply("504 Gateway Timeout", "", "<html>"))
}

pub(super) fn status_504_executed(request: &Request) -> Vec<u8> {
    executed(request, |_| reply("504 Gateway Timeout", "", "<html>"))
}

/// 404 for everything but tokens, and not Auth0's.
pub(super) fn status_404_of_another(request: &Request) -> Vec<u8> {
    if request.verb == "TOKEN" { request.pass() } else { reply("404 Not Found", "", "<html>") }
}

/// Executed, and repeated by somebody on his own: the tenant says 409 the second time.
pub(super) fn repeated(request: &Request) -> Vec<u8> {
    executed(request, |_| request.pass())
}

pub(super) fn captive_portal(request: &Request) -> Vec<u8> {
    let page = "<html>Sign in</html>";
    not_executed(request, || reply("200 OK", "content-type: text/html\r\n", page))
}

pub(super) fn status_202_executed(request: &Request) -> Vec<u8> {
    executed(request, |_| reply("202 Accepted", "", ""))
}

pub(super) fn stale_once(request: &Request) -> Vec<u8> {
    lists(request, 1, |list| {
        list["authenticators"] = json!([]);
        list["total"] = json!(0);
    })
}

pub(super) fn an_item_twice(request: &Request) -> Vec<u8> {
    lists(request, 2, |list| {
        let twice = [items(list), items(list)].concat();
        list["total"] = json!(twice.len());
        list["authenticators"] = json!(twice);
    })
}

pub(super) fn a_page_is_missing(request: &Request) -> Vec<u8> {
    lists(request, 2, |list| list["authenticators"] = json!([]))
}

pub(super) fn endless_pages(request: &Request) -> Vec<u8> {
    if request.verb != "GET" || request.nth >= 1 {
        return request.pass();
    }
    let first = format!("{}?page=0", request.path.split('?').next().unwrap());
    let page = request.ask("GET", &first, "", b"");
    let at = page.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let list: Value = serde_json::from_slice(&page[at..]).unwrap();
    let endless = json!({"total": 1_000_000, "authenticators": list});
    reply("200 OK", "content-type: application/json\r\n", &endless.to_string())
}

/// An item without a name, and of a type that nobody knows.
pub(super) fn an_unknown_type(request: &Request) -> Vec<u8> {
    lists(request, usize::MAX, |list| {
        let mut all = items(list);
        all.push(
            json!({"id": "new|1", "type": "telepathy", "created_at": "2030-01-01T00:00:00.000Z"}),
        );
        list["total"] = json!(all.len());
        list["authenticators"] = json!(all);
    })
}

pub(super) fn no_list_in_it(request: &Request) -> Vec<u8> {
    lists(request, 2, |list| *list = json!({"error": "?"}))
}

pub(super) fn an_array(request: &Request) -> Vec<u8> {
    lists(request, usize::MAX, |list| *list = json!(items(list)))
}

pub(super) fn no_total(request: &Request) -> Vec<u8> {
    lists(request, usize::MAX, |list| drop(list.as_object_mut().unwrap().remove("total")))
}

/// The user deletes the factor in doubt before it is looked up.
pub(super) fn deletes_it(request: &Request) -> Vec<u8> {
    if request.verb == "GET" && request.nth == 0 {
        request.ask("DELETE", request.path.split('?').next().unwrap(), "", b"");
    }
    request.pass()
}

/// The user enrols one that looks the same before it is looked up.
pub(super) fn enrols_a_twin(request: &Request) -> Vec<u8> {
    if request.verb == "GET" && request.nth == 0 {
        let body = br#"{"type":"phone","phone_number":"+442075000000"}"#;
        let path = request.path.split('?').next().unwrap();
        request.ask("POST", path, "application/json", body);
    }
    request.pass()
}

/// The user has renamed the factor in doubt.
pub(super) fn renames_it(request: &Request) -> Vec<u8> {
    lists(request, usize::MAX, |list| {
        for item in list["authenticators"].as_array_mut().unwrap() {
            item["name"] = json!("Mine");
        }
    })
}

/// The tenant's answers, of which the first lists are changed.
fn lists(request: &Request, first: usize, change: impl Fn(&mut Value)) -> Vec<u8> {
    if request.verb != "GET" || request.nth >= first {
        return request.pass();
    }
    request.with_body(|mut list| {
        change(&mut list);
        list
    })
}

fn items(list: &Value) -> Vec<Value> {
    list["authenticators"].as_array().unwrap().clone()
}
