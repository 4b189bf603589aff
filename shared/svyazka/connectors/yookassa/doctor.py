"""`doctor`: whether ЮKassa lets us in, as which shop, and whether it can register receipts."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.yookassa import client
from svyazka.connectors.yookassa.settings import YookassaSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in
from svyazka.engine.contracts.untrusted import Section, text


class YookassaDoctor(Doctor[YookassaSettings]):
    """Asks ЮKassa."""

    def ready(self, settings: YookassaSettings) -> bool:
        return settings.shop_id is not None and settings.secret_key is not None

    async def check(self, call: Call[YookassaSettings]) -> list[Finding]:
        shop: list[Section] = []

        async def asked() -> str:
            shop.append(await client.shop(call))
            return text(shop[0].get("account_id"), 40) or "?"

        findings = [await let_in("ЮKassa", asked())]
        return [*findings, *(_of_shop(shop[0], call.settings) if shop else ())]


def _of_shop(shop: Section, settings: YookassaSettings) -> list[Finding]:
    found = []
    if shop.get("status") not in (None, "enabled"):
        what = _("the shop isn't switched on: {status}", status=text(shop.get("status"), 40))
        found.append(Finding("shop", "warn", what, _("write to YooKassa's support")))
    test, key = shop.get("test"), settings.secret_key or ""
    if (test is True and key.startswith("live_")) or (test is False and key.startswith("test_")):
        what = _("the key is of a {kind} shop, and YooKassa says the opposite", kind=key[:4])
        found.append(Finding("money", "warn", what, _("take shopId and key of one and the same shop")))
    elif test is True:
        found.append(Finding("money", "warn", N_("it is a test shop: no money moves"), _("take a live shop's key")))
    elif test is False:
        found.append(Finding("money", "ok", N_("it is a live shop: payers pay real money")))
    if shop.get("fiscalization_enabled") is False:
        what = N_("YooKassa registers no receipts for this shop")
        remedy = _("connect a till in the cabinet, or set receipt: false at the flow if receipts are made elsewhere")
        found.append(Finding("receipts", "warn", what, remedy))
    return found
