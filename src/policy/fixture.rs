//! People, keys and an engine for the tests of this module.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::actions::Action;
use super::decision::{Decision, DenialKind};
use super::document::Document;
use super::engine::Engine;
use super::grant::NoGrants;
use super::principal::PrincipalId;
use super::question::{
    KeyResource, NO_TAGS, NoAliases, Question, RequestFacts, Resource, Standing,
};
use crate::base::arn::KeyArn;
use crate::base::caller::{Caller, Principal};
use crate::base::ids::{AccountId, RequestId};
use crate::base::spec::{KeySpec, KeyUsage, Origin};

pub(super) static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

/// The account that owns the key, and another one.
pub(super) const HOME: &str = "111122223333";
pub(super) const ABROAD: &str = "444455556666";
pub(super) const KEY_ARN: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

pub(super) fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// Users `alice` and `bob` and the role `Admin`, in both accounts.
pub(super) fn directory() -> BTreeMap<String, PrincipalId> {
    let mut directory = BTreeMap::new();
    for id in [HOME, ABROAD] {
        for name in ["alice", "bob"] {
            let arn = format!("arn:aws:iam::{id}:user/{name}");
            directory.insert(arn, PrincipalId::User(user_id(id, name)));
        }
        let arn = format!("arn:aws:iam::{id}:role/Admin");
        directory.insert(arn, PrincipalId::Role(role_id(id)));
    }
    directory
}

fn user_id(account: &str, name: &str) -> String {
    format!("AIDA{account}{name}")
}

fn role_id(account: &str) -> String {
    format!("AROA{account}")
}

pub(super) fn root(id: &str) -> Principal {
    Principal::Root { account: account(id) }
}

pub(super) fn user(id: &str, name: &str) -> Principal {
    Principal::User { account: account(id), unique_id: user_id(id, name), name: name.to_owned() }
}

pub(super) fn session(id: &str, name: &str) -> Principal {
    Principal::RoleSession {
        account: account(id),
        role_id: role_id(id),
        role_name: "Admin".to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn caller(principal: Principal) -> Caller {
    Caller {
        principal,
        access_key_id: None,
        session: None,
        source_ip: Some([192, 0, 2, 7].into()),
        user_agent: None,
        secure_transport: true,
        request_id: RequestId::from_random([0; 16]),
        via_service: None,
    }
}

pub(super) fn key_policy(text: &str) -> Arc<Document> {
    ENGINE.compile_key_policy(text, &directory()).unwrap()
}

pub(super) fn identity_policy(text: &str) -> Arc<Document> {
    ENGINE.compile_identity_policy(text).unwrap()
}

/// Asks about the key in the account [`HOME`].
pub(super) fn ask(
    principal: Principal,
    action: Action,
    policy: &Arc<Document>,
    identity: &[Arc<Document>],
    request: &RequestFacts<'_>,
) -> Decision {
    let (caller, arn) = (caller(principal), KeyArn::parse(KEY_ARN).unwrap());
    let resource = key(&arn, policy);
    let standing = Standing::with_policies(identity.to_vec());
    let question = Question {
        caller: &caller,
        action,
        resource,
        standing: &standing,
        grants: &NoGrants,
        request,
    };
    ENGINE.decide(&question)
}

pub(super) fn key<'a>(arn: &'a KeyArn, policy: &'a Arc<Document>) -> Resource<'a> {
    Resource::Key(KeyResource {
        arn,
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: Origin::AwsKms,
        multi_region: None,
        tags: &NO_TAGS,
        aliases: &NoAliases,
        policy,
    })
}

/// Why a call is refused; `None` if it is allowed.
pub(super) fn denied(decision: &Decision) -> Option<DenialKind> {
    assert_eq!(decision.explanation.denied, decision.outcome.as_ref().err().map(|d| d.kind()));
    decision.explanation.denied
}
