//! What the record of a start says: with which settings the server answers.
//! No path and nothing secret is among them.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::open::Opened;
use crate::base::quotas::Quotas;
use crate::base::rates::{RateGroup, RequestRates};
use crate::base::timestamp;
use crate::store::Reserve;

/// `serviceEventDetails` of a start.
pub(super) fn details(opened: &Opened, address: SocketAddr, workers: usize, tls: bool) -> Value {
    let ctx = &opened.ctx;
    let reserve_bytes = match ctx.store.health().reserve {
        Reserve::Held { bytes } => bytes,
        Reserve::Off | Reserve::Missing | Reserve::Used => 0,
    };
    let sealed = opened.waited.as_ref().map(|waited| {
        json!({ "from": timestamp::iso_8601(waited.from_ms), "attempts": waited.attempts })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "sealed": sealed,
        "rootKeyProtector": {
            "name": opened.opened_by.name,
            "kind": opened.opened_by.kind.as_str(),
        },
        "settings": {
            "listen": address,
            "tls": tls,
            "workers": workers,
            "regions": ctx.regions.iter().map(|region| region.as_str()).collect::<Vec<_>>(),
            "oidcIssuers": opened.providers.issuers(),
            "quotas": quotas(&ctx.quotas),
            "requestRates": rates(&ctx.quotas.request_rates),
            "diskReserveBytes": reserve_bytes,
        },
    })
}

fn quotas(quotas: &Quotas) -> Value {
    let Quotas {
        keys_per_region,
        aliases_per_key,
        grants_per_key,
        tags_per_key,
        key_policy_bytes,
        on_demand_rotations_per_key,
        // Beside them.
        request_rates: _,
    } = quotas;
    json!({
        "keysPerRegion": keys_per_region,
        "aliasesPerKey": aliases_per_key,
        "grantsPerKey": grants_per_key,
        "tagsPerKey": tags_per_key,
        "keyPolicyBytes": key_policy_bytes,
        "rotationsPerKey": on_demand_rotations_per_key,
    })
}

/// The whole table of AWS has a name; anything else is told by group, in calls a
/// second.
fn rates(rates: &RequestRates) -> Value {
    if rates.is_off() {
        return json!("off");
    }
    if *rates == RequestRates::aws() {
        return json!("aws");
    }
    let of_group = |group: &RateGroup| {
        let rate = rates.of(*group)?;
        Some((group.as_str().to_owned(), json!(rate.period().as_secs_f64().recip())))
    };
    Value::Object(RateGroup::ALL.iter().filter_map(of_group).collect::<Map<_, _>>())
}
