"""An OpenID Connect provider of the tests: its keys, and the tokens that it signs."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from wardbook import ACCOUNT

ISSUER = "https://oidc.test/id/cluster"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:shop:api"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.test/id/cluster"


def encoded(data):
    """Bytes, or anything JSON, in base64url."""
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return encoded(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Provider:
    """Has one key of each of the kinds that clusters and CI services use."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    def jwks(self):
        of_rsa, of_ec = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        return {
            "keys": [
                {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256"}
                | {"n": number(of_rsa.n), "e": number(of_rsa.e)},
                {"kty": "EC", "kid": "ec", "crv": "P-256"}
                | {"x": number(of_ec.x, 32), "y": number(of_ec.y, 32)},
            ]
        }

    def token(self, kid="rsa", **claims):
        now = int(time.time())
        claims = {
            **{"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 600},
            **claims,
        }
        header = {"alg": {"rsa": "RS256", "ec": "ES256"}[kid], "kid": kid}
        message = f"{encoded(header)}.{encoded(claims)}"
        if kid == "rsa":
            signature = self.rsa.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = decode_dss_signature(self.ec.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{message}.{encoded(signature)}"
