"""Key policies: who may do what, told by whom, and who is locked out."""

import json

import pytest

from clients import boto, refused
from wardbook import ACCOUNT

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
DEFAULT = {
    "Version": "2012-10-17",
    "Id": "key-default-1",
    "Statement": [
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": ROOT},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
LOCKOUT = "The new key policy will not allow you to update the key policy in the future."
UNREADABLE = (
    "kms:Decrypt on the resource associated with this ciphertext because the resource does not "
    "exist in this Region, no resource-based policies allow access, or a resource-based policy "
    "explicitly denies access"
)


def policy(*statements, root=True):
    """A policy text: the default statement, if `root`, and these."""
    return json.dumps(
        {"Version": "2012-10-17", "Statement": (DEFAULT["Statement"] if root else []) + list(statements)}
    )


def statement(principal, *actions, effect="Allow", **more):
    return {
        "Effect": effect,
        "Principal": {"AWS": principal.arn},
        "Action": list(actions),
        "Resource": "*",
        **more,
    }


def denied(who, action, key, reason=None):
    """`who` is refused `action` on `key`; the reason is that of no policy unless given."""
    reason = reason or f"because no identity-based policy allows the {action} action"
    return refused(
        "AccessDeniedException",
        f"User: {who.arn} is not authorized to perform: {action} on resource: {key['Arn']} {reason}",
    )


def put(kms, key, text, **more):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=text, **more)


def test_default_policy(kms, key):
    answer = kms.get_key_policy(KeyId=key["KeyId"])
    assert answer["PolicyName"] == "default"
    assert json.loads(answer["Policy"]) == DEFAULT
    assert '"Version" : "2012-10-17"' in answer["Policy"]  # printed as AWS prints it
    listed = kms.list_key_policies(KeyId=key["KeyId"])
    assert (listed["PolicyNames"], listed["Truncated"]) == (["default"], False)
    with refused("NotFoundException"):
        kms.get_key_policy(KeyId=key["KeyId"], PolicyName="another")


def test_a_user_needs_the_key_policy(kms, key, user, user_kms):
    key_id = key["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"payroll")["CiphertextBlob"]
    # The account in the default policy delegates to identity policies; the user has none.
    with denied(user, "kms:Encrypt", key):
        user_kms.encrypt(KeyId=key_id, Plaintext=b"x")
    with denied(user, "kms:DescribeKey", key):
        user_kms.describe_key(KeyId=key_id)
    with refused("AccessDeniedException", f"User: {user.arn} is not authorized to perform: {UNREADABLE}"):
        user_kms.decrypt(CiphertextBlob=blob)

    put(kms, key, policy(statement(user, "kms:Decrypt")))
    assert user_kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"payroll"
    with denied(user, "kms:Encrypt", key):
        user_kms.encrypt(KeyId=key_id, Plaintext=b"x")

    put(kms, key, policy())
    with refused("AccessDeniedException"):
        user_kms.decrypt(CiphertextBlob=blob)


def test_what_no_key_policy_can_give(user_kms):
    for call in (
        lambda: user_kms.create_key(),
        lambda: user_kms.list_keys(),
        lambda: user_kms.list_aliases(),
        lambda: user_kms.generate_random(NumberOfBytes=16),
    ):
        with refused("AccessDeniedException"):
            call()


def test_a_denied_caller_learns_nothing_of_the_state(kms, key, user, user_kms):
    kms.disable_key(KeyId=key["KeyId"])
    with denied(user, "kms:Encrypt", key):
        user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_a_policy_without_the_account_delegates_to_nobody(kms, key, user, user_kms):
    put(kms, key, policy(statement(user, "kms:*"), root=False), BypassPolicyLockoutSafetyCheck=True)
    assert user_kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key
    with refused("AccessDeniedException") as caught:
        kms.describe_key(KeyId=key["KeyId"])
    assert "because no resource-based policy allows the kms:DescribeKey action" in str(caught.value)
    put(user_kms, key, policy(), BypassPolicyLockoutSafetyCheck=True)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key


def test_deny_beats_allow(kms, key, user, user_kms):
    put(
        kms,
        key,
        policy(
            statement(user, "kms:*"), statement(user, "kms:Encrypt", "kms:GenerateDataKey*", effect="Deny")
        ),
    )
    user_kms.describe_key(KeyId=key["KeyId"])
    reason = "with an explicit deny in a resource-based policy"
    with denied(user, "kms:Encrypt", key, reason):
        user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with denied(user, "kms:GenerateDataKeyWithoutPlaintext", key, reason):
        user_kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], KeySpec="AES_256")


def test_dry_run_asks_the_policy_too(key, user, user_kms):
    with denied(user, "kms:Encrypt", key):
        user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)


