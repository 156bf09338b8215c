"""The process: how it starts, stops, comes back, and refuses."""

import urllib.request

from clients import Wire, boto, refused
from wardbook import Server, wardbook


def fetch(server, path):
    with urllib.request.urlopen(server.url + path, timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_a_folder_is_initialized_once(own_server):
    again = wardbook("init", "--data", own_server.data, "--json", check=False)
    assert again.returncode != 0
    assert again.stdout == ""
    assert again.stderr
    own_server.start()
    assert boto("kms", own_server.url, own_server.admin).list_keys()["Keys"] == []


def test_arguments_that_are_refused(tmp_path):
    for arguments in ["--account", "12345"], ["--region", "Frankfurt"], ["--colour", "blue"]:
        done = wardbook("init", "--data", tmp_path / "data", *arguments, check=False)
        assert done.returncode != 0
        assert done.stderr
        assert not (tmp_path / "data").exists()


def test_an_empty_folder_initializes_itself(tmp_path):
    server = Server(tmp_path)
    try:
        assert fetch(server.start(), "/health/live")[0] == 200
        assert server.stop() == 0
    finally:
        server.kill()


def test_one_server_to_a_folder(own_server, tmp_path):
    own_server.start()
    done = wardbook("serve", "--data", own_server.data, "--listen", "127.0.0.1:0", check=False)
    assert done.returncode != 0
    assert done.stderr
    assert fetch(own_server, "/health/ready")[0] == 200


def test_plain_http_stays_at_home(own_server):
    done = wardbook("serve", "--data", own_server.data, "--listen", "0.0.0.0:0", check=False)
    assert done.returncode != 0
    assert done.stderr


def test_everything_survives_a_restart(own_server):
    own_server.start()
    kms = boto("kms", own_server.url, own_server.admin)
    key = kms.create_key(Description="old", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    kms.create_alias(AliasName="alias/old", TargetKeyId=key["KeyId"])
    sealed = kms.encrypt(KeyId="alias/old", Plaintext=b"before", EncryptionContext={"a": "b"})
    other = kms.create_key()["KeyMetadata"]
    kms.disable_key(KeyId=other["KeyId"])
    user = own_server.create_user("ada")
    assert own_server.stop() == 0

    own_server.start()
    kms = boto("kms", own_server.url, own_server.admin)
    assert kms.describe_key(KeyId="alias/old")["KeyMetadata"] == key
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == b"before"
    assert kms.describe_key(KeyId=other["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    assert boto("sts", own_server.url, user).get_caller_identity()["Arn"] == user.arn
    request = sealed["ResponseMetadata"]["RequestId"]
    found = Wire(own_server.url, own_server.admin).rest("GET", f"/v1/audit/events?requestId={request}")
    assert [event["eventName"] for event in found["events"]] == ["Encrypt"]
    assert own_server.stop() == 0


def test_a_ciphertext_of_another_server_says_nothing(own_server, kms, admin):
    """An unknown key and a forbidden one look alike."""
    own_server.start()
    theirs = boto("kms", own_server.url, own_server.admin)
    key_id = theirs.create_key()["KeyMetadata"]["KeyId"]
    blob = theirs.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException") as caught:
        kms.decrypt(CiphertextBlob=blob)
    assert caught.value.response["Error"]["Message"].endswith(
        "is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext "
        "because the resource does not exist in this Region, no resource-based policies allow "
        "access, or a resource-based policy explicitly denies access"
    )


def test_health_and_metrics_need_no_signature(server, kms):
    kms.list_keys()
    assert fetch(server, "/health/live")[0] == 200
    assert fetch(server, "/health/ready")[0] == 200
    status, text = fetch(server, "/metrics")
    assert status == 200
    assert "# TYPE " in text
    assert "ListKeys" in text


def test_the_data_folder_is_private(own_server):
    own_server.start()
    assert own_server.data.stat().st_mode & 0o077 == 0
