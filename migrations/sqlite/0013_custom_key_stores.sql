-- Custom key stores: what makes the keys of a remote available in one Region of one
-- account. Where the remote is and how to come in stands in the settings only.

create table custom_key_stores (
    -- `cks-` and 17 hex digits.
    id text not null primary key,
    account text not null,
    region text not null,
    name text not null,
    -- The name of the remote in the settings.
    remote text not null,
    -- Whether it shall be connected: 0 or 1. Whether it is, is known in memory only.
    wanted integer not null,
    created_ms integer not null,
    version integer not null,
    unique (account, region, name),
    unique (account, region, remote)
) strict;

-- Where a key of a custom key store is; both null for every other key.
alter table keys add column custom_key_store text;
alter table keys add column xks_key_id text;
-- Two KMS keys for one key of a remote would be two policies for one ciphertext.
create unique index keys_by_xks_key_id on keys (xks_key_id);
