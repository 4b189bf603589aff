"""The page behind a table's QR code: what is owed there just now, and a button that leads to the provider's page.

It works without JavaScript and loads nothing. Whoever opens it decides nothing: the sum is the till's, read anew when
the button is pressed, and where it has changed since the page was shown, the page is shown again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from urllib.parse import quote, unquote

from svyazka.catalogue import N_
from svyazka.door.answers import content, for_a_browser, is_form
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.bodies import sent
from svyazka.door.bringing import Bringing
from svyazka.door.calls import Call
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, problem
from svyazka.engine.ports.asking import ACT_SECONDS
from svyazka.model.standing import CheckShown

LONGEST_NAME = 40
OF_THE_PAYER = ("email", "phone", "name", "inn", "container")
"""What whoever presses the button may say; all else is the till's."""

STYLE = (
    "body{font:18px/1.4 system-ui,sans-serif;max-width:32rem;margin:0 auto;padding:1rem;color:#111;background:#fff}"
    "table{width:100%;border-collapse:collapse}td{padding:.35rem 0;vertical-align:top}"
    "td:last-child{text-align:right;white-space:nowrap;padding-left:1rem}tfoot td{border-top:2px solid;font-weight:700}"
    "button,input{font:inherit;width:100%;box-sizing:border-box;padding:.8rem;margin:.5rem 0;border:1px solid #555;"
    "border-radius:.5rem}button{background:#0b5;background:#0a6b3d;color:#fff;border:0}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SCRIPT = """\
"use strict";
(() => {
  const id = new URL(location.href).searchParams.get("id");
  const native = window.ReactNativeWebView;
  if (!id || (window.parent === window && !native)) return;
  const say = (action, data) => {
    const message = {id, action, data};
    if (native) native.postMessage(JSON.stringify(message)); else window.parent.postMessage(message, "*");
  };
  let joins = null;
  window.addEventListener("message", (event) => {
    const told = event.data;
    if (!told || told.id !== id || told.action !== "init" || !told.data) return;
    const given = told.data.public || told.data;
    joins = given.minappType === "suborder" && given.orderContainerId ? String(given.orderContainerId) : null;
  });
  say("init");
  say("height", document.documentElement.scrollHeight);
  const form = document.querySelector("form[method=post]");
  if (!form) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(form));
    if (joins) body.container = joins;
    try {
      const answer = await fetch(location.href, {
        method: "POST", headers: {"Content-Type": "application/json", "Accept": "application/json"},
        body: JSON.stringify(body),
      });
      const told = await answer.json();
      if (answer.ok && told.url) say("done", joins ? null : told.url); else location.reload();
    } catch (error) {
      say("error", null);
    }
  });
})();
"""
"""In a marketplace's frame: what it calls a mini-app. It asks whether the bill joins another, and hands the link on in
place of following it. What it is told there is nobody's word for who pays (source: @invoicebox/minapp-sdk, README)."""
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self' https:; "
    "{scripts}frame-ancestors {ancestors}"
)
"""The button's answer sends the browser on to the provider: browsers hold such redirects to be the form's too."""

WORDS: Mapping[str, str] = {
    "no_till": N_("Оплата по QR-коду здесь пока не настроена. Позовите, пожалуйста, официанта."),
    "no_table": N_("Такого стола в кассе нет. Позовите, пожалуйста, официанта."),
    "no_check": N_(
        "На этом столе нет открытого счёта. Если вы уже сделали заказ, подождите минуту и обновите страницу."
    ),
    "nothing_owed": N_("Счёт этого стола уже оплачен. Спасибо!"),
    "paid": N_("Счёт этого стола уже оплачен. Спасибо!"),
    "several_checks": N_("На этом столе несколько счетов. Позовите, пожалуйста, официанта."),
    "paid_in_part": N_("Часть счёта уже оплачена. Остаток примет официант."),
    "other_amount": N_("Счёт изменился. Проверьте его, пожалуйста, ещё раз."),
    "no_receipt_address": N_("Чтобы прислать чек, нужна почта или телефон."),
}
PRESS_AGAIN = frozenset({"other_amount", "no_receipt_address"})
"""Codes after which the page is shown again; after any other the waiter takes the money."""
TAKEN = frozenset({"paid", "held"})
"""States of a payment that asks for nothing more."""
LATER = N_("Касса сейчас не отвечает. Попробуйте ещё раз через минуту или позовите официанта.")
OLD_CODE = N_("Этот QR-код больше не действует. Позовите, пожалуйста, официанта.")
BEING_MADE = N_("Готовим страницу оплаты. Нажмите ещё раз через несколько секунд.")


