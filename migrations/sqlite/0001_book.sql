-- The book: the append-only log, the names it refers to, and the facts of the
-- installation. State tables of other modules follow in their own files.

-- Facts of the installation: account, Region, ...
create table meta (
    name  text primary key,
    value text not null
) strict, without rowid;

-- Tells this log from every other, so that a search index that belongs to
-- another one is noticed. Not a secret.
insert into meta (name, value) values ('log_id', lower(hex(randomblob(16))));

-- Texts that records repeat, written once. kind: 1 account, 2 region,
-- 3 event source, 4 event name, 5 principal, 6 key ARN, 7 error code,
-- 8 source address.
create table names (
    id     integer primary key,
    kind   integer not null,
    value  text not null,
    key_id text,               -- the bare key id at the end of a key ARN
    unique (kind, value)
) strict;
create index names_key_id on names (key_id) where key_id is not null;

-- One row a record. No secondary index and no foreign keys: the append must
-- stay cheap. The search indexes live in index.db; account to source_ip are
-- ids of names, which the one writer makes in the same transaction.
create table event_log (
    seq          integer primary key,   -- 1, 2, 3, ... without a gap
    time_ms      integer not null,      -- epoch milliseconds
    account      integer not null,
    region       integer not null,
    event_source integer not null,
    event_name   integer not null,
    principal    integer not null,
    key          integer,
    second_key   integer,
    error        integer,
    source_ip    integer,
    read_only    integer not null,
    format       integer not null,      -- version of the canonical form
    dictionary   integer not null,      -- which zstd dictionary the body needs
    request_id   blob,                  -- 16 bytes, as the UUID's hex digits
    event_id     blob not null,         -- 16 bytes
    leaf         blob not null,         -- 32 bytes: hash of the canonical form
    body         blob not null          -- the canonical form, compressed
) strict;

-- Append-only. This stops mistakes, not somebody who owns the file; the leaf
-- hashes are for that.
create trigger event_log_no_update before update on event_log
begin select raise(abort, 'the event log is append-only'); end;
create trigger event_log_no_delete before delete on event_log
begin select raise(abort, 'the event log is append-only'); end;
create trigger names_no_update before update on names
begin select raise(abort, 'names of the event log stay for ever'); end;
create trigger names_no_delete before delete on names
begin select raise(abort, 'names of the event log stay for ever'); end;

-- The searchable fields as text, for anybody who opens a copy of the file.
create view events as
select
    e.seq,
    strftime('%Y-%m-%dT%H:%M:%S', e.time_ms / 1000, 'unixepoch')
        || printf('.%03dZ', e.time_ms % 1000) as event_time,
    account.value      as account,
    region.value       as region,
    event_source.value as event_source,
    event_name.value   as event_name,
    principal.value    as principal,
    key.value          as key,
    second_key.value   as second_key,
    error.value        as error_code,
    source_ip.value    as source_ip,
    case when e.request_id is not null then
        lower(substr(hex(e.request_id), 1, 8) || '-' || substr(hex(e.request_id), 9, 4) || '-'
            || substr(hex(e.request_id), 13, 4) || '-' || substr(hex(e.request_id), 17, 4) || '-'
            || substr(hex(e.request_id), 21))
    end as request_id,
    lower(substr(hex(e.event_id), 1, 8) || '-' || substr(hex(e.event_id), 9, 4) || '-'
        || substr(hex(e.event_id), 13, 4) || '-' || substr(hex(e.event_id), 17, 4) || '-'
        || substr(hex(e.event_id), 21)) as event_id,
    e.read_only
from event_log e
join names account on account.id = e.account
join names region on region.id = e.region
join names event_source on event_source.id = e.event_source
join names event_name on event_name.id = e.event_name
join names principal on principal.id = e.principal
left join names key on key.id = e.key
left join names second_key on second_key.id = e.second_key
left join names error on error.id = e.error
left join names source_ip on source_ip.id = e.source_ip;
