//! Question: what do PUT and DELETE of all methods answer for a user who does not exist? These two
//! would destroy all methods of a user who does, so the id is drawn at random, and GET must not
//! know it.

use serde_json::{Value, json};

use super::super::asker::{Asker, TenantAnswer, Unanswered};
use crate::{
    api::{RawApi, RawRequest, RawVerb},
    auth0::UPDATE,
    model::{FactorType, TenantFacts, UserId},
};

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let user = asker.user.clone();
    let Some([mut nobody, other]) = asker.samples.unknown_users(&user) else {
        return Err(Unanswered::Unclear("there is no id that nobody has".into()));
    };
    let mut known = get(asker, &nobody).await?;
    if known.status == 400 {
        // The tenant refuses the form of the id, so the other form is tried.
        nobody = other;
        known = get(asker, &nobody).await?;
    }
    if known.status == 200 {
        let why = "there is no unknown user: GET list answers 200 for an id that was drawn";
        return Err(Unanswered::NotAsked(why.into()));
    }
    let put = match asker.needs(UPDATE) {
        Ok(()) => put(asker, &nobody).await.map(Some),
        Err(why) => Err(why),
    };
    let (put, unasked) = match put {
        Ok(told) => (told, None),
        Err(Unanswered::NotAsked(why)) => (None, Some(why)),
        Err(why) => return Err(why),
    };
    let delete = RawRequest::all(RawVerb::Delete, &nobody);
    let delete = asker.send("DELETE list of nobody", delete).await?;
    facts.put_unknown_user = put.as_ref().map(|told| told.status);
    facts.delete_unknown_user = Some(delete.status);
    let rest = format!("DELETE: {}; GET list: {}", delete.short(), known.short());
    match (put, unasked) {
        (Some(put), _) => Ok(format!("PUT: {}; {rest}", put.short())),
        (None, why) => {
            Err(Unanswered::NotAsked(format!("PUT {}; {rest}", why.unwrap_or_default())))
        }
    }
}

async fn get<A: RawApi>(asker: &mut Asker<A>, nobody: &UserId) -> Result<TenantAnswer, Unanswered> {
    let get = RawRequest { query: Some("per_page=1"), ..RawRequest::all(RawVerb::Get, nobody) };
    asker.send("GET list of nobody", get).await
}

/// Puts an empty set, or one method if the tenant refuses an empty set.
async fn put<A: RawApi>(asker: &mut Asker<A>, nobody: &UserId) -> Result<TenantAnswer, Unanswered> {
    let empty = json!([]);
    let request = |body| RawRequest { body: Some(body), ..RawRequest::all(RawVerb::Put, nobody) };
    let told = asker.send("PUT nothing for nobody", request(&empty)).await?;
    if told.status != 400 {
        return Ok(told);
    }
    let mut method = asker.body(FactorType::Email)?;
    method["name"] = asker.samples.name().into();
    let one = Value::from(vec![method]);
    asker.send("PUT one for nobody", request(&one)).await
}
