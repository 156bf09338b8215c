#!/usr/bin/env python3
"""The leaf of a record of format 2, written from src/audit/README.md alone.

    leaf_2.py SALT < record.json      (SALT: 32 hex digits; one record a line)
"""
import hashlib, json, re, sys

CONTEXTS = {"encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext",
            "encryptionContextSubset", "encryptionContextEquals"}
QUESTIONS = {"sourceIp", "context", "text", "not"}
IDENTITIES = {"roleSessionName", "assumedRoleUser", "subjectFromWebIdentityToken",
              "sourceIdentity", "principal"}
SESSIONS = {"AssumedRole", "WebIdentityUser", "AWSAccount"}
MEMBERS = {"requestParameters", "responseElements", "additionalEventData", "serviceEventDetails"}
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[{}\[\],:]|[-+.0-9A-Za-z]+|[ \t]+')


def is_personal(path, kind):
    """Whether a string at this path (names of members; None for elements of arrays) goes."""
    if path[:1] in (["sourceIPAddress"], ["userAgent"], ["errorMessage"]):
        return True
    if path[:1] == ["userIdentity"] and kind in SESSIONS:
        rest = path[1:]
        return rest[:1] in (["arn"], ["principalId"], ["userName"]) or \
            rest[:3] == ["sessionContext", "webIdFederationData", "attributes"]
    if path[:3] == ["wardbook", "item", "key"] or path[:3] == ["wardbook", "fieldReads", "keys"]:
        return True
    if path[:1] and path[0] in MEMBERS:
        for name in path[1:]:
            if name == "schema":
                return False
            if name in CONTEXTS | IDENTITIES | QUESTIONS:
                return True
    return False


def split(text):
    kind = json.loads(text).get("userIdentity", {}).get("type")
    skeleton, values, path, stack, name = [], [], [], [], None
    for token in TOKEN.finditer(text):
        part = token.group(0)
        if part == "{":
            stack.append("name")
        elif part == "[":
            stack.append("element")
            path.append(None)
        elif part in "}]":
            if stack.pop() == "element":
                path.pop()
            if stack and stack[-1] == "value":
                path.pop()
        elif part == ":":
            stack[-1] = "value"
            path.append(name)
        elif part == ",":
            if stack[-1] == "value":
                stack[-1] = "name"
        elif part[0] == '"' and stack and stack[-1] == "name":
            name = token.group(1)
        else:
            names = [of for of in path if of is not None]
            if part[0] == '"' and is_personal(names, kind):
                values.append(token.group(1))
                part = '""'
            if stack and stack[-1] == "value" and part.strip():
                path.pop()
        skeleton.append(part)
    return "".join(skeleton), values


def leaf(text, salt):
    skeleton, values = split(text)
    data = b"\x00\x02" + len(skeleton.encode()).to_bytes(4, "big") + skeleton.encode()
    for i, value in enumerate(values):
        of_value = hashlib.sha256(b"\x03" + salt + i.to_bytes(4, "big")).digest()[:16]
        data += hashlib.sha256(b"\x02" + of_value + value.encode()).digest()
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    for line in sys.stdin:
        print(leaf(line.rstrip("\n"), bytes.fromhex(sys.argv[1])))
