//! What the columns of a record's row say already, its body need not repeat.
//!
//! A string of the record whose contents are exactly what a column says is
//! stored as one control character, which no JSON text has inside a string.
//! This is a matter of room alone: the text that is hashed has the contents.

use std::borrow::Cow;

use uuid::Uuid;

use super::personal::{Found, Malformed, Strings};
use crate::base::arn::PARTITION;
use crate::base::timestamp;
use crate::store::{NewEvent, StoredRecord};

/// How many texts the columns stand for.
const COUNT: usize = 22;

/// Of these, how many may stand in what is never erased: the others come from
/// columns that can be.
const LASTING: usize = 18;

/// The control character of each text, in the order of [`Columns::texts`].
/// None of those that may stand between the tokens of JSON. None may ever
/// change.
const SIGNS: [u8; COUNT] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0b, 0x0c, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13,
    0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
];

/// Stands behind each value.
const END: u8 = 0x1f;

/// The columns of a row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) time_ms: i64,
    pub(super) event_id: &'a [u8; 16],
    pub(super) request_id: Option<&'a [u8; 16]>,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) event_source: &'a str,
    pub(super) event_name: &'a str,
    pub(super) principal: &'a str,
    pub(super) principal_id: Option<&'a str>,
    pub(super) access_key: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) second_key: Option<&'a str>,
    pub(super) key_material: Option<&'a str>,
    pub(super) error: Option<&'a str>,
    pub(super) source_ip: Option<&'a str>,
    pub(super) session: Option<&'a str>,
}

impl<'a> Row<'a> {
    pub(super) fn of(record: &'a StoredRecord) -> Self {
        let columns = &record.columns;
        let personal = record.personal.as_ref();
        Self {
            time_ms: record.position.time_ms,
            event_id: &columns.event_id,
            request_id: columns.request_id.as_ref(),
            account: &columns.account,
            region: &columns.region,
            event_source: &columns.event_source,
            event_name: &columns.event_name,
            principal: &columns.principal,
            principal_id: columns.principal_id.as_deref(),
            access_key: columns.access_key.as_deref(),
            key: columns.key.as_deref(),
            second_key: columns.second_key.as_deref(),
            key_material: columns.key_material.as_deref(),
            error: columns.error.as_deref(),
            source_ip: personal.and_then(|personal| personal.source_ip.as_deref()),
            session: personal.and_then(|personal| personal.session.as_deref()),
        }
    }

    /// That of a record that is to be stored.
    pub(super) fn of_new(event: &'a NewEvent) -> Self {
        Self {
            time_ms: event.time_ms,
            event_id: &event.event_id,
            request_id: event.request_id.as_ref(),
            account: &event.account,
            region: &event.region,
            event_source: &event.event_source,
            event_name: &event.event_name,
            principal: &event.principal,
            principal_id: event.principal_id.as_deref(),
            access_key: event.access_key.as_deref(),
            key: event.key.as_deref(),
            second_key: event.second_key.as_deref(),
            key_material: event.key_material.as_deref(),
            error: event.error.as_deref(),
            source_ip: event.personal.source_ip.as_deref(),
            session: event.personal.session.as_deref(),
        }
    }

    /// The ARN of the session, as records have it.
    fn session_arn(&self) -> Option<String> {
        let (account, role) = self.principal.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
        let session = self.session?;
        Some(format!("arn:{PARTITION}:sts::{account}:assumed-role/{role}/{session}"))
    }
}

