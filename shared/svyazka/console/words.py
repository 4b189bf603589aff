"""What things are called for people: flows, events, commands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.model.deliveries import AuditLine
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventType

FLOWS = {
    "review_request": N_("a request for a review"), "notify": N_("a notice"), "forward": N_("passing on"),
    "lead_intake": N_("a lead into the CRM"), "new_user_is_lead": N_("a new user into the CRM"),
    "enrich": N_("news onto the card"), "booking": N_("a booking"), "booking_bot": N_("the booking bot"),
    "one_time_code": N_("a one-time code"), "sync_contacts": N_("contacts in step"),
    "sync": N_("companies in step"),
    "sync_appointments": N_("visits in step"),
    "take_payment": N_("taking a payment"), "paid_order": N_("an order is paid"),
    "close_table": N_("a table is closed"),
    "refund_on_cancel": N_("money back for what is cancelled"),
    "another_card": N_("another card for a subscription"),
    "alerts": N_("word to you of trouble"), "send": N_("sent by hand"),
    "sign_in": N_("a code for the console"),
}  # fmt: skip

EVENTS = {
    EventType.ORDER_CREATED: N_("an order was made"), EventType.ORDER_CHANGED: N_("an order was changed"),
    EventType.ORDER_COMPLETED: N_("an order is done"), EventType.ORDER_CANCELLED: N_("an order was cancelled"),
    EventType.APPOINTMENT_BOOKED: N_("a visit was booked"), EventType.APPOINTMENT_CHANGED: N_("a visit was changed"),
    EventType.APPOINTMENT_CONFIRMED: N_("a visit was confirmed"),
    EventType.APPOINTMENT_CANCELLED: N_("a visit was cancelled"),
    EventType.APPOINTMENT_COMPLETED: N_("a visit took place"), EventType.APPOINTMENT_MISSED: N_("nobody came"),
    EventType.LEAD_CREATED: N_("a lead"), EventType.DEAL_CREATED: N_("a deal was made"),
    EventType.DEAL_CHANGED: N_("a deal was changed"), EventType.DEAL_WON: N_("a deal was won"),
    EventType.DEAL_LOST: N_("a deal was lost"), EventType.CONTACT_CREATED: N_("a new contact"),
    EventType.CONTACT_CHANGED: N_("a contact was changed"), EventType.CONTACT_DELETED: N_("a contact was deleted"),
    EventType.CONTACT_MERGED: N_("contacts were merged"), EventType.PAYMENT_SUCCEEDED: N_("a payment came"),
    EventType.PAYMENT_FAILED: N_("a payment failed"), EventType.PAYMENT_REFUNDED: N_("a payment was given back"),
    EventType.PAYMENT_REQUESTED: N_("a payment is asked for"), EventType.PAYMENT_CHANGED: N_("a payment was changed"),
    EventType.REFUND_REQUESTED: N_("money is to be given back"),
    EventType.RECEIPT_CHANGED: N_("a fiscal receipt was changed"),
    EventType.RECEIPT_REGISTERED: N_("a fiscal receipt is registered"),
    EventType.SUBSCRIPTION_CANCEL_REQUESTED: N_("somebody wants no more of a subscription"),
    EventType.SUBSCRIPTION_CARD_NEEDED: N_("a subscription needs another card"),
    EventType.SUBSCRIPTION_STOPPED: N_("a subscription wasn't paid"),
    EventType.SUBSCRIPTION_CANCELLED: N_("a subscription was cancelled"),
    EventType.MESSAGE_SENT: N_("a message was sent"), EventType.MESSAGE_DELIVERED: N_("a message was delivered"),
    EventType.MESSAGE_READ: N_("a message was read"), EventType.MESSAGE_FAILED: N_("a message wasn't delivered"),
    EventType.MESSAGE_RECEIVED: N_("somebody wrote"), EventType.STOCK_CHANGED: N_("the stock changed"),
    EventType.CATALOG_CHANGED: N_("the catalogue changed"), EventType.INVOICE_PAID: N_("an invoice was paid"),
    EventType.INVOICE_CANCELLED: N_("an invoice was cancelled"), EventType.ENROLMENT_CREATED: N_("an enrolment"),
    EventType.ENROLMENT_CHANGED: N_("an enrolment was changed"),
    EventType.BOOKING_REQUESTED: N_("somebody wants to book"),
    EventType.BOOKING_MOVE_REQUESTED: N_("somebody wants another time"),
    EventType.BOOKING_CANCEL_REQUESTED: N_("somebody wants to cancel"),
    EventType.BOOKING_CODE_REQUESTED: N_("somebody wants a code for a booking"),
    EventType.ACTIVITY_RECORDED: N_("somebody did something on the site"),
    EventType.CONNECTION_DISABLED: N_("the system switched us off"),
    EventType.CONNECTION_ENABLED: N_("the system switched us on"), EventType.OTHER: N_("something else"),
    EventType.SEND_REQUESTED: N_("a message is to be sent"),
}  # fmt: skip

JOBS = {
    "import": N_("bringing a file in"), "replay": N_("what failed, once more"),
    "agreement": N_("comparing the systems"), "check": N_("a check of the links"),
    "first_link": N_("whose card is whose"), "linking": N_("linking the cards"),
}  # fmt: skip

ACTIONS = {
    "retry": N_("tried a connection now"), "replay": N_("did it once more"), "resolve": N_("said what became of it"),
    "pause": N_("paused"), "resume": N_("let go on"), "release": N_("let go what was held"),
    "discard": N_("discarded what was held"), "replay_all": N_("did all of a list once more"),
    "pause_job": N_("paused long work"), "resume_job": N_("let long work go on"), "cancel_job": N_("ended long work"),
    "set_secret": N_("set a key"), "secret set": N_("set a key"), "secret rm": N_("removed a key"),
    "authorise": N_("began to give access"), "take_code": N_("gave access"), "auth": N_("gave access"),
    "try_out": N_("looked what would follow"),
    "plan_file": N_("looked what a change of the settings would do"), "apply_file": N_("changed the settings"),
    "reveal": N_("looked at a person"), "apply": N_("changed the settings"), "invite": N_("made a way in"),
    "import": N_("brought a file in"), "urls": N_("asked for the addresses"),
    "sync plan": N_("looked whose card is whose"),
    "forget": N_("forgot a person"), "send": N_("sent a message"),
    "jobs pause": N_("paused long work"), "jobs resume": N_("let long work go on"),
    "jobs cancel": N_("ended long work"),
    "sync start": N_("turned keeping in step on"), "sync stop": N_("turned keeping in step off"),
    "sync answer": N_("answered a doubt"), "answer_doubt": N_("answered a doubt"),
    "doctor --fix": N_("had addresses put right"), "support_link": N_("made a link for support"),
    "refund": N_("gave money back"), "note_paid": N_("noted what was paid by hand"),
    "ask_provider": N_("had a provider asked"), "seen_to": N_("saw to a payment"),
    "receipt": N_("said what becomes of a receipt"),
    "subscription": N_("said what becomes of a subscription"),
    "let_go": N_("said what becomes of a mass of changes"), "answer_all": N_("answered many doubts at once"),
    "sync answer-all": N_("answered many doubts at once"), "sync let-go": N_("said what becomes of a mass of changes"),
    "unmerge": N_("took cards apart"), "revive": N_("had a card made anew"), "sync revive": N_("had a card made anew"),
    "show_cards": N_("had cards shown"), "sync_start": N_("turned keeping in step on"),
    "sync_stop": N_("turned keeping in step off"),
    "sign_in code": N_("was sent a code"), "sign_in": N_("came in"), "end_sign_in": N_("ended a sign-in"),
    "sign-ins end": N_("ended a sign-in"),
    "held": N_("said what becomes of what was held"), "rotate": N_("changed the key of an address"),
    "diff --full": N_("had all cards compared"), "ship": N_("had the closing documents made"),
    "partner invite": N_("invited a business to its vendor"), "partner activate": N_("took in a vendor's access"),
    "settle": N_("noted what an advance was for as handed over"),
    "register again": N_("had a receipt registered again"),
    "registered": N_("noted that a receipt was registered otherwise"),
    "subscriptions charge": N_("had a subscription charged"),
    "subscriptions skip": N_("let a period of a subscription go uncharged"),
    "subscriptions cancel": N_("ended a subscription"),
}  # fmt: skip


CAME = {"refused": N_("not done, it was refused"), "begun": N_("it broke off before its end")}
"""What came of it, where it wasn't done."""

