//! The calls: what is asked, and what of an answer must hold to be one.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;

use super::answer::{Answer, Description};
use super::errors::{failure, request_id};
use super::failure::{Failure, FailureKind};
use super::{Remote, names};
use crate::base::algorithm::{
    EncryptionAlgorithm, KeyAgreementAlgorithm, MacAlgorithm, MessageType, SigningAlgorithm,
};
use crate::base::context::EncryptionContext;
use crate::base::secret::SecretBytes;
use crate::base::spec::{KeySpec, KeyState, KeyUsage};

// Secrets: what comes out is wiped, because its buffer moves from the SDK's answer
// into `SecretBytes`. What cannot be wiped from here are the SDK's own copies: the
// plaintext that is sent (a `Blob`, and its base64 in the body), and the body that
// was received. They are freed with the call.

const SYMMETRIC: EncryptionAlgorithm = EncryptionAlgorithm::SymmetricDefault;

impl Remote {
    /// Encrypts up to 4,096 bytes, or what the RSA key can take.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn encrypt(
        &self,
        key: &str,
        algorithm: EncryptionAlgorithm,
        plaintext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Answer<Vec<u8>>, Failure> {
        self.call(|client| async move {
            let request = client
                .encrypt()
                .key_id(key)
                .encryption_algorithm(algorithm.as_str().into())
                .plaintext(Blob::new(plaintext))
                .set_encryption_context(pairs(context));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            names::same_key(key, output.key_id(), &id)?;
            bytes(output.ciphertext_blob, "CiphertextBlob", id)
        })
        .await
    }

    /// Decrypts; the key is always named, so that no ciphertext can choose one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn decrypt(
        &self,
        key: &str,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Answer<SecretBytes>, Failure> {
        self.call(|client| async move {
            let request = client
                .decrypt()
                .key_id(key)
                .encryption_algorithm(algorithm.as_str().into())
                .ciphertext_blob(Blob::new(ciphertext))
                .set_encryption_context(pairs(context));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            let named = names::same_key(key, output.key_id(), &id);
            // Into its home first, so that it is wiped in any case.
            let plaintext = match output.plaintext.map(Blob::into_inner) {
                // Whoever has the public key of an RSA key can encrypt nothing at all.
                Some(value) if !value.is_empty() || algorithm != SYMMETRIC => {
                    Ok(Answer { value: SecretBytes::new(value), request_id: id })
                }
                _ => Err(missing("Plaintext", id)),
            }?;
            named.map(|()| plaintext)
        })
        .await
    }

    /// Signs up to 4,096 bytes, or a digest.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn sign(
        &self,
        key: &str,
        algorithm: SigningAlgorithm,
        kind: MessageType,
        message: &[u8],
    ) -> Result<Answer<Vec<u8>>, Failure> {
        self.call(|client| async move {
            let request = client
                .sign()
                .key_id(key)
                .signing_algorithm(algorithm.as_str().into())
                .message_type(kind.as_str().into())
                .message(Blob::new(message));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            names::same_key(key, output.key_id(), &id)?;
            bytes(output.signature, "Signature", id)
        })
        .await
    }

    /// Verifies a signature; one that does not hold is [`FailureKind::Signature`].
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn verify(
        &self,
        key: &str,
        algorithm: SigningAlgorithm,
        kind: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Answer<()>, Failure> {
        self.call(|client| async move {
            let request = client
                .verify()
                .key_id(key)
                .signing_algorithm(algorithm.as_str().into())
                .message_type(kind.as_str().into())
                .message(Blob::new(message))
                .signature(Blob::new(signature));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            names::same_key(key, output.key_id(), &id)?;
            held(output.signature_valid, FailureKind::Signature, id)
        })
        .await
    }

    /// Makes the MAC of up to 4,096 bytes.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn generate_mac(
        &self,
        key: &str,
        algorithm: MacAlgorithm,
        message: &[u8],
    ) -> Result<Answer<Vec<u8>>, Failure> {
        self.call(|client| async move {
            let request = client
                .generate_mac()
                .key_id(key)
                .mac_algorithm(algorithm.as_str().into())
                .message(Blob::new(message));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            names::same_key(key, output.key_id(), &id)?;
            bytes(output.mac, "Mac", id)
        })
        .await
    }

    /// Verifies a MAC; one that does not hold is [`FailureKind::Mac`].
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn verify_mac(
        &self,
        key: &str,
        algorithm: MacAlgorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<Answer<()>, Failure> {
        self.call(|client| async move {
            let request = client
                .verify_mac()
                .key_id(key)
                .mac_algorithm(algorithm.as_str().into())
                .message(Blob::new(message))
                .mac(Blob::new(mac));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            names::same_key(key, output.key_id(), &id)?;
            held(output.mac_valid, FailureKind::Mac, id)
        })
        .await
    }

    /// Agrees on a secret with the owner of `public_key` (DER, SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn derive_shared_secret(
        &self,
        key: &str,
        algorithm: KeyAgreementAlgorithm,
        public_key: &[u8],
    ) -> Result<Answer<SecretBytes>, Failure> {
        self.call(|client| async move {
            let request = client
                .derive_shared_secret()
                .key_id(key)
                .key_agreement_algorithm(algorithm.as_str().into())
                .public_key(Blob::new(public_key));
            let output = request.send().await.map_err(|error| failure(&error))?;
            let id = request_id(&output);
            let named = names::same_key(key, output.key_id(), &id);
            let secret = bytes(output.shared_secret, "SharedSecret", id)?.map(SecretBytes::new);
            named.map(|()| secret)
        })
        .await
    }

    /// The public key, DER, SubjectPublicKeyInfo (RFC 5280).
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn public_key(&self, key: &str) -> Result<Answer<Vec<u8>>, Failure> {
        self.call(|client| async move {
            let output = client
                .get_public_key()
                .key_id(key)
                .send()
                .await
                .map_err(|error| failure(&error))?;
            let id = request_id(&output);
            names::same_key(key, output.key_id(), &id)?;
            bytes(output.public_key, "PublicKey", id)
        })
        .await
    }

    /// What the remote says of a key.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn describe(&self, key: &str) -> Result<Answer<Description>, Failure> {
        self.call(|client| describe(client, key)).await
    }

    /// Asks whether the remote answers, by describing `key` or else by listing one
    /// key. A remote that refuses has been reached: it knows who asks.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn probe(&self, key: Option<&str>) -> Result<Answer<()>, Failure> {
        let reached = match key {
            Some(key) => {
                let found = self.call_beside(|client| describe(client, key)).await;
                found.map(|found| found.map(drop))
            }
            None => self.call_beside(list_one).await,
        };
        match reached {
            Err(Failure { kind: FailureKind::Denied, request_id, .. }) => {
                Ok(Answer { value: (), request_id })
            }
            other => other,
        }
    }
}

