//! A value of a document as bytes: what is signed, what is encrypted, and how a
//! ciphertext stands in the document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::number;
use super::value::Value;
use crate::items::crypto::GCM_TAG_LEN;
use crate::items::error::ItemError;
use crate::items::serialize::TYPE_ID_LEN;

/// Begins the string that stands in an encrypted value's place. It is there for
/// people and for queries; what is encrypted, the header says.
pub(super) const TEXT_PREFIX: &str = "wb1:";

// Type ids of what is signed. Those of values that items have as well are theirs.
const NULL: [u8; TYPE_ID_LEN] = [0x00, 0x00];
const STRING: [u8; TYPE_ID_LEN] = [0x00, 0x01];
const NUMBER: [u8; TYPE_ID_LEN] = [0x00, 0x02];
const BOOLEAN: [u8; TYPE_ID_LEN] = [0x00, 0x04];
const OBJECT: [u8; TYPE_ID_LEN] = [0x02, 0x00];
const LIST: [u8; TYPE_ID_LEN] = [0x03, 0x00];
/// A ciphertext, of whatever type.
const SEALED: [u8; TYPE_ID_LEN] = [0x00, 0xff];

// The first byte of a plaintext. Null and the booleans have nothing behind it, so
// that a ciphertext's length does not tell true from false.
const PLAIN_NULL: u8 = 0;
const PLAIN_FALSE: u8 = 1;
const PLAIN_TRUE: u8 = 2;
const PLAIN_NUMBER: u8 = 3;
const PLAIN_STRING: u8 = 4;
const PLAIN_TEXT: u8 = 5;

/// What is signed of a value that is not encrypted: a single value, or a list or
/// an object in which nothing is signed.
pub(super) fn signed(value: &Value) -> Result<Zeroizing<Vec<u8>>, ItemError> {
    let (id, bytes) = match value {
        Value::Null => (NULL, Vec::new()),
        Value::Bool(flag) => (BOOLEAN, vec![u8::from(*flag)]),
        Value::Number(text) => (NUMBER, number::by_value(text)?.into_bytes()),
        Value::String(text) => (STRING, text.as_bytes().to_vec()),
        Value::List(_) => (LIST, Vec::new()),
        Value::Object(_) => (OBJECT, Vec::new()),
    };
    Ok(Zeroizing::new([&id[..], &bytes].concat()))
}

/// What is encrypted of a value, behind the type id of a ciphertext and with
/// room for the tag: never copied to grow.
pub(super) fn plaintext(value: &Value) -> Result<Zeroizing<Vec<u8>>, ItemError> {
    let [first, second] = SEALED;
    let bytes = |kind: u8, content: &[u8]| {
        let room = TYPE_ID_LEN.saturating_add(1).saturating_add(content.len());
        let mut out = Zeroizing::new(Vec::with_capacity(room.saturating_add(GCM_TAG_LEN)));
        out.extend_from_slice(&[first, second, kind]);
        out.extend_from_slice(content);
        out
    };
    Ok(match value {
        Value::Null => bytes(PLAIN_NULL, &[]),
        Value::Bool(false) => bytes(PLAIN_FALSE, &[]),
        Value::Bool(true) => bytes(PLAIN_TRUE, &[]),
        Value::Number(text) => bytes(PLAIN_NUMBER, text.as_bytes()),
        Value::String(text) => bytes(PLAIN_STRING, text.as_bytes()),
        Value::List(_) | Value::Object(_) => {
            value.append_text(GCM_TAG_LEN, &[first, second, PLAIN_TEXT])?
        }
    })
}

/// The value of a decrypted plaintext behind its type id; `None` if it is of no
/// writer that keeps to the format.
pub(super) fn parse(bytes: &[u8], depth: usize) -> Option<Value> {
    let (kind, content) = bytes.get(TYPE_ID_LEN..)?.split_first()?;
    let text = str::from_utf8(content).ok()?;
    Some(match *kind {
        PLAIN_NULL if text.is_empty() => Value::Null,
        PLAIN_FALSE if text.is_empty() => Value::Bool(false),
        PLAIN_TRUE if text.is_empty() => Value::Bool(true),
        PLAIN_NUMBER if crate::items::json::is_number(text) => Value::Number(text.to_owned()),
        PLAIN_STRING => Value::String(text.to_owned()),
        PLAIN_TEXT => match Value::parse_part(text, depth).ok()? {
            value @ (Value::List(_) | Value::Object(_)) => value,
            _ => return None,
        },
        _ => return None,
    })
}

/// The string for a ciphertext behind its type id.
pub(super) fn to_text(bytes: &[u8]) -> Value {
    let ciphertext = bytes.get(TYPE_ID_LEN..).unwrap_or_default();
    Value::String([TEXT_PREFIX, &STANDARD.encode(ciphertext)].concat())
}

