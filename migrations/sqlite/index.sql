-- The search index of the event log: derived, rebuilt when in doubt.
--
-- Records are taken 32,768 at a time (a window: records 1 to 32,768, and so on)
-- and 512 at a time (a block). What they have in common is written once for all
-- of them: a few bytes a record, and a question is answered by a few rows of
-- each window. All but the newest window never change again.

-- How far the index is, and of which log. `leaf` is that of record `seq`: a
-- log that was restored from a backup and went another way has another one.
create table progress (
    id      integer primary key check (id = 1),
    log_id  text not null,
    seq     integer not null,
    leaf    blob not null,
    erasure integer not null   -- the last of the log's erasures that was followed
) strict;

-- Texts that records repeat. Personal ones are deleted when the last record
-- that has them forgets them.
create table texts (
    id      integer primary key,
    field   integer not null,
    value   text not null,
    key_id  text,              -- the bare key id at the end of a key ARN
    address blob,              -- of a source address: 16 bytes, IPv4 mapped
    unique (field, value)
) strict;
create index texts_key_id on texts (key_id) where key_id is not null;
create index texts_address on texts (address) where address is not null;

-- Between which times the records of a window were made, epoch milliseconds.
create table windows (
    window      integer primary key,
    earliest_ms integer not null,
    latest_ms   integer not null
) strict;

-- Which records of a window have a value: the id of a text, or a digest.
create table postings (
    window integer not null,
    field  integer not null,
    value  integer not null,
    places blob not null,      -- gaps, or 4,096 bytes of one bit a record
    primary key (window, field, value)
) strict, without rowid;

-- Which records of a window have a request or event id, in 256 buckets by the
-- first byte: two more bytes of each id, and two for the place.
create table ids (
    window  integer not null,
    bucket  integer not null,
    entries blob not null,
    primary key (window, bucket)
) strict, without rowid;

-- What is counted: one number a record of the block. `place` is 8 times the
-- block, plus the column.
create table cells (
    place integer primary key,
    cells blob not null
) strict;
