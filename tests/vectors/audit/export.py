#!/usr/bin/env python3
"""Checks an export with proofs, written from docs/audit-verification.md and
src/audit/README.md alone.

    export.py KEY < export.ndjson      (KEY: NAME+ID+KEY)

Prints what is wrong, a line for each finding; exits with 1 if there is any. Ed25519 comes
from the package `cryptography`; all else is in Python's own library.
"""
import base64, hashlib, json, sys, uuid

from leaf_2 import split


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def plain(text):
    return base64.b64decode(text, validate=True)


def checkpoint(note, key):
    """Size and root of a head that the key has signed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    name, number, public = key.split("+", 2)
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        _, signer, signature = line.split(" ")
        signature = plain(signature)
        if signer == name and signature[:4].hex() == number:
            Ed25519PublicKey.from_public_bytes(plain(public)[1:]).verify(signature[4:], text.encode())
            origin, size, root = text.splitlines()[:3]
            assert origin == name
            return int(size), plain(root)
    raise ValueError("the key has not signed it")


def leaf(line, record):
    """The leaf that a line's own parts make."""
    if line["format"] == 1:
        return sha256(b"\x00\x01", record.encode())
    skeleton, values = split(record)
    commitments = []
    given = line.get("values") or [None] * len(values)
    if len(given) != len(values):
        raise ValueError("not so many values")
    for i, (value, of) in enumerate(zip(values, given)):
        if of is None:
            salt = sha256(b"\x03", plain(line["salt"]), i.to_bytes(4, "big"))[:16]
        elif "erased" in of:
            if value != f"[erased by event {uuid.UUID(of['by'])}]":
                raise ValueError("something else stands where a value was erased")
            commitments.append(plain(of["erased"]))
            continue
        else:
            salt = plain(of["salt"])
        commitments.append(sha256(b"\x02", salt, value.encode()))
    skeleton = skeleton.encode()
    return sha256(b"\x00\x02", len(skeleton).to_bytes(4, "big"), skeleton, *commitments)


def way(begin, end, index):
    """The subtrees beside the way from a subtree down to a leaf, the highest first."""
    while end - begin > 1:
        half = 1 << (end - begin - 1).bit_length() - 1
        if index < begin + half:
            yield begin + half, end
            end = begin + half
        else:
            yield begin, begin + half
            begin += half


class Tree:
    """What is proved of the tree so far: the subtrees at the left of the last leaf."""

    def __init__(self, size, root):
        self.whole = (0, size, root)
        self.known = [self.whole]
        self.last = size

    def add(self, index, hash, proof):
        if not 0 <= index < self.last:
            raise ValueError("it is not at the left of the one before")
        known = list(self.known)
        while not known[-1][0] <= index < known[-1][1]:
            known.pop()
        target = known.pop()
        beside = list(way(*target[:2], index))
        if len(beside) != len(proof):
            known, target = [], self.whole
            beside = list(way(*target[:2], index))
        if len(beside) != len(proof):
            raise ValueError("what it leads to was not proved before")
        for (begin, _), other in zip(reversed(beside), proof):
            hash = sha256(b"\x01", hash, other) if begin > index else sha256(b"\x01", other, hash)
        if hash != target[2]:
            raise ValueError("it is not in the log that was signed")
        nodes = zip(beside, reversed(proof))
        self.known = known + [(*of, hash) for of, hash in nodes if of[0] <= index]
        self.last = index


def check(lines, key):
    """The findings, each with its line."""
    findings = []
    first = json.loads(next(lines))
    try:
        assert first["wardbookAuditExport"] == 1 and first["publicKey"] == key
        tree = Tree(*checkpoint(first["checkpoint"], key))
    except Exception as error:
        return [f"line 1: {error!r}"]
    number, count, end = 1, 0, None
    for number, text in enumerate(lines, 2):
        text = text.rstrip("\n")
        try:
            if end is not None:
                raise ValueError("it stands behind the end")
            if text.startswith('{"records":'):
                end = json.loads(text)["records"]
                continue
            count += 1
            line = json.loads(text)
            record = text[text.index('"record":') + len('"record":') : -1]
            if leaf(line, record) != plain(line["leaf"]):
                raise ValueError("its content was changed")
            tree.add(line["seq"] - 1, plain(line["leaf"]), [plain(hash) for hash in line["proof"]])
        except Exception as error:
            findings.append(f"line {number}: {error}")
    if end != count:
        findings.append(f"line {number}: {count} records, and the end says {end}")
    return findings


if __name__ == "__main__":
    found = check(iter(sys.stdin), sys.argv[1])
    print("\n".join(found) or "intact")
    sys.exit(1 if found else 0)
