//! Takes out of the search index what the log no longer says of a record.

use std::collections::BTreeMap;

use super::cells::Column;
use super::entry::{Field, Marks};
use super::index::{self, ANY};
use super::places::{self, BLOCK, Places};
use super::texts;
use super::{Error, Tx};

/// What is left of records, by their places.
pub(super) type Erased = BTreeMap<i64, Marks>;

/// Leaves of the records what the log says of them now. The caller has written
/// all that it had in memory of the index, and reads it again.
pub(super) fn forget(tx: &mut dyn Tx, erased: &Erased) -> Result<(), Error> {
    let mut windows: BTreeMap<i64, Vec<(u16, &Marks)>> = BTreeMap::new();
    for (seq, left) in erased {
        let (window, offset) = places::locate(*seq);
        windows.entry(window).or_default().push((offset, left));
    }
    for (window, records) in &windows {
        // All records of a window at once: it may have many values.
        for field in Field::PERSONAL {
            forget_values(tx, *window, field, records)?;
        }
        for (offset, _) in records.iter().filter(|(_, left)| left.source_ip.is_none()) {
            let block = offset / BLOCK;
            let mut cells = index::cells(tx, *window, block, Column::SourceIp)?;
            if let Some(cell) = cells.get_mut(usize::from(offset % BLOCK)) {
                *cell = ANY;
                index::set_cells(tx, *window, block, Column::SourceIp, &cells)?;
            }
        }
    }
    Ok(())
}

/// Leaves of one field what is left of it.
fn forget_values(
    tx: &mut dyn Tx,
    window: i64,
    field: Field,
    records: &[(u16, &Marks)],
) -> Result<(), Error> {
    let mut kept = Vec::with_capacity(records.len());
    for (offset, left) in records {
        kept.push((*offset, values_of(tx, field, left)?));
    }
    for value in index::values(tx, window, field)? {
        let Some(mut places) = index::places(tx, window, field, value)? else { continue };
        let mut loses = false;
        for (offset, values) in &kept {
            if places.contains(*offset) && !values.contains(&value) {
                places.remove(*offset);
                loses = true;
            }
        }
        if !loses {
            continue;
        }
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
    Ok(())
}

/// The values of a field that are left, as the index has them.
fn values_of(tx: &mut dyn Tx, field: Field, left: &Marks) -> Result<Vec<i64>, Error> {
    let text = match field {
        Field::Context => return Ok(left.tags.clone()),
        Field::SourceIp => left.source_ip.map(|address| address.to_string()),
        _ => left.first(field).map(str::to_owned),
    };
    let Some(text) = text else { return Ok(Vec::new()) };
    Ok(texts::find(tx, field, &text)?.into_iter().collect())
}
