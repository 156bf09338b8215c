//! Reading a backup. One chunk is held at a time, and nothing of it is used
//! before it has opened.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};

use super::{CHUNK, CHUNK_BYTES, Error, Header};
use crate::hsm::{BackupKey, CHUNK_OVERHEAD_LEN, RootKey, SEALED_BACKUP_KEY_LEN};

/// The operator's guardrails, by the names of their files.
pub type Guardrails = BTreeMap<String, String>;

/// A backup of which the header is read. The header is not to be believed
/// before the backup is [unsealed](Self::unseal).
pub struct Sealed<R> {
    header: Header,
    /// The bytes before the sealed key, which is bound to them.
    head: Vec<u8>,
    sealed_key: Vec<u8>,
    chunks: R,
}

impl<R: Read> Sealed<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Error::NotABackup`], [`Error::Version`], [`Error::Header`],
    /// [`Error::HeaderForm`], [`Error::Cut`], [`Error::Read`].
    pub fn read(mut from: R) -> Result<Self, Error> {
        let mut fixed = [0; 24];
        let length = match from.read_exact(&mut fixed) {
            Ok(()) => Header::text_length(&fixed)?,
            Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
                return Err(Error::NotABackup);
            }
            Err(cause) => return Err(Error::Read(cause)),
        };
        let text = exactly(&mut from, length, "its header")?;
        let header = Header::decode(&text)?;
        let sealed_key = exactly(&mut from, SEALED_BACKUP_KEY_LEN, "the sealed key")?;
        let head = [&fixed[..], &text].concat();
        Ok(Self { header, head, sealed_key, chunks: from })
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How long the whole file has to be.
    ///
    /// # Errors
    /// [`Error::Header`].
    pub fn file_bytes(&self) -> Result<u64, Error> {
        let before = self.head.len().saturating_add(self.sealed_key.len());
        let tags = self.header.chunks()?.saturating_mul(OVERHEAD);
        let before = u64::try_from(before).map_err(|_long| Error::Length)?;
        Ok(before.saturating_add(tags).saturating_add(self.header.content_bytes()?))
    }

    /// Opens the whole backup: writes the database, and answers the guardrails.
    /// `progress` is told how many bytes are done.
    ///
    /// # Errors
    /// [`Error::Key`], [`Error::Chunk`], [`Error::Cut`], [`Error::Longer`],
    /// [`Error::Guardrails`], [`Error::Read`], [`Error::Write`].
    pub fn unseal(
        self,
        root: &RootKey,
        database: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Guardrails, Error> {
        let offset = u64::try_from(self.head.len().saturating_add(self.sealed_key.len()));
        let key = root.open_backup_key(&self.head, &self.sealed_key).map_err(Error::Key)?;
        let mut chunks = Chunks {
            key,
            from: self.chunks,
            of: self.header.chunks()?,
            number: 0,
            left: self.header.content_bytes()?,
            offset: offset.map_err(|_long| Error::Length)?,
        };
        let mut of_database = self.header.database_bytes;
        let mut guardrails = Vec::new();
        while let Some(chunk) = chunks.next()? {
            let length = usize::try_from(of_database).map_or(chunk.len(), |l| l.min(chunk.len()));
            let (first, behind) = chunk.split_at_checked(length).ok_or(Error::Length)?;
            database.write_all(first).map_err(Error::Write)?;
            of_database =
                of_database.saturating_sub(u64::try_from(length).map_err(|_long| Error::Length)?);
            guardrails.extend_from_slice(behind);
            progress(self.header.database_bytes.saturating_sub(of_database));
        }
        serde_json::from_slice(&guardrails).map_err(Error::Guardrails)
    }
}

const OVERHEAD: u64 = 16;

/// The chunks that are to come.
struct Chunks<R> {
    key: BackupKey,
    from: R,
    of: u64,
    /// Chunks that were read.
    number: u64,
    /// Bytes of the content in those that were not.
    left: u64,
    /// Where in the file the next one begins.
    offset: u64,
}

impl<R: Read> Chunks<R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let counted = self.number.saturating_add(1);
        if self.left == 0 {
            return match self.from.by_ref().take(1).read_to_end(&mut Vec::new()) {
                Ok(0) => Ok(None),
                Ok(_) => Err(Error::Longer { of: self.of }),
                Err(cause) => Err(Error::Read(cause)),
            };
        }
        let content = self.left.min(CHUNK);
        let room = usize::try_from(content).unwrap_or(CHUNK_BYTES);
        let place = format_args!("chunk {counted} of {}", self.of).to_string();
        let mut chunk = exactly(&mut self.from, room.saturating_add(CHUNK_OVERHEAD_LEN), &place)?;
        self.left = self.left.saturating_sub(content);
        let length = content.saturating_add(OVERHEAD);
        let opened = self.key.open_chunk(self.number, self.left == 0, &mut chunk);
        opened.ok_or(Error::Chunk { number: counted, of: self.of, offset: self.offset, length })?;
        self.offset = self.offset.saturating_add(length);
        self.number = counted;
        Ok(Some(chunk))
    }
}

/// So many bytes; the name of the place is for the error.
fn exactly(from: &mut impl Read, length: usize, place: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(length);
    let limit = u64::try_from(length).map_err(|_long| Error::Length)?;
    from.take(limit).read_to_end(&mut bytes).map_err(Error::Read)?;
    if bytes.len() == length { Ok(bytes) } else { Err(Error::Cut { place: place.to_owned() }) }
}
