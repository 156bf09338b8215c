//! The trail: the book as log files in the layout of AWS CloudTrail, and the
//! chain of signed digests over them, such that `aws cloudtrail validate-logs`
//! checks them (CloudTrail User Guide, "Validating CloudTrail log file integrity").
//!
//! Deliberately absent: when to deliver (`app`), and who may ask how it goes
//! (`ops`). Nothing waits for a delivery: one that fails is told, and tried again.
//!
//! # Exactly once
//! What a delivery does is decided before its first file is written, and kept in
//! the database: up to which record, and with which stamp. The names of all files
//! follow from that. When the files are durable, that is kept too, together with
//! what the next digest has to say of them. A crash in between leaves a plan, and
//! the next delivery begins by doing it once more, over the same files. So every
//! record is in one file, and every file in one digest.
//!
//! # After a restore
//! The server that the backup is of went on, and delivered files and digests that the
//! restored book knows nothing of. None of them is written over: what was planned is
//! forgotten by the restore, and no digest ends before it.

mod batch;
mod destination;
mod digest;
mod error;
mod key;
mod layout;
#[cfg(feature = "s3")]
mod s3;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use destination::Destination;
pub use error::Error;
pub use key::{InsertKey, KEY_LIFETIME_MS, ResealKey};
#[cfg(feature = "s3")]
pub use s3::S3;

use self::batch::Batch;
use self::layout::Layout;
use crate::base::clock::Clock;
use crate::base::ids::{AccountId, Region};
use crate::base::{hex, limits};
use crate::hsm::Hsm;
use crate::store::trail::{self as rows, Chain, DigestRow, FileRow, Plan, Progress};
use crate::store::{self, Change, Store, Tx};

/// The name of the trail: there is one.
pub const NAME: &str = "wardbook";

/// Where the trail goes, and how often.
#[derive(Debug)]
pub struct Setting {
    pub destination: Destination,
    /// The bucket that digests name. Files in a folder are meant to be copied there.
    pub bucket: String,
    /// In front of every object's name.
    pub prefix: Option<String>,
    /// From one delivery of log files to the next.
    pub interval: Duration,
    /// From one digest to the next, milliseconds.
    pub digest_interval_ms: i64,
}

/// How the delivery goes, since the server started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Why the last delivery of log files failed, if it did, or waits for digests.
    pub delivery_error: Option<String>,
    /// Why the last delivery of digests failed, if it did.
    pub digest_error: Option<String>,
    /// When something was last tried to be delivered, epoch milliseconds.
    pub attempt_ms: Option<i64>,
    /// Deliveries that failed.
    pub failures: u64,
    /// Log files that were delivered.
    pub files: u64,
    /// Digests that were delivered.
    pub digests: u64,
}

/// The trail of one book.
#[derive(Debug)]
pub struct Trail {
    setting: Setting,
    home: Region,
    /// When the book was restored from a backup, if ever, epoch milliseconds.
    restored_ms: Option<i64>,
    handles: Handles,
    status: Mutex<Status>,
    /// One delivery at a time: each begins where the last one ended.
    turn: tokio::sync::Mutex<()>,
    is_stopping: AtomicBool,
}

/// What a delivery works with.
#[derive(Clone)]
pub struct Handles {
    pub store: Arc<Store>,
    pub hsm: Arc<Hsm>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handles").finish_non_exhaustive()
    }
}

impl Trail {
    /// The trail of the book in `handles`, which was restored at `restored_ms`, epoch
    /// milliseconds, if ever; `home` is the Region it belongs to.
    #[must_use]
    pub fn new(setting: Setting, home: Region, restored_ms: Option<i64>, handles: Handles) -> Self {
        let (status, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        let is_stopping = AtomicBool::new(false);
        Self { setting, home, restored_ms, handles, status, turn, is_stopping }
    }

    /// The bucket that digests name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.setting.bucket
    }

