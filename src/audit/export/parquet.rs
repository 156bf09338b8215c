//! Records as Apache Parquet (parquet-format 2): the columns of the view `events`,
//! and the whole record. Written front to back, a group of rows at a time, each
//! column of a group as one page of plain values, compressed by zstd.
//!
//! Deliberately absent: dictionaries, which zstd makes up for, indexes, and every
//! type that records do not have.

use super::thrift::{Fields, structure, varint};
use crate::audit::Error;
use crate::base::ids::RequestId;
use crate::base::limits::{AUDIT_EXPORT_GROUP_BYTES, AUDIT_EXPORT_GROUP_ROWS};
use crate::store::StoredRecord;

const MAGIC: &[u8; 4] = b"PAR1";
/// zstd's level: what is exported is kept.
const LEVEL: i32 = 3;

// Numbers of parquet.thrift.
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const ZSTD: i32 = 6;
const DATA_PAGE: i32 = 0;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    /// Milliseconds since 1970, in UTC.
    Time,
    Flag,
    Text,
    /// A text, or nothing.
    Optional,
}

/// The columns, in order.
const COLUMNS: [(&str, Kind); 18] = [
    ("seq", Kind::Number),
    ("event_time", Kind::Time),
    ("account", Kind::Text),
    ("region", Kind::Text),
    ("event_source", Kind::Text),
    ("event_name", Kind::Text),
    ("principal", Kind::Text),
    ("session", Kind::Optional),
    ("access_key_id", Kind::Optional),
    ("key", Kind::Optional),
    ("second_key", Kind::Optional),
    ("key_material_id", Kind::Optional),
    ("error_code", Kind::Optional),
    ("source_ip", Kind::Optional),
    ("request_id", Kind::Optional),
    ("event_id", Kind::Text),
    ("read_only", Kind::Flag),
    ("record", Kind::Text),
];

impl Kind {
    /// The physical type.
    fn number(self) -> i32 {
        match self {
            Self::Flag => 0,
            Self::Number | Self::Time => 2,
            Self::Text | Self::Optional => 6,
        }
    }
}

/// One value of a row.
enum Cell<'a> {
    Number(i64),
    Flag(bool),
    Text(Option<&'a str>),
}

/// The values of one column of the rows that wait.
#[derive(Default)]
struct Values {
    /// As a page holds them; flags in bytes.
    plain: Vec<u8>,
    /// Of optional texts, which rows have one.
    present: Vec<bool>,
    flags: Vec<bool>,
    /// Of numbers, the least and the largest.
    range: Option<(i64, i64)>,
}

/// Where a column of a group stands in the file.
struct Chunk {
    offset: i64,
    compressed: i64,
    uncompressed: i64,
    range: Option<(i64, i64)>,
}

/// A group of rows that is written.
struct Group {
    rows: i64,
    chunks: Vec<Chunk>,
}

/// Records in the middle of becoming a file.
pub(super) struct Parquet {
    columns: [Values; COLUMNS.len()],
    rows: usize,
    groups: Vec<Group>,
    /// Bytes of the file so far.
    written: usize,
    /// Of these, what was not taken yet.
    out: Vec<u8>,
}

impl Values {
    fn push(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Number(number) => {
                self.plain.extend_from_slice(&number.to_le_bytes());
                let (least, most) = self.range.unwrap_or((*number, *number));
                self.range = Some((least.min(*number), most.max(*number)));
            }
            Cell::Flag(flag) => self.flags.push(*flag),
            Cell::Text(text) => {
                self.present.push(text.is_some());
                if let Some(text) = text {
                    // A record is never longer than `RECORD_BYTES`.
                    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                    self.plain.extend_from_slice(&length.to_le_bytes());
                    self.plain.extend_from_slice(text.as_bytes());
                }
            }
        }
    }

    /// The contents of a page.
    fn page(&self, kind: Kind) -> Vec<u8> {
        match kind {
            Kind::Number | Kind::Time | Kind::Text => self.plain.clone(),
            Kind::Flag => bits(&self.flags),
            Kind::Optional => {
                // One run of bits, eight to a group.
                let bits = bits(&self.present);
                let mut levels = Vec::with_capacity(bits.len().saturating_add(4));
                let groups = u64::try_from(bits.len()).unwrap_or(0);
                varint(&mut levels, groups.wrapping_shl(1) | 1);
                levels.extend_from_slice(&bits);
                let length = u32::try_from(levels.len()).unwrap_or(u32::MAX);
                [&length.to_le_bytes()[..], &levels, &self.plain].concat()
            }
        }
    }
}

/// The address of the caller, as the view `events` has it: of a record of format 1 it is
/// no personal value apart.
fn source_ip(stored: &StoredRecord) -> Option<&str> {
    let personal = stored.personal.as_ref().and_then(|personal| personal.source_ip.as_deref());
    personal.or(stored.columns.source_ip.as_deref())
}

/// Eight flags a byte, the first in the lowest bit.
fn bits(flags: &[bool]) -> Vec<u8> {
    let byte = |flags: &[bool]| {
        flags.iter().rev().fold(0_u8, |byte, flag| byte.wrapping_shl(1) | u8::from(*flag))
    };
    flags.chunks(8).map(byte).collect()
}

