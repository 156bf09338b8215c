"""GetKeyLastUsage: when a key was last used, and by which call."""


def test_the_last_use_of_a_key(kms, key):
    def usage():
        answer = kms.get_key_last_usage(KeyId=key["KeyId"])
        assert answer["KeyId"] == key["Arn"]
        assert answer["TrackingStartDate"] == answer["KeyCreationDate"] == key["CreationDate"]
        return answer["KeyLastUsage"]

    assert usage() == {}
    kms.describe_key(KeyId=key["KeyId"])
    assert usage() == {}
    answer = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], KeySpec="AES_256")
    last = usage()
    assert last["Operation"] == "GenerateDataKeyWithoutPlaintext"
    assert last["KmsRequestId"] == answer["ResponseMetadata"]["RequestId"]
    assert last["Timestamp"] >= key["CreationDate"]
    kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])
    assert usage()["Operation"] == "Decrypt"
