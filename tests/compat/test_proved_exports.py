"""Exports with proofs, made by the program and checked by a verifier that was written from the
documentation."""

import json
import sys
from pathlib import Path

import pytest

from wardbook import REGION, wardbook

sys.path.append(str(Path(__file__).parents[1] / "vectors" / "audit"))
import export as second  # noqa: E402


@pytest.fixture(scope="module")
def made(server, admin, kms, tmp_path_factory):
    """The lines of an export of all that the account did, with something erased, and the public key."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for tenant in ("7", 'quoted "\\\u00e9\U0001f511'):
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": tenant})
    here = ["--endpoint", server.url, "--region", REGION]
    erase = ["audit", "erase", "--key-id", key, "--event-name", "Encrypt"]
    wardbook(*erase, "--field", "encryptionContext", "--reason", "asked", *here, identity=admin)
    for _ in range(300):
        kms.generate_random(NumberOfBytes=1)
    file = tmp_path_factory.mktemp("export") / "log"
    wardbook("audit", "export", "--proof", "--output", file, *here, identity=admin)
    head = wardbook("audit", "checkpoint", "--json", *here, identity=admin)
    return [line + "\n" for line in file.read_text().split("\n")[:-1]], json.loads(head.stdout)["public_key"]


def runs(lines):
    """The places that follow one another, newest first. What other accounts did is left out."""
    found = []
    for seq in (json.loads(line)["seq"] for line in lines[1:-1]):
        if found and found[-1]["first"] == seq + 1:
            found[-1]["first"] = seq
        else:
            found.append({"first": seq, "last": seq})
    return found


def findings(lines, key, tmp_path):
    """What both verifiers find; they must find something, or nothing, together."""
    file = tmp_path / "export"
    file.write_text("".join(lines))
    checked = wardbook("audit", "verify", "--export", file, "--key", key, "--json", check=False)
    assert checked.returncode in (0, 1), checked.stderr
    first = json.loads(checked.stdout)
    found = second.check(iter(lines), key)
    assert bool(found) != first["intact"], (found, first)
    return first, found


def test_both_verifiers_agree_on_what_is_intact(made, tmp_path):
    lines, key = made
    first, found = findings(lines, key, tmp_path)
    assert found == []
    assert first["runs"] == runs(lines) and first["runs"][-1]["first"] == 1
    assert first["records"] == len(lines) - 2 and first["erased"] == 2


@pytest.mark.parametrize(
    "number, change",
    [
        (1, lambda line: line.replace("\\n", "\\n1", 1)),
        (9, lambda line: line.replace('"eventVersion":"1.11"', '"eventVersion":"1.12"')),
        (9, lambda line: ""),
        (9, lambda line: line + line),
        (300, lambda line: line.replace('"seq":', '"seq":1')),
    ],
)
def test_both_verifiers_find_what_was_changed(made, tmp_path, number, change):
    lines, key = made
    lines = list(lines)
    before, lines[number - 1] = lines[number - 1], change(lines[number - 1])
    assert before != lines[number - 1]
    first, found = findings(lines, key, tmp_path)
    assert first["findings"][0]["line"] in (number, number + 1, len(lines) - 1)
    assert found[0].startswith((f"line {number}:", f"line {number + 1}:", f"line {len(lines) - 1}:"))


def test_both_verifiers_find_what_was_erased_in_secret(made, tmp_path):
    lines, key = made
    at = next(i for i, line in enumerate(lines) if '"erased":' in line)
    lines = list(lines)
    lines[at] = lines[at].replace("[erased by event ", "[erased by event  ", 1)
    first, found = findings(lines, key, tmp_path)
    assert first["findings"][0]["line"] == at + 1 and found[0].startswith(f"line {at + 1}:")
