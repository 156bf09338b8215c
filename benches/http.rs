//! A full Decrypt over HTTP (SigV4 verified, Cedar decided, record durable)
//! against a bare actix handler that echoes the same bytes, in turn, in one run.
//! `cargo bench --bench http` prints a table; `benches/README.md` keeps one.
//!
//! What counts is the CPU time of the server's process per request, from
//! `/proc`; requests per second are beside it, with client and server on the
//! same cores. Requests are signed once and sent again: a signature is valid
//! for a quarter of an hour.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::as_conversions, reason = "counts as floats, for ratios")]
#![expect(clippy::cast_precision_loss, reason = "the same")]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::indexing_slicing, reason = "the argument list of this program")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpServer};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use wardbook::app::{self, Doors, InitOptions, OpenOptions, RootKeySource, ServeOptions};
use wardbook::base::clock::{Clock, SystemClock};
use wardbook::base::ids::Region;
use wardbook::base::secret::SecretBytes;
use wardbook::ops::ctx::{Ended, Observer};
use wardbook::wire::sigv4::Request;
use wardbook::wire::sigv4::sign::{Credentials, sign};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REGION: &str = "eu-central-1";
const WORKERS: usize = 2;
const ROUNDS: usize = 5;
/// Connections, and requests in one round.
const LOADS: [(usize, usize); 3] = [(1, 2_000), (32, 16_000), (128, 16_000)];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("echo") => echo(),
        Some("wardbook") => wardbook(&arguments[2]),
        _ => compare(),
    }
}

/// The baseline: a handler that sends back what it got.
fn echo() {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new().default_service(web::to(|body: Bytes| async move { body }))
        })
        .workers(WORKERS)
        .bind("127.0.0.1:0")
        .unwrap();
        println!("{}", server.addrs()[0]);
        server.run().await.unwrap();
    });
}

struct Nobody;

impl Observer for Nobody {
    fn call_ended(&self, _: &Ended<'_>) {}
}

/// The server under test, on the data folder `data`.
fn wardbook(data: &str) {
    let options = ServeOptions {
        seed: None,
        dev: false,
        guardrails: app::GuardrailFolder { path: format!("{data}/policies").into(), named: false },
        open: OpenOptions {
            oidc: Vec::new(),
            remotes: Default::default(),
            data: data.into(),
            root_key: RootKeySource::KeyFile(format!("{data}/root.key").into()),
            log_origin: None,
            witness: Default::default(),
            regions: Vec::new(),
            quotas: Default::default(),
            store: Default::default(),
            trail: None,
            clock: Arc::new(SystemClock::new()),
            observer: Box::new(Nobody),
        },
        doors: Doors {
            listener: app::bind("127.0.0.1:0".parse().unwrap()).unwrap(),
            workers: WORKERS,
            tls: None,
            metrics: Box::new(String::new),
        },
    };
    app::serve(options, |_, address| println!("{address}")).unwrap();
}

/// What one round took.
#[derive(Clone, Copy)]
struct Round {
    /// CPU time of the server, microseconds a request.
    cpu_us: f64,
    /// Requests a second.
    rate: f64,
}

/// A server process and what to ask it.
struct Server {
    name: &'static str,
    process: Child,
    address: String,
    request: Vec<u8>,
}

impl Server {
    fn start(name: &'static str, data: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args([name, data])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { name, process, address: address.trim().to_owned(), request: Vec::new() }
    }

