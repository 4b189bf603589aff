"""A button is a request: put down once however often its form is sent, carried out by the worker, answered here."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.asking import is_ours, put_down
from svyazka.console.files import lines_of
from svyazka.console.rendering import page
from svyazka.console.stories import REASON_LONG, looked
from svyazka.console.surroundings import Visit
from svyazka.console.sync import side_by_side
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.deeds import FilePlan
from svyazka.engine.operating.preview import PROSPECTS
from svyazka.engine.operating.showing import Cards
from svyazka.engine.operating.trying_out import Expectation
from svyazka.engine.security.sealing import opened
from svyazka.model.requests import Request, Wish

ARGUMENTS = frozenset({
    "as", "again", "ignore_age", "status", "since", "missing", "flow", "field", "said", "toward", "what", "revision",
    "cause", "card", "within", "days", "amount", "shown",
})  # fmt: skip


async def do(visit: Visit) -> Response:
    """`POST /do`."""
    form = await visit.form()
    visit.check(form.get("tenant", ""))
    try:
        wish = Wish(form.get("wish", ""))
    except ValueError:
        raise HTTPException(400) from None
    arguments = {name: form[name][:100] for name in sorted(ARGUMENTS & set(form))}
    typed = form.get("typed", "").strip()
    return await put_down(visit, wish, form["tenant"], form.get("about", "")[:200], arguments, typed)


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
    both = plan = expected = link = None
    if asked.shown and asked.session == visit.session.id:
        shown = opened(visit.seed, asked.shown, asked.context)
        if asked.wish is Wish.PLAN_FILE:
            plan = FilePlan.model_validate_json(shown)
        elif asked.wish is Wish.SUPPORT_LINK:
            link = f"{visit.request.url.scheme}://{visit.request.url.netloc}/enter/{shown}"
        elif asked.wish is Wish.TRY_OUT:
            expected = Expectation.model_validate_json(shown)
        else:
            both = await side_by_side(visit, asked, Cards.model_validate_json(shown), reveal)
    back = visit.asked("back")
    return page(
        "request.html", visit,
        {"request": asked, "tenant": asked.tenant, "back": back if is_ours(back) else "/", "both": both,
         "plan": plan, "expected": expected, "link": link, "prospects": PROSPECTS,
         "patch": lines_of(plan) if plan else []},
    )  # fmt: skip
