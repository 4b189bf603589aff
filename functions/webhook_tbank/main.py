"""The webhook that tbank calls; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import webhook

_receive = webhook("tbank")


@functions_framework.aio.http
async def webhook_tbank(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