impl Parquet {
    pub(super) fn new() -> Self {
        let columns = std::array::from_fn(|_| Values::default());
        let (written, out) = (MAGIC.len(), MAGIC.to_vec());
        Self { columns, rows: 0, groups: Vec::new(), written, out }
    }

    /// Adds a row; `record` is the canonical JSON.
    pub(super) fn push(&mut self, stored: &StoredRecord, record: &str) -> Result<(), Error> {
        let of = &stored.columns;
        let personal = stored.personal.as_ref();
        let request_id = of.request_id.map(|id| RequestId::from_bytes(id).to_string());
        let event_id = RequestId::from_bytes(of.event_id).to_string();
        let cells: [Cell<'_>; COLUMNS.len()] = [
            Cell::Number(stored.position.seq),
            Cell::Number(stored.position.time_ms),
            Cell::Text(Some(&of.account)),
            Cell::Text(Some(&of.region)),
            Cell::Text(Some(&of.event_source)),
            Cell::Text(Some(&of.event_name)),
            Cell::Text(Some(&of.principal)),
            Cell::Text(personal.and_then(|personal| personal.session.as_deref())),
            Cell::Text(of.access_key.as_deref()),
            Cell::Text(of.key.as_deref()),
            Cell::Text(of.second_key.as_deref()),
            Cell::Text(of.key_material.as_deref()),
            Cell::Text(of.error.as_deref()),
            Cell::Text(source_ip(stored)),
            Cell::Text(request_id.as_deref()),
            Cell::Text(Some(&event_id)),
            Cell::Flag(of.read_only),
            Cell::Text(Some(record)),
        ];
        for (column, cell) in self.columns.iter_mut().zip(&cells) {
            column.push(cell);
        }
        self.rows = self.rows.saturating_add(1);
        let bytes: usize = self.columns.iter().map(|column| column.plain.len()).sum();
        match self.rows >= AUDIT_EXPORT_GROUP_ROWS || bytes >= AUDIT_EXPORT_GROUP_BYTES {
            true => self.end_group(),
            false => Ok(()),
        }
    }

    /// What is written and was not taken yet.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Writes the rows that wait, and the footer.
    pub(super) fn end(&mut self) -> Result<Vec<u8>, Error> {
        if self.rows > 0 {
            self.end_group()?;
        }
        let mut footer = Vec::new();
        let groups = std::mem::take(&mut self.groups);
        let rows = groups.iter().map(|group| group.rows).sum();
        structure(&mut footer, |file| {
            file.i32(1, 1);
            // The root of the schema, and the columns.
            let root = [None];
            let schema: Vec<Option<&(&str, Kind)>> =
                root.into_iter().chain(COLUMNS.iter().map(Some)).collect();
            file.structures(2, &schema, |element, of| schema_element(element, *of));
            file.i64(3, rows);
            file.structures(4, &groups, row_group);
            file.binary(6, concat!("wardbook version ", env!("CARGO_PKG_VERSION")).as_bytes());
            // Every column in the order of its type.
            file.structures(7, &COLUMNS, |order, _| order.structure(1, |_| {}));
        });
        let length = u32::try_from(footer.len()).map_err(|cause| Error::Row(cause.into()))?;
        self.write(&footer);
        self.write(&length.to_le_bytes());
        self.write(MAGIC);
        Ok(self.take())
    }

    fn write(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.written = self.written.saturating_add(bytes.len());
    }

    fn end_group(&mut self) -> Result<(), Error> {
        let empty = std::array::from_fn(|_| Values::default());
        let columns = std::mem::replace(&mut self.columns, empty);
        let mut chunks = Vec::with_capacity(COLUMNS.len());
        for (values, (_, kind)) in columns.iter().zip(COLUMNS) {
            chunks.push(self.chunk(values, kind)?);
        }
        self.groups.push(Group { rows: wide(self.rows), chunks });
        self.rows = 0;
        Ok(())
    }

    /// A column of a group: one page.
    fn chunk(&mut self, values: &Values, kind: Kind) -> Result<Chunk, Error> {
        let page = values.page(kind);
        let packed = zstd::bulk::compress(&page, LEVEL).map_err(Error::Compress)?;
        let mut head = Vec::new();
        structure(&mut head, |header| {
            header.i32(1, DATA_PAGE);
            header.i32(2, narrow(page.len()));
            header.i32(3, narrow(packed.len()));
            header.structure(5, |data| {
                data.i32(1, narrow(self.rows));
                data.i32(2, PLAIN);
                data.i32(3, RLE);
                data.i32(4, RLE);
            });
        });
        let offset = wide(self.written);
        self.write(&head);
        self.write(&packed);
        Ok(Chunk {
            offset,
            compressed: wide(head.len().saturating_add(packed.len())),
            uncompressed: wide(head.len().saturating_add(page.len())),
            range: values.range,
        })
    }
}

