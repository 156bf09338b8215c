"""What AWS says of KMS: botocore's model, and the service's prose where that says more."""

import botocore.session

MODEL = botocore.session.get_session().get_service_model("kms")

# How the service is stricter than its model, or more open: operation ("*" for
# all), path of the member, what changes (None: it goes), and why.
PROSE = [
    ("*", "KeyId", {"pattern": r"^\p{ASCII}+$"}, "its validation texts name the pattern"),
    ("*", "TargetKeyId", {"pattern": r"^\p{ASCII}+$"}, "as KeyId"),
    ("*", "SourceKeyId", {"pattern": r"^\p{ASCII}+$"}, "as KeyId"),
    ("*", "DestinationKeyId", {"pattern": r"^\p{ASCII}+$"}, "as KeyId"),
    ("*", "GrantTokens.member", {"sensitive": True}, "CloudTrail never has them, so no text may"),
    ("*", "Tags", {"max": 200}, "bounds the work; the service's 50 is a TagException"),
    ("*", "DryRunModifiers", {"max": 1}, "one value exists"),
    ("UntagResource", "TagKeys", {"max": 200}, "bounds the work, as Tags"),
    ("CreateGrant", "Operations", {"max": 64}, "bounds the work, as Tags"),
    ("RetireGrant", "GrantToken", {"sensitive": True}, "as GrantTokens"),
    ("ListGrants", "Limit", {"max": 100}, "API reference, ListGrants"),
    ("ListRetirableGrants", "Limit", {"max": 100}, "API reference, ListRetirableGrants"),
    ("ListAliases", "Limit", {"max": 100}, "API reference, ListAliases"),
    ("ListResourceTags", "Limit", {"max": 50}, "API reference, ListResourceTags"),
    ("ScheduleKeyDeletion", "PendingWindowInDays", {"min": 7, "max": 30}, "API reference, ScheduleKeyDeletion"),
    ("CreateKey", "CustomerMasterKeySpec", {"enum": "KeySpec"}, "one list in its texts; the member is deprecated"),
    ("CreateKey", "XksKeyId", {"pattern": "^[a-zA-Z0-9-_.:/]+$"}, "the ARN of a key of AWS KMS has : and / too"),
    ("GenerateDataKey", "KeySpec", {"enum": None, "max": 2048}, "its text lists the specs of KMS keys"),
    ("GenerateDataKeyWithoutPlaintext", "KeySpec", {"enum": None, "max": 2048}, "as GenerateDataKey"),
]


def described(shape):
    """A shape of the model as `describe-ops` would say it."""
    told = {"type": shape.type_name}
    told |= {name: value for name, value in shape.metadata.items() if name in ("pattern", "sensitive", "enum")}
    if shape.type_name != "map":
        told |= {bound: shape.metadata[bound] for bound in ("min", "max") if shape.metadata.get(bound)}
    if shape.type_name == "structure":
        told["members"] = members(shape)
    elif shape.type_name == "list":
        told["member"] = described(shape.member)
    elif shape.type_name == "map":
        assert (shape.key.type_name, shape.value.type_name) == ("string", "string")
        assert not shape.key.metadata and not shape.value.metadata
    return told


def members(shape):
    """The members of a structure of the model, as `describe-ops` would list them."""
    return [
        {"name": name, **described(member), "required": name in shape.required_members}
        for name, member in shape.members.items()
    ]


def service_input(operation):
    """The input of an operation: the members by the model and the prose."""
    told = members(MODEL.operation_model(operation).input_shape)
    for where, path, change, _ in PROSE:
        place = find(told, path.split(".")) if where in ("*", operation) else None
        if place is not None:
            if isinstance(change.get("enum"), str):
                change = {"enum": MODEL.shape_for(change["enum"]).enum}
            place |= change
            for name in [name for name, value in change.items() if value is None]:
                place.pop(name, None)
    return told


def find(told, path):
    """What is said of the member at this path, if there is one."""
    name, *rest = path
    for member in told:
        if member["name"] == name:
            while rest and rest[0] == "member":
                member, rest = member["member"], rest[1:]
            return find(member["members"], rest) if rest else member
    return None
