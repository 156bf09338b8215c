"""STS with the stock credential providers of the aws-cli and of boto3: nothing is told to them but
where the server is."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

import oidc
import wardbook
from clients import Wire
from wardbook import ACCOUNT, REGION

EVERYTHING = "permit (principal, action, resource);"
WEB_IDENTITY = f"""
permit (
    principal in OidcProvider::"{oidc.ARN}",
    action == Action::"sts:AssumeRoleWithWebIdentity",
    resource
) when {{ principal.subject like "system:serviceaccount:shop:*" }};
"""


@pytest.fixture(scope="module")
def provider():
    return oidc.Provider()


@pytest.fixture(scope="module")
def sts_server(tmp_path_factory, provider):
    """A server that believes the provider."""
    server = wardbook.Server(tmp_path_factory.mktemp("sts")).init()
    (server.data / "jwks.json").write_text(json.dumps(provider.jwks()))
    (server.data / "wardbook.toml").write_text(
        f'[[oidc]]\nissuer = "{oidc.ISSUER}"\njwks = "jwks.json"\naudiences = ["{oidc.AUDIENCE}"]\n'
    )
    try:
        yield server.start()
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.fixture(scope="module")
def rest(sts_server):
    return Wire(sts_server.url, sts_server.admin).rest


def arn(role):
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def trust(condition="true"):
    """Lets in whom the account's policies let in, on a condition."""
    return f"""
permit (
    principal in Account::"{ACCOUNT}",
    action in [Action::"sts:AssumeRole", Action::"sts:TagSession"],
    resource
) when {{ context.iamAllows && {condition} }};
"""


@pytest.fixture(scope="module")
def role(rest, names):
    """Makes a role; answers its name."""

    def make(stem, trusted, policy=EVERYTHING):
        name = names(stem)
        rest("POST", "/v1/roles", {"roleName": name, "assumeRolePolicyDocument": trusted})
        if policy:
            rest("PUT", f"/v1/roles/{name}/policies/p", {"policy": policy})
        return name

    return make


@pytest.fixture
def client(sts_server):
    """A boto3 client of the server, as the administrator or with credentials of STS."""

    def make(service, credentials=None):
        admin = sts_server.admin
        keys = credentials or {
            "AccessKeyId": admin.access_key_id,
            "SecretAccessKey": admin.secret_access_key,
        }
        return boto3.client(
            service,
            endpoint_url=sts_server.url,
            region_name=REGION,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        )

    return make


