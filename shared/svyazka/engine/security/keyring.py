"""Webhook keys, sealing, and keyed hashes of people (DESIGN 6).

Three independent secrets, each with versions: `mint` signs webhook keys, `verify` seals inbound signature
secrets, `vault` seals API credentials and tokens. `cryptography` is imported only when something is sealed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Literal

from svyazka.catalogue import N_
from svyazka.model.contacts import Contact, normalize_email
from svyazka.model.errors import ConfigError
from svyazka.model.phones import key, keys, unescaped

SecretName = Literal["mint", "verify", "vault"]
SECRET_NAMES: tuple[SecretName, ...] = ("mint", "verify", "vault")
_MAC_BYTES = 20
_EMAIL_LIKE = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_KEY = re.compile(r"(?<![\w.-])\d{1,9}\.[\w-]{1,100}\.[\w-]{1,100}\.\d{1,9}\.[a-z2-7]{32}(?![\w.-])", re.ASCII)
"""A webhook key among other text, genuine or not."""
_SEARCHED, _TRIED = 4096, 8
"""Characters that are searched for a key, and how many that look like one are tried."""
KEY_BYTES = 32
SCHEME, NONCE = "s1", 12
"""How what is sealed begins, and bytes of the number that each sealing has of its own."""
PEOPLE_OF_AN_EVENT, PEOPLE_OF_A_REQUEST = 64, 1000
"""How many hashes are kept at most: each is an entry in an index."""
FEW_EMAILS = 16
"""Up to so many `@` a text is searched around them only, which is quicker."""

_GENUINE_KEPT = 4096


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """What a genuine key says: whose connection it is, and which generation of its key."""

    tenant: str
    connection: str
    generation: int


class Keyring:
    """The secrets that this process was given; a missing one raises ConfigError when it is needed."""

    def __init__(self, secrets: Mapping[SecretName, Mapping[str, bytes]]) -> None:
        self._secrets = secrets
        self._genuine: dict[tuple[str, str], WebhookKey] = {}
        """Keys that were found genuine: their MAC isn't computed again at each call."""

    @classmethod
    def from_json(cls, texts: Mapping[SecretName, str]) -> Keyring:
        """From `{"mint": '{"1": "<base64>"}', ...}`, the form in which they are stored and handed over.

        Raises ConfigError, which shows nothing of them.
        """
        return cls({name: _versions_in(name, text) for name, text in texts.items() if text})

    @staticmethod
    def generate() -> str:
        """A fresh secret with one version, in the stored form."""
        return json.dumps({"1": base64.b64encode(os.urandom(32)).decode()})

    def only(self, *names: SecretName) -> Keyring:
        """Without the others: for a process that has no business with them."""
        return Keyring({name: versions for name, versions in self._secrets.items() if name in names})

    def _versions(self, name: SecretName) -> Mapping[str, bytes]:
        versions = self._secrets.get(name)
        if not versions:
            raise ConfigError(
                N_("the `{name}` secret isn't there: set SVYAZKA_{upper}_KEYS or the data folder").format(
                    name=name, upper=name.upper()
                )
            )
        return versions

    def newest(self, name: SecretName) -> tuple[str, bytes]:
        """The version that new things are made with, and its key."""
        versions = self._versions(name)
        version = max(versions, key=int)
        return version, versions[version]

    # Webhook keys

    def mint(self, vendor: str, tenant: str, connection: str, generation: int = 1) -> str:
        """The key that goes into the vendor's URL: `1.kofe.till.1.<mac>`."""
        version, secret = self.newest("mint")
        claim = f"{version}.{tenant}.{connection}.{generation}"
        return f"{claim}.{self._mac(secret, vendor, claim)}"

    def read(self, vendor: str, text: str) -> WebhookKey | None:
        """What a key says, or None when it is malformed or forged. Touches no store."""
        known = self._genuine.get((vendor, text))
        if known is not None:
            return known
        if len(text) > 250 or text.count(".") != 4:
            return None
        claim, _, mac = text.rpartition(".")
        version, tenant, connection, generation = claim.split(".")
        secret = self._versions("mint").get(version)
        if secret is None or not generation.isascii() or not generation.isdigit():
            return None
        if not hmac.compare_digest(self._mac(secret, vendor, claim).encode(), mac.encode()):
            return None
        if len(self._genuine) >= _GENUINE_KEPT:
            self._genuine.clear()
        found = self._genuine[vendor, text] = WebhookKey(tenant, connection, int(generation))
        return found

    def find(self, vendor: str, text: str) -> WebhookKey | None:
        """The key that proves itself somewhere in a text: careless senders put their own marks around it."""
        candidates = islice(_KEY.finditer(text[:_SEARCHED]), _TRIED)
        return next((found for match in candidates if (found := self.read(vendor, match[0]))), None)

    @staticmethod
    def _mac(secret: bytes, vendor: str, claim: str, purpose: str = "webhook-key") -> str:
        digest = hmac.digest(secret, f"{purpose}\n{vendor}\n{claim}".encode(), "sha256")
        return base64.b32encode(digest[:_MAC_BYTES]).decode().lower()

    # Invitations: the `state` that an OAuth redirect brings back

    def invite(self, vendor: str, tenant: str, connection: str, generation: int, until: datetime) -> str:
        """Proof that we invited this connection's owner, good until then (real time)."""
        version, secret = self.newest("mint")
        claim = f"{version}.{tenant}.{connection}.{generation}.{int(until.timestamp())}"
        return f"{claim}.{self._mac(secret, vendor, claim, 'invitation')}"

    def invited(self, vendor: str, text: str, now: datetime) -> WebhookKey | None:
        """Whom we had invited, or None when it is malformed, forged or over. Touches no store."""
        if len(text) > 250 or text.count(".") != 5:
            return None
        claim, _, mac = text.rpartition(".")
        version, tenant, connection, generation, until = claim.split(".")
        secret = self._versions("mint").get(version)
        numbers = generation + until
        if secret is None or not numbers.isascii() or not numbers.isdigit() or len(until) > 12:
            return None
        if not hmac.compare_digest(self._mac(secret, vendor, claim, "invitation").encode(), mac.encode()):
            return None
        return WebhookKey(tenant, connection, int(generation)) if now.timestamp() < int(until) else None

    # Sealing

    def seal(self, name: SecretName, plain: str, context: str) -> str:
        """Authenticated encryption, bound to `context` (whose secret it is); the key's version is in front."""
        version, packed = self._sealed(name, plain.encode(), context)
        return f"{SCHEME}.{version}.{base64.urlsafe_b64encode(packed).decode()}"

    def unseal(self, name: SecretName, sealed: str, context: str) -> str:
        """The plain text. Raises ConfigError when it was sealed with a key that isn't there, or for another."""
        scheme, _, rest = sealed.partition(".")
        version, _, text = rest.partition(".")
        try:
            packed = base64.b64decode(text, b"-_", validate=True)
        except ValueError:
            packed = b""
        return self._unsealed(name, scheme, version, packed, context).decode()

    def seal_bytes(self, name: SecretName, plain: bytes, context: str) -> bytes:
        """As `seal`, of bytes, without the third that base64 takes."""
        version, packed = self._sealed(name, plain, context)
        return f"{SCHEME}.{version}.".encode() + packed

    def unseal_bytes(self, name: SecretName, sealed: bytes, context: str) -> bytes:
        """As `unseal`."""
        scheme, _, rest = sealed.partition(b".")
        version, _, packed = rest.partition(b".")
        return self._unsealed(
            name, scheme.decode("ascii", "replace"), version.decode("ascii", "replace"), packed, context
        )

    def _sealed(self, name: SecretName, plain: bytes, context: str) -> tuple[str, bytes]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, secret = self.newest(name)
        nonce = os.urandom(NONCE)
        return version, nonce + AESGCM(_sealing_key(name, secret)).encrypt(nonce, plain, context.encode())

    def _unsealed(self, name: SecretName, scheme: str, version: str, packed: bytes, context: str) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        versions = self._versions(name)
        if scheme == SCHEME and version.isdecimal() and version not in versions:
            raise ConfigError(
                N_("sealed with version {version} of `{name}`, which isn't here: restore that key").format(
                    version=version, name=name
                )
            )
        try:
            if scheme != SCHEME:
                raise ValueError("not sealed by us")
            opener = AESGCM(_sealing_key(name, versions[version]))
            return opener.decrypt(packed[:NONCE], packed[NONCE:], context.encode())
        except (InvalidTag, KeyError, ValueError):
            raise ConfigError(
                N_("a sealed value doesn't belong here ({context}): set the secret again").format(context=context)
            ) from None

    def lock_seeds(self) -> dict[str, bytes]:
        """Of the vault's lock (`security/sealing.py`), of every version that is here. Raises ConfigError."""
        return {version: hmac.digest(secret, b"lock", "sha256") for version, secret in self._versions("vault").items()}

    # Names that nobody can guess or trace back

    def mark(self, purpose: str, *parts: str) -> str:
        """A keyed hash of something (a caller's own key, a code, an address), of use for this purpose only."""
        packed = json.dumps([purpose, *parts], ensure_ascii=False).encode("utf-8", "surrogatepass")
        return hmac.digest(self.newest("mint")[1], b"mark\n" + packed, "sha256").hex()[:40]

    def print_keys(self) -> dict[str, bytes]:
        """Keys of the prints by which values are known again (`comparing/prints.py`), of every version that is here."""
        return {version: hmac.digest(secret, b"prints", "sha256") for version, secret in self._versions("mint").items()}

    # People

    def person(self, tenant: str, address: str) -> str:
        """Keyed hash of one address (a phone in any form, an e-mail, a chat), under the newest key."""
        return self._person(self.newest("mint")[1], tenant, _plain_address(address))

    def person_ever(self, tenant: str, address: str) -> list[str]:
        """The same under every version that is still here, the newest first: what is looked for must be found."""
        plain = _plain_address(address)
        versions = self._versions("mint")
        return [self._person(versions[version], tenant, plain) for version in sorted(versions, key=int, reverse=True)]

    def people(self, tenant: str, raw: bytes, contacts: Iterable[Contact] = ()) -> tuple[str, ...]:
        """Keyed hashes of all that looks like a phone or an e-mail anywhere in a raw request, the surest first: whom a
        parser found in it (`contacts`), however that was spelled."""
        found: dict[str, None] = {}
        for address in chain(*map(_addresses_of, contacts), _addresses_in(unescaped(raw))):
            found[address] = None
            if len(found) == PEOPLE_OF_A_REQUEST:
                break
        secret = self.newest("mint")[1]
        return tuple(self._person(secret, tenant, address) for address in found)

    @staticmethod
    def _person(secret: bytes, tenant: str, plain: str) -> str:
        return hashlib.blake2b(f"person\n{tenant}\n{plain}".encode(), key=secret, digest_size=12).hexdigest()


