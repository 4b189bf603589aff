"""Answers for `init`: from options, else from the person at the terminal, or with --yes the defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from svyazka.catalogue import _
from svyazka.cli.output import agrees, note
from svyazka.cli.session import nearest
from svyazka.model.complaints import in_words
from svyazka.model.tenants import ConnectionSettings

Check = Callable[[str], Any]
"""Text -> what it means. Raises ValueError that says what was expected."""

NOTHING = "-"
"""The answer that leaves a setting out though something is proposed for it."""

_TO_LATIN = {
    **str.maketrans("абвгдеёзийклмнопрстуфыэ", "abvgdeeziyklmnoprstufye", "ъь"),
    ord("ж"): "zh", ord("х"): "kh", ord("ц"): "ts", ord("ч"): "ch", ord("ш"): "sh", ord("щ"): "shch",
    ord("ю"): "yu", ord("я"): "ya",
}  # fmt: skip


class Interview:
    """One run of questions. `settings`: what `--set` says, by its left side: `WHOSE.SETTING` or `SETTING`."""

    def __init__(self, settings: Mapping[str, str], silent: bool) -> None:
        self._settings = dict(settings)
        self.silent = silent
        self._used: set[str] = set()

    def value(
        self, question: str, check: Check, *, option: str, given: str | None = None, default: str | None = None,
        needed: bool = True, hidden: bool = False,
    ) -> Any:  # fmt: skip
        """One answer as `check` reads it; None where nothing was said and nothing is needed.

        Raises BadParameter for an option that can't be used, and for what is needed and nobody has said.
        """

        def read(text: str) -> Any:
            text = text.strip()
            if text in ("", NOTHING):
                if needed:
                    raise typer.BadParameter(_("expected a value, got none"), param_hint=option)
                return None
            try:
                return check(text)
            except ValueError as error:
                message = _("this can't be one") if hidden else plainly(error)
                raise typer.BadParameter(message, param_hint=option) from None

        if given is not None or self.silent:
            return read(given if given is not None else default or "")
        proposed = default or ""  # never None: an empty answer would be asked for again without a word why
        while True:
            answer = typer.prompt(question, default=proposed, show_default=bool(proposed), hide_input=hidden, err=True)
            try:
                return read(answer)
            except typer.BadParameter as error:
                note(f"  {error.message}", "red")

    def agrees(self, question: str) -> bool:
        """A yes or no; no unless somebody says yes."""
        return not self.silent and agrees(question)

    def settings_of(
        self, whose: str, model: type[BaseModel], *, bare: bool = False, never: Collection[str] = ()
    ) -> dict[str, Any]:
        """What `--set` gives to a connection or flow; a `bare` name counts where the model has it. An empty value
        is None. Raises BadParameter, also for credentials (`never`)."""
        found: dict[str, Any] = {}
        known = settings_by_name(model)
        for key, text in self._settings.items():
            owner, _dot, setting = key.rpartition(".")
            if owner != whose and not (bare and not owner and setting in known):
                continue
            self._used.add(key)
            if setting not in known:
                hint = nearest(setting, known, "")
                raise typer.BadParameter(
                    _("{whose} has no setting {setting!r}{hint}", whose=whose, setting=setting, hint=hint),
                    param_hint="--set",
                )
            if setting in never:
                message = _("a credential is never taken from the command line, where the shell keeps it")
                raise typer.BadParameter(message, param_hint=f"--set {key}")
            check = setting_check(model, setting)
            found[setting] = self.value("", check, option=f"--set {key}", given=text, needed=False)
        return found

    def check_all_used(self) -> None:
        """Raises BadParameter for a `--set` that was nobody's."""
        for key in self._settings.keys() - self._used:
            raise typer.BadParameter(_("{key}: no connection or flow here has it", key=key), param_hint="--set")


def plainly(error: ValueError) -> str:
    """An error's own words; pydantic's would repeat what was typed."""
    return in_words(error.errors()[0]) if isinstance(error, ValidationError) else str(error)


def settings_by_name(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's settings by the names that they have in the tenant file: `as`, which Python keeps for itself."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def setting_check(model: type[BaseModel], setting: str) -> Check:
    """Reads a setting as it will stand in the file: a number where one is wanted, `[a, b]` and `{a: b}` as YAML."""

    def check(text: str) -> Any:
        complaint: str | None = None
        for reading in _readings(text):
            complaint = _complaint(model, setting, reading)
            if complaint is None:
                return reading
        raise ValueError(complaint)

    return check


def _readings(text: str) -> Iterator[Any]:
    if re.fullmatch(r"0|[1-9]\d{0,17}", text):
        yield int(text)
    yield text
    if text[0] in "[{":
        try:
            yield yaml.safe_load(text)
        except yaml.YAMLError:
            return


def _complaint(model: type[BaseModel], setting: str, value: Any) -> str | None:
    """What the model says of this one setting; others are another question's."""
    try:
        model.model_validate({setting: value})
    except ValidationError as error:
        return next((in_words(each, model) for each in error.errors() if each["loc"][:1] == (setting,)), None)
    return None


def one_line_settings(model: type[BaseModel]) -> list[str]:
    """A connector's own settings that one can answer in a line and may leave out."""
    return [
        name
        for name, field in model.model_fields.items()
        if name not in ConnectionSettings.model_fields
        and field.default is None
        and {_bare(kind) for kind in get_args(field.annotation) or (field.annotation,)} <= {str, int, type(None)}
    ]


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def names_among(known: Iterable[str]) -> Check:
    """Reads names with commas between; each may have another in front: `till=iiko`."""
    choice = sorted(known)

    def check(text: str) -> list[str]:
        names = [name for name in re.split(r"[\s,]+", text) if name]
        for name in names:
            if name.rpartition("=")[2] not in choice:
                raise ValueError(
                    _(
                        "no {name!r} here{hint}",
                        name=name.rpartition("=")[2],
                        hint=nearest(name, choice, ""),
                    )
                )
        return names

    return check


def slug(name: str) -> str:
    """`Кофейня на Покровке` -> `kofeynya-na-pokrovke`."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold().translate(_TO_LATIN)).strip("-")[:40].strip("-")