def test_a_policy_in_cedar(server, kms, key, user, user_kms):
    user_id = boto("sts", server.url, user).get_caller_identity()["UserId"]
    text = f"""
        permit (principal in Account::"{ACCOUNT}", action, resource) when {{ context.iamAllows }};

        @id("tenant seven")
        permit (
            principal == User::"{user_id}",
            action in [Action::"kms:Encrypt", Action::"kms:Decrypt"],
            resource
        ) when {{
            context.encryptionContext.hasTag("tenant") && context.encryptionContext.getTag("tenant") == "7"
        }};
    """
    put(kms, key, text)
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"] == text
    blob = user_kms.encrypt(
        KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext={"tenant": "7", "more": "yes"}
    )["CiphertextBlob"]
    for context in {}, {"tenant": "8"}, {"more": "7"}:
        with denied(user, "kms:Encrypt", key):
            user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=context)
    # What the policy allows, the ciphertext may still refuse.
    with refused("InvalidCiphertextException", ""):
        user_kms.decrypt(CiphertextBlob=blob, EncryptionContext={"tenant": "7"})


def test_re_encrypt_needs_two_rights_on_two_keys(kms, key, user, user_kms):
    other = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]

    def move():
        return user_kms.re_encrypt(
            CiphertextBlob=blob, SourceKeyId=key["KeyId"], DestinationKeyId=other["KeyId"]
        )

    with denied(user, "kms:ReEncryptFrom", key):
        move()
    put(kms, key, policy(statement(user, "kms:ReEncryptFrom")))
    with denied(user, "kms:ReEncryptTo", other):
        move()
    put(kms, other, policy(statement(user, "kms:ReEncryptTo")))
    assert move()["KeyId"] == other["Arn"]
    with refused("AccessDeniedException"):  # moving is not reading
        user_kms.decrypt(CiphertextBlob=blob)


def test_nobody_locks_themselves_out_by_accident(kms, key, user, user_kms):
    without_me = policy(statement(user, "kms:*"), root=False)
    with refused("MalformedPolicyDocumentException", LOCKOUT):
        put(kms, key, without_me)
    with refused("MalformedPolicyDocumentException", LOCKOUT):
        kms.create_key(Policy=without_me)
    assert json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"]) == DEFAULT
    # The caller is who must be let in: the user may write what the root may not.
    put(kms, key, policy(statement(user, "kms:PutKeyPolicy")))
    put(user_kms, key, without_me)
    put(user_kms, key, policy(statement(user, "kms:PutKeyPolicy")))


def test_create_key_with_a_policy(kms, user, user_kms):
    text = policy(statement(user, "kms:DescribeKey"))
    made = kms.create_key(Policy=text)["KeyMetadata"]
    assert json.loads(kms.get_key_policy(KeyId=made["KeyId"])["Policy"]) == json.loads(text)
    assert user_kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"] == made


INVALID = {
    "no JSON": "{",
    "no statement": json.dumps({"Version": "2012-10-17", "Statement": []}),
    "no version of a policy": policy().replace("2012-10-17", "2020-01-01"),
    "unknown effect": policy().replace("Allow", "Perhaps"),
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_malformed_policies(kms, key, text):
    with refused("MalformedPolicyDocumentException"):
        put(kms, key, text)
    assert json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"]) == DEFAULT


def test_principals_must_exist(kms, key):
    nobody = {**DEFAULT["Statement"][0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}}
    with refused(
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    ):
        put(kms, key, policy(nobody))


def test_what_cannot_be_judged_is_refused_by_name(kms, key, user):
    """Never dropped silently: a forgotten condition would allow more than was meant."""
    inverted = statement(user, "kms:Encrypt", Sid="all but one")
    inverted["NotPrincipal"] = inverted.pop("Principal")
    misspelt = {"StringEquals": {"kms:EncryptonContext:tenant": "7"}}
    conditional = statement(user, "kms:Encrypt", Sid="tenant seven", Condition=misspelt)
    for wrong, element in (inverted, "NotPrincipal"), (conditional, "Condition"):
        with refused("MalformedPolicyDocumentException") as caught:
            put(kms, key, policy(wrong))
        text = caught.value.response["Error"]["Message"]
        assert wrong["Sid"] in text
        assert element in text
    assert json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"]) == DEFAULT


def test_a_statement_without_an_action_has_no_effect(kms, key, user, user_kms):
    idle = statement(user)
    del idle["Action"]
    put(kms, key, policy(idle))
    with denied(user, "kms:DescribeKey", key):
        user_kms.describe_key(KeyId=key["KeyId"])


def test_a_policy_is_not_too_long_and_not_too_deep(kms, key, user):
    with refused("LimitExceededException"):
        put(kms, key, policy(statement(user, "kms:Encrypt", Sid="x" * 32768)))
    with refused("LimitExceededException"):
        put(kms, key, '{"a":' * 200 + "{}" + "}" * 200)
