"""Sealing for somebody else: whoever has a lock seals, and only whoever has its key reads it again.

The console seals to the vault's lock what a person typed for the worker (a token, a key): it can't read that again
itself. The worker seals to a session's lock what one person asked to see: the store never has it in plain, and nobody
but that browser's session opens it. HPKE (RFC 9180) of `cryptography`, imported only when something is sealed.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.model.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.hpke import Suite

    from svyazka.engine.security.keyring import Keyring

ELSEWHERE = N_("what was sealed doesn't belong here: ask anew")

SCHEME = "x1"
"""How a lock, and what is sealed to one, begins; then the version of the key."""


def vault_lock(keyring: Keyring) -> str:
    """The vault's, to be laid out for those that have no vault."""
    seeds = keyring.lock_seeds()
    version = max(seeds, key=int)
    return lock_of(seeds[version], version)


def opened_for_vault(keyring: Keyring, sealed: str, context: str) -> str:
    """What was sealed to the vault's lock. Raises ConfigError."""
    try:
        seed = keyring.lock_seeds()[version_of(sealed)]
    except (KeyError, ValueError):
        raise ConfigError(ELSEWHERE) from None
    return opened(seed, sealed, context)


def lock_of(seed: bytes, version: str = "0") -> str:
    """The lock whose key comes from these 32 secret bytes."""
    return f"{SCHEME}.{version}.{_text(_key(seed).public_key().public_bytes_raw())}"


def sealed_to(lock: str, plain: str, context: str) -> str:
    """A text that only the lock's key opens, and only where it was meant for: `context`. Raises ValueError for what
    is no lock."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    version, public = version_of(lock), _bytes(lock.rpartition(".")[2])
    packed = _suite().encrypt(plain.encode(), X25519PublicKey.from_public_bytes(public), info=context.encode())
    return f"{SCHEME}.{version}.{_text(packed)}"


def version_of(text: str) -> str:
    """The version of the key that a lock belongs to, or that opens what was sealed. Raises ValueError."""
    scheme, _, rest = text.partition(".")
    version, _, _packed = rest.partition(".")
    if scheme != SCHEME or not version.isdecimal():
        raise ValueError("neither a lock nor sealed to one")
    return version


def opened(seed: bytes, sealed: str, context: str) -> str:
    """What was sealed. Raises ConfigError where it was sealed to another lock, or for another place."""
    from cryptography.exceptions import InvalidTag

    try:
        return _suite().decrypt(_bytes(sealed.rpartition(".")[2]), _key(seed), info=context.encode()).decode()
    except (InvalidTag, ValueError):
        raise ConfigError(ELSEWHERE) from None


def _key(seed: bytes) -> X25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(seed)


def _suite() -> Suite:
    from cryptography.hazmat.primitives import hpke

    return hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _text(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, b"-_", validate=True)
