"""The webhook that invoicebox calls; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import webhook

_receive = webhook("invoicebox")


@functions_framework.aio.http
async def webhook_invoicebox(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
