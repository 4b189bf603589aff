"""A button is a request: put down once however often its form is sent, carried out by the worker, answered here."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from svyazka.console.rendering import page
from svyazka.console.stories import REASON_LONG, looked
from svyazka.console.surroundings import Visit
from svyazka.console.sync import side_by_side
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import request_task
from svyazka.engine.operating.showing import Cards
from svyazka.engine.security.sealing import lock_of, opened, sealed_to
from svyazka.model.base import SKELETON
from svyazka.model.errors import Conflict
from svyazka.model.ids import stable_id
from svyazka.model.requests import NEEDED, VAULT_LOCK, Request, Wish

ARGUMENTS = frozenset(
    ["as", "again", "ignore_age", "status", "since", "missing", "flow", "field", "said", "toward", "what", "revision"]
)
TYPED = frozenset({Wish.SET_SECRET, Wish.TAKE_CODE})
"""Wishes that come with something that only the worker may read."""
SHOWS = frozenset({Wish.SHOW_CARDS})
"""Wishes whose answer only the session that asks may read."""
GRACE = timedelta(seconds=30)
"""Then the sweep looks whether its task was lost."""


async def do(visit: Visit) -> Response:
    """`POST /do`."""
    form = await visit.form()
    tenant, key = form.get("tenant", ""), form.get("key", "")
    visit.check(tenant)
    try:
        wish = Wish(form.get("wish", ""))
    except ValueError:
        raise HTTPException(400) from None
    if not visit.may(tenant, NEEDED[wish]):
        raise HTTPException(403)
    about = form.get("about", "")[:200]
    if not key or not about:
        raise HTTPException(400)
    now = visit.around.clock.now()
    request = Request(
        id=stable_id("req", visit.session.id, key), session=visit.session.id, who=visit.session.who, tenant=tenant,
        wish=wish, about=about, arguments={name: form[name][:100] for name in sorted(ARGUMENTS & set(form))},
        lock=lock_of(visit.seed) if wish in SHOWS else None, asked_at=now, wake_at=now + GRACE,
        expire_at=now + SKELETON,
    )  # fmt: skip
    if wish in TYPED:
        request = await _sealed(visit, request, form.get("typed", "").strip())
    with suppress(Conflict):  # the same form once more: one wish
        await visit.store.commit([journal.create(request)], [request_task(request.id)])
    back = form.get("back", "/")
    query = f"?back={quote(back, safe='')}" if back.startswith("/") and not back.startswith("//") else ""
    return RedirectResponse(f"/requests/{request.id}{query}", 303)


async def _sealed(visit: Visit, request: Request, typed: str) -> Request:
    """With what was typed sealed to the vault's lock: it is written down nowhere in plain."""
    lock = await visit.store.get("meta", VAULT_LOCK)
    if not typed or lock is None:
        raise HTTPException(400 if lock else 503)
    return request.model_copy(update={"sealed": sealed_to(lock.data.decode(), typed, request.context)})


async def request(visit: Visit) -> Response:
    """`/requests/<id>`: what became of it; while it isn't answered the page looks again by itself."""
    held = await journal.load(visit.store, Request, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    visit.check(held.model.tenant)
    if held.model.state == "done":
        visit.around.forget_tenants()
    return await _shown(visit, held.model, reveal=False)


async def revealed(visit: Visit) -> Response:
    """The same with people as they are, for a reason that the audit keeps."""
    held = await journal.load(visit.store, Request, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    visit.check(held.model.tenant)
    reason = (await visit.form()).get("why", "").strip()[:200]
    good = len(reason) >= REASON_LONG and visit.may(held.model.tenant) and held.model.session == visit.session.id
    if good:
        await visit.store.commit([journal.create(looked(visit, held.model.tenant, held.model.about, reason))])
    return await _shown(visit, held.model, reveal=good)


async def _shown(visit: Visit, asked: Request, reveal: bool) -> Response:
    both = None
    if asked.shown and asked.session == visit.session.id:
        cards = Cards.model_validate_json(opened(visit.seed, asked.shown, asked.context))
        both = await side_by_side(visit, asked, cards, reveal)
    back = visit.asked("back")
    good = back.startswith("/") and not back.startswith("//") and "\\" not in back
    return page(
        "request.html", visit,
        {"request": asked, "tenant": asked.tenant, "back": back if good else "/", "both": both},
    )  # fmt: skip
