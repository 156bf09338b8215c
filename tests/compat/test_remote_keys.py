"""Keys of a remote AWS KMS (moto's server), used by way of wardbook with boto3."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_der_public_key

from clients import Wire, boto, refused
from remote_kms import CREDENTIALS, DENY, DISABLED, FAULT, GARBAGE, HANG, THROTTLE, RemoteKms
from wardbook import Server

CONTEXT = {"tenant": "7"}
STORES = {"wrapped": "pass-through", "bare": "raw", "twice": "double"}
WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def remote():
    remote = RemoteKms()
    yield remote
    remote.stop()


@pytest.fixture(scope="module")
def here(remote, tmp_path_factory):
    """A server with one store for each mode, all of the same remote."""
    server = Server(tmp_path_factory.mktemp("remote")).init()
    tables = [
        remote.table(name, mode=mode, **{"operation-timeout-ms": 1_000, "max-in-flight": 16})
        for name, mode in STORES.items()
    ]
    (server.data / "wardbook.toml").write_text("\n".join(tables))
    try:
        yield server.start(env=CREDENTIALS)
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.fixture(scope="module")
def kms(here):
    return boto("kms", here.url, here.admin)


@pytest.fixture(scope="module")
def stores(kms):
    """The ids of the stores by their names, once all are connected."""
    return {name: connected(kms, name) for name in STORES}


def refusal(code, call, *args, **kwargs):
    """The text of the refusal of a call."""
    with refused(code) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"].get("Message", "")


def connected(kms, name):
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        [store] = kms.describe_custom_key_stores(CustomKeyStoreName=name)["CustomKeyStores"]
        if store["ConnectionState"] == "CONNECTED":
            return store["CustomKeyStoreId"]
        assert time.monotonic() < deadline, store
        time.sleep(0.1)


def create(kms, store, arn, **kind):
    return kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=arn, **kind)["KeyMetadata"]


@pytest.fixture
def make(kms, stores, remote):
    """Makes a key at the remote, and one here that stands for it."""

    def made(store="wrapped", **kind):
        arn = remote.create_key(**kind)
        return arn, create(kms, stores[store], arn, **kind)["KeyId"]

    return made


def healed(call):
    """The answer once the circuit breaker has let a call through again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return call()
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("KeyUnavailableException", "ThrottlingException"), error
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_remote_key_is_described(kms, stores, remote):
    arn = remote.create_key()
    made = create(kms, stores["wrapped"], arn, Description="far away")
    assert made["CustomKeyStoreId"] == stores["wrapped"]
    assert made["XksKeyConfiguration"] == {"Id": arn}
    assert (made["Origin"], made["KeyState"], made["Enabled"]) == ("EXTERNAL_KEY_STORE", "Enabled", True)
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"] == made
    refusal("XksKeyAlreadyInUseException", create, kms, stores["wrapped"], arn)
    refusal("XksKeyAlreadyInUseException", create, kms, stores["bare"], arn)


def test_what_cannot_stand_for_a_remote_key(kms, stores, remote):
    store = stores["wrapped"]
    nowhere = remote.create_key()[:-12] + "000000000000"
    refusal("XksKeyNotFoundException", create, kms, store, nowhere)
    rsa = remote.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    refusal("XksKeyInvalidConfigurationException", create, kms, store, rsa)
    disabled = remote.create_key()
    remote.client.disable_key(KeyId=disabled.rpartition("/")[2])
    refusal("XksKeyInvalidConfigurationException", create, kms, store, disabled)
    refusal("XksKeyInvalidConfigurationException", create, kms, store, "alias/somebody")
    good = remote.create_key()
    refusal("UnsupportedOperationException", create, kms, store, good, MultiRegion=True)
    refusal("ValidationException", kms.create_key, CustomKeyStoreId=store, XksKeyId=good)
    refusal("ValidationException", kms.create_key, CustomKeyStoreId=store, Origin="EXTERNAL_KEY_STORE")
    refusal("CustomKeyStoreNotFoundException", create, kms, "cks-00000000000000000", good)


@pytest.mark.parametrize("store", STORES)
def test_encrypt_and_decrypt(kms, make, remote, store):
    arn, key = make(store)
    made = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=CONTEXT)["CiphertextBlob"]
    named = {} if store != "bare" else {"KeyId": key}
    opened = kms.decrypt(CiphertextBlob=made, EncryptionContext=CONTEXT, **named)
    assert opened["Plaintext"] == b"hello" and opened["KeyId"].endswith(key)
    refusal("InvalidCiphertextException", kms.decrypt, CiphertextBlob=made, KeyId=key, EncryptionContext={"a": "b"})
    if store == "bare":
        # Nobody needs wardbook to open it.
        there = remote.client.decrypt(CiphertextBlob=made, EncryptionContext=CONTEXT)
        assert there["Plaintext"] == b"hello" and there["KeyId"] == arn
        refusal("InvalidCiphertextException", kms.decrypt, CiphertextBlob=made, EncryptionContext=CONTEXT)
    else:
        there = remote.client.decrypt(CiphertextBlob=made[20:], EncryptionContext=CONTEXT)
        assert (there["Plaintext"] == b"hello") == (store == "wrapped")
        assert b"hello" not in there["Plaintext"] or store == "wrapped"
    theirs = remote.client.encrypt(KeyId=arn, Plaintext=b"theirs", EncryptionContext=CONTEXT)["CiphertextBlob"]
    mine = {"CiphertextBlob": theirs, "KeyId": key, "EncryptionContext": CONTEXT}
    if store == "twice":
        refusal("InvalidCiphertextException", kms.decrypt, **mine)
        forged = made[:3] + b"\0" + made[4:20] + theirs
        refusal("InvalidCiphertextException", kms.decrypt, **{**mine, "CiphertextBlob": forged})
    else:
        assert kms.decrypt(**mine)["Plaintext"] == b"theirs"


