"""T-Bank, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from simulators import tbank
from simulators.serve import Running
from svyazka.connectors.tbank import client
from svyazka.connectors.tbank.failures import DECLINES
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import Webhook
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.money import Provider
from vendors.parts.vendor import Vendor

JSON = {"Content-Type": "application/json"}

HOOKS = Hooks(
    samples="tbank",
    told={
        "notification_addcard.json": [
            "other (no time): T-Bank tells of a card or an account that was saved: nothing here acts on it"
        ],
        "notification_authorized.json": ["payment.changed payment:3093639567 (no time)"],
        "notification_confirmed.json": ["payment.changed payment:3093639567 (no time)"],
        "notification_linkaccount.json": [
            "other (no time): T-Bank tells of a card or an account that was saved: nothing here acts on it"
        ],
        "notification_receipt.json": ["other (no time): T-Bank tells of a fiscal receipt: nothing here acts on it"],
        "notification_refunded.json": ["payment.changed payment:3093639567 (no time)"],
        "notification_rejected.json": ["payment.changed payment:3093639600 (no time)"],
        "notification_sbp_confirmed.json": ["payment.changed payment:3093639700 (no time)"],
    },
    others=("cancel_*", "charge_*", "checkorder_*", "getcardlist_*", "getstate_*", "init_*"),
    public=({"terminal_key": tbank.TERMINAL}, {}),
    proof=Proof(secrets={"password": tbank.PASSWORD}),
    modules=frozenset({"signing"}),
)


def _says(case: Case) -> Iterator[tuple[int, object]]:
    """A row of the failure map, as T-Bank says it: with 200."""
    if case.code is not None:
        yield 200, {"Success": False, "ErrorCode": str(case.code), "Message": "...", "Details": "..."}
    elif case.status == 429:
        yield 429, {}


def _told(running: Running, number: str) -> Webhook:
    stand_in = running.of("tbank")
    return Webhook(stand_in.notification(stand_in.till.of(number)), JSON)


def _forged(running: Running, number: str) -> Sequence[Webhook]:
    """Another password's, none at all, and a genuine one whose digits have moved under the same token."""
    stand_in = running.of("tbank")
    genuine = json.loads(stand_in.notification(stand_in.till.of(number)))
    paid = {**genuine, "Status": "CONFIRMED", "Success": True}
    moved = {
        **genuine,
        "Amount": genuine["Amount"] // 10,
        "CardId": int(f"{genuine['Amount'] % 10}{genuine['CardId']}"),
    }
    bodies = [paid, {**paid, "Token": "0" * 64}, {**paid, "Token": None}, moved]
    return [
        *(Webhook(json.dumps(one).encode(), JSON) for one in bodies),
        Webhook(stand_in.notification(stand_in.till.of(number), "CONFIRMED"), JSON),
    ]


VENDOR = Vendor(
    name="tbank",
    hooks=HOOKS,
    asked=Asked(
        "tbank", {"terminal_key": tbank.TERMINAL}, {"password": tbank.PASSWORD},
        entity=Entity(kind="payment", id="3093639567"),
        questions=(Question(path="/CheckOrder", ask=client.account, says=_says),),
    ),
    provider=Provider(
        "tbank", {"terminal_key": tbank.TERMINAL, "taxation": "usn_income"}, {"password": tbank.PASSWORD},
        repeat=Repeat.CHECKABLE,
        writes={
            "link": ("POST", "/Init"), "charge": ("POST", "/Charge"), "refund": ("POST", "/Cancel"),
            "capture": ("POST", "/Confirm"), "cancel": ("POST", "/Cancel"),
        },
        reading=("POST", "/GetState"), shows_links=False, shows_refunds=False,
        told=_told, forged=_forged, says=_says,
        declines=DECLINES,
        testing={True: {"terminal_key": "1700000000000DEMO"}, False: {"terminal_key": "1700000000000"}},
    ),
)  # fmt: skip
