"""The example site: one small file, pages that fit it, and a stand-in that serves them with the hub and key in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from simulators.serve import serve
from simulators.site import PAGES, Site
from svyazka.connectors.site.schema import Lead

SCRIPT = (PAGES / "svyazka.js").read_text("utf-8")


class Fields(HTMLParser):
    """Names of a page's fields, ids that are labelled, and where its form goes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self.action = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        if tag == "label":
            self.labelled.append(given.get("for") or "")
        if tag in ("input", "textarea") and given.get("name"):
            self.names.append(str(given["name"]))
            if given.get("type") != "hidden":
                self.ids.append(str(given.get("id")))


def test_the_script_is_one_small_file_that_loads_nothing_and_makes_no_markup_of_texts() -> None:
    assert len(SCRIPT.encode()) < 15_000
    assert re.findall(r"innerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|import ", SCRIPT) == []
    assert set(re.findall(r"https?://[\w.-]+", SCRIPT)) == {"https://HUB"}


def test_the_form_needs_no_script_and_every_field_of_it_is_known_and_labelled() -> None:
    form = Fields((PAGES / "index.html").read_text("utf-8"))
    assert form.action == "https://HUB/ingest/lead?key=KEY"
    known = {*Lead.model_fields, "return_url", "website"}
    assert [name for name in form.names if name.partition(".")[0] not in known] == []
    assert set(form.ids) <= set(form.labelled)


@pytest.mark.parametrize("name", [path.name for path in PAGES.iterdir()])
def test_the_stand_in_serves_each_page_with_the_hub_and_the_key_in_it(name: str) -> None:
    with serve([Site()]) as running, httpx.Client(base_url=running.base_url("site"), trust_env=False) as client:
        told = {"hub": "http://127.0.0.1:9", "key": "1.kofe.www.1.key"}
        assert client.post(f"{running.url}/_sim/site/settings", json=told).status_code == 200
        page = client.get(f"/{name}")
        assert client.get("/../../pyproject.toml").status_code == 404
    assert page.status_code == 200
    assert "connect-src http://127.0.0.1:9" in page.headers["content-security-policy"]
    if name == "index.html":
        assert Fields(page.text).action == "http://127.0.0.1:9/ingest/lead?key=1.kofe.www.1.key"
        assert f'value="{running.base_url("site")}/thanks.html"' in page.text
        assert not {"HUB", "PAGE"} & set(re.findall("[A-Z]{3,}", page.text))
