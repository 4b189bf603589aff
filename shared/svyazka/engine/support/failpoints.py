"""Named places of one event's way. Passing one does nothing.

The chaos suite puts a module of its own in the place of this one (tests/chaos/armed), which ends or freezes the process
there: nothing that is shipped can.
"""

from __future__ import annotations

POINTS = (
    "receive.before_verify", "receive.before_parse", "accept.before", "accept.after", "answer.before",
    "plan.before", "plan.before_commit", "plan.after_commit", "claim.before", "claim.after",
    "perform.before_call", "perform.after_call", "settle.before", "settle.after", "fallback.before", "sweep.before",
)  # fmt: skip
"""Before and after every numbered step of one event's way."""

REQUEST_POINT = "request.before_answer"
"""Between what the console asked for and the answer to it."""

RENEWAL_POINTS = (
    "oauth.before_claim", "oauth.after_claim", "oauth.before_call", "oauth.after_call", "oauth.before_store",
    "oauth.after_store",
)  # fmt: skip
"""The same for whoever renews a connection's access on the way."""

JOB_POINTS = ("job.before_claim", "job.after_claim", "job.before_commit", "job.after_commit")
"""The same for whoever does a slice of a job."""

CHUNK_POINTS = (
    "chunk.before_claim",
    "chunk.after_claim",
    "chunk.after_call",
    "chunk.in_book",
    "chunk.after_links",
    "chunk.after_settle",
)
"""The same for whoever brings a chunk of a file's rows into a system."""


def reach(point: str) -> None:
    """Pass a named place."""
