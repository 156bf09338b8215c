//! Where the cryptography of a key is done: in the server's own HSM, or by the
//! remote AWS KMS that its custom key store stands for.
//!
//! Deliberately absent: who may use a key (`policy`; here only the permit is asked
//! for), the checks before that are the same everywhere (`cipher`), and the state of
//! a store's connection (`custom_stores`; whoever hands out a key has looked at it).

mod calls;
mod ciphertext;
pub mod remote;
mod symmetric;

use std::sync::Arc;

pub use calls::{NotedCalls, RemoteCall, RemoteCalls};
pub use ciphertext::{Ciphertext, RemoteBlob};

use super::cipher::{self, Decrypted, Encapsulated, Encrypted, Error, Message};
use super::custom_stores::{CustomKeyStore, CustomKeyStores};
use super::key::{Key, RemoteKey};
use super::state::StateRule;
use crate::base::algorithm::{EncryptionAlgorithm, KeyAgreementAlgorithm, MacAlgorithm};
use crate::base::context::EncryptionContext;
use crate::base::ids::AccountId;
use crate::base::secret::SecretBytes;
use crate::hsm::Hsm;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;
use remote::{Answer, Description, Failure, Mode, Remote, Remotes};

/// The pair of the encryption context with which a remote key protects a root key,
/// of this server or of another. With it no KMS key is used at a remote: the ciphertext
/// that holds the root key is in every backup, and a KMS key that stands for the same
/// remote key would open it for whoever has both.
pub const OF_ROOT_KEY: (&str, &str) = ("wardbook:purpose", "root-key");

/// What the keys of one call are used with. Each method is one use of a key, as the
/// function of `cipher` with its name, for keys wherever they are.
#[derive(Clone, Copy)]
pub struct Backend<'a> {
    pub hsm: &'a Hsm,
    pub remotes: &'a Remotes,
    pub stores: &'a CustomKeyStores,
    /// Gets every call of a remote.
    pub calls: &'a RemoteCalls,
    /// Whether the caller only wants to know what would happen: then no remote is
    /// asked, and what stands in the place of its answers is never answered.
    pub is_dry_run: bool,
}

/// A remote key, and how to get to it.
struct Far<'a> {
    remote: Arc<Remote>,
    key: &'a RemoteKey,
    /// Whose KMS key stands for it.
    owner: &'a AccountId,
    calls: &'a RemoteCalls,
    is_dry_run: bool,
}

impl Far<'_> {
    /// `XksKeyId`: how the remote calls its key.
    fn id(&self) -> &str {
        &self.key.id
    }

    fn mode(&self) -> Mode {
        self.remote.settings().mode
    }

    /// Waits for a call, and notes it for the record. In a dry run the call is not
    /// made, and the answer empty.
    async fn done<T: Default>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<Answer<T>, Failure>>,
    ) -> Result<T, Error> {
        if self.is_dry_run {
            return Ok(T::default());
        }
        let outcome = call.await;
        let call = RemoteCall::of(self.remote.name(), operation, self.key, &outcome);
        self.calls.note(self.owner, self.key, call);
        Ok(outcome?.value)
    }

    /// Has the remote encrypt. What it makes fits into a blob that Decrypt takes, with
    /// our header or without: else nobody could ever have it opened.
    async fn encrypt(
        &self,
        algorithm: EncryptionAlgorithm,
        plaintext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Vec<u8>, Error> {
        let call = async {
            let made = self.remote.encrypt(self.id(), algorithm, plaintext, context).await?;
            match made.value.len() {
                ..=RemoteBlob::CONTENT_BYTES => Ok(made),
                bytes => {
                    let cause = format!("a ciphertext of {bytes} bytes");
                    Err(Failure::garbage(made.request_id, &cause))
                }
            }
        };
        self.done("Encrypt", call).await
    }
}

/// Refuses what only root keys are protected with.
fn check_context(context: &EncryptionContext) -> Result<(), Error> {
    let (name, value) = OF_ROOT_KEY;
    match context.find(name) == Some(value) {
        true => Err(Error::ReservedContext(name, value)),
        false => Ok(()),
    }
}

