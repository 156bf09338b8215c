//! The signed head that every commit carries, and which heads are kept.

use crate::base::limits::{CHECKPOINT_INTERVAL_MS, CHECKPOINT_STEP_MS};
use crate::store::{Error, Notary, Tx, tree};

/// Asks the notary, and writes what it answers.
pub(super) struct Heads {
    notary: Option<Box<dyn Notary>>,
    /// When a head was kept last, by the time of its last record.
    kept_ms: Option<i64>,
    /// The head in the transaction under way.
    written: Option<Written>,
}

/// A head that is not durable yet.
struct Written {
    /// [`Heads::kept_ms`] once it is.
    kept_ms: Option<i64>,
}

impl Heads {
    pub(super) fn resume(tx: &mut dyn Tx) -> Result<Self, Error> {
        let kept_ms = tree::newest_checkpoint_ms(tx)?;
        Ok(Self { notary: None, kept_ms, written: None })
    }

    pub(super) fn appoint(&mut self, notary: Box<dyn Notary>) {
        self.notary = Some(notary);
    }

    /// Whether nobody is appointed.
    pub(super) fn is_vacant(&self) -> bool {
        self.notary.is_none()
    }

    /// Writes the head of the log with these leaves, the last of which is that
    /// of the record at `seq`, made at `time_ms`.
    pub(super) fn write(
        &mut self,
        tx: &mut dyn Tx,
        leaves: &[[u8; 32]],
        seq: i64,
        time_ms: i64,
    ) -> Result<(), Error> {
        self.write_all(tx, leaves, seq, time_ms).map_err(|error| match error {
            // Nobody whose unit is in the batch is to take this as his own fault.
            Error::Duplicate | Error::Conflict => {
                Error::Corrupt("the tree has nodes of records to come".to_owned())
            }
            other => other,
        })
    }

    fn write_all(
        &mut self,
        tx: &mut dyn Tx,
        leaves: &[[u8; 32]],
        seq: i64,
        time_ms: i64,
    ) -> Result<(), Error> {
        let notary = self.notary.as_mut().ok_or(Error::NoNotary)?;
        let attested = notary.attest(leaves)?;
        if i64::try_from(attested.head.size).ok() != Some(seq) {
            return Err(Error::Corrupt("the tree and the log differ in size".to_owned()));
        }
        attested.nodes.iter().try_for_each(|node| tree::insert_node(tx, node))?;
        tree::set_head(tx, &attested.head)?;
        // A clock that was set back must not end the keeping.
        let is_due = |kept_ms: i64| time_ms.abs_diff(kept_ms) >= CHECKPOINT_INTERVAL_MS;
        let mut kept_ms = self.kept_ms;
        if kept_ms.is_none_or(is_due) {
            tree::keep_checkpoint(tx, &attested.head, time_ms)?;
            let hour = |ms: i64| ms.div_euclid(CHECKPOINT_STEP_MS);
            if self.kept_ms.is_some_and(|kept_ms| hour(kept_ms) != hour(time_ms)) {
                tree::thin_checkpoints(tx, time_ms.saturating_sub(CHECKPOINT_STEP_MS))?;
            }
            kept_ms = Some(time_ms);
        }
        self.written = Some(Written { kept_ms });
        Ok(())
    }

    /// The transaction is durable. It may have been one without records.
    pub(super) fn committed(&mut self) {
        let Some(Written { kept_ms }) = self.written.take() else { return };
        self.kept_ms = kept_ms;
        if let Some(notary) = &mut self.notary {
            notary.committed();
        }
    }

    /// The transaction never was.
    pub(super) fn rolled_back(&mut self) {
        self.written = None;
    }

    /// Whether a head could be signed.
    pub(super) fn probe(&mut self) -> Result<(), Error> {
        match &mut self.notary {
            Some(notary) => notary.attest(&[]).map(drop),
            None => Ok(()),
        }
    }
}
