//! Attribute values as bytes: what is signed, and what is encrypted.
//!
//! The value itself carries no type; a value inside a map or list is preceded
//! by its type id and length. Numbers are normalized, sets and map keys sorted,
//! so that equal values have equal bytes. (Specification:
//! `dynamodb-encryption-client/ddb-attribute-serialization.md`.)

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::attribute::AttributeValue;
use super::bytes::{Reader, put_long, put_u32};
use super::error::{ItemError, ItemErrorCode};
use super::number::normalize;
use crate::base::limits::ITEM_DEPTH;

/// Bytes of a type id.
pub(super) const TYPE_ID_LEN: usize = 2;
/// Bytes of a map key.
const MAP_KEY_BYTES: usize = 65_535;
/// Bytes of the longest normal form of a number: sign, `0.`, 129 zeros, 38 digits.
const NUMBER_BYTES: usize = 170;

pub(super) const NULL: [u8; 2] = [0x00, 0x00];
pub(super) const STRING: [u8; 2] = [0x00, 0x01];
pub(super) const NUMBER: [u8; 2] = [0x00, 0x02];
pub(super) const BOOLEAN: [u8; 2] = [0x00, 0x04];
const BINARY: [u8; 2] = [0xff, 0xff];
const STRING_SET: [u8; 2] = [0x01, 0x01];
const NUMBER_SET: [u8; 2] = [0x01, 0x02];
const BINARY_SET: [u8; 2] = [0x01, 0xff];
const MAP: [u8; 2] = [0x02, 0x00];
const LIST: [u8; 2] = [0x03, 0x00];

/// Type id and bytes of a top-level value, with `spare` bytes of room behind
/// them. The buffer never grows, so no copy of a plaintext is left behind.
pub(super) fn serialize(
    value: &AttributeValue,
    spare: usize,
) -> Result<Zeroizing<Vec<u8>>, ItemError> {
    let room = size_bound(value, 1)?.saturating_add(TYPE_ID_LEN).saturating_add(spare);
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    out.extend_from_slice(&type_id(value));
    write(value, &mut out)?;
    Ok(out)
}

fn type_id(value: &AttributeValue) -> [u8; TYPE_ID_LEN] {
    match value {
        AttributeValue::S(_) => STRING,
        AttributeValue::N(_) => NUMBER,
        AttributeValue::B(_) => BINARY,
        AttributeValue::Bool(_) => BOOLEAN,
        AttributeValue::Null => NULL,
        AttributeValue::Ss(_) => STRING_SET,
        AttributeValue::Ns(_) => NUMBER_SET,
        AttributeValue::Bs(_) => BINARY_SET,
        AttributeValue::M(_) => MAP,
        AttributeValue::L(_) => LIST,
    }
}

/// At least as many bytes as `write` will append; refuses too deep a value, so
/// that `write` need not look.
fn size_bound(value: &AttributeValue, depth: usize) -> Result<usize, ItemError> {
    if depth > ITEM_DEPTH {
        return Err(too_deep());
    }
    let deeper = depth.saturating_add(1);
    // A child's type id and length.
    let child = |value| size_bound(value, deeper).map(|size| size.saturating_add(6));
    Ok(match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::N(text) => number_size(text),
        AttributeValue::Bool(_) | AttributeValue::Null => 1,
        AttributeValue::Ss(members) => set_size(members.iter().map(String::len)),
        AttributeValue::Bs(members) => set_size(members.iter().map(Vec::len)),
        AttributeValue::Ns(members) => set_size(members.iter().map(|text| number_size(text))),
        AttributeValue::L(values) => {
            values.iter().try_fold(4_usize, |sum, value| Ok(sum.saturating_add(child(value)?)))?
        }
        AttributeValue::M(entries) => entries.iter().try_fold(4_usize, |sum, (key, value)| {
            Ok(sum.saturating_add(key.len()).saturating_add(6).saturating_add(child(value)?))
        })?,
    })
}

/// At least the size of the normal form: an exponent may stand for many zeros;
/// without one, no more than the zero before a leading point is added.
fn number_size(text: &str) -> usize {
    if text.contains(['e', 'E']) { NUMBER_BYTES } else { text.len().saturating_add(1) }
}

fn set_size(members: impl Iterator<Item = usize>) -> usize {
    members.fold(4, |sum, len| sum.saturating_add(4).saturating_add(len))
}

