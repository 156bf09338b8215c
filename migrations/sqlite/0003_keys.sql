-- Keys of every kind: who manages them, imported material that can be gone
-- while its key remembers it, rotation, and related keys in other Regions.

alter table keys add column manager text not null default 'CUSTOMER';
-- The waiting period of a primary key that waits for its replicas, days.
alter table keys add column pending_window_days integer;
-- PRIMARY or REPLICA; null for single-Region keys.
alter table keys add column multi_region text;
-- Automatic rotation; both null while it is off.
alter table keys add column rotation_period_days integer;
alter table keys add column rotation_next_ms integer;
-- When a rotation on demand was asked for that has not been done yet.
alter table keys add column on_demand_ms integer;

-- The token may be gone now, which SQLite cannot alter in place.
create table key_materials_3 (
    region text not null,
    key_id text not null,
    -- Order of arrival, from 1.
    position integer not null,
    material_id text not null,
    -- Null while imported material is deleted or expired.
    token blob,
    created_ms integer not null,
    state text not null,
    description text,
    -- When imported material expires; null for never.
    expires_ms integer,
    -- AUTOMATIC or ON_DEMAND, and when; null for a first or a pending material.
    rotation_type text,
    rotation_ms integer,
    primary key (region, key_id, material_id)
) strict;
insert into key_materials_3
    (region, key_id, position, material_id, token, created_ms, state)
    select region, key_id, 1, material_id, token, created_ms, 'CURRENT' from key_materials;
drop table key_materials;
alter table key_materials_3 rename to key_materials;
