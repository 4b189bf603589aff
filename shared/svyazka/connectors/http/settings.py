"""The settings of one connection of the generic pair. Everything that looks into a body is a JMESPath expression."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from svyazka.catalogue import N_, _
from svyazka.connectors.http.schema import TYPE_NAMES, TYPES, can_be_header, check_url
from svyazka.model.base import Frozen
from svyazka.model.events import EventType
from svyazka.model.tenants import ConnectionSettings

UNKNOWN_YET = frozenset("•")
"""What a secret's value looks like where a tenant file is only checked."""

OURS = frozenset({"host", "content-length", "content-type", "authorization", "transfer-encoding", "connection"})
"""Headers that the settings may not set: we do, or `authorization` does."""

_HEADER_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(
            _(
                "expected a JMESPath expression such as order.id, got {text!r}: {first_line}",
                text=text,
                first_line=_first_line(error),
            )
        ) from None
    return text


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(": ")


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Expression = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_expression)]
Expressions = Annotated[tuple[Expression, ...], BeforeValidator(_listed), Field(min_length=1)]
"""One expression or a list of them."""


class InboundAuth(Frozen):
    """How a sender proves itself beyond the key in our address. All but `key` need `inbound_secret`."""

    by: Literal["key", "token", "basic", "hmac", "standard_webhooks"]
    header: str | None = Field(default=None, pattern=_HEADER_NAME.pattern)
    """token, hmac: the header that holds it, such as X-Signature."""
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    """hmac: what stands before the value, such as `sha256=`."""

    @model_validator(mode="after")
    def _names_its_header(self) -> InboundAuth:
        if self.by in ("token", "hmac") and self.header is None:
            raise ValueError(_("by {by}: expected `header`, the name of the header that holds it", by=self.by))
        return self


class ContactExpressions(Frozen):
    """Who the person is."""

    name: Expression | None = None
    phone: Expression | None = None
    email: Expression | None = None
    chats: dict[str, Expression] = {}


class OwnSystem(Frozen):
    """A business's own system that answers the questions of `docs/in-step.md`, and what it can't."""

    url: str
    """Its root: `contact` and what else it keeps stand below."""
    kinds: tuple[Literal["contact", "company"], ...] = Field(default=("contact",), min_length=1)
    fields: dict[str, str] = {}
    """Our name -> its name, where they differ."""
    requires: tuple[str, ...] = ()
    """Fields without which it makes nothing."""
    one: tuple[Literal["phone", "email", "tags"], ...] = ()
    """Of these it holds one a card, as a text."""
    read_only: tuple[str, ...] = ()
    """It shows them and takes none."""
    longest: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Characters that it keeps of a field."""
    search: tuple[Literal["mark", "phone", "email", "name"], ...] = ("mark", "phone", "email")
    """By what it finds; without `mark` it keeps no mark of ours."""
    since: bool = True
    """It can be asked what has changed."""
    page: int = Field(default=100, ge=1, le=1000)

    @field_validator("url")
    @classmethod
    def _its_root(cls, value: str) -> str:
        if not UNKNOWN_YET.issuperset(value):
            check_url(value)
            if "?" in value or "#" in value:
                raise ValueError(_("expected an address without `?` and `#`: what is asked for is added to it"))
        return value

    @field_validator("fields")
    @classmethod
    def _each_once(cls, value: dict[str, str]) -> dict[str, str]:
        twice = sorted({name for name in value.values() if list(value.values()).count(name) > 1})
        if twice:
            raise ValueError(_("expected each of its names once, got {name!r} twice", name=twice[0]))
        return value


class HttpSettings(ConnectionSettings):
    """A source (`type`, `subject`, ...), a destination (`url`, ...), or both."""

    auth: InboundAuth | None = Field(default=None, title=N_("как доказывается запрос"))
    inbound_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет отправителя"),
    )
    """The HMAC key, the header's token, `user:password`, or whsec_/whpk_ (old and new with a space between)."""
    items: Expression | None = Field(default=None, title=N_("где в теле список событий"))
    type: str = Field(default="type", title=N_("вид события, или где он стоит"))
    """A type of ours (`order.completed`), or an expression that finds the sender's word for it."""
    types: dict[str, EventType] = Field(default={}, title=N_("слово отправителя → вид события"))
    subject: Expression | None = Field(default=None, title=N_("о чём событие: где стоит номер"))
    key: Expressions | None = Field(default=None, title=N_("что отличает событие от других"))
    occurred_at: Expression = Field(default="timestamp", title=N_("где стоит время события"))
    contact: ContactExpressions = Field(default=ContactExpressions(), title=N_("где стоят имя, телефон, почта, чаты"))
    fields: dict[str, Expression] = Field(default={}, title=N_("что ещё взять из тела"))

    url: str | None = Field(
        default=None,
        title=N_("адрес получателя"),
    )
    method: Literal["POST", "PUT", "PATCH"] = Field(default="POST", title=N_("метод вызова получателя"))
    headers: dict[str, str] = Field(default={}, title=N_("свои заголовки вызова"))
    authorization: str | None = Field(
        default=None,
        min_length=1,
        title=N_("заголовок Authorization целиком"),
    )
    """The whole Authorization header: `Bearer ...`, `Basic ...`."""
    body: Expression | None = Field(default=None, title=N_("своё тело вызова"))
    """Another body, made from {type, timestamp, data}; `{text: data.contact.name}` makes an object."""
    outbound_secret: str | None = Field(
        default=None,
        min_length=1,
        title=N_("секрет подписи исходящего"),
        description=N_("Придумайте: whsec_ и от 24 до 64 случайных байтов в base64"),
    )
    """whsec_ or whsk_, to sign what goes out by Standard Webhooks."""
    records: OwnSystem | None = Field(default=None, title=N_("своя система с карточками: что у неё спрашивать"))

    @field_validator("type")
    @classmethod
    def _type_or_expression(cls, value: str) -> str:
        return value if value in TYPE_NAMES else _expression(value)

    @field_validator("types")
    @classmethod
    def _may_be_told(cls, value: dict[str, EventType]) -> dict[str, EventType]:
        for word, type_ in value.items():
            if type_ not in TYPES:
                raise ValueError(
                    _("{word}: expected a type such as order.completed, got {type}", word=word, type=type_.value)
                )
        return value

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not UNKNOWN_YET.issuperset(value):
            check_url(value)
        return value

    @field_validator("headers")
    @classmethod
    def _allowed_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name.lower() in OURS or name.lower().startswith("webhook-"):
                raise ValueError(_("{name}: set by us, or by `authorization`; expected other headers", name=name))
            if not _HEADER_NAME.match(name) or not can_be_header(text):
                raise ValueError(_("{name!r}: expected a header's name and a value of plain ASCII", name=name))
        return value
