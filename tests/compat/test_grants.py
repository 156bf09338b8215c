"""Grants with boto3 and the aws-cli: who may what by them, how they end, what lists say."""

import json
from contextlib import contextmanager

import boto3
import pytest

from clients import boto, refused
from test_policies import denied
from wardbook import ACCOUNT, REGION

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
NO_GRANT = "0123456789abcdef" * 4
TENANT = {"tenant": "7"}


def grant(kms, key, grantee, *operations, **more):
    return kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=grantee, Operations=list(operations), **more
    )


def grants(kms, key, **filters):
    pages = kms.get_paginator("list_grants").paginate(KeyId=key["KeyId"], **filters)
    return [entry for page in pages for entry in page["Grants"]]


@contextmanager
def no_such_grant(grant_id):
    with refused("NotFoundException", f"Grant ID {grant_id} not found"):
        yield


def test_a_grantee_uses_the_key(kms, key, user, user_kms):
    made = grant(
        kms, key, user.arn, "Encrypt", "Decrypt", "DescribeKey",
        Constraints={"EncryptionContextSubset": TENANT},
    )  # fmt: skip
    with denied(user, "kms:Encrypt", key):
        user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    context = {**TENANT, "file": "a"}
    blob = user_kms.encrypt(
        KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=context, GrantTokens=[made["GrantToken"]]
    )["CiphertextBlob"]
    assert user_kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
    assert user_kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Arn"] == key["Arn"]
    with denied(user, "kms:GenerateDataKey", key):
        user_kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=context)
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=made["GrantId"])
    with refused("AccessDeniedException"):
        user_kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    with no_such_grant(made["GrantId"]):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=made["GrantId"])


def test_a_role_is_each_of_its_sessions(server, wire, kms, key, names):
    role = names("role")
    wire.rest("POST", "/v1/roles", {"roleName": role})
    grant(kms, key, f"arn:aws:iam::{ACCOUNT}:role/{role}", "GenerateDataKey")
    session = wire.rest("POST", f"/v1/roles/{role}/sessions", {"sessionName": "host"})
    client = boto3.client(
        "kms",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=session["accessKeyId"],
        aws_secret_access_key=session["secretAccessKey"],
        aws_session_token=session["sessionToken"],
    )
    client.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
    with refused("AccessDeniedException"):
        client.describe_key(KeyId=key["KeyId"])


def test_lists(kms, key, user):
    one = grant(kms, key, user.arn, "Decrypt", Name="one", RetiringPrincipal=user.arn)
    constraints = {"EncryptionContextEquals": TENANT}
    two = grant(kms, key, ADMIN, "Decrypt", "RetireGrant", Constraints=constraints)
    for _ in range(3):
        grant(kms, key, ROOT, "Encrypt", RetiringPrincipal=user.arn)
    found = grants(kms, key, PaginationConfig={"PageSize": 2})
    assert len(found) == 5
    assert [entry["GrantId"] for entry in found] == sorted(entry["GrantId"] for entry in found)
    assert [entry["GrantId"] for entry in grants(kms, key, GranteePrincipal=user.arn)] == [one["GrantId"]]
    (shown,) = grants(kms, key, GrantId=two["GrantId"])
    assert shown.pop("CreationDate").year >= 2026
    assert shown == {
        "KeyId": key["Arn"],
        "GrantId": two["GrantId"],
        "Name": "",
        "GranteePrincipal": ADMIN,
        "IssuingAccount": ROOT,
        "Operations": ["Decrypt", "RetireGrant"],
        "Constraints": constraints,
    }
    assert grants(kms, key, GrantId=NO_GRANT) == []
    pages = kms.get_paginator("list_retirable_grants").paginate(
        RetiringPrincipal=user.arn, PaginationConfig={"PageSize": 3}
    )
    retirable = [entry for page in pages for entry in page["Grants"]]
    assert len(retirable) == 4 and {entry["RetiringPrincipal"] for entry in retirable} == {user.arn}
    assert kms.list_retirable_grants(RetiringPrincipal=user.arn, Limit=2)["Truncated"]


def test_retiring(kms, key, user, user_kms):
    mine = grant(kms, key, user.arn, "Decrypt", "RetireGrant")
    user_kms.retire_grant(GrantToken=mine["GrantToken"])
    with no_such_grant(mine["GrantId"]):
        user_kms.retire_grant(GrantToken=mine["GrantToken"])
    theirs = grant(kms, key, user.arn, "Decrypt")
    with denied(user, "kms:RetireGrant", key):
        user_kms.retire_grant(KeyId=key["Arn"], GrantId=theirs["GrantId"])
    handed = grant(kms, key, ADMIN, "Decrypt", RetiringPrincipal=user.arn)
    user_kms.retire_grant(KeyId=key["Arn"], GrantId=handed["GrantId"])
    # The account in which it was made.
    kms.retire_grant(KeyId=key["Arn"], GrantId=theirs["GrantId"])
    assert grants(kms, key) == []