@pytest.mark.parametrize("store", STORES)
def test_data_keys(kms, make, store):
    _, key = make(store)
    named = {"KeyId": key, "EncryptionContext": CONTEXT}
    made = kms.generate_data_key(KeySpec="AES_256", **named)
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"], **named)["Plaintext"] == made["Plaintext"]
    silent = kms.generate_data_key_without_plaintext(NumberOfBytes=64, **named)
    assert len(kms.decrypt(CiphertextBlob=silent["CiphertextBlob"], **named)["Plaintext"]) == 64
    pair = kms.generate_data_key_pair(KeyPairSpec="ECC_NIST_P256", **named)
    private = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], **named)["Plaintext"]
    assert private == pair["PrivateKeyPlaintext"]


def test_the_longest_plaintexts(kms, make):
    _, key = make("wrapped")
    assert kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)
    _, key = make("twice")
    made = kms.encrypt(KeyId=key, Plaintext=b"x" * 4000)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=made)["Plaintext"] == b"x" * 4000
    text = refusal("ValidationException", kms.encrypt, KeyId=key, Plaintext=b"x" * 4001)
    assert "4000 bytes" in text


def test_re_encrypt_from_and_to_a_local_key(kms, make):
    local = kms.create_key()["KeyMetadata"]["KeyId"]
    _, far = make("wrapped")
    _, twice = make("twice")
    blob = kms.encrypt(KeyId=local, Plaintext=b"moves")["CiphertextBlob"]
    for key in (far, twice, local):
        blob = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"moves"
    refusal("IncorrectKeyException", kms.decrypt, CiphertextBlob=blob, KeyId=twice)


def test_rsa_encryption(kms, make):
    kind = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
    _, key = make(**kind)
    how = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    made = kms.encrypt(Plaintext=b"hello", **how)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=made, **how)["Plaintext"] == b"hello"


def test_signatures_and_public_keys(kms, make, remote):
    kind = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    arn, key = make(**kind)
    how = {"KeyId": key, "Message": b"hello", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**how)["Signature"]
    assert kms.verify(Signature=signature, **how)["SignatureValid"]
    refusal("KMSInvalidSignatureException", kms.verify, Signature=signature, **{**how, "Message": b"other"})
    public = kms.get_public_key(KeyId=key)
    assert public["PublicKey"] == remote.client.get_public_key(KeyId=arn)["PublicKey"]
    assert load_der_public_key(public["PublicKey"]).curve.name == "secp256r1"
    refusal("InvalidKeyUsageException", kms.encrypt, KeyId=key, Plaintext=b"x")
    refusal("ValidationException", kms.sign, **{**how, "MessageType": "DIGEST"})
    digest = hashlib.sha256(b"hello").digest()
    assert kms.sign(**{**how, "Message": digest, "MessageType": "DIGEST"})["Signature"]


