"""Every example of settings that owners are shown is one that works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from svyazka.connectors.registry import load_manifest
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.tenantfile.reader import read_tenant_file

DOCS = Path(__file__).parents[3] / "docs" / "vendors"
HEAD = {"id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow"}


def blocks(vendor: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / f"{vendor}.md").read_text("utf-8"), re.S)


@pytest.mark.parametrize(
    ("vendor", "block"),
    [(vendor, block) for vendor in ("http", "rkeeper") for block in blocks(vendor, "yaml")],
)
def test_an_example_of_the_docs_is_taken(vendor: str, block: str, tmp_path: Path) -> None:
    content: dict[str, Any] = yaml.safe_load(block)
    if "connections" not in content:  # some settings of a connection
        content = {"connections": {"c": {"vendor": vendor, **content}}}
    file = tmp_path / "kofe.yaml"
    file.write_text(yaml.safe_dump({**HEAD, **content}, allow_unicode=True), "utf-8")
    tenant = read_tenant_file(file)
    assert vendor in {spec.vendor for spec in tenant.connections.values()}


def test_the_example_for_receivers_verifies_what_we_sign() -> None:
    (code,) = blocks("http", "python")
    names: dict[str, Any] = {}
    exec(code, names)  # the documentation's own text
    secret = "whsec_aHViLW91dGdvaW5nLXRlc3Qta2V5LTAwMDE="
    headers = signed_headers(secret, "msg_1", int(names["time"].time()), b"{}")
    assert names["genuine"](secret, headers, b"{}")
    assert not names["genuine"](secret, headers, b"{} ")


def test_every_setting_is_in_the_docs() -> None:
    common = {"base_url", "plain_http", "retry", "timeout", "limit", "timezone"}
    for vendor in ("http", "rkeeper"):
        text = (DOCS / f"{vendor}.md").read_text("utf-8")
        settings = set(load_manifest(vendor).settings.model_fields) - common
        assert {name for name in settings if f"`{name}`" not in text} == set()
