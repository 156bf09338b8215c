//! What is known of a caller, from whom and whence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use super::changes::{CreateIdentity, DeleteIdentity, SetBoundary, SetMembership, SetPolicy};
use super::directory::{Directory, Identity, Kind};
use super::tags::merge;
use crate::base::caller::{Caller, Principal, SessionFacts};
use crate::base::ids::{AccountId, RequestId};
use crate::policy::engine::Engine;
use crate::policy::principal::{PrincipalDirectory, PrincipalId};
use crate::policy::question::Standing;
use crate::store::Change;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

fn account() -> AccountId {
    AccountId::parse("111122223333").unwrap()
}

/// Makes a user, role or group with one policy, whose text holds its name.
fn make(directory: &Arc<Directory>, kind: Kind, name: &str) -> Arc<Identity> {
    let id = format!("{}-{name}", kind.as_str());
    let identity = Arc::new(Identity::new(kind, id, account(), name.to_owned(), 0));
    CreateIdentity { directory: Arc::clone(directory), identity: Arc::clone(&identity) }.publish();
    let text = format!("// {name}\npermit (principal, action, resource is AuditLog);");
    SetPolicy {
        directory: Arc::clone(directory),
        owner_id: identity.unique_id.clone(),
        name: "p".to_owned(),
        document: Some(ENGINE.compile_identity_policy(&text).unwrap()),
    }
    .publish();
    identity
}

fn join(directory: &Arc<Directory>, user: &Identity, group: &Identity, joins: bool) {
    let (user_id, group_id) = (user.unique_id.clone(), group.unique_id.clone());
    SetMembership { directory: Arc::clone(directory), user_id, group_id, joins }.publish();
}

fn caller(principal: Principal, session: Option<SessionFacts>) -> Caller {
    Caller {
        principal,
        access_key_id: None,
        session: session.map(Arc::new),
        source_ip: None,
        user_agent: None,
        secure_transport: true,
        tls: None,
        request_id: RequestId::from_random([0; 16]),
        via_service: None,
    }
}

fn as_user(user: &Identity) -> Caller {
    let (unique_id, name) = (user.unique_id.clone(), user.name.clone());
    caller(Principal::User { account: account(), unique_id, name }, None)
}

fn as_session(role: &Identity, facts: SessionFacts) -> Caller {
    let principal = Principal::RoleSession {
        account: account(),
        role_id: role.unique_id.clone(),
        role_name: role.name.clone(),
        name: "s".to_owned(),
    };
    caller(principal, Some(facts))
}

/// The names in the policies' texts.
fn policies(standing: &Standing) -> Vec<String> {
    let name = |text: &str| text.lines().next().unwrap().trim_start_matches("// ").to_owned();
    standing.policies.iter().map(|policy| name(policy.text())).collect()
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_user_stands_on_the_own_policies_and_those_of_the_groups() {
    let directory = Arc::new(Directory::default());
    let ada = make(&directory, Kind::User, "ada");
    let (one, two) = (make(&directory, Kind::Group, "one"), make(&directory, Kind::Group, "two"));
    let standing = || policies(&directory.standing_of(&as_user(&ada), &ENGINE));
    join(&directory, &ada, &one, true);
    join(&directory, &ada, &two, true);
    assert_eq!(standing(), ["ada", "one", "two"]);
    assert_eq!(directory.members_of(&two).len(), 1);
    join(&directory, &ada, &one, false);
    assert_eq!(standing(), ["ada", "two"]);
    DeleteIdentity { directory: Arc::clone(&directory), identity: two }.publish();
    assert_eq!(standing(), ["ada"]);
    let ada = directory.find(&ada.unique_id).unwrap();
    assert_eq!(ada.groups, BTreeSet::new());
}

#[test]
fn whoever_is_gone_is_forbidden_everything() {
    let directory = Arc::new(Directory::default());
    let ada = make(&directory, Kind::User, "ada");
    DeleteIdentity { directory: Arc::clone(&directory), identity: Arc::clone(&ada) }.publish();
    let standing = directory.standing_of(&as_user(&ada), &ENGINE);
    assert_eq!(standing.policies.len(), 1);
    assert!(Arc::ptr_eq(&standing.policies[0], &ENGINE.deny_all()));
}

#[test]
fn a_session_has_the_limits_of_its_role_and_its_own() {
    let directory = Arc::new(Directory::default());
    let role = make(&directory, Kind::Role, "app");
    let owner_id = role.unique_id.clone();
    let boundary = ENGINE.compile_identity_policy("permit (principal, action, resource);").unwrap();
    let document = Some(Arc::clone(&boundary));
    SetBoundary { directory: Arc::clone(&directory), owner_id, document }.publish();
    let standing = |policy: Option<&str>| {
        let facts = SessionFacts { policy: policy.map(str::to_owned), ..SessionFacts::default() };
        directory.standing_of(&as_session(&role, facts), &ENGINE)
    };
    assert_eq!(policies(&standing(None)), ["app"]);
    assert!(standing(None).session_policy.is_none());
    assert!(Arc::ptr_eq(&standing(None).boundary.unwrap(), &boundary));
    let text = "permit (principal, action, resource is Key);";
    let limited = standing(Some(text)).session_policy.unwrap();
    assert_eq!(limited.text(), text);
    // The same document again, and none that could be taken for no limit.
    assert!(Arc::ptr_eq(&limited, &standing(Some(text)).session_policy.unwrap()));
    let broken = standing(Some("permit (")).session_policy.unwrap();
    assert!(Arc::ptr_eq(&broken, &ENGINE.deny_all()));
}

#[test]
fn session_tags_win_whatever_their_case() {
    let held = tags(&[("Team", "a"), ("Site", "Bonn")]);
    let merged = merge(&held, &tags(&[("team", "b"), ("Cost", "1")]));
    assert_eq!(merged, tags(&[("team", "b"), ("Cost", "1"), ("Site", "Bonn")]));

    let directory = Arc::new(Directory::default());
    let role = make(&directory, Kind::Role, "app");
    let facts = SessionFacts { tags: tags(&[("team", "b")]), ..SessionFacts::default() };
    let standing = directory.standing_of(&as_session(&role, facts), &ENGINE);
    assert_eq!(standing.tags, tags(&[("team", "b")]));
}

#[test]
fn a_group_is_no_principal() {
    let directory = Arc::new(Directory::default());
    let user = make(&directory, Kind::User, "ada");
    make(&directory, Kind::Group, "ada");
    let resolve = |kind: &str| directory.resolve(&format!("arn:aws:iam::111122223333:{kind}/ada"));
    assert_eq!(resolve("user"), Some(PrincipalId::User(user.unique_id.clone())));
    assert_eq!(resolve("group"), None);
}
