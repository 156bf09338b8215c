//! Every user, role and access key in memory; changed by committed writes only.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::arn::{Arn, PARTITION};
use crate::base::caller::{Caller, Principal};
use crate::base::ids::AccountId;
use crate::policy::document::Document;
use crate::policy::principal::{PrincipalDirectory, PrincipalId};
use crate::policy::question::Standing;

/// The two kinds of identity that policies attach to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    User,
    Role,
}

impl Kind {
    /// `user` or `role`, as in ARNs and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }

    /// Reads `user` or `role`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Role].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A user or a role.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `AIDA…` or `AROA…`; never reused.
    pub unique_id: String,
    pub account: AccountId,
    pub kind: Kind,
    pub name: String,
    pub created_ms: i64,
    /// Attached policies by name.
    pub policies: BTreeMap<String, Arc<Document>>,
}

impl Identity {
    /// `arn:aws:iam::ACCOUNT:user/NAME` or `…:role/NAME`.
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
}

#[derive(Debug, Default)]
struct State {
    identities: BTreeMap<String, Arc<Identity>>,
    names: BTreeMap<(AccountId, Kind, String), String>,
    access_keys: BTreeMap<String, Arc<AccessKey>>,
}

impl Directory {
    /// The user or role with this unique id.
    #[must_use]
    pub fn find(&self, unique_id: &str) -> Option<Arc<Identity>> {
        self.read().identities.get(unique_id).map(Arc::clone)
    }

    /// The user or role of this name.
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

    /// What is known of a caller: a user's own policies, or those of the role of
    /// a session. Nothing if the identity is gone.
    #[must_use]
    pub fn standing_of(&self, caller: &Caller) -> Standing {
        let unique_id = match &caller.principal {
            Principal::User { unique_id, .. } => unique_id,
            Principal::RoleSession { role_id, .. } => role_id,
            Principal::Root { .. }
            | Principal::WebIdentity { .. }
            | Principal::System { .. }
            | Principal::Anonymous { .. } => return Standing::default(),
        };
        let Some(identity) = self.find(unique_id) else { return Standing::default() };
        Standing::with_policies(identity.policies.values().map(Arc::clone).collect())
    }

    /// Puts a committed user or role in.
    pub(super) fn put(&self, identity: Arc<Identity>) {
        let mut state = self.write();
        let name = (identity.account.clone(), identity.kind, identity.name.clone());
        state.names.insert(name, identity.unique_id.clone());
        state.identities.insert(identity.unique_id.clone(), identity);
    }

    /// Takes a deleted user or role out, with its access keys.
    pub(super) fn remove(&self, identity: &Identity) {
        let mut state = self.write();
        state.names.remove(&(identity.account.clone(), identity.kind, identity.name.clone()));
        state.identities.remove(&identity.unique_id);
        state.access_keys.retain(|_, key| key.user_id != identity.unique_id);
    }

    /// Attaches (`Some`) or detaches (`None`) one committed policy. Only the
    /// named policy changes: another one may have committed meanwhile.
    pub(super) fn set_policy(&self, unique_id: &str, name: &str, document: Option<Arc<Document>>) {
        let mut state = self.write();
        let Some(held) = state.identities.get_mut(unique_id) else { return };
        let mut identity = Identity::clone(held);
        match document {
            Some(document) => identity.policies.insert(name.to_owned(), document),
            None => identity.policies.remove(name),
        };
        *held = Arc::new(identity);
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
        Some(match identity.kind {
            Kind::User => PrincipalId::User(identity.unique_id.clone()),
            Kind::Role => PrincipalId::Role(identity.unique_id.clone()),
        })
    }
}
