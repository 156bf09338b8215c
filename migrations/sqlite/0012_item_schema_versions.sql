-- Who put a version of an item schema (an ARN; of a session its role's), and
-- whether items of the versions before it were given up with it.
alter table item_schemas add column created_by text;
alter table item_schemas add column breaking integer not null default 0;
