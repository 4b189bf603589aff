"""Google's identities on loopback: signed id tokens, the certificates that prove them, and access tokens.

Tokens live by real time, not by the queue's clock: whoever checks them (google-auth, say) looks at the wall.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ISSUER: Final = "https://accounts.google.com"
LIFETIME: Final = 3600
"""Seconds that Google's id and access tokens live."""


class Signer:
    """Signs id tokens with a test key made at start."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = hashlib.sha256(public).hexdigest()[:40]
        self._access: dict[str, float] = {}

    def id_token(self, email: str, audience: str, *, lifetime: int = LIFETIME, full: bool = True) -> str:
        """A token as Google signs it for a service account: RS256, with aud, azp, email, exp, iat, iss, sub; an
        instance's metadata server leaves out whose it is unless it is asked for the whole."""
        now = int(self._now())
        subject = str(int(hashlib.sha256(email.encode()).hexdigest(), 16))[:21]
        head = {"alg": "RS256", "kid": self.key_id, "typ": "JWT"}
        claims = {
            "aud": audience,
            "azp": subject,
            "email": email,
            "email_verified": True,
            "exp": now + lifetime,
            "iat": now,
            "iss": ISSUER,
            "sub": subject,
        }
        if not full:
            del claims["email"], claims["email_verified"]
        signed = f"{_base64(_json(head))}.{_base64(_json(claims))}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    def certificates(self) -> dict[str, str]:
        """Key id to PEM certificate, like https://www.googleapis.com/oauth2/v1/certs."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback.invalid")])
        start = datetime.fromtimestamp(self._now(), UTC) - timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(int(self.key_id[:16], 16))
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=365))
            .sign(self._key, hashes.SHA256())
        )
        return {self.key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """A JWK set, like https://www.googleapis.com/oauth2/v3/certs."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.key_id}
        return {"keys": [key | {"n": _base64_int(numbers.n), "e": _base64_int(numbers.e)}]}

    def access_token(self, *, lifetime: int = LIFETIME) -> str:
        token = f"ya29.loopback-{secrets.token_urlsafe(24)}"
        self._access[token] = self._now() + lifetime
        return token

    def knows(self, access_token: str) -> bool:
        """Whether this signer issued the access token, and it has not run out."""
        return self._access.get(access_token, 0.0) > self._now()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _base64_int(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))
