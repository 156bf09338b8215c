//! Takes out of the search index what the log no longer says of a record.

use super::cells::Column;
use super::entry::{Field, Marks};
use super::index::{self, ANY};
use super::places::{self, BLOCK, Places};
use super::texts;
use super::{Error, Tx};

/// The fields of which a record can lose a value.
const PERSONAL: [Field; 3] = [Field::Session, Field::SourceIp, Field::Context];

/// Leaves of the record at `seq` what `left` says of it. The caller has
/// written all that it had in memory of the index, and reads it again.
pub(super) fn forget(tx: &mut dyn Tx, seq: i64, left: &Marks) -> Result<(), Error> {
    let (window, offset) = places::locate(seq);
    for field in PERSONAL {
        for value in index::values(tx, window, field)? {
            let places = index::places(tx, window, field, value)?;
            let Some(mut places) = places.filter(|places| places.contains(offset)) else {
                continue;
            };
            if is_left(tx, field, value, left)? {
                continue;
            }
            places.remove(offset);
            let places = Places::from(&places);
            if places.as_bytes().is_empty() {
                index::drop_places(tx, window, field, value)?;
            } else {
                index::set_places(tx, window, (field.number(), value), places.as_bytes())?;
            }
            if field != Field::Context && !index::is_used(tx, field, value)? {
                texts::delete(tx, value)?;
            }
        }
    }
    if left.source_ip.is_none() {
        let block = offset / BLOCK;
        let mut cells = index::cells(tx, window, block, Column::SourceIp)?;
        if let Some(cell) = cells.get_mut(usize::from(offset % BLOCK)) {
            *cell = ANY;
            index::set_cells(tx, window, block, Column::SourceIp, &cells)?;
        }
    }
    Ok(())
}

fn is_left(tx: &mut dyn Tx, field: Field, value: i64, left: &Marks) -> Result<bool, Error> {
    let text = match field {
        Field::Context => return Ok(left.tags.contains(&value)),
        Field::SourceIp => left.source_ip.map(|address| address.to_string()),
        _ => left.first(field).map(str::to_owned),
    };
    let Some(text) = text else { return Ok(false) };
    Ok(texts::find(tx, field, &text)? == Some(value))
}
