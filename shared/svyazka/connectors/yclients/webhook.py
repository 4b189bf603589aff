"""The way in from YCLIENTS: who may knock, and what each webhook means in our words. Pure, and light to import.

Nothing is signed and nothing is numbered, and each event is sent once: the key in the address is all the proof
there is. So a body stays a hint; what tells only a part is read whole before anything follows.
"""

from __future__ import annotations

from hmac import compare_digest

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.yclients.facts import fact_of, final_attendance, of_company
from svyazka.connectors.yclients.schema import Change, NotUnderstood, identifier
from svyazka.engine.contracts.untrusted import Section, json_of, text
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import EventType, Fact, Unreadable

GOODBYES = {
    "uninstall": N_("интеграцию отключили в Маркетплейсе YCLIENTS, события больше не приходят. Подключите её снова"),
    "freeze": N_("подписка на интеграцию в Маркетплейсе YCLIENTS закончилась, события больше не приходят. Продлите её"),
}
"""Life-cycle events of a Marketplace application -> what its owner is told."""


class YclientsWebhook(Webhook):
    """Webhooks of YCLIENTS. Any 2xx within 15 s will do; the body of our answer is ignored."""

    vendor = "yclients"
    secret_settings = ("partner_token",)
    public_settings = ("company_id", "final_attendance")

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """A life-cycle event must bear the partner token of its developer; nothing else of YCLIENTS' is signed."""
        expected = inbound.secrets.get("partner_token")
        try:
            root = _root(request)
        except NotTheFormat:
            return None
        if expected is None or not _is_life_cycle(root):
            return None
        given = text(root.get("partner_token")) or ""
        if compare_digest(given.encode(), expected.encode()):
            return None
        return N_("the partner_token isn't the one of this connection")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one change that a webhook tells of."""
        root = _root(request)
        ours = text(inbound.public.get("company_id"))
        try:
            if _is_life_cycle(root):
                return [of_company(_goodbye(root), ours, identifier(root.get("salon_id")))]
            change = Change.of(root)
            fact = fact_of(change, final_attendance(inbound.public.get("final_attendance")))
            return [of_company(fact, ours, change.company)]
        except ValueError as error:
            # pydantic's own message would quote the client's data
            return [Unreadable(reason=str(error) if isinstance(error, NotUnderstood) else N_("expected a change"))]


def _root(request: RawRequest) -> Section:
    content = json_of(request.body, request.header("content-type"))
    if not isinstance(content, dict):
        raise NotTheFormat(N_("expected an event object, got {found}").format(found=type(content).__name__))
    return content


def _is_life_cycle(root: Section) -> bool:
    return "partner_token" in root and "application_id" in root and "resource" not in root


def _goodbye(root: Section) -> Fact:
    """A life-cycle event has no id and no time: the same one within the window is a repeat."""
    event = text(root.get("event")) or ""
    data: dict[str, JsonValue] = {"event": event[:60]}
    notice = GOODBYES.get(event)
    if notice is None:
        reason = N_("YCLIENTS' Marketplace sent {event}: nothing here acts on it").format(event=event[:60])
        return Fact(type=EventType.OTHER, data=data, ignored=reason)
    return Fact(type=EventType.CONNECTION_DISABLED, data={**data, "notice": notice})


WEBHOOK = YclientsWebhook()
