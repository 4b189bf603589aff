"""Whether two names can be one person's: who shares a phone with somebody is told from him by name. Pure.

`rapidfuzz` is imported at the first two names that differ in letters: most don't.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+")
_PATRONYMIC = re.compile(r"(?:вич|вна|ична|инична|ильич|кузьмич|лукич|фомич|никитич|оглы|кызы)\Z")
_SURNAME = re.compile(
    r"(?:[оеё]в|[оеё]ва|ин|ина|ын|ына|ск(?:ий|ая|ой)|цк(?:ий|ая|ой)|енко|чук|юк|ян|швили|дзе|их|ых|ец|ко)\Z", re.I
)
_NO_NAMES = frozenset({
    "гость", "клиент", "контакт", "лид", "заявка", "аноним", "имя", "неизвестно", "без", "имени", "test", "тест",
    "guest", "client", "user", "anonymous", "unknown", "name",
})  # fmt: skip
"""What stands where nobody gave a name."""

ALIKE = 0.8
"""From this ratio on two words are one, misspelled."""

_SHORT = """
александр саша шура саня; александра саша шура саня; алексей леша лёша алеша; алена лена; анастасия настя ася; анатолий
толя; андрей андрюша; анна аня нюра ася; антон антоша; борис боря; вадим вадик; валентина валя; валерий валера; валерия
лера; варвара варя; василий вася; вера верочка; вероника ника; виктор витя; виктория вика; виталий виталик; владимир
вова володя; владислав влад слава; вячеслав слава; галина галя; геннадий гена; георгий гоша жора; григорий гриша;
дарья даша; денис деня; дмитрий дима митя; евгений женя; евгения женя; екатерина катя; елена лена алена; елизавета лиза;
иван ваня; игорь игорек; ирина ира; карина кара; кирилл киря; ксения ксюша; константин костя; кристина кристя; лариса
лара; леонид леня; любовь люба; людмила люда мила; максим макс; маргарита рита; марина мариша; мария маша маруся;
михаил миша; надежда надя; наталья наташа; наталия наташа наталья; николай коля; оксана ксюша; олег олежка; ольга оля;
павел паша; петр петя; полина поля; роман рома; светлана света; семен сема; сергей сережа; софья соня софия;
станислав стас слава; степан степа; татьяна таня; тимофей тима; федор федя; юлия юля; юрий юра; яков яша; ярослав слава
"""
_GROUPS = tuple(frozenset(group.replace("ё", "е").split()) for group in _SHORT.split(";"))

_FIRST_NAMES = frozenset().union(*_GROUPS)


def is_first_name(word: str) -> bool:
    """Whether a word is one of the usual Russian first names, short forms among them."""
    return word.casefold().replace("ё", "е") in _FIRST_NAMES


class Parts(NamedTuple):
    """A person's name as systems with a field for each part keep it. What nobody can tell apart is the first name."""

    first: str
    patronymic: str = ""
    last: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, self))


def parts_of(name: str) -> Parts:
    """First and last name of two words, with a patronymic of three. A surname may stand first, as in lists: it does
    where a patronymic ends the name, or where it looks like one and a usual first name follows."""
    match name.split():
        case [first, patronymic, last] if is_patronymic(patronymic):
            return Parts(first, patronymic, last)
        case [last, first, patronymic] if is_patronymic(patronymic):
            return Parts(first, patronymic, last)
        case [last, first] if is_like_a_surname(last) and is_first_name(first) and not is_first_name(last):
            return Parts(first, last=last)
        case [first, last] if not is_patronymic(last):
            return Parts(first, last=last)
        case [first, patronymic]:
            return Parts(first, patronymic)
        case words:
            return Parts(" ".join(words))


def is_patronymic(word: str) -> bool:
    """Whether a word is a patronymic by its ending."""
    return _PATRONYMIC.search(word.casefold()) is not None


def is_like_a_surname(word: str) -> bool:
    """Whether a word ends as Russian surnames do; not all of them do."""
    return _SURNAME.search(word) is not None


def plain_words(name: str | None) -> list[str]:
    """The words of a name as they are compared: no patronymic, no word that stands where nobody gave a name."""
    return _words(name)


def patronymic_of(name: str | None) -> str | None:
    """The patronymic in a name, in small letters, where it has one."""
    words = (word.casefold().replace("ё", "е") for word in _WORD.findall(name or ""))
    return next(filter(is_patronymic, words), None)


def patronymics_agree(one: str | None, other: str | None) -> bool:
    """Father and son bear one name and have one phone: only this tells them apart. One that isn't given agrees."""
    ours, theirs = patronymic_of(one), patronymic_of(other)
    return ours is None or theirs is None or _alike(ours, theirs)


_UNISEX = frozenset({"саша", "шура", "женя", "валя", "слава", "валера", "ася", "ника"})
_HIS_AND_HERS = {
    "александр": "александра", "валентин": "валентина", "валерий": "валерия", "евгений": "евгения",
    "виктор": "виктория", "павел": "павла", "антон": "антонина", "богдан": "богдана", "владислав": "владислава",
    "станислав": "станислава", "ярослав": "ярослава", "мирослав": "мирослава", "юлий": "юлия", "роман": "романа",
    "руслан": "руслана", "василий": "василина", "камиль": "камилла",
}  # fmt: skip
"""First names that differ by a letter or two and are never one person's."""


def same_person(one: str | None, other: str | None) -> bool:
    """Whether these can be one person's names: case, ё, order, patronymic, initials, a short form and a misspelled
    letter make no other person; nor does a name that nobody gave."""
    ours, theirs = _words(one), _words(other)
    if not ours or not theirs:
        return True
    fewer, more = sorted((ours, theirs), key=len)
    left = list(more)
    pairs: list[tuple[str, str]] = []
    for word in fewer:
        found = next((candidate for candidate in left if _alike(word, candidate)), None)
        if found is None:
            return False
        left.remove(found)
        pairs.append((word, found))
    if any(_his_and_hers(*pair) for pair in pairs):  # spouses share a surname, and "Саша" is either's
        return any(one == other and len(one) > 1 and one not in _UNISEX for one, other in pairs)
    return True


def _his_and_hers(one: str, other: str) -> bool:
    """Whether it is one surname, of a man and of a woman."""
    his, hers = sorted((one, other), key=len)
    if his.endswith(("ов", "ев", "ин", "ын")):
        return hers == his + "а"
    return his.endswith(("ский", "цкий")) and hers == his[:-2] + "ая"


def _words(name: str | None) -> list[str]:
    words = [word.casefold().replace("ё", "е") for word in _WORD.findall(name or "")]
    plain = [word for word in words if word not in _NO_NAMES]
    without = [word for word in plain if not _PATRONYMIC.search(word)]
    return without if len(plain) > len(without) and without else plain


@lru_cache(maxsize=65536)
def _alike(one: str, other: str) -> bool:
    if one == other or (min(len(one), len(other)) == 1 and one[0] == other[0]):
        return True
    if _HIS_AND_HERS.get(one) == other or _HIS_AND_HERS.get(other) == one:
        return False
    if any(one in group and other in group for group in _GROUPS):
        return True
    from rapidfuzz.fuzz import ratio

    return ratio(one, other) >= ALIKE * 100


def company_name(name: str) -> str:
    """A company's name as it is compared: without quotes, in lower case."""
    return " ".join(_QUOTES.sub(" ", name.casefold().replace("ё", "е")).split())


_QUOTES = re.compile("[\"'«»„“”‘’`]")
