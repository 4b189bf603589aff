"""Messages, what refusals mean, the doctor, and the whole way: against the stand-in, over HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.house import VendorHouse
from connectors.support import NOW, by_deed, calling, perform, scripted
from fakes import TILL, order
from simulators.serve import Running
from simulators.telegram import CHAT, TOKEN, Telegram
from svyazka.connectors.telegram.failures import FAILURES
from svyazka.connectors.telegram.manifest import MANIFEST
from svyazka.connectors.telegram.schema import webhook_secret
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call, TokenCache
from svyazka.engine.contracts.learning import Finding, Reading
from svyazka.engine.contracts.webhook import Answer
from svyazka.model.commands import Button, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded
from svyazka.model.tenants import ConnectionSettings

SAMPLES = Path(__file__).parents[2] / "samples" / "telegram"
HOOK_URL = "https://hub.example.ru/webhook_telegram?key=not-a-real-secret"
ROWS = list(FAILURES.rows())
SEND = "/bot*/sendMessage"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def stand_in(telegram: Running) -> Telegram:
    found: Telegram = telegram.of("telegram")
    return found


def to(chat: int | str, text: str = "Заказ готов") -> SendMessage:
    return SendMessage(to=Contact(chats={"telegram": str(chat)}), text=text)


async def sent(telegram: Running, command: SendMessage | None = None, token: str = TOKEN, **around: Any) -> Outcome:
    async with calling(TelegramSettings(bot_token=token), telegram.base_url("telegram"), **around) as call:
        outcome = await perform(MANIFEST, command or to(CHAT), call)
        assert "-for-tests" not in str(call.http.log) + repr(outcome)
        return outcome


def messages(telegram: Running) -> list[dict[str, Any]]:
    return [effect for effect in stand_in(telegram).effects if effect["kind"] == "message"]


# Sending


async def test_a_message_goes_out_as_plain_text_and_its_id_names_its_chat(telegram: Running) -> None:
    outcome = await sent(telegram, to(CHAT, "Анна & <b>Ко</b> https://example.org"))
    assert isinstance(outcome, Succeeded)
    assert outcome.external_id == f"{CHAT}/777"
    (call,) = stand_in(telegram).calls
    body = json.loads(call["body"])
    assert body == {
        "chat_id": str(CHAT), "text": "Анна & <b>Ко</b> https://example.org",
        "link_preview_options": {"is_disabled": True},
    }  # fmt: skip


async def test_buttons_stand_under_the_message_and_one_for_the_phone_in_the_keyboards_place(telegram: Running) -> None:
    choice = ((Button(text="Стрижка", data="s|1"),), (Button(text="Бритьё", data="s|2"),))
    await sent(telegram, to(CHAT, "Что?").model_copy(update={"buttons": choice}))
    phone = ((Button(text="Мой телефон", asks_phone=True),),)
    await sent(telegram, to(CHAT, "Кто?").model_copy(update={"buttons": phone}))
    under, instead = (json.loads(call["body"])["reply_markup"] for call in stand_in(telegram).calls)
    assert under == {
        "inline_keyboard": [
            [{"text": "Стрижка", "callback_data": "s|1"}], [{"text": "Бритьё", "callback_data": "s|2"}],
        ]
    }  # fmt: skip
    assert instead["keyboard"] == [[{"text": "Мой телефон", "request_contact": True}]]
    assert instead["one_time_keyboard"]


async def test_the_sampled_answer_is_a_success(telegram: Running) -> None:
    telegram.fault("telegram", kind="answer", path=SEND, status=200, body=sample("send_ok"))
    assert await sent(telegram) == Succeeded(external_id="5000000001/777")


# The failure map, row by row


def test_the_rows_are_those_of_telegrams_own_server() -> None:
    assert by_deed(((case.status, case.phrase), rule) for case, rule in ROWS) == {
        "done": {(400, "message is not modified"), (400, "query is too old")},
        "refuse": {
            (400, "chat not found"), (400, "can't parse entities"), (400, "message text is empty"),
            (400, "message is too long"), (400, ""), (403, "bot was blocked by the user"),
            (403, "user is deactivated"), (403, "can't initiate conversation"), (403, "bot was kicked"),
            (403, "bot is not a member"), (403, "the group chat was deleted"), (403, ""), (413, ""),
        },
        "block": {(401, ""), (404, ""), (409, ""), (421, "")},
        "retry": {(429, "")},
    }  # fmt: skip


SAMPLED: dict[str, tuple[int, type, str | None]] = {
    "error_400_chat_not_found": (400, Refused, "400"),
    "error_400_not_modified": (400, Succeeded, None),
    "error_401": (401, Blocked, "401"),
    "error_403_blocked": (403, Refused, "403"),
    "error_403_deactivated": (403, Refused, "403"),
    "error_403_not_started": (403, Refused, "403"),
    "error_404_token": (404, Blocked, "404"),
    "error_409": (409, Blocked, "409"),
    "error_429": (429, Retry, "429"),
}


@pytest.mark.parametrize("name", SAMPLED)
async def test_every_sampled_error_is_what_its_readme_says(telegram: Running, name: str) -> None:
    status, kind, code = SAMPLED[name]
    telegram.fault("telegram", kind="answer", path=SEND, status=status, body=sample(name))
    outcome = await sent(telegram)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "code", None) == code


def test_no_sampled_error_is_left_out() -> None:
    found = {path.stem for path in SAMPLES.glob("error_*")}
    assert found == set(SAMPLED) | {"error_400_migrated", "error_502_html"}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("blocked", "blocked"),
        ("deactivated", "deleted"),
        ("not_started", "never started"),
        ("forbidden", "doesn't take"),
    ],
)
async def test_a_chat_that_takes_no_messages_is_refused_and_the_next_channel_may_try(
    telegram: Running, state: str, words: str
) -> None:
    stand_in(telegram).chats[CHAT] = state
    outcome = await sent(telegram)
    assert isinstance(outcome, Refused)
    assert words in outcome.message
    assert outcome.opt_out is False, "he left the bot, not the business"


@pytest.mark.parametrize("state", ["kicked", "not_member", "deleted"])
async def test_a_group_that_is_lost_is_told_to_its_owner(telegram: Running, state: str) -> None:
    stand_in(telegram).chats[-100123] = state
    outcome = await sent(telegram, to(-100123))
    assert isinstance(outcome, Refused)
    assert outcome.remedy


async def test_an_unknown_chat_and_a_text_that_does_not_fit_are_refused(telegram: Running) -> None:
    assert isinstance(await sent(telegram, to(404)), Refused)
    outcome = await sent(telegram, to(CHAT, "я" * 4097))
    assert isinstance(outcome, Refused)
    assert outcome.remedy
    assert isinstance(await sent(telegram, to(CHAT, "")), Refused)


async def test_over_the_rate_the_vendors_own_wait_is_kept_and_a_chats_limit_is_no_outage(telegram: Running) -> None:
    stand_in(telegram).a_second = 1
    assert isinstance(await sent(telegram), Succeeded)
    outcome = await sent(telegram)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.after, outcome.outage) == ("429", 7, False)
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 600}}
    telegram.fault("telegram", kind="answer", path=SEND, status=429, body=body)
    held = await sent(telegram)
    assert isinstance(held, Retry)
    assert (held.after, held.outage) == (600, True), "so long a wait is the whole bot's"


async def test_a_refusal_in_disguise_is_read_by_its_error_code(telegram: Running) -> None:
    telegram.fault("telegram", kind="answer", path=SEND, status=200, body=sample("error_403_blocked"))
    assert isinstance(await sent(telegram), Refused)


# Groups that moved


class Shared(TokenCache):
    """What instances share."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def get(self, name: str) -> Any:
        return self.kept.get(name)

    async def put(self, name: str, value: str, until: Any) -> None:
        self.kept[name] = (value, until)


