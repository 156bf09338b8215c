-- Grants. Whom one names is kept as a unique id, and as the text that is shown.

create table grants (
    region text not null,
    key_id text not null,
    grant_id text not null,
    -- The account that owns the key.
    account text not null,
    name text,
    grantee_id text not null,
    grantee text not null,
    -- Both or neither.
    retiring_id text,
    retiring text,
    issuing_account text not null,
    -- Names, a blank between them.
    operations text not null,
    -- Constraints to an encryption context: JSON objects, empty for none.
    context_subset text not null,
    context_equals text not null,
    source_arn text,
    created_ms integer not null,
    primary key (region, key_id, grant_id)
) strict;