DETAILS = {
    "ids": N_("which"), "count": N_("how many"), "job": N_("long work"), "lines": N_("lines"), "files": N_("files"),
    "made_up": N_("made up here"), "changes": N_("changes"), "how": N_("how"), "toward": N_("towards"),
    "said": N_("answer"), "field": N_("field"), "cause": N_("cause"), "resolution": N_("answer"), "event": N_("event"),
    "delivery": N_("piece of work"), "days": N_("days"), "role": N_("role"), "name": N_("name"), "cards": N_("cards"),
    "connection": N_("system"), "what": N_("what"), "why": N_("why"), "status": N_("state"), "since": N_("since"),
    "flow": N_("flow"), "amount": N_("amount"), "revision": N_("revision"), "as": N_("answer"), "card": N_("card"),
    "within": N_("system"), "missing": N_("those that the list lacks"), "words": N_("how"), "provider": N_("system"),
    "again": N_("though it was done"), "ignore_age": N_("however long ago"), "over_limit": N_("past the day's limit"),
    "generation": N_("which key"), "finished": N_("the old one is over"),
}  # fmt: skip
"""What else an audit line says."""

UNTOLD = frozenset({"by", "request", "shown"})
"""What is there for machines: by which way it came, and the mark of the page that it was pressed on."""


