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

-- The rows as text, beside the view `events`: join them by seq. Attributes are
-- arrays of JSON, since their names may have commas; null for none.
create view field_reads as
select
    r.place / 65536 as seq,
    r.place % 65536 as item,
    strftime('%Y-%m-%dT%H:%M:%S', e.time_ms / 1000, 'unixepoch')
        || printf('.%03dZ', e.time_ms % 1000) as event_time,
    account.value   as account,
    principal.value as principal,
    p.session,
    json_extract(shared.value, '$.kind')    as kind,
    json_extract(shared.value, '$.table')   as table_name,
    json_extract(shared.value, '$.schema')  as schema,
    json_extract(shared.value, '$.version') as schema_version,
    lower(hex(r.reference)) as reference,
    -- A bit is looked up in the hexadecimal digit that has it.
    (select nullif(json_group_array(a.value), '[]') from json_each(shared.value, '$.attributes') a
        where length(r.plain) > a.key / 8
        and instr('123456789ABCDEF', substr(hex(substr(r.plain, a.key / 8 + 1, 1)),
            2 - a.key % 8 / 4, 1)) >> a.key % 4 & 1) as plain,
    (select nullif(json_group_array(a.value), '[]') from json_each(shared.value, '$.attributes') a
        where length(r.masked) > a.key / 8
        and instr('123456789ABCDEF', substr(hex(substr(r.masked, a.key / 8 + 1, 1)),
            2 - a.key % 8 / 4, 1)) >> a.key % 4 & 1) as masked,
    (select nullif(json_group_array(a.value), '[]') from json_each(shared.value, '$.attributes') a
        where length(r.withheld) > a.key / 8
        and instr('123456789ABCDEF', substr(hex(substr(r.withheld, a.key / 8 + 1, 1)),
            2 - a.key % 8 / 4, 1)) >> a.key % 4 & 1) as withheld
from event_field_reads r
join event_log e on e.seq = r.place / 65536
join names shared on shared.id = r.shared
join names account on account.id = e.account
join names principal on principal.id = e.principal
left join event_personal p on p.seq = e.seq;
