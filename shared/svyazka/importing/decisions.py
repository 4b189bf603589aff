"""What a person has decided about files of one kind: kept, and applied to the next one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from svyazka.catalogue import N_, _
from svyazka.importing.fields import FIELDS, SKIP, plain
from svyazka.model.base import Stored
from svyazka.model.errors import ConfigError

RESEMBLES = "resembles"
"""The reason between a line and a card of the system; all others are between lines."""

_GROUP = re.compile(r"[0-9a-f]{16}\Z")
_REASONS = frozenset({
    "same_code", "same_phone", "same_phone_no_name", "same_mail", "same_name_and_birthday", "shared_by_many",
    RESEMBLES,
})  # fmt: skip
_OWN = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


class Same(StrEnum):
    """What lines that may be one person are."""

    ONE = "one"
    """One person: taken together."""
    EACH = "each"
    """Each a person of its own."""


class Decisions(Stored):
    """All of them, for one name of a file (`--as`). No value of a person stands here."""

    columns: dict[str, str] = {}
    """Plain heading -> field, or `skip`."""
    duplicates: dict[str, Same] = {}
    """Reason -> what lines are that share it."""
    clusters: dict[str, Same] = {}
    """Cluster -> the same of its lines alone."""

    def with_more(self, columns: Mapping[str, str], doubles: Mapping[str, Same]) -> Decisions:
        """With these too; the latest word counts. What isn't a reason is the id of a group."""
        reasons = {name: same for name, same in doubles.items() if name in _REASONS}
        groups = {name: same for name, same in doubles.items() if name not in _REASONS}
        return Decisions(
            columns={**self.columns, **columns}, duplicates={**self.duplicates, **reasons},
            clusters={**self.clusters, **groups},
        )  # fmt: skip

    def about(self, cluster: str, reasons: frozenset[str], alike: bool) -> Same | None:
        """What was decided of a cluster: of itself, else of each of its reasons alike. Of lines that contradict each
        other only a word about themselves counts."""
        if cluster in self.clusters:
            return self.clusters[cluster]
        said = {self.duplicates.get(reason) for reason in reasons}
        decided = said.pop() if len(said) == 1 else None
        return None if decided is Same.ONE and not alike else decided


def given_doubles(text: str) -> dict[str, Same]:
    """`same_phone=one, 5f0c...=each` as a person types it. Raises ConfigError."""
    found: dict[str, Same] = {}
    for part in filter(None, map(str.strip, re.split("[,;]", text))):
        name, _sign, said = (one.strip() for one in part.partition("="))
        if said not in set(Same) or not (name in _REASONS or _GROUP.match(name)):
            known = ", ".join(sorted(_REASONS))
            want = N_("--doubles: expected WHICH=one or WHICH=each, got {part!r}; WHICH: a group's id, or {known}")
            raise ConfigError(_(want, part=part, known=known))
        found[name] = Same(said)
    return found


def given_columns(text: str) -> dict[str, str]:
    """`Телефон 2=phone, Код=code, D=skip` as a person types it. Raises ConfigError."""
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, re.split(r"[,;](?=[^=,;]*=)", text))):
        title, sign, field = (one.strip() for one in part.rpartition("="))
        if not sign or not title or not (field in FIELDS or field == SKIP or _OWN.match(field)):
            said = N_(
                "--columns: expected HEADING=FIELD, got {part!r}; FIELD: skip, your CRM's own, or one of {fields}"
            )
            raise ConfigError(_(said, part=part, fields=", ".join(FIELDS)))
        found[plain(title)] = field
    return found
