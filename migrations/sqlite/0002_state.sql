-- State tables. All of it is held in memory while the server runs; these rows
-- are what survives. Every secret is sealed: tokens under a domain key, domain
-- keys under the root key, the root key under its protectors.

create table root_key_protectors (
    name text not null primary key,
    sealed blob not null
) strict;

create table domain_keys (
    version integer not null primary key,
    sealed blob not null,
    created_ms integer not null
) strict;

create table keys (
    region text not null,
    key_id text not null,
    account text not null,
    version integer not null,
    spec text not null,
    usage text not null,
    origin text not null,
    state text not null,
    description text not null,
    created_ms integer not null,
    deletion_ms integer,
    policy text not null,
    policy_principals text not null,
    tags text not null,
    primary key (region, key_id)
) strict;

create table key_materials (
    region text not null,
    key_id text not null,
    material_id text not null,
    token blob not null,
    created_ms integer not null,
    primary key (region, key_id, material_id)
) strict;

create table aliases (
    account text not null,
    region text not null,
    name text not null,
    key_id text not null,
    version integer not null,
    created_ms integer not null,
    updated_ms integer not null,
    primary key (account, region, name)
) strict;
create index aliases_of_key on aliases (region, key_id);

create table principals (
    unique_id text not null primary key,
    account text not null,
    kind text not null,
    name text not null,
    created_ms integer not null,
    unique (account, kind, name)
) strict;

create table access_keys (
    access_key_id text not null primary key,
    user_id text not null,
    sealed_secret blob not null,
    active integer not null,
    created_ms integer not null
) strict;
create index access_keys_of_user on access_keys (user_id);

create table identity_policies (
    owner_id text not null,
    name text not null,
    policy text not null,
    primary key (owner_id, name)
) strict;

create table item_schemas (
    account text not null,
    region text not null,
    name text not null,
    version integer not null,
    body text not null,
    key_arn text not null,
    created_ms integer not null,
    primary key (account, region, name, version)
) strict;
