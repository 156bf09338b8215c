//! Names that stand for secret values: equal for equal values, and nothing that
//! somebody without the naming key could try values against.

use super::hazmat::{kdf, mac};
use super::key::Key;
use super::labels::Label;
use super::{Error, Hsm};
use crate::base::algorithm::MacAlgorithm;

impl Hsm {
    /// HMAC-SHA-256 of `value` under a key of its own for each `context`. The key
    /// hangs on the naming key alone, so that the answer stays the same for as long
    /// as the data folder lives, whatever root key and domain key are current.
    ///
    /// # Errors
    /// [`Error::Failed`], which HMAC has no reason for.
    pub fn pseudonym(&self, context: &[u8], value: &[u8]) -> Result<[u8; 32], Error> {
        pseudonym(&self.names, context, value)
    }
}

fn pseudonym(names: &Key, context: &[u8], value: &[u8]) -> Result<[u8; 32], Error> {
    let key = kdf::derive(names, Label::PSEUDONYM.as_bytes(), context);
    let tag = mac::mac(MacAlgorithm::HmacSha256, key.expose(), value);
    tag.and_then(|tag| tag.try_into().ok()).ok_or(Error::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;

    /// What was given out once stays: people join on it.
    #[test]
    fn never_changes() {
        let root = Key::try_from_slice(&[7; 32]).unwrap();
        let of =
            |context: &[u8], value: &[u8]| hex::encode(&pseudonym(&root, context, value).unwrap());
        let known = of(b"context", b"value");
        assert_eq!(known, "cbe2a27da00365ed1a1527213975f2e6688199fb062f3bedd644b654f4e67ca8");
        assert_ne!(known, of(b"context", b"values"));
        assert_ne!(known, of(b"contexts", b"value"));
        let other = Key::try_from_slice(&[8; 32]).unwrap();
        assert_ne!(known, hex::encode(&pseudonym(&other, b"context", b"value").unwrap()));
    }
}
