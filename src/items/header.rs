//! The header, attribute `aws_dbe_head`: version, suite, message id, what was
//! done to which attribute, stored encryption context, encrypted data keys, and a
//! commitment to the key. (Specification: `structured-encryption/header.md`.)
//!
//! Format version 2 differs in the first byte and in a third kind of mark.

use super::bytes::{Reader, put_short, put_u16};
use super::context;
use super::crypto::{COMMITMENT_LEN, MESSAGE_ID_LEN, WRAPPED_KEY_LEN};
use super::error::{ItemError, ItemErrorCode};
use super::schema::{AlgorithmSuite, FormatVersion, HEADER_NAME};
use crate::base::context::EncryptionContext;

/// What was done to a signed attribute: its byte of the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Encrypted,
    Signed,
    /// Signed, and copied into the encryption context; format version 2 only.
    InContext,
}

impl Mark {
    const ALL: [Self; 3] = [Self::Encrypted, Self::Signed, Self::InContext];

    fn byte(self) -> u8 {
        match self {
            Self::Encrypted => b'e',
            Self::Signed => b's',
            Self::InContext => b'c',
        }
    }

    /// The mark of a byte of a legend in `version`.
    fn of_byte(byte: u8, version: FormatVersion) -> Option<Self> {
        let mark = Self::ALL.into_iter().find(|mark| mark.byte() == byte)?;
        (version == FormatVersion::Two || mark != Self::InContext).then_some(mark)
    }
}

/// [`EncryptedDataKey::provider_id`] of a KMS key.
pub const KMS_PROVIDER_ID: &str = "aws-kms";

/// One way to the item's data key: the key wrapped for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedDataKey {
    /// Who can unwrap it; [`KMS_PROVIDER_ID`] for a KMS key.
    pub provider_id: String,
    /// Which key; its ARN for a KMS key.
    pub provider_info: Vec<u8>,
    /// The data key under a key derived from the intermediate key.
    pub(super) wrapped_data_key: [u8; WRAPPED_KEY_LEN],
    /// The intermediate key as the provider wrapped it; the ciphertext blob of KMS.
    pub wrapped_intermediate_key: Vec<u8>,
}

/// All fields of a header but the commitment, which is over these.
pub(super) struct Header {
    pub(super) version: FormatVersion,
    pub(super) suite: AlgorithmSuite,
    pub(super) message_id: [u8; MESSAGE_ID_LEN],
    /// The mark of each signed attribute in canonical order.
    pub(super) legend: Vec<Mark>,
    pub(super) stored_context: EncryptionContext,
    pub(super) data_keys: Vec<EncryptedDataKey>,
}

impl Header {
    /// The bytes up to the commitment.
    pub(super) fn write(&self) -> Result<Vec<u8>, ItemError> {
        let mut out = Vec::with_capacity(512);
        let version = match self.version {
            FormatVersion::One => 1,
            FormatVersion::Two => 2,
        };
        out.extend_from_slice(&[version, self.suite.flavor()]);
        out.extend_from_slice(&self.message_id);
        put_u16(&mut out, self.legend.len())?;
        out.extend(self.legend.iter().map(|mark| mark.byte()));
        context::write(&self.stored_context, &mut out)?;
        write_data_keys(&self.data_keys, &mut out)?;
        Ok(out)
    }

    /// Reads all of a header; the commitment at its end is skipped.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ItemError> {
        let mut reader = Reader::new(bytes);
        let version = match reader.u8() {
            Some(1) => FormatVersion::One,
            Some(2) => FormatVersion::Two,
            _ => return Err(malformed("its version is neither 1 nor 2")),
        };
        let suite = reader
            .u8()
            .and_then(AlgorithmSuite::of_flavor)
            .ok_or_else(|| malformed("its algorithm suite is neither 0x6700 nor 0x6701"))?;
        let message_id = reader.array().ok_or_else(short)?;
        let legend = reader
            .short()
            .ok_or_else(short)?
            .iter()
            .map(|byte| Mark::of_byte(*byte, version))
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("its legend has a byte that its version does not know"))?;
        let stored_context = context::read(&mut reader).ok_or_else(|| {
            malformed("its encryption context is cut off, not UTF-8 or unordered")
        })?;
        let data_keys = read_data_keys(&mut reader).map_err(malformed)?;
        match reader.rest().len() {
            COMMITMENT_LEN => {
                Ok(Self { version, suite, message_id, legend, stored_context, data_keys })
            }
            ..COMMITMENT_LEN => Err(short()),
            _ => Err(malformed("bytes are left behind it")),
        }
    }
}

/// Appends the encrypted data keys after their number.
pub(super) fn write_data_keys(
    data_keys: &[EncryptedDataKey],
    out: &mut Vec<u8>,
) -> Result<(), ItemError> {
    match u8::try_from(data_keys.len()) {
        Ok(count @ 1..) => out.push(count),
        _ => {
            return Err(ItemError::new(
                ItemErrorCode::InvalidKeyMaterial,
                "an item is encrypted for 1 to 255 keys",
            ));
        }
    }
    for key in data_keys {
        put_short(out, key.provider_id.as_bytes())?;
        put_short(out, &key.provider_info)?;
        let ciphertext = [&key.wrapped_data_key[..], &key.wrapped_intermediate_key].concat();
        put_short(out, &ciphertext)?;
    }
    Ok(())
}

