//! Decisions that must come out one way only, taken once at start: Cedar
//! measures the stack it runs on, and has been seen to misjudge it on some
//! platforms, which turns every decision into a refusal.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::Action;
use super::builtin::default_key_policy;
use super::decision::DenialKind;
use super::document::Document;
use super::engine::Engine;
use super::error::Error;
use super::grant::NoGrants;
use super::principal::PrincipalId;
use super::question::{KeyResource, NoAliases, Question, RequestFacts, Resource, Standing};
use crate::base::arn::KeyArn;
use crate::base::caller::{Caller, Principal};
use crate::base::ids::{AccountId, KeyId, Region, RequestId};
use crate::base::spec::{KeySpec, KeyUsage, Origin};

/// Asks whether the account, a user with a policy and a user without one may
/// use a key with the default policy.
pub(super) fn run(engine: &Engine) -> Result<(), Error> {
    let (Some(account), Some(region)) =
        (AccountId::parse("111122223333"), Region::parse("eu-central-1"))
    else {
        return Err(Error::SelfCheck("an account id or a Region name is not read"));
    };
    let nobody = BTreeMap::<String, PrincipalId>::new();
    let policy = engine
        .compile_key_policy(&default_key_policy(&account), &nobody)
        .map_err(|cause| Error::Builtin { name: "default key policy", cause })?;
    let identity = engine
        .compile_identity_policy("permit (principal, action, resource);")
        .map_err(|cause| Error::Builtin { name: "permit all", cause })?;
    let arn = KeyArn { region, account: account.clone(), id: KeyId::from_random([0; 16]) };
    let user = Principal::User {
        account: account.clone(),
        unique_id: "AIDASELFCHECK".to_owned(),
        name: "self-check".to_owned(),
    };
    let ask = |principal, identity: &[Arc<Document>]| {
        let caller = server_caller(principal);
        let resource = Resource::Key(KeyResource {
            aliases: &NoAliases,
            arn: &arn,
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: Origin::AwsKms,
            multi_region: None,
            tags: &BTreeMap::new(),
            policy: &policy,
        });
        let standing = Standing::with_policies(identity.to_vec());
        let request = RequestFacts::default();
        let question = Question {
            caller: &caller,
            action: Action::ENCRYPT,
            resource,
            standing: &standing,
            grants: &NoGrants,
            request: &request,
        };
        engine.decide(&question).outcome.err().map(|denial| denial.kind())
    };
    if ask(Principal::Root { account }, &[]).is_some() {
        return Err(Error::SelfCheck("an account cannot use its own key"));
    }
    if ask(user.clone(), &[identity]).is_some() {
        return Err(Error::SelfCheck("a user with a policy cannot use a key"));
    }
    if ask(user, &[]) != Some(DenialKind::ImplicitIdentity) {
        return Err(Error::SelfCheck("a user without a policy is not refused"));
    }
    Ok(())
}

fn server_caller(principal: Principal) -> Caller {
    Caller {
        principal,
        access_key_id: None,
        session: None,
        source_ip: None,
        user_agent: None,
        secure_transport: false,
        tls: None,
        request_id: RequestId::from_random([0; 16]),
        via_service: None,
    }
}
