//! A server that does not know what it serves: what each connection gets is said
//! byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// The bytes, and the end of the connection.
    Bytes(String),
    /// The bytes, and then nothing, ever.
    BytesAndSilence(String),
}

impl Reply {
    /// An answer of AWS JSON 1.1.
    pub(super) fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n\
             x-amzn-RequestId: request-1\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        ))
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &format!(r#"{{"__type":"{code}","message":"{message}"}}"#))
    }
}

/// A server that runs until the test process ends.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Replies to one request after the other; to all further ones with the last.
    pub(super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (replies, seen) = (replies.clone(), Arc::clone(&seen));
                thread::spawn(move || serve(&stream.unwrap(), &replies, &seen));
            }
        });
        Self { url, requests }
    }

    pub(super) fn always(reply: Reply) -> Self {
        Self::start(vec![reply])
    }

    /// The requests so far, headers and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: &TcpStream, replies: &[Reply], seen: &Mutex<Vec<String>>) {
    let Some(request) = read(stream) else { return };
    let before = {
        let mut seen = seen.lock().unwrap();
        let before = seen.len();
        seen.push(request);
        before
    };
    let reply = replies.get(before).or(replies.last()).unwrap();
    let (bytes, is_silent) = match reply {
        Reply::Bytes(bytes) => (bytes, false),
        Reply::BytesAndSilence(bytes) => (bytes, true),
    };
    // A client that has heard enough may hang up.
    if stream.write_all(bytes.as_bytes()).is_ok() && is_silent {
        read(stream);
    }
}

/// One request, or `None` if the client has hung up.
fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        request.push_str(&line);
        line.make_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            return Some(request + &String::from_utf8(body).unwrap());
        }
    }
}
