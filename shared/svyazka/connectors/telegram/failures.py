"""What the Bot API's refusals mean: codes and phrases as a table, and the reading of an answer by it. Pure.

Phrases are looked for without case: Telegram's texts change slightly. What a row with a remedy says is told to
the business in an alert, so it is in Russian; the others stay in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from svyazka.catalogue import N_
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


_TOKEN = N_("Возьмите токен у @BotFather и сохраните его: svyazka secret set")
_GROUP = N_("Верните бота в группу или уберите её из настроек")

FAILURES: Sequence[Rule] = (
    Rule(400, "message is not modified", "done", N_("it says so already")),
    Rule(400, "query is too old", "done", N_("the button's spinner has ended by itself")),
    Rule(400, "chat not found", "refuse", N_("there is no such chat, or the person never started the bot")),
    Rule(400, "can't parse entities", "refuse", N_("the text's markup is wrong")),
    Rule(400, "message text is empty", "refuse", N_("the text is empty")),
    Rule(
        400, "message is too long", "refuse", N_("текст длиннее 4096 знаков, Telegram его не принимает"),
        N_("Сократите текст в настройках сценария"),
    ),
    Rule(400, "", "refuse", N_("Telegram doesn't take the message")),
    Rule(401, "", "block", N_("Telegram не признаёт токен бота: его отозвали или ввели с ошибкой"), _TOKEN),
    Rule(403, "bot was blocked by the user", "refuse", N_("the user blocked the bot")),
    Rule(403, "user is deactivated", "refuse", N_("the user's account is deleted")),
    Rule(403, "can't initiate conversation", "refuse", N_("the person never started the bot")),
    Rule(403, "bot was kicked", "refuse", N_("бота удалили из группы Telegram"), _GROUP),
    Rule(403, "bot is not a member", "refuse", N_("бота нет в группе Telegram"), _GROUP),
    Rule(403, "the group chat was deleted", "refuse", N_("группу Telegram удалили"), _GROUP),
    Rule(403, "", "refuse", N_("the bot may not write to this chat")),
    Rule(404, "", "block", N_("Telegram не знает такого токена бота: он введён с ошибкой"), _TOKEN),
    Rule(
        409, "", "block", N_("бот одновременно опрашивается другой программой"),
        N_("Выключите в ней опрос (getUpdates) или дайте Связке отдельного бота"),
    ),
    Rule(413, "", "refuse", N_("the upload is too large")),
    Rule(421, "", "block", N_("этот сервер Bot API не обслуживает такой токен"), N_("Проверьте base_url и токен")),
    Rule(429, "", "retry", N_("over Telegram's limit")),
)  # fmt: skip
OTHER_4XX = Rule(0, "", "refuse", N_("Telegram refuses the call"))
OTHER_5XX = Rule(0, "", "retry", N_("Telegram failed"))

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
