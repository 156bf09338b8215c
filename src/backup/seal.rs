//! Writing a backup, piece by piece.

use std::collections::BTreeMap;
use std::io::{Chain, Cursor, Read};

use super::{CHUNK_BYTES, Error, Header};
use crate::hsm::{BackupKey, CHUNK_OVERHEAD_LEN, Hsm};

/// Chunks in one piece.
const PIECE_CHUNKS: usize = 16;

/// A backup that is being written. Holds one piece of it at a time.
pub struct Sealing<R> {
    /// The header and the sealed key, until they are taken.
    head: Option<Vec<u8>>,
    key: BackupKey,
    content: Chain<R, Cursor<Vec<u8>>>,
    /// Bytes of the content that are to come.
    left: u64,
    /// Chunks before the next.
    number: u64,
}

impl<R: Read> Sealing<R> {
    /// Begins. `database` has the length that the header says; that of
    /// `guardrails`, texts by the names of their files, is set in it.
    ///
    /// # Errors
    /// [`Error::Seal`], [`Error::Header`].
    pub fn begin(
        hsm: &Hsm,
        header: Header,
        database: R,
        guardrails: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let guardrails = serde_json::to_vec(guardrails).map_err(Error::Guardrails)?;
        let guardrails_bytes = u64::try_from(guardrails.len()).map_err(|_long| Error::Length)?;
        let header = Header { guardrails_bytes, ..header };
        let mut head = header.encode()?;
        let left = header.content_bytes()?;
        let (key, sealed) = hsm.generate_backup_key(&head).map_err(Error::Seal)?;
        head.extend(sealed);
        let content = database.chain(Cursor::new(guardrails));
        Ok(Self { head: Some(head), key, content, left, number: 0 })
    }

    /// The next piece, about 1 MiB; `None` when all is written.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Length`], [`Error::Seal`].
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let room = CHUNK_BYTES.saturating_add(CHUNK_OVERHEAD_LEN).saturating_mul(PIECE_CHUNKS);
        let mut piece = Vec::with_capacity(room);
        for _chunk in 0..PIECE_CHUNKS {
            match self.chunk()? {
                Some(chunk) => piece.extend(chunk),
                None => break,
            }
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let length = usize::try_from(self.left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let mut chunk = Vec::with_capacity(length.saturating_add(CHUNK_OVERHEAD_LEN));
        let taken = u64::try_from(length).map_err(|_long| Error::Length)?;
        self.content.by_ref().take(taken).read_to_end(&mut chunk).map_err(Error::Read)?;
        if chunk.len() != length {
            return Err(Error::Length);
        }
        self.left = self.left.saturating_sub(taken);
        self.key.seal_chunk(self.number, self.left == 0, &mut chunk).map_err(Error::Seal)?;
        self.number = self.number.saturating_add(1);
        Ok(Some(chunk))
    }
}
