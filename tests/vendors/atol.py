"""АТОЛ Онлайн, as the tests know it: the kits, the matrix and chaos read it."""

from __future__ import annotations

from collections.abc import Iterator

from simulators import atol
from simulators.serve import Running
from svyazka.connectors.atol import client
from svyazka.connectors.atol.failures import NO_SUCH_DOCUMENT, NOT_READY, TAKEN_BEFORE
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from vendors.parts.asking import Asked, Question
from vendors.parts.base import Webhook, json_hook
from vendors.parts.hooks import Hooks
from vendors.parts.money import Fiscaliser
from vendors.parts.vendor import Vendor

SETTINGS = {
    "login": atol.LOGIN, "group_code": atol.GROUP, "inn": atol.INN, "payment_address": "https://pekarnya.example",
    "email": "chek@pekarnya.example", "limit": {"per_second": 500, "per_minute": 30_000, "concurrency": 4},
}  # fmt: skip

HOOKS = Hooks(
    samples="atol",
    told={
        "callback_done.http": [
            "receipt.changed receipt:2ea26f17-0884-4f08-b120-306fc096a58f (no time): "
            "a document that was not asked for here"
        ],
    },
    others=("error_*", "gettoken_*", "prepayment_*", "report_*", "sell_*"),
)


def _error(code: int | str) -> dict[str, object]:
    return {"status": "fail", "error": {"error_id": "1", "code": code, "text": "...", "type": "system"}}


STATUSES = {10: 401, 11: 401, 12: 401, 14: 403, 20: 401, 21: 401, 34: 200, 41: 415, 50: 500}


def _says(case: Case) -> Iterator[tuple[int, object]]:
    if case.code == TAKEN_BEFORE:
        yield 400, {**_error(case.code), "uuid": "2ea26f17-0884-4f08-b120-306fc096a58f"}
    elif isinstance(case.code, int):
        yield STATUSES.get(case.code, 400), _error(case.code)
    elif case.status == 429:
        yield case.status, {}


def _of_token(case: Case) -> Iterator[tuple[int, object]]:
    """As it says who isn't let in; the rest is said of documents."""
    if isinstance(case.code, int) and case.code not in (TAKEN_BEFORE, NOT_READY, NO_SUCH_DOCUMENT, 13, 31, 32, 40, 41):
        yield STATUSES.get(case.code, 400), _error(case.code)
    elif case.status == 429:
        yield case.status, {}


def _told(running: Running, number: str) -> Webhook:
    stand_in = running.of("atol")
    return json_hook(stand_in.report_of(stand_in.documents[number]))


VENDOR = Vendor(
    name="atol",
    hooks=HOOKS,
    asked=Asked(
        "atol", SETTINGS, {"password": atol.PASSWORD},
        questions=(Question(path="/v5/getToken", ask=client.let_in, says=_of_token),),
    ),
    fiscaliser=Fiscaliser(
        "atol", SETTINGS, {"password": atol.PASSWORD},
        repeat=Repeat.IDEMPOTENT, register=("POST", "/v5/*/sell*"), reading=("GET", "/v5/*/report/*"),
        told=_told, says=_says,
    ),
)  # fmt: skip
