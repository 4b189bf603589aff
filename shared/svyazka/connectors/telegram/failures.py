"""What the Bot API's refusals mean: codes and phrases as a table, and the reading of an answer by it. Pure.

Phrases are looked for without case: Telegram's texts change slightly. What a row with a remedy says is told to
the business in an alert, so it is in Russian; the others stay in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from svyazka.connectors.telegram.schema import identifier
from svyazka.engine.contracts.untrusted import Section, section, text, whole
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer of Telegram's means for us; `phrase` is part of its description, in lower case."""

    status: int
    phrase: str
    do: Literal["retry", "refuse", "block", "done"]
    what: str
    remedy: str | None = None


_TOKEN = "Возьмите токен у @BotFather и сохраните его: svyazka secret set"
_GROUP = "Верните бота в группу или уберите её из настроек"

FAILURES: Sequence[Rule] = (
    Rule(400, "message is not modified", "done", "it says so already"),
    Rule(400, "query is too old", "done", "the button's spinner has ended by itself"),
    Rule(400, "chat not found", "refuse", "there is no such chat, or the person never started the bot"),
    Rule(400, "can't parse entities", "refuse", "the text's markup is wrong"),
    Rule(400, "message text is empty", "refuse", "the text is empty"),
    Rule(
        400, "message is too long", "refuse", "текст длиннее 4096 знаков, Telegram его не принимает",
        "Сократите текст в настройках сценария",
    ),
    Rule(400, "", "refuse", "Telegram doesn't take the message"),
    Rule(401, "", "block", "Telegram не признаёт токен бота: его отозвали или ввели с ошибкой", _TOKEN),
    Rule(403, "bot was blocked by the user", "refuse", "the user blocked the bot"),
    Rule(403, "user is deactivated", "refuse", "the user's account is deleted"),
    Rule(403, "can't initiate conversation", "refuse", "the person never started the bot"),
    Rule(403, "bot was kicked", "refuse", "бота удалили из группы Telegram", _GROUP),
    Rule(403, "bot is not a member", "refuse", "бота нет в группе Telegram", _GROUP),
    Rule(403, "the group chat was deleted", "refuse", "группу Telegram удалили", _GROUP),
    Rule(403, "", "refuse", "the bot may not write to this chat"),
    Rule(404, "", "block", "Telegram не знает такого токена бота: он введён с ошибкой", _TOKEN),
    Rule(
        409, "", "block", "бот одновременно опрашивается другой программой",
        "Выключите в ней опрос (getUpdates) или дайте Связке отдельного бота",
    ),
    Rule(413, "", "refuse", "the upload is too large"),
    Rule(421, "", "block", "этот сервер Bot API не обслуживает такой токен", "Проверьте base_url и токен"),
    Rule(429, "", "retry", "over Telegram's limit"),
)  # fmt: skip
OTHER_4XX = Rule(0, "", "refuse", "Telegram refuses the call")
OTHER_5XX = Rule(0, "", "retry", "Telegram failed")

LONG_WAIT = 30
"""Seconds: a longer `retry_after` holds the whole bot, a shorter one is a chat's own."""


def rule_of(status: int, description: str) -> Rule:
    """The first row that fits; a status of no row is judged by its class."""
    said = description.casefold()
    fitting = (rule for rule in FAILURES if rule.status == status and rule.phrase in said)
    return next(fitting, OTHER_5XX if status >= 500 else OTHER_4XX)


def moved_to(status: int, answer: Section) -> str | None:
    """The new id of a group that became a supergroup."""
    return identifier(section(answer.get("parameters")).get("migrate_to_chat_id")) if status == 400 else None


def outcome_of(status: int, answer: Section) -> Outcome:
    """What a refusal means. Its description is ours to quote: it holds nobody's data."""
    rule = rule_of(status, text(answer.get("description")) or "")
    if rule.do == "done":
        return Succeeded(already=True, message=rule.what)
    if rule.do == "retry":
        after = whole(section(answer.get("parameters")).get("retry_after"))
        whole_bot = status != 429 or (after or 0) > LONG_WAIT
        return Retry(code=str(status), message=rule.what, after=after, outage=whole_bot)
    if rule.do == "block":
        return Blocked(code=str(status), message=rule.what, remedy=rule.remedy or "")
    return Refused(code=str(status), message=rule.what, remedy=rule.remedy)
