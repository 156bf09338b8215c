"""The tours of the README, typed into one shell line by line, as a newcomer would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wardbook import BINARY, REGION, Server

README = (Path(__file__).parents[2] / "README.md").read_text().splitlines()
TOURS = [
    "Five minutes as an app developer",
    "Five minutes as a database engineer",
    "Five minutes as an auditor",
    "Why, who could, and what if",
    "Users, roles, groups and accounts",
    "Guardrails",
    "Bring your own key",
    "Backup and restore",
]
TOOLS = ["curl", "jq", "openssl"]
TOUR_SECONDS = 300
# What stands for something else, is another server, or does not end.
NOT_TYPED = ["=...", "COPY", "wardbook serve ", " --follow "]
REFUSED = ["# AccessDeniedException", "# refused"]
# Before each command the number of its line goes to where its output goes. That of a command
# that fails goes to a file of its own.
SHELL = """exec 3>>said >&3 2>&1; trap 'printf "\\n@%s@\\n" $LINENO >&3' DEBUG; trap 'echo $LINENO >>failed' ERR"""

# What begins like this answers with the one, and without the other.
ANSWERS = [
    ("    --encryption-context tenant=7 --query Plaintext", "the launch code", "denied"),
    ("as_eve aws kms describe-key --key-id alias/app            # allowed", '"KeyState": "Enabled"', "denied"),
    ("wardbook items decrypt --schema people", '"ssn":"078-05-1120"', "withheld"),
    ("curl", "aws_dbe_head", "078-05-1120"),
    ("as support ", '"ssn":"****1120"', '"salary"'),
    ("as fraud     bash -c 'decrypt --purpose", '"ssn":"078-05-1120"', '"salary"'),
    ("as fraud     bash -c decrypt ", '"name":"Ada"', '"ssn"'),
    ("as marketing ", "AttributeWithheld", "078-05-1120"),
    ("wardbook policy who-can --attribute", "user/fraud", "user/support"),
    ("wardbook audit query --error-code AccessDenied ", "user/eve", "user/admin"),
    ("wardbook audit field-reads", "ssn=plain", "user/fraud"),
    ("wardbook audit consistency", "nothing was changed or removed", "error"),
    ("wardbook policy explain --request-id", "By the policies of now: Allowed", "error"),
    ("wardbook policy put --key alias/app new.json", "passed its 2 tests", "error"),
    ("as_eve aws sts assume-role", "assumed-role/app/tour", "denied"),
]


def commands():
    """What is to be typed, at its line of the README; every other line is blank."""
    tour, language, lines = "", None, []
    for line in README:
        if line.startswith("## "):
            tour = line.removeprefix("## ")
        if line.startswith("```"):
            language = line.removeprefix("```") if language is None else None
        is_typed = tour in TOURS and language == "" and not line.startswith("```")
        lines.append(line if is_typed and not any(part in line for part in NOT_TYPED) else "")
    return lines


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The folder in which the tours were gone."""
    folder = tmp_path_factory.mktemp("tour")
    server = Server(folder)
    server.data = folder / "wardbook-data"
    server.init().start()
    tools = folder / "tools"
    tools.mkdir()
    (tools / "wardbook").symlink_to(BINARY)
    (tools / "aws").symlink_to(Path(sys.executable).parent / "aws")
    typed = "\n".join([SHELL, *commands()[1:]])
    typed = typed.replace("http://127.0.0.1:7643", server.url).replace("us-east-1", REGION)
    env = {**server.admin.env(), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    try:
        ended = subprocess.run(
            ["bash", "-c", typed], cwd=folder, env=env, stdin=subprocess.DEVNULL, timeout=TOUR_SECONDS
        )
        assert ended.returncode == 0, (folder / "said").read_text()[-2000:]
        assert server.stop() == 0
    finally:
        server.kill()
    return folder


@pytest.fixture(scope="module")
def answers(told):
    """What was answered to each line of the README, by its number."""
    _, *parts = re.split(r"\n@(\d+)@\n", (told / "said").read_text())
    answers = {}
    for number, answer in zip(parts[::2], parts[1::2], strict=True):
        answers[int(number)] = answers.get(int(number), "") + answer
    return answers


needs_tools = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")


@needs_tools
def test_what_the_readme_says_is_refused_is_and_nothing_else(told, answers):
    refused = {
        number for number, line in enumerate(commands(), 1) if any(said in line for said in REFUSED)
    }
    failed = {int(number) for number in (told / "failed").read_text().split()}
    assert len(refused) >= 3
    assert failed == refused, {number: (README[number - 1], answers[number]) for number in failed ^ refused}


@needs_tools
@pytest.mark.parametrize("command, has, lacks", ANSWERS, ids=[answer[0].strip() for answer in ANSWERS])
def test_what_the_tours_show(answers, command, has, lacks):
    lines = [number for number, line in enumerate(commands(), 1) if line.startswith(command)]
    assert lines
    for line in lines:
        assert has in answers[line] and lacks not in answers[line], (README[line - 1], answers[line])