/// The texts of a row's columns, as a record has them.
pub(super) struct Columns<'a> {
    /// Empty where the row says nothing.
    texts: [Cow<'a, str>; COUNT],
    /// Which lengths there are among the texts: a bit each, up to 127.
    lengths: u128,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &Row<'a>) -> Self {
        let id = |id: &[u8; 16]| Cow::Owned(Uuid::from_bytes_ref(id).as_hyphenated().to_string());
        let text = |text: Option<&'a str>| Cow::Borrowed(text.unwrap_or_default());
        let behind = |whole: Option<&'a str>, mark: &str| {
            text(whole.and_then(|whole| whole.rsplit_once(mark)).map(|(_, end)| end))
        };
        let user_id = row.principal_id.zip(row.session);
        let time = timestamp::iso_8601(row.time_ms);
        let seconds = time.split_once('.').map(|(seconds, _)| format!("{seconds}Z"));
        let texts = [
            Cow::Owned(seconds.unwrap_or_default()),
            Cow::Owned(time),
            id(row.event_id),
            row.request_id.map(id).unwrap_or_default(),
            Cow::Borrowed(row.account),
            Cow::Borrowed(row.region),
            Cow::Borrowed(row.event_source),
            Cow::Borrowed(row.event_name),
            Cow::Borrowed(row.principal),
            behind(Some(row.principal), "/"),
            text(row.principal_id),
            text(row.access_key),
            text(row.key),
            behind(row.key, ":key/"),
            text(row.second_key),
            behind(row.second_key, ":key/"),
            text(row.key_material),
            text(row.error),
            text(row.source_ip),
            text(row.session),
            row.session_arn().map(Cow::Owned).unwrap_or_default(),
            user_id.map(|(id, name)| Cow::Owned(format!("{id}:{name}"))).unwrap_or_default(),
        ];
        let lengths = texts.iter().fold(0, |lengths, text| lengths | length(text));
        Self { texts, lengths }
    }

    /// `eventTime`.
    pub(super) fn event_time(&self) -> &str {
        self.texts.first().map(Cow::as_ref).unwrap_or_default()
    }

    /// The time to the millisecond.
    pub(super) fn time(&self) -> &str {
        self.texts.get(1).map(Cow::as_ref).unwrap_or_default()
    }

    /// Takes a record apart: [`personal::split`] in one pass with what a row
    /// says once. `values` gets each value, so that it can be committed to.
    pub(super) fn take_apart<'r>(
        &self,
        canonical: &'r str,
        mut value: impl FnMut(&'r str),
    ) -> Result<Apart, Malformed> {
        let mut skeleton = String::with_capacity(canonical.len());
        let mut short = Vec::with_capacity(canonical.len());
        let mut values = Vec::with_capacity(512);
        let (mut from, mut short_from) = (0, 0);
        let part = |range| canonical.get(range).ok_or(Malformed);
        for found in Strings::of(canonical) {
            let Found { range, field } = found?;
            let contents = part(range.clone())?;
            let sign = match field {
                None => match self.sign(contents, LASTING) {
                    None => continue,
                    sign => sign,
                },
                Some(_) => {
                    skeleton.push_str(part(from..range.start)?);
                    from = range.end;
                    value(contents);
                    match self.sign(contents, COUNT) {
                        Some(sign) => values.push(sign),
                        None => values.extend_from_slice(contents.as_bytes()),
                    }
                    values.push(END);
                    None
                }
            };
            short.extend_from_slice(part(short_from..range.start)?.as_bytes());
            short.extend(sign);
            short_from = range.end;
        }
        skeleton.push_str(part(from..canonical.len())?);
        short.extend_from_slice(part(short_from..canonical.len())?.as_bytes());
        Ok(Apart { skeleton, short, values })
    }

    fn sign(&self, contents: &str, of: usize) -> Option<u8> {
        if contents.is_empty() || self.lengths & length(contents) == 0 {
            return None;
        }
        let known = self.texts.iter().zip(SIGNS).take(of);
        known.into_iter().find(|(text, _)| *text == contents).map(|(_, sign)| sign)
    }

    /// The skeleton from its short form. `None` if the columns do not say what
    /// the text needs of them.
    pub(super) fn restore(&self, short: &[u8]) -> Option<String> {
        let mut whole = Vec::with_capacity(short.len().saturating_mul(2));
        self.put_back(short, LASTING, &mut whole)?;
        String::from_utf8(whole).ok()
    }

    /// The values from their short form. `None` as above.
    pub(super) fn unpack(&self, packed: &[u8]) -> Option<Vec<String>> {
        let mut values = Vec::with_capacity(8);
        for value in packed.split_inclusive(|byte| *byte == END) {
            let mut whole = Vec::with_capacity(value.len());
            self.put_back(value.strip_suffix(&[END])?, COUNT, &mut whole)?;
            values.push(String::from_utf8(whole).ok()?);
        }
        Some(values)
    }

    fn put_back(&self, short: &[u8], of: usize, whole: &mut Vec<u8>) -> Option<()> {
        let mut rest = short;
        while let Some(at) = sign_at(rest) {
            let (plain, behind) = rest.split_at_checked(at)?;
            let (sign, behind) = behind.split_first()?;
            whole.extend_from_slice(plain);
            let at = SIGNS.iter().take(of).position(|known| known == sign)?;
            let text = self.texts.get(at).filter(|text| !text.is_empty())?;
            whole.extend_from_slice(text.as_bytes());
            rest = behind;
        }
        whole.extend_from_slice(rest);
        Some(())
    }
}

/// Where the next sign stands. Most pieces have none, which the compiler sees many
/// bytes at a time.
fn sign_at(bytes: &[u8]) -> Option<usize> {
    const PIECE: usize = 32;
    let is_sign = |byte: &u8| *byte < 0x20 && *byte != b'\t';
    let has_sign = |piece: &[u8]| piece.iter().fold(false, |found, byte| found | is_sign(byte));
    let pieces = bytes.chunks(PIECE).take_while(|piece| !has_sign(piece)).count();
    let plain = pieces.saturating_mul(PIECE);
    Some(plain.saturating_add(bytes.get(plain..)?.iter().position(is_sign)?))
}

/// A record that was taken apart.
pub(super) struct Apart {
    pub(super) skeleton: String,
    /// The skeleton with a single character for each string that a column says.
    pub(super) short: Vec<u8>,
    /// The values, shortened alike.
    pub(super) values: Vec<u8>,
}

/// The bit of a text's length.
fn length(text: &str) -> u128 {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    1_u128.checked_shl(length.min(127)).unwrap_or_default()
}
