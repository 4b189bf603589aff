"""Every page of the console in a real browser: no barrier, at a phone's width and a wide one, each control by keyboard
alone; a tab that nobody sees asks nothing; and buttons about many cards at once: `make browser`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.test_console_costs import PAGES, a_receipt, a_subscription
from site_examples.conftest import until
from svyazka.app import build_hub
from svyazka.engine.journal import documents as journal
from svyazka.settings import Settings

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from site_examples.test_console_buttons_in_a_browser import Cafe, Owner, _written, cafe, owner  # noqa: F401
from site_examples.test_in_a_browser import open_browser  # noqa: F401
from site_examples.test_in_a_browser import pytestmark as needs_a_browser

pytestmark = [needs_a_browser[0], pytest.mark.timeout(900)]

CONTROLS = """
const seen = (one) => one.getClientRects().length > 0 && !one.closest("details:not([open]) > :not(summary)");
return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter(seen).map((one, at) => (one.dataset.at = at, at));
"""
FOCUSED = "return document.activeElement.dataset ? document.activeElement.dataset.at : null"

COUNTING = """
window.waits = []; window.asked = 0; window.isHidden = false;
const later = window.setTimeout.bind(window);
window.setTimeout = (what, after) => (what.name === "look" ? window.waits.push(what) : later(what, after));
const real = window.fetch.bind(window);
window.fetch = (...what) => { window.asked += 1; return real(...what); };
Object.defineProperty(document, "hidden", { get: () => window.isHidden });
"""
"""Time passes when the test says so."""


def couple(cafe: Cafe, name: str, phone: str) -> tuple[int, int]:  # noqa: F811
    """The same person in both systems: the id of the card in each."""
    made = cafe.client.post(f"{cafe.vendors}/_sim/amocrm/contacts", json=[{"name": name, "phone": phone}]).json()["ids"]
    changes = {"name": name.split()[0], "surname": name.split()[1], "phone": phone}
    told = cafe.client.post(f"{cafe.vendors}/_sim/yclients/client", json={"changes": changes}).json()
    return made[0], told["client"]["id"]


def in_step(owner: Owner, count: int) -> None:  # noqa: F811
    def linked() -> bool:
        owner.goes("sync/kofe/sync_contacts")
        found = owner.browser.find_elements(By.CSS_SELECTOR, ".numbers .fine b")
        return bool(found) and int(found[0].text) >= count

    until(linked, "in step", 180)


def link(owner: Owner, path: str, css: str) -> str:  # noqa: F811
    """What the first such link of a page leads to."""

    def there() -> bool:
        owner.goes(path)
        return bool(owner.browser.find_elements(By.CSS_SELECTOR, css))

    until(there, f"{css} on {path or 'the first page'}", 120)
    found = owner.browser.find_element(By.CSS_SELECTOR, css).get_attribute("href")
    return str(found).removeprefix(owner.home).partition("?")[0]


def owed(cafe: Cafe, payment: str) -> dict[str, str]:  # noqa: F811
    """A receipt of this payment and a subscription, which no till of this cafe would make; their ids."""
    now = datetime.now(UTC)
    receipt = a_receipt(now).model_copy(update={"payment": payment})
    agreed = a_subscription(now).model_copy(update={"first": payment, "due_at": now + timedelta(days=30)})

    async def write() -> None:
        hub = build_hub(Settings(data=cafe.data))
        try:
            await hub.store.commit([journal.create(receipt), journal.create(agreed)])
        finally:
            await hub.store.close()

    asyncio.run(write())
    return {"receipt": receipt.id, "subscription": agreed.id}


def is_walked_by_keyboard(owner: Owner) -> None:  # noqa: F811
    """Tab alone comes to whatever can be pressed or filled in."""
    left = set(map(str, owner.browser.execute_script(CONTROLS)))
    owner.browser.execute_script("document.activeElement.blur()")
    for _ in range(len(left) + 10):
        owner.presses(Keys.TAB)
        left.discard(str(owner.browser.execute_script(FOCUSED)))
        if not left:
            return
    raise AssertionError((owner.browser.current_url, "no way by keyboard to", left))


def test_no_page_has_a_barrier_at_any_width_and_each_is_walked_by_keyboard(
    owner: Owner,  # noqa: F811
    cafe: Cafe,  # noqa: F811
    tmp_path: Path,
) -> None:
    phone = "+79991110105"
    cafe.told("smsru", "faults", kind="cut_after", path="/sms/send")
    cafe.delivered("+79991110103")
    couple(cafe, "Анна Кузнецова", phone)
    in_step(owner, 1)
    (tmp_path / "clients.csv").write_text("Имя,Телефон\nОльга Ким,+79992220001\n", "utf-8")
    cafe.cli("import", str(tmp_path / "clients.csv"), "--into", "kofe/crm", "--yes", "--report", str(tmp_path))
    owner.goes("systems/kofe/till")
    owner.has_it_done("What would follow from it?")
    request = owner.browser.current_url.removeprefix(owner.home).partition("?")[0]
    owner.goes("file")
    typed = owner.browser.find_element(By.TAG_NAME, "textarea")
    changed = "arguments[0].value = arguments[0].value.replace('at_most_once_per: 30d', 'at_most_once_per: 14d')"
    owner.browser.execute_script(changed, typed)
    owner.has_it_done("See what would change")
    owner.sees("What would change")
    owner.looks_right()
    is_walked_by_keyboard(owner)
    owner.goes("")
    owner.looks_up(phone)
    record = str(owner.browser.find_element(By.CSS_SELECTOR, "a[href*='/cards/']").get_attribute("href"))
    ids = {
        "event": link(owner, "events", "tbody a"), "delivery": link(owner, "deliveries", "tbody a"),
        "job": link(owner, "jobs", "h2 a"), "problem": link(owner, "", "h3 a"), "request": request,
        "record": record.removeprefix(owner.home), "payment": cafe.asks_to_pay("4202", "350.00"),
    }  # fmt: skip
    ids |= owed(cafe, ids["payment"])
    ids = {name: path.rpartition("/")[2] for name, path in ids.items()}
    for page in (*PAGES, "/no-such-page"):
        owner.goes(page.format(**ids).removeprefix("/"))
        owner.looks_right()
        is_walked_by_keyboard(owner)


def test_a_tab_that_nobody_sees_asks_nothing(owner: Owner) -> None:  # noqa: F811
    owner.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNTING})
    owner.goes("")
    asked = []
    for hidden in ("false", "true", "true", "false"):
        owner.browser.execute_async_script(
            f"window.isHidden = {hidden}; const next = window.waits.shift(); next().then(() => arguments[0]())"
        )
        asked.append(owner.browser.execute_script("return window.asked"))
    assert asked == [1, 1, 1, 2]


def test_many_doubts_are_answered_at_once_and_cards_are_taken_apart(owner: Owner, cafe: Cafe) -> None:  # noqa: F811
    people = [couple(cafe, f"Мария Ким{number}", f"+7999111020{number}") for number in range(2)]
    in_step(owner, 2)
    owner.goes("")
    owner.has_it_done("Pause all of it")
    for number, (card, client) in enumerate(people):
        cafe.told("yclients", "client", id=client, changes={"name": "Маша", "surname": f"Салонная{number}"})
        cafe.told("amocrm", "save", kind="contacts", id=card, fields={"name": f"Мария Учётная{number}"})
    owner.goes("")
    owner.has_it_done("Let all of it go on")

    def asked() -> bool:
        owner.goes("sync/kofe/sync_contacts/doubts")
        return "Many at once" in owner.text()

    until(asked, "doubts", 180)
    owner.looks_right()
    owner.has_it_done("All: as in crm")
    for number, (_card, client) in enumerate(people):
        until(lambda client=client, number=number: _written(cafe, client, f"Учётная{number}"), "written", 180)
    owner.goes("")
    owner.looks_up("+79991110200")
    owner.browser.find_element(By.CSS_SELECTOR, "a[href*='/cards/']").click()
    before = writes(cafe)
    owner.has_it_done(f"Take salon №{people[0][1]} apart")
    owner.goes("")
    owner.looks_up("+79991110200")
    until(lambda: len(owner.browser.find_elements(By.CSS_SELECTOR, "a[href*='/cards/']")) == 2, "two by now")
    assert writes(cafe) == before, "what stands in the systems stays"


def writes(cafe: Cafe) -> int:  # noqa: F811
    """Whatever was written into either system."""
    found = 0
    for vendor in ("yclients", "amocrm"):
        calls = cafe.client.get(f"{cafe.vendors}/_sim/{vendor}/ledger").json()["calls"]
        found += sum(one["method"] in ("PUT", "PATCH") for one in calls)
    return found
