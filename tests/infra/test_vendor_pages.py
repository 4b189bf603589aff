"""What people read of a vendor is made from its manifest, and says no more than is known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vendor_pages
from svyazka.catalogue import reader
from svyazka.connectors.registry import CALLED, VENDORS, load_manifest, load_webhook
from svyazka.engine.contracts.quality import Proof
from svyazka.model.errors import ConfigError


def test_every_vendor_stands_in_the_matrix_and_the_index_and_the_reader_stays_who_it_was() -> None:
    pages = vendor_pages.pages()
    assert reader() == "en"
    for name in ("matrix.md", "README.md"):
        linked = set(re.findall(r"\]\((\w+)\.md\)", pages[vendor_pages.PAGES / name]))
        assert set(VENDORS) <= linked


def test_a_vendor_without_a_page_or_without_the_marks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n")
    monkeypatch.setattr(vendor_pages, "ROOT", tmp_path)
    with pytest.raises(ConfigError, match=r"page.md: expected the lines '<!-- quality: infra/generate.py -->'"):
        vendor_pages._filled(page, "quality", "x")
    monkeypatch.setattr(vendor_pages, "VENDORS", ("nowhere",))
    monkeypatch.setattr(vendor_pages, "PAGES", tmp_path)
    (tmp_path / "README.md").write_text("<!-- systems: infra/generate.py -->\n<!-- /systems -->\n")
    monkeypatch.setattr(vendor_pages, "load_manifest", lambda vendor: load_manifest("iiko"))
    with pytest.raises(ConfigError, match=r"docs/vendors/nowhere.md"):
        vendor_pages.pages()


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_said_of_a_vendors_proof_is_what_its_webhook_does(vendor: str) -> None:
    manifest = load_manifest(vendor)
    quality, secrets = manifest.quality, set(manifest.credentials.secret)
    assert manifest.title
    assert quality.seen_live is None or re.fullmatch(r"20\d\d-\d\d-\d\d", quality.seen_live)
    if quality.proof in {Proof.REAL_BYTES, Proof.PUBLISHED_VECTORS, Proof.OWN_BYTES, Proof.TOKEN}:
        webhook = load_webhook(vendor)
        assert webhook is not None
        assert set(webhook.secret_settings) & secrets, "nothing proves its requests"


@pytest.mark.parametrize("vendor", CALLED)
def test_every_failure_of_a_vendor_is_on_its_page_in_russian(vendor: str) -> None:
    failures = load_manifest(vendor).failures
    assert failures is not None
    page = (vendor_pages.PAGES / f"{vendor}.md").read_text("utf-8")
    filed = [rule.code or str(case.status if case.code is None else case.code) for case, rule in failures.rows()]
    assert [code for code in filed if f"| `{code}` |" not in page] == []
    table = page.partition("<!-- failures: infra/generate.py -->\n")[2].partition("<!-- /failures -->")[0]
    meanings = [row.split(" | ")[2] for row in table.splitlines()[2:]]
    assert [meaning for meaning in meanings if not re.search("[а-яё]", meaning)] == []