class Tables:
    """Looks at a table's check, and begins its payment."""

    def __init__(self, asked: AskedOfTheWorker, bringing: Bringing) -> None:
        self._asked, self._bringing = asked, bringing

    async def look(self, asked: Call) -> Answer:
        return _framed(await self._look(asked), asked)

    async def pay(self, asked: Call) -> Answer:
        return _framed(await self._pay(asked), asked)

    async def _look(self, asked: Call) -> Answer:
        """`GET /ingest/table/5`: the check as a page, or as JSON for a script."""
        found = await self._check(asked, anew=False)
        if isinstance(found, Answer):
            return found
        return _page_of(found) if _for_people(asked) else content(200, found.model_dump(exclude={"turn"}))

    async def _pay(self, asked: Call) -> Answer:
        """`POST /ingest/table/5`: a link for what is owed now; a form is sent on to it."""
        said = sent(asked.request)
        if isinstance(said, Answer):
            return said
        found = await self._check(asked, anew=True)
        if isinstance(found, Answer):
            return found
        if said.get("amount") not in (None, "", found.amount):
            return self._told(asked, found, 409, "other_amount")
        body = {"order": found.order, "amount": found.amount}
        body |= {name: said[name] for name in OF_THE_PAYER if said.get(name)}
        answer = await self._bringing.of_a_table(_as_json(asked, body, found.turn))
        if not _for_people(asked):
            return answer
        told = json.loads(answer.body)
        if answer.status == 200 and told.get("url"):
            return Answer(303, b"", "text/plain", {"Location": told["url"]})
        code = told.get("code") or ("paid" if told.get("state") in TAKEN else "")
        return self._told(asked, found, answer.status, code)

    async def _check(self, asked: Call, anew: bool) -> CheckShown | Answer:
        table = unquote(asked.rest).strip() or (asked.request.params().get("table") or "").strip()
        if not table and _for_people(asked):
            given = {name: escape(asked.request.params().get(name) or "") for name in ("key", "id")}
            return _page(_ASKS_TABLE.format(**given))
        if not 0 < len(table) <= LONGEST_NAME or not table.isprintable():
            return self._refused(asked, 404, "no_table")
        reply = await self._asked.answer(asked.caller, {"kind": "table", "table": table, "anew": anew}, ACT_SECONDS)
        if reply is None or reply.status >= 500:
            if _for_people(asked):
                return _page(f"<p>{escape(LATER)}</p>", 503, {"Retry-After": RETRY_AFTER})
            return problem(503, "The till doesn't answer", "try again", {"Retry-After": RETRY_AFTER})
        if reply.status != 200:
            return self._refused(asked, reply.status, str(reply.content.get("code")))
        return CheckShown.model_validate(reply.content)

    def _refused(self, asked: Call, status: int, code: str) -> Answer:
        if _for_people(asked):
            return _page(f"<p>{escape(WORDS.get(code, WORDS['no_till']))}</p>", status)
        words = WORDS.get(code, code)
        body = {"status": status, "title": "Nothing to pay", "detail": words, "code": code}
        return Answer(status, json.dumps(body, ensure_ascii=False).encode(), "application/problem+json")

    def _told(self, asked: Call, found: CheckShown, status: int, code: str) -> Answer:
        """Why nobody is led on to pay: with the check and its button where pressing again may help."""
        if _for_people(asked) and status == 202:
            return _page_of(found, BEING_MADE, status)
        if _for_people(asked) and code in PRESS_AGAIN:
            return _page_of(found, WORDS[code], status, asks_email=code == "no_receipt_address")
        return self._refused(asked, status, code)


