//! Users by their e-mail address (auth0-api.md 5). The look-up is immediately consistent and
//! case-sensitive.

use bytes::Bytes;
use reqwest::Method as Verb;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Client, READ_USERS, shape::object};
use crate::{
    api::{Answer, Directory, Verdict},
    model::{Account, Code, UserId},
};

/// Most users with one address: one for each connection. A longer list cannot answer that question.
const MAX_USERS: usize = 500;

impl Directory for Client {
    async fn users_by_email(&self, address: &str) -> Answer<Vec<Account>> {
        let url = self.base.users_by_email(address);
        let read = |status, body: &Bytes| accounts(body).filter(|_| status == 200);
        let answer = self.call(Verb::GET, url, READ_USERS, |_| {}, read).await;
        let status = answer.status;
        answer.map(|verdict| believed(verdict, status))
    }
}

/// Rejects verdicts that this question cannot have. An address that nobody has is answered by an
/// empty list; an answer that says "no such thing" or "exists already" comes from somebody else.
fn believed(verdict: Verdict<Vec<Account>>, status: Option<u16>) -> Verdict<Vec<Account>> {
    match verdict {
        Verdict::Refused(_) if status == Some(404) => Verdict::InDoubt(Code::ForeignAnswer.into()),
        Verdict::Present => Verdict::InDoubt(Code::ForeignAnswer.into()),
        other => other,
    }
}

/// Reads a list of users; `None` if the body is not one.
fn accounts(body: &[u8]) -> Option<Vec<Account>> {
    let list: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let some = list.len() <= MAX_USERS;
    some.then(|| list.into_iter().map(|user| account(user.get())).collect())?
}

fn account(text: &str) -> Option<Account> {
    #[derive(Deserialize)]
    struct User {
        #[serde(rename = "user_id")]
        id: String,
        email: Option<String>,
        identities: Option<Vec<Identity>>,
    }
    #[derive(Deserialize)]
    struct Identity {
        connection: Option<String>,
    }
    let user: User = object(text.as_bytes())?;
    // `provider|id`, in visible characters only: people read the text that an id is put into.
    let is_id = user.id.contains('|')
        && user.id.trim() == user.id
        && !user.id.chars().any(char::is_control);
    let identities = user.identities.unwrap_or_default();
    Some(Account {
        user: UserId::parse(&user.id).filter(|_| is_id)?,
        email: user.email,
        connections: identities.into_iter().filter_map(|identity| identity.connection).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    #[test]
    fn a_list_of_users_is_read_and_nothing_else_is_one() {
        let read = |body: &str| accounts(body.as_bytes());
        assert_eq!(read(" [] "), Some(vec![]));
        let body = r#"[{"user_id": "auth0|1", "email": "a@b.c", "email_verified": false, "new": {},
            "identities": [{"connection": "db", "provider": "auth0"}, {"isSocial": true}]},
            {"user_id": "sms|2"}]"#;
        let found = read(body).unwrap();
        assert_eq!(found[0].connections, ["db"]);
        assert_eq!((found[0].email.as_deref(), found[1].email.as_deref()), (Some("a@b.c"), None));
        assert_eq!(found[1].user.as_str(), "sms|2");
        let many = vec![r#"{"user_id": "auth0|1"}"#; MAX_USERS + 1].join(",");
        for body in [
            "",
            "{}",
            "null",
            "[",
            "[1]",
            "[null]",
            "[[]]",
            "[{}]",
            r#"{"users": []}"#,
            r#"[{"email": "a@b.c"}]"#,
            r#"[{"user_id": 1}]"#,
            r#"[{"user_id": ""}]"#,
            r#"[{"user_id": "1"}]"#,
            r#"[{"user_id": "auth0|\n"}]"#,
            r#"[{"user_id": "auth0|1 "}]"#,
            r#"[{"user_id": "auth0|1", "email": ["a@b.c"]}]"#,
            r#"[{"user_id": "auth0|1", "identities": {}}]"#,
            r#"[{"user_id": "auth0|1"}] []"#,
            &format!("[{many}]"),
        ] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn only_an_empty_list_says_that_nobody_is_there() {
        let refused = |code: Code| Verdict::Refused(code.into());
        for (verdict, status, is_foreign) in [
            (refused(Code::UserNotFound), 404, true),
            (refused(Code::NotFound), 404, true),
            (Verdict::Present, 409, true),
            (refused(Code::InvalidQueryString), 400, false),
            (refused(Code::Forbidden), 403, false),
            (Verdict::InDoubt(Reason::http(500)), 500, false),
        ] {
            let told = format!("{verdict:?}");
            let believed = believed(verdict, Some(status));
            let foreign = matches!(&believed, Verdict::InDoubt(reason) if reason.code() == Code::ForeignAnswer);
            assert_eq!(foreign, is_foreign, "{told}: {believed:?}");
        }
    }

    #[test]
    fn an_address_is_not_shown() {
        let found = accounts(br#"[{"user_id": "auth0|1", "email": "canary@b.c"}]"#);
        assert!(!format!("{found:?}").contains("canary"));
    }
}
