"""The example site in a real browser, against the real hub with stand-ins behind it: `make browser`.

Needs Chromium with its driver, selenium and axe-core (SVYAZKA_AXE: where `axe.min.js` lies); left out without them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from site_examples.conftest import Shop, until
from svyazka.connectors.site.settings import SiteSettings

selenium = pytest.importorskip("selenium")

from selenium.webdriver import Chrome, ChromeOptions, ChromeService  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

DRIVER, CHROMIUM = shutil.which("chromedriver"), shutil.which("chromium")
AXE = Path(os.environ.get("SVYAZKA_AXE", "axe.min.js"))

MIN_FILL = SiteSettings().min_fill / timedelta(milliseconds=1)

pytestmark = [
    pytest.mark.skipif(not (DRIVER and CHROMIUM and AXE.is_file()), reason="no Chromium here: make browser"),
    pytest.mark.timeout(180),
]


class Visitor:
    """Somebody at a keyboard."""

    def __init__(self, browser: Chrome, shop: Shop) -> None:
        self.browser, self.shop = browser, shop

    def opens(self, query: str = "") -> None:
        self.browser.get(self.shop.page + query)

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def tabs_to(self, what: str) -> None:
        """Goes on by Tab alone until the focus is where the selector says."""
        for _ in range(60):
            self.presses(Keys.TAB)
            if self.browser.execute_script("return document.activeElement.matches(arguments[0])", what):
                return
        raise AssertionError(f"no way to {what} by keyboard")

    def sees(self, words: str) -> None:
        shown = "return document.body.innerText.includes(arguments[0])"
        until(lambda: self.browser.execute_script(shown, words), words)

    def meets_no_barrier(self) -> None:
        self.browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
        found = self.browser.execute_async_script("axe.run(document).then(arguments[0])")
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]] == []
        assert len(found["passes"]) > 20

    def fills_in_the_lead(self, phone: str) -> None:
        self.tabs_to("#name")
        self.presses("Мария")
        self.tabs_to("#phone")
        self.presses(phone)
        self.tabs_to("#text")
        self.presses("Есть ли время в субботу?")
        self.tabs_to("#consent")
        self.presses(Keys.SPACE)

    def waits_like_a_person(self) -> None:
        """Faster than `min_fill` is a robot."""
        since = "return performance.now() - performance.getEntriesByType('navigation')[0].loadEventEnd"
        until(lambda: self.browser.execute_script(since) > MIN_FILL, "the page has been open for long enough")


@pytest.fixture
def open_browser() -> Iterator[Callable[..., Chrome]]:
    opened: list[Chrome] = []

    def make(script: bool = True) -> Chrome:
        options = ChromeOptions()
        options.binary_location = (
            "/usr/lib/chromium/chromium" if Path("/usr/lib/chromium/chromium").exists() else CHROMIUM
        )
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=420,900"):
            options.add_argument(argument)
        if not script:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        opened.append(Chrome(options=options, service=ChromeService(DRIVER)))
        return opened[-1]

    yield make
    for one in opened:
        one.quit()


@pytest.fixture
def visitor(shop: Shop, open_browser: Callable[..., Chrome]) -> Visitor:
    return Visitor(open_browser(), shop)


def test_a_lead_by_keyboard_reaches_the_crm_once_however_often_it_is_sent(visitor: Visitor, shop: Shop) -> None:
    before = shop.deals()
    visitor.opens("?utm_source=yandex&utm_campaign=spring")
    visitor.meets_no_barrier()
    visitor.fills_in_the_lead("+79991230001")
    visitor.waits_like_a_person()
    visitor.tabs_to("form[data-svyazka=lead] button")
    visitor.presses(Keys.ENTER, Keys.ENTER, Keys.ENTER)
    visitor.sees("Спасибо! Заявка принята")
    visitor.meets_no_barrier()
    until(lambda: shop.deals() > before, "a deal in the CRM")
    until(shop.has_done_its_leads, "nothing is left to do")
    assert shop.deals() == before + 1


def test_a_lead_without_javascript_comes_back_to_the_sites_own_page(
    shop: Shop, open_browser: Callable[..., Chrome]
) -> None:
    before = shop.deals()
    visitor = Visitor(open_browser(script=False), shop)
    visitor.opens()
    visitor.fills_in_the_lead("+79991230002")
    visitor.tabs_to("form[data-svyazka=lead] button")
    visitor.presses(Keys.ENTER)
    until(lambda: visitor.browser.current_url.endswith("/site/thanks.html"), "back at the site")
    until(lambda: shop.deals() == before + 1, "a deal in the CRM")


def test_a_lead_sent_while_the_line_is_down_goes_out_when_it_is_back_and_is_one(visitor: Visitor, shop: Shop) -> None:
    before = shop.deals()
    visitor.opens()
    visitor.fills_in_the_lead("+79991230003")
    visitor.waits_like_a_person()
    _line(visitor.browser, down=True)
    visitor.tabs_to("form[data-svyazka=lead] button")
    visitor.presses(Keys.ENTER)
    visitor.sees("Нет связи")
    _line(visitor.browser, down=False)
    visitor.sees("Спасибо! Заявка принята")
    until(lambda: shop.deals() == before + 1, "a deal in the CRM")


def test_a_wrong_phone_leads_to_its_field(visitor: Visitor, shop: Shop) -> None:
    visitor.opens()
    visitor.tabs_to("#name")
    visitor.browser.execute_script("document.querySelector('#phone').required = false")
    visitor.presses("Мария")
    visitor.tabs_to("#consent")
    visitor.presses(Keys.SPACE)
    visitor.tabs_to("form[data-svyazka=lead] button")
    visitor.presses(Keys.ENTER)
    visitor.sees("Проверьте номер телефона")
    until(lambda: visitor.browser.switch_to.active_element.get_attribute("id") == "phone", "focus on the phone")
    visitor.meets_no_barrier()


def test_a_visit_is_booked_by_keyboard_alone_and_stands_in_the_calendar(visitor: Visitor, shop: Shop) -> None:
    at = _chooses_a_time(visitor)
    _gives_a_name(visitor, "+79991230004")
    visitor.sees("Вы записаны")
    visitor.meets_no_barrier()
    (made,) = [one for one in shop.effects("dikidi", "booking") if one["phone"] == "79991230004"]
    assert made["time"] == at.replace("T", " ")[:19]


def test_a_time_that_was_taken_meanwhile_is_replaced_by_the_next_and_what_was_typed_stays(
    visitor: Visitor, shop: Shop
) -> None:
    at = _chooses_a_time(visitor)
    for master in ("555", "556"):
        shop.told("dikidi", "take", master=master, service="2001", time=at.replace("T", " ")[:19])
    _gives_a_name(visitor, "+79991230005")
    visitor.sees("только что заняли")
    visitor.meets_no_barrier()
    until(lambda: visitor.browser.switch_to.active_element.get_attribute("type") == "radio", "focus on the next times")
    visitor.presses(Keys.SPACE)
    visitor.tabs_to(".svz button[type=submit]")
    visitor.presses(Keys.ENTER)
    visitor.sees("Вы записаны")
    assert len([one for one in shop.effects("dikidi", "booking") if one["phone"] == "79991230005"]) == 1


def _chooses_a_time(visitor: Visitor) -> str:
    """Service, day and time by arrows and Space; the time that was chosen."""
    visitor.opens()
    visitor.sees("Стрижка женская")
    visitor.tabs_to(".svz select")
    visitor.presses(Keys.ARROW_DOWN)
    until(lambda: _radios(visitor, "День"), "days")
    visitor.meets_no_barrier()
    visitor.tabs_to(".svz-list input")
    visitor.presses(Keys.ARROW_RIGHT)  # not today, which may be over
    until(lambda: _radios(visitor, "Время"), "times")
    visitor.tabs_to("fieldset:nth-of-type(2) input")
    visitor.presses(Keys.SPACE)
    until(
        lambda: visitor.browser.execute_script("return !!document.querySelector('.svz [name=phone]').offsetParent"), ""
    )
    return str(visitor.browser.switch_to.active_element.get_attribute("value"))


def _radios(visitor: Visitor, legend: str) -> int:
    script = """return [...document.querySelectorAll('.svz fieldset')].filter(
        (one) => one.innerText.startsWith(arguments[0]) && one.offsetParent
    ).flatMap((one) => [...one.querySelectorAll('input')]).length"""
    return int(visitor.browser.execute_script(script, legend))


def _gives_a_name(visitor: Visitor, phone: str) -> None:
    visitor.meets_no_barrier()
    visitor.tabs_to(".svz [name=name]")
    visitor.presses("Мария")
    visitor.tabs_to(".svz [name=phone]")
    visitor.presses(phone)
    visitor.tabs_to(".svz [type=checkbox]")
    visitor.presses(Keys.SPACE)
    visitor.waits_like_a_person()
    visitor.tabs_to(".svz button[type=submit]")
    visitor.presses(Keys.ENTER)


def _line(browser: Chrome, down: bool) -> None:
    browser.execute_cdp_cmd("Network.enable", {})
    conditions = {"offline": down, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", json.loads(json.dumps(conditions)))
