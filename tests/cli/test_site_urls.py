"""The two keys of a site, as `urls` shows them and as a log does not."""

from __future__ import annotations

import json

from cli.conftest import Installation
from svyazka.cli.commands.hooks import _address

SITE = """id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  web: {{vendor: site, origins: ["https://example.ru"]}}
"""


def test_both_keys_of_a_site_are_shown_the_public_one_in_its_address(bare: Installation) -> None:
    bare.apply(SITE)
    public, server = (json.loads(line) for line in bare.svyazka("urls", "kofe", "--json").stdout.splitlines())
    assert {row["function"] for row in (public, server)} == {"ingest"}
    assert public["url"].endswith(f"/ingest/lead?key={public['key']}")
    assert server["url"].endswith("/ingest")
    assert server["key"] not in ("", public["key"])
    shown = bare.svyazka("urls", "kofe").stdout
    assert f"X-Site-Secret: {server['key']}" in " ".join(shown.split())


def test_what_a_service_says_shows_neither() -> None:
    row = {"tenant": "kofe", "connection": "web", "vendor": "site", "url": "https://x/ingest", "key": "SECRET"}
    assert "SECRET" in _address(row)
    assert _address({**row, "key": ""}) == "https://x/ingest"
