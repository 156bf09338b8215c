//! `serve --dev`: an administrator with an access key that everybody knows, for
//! as long as this process runs. In the database the access key is inactive, so
//! that a server started without `--dev` on the same folder refuses it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply_one;
use super::file::{At, Seed, SeedIdentity};
use super::identities::seed_identity;
use crate::app::error::Error;
use crate::base::ids::AccountId;
use crate::base::limits::MAX_SESSION_SECONDS_MIN;
use crate::base::secret::SecretBytes;
use crate::identity::account::POLICY_NAME;
use crate::identity::changes::UpdateAccessKey;
use crate::identity::directory::{AccessKey, Kind};
use crate::ops::ctx::Ctx;
use crate::ops::system;
use crate::policy::builtin::ADMINISTRATOR;
use crate::store::Change;

/// The account of the development administrator.
pub const ACCOUNT: &str = "000000000000";
/// The name, the access key id and the secret of the development administrator.
pub const ACCESS_KEY: &str = "test";

/// Lets `test`/`test` in.
///
/// # Errors
/// [`Error`]; also if somebody else has the access key `test`.
pub(in crate::app) async fn open_to_developers(ctx: &Ctx) -> Result<(), Error> {
    let account = AccountId::parse(ACCOUNT).ok_or(Error::Meta("account"))?;
    let administrator = SeedIdentity {
        account: Some(account.clone()),
        kind: Kind::User,
        name: ACCESS_KEY.to_owned(),
        policies: BTreeMap::from([(POLICY_NAME.to_owned(), ADMINISTRATOR.to_owned())]),
        boundary: None,
        tags: BTreeMap::new(),
        groups: Vec::new(),
        trust: None,
        max_session_s: MAX_SESSION_SECONDS_MIN,
        access_keys: vec![(
            ACCESS_KEY.to_owned(),
            SecretBytes::new(ACCESS_KEY.as_bytes().to_vec()),
        )],
        active: false,
    };
    let seed = Seed {
        path: "--dev".into(),
        accounts: Vec::new(),
        identities: Vec::new(),
        keys: Vec::new(),
        grants: Vec::new(),
    };
    apply_one(ctx, &seed, &At { line: 0, what: administrator }, seed_identity).await?;
    let user = ctx.directory.find_by_name(&account, Kind::User, ACCESS_KEY);
    let key = ctx.directory.find_access_key(ACCESS_KEY);
    let (Some(user), Some(key)) = (user, key) else { return Err(Error::DevAccessKey) };
    if key.user_id != user.unique_id {
        return Err(Error::DevAccessKey);
    }
    system::record_development(ctx).await?;
    // In memory only: the row stays inactive.
    let key = Arc::new(AccessKey { active: true, ..AccessKey::clone(&key) });
    UpdateAccessKey { directory: Arc::clone(&ctx.directory), key }.publish();
    tracing::warn!(
        "DEVELOPMENT MODE: anybody on this machine can sign in as administrator of account \
         {ACCOUNT} with the access key test/test. Never keep real keys in this data folder"
    );
    Ok(())
}
