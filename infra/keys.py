"""The installation's own keys in Secret Manager: Terraform makes the secrets empty, this fills them.

    python infra/keys.py PROJECT ensure            a first key for each secret that has none
    python infra/keys.py PROJECT rotate NAME       add a key; what the old ones made stays readable
    python infra/keys.py PROJECT retire NAME N     drop key number N (mint: --despite-marks)

NAME is mint, verify or vault. Functions read keys when an instance starts: raise `keys_epoch` and deploy
(docs/operations.md, "Rotation of keys").
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Protocol, cast

from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud.secretmanager_v1 import SecretManagerServiceClient, SecretPayload

from svyazka.backends.google.secrets import secret_name
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring, SecretName


class Vault(Protocol):
    """Where the keys lie: one text a secret, in the form that functions are given."""

    def newest(self, name: SecretName) -> str | None:
        """The newest text, or None when there is none yet."""

    def add(self, name: SecretName, text: str) -> None:
        """Make a text the newest."""


class SecretManager:
    """The vault of a deployment."""

    def __init__(self, project: str) -> None:
        self._client = SecretManagerServiceClient()
        self._project = project

    def newest(self, name: SecretName) -> str | None:
        try:
            version = self._client.access_secret_version(name=secret_name(self._project, name))
        except NotFound:
            return None
        except FailedPrecondition:
            raise SystemExit(f"{name}: the newest version is disabled or destroyed: enable it first") from None
        return version.payload.data.decode()

    def add(self, name: SecretName, text: str) -> None:
        parent = secret_name(self._project, name).removesuffix("/versions/latest")
        self._client.add_secret_version(parent=parent, payload=SecretPayload(data=text.encode()))


def ensure(vault: Vault) -> list[SecretName]:
    """Give every empty secret its first key; which ones got one."""
    empty: list[SecretName] = [name for name in SECRET_NAMES if vault.newest(name) is None]
    for name in empty:
        vault.add(name, Keyring.generate())
    return empty


def rotate(vault: Vault, name: SecretName) -> str:
    """Add a key beside the present ones; its number."""
    keys = _keys(vault, name)
    number = str(max(map(int, keys)) + 1)
    fresh = json.loads(Keyring.generate())["1"]
    vault.add(name, json.dumps({**keys, number: fresh}))
    return number


def retire(vault: Vault, name: SecretName, number: str) -> None:
    """Drop an old key: what it made can't be read or proved any more.

    `mint` also hashes the addresses of people who want no messages: their marks go with the key that made them.
    """
    keys = _keys(vault, name)
    newest = max(keys, key=int)
    if number not in keys or number == newest:
        old = ", ".join(sorted(set(keys) - {newest}, key=int)) or "there is none"
        raise SystemExit(f"{name}: expected the number of an old key ({old}), got {number}")
    vault.add(name, json.dumps({other: key for other, key in keys.items() if other != number}))


def _keys(vault: Vault, name: SecretName) -> dict[str, str]:
    text = vault.newest(name)
    if text is None:
        raise SystemExit(f"{name}: there is no key yet; `ensure` makes the first")
    return cast("dict[str, str]", json.loads(text))


def main() -> int:
    """Say what was done; never a key."""
    parser = argparse.ArgumentParser(description="The installation's own keys in Secret Manager.")
    parser.add_argument("project")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("ensure", help="a first key for each secret that has none")
    actions.add_parser("rotate", help="add a key").add_argument("name", choices=SECRET_NAMES)
    retiring = actions.add_parser("retire", help="drop an old key")
    retiring.add_argument("name", choices=SECRET_NAMES)
    retiring.add_argument("number")
    retiring.add_argument("--despite-marks", action="store_true", help="mint only: do-not-contact marks go with it")
    given = parser.parse_args()
    if given.action == "retire" and given.name == "mint" and not given.despite_marks:
        parser.error("do-not-contact marks made under this key would no longer be found: add --despite-marks")
    vault = SecretManager(given.project)
    if given.action == "ensure":
        made = ensure(vault)
        sys.stdout.write(f"first keys: {', '.join(made) or 'all there already'}\n")
    elif given.action == "rotate":
        sys.stdout.write(f"{given.name}: key {rotate(vault, given.name)} is the newest; raise keys_epoch and deploy\n")
    else:
        retire(vault, given.name, given.number)
        sys.stdout.write(f"{given.name}: key {given.number} dropped; raise keys_epoch and deploy\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
