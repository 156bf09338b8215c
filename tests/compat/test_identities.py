"""Groups, permissions boundaries, tags, trust policies and accounts, as boto3 meets them."""

import boto3
from clients import Wire, boto, refused
from wardbook import ACCOUNT, REGION, Identity

ALLOW = "permit (principal, action, resource);"
READ = 'permit (principal, action in Action::"kms:read", resource);'
OTHER = "444455556666"


def test_a_group_hands_its_policies_to_its_users(wire, user, user_kms, names):
    group = f"/v1/groups/{names('group')}"
    wire.rest("POST", "/v1/groups", {"groupName": group.rsplit("/", 1)[1]})
    wire.rest("PUT", f"{group}/policies/read", {"policy": READ})
    with refused("AccessDeniedException"):
        user_kms.list_keys()
    wire.rest("PUT", f"{group}/users/{user.name}")
    user_kms.list_keys()
    wire.rest("PUT", f"{group}/policies/no", {"policy": ALLOW.replace("permit", "forbid")})
    with refused("AccessDeniedException"):
        user_kms.list_keys()
    wire.rest("DELETE", f"{group}/users/{user.name}")
    wire.rest("DELETE", group)


def test_a_boundary_limits_and_says_so(wire, user, user_kms):
    path = f"/v1/users/{user.name}"
    wire.rest("PUT", f"{path}/policies/all", {"policy": ALLOW})
    wire.rest("PUT", f"{path}/permissions-boundary", {"permissionsBoundary": READ})
    user_kms.list_keys()
    because = (
        f"User: {user.arn} is not authorized to perform: kms:CreateKey on resource: * "
        "because no permissions boundary allows the kms:CreateKey action"
    )
    with refused("AccessDeniedException", because):
        user_kms.create_key()
    wire.rest("DELETE", f"{path}/permissions-boundary")
    user_kms.create_key()


def test_everything_about_a_user(wire, user):
    path = f"/v1/users/{user.name}"
    wire.rest("POST", f"{path}/tags", {"tags": [{"key": "Team", "value": "a"}]})
    wire.rest("POST", f"{path}/tags", {"tags": [{"key": "team", "value": "b"}]})
    found = wire.rest("GET", path)
    assert (found["kind"], found["arn"], found["name"]) == ("user", user.arn, user.name)
    assert found["tags"] == [{"key": "team", "value": "b"}]
    wire.rest("POST", f"{path}/untag", {"tagKeys": ["TEAM"]})
    assert wire.rest("GET", path)["tags"] == []


def test_a_role_is_for_whom_it_trusts(server, wire, user, names):
    path = f"/v1/roles/{names('role')}"
    trust = """{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"AWS": "%s"}, "Action": "sts:AssumeRole"}}"""
    wire.rest("POST", "/v1/roles", {"roleName": path.rsplit("/", 1)[1]})
    wire.rest("PUT", f"{path}/policies/read", {"policy": READ})
    wire.rest("PUT", path, {"assumeRolePolicyDocument": trust % user.arn})
    made = Wire(server.url, user).rest("POST", f"{path}/sessions", {"sessionName": "session"})
    session = boto3.Session(made["accessKeyId"], made["secretAccessKey"], made["sessionToken"], REGION)
    session.client("kms", endpoint_url=server.url).list_keys()
    answer = wire.send("POST", f"{path}/sessions", b'{"sessionName":"session"}')
    assert (answer.status, answer.json["error"]["code"]) == (403, "AccessDeniedException")


def test_an_account_of_its_own(server, wire, kms, key):
    made = wire.rest("POST", "/v1/accounts", {"accountId": OTHER, "accountName": "Payments"})
    other = boto("kms", server.url, Identity(made["accessKeyId"], made["secretAccessKey"]))
    assert other.list_keys()["Keys"] == []
    with refused("AccessDeniedException"):
        other.encrypt(KeyId=key["Arn"], Plaintext=b"x")
    policy = """{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*",
        "Resource": "*", "Principal": {"AWS": ["%s", "%s"]}}}"""
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy % (ACCOUNT, OTHER))
    sealed = other.encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
