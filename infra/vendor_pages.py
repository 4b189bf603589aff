"""What the manifests say, as people read it: `docs/vendors/matrix.md`, and the parts of the other pages between marks.

Everything here is in Russian, as those pages are: texts that stand in the code in English come from the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bundling.functions import ROOT
from svyazka.catalogue import told, use
from svyazka.connectors.registry import CALLS_US, VENDORS, load_manifest
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.capabilities.records import Operation, Quiet, Records
from svyazka.engine.contracts.failures import Case, FailureMap, Rule
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.model.bookings import WallTime
from svyazka.model.commands import BookVisit, Forward, Repeat, Safety, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.money import Money
from svyazka.model.paying import RefundPayment
from svyazka.model.reasons import TO_DO
from svyazka.model.records import RecordKind
from svyazka.model.tenants import ConnectionSettings
from svyazka.model.vat import Vat

PAGES = ROOT / "docs" / "vendors"
NEVER = "—"

MATRIX = """# Системы рядом

Что каждая система умеет, насколько безопасно повторять и чем проверено. Страница сделана из описаний систем в коде
(`python infra/generate.py`), руками её не правят. Слова объяснены в [общем порядке](README.md).

## Что умеет

{can}

«Если ответ потерялся» — что Связка делает, когда не знает, ушло ли сообщение: связь оборвалась, сервер молчит.
«Расписка нужна» — система принимает и то, что не дойдёт: в сценарии за ней должен стоять другой канал и срок.

## Насколько проверено

{quality}
"""

SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
SOME_VISIT = BookVisit(services=("1",), starts_at=WallTime.at(SOME_TIME, "Europe/Moscow"), person=Contact())
SOME_REFUND = RefundPayment(payment="", number="", external_id="", amount=Money(kopecks=100), whole=True)
PAYING = {
    Can.LINK: "ссылка", Can.CHARGE: "сохранённая карта", Can.HOLD: "холд", Can.PART_REFUND: "возврат и по частям",
    Can.SPLIT: "сплит", Can.RECEIPT: "чек",
}  # fmt: skip
REACHES = {"phone": "сообщения по номеру телефона", "email": "письма"}
SCOPES = {"account": "на учётную запись", "ip": "на IP-адрес сервера"}
KINDS = {RecordKind.CONTACT: "контакты", RecordKind.COMPANY: "компании", RecordKind.DEAL: "сделки"}
QUIET = {Quiet.YES: "нет", Quiet.NO: "да", Quiet.UNKNOWN: "неизвестно"}
DEEDS = {
    "done": "считает сделанным",
    "retry": "повторяет",
    "unclear": "как при потерянном ответе",
    "block": "останавливает подключение и зовёт вас",
    "refuse": "не повторяет",
}
NOTHING = {
    "done": "Ничего",
    "retry": "Ничего: повторит сама",
    "unclear": "Ничего, если узнает сама; иначе скажите в консоли, сделано ли",
}
"""What somebody does about a row that names nothing to be done."""


def pages() -> dict[Path, str]:
    """The pages and what must stand in them. A vendor without a page fails here, with the page's name."""
    use("ru")
    try:
        found = {PAGES / "matrix.md": MATRIX.format(can=_table(_can()), quality=_table(_quality()))}
        index = PAGES / "README.md"
        found[index] = _filled(index, "systems", _index())
        for vendor in VENDORS:
            page = PAGES / f"{vendor}.md"
            if not page.exists():
                raise ConfigError(f"docs/vendors/{vendor}.md: expected a page for every vendor, in Russian")
            manifest = load_manifest(vendor)
            text = _filled(page, "quality", _about(manifest))
            text = _filled(page, "settings", _table(_settings(manifest)), text)
            if manifest.failures is not None:
                text = _filled(page, "failures", _table(_rows(manifest.failures)), text)
            found[page] = text
        return found
    finally:
        use(None)


