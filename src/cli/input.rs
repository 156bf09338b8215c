//! What commands read: a file, or standard input when it is named `-`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::error::Error;

/// Opens a file or standard input.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, Error> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(cause) => Err(Error::Read { path: path.to_owned(), cause }),
    }
}

/// The whole text of a file or of standard input.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    io::read_to_string(open(path)?).map_err(|cause| Error::Read { path: path.to_owned(), cause })
}
