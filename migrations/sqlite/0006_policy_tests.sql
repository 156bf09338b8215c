-- Tests beside a key policy, which every later policy of the key must pass: JSON
-- as it was given, null for none. They go with the key.

alter table keys add column policy_tests text;
