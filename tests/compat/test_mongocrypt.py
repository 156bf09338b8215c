"""MongoDB's library for encryption in the client, which all its drivers share: it signs its requests
and reads the answers by code of its own, over TLS alone. The database, which it needs for nothing else,
is a dictionary here."""

import socket
import ssl
from pathlib import Path

import bson
import pytest
from bson.codec_options import CodecOptions, UuidRepresentation
from pymongocrypt.errors import MongoCryptError
from pymongocrypt.options import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

from clients import boto
from wardbook import REGION

TLS = Path(__file__).parents[1] / "vectors" / "tls"
ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
WITH_UUIDS = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


class Driver(MongoCryptCallback):
    """What a driver does for the library: it carries bytes, and keeps the wrapped keys."""

    def __init__(self):
        self.vault = {}
        self.tls = ssl.create_default_context(cafile=TLS / "ca.pem")

    def kms_request(self, kms_context):
        host, port = kms_context.endpoint.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as tcp:
            with self.tls.wrap_socket(tcp, server_hostname=host) as stream:
                stream.sendall(kms_context.message)
                while kms_context.bytes_needed > 0:
                    kms_context.feed(stream.recv(kms_context.bytes_needed))

    def fetch_keys(self, filter):
        return list(self.vault.values())

    def insert_data_key(self, data_key):
        id = bson.decode(data_key, WITH_UUIDS)["_id"]
        self.vault[id] = bytes(data_key)
        return id

    def bson_encode(self, doc):
        return bson.encode(doc)

    def collection_info(self, database, filter):
        raise NotImplementedError

    def mark_command(self, database, cmd):
        raise NotImplementedError

    def close(self):
        pass


def encrypter(driver, identity):
    provider = {"accessKeyId": identity.access_key_id, "secretAccessKey": identity.secret_access_key}
    return ExplicitEncrypter(driver, MongoCryptOptions({"aws": provider}))


def test_fields_are_encrypted_in_the_client(own_server, monkeypatch):
    server = own_server.start("--tls-cert", TLS / "cert.pem", "--tls-key", TLS / "key.pem")
    endpoint = server.url.removeprefix("http://")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(TLS / "ca.pem"))
    kms = boto("kms", f"https://{endpoint}", server.admin)
    old, new = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    master = {"region": REGION, "key": old, "endpoint": endpoint}

    driver = Driver()
    writer = encrypter(driver, server.admin)
    id = writer.create_data_key("aws", master)
    sealed = writer.encrypt(bson.encode({"v": "078-05-1120"}), ALGORITHM, key_id=id.bytes)
    assert b"078-05-1120" not in sealed
    # Another process has nothing in its memory.
    assert bson.decode(encrypter(driver, server.admin).decrypt(sealed)) == {"v": "078-05-1120"}

    rewrapped = encrypter(driver, server.admin).rewrap_many_data_key({}, "aws", {**master, "key": new})
    [changed] = bson.decode(rewrapped, WITH_UUIDS)["v"]
    assert changed["masterKey"]["key"] == new
    document = bson.decode(driver.vault[id], WITH_UUIDS) | changed
    driver.vault[id] = bson.encode(document, codec_options=WITH_UUIDS)
    kms.disable_key(KeyId=old)
    assert bson.decode(encrypter(driver, server.admin).decrypt(sealed)) == {"v": "078-05-1120"}

    kms.disable_key(KeyId=new)
    with pytest.raises(MongoCryptError, match="DisabledException"):
        encrypter(driver, server.admin).decrypt(sealed)
    assert server.stop() == 0
