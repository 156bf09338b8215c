//! Witnesses: others that keep heads of the log, so that a log which was cut or
//! rolled back is noticed. One is a file that this program only appends to, best
//! on another machine; one is a server that heads are POSTed to.
//!
//! Deliberately absent: calls. They never wait for a witness.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::Error;
use crate::audit::ledger::{self, VerifierKey};
use crate::base::limits::{
    CHECKPOINT_INTERVAL_MS, WITNESS_PAUSE_MS, WITNESS_TAIL_BYTES, WITNESS_WAIT_MS,
};
use crate::store::{Head, Store, tree};

/// How much of the end of a file is read at first.
const FIRST_TAIL_BYTES: u64 = 64 * 1024;

/// Which witnesses there are.
#[derive(Clone, Debug, Default)]
pub struct WitnessSettings {
    /// A file that each new head is appended to.
    pub file: Option<PathBuf>,
    /// Where each new head is POSTed to.
    pub url: Option<Url>,
    /// The size of a head in the file that the log may lack or contradict: what
    /// the operator knows to be lost.
    pub accept_loss: Option<u64>,
}

/// A head that the log lacks or contradicts, and that the operator gave up.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) note: String,
    pub(super) size: u64,
}

/// How a witness does.
#[derive(Debug, Default)]
pub struct WitnessHealth {
    size: AtomicU64,
    failures: AtomicU64,
}

