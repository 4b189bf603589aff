"""The front door's own description, OpenAPI 3.1: made of the models that check its calls."""

from __future__ import annotations

from functools import cache
from typing import Any

from svyazka.connectors.site.schema import BODIES
from svyazka.door.tables import OF_THE_PAYER

_ID = {"type": "string", "pattern": "^evt_[0-9a-f]{32}$"}
_PROBLEM = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer"}, "title": {"type": "string"}, "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}  # fmt: skip
_PAYMENT_ID = {"type": "string", "pattern": "^(pay_[0-9a-f]{24}|evt_[0-9a-f]{32})$"}
_STATES = ["created", "waiting", "held", "paid", "part_refunded", "refunded", "cancelled", "failed", "unknown"]
_PAYMENT = {
    "type": "object", "required": ["id", "state"],
    "properties": {
        "id": _PAYMENT_ID, "url": {"type": "string"}, "state": {"enum": _STATES}, "refunded": {"type": "string"},
        "receipt_to": {"type": "string"},
    },
}  # fmt: skip
_SUBSCRIPTION_ID = {"type": "string", "pattern": "^sub_[0-9a-f]{24}$"}
_SUBSCRIPTION = {
    "type": "object", "required": ["id"],
    "properties": {
        "id": _SUBSCRIPTION_ID, "due_at": {"type": "string"}, "pay": {"type": "boolean"},
        "state": {"enum": ["active", "retrying", "needs_card", "needs_owner", "stopped", "cancelled"]},
    },
}  # fmt: skip
_REACHED = [
    {"required": [name], "properties": {name: {"type": kind, **more}}}
    for name, kind, more in (
        ("phone", "string", {"pattern": r"\S"}), ("email", "string", {"pattern": r"\S"}), ("chat", "object", {}),
    )
]  # fmt: skip
_KEYS: list[dict[str, list[str]]] = [{"public": []}, {"server": []}]
_REFUSALS = {
    "400": "not readable, or an Idempotency-Key is missing", "401": "no key, or a wrong one",
    "403": "another site's page, or the server key is needed", "413": "too large", "415": "another content type",
    "422": "a field isn't what it should be", "429": "too often: Retry-After", "503": "try again: Retry-After",
}  # fmt: skip
SUMMARIES = {
    "lead": "Somebody wants something", "message": "Words of a person", "order": "A basket was sent off",
    "event": "Something happened in an app", "booking": "Somebody wants a visit",
    "payment": "Somebody is about to pay for an order", "refund": "Money is to go back",
}  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """The whole of it."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for call, model in BODIES.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = _demanding(call, schema)
        paths[f"/ingest/{call}"] = {"post": _appending(call, model.__name__)}
    paths |= _others()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Svyazka: the front door", "version": "1", "description": "docs/front-door.md"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "public": {"type": "apiKey", "in": "header", "name": "X-Site-Key"},
                "server": {"type": "apiKey", "in": "header", "name": "X-Site-Secret"},
                "session": {"type": "apiKey", "in": "header", "name": "X-Session"},
            },
        },
    }


def _demanding(call: str, schema: dict[str, Any]) -> dict[str, Any]:
    """With what the model alone doesn't say: a lead is somebody who can be reached."""
    if call == "lead":
        return {**schema, "anyOf": _REACHED}
    if call == "payment":
        return {**schema, "oneOf": [{"required": ["order"]}, {"required": ["subscription"]}]}
    if call == "booking":
        phone = {"type": "string", "maxLength": 40, "pattern": r"\S"}
        named = {**schema["properties"], "phone": phone}
        return {**schema, "properties": named, "required": [*schema["required"], "phone"]}
    return schema


def _appending(call: str, model: str) -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key", "in": "header", "required": call in ("order", "booking", "payment", "refund"),
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "description": "made once for each thing wanted, the same with each repeat",
    }  # fmt: skip
    words = ["accepted", "booked", "failed", "taken"] if call == "booking" else ["accepted"]
    told = {
        "type": "object", "required": ["status", "id"],
        "properties": {"status": {"enum": words}, "id": _ID, "starts_at": {"type": "string"}},
    }  # fmt: skip
    answers = {"200": _answer("there already, or done at once", told), "202": _answer("written down", told)}
    if call == "booking":
        answers["409"] = _answer("taken, or refused by the calendar", told)
    if call in ("payment", "refund"):
        answers = {
            "200": _answer("a link to open, or how it stands", _PAYMENT), "202": _answer("begun", _PAYMENT),
            "409": _problem("it can't be begun as things stand: `code`"),
        }  # fmt: skip
    return {
        "operationId": call, "summary": SUMMARIES[call], "parameters": [key],
        "security": [{"server": []}] if call in ("event", "refund") else _KEYS,
        "requestBody": {
            "required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
        },
        "responses": {**answers, **_refusals()},
    }  # fmt: skip


