//! Every account, user, role, group and access key in memory; changed by
//! committed writes only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::session_policies::SessionPolicies;
use super::tags;
use crate::base::arn::{Arn, PARTITION};
use crate::base::caller::{Caller, Principal};
use crate::base::ids::AccountId;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::principal::{PrincipalDirectory, PrincipalId};
use crate::policy::question::Standing;

/// The kinds of identity that policies attach to. A group is never a principal:
/// what is attached to it holds for its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    User,
    Role,
    Group,
}

impl Kind {
    /// `user`, `role` or `group`, as in ARNs and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Group => "group",
        }
    }

    /// Reads `user`, `role` or `group`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Role, Self::Group].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    /// Empty if it has none.
    pub name: String,
    pub created_ms: i64,
}

/// A user, a role or a group.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `AIDA…`, `AROA…` or `AGPA…`; never reused.
    pub unique_id: String,
    pub account: AccountId,
    pub kind: Kind,
    pub name: String,
    pub created_ms: i64,
    /// Attached policies by name.
    pub policies: BTreeMap<String, Arc<Document>>,
    /// The unique ids of a user's groups.
    pub groups: BTreeSet<String>,
    /// Of users and roles. No two keys differ in case alone.
    pub tags: BTreeMap<String, String>,
    /// The permissions boundary of a user or role.
    pub boundary: Option<Arc<Document>>,
    /// What roles alone have.
    pub role: Option<RoleTerms>,
}

/// Who may assume a role, and for how long.
#[derive(Clone, Debug)]
pub struct RoleTerms {
    /// The trust policy.
    pub trust: Arc<Document>,
    /// The longest session, seconds.
    pub max_session_s: i64,
}

impl Identity {
    /// A user, role or group that has nothing yet. A role without
    /// [`terms`](Self::role) can be assumed by nobody.
    #[must_use]
    pub fn new(
        kind: Kind,
        unique_id: String,
        account: AccountId,
        name: String,
        created_ms: i64,
    ) -> Self {
        Self {
            unique_id,
            account,
            kind,
            name,
            created_ms,
            policies: BTreeMap::new(),
            groups: BTreeSet::new(),
            tags: BTreeMap::new(),
            boundary: None,
            role: None,
        }
    }

    /// `arn:aws:iam::ACCOUNT:user/NAME`, `…:role/NAME` or `…:group/NAME`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:{PARTITION}:iam::{}:{}/{}", self.account, self.kind.as_str(), self.name)
    }
}

/// An access key of a user.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// `AKIA…`.
    pub id: String,
    pub user_id: String,
    /// The secret, sealed by the HSM and bound to the id.
    pub sealed_secret: Vec<u8>,
    pub active: bool,
    pub created_ms: i64,
}

/// All identities of all accounts.
#[derive(Debug, Default)]
pub struct Directory {
    state: RwLock<State>,
    session_policies: SessionPolicies,
}

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<AccountId, Arc<Account>>,
    identities: BTreeMap<String, Arc<Identity>>,
    names: BTreeMap<(AccountId, Kind, String), String>,
    access_keys: BTreeMap<String, Arc<AccessKey>>,
}

impl Directory {
    /// The account with this id.
    #[must_use]
    pub fn find_account(&self, id: &AccountId) -> Option<Arc<Account>> {
        self.read().accounts.get(id).map(Arc::clone)
    }

    /// Every account, by id.
    #[must_use]
    pub fn list_accounts(&self) -> Vec<Arc<Account>> {
        self.read().accounts.values().map(Arc::clone).collect()
    }

    /// The user, role or group with this unique id.
    #[must_use]
    pub fn find(&self, unique_id: &str) -> Option<Arc<Identity>> {
        self.read().identities.get(unique_id).map(Arc::clone)
    }

    /// The user, role or group of this name.
    #[must_use]
    pub fn find_by_name(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
    ) -> Option<Arc<Identity>> {
        let state = self.read();
        let unique_id = state.names.get(&(account.clone(), kind, name.to_owned()))?;
        state.identities.get(unique_id).map(Arc::clone)
    }

    /// Every identity of an account and kind, by name.
    #[must_use]
    pub fn list(&self, account: &AccountId, kind: Kind) -> Vec<Arc<Identity>> {
        let state = self.read();
        let from = (account.clone(), kind, String::new());
        state
            .names
            .range(from..)
            .take_while(|((owner, of, _), _)| owner == account && *of == kind)
            .filter_map(|(_, unique_id)| state.identities.get(unique_id).map(Arc::clone))
            .collect()
    }

    /// The access key with this id, active or not.
    #[must_use]
    pub fn find_access_key(&self, id: &str) -> Option<Arc<AccessKey>> {
        self.read().access_keys.get(id).map(Arc::clone)
    }

    /// The access keys of a user.
    #[must_use]
    pub fn access_keys_of(&self, user_id: &str) -> Vec<Arc<AccessKey>> {
        let state = self.read();
        state.access_keys.values().filter(|key| key.user_id == user_id).map(Arc::clone).collect()
    }

    /// Every access key there is.
    #[must_use]
    pub fn every_access_key(&self) -> Vec<Arc<AccessKey>> {
        self.read().access_keys.values().map(Arc::clone).collect()
    }