def without_keys(text: str) -> str:
    """The text with whatever looks like a webhook key cut out of it."""
    return _KEY.sub("•••", text)


def _sealing_key(name: SecretName, secret: bytes) -> bytes:
    """`mint` signs as well: what it seals, on its way to the worker, it seals with a key of its own."""
    return hmac.digest(secret, b"sealing", "sha256") if name == "mint" else secret


def _plain_address(address: str) -> str:
    """The key of a phone, so that `8 999...` and `+7999...` are one; else the text in lower case.

    A chat (`telegram:9991234567`) is no phone, whatever its digits.
    """
    phone = key(address) if "@" not in address and ":" not in address else None
    return phone or address.strip().lower()


def _addresses_of(contact: Contact) -> Iterable[str]:
    """Every address of a person as it is hashed: a phone and an e-mail in any spelling, and chats."""
    if contact.phone:
        yield from keys(contact.phone)
    if contact.email:
        yield normalize_email(contact.email) or contact.email.strip().lower()
    for vendor, chat in sorted(contact.chats.items()):
        yield _plain_address(f"{vendor}:{chat}")


def _addresses_in(text: str) -> Iterable[str]:
    """E-mails and what may be a phone, the surest first."""
    for found in _emails_in(text):
        yield found.lower() if "xn--" not in found else (normalize_email(found) or found.lower())
    yield from keys(text)


def _emails_in(text: str) -> Iterable[str]:
    places = text.count("@")
    if places > FEW_EMAILS:
        return _EMAIL_LIKE.findall(text)
    found, at = [], -1
    for _ in range(places):
        at = text.index("@", at + 1)
        found += _EMAIL_LIKE.findall(text, max(at - 65, 0), at + 400)
    return found


def _versions_in(name: SecretName, text: str) -> dict[str, bytes]:
    try:
        given = json.loads(text)
        versions = {version: base64.b64decode(key, validate=True) for version, key in given.items()}
        good = all(version.isdecimal() and len(key) == KEY_BYTES for version, key in versions.items())
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good or not versions:
        raise ConfigError(
            N_('SVYAZKA_{upper}_KEYS: expected {{"1": "<{KEY_BYTES} bytes in base64>"}}, got something else').format(
                upper=name.upper(), KEY_BYTES=KEY_BYTES
            )
        )
    return versions
