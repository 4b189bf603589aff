"""Who did what, for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from console.visitor import Visitor
from fakes import START, House
from svyazka import cli
from svyazka.console.doing import ARGUMENTS
from svyazka.console.words import ACTIONS, DETAILS, UNTOLD
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import request_task
from svyazka.model.deliveries import AuditLine
from svyazka.model.requests import Request, Wish


async def test_what_else_an_audit_line_says_is_in_the_readers_language(house: House, visitor: Visitor) -> None:
    detail = {
        "by": "console", "made_up": True, "job": "job_1", "changes": "+ tenant kofe, ~ connection sms (smsru)",
        "cards": ["crm 7", "salon 9"], "cause": "", "again": False, "ignore_age": "yes", "said": "go-on",
    }  # fmt: skip
    line = AuditLine(id="a1", at=START, who="Ольга", action="apply", target="kofe", detail=detail)
    await house.store.commit([journal.create(line)])
    page = re.sub(r"<[^>]+>", "", await visitor.page("/audit"))
    assert "~ подключение sms (smsru)" in page
    assert "долгое дело: job_1" in page
    assert "карточки: crm 7, salon 9" in page
    assert "придуман здесь, для пробы" in page
    assert "made_up" not in page
    assert "сколько бы ни прошло; ответ: продолжается" in page
    assert "False" not in page


async def test_what_was_refused_is_not_told_as_done(house: House, visitor: Visitor) -> None:
    lines = [
        AuditLine(id=came, at=START, who=came, action="unmerge", target="kofe", came=came)
        for came in ("done", "refused", "begun")
    ]  # fmt: skip
    await house.store.commit([journal.create(line) for line in lines])
    page = re.sub(r"<[^>]+>", " ", await visitor.page("/audit"))
    told = {who: re.search(rf"{who}\s+(.*?)\s+kofe", page) for who in ("done", "refused", "begun")}
    assert {who: " ".join(found[1].split()) for who, found in told.items() if found} == {
        "done": "разъединил карточки",
        "refused": "не сделано, отказано: разъединил карточки",
        "begun": "не доведено до конца: разъединил карточки",
    }


async def test_a_button_that_was_refused_leaves_a_line_that_says_so(house: House, visitor: Visitor) -> None:
    request = Request(
        id="req_1", session="over", who="Ольга", tenant="kofe", wish=Wish.PAUSE, about="sms", asked_at=START,
        expire_at=START + timedelta(days=1),
    )  # fmt: skip
    await house.store.commit([journal.create(request)], [request_task(request.id)])
    await house.run()
    assert "не сделано, отказано:</b>" in await visitor.page("/audit")


def audited() -> Iterator[tuple[ast.expr, list[ast.keyword]]]:
    """What the commands leave in the audit: what was done, and what is said of it."""
    for path in Path(cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="audit" | "audit_write" | "noting"), args=[action, *_], keywords=said
                ):
                    yield action, said


def texts(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_whatever_is_audited_has_words() -> None:
    """The beginning of a name that is put together while it runs (`jobs pause`) is enough."""
    done = {text for action, _said in audited() for text in texts(action)} | set(Wish)
    assert not [one for one in done if not any(name.startswith(one) for name in ACTIONS)]
    names = set(ARGUMENTS)
    for one in (one for _action, said in audited() for one in said):
        names |= {one.arg} if one.arg else texts(one.value)  # or `**{name: value}`, whose values are no texts
    assert names - set(DETAILS) <= UNTOLD