    /// CPU time of the process's threads so far, as the scheduler counts it: to
    /// the nanosecond, where `stat` has ticks of 10 ms.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let nanos = tasks.map(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            stat.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// Sends `requests` over `connections`.
    fn load(&self, connections: usize, requests: usize) -> Round {
        let (cpu, start) = (self.cpu(), Instant::now());
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let mut stream = TcpStream::connect(&self.address).unwrap();
                    stream.set_nodelay(true).unwrap();
                    for _ in 0..requests / connections {
                        let (status, _) = exchange(&mut stream, &self.request);
                        assert_eq!(status, 200);
                    }
                });
            }
        });
        let (cpu, took) = (self.cpu() - cpu, start.elapsed());
        let requests = requests as f64;
        Round { cpu_us: cpu.as_secs_f64() * 1e6 / requests, rate: requests / took.as_secs_f64() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One request and its answer: status and body.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> (u16, Vec<u8>) {
    stream.write_all(request).unwrap();
    let mut answer = Vec::with_capacity(2_048);
    let mut chunk = [0; 4_096];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the server hung up");
        answer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let len = head.split("content-length: ").nth(1).unwrap();
        let len: usize = len.split("\r\n").next().unwrap().parse().unwrap();
        if body.len() >= len {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            return (status, body.as_bytes().to_vec());
        }
    }
}

/// The bytes of a signed call.
fn signed(target: &str, body: &str, address: &str, key_id: &str, secret: &SecretBytes) -> Vec<u8> {
    let target = format!("TrentService.{target}");
    let headers: [(&str, &[u8]); 3] = [
        ("host", address.as_bytes()),
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", target.as_bytes()),
    ];
    let request =
        Request { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
    let credentials = Credentials { access_key_id: key_id, secret, session_token: None };
    let now_ms = SystemClock::new().now_ms();
    let added = sign(&request, &credentials, REGION, "kms", now_ms).unwrap();
    let mut text = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: {target}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in added {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

fn compare() {
    let folder = env::temp_dir().join(format!("wardbook-bench-{}", std::process::id()));
    let data = folder.to_string_lossy().into_owned();
    let options = InitOptions {
        data: folder.clone(),
        account: None,
        region: Region::parse(REGION).unwrap(),
        root_key: RootKeySource::KeyFile(folder.join("root.key")),
        log_origin: None,
    };
    let made = app::init(&options, &SystemClock::new()).unwrap();
    let mut echo = Server::start("echo", &data);
    let mut ours = Server::start("wardbook", &data);
    let ask = |target: &str, body: &str| {
        let request =
            signed(target, body, &ours.address, &made.access_key_id, &made.secret_access_key);
        let (status, answer) = exchange(&mut TcpStream::connect(&ours.address).unwrap(), &request);
        assert_eq!(status, 200);
        (request, serde_json::from_slice::<Value>(&answer).unwrap())
    };
    let (_, key) = ask("CreateKey", "{}");
    let key_id = key["KeyMetadata"]["KeyId"].as_str().unwrap();
    let plaintext = BASE64_STANDARD.encode([7; 32]);
    let (_, sealed) = ask(
        "Encrypt",
        &format!(
            r#"{{"KeyId":"{key_id}","Plaintext":"{plaintext}","EncryptionContext":{{"tenant":"7"}}}}"#
        ),
    );
    let blob = sealed["CiphertextBlob"].as_str().unwrap();
    let (request, opened) = ask(
        "Decrypt",
        &format!(r#"{{"CiphertextBlob":"{blob}","EncryptionContext":{{"tenant":"7"}}}}"#),
    );
    assert_eq!(opened["Plaintext"], plaintext.as_str());
    echo.request.clone_from(&request);
    ours.request = request;

    println!("| connections | server | CPU us/request | requests/s | CPU ratio | rate ratio |");
    println!("|---|---|---|---|---|---|");
    for (connections, requests) in LOADS {
        let mut rounds: Vec<[Round; 2]> = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push([&echo, &ours].map(|server| server.load(connections, requests)));
        }
        let median = |of: &dyn Fn(&[Round; 2]) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        for (index, server) in [&echo, &ours].into_iter().enumerate() {
            println!(
                "| {connections} | {} | {:.1} | {:.0} | {:.2} | {:.2} |",
                server.name,
                median(&|round| round[index].cpu_us),
                median(&|round| round[index].rate),
                median(&|round| round[index].cpu_us / round[0].cpu_us),
                median(&|round| round[index].rate / round[0].rate),
            );
        }
    }
    drop((echo, ours));
    fs::remove_dir_all(folder).ok();
}
