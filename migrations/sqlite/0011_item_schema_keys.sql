-- The keys that wrap for an item schema beside `key_arn`, as additionalKeyIds
-- named them when the version was put: ARNs as a JSON array, in their order.
alter table item_schemas add column additional_key_arns text not null default '[]';