impl<'a> Backend<'a> {
    /// The remote that has the key; `None` for a key of this server.
    ///
    /// # Errors
    /// [`Error::NoRemote`] if the store or its remote is not there any more.
    fn far<'k>(&self, key: &'k Key) -> Result<Option<Far<'k>>, Error>
    where
        'a: 'k,
    {
        let Some(at) = &key.remote else { return Ok(None) };
        let store = self.stores.find(&at.store).ok_or(Error::NoRemote)?;
        let remote = self.remotes.find(&store.remote).ok_or(Error::NoRemote)?;
        let (remote, is_dry_run) = (Arc::clone(remote), self.is_dry_run);
        let owner = &key.arn.account;
        Ok(Some(Far { remote, key: at, owner, calls: self.calls, is_dry_run }))
    }

    /// What the remote of a store says of its key.
    ///
    /// # Errors
    /// [`Error::Remote`], [`Error::NoRemote`].
    pub async fn describe(
        &self,
        store: &CustomKeyStore,
        key: &RemoteKey,
    ) -> Result<Description, Error> {
        let remote = self.remotes.find(&store.remote).ok_or(Error::NoRemote)?;
        let outcome = remote.describe(&key.id).await;
        let call = RemoteCall::of(remote.name(), "DescribeKey", key, &outcome);
        self.calls.note(&store.realm.account, key, call);
        Ok(outcome?.value)
    }

    /// See [`cipher::encrypt`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`], [`Error::DoubleTooLong`],
    /// [`Error::ReservedContext`].
    pub async fn encrypt(
        &self,
        permit: &Permit,
        key: &Key,
        algorithm: EncryptionAlgorithm,
        plaintext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Encrypted, Error> {
        let Some(far) = self.far(key)? else {
            return cipher::encrypt(self.hsm, permit, key, algorithm, plaintext, context);
        };
        cipher::check_permit(permit, key, cipher::ENCRYPTING)?;
        if algorithm == EncryptionAlgorithm::SymmetricDefault {
            check_context(context)?;
            return symmetric::encrypt(self.hsm, &far, permit, key, plaintext, context).await;
        }
        cipher::check_rsa_plaintext(key, algorithm, plaintext, context)?;
        let blob = far.encrypt(algorithm, plaintext, context).await?;
        Ok(Encrypted { blob, material_id: None })
    }

    /// See [`cipher::decrypt`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`], [`Error::ReservedContext`].
    pub async fn decrypt(
        &self,
        permit: &Permit,
        key: &Key,
        algorithm: EncryptionAlgorithm,
        blob: &[u8],
        context: &EncryptionContext,
    ) -> Result<Decrypted, Error> {
        let Some(far) = self.far(key)? else {
            return cipher::decrypt(self.hsm, permit, key, algorithm, blob, context);
        };
        cipher::check_permit(permit, key, cipher::DECRYPTING)?;
        if algorithm == EncryptionAlgorithm::SymmetricDefault {
            check_context(context)?;
            return symmetric::decrypt(self.hsm, &far, permit, key, blob, context).await;
        }
        cipher::check_no_context(key, context)?;
        let call = far.remote.decrypt(far.id(), algorithm, blob, context);
        Ok(Decrypted { plaintext: far.done("Decrypt", call).await?, material_id: None })
    }

    /// Encrypts a data key under a symmetric key.
    ///
    /// # Errors
    /// Those of [`Self::encrypt`].
    pub async fn wrap_data_key(
        &self,
        permit: &Permit,
        key: &Key,
        data_key: &SecretBytes,
        context: &EncryptionContext,
    ) -> Result<Encrypted, Error> {
        let algorithm = EncryptionAlgorithm::SymmetricDefault;
        self.encrypt(permit, key, algorithm, data_key.expose(), context).await
    }

    /// See [`cipher::sign`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`].
    pub async fn sign(
        &self,
        permit: &Permit,
        key: &Key,
        message: Message<'_>,
    ) -> Result<Vec<u8>, Error> {
        let Some(far) = self.far(key)? else {
            return cipher::sign(self.hsm, permit, key, message);
        };
        cipher::check_permit(permit, key, &[Action::SIGN])?;
        message.check(key)?;
        let Message { algorithm, kind, bytes } = message;
        far.done("Sign", far.remote.sign(far.id(), algorithm, kind, bytes)).await
    }

    /// See [`cipher::verify`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`].
    pub async fn verify(
        &self,
        permit: &Permit,
        key: &Key,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<(), Error> {
        let Some(far) = self.far(key)? else {
            return cipher::verify(self.hsm, permit, key, message, signature);
        };
        cipher::check_permit(permit, key, &[Action::VERIFY])?;
        message.check(key)?;
        let Message { algorithm, kind, bytes } = message;
        far.done("Verify", far.remote.verify(far.id(), algorithm, kind, bytes, signature)).await
    }

    /// See [`cipher::generate_mac`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`].
    pub async fn generate_mac(
        &self,
        permit: &Permit,
        key: &Key,
        algorithm: MacAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let Some(far) = self.far(key)? else {
            return cipher::generate_mac(self.hsm, permit, key, algorithm, message);
        };
        cipher::check_permit(permit, key, &[Action::GENERATE_MAC])?;
        far.done("GenerateMac", far.remote.generate_mac(far.id(), algorithm, message)).await
    }

    /// See [`cipher::verify_mac`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`].
    pub async fn verify_mac(
        &self,
        permit: &Permit,
        key: &Key,
        algorithm: MacAlgorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<(), Error> {
        let Some(far) = self.far(key)? else {
            return cipher::verify_mac(self.hsm, permit, key, algorithm, message, mac);
        };
        cipher::check_permit(permit, key, &[Action::VERIFY_MAC])?;
        far.done("VerifyMac", far.remote.verify_mac(far.id(), algorithm, message, mac)).await
    }

    /// See [`cipher::public_key`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`].
    pub async fn public_key(&self, permit: &Permit, key: &Key) -> Result<Vec<u8>, Error> {
        let Some(far) = self.far(key)? else { return cipher::public_key(self.hsm, permit, key) };
        cipher::check_permit(permit, key, &[Action::GET_PUBLIC_KEY])?;
        StateRule::PublicKey.check(key.state, &key.arn)?;
        if !key.spec.is_asymmetric() {
            return Err(Error::NoPublicKey);
        }
        far.done("GetPublicKey", far.remote.public_key(far.id())).await
    }

    /// See [`cipher::derive_shared_secret`].
    ///
    /// # Errors
    /// As there; [`Error::Remote`], [`Error::NoRemote`].
    pub async fn derive_shared_secret(
        &self,
        permit: &Permit,
        key: &Key,
        algorithm: KeyAgreementAlgorithm,
        peer: &[u8],
    ) -> Result<SecretBytes, Error> {
        let Some(far) = self.far(key)? else {
            return cipher::derive_shared_secret(self.hsm, permit, key, peer);
        };
        cipher::check_permit(permit, key, &[Action::DERIVE_SHARED_SECRET])?;
        let call = far.remote.derive_shared_secret(far.id(), algorithm, peer);
        far.done("DeriveSharedSecret", call).await
    }

    /// See [`cipher::encapsulate`]. No remote key is for it: CreateKey refuses them.
    ///
    /// # Errors
    /// As there.
    pub fn encapsulate(&self, permit: &Permit, key: &Key) -> Result<Encapsulated, Error> {
        cipher::encapsulate(self.hsm, permit, key)
    }

    /// See [`cipher::decapsulate`]. No remote key is for it: CreateKey refuses them.
    ///
    /// # Errors
    /// As there.
    pub fn decapsulate(
        &self,
        permit: &Permit,
        key: &Key,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, Error> {
        cipher::decapsulate(self.hsm, permit, key, ciphertext)
    }
}
