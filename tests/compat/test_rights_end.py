"""What was answered holds from then on: a right that was given is there and one that was taken away
is gone with the very next call, beside other clients, and if the server is killed in between.

RIGHTS_ROUNDS makes it longer: `RIGHTS_ROUNDS=100 make compat ARGS=test_rights_end.py`.
"""

import json
import os
import queue
import threading
import time

from botocore.exceptions import BotoCoreError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from clients import Wire, boto, refused
from wardbook import ACCOUNT, Identity

CLIENTS = 4
ROUNDS = int(os.environ.get("RIGHTS_ROUNDS", "1"))
# Courses of events between two kills.
BETWEEN_KILLS = 10

DENIED = "AccessDeniedException"
UNKNOWN = "UnrecognizedClientException"


def allow(action, **condition):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Course:
    """One course of events, with a key and names of its own."""

    def __init__(self, server, name):
        self.url, self.admin, self.name = server.url, server.admin, name
        self.kms = boto("kms", self.url, self.admin)
        self.wire = Wire(self.url, self.admin)
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]

    def user(self):
        made = self.wire.rest("POST", "/v1/users", {"userName": self.name})
        return boto("kms", self.url, Identity(made["accessKeyId"], made["secretAccessKey"]))

    def encrypt(self, who=None, key=None, **more):
        return (who or self.kms).encrypt(KeyId=key or self.key, Plaintext=b"x", **more)

    def is_refused(self, code, *args, **more):
        with refused(code):
            self.encrypt(*args, **more)

    def attach(self, policy):
        self.wire.rest("PUT", f"/v1/users/{self.name}/policies/p", {"policy": policy})


def identity_policies(course):
    user, path = course.user(), f"/v1/users/{course.name}"
    course.is_refused(DENIED, user)
    course.attach(allow("kms:Encrypt"))
    course.encrypt(user)
    course.wire.rest("PUT", f"{path}/permissions-boundary", {"permissionsBoundary": allow("kms:Decrypt")})
    course.is_refused(DENIED, user)
    course.wire.rest("DELETE", f"{path}/permissions-boundary")
    course.encrypt(user)
    course.wire.rest("DELETE", f"{path}/policies/p")
    course.is_refused(DENIED, user)
    course.wire.rest("DELETE", path)
    course.is_refused(UNKNOWN, user)


def grants(course):
    user = course.user()
    grant = course.kms.create_grant(
        KeyId=course.key,
        GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/{course.name}",
        Operations=["Encrypt"],
        Constraints={"EncryptionContextSubset": {"tenant": "7"}},
    )
    course.encrypt(user, EncryptionContext={"tenant": "7", "more": "x"})
    course.is_refused(DENIED, user, EncryptionContext={"tenant": "8"})
    course.kms.revoke_grant(KeyId=course.key, GrantId=grant["GrantId"])
    course.is_refused(DENIED, user, EncryptionContext={"tenant": "7"})


def key_policies(course):
    user = course.user()
    of_account = {"Principal": {"AWS": ACCOUNT}, "Action": "kms:*"}
    of_user = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{course.name}"}, "Action": "kms:Encrypt"}

    def put(*statements):
        statements = [{"Effect": "Allow", "Resource": "*", **own} for own in statements]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        course.kms.put_key_policy(KeyId=course.key, Policy=policy)

    put(of_account, of_user)
    course.encrypt(user)
    put(of_account)
    course.is_refused(DENIED, user)


def tags(course):
    user = course.user()
    course.attach(allow("kms:Encrypt", StringEquals={"aws:ResourceTag/team": "a"}))
    course.is_refused(DENIED, user)
    course.kms.tag_resource(KeyId=course.key, Tags=[{"TagKey": "team", "TagValue": "a"}])
    course.encrypt(user)
    course.kms.untag_resource(KeyId=course.key, TagKeys=["team"])
    course.is_refused(DENIED, user)