def _filled(page: Path, mark: str, content: str, text: str | None = None) -> str:
    """The page with what stands between `<!-- mark -->` and `<!-- /mark -->` made anew."""
    begin, end = f"<!-- {mark}: infra/generate.py -->\n", f"<!-- /{mark} -->\n"
    text = page.read_text("utf-8") if text is None else text
    if not (begin in text and end in text):
        raise ConfigError(f"{page.relative_to(ROOT)}: expected the lines {begin.strip()!r} and {end.strip()!r}")
    return text[: text.index(begin) + len(begin)] + content + "\n" + text[text.index(end) :]


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *others = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [f"| {' | '.join(line)} |" for line in (head, *others)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


# What stands in the tenant file


SAID_AS = {Vat.NONE: "без НДС"}
"""A rate that receipts say where nobody has named one."""


def _settings(manifest: Manifest[Any]) -> Iterator[Sequence[str]]:
    """The vendor's own; those of every connection are in the general page."""
    credentials = manifest.credentials
    yield ("настройка", "что это", "где взять", "без неё")
    for name, field in manifest.settings.model_fields.items():
        if name in ConnectionSettings.model_fields:
            continue
        hidden = " (секрет)" if name in credentials.secret else ""
        needed = told(credentials.optional.get(name, "")) or NEVER
        if isinstance(field.default, Vat):
            needed = f'уходит `"{field.default}"`: {SAID_AS[field.default]}'
        if name in credentials.required:
            needed = "подключение стоит"
        elif any(name in kind for kind in credentials.either):
            needed = "подключение стоит, если нет доступа другого вида"
        yield (f"`{name}`", f"{told(field.title or '')}{hidden}", told(field.description or "") or NEVER, needed)


# What it can do


def _can() -> Iterator[Sequence[str]]:
    yield ("система", "что умеет", "если ответ потерялся", "расписка нужна", "скорость", "опрос")
    for one in map(load_manifest, VENDORS):
        needs = "да" if one.needs_receipt else "нет" if one.messenger else NEVER
        yield (_link(one), ", ".join(_abilities(one)), _repeats(one), needs, _pace(one.limits), _polls(one))


def _link(manifest: Manifest[Any]) -> str:
    return f"[{told(manifest.title)}]({manifest.vendor}.md)"


def _abilities(manifest: Manifest[Any]) -> Iterator[str]:
    if manifest.messenger is not None:
        yield REACHES.get(manifest.messenger.reaches, "сообщения в чат")
    if manifest.forwarder is not None:
        yield "передаёт события дальше"
    if manifest.records is not None:
        names = [KINDS[kind] for kind in RecordKind if kind in manifest.records.kinds]
        hanging = ", примечания и задачи" if manifest.records.noting is not None else ""
        yield f"ведёт {', '.join(names)}{hanging}"
    if manifest.calendar is not None:
        moving = ", переносит" if manifest.calendar.moves else ""
        yield f"показывает свободное время, записывает{moving} и отменяет"
    if manifest.payments is not None:
        yield f"принимает оплату ({', '.join(word for can, word in PAYING.items() if can in manifest.payments.can)})"
    if manifest.tills is not None:
        yield "показывает открытый чек стола и закрывает оплаченный"
    if manifest.vendor in CALLS_US:
        yield "присылает события"
    if manifest.reading is not None:
        yield "перечитывает перед действием"
    if manifest.polling is not None and _tells(manifest):
        yield "находит пропущенное опросом"
    if manifest.hook is not None:
        yield "адрес webhook настраивает Связка"
    if manifest.doctor is not None:
        yield "проверяется `doctor --live`"


def _repeats(manifest: Manifest[Any]) -> str:
    if manifest.forwarder is not None:
        return _repeat(manifest.forwarder.safety(Forward(type="", payload={}, occurred_at=SOME_TIME)))
    if manifest.calendar is not None:
        return f"запись: {_repeat(manifest.calendar.safety(SOME_VISIT))}"
    if manifest.payments is not None:
        return f"деньги: {_repeat(manifest.payments.safety(SOME_REFUND))}"
    if manifest.records is not None:
        return f"карточка: {_repeat(manifest.records.creating.safety)}"
    if manifest.messenger is None:
        return NEVER
    plain, code = (
        manifest.messenger.safety(SendMessage(to=Contact(), text="", code=is_code)) for is_code in (False, True)
    )
    same = code.repeat is plain.repeat
    return _repeat(plain) if same else f"{_repeat(plain)}; одноразовый код — {_repeat(code)}"


def _repeat(safety: Safety) -> str:
    match safety.repeat:
        case Repeat.IDEMPOTENT:
            life = f" {_long(safety.key_life)}" if safety.key_life else ""
            return f"повторяет: система узнаёт повтор{life and ' ещё'}{life}"
        case Repeat.CHECKABLE:
            return f"через {_long(safety.ask_after)} спрашивает, ушло ли, и повторяет только неушедшее"
        case Repeat.UNSAFE:
            return "не повторяет: `unknown`, решает расписка или человек"


def _pace(limits: Limits) -> str:
    minute = f", {limits.per_minute:g} в минуту" if limits.per_minute is not None else ""
    return f"{limits.per_second:g} в секунду{minute}, {limits.concurrency} сразу, {SCOPES[limits.scope]}"


def _tells(manifest: Manifest[Any]) -> bool:
    """Whether events come from it at all."""
    return manifest.tells is None or bool(manifest.tells)


def _polls(manifest: Manifest[Any]) -> str:
    if manifest.polling is None:
        return NEVER
    if not _tells(manifest):
        return f"раз в {_long(timedelta(seconds=manifest.polling.every))} смотрит, не изменилась ли система"
    back = manifest.polling.looks_back
    reach = f"не дальше чем за {_long(back)}" if back else "предел давности неизвестен"
    return f"раз в {_long(timedelta(seconds=manifest.polling.every))}, {reach}"


def _long(span: timedelta) -> str:
    for unit, seconds in (("сут", 86400), ("ч", 3600), ("мин", 60)):
        if span.total_seconds() >= seconds and span.total_seconds() % seconds == 0:
            return f"{span.total_seconds() / seconds:g} {unit}"
    return f"{span.total_seconds():g} с"


# How sure we are


def _quality() -> Iterator[Sequence[str]]:
    yield ("система", "документация", "подлинность", "образцы", "вживую", "чего не знаем")
    for one in map(load_manifest, VENDORS):
        said = list(one.quality.sentences())
        unknown = told(one.quality.unknown) if one.quality.unknown else NEVER
        yield (_link(one), *said[:4], unknown)


def _about(manifest: Manifest[Any]) -> str:
    return "\n".join(f"- {one}" for one in (*manifest.quality.sentences(), *_noise(manifest)))


def _noise(manifest: Manifest[Any]) -> Iterator[str]:
    """Which writes go by unnoticed by robots and people."""
    records = manifest.records
    if records is None:
        return
    writes = {
        "новая карточка": records.creating, "правка": records.updating, "примечание": records.noting,
        "задача": records.tasking,
    }  # fmt: skip
    said = [f"{what} — {_loudness(records, one)}" for what, one in writes.items() if one is not None]
    yield f"запускает ли запись роботов и уведомления: {', '.join(said)}"


def _loudness(records: Records[Any], operation: Operation) -> str:
    """One word where all kinds of cards are alike, else one for each."""
    by_kind = {kind: QUIET[records.quiet(kind, operation)] for kind in RecordKind if kind in records.kinds}
    if len(set(by_kind.values())) == 1:
        return next(iter(by_kind.values()))
    return " / ".join(f"{KINDS[kind]}: {word}" for kind, word in by_kind.items())


def _index() -> str:
    sources: list[str] = []
    channels: list[str] = []
    both: list[str] = []
    calendars: list[str] = []
    tills: list[str] = []
    for one in map(load_manifest, VENDORS):
        if one.calendar is not None:
            calendars.append(_link(one))
        if one.payments is not None or one.receipts is not None:
            tills.append(_link(one))
            continue
        if not _tells(one):
            continue
        talks = one.forwarder is not None or (one.messenger is not None and one.messenger.reaches not in REACHES)
        (both if talks else channels if one.messenger is not None else sources).append(_link(one))
    return _table(
        [
            (
                "откуда приходят события",
                "через что уходят сообщения",
                "и то и другое",
                "где ведётся запись",
                "чем платят и пробивают чеки",
            ),
            (", ".join(sources), ", ".join(channels), ", ".join(both), ", ".join(calendars), ", ".join(tills)),
        ]
    )


# Failures


def _rows(failures: FailureMap) -> Iterator[Sequence[str]]:
    yield ("что ответила система", "код у нас", "что значит", "что делает Связка", "что делать вам")
    for case, rule in failures.rows():
        yield _row(_answer(case), str(case.status if case.code is None else case.code), rule)
    for every, rule in failures.classes.items():
        yield _row(f"другой ответ {every.start}–{every.stop - 1}", NEVER, rule)
    for said, rule in failures.special.items():
        yield _row(told(said), NEVER, rule)
    yield _row("любой другой", NEVER, failures.other)


def _row(answer: str, code: str, rule: Rule) -> Sequence[str]:
    filed = rule.code or code
    what = re.sub(r"\{(?:code|status)\}", "…" if code == NEVER else code, told(rule.what))
    remedy = rule.remedy or (TO_DO[rule.reason] if rule.do == "refuse" else "")
    filed = NEVER if filed == NEVER else f"`{filed}`"
    return (answer, filed, what, DEEDS[rule.do], told(remedy) or NOTHING[rule.do])


def _answer(case: Case) -> str:
    if case.code is not None:
        return f"`{case.code}`"
    return f"{case.status} «{case.phrase}»" if case.phrase else f"HTTP {case.status}"
