"""What was sent, read: JSON or a form, checked field by field, and told from a robot's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

from svyazka.connectors.site.schema import Body
from svyazka.connectors.site.settings import SiteSettings
from svyazka.door.answers import is_form, wrong
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import decoded, json_of
from svyazka.engine.contracts.webhook import Answer, NotTheFormat, RawRequest
from svyazka.engine.intake.receive import problem

OF_FORMS = ("return_url", "key")
"""Fields of a plain form that are no part of what it tells."""

NESTED = ("utm", "chat", "consent")


def sent(request: RawRequest) -> dict[str, Any] | Answer:
    """The body as names and values."""
    kind = (request.header("content-type") or "application/json").split(";")[0].strip().lower()
    try:
        if is_form(request):
            return _form(request)
        if kind not in ("application/json", "text/plain"):  # sendBeacon can't say application/json without a preflight
            return problem(415, "Unsupported content", "expected application/json or a form")
        found = json_of(request.body, request.header("content-type"))
    except NotTheFormat as error:
        return problem(400, "Not readable", str(error))
    if not isinstance(found, dict):
        return problem(400, "Not readable", f"expected a JSON object, got {type(found).__name__}")
    return found


def _form(request: RawRequest) -> dict[str, Any]:
    """A form's fields: `utm.source` or `utm_source` is a part of `utm`."""
    content_type = request.header("content-type")
    body = urlencoded(request.body, content_type)
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=200)
    except ValueError:
        raise NotTheFormat("expected a form of at most 200 fields") from None
    found: dict[str, Any] = {}
    for raw_name, raw_value in pairs:
        name, value = (decoded(part.encode("latin-1"), None) for part in (raw_name, raw_value))
        outer, dot, inner = name.partition(".") if "." in name else name.partition("_")
        whole = found.setdefault(outer, {}) if dot and outer in NESTED and inner else None
        if isinstance(whole, dict):
            whole[inner] = value
        elif value:
            found[name] = value
    return found


def checked(model: type[Body], said: Mapping[str, Any], as_form: bool) -> Body | Answer:
    """The body as its model, or the first thing that is wrong with it. Of a form, whose fields its page's maker chose,
    what we don't know goes into `fields`."""
    values = dict(said)
    if as_form:
        own = {name: values.pop(name) for name in list(values) if name not in model.model_fields}
        if own:
            values["fields"] = {**own}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        complaint = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in complaint["loc"]) or "body"
        if complaint["type"] == "extra_forbidden":
            return wrong(where[:100], f"no such field; expected some of {', '.join(sorted(model.model_fields))}")
        words = complaint["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
        return wrong(where[:100], words)


def trapped(said: dict[str, Any], settings: SiteSettings) -> str | None:
    """Why a call is taken for a robot's: it fills in what people don't see."""
    return "honeypot" if settings.honeypot is not None and said.get(settings.honeypot) else None


def too_quick(body: Body, settings: SiteSettings) -> bool:
    """Whether a form was filled in faster than fingers do it. A browser that fills in for its person is as quick as a
    robot, so this proves nothing."""
    return body.took is not None and timedelta(milliseconds=body.took) < settings.min_fill
