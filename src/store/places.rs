//! Which records of a window have something: as bits to reckon with, and as
//! the bytes that are stored.

use super::Error;

/// Records in a window. Small in tests, as the block, so that few records fill
/// several.
pub(super) const WINDOW: u16 = if cfg!(test) { 64 } else { 32_768 };
/// Records in a block; a window has a whole number of them.
pub(super) const BLOCK: u16 = if cfg!(test) { 16 } else { 512 };

const WORD_BITS: u16 = 64;
const WORDS: usize = if cfg!(test) { 1 } else { 512 };
/// Stored bytes that are this many are one bit a record; fewer are gaps.
const BITMAP_BYTES: usize = if cfg!(test) { 8 } else { 4_096 };

/// The window and the place in it of the record at `seq`.
pub(super) fn locate(seq: i64) -> (i64, u16) {
    let place = seq.saturating_sub(1);
    let window = place.div_euclid(i64::from(WINDOW));
    let offset = place.rem_euclid(i64::from(WINDOW));
    (window, u16::try_from(offset).unwrap_or(0))
}

/// The record at this place of the window; the reverse of [`locate`].
pub(super) fn seq(window: i64, offset: u16) -> i64 {
    window.saturating_mul(i64::from(WINDOW)).saturating_add(i64::from(offset)).saturating_add(1)
}

/// A set of records of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits(Box<[u64; WORDS]>);

impl Bits {
    pub(super) fn none() -> Self {
        Self(Box::new([0; WORDS]))
    }

    /// The first `count` records.
    pub(super) fn first(count: u16) -> Self {
        let mut bits = Self::none();
        for (word, start) in bits.0.iter_mut().zip((0_u16..).step_by(usize::from(WORD_BITS))) {
            let within = count.saturating_sub(start).min(WORD_BITS);
            let shift = u32::from(WORD_BITS.saturating_sub(within));
            *word = u64::MAX.checked_shr(shift).unwrap_or(0);
        }
        bits
    }

    pub(super) fn insert(&mut self, offset: u16) {
        if let Some(word) = self.0.get_mut(usize::from(offset / WORD_BITS)) {
            *word |= mask(offset);
        }
    }

    pub(super) fn remove(&mut self, offset: u16) {
        if let Some(word) = self.0.get_mut(usize::from(offset / WORD_BITS)) {
            *word &= !mask(offset);
        }
    }

    pub(super) fn contains(&self, offset: u16) -> bool {
        self.0.get(usize::from(offset / WORD_BITS)).is_some_and(|word| word & mask(offset) != 0)
    }

    pub(super) fn union(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(word, other)| *word |= other);
    }

    pub(super) fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(word, other)| *word &= other);
    }

    pub(super) fn drop_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(word, other)| *word &= !other);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The offsets, ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u16> {
        let words = (0_u16..).step_by(usize::from(WORD_BITS)).zip(self.0.iter().copied());
        let words: Vec<(u16, u64)> = words.take(WORDS).filter(|(_, word)| *word != 0).collect();
        words.into_iter().flat_map(|(start, word)| {
            (0..WORD_BITS)
                .filter(move |bit| word & mask(*bit) != 0)
                .map(move |bit| start.saturating_add(bit))
        })
    }

    /// The blocks of the window that have any, with the offset they begin at.
    pub(super) fn blocks(&self) -> Vec<(u16, u16)> {
        let starts = (0..WINDOW).step_by(usize::from(BLOCK));
        let has_any = |start: u16| {
            let end = start.saturating_add(BLOCK);
            if BLOCK < WORD_BITS {
                return (start..end).any(|offset| self.contains(offset));
            }
            let words = usize::from(start / WORD_BITS)..usize::from(end / WORD_BITS);
            self.0.get(words).is_some_and(|words| words.iter().any(|word| *word != 0))
        };
        (0_u16..).zip(starts).filter(|(_, start)| has_any(*start)).collect()
    }
}

fn mask(offset: u16) -> u64 {
    1_u64.checked_shl(u32::from(offset % WORD_BITS)).unwrap_or(0)
}

/// Stored places: the gaps between them as LEB128, each less one, or one bit
/// a record where that is shorter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    bytes: Vec<u8>,
    /// What the next gap is counted from: one behind the last place.
    next: u16,
    /// Whether there is something to write.
    pub(super) dirty: bool,
}

impl Places {
    /// Adds a place behind all others; one that is the last already stays once.
    pub(super) fn push(&mut self, offset: u16) {
        let Some(gap) = offset.checked_sub(self.next) else { return };
        self.next = offset.saturating_add(1);
        self.dirty = true;
        if self.bytes.len() < BITMAP_BYTES {
            let before = self.bytes.len();
            write_leb128(&mut self.bytes, gap);
            if self.bytes.len() < BITMAP_BYTES {
                return;
            }
            self.bytes.truncate(before);
            let gaps = offsets(&self.bytes).unwrap_or_else(|_never| Bits::none());
            self.bytes = gaps.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        }
        if let Some(byte) = self.bytes.get_mut(usize::from(offset / 8)) {
            *byte |= 1_u8.checked_shl(u32::from(offset % 8)).unwrap_or(0);
        }
    }

