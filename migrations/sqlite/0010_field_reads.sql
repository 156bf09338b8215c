-- The field-read book: which attributes of which item a call opened.

-- How many rows the record has there; null for none.
alter table event_log add column field_reads integer;

-- One row an item; the record commits to its rows (src/audit/README.md). A kind
-- more of names: 12, what the rows of a call have in common, as JSON: kind of
-- the reads, schema, its version, table, and the attributes that bits stand for.
create table event_field_reads (
    place     integer primary key,   -- 65,536 times seq of event_log, plus number of the item
    shared    integer not null,      -- id of names
    reference blob not null,         -- 16 bytes: keyed digest of table and key of the item
    -- One bit an attribute, lowest first, without the zero bytes at the end.
    plain     blob not null,
    masked    blob not null,
    withheld  blob not null
) strict;
create trigger event_field_reads_no_update before update on event_field_reads
begin select raise(abort, 'the field-read book is append-only'); end;
create trigger event_field_reads_no_delete before delete on event_field_reads
begin select raise(abort, 'the field-read book is append-only'); end;
