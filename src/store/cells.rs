//! A number of each record of a block, as bytes: the smallest of them, and of
//! each what it is more, in as few bytes as the largest needs.

use std::borrow::Cow;

use super::Error;
use super::entry::{Field, Marks};

/// What the index keeps a number of, for every record; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Epoch milliseconds.
    Time,
    EventName,
    Principal,
    Key,
    Error,
    SourceIp,
}

impl Column {
    pub(super) const ALL: [Self; 6] =
        [Self::Time, Self::EventName, Self::Principal, Self::Key, Self::Error, Self::SourceIp];

    /// Where the column stands among those of its block.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Time => 0,
            Self::EventName => 1,
            Self::Principal => 2,
            Self::Key => 3,
            Self::Error => 4,
            Self::SourceIp => 5,
        }
    }

    /// What it is to who reads a report.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::EventName => Field::EventName.word(),
            Self::Principal => Field::Principal.word(),
            Self::Key => Field::Key.word(),
            Self::Error => Field::Error.word(),
            Self::SourceIp => Field::SourceIp.word(),
        }
    }

    /// Of which field it is the first text whose id is the number.
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::Time => None,
            Self::EventName => Some(Field::EventName),
            Self::Principal => Some(Field::Principal),
            Self::Key => Some(Field::Key),
            Self::Error => Some(Field::Error),
            Self::SourceIp => Some(Field::SourceIp),
        }
    }

    /// That text.
    pub(super) fn text_of(self, marks: &Marks) -> Option<(Field, Cow<'_, str>)> {
        let field = self.field()?;
        marks.stored_texts().find(|(of, _)| *of == field)
    }
}

/// Bytes before the numbers: how many bytes each has, how many there are, the
/// smallest.
const HEAD: usize = 1 + 2 + 8;

pub(super) fn write(numbers: &[i64]) -> Vec<u8> {
    let base = numbers.iter().copied().min().unwrap_or(0);
    let more = |number: &i64| number.wrapping_sub(base).to_le_bytes();
    let used = |bytes: [u8; 8]| {
        8_usize.saturating_sub(bytes.iter().rev().take_while(|byte| **byte == 0).count())
    };
    let width = numbers.iter().map(|number| used(more(number))).max().unwrap_or(0);
    let mut bytes = Vec::with_capacity(HEAD.saturating_add(width.saturating_mul(numbers.len())));
    bytes.push(u8::try_from(width).unwrap_or(8));
    bytes.extend(u16::try_from(numbers.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(base.to_le_bytes());
    for number in numbers {
        bytes.extend(more(number).iter().take(width));
    }
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<i64>, Error> {
    split(bytes).ok_or_else(|| Error::Corrupt("numbers in the search index".to_owned()))
}

fn split(bytes: &[u8]) -> Option<Vec<i64>> {
    let (width, rest) = bytes.split_first()?;
    let (count, rest) = rest.split_first_chunk()?;
    let (base, rest) = rest.split_first_chunk()?;
    let (width, count) = (usize::from(*width), usize::from(u16::from_le_bytes(*count)));
    let base = i64::from_le_bytes(*base);
    if width > 8 || rest.len() != width.checked_mul(count)? {
        return None;
    }
    if width == 0 {
        return Some(vec![base; count]);
    }
    let number = |cell: &[u8]| {
        let mut more = [0; 8];
        more.iter_mut().zip(cell).for_each(|(byte, stored)| *byte = *stored);
        base.wrapping_add(i64::from_le_bytes(more))
    };
    Some(rest.chunks_exact(width).map(number).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_round_trip(
            numbers in prop::collection::vec(prop_oneof![0..9_i64, 0..70_000_i64, any::<i64>()], 0..40)
        ) {
            prop_assert_eq!(read(&write(&numbers)).unwrap(), numbers);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            prop_assert!(matches!(read(&bytes), Ok(_) | Err(Error::Corrupt(_))));
        }
    }

    #[test]
    fn numbers_that_are_near_take_little_room() {
        assert_eq!(write(&[7; 100]).len(), HEAD);
        let times: Vec<i64> = (0..100).map(|n| 1_793_614_272_000 + n * 600).collect();
        assert_eq!(write(&times).len(), HEAD + 200);
    }
}
