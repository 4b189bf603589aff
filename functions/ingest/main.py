"""The front door that sites, bots and apps call; infra/generate.py writes it."""

import functions_framework.aio

from svyazka.way_in import front_door

_answer = front_door()


@functions_framework.aio.http
async def ingest(request):  # type: ignore[no-untyped-def]
    return await _answer(request)
