"""A client of wardbook's item interface in plain Python: HTTP and a SigV4 signer.

    items = Items("http://127.0.0.1:7643", access_key_id, secret_access_key)
    sealed = items.encrypt("people", [{"id": "1", "ssn": "078-05-1120"}])
    opened = items.decrypt("people", sealed, attributes=["ssn"], purpose="fraud-review")

A program that was written for one schema gives its `schema_hash` (`wardbook schema history`),
and is refused before anything is done while another one is in force.

Copy it and make it yours; it needs the standard library alone.
"""

import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request


class Refused(Exception):
    """The call was refused as a whole."""

    def __init__(self, status, code, message, request_id):
        super().__init__(f"{code}: {message} (request {request_id})")
        self.status, self.code, self.message, self.request_id = status, code, message, request_id


class Items:
    def __init__(self, url, access_key_id, secret_access_key, session_token=None, region="us-east-1"):
        self.url = url.rstrip("/")
        self.access_key_id, self.secret = access_key_id, secret_access_key
        self.session_token, self.region = session_token, region

    def encrypt(self, schema, items, form="json", schema_hash=None):
        """The items, encrypted. One that cannot be is an `ItemError` in its place."""
        body = {"format": form, "items": items}
        if schema_hash is not None:
            body["schemaHash"] = schema_hash
        answer = self._post(f"/v1/item-schemas/{schema}/encrypt", body)
        return [entry["item"] if "item" in entry else ItemError(entry["error"]) for entry in answer["items"]]

    def decrypt(
        self, schema, items, form="json", attributes=None, purpose=None, strict=False, schema_hash=None
    ):
        """The items, decrypted, as `Opened` or `ItemError`. With `attributes` only
        these are opened and recorded. If `strict`, an item of which something is
        withheld is an `ItemError` as a whole."""
        body = {"format": form, "items": items}
        if attributes is not None:
            body["attributes"] = attributes
        if purpose is not None:
            body["purpose"] = purpose
        if strict:
            body["onWithheld"] = "error"
        if schema_hash is not None:
            body["schemaHash"] = schema_hash
        answer = self._post(f"/v1/item-schemas/{schema}/decrypt", body)
        return [Opened(entry) if "item" in entry else ItemError(entry["error"]) for entry in answer["items"]]

    def _post(self, path, body):
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self._signed("POST", path, data))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            error = json.loads(refusal.read())["error"]
            raise Refused(refusal.code, error["code"], error["message"], error["requestId"]) from None

    def _signed(self, method, path, data):
        """The headers of a signed request (AWS Signature Version 4, service `wardbook`)."""
        time = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "content-type": "application/json",
            "host": urllib.parse.urlsplit(self.url).netloc,
            "x-amz-date": time,
        }
        if self.session_token:
            headers["x-amz-security-token"] = self.session_token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join([method, path, "", lines, names, hashlib.sha256(data).hexdigest()])
        scope = f"{time[:8]}/{self.region}/wardbook/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = ("AWS4" + self.secret).encode()
        for part in [*scope.split("/"), f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}"]:
            key = hmac.digest(key, part.encode(), "sha256")
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={key.hex()}"
        )
        return headers


class Opened:
    """A decrypted item: attributes named in `masked` are not whole, those in
    `withheld` are not there, because of who asks."""

    def __init__(self, entry):
        self.item = entry["item"]
        self.masked, self.withheld = entry.get("masked", []), entry.get("withheld", [])


class ItemError:
    """Why one item of a batch was refused, and where in the docs that is explained;
    the others are not concerned. `index` is the item's place in the batch, from 0."""

    def __init__(self, error):
        self.index, self.code, self.message = error["index"], error["code"], error["message"]
        self.attribute, self.docs = error.get("attribute"), error["docs"]
