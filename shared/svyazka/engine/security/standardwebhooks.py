"""Standard Webhooks 1.0.0, byte by byte: verifying what comes, signing what goes. Svix is the same scheme.

Signed are `id.timestamp.body`, the body's very bytes. A signature header lists `version,base64` with spaces
between: `v1` is HMAC-SHA256, `v1a` Ed25519; one that matches is enough, so that keys can be rotated. Pure but
for `cryptography`, which is imported only where an Ed25519 key is used.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Sequence

from svyazka.catalogue import N_
from svyazka.model.errors import ConfigError

TOLERANCE = 300
"""Seconds that the sender's clock may be off, either way."""

FAMILIES = ("webhook", "svix")
"""Beginnings of the three headers' names: the standard's, and Svix's own."""

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
_INTEGER = re.compile(r"^[0-9]{1,15}$")


def secrets_of(text: str) -> list[str]:
    """One secret or several (old and new, while they are rotated), with spaces or commas between."""
    return [secret for secret in re.split(r"[\s,]+", text) if secret]


def refusal(secrets: Sequence[str], headers: Iterable[tuple[bytes, bytes]], body: bytes, now: float) -> str | None:
    """None when the message is genuine and fresh, else why it isn't. `now`: Unix seconds of real time.

    Raises ConfigError for a secret that can't be one.
    """
    keys = [_verifying_key(secret) for secret in secrets]
    if not keys:
        raise ConfigError(N_("signing secret: expected whsec_... or whpk_..., got nothing"))
    named = _headers(headers)
    if isinstance(named, str):
        return named
    message, timestamp, signatures = named
    if "." in message:
        return N_("the message id holds a dot: its signature could be shifted")
    if not _INTEGER.match(timestamp):
        return N_("the timestamp isn't a number of seconds")
    if abs(now - int(timestamp)) > TOLERANCE:
        return N_("the timestamp is more than {TOLERANCE} s off: a stale message, or a clock that is wrong").format(
            TOLERANCE=TOLERANCE
        )
    signed = _signed(message, timestamp, body)
    given = [item.strip(",").partition(",") for item in signatures.split()]
    if any(key.matches(version, value, signed) for version, _, value in given for key in keys):
        return None
    return N_("no signature of this message is by the signing secret")


def signed_headers(secret: str, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message of ours. Raises ConfigError for a secret that can't sign."""
    signed = _signed(message, str(timestamp), body)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(one, signed) for one in secrets_of(secret)) or _no_secret(),
    }


def _no_secret() -> str:
    raise ConfigError(N_("signing secret: expected whsec_... or whsk_..., got nothing"))


def _signed(message: str, timestamp: str, body: bytes) -> bytes:
    return f"{message}.{timestamp}.".encode("latin-1", "replace") + body


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str, str] | str:
    """Id, timestamp and signatures; or why they can't be told. A header that came twice isn't guessed at."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    family = next((f for f in FAMILIES if f"{f}-id" in found or f"{f}-signature" in found), FAMILIES[0])
    parts = [found.get(f"{family}-{part}", []) for part in ("id", "timestamp", "signature")]
    message, timestamp, signatures = parts
    if not (any(message) and any(timestamp) and any(signatures)):
        return N_("expected the headers {family}-id, {family}-timestamp and {family}-signature").format(family=family)
    if len(message) > 1 or len(timestamp) > 1:
        return N_("{family}-id or {family}-timestamp came twice").format(family=family)
    return message[0], timestamp[0], " ".join(signatures)


def message_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The message's id, the same on every repeat of it; None where it is missing or came twice."""
    named = _headers(headers)
    return None if isinstance(named, str) else named[0]


# Keys


class _Symmetric:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def matches(self, version: str, value: str, signed: bytes) -> bool:
        wanted = base64.b64encode(hmac.digest(self._key, signed, "sha256"))
        return version == "v1" and hmac.compare_digest(value.encode("latin-1", "replace"), wanted)


class _Public:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def matches(self, version: str, value: str, signed: bytes) -> bool:
        if version != "v1a":
            return False
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self._key).verify(base64.b64decode(value, validate=True), signed)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _verifying_key(secret: str) -> _Symmetric | _Public:
    if secret.startswith(PUBLIC):
        return _Public(_bytes_of(secret, PUBLIC, sizes=(32,)))
    if secret.startswith(PRIVATE):
        raise ConfigError(
            N_("signing secret: expected whsec_... or whpk_..., got a private key: keep that to the sender")
        )
    return _Symmetric(_bytes_of(secret, SYMMETRIC))


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PUBLIC):
        raise ConfigError(N_("signing secret: expected whsec_... or whsk_..., got a public key, which signs nothing"))
    if not secret.startswith(PRIVATE):
        made = hmac.digest(_bytes_of(secret, SYMMETRIC), signed, "sha256")
        return "v1," + base64.b64encode(made).decode()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    # Svix keeps seed and public key together, 64 bytes; the seed is what signs.
    seed = _bytes_of(secret, PRIVATE, sizes=(32, 64))[:32]
    return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(signed)).decode()


def _bytes_of(secret: str, prefix: str, sizes: Sequence[int] | None = None) -> bytes:
    """A secret's key. Padding may be missing; an empty key is a mistake in the settings, never a mismatch."""
    text = secret.removeprefix(prefix)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or (sizes is not None and len(key) not in sizes):
        raise ConfigError(
            N_("signing secret: expected {prefix} and the key in base64, got something else").format(prefix=prefix)
        )
    return key


__all__ = ["TOLERANCE", "message_id", "refusal", "secrets_of", "signed_headers"]