impl WitnessHealth {
    /// The size of the newest head that it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// How often it could not be told.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// The witnesses of one log.
pub struct Witness {
    sinks: Vec<(Arc<Sink>, Arc<WitnessHealth>)>,
    accept_loss: Option<u64>,
}

/// Where heads go.
enum Sink {
    File { path: PathBuf, file: Mutex<File> },
    Url { url: Url, client: reqwest::Client },
}

impl Witness {
    /// Opens the file, which is made if need be, and a client for the URL.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::WitnessClient`].
    pub(super) fn open(settings: WitnessSettings) -> Result<Self, Error> {
        let mut sinks = Vec::new();
        if let Some(path) = settings.file {
            let file =
                open_file(&path).map_err(|cause| Error::File { path: path.clone(), cause })?;
            sinks.push(Sink::File { path, file: Mutex::new(file) });
        }
        if let Some(url) = settings.url {
            let client = reqwest::Client::builder()
                .timeout(Duration::from_millis(WITNESS_WAIT_MS))
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("wardbook/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|cause| Error::WitnessClient(cause.without_url()))?;
            sinks.push(Sink::Url { url, client });
        }
        let with_health = |sink| (Arc::new(sink), Arc::new(WitnessHealth::default()));
        let accept_loss = settings.accept_loss;
        Ok(Self { sinks: sinks.into_iter().map(with_health).collect(), accept_loss })
    }

    /// Checks the log against the newest head of it that the file has. Answers
    /// that head if the log is not what it says, and the operator accepts just
    /// that; the file goes on with the log of now then.
    ///
    /// # Errors
    /// [`Error::Witnessed`] if the log is another, or was cut or rolled back.
    pub(super) fn check(&self, store: &Store, key: &VerifierKey) -> Result<Option<GivenUp>, Error> {
        let mut given_up = None;
        for (sink, health) in &self.sinks {
            let Sink::File { path, file } = sink.as_ref() else { continue };
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let newest = newest_note(&mut file, key.name())
                .map_err(|cause| Error::File { path: path.clone(), cause })?;
            let Some(note) = newest else { continue };
            match ledger::check_witnessed(store, key, &note) {
                Ok(seen) => health.size.store(seen.size, Ordering::Relaxed),
                Err(ledger::Error::Lost { seen, .. } | ledger::Error::Parted { seen })
                    if self.accept_loss == Some(seen) =>
                {
                    given_up = Some(GivenUp { note, size: seen });
                }
                Err(cause) => return Err(Error::Witnessed { path: path.clone(), cause }),
            }
        }
        Ok(given_up)
    }

    /// How each of them does, by its kind.
    #[must_use]
    pub fn health(&self) -> Vec<(&'static str, Arc<WitnessHealth>)> {
        let of = |(sink, health): &(Arc<Sink>, Arc<WitnessHealth>)| {
            let kind = match sink.as_ref() {
                Sink::File { .. } => "file",
                Sink::Url { .. } => "url",
            };
            (kind, Arc::clone(health))
        };
        self.sinks.iter().map(of).collect()
    }

    /// Tells them of every new head, at most once a second, until the sender of
    /// `stopped` is dropped; then of the last.
    pub(super) async fn run(&self, store: &Arc<Store>, stopped: watch::Receiver<()>) {
        let mut feeding = JoinSet::new();
        for (sink, health) in &self.sinks {
            let (sink, health) = (Arc::clone(sink), Arc::clone(health));
            feeding.spawn(feed(Arc::clone(store), sink, health, stopped.clone()));
        }
        feeding.join_all().await;
    }
}

async fn feed(
    store: Arc<Store>,
    sink: Arc<Sink>,
    health: Arc<WitnessHealth>,
    mut stopped: watch::Receiver<()>,
) {
    let interval = Duration::from_millis(CHECKPOINT_INTERVAL_MS);
    let mut pause = interval;
    loop {
        let ends = tokio::select! {
            _ = stopped.changed() => true,
            () = tokio::time::sleep(pause) => false,
        };
        match tell(&store, &sink, health.size()).await {
            Ok(size) => {
                health.size.store(size, Ordering::Relaxed);
                pause = interval;
            }
            Err(error) => {
                health.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "a witness was not told of the head of the log");
                let longest = Duration::from_millis(WITNESS_PAUSE_MS);
                pause = pause.saturating_mul(2).min(longest);
            }
        }
        if ends {
            return;
        }
    }
}

/// Tells a witness of the head, if it is larger than what it has. Answers the
/// size that it has then.
async fn tell(store: &Arc<Store>, sink: &Arc<Sink>, has: u64) -> Result<u64, TellError> {
    if u64::try_from(store.health().last_seq).unwrap_or(0) <= has {
        return Ok(has);
    }
    let (store, of_file) = (Arc::clone(store), Arc::clone(sink));
    let read = move || -> Result<Option<Head>, TellError> {
        let Some(head) = store.read(|tx| tree::head(tx))? else { return Ok(None) };
        if let Sink::File { file, .. } = of_file.as_ref() {
            append(&file.lock().unwrap_or_else(PoisonError::into_inner), &head.note)?;
        }
        Ok(Some(head))
    };
    let Some(head) = tokio::task::spawn_blocking(read).await?? else { return Ok(has) };
    if let Sink::Url { url, client } = sink.as_ref() {
        let request = client
            .post(url.clone())
            .header("content-type", "text/plain; charset=utf-8")
            .body(head.note);
        let answer = request.send().await.map_err(|cause| cause.without_url())?;
        answer.error_for_status().map_err(|cause| cause.without_url())?;
    }
    Ok(head.size)
}

/// Why a witness was not told. The URL may hold a secret, so it is in no text.
#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error("the head cannot be read")]
    Store(#[from] crate::store::Error),
    #[error("the file cannot be written ({0})")]
    File(#[from] io::Error),
    #[error("the witness does not take it ({0})")]
    Url(#[from] reqwest::Error),
    #[error("a thread crashed")]
    Crash(#[from] tokio::task::JoinError),
}

/// Opens the file of a witness for its owner alone.
fn open_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file)
}

/// Appends a note, behind an empty line, so that what a crash left half written
/// before it ends there.
fn append(mut file: &File, note: &str) -> io::Result<()> {
    file.write_all(format!("\n{note}").as_bytes())?;
    file.sync_all()
}

/// The newest note in the file that names the log, whole if not yet verified.
fn newest_note(file: &mut File, origin: &str) -> io::Result<Option<String>> {
    let size = file.seek(SeekFrom::End(0))?;
    let mut tail = FIRST_TAIL_BYTES;
    loop {
        file.seek(SeekFrom::Start(size.saturating_sub(tail)))?;
        let mut bytes = Vec::new();
        file.take(tail).read_to_end(&mut bytes)?;
        let mut notes = ledger::notes_in(&String::from_utf8_lossy(&bytes), origin);
        if let Some(note) = notes.pop() {
            return Ok(Some(note));
        }
        if tail >= size {
            return Ok(None);
        }
        if tail >= WITNESS_TAIL_BYTES {
            let text = format!("no checkpoint of {origin} in its last {WITNESS_TAIL_BYTES} bytes");
            return Err(io::Error::other(text));
        }
        tail = tail.saturating_mul(8).min(WITNESS_TAIL_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(origin: &str, size: u64) -> String {
        let key = VerifierKey::new(origin, [7; 32]).unwrap();
        let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        key.note(&format!("{origin}\n{size}\n{root}\n"), &[9; 64])
    }

    #[track_caller]
    fn check(text: &str, want: Option<u64>) {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("heads");
        let mut file = open_file(&path).unwrap();
        (&file).write_all(text.as_bytes()).unwrap();
        let found = newest_note(&mut file, "a/log").unwrap();
        assert_eq!(found, want.map(|size| note("a/log", size)));
    }

    #[test]
    fn finds_the_newest_whole_note_of_the_log() {
        let [one, two, other] = [note("a/log", 1), note("a/log", 2), note("b/log", 3)];
        check("", None);
        check(&format!("\n{other}"), None);
        check(&one, Some(1));
        check(&format!("\n{one}\n{two}"), Some(2));
        check(&format!("\n{one}\n{two}\n{other}"), Some(2));
        check(&format!("\n{one}{}\n{other}", "x\n".repeat(100_000)), Some(1));
        // Two was half written when the machine lost its power.
        for end in 0..two.len() {
            let Some(half) = two.get(..end) else { continue };
            check(&format!("\n{one}\n{half}"), Some(1));
            check(&format!("\n{one}\n{half}\n"), Some(if end + 1 == two.len() { 2 } else { 1 }));
            check(
                &format!("\n{one}\n{half}\n{other}"),
                Some(if end + 1 == two.len() { 2 } else { 1 }),
            );
        }
    }

    #[test]
    fn appends_and_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("heads");
        let (one, two) = (note("a/log", 1), note("a/log", 2));
        append(&open_file(&path).unwrap(), &one).unwrap();
        append(&open_file(&path).unwrap(), &two).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("\n{one}\n{two}"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
