-- Several protectors of the root key, and a root key that can be replaced.

-- When a protector was added; null for one that is older than this column.
alter table root_key_protectors add column added_ms integer;

-- What references to items and pseudonyms come from, sealed under the root key. It
-- outlives root keys.
create table naming_keys (
    id integer not null primary key check (id = 1),
    sealed blob not null
) strict;
