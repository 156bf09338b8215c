//! The program itself, as a process: what it prints, where, and with which
//! exit code. Every command runs in an environment of its own.

mod audit;
mod commands;
mod evidence;
mod jobs;
mod policy;
mod questions;
mod root_key;
mod schema;
mod serving;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::program::spawn;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";

/// Writes a file that nobody else can read.
fn write_private(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A folder, and an environment that knows nothing but it.
struct Program {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// A command that has ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        Self { folder, variables: vec![("HOME".to_owned(), home)] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Signs with the access key that `made` tells of.
    fn sign_as(&mut self, made: &Value) {
        self.set("AWS_REGION", REGION);
        self.set("AWS_ACCESS_KEY_ID", made["access_key_id"].as_str().unwrap());
        self.set("AWS_SECRET_ACCESS_KEY", made["secret_access_key"].as_str().unwrap());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wardbook"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(&mut command);
        // A command that refuses before it reads closes its end: no failure.
        drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
        child.wait_with_output().unwrap().into()
    }

    /// What a command prints on both outputs, as they come to one terminal.
    fn mixed(&self, arguments: &[&str], stdin: &str) -> String {
        let (mut seen, outputs) = std::io::pipe().unwrap();
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(outputs.try_clone().unwrap()).stderr(outputs);
        let mut child = spawn(&mut command);
        // It holds the outputs open.
        drop(command);
        drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
        let mut text = String::new();
        seen.read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        text
    }

    /// The JSON that a command prints; it must succeed.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Makes the folder `data`; whoever was made signs from now on.
    fn init(&mut self) {
        let made = self.json(&["init", "--data", "data", "--account", ACCOUNT, "--region", REGION]);
        self.sign_as(&made);
    }

    /// Serves the folder `data`; commands find the server from now on.
    fn serve(&mut self, arguments: &[&str]) -> Server {
        let fixed = ["serve", "--json", "--data", "data", "--listen", "127.0.0.1:0"];
        let server = Server::start(self.command(&[&fixed, arguments].concat()));
        self.set("WARDBOOK_ENDPOINT", &format!("http://{}", server.address));
        server
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Checks the code, and that the error says this, on standard error only.
    #[track_caller]
    fn refused(&self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(self.stderr.contains(says), "{}", self.stderr);
        assert_eq!(self.stdout, "");
    }
}

/// A server that runs, killed with its last use.
struct Server {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        said.read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(first.as_object().unwrap().len(), 1, "{first}");
        let address = first["listening"].as_str().unwrap().to_owned();
        Self { child, said, address }
    }

    /// The next line on standard output.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line
    }

    /// Stops it as an operator would; returns the exit code.
    fn stop(mut self, signal: rustix::process::Signal) -> Option<i32> {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A file of `tests/vectors`.
fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    path.to_str().unwrap().to_owned()
}