def sessions(course):
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    role, path = {"roleName": course.name}, f"/v1/roles/{course.name}"
    role["assumeRolePolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    course.wire.rest("POST", "/v1/roles", role)
    course.wire.rest("PUT", f"{path}/policies/p", {"policy": allow("kms:Encrypt")})
    sts = boto("sts", course.url, course.admin)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{course.name}"
    made = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    identity = Identity(made["AccessKeyId"], made["SecretAccessKey"])
    session = boto("kms", course.url, identity, token=made["SessionToken"])
    course.encrypt(session)
    course.wire.rest("DELETE", f"{path}/policies/p")
    course.is_refused(DENIED, session)
    course.wire.rest("DELETE", path)
    course.is_refused(UNKNOWN, session)


def states(course):
    course.kms.disable_key(KeyId=course.key)
    course.is_refused("DisabledException")
    course.kms.enable_key(KeyId=course.key)
    course.encrypt()
    course.kms.schedule_key_deletion(KeyId=course.key, PendingWindowInDays=7)
    course.is_refused("KMSInvalidStateException")
    course.kms.cancel_key_deletion(KeyId=course.key)
    course.is_refused("DisabledException")


def aliases(course):
    alias, other = f"alias/{course.name}", course.kms.create_key()["KeyMetadata"]
    course.kms.create_alias(AliasName=alias, TargetKeyId=course.key)
    assert course.encrypt(key=alias)["KeyId"].endswith(course.key)
    course.kms.update_alias(AliasName=alias, TargetKeyId=other["KeyId"])
    assert course.encrypt(key=alias)["KeyId"] == other["Arn"]
    course.kms.delete_alias(AliasName=alias)
    course.is_refused("NotFoundException", key=alias)


def key_material(course):
    key = course.kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    course.is_refused("KMSInvalidStateException", key=key)
    given = course.kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = serialization.load_der_public_key(given["PublicKey"]).encrypt(os.urandom(32), oaep)
    imported = {"ImportToken": given["ImportToken"], "EncryptedKeyMaterial": wrapped}
    for _ in range(2):
        course.kms.import_key_material(
            KeyId=key, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE", **imported
        )
        sealed = course.encrypt(key=key)["CiphertextBlob"]
        assert course.kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
        course.kms.delete_imported_key_material(KeyId=key)
        with refused("KMSInvalidStateException"):
            course.kms.decrypt(CiphertextBlob=sealed)


COURSES = [identity_policies, grants, key_policies, tags, sessions, states, aliases, key_material]


class Client(threading.Thread):
    """Goes through all courses, and through one again that a kill broke off."""

    def __init__(self, number, server, is_up, ended):
        super().__init__(daemon=True)
        self.number, self.server, self.is_up, self.ended = number, server, is_up, ended

    def run(self):
        for turn in range(ROUNDS * len(COURSES)):
            # Not all do the same at the same time.
            course = COURSES[(turn + 3 * self.number) % len(COURSES)]
            try:
                self.follow(course, f"{course.__name__}-{self.number}-{turn}")
                self.ended.put(None)
            except BaseException as failure:
                self.ended.put((course.__name__, failure))

    def follow(self, course, name):
        for attempt in range(100):
            assert self.is_up.wait(60), "the server stays away"
            try:
                return course(Course(self.server, f"{name}-{attempt}"))
            except BotoCoreError:
                # Nobody knows what became of that call: begin anew.
                time.sleep(0.05)
        raise AssertionError("it never came to its end")


def test_what_was_answered_holds(own_server):
    own_server.start("--log-filter", "error")
    is_up, ended = threading.Event(), queue.Queue()
    is_up.set()
    clients = [Client(number, own_server, is_up, ended) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    total, kills, failures = CLIENTS * ROUNDS * len(COURSES), 0, []
    for count in range(1, total + 1):
        failures.append(ended.get(timeout=300))
        if count % BETWEEN_KILLS == 0 and count < total:
            is_up.clear()
            own_server.kill()
            own_server.start("--log-filter", "error")
            is_up.set()
            kills += 1
    assert [failure for failure in failures if failure] == []
    assert kills >= 3
    assert own_server.stop() == 0
    assert own_server.stderr.read_text() == ""
