"""wardbook's format of encrypted JSON documents, in Python.

A second implementation, written from docs/document-format.md: it opens what
wardbook writes, and wardbook opens what it writes. The standard library and
`cryptography` are all that it needs. It is for tests and for reading: it does not
wipe keys, and it leaves out the limits of the server.

    document.py vectors     prints the vectors of this folder
"""

import base64
import hashlib
import hmac
import json
import os
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEAD, FOOT = "wardbook_head", "wardbook_foot"
PREFIX = "wb1:"
SEALED = b"\x00\xff"
ENCRYPT, SIGN, NOTHING = "ENCRYPT_AND_SIGN", "SIGN_ONLY", "DO_NOTHING"
ECDSA_SUITES = {
    None,
    "0x6701",
    "ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384_SYMSIG_HMAC_SHA384",
}
SIGNATURE_BYTES = 103


class Refused(Exception):
    """The document is not what it was when it was encrypted, or never was."""


def check(condition, what):
    if not condition:
        raise Refused(what)


# JSON with numbers as they are written and members in their order.


class Number(str):
    """A number's text."""


def read(text):
    def members(pairs):
        check(len({name for name, _ in pairs}) == len(pairs), "a member twice")
        return dict(pairs)

    def constant(_):
        raise Refused("no JSON number")

    return json.loads(
        text,
        object_pairs_hook=members,
        parse_int=Number,
        parse_float=Number,
        parse_constant=constant,
    )


