"""A PostgreSQL of the tests' own: a process, a folder and a socket, gone when they are."""

import glob
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


def packaged():
    """The folder of the package `pgserver`, of which the programs alone are used, or `None`."""
    found = importlib.util.find_spec("pgserver")
    return Path(found.origin).parent if found else None


def installed():
    """The programs that the machine has, or `None`; Debian keeps them off the PATH."""
    found = [shutil.which("initdb"), *sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))]
    return next((Path(initdb).resolve().parent for initdb in found if initdb), None)


@contextmanager
def running():
    """A connection to a fresh server; skips the test where there is no PostgreSQL."""
    package, programs = packaged(), installed()
    if not package and not programs:
        pytest.skip("PostgreSQL is not installed, and for this Python pip has no pgserver")
    folder = Path(tempfile.mkdtemp(prefix="wardbook-postgres-", dir="/tmp"))
    try:
        as_user = {}
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root, and nobody else may look into root's folders.
            if package:
                for part in (package, package.with_name("pgserver.libs")):
                    shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("include"))
                package = folder / package.name
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        if package:
            programs = package / "pginstall/bin"
        with started(programs, folder, as_user) as connection:
            yield connection
    finally:
        shutil.rmtree(folder)


@contextmanager
def started(programs, folder, as_user):
    data = folder / "data"
    make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    made = subprocess.run(
        [*make, "--locale=C", "--no-sync"], cwd=folder, capture_output=True, text=True, **as_user
    )
    assert made.returncode == 0, made.stderr
    options = ["-k", folder, "-c", "listen_addresses=", "-F"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], cwd=folder, stdout=log, stderr=log, **as_user
        )
    try:
        with connected(process, folder) as connection:
            yield connection
    finally:
        process.terminate()
        process.wait(timeout=30)


def connected(process, folder):
    deadline = time.monotonic() + 60
    while True:
        try:
            return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, (folder / "log").read_text()
            time.sleep(0.05)
