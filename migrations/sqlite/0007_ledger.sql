-- The evidence that the log is whole: a Merkle tree (RFC 6962) over the leaves
-- of `event_log`, and signed heads of it.

-- Nodes of the tree that are full, at heights that are multiples of 8, so one
-- of 256 leaves. Height 0 is event_log.leaf itself. Node n of height h covers
-- the leaves n * 2^h up to (n + 1) * 2^h; leaf i is that of record i + 1.
create table tree_nodes (
    height integer not null,
    n      integer not null,
    hash   blob not null,      -- 32 bytes
    primary key (height, n)
) strict, without rowid;

-- The head of the log: every commit of records replaces it, in the same
-- transaction. `note` is a C2SP checkpoint, signed.
create table head (
    id   integer primary key check (id = 1),
    size integer not null,     -- records
    note text not null
) strict;

-- Earlier heads, at most one a second; after an hour, one an hour.
create table checkpoints (
    size    integer primary key,
    time_ms integer not null,  -- of its last record, epoch milliseconds
    note    text not null
) strict;
create index checkpoints_time on checkpoints (time_ms);

-- The keys that sign heads, oldest first; the newest one signs.
create table audit_keys (
    version    integer not null primary key,
    sealed     blob not null,  -- the private key, under a domain key
    public_key blob not null,  -- 32 bytes, RFC 8032
    created_ms integer not null
) strict;
