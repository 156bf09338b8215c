-- Personal data apart from the records, so that it can be erased.

-- More of what records repeat, as ids of names: 9 unique id of the principal,
-- 10 access key id, 11 id of the key material. (In new rows 5, principal, is a
-- session's role, never the session; and `source_ip` is null.) An `event_id` of
-- no bytes is the request id's.
alter table event_log add column principal_id integer;
alter table event_log add column access_key integer;
alter table event_log add column key_material integer;

-- What can be erased of a record: the only rows of the book that change. A row
-- stays when its values go, since it then holds the commitments that the proof
-- of the record needs (src/audit/README.md).
create table event_personal (
    seq       integer primary key,   -- that of event_log
    salt      blob,                  -- 16 bytes; null once something was erased
    source_ip text,
    session   text,                  -- name of the session, subject of a token
    body      blob not null          -- the values of the record
) strict;
create trigger event_personal_no_delete before delete on event_personal
begin select raise(abort, 'without this row the record cannot be proved'); end;
create trigger event_personal_no_move before update of seq on event_personal
begin select raise(abort, 'personal data stays with its record'); end;

-- Which records lost something, in order, so that whatever was derived from
-- the log can follow.
create table event_erasures (
    n   integer primary key,
    seq integer not null
) strict;
create trigger event_erasures_no_update before update on event_erasures
begin select raise(abort, 'the list of erasures is append-only'); end;
create trigger event_erasures_no_delete before delete on event_erasures
begin select raise(abort, 'the list of erasures is append-only'); end;

drop view events;
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
    p.session,
    access_key.value   as access_key_id,
    key.value          as key,
    second_key.value   as second_key,
    key_material.value as key_material_id,
    error.value        as error_code,
    coalesce(p.source_ip, source_ip.value) as source_ip,
    case when e.request_id is not null then
        lower(substr(hex(e.request_id), 1, 8) || '-' || substr(hex(e.request_id), 9, 4) || '-'
            || substr(hex(e.request_id), 13, 4) || '-' || substr(hex(e.request_id), 17, 4) || '-'
            || substr(hex(e.request_id), 21))
    end as request_id,
    (select lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21))
        from (select hex(case when length(e.event_id) = 0 then e.request_id else e.event_id end)
            as id)) as event_id,
    e.read_only
from event_log e
join names account on account.id = e.account
join names region on region.id = e.region
join names event_source on event_source.id = e.event_source
join names event_name on event_name.id = e.event_name
join names principal on principal.id = e.principal
left join event_personal p on p.seq = e.seq
left join names access_key on access_key.id = e.access_key
left join names key on key.id = e.key
left join names second_key on second_key.id = e.second_key
left join names key_material on key_material.id = e.key_material
left join names error on error.id = e.error
left join names source_ip on source_ip.id = e.source_ip;
