//! A record that was read: its two parts, and what comes of erasing values.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Error;
use super::leaf::{SALT_BYTES, Salt, commitment, leaf_1, leaf_2};
use super::personal::{self, Field};
use crate::store::Personal;

/// A record as its leaf has it: what stays, and the values that can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Version of the canonical form.
    pub format: u8,
    /// The canonical form without personal data. All of it, in format 1.
    pub skeleton: String,
    /// What the skeleton lacks, in order.
    pub values: Vec<Value>,
}

/// One value that can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Kept {
        /// What the commitment to it is made with.
        salt: Salt,
        /// The contents of the string, escaped as they stood.
        value: String,
    },
    Erased {
        commitment: [u8; 32],
        /// `eventID` of the record that says why.
        by: [u8; 16],
    },
}

/// What stands before each value of `Value::write_all`.
const KEPT: u8 = 0;
const ERASED: u8 = 1;

impl Value {
    /// The commitment to the value, as the leaf has it.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        match self {
            Self::Kept { salt, value } => commitment(salt, value),
            Self::Erased { commitment, .. } => *commitment,
        }
    }

    /// Packs values of which some were erased: for one that is kept `0x00`, its
    /// salt, its length in four bytes, big-endian, and the value; for one that
    /// was erased `0x01`, the commitment and the event id.
    pub(super) fn write_all(values: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in values {
            match value {
                Self::Kept { salt, value } => {
                    // A record is never longer than `RECORD_BYTES`.
                    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                    bytes.push(KEPT);
                    bytes.extend_from_slice(salt);
                    bytes.extend_from_slice(&length.to_be_bytes());
                    bytes.extend_from_slice(value.as_bytes());
                }
                Self::Erased { commitment, by } => {
                    bytes.push(ERASED);
                    bytes.extend_from_slice(commitment);
                    bytes.extend_from_slice(by);
                }
            }
        }
        bytes
    }

    /// Reads what `Self::write_all` wrote.
    pub(super) fn read_all(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut values = Vec::new();
        while let Some((kind, rest)) = bytes.split_first() {
            bytes = rest;
            let value = match *kind {
                KEPT => {
                    let salt: Salt = take::<SALT_BYTES>(&mut bytes)?;
                    let length = usize::try_from(u32::from_be_bytes(take(&mut bytes)?)).ok()?;
                    let (value, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    Self::Kept { salt, value: str::from_utf8(value).ok()?.to_owned() }
                }
                ERASED => Self::Erased { commitment: take(&mut bytes)?, by: take(&mut bytes)? },
                _ => return None,
            };
            values.push(value);
        }
        Some(values)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

impl Opened {
    /// The leaf that the record hashes to.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        if self.format == 1 {
            return leaf_1(self.skeleton.as_bytes());
        }
        let commitments: Vec<[u8; 32]> = self.values.iter().map(Value::commitment).collect();
        leaf_2(self.skeleton.as_bytes(), &commitments)
    }

    /// All that the leaf is computed from, to be handed out with a proof: the
    /// number of the format; the length of the skeleton in four bytes,
    /// big-endian; the skeleton; and the values as `Value::write_all` packs
    /// them. In format 1: the number and the record.
    #[must_use]
    pub fn evidence(&self) -> Vec<u8> {
        let skeleton = self.skeleton.as_bytes();
        if self.format == 1 {
            return [&[self.format], skeleton].concat();
        }
        // A record is never longer than `RECORD_BYTES`.
        let length = u32::try_from(skeleton.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&[self.format], &length[..], skeleton, &Value::write_all(&self.values)].concat()
    }

    /// Reads what `Self::evidence` wrote. `None` for anything else.
    #[must_use]
    pub fn from_evidence(evidence: &[u8]) -> Option<Self> {
        let (format, mut rest) = evidence.split_first()?;
        let text = |bytes| str::from_utf8(bytes).ok().map(str::to_owned);
        let (skeleton, values) = match *format {
            1 => (text(rest)?, Vec::new()),
            2 => {
                let length = usize::try_from(u32::from_be_bytes(take(&mut rest)?)).ok()?;
                let (skeleton, values) = rest.split_at_checked(length)?;
                (text(skeleton)?, Value::read_all(values)?)
            }
            _ => return None,
        };
        let opened = Self { format: *format, skeleton, values };
        // How many values there are follows from the skeleton.
        opened.record().is_ok().then_some(opened)
    }

    /// The record as CloudTrail's JSON: the canonical form, byte for byte,
    /// with `[erased by event ...]` in the place of each value that was erased.
    ///
    /// # Errors
    /// [`Error::NotARecord`] if the parts do not fit together.
    pub fn record(&self) -> Result<String, Error> {
        if self.format == 1 {
            return Ok(self.skeleton.clone());
        }
        let marks = self.marks();
        let mut marks = marks.iter();
        let texts = self.values.iter().map(|value| match value {
            Value::Kept { value, .. } => value.as_str(),
            Value::Erased { .. } => marks.next().map(String::as_str).unwrap_or_default(),
        });
        personal::fill(&self.skeleton, texts).map_err(|_malformed| Error::NotARecord)
    }

    /// What stands in the places of the values that were erased, in order.
    pub(super) fn marks(&self) -> Vec<String> {
        self.values.iter().filter_map(mark).collect()
    }

    /// The events that are said to have erased something, each once. The leaf has what
    /// the values were, and not who erased them: only those events can prove that.
    #[must_use]
    pub fn erased_by(&self) -> BTreeSet<String> {
        let by = |value: &Value| match value {
            Value::Kept { .. } => None,
            Value::Erased { by, .. } => Some(Uuid::from_bytes_ref(by).as_hyphenated().to_string()),
        };
        self.values.iter().filter_map(by).collect()
    }

    /// Of which fields something was erased, by the event that says why.
    pub(super) fn erased(&self) -> BTreeMap<[u8; 16], BTreeSet<Field>> {
        let mut erased: BTreeMap<[u8; 16], BTreeSet<Field>> = BTreeMap::new();
        if self.values.iter().all(|value| matches!(value, Value::Kept { .. })) {
            return erased;
        }
        // A record that was opened has as many fields as values.
        let fields = personal::fields(&self.skeleton).unwrap_or_default();
        for (value, field) in self.values.iter().zip(fields) {
            if let Value::Erased { by, .. } = value {
                erased.entry(*by).or_default().insert(field);
            }
        }
        erased
    }

    /// What is left in the row when the values of these fields are erased by the
    /// event `by`; `None` if there are none of them any more.
    ///
    /// # Errors
    /// [`Error::NotARecord`] if the parts do not fit together.
    pub fn erase(
        &self,
        was: &Personal,
        which: &[Field],
        by: [u8; 16],
    ) -> Result<Option<Personal>, Error> {
        let fields = personal::fields(&self.skeleton).map_err(|_malformed| Error::NotARecord)?;
        let mut values = self.values.clone();
        let mut erased = 0_usize;
        let going = values.iter_mut().zip(&fields).filter(|(_, field)| field.goes_with(which));
        for (value, _) in going {
            if let Value::Kept { .. } = value {
                *value = Value::Erased { commitment: value.commitment(), by };
                erased = erased.saturating_add(1);
            }
        }
        let gone = |field| which.contains(&field);
        Ok((erased > 0).then(|| Personal {
            salt: None,
            source_ip: was.source_ip.clone().filter(|_| !gone(Field::SourceIpAddress)),
            session: was.session.clone().filter(|_| !gone(Field::UserIdentity)),
            body: Value::write_all(&values),
        }))
    }
}

/// What stands in the place of a value that was erased.
fn mark(value: &Value) -> Option<String> {
    match value {
        Value::Kept { .. } => None,
        Value::Erased { by, .. } => {
            Some(format!("[erased by event {}]", Uuid::from_bytes_ref(by).as_hyphenated()))
        }
    }
}
