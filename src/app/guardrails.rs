//! The operator's guardrails: files of Cedar that only forbid, above every key
//! policy, identity policy and grant. They are read at start and again when
//! they change. What cannot be read or does not compile never weakens what is
//! in force: at start it stops the server, later the file's last good version
//! stays.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::error::Error;
use crate::base::limits;
use crate::ops::ctx::Ctx;
use crate::ops::system;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::error::CompileError;

/// Where the guardrails are.
#[derive(Clone, Debug)]
pub struct GuardrailFolder {
    pub path: PathBuf,
    /// Whether somebody named the folder: then it has to be there.
    pub named: bool,
}

/// The guardrails in force.
pub(super) struct Guardrails {
    folder: PathBuf,
    files: BTreeMap<String, InForce>,
    /// What is wrong with the folder now, by file; the empty name is the folder.
    faults: BTreeMap<String, String>,
}

struct InForce {
    document: Arc<Document>,
    /// Whether the file was not there when it was last looked for. Editors take
    /// a file away for a moment when they replace it.
    missed: bool,
}

/// Why a file is no guardrail.
#[derive(Debug, thiserror::Error)]
pub enum GuardrailError {
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Policy(#[from] CompileError),
    #[error("there are more than {} files", limits::GUARDRAIL_FILES)]
    TooMany,
}

impl Guardrails {
    /// Reads the folder and puts its guardrails in force.
    ///
    /// # Errors
    /// [`Error::Guardrail`] for the first file that is none.
    pub(super) fn load(engine: &Engine, folder: &GuardrailFolder) -> Result<Self, Error> {
        let fault = |path: PathBuf| move |cause| Error::Guardrail { path, cause };
        let names = match list(&folder.path) {
            Err(GuardrailError::Read(error))
                if error.kind() == ErrorKind::NotFound && !folder.named =>
            {
                BTreeSet::new()
            }
            listed => listed.map_err(fault(folder.path.clone()))?,
        };
        let mut files = BTreeMap::new();
        for name in names {
            let path = folder.path.join(&name);
            let document = compile(engine, &path).map_err(fault(path))?;
            files.insert(name, InForce { document, missed: false });
        }
        let guardrails = Self { folder: folder.path.clone(), files, faults: BTreeMap::new() };
        guardrails.put_in_force(engine);
        Ok(guardrails)
    }

    /// Reads the folder again. Answers whether anything is not as before.
    fn reload(&mut self, engine: &Engine) -> bool {
        let mut faults = BTreeMap::new();
        let mut changed = false;
        match list(&self.folder) {
            Ok(names) => {
                changed |= self.take_out_missing(&names);
                for name in names {
                    match compile(engine, &self.folder.join(&name)) {
                        Ok(document) => changed |= self.take_in(name, document),
                        Err(error) => {
                            faults.insert(name, error.to_string());
                        }
                    }
                }
            }
            // Without guardrails there may be no folder either.
            Err(GuardrailError::Read(error))
                if error.kind() == ErrorKind::NotFound && self.files.is_empty() => {}
            Err(error) => {
                faults.insert(String::new(), error.to_string());
            }
        }
        if changed {
            self.put_in_force(engine);
        }
        changed |= faults != self.faults;
        self.faults = faults;
        changed
    }

    fn take_in(&mut self, name: String, document: Arc<Document>) -> bool {
        let hash = *document.hash();
        let before = self.files.insert(name, InForce { document, missed: false });
        before.is_none_or(|before| before.document.hash() != &hash)
    }

    /// A guardrail ends when its file is missing twice in a row.
    fn take_out_missing(&mut self, there: &BTreeSet<String>) -> bool {
        let before = self.files.len();
        self.files.retain(|name, held| {
            let missed_before = held.missed;
            held.missed = !there.contains(name);
            !(held.missed && missed_before)
        });
        self.files.len() != before
    }

    fn put_in_force(&self, engine: &Engine) {
        let named = |(name, held): (&String, &InForce)| (name.clone(), Arc::clone(&held.document));
        engine.set_guardrails(self.files.iter().map(named).collect());
    }

    /// What the record says: which file is which document, and what is wrong.
    fn details(&self) -> Value {
        let in_force = self
            .files
            .iter()
            .map(|(file, held)| json!({ "file": file, "document": held.document.id() }));
        let faults = self.faults.iter().map(|(file, reason)| {
            let file = if file.is_empty() { "." } else { file };
            json!({ "file": file, "reason": reason })
        });
        json!({
            "inForce": in_force.collect::<Vec<_>>(),
            "refused": faults.collect::<Vec<_>>(),
        })
    }

    /// Records which guardrails are in force.
    ///
    /// # Errors
    /// If the record cannot be made.
    pub(super) async fn record(&self, ctx: &Ctx) -> Result<(), Error> {
        match self.files.is_empty() && self.faults.is_empty() {
            true => Ok(()),
            false => Ok(system::record_guardrails(ctx, self.details()).await?),
        }
    }

