"""What pydantic has to say of a setting, in words for whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svyazka.catalogue import N_, _, told

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

WORDS = {
    "string_type": N_("expected text (in quotes where it looks like a number)"),
    "list_type": N_("expected a list, such as [a, b]"),
    "tuple_type": N_("expected a list, such as [a, b]"),
    "dict_type": N_("expected names and values, such as {name: value}"),
    "model_type": N_("expected names and values, such as {name: value}"),
    "model_attributes_type": N_("expected names and values, such as {name: value}"),
    "int_type": N_("expected a whole number"),
    "int_parsing": N_("expected a whole number"),
    "int_from_float": N_("expected a whole number"),
    "float_type": N_("expected a number"),
    "float_parsing": N_("expected a number"),
    "bool_type": N_("expected true or false"),
    "bool_parsing": N_("expected true or false"),
}
"""By pydantic's kind of complaint; what came isn't repeated, for it may be a credential in the wrong place."""


def in_words(complaint: ErrorDetails, model: type[BaseModel] | None = None) -> str:
    """One complaint of `model`. A field with a pattern says what is expected there by `expected` in its
    `json_schema_extra`; elsewhere its `description` does."""
    kind, place = complaint["type"], complaint["loc"]
    if kind == "string_pattern_mismatch":
        field = model.model_fields.get(str(place[0])) if model is not None and len(place) == 1 else None
        expected = _expected(field) if field is not None else None
        if expected:
            return _("expected {what}", what=_(expected))
        return _("expected text of the form {pattern}", pattern=complaint["ctx"]["pattern"])
    if kind in ("enum", "literal_error"):
        return _of_choices(complaint)
    own = complaint["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return _(WORDS[kind]) if kind in WORDS else told(own)


def _of_choices(complaint: ErrorDetails) -> str:
    """What it may be; a number that is one of the texts lacks its quotes."""
    *others, last = str(complaint["ctx"]["expected"]).replace(" or ", ", ").split(", ")
    given = complaint["input"]
    if type(given) is int and f"'{given}'" in (*others, last):
        return _("expected text: write it in quotes, '{given}'", given=given)
    return (
        _("expected {choices} or {last}", choices=", ".join(others), last=last)
        if others
        else (_("expected {what}", what=last))
    )


def _expected(field: FieldInfo) -> str | None:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "expected" in extra:
        return str(extra["expected"])
    # With a title the description is for whoever fills in a form: it says where to look.
    return field.description if field.title is None else None
