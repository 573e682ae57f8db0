//! Views of a method: the response shapes of auth0-api.md 1.3 to 1.5.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    mask,
    method::{Channel, Credential, Kind, Method},
    wire::Page,
};

/// Answer in which a method is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Shown {
    /// The 201 of POST.
    Created,
    /// The list PUT answers with, never masked as recorded.
    Set,
    /// The 200 of PATCH.
    Updated,
    /// A GET.
    Got,
}

/// Masking of numbers and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Masking {
    On,
    Off,
}

impl Masking {
    pub(in crate::sandbox) fn of(is_on: bool) -> Self {
        if is_on { Self::On } else { Self::Off }
    }
}

/// A method as JSON. There is no `totp_secret`: no answer has ever shown it.
#[derive(Debug, Serialize)]
pub(in crate::sandbox) struct View<'a> {
    id: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_auth_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_authentication_method: Option<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_methods: Option<[Nested; 1]>,
    #[serde(flatten)]
    credential: Option<Cow<'a, Credential>>,
}

#[derive(Debug, Serialize)]
struct Nested {
    id: String,
    r#type: &'static str,
}

pub(in crate::sandbox) fn view(method: &Method, shown: Shown, masking: Masking) -> View<'_> {
    let masks = masking == Masking::On && shown != Shown::Set;
    let value = method.value.as_str();
    let hidden = |hide: fn(&str) -> String| -> Cow<'_, str> {
        if masks { hide(value).into() } else { value.into() }
    };
    let (mut phone_number, mut email, mut key_id) = (None, None, None);
    match method.kind {
        Kind::Phone => phone_number = Some(hidden(mask::phone)),
        Kind::Email | Kind::EmailVerification => email = Some(hidden(mask::email)),
        Kind::WebauthnRoaming | Kind::WebauthnPlatform | Kind::Passkey => key_id = Some(value),
        Kind::Totp | Kind::Push | Kind::Guardian | Kind::RecoveryCode | Kind::Password => {}
    }
    View {
        id: &method.id,
        r#type: method.kind.as_str(),
        confirmed: (shown == Shown::Got).then_some(method.confirmed),
        name: method.name.as_deref(),
        phone_number,
        email,
        key_id,
        created_at: format!("{:.3}", method.created_at),
        last_auth_at: method
            .last_auth_at
            .filter(|_| shown == Shown::Got)
            .map(|at| format!("{at:.3}")),
        preferred_authentication_method: method.preferred,
        authentication_methods: nested(method, shown).map(|nested| [nested]),
        credential: method
            .credential
            .as_deref()
            .map(|credential| credential_view(credential, shown)),
    }
}

/// The part that the user sees, with the suffix of the whole. PUT and GET were recorded without it
/// for TOTP; POST is documented with it.
fn nested(method: &Method, shown: Shown) -> Option<Nested> {
    let r#type = match (method.kind, method.preferred) {
        (Kind::Phone, None | Some(Channel::Sms)) => "sms",
        (Kind::Phone, Some(Channel::Voice)) => "voice",
        (Kind::Totp, _) if shown == Shown::Created => "totp",
        _ => return None,
    };
    let (_, suffix) = method.id.split_once('|')?;
    Some(Nested { id: format!("{type}|{suffix}"), r#type })
}

/// PATCH's answer cannot represent most of a passkey.
fn credential_view(credential: &Credential, shown: Shown) -> Cow<'_, Credential> {
    match shown {
        Shown::Created | Shown::Got | Shown::Set => Cow::Borrowed(credential),
        Shown::Updated => Cow::Owned(Credential {
            public_key: credential.public_key.clone(),
            relying_party_identifier: credential.relying_party_identifier.clone(),
            aaguid: credential.aaguid.clone(),
            ..Credential::default()
        }),
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::sandbox) enum List<'a> {
    Bare(Vec<View<'a>>),
    Counted {
        authenticators: Vec<View<'a>>,
        /// Absent when it is zero, as recorded.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<usize>,
        start: usize,
        limit: usize,
    },
}

pub(in crate::sandbox) fn list(methods: &[Method], page: Page, masking: Masking) -> List<'_> {
    let start = page.index.saturating_mul(page.size);
    let wanted = methods.iter().skip(start).take(page.size);
    let authenticators = wanted.map(|method| view(method, Shown::Got, masking)).collect();
    if page.totals {
        let total = Some(methods.len()).filter(|total| *total > 0);
        List::Counted { authenticators, total, start, limit: page.limit }
    } else {
        List::Bare(authenticators)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn phone() -> Method {
        Method {
            id: "phone|dev_kXVq4drj3Mw6uCF5".into(),
            preferred: Some(Channel::Sms),
            created_at: "2023-03-10T16:25:52.099Z".parse().unwrap(),
            ..Method::new(Kind::Phone, "+44207183875044").named("MyPhone")
        }
    }

    fn shown(method: &Method, shown: Shown) -> Value {
        serde_json::to_value(view(method, shown, Masking::On)).unwrap()
    }

    #[test]
    fn phone_is_shown_as_recorded() {
        let put = json!({"id": "phone|dev_kXVq4drj3Mw6uCF5", "type": "phone", "name": "MyPhone",
            "phone_number": "+44207183875044", "created_at": "2023-03-10T16:25:52.099Z",
            "preferred_authentication_method": "sms",
            "authentication_methods": [{"id": "sms|dev_kXVq4drj3Mw6uCF5", "type": "sms"}]});
        assert_eq!(shown(&phone(), Shown::Set), put);
        let mut got = put;
        got["confirmed"] = true.into();
        got["phone_number"] = "XXXXXXXXXXX5044".into();
        assert_eq!(shown(&phone(), Shown::Got), got);
    }

    #[test]
    fn totp_secret_is_never_shown() {
        let totp = Method { id: "totp|dev_1".into(), ..Method::new(Kind::Totp, "JBSWY3DP") };
        for how in [Shown::Created, Shown::Set, Shown::Updated, Shown::Got] {
            assert!(!shown(&totp, how).to_string().contains("JBSWY3DP"));
        }
        assert_eq!(shown(&totp, Shown::Created)["authentication_methods"][0]["id"], "totp|dev_1");
    }

    #[test]
    fn empty_list_has_no_total() {
        let page = |index, size| Page { index, size, limit: size, totals: true };
        let empty = serde_json::to_value(list(&[], page(0, 50), Masking::On)).unwrap();
        assert_eq!(empty, json!({"authenticators": [], "start": 0, "limit": 50}));
        let methods = [phone(), phone(), phone()];
        let second = serde_json::to_value(list(&methods, page(1, 2), Masking::On)).unwrap();
        assert_eq!((&second["total"], &second["start"]), (&json!(3), &json!(2)));
        assert_eq!(second["authenticators"].as_array().unwrap().len(), 1);
    }
}
