"""How a stranger's JSON is read by the settings of the generic pair.

Everything that looks into a body is a JMESPath expression (jmespath.org): `order.id`, `items[?paid].sku`,
`'a literal'`. Light to import: the webhook function starts cold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from svyazka.catalogue import N_, _
from svyazka.model.events import EventType

TYPES = frozenset(EventType) - {EventType.OTHER, EventType.SEND_REQUESTED}
"""What a sender may tell of. Asking for messages isn't among it: that is our operators' and nobody else's."""

TYPE_NAMES = frozenset(type_.value for type_ in TYPES)

_HEADER_VALUE = re.compile(r"^[\x20-\x7e]*$")


class Unanswered(ValueError):
    """An expression that can't be applied to this body."""


@lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def look(expression: str, value: object) -> object:
    """What an expression finds, None for nothing. Raises Unanswered where it can't be applied."""
    try:
        return _compiled(expression).search(value)
    except (JMESPathError, RecursionError, TypeError, ValueError, OverflowError) as error:
        # The error's own text would quote the body.
        raise Unanswered(
            N_("{expression} can't be applied to it ({found})").format(
                expression=expression, found=type(error).__name__
            )
        ) from None


def can_be_header(value: str) -> bool:
    """Whether a text can be a header's value as it stands."""
    return bool(_HEADER_VALUE.match(value))


def check_url(url: str) -> None:
    """Raises ValueError for what can't be called."""
    if url.startswith("/"):
        return  # under base_url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(_("expected an address such as https://example.org/hook"))
    if parts.username is not None or parts.password is not None:
        raise ValueError(_("expected an address without a user and a password: put them into `authorization`"))


def expressions(value: object) -> Mapping[str, str]:
    """A setting that is a mapping of names to expressions, as it stands in the compiled connection."""
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}
