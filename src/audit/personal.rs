//! Personal data in a record: which strings they are, how they are taken out
//! of the canonical form, and how they are put back.
//!
//! A record is read as what it is, one line of JSON, from left to right,
//! without recursion and without building anything: what matters is where its
//! strings are. Nothing is unescaped, so [`fill`] gives back every byte that
//! [`split`] took.

use std::ops::Range;

/// What of a record can be erased. Each names all strings of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `sourceIPAddress`, and the addresses that a query asked for.
    SourceIpAddress,
    UserAgent,
    /// What tells one session of a role, or one bearer of a token, from another.
    UserIdentity,
    /// The values of all encryption contexts; their names stay.
    EncryptionContext,
    /// `errorMessage`, since it quotes sessions and contexts, as do the texts that
    /// a query asked for or excluded.
    ErrorMessage,
}

impl Field {
    /// All fields, by the names that callers use.
    pub const ALL: [(&'static str, Self); 5] = [
        ("sourceIPAddress", Self::SourceIpAddress),
        ("userAgent", Self::UserAgent),
        ("userIdentity", Self::UserIdentity),
        ("encryptionContext", Self::EncryptionContext),
        ("errorMessage", Self::ErrorMessage),
    ];

    /// The names alone.
    pub const NAMES: [&'static str; 5] = {
        let [(a, _), (b, _), (c, _), (d, _), (e, _)] = Self::ALL;
        [a, b, c, d, e]
    };

    /// The field with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// Whether an erasure of `which` takes this field. An error message quotes the
    /// session and the encryption context, so it goes with either.
    pub(super) fn goes_with(self, which: &[Self]) -> bool {
        let quoted = [Self::UserIdentity, Self::EncryptionContext];
        which.contains(&self)
            || self == Self::ErrorMessage && quoted.iter().any(|of| which.contains(of))
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, of)| *of == self).map_or("", |(name, _)| *name)
    }
}

/// Where in a record a value stands, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Record,
    /// `userIdentity` before its first member.
    Identity,
    /// `userIdentity` of somebody who is known by a session or a token.
    IdentityOfSession,
    SessionContext,
    WebIdFederationData,
    /// `wardbook`.
    Own,
    /// `wardbook.item`.
    Item,
    /// `wardbook.fieldReads`.
    FieldReads,
    /// JSON of the operation.
    Member,
    /// All strings from here on can be erased.
    Personal(Field),
    /// No string from here on can be erased.
    Kept,
}

impl Place {
    /// The place of the member `name` of an object here.
    fn member(self, name: &[u8]) -> Self {
        match (self, name) {
            (Self::Personal(_) | Self::Kept, _) => self,
            (Self::Record, b"sourceIPAddress") => Self::Personal(Field::SourceIpAddress),
            (Self::Record, b"userAgent") => Self::Personal(Field::UserAgent),
            (Self::Record, b"errorMessage") => Self::Personal(Field::ErrorMessage),
            (Self::Record, b"userIdentity") => Self::Identity,
            (
                Self::Record,
                b"requestParameters"
                | b"responseElements"
                | b"additionalEventData"
                | b"serviceEventDetails",
            ) => Self::Member,
            (Self::Record, b"wardbook") => Self::Own,
            (Self::Own, b"item") => Self::Item,
            (Self::Own, b"fieldReads") => Self::FieldReads,
            // Copied from an encryption context, or what stands in one.
            (Self::Item, b"key") | (Self::FieldReads, b"keys") => {
                Self::Personal(Field::EncryptionContext)
            }
            (Self::IdentityOfSession, b"arn" | b"principalId" | b"userName") => {
                Self::Personal(Field::UserIdentity)
            }
            (Self::IdentityOfSession, b"sessionContext") => Self::SessionContext,
            (Self::SessionContext, b"webIdFederationData") => Self::WebIdFederationData,
            (Self::WebIdFederationData, b"attributes") => Self::Personal(Field::UserIdentity),
            // Names inside of it are those of attributes, whatever they are.
            (Self::Member, b"schema") => Self::Kept,
            (Self::Member, _) => Self::of_operation(name),
            _ => Self::Kept,
        }
    }

    /// The place of a member of the operation's JSON, however deep.
    fn of_operation(name: &[u8]) -> Self {
        match name {
            b"encryptionContext"
            | b"sourceEncryptionContext"
            | b"destinationEncryptionContext"
            | b"encryptionContextSubset"
            | b"encryptionContextEquals"
            | b"context" => Self::Personal(Field::EncryptionContext),
            b"roleSessionName"
            | b"assumedRoleUser"
            | b"subjectFromWebIdentityToken"
            | b"sourceIdentity"
            | b"principal" => Self::Personal(Field::UserIdentity),
            b"sourceIp" => Self::Personal(Field::SourceIpAddress),
            b"text" | b"not" => Self::Personal(Field::ErrorMessage),
            _ => Self::Member,
        }
    }

