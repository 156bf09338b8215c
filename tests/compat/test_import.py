"""Imported key material: the walk-through that everybody follows, and the other ways to wrap."""

import datetime
import os
import subprocess

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from clients import refused

# The steps of AWS's first article on imported keys (August 2016), with today's commands.
WALK_THROUGH = r"""
key=$(aws kms create-key --origin EXTERNAL --description 'my own key' \
    --query KeyMetadata.KeyId --output text)
state() { aws kms describe-key --key-id "$key" --query KeyMetadata.KeyState --output text; }
test "$(state)" = PendingImport

aws kms get-parameters-for-import --key-id "$key" \
    --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096 \
    --query '[PublicKey,ImportToken]' --output text > parameters.txt
cut -f1 parameters.txt | base64 -d > public_key.der
cut -f2 parameters.txt | base64 -d > import_token.bin
openssl rand -out key_material.bin 32
openssl pkeyutl -encrypt -pubin -inkey public_key.der -keyform DER \
    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
    -in key_material.bin -out encrypted.bin

import() {
    aws kms import-key-material --key-id "$key" --import-token fileb://import_token.bin \
        --encrypted-key-material fileb://encrypted.bin "$@"
}
if import 2> refused.txt; then exit 1; fi
grep -q 'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES' refused.txt
import --expiration-model KEY_MATERIAL_EXPIRES \
    --valid-to "$(date -u -d '+30 days' +%Y-%m-%dT%H:%M:%SZ)"
test "$(state)" = Enabled
test "$(aws kms describe-key --key-id "$key" --output text \
    --query 'KeyMetadata.[Origin,ExpirationModel]')" = $'EXTERNAL\tKEY_MATERIAL_EXPIRES'

printf 'attack at dawn' > plain.txt
aws kms encrypt --key-id "$key" --plaintext fileb://plain.txt \
    --query CiphertextBlob --output text | base64 -d > sealed.bin
decrypt() {
    aws kms decrypt --ciphertext-blob fileb://sealed.bin --query Plaintext --output text | base64 -d
}
decrypt | cmp - plain.txt

aws kms delete-imported-key-material --key-id "$key"
test "$(state)" = PendingImport
if aws kms decrypt --ciphertext-blob fileb://sealed.bin 2> refused.txt; then exit 1; fi
grep -q '(KMSInvalidStateException) when calling the Decrypt operation: arn:.* is pending import\.' refused.txt

import --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE
test "$(state)" = Enabled
decrypt | cmp - plain.txt
"""


def test_the_walk_through(aws_env, tmp_path):
    done = subprocess.run(
        ["bash", "-exuo", "pipefail", "-c", WALK_THROUGH],
        cwd=tmp_path,
        env=aws_env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def external(kms):
    """Makes keys that wait for their import."""
    return lambda **kind: kms.create_key(Origin="EXTERNAL", **kind)["KeyMetadata"]["KeyId"]


def wrap(parameters, algorithm, material):
    """Wraps material as `algorithm` says."""
    key = serialization.load_der_public_key(parameters["PublicKey"])
    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(digest), digest, label=None)
    if algorithm.startswith("RSAES_OAEP"):
        return key.encrypt(material, oaep)
    aes_key = os.urandom(32)
    return key.encrypt(aes_key, oaep) + aes_key_wrap_with_padding(aes_key, material)


def parameters_of(kms, key, algorithm, spec="RSA_2048"):
    return kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)


def pkcs8(key):
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def rsa_key(bits):
    return pkcs8(rsa.generate_private_key(65537, bits))


KINDS = [
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", lambda: os.urandom(32)),
    ("HMAC_224", "GENERATE_VERIFY_MAC", lambda: os.urandom(28)),
    ("HMAC_512", "GENERATE_VERIFY_MAC", lambda: os.urandom(64)),
    ("RSA_2048", "SIGN_VERIFY", lambda: rsa_key(2048)),
    ("RSA_4096", "ENCRYPT_DECRYPT", lambda: rsa_key(4096)),
    ("ECC_NIST_P256", "SIGN_VERIFY", lambda: pkcs8(ec.generate_private_key(ec.SECP256R1()))),
    ("ECC_NIST_P384", "KEY_AGREEMENT", lambda: pkcs8(ec.generate_private_key(ec.SECP384R1()))),
    ("ECC_NIST_P521", "SIGN_VERIFY", lambda: pkcs8(ec.generate_private_key(ec.SECP521R1()))),
    ("ECC_SECG_P256K1", "SIGN_VERIFY", lambda: pkcs8(ec.generate_private_key(ec.SECP256K1()))),
    ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", lambda: pkcs8(ed25519.Ed25519PrivateKey.generate())),
]


