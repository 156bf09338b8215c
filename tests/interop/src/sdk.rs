//! The official item encryptor, with a wardbook server as its KMS.

use std::collections::HashMap;
use std::error::Error;

use aws_credential_types::Credentials;
use aws_db_esdk::CryptoAction;
use aws_db_esdk::item_encryptor::client::Client as Encryptor;
use aws_db_esdk::item_encryptor::types::dynamo_db_item_encryptor_config::DynamoDbItemEncryptorConfig;
use aws_db_esdk::material_providers::client::Client as Providers;
use aws_db_esdk::material_providers::types::DbeAlgorithmSuiteId;
use aws_db_esdk::material_providers::types::keyring::KeyringRef;
use aws_db_esdk::material_providers::types::material_providers_config::MaterialProvidersConfig;
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::config::{BehaviorVersion, Region};
use serde_json::Value;

use crate::json::Item;
use crate::server::{REGION, Server};

/// Why something did not work; the SDK's errors are of many types.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A KMS client of the server's administrator.
#[must_use]
pub fn kms(server: &Server) -> Kms {
    let (id, secret) = &server.admin;
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(id, secret, None, None, "interop"))
        .endpoint_url(&server.url)
        .build();
    Kms::from_conf(config)
}

/// The SDK's item encryptor for a schema of wardbook. `keys` are key ARNs: one is
/// a KMS keyring, more are a multi-keyring whose generator is the first.
///
/// # Errors
/// What the SDK says against the configuration.
pub async fn encryptor(kms: &Kms, schema: &Value, keys: &[String]) -> Result<Encryptor, BoxError> {
    let providers = Providers::from_conf(MaterialProvidersConfig::builder().build()?)?;
    let mut keyrings = Vec::new();
    for key in keys {
        let keyring = providers.create_aws_kms_keyring().kms_key_id(key).kms_client(kms.clone());
        keyrings.push(keyring.send().await?);
    }
    let keyring: KeyringRef = match keyrings.len() {
        1 => keyrings.remove(0),
        _ => {
            let generator = keyrings.remove(0);
            let multi = providers.create_multi_keyring().generator(generator);
            multi.child_keyrings(keyrings).send().await?
        }
    };
    let text = |name: &str| schema[name].as_str().map(str::to_owned);
    let actions = schema["attributeActionsOnEncrypt"].as_object().expect("actions");
    let actions: HashMap<String, CryptoAction> =
        actions.iter().map(|(name, value)| (name.clone(), action(value))).collect();
    let suite = match text("algorithmSuite").as_deref() {
        Some("0x6700") => DbeAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKeySymsigHmacSha384,
        _ => DbeAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKeyEcdsaP384SymsigHmacSha384,
    };
    let config = DynamoDbItemEncryptorConfig::builder()
        .set_logical_table_name(text("tableName"))
        .set_partition_key_name(text("partitionKeyName"))
        .set_sort_key_name(text("sortKeyName"))
        .attribute_actions_on_encrypt(actions)
        .set_allowed_unsigned_attribute_prefix(text("allowedUnsignedAttributePrefix"))
        .algorithm_suite_id(suite)
        .keyring(keyring)
        .build()?;
    Ok(Encryptor::from_conf(config)?)
}

fn action(value: &Value) -> CryptoAction {
    match value.as_str() {
        Some("ENCRYPT_AND_SIGN") => CryptoAction::EncryptAndSign,
        Some("SIGN_ONLY") => CryptoAction::SignOnly,
        Some("SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT") => {
            CryptoAction::SignAndIncludeInEncryptionContext
        }
        Some("DO_NOTHING") => CryptoAction::DoNothing,
        other => panic!("unknown action {other:?}"),
    }
}

/// Encrypts an item as the SDK does.
///
/// # Errors
/// What the SDK says.
pub async fn encrypt(encryptor: &Encryptor, item: Item) -> Result<Item, BoxError> {
    let output = encryptor.encrypt_item().plaintext_item(item).send().await?;
    output.encrypted_item.ok_or_else(|| "no item".into())
}

/// Decrypts an item as the SDK does.
///
/// # Errors
/// What the SDK says.
pub async fn decrypt(encryptor: &Encryptor, item: Item) -> Result<Item, BoxError> {
    let output = encryptor.decrypt_item().encrypted_item(item).send().await?;
    output.plaintext_item.ok_or_else(|| "no item".into())
}
