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

/// Why a text is not base64, in the words of AWS's front end, but without the
/// character: it may be one of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBase64 {
    #[error("Base64 encoded length is expected a multiple of 4 bytes but found: {0}")]
    Length(usize),
    #[error("Invalid Base64 character")]
    Character,
    // AWS's own spelling.
    #[error("Invalid last non-pad Base64 character dectected")]
    LastCharacter,
}

/// How many bytes `text` stands for; the bytes themselves are not made.
///
/// # Errors
/// If it is not base64 with padding, in its one canonical form.
pub fn decoded_len(text: &str) -> Result<usize, NotBase64> {
    let digits = text.as_bytes();
    let length = text.chars().count();
    if !length.is_multiple_of(4) {
        return Err(NotBase64::Length(length));
    }
    let body = text.trim_end_matches('=').as_bytes();
    let padding = digits.len().saturating_sub(body.len());
    if padding > 2 || !body.iter().all(|digit| sextet(*digit).is_some()) {
        return Err(NotBase64::Character);
    }
    // The bits of the last digit that are part of no byte.
    let unused = match padding {
        0 => 0,
        1 => 0b11,
        _ => 0b1111,
    };
    if body.last().and_then(|digit| sextet(*digit)).is_some_and(|last| last & unused != 0) {
        return Err(NotBase64::LastCharacter);
    }
    Ok((digits.len() / 4).saturating_mul(3).saturating_sub(padding))
}

/// The six bits of a digit (RFC 4648, section 4).
fn sextet(digit: u8) -> Option<u8> {
    let (first, value) = match digit {
        b'A'..=b'Z' => (b'A', 0_u8),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => (b'+', 62),
        b'/' => (b'/', 63),
        _ => return None,
    };
    digit.checked_sub(first)?.checked_add(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths() {
        for len in 0..40 {
            let text = BASE64_STANDARD.encode(vec![7; len]);
            assert_eq!(decoded_len(&text), Ok(len));
        }
    }

    #[test]
    fn what_is_not_base64() {
        for (text, fault) in [
            ("abc", NotBase64::Length(3)),
            ("\u{fc}\u{fc}", NotBase64::Length(2)),
            ("\u{fc}bcd", NotBase64::Character),
            ("ab-_", NotBase64::Character),
            ("a===", NotBase64::Character),
            ("====", NotBase64::Character),
            ("a=bc", NotBase64::Character),
            ("YR==", NotBase64::LastCharacter),
            ("YWJ=", NotBase64::LastCharacter),
        ] {
            assert_eq!(decoded_len(text).unwrap_err(), fault, "{text}");
        }
    }

    proptest! {
        /// What is let through here is what the decoder takes.
        #[test]
        fn agrees_with_the_decoder(text in "[A-Za-z0-9+/]{0,8}[A-Z+/=\u{fc}-]{0,4}") {
            let decoded = BASE64_STANDARD.decode(&text).ok();
            prop_assert_eq!(decoded_len(&text).ok(), decoded.map(|bytes| bytes.len()));
        }
    }
}
