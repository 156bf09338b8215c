//! The signed head that every commit carries, and which heads are kept.

use crate::base::limits::{CHECKPOINT_INTERVAL_MS, CHECKPOINT_STEP_MS};
use crate::store::{Error, Notary, Tx, tree};

/// Asks the notary, and writes what it answers.
pub(super) struct Heads {
    notary: Option<Box<dyn Notary>>,
    /// When a head was kept last, by the time of its last record.
    kept_ms: Option<i64>,
    /// The same, once the transaction under way is durable.
    keeping_ms: Option<i64>,
}

impl Heads {
    pub(super) fn resume(tx: &mut dyn Tx) -> Result<Self, Error> {
        let kept_ms = tree::newest_checkpoint_ms(tx)?;
        Ok(Self { notary: None, kept_ms, keeping_ms: kept_ms })
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
        self.keeping_ms = self.kept_ms;
        let notary = self.notary.as_mut().ok_or(Error::NoNotary)?;
        let attested = notary.attest(leaves)?;
        if i64::try_from(attested.head.size).ok() != Some(seq) {
            return Err(Error::Corrupt("the tree and the log differ in size".to_owned()));
        }
        attested.nodes.iter().try_for_each(|node| tree::insert_node(tx, node))?;
        tree::set_head(tx, &attested.head)?;
        // A clock that was set back must not end the keeping.
        let is_due = |kept_ms: i64| time_ms.abs_diff(kept_ms) >= CHECKPOINT_INTERVAL_MS;
        if self.kept_ms.is_none_or(is_due) {
            tree::keep_checkpoint(tx, &attested.head, time_ms)?;
            let hour = |ms: i64| ms.div_euclid(CHECKPOINT_STEP_MS);
            if self.kept_ms.is_some_and(|kept_ms| hour(kept_ms) != hour(time_ms)) {
                tree::thin_checkpoints(tx, time_ms.saturating_sub(CHECKPOINT_STEP_MS))?;
            }
            self.keeping_ms = Some(time_ms);
        }
        Ok(())
    }

    /// What was written last is durable.
    pub(super) fn committed(&mut self) {
        self.kept_ms = self.keeping_ms;
        if let Some(notary) = &mut self.notary {
            notary.committed();
        }
    }

    /// Whether a head could be signed.
    pub(super) fn probe(&mut self) -> Result<(), Error> {
        match &mut self.notary {
            Some(notary) => notary.attest(&[]).map(drop),
            None => Ok(()),
        }
    }
}
