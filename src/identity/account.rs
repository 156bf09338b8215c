//! Making an account: its row, its first administrator, the policy that makes
//! one, and an access key.

use std::sync::Arc;

use super::changes::{CreateAccessKey, CreateIdentity, EnsureAccount, SetPolicy};
use super::credentials::{self, Credentials};
use super::directory::{Account, Directory, Identity, Kind};
use crate::base::ids::AccountId;
use crate::hsm::{self, Hsm};
use crate::policy::builtin::ADMINISTRATOR;
use crate::policy::engine::Engine;
use crate::policy::error::CompileError;
use crate::store::Change;

/// The user that can do everything, so that somebody can do anything.
const USER_NAME: &str = "admin";
/// The name of the policy that makes an administrator.
pub const POLICY_NAME: &str = "AdministratorAccess";

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the software HSM failed")]
    Hsm(#[from] hsm::Error),
    #[error("the administrator's policy does not compile")]
    Policy(#[from] CompileError),
}

/// An account to be committed, and the access key of its administrator: the
/// secret is nowhere else in clear.
pub struct NewAccount {
    pub changes: Vec<Box<dyn Change>>,
    pub administrator: Arc<Identity>,
    pub credentials: Credentials,
}

/// Whether an account can have this name: as AWS Organizations has it, printable
/// ASCII of 1 to 50 characters.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=50).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Twelve random digits.
///
/// # Errors
/// If the HSM has no randomness.
pub fn random_id(hsm: &Hsm) -> Result<AccountId, hsm::Error> {
    let mut random = [0; 16];
    hsm.fill_random(&mut random)?;
    id_from_random(random)
}

/// The account id that 16 random bytes make.
///
/// # Errors
/// [`hsm::Error::Failed`]; does not happen.
pub fn id_from_random(random: [u8; 16]) -> Result<AccountId, hsm::Error> {
    let number = u128::from_be_bytes(random).checked_rem(1_000_000_000_000).unwrap_or(0);
    AccountId::parse(&format!("{number:012}")).ok_or(hsm::Error::Failed)
}

/// A new account with its administrator.
///
/// # Errors
/// [`Error`]; neither happens while the HSM works.
pub fn create(
    hsm: &Hsm,
    engine: &Engine,
    directory: &Arc<Directory>,
    account: Account,
) -> Result<NewAccount, Error> {
    let policy = engine.compile_identity_policy(ADMINISTRATOR)?;
    let created_ms = account.created_ms;
    let unique_id = credentials::user_id(hsm)?;
    let (key, shown) = credentials::access_key(hsm, &unique_id, created_ms)?;
    let (id, name) = (account.id.clone(), USER_NAME.to_owned());
    let user = Identity::new(Kind::User, unique_id.clone(), id, name, created_ms);
    let administrator = Arc::new(user);
    let changes: Vec<Box<dyn Change>> = vec![
        Box::new(EnsureAccount { directory: Arc::clone(directory), account }),
        Box::new(CreateIdentity {
            directory: Arc::clone(directory),
            identity: Arc::clone(&administrator),
        }),
        Box::new(SetPolicy {
            directory: Arc::clone(directory),
            owner_id: unique_id,
            name: POLICY_NAME.to_owned(),
            document: Some(policy),
        }),
        Box::new(CreateAccessKey { directory: Arc::clone(directory), key: Arc::new(key) }),
    ];
    Ok(NewAccount { changes, administrator, credentials: shown })
}
