//! Two servers as processes of their own, ours and a bare echo, and requests that are
//! signed once and sent to them many times: what the benchmarks over HTTP share.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpServer};
use wardbook::app::{self, Doors, InitOptions, OpenOptions, RootKeySource, ServeOptions};
use wardbook::base::clock::{Clock, SystemClock};
use wardbook::base::ids::Region;
use wardbook::base::secret::SecretBytes;
use wardbook::ops::ctx::{Ended, Observer};
use wardbook::wire::sigv4::Request;
use wardbook::wire::sigv4::sign::{Credentials, sign};

const REGION: &str = "eu-central-1";
const WORKERS: usize = 2;

/// The baseline: a handler that sends back what it got.
pub(crate) fn echo() {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new()
                .app_data(web::PayloadConfig::new(16 << 20))
                .default_service(web::to(|body: Bytes| async move { body }))
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
pub(crate) fn wardbook(data: &str) {
    let options = ServeOptions {
        seed: None,
        dev: false,
        guardrails: app::GuardrailFolder { path: format!("{data}/policies").into(), named: false },
        open: OpenOptions {
            oidc: Vec::new(),
            remotes: Default::default(),
            data: data.into(),
            root_key: RootKeySource::KeyFile(format!("{data}/root.key").into()),
            account: None,
            region: None,
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
    app::serve(options, |progress| {
        if let app::Progress::Listening { address, .. } = progress {
            println!("{address}");
        }
    })
    .unwrap();
}

/// What one round took.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// CPU time of the server, microseconds a request.
    pub(crate) cpu_us: f64,
    /// Requests a second.
    pub(crate) rate: f64,
}

/// A server process and what to ask it.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    process: Child,
    pub(crate) address: String,
    pub(crate) request: Vec<u8>,
}

impl Server {
    pub(crate) fn start(name: &'static str, data: &str) -> Self {
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
    pub(crate) fn load(&self, connections: usize, requests: usize) -> Round {
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
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8]) -> (u16, Vec<u8>) {
    stream.write_all(request).unwrap();
    let mut answer = Vec::with_capacity(4_096);
    let mut chunk = [0; 4_096];
    let head = loop {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the server hung up");
        answer.extend_from_slice(&chunk[..read]);
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let mut body = answer.split_off(head);
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let len = head.split("content-length: ").nth(1).unwrap();
    let len: usize = len.split("\r\n").next().unwrap().parse().unwrap();
    let read = body.len();
    body.resize(len, 0);
    stream.read_exact(&mut body[read..]).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

/// What is asked of a server.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) service: &'a str,
    /// Headers beside the host's.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

/// The bytes of a signed request.
pub(crate) fn signed(ask: &Ask<'_>, address: &str, key_id: &str, secret: &SecretBytes) -> Vec<u8> {
    let Ask { method, path, service, headers, body } = *ask;
    let headers = || [("host", address)].into_iter().chain(headers.iter().copied());
    let bytes: Vec<(&str, &[u8])> =
        headers().map(|(name, value)| (name, value.as_bytes())).collect();
    let request = Request { method, path, query: "", headers: &bytes, body: body.as_bytes() };
    let credentials = Credentials { access_key_id: key_id, secret, session_token: None };
    let now_ms = SystemClock::new().now_ms();
    let added = sign(&request, &credentials, REGION, service, now_ms).unwrap();
    let mut text = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    for (name, value) in added {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// The median of what `of` says of rounds, of which there are an odd number.
pub(crate) fn median(rounds: &[[Round; 2]], of: impl Fn(&[Round; 2]) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// An empty data folder, and the first administrator of it.
pub(crate) fn init() -> (PathBuf, app::Initialized) {
    let folder = env::temp_dir().join(format!("wardbook-bench-{}", std::process::id()));
    let options = InitOptions {
        data: folder.clone(),
        account: None,
        region: Region::parse(REGION).unwrap(),
        root_key: RootKeySource::KeyFile(folder.join("root.key")),
        log_origin: None,
    };
    let made = app::init(&options, &SystemClock::new()).unwrap();
    (folder, made)
}