    /// As they are stored.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<&Bits> for Places {
    fn from(bits: &Bits) -> Self {
        let mut places = Self::default();
        bits.iter().for_each(|offset| places.push(offset));
        places.dirty = false;
        places
    }
}

/// The places that were stored.
pub(super) fn offsets(bytes: &[u8]) -> Result<Bits, Error> {
    let mut bits = Bits::none();
    if bytes.len() == BITMAP_BYTES {
        for (word, stored) in bits.0.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = stored.try_into().map(u64::from_le_bytes).unwrap_or(0);
        }
        return Ok(bits);
    }
    let (mut next, mut gap, mut shift) = (0_u32, 0_u32, 0_u32);
    for byte in bytes {
        gap |= u32::from(byte & 0x7f).checked_shl(shift).ok_or_else(damaged)?;
        if byte & 0x80 != 0 {
            shift = shift.saturating_add(7);
            continue;
        }
        let place = next.saturating_add(gap);
        bits.insert(u16::try_from(place).ok().filter(|at| *at < WINDOW).ok_or_else(damaged)?);
        (next, gap, shift) = (place.saturating_add(1), 0, 0);
    }
    Ok(bits)
}

fn damaged() -> Error {
    Error::Corrupt("places in the search index".to_owned())
}

fn write_leb128(bytes: &mut Vec<u8>, mut number: u16) {
    loop {
        let [low, _] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(of: &BTreeSet<u16>) -> Bits {
        let mut bits = Bits::none();
        of.iter().for_each(|offset| bits.insert(*offset));
        bits
    }

    proptest! {
        #[test]
        fn places_round_trip(of in prop::collection::btree_set(0..WINDOW, 0..64), cut in 0..64_usize) {
            let wanted = bits(&of);
            let places = Places::from(&wanted);
            prop_assert!(places.as_bytes().len() <= BITMAP_BYTES);
            prop_assert_eq!(&offsets(places.as_bytes()).unwrap(), &wanted);
            // Going on from the middle gives the same.
            let (first, second): (Vec<u16>, Vec<u16>) =
                (of.iter().take(cut).copied().collect(), of.iter().skip(cut).copied().collect());
            let stored = Places::from(&bits(&first.into_iter().collect()));
            let mut resumed = Places::from(&offsets(stored.as_bytes()).unwrap());
            second.iter().for_each(|offset| resumed.push(*offset));
            prop_assert_eq!(resumed.as_bytes(), places.as_bytes());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            prop_assert!(matches!(offsets(&bytes), Ok(_) | Err(Error::Corrupt(_))));
        }

        #[test]
        fn bits_are_sets(
            left in prop::collection::btree_set(0..WINDOW, 0..64),
            right in prop::collection::btree_set(0..WINDOW, 0..64),
        ) {
            let of = |f: fn(&mut Bits, &Bits)| {
                let mut both = bits(&left);
                f(&mut both, &bits(&right));
                both.iter().collect::<BTreeSet<u16>>()
            };
            prop_assert_eq!(of(Bits::union), &left | &right);
            prop_assert_eq!(of(Bits::keep), &left & &right);
            let rest: BTreeSet<u16> = left.difference(&right).copied().collect();
            prop_assert_eq!(of(Bits::drop_all), rest);
            prop_assert_eq!(bits(&left).count(), u64::try_from(left.len()).unwrap());
            let blocks: BTreeSet<u16> = left.iter().map(|offset| offset / BLOCK).collect();
            let found = bits(&left).blocks();
            prop_assert!(found.iter().all(|(block, start)| block.checked_mul(BLOCK) == Some(*start)));
            prop_assert_eq!(found.iter().map(|(block, _)| *block).collect::<BTreeSet<_>>(), blocks);
        }

        #[test]
        fn the_first_are_the_first(count in 0..=WINDOW) {
            let first: Vec<u16> = Bits::first(count).iter().collect();
            prop_assert_eq!(first, (0..count).collect::<Vec<u16>>());
        }
    }

    #[test]
    fn records_have_places() {
        assert_eq!((WORDS, WINDOW % BLOCK), (usize::from(WINDOW / WORD_BITS), 0));
        assert_eq!(BITMAP_BYTES / 8, WORDS);
        for at in [1, 2, 64, 65, 1_000_000] {
            let (window, offset) = locate(at);
            assert_eq!(seq(window, offset), at);
        }
        assert_eq!(locate(1), (0, 0));
        assert_eq!(locate(i64::from(WINDOW).saturating_add(1)), (1, 0));
    }
}