async def test_a_group_that_moved_is_followed_once_and_then_known_everywhere(telegram: Running) -> None:
    stand_in(telegram).chats |= {-400000001: "-1009999999999", -1009999999999: "open"}
    shared = Shared()
    for _ in range(2):
        assert isinstance(await sent(telegram, to(-400000001), tokens=shared), Succeeded)
    assert [message["to"] for message in messages(telegram)] == ["-1009999999999"] * 2
    assert len(stand_in(telegram).calls) == 3


async def test_a_group_that_seems_to_move_without_end_is_followed_only_once(telegram: Running) -> None:
    telegram.fault(
        "telegram", kind="answer", path=SEND, times=-1, status=400, body=sample("error_400_migrated")
    )  # fmt: skip
    assert isinstance(await sent(telegram, to(-400000001)), Refused)
    assert [json.loads(call["body"])["chat_id"] for call in stand_in(telegram).calls] == [
        "-400000001", "-1009999999999",
    ]  # fmt: skip


# Nobody sees the token


async def test_an_address_with_our_key_and_the_secret_stay_out_of_the_story(telegram: Running) -> None:
    async with calling(TelegramSettings(bot_token=TOKEN), telegram.base_url("telegram")) as call:
        await MANIFEST.hook.register(call, HOOK_URL)
        await MANIFEST.doctor.check(call)
        story = str(call.http.log)
    assert "not-a-real-secret" not in story
    assert (webhook_secret(None, TOKEN) or "?") not in story


