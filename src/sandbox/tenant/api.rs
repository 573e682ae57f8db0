//! One request to its end, without HTTP: token, scope, path and body, then the tenant.

use hyper::StatusCode;

use super::{
    Refusal, Tenant,
    body::RequestBody,
    method::Method,
    setup::Setup,
    token::Tokens,
    users,
    view::{Masking, Shown, list, view},
    wire,
};
use crate::sandbox::{
    answer::{self, Answer},
    call::{Call, Route, Target, Verb},
    clock::Clock,
    settings::Settings,
};

/// The tenant behind its API.
#[derive(Debug)]
pub(in crate::sandbox) struct Api {
    tenant: Tenant,
    tokens: Tokens,
    scopes: Vec<String>,
    masking: Masking,
    setup: Setup,
    clock: Clock,
}

impl Api {
    pub(in crate::sandbox) fn new(settings: &Settings) -> Self {
        Self {
            tenant: Tenant::new(
                settings.users.clone(),
                settings.cap_per_user,
                settings.conflict.clone(),
                settings.seed,
            )
            .used(settings.used_share),
            tokens: Tokens::new(settings),
            scopes: settings.scopes.clone(),
            masking: if settings.masking { Masking::On } else { Masking::Off },
            setup: Setup::new(settings),
            clock: Clock::new(settings.clock_skew_s),
        }
    }

    pub(in crate::sandbox) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(in crate::sandbox) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(in crate::sandbox) fn seed(&self, user_id: &str, methods: Vec<Method>) {
        self.tenant.seed(user_id, methods, self.clock.timestamp());
    }

    /// Executes a request, whatever becomes of the answer.
    pub(in crate::sandbox) fn execute(&self, call: &Call) -> Answer {
        match &call.route {
            Route::Operation(verb, target) => {
                self.refuse(*verb, call).unwrap_or_else(|| self.operate(*verb, target, call))
            }
            Route::BadId(verb, property) => {
                self.refuse(*verb, call).unwrap_or_else(|| answer::invalid_uri(property))
            }
            Route::UsersByEmail => self
                .refuse_without("read:users", call)
                .unwrap_or_else(|| self.look_up(call.query.as_deref().unwrap_or_default())),
            Route::Question(question) => {
                self.refuse_without(question.scope(), call).unwrap_or_else(|| {
                    self.setup.answer(*question, call.query.as_deref().unwrap_or_default())
                })
            }
            Route::Token => {
                let now = self.clock.elapsed();
                self.tokens.issue(call, now, self.clock.unix(now))
            }
            Route::UnknownApi | Route::Unknown | Route::Stats | Route::State => answer::not_found(),
        }
    }

    /// Token and scope, which come before the request itself is looked at.
    fn refuse(&self, verb: Verb, call: &Call) -> Option<Answer> {
        let scope = match verb {
            Verb::Post => "create:authentication_methods",
            Verb::Get => "read:authentication_methods",
            Verb::Put | Verb::Patch => "update:authentication_methods",
            Verb::Delete => "delete:authentication_methods",
            Verb::Token => return None,
        };
        self.refuse_without(scope, call)
    }

    fn refuse_without(&self, scope: &'static str, call: &Call) -> Option<Answer> {
        if let Some(refused) = self.tokens.refuse(call.authorization(), self.clock.elapsed()) {
            return Some(refused);
        }
        let granted = self.scopes.iter().any(|granted| granted == scope);
        (!granted).then(|| answer::insufficient_scope(scope))
    }

    fn operate(&self, verb: Verb, target: &Target, call: &Call) -> Answer {
        let user = target.user_id.as_str();
        match (verb, target.method_id.as_deref()) {
            (Verb::Post, _) => with_body(call, |body| self.create(user, body)),
            (Verb::Put, _) => with_body(call, |body| self.replace(user, body)),
            (Verb::Patch, one) => {
                with_body(call, |body| self.update(user, one.unwrap_or_default(), body))
            }
            (Verb::Get, None) => self.list(user, call),
            (Verb::Get, Some(one)) => {
                self.show(self.tenant.get(user, one), StatusCode::OK, Shown::Got)
            }
            (Verb::Token, _) => answer::not_found(),
            (Verb::Delete, None) => gone(self.tenant.clear(user)),
            (Verb::Delete, Some(one)) => gone(self.tenant.delete(user, one)),
        }
    }

    fn create(&self, user: &str, body: RequestBody<'_>) -> Answer {
        match wire::create(body) {
            Ok(draft) => {
                let created = self.tenant.create(user, draft, self.clock.timestamp());
                self.show(created, StatusCode::CREATED, Shown::Created)
            }
            Err(message) => answer::invalid_body(&message),
        }
    }

    fn replace(&self, user: &str, body: RequestBody<'_>) -> Answer {
        let drafts = match wire::replace(body) {
            Ok(drafts) => drafts,
            Err(message) => return answer::invalid_body(&message),
        };
        match self.tenant.replace(user, drafts, self.clock.timestamp()) {
            Ok(methods) => {
                let views: Vec<_> =
                    methods.iter().map(|method| view(method, Shown::Set, self.masking)).collect();
                Answer::json(StatusCode::OK, &views)
            }
            Err(refusal) => refused(refusal),
        }
    }

    fn update(&self, user: &str, one: &str, body: RequestBody<'_>) -> Answer {
        match wire::update(body) {
            Ok(update) => {
                self.show(self.tenant.update(user, one, update), StatusCode::OK, Shown::Updated)
            }
            Err(message) => answer::invalid_body(&message),
        }
    }

    fn list(&self, user: &str, call: &Call) -> Answer {
        let page = match wire::page(call.query.as_deref().unwrap_or_default()) {
            Ok(page) => page,
            Err(message) => return answer::invalid_query(&message),
        };
        self.tenant
            .list(user, |methods| Answer::json(StatusCode::OK, &list(methods, page, self.masking)))
            .unwrap_or_else(refused)
    }

    fn look_up(&self, query: &str) -> Answer {
        match users::look_up(query) {
            Ok(asked) => Answer::json(StatusCode::OK, &asked.view(self.tenant.at(&asked.email))),
            Err(message) => answer::invalid_query(&message),
        }
    }

    fn show(&self, result: Result<Method, Refusal>, status: StatusCode, shown: Shown) -> Answer {
        match result {
            Ok(method) => Answer::json(status, &view(&method, shown, self.masking)),
            Err(refusal) => refused(refusal),
        }
    }
}

/// Hands the body to `answer`, if its media type is one that the API declares.
fn with_body(call: &Call, answer: impl FnOnce(RequestBody<'_>) -> Answer) -> Answer {
    RequestBody::of(call).map_or_else(answer::unsupported_media_type, answer)
}

fn gone(result: Result<(), Refusal>) -> Answer {
    match result {
        Ok(()) => Answer::empty(StatusCode::NO_CONTENT),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::NoUser => answer::no_user(),
        Refusal::NoMethod => answer::no_method(),
        Refusal::Cap => answer::cap_reached(),
        Refusal::Conflict => answer::exists_already(),
        Refusal::Passkey => answer::passkey_user(),
        Refusal::NotUpdatable(kind) => answer::not_updatable(kind.as_str()),
        Refusal::NotAPhone => answer::invalid_body(&wire::not_a_phone()),
    }
}