    fn field(self) -> Option<Field> {
        match self {
            Self::Personal(field) => Some(field),
            _ => None,
        }
    }
}

/// The text is not what is taken apart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the JSON of a record")]
pub struct Malformed;

/// One string that is a value, not a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What stands between its quotes.
    pub(super) range: Range<usize>,
    /// Of what it is a part, if it can be erased.
    pub(super) field: Option<Field>,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    FirstElement,
    FirstName,
    Name,
    CommaOrEnd,
    Nothing,
}

/// An object or array that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    is_object: bool,
    place: Place,
}

/// The strings of a record that are values, in order.
pub(super) struct Strings<'a> {
    text: &'a [u8],
    at: usize,
    next: Next,
    /// The place of the value that comes next.
    place: Place,
    /// Whether that value is the first member, and is called `type`.
    is_type: bool,
    open: Vec<Open>,
}

impl<'a> Strings<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            next: Next::Value,
            place: Place::Record,
            is_type: false,
            open: Vec::with_capacity(16),
        }
    }

    fn advance(&mut self) -> Result<Option<Found>, Malformed> {
        loop {
            let Some(byte) = self.text.get(self.at).copied() else {
                return if self.next == Next::Nothing { Ok(None) } else { Err(Malformed) };
            };
            match (self.next, byte) {
                (_, b' ' | b'\t') => self.step(),
                (Next::Value | Next::FirstElement, b'"') => {
                    let range = self.string()?;
                    self.see_type(&range);
                    let field = self.place.field();
                    self.end_value();
                    return Ok(Some(Found { range, field }));
                }
                (Next::Value | Next::FirstElement, b'{') => self.enter(true),
                (Next::Value | Next::FirstElement, b'[') => self.enter(false),
                (Next::FirstName | Next::Name, b'"') => self.name()?,
                (Next::CommaOrEnd, b',') => self.comma(),
                (Next::FirstName | Next::CommaOrEnd, b'}') if self.is_in_object() => self.leave(),
                (Next::FirstElement | Next::CommaOrEnd, b']') if !self.is_in_object() => {
                    self.leave();
                }
                (Next::Value | Next::FirstElement, _) => self.scalar()?,
                _ => return Err(Malformed),
            }
        }
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn is_in_object(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_object)
    }

    fn enter(&mut self, is_object: bool) {
        self.step();
        self.is_type = false;
        self.open.push(Open { is_object, place: self.place });
        self.next = if is_object { Next::FirstName } else { Next::FirstElement };
    }

    fn leave(&mut self) {
        self.step();
        self.open.pop();
        self.end_value();
    }

    fn end_value(&mut self) {
        self.is_type = false;
        self.next = if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd };
    }

    fn comma(&mut self) {
        self.step();
        match self.open.last() {
            Some(open) if !open.is_object => {
                self.place = open.place;
                self.next = Next::Value;
            }
            _ => self.next = Next::Name,
        }
    }

    /// The name of a member and the colon behind it.
    fn name(&mut self) -> Result<(), Malformed> {
        let is_first = self.next == Next::FirstName;
        let range = self.string()?;
        let name = self.text.get(range).ok_or(Malformed)?;
        let here = self.open.last().ok_or(Malformed)?.place;
        self.is_type = is_first && here == Place::Identity && name == b"type";
        self.place = here.member(name);
        while matches!(self.text.get(self.at), Some(b' ' | b'\t')) {
            self.step();
        }
        if self.text.get(self.at) != Some(&b':') {
            return Err(Malformed);
        }
        self.step();
        self.next = Next::Value;
        Ok(())
    }

    /// Learns from the first member of `userIdentity` what kind it is.
    fn see_type(&mut self, range: &Range<usize>) {
        let kinds: [&[u8]; 3] = [b"AssumedRole", b"WebIdentityUser", b"AWSAccount"];
        let kind = self.text.get(range.clone());
        if self.is_type
            && kind.is_some_and(|kind| kinds.contains(&kind))
            && let Some(open) = self.open.last_mut()
        {
            open.place = Place::IdentityOfSession;
        }
    }

    /// What stands between the quotes here; goes on behind them.
    fn string(&mut self) -> Result<Range<usize>, Malformed> {
        self.step();
        let start = self.at;
        let rest = self.text.get(start..).ok_or(Malformed)?;
        let end = start.saturating_add(contents(rest).ok_or(Malformed)?);
        if self.text.get(end) != Some(&b'"') {
            return Err(Malformed);
        }
        self.at = end.saturating_add(1);
        Ok(start..end)
    }

    /// A number, `true`, `false` or `null`: which, does not matter here.
    fn scalar(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.') =
            self.text.get(self.at)
        {
            self.step();
        }
        if self.at == start {
            return Err(Malformed);
        }
        self.end_value();
        Ok(())
    }
}

impl Iterator for Strings<'_> {
    type Item = Result<Found, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Length of the string's contents that `text` begins with: up to a quote, or
