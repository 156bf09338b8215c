//! A new KMS key for the key of a custom key store: what must be so before it is
//! made. The key itself is at the remote already.

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores;
use crate::base::arn::Arn;
use crate::base::ids::CustomKeyStoreId;
use crate::base::spec::{KeySpec, KeyUsage, Origin};
use crate::keys::backend::remote::{Description, FailureKind, Mode};
use crate::keys::cipher;
use crate::keys::create::NewRemote;
use crate::keys::custom_stores::Connection;
use crate::keys::key::RemoteKey;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// What the caller asks for.
pub(super) struct Wanted<'a> {
    pub(super) store: &'a str,
    pub(super) xks_key_id: Option<&'a str>,
    pub(super) origin: Option<Origin>,
    pub(super) spec: KeySpec,
    pub(super) usage: KeyUsage,
    pub(super) multi_region: bool,
}

/// Checks what is asked for against the store, and asks the store for its key.
///
/// # Errors
/// `CustomKeyStoreNotFoundException`, `CustomKeyStoreInvalidStateException`,
/// `XksKeyNotFoundException`, `XksKeyAlreadyInUseException`,
/// `XksKeyInvalidConfigurationException`, and for what can never be
/// `ValidationException` or `UnsupportedOperationException`.
pub(super) async fn check(
    ctx: &Ctx,
    access: &Access<'_>,
    wanted: Wanted<'_>,
) -> Result<NewRemote, ApiError> {
    let unknown = || custom_key_stores::not_found(wanted.store);
    let id = CustomKeyStoreId::parse(wanted.store).ok_or_else(unknown)?;
    let store = ctx.custom_key_stores.find(&id).ok_or_else(unknown)?;
    if store.realm != access.call().realm() {
        return Err(unknown());
    }
    let xks_key_id = wanted.check_form()?;
    if ctx.custom_key_stores.connection(&id) != Connection::Connected {
        let text = format!("The custom key store {id} is not connected.");
        return Err(ApiError::new(Code::CustomKeyStoreInvalidStateException, text));
    }
    check_unused(ctx, xks_key_id)?;
    let remote = ctx.remotes.find(&store.remote);
    let is_double = remote.is_some_and(|remote| remote.settings().mode == Mode::Double);
    if is_double && wanted.spec != KeySpec::SymmetricDefault {
        return Err(configuration("a store of mode double has symmetric keys only"));
    }
    let key = RemoteKey { store: id, id: xks_key_id.to_owned() };
    let found = access.backend().describe(&store, &key).await.map_err(failed)?;
    wanted.check_found(xks_key_id, &found)?;
    Ok(NewRemote { key, store, is_double })
}

impl<'a> Wanted<'a> {
    /// Checks what no store can help with; the id of the key at the remote.
    fn check_form(&self) -> Result<&'a str, ApiError> {
        if self.origin != Some(Origin::ExternalKeyStore) {
            return Err(ApiError::validation(
                "You must specify an Origin of EXTERNAL_KEY_STORE for a KMS key in an external key \
                 store.",
            ));
        }
        let Some(id) = self.xks_key_id else {
            return Err(ApiError::validation(
                "You must specify an XksKeyId for a KMS key in an external key store.",
            ));
        };
        if self.multi_region {
            let text = "Multi-Region keys are not supported in custom key stores.";
            return Err(ApiError::new(Code::UnsupportedOperationException, text));
        }
        if self.usage == KeyUsage::EncapsulateDecapsulate {
            let text = "Keys for key encapsulation are not supported in custom key stores.";
            return Err(ApiError::new(Code::UnsupportedOperationException, text));
        }
        // An alias may lead elsewhere tomorrow, and a bare id is of any account.
        let is_key = Arn::parse(id)
            .is_some_and(|arn| arn.service == "kms" && arn.resource.starts_with("key/"));
        match is_key {
            true => Ok(id),
            false => Err(configuration("XksKeyId must be the ARN of a KMS key")),
        }
    }

    /// Checks what the remote has against what is asked for.
    fn check_found(&self, id: &str, found: &Description) -> Result<(), ApiError> {
        if found.arn != id {
            return Err(configuration("it has another ARN"));
        }
        if found.spec != self.spec || found.usage != self.usage {
            let (spec, usage) = (found.spec, found.usage);
            return Err(configuration(&format!("it is of KeySpec {spec} and KeyUsage {usage}")));
        }
        match found.enabled {
            true => Ok(()),
            false => Err(configuration("it is not enabled")),
        }
    }
}

/// Two KMS keys for one external key, or for related multi-Region keys, would be two
/// policies for one ciphertext.
fn check_unused(ctx: &Ctx, xks_key_id: &str) -> Result<(), ApiError> {
    if ctx.keys.find_remote(xks_key_id).is_none() {
        return Ok(());
    }
    let text = "The external key is already associated with a KMS key.";
    Err(ApiError::new(Code::XksKeyAlreadyInUseException, text))
}

fn configuration(why: &str) -> ApiError {
    let text = format!("The external key cannot be associated with the KMS key: {why}.");
    ApiError::new(Code::XksKeyInvalidConfigurationException, text)
}

/// The remote did not say what it has.
fn failed(error: cipher::Error) -> ApiError {
    let kind = match &error {
        cipher::Error::Remote(failure) => Some(failure.kind),
        _ => None,
    };
    match kind {
        Some(FailureKind::NotFound) => {
            let text = "The external key store has no such external key.";
            ApiError::new(Code::XksKeyNotFoundException, text)
        }
        Some(
            FailureKind::Unavailable
            | FailureKind::TimedOut
            | FailureKind::Garbage
            | FailureKind::Credentials
            | FailureKind::Unknown,
        ) => {
            let text = "The external key store did not answer in time.";
            ApiError::new(Code::DependencyTimeoutException, text)
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn wanted(xks_key_id: Option<&str>) -> Wanted<'_> {
        Wanted {
            store: "",
            xks_key_id,
            origin: Some(Origin::ExternalKeyStore),
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            multi_region: false,
        }
    }

    #[test]
    fn only_the_arn_of_a_key_names_it_for_ever() {
        assert_eq!(wanted(Some(ARN)).check_form().unwrap(), ARN);
        for bad in
            ["alias/a", "1234abcd-12ab-34cd-56ef-1234567890ab", &ARN.replace("key/", "alias/")]
        {
            let error = wanted(Some(bad)).check_form().unwrap_err();
            assert_eq!(error.code(), Code::XksKeyInvalidConfigurationException, "{bad}");
        }
        assert!(wanted(None).check_form().is_err());
        assert!(Wanted { origin: None, ..wanted(Some(ARN)) }.check_form().is_err());
        assert!(Wanted { multi_region: true, ..wanted(Some(ARN)) }.check_form().is_err());
    }

    #[test]
    fn the_remote_key_is_what_was_asked_for() {
        let found = Description {
            arn: ARN.to_owned(),
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            enabled: true,
        };
        let check = |found: Description| wanted(Some(ARN)).check_found(ARN, &found);
        assert!(check(found.clone()).is_ok());
        assert!(check(Description { enabled: false, ..found.clone() }).is_err());
        assert!(check(Description { spec: KeySpec::Rsa2048, ..found.clone() }).is_err());
        assert!(check(Description { arn: ARN.replace("444", "777"), ..found }).is_err());
    }
}
