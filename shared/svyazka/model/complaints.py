"""What pydantic has to say of a setting, in words for whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

WORDS = {
    "string_type": "expected text (in quotes where it looks like a number)",
    "list_type": "expected a list, such as [a, b]",
    "tuple_type": "expected a list, such as [a, b]",
    "dict_type": "expected names and values, such as {name: value}",
    "model_type": "expected names and values, such as {name: value}",
    "model_attributes_type": "expected names and values, such as {name: value}",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}
"""By pydantic's kind of complaint; what came isn't repeated, for it may be a credential in the wrong place."""


def in_words(complaint: ErrorDetails, model: type[BaseModel] | None = None) -> str:
    """One complaint of `model`. A field with a pattern says in its `description` what is expected there."""
    kind, place = complaint["type"], complaint["loc"]
    if kind == "string_pattern_mismatch":
        field = model.model_fields.get(str(place[0])) if model is not None and len(place) == 1 else None
        expected = field.description if field is not None else None
        return f"expected {expected or 'text of the form ' + complaint['ctx']['pattern']}"
    own = complaint["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return WORDS.get(kind, own)
