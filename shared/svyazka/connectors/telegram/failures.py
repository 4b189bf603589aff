"""What the Bot API's refusals mean: codes and phrases as a table, and the reading of an answer by it. Pure.

Phrases are looked for without case: Telegram's texts change slightly.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from svyazka.catalogue import N_
from svyazka.connectors.telegram.schema import identifier
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section, section, text, whole
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

_TOKEN = N_("Возьмите токен у @BotFather и сохраните его: svyazka secret set")
_GROUP = N_("Верните бота в группу или уберите её из настроек")
_SHORTEN = N_("Сократите текст в настройках сценария")

FAILURES = FailureMap(
    phrases={
        (400, "message is not modified"): Rule("done", Reason.DUPLICATE, N_("it says so already")),
        (400, "query is too old"): Rule("done", Reason.DUPLICATE, N_("the button's spinner has ended by itself")),
        (400, "chat not found"): Rule(
            "refuse",
            Reason.BAD_ADDRESS,
            N_("there is no such chat, or the person never started the bot"),
        ),
        (400, "can't parse entities"): Rule("refuse", Reason.BAD_CONTENT, N_("the text's markup is wrong")),
        (400, "message text is empty"): Rule("refuse", Reason.BAD_CONTENT, N_("the text is empty")),
        (400, "message is too long"): Rule(
            "refuse",
            Reason.BAD_CONTENT,
            N_("текст длиннее 4096 знаков, Telegram его не принимает"),
            _SHORTEN,
        ),
        (403, "bot was blocked by the user"): Rule("refuse", Reason.BAD_ADDRESS, N_("the user blocked the bot")),
        (403, "user is deactivated"): Rule("refuse", Reason.BAD_ADDRESS, N_("the user's account is deleted")),
        (403, "can't initiate conversation"): Rule(
            "refuse",
            Reason.BAD_ADDRESS,
            N_("the person never started the bot"),
        ),
        (403, "bot was kicked"): Rule("refuse", Reason.SETTING, N_("бота удалили из группы Telegram"), _GROUP),
        (403, "bot is not a member"): Rule("refuse", Reason.SETTING, N_("бота нет в группе Telegram"), _GROUP),
        (403, "the group chat was deleted"): Rule("refuse", Reason.SETTING, N_("группу Telegram удалили"), _GROUP),
    },
    statuses={
        400: Rule("refuse", Reason.BAD_REQUEST, N_("Telegram doesn't take the message")),
        401: Rule(
            "block",
            Reason.NO_ACCESS,
            N_("Telegram не признаёт токен бота: его отозвали или ввели с ошибкой"),
            _TOKEN,
        ),
        403: Rule("refuse", Reason.BAD_ADDRESS, N_("the bot may not write to this chat")),
        404: Rule(
            "block",
            Reason.NO_ACCESS,
            N_("Telegram не знает такого токена бота: он введён с ошибкой"),
            _TOKEN,
        ),
        409: Rule(
            "block",
            Reason.CONFLICT,
            N_("бот одновременно опрашивается другой программой"),
            N_("Выключите в ней опрос (getUpdates) или дайте Связке отдельного бота"),
        ),
        413: Rule("refuse", Reason.BAD_CONTENT, N_("the upload is too large")),
        421: Rule(
            "block",
            Reason.SETTING,
            N_("этот сервер Bot API не обслуживает такой токен"),
            N_("Проверьте base_url и токен"),
        ),
        429: Rule("retry", Reason.TOO_MUCH, N_("over Telegram's limit")),
    },
    classes={range(500, 1000): Rule("retry", Reason.OUT_OF_SERVICE, N_("Telegram failed"))},
    other=Rule("refuse", Reason.OTHER, N_("Telegram refuses the call")),
)

LONG_WAIT = 30
"""Seconds: a longer `retry_after` holds the whole bot, a shorter one is a chat's own."""


def moved_to(status: int, answer: Section) -> str | None:
    """The new id of a group that became a supergroup."""
    return identifier(section(answer.get("parameters")).get("migrate_to_chat_id")) if status == 400 else None


def failure(status: int, answer: Section) -> Outcome:
    """What a refusal means. Its description is ours to quote: it holds nobody's data."""
    rule = FAILURES.rule_of(status, said=text(answer.get("description")))
    after = whole(section(answer.get("parameters")).get("retry_after"))
    if status == HTTPStatus.TOO_MANY_REQUESTS and (after or 0) <= LONG_WAIT:
        rule = replace(rule, outage=False)
    return outcome_of(rule, str(status), after=after)
