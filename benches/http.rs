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

mod served;

use std::net::TcpStream;
use std::{env, fs};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use served::{Ask, Round, Server, exchange, median, signed};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
/// Connections, and requests in one round.
const LOADS: [(usize, usize); 3] = [(1, 2_000), (32, 16_000), (128, 16_000)];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("echo") => served::echo(),
        Some("wardbook") => served::wardbook(&arguments[2]),
        _ => compare(),
    }
}

fn compare() {
    let (folder, made) = served::init();
    let data = folder.to_string_lossy().into_owned();
    let mut echo = Server::start("echo", &data);
    let mut ours = Server::start("wardbook", &data);
    let ask = |target: &str, body: &str| {
        let target = format!("TrentService.{target}");
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let ask = Ask { method: "POST", path: "/", service: "kms", headers: &headers, body };
        let request = signed(&ask, &ours.address, &made.access_key_id, &made.secret_access_key);
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
        for (index, server) in [&echo, &ours].into_iter().enumerate() {
            println!(
                "| {connections} | {} | {:.1} | {:.0} | {:.2} | {:.2} |",
                server.name,
                median(&rounds, |round| round[index].cpu_us),
                median(&rounds, |round| round[index].rate),
                median(&rounds, |round| round[index].cpu_us / round[0].cpu_us),
                median(&rounds, |round| round[index].rate / round[0].rate),
            );
        }
    }
    drop((echo, ours));
    fs::remove_dir_all(folder).ok();
}