/// Appends the bytes of `value`, without its type id.
fn write(value: &AttributeValue, out: &mut Vec<u8>) -> Result<(), ItemError> {
    match value {
        AttributeValue::Null => {}
        AttributeValue::S(text) => out.extend_from_slice(text.as_bytes()),
        AttributeValue::N(text) => out.extend_from_slice(normalize(text)?.as_bytes()),
        AttributeValue::B(bytes) => out.extend_from_slice(bytes),
        AttributeValue::Bool(flag) => out.push(u8::from(*flag)),
        AttributeValue::Ss(members) => {
            let mut members: Vec<&str> = members.iter().map(String::as_str).collect();
            members.sort_by(|one, other| utf16_order(one, other));
            write_set(&members, out)?;
        }
        AttributeValue::Ns(members) => {
            let mut members =
                members.iter().map(|text| normalize(text)).collect::<Result<Vec<_>, _>>()?;
            members.sort();
            write_set(&members, out)?;
        }
        AttributeValue::Bs(members) => {
            let mut members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
            members.sort_unstable();
            write_set(&members, out)?;
        }
        AttributeValue::L(values) => {
            put_u32(out, values.len())?;
            for value in values {
                write_child(value, out)?;
            }
        }
        AttributeValue::M(entries) => {
            put_u32(out, entries.len())?;
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(one, _), (other, _)| utf16_order(one, other));
            for (key, value) in entries {
                if !(1..=MAP_KEY_BYTES).contains(&key.len()) {
                    return Err(malformed("a key inside a map has 1 to 65535 bytes"));
                }
                out.extend_from_slice(&STRING);
                put_long(out, key.as_bytes())?;
                write_child(value, out)?;
            }
        }
    }
    Ok(())
}

/// A value inside another: type id, length, bytes.
fn write_child(value: &AttributeValue, out: &mut Vec<u8>) -> Result<(), ItemError> {
    out.extend_from_slice(&type_id(value));
    let at = out.len();
    put_u32(out, 0)?;
    let start = out.len();
    write(value, out)?;
    let len = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..start) {
        place.copy_from_slice(&len.to_be_bytes());
    }
    Ok(())
}

/// Members in order, each after its length; `members` is sorted.
fn write_set<T: AsRef<[u8]>>(members: &[T], out: &mut Vec<u8>) -> Result<(), ItemError> {
    check_unique(members)?;
    put_u32(out, members.len())?;
    for member in members {
        put_long(out, member.as_ref())?;
    }
    Ok(())
}

fn check_unique<T: AsRef<[u8]>>(sorted: &[T]) -> Result<(), ItemError> {
    let mut neighbours = sorted.iter().zip(sorted.iter().skip(1));
    if neighbours.any(|(one, next)| one.as_ref() == next.as_ref()) {
        return Err(ItemError::new(
            ItemErrorCode::DuplicateInSet,
            "a set holds the same member twice (numbers are compared by value): remove one",
        ));
    }
    Ok(())
}

/// Order by UTF-16 code units, which the format uses for sets and map keys. It
/// differs from byte order for characters beyond U+FFFF only.
fn utf16_order(one: &str, other: &str) -> std::cmp::Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

/// The value whose type id and bytes are `bytes`; all of them must be used.
pub(super) fn parse(bytes: &[u8]) -> Result<AttributeValue, ItemError> {
    let mut reader = Reader::new(bytes);
    let id = reader.array().ok_or_else(short)?;
    read(id, reader, 1)
}

fn read(
    id: [u8; TYPE_ID_LEN],
    mut reader: Reader<'_>,
    depth: usize,
) -> Result<AttributeValue, ItemError> {
    if depth > ITEM_DEPTH {
        return Err(too_deep());
    }
    let value = match id {
        NULL => AttributeValue::Null,
        STRING => AttributeValue::S(text(reader.rest())?),
        NUMBER => AttributeValue::N(number(reader.rest())?),
        BINARY => AttributeValue::B(reader.rest().to_vec()),
        BOOLEAN => match reader.u8() {
            Some(0) => AttributeValue::Bool(false),
            Some(1) => AttributeValue::Bool(true),
            _ => return Err(malformed("a boolean is the byte 0 or 1")),
        },
        STRING_SET => AttributeValue::Ss(read_set(&mut reader, text)?),
        NUMBER_SET => AttributeValue::Ns(read_set(&mut reader, number)?),
        BINARY_SET => AttributeValue::Bs(read_set(&mut reader, |bytes| Ok(bytes.to_vec()))?),
        LIST => {
            let mut values = Vec::new();
            for _ in 0..reader.u32().ok_or_else(short)? {
                values.push(read_child(&mut reader, depth)?);
            }
            AttributeValue::L(values)
        }
        MAP => read_map(&mut reader, depth)?,
        _ => return Err(malformed("an unknown type id")),
    };
    if reader.is_empty() { Ok(value) } else { Err(malformed("bytes are left behind a value")) }
}

