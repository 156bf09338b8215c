"""Tags on keys."""

from clients import refused


def tags(**pairs):
    return [{"TagKey": key, "TagValue": value} for key, value in pairs.items()]


def listed(kms, key):
    return kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]


def test_tags_come_and_go(kms, key):
    key_id = key["KeyId"]
    kms.tag_resource(KeyId=key_id, Tags=tags(stage="test", owner="ada"))
    assert listed(kms, key) == tags(owner="ada", stage="test")  # sorted by key
    kms.tag_resource(KeyId=key_id, Tags=tags(stage="prod", empty=""))
    assert listed(kms, key) == tags(empty="", owner="ada", stage="prod")
    kms.untag_resource(KeyId=key_id, TagKeys=["owner", "never there"])
    assert listed(kms, key) == tags(empty="", stage="prod")


def test_tags_from_the_start(kms):
    made = kms.create_key(Tags=tags(stage="test"))["KeyMetadata"]
    assert listed(kms, made) == tags(stage="test")


def test_tag_rules(kms, key):
    reserved = "Tags beginning with aws: are reserved"
    cases = [
        ([*tags(a="1"), *tags(a="2")], "Duplicate tag keys"),
        ([{"TagKey": "aws:stage", "TagValue": ""}], reserved),
        ([{"TagKey": "AWS:stage", "TagValue": ""}], reserved),
        (tags(**{f"k{n}": "" for n in range(51)}), "Too many tags"),
    ]
    for wrong, message in cases:
        with refused("TagException", message):
            kms.tag_resource(KeyId=key["KeyId"], Tags=wrong)
        with refused("TagException", message):
            kms.create_key(Tags=wrong)
    assert listed(kms, key) == []


def test_a_key_has_at_most_fifty_tags(kms, key):
    kms.tag_resource(KeyId=key["KeyId"], Tags=tags(**{f"k{n}": "1" for n in range(50)}))
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=tags(one_more=""))
    kms.tag_resource(KeyId=key["KeyId"], Tags=tags(k0="2"))  # a change adds none
    assert len(listed(kms, key)) == 50


def test_tag_lengths(kms, key):
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "k" * 128, "TagValue": "v" * 256}])
    for wrong, where in (
        ([{"TagKey": "k" * 129, "TagValue": ""}], "'tags.1.member.tagKey'"),
        ([*tags(a=""), *tags(b="v" * 257)], "'tags.2.member.tagValue'"),
    ):
        with refused("ValidationException") as caught:
            kms.tag_resource(KeyId=key["KeyId"], Tags=wrong)
        text = caught.value.response["Error"]["Message"]
        assert text.startswith("1 validation error detected: Value '")
        most = 128 if "tagKey" in where else 256
        assert text.endswith(
            f"' at {where} failed to satisfy constraint: Member must have length less than or equal to {most}"
        )
