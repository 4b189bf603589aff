"""The console, behind Google's identity-aware proxy; nobody else may call it."""

import functions_framework.aio

from svyazka.console.behind_proxy import served

_shown = served()


@functions_framework.aio.http
async def console(request):  # type: ignore[no-untyped-def]
    return await _shown(request)
