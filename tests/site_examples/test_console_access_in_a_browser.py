"""Somebody comes into the console by a code, in a real browser and by keyboard alone; the owner sees who is in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from site_examples.conftest import until

pytest.importorskip("selenium")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from site_examples.test_console_buttons_in_a_browser import Cafe, Owner, cafe  # noqa: F401
from site_examples.test_in_a_browser import open_browser, pytestmark  # noqa: F401

PEOPLE = """\
people:
  - {name: Мария, role: owner, connection: sms, phone: "+79991112233"}
  - {name: Пётр, role: looker, connection: sms, phone: "+79991112244", login: petr}
"""


@pytest.fixture
def staffed(cafe: Cafe) -> Iterator[Cafe]:  # noqa: F811
    """The cafe, with people in its file."""
    file = cafe.data.parent / "tenants" / "kofe.yaml"
    before = file.read_text("utf-8")
    file.write_text(f"{before}{PEOPLE}", "utf-8")
    cafe.cli("apply", str(file), "--yes")
    yield cafe
    file.write_text(before, "utf-8")


class Guest(Owner):
    """Somebody who comes in by a code."""

    def types(self, where: str, text: str) -> None:
        if not self.browser.execute_script("return document.activeElement.matches(arguments[0])", where):
            self.tabs_to(where)
        self.presses(text, Keys.ENTER)

    def comes_in(self, who: str, phone: str) -> None:
        shop: Any = self.shop
        before = len(shop.texts(phone))
        self.goes("")
        self.sees("Come in by a code")
        self.looks_right()
        self.types("#who", who)
        self.sees("The code")
        self.looks_right()
        self.types("#code", "none")
        self.sees("doesn't fit")
        self.looks_right()
        until(lambda: len(shop.texts(phone)) > before, "the code has come", 60)
        self.types("#code", re.findall(r"\d{6}", shop.texts(phone)[-1])[0])
        until(lambda: self.browser.find_elements(By.CSS_SELECTOR, ".numbers"), "inside")


@pytest.mark.timeout(500)
def test_people_come_in_by_a_code_and_the_owner_ends_a_sign_in(
    open_browser: Callable[..., Chrome],  # noqa: F811
    staffed: Cafe,
) -> None:
    home = staffed.cli("console").partition("/enter/")[0] + "/"
    maria, petr = Guest(open_browser(), staffed), Guest(open_browser(), staffed)
    maria.home = petr.home = home
    maria.comes_in("8 999 111-22-33", "+79991112233")
    petr.comes_in("petr", "+79991112244")
    petr.goes("systems")
    petr.sees("sms")
    assert "Pause" not in petr.text()
    maria.goes("people")
    maria.sees("Who is in")
    maria.looks_right()
    maria.has_it_done("Put out: Пётр")
    petr.goes("systems")
    petr.sees("Come in by a code")
    rows = [json.loads(line) for line in staffed.cli("sign-ins", "kofe", "--json").splitlines()]
    assert [one["who"] for one in rows if one["way"] == "code"] == ["Мария"]