/// A node of the schema: a column, or the root.
fn schema_element(element: &mut Fields<'_>, of: Option<&(&str, Kind)>) {
    let Some((name, kind)) = of else {
        element.binary(4, b"event");
        return element.i32(5, narrow(COLUMNS.len()));
    };
    element.i32(1, kind.number());
    element.i32(3, i32::from(*kind == Kind::Optional));
    element.binary(4, name.as_bytes());
    match kind {
        Kind::Number | Kind::Flag => {}
        Kind::Time => {
            // TIMESTAMP_MILLIS; TIMESTAMP, in UTC, of milliseconds.
            element.i32(6, 9);
            element.structure(10, |logical| {
                logical.structure(8, |time| {
                    time.bool(1, true);
                    time.structure(2, |unit| unit.structure(1, |_| {}));
                });
            });
        }
        Kind::Text | Kind::Optional => {
            // UTF8; STRING.
            element.i32(6, 0);
            element.structure(10, |logical| logical.structure(1, |_| {}));
        }
    }
}

fn row_group(group: &mut Fields<'_>, of: &Group) {
    let chunks: Vec<(&(&str, Kind), &Chunk)> = COLUMNS.iter().zip(&of.chunks).collect();
    group.structures(1, &chunks, |chunk, ((name, kind), at)| {
        chunk.i64(2, at.offset);
        chunk.structure(3, |meta| {
            meta.i32(1, kind.number());
            meta.i32s(2, &[PLAIN, RLE]);
            meta.binaries(3, &[name.as_bytes()]);
            meta.i32(4, ZSTD);
            meta.i64(5, of.rows);
            meta.i64(6, at.uncompressed);
            meta.i64(7, at.compressed);
            meta.i64(9, at.offset);
            if let Some((least, most)) = at.range {
                meta.structure(12, |statistics| {
                    statistics.binary(5, &most.to_le_bytes());
                    statistics.binary(6, &least.to_le_bytes());
                });
            }
        });
    });
    group.i64(2, of.chunks.iter().map(|chunk| chunk.uncompressed).sum());
    group.i64(3, of.rows);
}

/// Sizes of a group and what is in it, which is bounded.
fn narrow(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

/// Sizes of a file.
fn wide(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Personal, Position, StoredColumns};

    fn stored(seq: i64) -> StoredRecord {
        let columns = StoredColumns {
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            event_source: "kms.amazonaws.com".into(),
            event_name: "Decrypt".into(),
            principal: "arn".into(),
            principal_id: None,
            access_key: None,
            key: (seq % 3 == 0).then(|| "key".into()),
            second_key: None,
            key_material: None,
            error: None,
            source_ip: None,
            request_id: None,
            event_id: [7; 16],
            read_only: seq % 2 == 0,
            field_reads: None,
        };
        StoredRecord {
            position: Position { seq, time_ms: seq.saturating_neg() },
            format: 1,
            dictionary: 1,
            leaf: [0; 32],
            body: Vec::new(),
            columns,
            personal: None,
            field_reads: Vec::new(),
        }
    }

    /// What waits is bounded by rows and by bytes; the footer tells of each group.
    #[test]
    fn groups_are_bounded() {
        let long = "x".repeat(AUDIT_EXPORT_GROUP_BYTES / 4);
        let mut parquet = Parquet::new();
        assert_eq!(parquet.take(), MAGIC);
        let mut written = MAGIC.len();
        for seq in 1_i64..=4 {
            parquet.push(&stored(seq), &long).unwrap();
            let piece = parquet.take();
            assert_eq!(piece.is_empty(), seq < 4);
            written += piece.len();
        }
        let rows = i64::try_from(AUDIT_EXPORT_GROUP_ROWS).unwrap();
        for seq in 1..=rows + 1 {
            parquet.push(&stored(seq), "{}").unwrap();
            let piece = parquet.take();
            assert_eq!(piece.is_empty(), seq != rows);
            written += piece.len();
        }
        assert_eq!((written, parquet.groups.len()), (parquet.written, 2));
        let ranges: Vec<_> = parquet.groups.iter().map(|group| group.chunks[1].range).collect();
        assert_eq!(ranges, [Some((-4, -1)), Some((-rows, -1))]);
        let end = parquet.end().unwrap();
        assert!(end.ends_with(MAGIC) && parquet.written == written + end.len());
    }

    #[test]
    fn an_address_is_found_in_either_format() {
        let mut record = stored(1);
        assert_eq!(source_ip(&record), None);
        record.columns.source_ip = Some("192.0.2.1".into());
        assert_eq!(source_ip(&record), Some("192.0.2.1"));
        let own = Some("192.0.2.2".to_owned());
        record.personal =
            Some(Personal { salt: None, source_ip: own, session: None, body: Vec::new() });
        assert_eq!(source_ip(&record), Some("192.0.2.2"));
    }

    #[test]
    fn flags_stand_in_the_order_of_bits() {
        assert!(bits(&[]).is_empty());
        assert_eq!(bits(&[true, false, false, true]), [0b1001]);
        assert_eq!(bits(&[true; 9]), [0xff, 1]);
    }
}
