"""What a webhook function would be that does the accept path's calls of Firestore and Cloud Tasks, and nothing else."""

import functions_framework.aio
from starlette.responses import Response

from benchmarks.bare import ANSWER, arrivals
from svyazka.backends.google.inbox import RestInbox

_inbox, _arrivals = RestInbox.from_environment(), arrivals()


@functions_framework.aio.http
async def bare(request):  # type: ignore[no-untyped-def]
    await _inbox.connection("bench.till")
    await _inbox.accept([next(_arrivals)(await request.body())], None, None)
    return Response(ANSWER, media_type="application/json")