@pytest.fixture
def stock(sts_server, tmp_path):
    """Runs the aws-cli, or Python, with nothing but this environment and these profiles."""

    def run(*command, profiles="", **env):
        config = tmp_path / "config"
        config.write_text(profiles)
        scripts = str(Path(sys.executable).parent)
        plain = sts_server.admin.env()
        for secret in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del plain[secret]
        done = subprocess.run(
            command,
            env={
                **plain,
                "AWS_CONFIG_FILE": str(config),
                "AWS_ENDPOINT_URL_KMS": sts_server.url,
                "AWS_ENDPOINT_URL_STS": sts_server.url,
                "PATH": scripts + os.pathsep + plain["PATH"],
                "HOME": str(tmp_path),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done

    return run


def refused(call, code, status, text=""):
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    assert text in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status


WHO = ("aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text")


def test_assume_role_profiles(stock, role, sts_server):
    """A role by profile, with an external id, and from there another one."""
    first = role("first", trust('context has externalId && context.externalId == "x-7"'))
    second = role("second", trust())
    admin = sts_server.admin
    profiles = f"""
[profile base]
aws_access_key_id = {admin.access_key_id}
aws_secret_access_key = {admin.secret_access_key}
[profile first]
role_arn = {arn(first)}
source_profile = base
external_id = x-7
role_session_name = blue
duration_seconds = 900
[profile stranger]
role_arn = {arn(first)}
source_profile = base
[profile second]
role_arn = {arn(second)}
source_profile = first
role_session_name = green
"""
    for profile, session in (("first", f"{first}/blue"), ("second", f"{second}/green")):
        done = stock(*WHO, "--profile", profile, profiles=profiles)
        assert done.stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{session}", done.stderr
        done = stock("aws", "kms", "list-keys", "--profile", profile, profiles=profiles)
        assert done.returncode == 0, done.stderr
    done = stock(*WHO, "--profile", "stranger", profiles=profiles)
    assert "(AccessDenied) when calling the AssumeRole operation" in done.stderr
    assert f"is not authorized to perform: sts:AssumeRole on resource: {arn(first)}" in done.stderr


SCRIPT = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
boto3.client("kms").list_keys()
"""


@pytest.mark.parametrize("kid", ["rsa", "ec"])
def test_web_identity_by_environment(stock, role, provider, tmp_path, kid):
    """What a pod has: a role, and a file with a token."""
    name = role("pod", WEB_IDENTITY)
    file = tmp_path / "token"
    file.write_text(provider.token(kid))
    env = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        "AWS_ROLE_ARN": arn(name),
        "AWS_ROLE_SESSION_NAME": "pod-7",
    }
    wanted = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/pod-7"
    assert stock(*WHO, **env).stdout.strip() == wanted
    done = stock(sys.executable, "-c", SCRIPT, **env)
    assert done.stdout.strip() == wanted, done.stderr
    file.write_text(provider.token(kid, sub="system:serviceaccount:else:api"))
    done = stock(*WHO, **env)
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in done.stderr


def test_web_identity_answers(client, role, provider):
    name = role("pod", WEB_IDENTITY)
    sts = client("sts")
    answer = sts.assume_role_with_web_identity(
        RoleArn=arn(name), RoleSessionName="pod", WebIdentityToken=provider.token(), DurationSeconds=900
    )
    assert answer["SubjectFromWebIdentityToken"] == oidc.SUBJECT
    assert (answer["Provider"], answer["Audience"]) == (oidc.ARN, oidc.AUDIENCE)
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":pod")

    def assume(token):
        return lambda: sts.assume_role_with_web_identity(
            RoleArn=arn(name), RoleSessionName="pod", WebIdentityToken=token
        )

    bad = sts.exceptions
    for token, error, code, status in (
        (provider.token(aud="else"), bad.InvalidIdentityTokenException, "InvalidIdentityToken", 400),
        (provider.token(iss="https://else.test"), bad.InvalidIdentityTokenException, "InvalidIdentityToken", 400),
        (oidc.Provider().token(), bad.InvalidIdentityTokenException, "InvalidIdentityToken", 400),
        (provider.token(exp=1), bad.ExpiredTokenException, "ExpiredTokenException", 400),
        (provider.token(nbf=2**33), bad.IDPRejectedClaimException, "IDPRejectedClaim", 403),
    ):
        with pytest.raises(error):
            assume(token)()
        refused(assume(token), code, status)


def test_keys_of_the_provider_are_read_again(sts_server, client, role, provider):
    name = role("pod", WEB_IDENTITY)
    other = oidc.Provider()
    jwks = sts_server.data / "jwks.json"

    def works(token):
        try:
            client("sts").assume_role_with_web_identity(
                RoleArn=arn(name), RoleSessionName="pod", WebIdentityToken=token
            )
        except ClientError:
            return False
        return True

    def eventually(token):
        deadline = time.monotonic() + 30
        while not works(token):
            assert time.monotonic() < deadline
            time.sleep(0.2)

    assert works(provider.token()) and not works(other.token())
    jwks.write_text(json.dumps(other.jwks()))
    eventually(other.token())
    jwks.write_text("{")
    assert works(other.token())
    jwks.write_text(json.dumps(provider.jwks()))
    eventually(provider.token())


def test_session_tokens_of_users(client, stock, sts_server):
    answer = client("sts").get_session_token(DurationSeconds=900)
    keys = answer["Credentials"]
    kms = client("kms", keys)
    kms.list_keys()
    assert client("sts", keys).get_caller_identity()["Arn"].endswith(":user/admin")
    refused(
        client("sts", keys).get_session_token,
        "AccessDenied",
        403,
        "Cannot call GetSessionToken with session credentials",
    )
    done = stock(
        "aws", "sts", "get-session-token", "--query", "Credentials.AccessKeyId", "--output", "text",
        AWS_ACCESS_KEY_ID=sts_server.admin.access_key_id,
        AWS_SECRET_ACCESS_KEY=sts_server.admin.secret_access_key,
    )
    assert done.stdout.startswith("ASIA"), done.stderr


def test_session_tags_in_a_key_policy(client, role):
    name = role("tagged", trust(), policy="")
    policy = f"""
permit (principal in Account::"{ACCOUNT}", action, resource) when {{ context.iamAllows }};
permit (principal is RoleSession, action == Action::"kms:DescribeKey", resource)
when {{
    principal.roleName == "{name}" &&
    context.principalTags.hasTag("team") &&
    context.principalTags.getTag("team") == "blue"
}};
"""
    key = client("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"]

    def session(**tags):
        tags = [{"Key": name, "Value": value} for name, value in tags.items()]
        answer = client("sts").assume_role(RoleArn=arn(name), RoleSessionName="tagged", Tags=tags)
        assert not tags or 0 < answer["PackedPolicySize"] <= 100
        return client("kms", answer["Credentials"])

    session(team="blue").describe_key(KeyId=key)
    for kms in (session(team="red"), session(), session(other="blue")):
        refused(lambda: kms.describe_key(KeyId=key), "AccessDeniedException", 400)


def test_session_policies_limit(client, role):
    name = role("limited", trust())
    policy = {"Version": "2012-10-17"}
    policy["Statement"] = [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]
    answer = client("sts").assume_role(
        RoleArn=arn(name), RoleSessionName="limited", Policy=json.dumps(policy)
    )
    kms = client("kms", answer["Credentials"])
    kms.list_keys()
    refused(kms.list_aliases, "AccessDeniedException", 400, "no session policy allows")
    sts = client("sts")

    def assume(**more):
        return lambda: sts.assume_role(RoleArn=arn(name), RoleSessionName="xy", **more)

    with pytest.raises(sts.exceptions.MalformedPolicyDocumentException):
        assume(Policy="{}")()
    refused(assume(DurationSeconds=7200), "ValidationError", 400, "exceeds the MaxSessionDuration")
    refused(assume(PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnly"}]), "ValidationError", 400)
    tags = [{"Key": f"k{i}", "Value": os.urandom(100).hex()} for i in range(50)]
    with pytest.raises(sts.exceptions.PackedPolicyTooLargeException):
        assume(Tags=tags)()


def test_what_is_not_there(client):
    sts = client("sts")
    refused(lambda: sts.get_federation_token(Name="x" * 5), "UnsupportedOperation", 400)
    refused(lambda: sts.get_access_key_info(AccessKeyId="A" * 20), "UnsupportedOperation", 400)


def test_bearer_tokens(sts_server, rest, role, provider):
    """A call of the REST API with nothing but the provider's token."""
    name = role("bearer", WEB_IDENTITY)

    def get(token, path="/v1/caller-identity", **headers):
        headers = {"Authorization": f"Bearer {token}", "x-wardbook-role": arn(name), **headers}
        request = AWSRequest("GET", sts_server.url + path, headers=headers)
        return URLLib3Session(timeout=30).send(request.prepare())

    answer = get(provider.token())
    assert answer.status_code == 200, answer.text
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/system-serviceaccount-shop-api-"
    assert json.loads(answer.content)["Arn"].startswith(session)
    [event] = rest("GET", "/v1/audit/events?requestId=" + answer.headers["x-amzn-RequestId"])["events"]
    data = event["userIdentity"]["sessionContext"]["webIdFederationData"]
    assert data["federatedProvider"] == oidc.ARN
    assert data["attributes"]["oidc.test/id/cluster:sub"] == oidc.SUBJECT
    assert get(provider.token(sub="else")).status_code == 403
    assert get(provider.token(exp=1)).status_code == 403
    assert get("x").status_code == 400