# The doctor


async def checked(telegram: Running, hook_url: str | None = HOOK_URL, **settings: Any) -> list[Finding]:
    given = TelegramSettings(**{"bot_token": TOKEN, **settings})
    async with calling(given, telegram.base_url("telegram"), hook_url=hook_url) as call:
        return await MANIFEST.doctor.check(call)


async def fixed(telegram: Running, hook_url: str = HOOK_URL, **settings: Any) -> Finding:
    given = TelegramSettings(**{"bot_token": TOKEN, **settings})
    async with calling(given, telegram.base_url("telegram")) as call:
        (finding,) = await MANIFEST.hook.register(call, hook_url)
        return finding


def said(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.status for finding in found}


async def test_the_webhook_is_registered_as_it_is_documented(telegram: Running) -> None:
    secret = "tg-webhook-secret-1"
    assert (await fixed(telegram, webhook_secret=secret)).status == "ok"
    wanted = sample("set_webhook_request")
    body = json.loads(stand_in(telegram).calls[-1]["body"])
    assert body == {**wanted, "url": HOOK_URL}
    assert said(await checked(telegram, webhook_secret=secret)) == {"bot": "ok", "webhook": "ok"}


async def test_without_a_secret_of_its_own_the_one_that_the_token_makes_is_registered(telegram: Running) -> None:
    await fixed(telegram)
    assert stand_in(telegram).secret == webhook_secret(None, TOKEN)


async def test_an_ailing_webhook_is_shown_with_what_telegram_says(telegram: Running) -> None:
    info = sample("webhook_info")
    info["result"] |= {"url": HOOK_URL, "last_error_date": int(NOW.timestamp()) - 60}
    telegram.fault("telegram", kind="answer", path="/bot*/getWebhookInfo", status=200, body=info)
    found = await checked(telegram)
    assert said(found) == {"bot": "ok", "webhook": "ok", "updates": "warn"}
    assert "12 update(s) wait" in found[2].message
    assert "500 Internal Server Error" in found[2].message


@pytest.mark.parametrize(
    ("webhook", "status"),
    [({}, "warn"), ({"url": "https://else.example.org/tg?key=not-a-real-secret"}, "fail"),
     ({"url": "https://hub.example.ru/webhook_telegram?key=older"}, "warn")],
)  # fmt: skip
async def test_what_is_wrong_with_the_webhook_is_named(telegram: Running, webhook: dict[str, Any], status: str) -> None:
    stand_in(telegram).webhook = webhook
    found = await checked(telegram)
    assert said(found)["webhook"] == status
    assert "not-a-real-secret" not in str(found)


async def test_kinds_of_updates_that_are_not_sent_are_named(telegram: Running) -> None:
    stand_in(telegram).webhook = {"url": HOOK_URL, "allowed_updates": ["message"]}
    assert said(await checked(telegram))["allowed updates"] == "warn"


async def test_another_programs_webhook_is_left_alone(telegram: Running) -> None:
    stand_in(telegram).webhook = {"url": "https://else.example.org/tg?key=not-a-real-secret"}
    finding = await fixed(telegram)
    assert finding.status == "fail"
    assert "not-a-real-secret" not in str(finding)
    assert stand_in(telegram).webhook["url"].startswith("https://else.")


@pytest.mark.parametrize("url", ["http://hub.example.ru/x?key=k", "https://hub.example.ru:5000/x?key=k"])
async def test_an_address_that_telegram_would_not_call_is_not_even_offered(telegram: Running, url: str) -> None:
    assert (await fixed(telegram, url)).status == "fail"
    assert stand_in(telegram).calls == []


# The whole way


class KnowingTill(Reading[ConnectionSettings]):
    """A till that knows its guests' chats."""

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        contact = Contact(name="Анна", phone="+79991234567", chats={"telegram": str(CHAT)})
        return Fact(type=EventType.ORDER_COMPLETED, contact=contact, entity=entity)


