//! Encrypt, Decrypt, ReEncrypt.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DryRunModifierType, EncryptionAlgorithmSpec};

use super::{NO_KEY, alias_arn, arn, invalid};
use crate::fixture::{ACCOUNT, Server, refused};

async fn encrypt(kms: &Client, key: &str, plaintext: &[u8]) -> Blob {
    let made = kms.encrypt().key_id(key).plaintext(Blob::new(plaintext)).send().await.unwrap();
    made.ciphertext_blob.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encrypted_is_decrypted() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let plaintext = Blob::new(b"the plaintext");
    let made = kms
        .encrypt()
        .key_id(&id)
        .plaintext(plaintext.clone())
        .encryption_context("tenant", "7")
        .send()
        .await
        .unwrap();
    assert_eq!(made.key_id(), Some(arn(&id).as_str()));
    assert_eq!(made.encryption_algorithm(), Some(&EncryptionAlgorithmSpec::SymmetricDefault));
    let ciphertext = made.ciphertext_blob.unwrap();
    let opened = kms
        .decrypt()
        .ciphertext_blob(ciphertext.clone())
        .encryption_context("tenant", "7")
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext(), Some(&plaintext));
    assert_eq!(opened.key_id(), Some(arn(&id).as_str()));
    let metadata = kms.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(opened.key_material_id(), metadata.current_key_material_id());

    let again = kms.encrypt().key_id(&id).plaintext(plaintext).encryption_context("tenant", "7");
    assert_ne!(again.send().await.unwrap().ciphertext_blob.unwrap(), ciphertext);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_encryption_context_must_be_the_same() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let made = kms
        .encrypt()
        .key_id(&id)
        .plaintext(Blob::new(b"x"))
        .encryption_context("a", "1")
        .encryption_context("b", "2");
    let ciphertext = made.send().await.unwrap().ciphertext_blob.unwrap();
    let open = |pairs: &[(&str, &str)]| {
        let call = kms.decrypt().ciphertext_blob(ciphertext.clone());
        pairs.iter().fold(call, |call, (key, value)| call.encryption_context(*key, *value)).send()
    };
    open(&[("b", "2"), ("a", "1")]).await.unwrap();
    for pairs in [&[][..], &[("a", "1")], &[("a", "2"), ("b", "1")], &[("A", "1"), ("b", "2")]] {
        refused(open(pairs).await, "InvalidCiphertextException", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintexts_have_from_1_to_4096_bytes() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let longest = vec![7; 4_096];
    let ciphertext = encrypt(&kms, &id, &longest).await;
    let opened = kms.decrypt().ciphertext_blob(ciphertext).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().into_inner(), longest);
    for (len, wanted) in [(0, "greater than or equal to 1"), (4_097, "less than or equal to 4096")]
    {
        refused(
            kms.encrypt().key_id(&id).plaintext(Blob::new(vec![0; len])).send().await,
            "ValidationException",
            &invalid(&format!(
                "Value at 'plaintext' failed to satisfy constraint: Member must have length \
                 {wanted}"
            )),
        );
    }
    refused(
        kms.encrypt().key_id(&id).send().await,
        "ValidationException",
        &invalid("Value at 'plaintext' failed to satisfy constraint: Member must not be null"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ciphertexts_that_are_none_are_refused_without_a_text() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let good = encrypt(&kms, &id, b"x").await.into_inner();
    let mut bad = vec![b"garbage".to_vec(), good[..good.len() - 1].to_vec()];
    bad.push([good.as_slice(), &[0]].concat());
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        bad.push(flipped);
    }
    for blob in bad {
        // The key is named: without it a changed key id would be an unknown key.
        let call = kms.decrypt().ciphertext_blob(Blob::new(blob)).key_id(&id);
        refused(call.send().await, "InvalidCiphertextException", "");
    }
    refused(
        kms.decrypt().send().await,
        "ValidationException",
        &invalid(
            "Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
        ),
    );
    let long = kms.decrypt().ciphertext_blob(Blob::new(vec![0; 6_145])).send().await;
    refused(
        long,
        "ValidationException",
        &invalid(
            "Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length less \
             than or equal to 6144",
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_named_must_be_the_right_one() {
    let server = Server::start();
    let kms = server.kms();
    let (right, wrong) = (server.new_key(), server.new_key());
    kms.create_alias().alias_name("alias/right").target_key_id(&right).send().await.unwrap();
    let ciphertext = encrypt(&kms, &right, b"x").await;
    let open = |key: String| kms.decrypt().ciphertext_blob(ciphertext.clone()).key_id(key).send();
    for name in [right.clone(), arn(&right), "alias/right".to_owned(), alias_arn("alias/right")] {
        open(name).await.unwrap();
    }
    refused(
        open(wrong).await,
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    );
    refused(
        open(NO_KEY.to_owned()).await,
        "NotFoundException",
        &format!("Key '{}' does not exist", arn(NO_KEY)),
    );
}

/// Whoever holds a ciphertext learns nothing about its key.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_forbidden_keys_answer_alike() {
    let server = Server::start();
    let (kms, ada) = (server.kms(), server.kms_of(&server.new_user("ada", "")));
    let forbidden = encrypt(&kms, &server.new_key(), b"x").await;
    let elsewhere = Server::start();
    let unknown = encrypt(&elsewhere.kms(), &elsewhere.new_key(), b"x").await;
    let hidden = |operation: &str| {
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/ada is not authorized to perform: kms:{operation} \
             on the resource associated with this ciphertext because the resource does not exist \
             in this Region, no resource-based policies allow access, or a resource-based policy \
             explicitly denies access"
        )
    };
    for ciphertext in [forbidden, unknown] {
        let denied = "AccessDeniedException";
        let open = ada.decrypt().ciphertext_blob(ciphertext.clone());
        refused(open.send().await, denied, &hidden("Decrypt"));
        let open = ada.re_encrypt().ciphertext_blob(ciphertext).destination_key_id(NO_KEY);
        refused(open.send().await, denied, &hidden("ReEncryptFrom"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_symmetric_algorithm_fits_a_symmetric_key() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let incompatible = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec \
                        SYMMETRIC_DEFAULT.";
    let rsa = EncryptionAlgorithmSpec::RsaesOaepSha256;
    let call = kms.encrypt().key_id(&id).plaintext(Blob::new(b"x"));
    refused(call.encryption_algorithm(rsa).send().await, "InvalidKeyUsageException", incompatible);
    let call = kms.encrypt().key_id(NO_KEY).plaintext(Blob::new(b"x"));
    refused(
        call.encryption_algorithm("symmetric_default".into()).send().await,
        "ValidationException",
        &invalid(
            "Value 'symmetric_default' at 'encryptionAlgorithm' failed to satisfy constraint: \
             Member must satisfy enum value set: [RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, \
             SYMMETRIC_DEFAULT]",
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn re_encrypt_moves_to_another_key_and_context() {
    let server = Server::start();
    let kms = server.kms();
    let (from, to) = (server.new_key(), server.new_key());
    let ciphertext = encrypt(&kms, &from, b"moving").await;
    let call = || kms.re_encrypt().ciphertext_blob(ciphertext.clone()).destination_key_id(&to);
    let moved = call().destination_encryption_context("tenant", "7").send().await.unwrap();
    assert_eq!(moved.source_key_id(), Some(arn(&from).as_str()));
    assert_eq!(moved.key_id(), Some(arn(&to).as_str()));
    let symmetric = Some(&EncryptionAlgorithmSpec::SymmetricDefault);
    assert_eq!(moved.source_encryption_algorithm(), symmetric);
    assert_eq!(moved.destination_encryption_algorithm(), symmetric);
    assert_ne!(moved.source_key_material_id(), moved.destination_key_material_id());
    let open = kms.decrypt().ciphertext_blob(moved.ciphertext_blob.unwrap());
    let opened = open.encryption_context("tenant", "7").send().await.unwrap();
    assert_eq!(opened.plaintext, Some(Blob::new(b"moving")));

    refused(
        call().source_encryption_context("tenant", "7").send().await,
        "InvalidCiphertextException",
        "",
    );
    refused(
        call().source_key_id(&to).send().await,
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    );
    kms.disable_key().key_id(&to).send().await.unwrap();
    refused(call().send().await, "DisabledException", &format!("{} is disabled.", arn(&to)));
    refused(
        kms.re_encrypt().ciphertext_blob(ciphertext.clone()).send().await,
        "ValidationException",
        &invalid(
            "Value null at 'destinationKeyId' failed to satisfy constraint: Member must not be \
             null",
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_would_be() {
    let server = Server::start();
    let (kms, ada) = (server.kms(), server.kms_of(&server.new_user("ada", "")));
    let id = server.new_key();
    let ciphertext = encrypt(&kms, &id, b"x").await;
    let (dry, would) = (
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    );
    let call = |kms: &Client| kms.encrypt().key_id(&id).plaintext(Blob::new(b"x")).dry_run(true);
    refused(call(&kms).send().await, dry, would);
    assert!(
        call(&ada).send().await.unwrap_err().into_service_error().meta().code()
            == Some("AccessDeniedException")
    );
    let open = kms.decrypt().ciphertext_blob(ciphertext.clone()).dry_run(true);
    refused(open.send().await, dry, would);
    let move_it = kms.re_encrypt().ciphertext_blob(ciphertext).destination_key_id(&id);
    refused(move_it.dry_run(true).send().await, dry, would);
    let ignore = DryRunModifierType::IgnoreCiphertext;
    let permission = kms.decrypt().key_id(&id).dry_run(true).dry_run_modifiers(ignore);
    refused(permission.send().await, dry, would);
    kms.disable_key().key_id(&id).send().await.unwrap();
    refused(call(&kms).send().await, "DisabledException", &format!("{} is disabled.", arn(&id)));
}
