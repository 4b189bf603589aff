"""`svyazka auth` for Bitrix24, which has no way to reach us: a person pastes the address that agreeing led to."""

from __future__ import annotations

import httpx

from cli.conftest import Installation
from simulators.bitrix24.access import CLIENT_ID, CLIENT_SECRET
from simulators.registry import load_simulator
from simulators.serve import serve

FILE = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  crm:
    vendor: bitrix24
    domain: b24-demo0000.bitrix24.ru
    base_url: "%s"
    client_id: %s
    client_secret: {secret: app}
"""


def test_a_pasted_address_gives_access_and_one_that_came_too_late_says_so(bare: Installation) -> None:
    with serve([load_simulator("bitrix24")]) as running:
        url = running.base_url("bitrix24")
        bare.file.write_text(FILE % (url, CLIENT_ID), "utf-8")
        bare.svyazka("apply", str(bare.file), "--yes")
        bare.svyazka("secret", "set", "kofe", "app", given=CLIENT_SECRET)
        consent = f"{url}/oauth/authorize/?client_id={CLIENT_ID}&state=s"
        late = httpx.get(consent, trust_env=False).headers["location"]
        running.of("bitrix24").ahead += 31
        assert "30" in bare.svyazka("auth", "kofe/crm", given=f"{late}\n", status=1).stderr
        said = bare.svyazka("auth", "kofe/crm", given=httpx.get(consent, trust_env=False).headers["location"] + "\n")
        assert f"{url}/oauth/authorize/?client_id={CLIENT_ID}" in said.output
        assert "is authorised" in said.output
        (found,) = [row for row in bare.rows("doctor", "kofe", "--live", status=0) if row["check"] == "access"]
        assert found["status"] == "ok"
