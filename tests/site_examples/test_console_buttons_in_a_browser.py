"""What an owner of a small business does at the console, in a real browser, and what the vendors' stand-ins have to
show for it afterwards: `make browser`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from site_examples.conftest import Shop, _answers, free_port, until

pytest.importorskip("selenium")

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from site_examples.test_in_a_browser import Visitor, open_browser, pytestmark  # noqa: F401

TENANT = """
id: kofe
name: Кофейня на Покровке
timezone: Europe/Moscow
connections:
  till: {{vendor: iiko, base_url: "{vendors}/iiko"}}
  sms: {{vendor: smsru, api_id: {{secret: smsru-api-id}}, base_url: "{vendors}/smsru"}}
  crm: {{vendor: amocrm, subdomain: kofe, token: {{secret: amocrm-token}}, base_url: "{vendors}/amocrm"}}
  salon:
    {{vendor: yclients, company_id: 997441, partner_token: {{secret: partner}}, user_token: {{secret: user}},
     base_url: "{vendors}/yclients"}}
  site: {{vendor: site, origins: [https://kofe.example.org]}}
  kassa: {{vendor: yookassa, shop_id: "123456", secret_key: {{secret: kassa}}, base_url: "{vendors}/yookassa"}}
flows:
  - flow: take_payment
    id: pay
    from: [site]
    via: [kassa]
    receipt: false
    return_url: https://kofe.example.org/thanks
  - flow: review_request
    from: [till]
    via: [sms]
    text: "{{name}}, спасибо за заказ! Оставьте отзыв: {{review_url}}"
    review_url: https://example.org/r/kofe
    at_most_once_per: 30d
  - flow: sync_contacts
    between: [salon, crm]
    mode: on
    create: none
"""

WIDTHS = (360, 1440)
NARROW = "return document.documentElement.scrollWidth <= window.innerWidth"


class Cafe(Shop):
    """The cafe with its till, its messages and two systems that are kept in step."""

    def __init__(self, vendors: str, data: Path) -> None:
        super().__init__(vendors, data)
        self.orders = 7000

    def cli(self, *words: str) -> str:
        command = [sys.executable, "-m", "svyazka.cli", "--data", str(self.data), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def delivered(self, phone: str) -> None:
        """An order is brought to somebody."""
        self.orders += 1
        self.told("iiko", "orders", number=self.orders, status="Delivered", phone=phone, name="Иван")

    def asks_to_pay(self, order: str, amount: str) -> str:
        """The site asks for a payment; its id."""
        urls = [json.loads(line) for line in self.cli("urls", "kofe", "--json").splitlines()]
        (site,) = (one for one in urls if one["connection"] == "site" and one["url"].endswith("/ingest"))
        answer = self.client.post(
            f"{site['url']}/payment", json={"order": order, "amount": amount, "phone": "+79991110301"},
            headers={"X-Site-Secret": site["key"], "Idempotency-Key": f"order-{order}"},
        )  # fmt: skip
        assert answer.status_code in (200, 202), answer.text
        return str(answer.json()["id"])

    def paid(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.cli("payments", "--json").splitlines()]

    def texts(self, phone: str) -> list[str]:
        number = phone.removeprefix("+")
        return [one["text"] for one in self.effects("smsru", "message") if one["to"] == number]

    def account(self, **what: object) -> None:
        self.told("smsru", "account", **what)


@pytest.fixture(scope="module")
def cafe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cafe]:
    folder = tmp_path_factory.mktemp("cafe")
    hub, vendors = free_port(), free_port()
    (folder / "tenants").mkdir()
    (folder / "tenants" / "kofe.yaml").write_text(TENANT.format(vendors=f"http://127.0.0.1:{vendors}"), "utf-8")
    command = [sys.executable, "-m", "svyazka.cli", "run", "--with-simulators", "--port", str(hub)]
    command += ["--simulators-port", str(vendors), "--data", str(folder / "data"), "--tenants", str(folder / "tenants")]
    log = (folder / "log").open("wb")
    with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder) as running:
        try:
            found = Cafe(f"http://127.0.0.1:{vendors}", folder / "data")
            until(lambda: _answers(f"http://127.0.0.1:{hub}/"), f"running: {folder / 'log'}", 90)
            urls = [json.loads(line) for line in found.cli("urls", "kofe", "--json").splitlines()]
            till = next(one["url"] for one in urls if one["connection"] == "till")
            found.told("iiko", "webhook", uri=till)
            yield found
        finally:
            running.terminate()


class Owner(Visitor):
    """The owner at the console."""

    home: str

    def goes(self, path: str) -> None:
        self.browser.get(self.home + path)

    def text(self) -> str:
        return str(self.browser.execute_script("return document.body ? document.body.innerText : ''"))

    def looks_up(self, sought: str) -> None:
        self.tabs_to("#sought")
        self.presses(sought, Keys.ENTER)
        self.sees("Found")

    def opens_the_story(self, phone: str) -> None:
        """Finds somebody's newest story, waiting until it is there."""

        def there() -> bool:
            self.goes("")
            self.looks_up(phone)
            return bool(self.browser.find_elements(By.CSS_SELECTOR, ".line a"))

        until(there, f"a story of {phone}", 30)
        self.browser.find_element(By.CSS_SELECTOR, ".line a").click()
        self.sees("The story")

    def story_says(self, phone: str, words: str) -> None:
        def says() -> bool:
            self.opens_the_story(phone)
            return words in self.text()

        until(says, f"the story of {phone} says: {words}", 60)

    def button(self, label: str) -> Any:
        found = [one for one in self.browser.find_elements(By.TAG_NAME, "button") if one.text == label]
        assert found, f"no button {label!r}: {self.text()}"
        return found[0]

    def by_keyboard(self, label: str) -> None:
        """Comes to the button by Tab alone, and presses it; what is folded is opened first."""
        self.browser.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
        for _ in range(200):
            self.presses(Keys.TAB)
            if self.browser.execute_script("return document.activeElement.innerText") == label:
                self.presses(Keys.ENTER)
                return
        raise AssertionError(f"no way to {label!r} by keyboard: {self.text()}")

    def has_it_done(self, label: str) -> None:
        self.by_keyboard(label)
        self.sees("Done")
        self.looks_right()

    def looks_right(self) -> None:
        self.meets_no_barrier()
        for width in WIDTHS:
            self.browser.set_window_size(width, 900)
            assert self.browser.execute_script(NARROW), (width, self.browser.current_url)


@pytest.fixture
def owner(open_browser: Callable[..., Chrome], cafe: Cafe) -> Owner:  # noqa: F811
    visitor = Owner(open_browser(), cafe)
    visitor.browser.get(cafe.cli("console"))
    visitor.tabs_to("button.big")
    visitor.presses(Keys.ENTER)
    until(lambda: visitor.browser.find_elements(By.CSS_SELECTOR, ".numbers"), "inside")
    visitor.home = visitor.browser.current_url
    return visitor


def test_why_a_client_got_no_message_is_found_and_it_is_sent_again_safely(owner: Owner, cafe: Cafe) -> None:
    """Refused for his number; asked a short while ago already; and the third: see the dead key below."""
    phone = "+79991110001"
    cafe.account(refusals={phone.removeprefix("+"): 202})
    cafe.delivered(phone)
    owner.story_says(phone, "failed")
    owner.looks_right()
    assert not cafe.texts(phone)
    cafe.account(refusals={})
    owner.has_it_done("Try again")
    until(lambda: len(cafe.texts(phone)) == 1, "one message")
    cafe.delivered(phone)  # another order: he was asked a minute ago
    owner.story_says(phone, "cancelled")
    owner.looks_right()
    assert len(cafe.texts(phone)) == 1


def test_a_dead_key_is_found_and_renewed_and_what_waited_goes_out(owner: Owner, cafe: Cafe) -> None:
    phone = "+79991110002"
    cafe.told("smsru", "keys", right=["brand-new-key"])
    cafe.delivered(phone)
    owner.story_says(phone, "blocked")

    def carded() -> bool:
        owner.goes("")
        return "Needs you" in owner.text()

    until(carded, "a card", 60)
    owner.looks_right()
    owner.goes("secrets")
    owner.looks_right()
    owner.browser.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
    field = owner.browser.find_element(By.XPATH, "//article[@id='smsru-api-id']//input[@name='typed']")
    field.send_keys("brand-new-key", Keys.ENTER)
    owner.sees("Done")
    assert "brand-new-key" not in owner.browser.page_source
    until(lambda: len(cafe.texts(phone)) == 1, "the message that waited", 60)
    cafe.told("smsru", "keys", right=None)


def test_of_which_nobody_knows_is_decided_by_the_owner(owner: Owner, cafe: Cafe) -> None:
    phone = "+79991110003"
    cafe.told("smsru", "faults", kind="cut_after", path="/sms/send")
    cafe.delivered(phone)
    owner.story_says(phone, "Nobody knows whether it was done")
    owner.looks_right()
    assert len(cafe.texts(phone)) == 1
    owner.has_it_done("It was done")
    owner.story_says(phone, "succeeded")
    assert len(cafe.texts(phone)) == 1


def test_what_failed_is_counted_first_and_then_done_again(owner: Owner, cafe: Cafe) -> None:
    phones = [f"+7999112000{number}" for number in range(3)]
    cafe.account(refusals={"*": 202})
    for phone in phones:
        cafe.delivered(phone)

    def counted() -> bool:
        owner.goes("again?tenant=kofe&connection=sms&status=failed")
        return "Try 3 again" in owner.text()

    until(counted, "three are counted", 60)
    owner.looks_right()
    cafe.account(refusals={})
    owner.has_it_done("Try 3 again")
    for phone in phones:
        until(lambda phone=phone: len(cafe.texts(phone)) == 1, "a message each", 60)
    owner.browser.find_element(By.LINK_TEXT, "See how it goes").click()
    owner.sees("3 of 3")
    owner.looks_right()


def test_a_business_is_paused_and_goes_on(owner: Owner, cafe: Cafe) -> None:
    phone = "+79991110004"
    owner.goes("")
    owner.has_it_done("Pause all of it")
    cafe.delivered(phone)
    owner.opens_the_story(phone)
    assert not cafe.texts(phone)
    owner.goes("")
    owner.sees("The whole business is paused")
    owner.looks_right()
    owner.has_it_done("Let all of it go on")
    until(lambda: len(cafe.texts(phone)) == 1, "the message that waited", 60)


def test_a_doubt_is_decided_side_by_side(owner: Owner, cafe: Cafe) -> None:
    """Renamed in both systems while nobody wrote: whose name holds, its owner says."""
    phone = "+79991110005"
    made = cafe.client.post(
        f"{cafe.vendors}/_sim/amocrm/contacts", json=[{"name": "Анна Кузнецова", "phone": phone}]
    ).json()["ids"]
    told = cafe.client.post(
        f"{cafe.vendors}/_sim/yclients/client",
        json={"changes": {"name": "Анна", "surname": "Кузнецова", "phone": phone}},
    )
    client = told.json()["client"]["id"]

    def linked() -> bool:
        owner.goes("sync/kofe/sync_contacts")
        found = owner.browser.find_elements(By.CSS_SELECTOR, ".numbers .fine b")
        return bool(found) and found[0].text != "0"

    until(linked, "in step", 90)
    owner.looks_right()
    owner.goes("")
    owner.has_it_done("Pause all of it")
    cafe.told("yclients", "client", id=client, changes={"name": "Аня", "surname": "Салонная"})
    cafe.told("amocrm", "save", kind="contacts", id=made[0], fields={"name": "Анна Учётная"})
    owner.goes("")
    owner.has_it_done("Let all of it go on")

    def asked() -> bool:
        owner.goes("sync/kofe/sync_contacts/doubts")
        return "Show both cards" in owner.text()

    until(asked, "a doubt", 90)
    owner.looks_right()
    owner.has_it_done("Show both cards")
    owner.sees("which one is right?")
    owner.looks_right()
    owner.has_it_done("As in crm")
    until(lambda: _written(cafe, client, "Учётная"), "written to the salon", 90)


def test_bringing_a_file_in_is_followed(owner: Owner, cafe: Cafe, tmp_path: Path) -> None:
    rows = "\n".join(f"Клиент {number},+7999222{number:04d}" for number in range(120))
    (tmp_path / "clients.csv").write_text(f"Имя,Телефон\n{rows}\n", "utf-8")
    before = len([one for one in cafe.effects("amocrm", "create") if one["entity"] == "contacts"])
    importing = subprocess.Popen(
        [sys.executable, "-m", "svyazka.cli", "--data", str(cafe.data), "import", str(tmp_path / "clients.csv"),
         "--into", "kofe/crm", "--yes", "--report", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip

    def listed() -> bool:
        owner.goes("jobs")
        return "bringing a file in" in owner.text()

    until(listed, "it is listed", 90)
    owner.looks_right()
    link = next(one for one in owner.browser.find_elements(By.CSS_SELECTOR, "h2 a") if "bringing" in one.text)
    link.click()
    owner.looks_right()
    until(lambda: "done" in owner.text(), "followed to its end by a page that nobody touched", 120)
    importing.communicate(timeout=60)
    made = len([one for one in cafe.effects("amocrm", "create") if one["entity"] == "contacts"])
    assert made - before == 120


def test_money_is_given_back_by_a_button_and_the_providers_ledger_says_so(owner: Owner, cafe: Cafe) -> None:
    id_ = cafe.asks_to_pay("4201", "1049.30")
    until(lambda: cafe.paid()[0]["external_id"], "a link", 60)
    cafe.told("yookassa", "pay", id=cafe.paid()[0]["external_id"])
    owner.goes(f"payments/{id_}")
    owner.has_it_done("Ask the payment system now")
    owner.goes(f"payments/{id_}/refund?amount=49.30")
    owner.looks_right()
    owner.has_it_done("Give back 49.30\u00a0₽")

    def given_back() -> bool:
        return cafe.paid()[0]["refunded"] == "49.30"

    until(given_back, "given back", 60)
    calls = cafe.client.get(f"{cafe.vendors}/_sim/yookassa/ledger").json()["calls"]
    (refund,) = (one for one in calls if one["method"] == "POST" and one["path"].endswith("/refunds"))
    assert json.loads(refund["body"])["amount"] == {"value": "49.30", "currency": "RUB"}
    owner.goes(f"payments/{id_}")
    owner.looks_right()


def test_no_other_page_has_a_barrier(owner: Owner, cafe: Cafe) -> None:
    for path in (
        "", "systems", "systems/kofe/sms", "systems/kofe/sms/history", "systems/kofe/sms/access", "deliveries",
        "events", "sync", "sync/kofe/sync_contacts", "sync/kofe/sync_contacts/doubts",
        "sync/kofe/sync_contacts/watched", "jobs", "again?tenant=kofe", "secrets", "audit", "more", "no-such-page",
    ):  # fmt: skip
        owner.goes(path)
        owner.looks_right()


def _written(cafe: Cafe, client: int, words: str) -> bool:
    """Whether the salon was told so of this client."""
    calls = cafe.client.get(f"{cafe.vendors}/_sim/yclients/ledger").json()["calls"]
    puts = [one["body"] for one in calls if one["method"] == "PUT" and one["path"].endswith(f"/{client}")]
    return any(words in json.dumps(json.loads(one), ensure_ascii=False) for one in puts)
