-- The search index of the event log: derived, rebuilt when in doubt. Ids are
-- those of the book's table `names`; source_ip and session are personal data, and
-- follow what is erased in the book.

-- How far the index is, and of which log. `leaf` is that of record `seq`: a
-- log that was restored from a backup and went another way has another one.
create table progress (
    id     integer primary key check (id = 1),
    log_id text not null,
    seq    integer not null,
    leaf   blob not null,
    erasure integer not null    -- the last of the book's erasures that was followed
) strict;

create table entries (
    seq        integer primary key,
    time_ms    integer not null,
    account    integer not null,
    event_name integer not null,
    principal  integer not null,
    key        integer,
    second_key integer,
    error      integer,
    source_ip  text,
    session    text,
    read_only  integer not null,
    request_id blob
) strict;

-- Every index ends in `seq`, which SQLite appends by itself, so each delivers
-- its rows in the order of pages: newest first by (time_ms, seq).
create index entries_time on entries (time_ms);
create index entries_principal on entries (principal, time_ms);
create index entries_event_name on entries (event_name, time_ms);
create index entries_error on entries (error, time_ms) where error is not null;
create index entries_source_ip on entries (source_ip, time_ms) where source_ip is not null;
create index entries_request_id on entries (request_id) where request_id is not null;

-- A call may be about two keys.
create table key_uses (
    key     integer not null,
    time_ms integer not null,
    seq     integer not null,
    primary key (key, time_ms, seq)
) strict, without rowid;
