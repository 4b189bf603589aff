"""The webhook that iiko calls."""

import functions_framework.aio

from svyazka.app import webhook

_receive = webhook("iiko")


@functions_framework.aio.http
async def webhook_iiko(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
