//! Handles one request completely, without HTTP: token, scope, path and body, then the tenant.

use hyper::StatusCode;
use jiff::SignedDuration;

use super::{
    Refusal, Tenant,
    body::RequestBody,
    method::Method,
    post_rules::PostRules,
    setup::TenantSetup,
    token::Tokens,
    users,
    view::{Masking, Shown, list, view},
    wire::{self, PageRules},
};
use crate::{
    model::CapRefusal,
    sandbox::{
        answer::{self, Answer},
        call::{Call, CallTarget, Route, Verb},
        clock::Clock,
        settings::Settings,
    },
};

/// The tenant behind its API.
#[derive(Debug)]
pub(in crate::sandbox) struct Api {
    tenant: Tenant,
    tokens: Tokens,
    scopes: Vec<String>,
    masking: Masking,
    masking_of_one: Masking,
    post_rules: PostRules,
    page_rules: PageRules,
    cap_refusal: CapRefusal,
    put_unknown_user: u16,
    delete_unknown_user: u16,
    read_delay: SignedDuration,
    list_delay: SignedDuration,
    setup: TenantSetup,
    clock: Clock,
}

impl Api {
    pub(in crate::sandbox) fn new(settings: &Settings) -> Self {
        Self {
            tenant: Tenant::new(settings),
            tokens: Tokens::new(settings),
            scopes: settings.scopes.clone(),
            masking: Masking::of(settings.masking),
            masking_of_one: Masking::of(settings.masking_of_one.unwrap_or(settings.masking)),
            post_rules: PostRules::new(settings),
            page_rules: PageRules {
                cap: settings.page_size_cap as usize,
                above: settings.page_size_above,
            },
            cap_refusal: settings.cap_refusal.clone(),
            put_unknown_user: settings.put_unknown_user,
            delete_unknown_user: settings.delete_unknown_user,
            read_delay: millis(settings.read_delay_ms),
            list_delay: millis(settings.list_delay_ms),
            setup: TenantSetup::new(settings),
            clock: Clock::new(settings.clock_skew_s),
        }
    }

    pub(in crate::sandbox) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(in crate::sandbox) fn post_rules(&self) -> &PostRules {
        &self.post_rules
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

    /// Checks token and scope, before the request itself is examined.
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

    fn operate(&self, verb: Verb, target: &CallTarget, call: &Call) -> Answer {
        let user = target.user_id.as_str();
        match (verb, target.method_id.as_deref()) {
            (Verb::Post, _) => with_body(call, |body| self.create(user, body)),
            (Verb::Put, _) => with_body(call, |body| self.replace(user, body)),
            (Verb::Patch, one) => {
                with_body(call, |body| self.update(user, one.unwrap_or_default(), body))
            }
            (Verb::Get, None) => self.list(user, call),
            (Verb::Get, Some(one)) => self.get(user, one),
            (Verb::Token, _) => answer::not_found(),
            (Verb::Delete, None) => match self.tenant.clear(user) {
                Err(Refusal::NoUser) => answer::unknown_user(self.delete_unknown_user),
                cleared => self.gone(cleared),
            },
            (Verb::Delete, Some(one)) => self.gone(self.tenant.delete(user, one)),
        }
    }

    fn create(&self, user: &str, body: RequestBody<'_>) -> Answer {
        match wire::create(body, &self.post_rules) {
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
            Err(Refusal::NoUser) => answer::unknown_user(self.put_unknown_user),
            Err(refusal) => self.refused(refusal),
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
        let query = call.query.as_deref().unwrap_or_default();
        let page = match wire::page(query, self.page_rules) {
            Ok(page) => page,
            Err(message) => return answer::invalid_query(&message),
        };
        let is_new = |method: &Method| self.is_new(method, self.list_delay);
        let answer = |methods: &[Method]| {
            // A list nearly always shows all methods.
            if methods.iter().any(is_new) {
                let seen = methods.iter().filter(|method| !is_new(method)).cloned();
                let seen: Vec<_> = seen.collect();
                return Answer::json(StatusCode::OK, &list(&seen, page, self.masking));
            }
            Answer::json(StatusCode::OK, &list(methods, page, self.masking))
        };
        self.tenant.list(user, answer).unwrap_or_else(|refusal| self.refused(refusal))
    }

    fn get(&self, user: &str, one: &str) -> Answer {
        match self.tenant.get(user, one) {
            Ok(method) if self.is_new(&method, self.read_delay) => answer::no_method(),
            Ok(method) => {
                Answer::json(StatusCode::OK, &view(&method, Shown::Got, self.masking_of_one))
            }
            Err(refusal) => self.refused(refusal),
        }
    }

    /// Returns true if a method was created less than `delay` ago, or may have been: both moments
    /// are cut down to milliseconds.
    fn is_new(&self, method: &Method, delay: SignedDuration) -> bool {
        delay > SignedDuration::ZERO
            && self.clock.timestamp().duration_since(method.created_at) <= delay
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
            Err(refusal) => self.refused(refusal),
        }
    }

    fn gone(&self, result: Result<(), Refusal>) -> Answer {
        match result {
            Ok(()) => Answer::empty(StatusCode::NO_CONTENT),
            Err(refusal) => self.refused(refusal),
        }
    }

    fn refused(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::NoUser => answer::no_user(),
            Refusal::FactorOff => answer::factor_off(),
            Refusal::NoMethod => answer::no_method(),
            Refusal::Cap => answer::cap_reached(&self.cap_refusal),
            Refusal::Conflict => answer::exists_already(),
            Refusal::Passkey => answer::passkey_user(),
            Refusal::NotUpdatable(kind) => answer::not_updatable(kind.as_str()),
            Refusal::NotAPhone => answer::invalid_body(&wire::not_a_phone()),
        }
    }
}

fn millis(number: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Passes the body to `answer`, if its media type is one that the API declares.
fn with_body(call: &Call, answer: impl FnOnce(RequestBody<'_>) -> Answer) -> Answer {
    RequestBody::of(call).map_or_else(answer::unsupported_media_type, answer)
}
