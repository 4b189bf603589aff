"""What owners are shown of flows and messengers is what the code takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from fake_provider import FakeProvider, known
from svyazka.cli.interview import settings_by_name
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.flows.registry import FLOWS, load_flow
from svyazka.model.tenants import ConnectionSettings
from svyazka.tenantfile.reader import read_tenant_file

DOCS = Path(__file__).parents[2] / "docs"
TENANT: dict[str, Any] = {
    "id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow",
    "connections": {
        "till": {"vendor": "iiko"}, "bot": {"vendor": "telegram"}, "sms": {"vendor": "smsru"},
        "mail": {"vendor": "resend"}, "wa": {"vendor": "whatsapp"}, "crm": {"vendor": "amocrm"},
        "salon": {"vendor": "yclients"}, "site": {"vendor": "site"},
        "kassa": {"vendor": "provider"}, "zapasnaya": {"vendor": "provider"},
    },
}  # fmt: skip
PAGES = [DOCS / "flows.md", *(DOCS / "vendors" / f"{vendor}.md" for vendor in VENDORS)]
BLOCKS = [
    (page.stem, block) for page in PAGES for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.S)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_an_example_of_the_docs_is_taken(
    page: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(FakeProvider("provider", lambda: datetime.now(UTC)), monkeypatch)
    shown = yaml.safe_load(block)
    own = {} if page == "flows" or "connections" in shown else {page: {"vendor": page}}
    if block.startswith(" "):  # more settings for the connection that stands above
        own, shown = {page: {"vendor": page, **shown}}, {}
    content = {**TENANT, **shown, "connections": {**TENANT["connections"], **own, **shown.get("connections", {})}}
    file = tmp_path / "kofe.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    tenant = read_tenant_file(file)
    assert len(tenant.flows) == len(shown.get("flows", []))


@pytest.mark.parametrize("file", sorted((DOCS / "examples").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_whole_file_of_the_docs_is_taken(file: Path) -> None:
    tenant = read_tenant_file(file)
    assert tenant.flows
    assert any(file.name in page.read_text("utf-8") for page in DOCS.glob("*.md")), "some page goes through it"


def test_every_page_has_its_example() -> None:
    assert {page for page, _ in BLOCKS} == {"flows", *VENDORS}


def test_every_flow_and_every_setting_of_it_is_in_the_docs() -> None:
    page = (DOCS / "flows.md").read_text("utf-8")
    for name in FLOWS:
        assert f"## {name} —" in page
        settings = settings_by_name(load_flow(name).settings_model())
        assert [setting for setting in settings if f"`{setting}`" not in page] == [], name


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_setting_of_a_vendor_is_in_its_page(vendor: str) -> None:
    page = (DOCS / "vendors" / f"{vendor}.md").read_text("utf-8")
    settings = set(load_manifest(vendor).settings.model_fields) - set(ConnectionSettings.model_fields)
    assert {setting for setting in settings if f"`{setting}`" not in page} == set()
