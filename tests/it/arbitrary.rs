//! Any JSON at all, to every operation of KMS: answered as the protocol says,
//! never by a fault of the server, and always in the book.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use wardbook::ops;
use wardbook::wire::shape::{Member, Shape};

use crate::calls::Scene;
use crate::fixture::Server;
use crate::fixture::raw::Request;

/// Calls of one run.
const CALLS: u32 = 1_500;

/// Any JSON value; numbers of all sizes, texts of all scripts.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-zA-Z0-9+/=:_-]{0,64}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

/// Values of the right type, for the most part; also such as `scene` has made.
fn of_shape(shape: &Shape, scene: &[String]) -> BoxedStrategy<Value> {
    let of = match shape {
        Shape::Text { .. } => prop_oneof![
            3 => prop::sample::select(scene.to_vec()),
            1 => any::<String>(),
            1 => "[ -~]{0,40}",
        ]
        .prop_map(Value::from)
        .boxed(),
        Shape::Blob { .. } => prop_oneof![
            1 => prop::sample::select(scene.to_vec()),
            3 => "([A-Za-z0-9+/]{4}){0,20}",
        ]
        .prop_map(Value::from)
        .boxed(),
        Shape::Integer { .. } => (-3_i64..2_000).prop_map(Value::from).boxed(),
        Shape::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Timestamp => (0_u64..4_000_000_000).prop_map(Value::from).boxed(),
        Shape::Enum(names) => prop::sample::select(*names).prop_map(Value::from).boxed(),
        Shape::OpenEnum { listed, also } => {
            prop::sample::select([*listed, *also].concat()).prop_map(Value::from).boxed()
        }
        Shape::List { of, .. } => {
            prop::collection::vec(of_shape(of, scene), 0..4).prop_map(Value::from).boxed()
        }
        Shape::Map => prop::collection::btree_map(any::<String>(), any::<String>(), 0..4)
            .prop_map(|pairs| json!(pairs))
            .boxed(),
        Shape::Structure(members) => structure(members, scene),
        Shape::Document => any_json().boxed(),
    };
    prop_oneof![9 => of, 1 => any_json()].boxed()
}

/// A structure with most of its members.
fn structure(members: &[Member], scene: &[String]) -> BoxedStrategy<Value> {
    let each: Vec<_> = members
        .iter()
        .map(|member| {
            let likely = if member.required { 0.95 } else { 0.5 };
            let value = prop::option::weighted(likely, of_shape(&member.shape, scene));
            value.prop_map(|value| value.map(|value| (member.name.to_owned(), value)))
        })
        .collect();
    each.prop_map(|given| Value::Object(given.into_iter().flatten().collect())).boxed()
}

#[test]
fn any_input_to_any_operation() {
    let server = Server::start();
    let scene = Scene::set(&server, "any");
    let values = [&scene.key, &scene.other, &scene.ciphertext].map(String::to_owned);
    let values: Vec<String> =
        values.into_iter().chain(["alias/any".to_owned(), "default".to_owned()]).collect();
    let inputs: Vec<_> = ops::TABLE
        .iter()
        .map(|entry| {
            let input = prop_oneof![
                4 => structure(entry.description.input, &values),
                1 => any_json(),
            ];
            (Just(entry.description.name), input)
        })
        .collect();
    let answers = RefCell::new(BTreeMap::new());
    let config = Config { cases: CALLS, failure_persistence: None, ..Config::default() };
    let calls = (0..inputs.len()).prop_flat_map(move |at| inputs[at].clone());
    TestRunner::new(config)
        .run(&calls, |(name, input)| {
            let request = Request::kms(name, input.to_string());
            let answer = server.send_as(&server.admin, "kms", &request);
            let status = answer.status;
            prop_assert!(matches!(status, 200 | 400), "{name} {}", answer.text());
            answers.borrow_mut().insert(answer.request_id().to_owned(), name);
            Ok(())
        })
        .unwrap();
    let book = server.book();
    let recorded = |id: &str| book.iter().filter(|record| record["requestID"] == id).count();
    for (id, name) in &answers.into_inner() {
        assert_eq!(recorded(id), 1, "{name}");
    }
    // Whatever was thrown at it, it goes on.
    server.new_key();
}
