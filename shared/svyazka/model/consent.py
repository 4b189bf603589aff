"""What people answer to messages when they want no more of them, or want them again.

A message withdraws consent when it says that and nothing else: a table of words and a few shapes, no guessing. Each
sentence is read word by word; a word that stands in no table makes it a sentence about something else ("стоп-лист
обновили?", "стоп звонить мне"), and a question never withdraws anything.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Consent(StrEnum):
    """A person's own word on being written to."""

    WITHDRAWN = "withdrawn"
    GIVEN = "given"


_ALIKE = str.maketrans("abcehkmoptxyё", "авсенкмортхуе")
"""Latin letters that look like Cyrillic ones, as a phone's keyboard mixes them up: `Cтоп`. After `casefold`."""

_AGAIN = re.compile(r"(.)\1+")


def _plain(word: str) -> str:
    """A word by its looks: `CТОООП` is `стоп`."""
    return _AGAIN.sub(r"\1", word.casefold().translate(_ALIKE).replace("’", "'"))


def _words(text: str) -> frozenset[str]:
    return frozenset(_plain(word) for word in text.split())


GIVING = _words("старт start подписаться subscribe")

WITHDRAWING = _words(
    "стоп stop stopall отписаться отписка отписку отписки отпишите отпиши отпишитесь отписать отписывайте отписываюсь "
    "отписываться unsubscribe"
)
"""Each says it by itself."""

_PAIRS = (
    (
        "не not don't dont",
        "пишите пиши писать присылайте присылай присылать шлите шли слать отправляйте отправлять беспокойте беспокоить "
        "спамьте спамить тревожьте тревожить text message contact email write send",
    ),
    (
        "хватит прекратите прекрати перестаньте перестань прекращайте",
        "писать присылать слать отправлять спамить рассылку рассылки смс sms сообщения спам",
    ),
    ("удалите удали уберите убери исключите исключи вычеркните", "меня нас рассылки рассылок базы списка"),
    ("отключите отмените остановите", "рассылку рассылки спам"),
    ("remove", "me"),
)
WITHDRAWING_WITH = {head: _words(needed) for heads, needed in _PAIRS for head in _words(heads)}
"""Says it together with one of these after it: `не пишите`, `удалите меня из базы`."""

DENYING = _words("не not don't dont")
BETWEEN = _words("больше мне нам меня нас надо нужно сюда никогда смс sms вообще ever any more")
"""What may stand between a denial and what is denied: "не хочу писать" is about reviews."""

ABOUT = _words(
    "меня мой мои моего нас наш мне нам мной от из с на в со этот этой эту этого это ваш ваша вашей ваши ваших вашу "
    "вас вам номер номера телефон телефона почту адрес рассылка рассылки рассылку рассылок базы списка уведомлений "
    "уведомления сообщений сообщения сообщение смс sms спам спама рекламы рекламу реклама письма писем больше никогда "
    "сюда все всех всё вообще уже срочно me my from this the list all messages texts emails any more anymore"
)
"""What it may be about."""

POLITE = _words(
    "пожалуйста пжл пж плиз please спасибо спс благодарю thanks thank you здравствуйте привет добрый доброе доброго "
    "день дня вечер утро времени суток прошу просьба я хочу хотел хотела бы надо нужно давайте ок да и ну do hi hello"
)

SIGNING = ("с уважением", "с наилучшими", "best regards", "kind regards", "regards", "всего доброго", "хорошего дня")
"""What begins a signature, wherever it stands."""

QUOTING = ("пишет", "писал", "написал", "wrote")
"""What, before a colon, introduces the letter that is answered."""

LONGEST, MOST_LINES = 1000, 12
"""Characters and lines of a message that may be nothing but this and a signature."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCE = re.compile(r"[^.!?…;]+[.!?…;]*")


def consent_in(text: str | None) -> Consent | None:
    """The consent that a message gives or withdraws: `Стоп!`, `/stop`, `Отпишите меня, пожалуйста`.

    A bot's command may name the bot (`/stop@our_bot`) and carry a payload (`/start src_site`). Consent is given by the
    bare word only; it is withdrawn by more, and whatever is signed under it doesn't matter.
    """
    message = (text or "").strip()
    if message.startswith("/"):
        message = message.split(maxsplit=1)[0].partition("@")[0]
    lines = _own_lines(message)
    if not lines or len(lines) > MOST_LINES or sum(map(len, lines)) > LONGEST:
        return None
    words = _plain_words(" ".join(lines))
    if len(words) == 1 and words[0] in GIVING and not lines[0].endswith("?"):
        return Consent.GIVEN
    return Consent.WITHDRAWN if _withdraws(lines) else None


def _own_lines(message: str) -> list[str]:
    """What the writer himself says, without the letter that he answers."""
    own: list[str] = []
    for line in message[: LONGEST * 4].splitlines():
        said = line.strip()
        if said.startswith((">", "--", "__")) or (said.endswith(":") and any(word in said for word in QUOTING)):
            break
        if said:
            own.append(said)
    return own


def _withdraws(lines: list[str]) -> bool:
    said_in: int | None = None
    for number, line in enumerate(lines):
        for sentence in _SENTENCE.findall(line):
            words = _plain_words(sentence)
            if "?" in sentence:
                return False
            if sentence.strip().casefold().startswith(SIGNING):
                return said_in is not None
            if _is_withdrawal(words):
                said_in = number if said_in is None else said_in
            elif not POLITE.issuperset(words) and (said_in is None or (number == said_in and not _is_name(sentence))):
                return False
    return said_in is not None


def _is_withdrawal(words: list[str]) -> bool:
    found = False
    for place, word in enumerate(words):
        needed = WITHDRAWING_WITH.get(word)
        if needed is not None:
            if not _is_completed(word, needed, words[place + 1 :]):
                return False
            found = True
        elif word in WITHDRAWING:
            found = True
        elif word not in ABOUT and word not in POLITE and word not in _COMPLETING:
            return False
    return found


_COMPLETING = frozenset().union(*WITHDRAWING_WITH.values())


def _is_completed(head: str, needed: frozenset[str], rest: list[str]) -> bool:
    for word in rest:
        if word in needed:
            return True
        if head in DENYING and word not in BETWEEN:
            return False
    return False


def _is_name(sentence: str) -> bool:
    """`Иван Петров`: somebody signs in the same line."""
    words = _WORD.findall(sentence)
    return 2 <= len(words) <= 3 and all(word.istitle() for word in words)


def _plain_words(text: str) -> list[str]:
    return [_plain(word) for word in _WORD.findall(text)]
