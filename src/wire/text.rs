//! Secret text on its way out: secret access keys and session tokens.

use serde::ser::Error;
use serde::{Serialize, Serializer};

use crate::base::secret::SecretBytes;

/// Text that must not leak; serialized as a string, printed never.
#[derive(Debug)]
pub struct SecretText(pub SecretBytes);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(self.0.expose())
            .map_err(|_bad| S::Error::custom("a secret is not text"))?;
        to.serialize_str(text)
    }
}
