"""What callers of the front door send, field by field: the models that check it and that its OpenAPI document shows.

Light to import: the function starts cold. What isn't understood is refused with its field's name, so that a mistyped
`phonne` is seen by whoever writes the page and not by whoever waits for the call.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from svyazka.model.base import RETURN_URL, storable

ID = r"^[\w.:+@/-]+$"


def _clean(value: str) -> str:
    plain: str = storable(value.replace("\x00", "").strip())
    return plain


Clean = Annotated[str, AfterValidator(_clean)]
Short = Annotated[Clean, Field(max_length=100)]
Line = Annotated[Clean, Field(max_length=200)]
Address = Annotated[Clean, Field(max_length=2000)]
Text = Annotated[Clean, Field(max_length=4000)]
Scalar = str | int | float | bool | None
Money = Annotated[
    Decimal,
    Field(ge=0, lt=10**12, decimal_places=2),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,11}(\.[0-9]{1,2})?$", "examples": ["1049.30"]}),
]
Count = Annotated[
    Decimal,
    Field(gt=0, lt=10**9),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**9}),
]


class Part(BaseModel):
    """A part of a body: nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Chat(Part):
    """Where a person can be written to."""

    vendor: Literal["telegram", "max", "whatsapp"]
    id: Annotated[str, Field(min_length=1, max_length=64, pattern=ID)]


class Utm(Part):
    """Where the visit came from."""

    source: Line | None = None
    medium: Line | None = None
    campaign: Line | None = None
    content: Line | None = None
    term: Line | None = None


class Item(Part):
    """A line of a basket. Prices count by the server key only: what a browser says of them is dropped."""

    sku: Short | None = None
    name: Line | None = None
    quantity: Count | None = None
    price: Money | None = None


class Consent(Part):
    """The words that the person agreed to, and when."""

    text: Text | None = None
    at: Short | None = None


class Body(Part):
    """What all bodies share: a person and where they came from."""

    name: Line | None = None
    phone: Annotated[Clean, Field(max_length=40)] | None = None
    email: Line | None = None
    chat: Chat | None = None
    text: Text | None = None
    source: Line | None = None
    utm: Utm | None = None
    start: Line | None = None
    page: Address | None = None
    fields: Annotated[dict[Annotated[str, Field(max_length=100)], Scalar], Field(max_length=50)] = {}
    consent: Consent | None = None
    took: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Milliseconds that the form was open."""


class Lead(Body):
    """Somebody who wants something: a phone, an e-mail or a chat, and words."""

    items: Annotated[tuple[Item, ...], Field(max_length=100)] = ()
    price: Money | None = None


class Message(Body):
    """Words of a person who is known already."""


class Order(Body):
    """A basket that was sent off. `status` and `sum` count by the server key only."""

    number: Annotated[str, Field(min_length=1, max_length=64)]
    status: Literal["created", "changed", "completed", "cancelled"] = "created"
    items: Annotated[tuple[Item, ...], Field(max_length=100)] = ()
    sum: Money | None = None


class Happening(Body):
    """Something that happened in an app, told by its back end."""

    type: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_.]*$")]
    id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Its own id at the caller: the same happening said again is no news."""
    subject: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    at: Short | None = None


class Booking(Body):
    """A visit that somebody wants."""

    service: Annotated[str, Field(min_length=1, max_length=64)]
    staff: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    starts_at: Annotated[str, Field(min_length=10, max_length=40)]
    comment: Text | None = None
    code: Annotated[str, Field(min_length=1, max_length=20)] | None = None


class Recurring(Part):
    """What is charged again and again once this is paid, by what it was paid by."""

    every: Literal["week", "month", "year"]
    amount: Money | None = None
    """Each time; without: as much as the first time."""


class Payment(Body):
    """An order that somebody is about to pay for. By the public key the amount is only compared with what the order is
    known to cost; lines and parts are the server's to say."""

    order: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    subscription: Annotated[str, Field(pattern=r"^sub_[0-9a-f]{24}$")] | None = None
    """In place of an order: its period that is due, by another card, which is charged from then on."""
    amount: Money | None = None
    currency: Literal["RUB"] = "RUB"
    part: Annotated[str, Field(max_length=20, pattern=r"^[a-z0-9_-]*$")] = ""
    items: Annotated[tuple[Item, ...], Field(max_length=100)] = ()
    inn: Annotated[str, Field(pattern=r"^(\d{10}|\d{12})$")] | None = None
    return_url: Annotated[Clean, Field(max_length=1000, pattern=RETURN_URL)] | None = None
    container: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z-]+$")] | None = None
    """A bill at the provider that this one joins: a marketplace's mini-app is given its id."""
    save_card: bool = False
    split: Annotated[dict[Short, Money], Field(max_length=100)] | None = None
    """By the server key only: what is each seller's, by the names in the flow's `sellers`; together the amount."""
    recurring: Recurring | None = None
    """By the server key only, and with the `consent` that its payer gave."""


class Refund(Body):
    """Money that goes back: all that is free, or an amount."""

    payment: Annotated[str, Field(pattern=r"^pay_[0-9a-f]{24}$")]
    amount: Money | None = None


BODIES: dict[str, type[Body]] = {
    "lead": Lead, "message": Message, "order": Order, "event": Happening, "booking": Booking, "payment": Payment,
    "refund": Refund,
}  # fmt: skip
"""By call: `POST /ingest/<call>`."""


class Envelope(BaseModel):
    """A call as the journal keeps it: what was sent, and what the front door had found out about it.

    The worker reads it again after a salvage or at a replay, so all that a fact depends on stands in it.
    """

    model_config = ConfigDict(frozen=True)

    call: Literal[
        "lead",
        "message",
        "order",
        "event",
        "booking",
        "payment",
        "refund",
        "booking_move",
        "booking_cancel",
        "booking_code",
        "code",
        "subscription_cancel",
    ]
    by: Literal["public", "server"]
    named: str
    """Keyed hash of what names the call: its Idempotency-Key, or person and words."""
    within: float
    """Seconds for which that holds."""
    print: str
    """Keyed hash of the body: the same key with another body is a mistake of the caller's."""
    held: str | None = None
    held_for: float | None = None
    """Seconds until what is held goes on by itself."""
    ignored: str | None = None
    test: bool = False
    body: dict[str, Any] = {}