/// The ciphertext that stands in `value`, behind its type id; `None` if there is none.
pub(super) fn of_text(value: &Value) -> Option<Zeroizing<Vec<u8>>> {
    let Value::String(text) = value else { return None };
    let bytes = STANDARD.decode(text.strip_prefix(TEXT_PREFIX)?).ok()?;
    // At least a kind and the tag.
    (bytes.len() > GCM_TAG_LEN).then(|| Zeroizing::new([&SEALED[..], &bytes].concat()))
}

/// Whether the ciphertext behind its type id may be that of a list or an object in
/// which there is something; of those that are too short for it, it is not.
pub(super) fn may_hold(bytes: &[u8]) -> bool {
    // A kind, `[0]`, and the tag.
    bytes.len() >= TYPE_ID_LEN.saturating_add(4).saturating_add(GCM_TAG_LEN)
}

#[cfg(test)]
mod tests {
    use super::{GCM_TAG_LEN, Value, may_hold, of_text, parse, plaintext, signed, to_text};

    fn value(text: &str) -> Value {
        Value::parse_part(text, 1).unwrap()
    }

    #[test]
    fn what_is_signed() {
        for (text, want) in [
            ("null", &b"\0\0"[..]),
            ("true", b"\0\x04\x01"),
            ("1.50", b"\0\x0215e-1"),
            (r#""\u00e9""#, b"\0\x01\xc3\xa9"),
            ("[]", b"\x03\0"),
            ("{}", b"\x02\0"),
        ] {
            assert_eq!(*signed(&value(text)).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn what_is_encrypted_comes_back() {
        for (text, want) in [
            ("null", &b"\0\xff\0"[..]),
            ("false", b"\0\xff\x01"),
            ("true", b"\0\xff\x02"),
            ("1.50", b"\0\xff\x031.50"),
            (r#""a\"""#, b"\0\xff\x04a\""),
            (r#"{"b":[1.0],"a":"é"}"#, "\0\u{ff}\x05{\"b\":[1.0],\"a\":\"é\"}".as_bytes()),
        ] {
            let bytes = plaintext(&value(text)).unwrap();
            let want = if text.starts_with('{') {
                [&b"\0\xff"[..], &want[3..]].concat()
            } else {
                want.to_vec()
            };
            assert_eq!(*bytes, want, "{text}");
            assert_eq!(bytes.capacity(), bytes.len() + GCM_TAG_LEN);
            assert!(parse(&bytes, 1).unwrap() == value(text));
        }
    }

    #[test]
    fn what_is_too_short_holds_nothing() {
        for (text, want) in [("[0]", true), (r#"{"":0}"#, true), ("[]", false), ("{}", false)] {
            let ciphertext = [&plaintext(&value(text)).unwrap()[..], &[0; GCM_TAG_LEN]].concat();
            assert_eq!(may_hold(&ciphertext), want, "{text}");
        }
    }

    #[test]
    fn plaintexts_have_one_form() {
        for bytes in [
            &b"\0\xff"[..],
            b"\0\xff\x06",
            b"\0\xff\0x",
            b"\0\xff\x02x",
            b"\0\xff\x03",
            b"\0\xff\x031 ",
            b"\0\xff\x04\xff",
            b"\0\xff\x05\"a\"",
            b"\0\xff\x05[",
        ] {
            assert!(parse(bytes, 1).is_none(), "{bytes:?}");
        }
        let deep = [&b"\0\xff\x05"[..], &b"[".repeat(3), &b"]".repeat(3)].concat();
        assert!(parse(&deep, 30).is_some());
        assert!(parse(&deep, 31).is_none());
    }

    #[test]
    fn ciphertexts_have_one_spelling() {
        let bytes = [&b"\0\xff"[..], &[7; 17]].concat();
        let text = to_text(&bytes);
        assert!(text == Value::String("wb1:BwcHBwcHBwcHBwcHBwcHBwc=".into()));
        assert_eq!(*of_text(&text).unwrap(), bytes);
        for refused in [
            r#""BwcHBwcHBwcHBwcHBwcHBwc=""#,
            r#""wb1:BwcHBwcHBwcHBwcHBwcHBwc""#,
            r#""wb1:BwcHBwcHBwcHBwcHBwcHBwd=""#,
            r#""wb1:BwcHBwcHBwcHBwcHBwcHBw==""#,
            r#""wb1: BwcHBwcHBwcHBwcHBwcHBwc=""#,
            "7",
        ] {
            assert!(of_text(&value(refused)).is_none(), "{refused}");
        }
    }
}
