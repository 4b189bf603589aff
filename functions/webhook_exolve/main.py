"""The webhook that exolve calls."""

import functions_framework.aio

from svyazka.app import webhook

_receive = webhook("exolve")


@functions_framework.aio.http
async def webhook_exolve(request):  # type: ignore[no-untyped-def]
    return await _receive(request)
