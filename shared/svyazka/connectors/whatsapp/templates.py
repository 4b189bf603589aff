"""From a flow's words to a message of WhatsApp's: a text, or an approved template with its parameters. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.model.commands import SendMessage

LANGUAGE = "ru"
"""Of a template that names none."""

_BLANKS = re.compile(r"[\n\t]|\s{5,}")
"""What a parameter may not hold: a line's end, a tab, more than four spaces in a row."""


class WrongTemplate(ValueError):
    """A template that can't be sent as it is. The message says what was expected, and quotes no parameter."""


def content_of(command: SendMessage) -> dict[str, Any]:
    """`type` and contents of a message. Raises WrongTemplate.

    A text is delivered only within 24 hours of the person's own last message; a template at any time.
    """
    if command.template is None:
        # No preview: what a link leads to is fetched by Meta before the person has asked for it.
        return {"type": "text", "text": {"body": command.text, "preview_url": False}}
    return {"type": "template", "template": template_of(command.template)}


def template_of(given: Mapping[str, JsonValue]) -> dict[str, Any]:
    """`{name, language, parameters: [...] or {name: ...}}`, or `components` as Meta has them, as Meta has them."""
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise WrongTemplate(N_("expected `name`, as the template is called in WhatsApp Manager"))
    language = given.get("language", LANGUAGE)
    code = language.get("code") if isinstance(language, dict) else language
    if not isinstance(code, str) or not code:
        raise WrongTemplate(N_("expected `language` such as ru"))
    unknown = set(given) - {"name", "language", "parameters", "components"}
    if unknown:
        raise WrongTemplate(
            N_("expected name, language, parameters or components, got {names}").format(
                names=", ".join(sorted(unknown))
            )
        )
    components = [*_body(given.get("parameters")), *_components(given.get("components"))]
    template: dict[str, Any] = {"name": name, "language": {"code": code}}
    return {**template, "components": components} if components else template


def _body(parameters: JsonValue) -> list[dict[str, Any]]:
    if parameters is None:
        return []
    if isinstance(parameters, dict):
        made = [{"type": "text", "parameter_name": name, "text": _text(value)} for name, value in parameters.items()]
    elif isinstance(parameters, list):
        made = [{"type": "text", "text": _text(value)} for value in parameters]
    else:
        raise WrongTemplate(N_("expected `parameters` as a list of texts, or as names and texts"))
    return [{"type": "body", "parameters": made}] if made else []


def _components(given: JsonValue) -> list[dict[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise WrongTemplate(N_("expected `components` as a list of objects, as in Meta's documentation"))
    return [_component(one) for one in given if isinstance(one, dict)]


def _component(component: Mapping[str, JsonValue]) -> dict[str, Any]:
    """One component, the texts of its parameters made fit."""
    parameters = component.get("parameters")
    if not isinstance(parameters, list):
        return dict(component)
    made = [
        {**one, "text": _text(one["text"])} if isinstance(one, dict) and "text" in one else one for one in parameters
    ]
    return {**component, "parameters": made}


def _text(value: JsonValue) -> str:
    """A parameter's text as Meta takes it: one line, no long gaps, and never empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise WrongTemplate(N_("expected every parameter to be a text"))
    words = _BLANKS.sub(" ", str(value)).strip()
    if not words:
        raise WrongTemplate(N_("a parameter is empty for this person, and WhatsApp takes no empty one"))
    return words