def test_dry_runs_change_nothing(kms, key, user):
    would = "The request would have succeeded, but the DryRun option is set."
    with refused("DryRunOperationException", would):
        grant(kms, key, user.arn, "Decrypt", DryRun=True)
    made = grant(kms, key, user.arn, "Decrypt")
    with refused("DryRunOperationException", would):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=made["GrantId"], DryRun=True)
    with refused("DryRunOperationException", would):
        kms.retire_grant(GrantToken=made["GrantToken"], DryRun=True)
    listed = kms.list_grants(KeyId=key["KeyId"])
    assert [entry["GrantId"] for entry in listed["Grants"]] == [made["GrantId"]]


def test_refusals(kms, key):
    with refused("ValidationException", "Grants must not contain only the CreateGrant operation."):
        grant(kms, key, ADMIN, "CreateGrant")
    nobody = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    with refused("InvalidArnException", f"ARN does not refer to a valid principal: {nobody}"):
        grant(kms, key, nobody, "Decrypt")
    with refused("InvalidGrantTokenException", ""):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=["token"])
    with refused("InvalidGrantTokenException", ""):
        kms.retire_grant(GrantToken="token")
    with refused("InvalidGrantIdException"):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId="x")
    with no_such_grant(NO_GRANT):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=NO_GRANT)
    with no_such_grant(NO_GRANT):
        kms.retire_grant(KeyId=key["Arn"], GrantId=NO_GRANT)
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        grant(kms, key, ADMIN, "Decrypt")


def test_asymmetric_keys(kms, user, user_kms):
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    with refused("ValidationException"):
        grant(kms, key, user.arn, "Decrypt")
    with refused("ValidationException"):
        grant(kms, key, user.arn, "Sign", Constraints={"EncryptionContextSubset": TENANT})
    grant(kms, key, user.arn, "Sign", "GetPublicKey")
    made = user_kms.sign(KeyId=key["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    user_kms.get_public_key(KeyId=key["KeyId"])
    verify = {"Message": b"x", "Signature": made["Signature"], "SigningAlgorithm": "ECDSA_SHA_256"}
    with denied(user, "kms:Verify", key):
        user_kms.verify(KeyId=key["KeyId"], **verify)


def test_a_quota(own_server):
    server = own_server.start("--quota-grants-per-key", "2")
    kms = boto("kms", server.url, server.admin)
    key = kms.create_key()["KeyMetadata"]
    for _ in range(2):
        grant(kms, key, ADMIN, "Decrypt", Name="same" if _ else "other")
    with refused("LimitExceededException", "The key already has 2 grants."):
        grant(kms, key, ADMIN, "Decrypt")
    grant(kms, key, ADMIN, "Decrypt", Name="same")


def test_the_records(kms, key, user, user_kms, events):
    made = grant(kms, key, user.arn, "Encrypt", Constraints={"EncryptionContextEquals": TENANT})
    user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=TENANT)
    kms.retire_grant(GrantToken=made["GrantToken"])
    create, encrypt, retire = (
        events(keyId=key["Arn"], eventName=name)[0] for name in ("CreateGrant", "Encrypt", "RetireGrant")
    )
    assert create["requestParameters"] == {
        "keyId": key["KeyId"],
        "granteePrincipal": user.arn,
        "operations": ["Encrypt"],
        "constraints": {"encryptionContextEquals": TENANT},
    }
    assert create["responseElements"] == {"grantId": made["GrantId"], "keyId": key["Arn"]}
    (decision,) = encrypt["wardbook"]["decisions"]
    assert decision["determining"] == [{"source": "grant", "policy": made["GrantId"]}]
    assert retire["requestParameters"] is None
    assert retire["responseElements"] == {"keyId": key["Arn"]}
    assert retire["additionalEventData"] == {"grantId": made["GrantId"]}
    assert made["GrantToken"] not in json.dumps([create, encrypt, retire])


@pytest.fixture
def cli(aws):
    """One command of `aws kms`; what it printed."""

    def run(*args):
        done = aws("kms", *args, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_the_aws_cli(cli, key, user, user_kms):
    made = cli(
        "create-grant", "--key-id", key["KeyId"], "--grantee-principal", user.arn,
        "--retiring-principal", ADMIN, "--operations", "Encrypt", "RetireGrant", "--name", "by-cli",
        "--constraints", "EncryptionContextSubset={tenant=7}",
    )  # fmt: skip
    user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=TENANT)
    (listed,) = cli("list-grants", "--key-id", key["Arn"])["Grants"]
    assert (listed["GrantId"], listed["Name"]) == (made["GrantId"], "by-cli")
    (retirable,) = (
        entry
        for entry in cli("list-retirable-grants", "--retiring-principal", ADMIN)["Grants"]
        if entry["KeyId"] == key["Arn"]
    )
    assert retirable["GrantId"] == made["GrantId"]
    cli("retire-grant", "--grant-token", made["GrantToken"])
    made = cli("create-grant", "--key-id", key["KeyId"], "--grantee-principal", ADMIN, "--operations", "Decrypt")
    cli("revoke-grant", "--key-id", key["KeyId"], "--grant-id", made["GrantId"])
    assert cli("list-grants", "--key-id", key["KeyId"])["Grants"] == []
