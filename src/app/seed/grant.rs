//! `[[grants]]` of a seed file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Problem, Thing, Things, home_region, is_made};
use crate::base::ids::{AccountId, Realm, Region};
use crate::keys::grants::changes::CreateGrant;
use crate::ops::ctx::Ctx;
use crate::ops::given_grant;

/// A grant.
#[derive(Debug)]
pub(super) struct SeedGrant {
    pub(super) account: Option<AccountId>,
    pub(super) region: Option<Region>,
    /// By key and name it is known to have been made.
    key: String,
    name: String,
    /// The input of CreateGrant that would make it.
    input: Map<String, Value>,
}

/// The entry as it stands in the file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    key: String,
    name: String,
    grantee_principal: String,
    retiring_principal: Option<String>,
    operations: Vec<String>,
    #[serde(default)]
    constraints: Constraints,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Constraints {
    #[serde(default)]
    encryption_context_subset: BTreeMap<String, String>,
    #[serde(default)]
    encryption_context_equals: BTreeMap<String, String>,
}

impl Entry {
    pub(super) fn check(self, account: Option<AccountId>, region: Option<Region>) -> SeedGrant {
        let Constraints { encryption_context_subset, encryption_context_equals } = self.constraints;
        let members = [
            ("KeyId", json!(self.key)),
            ("Name", json!(self.name)),
            ("GranteePrincipal", json!(self.grantee_principal)),
            ("RetiringPrincipal", json!(self.retiring_principal)),
            ("Operations", json!(self.operations)),
            (
                "Constraints",
                json!({
                    "EncryptionContextSubset": encryption_context_subset,
                    "EncryptionContextEquals": encryption_context_equals,
                }),
            ),
        ];
        let there = members.into_iter().filter(|(_, value)| !value.is_null());
        let input = there.map(|(name, value)| (name.to_owned(), value)).collect();
        SeedGrant { account, region, key: self.key, name: self.name, input }
    }
}

/// The grant, unless it was made before: its key or its grantee may be gone since.
pub(super) fn seed_grant<'a>(ctx: &'a Ctx, seed: &'a SeedGrant) -> Things<'a> {
    let account = seed.account.clone().unwrap_or_else(|| ctx.account.clone());
    let region = match &seed.region {
        Some(region) => region.clone(),
        None => home_region(ctx)?,
    };
    let name = format!("grant/{region}/{account}/{}/{}", seed.key, seed.name);
    if is_made(ctx, &name)? {
        return Ok(Vec::new());
    }
    let owner = Realm { account: account.clone(), region: region.clone() };
    let grant = given_grant(ctx, &owner, seed.input.clone()).map_err(|error| {
        let text = error.message().unwrap_or("the grant does not make sense");
        Problem::Refused(text.to_owned())
    })?;
    let arn = grant.key.to_string();
    let change = CreateGrant { grants: Arc::clone(&ctx.grants), grant };
    Ok(vec![Thing {
        name,
        arn,
        account,
        region,
        changes: Box::new(|| Ok(vec![Box::new(change)])),
        is_there: true,
        conflict: None,
    }])
}
