//! The throw-away server: this program as a child process, in a folder that
//! goes away with it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::secret::SecretBytes;
use crate::cli::client::Client;
use crate::cli::error::Error;
use crate::config::client::{self, Credentials};

const REGION: &str = "eu-central-1";

/// A running server and its first administrator.
pub(super) struct Server {
    pub(super) endpoint: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    child: Child,
    folder: Folder,
}

/// What `serve --json` says first, and then about a new folder.
#[derive(Deserialize)]
struct Listening {
    listening: String,
}

#[derive(Deserialize)]
struct Made {
    account: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

impl Server {
    pub(super) fn start() -> Result<Self, Error> {
        let folder = Folder::new().map_err(|error| does_not_start(&error))?;
        let mut child = spawn(&folder).map_err(|error| does_not_start(&error))?;
        let said = child.stdout.take().map(listen).unwrap_or_else(|| Err(ended()));
        match said {
            Ok((Listening { listening }, made)) => Ok(Self {
                endpoint: format!("http://{listening}"),
                account: made.account,
                region: made.region,
                access_key_id: made.access_key_id,
                secret_access_key: made.secret_access_key,
                child,
                folder,
            }),
            Err(error) => {
                drop(child.kill());
                drop(child.wait());
                let log = fs::read_to_string(folder.log()).unwrap_or_default();
                let last = log.lines().last().map_or_else(|| error.to_string(), str::to_owned);
                Err(Error::DemoServer(last))
            }
        }
    }

    /// The folder that goes away with the server.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// A client of the REST API with this access key.
    pub(super) fn client(&self, access_key_id: &str, secret: &str) -> Result<Client, Error> {
        Client::new(client::Client {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credentials: Credentials {
                access_key_id: access_key_id.to_owned(),
                secret: SecretBytes::new(secret.as_bytes().to_vec()),
                session_token: None,
            },
            ca_cert: None,
        })
    }

    /// Stops the server as an operator would, and leaves its folder.
    pub(super) fn stop(mut self) -> io::Result<(ExitStatus, Files)> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
        let status = self.child.wait()?;
        Ok((status, self.folder.files()?))
    }
}

impl Drop for Server {
    /// A demo that failed half way leaves no server behind. There is nobody to
    /// tell if this fails: the child may well be gone.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The names and contents of all files that a server left.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// A folder of its own, removed with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let name = format!("wardbook-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that is there already belongs to somebody else: this fails.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    fn files(&self) -> io::Result<Files> {
        let mut files = Vec::new();
        for folder in [self.0.as_path(), &self.data()] {
            read_files(folder, &mut files)?;
        }
        Ok(files)
    }
}

fn read_files(folder: &Path, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read(&path)?));
        }
    }
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        // In the folder for temporary files, what cannot be removed now is
        // removed later.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn spawn(folder: &Folder) -> io::Result<Child> {
    let log = File::create_new(folder.log())?;
    Command::new(std::env::current_exe()?)
        .args(["serve", "--json", "--stop-with-parent", "--listen", "127.0.0.1:0"])
        .args(["--disk-reserve", "0", "--data"])
        .arg(folder.data())
        // The user's own settings are for the user's own server.
        .env_clear()
        .env("WARDBOOK_REGION", REGION)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
}

fn listen(stdout: ChildStdout) -> io::Result<(Listening, Made)> {
    let mut lines = BufReader::new(stdout).lines();
    Ok((said(&mut lines)?, said(&mut lines)?))
}

fn said<T: DeserializeOwned>(
    lines: &mut impl Iterator<Item = io::Result<String>>,
) -> io::Result<T> {
    let line = lines.next().unwrap_or_else(|| Err(ended()))?;
    Ok(serde_json::from_str(&line)?)
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without a word")
}

fn does_not_start(error: &io::Error) -> Error {
    Error::DemoServer(error.to_string())
}