class BotHouse(VendorHouse):
    """A bot before SMS: who has a chat is written to there."""

    def __init__(self, telegram: Running, flow: Mapping[str, Any] | None = None) -> None:
        super().__init__(telegram, "telegram", "bot", {}, {"bot_token": TOKEN}, via=("bot", "sms"), flow=flow)
        self.vendor.insists_on_https = False
        self.manifests["till"] = replace(TILL, reading=KnowingTill())

    async def call(self, body: bytes, secret: str | None) -> Answer:
        shown = {} if secret is None else {"x-telegram-bot-api-secret-token": secret}
        return await self.heard(body, {"content-type": "application/json", **shown}, work=False)

    async def say(self, text: str) -> None:
        """Анна writes to the bot."""
        update = self.vendor.update(message=self.vendor.message(CHAT, text))
        answer = await self.call(json.dumps(update).encode(), webhook_secret(None, TOKEN))
        assert (answer.status, answer.body) == (200, b"")
        await self.run()

    async def done(self, number: int = 1) -> None:
        """An order of Анна's is done."""
        await self.post(order(number))
        await self.run()


@pytest.fixture
async def house(telegram: Running) -> AsyncIterator[BotHouse]:
    house = BotHouse(telegram)
    await house.settle_in()
    yield house
    await house.hub.clients.close()


async def test_who_has_a_chat_is_written_to_there_and_only_there(house: BotHouse, telegram: Running) -> None:
    await house.done()
    assert [message["text"] for message in messages(telegram)] == ["Анна, спасибо! https://example.org/r"]
    assert house.sms.sent == []


async def test_a_user_who_blocked_the_bot_gets_it_by_the_next_channel_and_stays_a_client(
    house: BotHouse, telegram: Running
) -> None:
    stand_in(telegram).chats[CHAT] = "blocked"
    await house.done()
    assert len(house.sms.sent) == 1
    assert [delivery.status for delivery in house.deliveries()] == [Status.FAILED, Status.SUCCEEDED]
    stand_in(telegram).chats[CHAT] = "open"
    await house.done(2)
    assert len(messages(telegram)) == 1


async def test_stop_to_the_bot_means_no_message_on_any_channel_until_start(house: BotHouse, telegram: Running) -> None:
    await house.say("/stop")
    await house.done()
    assert messages(telegram) == []
    assert house.sms.sent == []
    await house.say("/start")
    await house.done(2)
    assert len(messages(telegram)) == 1


async def test_a_revoked_token_is_told_once_and_messages_wait(house: BotHouse, telegram: Running) -> None:
    telegram.fault("telegram", kind="answer", times=-1, status=401, body=sample("error_401"))
    await house.done()
    await house.pass_time(600)
    assert house.deliveries()[0].status is Status.BLOCKED
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("outage", "blocked")]
    stand_in(telegram).faults.clear()
    await house.pass_time(2 * 3600)
    assert len(messages(telegram)) == 1


async def test_an_unreadable_update_is_kept_with_200_for_it_would_hold_up_its_chat(house: BotHouse) -> None:
    for body in (b"{not json", b"[]", b'{"message": {}}'):
        assert (await house.call(body, webhook_secret(None, TOKEN))).status == 200


async def test_what_the_stand_in_sends_is_what_we_read(telegram: Running) -> None:
    vendor = stand_in(telegram)
    vendor.insists_on_https = False
    with scripted() as hub:
        hub.on("/hook", 500).on("/hook", 200)
        async with httpx.AsyncClient(trust_env=False) as controls:
            api, sim = f"{telegram.base_url('telegram')}/bot{TOKEN}", f"{telegram.url}/_sim/telegram"
            answer = await controls.post(f"{api}/setWebhook", json={"url": f"{hub.url}/hook", "secret_token": "s"})
            assert answer.json() == sample("set_webhook_ok")
            assert (await controls.post(f"{api}/getUpdates")).json() == sample("error_409")
            said_ = await controls.post(f"{sim}/say", json={"text": "/start src"})
            assert said_.json() == {"sent": [200]}
            change = {"new_chat_member": {"status": "kicked"}, "from": {"id": CHAT}, "chat": {"id": CHAT}, "date": 5}
            await controls.post(f"{sim}/update", json={"my_chat_member": change})
        assert {headers["x-telegram-bot-api-secret-token"] for _, _, headers in hub.seen} == {"s"}
        first, again, _ = hub.asked("/hook")
        assert first == again, "what wasn't answered with 2xx comes again"


def test_every_other_sample_is_read_by_a_test_above() -> None:
    mine = {"send_ok", "set_webhook_ok", "set_webhook_request", "webhook_info"}
    known = {path.stem for path in SAMPLES.iterdir() if not path.stem.startswith(("update_", "error_"))}
    assert known == mine | {"README", "init_data_vectors"}
