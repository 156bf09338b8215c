"""A root key that a key of AWS KMS protects: moto is that KMS, behind a port that can be shut."""

import json
import socket
import threading
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from clients import boto
from wardbook import ACCOUNT, REGION, Identity, Server, wardbook

WAIT_SECONDS = 90
# moto believes everybody.
REMOTE = Identity("test", "test")
CONTEXT = {"tenant": "7"}


class Gate:
    """A port before a server, which refuses connections while it is shut."""

    def __init__(self, host, port):
        self.behind = (host, port)
        self.listener = None
        self.open_connections = []
        self.port = 0
        self.open()

    def open(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        if self.listener.fileno() < 0:
            return
        # A blocked accept() keeps a closed socket alive; this ends it.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open_connections:
            connection.close()
        self.open_connections.clear()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.behind)
            self.open_connections += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Remote:
    """moto, its gate, and a key in it."""

    def __init__(self):
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.moto.start()
        self.host, port = self.moto.get_host_and_port()
        self.url = f"http://{self.host}:{port}"
        self.gate = Gate(self.host, port)
        self.kms = boto("kms", self.url, REMOTE)
        self.key_arn = self.kms.create_key()["KeyMetadata"]["Arn"]

    def forget(self):
        """Every key of it is gone."""
        urlopen(Request(f"{self.url}/moto-api/reset", method="POST"), timeout=30).close()


@pytest.fixture
def remote():
    remote = Remote()
    yield remote
    remote.gate.shut()
    remote.forget()
    remote.moto.stop()


class Sealed(Server):
    """A server whose root key the remote protects."""

    def __init__(self, folder, remote):
        super().__init__(folder)
        self.config = folder / "wardbook.toml"
        self.config.write_text(
            f'''
            [remotes.eu]
            region = "{REGION}"
            endpoint = "http://127.0.0.1:{remote.gate.port}"
            operation-timeout-ms = 10000
            '''
        )
        self.remote = remote
        made = json.loads(
            self.run(
                "init", "--account", ACCOUNT, "--region", REGION, "--root-key", "aws-kms",
                "--root-key-remote", "eu", "--root-key-id", remote.key_arn,
            ).stdout
        )  # fmt: skip
        self.admin = Identity(made["access_key_id"], made["secret_access_key"])

    def run(self, *args, check=True):
        where = ("--data", self.data, "--config", self.config, "--json")
        return wardbook(*args, *where, identity=REMOTE, check=check)

    def start(self, *settings):
        settings = settings or ("--root-key", "aws-kms")
        return super().start("--config", self.config, *settings, env=REMOTE.env())

    def said(self):
        return [json.loads(line) for line in self.stdout.read_text().splitlines()]

    def health(self, path="ready"):
        try:
            with urlopen(f"{self.url}/health/{path}", timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def wait(self, status, reason=None):
        deadline = time.monotonic() + WAIT_SECONDS
        while (seen := self.health()[1]) and (seen["status"], seen.get("reason")) != (status, reason):
            assert self.process.poll() is None, self.stderr.read_text()
            assert time.monotonic() < deadline, f"{seen}: {self.stderr.read_text()}"
            time.sleep(0.05)


@pytest.fixture
def sealed(tmp_path, remote):
    server = Sealed(tmp_path, remote)
    yield server
    server.kill()


def encrypted(server):
    """A ciphertext of a new key."""
    kms = boto("kms", server.url, server.admin)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    return kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]