    /// Looks for changes until `stopped` is dropped.
    pub(super) async fn watch(mut self, ctx: Arc<Ctx>, mut stopped: oneshot::Receiver<()>) {
        let mut interval = tokio::time::interval(LOOK_AGAIN);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                _ = &mut stopped => return,
            }
            let engine = Arc::clone(&ctx.engine);
            let looked = tokio::task::spawn_blocking(move || {
                let changed = self.reload(&engine);
                (self, changed)
            });
            let changed = match looked.await {
                Ok((guardrails, changed)) => {
                    self = guardrails;
                    changed
                }
                Err(crash) => {
                    // Those in force stay so.
                    return tracing::error!(%crash, "guardrails are no longer reloaded");
                }
            };
            if !changed {
                continue;
            }
            for (file, reason) in &self.faults {
                tracing::error!(file, reason, "a guardrail is not as it should be");
            }
            tracing::info!(files = self.files.len(), "guardrails are in force");
            if let Err(error) = system::record_guardrails(&ctx, self.details()).await {
                tracing::error!(%error, "a change of guardrails is not recorded");
            }
        }
    }
}

/// The names of the guardrail files in a folder.
fn list(folder: &Path) -> Result<BTreeSet<String>, GuardrailError> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && name.ends_with(".cedar") {
            names.insert(name.into_owned());
        }
        if names.len() > limits::GUARDRAIL_FILES {
            return Err(GuardrailError::TooMany);
        }
    }
    Ok(names)
}

fn compile(engine: &Engine, path: &Path) -> Result<Arc<Document>, GuardrailError> {
    let too_large = CompileError::TooLarge { limit: limits::POLICY_BYTES, unit: "bytes" };
    let bytes = std::fs::metadata(path)?.len();
    if usize::try_from(bytes).map_or(true, |bytes| bytes > limits::POLICY_BYTES) {
        return Err(too_large.into());
    }
    Ok(engine.compile_guardrail(&std::fs::read_to_string(path)?)?)
}

/// How long a change waits to be seen, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const FORBID: &str = r#"forbid (principal, action == Action::"kms:Decrypt", resource);"#;

    struct Bench {
        engine: Engine,
        dir: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            Self { engine: Engine::new().unwrap(), dir: tempfile::tempdir().unwrap() }
        }

        fn folder(&self, named: bool) -> GuardrailFolder {
            GuardrailFolder { path: self.dir.path().join("policies"), named }
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::create_dir_all(self.folder(true).path).unwrap();
            std::fs::write(self.folder(true).path.join(name), text).unwrap();
        }

        fn load(&self, named: bool) -> Result<Guardrails, Error> {
            Guardrails::load(&self.engine, &self.folder(named))
        }
    }

    fn names(guardrails: &Guardrails) -> Vec<&str> {
        guardrails.files.keys().map(String::as_str).collect()
    }

    #[test]
    fn what_is_broken_stops_the_start() {
        let bench = Bench::new();
        assert!(names(&bench.load(false).unwrap()).is_empty());
        assert!(matches!(bench.load(true), Err(Error::Guardrail { .. })));
        bench.write("a.cedar", FORBID);
        bench.write("README.md", "not a guardrail");
        bench.write(".b.cedar", "not yet one");
        assert_eq!(names(&bench.load(true).unwrap()), ["a.cedar"]);
        for broken in ["", "forbid", "permit (principal, action, resource);", "{}"] {
            bench.write("b.cedar", broken);
            let refused = bench.load(true).err().unwrap().to_string();
            assert!(refused.ends_with("b.cedar is not a guardrail"), "{refused}");
        }
    }

    #[test]
    fn what_breaks_later_changes_nothing() {
        let bench = Bench::new();
        bench.write("a.cedar", FORBID);
        let mut guardrails = bench.load(true).unwrap();
        assert!(!guardrails.reload(&bench.engine));
        let document = guardrails.details()["inForce"][0]["document"].clone();

        bench.write("a.cedar", "permit (principal, action, resource);");
        assert!(guardrails.reload(&bench.engine));
        assert!(!guardrails.reload(&bench.engine), "the same fault is told once");
        let details = guardrails.details();
        assert_eq!(details["inForce"][0]["document"], document);
        assert_eq!(details["refused"][0]["reason"], "Statement[0]: a guardrail can only forbid");

        bench.write("a.cedar", &FORBID.replace("kms:Decrypt", "kms:Encrypt"));
        assert!(guardrails.reload(&bench.engine));
        assert_ne!(guardrails.details()["inForce"][0]["document"], document);
        assert!(guardrails.faults.is_empty());
    }

    #[test]
    fn a_guardrail_ends_when_its_file_stays_away() {
        let bench = Bench::new();
        bench.write("a.cedar", FORBID);
        bench.write("b.cedar", FORBID);
        let mut guardrails = bench.load(true).unwrap();
        let path = bench.folder(true).path;
        std::fs::remove_file(path.join("a.cedar")).unwrap();
        assert!(!guardrails.reload(&bench.engine));
        bench.write("a.cedar", FORBID);
        assert!(!guardrails.reload(&bench.engine));
        std::fs::remove_file(path.join("a.cedar")).unwrap();
        assert!(!guardrails.reload(&bench.engine));
        assert!(guardrails.reload(&bench.engine));
        assert_eq!(names(&guardrails), ["b.cedar"]);

        // A folder that is gone takes nothing with it.
        std::fs::remove_dir_all(path).unwrap();
        assert!(guardrails.reload(&bench.engine));
        assert!(!guardrails.reload(&bench.engine));
        assert_eq!(names(&guardrails), ["b.cedar"]);
        assert_eq!(guardrails.details()["refused"][0]["file"], ".");
    }
}
