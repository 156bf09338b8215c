//! Where the next page starts, as an opaque text.
//!
//! 33 bytes in base64url: version 2, time and place of the last position as
//! big-endian integers, and 16 bytes of a digest of the filter. The digest
//! catches a cursor that is used with another filter. It is no authentication:
//! a forged cursor only chooses another place to start in the same answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Error;
use crate::store::Position;

const VERSION: u8 = 2;

/// The digest of a filter.
pub(super) type Digest = [u8; 16];

pub(super) fn write(position: Position, filter: &Digest) -> String {
    let mut bytes = Vec::with_capacity(33);
    bytes.push(VERSION);
    bytes.extend(position.time_ms.to_be_bytes());
    bytes.extend(position.seq.to_be_bytes());
    bytes.extend(filter);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn read(text: &str, filter: &Digest) -> Result<Position, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().ok_or(Error::Cursor)?;
    split(&bytes).filter(|(_, of)| of == filter).map(|(position, _)| position).ok_or(Error::Cursor)
}

fn split(bytes: &[u8]) -> Option<(Position, Digest)> {
    let (version, rest) = bytes.split_first()?;
    let (time_ms, rest) = rest.split_first_chunk()?;
    let (seq, rest) = rest.split_first_chunk()?;
    let filter = rest.try_into().ok()?;
    let position =
        Position { time_ms: i64::from_be_bytes(*time_ms), seq: i64::from_be_bytes(*seq) };
    (*version == VERSION).then_some((position, filter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips_and_belongs_to_one_filter(time_ms: i64, seq: i64, filter: [u8; 16], other: [u8; 16]) {
            let position = Position { time_ms, seq };
            let text = write(position, &filter);
            prop_assert_eq!(read(&text, &filter).unwrap(), position);
            if other != filter {
                prop_assert!(matches!(read(&text, &other), Err(Error::Cursor)));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,64}", bytes: Vec<u8>) {
            for text in [text, URL_SAFE_NO_PAD.encode(bytes)] {
                prop_assert!(matches!(read(&text, &[0; 16]), Ok(_) | Err(Error::Cursor)));
            }
        }
    }
}