def check_opens(server, ciphertext):
    kms = boto("kms", server.url, server.admin)
    opened = kms.decrypt(CiphertextBlob=ciphertext, EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == b"secret"


def starts(server):
    """What the book says of the starts, newest first."""
    done = wardbook(
        "audit", "query", "--event-name", "ServiceStart", "--json", "--endpoint", server.url,
        identity=server.admin,
    )  # fmt: skip
    return [json.loads(line)["serviceEventDetails"] for line in done.stdout.splitlines()]


def test_a_sealed_server_opens_by_itself(sealed, remote):
    sealed.start()
    ciphertext = encrypted(sealed)
    assert "sealed" not in sealed.said()[0]
    assert starts(sealed)[0]["rootKeyProtector"] == {"name": "aws-kms", "kind": "aws-kms"}
    assert starts(sealed)[0]["sealed"] is None
    assert sealed.stop() == 0

    remote.gate.shut()
    sealed.start()
    assert sealed.said()[-1]["sealed"] == "unavailable"
    assert sealed.health() == (503, {"status": "sealed", "reason": "unavailable"})
    assert sealed.health("live") == (200, {"status": "live"})
    # What SDKs try again by themselves, in the form of each door.
    for service, call, code in (
        ("kms", "list_keys", "KMSInternalException"),
        ("sts", "get_caller_identity", "ServiceUnavailable"),
        ("cloudtrail", "lookup_events", "InternalFailure"),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(boto(service, sealed.url, sealed.admin), call)()
        answer = refused.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert answer["Error"]["Code"] == code
        assert "sealed" in answer["Error"]["Message"]
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{sealed.url}/v1/audit/events", timeout=30)
    assert refused.value.code == 503
    assert json.load(refused.value)["error"]["code"] == "KMSInternalException"

    remote.gate.open()
    sealed.wait("ready")
    check_opens(sealed, ciphertext)
    details = starts(sealed)[0]
    assert details["rootKeyProtector"] == {"name": "aws-kms", "kind": "aws-kms"}
    assert details["sealed"]["attempts"] >= 1
    assert sealed.said()[-1] == {"listening": sealed.url.removeprefix("http://")}
    assert sealed.stop() == 0
    assert "the server is sealed" in sealed.stderr.read_text()


def test_a_sealed_server_can_be_stopped(sealed, remote):
    remote.gate.shut()
    sealed.start()
    sealed.wait("sealed", "unavailable")
    assert sealed.stop() == 0


def test_a_remote_key_that_is_gone_is_not_the_end_if_something_else_opens(sealed, remote, tmp_path):
    sealed.start()
    ciphertext = encrypted(sealed)
    assert sealed.stop() == 0
    spare = ("--root-key", "key-file", "--key-file", tmp_path / "spare.key")
    sealed.run(
        "root-key", "add", "--kind", "key-file", "--new-key-file", tmp_path / "spare.key",
        "--root-key", "aws-kms",
    )  # fmt: skip
    listed = json.loads(sealed.run("root-key", "list").stdout)["protectors"]
    assert [row["name"] for row in listed] == ["aws-kms", "key-file"]
    assert (listed[0]["remote"], listed[0]["key_arn"]) == ("eu", remote.key_arn)

    # A new root key is under both; the remote key is asked without being named.
    sealed.run("root-key", "rotate", *spare)
    sealed.start()
    check_opens(sealed, ciphertext)
    assert sealed.stop() == 0

    remote.forget()
    sealed.start()
    sealed.wait("sealed", "notFound")
    assert sealed.stop() == 0
    refused = sealed.run("root-key", "rotate", *spare, check=False)
    assert refused.returncode == 1 and "remove them first: aws-kms" in refused.stderr
    sealed.start(*spare)
    check_opens(sealed, ciphertext)
    assert sealed.stop() == 0
    sealed.run("root-key", "remove", "aws-kms", *spare)
    sealed.run("root-key", "rotate", *spare)
    sealed.start(*spare)
    check_opens(sealed, ciphertext)
    assert sealed.stop() == 0


def test_another_remote_key_takes_the_place_of_the_first(sealed, remote):
    """Only a key that the remote has is added; then the first one can go."""
    other = sealed.run(
        "root-key", "add", "--kind", "aws-kms", "--name", "other", "--root-key", "aws-kms",
        "--new-remote", "eu", "--new-key-id", "arn:aws:kms:eu-central-1:123456789012:key/none",
        check=False,
    )  # fmt: skip
    assert other.returncode == 1 and "(notFound)" in other.stderr
    unknown = sealed.run(
        "root-key", "add", "--kind", "aws-kms", "--name", "other", "--root-key", "aws-kms",
        "--new-remote", "us", "--new-key-id", remote.key_arn, check=False,
    )  # fmt: skip
    assert unknown.returncode == 1 and "no remote us in the settings" in unknown.stderr
    second = remote.kms.create_key()["KeyMetadata"]["Arn"]
    sealed.run(
        "root-key", "add", "--kind", "aws-kms", "--name", "other", "--root-key", "aws-kms",
        "--new-remote", "eu", "--new-key-id", second,
    )  # fmt: skip
    sealed.run("root-key", "remove", "aws-kms", "--root-key", "aws-kms")
    sealed.start()
    assert starts(sealed)[0]["rootKeyProtector"] == {"name": "other", "kind": "aws-kms"}
    assert sealed.stop() == 0
