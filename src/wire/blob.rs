//! Binary members: standard base64 with padding.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::base::secret::SecretBytes;

/// Public bytes: ciphertexts, public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(|_bad| D::Error::custom("not base64"))
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

/// Secret bytes on their way in or out: the base64 text is wiped too.
#[derive(Debug)]
pub struct SecretBlob(pub SecretBytes);

impl<'de> Deserialize<'de> for SecretBlob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(from)?;
        let decoded = BASE64_STANDARD.decode(&text);
        text.zeroize();
        // The decoder's own error quotes the offending byte: leave it out.
        decoded
            .map(|bytes| Self(SecretBytes::new(bytes)))
            .map_err(|_bad| D::Error::custom("not base64"))
    }
}

impl Serialize for SecretBlob {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut text = BASE64_STANDARD.encode(self.0.expose());
        let written = to.serialize_str(&text);
        text.zeroize();
        written
    }
}

/// How many bytes `text` stands for, if it is base64 with padding; the bytes
/// themselves are not made.
#[must_use]
pub fn decoded_len(text: &str) -> Option<usize> {
    let digits = text.as_bytes();
    let unpadded = text.trim_end_matches('=').len();
    let padding = digits.len().checked_sub(unpadded)?;
    let body = digits.get(..unpadded)?;
    let valid = digits.len().is_multiple_of(4)
        && padding <= 2
        && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    if !valid {
        return None;
    }
    digits.len().checked_div(4)?.checked_mul(3)?.checked_sub(padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for len in 0..40 {
            let text = BASE64_STANDARD.encode(vec![7; len]);
            assert_eq!(decoded_len(&text), Some(len));
        }
        assert_eq!(decoded_len("abc"), None);
        assert_eq!(decoded_len("ab-_"), None);
        assert_eq!(decoded_len("a==="), None);
    }
}
