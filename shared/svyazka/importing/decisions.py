"""What a person has decided about files of one kind: kept, and applied to the next one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from svyazka.catalogue import N_, _
from svyazka.importing.fields import FIELDS, SKIP, plain
from svyazka.model.base import Stored
from svyazka.model.errors import ConfigError

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

    def with_columns(self, columns: Mapping[str, str]) -> Decisions:
        """With these too; the latest word on a column counts."""
        return self.model_copy(update={"columns": {**self.columns, **columns}})

    def about(self, cluster: str, reasons: frozenset[str], alike: bool) -> Same | None:
        """What was decided of a cluster: of itself, else of each of its reasons alike. Of lines that contradict each
        other only a word about themselves counts."""
        if cluster in self.clusters:
            return self.clusters[cluster]
        said = {self.duplicates.get(reason) for reason in reasons}
        decided = said.pop() if len(said) == 1 else None
        return None if decided is Same.ONE and not alike else decided


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