/// Reads the encrypted data keys, or says why they cannot be read.
pub(super) fn read_data_keys(
    reader: &mut Reader<'_>,
) -> Result<Vec<EncryptedDataKey>, &'static str> {
    let count = reader.u8().ok_or(SHORT)?;
    if count == 0 {
        return Err("it has no encrypted data key");
    }
    (0..count).map(|_| read_data_key(reader)).collect()
}

fn read_data_key(reader: &mut Reader<'_>) -> Result<EncryptedDataKey, &'static str> {
    let provider_id = reader.short().ok_or(SHORT)?;
    let provider_id = match str::from_utf8(provider_id) {
        Ok(text) => text.to_owned(),
        Err(_) => return Err("a key provider id is not UTF-8"),
    };
    let provider_info = reader.short().ok_or(SHORT)?.to_vec();
    let mut ciphertext = Reader::new(reader.short().ok_or(SHORT)?);
    let wrapped_data_key = ciphertext.array().ok_or("an encrypted data key is too short")?;
    let wrapped_intermediate_key = ciphertext.rest().to_vec();
    Ok(EncryptedDataKey { provider_id, provider_info, wrapped_data_key, wrapped_intermediate_key })
}

const SHORT: &str = "it ends too early";

fn short() -> ItemError {
    malformed(SHORT)
}

fn malformed(reason: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::HeaderMalformed,
        format!("{HEADER_NAME} cannot be read: {reason}; the item was damaged or altered"),
    )
    .of(HEADER_NAME)
}

#[cfg(test)]
mod tests {
    use super::{EncryptedDataKey, Header, Mark};
    use crate::base::context::EncryptionContext;
    use crate::items::error::ItemErrorCode::HeaderMalformed;
    use crate::items::schema::{AlgorithmSuite, FormatVersion};

    fn header() -> Header {
        Header {
            version: FormatVersion::One,
            suite: AlgorithmSuite::HmacOnly,
            message_id: [7; 32],
            legend: vec![Mark::Encrypted, Mark::Signed],
            stored_context: EncryptionContext::new([("k".to_owned(), "v".to_owned())].into()),
            data_keys: vec![EncryptedDataKey {
                provider_id: "p".into(),
                provider_info: vec![1, 2],
                wrapped_data_key: [8; 48],
                wrapped_intermediate_key: vec![9],
            }],
        }
    }

    fn bytes() -> Vec<u8> {
        [header().write().unwrap(), vec![0xcc; 32]].concat()
    }

    /// Where the fields of `bytes()` stand.
    const VERSION: usize = 0;
    const FLAVOR: usize = 1;
    const LEGEND: usize = 36;
    const CONTEXT_KEY: usize = 42;
    const COUNT: usize = 46;
    const PROVIDER: usize = 49;
    const CIPHERTEXT_LEN: usize = 55;

    #[test]
    fn layout() {
        let bytes = bytes();
        assert_eq!(bytes[..2], [1, 0]);
        assert_eq!(bytes[2..34], [7; 32]);
        assert_eq!(bytes[34..54], *b"\0\x02es\0\x01\0\x01k\0\x01v\x01\0\x01p\0\x02\x01\x02");
        assert_eq!(bytes[54..56], [0, 49]);
        assert_eq!(bytes[56..104], [8; 48]);
        assert_eq!(bytes[104..], [&[9][..], &[0xcc; 32]].concat());
        let parsed = Header::parse(&bytes).unwrap();
        assert_eq!((parsed.legend, parsed.data_keys), (header().legend, header().data_keys));
    }

    #[test]
    fn version_two_has_a_third_mark() {
        let legend = vec![Mark::InContext, Mark::Encrypted, Mark::Signed];
        let two = Header { version: FormatVersion::Two, legend: legend.clone(), ..header() };
        let mut bytes = [two.write().unwrap(), vec![0; 32]].concat();
        assert_eq!((bytes[VERSION], &bytes[LEGEND - 2..][..5]), (2, &b"\0\x03ces"[..]));
        let parsed = Header::parse(&bytes).unwrap();
        assert_eq!((parsed.version, parsed.legend), (FormatVersion::Two, legend));
        bytes[VERSION] = 1;
        let error = Header::parse(&bytes).err().unwrap();
        assert!(error.message.contains("legend"), "{}", error.message);
    }

    #[track_caller]
    fn check_refused(at: usize, byte: u8, part: &str) {
        let mut bytes = bytes();
        bytes[at] = byte;
        let error = Header::parse(&bytes).err().unwrap();
        assert_eq!(error.code, HeaderMalformed);
        assert!(error.message.contains(part), "{}", error.message);
    }

    #[test]
    fn refuses() {
        check_refused(VERSION, 0, "version");
        check_refused(VERSION, 3, "version");
        check_refused(FLAVOR, 2, "suite");
        check_refused(LEGEND, b'c', "legend");
        check_refused(CONTEXT_KEY, 0xff, "context");
        check_refused(COUNT, 0, "no encrypted data key");
        check_refused(COUNT, 2, "early");
        check_refused(PROVIDER, 0xff, "provider");
        check_refused(CIPHERTEXT_LEN, 47, "too short");
        check_refused(CIPHERTEXT_LEN, 48, "left behind");
        check_refused(CIPHERTEXT_LEN, 50, "early");
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = bytes();
        for len in 0..bytes.len() {
            assert!(Header::parse(&bytes[..len]).is_err(), "{len}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Header::parse(&longer).err().unwrap().message.contains("left behind"));
    }
}