    /// The users in a group, by name.
    #[must_use]
    pub fn members_of(&self, group: &Identity) -> Vec<Arc<Identity>> {
        let users = self.list(&group.account, Kind::User);
        users.into_iter().filter(|user| user.groups.contains(&group.unique_id)).collect()
    }

    /// The groups of a user, by name.
    #[must_use]
    pub fn groups_of(&self, user: &Identity) -> Vec<Arc<Identity>> {
        let state = self.read();
        let mut groups: Vec<_> = state.groups_of(user).map(Arc::clone).collect();
        groups.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        groups
    }

    /// What is known of a caller: a user's own policies and those of the user's
    /// groups, or those of the role of a session; their limits; and the tags,
    /// those of the session winning. Whoever is gone is forbidden everything.
    #[must_use]
    pub fn standing_of(&self, caller: &Caller, engine: &Engine) -> Standing {
        let session = caller.session.as_deref();
        let session_policy = session.and_then(|session| session.policy.as_deref());
        let session_policy = session_policy.map(|text| self.session_policies.find(text, engine));
        let session_tags = session.map(|session| &session.tags);
        let standing = match &caller.principal {
            Principal::User { unique_id: id, .. } | Principal::RoleSession { role_id: id, .. } => {
                let gone = || Standing::with_policies(vec![engine.deny_all()]);
                self.read().standing_of(id).unwrap_or_else(gone)
            }
            Principal::Root { .. }
            | Principal::WebIdentity { .. }
            | Principal::System { .. }
            | Principal::Anonymous { .. } => Standing::default(),
        };
        let tags = match session_tags {
            Some(session_tags) => tags::merge(&standing.tags, session_tags),
            None => standing.tags,
        };
        Standing { session_policy, tags, ..standing }
    }

    /// Puts a committed account in, unless it is there.
    pub(super) fn ensure_account(&self, account: Account) {
        self.write().accounts.entry(account.id.clone()).or_insert_with(|| Arc::new(account));
    }

    /// Puts a committed user, role or group in.
    pub(super) fn put(&self, identity: Arc<Identity>) {
        let mut state = self.write();
        let name = (identity.account.clone(), identity.kind, identity.name.clone());
        state.names.insert(name, identity.unique_id.clone());
        state.identities.insert(identity.unique_id.clone(), identity);
    }

    /// Takes a deleted user, role or group out, with its access keys and
    /// memberships.
    pub(super) fn remove(&self, identity: &Identity) {
        let mut state = self.write();
        state.names.remove(&(identity.account.clone(), identity.kind, identity.name.clone()));
        state.identities.remove(&identity.unique_id);
        state.access_keys.retain(|_, key| key.user_id != identity.unique_id);
        for held in state.identities.values_mut() {
            if held.groups.contains(&identity.unique_id) {
                Arc::make_mut(held).groups.remove(&identity.unique_id);
            }
        }
    }

    /// Changes one thing of a user, role or group, as it was committed, and
    /// nothing else: another change may have committed meanwhile.
    pub(super) fn update(&self, unique_id: &str, change: impl FnOnce(&mut Identity)) {
        if let Some(held) = self.write().identities.get_mut(unique_id) {
            change(Arc::make_mut(held));
        }
    }

    /// Puts a committed access key in.
    pub(super) fn put_access_key(&self, key: Arc<AccessKey>) {
        self.write().access_keys.insert(key.id.clone(), key);
    }

    /// Replaces the sealed secret of an access key, and nothing else of it.
    pub(super) fn set_sealed_secret(&self, id: &str, sealed_secret: &[u8]) {
        let mut state = self.write();
        if let Some(held) = state.access_keys.get_mut(id) {
            let sealed_secret = sealed_secret.to_vec();
            *held = Arc::new(AccessKey { sealed_secret, ..AccessKey::clone(held) });
        }
    }

    /// Takes a deleted access key out.
    pub(super) fn remove_access_key(&self, id: &str) {
        self.write().access_keys.remove(id);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn groups_of<'a>(&'a self, user: &'a Identity) -> impl Iterator<Item = &'a Arc<Identity>> {
        user.groups.iter().filter_map(|id| self.identities.get(id))
    }

    fn standing_of(&self, unique_id: &str) -> Option<Standing> {
        let identity = self.identities.get(unique_id)?;
        let own = identity.policies.values();
        let of_groups = self.groups_of(identity).flat_map(|group| group.policies.values());
        Some(Standing {
            policies: own.chain(of_groups).map(Arc::clone).collect(),
            boundary: identity.boundary.clone(),
            session_policy: None,
            tags: identity.tags.clone(),
        })
    }
}

/// Policies name principals by ARN; what is kept is the unique id behind it.
impl PrincipalDirectory for Directory {
    fn resolve(&self, arn: &str) -> Option<PrincipalId> {
        let parsed = Arn::parse(arn)?;
        let account = AccountId::parse(parsed.account)?;
        if parsed.partition != PARTITION || parsed.service != "iam" || !parsed.region.is_empty() {
            return None;
        }
        let (kind, name) = parsed.resource.split_once('/')?;
        let identity = self.find_by_name(&account, Kind::parse(kind)?, name)?;
        match identity.kind {
            Kind::User => Some(PrincipalId::User(identity.unique_id.clone())),
            Kind::Role => Some(PrincipalId::Role(identity.unique_id.clone())),
            Kind::Group => None,
        }
    }
}