    /// What stands in front of every object's name.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.setting.prefix.as_deref()
    }

    /// The Region that the trail belongs to; it is in the name of every digest.
    #[must_use]
    pub fn home(&self) -> &Region {
        &self.home
    }

    /// The ARN under which `account` knows the trail.
    #[must_use]
    pub fn arn(&self, account: &AccountId) -> String {
        format!("arn:aws:cloudtrail:{}:{account}:trail/{NAME}", self.home)
    }

    /// From one delivery of log files to the next.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.setting.interval
    }

    /// How the delivery goes.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status_now().clone()
    }

    /// Ends the delivery that is under way as soon as it has done a whole step.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Delivers what is due: what was planned and not finished, digests, and all
    /// records that the book has by now.
    ///
    /// # Errors
    /// [`Error`]; [`Self::status`] tells it too, and the next call goes on where
    /// this one ended.
    pub async fn deliver(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let now_ms = self.handles.clock.now_ms();
        self.status_now().attempt_ms = Some(now_ms);
        let progress = self.progress(now_ms).await?;
        // A round of digests that was planned comes before any other file, so that
        // it lists the same files as when it was planned.
        let digested = match progress.planned_digest_ms {
            Some(_) => self.write_digests(progress).await,
            None => Ok(progress),
        };
        let progress = self.note_digests(digested)?;
        let delivered = match progress.plan {
            Some(plan) => self.deliver_again(progress, plan).await,
            None => Ok(progress),
        };
        let progress = self.note_files(delivered)?;
        let digested = self.digests_due(progress, now_ms).await;
        let progress = self.note_digests(digested)?;
        let delivered = self.deliver_new(progress, now_ms).await;
        let progress = self.note_files(delivered)?;
        self.note_ahead(progress, now_ms)
    }

    /// Log files do not wait for digests that wait for the time; but somebody has to
    /// know.
    fn note_ahead(&self, Progress { digest_ms, .. }: Progress, now_ms: i64) -> Result<(), Error> {
        if digest_ms <= now_ms.saturating_add(self.setting.digest_interval_ms) {
            return Ok(());
        }
        let error = Error::Ahead { digest_ms };
        let mut status = self.status_now();
        status.digest_error = Some(error.shown());
        status.failures = status.failures.saturating_add(1);
        Err(error)
    }

    fn note_files<T>(&self, done: Result<T, Error>) -> Result<T, Error> {
        let mut status = self.status_now();
        status.delivery_error = done.as_ref().err().map(Error::shown);
        status.failures = status.failures.saturating_add(u64::from(done.is_err()));
        done
    }

    fn note_digests<T>(&self, done: Result<T, Error>) -> Result<T, Error> {
        let mut status = self.status_now();
        status.digest_error = done.as_ref().err().map(Error::shown);
        if status.digest_error.is_some() {
            // Log files wait for it.
            status.delivery_error = status.digest_error.clone();
        }
        status.failures = status.failures.saturating_add(u64::from(done.is_err()));
        done
    }

    fn status_now(&self) -> MutexGuard<'_, Status> {
        // Each member is whole even if a holder panicked.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the delivery is; it begins with the first record of the book.
    async fn progress(&self, now_ms: i64) -> Result<Progress, Error> {
        let found = self.handles.read(|store| store.read(|tx| rows::find_progress(tx))).await?;
        let started = || Progress {
            started_ms: now_ms,
            delivered_seq: 0,
            delivered_ms: 0,
            digest_ms: self.boundary(now_ms),
            plan: None,
            planned_digest_ms: None,
        };
        Ok(found.unwrap_or_else(started))
    }

    /// The newest end of a digest's period: all Regions and accounts have the same.
    fn boundary(&self, now_ms: i64) -> i64 {
        let interval_ms = self.setting.digest_interval_ms.max(1_000);
        now_ms.saturating_sub(now_ms.checked_rem_euclid(interval_ms).unwrap_or(0))
    }

    /// Delivers the records from where it stands to the end that the book has now,
    /// in as many steps as it takes.
    async fn deliver_new(&self, mut progress: Progress, now_ms: i64) -> Result<Progress, Error> {
        let last_seq = self.handles.store.health().last_seq;
        while progress.delivered_seq < last_seq && !self.is_stopping.load(Ordering::Relaxed) {
            let after = progress.delivered_seq;
            let batch =
                self.handles.read(move |store| Batch::read(store, after, last_seq, true)).await?;
            if batch.last_seq <= after {
                break;
            }
            // A stamp never goes back, and never before a digest that was made.
            let stamp_ms = now_ms.max(progress.delivered_ms).max(progress.digest_ms);
            let plan = Plan { seq: batch.last_seq, stamp_ms };
            progress.plan = Some(plan);
            self.handles.keep(vec![Kept::Progress(progress)]).await?;
            progress = self.write_files(progress, plan, batch).await?;
        }
        Ok(progress)
    }

    /// Delivers once more what may have been delivered, or in part.
    async fn deliver_again(&self, progress: Progress, plan: Plan) -> Result<Progress, Error> {
        let after = progress.delivered_seq;
        let batch =
            self.handles.read(move |store| Batch::read(store, after, plan.seq, false)).await?;
        self.write_files(progress, plan, batch).await
    }

    async fn write_files(
        &self,
        progress: Progress,
        plan: Plan,
        batch: Batch,
    ) -> Result<Progress, Error> {
        let mut kept = Vec::new();
        let first_seq = progress.delivered_seq.saturating_add(1);
        for (chain, contents) in batch.chains {
            let object = self.layout(&chain).log_file(plan, first_seq);
            let (json, oldest_ms, newest_ms) = contents.finish();
            let packed = blocking(move || digest::pack(&json)).await??;
            self.setting.destination.put(&object, packed.gzip, &[]).await?;
            let bucket = self.setting.bucket.clone();
            let file = FileRow { bucket, object, hash: packed.hash, oldest_ms, newest_ms };
            kept.push(Kept::File(chain, file, plan.stamp_ms));
        }
        let files = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        let delivered_ms = plan.stamp_ms;
        let progress = Progress { delivered_seq: plan.seq, delivered_ms, plan: None, ..progress };
        kept.push(Kept::Progress(progress));
        self.handles.keep(kept).await?;
        let mut status = self.status_now();
        status.files = status.files.saturating_add(files);
        Ok(progress)
    }

    /// Makes a round of digests if the time for one has come. After a time in which
    /// no server ran, one round stands for all of it.
    async fn digests_due(&self, mut progress: Progress, now_ms: i64) -> Result<Progress, Error> {
        let end_ms = self.boundary(now_ms);
        // A digest that ends before the restore may have been delivered by the server
        // that the backup is of, and would have the same name.
        let newest_ms = progress.digest_ms.max(self.restored_ms.unwrap_or(i64::MIN));
        if end_ms <= newest_ms || self.is_stopping.load(Ordering::Relaxed) {
            return Ok(progress);
        }
        progress.planned_digest_ms = Some(end_ms);
        self.handles.keep(vec![Kept::Progress(progress)]).await?;
        self.write_digests(progress).await
    }

    /// Writes the digests that are planned, one for each chain.
    async fn write_digests(&self, progress: Progress) -> Result<Progress, Error> {
        let Some(end_ms) = progress.planned_digest_ms else { return Ok(progress) };
        let chains = self.handles.read(|store| store.read(|tx| rows::list_chains(tx))).await?;
        let mut kept = Vec::new();
        let mut digests: u64 = 0;
        for (chain, previous) in chains {
            kept.push(Kept::Digest(self.write_digest(chain, previous, progress, end_ms).await?));
            digests = digests.saturating_add(1);
        }
        let progress = Progress { digest_ms: end_ms, planned_digest_ms: None, ..progress };
        kept.push(Kept::Progress(progress));
        self.handles.keep(kept).await?;
        let mut status = self.status_now();
        status.digests = status.digests.saturating_add(digests);
        Ok(progress)
    }

    async fn write_digest(
        &self,
        chain: Chain,
        previous: Option<DigestRow>,
        progress: Progress,
        end_ms: i64,
    ) -> Result<Digested, Error> {
        let of = chain.clone();
        let (files, keys) = self
            .handles
            .read(move |store| {
                store.read(|tx| {
                    let most = limits::TRAIL_DIGEST_FILES;
                    Ok((rows::list_files(tx, &of, end_ms, most)?, rows::list_keys(tx)?))
                })
            })
            .await?;
        let key = keys.into_iter().next_back().ok_or(Error::NoKey)?;
        let last_id = files.last().map(|(id, _)| *id);
        let object = self.layout(&chain).digest_file(end_ms, &self.home);
        let digest = digest::Digest {
            chain: chain.clone(),
            bucket: self.setting.bucket.clone(),
            object,
            start_ms: progress.digest_ms,
            end_ms,
            fingerprint: key.fingerprint.clone(),
            previous,
            files: files.into_iter().map(|(_, file)| file).collect(),
        };
        let hsm = Arc::clone(&self.handles.hsm);
        let (digest, packed, signature) = blocking(move || {
            let packed = digest::pack(&digest.json()?)?;
            let text = digest.text_to_sign(&packed.hash);
            let signature = hsm.sign_digest(&key.public, &key.sealed, text.as_bytes())?;
            Ok::<_, Error>((digest, packed, hex::encode(&signature)))
        })
        .await??;
        let metadata =
            [("signature", signature.as_str()), ("signature-algorithm", digest::ALGORITHM)];
        self.setting.destination.put(&digest.object, packed.gzip, &metadata).await?;
        let row = DigestRow {
            bucket: digest.bucket.clone(),
            object: digest.object.clone(),
            hash: packed.hash,
            signature,
        };
        let digest::Digest { chain, start_ms, fingerprint, .. } = digest;
        Ok(Digested { chain, row, start_ms, end_ms, last_id, fingerprint })
    }

    fn layout<'a>(&'a self, chain: &'a Chain) -> Layout<'a> {
        Layout { prefix: self.setting.prefix.as_deref(), chain }
    }
}

