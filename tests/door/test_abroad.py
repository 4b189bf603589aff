"""`country: ru` and a journal abroad: refused before anything of a person is written down there (152-FZ)."""

from __future__ import annotations

from datetime import date

import pytest

from door.support import Site
from svyazka.apply import plan_apply
from svyazka.model.errors import ConfigError
from svyazka.model.tenants import AbroadAccepted, PersonalData

TAKEN_UPON = PersonalData(abroad_accepted=AbroadAccepted(by="Иванов И. И.", on=date(2026, 3, 1)))


@pytest.mark.parametrize(
    ("country", "abroad", "more", "refused"),
    [
        ("ru", True, {}, True),
        ("ru", False, {}, False),
        ("kz", True, {}, False),
        (None, True, {}, False),
        ("ru", True, {"personal_data": TAKEN_UPON}, False),
        ("ru", True, {"connections": {}}, False),
    ],
)
async def test_a_russian_sites_front_door_is_not_opened_abroad_unless_somebody_takes_it_upon_them(
    country: str | None, abroad: bool, more: dict[str, object], refused: bool
) -> None:
    site = Site()
    web = {"web": site.tenant.connections["web"]}
    tenant = site.tenant.model_copy(update={"country": country, "connections": web, "flows": (), **more})

    async def applied() -> None:
        await plan_apply(site.store, site.hub.directory, site.keyring, tenant, abroad=abroad)

    if not refused:
        await applied()
        return
    with pytest.raises(ConfigError, match="152-FZ"):
        await applied()
