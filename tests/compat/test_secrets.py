"""What must never be written down: searched in every file and every line of output."""

import base64
import json
import os
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from clients import Wire, boto

CONTEXT = {"canary": "public-by-definition"}


def spellings(secret: bytes):
    """The bytes as they are, in hex, and in base64 at each of the three alignments."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret)
        # The first and last characters depend on the neighbours.
        yield text[(0, 2, 3)[shift] : len(text) // 4 * 4 - 4]


@pytest.mark.parametrize("shift", range(3))
def test_spellings_find_base64_inside_other_text(shift):
    secret = os.urandom(32)
    within = base64.b64encode(b"x" * shift + secret + b"neighbour")
    assert any(spelling in within for spelling in spellings(secret))


def test_no_secret_leaks(own_server):
    """Uses everything that handles secrets, well and badly, then looks for them."""
    server = own_server.start()
    user = server.create_user("ada")
    kms, rest = boto("kms", server.url, server.admin), Wire(server.url, server.admin)
    loose = boto("kms", server.url, server.admin, parameter_validation=False)
    theirs = boto("kms", server.url, user)
    secrets = {
        "secret access key": server.admin.secret_access_key.encode(),
        "user's secret access key": user.secret_access_key.encode(),
    }

    def secret(name):
        return secrets.setdefault(name, os.urandom(24).hex().encode())

    def attempt(call, **parameters):
        with pytest.raises(ClientError):
            call(**parameters)

    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    other_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/canary", TargetKeyId=key_id)
    sealed = kms.encrypt(KeyId=key_id, Plaintext=secret("plaintext"), EncryptionContext=CONTEXT)
    blob = sealed["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other_id)
    kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    secrets["data key"] = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")["Plaintext"]
    secrets["long data key"] = kms.generate_data_key(KeyId=key_id, NumberOfBytes=64)["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256")
    secrets["hidden data key"] = kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]
    secrets["random"] = kms.generate_random(NumberOfBytes=32)["Plaintext"]

    # The same, refused in every way there is.
    attempt(kms.decrypt, CiphertextBlob=blob)
    attempt(kms.encrypt, KeyId="alias/nobody", Plaintext=secret("plaintext for nobody"))
    attempt(theirs.encrypt, KeyId=key_id, Plaintext=secret("forbidden plaintext"))
    attempt(loose.encrypt, KeyId=key_id, Plaintext=secret("long plaintext") * 100)
    attempt(loose.encrypt, KeyId=key_id, Plaintext=secret("x"), EncryptionAlgorithm="AES")
    attempt(kms.encrypt, KeyId=key_id, Plaintext=secret("dry plaintext"), DryRun=True)
    kms.disable_key(KeyId=other_id)
    attempt(kms.encrypt, KeyId=other_id, Plaintext=secret("plaintext for a disabled key"))
    misplaced = {"KeyId": key_id, "Plaintext": {"x": secret("misplaced plaintext").decode()}}
    assert rest.kms("Encrypt", misplaced).status == 400
    broken = b'{"KeyId":"x","Plaintext":"' + base64.b64encode(secret("cut-off plaintext"))
    assert rest.kms("Encrypt", broken).status == 400

    schema = {
        "tableName": "people",
        "partitionKeyName": "pk",
        "keyId": "alias/canary",
        "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN"},
    }
    rest.rest("PUT", "/v1/item-schemas/people", schema)
    item = {"pk": "u#1", "ssn": secret("attribute").decode()}
    made = rest.rest("POST", "/v1/item-schemas/people/encrypt", {"items": [item], "format": "json"})
    rest.rest(
        "POST", "/v1/item-schemas/people/decrypt", {"items": [made["items"][0]["item"]], "format": "json"}
    )
    item["stranger"] = secret("attribute of no schema").decode()
    rest.rest("POST", "/v1/item-schemas/people/encrypt", {"items": [item], "format": "json"})

    # Records may be compressed in their file, so the book is read out as well.
    book, cursor = b"", {}
    while cursor is not None:
        page = rest.rest("GET", "/v1/audit/events?" + urlencode(cursor))
        book += json.dumps(page).encode()
        cursor = {"cursor": page["nextCursor"]} if page.get("nextCursor") else None
    assert server.stop() == 0

    places = {
        "the book": book,
        "standard output": server.stdout.read_bytes(),
        "log": server.stderr.read_bytes(),
    }
    for path in server.data.rglob("*"):
        if path.is_file():
            places[str(path.relative_to(server.data))] = path.read_bytes()

    # What may be seen is seen: the search looks in the right places.
    assert CONTEXT["canary"].encode() in book
    assert any(b"alias/canary" in content for name, content in places.items() if name != "the book")

    found = [
        f"{name} in {place}"
        for name, value in secrets.items()
        for place, content in places.items()
        if any(spelling in content for spelling in spellings(value))
    ]
    assert not found
