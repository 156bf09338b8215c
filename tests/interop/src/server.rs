//! A wardbook server on a folder of its own, used through its own program.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const ACCOUNT: &str = "111122223333";
/// The Region of the server.
pub const REGION: &str = "eu-central-1";

/// A running server; ends when dropped.
pub struct Server {
    folder: TempDir,
    process: Child,
    /// Where it listens.
    pub url: String,
    /// The administrator's access key: its id and its secret.
    pub admin: (String, String),
}

impl Server {
    /// Makes a data folder and starts the program that `WARDBOOK_BIN` names.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("data");
        let mut init = program();
        init.arg("init").arg("--data").arg(&data);
        init.args(["--account", ACCOUNT, "--region", REGION, "--json"]);
        let made = init.output().expect("the program runs");
        assert!(made.status.success(), "{}", text(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).expect("init says JSON");
        let member = |name: &str| made[name].as_str().expect("a text").to_owned();
        let admin = (member("access_key_id"), member("secret_access_key"));

        let mut serve = program();
        serve.arg("serve").arg("--data").arg(&data);
        serve.args(["--listen", "127.0.0.1:0", "--json", "--disk-reserve", "1"]);
        let mut process = serve.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut said = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("a line");
        let said: Value = serde_json::from_str(&said).expect("serve says JSON");
        let url = format!("http://{}", said["listening"].as_str().expect("an address"));
        Self { folder, process, url, admin }
    }

    /// Puts a schema called `name`.
    pub fn put_schema(&self, name: &str, schema: &Value) {
        let path = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&path, schema.to_string()).expect("a file");
        let done = self.run(&["schema", "apply", path_text(&path)], "");
        assert!(done.status.success(), "{}", text(&done.stderr));
    }

    /// EncryptItems of one item in DynamoDB JSON.
    #[must_use]
    pub fn encrypt(&self, schema: &str, item: &Value) -> Value {
        let done = self.run_on_item("encrypt", schema, item);
        assert!(done.status.success(), "{}", text(&done.stderr));
        serde_json::from_slice(&done.stdout).expect("an item")
    }

    /// DecryptItems of one item in DynamoDB JSON.
    ///
    /// # Errors
    /// What the program says of an item that was refused.
    pub fn decrypt(&self, schema: &str, item: &Value) -> Result<Value, String> {
        let done = self.run_on_item("decrypt", schema, item);
        match done.status.success() {
            true => Ok(serde_json::from_slice(&done.stdout).expect("an item")),
            false => Err(text(&done.stdout) + &text(&done.stderr)),
        }
    }

    fn run_on_item(&self, command: &str, schema: &str, item: &Value) -> Output {
        let arguments = ["items", command, "--schema", schema, "--format", "dynamodb"];
        self.run(&arguments, &format!("{item}\n"))
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = program();
        command.args(arguments).args(["--endpoint", &self.url]);
        command.env("AWS_ACCESS_KEY_ID", &self.admin.0);
        command.env("AWS_SECRET_ACCESS_KEY", &self.admin.1);
        command.env("AWS_REGION", REGION);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut pipe = child.stdin.take().expect("a pipe");
        // A program that does not read has ended with an error, which is shown.
        drop(pipe.write_all(stdin.as_bytes()));
        drop(pipe);
        child.wait_with_output().expect("the program ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The program, without an environment that could lead it elsewhere.
fn program() -> Command {
    let path = std::env::var_os("WARDBOOK_BIN").map(PathBuf::from);
    let mut command = Command::new(path.expect("WARDBOOK_BIN names the built program"));
    command.env_clear();
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}
