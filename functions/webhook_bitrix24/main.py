"""The webhook that bitrix24 calls; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import webhook

_receive = webhook("bitrix24")


@functions_framework.aio.http
async def webhook_bitrix24(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
