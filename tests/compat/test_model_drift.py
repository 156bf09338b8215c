"""wardbook's shapes are written by hand; here they are held against AWS's own model."""

import json
from functools import cache

import pytest

from model import MODEL, PROSE, find, members, service_input
from wardbook import wardbook

# Every operation can give these; wardbook does not repeat them.
EVERYWHERE = {"DependencyTimeoutException", "KMSInternalException"}

# What happens only to stores of AWS CloudHSM, to those in a VPC, and to callers who
# bring the credentials of a proxy.
OTHER_STORES = {
    "CloudHsmClusterInUseException",
    "CloudHsmClusterInvalidConfigurationException",
    "CloudHsmClusterNotActiveException",
    "CloudHsmClusterNotRelatedException",
    "IncorrectTrustAnchorException",
    "XksProxyIncorrectAuthenticationCredentialException",
    "XksProxyInvalidConfigurationException",
    "XksProxyInvalidResponseException",
    "XksProxyUriEndpointInUseException",
    "XksProxyVpcEndpointServiceInUseException",
    "XksProxyVpcEndpointServiceInvalidConfigurationException",
    "XksProxyVpcEndpointServiceNotFoundException",
}

# Errors of the model that cannot happen here.
NEVER = {
    "ConnectCustomKeyStore": OTHER_STORES,
    # The remotes of the settings are the limit.
    "CreateCustomKeyStore": OTHER_STORES | {"LimitExceededException"},
    "UpdateCustomKeyStore": OTHER_STORES | {"CloudHsmClusterNotFoundException"},
    "CreateKey": {"CloudHsmClusterInvalidConfigurationException"},
    "EnableKey": {"LimitExceededException"},  # there is no quota on enabled keys
    "GenerateRandom": {"CustomKeyStoreInvalidStateException"},
}

# Members of KeyMetadata that only keys in AWS CloudHSM have.
OTHER_KINDS = {"CloudHsmClusterId"}

# Errors that AWS gives without having them in its model.
NOT_MODELLED = {
    **dict.fromkeys(["CreateAlias", "DeleteAlias", "UpdateAlias"], {"NotAuthorizedException"}),
    "CreateCustomKeyStore": {"UnsupportedOperationException"},
    "CreateGrant": {"UnsupportedOperationException"},
    "UpdateCustomKeyStore": {"UnsupportedOperationException"},
}


@cache
def described():
    """What `describe-ops` says of KMS, by name."""
    operations = json.loads(wardbook("describe-ops", "--json").stdout)["operations"]
    return {operation["name"]: operation for operation in operations if operation["service"] == "kms"}


def flat(told, path=""):
    """Members by path; values of enumerations in no order."""
    rows = {}
    for member in told:
        at = f"{path}.{member['name']}" if path else member["name"]
        rows[at] = {name: value for name, value in member.items() if name not in ("name", "member", "members")}
        if "enum" in member:
            rows[at]["enum"] = frozenset(member["enum"])
        if "member" in member:
            rows |= flat([{"name": "member", **member["member"]}], at)
        rows |= flat(member.get("members", []), at)
    return rows


def types(told):
    """Members by path with what models promise of answers: the types."""
    return {path: member["type"] for path, member in flat(told).items()}


def test_every_operation_of_aws_is_known():
    assert set(described()) == set(MODEL.operation_names)


@pytest.mark.parametrize("name", sorted(described()))
def test_input(name):
    assert flat(described()[name]["input"]) == flat(service_input(name))


@pytest.mark.parametrize("name", sorted(described()))
def test_output(name):
    shape = MODEL.operation_model(name).output_shape
    model = types(members(shape)) if shape else {}
    other = {path for path in model if "KeyMetadata." in path and OTHER_KINDS & set(path.split("."))}
    assert types(described()[name]["output"]) == {path: model[path] for path in model.keys() - other}


@pytest.mark.parametrize("name", sorted(described()))
def test_sensitive_output(name):
    shape = MODEL.operation_model(name).output_shape
    model = flat(members(shape)) if shape else {}
    secret = {path for path, member in model.items() if member.get("sensitive")}
    ours = flat(described()[name]["output"])
    assert secret <= {path for path, member in ours.items() if member.get("sensitive")}


@pytest.mark.parametrize("name", sorted(described()))
def test_errors(name):
    modelled = {shape.name for shape in MODEL.operation_model(name).error_shapes}
    ours = set(described()[name]["errors"])
    assert ours - NOT_MODELLED.get(name, set()) == modelled - EVERYWHERE - NEVER.get(name, set())


@pytest.mark.parametrize("where, path, change, reason", PROSE, ids=lambda value: value if isinstance(value, str) else "")
def test_every_exception_is_one(where, path, change, reason):
    """What stands in PROSE differs from the model wherever it applies."""
    names = MODEL.operation_names if where == "*" else [where]
    shapes = [members(MODEL.operation_model(name).input_shape) for name in names]
    places = [place for place in (find(told, path.split(".")) for told in shapes) if place]
    assert places and reason
    for place in places:
        assert any(place.get(name) != value for name, value in change.items())