fn read_map(reader: &mut Reader<'_>, depth: usize) -> Result<AttributeValue, ItemError> {
    let mut entries = BTreeMap::new();
    for _ in 0..reader.u32().ok_or_else(short)? {
        if reader.array() != Some(STRING) {
            return Err(malformed("a key inside a map is a string"));
        }
        let key = text(reader.long().ok_or_else(short)?)?;
        if !(1..=MAP_KEY_BYTES).contains(&key.len()) {
            return Err(malformed("a key inside a map has 1 to 65535 bytes"));
        }
        let value = read_child(reader, depth)?;
        if entries.insert(key, value).is_some() {
            return Err(malformed("a map has the same key twice"));
        }
    }
    Ok(AttributeValue::M(entries))
}

fn read_child(reader: &mut Reader<'_>, depth: usize) -> Result<AttributeValue, ItemError> {
    let id = reader.array().ok_or_else(short)?;
    let bytes = reader.long().ok_or_else(short)?;
    read(id, Reader::new(bytes), depth.saturating_add(1))
}

/// The members in stored order, which another writer may have chosen freely.
fn read_set<T: AsRef<[u8]> + Ord>(
    reader: &mut Reader<'_>,
    member: impl Fn(&[u8]) -> Result<T, ItemError>,
) -> Result<Vec<T>, ItemError> {
    let mut members = Vec::new();
    for _ in 0..reader.u32().ok_or_else(short)? {
        members.push(member(reader.long().ok_or_else(short)?)?);
    }
    let mut sorted: Vec<&T> = members.iter().collect();
    sorted.sort_unstable();
    check_unique(&sorted)?;
    Ok(members)
}

fn text(bytes: &[u8]) -> Result<String, ItemError> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(malformed("a string is not UTF-8")),
    }
}

/// A number as stored, which is its normal form for every writer we know of.
fn number(bytes: &[u8]) -> Result<String, ItemError> {
    let text = text(bytes)?;
    normalize(&text)?;
    Ok(text)
}

fn too_deep() -> ItemError {
    ItemError::new(
        ItemErrorCode::TooDeep,
        "a value is nested deeper than 32 levels, the limit of DynamoDB and of the format: flatten it",
    )
}

fn short() -> ItemError {
    malformed("a value ends too early")
}

fn malformed(reason: &str) -> ItemError {
    ItemError::new(ItemErrorCode::MalformedAttribute, reason)
}

#[cfg(test)]
mod tests {
    use super::{AttributeValue, TYPE_ID_LEN, parse, serialize, size_bound};
    use crate::items::dynamodb_json;
    use crate::items::error::ItemErrorCode;

