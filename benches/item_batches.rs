//! Batches of 100 items over HTTP: encrypted and decrypted by a user whose policies decide
//! about each attribute, with a durable record and, of what is decrypted, durable rows of
//! the field-read book. Beside it a bare actix handler that echoes the same bytes, in turn,
//! in one run. Items are those of the bench `items`: ten attributes, about 1.2 KB, five
//! encrypted; suite 0x6700. Target: 10,000 items a second.
//!
//! What counts is the CPU time of the server's process per item, from `/proc`; items per
//! second are beside it, with client and server on the same cores. Requests are signed
//! once and sent again: a signature is valid for a quarter of an hour.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::as_conversions, reason = "counts as floats, for ratios")]
#![expect(clippy::cast_precision_loss, reason = "the same")]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::indexing_slicing, reason = "the argument list of this program")]

mod customers;
mod served;

use std::net::TcpStream;
use std::{env, fs};

use serde_json::{Value, json};
use wardbook::base::secret::SecretBytes;

use customers::{ITEMS, POLICY};
use served::{Ask, Round, Server, exchange, median, signed};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
/// Connections, and batches in one round.
const LOADS: [(usize, usize); 3] = [(1, 50), (4, 100), (16, 160)];
const TARGET: f64 = 10_000.0;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("echo") => served::echo(),
        Some("wardbook") => served::wardbook(&arguments[2]),
        _ => compare(),
    }
}

/// Whoever signs.
struct Signer {
    access_key_id: String,
    secret: SecretBytes,
}

impl Signer {
    /// A signed call of the REST API and the JSON of its answer.
    fn ask(&self, server: &Server, method: &str, path: &str, body: &Value) -> (Vec<u8>, Value) {
        let headers = [("content-type", "application/json")];
        let (service, body) = ("wardbook", &body.to_string());
        let ask = Ask { method, path, service, headers: &headers, body };
        let request = signed(&ask, &server.address, &self.access_key_id, &self.secret);
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let (status, answer) = exchange(&mut stream, &request);
        assert!((200..300).contains(&status), "{}", String::from_utf8_lossy(&answer));
        (request, serde_json::from_slice(&answer).unwrap_or_default())
    }
}

/// A schema, and a user who may encrypt its items and see their attributes by label.
fn prepare(server: &Server, admin: &Signer) -> Signer {
    admin.ask(server, "PUT", "/v1/item-schemas/customers", &customers::schema("0x6700"));
    let (_, made) = admin.ask(server, "POST", "/v1/users", &json!({ "userName": "app" }));
    admin.ask(server, "PUT", "/v1/users/app/policies/items", &json!({ "policy": POLICY }));
    Signer {
        access_key_id: made["accessKeyId"].as_str().unwrap().to_owned(),
        secret: SecretBytes::new(made["secretAccessKey"].as_str().unwrap().as_bytes().to_vec()),
    }
}

fn compare() {
    let (folder, made) = served::init();
    let data = folder.to_string_lossy().into_owned();
    let mut echo = Server::start("echo", &data);
    let mut ours = Server::start("wardbook", &data);
    let admin =
        Signer { access_key_id: made.access_key_id.clone(), secret: made.secret_access_key };
    let user = prepare(&ours, &admin);
    let convert = |verb: &str, items: Vec<Value>| {
        let path = format!("/v1/item-schemas/customers/{verb}");
        let (request, answer) = user.ask(&ours, "POST", &path, &json!({ "items": items }));
        let answered = answer["items"].as_array().unwrap().iter();
        let items: Vec<Value> = answered.map(|one| one["item"].clone()).collect();
        assert!(items.iter().all(|item| item["name"].is_object()), "{}", answer["items"][0]);
        (request, items)
    };
    let plain: Vec<Value> = (0..ITEMS).map(customers::item).collect();
    let (encrypt, sealed) = convert("encrypt", plain.clone());
    let (decrypt, opened) = convert("decrypt", sealed);
    assert_eq!(opened, plain);

    println!("Target: {TARGET:.0} items/s.\n");
    println!("| connections | | server | CPU us/item | items/s | of the target | CPU ratio |");
    println!("|---|---|---|---|---|---|---|");
    for (verb, request) in [("encrypt", encrypt), ("decrypt", decrypt)] {
        echo.request.clone_from(&request);
        ours.request = request;
        for (connections, batches) in LOADS {
            let rounds: Vec<[Round; 2]> = (0..ROUNDS)
                .map(|_| [&echo, &ours].map(|server| server.load(connections, batches)))
                .collect();
            for (index, server) in [&echo, &ours].into_iter().enumerate() {
                let items = ITEMS as f64;
                let rate = median(&rounds, |round| round[index].rate) * items;
                println!(
                    "| {connections} | {verb} | {} | {:.1} | {rate:.0} | {:.2} | {:.1} |",
                    server.name,
                    median(&rounds, |round| round[index].cpu_us) / items,
                    rate / TARGET,
                    median(&rounds, |round| round[index].cpu_us / round[0].cpu_us),
                );
            }
        }
    }
    drop((echo, ours));
    fs::remove_dir_all(folder).ok();
}
