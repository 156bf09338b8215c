"""GenerateMac and VerifyMac."""

import pytest

from clients import refused

DATA = b"what is authenticated"
SPECS = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}


def new_key(kms, spec):
    return kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]


@pytest.mark.parametrize("spec", SPECS)
def test_round_trip(kms, spec):
    key, algorithm = new_key(kms, spec), spec.replace("_", "_SHA_")
    assert key["MacAlgorithms"] == [algorithm]
    how = {"KeyId": key["KeyId"], "Message": DATA, "MacAlgorithm": algorithm}
    made = kms.generate_mac(**how)
    mac = made["Mac"]
    assert (made["KeyId"], made["MacAlgorithm"], len(mac)) == (key["Arn"], algorithm, SPECS[spec])
    assert kms.generate_mac(**how)["Mac"] == mac
    answer = kms.verify_mac(Mac=mac, **how)
    assert (answer["KeyId"], answer["MacValid"], answer["MacAlgorithm"]) == (key["Arn"], True, algorithm)
    for damaged in mac[:-1], mac + b"\0", mac[:-1] + bytes([mac[-1] ^ 1]):
        with refused("KMSInvalidMacException", ""):
            kms.verify_mac(Mac=damaged, **how)
    with refused("KMSInvalidMacException", ""):
        kms.verify_mac(Mac=mac, **{**how, "Message": b"another"})


def test_usage_state_and_algorithm(kms, key):
    hmac = new_key(kms, "HMAC_224")
    usage = f"{key['Arn']} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."
    with refused("InvalidKeyUsageException", usage):
        kms.generate_mac(KeyId=key["KeyId"], Message=DATA, MacAlgorithm="HMAC_SHA_256")
    how = {"KeyId": hmac["KeyId"], "Message": DATA, "MacAlgorithm": "HMAC_SHA_256"}
    text = "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224."
    with refused("InvalidKeyUsageException", text):
        kms.generate_mac(**how)
    kms.disable_key(KeyId=hmac["KeyId"])
    with refused("DisabledException", f"{hmac['Arn']} is disabled."):
        kms.generate_mac(**how)


def test_dry_run(kms):
    key = new_key(kms, "HMAC_256")
    how = {"KeyId": key["KeyId"], "Message": DATA, "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**how)["Mac"]
    with refused("DryRunOperationException"):
        kms.generate_mac(DryRun=True, **how)
    with refused("DryRunOperationException"):
        kms.verify_mac(Mac=mac, DryRun=True, **how)
    with refused("KMSInvalidMacException", ""):
        kms.verify_mac(Mac=b"x", DryRun=True, **how)
