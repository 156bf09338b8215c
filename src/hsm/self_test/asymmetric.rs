//! Known-answer tests of the asymmetric primitives, of HMAC and of key wrap.
//!
//! The keys were made for this and are no secret. One parameter set or curve of
//! each primitive is enough here: the others are the same code.

use crate::base::algorithm::{MacAlgorithm, MessageType, SigningAlgorithm};
use crate::base::hex;
use crate::base::spec::KeySpec;
use crate::hsm::hazmat::ecc::EccKey;
use crate::hsm::hazmat::ed25519::Ed25519Key;
use crate::hsm::hazmat::hash::sha256;
use crate::hsm::hazmat::ml_dsa::MlDsaKey;
use crate::hsm::hazmat::ml_kem::MlKemKey;
use crate::hsm::hazmat::rsa::{OaepHash, RsaKey};
use crate::hsm::hazmat::{key_wrap, mac};

/// RFC 4231, test case 1.
pub(super) fn check_hmac() -> Option<bool> {
    let cases = [
        (MacAlgorithm::HmacSha224, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),
        (
            MacAlgorithm::HmacSha256,
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            MacAlgorithm::HmacSha384,
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c\
             faea9ea9076ede7f4af152e8b2fa9cb6",
        ),
        (
            MacAlgorithm::HmacSha512,
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
    ];
    for (algorithm, want) in cases {
        if hex::encode(&mac::mac(algorithm, &[0x0b; 20], b"Hi There")?) != want {
            return Some(false);
        }
    }
    Some(true)
}

/// Wycheproof, AES-KWP, test 161. An altered byte must be refused as well.
pub(super) fn check_key_wrap() -> Option<bool> {
    let key = hex::decode::<32>("fce0429c610658ef8e7cfb0154c51de2239a8a317f5af5b6714f985fb5c4d75c");
    let want = hex::decode::<16>("287326b5ed0078e7ca0164d748f667e7")?;
    let mut wrapped = hex::decode::<24>("e3eab96d9a2fda12f9e252053aff15e753e5ea6f5172c92b")?;
    let unwrapped = key_wrap::unwrap(&key?, &wrapped)?.expose() == want;
    wrapped[23] ^= 1;
    Some(unwrapped && key_wrap::unwrap(&key?, &wrapped).is_none())
}

/// All made with OpenSSL.
pub(super) fn check_rsa() -> Option<bool> {
    let want = "89411ced1bb1ab21ee0d13eccf6a57a2483fccd17b3deec2996fb495e9b07245";
    let key = RsaKey::from_pkcs8(KeySpec::Rsa2048, include_bytes!("rsa_2048.der"))?;
    let pkcs1 = SigningAlgorithm::RsassaPkcs1V15Sha256;
    let signature = key.sign(pkcs1, MessageType::Raw, b"message")?;
    let signed = hex::encode(&sha256(&[&signature])) == want;

    let (pss, by_pss) = (SigningAlgorithm::RsassaPssSha256, include_bytes!("rsa_2048_pss.bin"));
    let verify = |message| key.verify(pss, MessageType::Raw, message, by_pss).is_some();
    let verified = verify(b"message") && !verify(b"massage");
    let plaintext = key.decrypt(OaepHash::Sha256, include_bytes!("rsa_2048_oaep.bin"))?;
    Some(signed && verified && plaintext.expose() == b"plaintext")
}

/// A signature and a shared secret of P-256, made with OpenSSL.
pub(super) fn check_ecc() -> Option<bool> {
    let key = hex::decode::<138>(
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
         d189827ebe3b212e3de61796902b5868fb0ec5a02d479c8b93f3d635f6fd59fea1440342\
         00049df3316308fe2b7891f319df4713f92c67ce59f07bd1e6c1c10d3d544cfc93ca0687\
         bb6d8d8026a91740f3fead92f3abcb654aa8660b35b9f8abc91f0dce8fae",
    )?;
    let signature = hex::decode::<71>(
        "30450221009707e68565c56571ddbc522eb91c898d8c07189ed8e8c9d6ce0e127429b5d6\
         050220328b2cbc8114a3fa075c33b717ce0803f92fcdbcb1f036d204b29060ed31d555",
    )?;
    let peer = hex::decode::<91>(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004e1292e024c55ff9f3a\
         1fa96612389047f6ef465e7271d21256b84d1b2e7c44cd8f94f7fcf9a0474bd7425a5569\
         d30d2edee609a5d65094fc0252921bc4d35d71",
    )?;
    let want = "a8f75c4f8f6a91d2b59ade4c33ad55be5aa8483372bef1f9a3a12c4985236e3e";
    let key = EccKey::from_pkcs8(KeySpec::EccNistP256, &key)?;
    let (ecdsa, raw) = (SigningAlgorithm::EcdsaSha256, MessageType::Raw);
    let verify = |message, signature: &[u8]| key.verify(ecdsa, raw, message, signature).is_some();
    let verified = verify(b"message", &signature) && !verify(b"massage", &signature);
    let signed = verify(b"message", &key.sign(ecdsa, raw, b"message")?);
    Some(verified && signed && hex::encode(key.agree(&peer)?.expose()) == want)
}

/// RFC 8032, section 7.1, test 3, and section 7.3.
pub(super) fn check_ed25519() -> Option<bool> {
    let seed = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
    let want = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    let key = Ed25519Key::from_seed(&hex::decode::<32>(seed)?)?;
    let signature = key.sign(&[0xaf, 0x82])?;
    let signed = hex::encode(&signature) == want;
    let verified = key.verify(&[0xaf, 0x82], &signature).is_some();
    let refused = key.verify(&[0xaf, 0x83], &signature).is_none();

    let seed = "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42";
    let want = "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
                31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406";
    let key = Ed25519Key::from_seed(&hex::decode::<32>(seed)?)?;
    let signature = key.sign_prehashed(b"abc")?;
    let prehashed = hex::encode(&signature) == want
        && key.verify_prehashed(b"abc", &signature).is_some()
        && key.verify_prehashed(b"abd", &signature).is_none();
    Some(signed && verified && refused && prehashed)
}

/// ML-DSA-44. What each of the two libraries signs the other must accept; mu is
/// that of "message 16" under the key, for which the first attempt succeeds.
pub(super) fn check_ml_dsa() -> Option<bool> {
    let mu = hex::decode::<64>(
        "062ed33b138f81df0a9e3a5c205b1b8297f6fe480192620d9a708f647a77a0a2\
         bed8d8e3b1533c10239e88c6387c4cfbd2b20092d28c1059fd62ba35cf221b9a",
    )?;
    let key = MlDsaKey::from_seed(KeySpec::MlDsa44, &counting::<32>())?;
    let derived = is_digest_of(
        key.public_key(),
        "837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be",
    );
    let by_mu = key.sign_mu(&mu)?;
    let signed =
        is_digest_of(&by_mu, "ea8eba75d90d32992dfce64f0e5278e4c20a5b1ef5bd1fba9784ea5e426a9dc8");
    let verified = key.verify(b"message 16", &by_mu).is_some()
        && key.verify(b"message 17", &by_mu).is_none()
        && key.verify_mu(&mu, &key.sign(b"message 16")?).is_some();
    Some(derived && signed && verified)
}

/// ML-KEM-512: a ciphertext that was made for the key, and one that was not.
pub(super) fn check_ml_kem() -> Option<bool> {
    let mut ciphertext = *include_bytes!("ml_kem_512.bin");
    let want = "9b192f47901d88b19e42a2c73e2cf09189dcf9fddfa7f7b9a7ae7869e43a18bf";
    let want_rejected = "a634056d4db8074a43ce2d645b742a28bb518e02876844a132bdb391a873c438";
    let key = MlKemKey::from_seed(KeySpec::MlKem512, &counting::<64>())?;
    let derived = is_digest_of(
        key.public_key(),
        "0e3c8b89b54202d2545f7aba2e2aaa3cffa7b6191919ad738fab35b4f313cf71",
    );
    let decapsulated = hex::encode(key.decapsulate(&ciphertext)?.expose()) == want;
    ciphertext[0] ^= 1;
    let rejected = hex::encode(key.decapsulate(&ciphertext)?.expose()) == want_rejected;
    let (secret, ciphertext) = key.encapsulate()?;
    let agreed = secret.ct_eq(key.decapsulate(&ciphertext)?.expose());
    Some(derived && decapsulated && rejected && agreed)
}

fn is_digest_of(bytes: &[u8], want: &str) -> bool {
    hex::encode(&sha256(&[bytes])) == want
}

/// The bytes 0, 1, 2 and so on.
fn counting<const LEN: usize>() -> [u8; LEN] {
    let mut bytes = [0; LEN];
    for (to, from) in bytes.iter_mut().zip(0..) {
        *to = from;
    }
    bytes
}