def _others() -> dict[str, Any]:
    phone = {"type": "string", "pattern": r"^\+7[0-9]{10}$"}
    code = {"type": "string", "minLength": 1, "maxLength": 20}
    name = {"type": "string", "minLength": 1, "maxLength": 200}
    session = {"type": "object", "required": ["session", "expires_in"]}
    day = {"type": "string", "format": "date"}
    id_ = {"type": "string", "minLength": 1, "maxLength": 64}
    looked = {"type": "object", "required": ["data", "as_of", "stale"]}
    mine = {"type": "object", "required": ["data", "as_of", "stale"]}
    born = {"type": "string", "pattern": r"^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$"}
    status = {"type": "object", "required": ["status", "id"]}
    test = {"type": "object", "required": ["status"]}
    factor = {"enum": ["birth_year", "birth_date"]}
    shown = {"type": "object", "required": ["status", "factor"], "properties": {"factor": factor}}
    return {
        "/ingest/booking/move": {
            "post": _asking("move", {"id": _ID, "starts_at": code}, "200", status, **_CHANGED)
        },
        "/ingest/booking/cancel": {"post": _asking("cancel", {"id": _ID}, "200", status, **_CHANGED)},
        "/ingest/booking/code": {
            "post": _asking("booking_code", {"phone": phone, "name": name}, "202", {"type": "object"})
        },
        "/ingest/code": {"post": _asking("code", {"phone": phone}, "202", {"type": "object"})},
        "/ingest/code/check": {"post": _asking("check", {"phone": phone, "code": code}, "200", session)},
        "/ingest/session": {
            "post": _asking("session", {"init_data": {**code, "maxLength": 4096}}, "200", session)
        },
        "/ingest/session/born": {
            "post": {**_asking("born", {"born": born}, "200", shown), "security": _WITH_SESSION}
        },
        "/ingest/services": {"get": _looking("services", {}, looked)},
        "/ingest/staff": {"get": _looking("staff", {"service": (id_, False)}, looked)},
        "/ingest/days": {
            "get": _looking(
                "days", {"service": (id_, True), "staff": (id_, False), "first": (day, True), "last": (day, True)},
                looked,
            )
        },
        "/ingest/slots": {
            "get": _looking("slots", {"service": (id_, True), "staff": (id_, False), "day": (day, True)}, looked)
        },
        "/ingest/me/visits": {"get": _looking("visits", {}, mine, _WITH_SESSION)},
        "/ingest/me/bookings": {"get": _looking("bookings", {}, mine, _WITH_SESSION)},
        "/ingest/test-crm": {
            "get": _looking("test", {}, test, more={"202": "written down", "502": "it didn't arrive"})
        },
        "/ingest/table/{table}": {
            "get": {
                **_looking("table", {}, _TABLE, more=_NO_CHECK), "parameters": [_TABLE_NAME],
            },
            "post": {
                **_asking("table_payment", _of_the_payer(), "200", _PAYMENT, **{"202": "begun", **_NO_CHECK}),
                "parameters": [_TABLE_NAME],
            },
        },
        "/ingest/me/subscriptions": {"get": _looking("subscriptions", {}, mine, _WITH_SESSION)},
        "/ingest/me/payments": {"get": _looking("payments", {}, mine, _WITH_SESSION)},
        "/ingest/subscription/{id}": {
            "get": {
                **_looking("subscription_state", {}, _SUBSCRIPTION, more={"404": "no such subscription of this site"}),
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": _SUBSCRIPTION_ID}],
            }
        },
        "/ingest/subscription/cancel": {
            "post": _asking(
                "unsubscribe", {"id": _SUBSCRIPTION_ID}, "200", _SUBSCRIPTION,
                **{"202": "written down", "404": "no such subscription of this site"},
            )
        },
        "/ingest/payment/{id}": {
            "get": {
                **_looking("payment_state", {}, _PAYMENT, more={"404": "no such payment of this site"}),
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": _PAYMENT_ID}],
            }
        },
        "/ingest/status/{id}": {
            "get": {
                **_looking("status", {}, status, more={"404": "no such call of this site"}),
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": _ID}],
            }
        },
    }  # fmt: skip


_TABLE = {"type": "object", "required": ["order", "check", "table", "amount", "currency", "items"]}
_TABLE_NAME = {
    "name": "table", "in": "path", "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 40, "pattern": r"^\w[\w -]*$"},
}  # fmt: skip
_NO_CHECK = {
    "404": "no such table, or nothing open at it: `code`", "409": "it can't be paid for here as it stands: `code`",
}  # fmt: skip


def _of_the_payer() -> dict[str, Any]:
    """What whoever pays at a table may say. `amount` is the one that was shown."""
    known = BODIES["payment"].model_json_schema()["properties"]
    return {"amount": {"type": "string", "default": ""}, **{name: known[name] for name in OF_THE_PAYER}}


_WITH_SESSION = [{**key, "session": []} for key in _KEYS]


_CHANGED = {"202": "written down", "404": "no such booking", "409": "it can't be changed now"}


def _asking(name: str, fields: dict[str, Any], status: str, told: dict[str, Any], **more: str) -> dict[str, Any]:
    required = [each for each, field in fields.items() if "default" not in field]
    schema = {"type": "object", "required": required, "properties": fields}
    return {
        "operationId": name, "security": _KEYS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            status: _answer("done", told),
            **{each: _answer(words, told) if each == "202" else _problem(words) for each, words in more.items()},
            **_refusals(),
        },
    }  # fmt: skip


def _looking(
    name: str, params: dict[str, tuple[dict[str, Any], bool]], told: dict[str, Any],
    security: list[dict[str, list[str]]] = _KEYS, more: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    parameters = [
        {"name": each, "in": "query", "required": needed, "schema": schema}
        for each, (schema, needed) in params.items()
    ]  # fmt: skip
    others = {status: _problem(words) for status, words in (more or {}).items() if status != "202"}
    if more and "202" in more:
        others["202"] = _answer(more["202"], told)
    return {
        "operationId": name, "security": security, "parameters": parameters,
        "responses": {"200": _answer("as it is", told), **others, **_refusals()},
    }  # fmt: skip


def _answer(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _problem(words: str) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Problem"}
    return {"description": words, "content": {"application/problem+json": {"schema": reference}}}


def _refusals() -> dict[str, Any]:
    return {status: _problem(words) for status, words in _REFUSALS.items()}
