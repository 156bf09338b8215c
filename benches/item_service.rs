//! Batches of 100 items through EncryptItems and DecryptItems without HTTP: each call is
//! parsed, the policy decides about every attribute, each item has a data key of its own
//! from the HSM, and the records, with the field reads of what is decrypted, are durable
//! before the answer. Items and policy are those of the bench `item_batches`. Targets on
//! one core: 40,000 items a second in suite 0x6700, 4,000 in 0x6701.
//!
//! What counts is the CPU time of the whole process per item, the writer and the search
//! index included; items per second by the clock are beside it. Rounds of everything in
//! turn, so that a busy machine falls on all; printed are the medians. An argument chooses
//! the lines that have it in their name: `cargo bench --bench item_service -- 'Decrypt 0x6700'`.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::indexing_slicing, reason = "JSON members that must be there")]
#![expect(clippy::as_conversions, reason = "counts as floats, for ratios")]
#![expect(clippy::cast_precision_loss, reason = "the same")]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod customers;
mod opened;

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wardbook::base::caller::Caller;
use wardbook::items;
use wardbook::ops::admin;
use wardbook::ops::call::Call;
use wardbook::ops::operation::{BoundOperation, Entry};

use customers::{ITEMS, POLICY};
use opened::Server;

/// Odd, so that there is one in the middle.
const ROUNDS: usize = 9;
/// Batches at once, and in one round.
const LOADS: [(usize, usize); 2] = [(1, 40), (4, 80)];
const SUITES: [(&str, f64, usize); 2] = [("0x6700", 40_000.0, 1), ("0x6701", 4_000.0, 8)];

/// An operation of `table`, bound to its context.
fn bind<C: Send + Sync>(
    table: &'static [Entry<C>],
    name: &str,
    ctx: &Arc<C>,
) -> Arc<BoundOperation> {
    let entry = table.iter().find(|entry| entry.description.name == name).unwrap();
    Arc::new(entry.bind(Arc::clone(ctx)))
}

/// Calls an operation whose input stands in the path, too.
async fn ask(operation: &BoundOperation, call: Call, path: &[(&str, &str)]) -> Value {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let answer = operation.call(Call { members: path.iter().map(owned).collect(), ..call }).await;
    serde_json::from_slice(answer.result().unwrap()).unwrap_or_default()
}

/// A user who may encrypt items and see their attributes by label.
async fn user(server: &Server) -> Caller {
    let ctx = &server.opened.ctx;
    let create = bind(admin::TABLE, "CreateUser", ctx);
    let made = ask(&create, server.call(&json!({ "userName": "app" })), &[]).await;
    let attach = bind(admin::TABLE, "AttachPolicy", ctx);
    let path = [("userName", "app"), ("policyName", "items")];
    ask(&attach, server.call(&json!({ "policy": POLICY })), &path).await;
    opened::caller_of(&server.opened, made["accessKeyId"].as_str().unwrap())
}

/// A batch, to be sent again and again.
struct Batch {
    name: String,
    operation: Arc<BoundOperation>,
    call: Call,
    target: f64,
    /// By how much fewer batches there are in a round.
    fewer: usize,
}

/// What one round took, by CPU and by clock, an item.
type Took = [f64; 2];

impl Batch {
    fn call(&self) -> Call {
        let Call { caller, region, body, members, decided } = &self.call;
        let (caller, region) = (caller.clone(), region.clone());
        let (body, members, decided) = (body.clone(), members.clone(), decided.clone());
        Call { caller, region, body, members, decided }
    }

    async fn send(&self) -> Value {
        let answer = self.operation.call(self.call()).await;
        serde_json::from_slice(answer.result().unwrap()).unwrap()
    }

    fn round(&self, runtime: &Runtime, (at_once, batches): (usize, usize)) -> Took {
        let batches = batches / self.fewer;
        let calls: Vec<Call> = (0..batches).map(|_| self.call()).collect();
        let (cpu, start) = (cpu(), Instant::now());
        runtime.block_on(async {
            let mut under_way = JoinSet::new();
            let mut calls = calls.into_iter();
            loop {
                while under_way.len() < at_once
                    && let Some(call) = calls.next()
                {
                    let operation = Arc::clone(&self.operation);
                    under_way.spawn(async move { operation.call(call).await });
                }
                match under_way.join_next().await {
                    Some(answer) => assert!(answer.unwrap().result().is_ok()),
                    None => break,
                }
            }
        });
        let took = [crate::cpu() - cpu, start.elapsed()];
        took.map(|took| took.as_secs_f64() / (batches * ITEMS) as f64)
    }
}

/// Encryption and decryption of one batch in `suite`.
async fn batches(
    server: &Server,
    caller: &Caller,
    (suite, target, fewer): (&str, f64, usize),
) -> [Batch; 2] {
    let name = format!("customers-{suite}");
    let path = [("name", name.as_str())];
    let items = &server.opened.items;
    let put = bind(items::TABLE, "PutItemSchema", items);
    let mut schema = customers::schema(suite);
    schema["keyId"] = server.ask("CreateKey", &json!({})).await["KeyMetadata"]["KeyId"].clone();
    ask(&put, server.call(&schema), &path).await;
    let batch = |verb: &str, items_in: &[Value]| {
        let call = server.call(&json!({ "items": items_in }));
        let members = vec![("name".to_owned(), name.clone())];
        let call = Call { caller: caller.clone(), members, ..call };
        let operation = bind(items::TABLE, &format!("{verb}Items"), items);
        Batch { name: format!("{verb} {suite}"), operation, call, target, fewer }
    };
    let converted = |answer: &Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|one| one["item"].clone()).collect()
    };
    let plain: Vec<Value> = (0..ITEMS).map(customers::item).collect();
    let encrypt = batch("Encrypt", &plain);
    let decrypt = batch("Decrypt", &converted(&encrypt.send().await));
    assert_eq!(converted(&decrypt.send().await), plain);
    [encrypt, decrypt]
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::open(folder.path(), Arc::default());
    let all: Vec<Batch> = runtime.block_on(async {
        let caller = user(&server).await;
        let mut all = Vec::new();
        for suite in SUITES {
            all.extend(batches(&server, &caller, suite).await);
        }
        all
    });
    let wanted = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |batch: &&Batch| wanted.iter().all(|part| batch.name.contains(part.as_str()));
    let lines: Vec<(&Batch, (usize, usize))> = LOADS
        .iter()
        .flat_map(|load| all.iter().filter(is_wanted).map(|batch| (batch, *load)))
        .collect();
    let rounds: Vec<Vec<Took>> = (0..=ROUNDS)
        .map(|_| lines.iter().map(|(batch, load)| batch.round(&runtime, *load)).collect())
        .collect();
    println!("| batches at once | | CPU us/item | items/s and core | of the target | items/s |");
    println!("|---|---|---|---|---|---|");
    for (at, (batch, (at_once, _))) in lines.iter().enumerate() {
        // The first round warms up.
        let [cpu, wall] = [0, 1].map(|which| median(rounds[1..].iter().map(|r| r[at][which])));
        println!(
            "| {at_once} | {} | {:.1} | {:.0} | {:.2} | {:.0} |",
            batch.name,
            cpu * 1e6,
            1.0 / cpu,
            1.0 / cpu / batch.target,
            1.0 / wall,
        );
    }
    server.opened.ctx.store.close();
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = of.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long the threads of this process have been on a CPU, by the scheduler's count,
/// which it brings up to date for this one when asked to yield.
fn cpu() -> Duration {
    std::thread::yield_now();
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.map(|task| {
        let stat = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}
