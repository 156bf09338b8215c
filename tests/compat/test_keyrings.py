"""The keyrings of the AWS Cryptographic Material Providers Library, on which the newer AWS
Encryption SDKs and the Database Encryption SDKs stand, with this server as their KMS. The key
store of the hierarchical keyring is a table of moto's."""

import boto3
import pytest
from aws_cryptographic_material_providers.keystore import KeyStore
from aws_cryptographic_material_providers.keystore.config import KeyStoreConfig
from aws_cryptographic_material_providers.keystore.models import (
    CreateKeyInput,
    CreateKeyStoreInput,
    KMSConfigurationKmsKeyArn,
    VersionKeyInput,
)
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders, models
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from cryptography.hazmat.primitives import serialization

from clients import boto
from remote_kms import CREDENTIALS
from wardbook import OTHER_REGION, REGION

SUITE = models.AlgorithmSuiteIdESDK(value="0x0478")
COMMITMENT = models.CommitmentPolicyESDK(value="REQUIRE_ENCRYPT_REQUIRE_DECRYPT")
CONTEXT = {"tenant": "7", "straße": "北京"}


@pytest.fixture(scope="module")
def mpl():
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


@pytest.fixture
def materials(mpl):
    """Whether one keyring opens the data key that another has made; its wrapped forms."""

    def manager(keyring):
        return mpl.create_default_cryptographic_materials_manager(
            models.CreateDefaultCryptographicMaterialsManagerInput(keyring=keyring)
        )

    def carry(sender, receiver):
        made = manager(sender).get_encryption_materials(
            models.GetEncryptionMaterialsInput(
                encryption_context=CONTEXT, commitment_policy=COMMITMENT, algorithm_suite_id=SUITE
            )
        ).encryption_materials
        opened = manager(receiver).decrypt_materials(
            models.DecryptMaterialsInput(
                algorithm_suite_id=SUITE,
                commitment_policy=COMMITMENT,
                encrypted_data_keys=made.encrypted_data_keys,
                encryption_context=made.encryption_context,
            )
        ).decryption_materials
        assert len(opened.plaintext_data_key) == 32
        assert opened.plaintext_data_key == made.plaintext_data_key
        return made.encrypted_data_keys

    return carry


def public_der(kms, key):
    return kms.get_public_key(KeyId=key["KeyId"])["PublicKey"]


def test_symmetric_keyrings(mpl, materials, kms, key, aws_env, monkeypatch):
    # The multi-keyring makes its own clients, from the environment like every program.
    for name, value in aws_env.items():
        monkeypatch.setenv(name, value)
    plain = mpl.create_aws_kms_keyring(
        models.CreateAwsKmsKeyringInput(kms_key_id=key["Arn"], kms_client=kms)
    )
    several = mpl.create_aws_kms_multi_keyring(
        models.CreateAwsKmsMultiKeyringInput(
            generator=kms.create_key()["KeyMetadata"]["Arn"], kms_key_ids=[key["Arn"]]
        )
    )
    materials(plain, plain)
    assert len(materials(several, plain)) == 2


def test_a_multi_region_key_opens_what_its_replica_sealed(mpl, materials, server, admin, kms):
    primary = kms.create_key(MultiRegion=True)["KeyMetadata"]
    replica = kms.replicate_key(KeyId=primary["KeyId"], ReplicaRegion=OTHER_REGION)["ReplicaKeyMetadata"]
    there = boto("kms", server.url, admin, region=OTHER_REGION)
    of_replica, of_primary = (
        mpl.create_aws_kms_mrk_keyring(
            models.CreateAwsKmsMrkKeyringInput(kms_key_id=one["Arn"], kms_client=client)
        )
        for one, client in ((replica, there), (primary, kms))
    )
    materials(of_replica, of_primary)


def test_an_rsa_keyring(mpl, materials, kms):
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    public = serialization.load_der_public_key(public_der(kms, key)).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    keyring = mpl.create_aws_kms_rsa_keyring(
        models.CreateAwsKmsRsaKeyringInput(
            kms_key_id=key["Arn"],
            encryption_algorithm="RSAES_OAEP_SHA_256",
            public_key=public,
            kms_client=kms,
        )
    )
    materials(keyring, keyring)


def test_ecdh_keyrings(mpl, materials, kms):
    """What was agreed on with the receiver's public key opens with the receiver's key alone."""
    ours, theirs = (
        kms.create_key(KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")["KeyMetadata"] for _ in "ab"
    )
    static = models.KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(
        models.KmsPrivateKeyToStaticPublicKeyInput(
            sender_kms_identifier=ours["Arn"], recipient_public_key=public_der(kms, theirs)
        )
    )
    discovery = models.KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery(
        models.KmsPublicKeyDiscoveryInput(recipient_kms_identifier=theirs["Arn"])
    )
    sender, receiver = (
        mpl.create_aws_kms_ecdh_keyring(
            models.CreateAwsKmsEcdhKeyringInput(
                key_agreement_scheme=scheme, curve_spec="ECC_NIST_P384", kms_client=kms
            )
        )
        for scheme in (static, discovery)
    )
    materials(sender, receiver)


def test_the_hierarchical_keyring(mpl, materials, kms, key, events, moto_url):
    """Branch keys are made, replaced and used; the book says for which branch a key was used."""
    table = boto3.client(
        "dynamodb",
        endpoint_url=moto_url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    store = KeyStore(
        KeyStoreConfig(
            ddb_client=table,
            ddb_table_name="branches",
            logical_key_store_name="branches",
            kms_client=kms,
            kms_configuration=KMSConfigurationKmsKeyArn(key["Arn"]),
        )
    )
    store.create_key_store(CreateKeyStoreInput())
    branch = store.create_key(CreateKeyInput()).branch_key_identifier

    def keyring():
        return mpl.create_aws_kms_hierarchical_keyring(
            models.CreateAwsKmsHierarchicalKeyringInput(
                key_store=store, branch_key_id=branch, ttl_seconds=60
            )
        )

    materials(keyring(), keyring())
    store.version_key(VersionKeyInput(branch_key_identifier=branch))
    materials(keyring(), keyring())
    recorded = events(keyId=key["Arn"])
    assert {"GenerateDataKeyWithoutPlaintext", "ReEncrypt", "Decrypt"} <= {
        event["eventName"] for event in recorded
    }
    for event in recorded:
        if event["eventName"] == "Decrypt":
            assert event["requestParameters"]["encryptionContext"]["branch-key-id"] == branch
    # Without the key nothing opens: no keyring has kept a branch key for another.
    kms.disable_key(KeyId=key["KeyId"])
    with pytest.raises(Exception, match="is disabled"):
        materials(keyring(), keyring())
