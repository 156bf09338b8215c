//! Health and metrics: for machines that watch, without authentication, and
//! without anything that says who does what. Whether metrics name keys is the
//! operator's choice.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::state::State;
use crate::base::timestamp::iso_8601;
use crate::keys::backend::remote::{self, RemoteName};
use crate::store::{self, Reserve};
use crate::wire::error::chain;

/// `/health/live`: the process answers.
pub(super) fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// `/health/ready`: every call can be recorded and answered. 503 and why not,
/// otherwise.
pub(super) fn ready(state: &State) -> HttpResponse {
    let health = state.ctx.store.health();
    let book = json!({
        "lastRecord": health.last_seq,
        "indexedRecord": health.indexed_seq,
        "queuedUnits": health.queued_units,
        "walBytes": health.wal_bytes,
        "diskReserve": match health.reserve {
            Reserve::Off => "off",
            Reserve::Held { .. } => "held",
            Reserve::Missing => "missing",
            Reserve::Used => "used",
        },
    });
    let remotes: BTreeMap<_, _> = state.ctx.remotes.health().map(shown).collect();
    let writer = match health.reserve {
        Reserve::Used => health.writer.and(Err(store::Error::OnReserve)),
        Reserve::Off | Reserve::Held { .. } | Reserve::Missing => health.writer,
    };
    match writer {
        // A remote in trouble is no reason to send calls elsewhere: every other key
        // works, and its own keys would not do better there.
        Ok(()) => {
            let health = json!({ "status": "ready", "book": book, "remotes": remotes });
            HttpResponse::Ok().json(health)
        }
        Err(error) => HttpResponse::ServiceUnavailable().json(json!({
            "status": "notReady",
            "reason": chain(&error),
            "book": book,
            "remotes": remotes,
        })),
    }
}

/// A remote's name and how it does.
fn shown((name, health): (&RemoteName, remote::Health)) -> (&str, Value) {
    let failure = health
        .last_failure
        .map(|last| json!({ "kind": last.kind.as_str(), "time": iso_8601(last.at_ms) }));
    let shown = json!({
        "breaker": health.breaker.as_str(),
        "inFlight": health.in_flight,
        "lastAnswer": health.last_success_ms.map(iso_8601),
        "lastFailure": failure,
    });
    (name.as_str(), shown)
}

/// `/health/ready` of a sealed server: no call can be answered yet.
pub(super) fn sealed(why: &'static str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().json(json!({ "status": "sealed", "reason": why }))
}

/// `/metrics`: Prometheus's text form.
pub(super) fn metrics(state: &State) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body((state.metrics)())
}