    fn value(text: &str) -> AttributeValue {
        dynamodb_json::parse(&format!(r#"{{"a":{text}}}"#)).unwrap().0.remove("a").unwrap()
    }

    #[track_caller]
    fn check(text: &str, want: &[u8]) {
        assert_eq!(*serialize(&value(text), 0).unwrap(), want, "{text}");
    }

    #[test]
    fn bytes_of_every_type() {
        check(r#"{"NULL":true}"#, &[0, 0]);
        check(r#"{"S":"é"}"#, &[0, 1, 0xc3, 0xa9]);
        check(r#"{"N":"+1.50"}"#, b"\x00\x021.5");
        check(r#"{"BOOL":true}"#, &[0, 4, 1]);
        check(r#"{"B":"AP8="}"#, &[0xff, 0xff, 0, 0xff]);
        check(r#"{"SS":["b","a"]}"#, b"\x01\x01\0\0\0\x02\0\0\0\x01a\0\0\0\x01b");
        check(r#"{"NS":["2","10"]}"#, b"\x01\x02\0\0\0\x02\0\0\0\x0210\0\0\0\x012");
        check(r#"{"BS":["/w==","AA=="]}"#, b"\x01\xff\0\0\0\x02\0\0\0\x01\0\0\0\0\x01\xff");
        check(
            r#"{"L":[{"BOOL":false},{"S":""}]}"#,
            b"\x03\0\0\0\0\x02\0\x04\0\0\0\x01\0\0\x01\0\0\0\0",
        );
        check(
            r#"{"M":{"b":{"NULL":true},"a":{"N":"1"}}}"#,
            b"\x02\0\0\0\0\x02\0\x01\0\0\0\x01a\0\x02\0\0\0\x011\0\x01\0\0\0\x01b\0\0\0\0\0\0",
        );
    }

    #[test]
    fn astral_characters_sort_before_the_last_of_the_basic_plane() {
        let bytes = serialize(&value(r#"{"SS":["\uff5e","\ud800\udc02"]}"#), 0).unwrap();
        assert_eq!(&bytes[10..14], "𐀂".as_bytes());
        let bytes =
            serialize(&value(r#"{"M":{"\uff5e":{"NULL":true},"\ud800\udc02":{"NULL":true}}}"#), 0)
                .unwrap();
        assert_eq!(&bytes[12..16], "𐀂".as_bytes());
    }

    #[test]
    fn the_buffer_is_large_enough_from_the_start() {
        for text in [
            r#"{"N":"-0.00000001e-122"}"#,
            r#"{"N":"-1e125"}"#,
            r#"{"N":".5"}"#,
            r#"{"NS":["1e125","-1e-130","0"]}"#,
            r#"{"SS":["","a"]}"#,
            r#"{"BS":[]}"#,
            r#"{"M":{"key":{"L":[{"NULL":true},{"B":"AA=="},{"BOOL":true}]}}}"#,
        ] {
            let value = value(text);
            let room = size_bound(&value, 1).unwrap() + TYPE_ID_LEN;
            assert!(serialize(&value, 0).unwrap().len() <= room, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_serialized() {
        for (text, want) in [
            (r#"{"N":"one"}"#, ItemErrorCode::MalformedAttribute),
            (r#"{"L":[{"N":"1e200"}]}"#, ItemErrorCode::NumberOutOfRange),
            (r#"{"SS":["a","b","a"]}"#, ItemErrorCode::DuplicateInSet),
            (r#"{"NS":["1","2","1e0"]}"#, ItemErrorCode::DuplicateInSet),
            (r#"{"BS":["AA==","AA=="]}"#, ItemErrorCode::DuplicateInSet),
            (r#"{"M":{"":{"NULL":true}}}"#, ItemErrorCode::MalformedAttribute),
        ] {
            assert_eq!(serialize(&value(text), 0).unwrap_err().code, want, "{text}");
        }
        let long = AttributeValue::M([("k".repeat(65_536), AttributeValue::Null)].into());
        assert_eq!(serialize(&long, 0).unwrap_err().code, ItemErrorCode::MalformedAttribute);
    }

    #[test]
    fn depth() {
        let nested = |levels: usize| {
            (1..levels).fold(AttributeValue::Null, |inner, _| AttributeValue::L(vec![inner]))
        };
        let bytes = serialize(&nested(32), 0).unwrap();
        assert!(parse(&bytes).unwrap() == nested(32));
        assert_eq!(serialize(&nested(33), 0).unwrap_err().code, ItemErrorCode::TooDeep);
        let mut deeper = b"\x03\0\0\0\0\x01\x03\0".to_vec();
        deeper.extend_from_slice(&u32::try_from(bytes.len() - 2).unwrap().to_be_bytes());
        deeper.extend_from_slice(&bytes[2..]);
        assert_eq!(parse(&deeper).unwrap_err().code, ItemErrorCode::TooDeep);
    }

    #[test]
    fn parsing_is_strict() {
        let refused: &[&[u8]] = &[
            b"",
            b"\x00",
            b"\x00\x03",
            b"\x00\x00x",
            b"\x00\x01\xff",
            b"\x00\x02one",
            b"\x00\x04",
            b"\x00\x04\x02",
            b"\x00\x04\x01\x01",
            b"\x01\x01\0\0\0",
            b"\x01\x01\0\0\0\x01\0\0\0\x02a",
            b"\x01\x01\0\0\0\x01\0\0\0\x01ab",
            b"\x01\x01\0\0\0\x02\0\0\0\x01a\0\0\0\x01a",
            b"\x01\x02\0\0\0\x01\0\0\0\x01a",
            b"\x03\0\0\0\0\x01\0\0\0\0\0\x01x",
            b"\x03\0\xff\xff\xff\xff",
            b"\x02\0\0\0\0\x01\0\x02\0\0\0\x01a\0\0\0\0\0\0",
            b"\x02\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0",
            b"\x02\0\0\0\0\x02\0\x01\0\0\0\x01a\0\0\0\0\0\0\0\x01\0\0\0\x01a\0\0\0\0\0\0",
        ];
        for bytes in refused {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
