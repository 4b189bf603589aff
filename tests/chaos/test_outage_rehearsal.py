"""sms.ru is down for three days, as processes, with business time running fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from chaos.installation import LocalInstallation, until
from chaos.parts import API_ID, MESSENGERS, SOURCES, phone
from chaos.scenario import call_until_answered
from simulators.serve import Running
from svyazka.model.deliveries import Status

SPEED = 20_000.0
"""Three days in 13 seconds."""

GUESTS = 40
OWNER = "+79990099999"
SPARE = "5BA4E000-1234-5678-9ABC-DEF012345678"


class Rehearsal(LocalInstallation):
    """Two flows, one of which is of use for a day only; the owner is told through another account."""

    def tenant(self) -> dict[str, object]:
        tenant = super().tenant()
        connections, flows = tenant["connections"], tenant["flows"]
        assert isinstance(connections, dict)
        assert isinstance(flows, list)
        connections["spare"] = {**connections["messenger"], "api_id": {"secret": "spare-api-id"}}
        flows.append({**flows[0], "id": "of_the_day", "expires_after": "24h"})
        tenant["alerts"] = {"to": [{"connection": "spare", "phone": OWNER}], "after": "3h"}
        return tenant


async def test_three_days_down(tmp_path: Path, vendors: Callable[..., Running]) -> None:
    messenger = MESSENGERS["smsru"]
    running = vendors("iiko", "smsru")
    house = Rehearsal(tmp_path, running, SOURCES["iiko"], messenger, speed=SPEED)
    house.secrets["spare-api-id"] = SPARE
    smsru = running.of("smsru")
    smsru.account(API_ID).outer = 500
    await house.prepare()
    try:
        house.start("accept")
        house.start("work")
        await house.ready()
        await call_until_answered(house, range(GUESTS))
        down_until = house.clock.now() + timedelta(days=3)
        await until(lambda: house.clock.now() > down_until, "three days have passed")
        asked = sum(1 for call in list(smsru.calls) if API_ID in call["body"])
        told = Counter(await house.alerts())
        smsru.account(API_ID).outer = None

        async def over() -> bool:
            states = Counter(d.status for d in (await house.journal()).deliveries if d.flow == "review_request")
            return states[Status.SUCCEEDED] == GUESTS and ("outage", "recovered") in await house.alerts()

        await until(over, "what is still of use is delivered", look=lambda: house.spoken()[-2000:])
    finally:
        house.stop()
    assert told[("outage", "down")] == 1
    assert asked < 6 * GUESTS + 120, f"a bounded number of probes: {asked}"
    by_flow: Counter[tuple[str, Status]] = Counter((d.flow, d.status) for d in (await house.journal()).deliveries)
    assert by_flow[("review_request", Status.SUCCEEDED)] == GUESTS
    assert by_flow[("of_the_day", Status.EXPIRED)] == GUESTS
    sent = messenger.sent(running)
    assert all(sent[phone(number)] == 1 for number in range(GUESTS))
    stages = Counter(await house.alerts())
    assert stages[("outage", "down")] == stages[("outage", "recovered")] == 1
    texts = [entry["text"] for entry in smsru.effects if f"+{entry['to'].lstrip('+')}" == OWNER]
    assert len(texts) == 2, texts
