"""АТОЛ Онлайн as a fiscaliser.

Our number (`external_id`) stands for one document for ever: the same call again prints nothing and shows its uuid, so
the call itself is the question. How a document ended is said by its report alone.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.atol import client
from svyazka.connectors.atol.document import NoAddress, TooManyLines, document
from svyazka.connectors.atol.failures import FAILURES, NO_SUCH_DOCUMENT, NOT_READY, TAKEN_BEFORE
from svyazka.connectors.atol.schema import OPERATIONS, NotAReport, report_seen
from svyazka.connectors.atol.settings import AtolSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.receipts import Receipts
from svyazka.engine.contracts.untrusted import Section
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Safety
from svyazka.model.outcomes import Outcome, Refused, Succeeded, Unclear
from svyazka.model.reasons import Reason
from svyazka.model.receipts import ReceiptKind, RegisterReceipt
from svyazka.model.seen import ReceiptSeen, Shown


class AtolReceipts(Receipts[AtolSettings]):
    """Sales, settlements of advances, refunds."""

    kinds = frozenset(ReceiptKind)
    kept_days = 32

    def ready(self, settings: AtolSettings) -> bool:
        return settings.is_whole

    def safety(self, command: RegisterReceipt) -> Safety:
        return Safety.idempotent()

    async def register(self, command: RegisterReceipt, call: Call[AtolSettings]) -> Outcome:
        try:
            told = document(command, call.settings, call.timezone, call.hook_url)
        except NoAddress:
            message = N_("чек некуда отправить: у плательщика нет ни почты, ни телефона")
            remedy = N_("Впишите fallback_email у подключения atol или спрашивайте почту до оплаты")
            return Refused(code="no_address", message=message, remedy=remedy, reason=Reason.BAD_ADDRESS)
        except TooManyLines:
            message = N_("more lines than a receipt takes (100)")
            return Refused(code="too_many_lines", message=message, reason=Reason.BAD_REQUEST)
        try:
            uuid, already = await client.register(call, OPERATIONS[command.of], told)
        except VendorFailure as error:
            return error.outcome
        seen = ReceiptSeen(external_id=uuid, number=command.number, state=Shown.WAITS)
        words = FAILURES.codes[TAKEN_BEFORE].what if already else None
        return Succeeded(external_id=uuid, seen=seen, already=already, message=words)

    async def find(self, command: RegisterReceipt, call: Call[AtolSettings]) -> Outcome | None:
        return None

    async def read(self, external_id: str, call: Call[AtolSettings]) -> ReceiptSeen | None:
        answer = await client.report(call, external_id)
        code = client.code_of(answer)
        if code == NO_SUCH_DOCUMENT and not _is_of_a_document(answer):
            return None
        if code not in (None, NOT_READY) and not _is_of_a_document(answer):
            raise VendorFailure(client.failure(400, answer))
        try:
            return report_seen(answer, external_id, call.settings.group_code or "", call.timezone)
        except NotAReport:
            message = N_("ATOL's answer isn't the report that was asked for")
            raise VendorFailure(Unclear(code="no_report", message=message, reason=Reason.OUT_OF_SERVICE)) from None


def _is_of_a_document(answer: Section) -> bool:
    """A document that failed says which one it is; an error of the service doesn't, whatever its type."""
    return answer.get("status") == "fail" and answer.get("uuid") is not None