def test_macs(kms, make):
    _, key = make(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    how = {"KeyId": key, "Message": b"hello", "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**how)["Mac"]
    assert kms.verify_mac(Mac=mac, **how)["MacValid"]
    refusal("KMSInvalidMacException", kms.verify_mac, Mac=mac, **{**how, "Message": b"other"})


def test_the_record_names_the_remote_request(kms, here, stores, make):
    arn, key = make()
    answer = kms.encrypt(KeyId=key, Plaintext=b"hello", EncryptionContext=CONTEXT)
    record = event(here, answer["ResponseMetadata"]["RequestId"])
    [call] = record["additionalEventData"]["remoteCalls"]
    assert (call["remote"], call["operation"], call["xksKeyId"]) == ("wrapped", "Encrypt", arn)
    assert record["additionalEventData"]["xksKeyId"] == arn
    assert record["additionalEventData"]["customKeyStoreId"] == stores["wrapped"]
    assert call["requestId"].startswith("remote-request-")
    assert record["requestParameters"]["encryptionContext"] == CONTEXT
    assert arn not in str(answer)


def event(here, request_id):
    return Wire(here.url, here.admin).rest("GET", f"/v1/audit/events?requestId={request_id}")["events"][0]


@pytest.mark.parametrize(
    "trouble, code, failure",
    [
        (THROTTLE, "ThrottlingException", "throttled"),
        (DENY, "AccessDeniedException", "denied"),
        (DISABLED, "KMSInvalidStateException", "keyState"),
        (FAULT, "KeyUnavailableException", None),
        (GARBAGE, "KeyUnavailableException", None),
        (HANG, "KeyUnavailableException", None),
    ],
)
def test_a_remote_in_trouble(kms, here, make, remote, trouble, code, failure):
    _, key = make()
    with remote.door.in_trouble(trouble), pytest.raises(ClientError) as caught:
        kms.encrypt(KeyId=key, Plaintext=b"hello")
    assert caught.value.response["Error"]["Code"] == code
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    record = event(here, request_id)
    assert record["errorCode"].removesuffix("Exception") == code.removesuffix("Exception")
    [call] = record["additionalEventData"]["remoteCalls"]
    assert call["failure"] == failure or failure is None and call["cause"]
    # The cause is in the record, and nowhere in the answer.
    assert "the remote says why" not in str(caught.value) and "somebody" not in str(caught.value)
    assert healed(lambda: kms.encrypt(KeyId=key, Plaintext=b"hello"))


def test_local_keys_do_not_wait_for_a_hanging_remote(kms, here, make, remote):
    _, far = make()
    local = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=local, Plaintext=b"here")["CiphertextBlob"]
    before = len(remote.door.calls)
    with remote.door.in_trouble(HANG), ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(kms.encrypt, KeyId=far, Plaintext=b"x") for _ in range(40)]
        while len(remote.door.calls) == before:
            time.sleep(0.01)
        # While calls hang, changes and uses of local keys go on.
        assert not all(call.done() for call in waiting)
        for _ in range(20):
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"here"
        assert kms.create_key()["KeyMetadata"]["Enabled"]
        for call in waiting:
            code = call.exception(timeout=WAIT_SECONDS).response["Error"]["Code"]
            assert code in ("KeyUnavailableException", "ThrottlingException")
    # No more than the settings allow were under way at once, and the breaker kept others off.
    assert len(remote.door.calls) - before <= 16 * 2
    assert healed(lambda: kms.encrypt(KeyId=far, Plaintext=b"x"))


def test_a_disconnected_store_takes_its_keys_along(kms, stores, make):
    _, key = make("bare")
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disconnect_custom_key_store(CustomKeyStoreId=stores["bare"])
    state = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (state["KeyState"], state["Enabled"]) == ("Unavailable", False)
    text = refusal("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob, KeyId=key)
    assert text.endswith("is unavailable.")
    refusal("CustomKeyStoreHasCMKsException", kms.delete_custom_key_store, CustomKeyStoreId=stores["bare"])
    kms.connect_custom_key_store(CustomKeyStoreId=stores["bare"])
    connected(kms, "bare")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert kms.decrypt(CiphertextBlob=blob, KeyId=key)["Plaintext"] == b"x"


def test_a_dry_run_does_not_ask_the_remote(kms, make, remote):
    _, key = make()
    _, twice = make("twice")
    named = {"KeyId": key, "EncryptionContext": CONTEXT}
    blob = kms.encrypt(Plaintext=b"x", **named)["CiphertextBlob"]
    before = len(remote.door.calls)
    refusal("DryRunOperationException", kms.encrypt, Plaintext=b"x", DryRun=True, **named)
    refusal("DryRunOperationException", kms.decrypt, CiphertextBlob=blob, DryRun=True, **named)
    refusal(
        "DryRunOperationException",
        kms.re_encrypt,
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=twice,
        DryRun=True,
    )
    assert len(remote.door.calls) == before


def test_a_remote_that_is_stopped(own_server):
    """Nobody listens any more: its keys say so, and local keys work."""
    gone = RemoteKms()
    (own_server.data / "wardbook.toml").write_text(gone.table("gone"))
    own_server.start(env=CREDENTIALS)
    kms = boto("kms", own_server.url, own_server.admin)
    store = connected(kms, "gone")
    far = create(kms, store, gone.create_key())["KeyId"]
    local = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=far, Plaintext=b"x")["CiphertextBlob"]
    # Without a reset, which would be of all that moto has in this process.
    gone.door.shutdown()
    gone.door.server_close()
    gone.moto.stop()
    for _ in range(8):
        with pytest.raises(ClientError) as caught:
            kms.decrypt(CiphertextBlob=blob)
        assert caught.value.response["Error"]["Code"] == "KeyUnavailableException"
        assert kms.encrypt(KeyId=local, Plaintext=b"x")["CiphertextBlob"]
    assert own_server.stop() == 0


def test_keys_live_on_after_a_restart(here, kms, make, remote):
    _, key = make("twice")
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert here.stop() == 0
    remote.door.trouble = HANG
    here.start(env=CREDENTIALS)
    again = boto("kms", here.url, here.admin)
    # The start did not wait, and local keys work.
    assert again.create_key()["KeyMetadata"]["Enabled"]
    assert again.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"
    remote.door.trouble = None
    connected(again, "twice")
    opened = healed(lambda: again.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT))
    assert opened["Plaintext"] == b"x"
