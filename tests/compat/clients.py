"""Ordinary clients of a server: boto3, and single signed requests for what boto3 hides."""

import datetime
import json
from contextlib import contextmanager
from unittest import mock

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from wardbook import REGION


def boto(service, url, identity, region=REGION, attempts=1, token=None, **config):
    """A boto3 client that sends every call exactly once, or as often as it is told to."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=identity.access_key_id,
        aws_secret_access_key=identity.secret_access_key,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, **config),
    )


@contextmanager
def refused(code, message=None):
    """The call inside fails with this code; `message` is the exact text, "" for none at all."""
    with pytest.raises(ClientError) as caught:
        yield caught
    response = caught.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    if message is not None:
        assert response["Error"].get("Message", "") == message
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["ResponseMetadata"]["RequestId"]


@contextmanager
def ahead(seconds):
    """Requests are signed by a clock that is so much ahead: everybody's, so not beside others."""
    if not seconds:
        yield
        return
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    with mock.patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)):
        yield


class Answer:
    """What came back over the wire, unparsed but for JSON."""

    def __init__(self, response):
        self.status = response.status_code
        self.headers = response.headers
        self.body = response.content

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """Signed requests, one at a time."""

    def __init__(self, url, identity, region=REGION):
        self.url = url
        self.identity = identity
        self.region = region
        self.http = URLLib3Session(timeout=30)

    def send(
        self, method, path, body=b"", headers=None, service="wardbook", skew_seconds=0, sign=True, tamper=None
    ):
        """Sends one request, signed for `service` by a clock that is `skew_seconds` ahead;
        `tamper` may change it after it was signed."""
        request = AWSRequest(method, self.url + path, data=body, headers=headers or {})
        if sign:
            who = Credentials(self.identity.access_key_id, self.identity.secret_access_key)
            with ahead(skew_seconds):
                SigV4Auth(who, service, self.region).add_auth(request)
        prepared = request.prepare()
        if tamper:
            tamper(prepared)
        return Answer(self.http.send(prepared))

    def kms(self, operation, body, **more):
        """One KMS call; `body` is bytes, or anything JSON."""
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        if operation:
            headers["X-Amz-Target"] = f"TrentService.{operation}"
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", "/", sent, headers, **{"service": "kms", **more})

    def rest(self, method, path, body=None):
        """One call of wardbook's own interface; it must succeed."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self.send(method, path, sent, headers)
        assert 200 <= answer.status < 300, (answer.status, answer.body)
        return answer.json if answer.body else None
