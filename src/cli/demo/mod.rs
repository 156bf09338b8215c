//! `wardbook demo`: the whole story on a throw-away server. The server is a
//! process of its own, started as a user would; the calls come from the AWS SDK,
//! from the same REST client as every other command, and from commands that are run
//! as they are printed. Each line that says that something is so has checked it.
//!
//! Deliberately absent: any way into the server but its doors.

mod kms;
mod readers;
mod server;
mod story;
mod terminal;
mod tour;

use super::error::Error;
use super::output::Output;
use server::Server;
use story::Story;

/// Runs the demo; fails when anything is not as told.
pub(super) fn run(output: &mut Output) -> Result<(), Error> {
    let mut story = Story::new(output);
    story.chapter("A server in an empty folder")?;
    let server = Server::start()?;
    story.tell(&format!("wardbook listens on {}", server.endpoint))?;
    story.tell(&format!("account {}, Region {}", server.account, server.region))?;
    let secrets = tour::walk(&mut story, &server)?;
    tour::check_stop(&mut story, server, &secrets)?;
    story.end()
}
