//! GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.

use aws_sdk_kms::types::DataKeySpec;

use super::{NO_KEY, arn, invalid};
use crate::fixture::{Server, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_comes_in_clear_and_encrypted() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let call = || kms.generate_data_key().key_id(&id).encryption_context("table", "orders");
    for (call, len) in [
        (call().key_spec(DataKeySpec::Aes256), 32),
        (call().key_spec(DataKeySpec::Aes128), 16),
        (call().number_of_bytes(1), 1),
        (call().number_of_bytes(1_024), 1_024),
    ] {
        let made = call.send().await.unwrap();
        assert_eq!(made.key_id(), Some(arn(&id).as_str()));
        assert_eq!(made.key_material_id().unwrap().len(), 64);
        let plaintext = made.plaintext.unwrap();
        assert_eq!(plaintext.as_ref().len(), len);
        let open = kms.decrypt().ciphertext_blob(made.ciphertext_blob.unwrap());
        let opened = open.encryption_context("table", "orders").send().await.unwrap();
        assert_eq!(opened.plaintext, Some(plaintext));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_plaintext_it_is_learned_by_decrypt_only() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let call = kms.generate_data_key_without_plaintext().key_id(&id);
    let made = call.key_spec(DataKeySpec::Aes256).send().await.unwrap();
    assert_eq!(made.key_id(), Some(arn(&id).as_str()));
    let opened = kms.decrypt().ciphertext_blob(made.ciphertext_blob.unwrap()).send().await;
    assert_eq!(opened.unwrap().plaintext.unwrap().as_ref().len(), 32);
}

/// The rule of the two sizes comes before the key is looked up.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_the_two_sizes_is_asked_for() {
    let server = Server::start();
    let kms = server.kms();
    let either = "Please specify either number of bytes or key spec.";
    let call = || kms.generate_data_key().key_id(NO_KEY);
    refused(call().send().await, "ValidationException", either);
    let both = call().key_spec(DataKeySpec::Aes256).number_of_bytes(32);
    refused(both.send().await, "ValidationException", either);
    let without = kms.generate_data_key_without_plaintext().key_id(NO_KEY);
    refused(without.send().await, "ValidationException", either);
    for (bytes, wanted) in
        [(0, "greater than or equal to 1"), (1_025, "less than or equal to 1024")]
    {
        refused(
            call().number_of_bytes(bytes).send().await,
            "ValidationException",
            &invalid(&format!(
                "Value '{bytes}' at 'numberOfBytes' failed to satisfy constraint: Member must \
                 have value {wanted}"
            )),
        );
    }
    refused(
        call().key_spec("AES_512".into()).send().await,
        "ValidationException",
        &invalid(
            "Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum \
             value set: [RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, \
             ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, \
             HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87]",
        ),
    );
    let long = "A".repeat(2_000);
    let error = call().key_spec(long.as_str().into()).send().await.unwrap_err();
    let text = error.as_service_error().and_then(|error| error.meta().message()).unwrap();
    assert!(text.contains("AAA...' at 'keySpec'") && text.len() < 1_000, "{text}");
    refused(
        call().number_of_bytes(32).send().await,
        "NotFoundException",
        &format!("Key '{}' does not exist", arn(NO_KEY)),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_are_as_many_as_asked_for() {
    let server = Server::start();
    let kms = server.kms();
    let call = |len| kms.generate_random().number_of_bytes(len);
    let first = call(1_024).send().await.unwrap().plaintext.unwrap();
    let second = call(1_024).send().await.unwrap().plaintext.unwrap();
    assert_eq!(first.as_ref().len(), 1_024);
    assert_ne!(first, second);
    refused(
        kms.generate_random().send().await,
        "ValidationException",
        "NumberOfBytes is required.",
    );
    refused(
        call(1_025).send().await,
        "ValidationException",
        &invalid(
            "Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have \
             value less than or equal to 1024",
        ),
    );
    refused(
        call(16).custom_key_store_id("cks-1234567890abcdef0").send().await,
        "CustomKeyStoreNotFoundException",
        "Custom key store cks-1234567890abcdef0 does not exist.",
    );
}
