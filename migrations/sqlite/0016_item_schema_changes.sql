-- What is different from the version before, in one line: found out once, when the
-- version is put.
alter table item_schemas add column change text not null default 'not recorded';
