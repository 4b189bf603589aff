"""Answers of the front door: JSON for scripts, a page for forms of browsers without JavaScript."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import urlsplit

from svyazka.catalogue import N_
from svyazka.connectors.site.settings import SiteSettings
from svyazka.engine.contracts.webhook import FORM, MULTIPART, Answer, RawRequest
from svyazka.engine.intake.receive import problem

NOT_FOUND = problem(404, "Not found", "there is no such thing here")


def content(status: int, told: object, **headers: str) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(told, ensure_ascii=False).encode(), headers=headers)


def wrong(where: str, expected: str) -> Answer:
    """422: a field of the body and what it should be."""
    body = {
        "status": 422, "title": "Not valid", "detail": f"{where}: {expected}",
        "errors": [{"field": where, "expected": expected}],
    }  # fmt: skip
    return Answer(422, json.dumps(body, ensure_ascii=False).encode(), "application/problem+json")


def not_shown(why: str, needs: str | None) -> Answer:
    """403 where a session isn't shown what it asks for; `needs`: what it would have to show."""
    body = {"status": 403, "title": "Not shown", "detail": why, **({"needs": needs} if needs else {})}
    return Answer(403, json.dumps(body).encode(), "application/problem+json")


def too_often(seconds: int) -> Answer:
    """429."""
    return problem(429, "Too often", "this limit is used up for now", {"Retry-After": str(max(seconds, 1))})


def for_a_browser(request: RawRequest) -> bool:
    """Whether a browser shows the answer to somebody as it is, by its own word."""
    return "text/html" in (request.header("accept") or "")


def is_form(request: RawRequest) -> bool:
    """Whether a browser sent a form by itself, and a person waits for a page."""
    kind = (request.header("content-type") or "").split(";")[0].strip().lower()
    return kind in (FORM, MULTIPART)


def for_people(answer: Answer, return_url: str | None, settings: SiteSettings) -> Answer:
    """What a person without JavaScript sees: the site's own page again, or ours in a few words.

    Only to pages of the site's origins: else whoever writes a link to our form could send people anywhere.
    """
    if answer.status < 300 and return_url is not None and is_own(return_url, settings):
        return Answer(303, b"", "text/plain", {"Location": return_url})
    return in_words(answer)


def in_words(answer: Answer) -> Answer:
    """An answer as a person reads it."""
    words = N_("Спасибо, мы получили вашу заявку.") if answer.status < 300 else _reason(answer)
    page = (
        '<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(words)}</title><p>{escape(words)}</p></html>"
    )
    return Answer(answer.status, page.encode(), "text/html; charset=utf-8", answer.headers)


def _reason(answer: Answer) -> str:
    if answer.status == 422:
        return N_("Проверьте, пожалуйста, то, что вы ввели: {detail}").format(detail=json.loads(answer.body)["detail"])
    return N_("Сейчас не получилось. Попробуйте, пожалуйста, ещё раз через минуту.")


def is_own(url: str, settings: SiteSettings) -> bool:
    """Whether an address is a page of the site's origins."""
    # A browser reads a backslash as a slash and drops tabs: nothing of the kind is followed.
    if not url.isascii() or not url.isprintable() or "\\" in url or len(url) > 2000:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}".lower() in settings.origins
