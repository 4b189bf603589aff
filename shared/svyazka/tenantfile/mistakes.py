"""What is wrong with a tenant file: each thing with its line, and with what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from svyazka.catalogue import _
from svyazka.model.complaints import in_words
from svyazka.model.errors import ConfigError
from svyazka.model.lookalikes import in_latin, lookalike
from svyazka.model.tenants import WRITTEN_NOW
from svyazka.tenantfile.lines import Lines


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a file."""

    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        at = _("line {line}", line=self.line) + ": " if self.line else ""
        return f"{at}{self.where}: {self.message}" if self.where else f"{at}{self.message}"


class TenantFileError(ConfigError):
    """A tenant file with its mistakes, all of them at once."""

    def __init__(self, path: Path, mistakes: Sequence[Mistake]) -> None:
        self.path, self.mistakes = path, list(mistakes)
        super().__init__("\n".join(f"{path.name}: {mistake}" for mistake in mistakes))


class Mistakes:
    """Of one file that is being read, in the order in which they are met."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.all: list[Mistake] = []
        for path, line, first in lines.twice:
            self.all.append(Mistake(line, ".".join(path), _("stands twice, first in line {first}", first=first)))

    def wrong(self, where: Sequence[object], message: str) -> None:
        dotted = ".".join(str(part) for part in where)
        self.all.append(Mistake(self._lines.of(where), dotted, message))

    def unknown(self, where: Sequence[object], known: Sequence[str]) -> None:
        key = str(where[-1])
        self.wrong(where, _("unknown key; {hint}", hint=hint(key, known)))

    def check(
        self,
        model: type[BaseModel],
        values: Mapping[str, Any],
        where: tuple[object, ...],
        unseen: Set[str] = frozenset(),
    ) -> BaseModel | None:
        """Validate `values`; pydantic's complaints become ours, with their lines. Of what is `unseen`, lying in a
        secret, only the name can be judged here."""
        try:
            return model.model_validate(values, extra="forbid", context={WRITTEN_NOW: True})
        except ValidationError as error:
            complaints = error.errors()
            inner = {complaint["loc"][:-1] for complaint in complaints}
            for complaint in complaints:
                if complaint["type"] == "too_short" and complaint["loc"] in inner:
                    continue  # what is in it is wrong, not how much
                if complaint["loc"] and complaint["loc"][0] in unseen and complaint["type"] != "extra_forbidden":
                    continue
                at = (*where, *(part for part in complaint["loc"] if part not in ("secret", "[key]")))
                if complaint["type"] == "extra_forbidden":
                    self.unknown(at, _keys_at(model, complaint["loc"]))
                elif complaint["type"] == "missing":
                    self.wrong(at, _("expected this setting, it is missing"))
                else:
                    self.wrong(at, in_words(complaint, model))
            return None


def hint(written: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """What was meant, if something known is near; a letter of another alphabet is named, for nobody sees it."""
    names = sorted(known)
    close = difflib.get_close_matches(in_latin(written), [in_latin(name) for name in names], n=1)
    meant = next((name for name in names if close and in_latin(name) == close[0]), None)
    listed = otherwise or _("expected one of {names}", names=", ".join(names))
    hint = _("did you mean {meant!r}?", meant=meant) if meant else listed
    alike = lookalike(written) or (lookalike(meant) if meant else None)
    return f"{hint} ({alike})" if alike else hint


def _keys_at(model: type[BaseModel], path: Sequence[object]) -> list[str]:
    """The keys that are known where `path`, within a model and the models in it, leads to one that isn't."""
    for part in path[:-1]:
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation speaks of, in whatever it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
