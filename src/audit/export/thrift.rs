//! As much of Thrift's compact protocol as the metadata of Parquet needs
//! (thrift-compact-protocol.md of Apache Thrift). It is only written.

const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// The fields of a struct, in the order of their ids.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    last: u8,
}

/// Writes a struct.
pub(super) fn structure(out: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
    write(&mut Fields { out, last: 0 });
    out.push(0);
}

impl Fields<'_> {
    /// Ids are at most 15 apart, in one byte with the type.
    fn head(&mut self, id: u8, kind: u8) {
        self.out.push(id.saturating_sub(self.last).wrapping_shl(4) | kind);
        self.last = id;
    }

    pub(super) fn bool(&mut self, id: u8, value: bool) {
        self.head(id, if value { 1 } else { 2 });
    }

    pub(super) fn i32(&mut self, id: u8, value: i32) {
        self.head(id, I32);
        signed(self.out, value.into());
    }

    pub(super) fn i64(&mut self, id: u8, value: i64) {
        self.head(id, I64);
        signed(self.out, value);
    }

    pub(super) fn binary(&mut self, id: u8, value: &[u8]) {
        self.head(id, BINARY);
        binary(self.out, value);
    }

    pub(super) fn structure(&mut self, id: u8, write: impl FnOnce(&mut Fields<'_>)) {
        self.head(id, STRUCT);
        structure(self.out, write);
    }

    pub(super) fn structures<T>(
        &mut self,
        id: u8,
        of: &[T],
        mut write: impl FnMut(&mut Fields<'_>, &T),
    ) {
        self.list(id, STRUCT, of.len());
        for one in of {
            structure(self.out, |fields| write(fields, one));
        }
    }

    pub(super) fn i32s(&mut self, id: u8, of: &[i32]) {
        self.list(id, I32, of.len());
        for one in of {
            signed(self.out, (*one).into());
        }
    }

    pub(super) fn binaries(&mut self, id: u8, of: &[&[u8]]) {
        self.list(id, BINARY, of.len());
        for one in of {
            binary(self.out, one);
        }
    }

    fn list(&mut self, id: u8, kind: u8, length: usize) {
        self.head(id, LIST);
        match u8::try_from(length) {
            Ok(short @ 0..15) => self.out.push(short.wrapping_shl(4) | kind),
            _ => {
                self.out.push(0xf0 | kind);
                varint(self.out, u64::try_from(length).unwrap_or(u64::MAX));
            }
        }
    }
}

fn binary(out: &mut Vec<u8>, value: &[u8]) {
    varint(out, u64::try_from(value.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(value);
}

/// A number whose sign is its lowest bit.
fn signed(out: &mut Vec<u8>, value: i64) {
    varint(out, (value.wrapping_shl(1) ^ value.wrapping_shr(63)).cast_unsigned());
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_structs_are_as_written_down() {
        let written = |value| {
            let mut out = Vec::new();
            signed(&mut out, value);
            out
        };
        assert_eq!(written(0), [0]);
        assert_eq!(written(-1), [1]);
        assert_eq!(written(1), [2]);
        assert_eq!(written(-65), [0x81, 0x01]);
        assert_eq!(written(i64::MIN).len(), 10);
        let mut out = Vec::new();
        structure(&mut out, |fields| {
            fields.i32(1, 3);
            fields.bool(2, true);
            fields.binary(4, b"ab");
            fields.i32s(5, &[1; 15]);
            fields.structure(15, |inner| inner.i64(1, -1));
        });
        let want = [
            &[0x15, 6, 0x11, 0x28, 2, b'a', b'b', 0x19, 0xf5, 15][..],
            &[2; 15],
            &[0xac, 0x16, 1, 0, 0],
        ];
        assert_eq!(out, want.concat());
    }
}
