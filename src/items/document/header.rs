//! The header, member `wardbook_head`: format, suite, message id, which value is
//! encrypted, verification key, encrypted data keys, and a commitment to the key.
//! It has the layout of an item's header, but for the two bytes that it begins with.

use crate::base::context::EncryptionContext;
use crate::items::bytes::{Reader, put_u16};
use crate::items::context;
use crate::items::crypto::{COMMITMENT_LEN, MESSAGE_ID_LEN};
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::{EncryptedDataKey, read_data_keys, write_data_keys};
use crate::items::schema::AlgorithmSuite;

use super::HEADER_NAME;

/// `D` for document; the header of an item begins with its version, 1 or 2.
const MAGIC: u8 = b'D';
const VERSION: u8 = 1;
const LEGEND_ENCRYPTED: u8 = b'e';
const LEGEND_SIGNED: u8 = b's';

/// All fields of a header but the commitment, which is over these.
pub(super) struct Header {
    pub(super) suite: AlgorithmSuite,
    pub(super) message_id: [u8; MESSAGE_ID_LEN],
    /// For each leaf in canonical order: whether it is encrypted.
    pub(super) legend: Vec<bool>,
    /// The verification key in suite 0x6701, else nothing.
    pub(super) stored_context: EncryptionContext,
    pub(super) data_keys: Vec<EncryptedDataKey>,
}

impl Header {
    /// The bytes up to the commitment.
    pub(super) fn write(&self) -> Result<Vec<u8>, ItemError> {
        let mut out = Vec::with_capacity(self.legend.len().saturating_add(512));
        out.extend_from_slice(&[MAGIC, VERSION, self.suite.flavor()]);
        out.extend_from_slice(&self.message_id);
        put_u16(&mut out, self.legend.len())?;
        let letter = |encrypted| if encrypted { LEGEND_ENCRYPTED } else { LEGEND_SIGNED };
        out.extend(self.legend.iter().copied().map(letter));
        context::write(&self.stored_context, &mut out)?;
        write_data_keys(&self.data_keys, &mut out)?;
        Ok(out)
    }

    /// Reads all of a header; the commitment at its end is skipped.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ItemError> {
        let mut reader = Reader::new(bytes);
        match (reader.u8(), reader.u8()) {
            (Some(MAGIC), Some(VERSION)) => {}
            (Some(MAGIC), Some(_)) => {
                return Err(malformed("its format is newer than this server"));
            }
            _ => return Err(malformed("it is not the header of a document")),
        }
        let suite = reader
            .u8()
            .and_then(AlgorithmSuite::of_flavor)
            .ok_or_else(|| malformed("its algorithm suite is neither 0x6700 nor 0x6701"))?;
        let message_id = reader.array().ok_or_else(short)?;
        let legend = reader
            .short()
            .ok_or_else(short)?
            .iter()
            .map(|byte| match *byte {
                LEGEND_ENCRYPTED => Ok(true),
                LEGEND_SIGNED => Ok(false),
                _ => Err(malformed("its legend has a byte other than e and s")),
            })
            .collect::<Result<_, _>>()?;
        let stored_context = context::read(&mut reader).ok_or_else(|| {
            malformed("its encryption context is cut off, not UTF-8 or unordered")
        })?;
        check_stored_context(suite, &stored_context)?;
        let data_keys = read_data_keys(&mut reader).map_err(malformed)?;
        match reader.rest().len() {
            COMMITMENT_LEN => Ok(Self { suite, message_id, legend, stored_context, data_keys }),
            ..COMMITMENT_LEN => Err(short()),
            _ => Err(malformed("bytes are left behind it")),
        }
    }
}

/// A verification key stands in the header exactly in the suite that needs it,
/// and nothing else does. Otherwise who may only decrypt could take the keys of a
/// signed document, whose context names the verification key, and write one
/// that asks for no signature.
fn check_stored_context(
    suite: AlgorithmSuite,
    stored: &EncryptionContext,
) -> Result<(), ItemError> {
    let keys: Vec<&str> = stored.iter().map(|(key, _)| key).collect();
    let wanted = match suite {
        AlgorithmSuite::HmacOnly => &[][..],
        AlgorithmSuite::EcdsaP384 => &[context::PUBLIC_KEY],
    };
    if keys == wanted {
        return Ok(());
    }
    Err(malformed("its verification key does not fit its algorithm suite"))
}

fn short() -> ItemError {
    malformed("it ends too early")
}

fn malformed(reason: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::HeaderMalformed,
        format!("{HEADER_NAME} cannot be read: {reason}; the document was damaged or altered"),
    )
    .of(HEADER_NAME)
}

#[cfg(test)]
mod tests {
    use super::{EncryptedDataKey, Header};
    use crate::items::context::public_key_pair;
    use crate::items::error::ItemErrorCode;
    use crate::items::schema::AlgorithmSuite;

    fn bytes() -> Vec<u8> {
        let header = Header {
            suite: AlgorithmSuite::EcdsaP384,
            message_id: [7; 32],
            legend: vec![true, false],
            stored_context: public_key_pair(&[1]),
            data_keys: vec![EncryptedDataKey {
                provider_id: "p".into(),
                provider_info: vec![1, 2],
                wrapped_data_key: [8; 48],
                wrapped_intermediate_key: vec![9],
            }],
        };
        [header.write().unwrap(), vec![0xcc; 32]].concat()
    }

    #[test]
    fn layout() {
        let bytes = bytes();
        assert_eq!(bytes[..3], *b"D\x01\x01");
        assert_eq!(bytes[3..35], [7; 32]);
        assert_eq!(bytes[35..39], *b"\0\x02es");
        assert_eq!(bytes[39..70], *b"\0\x01\0\x15aws-crypto-public-key\0\x04AQ==");
        assert_eq!(bytes[70..80], *b"\x01\0\x01p\0\x02\x01\x02\0\x31");
        let parsed = Header::parse(&bytes).unwrap();
        assert_eq!([parsed.write().unwrap(), vec![0xcc; 32]].concat(), bytes);
    }

    #[test]
    fn refuses() {
        for (at, byte, part) in [
            (0, 1, "not the header of a document"),
            (0, 2, "not the header of a document"),
            (1, 2, "newer"),
            (2, 2, "suite"),
            (2, 0, "verification key"),
            (37, b'c', "legend"),
            (43, b'b', "verification key"),
            (70, 0, "no encrypted data key"),
            (70, 2, "early"),
        ] {
            let mut bytes = bytes();
            bytes[at] = byte;
            let error = Header::parse(&bytes).err().unwrap();
            assert_eq!(error.code, ItemErrorCode::HeaderMalformed, "{at}");
            assert!(error.message.contains(part), "{}", error.message);
        }
        let bytes = bytes();
        for len in 0..bytes.len() {
            assert!(Header::parse(&bytes[..len]).is_err(), "{len}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Header::parse(&longer).err().unwrap().message.contains("left behind"));
    }
}
