-- The trail: what of the book has been delivered as log files in CloudTrail's
-- layout, and the chain of digests over them.

-- One row, from the first delivery on. All records up to `delivered_seq` are in
-- files. `planned_seq` and `planned_ms` are written before any file of a delivery,
-- and decide all of their names: a delivery that a crash cut short is made again,
-- the same. `planned_digest_ms` is the same for a round of digests.
create table trail (
    id                integer primary key check (id = 1),
    started_ms        integer not null,
    delivered_seq     integer not null,
    delivered_ms      integer not null,  -- stamp of the newest files; never goes back
    digest_ms         integer not null,  -- end of the newest digests; never goes back
    planned_seq       integer,
    planned_ms        integer,
    planned_digest_ms integer
) strict;

-- One chain of digests for each account and Region with records. The newest
-- digest of each, null before the first.
create table trail_chains (
    account          text not null,
    region           text not null,
    digest_bucket    text,
    digest_object    text,
    digest_hash      text,
    digest_signature text,
    primary key (account, region)
) strict, without rowid;

-- Log files that no digest covers yet.
create table trail_files (
    id           integer primary key,
    account      text not null,
    region       text not null,
    bucket       text not null,
    object       text not null,
    hash         text not null,
    oldest_ms    integer not null,  -- of the records in it
    newest_ms    integer not null,
    delivered_ms integer not null
) strict;
create index trail_files_chain on trail_files (account, region, id);

-- The keys that sign digests. Public keys stay for ever: old digests need them.
create table trail_keys (
    fingerprint   text primary key,
    public        blob not null,   -- RSAPublicKey (RFC 8017), DER
    sealed        blob not null,   -- the private key, sealed under a domain key
    valid_from_ms integer not null,
    valid_to_ms   integer not null
) strict, without rowid;
