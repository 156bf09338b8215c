"""One server for the session, and clients for it."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

import wardbook
from clients import Wire, boto


def pytest_configure(config):
    if not os.access(wardbook.BINARY, os.X_OK):
        pytest.exit("WARDBOOK_BIN must name the program; `make compat` sets it", returncode=4)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running server, stopped with its last test; it must stop cleanly."""
    server = wardbook.Server(tmp_path_factory.mktemp("server")).init()
    try:
        yield server.start()
        assert server.process.poll() is None, "the server died during the tests"
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.fixture
def own_server(tmp_path):
    """A server of this test alone, initialized but not started."""
    server = wardbook.Server(tmp_path).init()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def admin(server):
    """The first identity of the data folder."""
    return server.admin


@pytest.fixture(scope="session")
def kms(server, admin):
    """boto3, as the administrator."""
    return boto("kms", server.url, admin)


@pytest.fixture(scope="session")
def loose_kms(server, admin):
    """boto3 that leaves the checking of parameters to the server."""
    return boto("kms", server.url, admin, parameter_validation=False)


@pytest.fixture(scope="session")
def wire(server, admin):
    """Single signed requests, as the administrator."""
    return Wire(server.url, admin)


@pytest.fixture(scope="session")
def names():
    """Names that no other test uses."""
    numbers = itertools.count(1)
    return lambda stem: f"{stem}-{next(numbers)}"


@pytest.fixture
def key(kms):
    """A fresh key's metadata."""
    return kms.create_key()["KeyMetadata"]


@pytest.fixture
def user(server, names):
    """A fresh user without any policy."""
    return server.create_user(names("user"))


@pytest.fixture
def user_kms(server, user):
    """boto3, as that user."""
    return boto("kms", server.url, user)


@pytest.fixture(scope="session")
def aws_env(server, admin):
    """The environment that the README tells users to set, with this aws-cli first."""
    scripts = str(Path(sys.executable).parent)
    return {
        **admin.env(),
        "AWS_ENDPOINT_URL_KMS": server.url,
        "AWS_ENDPOINT_URL_STS": server.url,
        "AWS_ENDPOINT_URL_CLOUDTRAIL": server.url,
        "PATH": scripts + os.pathsep + os.environ["PATH"],
    }


@pytest.fixture(scope="session")
def aws(aws_env):
    """The real aws-cli: `aws("kms", "list-keys")` is a finished process."""

    def run(*args):
        return subprocess.run(["aws", *args], env=aws_env, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture(scope="session")
def events(wire):
    """All audit records that fit a filter, page by page: `events(keyId=...)`."""

    def query(**filters):
        found, cursor = [], None
        while True:
            page = {**filters, **({"cursor": cursor} if cursor else {})}
            answer = wire.rest("GET", "/v1/audit/events?" + urlencode(page))
            found += answer["events"]
            cursor = answer.get("nextCursor")
            if not cursor:
                return found

    return query


@pytest.fixture
def moto_url():
    """Other services of AWS: moto's server, empty."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://{host}:{port}"
    yield url
    urlopen(Request(f"{url}/moto-api/reset", method="POST"), timeout=30).close()
    moto.stop()
