//! SQL written once: named queries, values, rows, and the narrow `Tx` that an
//! engine implements. No engine is named here.

use super::Error;

/// One statement. The text stays in the common part of SQLite and PostgreSQL:
/// `?N` placeholders, integers, text and blobs, epoch milliseconds,
/// `on conflict`, `returning`; no JSON operators and no date functions.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Names the statement in errors and traces, such as `keys.set_state`.
    pub name: &'static str,
    pub sql: &'static str,
}

/// One argument of a query.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

/// The common subset has no boolean: false is 0, true is 1.
impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Int(i64::from(truth))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One column of a row that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row that was read. Columns are counted from 0; asking for a column that
/// is not there, or that holds another type, is [`Error::Column`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Cell>);

impl Row {
    /// The integer in column `i`.
    ///
    /// # Errors
    /// [`Error::Column`] for null and for every other type.
    pub fn int(&self, i: usize) -> Result<i64, Error> {
        self.opt_int(i)?.ok_or(Error::Column(i))
    }

    /// The text in column `i`.
    ///
    /// # Errors
    /// [`Error::Column`] for null and for every other type.
    pub fn text(&self, i: usize) -> Result<&str, Error> {
        self.opt_text(i)?.ok_or(Error::Column(i))
    }

    /// The bytes in column `i`.
    ///
    /// # Errors
    /// [`Error::Column`] for null and for every other type.
    pub fn blob(&self, i: usize) -> Result<&[u8], Error> {
        self.opt_blob(i)?.ok_or(Error::Column(i))
    }

    /// The bytes in column `i`, which must be exactly `N`.
    ///
    /// # Errors
    /// [`Error::Column`] for another length, null, and every other type.
    pub fn array<const N: usize>(&self, i: usize) -> Result<[u8; N], Error> {
        <[u8; N]>::try_from(self.blob(i)?).ok().ok_or(Error::Column(i))
    }

    /// The boolean in column `i`, stored as 0 or 1.
    ///
    /// # Errors
    /// [`Error::Column`] for everything else.
    pub fn bool(&self, i: usize) -> Result<bool, Error> {
        match self.int(i)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Column(i)),
        }
    }

    /// The integer in column `i`, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`] for every other type.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>, Error> {
        match self.0.get(i) {
            Some(Cell::Null) => Ok(None),
            Some(Cell::Int(int)) => Ok(Some(*int)),
            _ => Err(Error::Column(i)),
        }
    }

    /// The text in column `i`, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`] for every other type.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>, Error> {
        match self.0.get(i) {
            Some(Cell::Null) => Ok(None),
            Some(Cell::Text(text)) => Ok(Some(text)),
            _ => Err(Error::Column(i)),
        }
    }

    /// The bytes in column `i`, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`] for every other type.
    pub fn opt_blob(&self, i: usize) -> Result<Option<&[u8]>, Error> {
        match self.0.get(i) {
            Some(Cell::Null) => Ok(None),
            Some(Cell::Blob(bytes)) => Ok(Some(bytes)),
            _ => Err(Error::Column(i)),
        }
    }

    /// Takes the bytes in column `i` out of the row, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`] for every other type.
    pub(super) fn take_opt_blob(&mut self, i: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.0.get_mut(i) {
            Some(Cell::Null) => Ok(None),
            Some(Cell::Blob(bytes)) => Ok(Some(std::mem::take(bytes))),
            _ => Err(Error::Column(i)),
        }
    }
}

/// A transaction that is under way. It ends outside: neither method commits.
pub trait Tx {
    /// Runs a statement that answers no rows and tells how many it changed.
    ///
    /// # Errors
    /// [`Error::Duplicate`] for a key that exists, [`Error::Conflict`] for any
    /// other broken constraint, [`Error::Unavailable`] or [`Error::Poisoned`]
    /// when the disk refuses, [`Error::Query`] for a fault of the statement.
    fn run(&mut self, query: &Query, args: &[Value<'_>]) -> Result<u64, Error>;

    /// Runs a statement and collects all its rows; the statement bounds them.
    ///
    /// # Errors
    /// As [`Tx::run`].
    fn rows(&mut self, query: &Query, args: &[Value<'_>]) -> Result<Vec<Row>, Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_typed() {
        let row = Row(vec![
            Cell::Null,
            Cell::Int(7),
            Cell::Text("seven".to_owned()),
            Cell::Blob(vec![7; 3]),
        ]);
        assert_eq!(row.opt_int(0).unwrap(), None);
        assert_eq!(row.opt_text(0).unwrap(), None);
        assert_eq!(row.opt_blob(0).unwrap(), None);
        assert_eq!(row.int(1).unwrap(), 7);
        assert_eq!(row.text(2).unwrap(), "seven");
        assert_eq!(row.blob(3).unwrap(), [7; 3]);
        assert_eq!(row.array::<3>(3).unwrap(), [7; 3]);
        let mut taken = row.clone();
        assert_eq!(taken.take_opt_blob(3).unwrap().unwrap(), [7; 3]);
        assert_eq!(taken.take_opt_blob(0).unwrap(), None);
        assert!(matches!(taken.take_opt_blob(2), Err(Error::Column(2))));
        for refused in [
            row.int(0).map(drop),
            row.int(2).map(drop),
            row.bool(1).map(drop),
            row.text(1).map(drop),
            row.blob(2).map(drop),
            row.array::<2>(3).map(drop),
            row.array::<4>(3).map(drop),
            row.opt_int(4).map(drop),
        ] {
            assert!(matches!(refused, Err(Error::Column(_))));
        }
    }

    #[test]
    fn values_convert() {
        assert!(matches!(Value::from(true), Value::Int(1)));
        assert!(matches!(Value::from(Some("x")), Value::Text("x")));
        assert!(matches!(Value::from(None::<i64>), Value::Null));
        assert!(matches!(Value::from(&[1u8, 2]), Value::Blob([1, 2])));
    }
}