FIELDS = {
    "name": N_("name"), "phone": N_("phone"), "email": N_("e-mail"), "birthday": N_("birthday"), "tags": N_("tags"),
    "comment": N_("comment"), "gender": N_("gender"), "responsible": N_("responsible"), "status": N_("stage"),
    "price": N_("price"),
}  # fmt: skip

CAUSES = {
    "conflict": N_("changed in both at once"), "first": N_("unlike from the beginning"),
    "cleared": N_("emptied in one of them"), "disagreement": N_("they say different things"),
    "too_often": N_("changes back and forth too often"), "back_and_forth": N_("changes back and forth"),
    "money": N_("an amount was changed in both"), "narrow": N_("a longer text would be cut"),
    "too_many": N_("more than twenty of them"), "put_back": N_("somebody puts it back"),
    "not_taken": N_("the system doesn't take what we write"),
    "several": N_("several cards fit"), "taken": N_("its card belongs to another one"),
    "cannot_ask": N_("it may have been made there, and nothing finds it"),
    "resemble": N_("two cards resemble each other"), "deleted": N_("deleted in one of them"),
    "merge_suspected": N_("two cards may have become one"), "household": N_("several people share a phone"),
}  # fmt: skip


ANSWERS = {
    "new": N_("Somebody else: make a card"), "none": N_("None of them: make no card"), "revive": N_("Make it anew"),
    "leave": N_("Leave it as it is"),
}  # fmt: skip
"""What may be said of whose card it is, and of one that was deleted."""

SAID = {
    **ANSWERS, "go-on": N_("goes on"), "go_on": N_("goes on"), "apply": N_("they are gone there"),
    "retry": N_("once more"), "again": N_("once more"), "settle": N_("handed over"), "skip": N_("not for this period"),
    "cancel": N_("ended"), "release": N_("let go on"), "discard": N_("discarded"),
}  # fmt: skip
"""Answers of buttons and commands, in the audit."""


@cache
def vendor(name: str | None) -> str:
    """A vendor as people know it, whoever reads; its own name where there is no such."""
    from svyazka.connectors.registry import load_manifest  # many of a vendor's modules come with it

    try:
        return load_manifest(name).title or name if name else ""
    except ConfigError:
        return name or ""


def field(name: str) -> str:
    """A field of a card, for people; or the system in which it is asked whose card it is."""
    return FIELDS.get(name, name.removeprefix("@"))


def cause(name: str) -> str:
    """Why somebody has to say."""
    return CAUSES.get(name, name)


def action(name: str) -> str:
    """What somebody did, for people; as the command is called where it has no name."""
    return ACTIONS.get(name, name)


def undone(line: AuditLine) -> str:
    """Why what a line says was not done; nothing where it was."""
    return CAME.get(line.came, "")


def details(line: AuditLine) -> list[tuple[str, Sequence[str]]]:
    """What else an audit line says: names and their values; none where the name says it all."""
    said = [(name, value) for name, value in line.detail.items() if name not in UNTOLD]
    return [(DETAILS.get(name, name), _values(value)) for name, value in said if value != "" and value is not False]


def _values(value: JsonValue) -> Sequence[str]:
    if value is True or value == "yes":
        return ()
    several = value if isinstance(value, list) else re.split(r", (?=[+~-] )", str(value))
    return [SAID.get(str(one), str(one)) for one in several]


def event(type_: EventType) -> str:
    """An event's type for people."""
    return EVENTS.get(type_, type_.value)
