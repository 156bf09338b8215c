"""Lists in pages: everything once, nothing twice, and markers that fit."""

import pytest

from clients import refused


def pages(call, member, **parameters):
    """All entries of a list; each page but the last is marked, and none is too long."""
    found, marker = [], {}
    while True:
        answer = call(**parameters, **marker)
        assert len(answer[member]) <= parameters["Limit"]
        found += answer[member]
        assert answer["Truncated"] == ("NextMarker" in answer)
        if not answer["Truncated"]:
            return found
        marker = {"Marker": answer["NextMarker"]}


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_list_keys(kms, limit):
    made = {kms.create_key()["KeyMetadata"]["Arn"] for _ in range(3)}
    keys = pages(kms.list_keys, "Keys", Limit=limit)
    arns = [key["KeyArn"] for key in keys]
    assert made <= set(arns)
    assert len(arns) == len(set(arns))
    assert all(key["KeyArn"].endswith(f":key/{key['KeyId']}") for key in keys)


def test_keys_of_every_state_are_listed(kms, key):
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    listed = pages(kms.list_keys, "Keys", Limit=1000)
    assert {"KeyId": key["KeyId"], "KeyArn": key["Arn"]} in listed


def test_list_aliases(kms, key, names):
    made = [f"alias/{names('paged')}" for _ in range(7)]
    for name in made:
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    by_key = pages(kms.list_aliases, "Aliases", Limit=2, KeyId=key["KeyId"])
    assert sorted(alias["AliasName"] for alias in by_key) == sorted(made)
    whole = [alias["AliasName"] for alias in pages(kms.list_aliases, "Aliases", Limit=3)]
    assert set(made) <= set(whole)
    assert len(whole) == len(set(whole))


def test_list_resource_tags(kms, key):
    tags = [{"TagKey": f"k{n:02}", "TagValue": str(n)} for n in range(50)]
    kms.tag_resource(KeyId=key["KeyId"], Tags=tags)
    for limit in 1, 7, 50:
        assert pages(kms.list_resource_tags, "Tags", Limit=limit, KeyId=key["KeyId"]) == tags


def test_list_key_policies(kms, key):
    assert pages(kms.list_key_policies, "PolicyNames", Limit=1, KeyId=key["KeyId"]) == ["default"]


def test_the_sdk_pages_by_itself(kms, key):
    for _ in range(2):
        kms.create_key()
    paginator = kms.get_paginator("list_keys")
    arns = [
        entry["KeyArn"]
        for page in paginator.paginate(PaginationConfig={"PageSize": 2})
        for entry in page["Keys"]
    ]
    assert key["Arn"] in arns
    assert len(arns) == len(set(arns))


def test_pages_without_a_limit(kms, key, names):
    other = kms.create_key()["KeyMetadata"]  # a key has at most 50 aliases
    for target in [key] * 26 + [other] * 25:
        kms.create_alias(AliasName=f"alias/{names('many')}", TargetKeyId=target["KeyId"])
    first = kms.list_aliases()
    assert (len(first["Aliases"]), first["Truncated"]) == (50, True)


def test_markers_that_do_not_fit(kms, key):
    other = kms.create_key()["KeyMetadata"]
    for each in key, other:
        tags = [{"TagKey": "a", "TagValue": ""}, {"TagKey": "b", "TagValue": ""}]
        kms.tag_resource(KeyId=each["KeyId"], Tags=tags)
    with refused("InvalidMarkerException"):
        kms.list_keys(Marker="nonsense")
    marker = kms.list_resource_tags(KeyId=key["KeyId"], Limit=1)["NextMarker"]
    with refused("InvalidMarkerException"):
        kms.list_resource_tags(KeyId=other["KeyId"], Limit=1, Marker=marker)
    with refused("InvalidMarkerException"):
        kms.list_aliases(Marker=marker)


def test_limits_out_of_range(loose_kms, key):
    text = (
        "1 validation error detected: "
        "Value '{}' at 'limit' failed to satisfy constraint: Member must have value {}"
    )
    for most, call in (
        (1000, loose_kms.list_keys),
        (100, loose_kms.list_aliases),
        (50, lambda **limit: loose_kms.list_resource_tags(KeyId=key["KeyId"], **limit)),
        (1000, lambda **limit: loose_kms.list_key_policies(KeyId=key["KeyId"], **limit)),
    ):
        with refused("ValidationException", text.format(0, "greater than or equal to 1")):
            call(Limit=0)
        with refused("ValidationException", text.format(most + 1, f"less than or equal to {most}")):
            call(Limit=most + 1)
