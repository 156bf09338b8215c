"""Grants: there are none yet, and every operation says so in its own way."""

from clients import refused
from wardbook import ACCOUNT

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"
NO_GRANT = "0123456789abcdef" * 4


def test_lists_are_empty(kms, key):
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []
    assert kms.list_grants(KeyId=key["Arn"], GrantId=NO_GRANT)["Grants"] == []
    answer = kms.list_retirable_grants(RetiringPrincipal=ADMIN)
    assert (answer["Grants"], answer["Truncated"]) == ([], False)


def test_no_grant_is_made(kms, key):
    with refused("UnsupportedOperationException", "Grants are not yet supported by this server."):
        kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=ADMIN, Operations=["Decrypt", "DescribeKey"])
    with refused("ValidationException", "Grants must not contain only the CreateGrant operation."):
        kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=ADMIN, Operations=["CreateGrant"])
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=ADMIN, Operations=["Decrypt"])


def test_none_is_retired_or_revoked(kms, key):
    with refused("NotFoundException", f"Grant ID {NO_GRANT} not found"):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=NO_GRANT)
    with refused("NotFoundException", f"Grant ID {NO_GRANT} not found"):
        kms.retire_grant(KeyId=key["Arn"], GrantId=NO_GRANT)
    with refused("InvalidGrantTokenException", ""):
        kms.retire_grant(GrantToken="token")
