"""The worker that the queue and the scheduler call; never public."""

import functions_framework.aio

from svyazka.app import worker

_work = worker()


@functions_framework.aio.http
async def sync_worker(request):  # type: ignore[no-untyped-def]
    return await _work(request)
