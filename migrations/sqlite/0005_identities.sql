-- Accounts with a name, groups of users, and what else is known of users and
-- roles: tags, permissions boundaries, and who may assume a role.

create table accounts (
    account text not null primary key,
    name text not null,
    created_ms integer not null
) strict;
insert into accounts (account, name, created_ms)
    select account, '', min(created_ms)
    from (select account, created_ms from principals
          union all
          select account, created_ms from keys) as known
    group by account;

-- JSON object.
alter table principals add column tags text not null default '{}';
alter table principals add column boundary text;
-- Of roles alone: the trust policy, the principals that it names (JSON object,
-- ARN to unique id), and the longest session in seconds.
alter table principals add column trust text;
alter table principals add column trust_principals text;
alter table principals add column max_session_s integer;
-- A role from before trusted its account, and had sessions of twelve hours.
update principals
    set trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
            || '"Principal":{"AWS":"arn:aws:iam::' || account || ':root"},'
            || '"Action":["sts:AssumeRole","sts:TagSession"]}]}',
        trust_principals = '{}',
        max_session_s = 43200
    where kind = 'role';

create table group_members (
    group_id text not null,
    user_id text not null,
    primary key (group_id, user_id)
) strict;
create index groups_of_user on group_members (user_id);