async fn describe(client: Client, key: &str) -> Result<Answer<Description>, Failure> {
    let output = client.describe_key().key_id(key).send().await.map_err(|error| failure(&error))?;
    let id = request_id(&output);
    let Some(found) = output.key_metadata else {
        return Err(missing("KeyMetadata", id));
    };
    let Some(arn) = found.arn.filter(|arn| names::is_key_arn(arn)) else {
        return Err(missing("Arn", id));
    };
    names::same_key(key, Some(&arn), &id)?;
    let spec = found.key_spec.as_ref().map(|spec| spec.as_str());
    let Some(spec) = spec.and_then(KeySpec::parse) else {
        return Err(unsupported("KeySpec", spec, id));
    };
    let usage = found.key_usage.as_ref().map(|usage| usage.as_str());
    let parsed = match (usage, spec.usages()) {
        // Not every server repeats what can be but one.
        (None, [only]) => Some(*only),
        _ => usage.and_then(KeyUsage::parse),
    };
    let Some(usage) = parsed else { return Err(unsupported("KeyUsage", usage, id)) };
    let state = found.key_state.as_ref().map(|state| state.as_str());
    let enabled = state == Some(KeyState::Enabled.as_str());
    let value = Description { arn, spec, usage, enabled };
    Ok(Answer { value, request_id: id })
}

async fn list_one(client: Client) -> Result<Answer<()>, Failure> {
    let output = client.list_keys().limit(1).send().await.map_err(|error| failure(&error))?;
    let id = request_id(&output);
    match output.keys {
        Some(_) => Ok(Answer { value: (), request_id: id }),
        None => Err(missing("Keys", id)),
    }
}

/// The pairs of a context as the SDK wants them; nothing for the empty one.
fn pairs(context: &EncryptionContext) -> Option<Pairs> {
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    (!context.is_empty()).then(|| context.iter().map(pair).collect())
}

#[expect(
    clippy::disallowed_types,
    reason = "the SDK's type; it is sent, and nothing depends on its order"
)]
type Pairs = std::collections::HashMap<String, String>;

/// The bytes of a member that an answer must have. No answer has one without bytes.
fn bytes(
    member: Option<Blob>,
    name: &str,
    request_id: Option<String>,
) -> Result<Answer<Vec<u8>>, Failure> {
    match member.map(Blob::into_inner) {
        Some(value) if !value.is_empty() => Ok(Answer { value, request_id }),
        _ => Err(missing(name, request_id)),
    }
}

/// The result of a verification. AWS never answers `false`; other servers do, and to
/// the SDK an answer without the member says the same.
fn held(
    valid: bool,
    otherwise: FailureKind,
    request_id: Option<String>,
) -> Result<Answer<()>, Failure> {
    match valid {
        true => Ok(Answer { value: (), request_id }),
        false => Err(Failure::new(otherwise, request_id, "the remote answers false")),
    }
}

fn missing(member: &str, request_id: Option<String>) -> Failure {
    Failure::garbage(request_id, &format!("an answer without {member}"))
}

fn unsupported(member: &str, value: Option<&str>, request_id: Option<String>) -> Failure {
    let cause = format!("{member} {} is not known here", value.unwrap_or("(none)"));
    Failure::new(FailureKind::Unsupported, request_id, &cause)
}
