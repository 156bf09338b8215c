"""The real aws-cli, versions 1 and 2, as a user types it."""

import json
import os
import shutil
import subprocess

import pytest

from wardbook import ACCOUNT, REGION

DAY_ONE = r"""
key=$(aws kms create-key --description 'day one' --tags TagKey=stage,TagValue=test \
    --query KeyMetadata.KeyId --output text)
aws kms create-alias --alias-name alias/day-one --target-key-id "$key"

printf 'attack at dawn' > plain.txt
aws kms encrypt --key-id alias/day-one --plaintext fileb://plain.txt \
    --encryption-context tenant=7 --query CiphertextBlob --output text | base64 -d > sealed.bin
aws kms decrypt --ciphertext-blob fileb://sealed.bin --encryption-context tenant=7 \
    --query Plaintext --output text | base64 -d | cmp - plain.txt
if aws kms decrypt --ciphertext-blob fileb://sealed.bin 2> refused.txt; then exit 1; fi
grep -q '(InvalidCiphertextException) when calling the Decrypt operation' refused.txt

aws kms disable-key --key-id "$key"
if aws kms encrypt --key-id "$key" --plaintext fileb://plain.txt 2> refused.txt; then exit 1; fi
grep -q '(DisabledException) when calling the Encrypt operation: arn:aws:kms:.* is disabled\.' refused.txt
aws kms enable-key --key-id "$key"

test "$(aws kms list-resource-tags --key-id "$key" --query 'Tags[0].TagValue' --output text)" = test
aws kms list-aliases --query 'Aliases[].AliasName' --output text | grep -q alias/day-one
aws kms get-key-policy --key-id "$key" --policy-name default --query Policy --output text | grep -q 'Enable IAM User Permissions'
aws kms delete-alias --alias-name alias/day-one
aws kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7 \
    --query KeyState --output text | grep -qx PendingDeletion
"""


def installed(major):
    """The first aws-cli of that version on the path of this machine."""
    for folder in os.get_exec_path():
        if path := shutil.which("aws", path=folder):
            version = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
            if version.stdout.startswith(f"aws-cli/{major}."):
                return path
    return None


@pytest.fixture(scope="session", params=[1, 2])
def cli_env(request, aws_env, server, tmp_path_factory):
    """An environment whose `aws` is of one version. PyPI has the first alone; of the second not
    every release in use knows the variables that name an endpoint, so its option names it."""
    if request.param == 1:
        return aws_env
    path = installed(major=2)
    if not path:
        pytest.skip("aws-cli 2 is not installed")
    folder = tmp_path_factory.mktemp("aws-cli-2")
    (folder / "aws").write_text(f'#!/bin/sh\nexec "{path}" --endpoint-url "{server.url}" "$@"\n')
    (folder / "aws").chmod(0o755)
    return {**aws_env, "PATH": f"{folder}:{aws_env['PATH']}"}


@pytest.fixture
def cli(cli_env):
    """`cli("kms", "list-keys")` is a finished process."""

    def run(*args):
        return subprocess.run(["aws", *args], env=cli_env, capture_output=True, text=True, timeout=120)

    return run


def test_a_first_day(cli_env, tmp_path):
    done = subprocess.run(
        ["bash", "-exuo", "pipefail", "-c", DAY_ONE],
        cwd=tmp_path,
        env=cli_env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_pages(cli, kms):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    done = cli("kms", "list-keys", "--page-size", "2", "--query", "Keys[].KeyId", "--output", "json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert made <= set(listed)
    assert len(listed) == len(set(listed))


def test_an_error(cli):
    unknown = "1234abcd-12ab-34cd-56ef-1234567890ab"
    done = cli("kms", "describe-key", "--key-id", unknown)
    assert done.returncode != 0
    assert done.stdout == ""
    assert (
        "(NotFoundException) when calling the DescribeKey operation: "
        f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{unknown}' does not exist"
    ) in done.stderr


def test_get_caller_identity(cli):
    done = cli("sts", "get-caller-identity", "--output", "json")
    assert done.returncode == 0, done.stderr
    me = json.loads(done.stdout)
    assert me["Account"] == ACCOUNT
    assert me["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:")


def test_events(cli, key):
    attribute = f"AttributeKey=ResourceName,AttributeValue={key['Arn']}"
    done = cli("cloudtrail", "lookup-events", "--lookup-attributes", attribute, "--output", "json")
    assert done.returncode == 0, done.stderr
    assert [event["EventName"] for event in json.loads(done.stdout)["Events"]] == ["CreateKey"]
