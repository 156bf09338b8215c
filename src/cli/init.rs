//! `wardbook init`: makes a data folder, and prints the first administrator's
//! access key, whose secret is stored nowhere in clear.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::Context;
use super::error::Error;
use super::output::Output;
use crate::app::{self, InitOptions, Initialized, RootKeySource};
use crate::base::clock::{Clock, SystemClock};
use crate::config::flags::InitFlags;
use crate::config::server::{self, NewFolder};
use crate::keys::backend::remote::Remotes;
use crate::wire::text::SecretText;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: InitFlags,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let mut folder = server::new_folder(arguments.flags, &context.environment)?;
    let already = app::is_initialized(&folder.data).map_err(Error::Init)?;
    if already {
        // Before a passphrase is asked for.
        return Err(Error::Init(app::Error::AlreadyInitialized(folder.data)));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let remotes = Arc::new(Remotes::new(std::mem::take(&mut folder.remotes), &clock));
    let options = options(folder, true, &remotes)?;
    let made = app::init(&options, clock.as_ref()).map_err(Error::Init)?;
    if context.output.is_json() {
        return print_json(&mut context.output, made);
    }
    print_text(&mut context.output, &made)?;
    let data = options.data.display();
    let how = match options.root_key {
        RootKeySource::KeyFile(_) => "",
        RootKeySource::Passphrase(_) => " --root-key passphrase",
        RootKeySource::AwsKms(_) => " --root-key aws-kms",
    };
    let output = &mut context.output;
    Ok(output.line(format_args!("\nStart the server:\n  wardbook serve --data {data}{how}"))?)
}

/// Opens the root key's source; a new passphrase is asked for twice.
pub(super) fn options(
    folder: NewFolder,
    is_new: bool,
    remotes: &Arc<Remotes>,
) -> Result<InitOptions, Error> {
    Ok(InitOptions {
        data: folder.data,
        account: folder.account.or(folder.default_account),
        region: folder.region.unwrap_or(folder.default_region),
        root_key: folder.root_key.open(is_new, remotes)?,
        log_origin: folder.log_origin,
    })
}

#[derive(Serialize)]
struct Printed {
    account: String,
    region: String,
    access_key_id: String,
    secret_access_key: SecretText,
}

pub(super) fn print_json(output: &mut Output, made: Initialized) -> Result<(), Error> {
    Ok(output.json(&Printed {
        account: made.account.to_string(),
        region: made.region.to_string(),
        access_key_id: made.access_key_id,
        secret_access_key: SecretText(made.secret_access_key),
    })?)
}

pub(super) fn print_text(output: &mut Output, made: &Initialized) -> Result<(), Error> {
    output
        .line("A new data folder. This is its first administrator; the secret is shown once.\n")?;
    output.line(format_args!("  account            {}", made.account))?;
    output.line(format_args!("  region             {}", made.region))?;
    output.line(format_args!("  access key id      {}", made.access_key_id))?;
    output.secret("  secret access key  ", &made.secret_access_key)?;
    Ok(())
}
