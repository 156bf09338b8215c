//! The one integration-test binary: a whole server behind a real socket, and
//! the rules of the house.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers of tests; a wrong one fails the test"
)]

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod answers_beyond_keys;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod attributes;
#[cfg(test)]
mod audit_exports;
#[cfg(test)]
mod audit_queries;
#[cfg(test)]
mod authz;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod detach;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod escapes;
#[cfg(test)]
mod fail_closed;
#[cfg(test)]
mod field_reads;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod guardrails;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod identities;
#[cfg(test)]
mod item_batches;
#[cfg(test)]
mod item_keys;
#[cfg(test)]
mod kms;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod principals;
#[cfg(test)]
mod proved_exports;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod record_kinds;
#[cfg(test)]
mod records;
#[cfg(test)]
mod resealing;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod seed;
#[cfg(test)]
mod server_events;
#[cfg(test)]
mod states;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod sts;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod timers;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod verify;
