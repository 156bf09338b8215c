-- Related multi-Region keys of a remote are one key material under several ARNs, which
-- differ in the Region only: each opens what any of them made. So a key of a custom key
-- store is known by its id where that is a multi-Region one, else by its whole ARN.
-- The same in the program: `RemoteKey::material`.
drop index keys_by_xks_key_id;
create unique index keys_by_xks_key_material on keys (
    substr(xks_key_id, max(1, instr(xks_key_id, ':key/mrk-')))
);
