//! `wardbook root-key`: who can open the root key of a data folder, and a new root
//! key. Works on the folder itself while no server runs; only `list` does not mind
//! one.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::error::Error;
use super::output::Output;
use crate::app::{self, ListedProtector, RootKeyFolder};
use crate::base::clock::{Clock, SystemClock};
use crate::base::timestamp;
use crate::config::environment::Environment;
use crate::config::flags::{NewProtectorFlags, RootKeyCommandFlags};
use crate::config::root_key::RootKeySetting;
use crate::config::server::{self, Offline};
use crate::hsm::protector::ProtectorKind;
use crate::http::server::block_on;
use crate::keys::backend::remote::Remotes;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every protector: any one of them opens the root key
    List(RootKeyCommandFlags),
    /// Let something else open the root key as well
    Add(Add),
    /// Take a protector away, if another one is shown to open the root key
    Remove(Remove),
    /// Put a new root key in the place of the old one, under all protectors at once
    Rotate(Rotate),
}

#[derive(Args)]
struct Add {
    #[command(flatten)]
    new: NewProtectorFlags,
    #[command(flatten)]
    folder: RootKeyCommandFlags,
}

#[derive(Args)]
struct Remove {
    /// The protector
    name: String,
    /// Do it even if no other protector is shown to open the root key
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    folder: RootKeyCommandFlags,
}

#[derive(Args)]
struct Rotate {
    /// Key file of another protector; may be given several times
    #[arg(long, value_name = "FILE")]
    also_key_file: Vec<PathBuf>,
    /// Passphrase of another protector, in the first line of a file; may be given several times
    #[arg(long, value_name = "FILE")]
    also_passphrase_file: Vec<PathBuf>,
    #[command(flatten)]
    folder: RootKeyCommandFlags,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Context { environment, output } = context;
    match arguments.command {
        Command::List(flags) => list(output, flags, environment),
        Command::Add(add) => run_add(output, add, environment),
        Command::Remove(remove) => run_remove(output, remove, environment),
        Command::Rotate(rotate) => run_rotate(output, rotate, environment),
    }
}

#[derive(Serialize)]
struct Printed {
    name: String,
    kind: Option<&'static str>,
    added: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_arn: Option<String>,
}

impl Printed {
    fn of(listed: ListedProtector) -> Self {
        let (remote, key_arn) =
            listed.wrapped.map(|wrapped| (wrapped.remote, wrapped.key_arn)).unzip();
        Self {
            name: listed.name,
            kind: listed.kind.map(ProtectorKind::as_str),
            added: listed.added_ms.map(timestamp::iso_8601),
            remote,
            key_arn,
        }
    }

    fn row(self) -> Vec<String> {
        let shown = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let kind = self.kind.unwrap_or("cannot be read").to_owned();
        vec![self.name, kind, shown(self.added), shown(self.remote), shown(self.key_arn)]
    }
}

fn list(
    output: &mut Output,
    flags: RootKeyCommandFlags,
    environment: &Environment,
) -> Result<(), Error> {
    let Offline { data, .. } = server::offline(flags, environment)?;
    let protectors = app::list_protectors(&data).map_err(Error::Protectors)?;
    let protectors = protectors.into_iter().map(Printed::of);
    if output.is_json() {
        let protectors = protectors.collect::<Vec<_>>();
        return Ok(output.json(&json!({ "protectors": protectors }))?);
    }
    let rows = protectors.map(Printed::row).collect::<Vec<_>>();
    Ok(output.table(&["NAME", "KIND", "ADDED", "REMOTE", "KEY"], &rows)?)
}

fn run_add(output: &mut Output, add: Add, environment: &Environment) -> Result<(), Error> {
    let Add { mut new, folder } = add;
    let name = new.name.take();
    let new = RootKeySetting::of_new(new)?;
    let Folder { folder, root_key, remotes } = open(folder, environment)?;
    let (source, new) = (root_key.open(false, &remotes)?, new.open(true, &remotes)?);
    let name = block_on(folder.add(&source, name, &new)).map_err(Error::RootKey)?;
    let text = format!("{name} opens the root key from now on.");
    output.done(&text, &json!({ "added": name }))
}

fn run_remove(output: &mut Output, remove: Remove, environment: &Environment) -> Result<(), Error> {
    let Remove { name, force, folder } = remove;
    let Folder { folder, root_key, remotes } = open(folder, environment)?;
    let source = root_key.open(false, &remotes)?;
    block_on(folder.remove(&source, &name, force)).map_err(Error::RootKey)?;
    let text = format!(
        "{name} no longer opens the root key of this folder. It still opens older copies of it: \
         `wardbook root-key rotate` makes a root key that they do not have."
    );
    output.done(&text, &json!({ "removed": name }))
}

fn run_rotate(output: &mut Output, rotate: Rotate, environment: &Environment) -> Result<(), Error> {
    let Rotate { also_key_file, also_passphrase_file, folder } = rotate;
    let Folder { folder, root_key, remotes } = open(folder, environment)?;
    let files = also_key_file.into_iter().map(RootKeySetting::KeyFile);
    let passphrases = also_passphrase_file.into_iter().map(RootKeySetting::PassphraseFile);
    let of_remotes = RootKeySetting::AwsKms(None);
    let all = std::iter::once(root_key).chain(files).chain(passphrases).chain([of_remotes]);
    let sources =
        all.map(|setting| setting.open(false, &remotes)).collect::<Result<Vec<_>, _>>()?;
    let by = block_on(folder.rotate(&sources)).map_err(Error::RootKey)?;
    let text = format!(
        "The root key is a new one (the old one was opened by {}). The next start seals \
         everything else anew.",
        by.name
    );
    output.done(&text, &json!({ "rotated": true, "opened_by": by.name }))
}

/// The folder, locked, and what opens its root key.
struct Folder {
    folder: RootKeyFolder,
    root_key: RootKeySetting,
    remotes: Arc<Remotes>,
}

fn open(flags: RootKeyCommandFlags, environment: &Environment) -> Result<Folder, Error> {
    let Offline { data, root_key, remotes, witness } = server::offline(flags, environment)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let remotes = Arc::new(Remotes::new(remotes, &clock));
    let folder = RootKeyFolder::open(data, witness, clock).map_err(Error::RootKey)?;
    Ok(Folder { folder, root_key, remotes })
}
