"""The webhook that atol calls; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import webhook

_receive = webhook("atol")


@functions_framework.aio.http
async def webhook_atol(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