/// to the end. `None` if they could not stand in a string.
fn contents(text: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        at = at.saturating_add(plain(text.get(at..)?));
        let escape = match (text.get(at), text.get(at.saturating_add(1))) {
            (None | Some(b'"'), _) => return Some(at),
            (Some(b'\\'), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => 2,
            (Some(b'\\'), Some(b'u')) => {
                let digits = text.get(at.saturating_add(2)..at.saturating_add(6))?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                6
            }
            _ => return None,
        };
        at = at.saturating_add(escape);
    }
}

/// How many bytes come before the first that means something in a string: a quote, a
/// backslash, or a control character, which means that it is none. Nearly all strings
/// of a record are short: eight bytes at a time are faster than a call of `memchr`.
fn plain(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    let found = words.iter().map(|word| special(u64::from_le_bytes(*word)));
    match found.enumerate().find(|(_, found)| *found != 0) {
        Some((before, found)) => {
            let within = found.trailing_zeros().checked_div(8).unwrap_or(0);
            before.saturating_mul(8).saturating_add(usize::try_from(within).unwrap_or(0))
        }
        None => {
            let is_plain = |byte: &&u8| **byte >= 0x20 && !matches!(**byte, b'"' | b'\\');
            let before = text.len().saturating_sub(rest.len());
            before.saturating_add(rest.iter().take_while(is_plain).count())
        }
    }
}

/// The high bit of the lowest byte that is no plain one, and perhaps bits above it:
/// whether a byte borrows in a subtraction, all eight at a time.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES.wrapping_mul(bound.into())) & !word;
    let is = |byte: u8| below(word ^ ONES.wrapping_mul(byte.into()), 1);
    (is(b'"') | is(b'\\') | below(word, 0x20)) & ONES.wrapping_mul(0x80)
}

/// A record without its personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split<'a> {
    /// The canonical form with nothing between the quotes of strings that can
    /// be erased.
    pub skeleton: String,
    /// What stood there, in order.
    pub values: Vec<(Field, &'a str)>,
}

/// Takes the personal data out of a record, as whoever verifies one does.
///
/// # Errors
/// [`Malformed`] for what is not JSON.
pub fn split(canonical: &str) -> Result<Split<'_>, Malformed> {
    let mut skeleton = String::with_capacity(canonical.len());
    let mut values = Vec::with_capacity(8);
    let mut from = 0;
    for found in Strings::of(canonical) {
        let Found { range, field } = found?;
        let Some(field) = field else { continue };
        skeleton.push_str(canonical.get(from..range.start).ok_or(Malformed)?);
        from = range.end;
        values.push((field, canonical.get(range).ok_or(Malformed)?));
    }
    skeleton.push_str(canonical.get(from..).ok_or(Malformed)?);
    Ok(Split { skeleton, values })
}

/// The fields of the values that a skeleton lacks, in order.
pub(super) fn fields(skeleton: &str) -> Result<Vec<Field>, Malformed> {
    let personal =
        Strings::of(skeleton).filter_map(|found| found.map(|found| found.field).transpose());
    personal.collect()
}

/// Puts values back into a skeleton: the reverse of [`split`]. There must be
/// exactly as many as it lacks, each of which could stand in a string.
pub(super) fn fill<'a>(
    skeleton: &str,
    values: impl IntoIterator<Item = &'a str>,
) -> Result<String, Malformed> {
    let mut values = values.into_iter();
    let mut canonical = String::with_capacity(skeleton.len().saturating_add(512));
    let mut from = 0;
    for found in Strings::of(skeleton) {
        let Found { range, field } = found?;
        if field.is_none() {
            continue;
        }
        let value = values.next().ok_or(Malformed)?;
        if !range.is_empty() || contents(value.as_bytes()) != Some(value.len()) {
            return Err(Malformed);
        }
        canonical.push_str(skeleton.get(from..range.start).ok_or(Malformed)?);
        canonical.push_str(value);
        from = range.end;
    }
    canonical.push_str(skeleton.get(from..).ok_or(Malformed)?);
    if values.next().is_some() { Err(Malformed) } else { Ok(canonical) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_plain_is_seen_as_byte_by_byte(
            text in prop::collection::vec(prop_oneof![any::<u8>(), 0x1e..0x24_u8, 0x5b..0x5e_u8], 0..40)
        ) {
            let means = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
            let want = text.iter().position(means).unwrap_or(text.len());
            prop_assert_eq!(plain(&text), want);
        }
    }

    #[test]
    fn each_byte_is_plain_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_plain = byte >= 0x20 && !matches!(byte, b'"' | b'\\');
            for at in 0..19 {
                for around in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut text = [around; 19];
                    text[at] = byte;
                    assert_eq!(plain(&text), if is_plain { 19 } else { at }, "{byte} at {at}");
                }
            }
        }
    }
}
