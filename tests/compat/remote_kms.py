"""A remote AWS KMS for tests: moto's server, behind a door that can be in trouble."""

import contextlib
import socket
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer

# moto has one account, whoever asks.
REMOTE_REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAREMOTE0000000001", "AWS_SECRET_ACCESS_KEY": "secret of the remote"}
# What the door can do instead of letting calls through.
THROTTLE = (400, b'{"__type":"ThrottlingException","message":"Rate exceeded"}')
DENY = (400, b'{"__type":"AccessDeniedException","message":"User: somebody is not authorized"}')
DISABLED = (400, b'{"__type":"DisabledException","message":"the remote says why"}')
FAULT = (500, b'{"__type":"KMSInternalException"}')
GARBAGE = (200, b"<html>no JSON</html>")
HANG = "hang"


class Door(ThreadingHTTPServer):
    """Lets calls through to moto unless `trouble` says otherwise; counts them."""

    daemon_threads = True
    # Of the callers that wait while the door hangs.
    request_queue_size = 256

    def __init__(self, behind):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = behind
        self.trouble = None
        self.calls = []
        self.ended = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def in_trouble(self, trouble):
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append(self.headers["X-Amz-Target"])
        trouble = self.server.trouble
        if trouble == HANG:
            self.server.ended.wait(60)
            self.close_connection = True
            return
        status, answer = trouble or self.ask(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("x-amzn-RequestId", f"remote-request-{len(self.server.calls)}")
        self.end_headers()
        self.wfile.write(answer)

    def ask(self, body):
        connection = HTTPConnection(*self.server.behind, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        made = (answer.status, answer.read())
        connection.close()
        return made

    def log_message(self, *_args):
        pass


class RemoteKms:
    """moto's server and its door."""

    def __init__(self):
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.moto.start()
        self.behind = self.moto.get_host_and_port()
        self.door = Door(self.behind)
        threading.Thread(target=self.door.serve_forever, daemon=True).start()
        self.client = boto3.client(
            "kms",
            endpoint_url="http://{}:{}".format(*self.behind),
            region_name=REMOTE_REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def create_key(self, **kind):
        """The ARN of a new key at the remote."""
        return self.client.create_key(**kind)["KeyMetadata"]["Arn"]

    def table(self, name, **more):
        """The remote in a settings file."""
        settings = {"region": REMOTE_REGION, "endpoint": self.door.url, **more}
        lines = [f"{key} = {value if isinstance(value, int) else repr(value)}" for key, value in settings.items()]
        return "\n".join([f"[remotes.{name}]", *lines, ""])

    def stop(self):
        self.door.ended.set()
        self.door.shutdown()
        self.door.server_close()
        # moto keeps its keys in this process: the next test begins without.
        urlopen(Request("http://{}:{}/moto-api/reset".format(*self.behind), method="POST"), timeout=30).close()
        self.moto.stop()


def closed_port():
    """A port that nobody listens to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