def turned_away(refusal: Answer) -> Answer:
    """The page for a guest who isn't even let in: by a code that was printed before its key was changed, or because
    too many ask just now."""
    words = OLD_CODE if refusal.status == 401 else LATER
    return _page(f"<p>{escape(words)}</p>", refusal.status, refusal.headers)


def _for_people(asked: Call) -> bool:
    """A browser that shows a page to somebody, by its own word."""
    return is_form(asked.request) or for_a_browser(asked.request)


_ASKS_TABLE = (
    '<form method="get"><label>Номер стола<input name="table" required maxlength="40" autofocus></label>'
    '<input type="hidden" name="key" value="{key}"><input type="hidden" name="id" value="{id}">'
    "<button>Показать счёт</button></form>"
)


def _framed(page: Answer, asked: Call) -> Answer:
    """A page for those who may show it in a frame too, with the script that speaks to them."""
    frames = asked.caller.settings.frames
    if not frames or not page.content_type.startswith("text/html"):
        return page
    policy = POLICY.format(
        scripts=f"script-src 'sha256-{_SCRIPT_HASH}'; connect-src 'self'; ", ancestors=" ".join(("'self'", *frames))
    )
    body = page.body.replace(b"</body>", f"<script>{SCRIPT}</script></body>".encode())
    return replace(page, body=body, headers={**page.headers, "Content-Security-Policy": policy})


def _as_json(asked: Call, body: Mapping[str, object], turn: str) -> Call:
    """The same call as if its page had asked for a payment. Its key is what is paid for: pressed twice, it is one."""
    written = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    key = f"table-{hashlib.sha256(written + turn.encode()).hexdigest()[:32]}"
    kept = [(name, value) for name, value in asked.request.headers if name not in (b"content-type", b"idempotency-key")]
    headers = [*kept, (b"content-type", b"application/json"), (b"idempotency-key", key.encode())]
    return replace(asked, request=replace(asked.request, headers=headers, body=written))


def _page_of(found: CheckShown, said: str = "", status: int = 200, asks_email: bool = False) -> Answer:
    rows = "".join(
        f"<tr><td>{escape(one.name)}{_times(one.quantity)}</td><td>{_roubles(one.sum)}</td></tr>" for one in found.items
    )
    email = '<label>Почта для чека<input name="email" type="email" required autocomplete="email"></label>'
    return _page(
        f"<h1>Стол {escape(found.table)}</h1>{f'<p><b>{escape(said)}</b></p>' if said else ''}"
        f"<table><tbody>{rows}</tbody><tfoot><tr><td>Счёт {escape(found.check)}</td>"
        f"<td>{_roubles(found.amount)}</td></tr></tfoot></table>"
        f'<form method="post"><input type="hidden" name="amount" value="{escape(found.amount)}">'
        f"{email if asks_email else ''}<button>Оплатить {_roubles(found.amount)}</button></form>",
        status,
    )


def _page(inside: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    page = (
        '<!doctype html><html lang="ru"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>Счёт</title><style>{STYLE}</style><body>{inside}</body></html>"
    )
    policy = POLICY.format(scripts="", ancestors="'none'")
    safe = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
    return Answer(status, page.encode(), "text/html; charset=utf-8", {**safe, **(headers or {})})


def _times(quantity: str) -> str:
    return "" if quantity == "1" else f" × {escape(quantity.replace('.', ','))}"


def _roubles(text: str) -> str:
    """`1 049,30 ₽`, with spaces that don't break."""
    whole, _, rest = text.partition(".")
    grouped = f"{int(whole):,}".replace(",", "\u00a0")
    return f"{grouped},{rest}\u00a0₽" if rest.strip("0") else f"{grouped}\u00a0₽"


def page_address(base: str, key: str) -> str:
    """The address of a site's tables, with a place for the table's name: what `svyazka qr` draws."""
    return f"{base}/table/{{table}}?key={quote(key)}"
