"""Whose a payment is: to whom its receipt and its messages go. Pure.

The newest word counts until money comes, and that of the business's own server over any browser's: who has mistyped an
address puts it right by asking once more.
"""

from __future__ import annotations

from collections.abc import Iterable

from svyazka.engine.security.keyring import PEOPLE_OF_AN_EVENT
from svyazka.model.contacts import Contact, mask_email, mask_phone, normalize_email, normalize_phone
from svyazka.model.payments import By, Payment, PaymentState

MOST_LINKS = 30
"""Of one payment: after so many no page gets another by naming somebody else. Numbers of links have an end."""


def is_reached(person: Contact) -> bool:
    """Whether a receipt can be sent to them."""
    return (normalize_email(person.email) or normalize_phone(person.phone)) is not None


def readdressed(payment: Payment, person: Contact, people: Iterable[str], *, named: bool) -> Payment | None:
    """The payment as that person's; None where nothing changes. `named`: by the business's own server."""
    if not is_reached(person) or (payment.named and not named) or payment.subscription is not None:
        return None
    if payment.closed or payment.captured or payment.state is PaymentState.HELD:
        return None
    before = payment.person or Contact()
    same = (normalize_email(before.email), normalize_phone(before.phone)) == (
        normalize_email(person.email), normalize_phone(person.phone)
    )  # fmt: skip
    if same:
        return payment.model_copy(update={"named": True}) if named and not payment.named else None
    if payment.receipt and not named and len(payment.attempts) >= MOST_LINKS:
        return None
    links = tuple(
        one.model_copy(update={"elsewhere": True}) if payment.receipt and one.by is By.LINK else one
        for one in payment.attempts
    )
    everybody = tuple(dict.fromkeys((*payment.people, *people)))[:PEOPLE_OF_AN_EVENT]
    return payment.model_copy(update={"person": person, "named": named, "attempts": links, "people": everybody})


def shown_address(payment: Payment) -> str | None:
    """Where its receipt goes, as a page may show it; None where none is owed, and of whom the business's own server has
    named: whoever knows an order's number would learn something of its customer."""
    if payment.person is None or payment.named or not (payment.receipt or payment.fiscaliser):
        return None
    return mask_email(normalize_email(payment.person.email)) or mask_phone(normalize_phone(payment.person.phone))