impl Handles {
    /// Reads on a thread where waiting is no harm.
    async fn read<T: Send + 'static, E: Into<Error> + Send + 'static>(
        &self,
        f: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error> {
        let store = Arc::clone(&self.store);
        blocking(move || f(&store)).await?.map_err(Into::into)
    }

    async fn keep(&self, kept: Vec<Kept>) -> Result<(), Error> {
        let changes = kept.into_iter().map(|kept| -> Box<dyn Change> { Box::new(kept) });
        Ok(self.store.keep(changes.collect()).await?)
    }
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(f).await.map_err(Error::Crash)
}

/// What is kept of a delivery. Nothing is held in memory.
enum Kept {
    Progress(Progress),
    File(Chain, FileRow, i64),
    Digest(Digested),
}

/// A digest that was written.
struct Digested {
    chain: Chain,
    row: DigestRow,
    start_ms: i64,
    end_ms: i64,
    /// The last of the files that it lists, if it lists any.
    last_id: Option<i64>,
    /// Of the key that signed it.
    fingerprint: String,
}

impl Change for Kept {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        match self {
            Self::Progress(progress) => rows::set_progress(tx, progress),
            Self::File(chain, file, delivered_ms) => {
                rows::ensure_chain(tx, chain)?;
                rows::insert_file(tx, chain, file, *delivered_ms)
            }
            Self::Digest(digested) => {
                let Digested { chain, row, start_ms, end_ms, last_id, fingerprint } = digested;
                rows::set_digest(tx, chain, row)?;
                // It may have been made while the clock was ahead.
                rows::widen_key(tx, fingerprint, *start_ms)?;
                last_id.map_or(Ok(()), |id| rows::delete_files(tx, chain, *end_ms, id))
            }
        }
    }

    fn publish(&self) {}
}