def write(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(write_string(k) + ":" + write(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    if isinstance(value, str):
        return write_string(value)
    return {None: "null", True: "true", False: "false"}[value]


def write_string(text):
    return json.dumps(text, ensure_ascii=False)


def by_value(number):
    """The spelling of a number that is signed."""
    sign, unsigned = ("-", number[1:]) if number.startswith("-") else ("", number)
    mantissa, _, exponent = unsigned.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return "0"
    exponent = int(exponent or "0")
    check(abs(exponent) < 10**15, "exponent out of range")
    exponent += len(digits) - len(significant) - len(fraction)
    return f"{sign}{significant}e{exponent}"


# Which rule decides about a value.


def tokens(path):
    check(path.startswith("/"), "no JSON Pointer")
    return [None if token == "*" else unescape(token) for token in path[1:].split("/")]


def unescape(token):
    return token.replace("~2", "*").replace("~1", "/").replace("~0", "~")


def action_at(schema, place):
    """(action, whether a rule encrypts the value there as a whole) at a place: names and indexes."""
    action = schema.get("defaultAction")
    whole = False
    for depth in range(1, len(place) + 1):
        matching = []
        for path, its_action in schema["pathActionsOnEncrypt"].items():
            pattern = tokens(path)
            if len(pattern) == depth and all(
                token is None or token == str(name)
                for token, name in zip(pattern, place[:depth])
            ):
                # The one with a name where the others have a wildcard.
                matching.append(([token is None for token in pattern], its_action))
        if matching:
            action = min(matching)[1]
            whole = action == ENCRYPT
            if action != SIGN:
                break
    return action, whole


def leaves(schema, document, stored):
    """Canonical path -> (holder, name or index) of what is signed, in canonical order."""
    found = {}

    def children(value, place):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        return any([child(value, name, inner, [*place, name]) for name, inner in entries])

    def child(holder, name, value, place):
        action, whole = action_at(schema, place)
        if action == NOTHING:
            return False
        inside = isinstance(value, (dict, list)) and not (whole and not stored)
        if not (inside and children(value, place)):
            check(action or stored, "no action for a value")
            sealed = action == ENCRYPT
            found[canonical_path(schema, place)] = (holder, name, sealed)
        return True

    children(document, [])
    return dict(sorted(found.items()))


def canonical_path(schema, place):
    out = schema["tableName"].encode() + struct.pack(">Q", len(place))
    for step in place:
        if isinstance(step, int):
            out += b"#" + struct.pack(">Q", step)
        else:
            name = step.encode()
            out += b"$" + struct.pack(">Q", len(name)) + name
    return out


# Values as bytes.


def signed_bytes(value):
    if value is None:
        return b"\x00\x00"
    if value is True or value is False:
        return b"\x00\x04" + bytes([value])
    if isinstance(value, Number):
        return b"\x00\x02" + by_value(value).encode()
    if isinstance(value, str):
        return b"\x00\x01" + value.encode()
    return b"\x02\x00" if isinstance(value, dict) else b"\x03\x00"


def plaintext(value):
    if value is None:
        return b"\x00"
    if value is True or value is False:
        return b"\x02" if value else b"\x01"
    if isinstance(value, Number):
        return b"\x03" + value.encode()
    if isinstance(value, str):
        return b"\x04" + value.encode()
    return b"\x05" + write(value).encode()


def of_plaintext(data):
    kind, content = data[0], data[1:]
    if kind <= 2:
        check(not content, "bytes behind a value")
        return [None, False, True][kind]
    text = content.decode()
    if kind == 3:
        return Number(text)
    if kind == 4:
        return text
    check(kind == 5, "unknown kind of value")
    return read(text)


# The encryption context and the header.


def short(data):
    return struct.pack(">H", len(data)) + data


def context_of(schema, document, stored):
    context = {"wardbook-format": "document", "wardbook-table-name": schema["tableName"], **stored}
    for path in schema["idPaths"]:
        value = document
        for token in tokens(path):
            if isinstance(value, list):
                check(token.isdigit() and str(int(token)) == token, "no identifying value")
                token = int(token)
            try:
                value = value[token]
            except (KeyError, IndexError, TypeError):
                raise Refused("no identifying value") from None
        check(isinstance(value, str), "an identifying value is a string or a number")
        text = "n:" + by_value(value) if isinstance(value, Number) else "s:" + value
        context["wardbook-id." + path] = text
    return context


def context_bytes(context):
    out = struct.pack(">H", len(context))
    for key in sorted(context, key=str.encode):
        out += short(key.encode()) + short(context[key].encode())
    return out


class Cut:
    """Takes bytes off the front."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        check(len(self.data) >= count, "the header ends too early")
        head, self.data = self.data[:count], self.data[count:]
        return head

    def short(self):
        return self.take(int.from_bytes(self.take(2)))


def parse_header(data):
    cut = Cut(data)
    check(cut.take(2) == b"D\x01", "not the header of a document")
    header = {"flavor": cut.take(1)[0], "message_id": cut.take(32), "legend": cut.short()}
    check(header["flavor"] in (0, 1), "unknown suite")
    check(set(header["legend"]) <= set(b"es"), "unknown legend")
    pairs = [
        (cut.short().decode(), cut.short().decode())
        for _ in range(int.from_bytes(cut.take(2)))
    ]
    header["stored"] = dict(pairs)
    names = [name for name, _ in pairs]
    check(names == ["aws-crypto-public-key"][: header["flavor"]], "wrong verification key")
    header["keys"] = [
        (cut.short().decode(), cut.short(), cut.short()) for _ in range(cut.take(1)[0])
    ]
    check(header["keys"], "no encrypted data key")
    header["commitment"] = cut.take(32)
    check(not cut.data, "bytes behind the header")
    return header


# Keys.


def hkdf(key, info):
    return HKDF(algorithm=hashes.SHA512(), length=32, salt=None, info=info).derive(key)


def recipient_keys(intermediate_key):
    return (
        hkdf(intermediate_key, b"AWS_MPL_INTERMEDIATE_KEYWRAP_ENC"),
        hkdf(intermediate_key, b"AWS_MPL_INTERMEDIATE_KEYWRAP_MAC"),
    )


def commitment(data_key, message_id, header):
    commit_key = hkdf(data_key, b"AWS_DBE_COMMIT_KEY" + message_id)
    return hmac.digest(commit_key, header, "sha512")[:32]


def field_key(data_key, message_id, ordinal):
    root_key = hkdf(data_key, b"AWS_DBE_DERIVE_KEY" + message_id)
    block = b"AwsDbeField" + b"\x2c" + struct.pack(">I", 3 * ordinal)
    stream = Cipher(algorithms.AES(root_key), modes.CTR(block)).encryptor().update(bytes(44))
    return AESGCM(stream[:32]), stream[32:44]


def canonical_hash(header, context, fields):
    """`fields`: (path, whether encrypted, type id and bytes) in canonical order."""
    record = header + struct.pack(">Q", len(context)) + context
    for path, sealed, value in fields:
        record += path + struct.pack(">Q", len(value) - 2)
        record += (b"ENCRYPTED" if sealed else b"PLAINTEXT") + value
    return hashlib.sha384(record).digest()


# The two ways.


def encrypt(schema, text, generate, random=os.urandom, told=None):
    """`generate(context)` answers (provider id, provider info, 32-byte key, its ciphertext)."""
    document = read(text)
    check(not any(name.startswith("wardbook_") for name in document), "reserved name")
    stored, signer = {}, None
    if schema.get("algorithmSuite") in ECDSA_SUITES:
        signer = ec.generate_private_key(ec.SECP384R1())
        point = signer.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
        )
        stored = {"aws-crypto-public-key": base64.b64encode(point).decode()}
    context = context_of(schema, document, stored)
    serialized = context_bytes(context)
    places = leaves(schema, document, stored=False)
    provider, info, intermediate_key, wrapped = generate(context)
    data_key = random(32)
    kek, mac_key = recipient_keys(intermediate_key)
    wrapped = AESGCM(kek).encrypt(bytes(12), data_key, serialized) + wrapped
    message_id = random(32)

    legend = "".join("e" if sealed else "s" for _, _, sealed in places.values()).encode()
    header = b"D\x01" + bytes([1 if signer else 0]) + message_id + short(legend)
    header += context_bytes(stored) + b"\x01"
    header += short(provider.encode()) + short(info) + short(wrapped)
    header += commitment(data_key, message_id, header)

    fields, ordinal = [], 0
    for path, (holder, name, sealed) in places.items():
        value = signed_bytes(holder[name])
        if sealed:
            cipher, nonce = field_key(data_key, message_id, ordinal)
            value = SEALED + cipher.encrypt(nonce, plaintext(holder[name]), path)
            holder[name] = PREFIX + base64.b64encode(value[2:]).decode()
            ordinal += 1
        fields.append((path, sealed, value))
    digest = canonical_hash(header, serialized, fields)
    footer = hmac.digest(mac_key, digest, "sha384")
    if signer:
        signature = b""
        while len(signature) != SIGNATURE_BYTES:
            signature = signer.sign(digest, ec.ECDSA(hashes.SHA384()))
        footer += signature
    document[HEAD] = base64.b64encode(header).decode()
    document[FOOT] = base64.b64encode(footer).decode()
    if told is not None:
        told.update(encryptionContext=context, canonicalHash=digest.hex())
        told.update(canonicalPaths=[path.hex() for path in places])
    return write(document)


def decrypt(schema, text, unwrap):
    """`unwrap(context, provider id, provider info, ciphertext)` answers the 32-byte key."""
    document = read(text)
    try:
        header_bytes = base64.b64decode(document.pop(HEAD), validate=True)
        footer = base64.b64decode(document.pop(FOOT), validate=True)
    except (KeyError, TypeError, ValueError):
        raise Refused("not encrypted") from None
    header = parse_header(header_bytes)
    context = context_of(schema, document, header["stored"])
    serialized = context_bytes(context)
    places = leaves(schema, document, stored=True)
    check(len(places) == len(header["legend"]), "another number of signed values")

    provider, info, wrapped = header["keys"][0]
    intermediate_key = unwrap(context, provider, info, wrapped[48:])
    kek, mac_key = recipient_keys(intermediate_key)
    data_key = AESGCM(kek).decrypt(bytes(12), wrapped[:48], serialized)
    expected = commitment(data_key, header["message_id"], header_bytes[:-32])
    check(hmac.compare_digest(expected, header["commitment"]), "wrong commitment")

    fields = []
    for (path, (holder, name, _)), letter in zip(places.items(), header["legend"]):
        value, sealed = holder[name], letter == ord("e")
        if sealed:
            check(isinstance(value, str) and value.startswith(PREFIX), "no ciphertext")
            value = SEALED + base64.b64decode(value[len(PREFIX) :], validate=True)
        else:
            value = signed_bytes(value)
        fields.append((path, sealed, value))
    digest = canonical_hash(header_bytes, serialized, fields)
    tags, signature = footer, b""
    if header["flavor"]:
        tags, signature = footer[:-SIGNATURE_BYTES], footer[-SIGNATURE_BYTES:]
    check(len(tags) == 48 * len(header["keys"]), "a footer of another size")
    tag = hmac.digest(mac_key, digest, "sha384")
    wanted = [tags[at : at + 48] for at in range(0, len(tags), 48)]
    check(any([hmac.compare_digest(tag, one) for one in wanted]), "altered")
    if header["flavor"]:
        point = base64.b64decode(header["stored"]["aws-crypto-public-key"])
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point)
        try:
            key.verify(signature, digest, ec.ECDSA(hashes.SHA384()))
        except InvalidSignature:
            raise Refused("altered") from None

    ordinal = 0
    for (holder, name, _), (path, sealed, value) in zip(places.values(), fields):
        if sealed:
            cipher, nonce = field_key(data_key, header["message_id"], ordinal)
            holder[name] = of_plaintext(cipher.decrypt(nonce, value[2:], path))
            ordinal += 1
    return write(document)


# The vectors.

BASE = {"kind": "document", "tableName": "T", "keyId": "alias/documents", "idPaths": ["/_id"]}
CASES = [
    (
        "every type",
        {**BASE, "pathActionsOnEncrypt": {"/_id": SIGN, "/s": SIGN, "/e/*": ENCRYPT}},
        '{"_id":"c-1","s":{"null":null,"t":true,"f":false,"n":1.50,"text":"é\\n\\u0001\\"","o":{},"l":[]},'
        '"e":{"null":null,"t":true,"f":false,"n":-0.0,"text":"é\\n","empty":"","o":{},"l":[],'
        '"deep":{"b":[1.0,{"a":1e400}],"a":123456789012345678901234567890.10}}}',
    ),
    (
        "lists, wildcards and what is more specific",
        {
            **BASE,
            "pathActionsOnEncrypt": {
                "/orders/*/card": ENCRYPT,
                "/orders/0/card": SIGN,
                "/orders/*/seen": NOTHING,
                "/~2": ENCRYPT,
                "/a~1b": ENCRYPT,
                "/cache": NOTHING,
            },
            "defaultAction": SIGN,
        },
        '{"orders":[{"card":"demo","n":1},{"card":"4111","seen":1,"n":2},{"seen":true}],"_id":7.0,'
        '"*":[1,2],"a/b":"x","cache":{"anything":[]},"list":[[],{},[[]]],"𐀂":1,"～":2}',
    ),
    (
        "everything else encrypted",
        {
            **BASE,
            "idPaths": ["/_id", "/tenant/name"],
            "pathActionsOnEncrypt": {"/_id": SIGN, "/tenant": SIGN, "/open": SIGN},
            "defaultAction": ENCRYPT,
        },
        '{"_id":"c-1","tenant":{"name":"wb1:not a ciphertext","size":3},"open":[1,[2]],"x":{"y":[true,"z"]},"w":{}}',
    ),
]


def vectors():
    count = 0

    def counted(size):
        nonlocal count
        count += 1
        return hashlib.shake_256(b"wardbook document vectors %d" % count).digest(size)

    out = []
    for name, schema, text in CASES:
        for suite in ["0x6700", "0x6701"]:
            schema = {**schema, "algorithmSuite": suite}
            key = counted(32)
            drawn, told = [], {}

            def random(size):
                drawn.append(counted(size))
                return drawn[-1]

            def generate(_context):
                return "aws-kms", b"arn:aws:kms:eu-central-1:111122223333:key/1", key, b"wrapped"

            encrypted = encrypt(schema, text, generate, random, told)
            assert decrypt(schema, encrypted, lambda *_: key) == text, name
            out.append(
                {
                    "name": f"{name}, {suite}",
                    "schema": schema,
                    "intermediateKey": key.hex(),
                    "random": [one.hex() for one in drawn],
                    **told,
                    "plaintext": text,
                    "encrypted": encrypted,
                }
            )
    return out


if __name__ == "__main__":
    check(sys.argv[1:] == ["vectors"], __doc__)
    print(json.dumps(vectors(), indent=1, ensure_ascii=False))
