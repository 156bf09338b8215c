//! The footer, attribute `aws_dbe_foot`: one recipient tag for each encrypted
//! data key, and in suite 0x6701 an ECDSA signature. (Specification:
//! `structured-encryption/footer.md`; the signature's size is the SDK's.)
//!
//! A tag is checked by its own recipient, who alone has the key of it: a tag that
//! was changed shuts that recipient out, and the others do not see it.

use super::crypto::{SIGNATURE_LEN, TAG_LEN};
use super::error::{ItemError, ItemErrorCode};
use super::schema::{AlgorithmSuite, FOOTER_NAME};

pub(super) struct Footer {
    pub(super) tags: Vec<[u8; TAG_LEN]>,
    /// In suite 0x6701 only.
    pub(super) signature: Option<[u8; SIGNATURE_LEN]>,
}

impl Footer {
    pub(super) fn write(&self) -> Vec<u8> {
        let signature = self.signature.as_ref().map_or(&[][..], |signature| &signature[..]);
        [self.tags.as_flattened(), signature].concat()
    }

    /// Reads the footer of an item with `recipients` encrypted data keys.
    pub(super) fn parse(
        bytes: &[u8],
        suite: AlgorithmSuite,
        recipients: usize,
    ) -> Result<Self, ItemError> {
        let (tags, signature) = match suite {
            AlgorithmSuite::HmacOnly => (bytes, None),
            AlgorithmSuite::EcdsaP384 => {
                let (tags, signature) = bytes.split_last_chunk().ok_or_else(malformed)?;
                (tags, Some(*signature))
            }
        };
        match tags.as_chunks() {
            (tags, []) if tags.len() == recipients => Ok(Self { tags: tags.to_vec(), signature }),
            _ => Err(malformed()),
        }
    }
}

fn malformed() -> ItemError {
    ItemError::new(
        ItemErrorCode::FooterMalformed,
        format!(
            "{FOOTER_NAME} does not have the size that the header asks for; the item was damaged or altered"
        ),
    )
    .of(FOOTER_NAME)
}
