"""The settings of one site."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from svyazka.catalogue import N_, _
from svyazka.model.base import Frozen
from svyazka.model.tenants import ConnectionSettings, Duration

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]+\])(:\d{1,5})?")
_RATE = re.compile(r"(\d{1,6})/([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _origin(value: str) -> str:
    """A browser's `Origin`: scheme, host and port, nothing after it."""
    text = value.strip().lower().rstrip("/")
    found = _ORIGIN.fullmatch(text)
    local = found is not None and found[2] in ("localhost", "127.0.0.1", "[::1]")
    if found is None or (found[1] == "http" and not local):
        raise ValueError(_("expected an address such as https://example.ru without a path, got {value!r}", value=value))
    return text


def rate(value: object) -> tuple[int, int]:
    """`10/m` -> (10, 60): so many in so many seconds. Raises ValueError that shows the way to write it."""
    if isinstance(value, list | tuple) and len(value) == 2:  # what we wrote ourselves
        return int(value[0]), int(value[1])
    found = _RATE.fullmatch("".join(value.split())) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(_("expected a number of calls in a time, such as 10/m, got {value!r}", value=value))
    return int(found[1]), _SECONDS[found[2]]


Rate = Annotated[tuple[int, int], BeforeValidator(rate)]
Origin = Annotated[str, AfterValidator(_origin)]


class SiteLimits(Frozen):
    """How much of the public key's calls is taken: a hint for an address (mobile operators share theirs)."""

    per_address: Rate = (10, 60)
    per_site: Rate = (300, 60)


class SiteSettings(ConnectionSettings):
    """`origins`: pages that may read our answers. `bot`: whose init data is believed."""

    origins: tuple[Origin, ...] = Field(default=(), title=N_("адреса страниц сайта"))
    frames: tuple[Annotated[str, Field(pattern=r"^https://(\*\.)?[a-z0-9.-]{1,253}(:\d{1,5})?$")], ...] = Field(
        default=(), title=N_("чьи страницы могут показывать наши во фрейме")
    )
    """Whose pages may show ours in a frame: a marketplace's, where a table is paid for in its mini-app."""
    bot: str | None = Field(default=None, title=N_("подключение бота, чьё мини-приложение вызывает"))
    calendar: str | None = Field(default=None, title=N_("подключение календаря, если их несколько"))
    codes: str = Field(default="one_time_code", title=N_("правило, которым уходят коды"))
    """Id of the tenant's `one_time_code` flow."""
    limits: SiteLimits = Field(default=SiteLimits(), title=N_("пределы приёма"))
    daily_codes: int = Field(default=100, ge=1, le=100_000, title=N_("кодов в сутки"))
    code_countries: tuple[Annotated[str, Field(pattern=r"^\+\d{1,6}$")], ...] = Field(
        default=("+79",), title=N_("начала номеров для кодов")
    )
    """Beginnings of the numbers that codes are sent to."""
    honeypot: str | None = Field(default=None, pattern=r"^[A-Za-z][\w-]{0,40}$", title=N_("поле-ловушка формы"))
    """A field that people don't see and robots fill in."""
    min_fill: Duration = Field(default=timedelta(seconds=3), title=N_("самое быстрое заполнение формы человеком"))
    """A form that is sent sooner was filled in by a robot, or by a browser for its person: it is held."""
    quick_goes_on_after: Annotated[Duration, Field(gt=timedelta(), le=timedelta(days=7))] | None = Field(
        default=None, title=N_("через сколько слишком быстрая форма идёт дальше сама")
    )
    """Left out: it waits for somebody's word."""
