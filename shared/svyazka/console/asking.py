"""Puts a request down, once however often its form is sent, and leads to where it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import request_task
from svyazka.engine.security.sealing import lock_of, sealed_to
from svyazka.model.base import SKELETON
from svyazka.model.errors import Conflict
from svyazka.model.ids import stable_id
from svyazka.model.requests import NEEDED, VAULT_LOCK, Request, Wish

TYPED = frozenset({Wish.SET_SECRET, Wish.TAKE_CODE, Wish.PLAN_FILE, Wish.APPLY_FILE})
"""Wishes that come with something that only the worker may read."""

SHOWS = frozenset({Wish.SUPPORT_LINK, Wish.SHOW_CARDS, Wish.PLAN_FILE, Wish.TRY_OUT})
"""Wishes whose answer only the session that asks may read."""

GRACE = timedelta(seconds=30)
"""Then the sweep looks whether its task was lost."""


async def put_down(
    visit: Visit, wish: Wish, tenant: str, about: str, arguments: Mapping[str, str], typed: str = ""
) -> Response:
    """A wish of whoever has this form; its right to it is looked at here, and by the worker again."""
    form = await visit.form()
    key, now = form.get("key", ""), visit.around.clock.now()
    visit.check(tenant)
    if not visit.may(tenant, NEEDED[wish]):
        raise HTTPException(403)
    if not key or not about:
        raise HTTPException(400)
    said = [word for name in sorted(arguments) for word in (name, arguments[name])]
    request = Request(
        # Whoever goes back and types something else has the form's old key in it, and wants something else.
        id=stable_id("req", visit.session.id, key, wish, tenant, about, typed, *said),
        session=visit.session.id, who=visit.who(tenant), tenant=tenant,
        wish=wish, about=about, arguments=dict(arguments), lock=lock_of(visit.seed) if wish in SHOWS else None,
        asked_at=now, wake_at=now + GRACE, expire_at=now + SKELETON,
    )  # fmt: skip
    if wish in TYPED:
        request = await _sealed(visit, request, typed)
    with suppress(Conflict):  # the same form once more: one wish
        await visit.store.commit([journal.create(request)], [request_task(request.id)])
    back = form.get("back", "/")
    query = f"?back={quote(back, safe='')}" if is_ours(back) else ""
    return RedirectResponse(f"/requests/{request.id}{query}", 303)


def is_ours(path: str) -> bool:
    """Whether it leads to a page of the console's: a browser drops tabs and reads a backslash as a slash, and what
    begins with two of those is another host."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()


async def _sealed(visit: Visit, request: Request, typed: str) -> Request:
    """With what was typed sealed to the vault's lock: it is written down nowhere in plain."""
    lock = await visit.store.get("meta", VAULT_LOCK)
    if not typed or lock is None:
        raise HTTPException(400 if lock else 503)
    return request.model_copy(update={"sealed": sealed_to(lock.data.decode(), typed, request.context)})
