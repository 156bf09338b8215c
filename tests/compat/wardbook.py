"""Runs the wardbook program: its commands, and a server in a folder of its own."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNT = "111122223333"
REGION = "eu-central-1"
# A second Region in which servers answer.
OTHER_REGION = "eu-west-1"
BINARY = os.environ.get("WARDBOOK_BIN", "")
START_SECONDS = 30
STOP_SECONDS = 30


@dataclass(frozen=True)
class Identity:
    """Whoever holds an access key."""

    access_key_id: str
    # A test that fails shows what it was given.
    secret_access_key: str = field(repr=False)
    arn: str = ""
    name: str = ""

    def env(self):
        """The AWS environment variables of this identity, and no others."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "HOME": os.environ["HOME"],
            "PATH": os.environ["PATH"],
        }


def wardbook(*args, identity=None, stdin=None, check=True):
    """Runs one command to its end; the result has text output."""
    env = identity.env() if identity else {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [BINARY, *map(str, args)], env=env, input=stdin, capture_output=True, text=True, timeout=60
    )
    assert not check or done.returncode == 0, f"wardbook {args}: {done.returncode}\n{done.stderr}"
    return done


class Server:
    """A data folder, and the server that runs on it."""

    def __init__(self, folder: Path):
        self.data = folder / "data"
        self.stdout = folder / "stdout.log"
        self.stderr = folder / "stderr.log"
        self.process = None
        self.url = ""
        self.admin = None

    def init(self):
        """Makes the data folder; `admin` is its first identity."""
        done = wardbook("init", "--data", self.data, "--account", ACCOUNT, "--region", REGION, "--json")
        made = json.loads(done.stdout)
        assert (made["account"], made["region"]) == (ACCOUNT, REGION)
        self.admin = Identity(made["access_key_id"], made["secret_access_key"])
        return self

    def start(self, *settings, env=None):
        """Starts the server on any free port and waits until it listens; `env` is more for its
        environment."""
        already = self.stdout.stat().st_size if self.stdout.exists() else 0
        with self.stdout.open("ab") as stdout, self.stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--json"]
                + ["--regions", OTHER_REGION, "--disk-reserve", "1", *settings],
                env={"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        deadline = time.monotonic() + START_SECONDS
        while b"\n" not in (said := self.stdout.read_bytes()[already:]):
            assert self.process.poll() is None, f"serve ended: {self.stderr.read_text()}"
            assert time.monotonic() < deadline, f"serve is silent: {self.stderr.read_text()}"
            time.sleep(0.02)
        self.url = "http://" + json.loads(said.splitlines()[0])["listening"]
        return self

    def stop(self):
        """Stops the server as an operator would; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_SECONDS)

    def kill(self):
        """Makes sure that nothing is left running."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def create_user(self, name):
        """A new user without any policy."""
        done = wardbook(
            "principal", "create-user", name, "--endpoint", self.url, "--json", identity=self.admin
        )
        made = json.loads(done.stdout)
        assert made["user_name"] == name
        return Identity(made["access_key_id"], made["secret_access_key"], made["arn"], name)
