//! Records as lines, each with the proof that it is in the log that was signed
//! when the export began.

use serde::Serialize;
use serde_json::value::RawValue;

use super::line::{Bytes, Committed, Consistency, Ending, Heading, Line, VERSION};
use crate::audit::body::Opener;
use crate::audit::ledger::{Hash, Prover, StoredNodes, consistency_proof};
use crate::audit::{Error, Opened, Value};
use crate::store::{Store, StoredRecord, tree};

pub(super) struct Proofs {
    /// The first line, until it is written.
    heading: Option<Heading>,
    prover: Prover,
    records: u64,
}

impl Proofs {
    pub(super) fn new(
        store: &Store,
        public_key: String,
        since: Option<u64>,
    ) -> Result<Self, Error> {
        let (head, linked) = store.read(|tx| {
            let Some(head) = tree::head(tx)? else { return Ok(Err(Error::Unsigned)) };
            let linked = match since {
                Some(from) => consistency_proof(&mut StoredNodes(tx), from, head.size)?,
                None => None,
            };
            Ok(Ok((head, linked)))
        })??;
        let consistency = match (since, linked) {
            (Some(from), Some(hashes)) => {
                Some(Consistency { from, hashes: hashes.into_iter().map(Bytes).collect() })
            }
            (Some(size), None) => return Err(Error::TreeSize { size, from: 0, has: head.size }),
            (None, _) => None,
        };
        let (prover, checkpoint) = (Prover::new(head.size), head.note);
        let heading =
            Heading { wardbook_audit_export: VERSION, public_key, checkpoint, consistency };
        Ok(Self { heading: Some(heading), prover, records: 0 })
    }

    pub(super) fn write(
        &mut self,
        store: &Store,
        opener: &mut Opener,
        records: &[StoredRecord],
    ) -> Result<Vec<u8>, Error> {
        let mut bytes = match self.heading.take() {
            Some(heading) => line(&heading)?,
            None => Vec::new(),
        };
        for (record, proof) in self.proved(store, records)? {
            let opened = opener.open(record)?;
            bytes.append(&mut line_of(record, &opened, proof)?);
            self.records = self.records.saturating_add(1);
        }
        Ok(bytes)
    }

    /// The records with their proofs, without those that are newer than the
    /// head. The first proof leads to the root.
    fn proved<'r>(
        &mut self,
        store: &Store,
        records: &'r [StoredRecord],
    ) -> Result<Vec<(&'r StoredRecord, Vec<Hash>)>, Error> {
        self.prover.restart();
        let proved = store.read(|tx| {
            let mut nodes = StoredNodes(tx);
            let mut proved = Vec::with_capacity(records.len());
            for record in records {
                let seq = u64::try_from(record.position.seq).unwrap_or(0);
                if seq > self.prover.size() {
                    continue;
                }
                let proof = self.prover.prove(&mut nodes, seq.saturating_sub(1))?;
                proved.push((record, proof));
            }
            Ok(proved)
        })?;
        let proof = |(record, proof): (&'r StoredRecord, Option<_>)| {
            let wrong = || Error::Corrupt { seq: record.position.seq };
            proof.map(|proof| (record, proof)).ok_or_else(wrong)
        };
        proved.into_iter().map(proof).collect()
    }

    pub(super) fn end(&mut self) -> Result<Vec<u8>, Error> {
        line(&Ending { records: self.records })
    }
}

fn line_of(stored: &StoredRecord, opened: &Opened, proof: Vec<Hash>) -> Result<Vec<u8>, Error> {
    let record = RawValue::from_string(opened.record()?).map_err(|_odd| Error::NotARecord)?;
    let salt = stored.personal.as_ref().and_then(|personal| personal.salt);
    let is_erased = opened.values.iter().any(|value| matches!(value, Value::Erased { .. }));
    let values = || opened.values.iter().map(Committed::of).collect();
    line(&Line {
        seq: u64::try_from(stored.position.seq).unwrap_or(0),
        format: opened.format,
        leaf: Bytes(stored.leaf),
        salt: salt.filter(|_| !is_erased).map(Bytes),
        values: (opened.format != 1 && (is_erased || salt.is_none())).then(values),
        proof: proof.into_iter().map(Bytes).collect(),
        record: &record,
    })
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec(value).map_err(Error::Encode)?;
    bytes.push(b'\n');
    Ok(bytes)
}