@pytest.mark.parametrize("algorithm", ["RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
@pytest.mark.parametrize(("spec", "usage", "material"), KINDS, ids=[kind[0] for kind in KINDS])
def test_key_wrap_brings_every_kind_in(kms, external, algorithm, spec, usage, material):
    key = external(KeySpec=spec, KeyUsage=usage)
    parameters = parameters_of(kms, key, algorithm)
    of_key = {
        "KeyId": key,
        "ImportToken": parameters["ImportToken"],
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
    mine, other = wrap(parameters, algorithm, material()), wrap(parameters, algorithm, material())
    kms.import_key_material(**of_key, EncryptedKeyMaterial=mine)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    with refused("IncorrectKeyMaterialException"):
        kms.import_key_material(**of_key, EncryptedKeyMaterial=other)
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    kms.import_key_material(**of_key, EncryptedKeyMaterial=mine)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]


def test_valid_to_is_told_again(kms, external):
    key = external()
    parameters = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_1", WrappingKeySpec="RSA_3072"
    )
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    assert abs(parameters["ParametersValidTo"] - now - day) < datetime.timedelta(minutes=5)
    valid_to = (now + 364 * day).replace(microsecond=0)
    imported = kms.import_key_material(
        KeyId=key,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrap(parameters, "RSAES_OAEP_SHA_1", os.urandom(32)),
        ValidTo=valid_to,
        KeyMaterialDescription="from the safe",
    )
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["ValidTo"] == valid_to
    assert metadata["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert metadata["CurrentKeyMaterialId"] == imported["KeyMaterialId"]
    deleted = kms.delete_imported_key_material(KeyId=key, KeyMaterialId=imported["KeyMaterialId"])
    assert deleted["KeyMaterialId"] == imported["KeyMaterialId"]
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["CurrentKeyMaterialId"] == imported["KeyMaterialId"]
    assert "ValidTo" not in metadata and "ExpirationModel" not in metadata


def test_what_does_not_belong_together_is_refused(kms, external, key):
    mine, yours = external(), external()
    parameters = parameters_of(kms, mine, "RSAES_OAEP_SHA_256")
    wrapped = wrap(parameters, "RSAES_OAEP_SHA_256", os.urandom(32))
    lasting = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}

    def give(key=mine, token=parameters["ImportToken"], material=wrapped, **more):
        return kms.import_key_material(
            KeyId=key, ImportToken=token, EncryptedKeyMaterial=material, **{**lasting, **more}
        )

    with refused("InvalidImportTokenException", ""):
        give(key=yours)
    with refused("InvalidImportTokenException", ""):
        give(token=os.urandom(1000))
    with refused("InvalidCiphertextException", ""):
        give(material=os.urandom(256))
    with refused("IncorrectKeyMaterialException"):
        give(material=wrap(parameters, "RSAES_OAEP_SHA_256", os.urandom(16)))
    origin = f"{key['Arn']} origin is AWS_KMS which is not valid for this operation."
    for call in (
        lambda: parameters_of(kms, key["KeyId"], "RSAES_OAEP_SHA_256"),
        lambda: give(key=key["KeyId"]),
        lambda: kms.delete_imported_key_material(KeyId=key["KeyId"]),
    ):
        with refused("UnsupportedOperationException", origin):
            call()
    with refused("UnsupportedOperationException"):
        parameters_of(kms, mine, "RSAES_PKCS1_V1_5")
    first = give()["KeyMaterialId"]
    new = wrap(parameters, "RSAES_OAEP_SHA_256", os.urandom(32))
    second = give(material=new, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    third = wrap(parameters, "RSAES_OAEP_SHA_256", os.urandom(32))
    with pytest.raises(ClientError) as caught:
        give(material=third, ImportType="NEW_KEY_MATERIAL")
    assert caught.value.response["Error"]["Code"] == "KMSInvalidStateException"
    assert f"(id: {second}) is pending rotation." in caught.value.response["Error"]["Message"]
    assert kms.describe_key(KeyId=mine)["KeyMetadata"]["CurrentKeyMaterialId"] == first
