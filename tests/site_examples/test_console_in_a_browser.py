"""The console in a real browser, beside the example site: no barrier on any page, a button by keyboard alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from site_examples.conftest import Shop, until

pytest.importorskip("selenium")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from site_examples.test_in_a_browser import Visitor, open_browser, pytestmark  # noqa: F401

NARROW = "return document.documentElement.scrollWidth <= window.innerWidth"


@pytest.fixture
def owner(open_browser: Callable[..., Chrome], shop: Shop) -> Visitor:  # noqa: F811
    """Somebody who came in by the link."""
    command = [sys.executable, "-m", "svyazka.cli", "--data", str(shop.data), "console"]
    link = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    visitor = Visitor(open_browser(), shop)
    visitor.browser.get(link)
    visitor.tabs_to("button.big")
    visitor.presses(Keys.ENTER)
    until(lambda: visitor.browser.find_elements(By.CSS_SELECTOR, ".numbers"), "inside")
    return visitor


def test_no_page_has_a_barrier_and_a_button_is_pressed_by_keyboard(owner: Visitor, shop: Shop) -> None:
    command = [sys.executable, "-m", "svyazka.cli", "--data", str(shop.data), "urls", "salon", "--json"]
    urls = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    door = next(line.split('"url": "')[1].split('"')[0] for line in urls if "/ingest/lead" in line)
    lead = {"name": "Анна", "phone": "+79991234567", "text": "Стрижка"}
    shop.client.post(door, json=lead).raise_for_status()
    home = owner.browser.current_url

    def listed() -> bool:
        owner.browser.get(home + "events")
        return bool(owner.browser.find_elements(By.CSS_SELECTOR, "tbody a"))

    until(listed, "an event is listed", 30)
    story = str(owner.browser.find_element(By.CSS_SELECTOR, "tbody a").get_attribute("href")).removeprefix(home)
    for path in ("", "systems", "deliveries", "events", story):
        owner.browser.get(home + path)
        owner.meets_no_barrier()
        assert owner.browser.execute_script(NARROW), path
    for said in ("Pause", "Go on"):
        owner.browser.get(home + "systems")
        owner.sees(said)
        owner.tabs_to(".card .acts button")
        owner.presses(Keys.ENTER)
        owner.sees("Done")
        owner.meets_no_barrier()


@pytest.mark.timeout(400)
def test_one_click_at_the_stand_ins_moves_what_the_console_shows(owner: Visitor, shop: Shop) -> None:
    """As a stranger tries it: an order whose answer was lost becomes a card that asks, and the page sees the SMS."""
    home = owner.browser.current_url
    owner.browser.get(f"{shop.vendors}/")
    owner.meets_no_barrier()
    assert owner.browser.execute_script(NARROW)

    def plays(scene: str) -> None:
        before = len(owner.browser.find_elements(By.CSS_SELECTOR, "li.done"))
        owner.tabs_to(f"form[action='/play/do/{scene}'] button")
        owner.presses(Keys.ENTER)
        until(lambda: len(owner.browser.find_elements(By.CSS_SELECTOR, "li.done")) > before, "it was done")

    def is_told() -> bool:
        return any("снова свободно" in one["text"] for one in shop.effects("smsru", "message"))

    plays("visit_cancelled")
    until(is_told, "the administrator knows of the cancelled visit", 120)
    plays("answer_lost")  # of the next message, whosever it is
    plays("order")
    story = owner.browser.find_element(By.CSS_SELECTOR, "li.done a[href*='/story/']").get_attribute("href")

    def asks() -> bool:
        owner.browser.get(str(story))
        return "Nobody knows whether it was done" in owner.browser.page_source

    until(asks, "the story asks what became of it", 120)
    owner.browser.get(home)
    owner.sees("Needs you")
