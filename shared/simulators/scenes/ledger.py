"""What the stand-ins got, in words: a ledger's lines that say something to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.chassis import Simulator
from svyazka.catalogue import N_

PROVIDERS = ("yookassa", "tbank", "cloudpayments", "invoicebox")
OF_MONEY = {
    "payment": N_("a link for {sum} ₽"), "order": N_("a link for {sum} ₽"), "paid": N_("{sum} ₽ came"),
    "declined": N_("{sum} ₽ didn't come"), "refund": N_("{sum} ₽ went back"),
}  # fmt: skip

WORDS: dict[tuple[str, str], str] = {
    ("smsru", "message"): N_("an SMS to {to}: {text}"), ("exolve", "message"): N_("an SMS to {to}: {text}"),
    ("telegram", "message"): N_("the bot wrote: {text}"), ("max", "message"): N_("the bot wrote: {text}"),
    ("whatsapp", "message"): N_("a message to {to}: {text}"), ("resend", "message"): N_("an e-mail to {to}"),
    ("amocrm", "create contacts"): N_("a new contact, number {id}"),
    ("amocrm", "create leads"): N_("a new deal, number {id}"), ("amocrm", "note"): N_("a note: {text}"),
    ("amocrm", "task"): N_("a task: {text}"), ("dikidi", "booking"): N_("{name} is booked for {time}"),
    ("dikidi", "cancelled"): N_("a visit was cancelled"),
    **{(vendor, kind): words for vendor in PROVIDERS for kind, words in OF_MONEY.items()},
}  # fmt: skip

UNANSWERED = N_("a call of the hub's came to nothing")

TITLES = {
    "iiko": N_("The till (iiko)"), "smsru": N_("SMS (sms.ru)"), "site": N_("The site"),
    "dikidi": N_("Bookings (DIKIDI)"), "amocrm": N_("The CRM (amoCRM)"), "telegram": N_("The bot (Telegram)"),
    "bitrix24": "Битрикс24", "yclients": "YCLIENTS", "max": "MAX", "whatsapp": "WhatsApp", "resend": "Resend",
    "exolve": "Exolve", "yookassa": N_("Payments (YooKassa)"), "tbank": N_("Payments (T-Bank)"),
    "cloudpayments": N_("Payments (CloudPayments)"), "invoicebox": N_("Payments (Invoicebox)"), "atol": "АТОЛ",
    "rkeeper": "r_keeper", "http": "HTTP",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Got:
    """Something that reached a vendor."""

    at: float
    vendor: str
    text: str
    values: Mapping[str, object]
    failed: bool = False


def got(simulator: Simulator, last: int = 40) -> Iterator[Got]:
    """What a stand-in got of late, and the calls that it left without an answer."""
    for effect in simulator.effects[-last:]:
        kind = f"{effect['kind']} {effect['entity']}" if effect["kind"] == "create" else effect["kind"]
        words = WORDS.get((simulator.vendor, kind))
        if words:
            yield Got(effect["at"], simulator.vendor, words, _filled(effect))
    for call in simulator.calls[-last:]:
        if "fault" in call:
            yield Got(call["at"], simulator.vendor, UNANSWERED, {}, failed=True)


def _filled(effect: Mapping[str, Any]) -> Mapping[str, object]:
    """A gap that this ledger has no value for stays empty."""
    kopecks = effect.get("kopecks", effect.get("amount"))
    sum_ = f"{kopecks / 100:.2f}" if isinstance(kopecks, int) else ""
    filled = {"text": "", "id": "", "name": "", "time": "", "sum": sum_, **effect}
    to = str(effect.get("to", ""))
    return {**filled, "to": f"+{to}" if to.isdigit() and len(to) > 10 else to}
