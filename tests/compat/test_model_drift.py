"""wardbook's shapes are written by hand; here they are held against AWS's own model."""

import json
from functools import cache

import botocore.session
import pytest

from wardbook import wardbook

MODEL = botocore.session.get_session().get_service_model("kms")

# Every operation can give these; wardbook does not repeat them.
EVERYWHERE = {"DependencyTimeoutException", "KMSInternalException"}

# Errors of the model that cannot happen here.
NEVER = {
    "CreateKey": {  # there are no custom key stores
        "CloudHsmClusterInvalidConfigurationException",
        "CustomKeyStoreInvalidStateException",
        "XksKeyAlreadyInUseException",
        "XksKeyInvalidConfigurationException",
        "XksKeyNotFoundException",
    },
    "EnableKey": {"LimitExceededException"},  # there is no quota on enabled keys
    "GenerateRandom": {"CustomKeyStoreInvalidStateException"},
}

# Members of KeyMetadata that only other kinds of keys have.
OTHER_KINDS = {
    "CloudHsmClusterId",
    "CustomKeyStoreId",
    "XksKeyConfiguration",
}

# Errors that AWS gives without having them in its model.
NOT_MODELLED = dict.fromkeys(["CreateAlias", "DeleteAlias", "UpdateAlias"], {"NotAuthorizedException"})


# Members whose values are those of the service where the model says otherwise:
# the model stopped adding to a deprecated member, and GenerateDataKey's error
# lists the specs of KMS keys, so the operation itself looks at the value.
OTHER_VALUES = {
    ("CreateKey", "CustomerMasterKeySpec"),
    ("GenerateDataKey", "KeySpec"),
    ("GenerateDataKeyWithoutPlaintext", "KeySpec"),
}


@cache
def kms_operations():
    """What `describe-ops` says of KMS, by name."""
    operations = json.loads(wardbook("describe-ops", "--json").stdout)["operations"]
    return {operation["name"]: operation for operation in operations if operation["service"] == "kms"}


def described():
    """The operations that are built."""
    return {name: operation for name, operation in kms_operations().items() if operation["supported"]}


def of_model(shape):
    """A shape of the model: what is inside, the set of its values, or its type."""
    if shape.type_name == "structure":
        return {
            name: (of_model(member), name in shape.required_members) for name, member in shape.members.items()
        }
    if shape.type_name == "list":
        return [of_model(shape.member)]
    return frozenset(shape.metadata.get("enum", ())) or shape.type_name


def of_wardbook(shape):
    """The same of a shape in `describe-ops`."""
    if "members" in shape:
        return {member["name"]: (of_wardbook(member), member["required"]) for member in shape["members"]}
    if "member" in shape:
        return [of_wardbook(shape["member"])]
    return frozenset(shape.get("enum", ())) or shape["type"]


def of_answer(shape):
    """The shape without what models do not promise of answers: required members, closed sets."""
    if isinstance(shape, dict):
        return {name: (of_answer(member), False) for name, (member, _) in shape.items()}
    if isinstance(shape, list):
        return [of_answer(member) for member in shape]
    return "string" if isinstance(shape, frozenset) else shape


def test_every_operation_of_aws_is_known():
    assert set(kms_operations()) == set(MODEL.operation_names)


@pytest.mark.parametrize("name", sorted(described()))
def test_input(name):
    ours = of_wardbook({"members": described()[name]["input"]})
    model = of_model(MODEL.operation_model(name).input_shape)
    for member in [member for operation, member in OTHER_VALUES if operation == name]:
        assert ours.pop(member) != model.pop(member), f"{member} is no exception any more"
    assert ours == model


@pytest.mark.parametrize("name", sorted(described()))
def test_output(name):
    ours = of_wardbook({"members": described()[name]["output"]})
    shape = MODEL.operation_model(name).output_shape
    model = of_model(shape) if shape else {}
    if "KeyMetadata" in model:
        metadata, _ = model["KeyMetadata"]
        model["KeyMetadata"] = {key: metadata[key] for key in metadata.keys() - OTHER_KINDS}, False
    assert of_answer(ours) == of_answer(model)


@pytest.mark.parametrize("name", sorted(described()))
def test_errors(name):
    modelled = {shape.name for shape in MODEL.operation_model(name).error_shapes}
    ours = set(described()[name]["errors"])
    assert ours - NOT_MODELLED.get(name, set()) == modelled - EVERYWHERE - NEVER.get(name, set())
