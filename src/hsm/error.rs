//! What can go wrong in here. No variant holds a secret or says which byte was
//! wrong.

use crate::base::spec::KeySpec;

use super::random::EntropyError;

/// Why the HSM refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A ciphertext blob is malformed or altered, belongs to another key, or
    /// the encryption context is not the one it was made with.
    #[error("ciphertext is not valid for this key and encryption context")]
    InvalidCiphertext,
    /// Plaintext above [`PLAINTEXT_BYTES`](crate::base::limits::PLAINTEXT_BYTES).
    #[error("plaintext is too long")]
    PlaintextTooLong,
    /// No key of this spec can be made here, or none can be used like this.
    #[error("key spec {0} is not supported")]
    UnsupportedSpec(KeySpec),
    /// The algorithm, message type or digest length does not go with the key.
    #[error("algorithm or message does not go with the key")]
    UnsupportedAlgorithm,
    /// Imported material that is not a key of the spec.
    #[error("key material does not fit the key spec")]
    KeyMaterial,
    /// A signature that is not valid for the key and message.
    #[error("signature is not valid")]
    InvalidSignature,
    /// A MAC that is not that of the message under the key.
    #[error("mac is not valid")]
    InvalidMac,
    /// The other side's public key is none, or not on the curve of the key.
    #[error("public key of the peer is not valid for this key")]
    PeerPublicKey,
    /// A primitive gave up: no memory, or no randomness of its own.
    #[error("cryptographic operation failed")]
    Failed,
    /// An exported key token is malformed, altered, or bound to another key.
    #[error("exported key token is damaged or belongs to another key")]
    DamagedToken,
    /// A sealed secret is malformed, altered, or sealed for another purpose or
    /// other associated data.
    #[error("sealed secret is damaged or was sealed for something else")]
    DamagedSecret,

    /// Something is sealed under a domain key that is not loaded.
    #[error("domain key {0} is not loaded")]
    UnknownDomainKey(u32),
    /// A sealed domain key is malformed or altered.
    #[error("sealed domain key {0} is damaged")]
    DamagedDomainKey(u32),
    /// Domain keys must have distinct versions, and a new one the next version.
    #[error("domain key {0} is out of sequence")]
    DomainKeyOutOfSequence(u32),
    /// The current domain key cannot be forgotten.
    #[error("domain key {0} is in use")]
    DomainKeyInUse(u32),
    /// There is nothing to start with.
    #[error("no sealed domain key was given")]
    NoDomainKey,
    /// The data folder has no naming key, and every folder is made with one.
    #[error("there is no sealed naming key: it was removed")]
    NoNamingKey,
    /// The naming key is malformed or altered.
    #[error("sealed naming key is damaged")]
    DamagedNamingKey,
    /// The domain keys are sealed under another root key.
    #[error("root key is not the one that the domain keys are sealed under")]
    WrongRootKey,

    /// A key file is not one, or not intact.
    #[error("key file is damaged")]
    DamagedKeyFile,
    /// An intact key file that protects some other root key.
    #[error("key file belongs to another root key")]
    ForeignKeyFile,
    /// The passphrase is not the one that protects this root key.
    #[error("passphrase is wrong")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("passphrase is empty")]
    EmptyPassphrase,
    /// What a remote key unwrapped is not the key-encryption key of this root key.
    #[error("remote key gave back something else than what protects this root key")]
    ForeignRemoteKey,
    /// What a remote key made, or its name, cannot be kept.
    #[error("remote key has a name or an answer that cannot be stored")]
    UnfitRemoteKey,
    /// A sealed root key is not one, or not intact.
    #[error("sealed root key is damaged")]
    DamagedSealedRootKey,
    /// The sealed root key has another kind of protector.
    #[error("sealed root key has another kind of protector")]
    WrongProtector,
    /// A file in a format that this version does not know.
    #[error("file was written by another version of wardbook")]
    UnsupportedVersion,
    /// The memory that a passphrase needs is not to be had.
    #[error("not enough memory to derive a key from the passphrase")]
    OutOfMemory,

    /// No randomness: without it nothing can be made.
    #[error("entropy source failed")]
    Entropy(#[from] EntropyError),
    /// A known-answer test failed; nothing here may be used.
    #[error("self test of {0} failed")]
    SelfTest(&'static str),
    /// A thread panicked while it held a lock; the state can no longer be trusted.
    #[error("hsm state is poisoned")]
    Poisoned,
}
