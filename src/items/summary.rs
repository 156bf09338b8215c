//! What the header of an encrypted item or document says of its keys, for whoever
//! counts what is still under which: nothing is verified, and no key is used.

use super::document;
use super::error::ItemError;
use super::header::{EncryptedDataKey, Header};
use super::schema::{AlgorithmSuite, FormatVersion};

/// The part of a header that says how an item is sealed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Summary {
    /// The recipients' keys, sorted: their ARNs, of KMS keys.
    pub keys: Vec<String>,
    /// `1` or `2`, the format versions of the Database Encryption SDK, or `document 1`.
    pub format: &'static str,
    /// `0x6700` or `0x6701`.
    pub suite: &'static str,
}

/// Reads the header of an item or of a document: they differ in their first byte.
///
/// # Errors
/// `HeaderMalformed`.
pub fn summarize(header: &[u8]) -> Result<Summary, ItemError> {
    if document::is_header(header) {
        let (suite, data_keys) = document::suite_and_keys(header)?;
        return Ok(summary("document 1", suite, &data_keys));
    }
    let Header { version, suite, data_keys, .. } = Header::parse(header)?;
    let format = match version {
        FormatVersion::One => "1",
        FormatVersion::Two => "2",
    };
    Ok(summary(format, suite, &data_keys))
}

fn summary(format: &'static str, suite: AlgorithmSuite, data_keys: &[EncryptedDataKey]) -> Summary {
    let name = |key: &EncryptedDataKey| String::from_utf8_lossy(&key.provider_info).into_owned();
    let mut keys: Vec<String> = data_keys.iter().map(name).collect();
    keys.sort_unstable();
    keys.dedup();
    let suite = match suite {
        AlgorithmSuite::HmacOnly => "0x6700",
        AlgorithmSuite::EcdsaP384 => "0x6701",
    };
    Summary { keys, format, suite }
}
