//! A terminal in a folder of its own: this program's commands, run as they are
//! printed, by whoever has logged in.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::server::Server;
use super::story::Story;
use crate::cli::error::Error;

/// Somebody with an access key.
pub(super) struct Login {
    name: String,
    access_key_id: String,
    pub(super) secret: String,
}

/// What `principal create-user --json` prints.
#[derive(Deserialize)]
struct Made {
    access_key_id: String,
    secret_access_key: String,
}

pub(super) struct Terminal<'a> {
    server: &'a Server,
    folder: PathBuf,
}

/// A command that has ended.
pub(super) struct Ended {
    pub(super) is_success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(server: &'a Server) -> Result<Self, Error> {
        let folder = server.folder().join("terminal");
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| Error::Demo(error.to_string()))?;
        Ok(Self { server, folder })
    }

    /// The first administrator.
    pub(super) fn administrator(&self) -> Login {
        Login {
            name: "admin".to_owned(),
            access_key_id: self.server.access_key_id.clone(),
            secret: self.server.secret_access_key.clone(),
        }
    }

    /// Writes a file, and shows it line by line.
    pub(super) fn write(&self, story: &mut Story<'_>, name: &str, text: &str) -> Result<(), Error> {
        fs::write(self.folder.join(name), text).map_err(|error| Error::Demo(error.to_string()))?;
        story.tell(&format!("{name}:"))?;
        text.lines().try_for_each(|line| story.tell(&format!("  {line}")))
    }

    /// A new user, whose secret is shown to nobody.
    pub(super) fn create_user(
        &self,
        story: &mut Story<'_>,
        by: &Login,
        name: &str,
    ) -> Result<Login, Error> {
        let command = format!("principal create-user {name} --json");
        let said = self.run(story, by, &command, None)?.answer()?;
        let made: Result<Made, _> = serde_json::from_str(&said);
        let made = made.map_err(|error| Error::Demo(error.to_string()))?;
        let Made { access_key_id, secret_access_key: secret } = made;
        Ok(Login { name: name.to_owned(), access_key_id, secret })
    }

    /// Runs `command`, whose words have no blanks; behind ` > ` the name of a file for what
    /// it prints. `input` is what it reads.
    pub(super) fn run(
        &self,
        story: &mut Story<'_>,
        by: &Login,
        command: &str,
        input: Option<&str>,
    ) -> Result<Ended, Error> {
        let before = input.map(|input| format!("echo '{input}' | ")).unwrap_or_default();
        story.command(&format!("{}$ {before}wardbook {command}", by.name))?;
        self.spawn(by, command, input).map_err(|error| Error::Demo(error.to_string()))
    }

    fn spawn(&self, by: &Login, command: &str, input: Option<&str>) -> io::Result<Ended> {
        let (words, file) = match command.split_once(" > ") {
            Some((words, file)) => (words, Some(file)),
            None => (command, None),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(words.split_whitespace())
            .current_dir(&self.folder)
            .env_clear()
            .env("WARDBOOK_ENDPOINT", &self.server.endpoint)
            .env("AWS_REGION", &self.server.region)
            .env("AWS_ACCESS_KEY_ID", &by.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &by.secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.unwrap_or_default().as_bytes())?;
        }
        let ended = child.wait_with_output()?;
        if let Some(file) = file {
            fs::write(self.folder.join(file), &ended.stdout)?;
        }
        Ok(Ended {
            is_success: ended.status.success(),
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        })
    }
}

impl Ended {
    /// What it printed, if it did what it was told.
    pub(super) fn answer(self) -> Result<String, Error> {
        match self.is_success {
            true => Ok(self.stdout),
            false => Err(Error::Demo(self.stderr.trim_end().to_owned())),
        }
    }
}
