"""From an invitation to a grant: the link, the redirect, the code's one exchange, and the notice of the end."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.calling.oauth_support import CRM, TENANT, Instance, Killed, Office, query_of
from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.grants import CLIENT_ID, REDIRECT_URI, SECRET, Integration
from simulators.serve import Running, serve
from svyazka.cli.auth import by_code, by_link
from svyazka.cli.session import Session
from svyazka.connectors.registry import load_manifest
from svyazka.engine.calling.oauth.authorise import INVITATION_LIFE, CodeNotYet, CodeRefused, exchange, invitation
from svyazka.engine.calling.oauth.refresh import NoAccess
from svyazka.engine.contracts.oauth import AuthorisationCode
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.operator import Operator
from svyazka.engine.ports.store import Put
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE
from svyazka.engine.tenants.directory import Directory
from svyazka.flows.registry import load_flow
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventType
from svyazka.model.tenants import CompiledConnection
from svyazka.settings import Settings

TAKE_OVER = LEASE + TAKE_OVER_GRACE + 1
HERE = "https://hub.example.test/webhook_amocrm"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve([AmocrmSimulator()]) as up:
        yield up


@pytest.fixture
async def office(running: Running, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    """Its integration's redirect address is our webhook's, without a key: one address for all connections."""
    running.of("amocrm").clear()
    running.of("amocrm").grants.integrations[CLIENT_ID] = Integration(SECRET, HERE)
    office = Office(running, redirect_uri=HERE, **getattr(request, "param", {}))
    yield office
    await office.close()


async def invited(office: Office, instance: Instance) -> str:
    """Where the owner is sent after agreeing at our link."""
    link = invitation(instance.hub, await instance.account(), 1)
    asked = query_of(link.url)
    assert asked["client_id"] == CLIENT_ID
    return office.sim.redirect(asked["client_id"], asked["state"])


# The redirect


async def test_agreeing_at_the_link_authorises_and_lets_everything_go_on(office: Office) -> None:
    instance = await office.open()
    await instance.worker.handle("/poll", {"tenant": TENANT, "connection": CRM})
    assert office.outage.code == "authorisation_needed"
    answer = await office.get(await invited(office, instance))
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert "Разрешение получено" in answer.body.decode()
    await office.run(instance)
    await instance.works()
    assert not office.outage.is_open
    await office.pass_time(instance, 1200)
    assert office.alerts() == [("outage", "blocked"), ("outage", "recovered")]
    (event,) = office.events()
    assert (event.event.type, event.event.origin) == (EventType.CONNECTION_ENABLED, "engine")


async def test_the_code_lies_nowhere_in_the_clear(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    instance = await office.open()
    location = await invited(office, instance)
    await office.get(location)
    code, state = query_of(location)["code"], query_of(location)["state"]
    assert office.store.tasks
    assert code not in office.everything()
    await office.run(instance)
    assert code not in office.everything()
    printed = "".join(capsys.readouterr())
    assert code not in printed
    assert state not in printed


async def test_a_redirect_that_comes_twice_is_one_exchange(office: Office) -> None:
    instance = await office.open()
    location = await invited(office, instance)
    for _ in range(3):
        await office.get(location)
    await office.run(instance)
    assert office.asked("exchange") == [200]
    assert office.alerts() == []


async def test_installing_from_the_widget_list_needs_our_key_in_the_address(office: Office) -> None:
    instance = await office.open()
    key = office.keyring.mint("amocrm", TENANT, CRM)
    without_state = office.sim.redirect(CLIENT_ID, None)
    assert (await office.get(without_state)).body == b'{"status": "ok"}'
    assert office.store.tasks == []
    await office.get(without_state.replace("/webhook_amocrm", f"/webhook_amocrm/{key}"))
    await office.run(instance)
    assert office.asked("exchange") == [200]


async def test_declining_is_answered_with_what_to_do(office: Office) -> None:
    instance = await office.open()
    state = query_of(invitation(instance.hub, await instance.account(), 1).url)["state"]
    answer = await office.get(f"{HERE}?error=access_denied&client_id={CLIENT_ID}&state={state}")
    assert "svyazka auth" in answer.body.decode()
    assert office.store.tasks == []


# The state


async def test_a_state_is_ours_for_this_vendor_and_this_connection_for_half_an_hour(office: Office) -> None:
    ring, until = office.keyring, office.clock.real() + INVITATION_LIFE
    state = ring.invite("amocrm", TENANT, CRM, 3, until)
    key = ring.invited("amocrm", state, office.clock.real())
    assert key is not None
    assert (key.tenant, key.connection, key.generation) == (TENANT, CRM, 3)
    assert ring.invited("bitrix24", state, office.clock.real()) is None
    assert ring.invited("amocrm", state, until) is None
    assert ring.read("amocrm", state) is None, "an invitation is no webhook key"
    for forged in (
        "", "x", "." * 5, state[:-1] + ("a" if state[-1] != "a" else "b"), state.replace(TENANT, "chay"),
        state.replace(f".{int(until.timestamp())}.", f".{int(until.timestamp()) + 9999}."), "9" + state[1:],
        ring.mint("amocrm", TENANT, CRM), "1.kofe.crm.x.9.mac", "1.kofe.crm.1.²9.mac",
    ):  # fmt: skip
        assert ring.invited("amocrm", forged, office.clock.real()) is None


@pytest.mark.parametrize("state", ["forged", "over", "another connection's"])
async def test_a_redirect_with_a_state_that_is_not_for_it_is_refused_without_touching_the_store(
    office: Office, state: str
) -> None:
    instance = await office.open()
    location = await invited(office, instance)
    given = query_of(location)["state"]
    if state == "forged":
        location = location.replace(given, given[:-3] + "aaa")
    elif state == "over":
        office.clock.step(INVITATION_LIFE.total_seconds())
    else:
        location = location.replace("?", f"?key={office.keyring.mint('amocrm', TENANT, 'other')}&")
        other = CompiledConnection(tenant=TENANT, connection="other", vendor="amocrm")
        await office.store.commit([Put(journal.document(other))])
    reads = office.store.reads
    answer = await office.get(location)
    assert answer.status == 401
    assert office.store.tasks == []
    assert office.store.reads - reads <= (1 if state == "another connection's" else 0)


# The exchange


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        ("garbage", "code_unreadable", "Cannot decrypt the authorization code"),
        ("used", "code_used", "уже использован"),
        ("old", "code_expired", "20 минут"),
        ("secret", "incorrect_client", "Incorrect client"),
        ("redirect", "redirect_uri", "redirect_uri не тот"),
    ],
)
@pytest.mark.parametrize("russian", [True, False])
async def test_a_code_that_is_refused_says_why_and_leaves_a_grant_that_works_alone(
    office: Office, spoil: str, code: str, words: str, russian: bool
) -> None:
    instance = await office.authorised()
    sim = office.sim
    sim.grants.russian = russian
    given = sim.grants.code(CLIENT_ID, sim.now())
    if spoil == "garbage":
        given = given[:-4]
    elif spoil == "used":
        sim.grants.codes[given].used = True
    elif spoil == "old":
        sim.grants.codes[given].made -= 21 * 60
    elif spoil == "secret":
        sim.grants.integrations[CLIENT_ID] = Integration("made-anew", HERE)
    else:
        sim.grants.integrations[CLIENT_ID] = Integration(SECRET, REDIRECT_URI)
    with pytest.raises(CodeRefused, match=words) as refused:
        await exchange(instance.hub, await instance.account(), AuthorisationCode(given))
    assert refused.value.trouble.code == code
    assert refused.value.trouble.remedy
    await instance.works()
    asked = len(office.asked("exchange"))
    with pytest.raises(CodeRefused, match=words):
        await exchange(instance.hub, await instance.account(), AuthorisationCode(given))
    assert len(office.asked("exchange")) == asked, "a refused code isn't tried again"


async def test_a_redirect_whose_code_is_refused_is_told_for_nobody_may_be_waiting(office: Office) -> None:
    instance = await office.open()
    location = await invited(office, instance)
    office.sim.grants.codes[query_of(location)["code"]].made -= 21 * 60
    await office.get(location)
    await office.run(instance)
    assert office.alerts() == [("access", "refused")]
    assert "20 минут" in office.texts()[0]


async def test_a_refused_redirect_that_comes_thrice_is_told_once(office: Office) -> None:
    instance = await office.open()
    location = await invited(office, instance)
    office.sim.grants.codes[query_of(location)["code"]].used = True
    for _ in range(3):
        await office.get(location)
    await office.run(instance)
    assert office.asked("exchange") == [400]
    assert office.alerts() == [("access", "refused")]


async def test_a_redirect_from_another_account_is_not_believed(office: Office) -> None:
    instance = await office.open()
    office.sim.grants.subdomain = "somebody-else"
    await office.get(await invited(office, instance))
    await office.run(instance)
    assert office.asked("exchange") == []
    assert office.alerts() == [("access", "refused")]


async def test_a_vendor_that_cannot_be_asked_just_now_is_asked_again_about_the_same_code(
    office: Office, running: Running
) -> None:
    instance = await office.open()
    running.fault("amocrm", kind="answer", path="/oauth2/access_token", status=503, times=2)
    await office.get(await invited(office, instance))
    await office.pass_time(instance, 150, step=30)
    assert office.asked("exchange") == [200]
    await instance.works()


@pytest.mark.parametrize(
    "place", ["after commit 1", "before call 1", "after call 1", "before commit 2", "after commit 2"]
)
async def test_a_process_that_dies_during_an_exchange_ends_in_a_grant_or_says_that_another_code_is_needed(
    office: Office, place: str
) -> None:
    dying = await office.open()
    dying.ports.kill = place
    location = await invited(office, dying)
    await office.get(location)
    (task,) = office.store.tasks
    with pytest.raises(Killed):
        await dying.worker.handle(task.path, task.body)
    heir = await office.open()
    office.clock.step(TAKE_OVER)
    await office.run(heir)  # the queue brings the task again
    if place in ("after call 1", "before commit 2"):
        assert office.alerts() == [("access", "refused")]
        assert "уже использован" in office.texts()[0]
        await office.agree(heir)
    await heir.works()


async def test_two_instances_never_exchange_one_code_at_once(office: Office) -> None:
    first, second = await office.open(), await office.open()
    code = AuthorisationCode(office.sim.grants.code(CLIENT_ID, office.sim.now()))
    first.ports.freeze = "after call 1"
    exchanging = asyncio.create_task(exchange(first.hub, await first.account(), code))
    await first.ports.frozen.wait()
    with pytest.raises(CodeNotYet):
        await exchange(second.hub, await second.account(), code)
    first.ports.thaw.set()
    await exchanging
    assert office.asked("exchange") == [200]


async def test_a_new_authorisation_overtakes_a_refresh_that_is_on_its_way(office: Office) -> None:
    slow = await office.authorised()
    office.expire()
    slow.ports.count_anew()
    slow.ports.freeze = "after call 1"
    refreshing = asyncio.create_task(slow.token())
    await slow.ports.frozen.wait()
    other = await office.open()
    await office.agree(other)
    newest = await other.token()
    slow.ports.thaw.set()
    await refreshing
    assert await other.token() == newest
    await slow.works()
    assert not office.grant.dead


@pytest.mark.parametrize("office", [{"token": "long-lived-for-tests"}], indirect=True)
async def test_a_long_lived_token_has_nothing_to_authorise(office: Office) -> None:
    instance = await office.open()
    with pytest.raises(ConfigError, match="nothing to authorise"):
        invitation(instance.hub, await instance.account(), 1)


@pytest.mark.parametrize("office", [{"token": "long-lived-for-tests"}, {"client_secret": None}], indirect=True)
async def test_a_redirect_that_the_settings_have_no_use_for_is_told_once_and_not_tried_again(office: Office) -> None:
    instance = await office.open()
    location = office.sim.redirect(CLIENT_ID, None)
    for _ in range(2):
        await office.get(f"{location}&key={office.keyring.mint('amocrm', TENANT, CRM)}")
        await office.run(instance)
    assert office.asked("exchange") == []
    assert office.alerts() == [("access", "refused")]
    assert "не годятся для доступа по OAuth" in office.texts()[0]
    assert "svyazka auth" not in office.texts()[0], "that would end in the same"


# The end


def notice(account_id: str = "31500000", secret: str = SECRET) -> str:
    signature = hmac.new(secret.encode(), f"{CLIENT_ID}|{account_id}".encode(), "sha256").hexdigest()
    return f"client_uuid={CLIENT_ID}&account_id={account_id}&signature={signature}"


async def test_a_genuine_notice_of_disabling_drops_the_tokens_and_is_told_once(office: Office) -> None:
    instance = await office.authorised()
    key = office.keyring.mint("amocrm", TENANT, CRM)
    for _ in range(2):
        assert (await office.get(f"{HERE}?key={key}&{notice()}")).status == 200
        await office.run(instance)
    assert (office.grant.sealed, office.grant.dead) == (None, True)
    assert office.alerts() == [("outage", "blocked")]
    assert EventType.CONNECTION_DISABLED in {record.event.type for record in office.events()}
    await office.agree(instance)
    await office.run(instance)
    await instance.works()


async def test_a_pair_that_comes_after_the_owner_has_taken_access_back_revives_nothing(office: Office) -> None:
    slow = await office.authorised()
    office.expire()
    slow.ports.count_anew()
    slow.ports.freeze = "after call 1"
    refreshing = asyncio.create_task(slow.token())
    await slow.ports.frozen.wait()
    other = await office.open()
    await office.get(f"{HERE}?key={office.keyring.mint('amocrm', TENANT, CRM)}&{notice()}")
    await office.run(other)
    slow.ports.thaw.set()
    with pytest.raises(NoAccess, match="отключили"):
        await refreshing
    assert (office.grant.sealed, office.grant.dead) == (None, True)
    await office.agree(other)
    await slow.works()


@pytest.mark.parametrize("forged", [notice(secret="guessed"), notice(account_id="1")])
@pytest.mark.parametrize("office", [{"account_id": "31500000"}], indirect=True)
async def test_a_notice_that_is_not_proved_changes_nothing(office: Office, forged: str) -> None:
    instance = await office.authorised()
    await office.get(f"{HERE}?key={office.keyring.mint('amocrm', TENANT, CRM)}&{forged}")
    await office.run(instance)
    await instance.works()
    assert not office.grant.dead


# The command line


def session(office: Office, instance: Instance) -> Session:
    operator = Operator(instance.hub, instance.worker.webhook_of, "me")
    return Session(Settings(), instance.hub, instance.worker, operator, "me@here")


async def test_the_command_prints_the_link_and_ends_when_the_redirect_has_come(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    instance, at_the_server = await office.open(), await office.open()
    waiting = asyncio.create_task(by_link(session(office, instance), await instance.account(), every=0.01))
    while "http" not in (printed := capsys.readouterr().out):
        await asyncio.sleep(0)
    link = next(line for line in printed.splitlines() if line.startswith("http"))
    await office.get(office.sim.redirect(CLIENT_ID, query_of(link)["state"]))
    await office.run(at_the_server)
    await waiting
    await instance.works()
    assert [document.kind for document in office.store.documents.values()].count("audit") == 1


async def test_the_command_says_why_a_code_was_refused(office: Office) -> None:
    instance = await office.open()
    waiting = asyncio.create_task(by_link(session(office, instance), await instance.account(), every=0.01))
    location = await invited(office, instance)
    office.sim.grants.codes[query_of(location)["code"]].used = True
    await asyncio.sleep(0)
    await office.get(location)
    await office.run(await office.open())
    with pytest.raises(CodeRefused, match="уже использован"):
        await waiting


async def test_the_command_gives_up_with_the_links_life(office: Office) -> None:
    instance = await office.open()
    waiting = asyncio.create_task(by_link(session(office, instance), await instance.account(), every=0.01))
    while not any(kind == "audit" for kind, _ in office.store.documents):
        await asyncio.sleep(0)
    office.clock.step(INVITATION_LIFE.total_seconds())
    with pytest.raises(CodeNotYet, match="another link"):
        await waiting


@pytest.mark.parametrize("whole", [False, True], ids=["a code", "the whole address"])
async def test_the_command_takes(office: Office, whole: bool) -> None:
    instance = await office.open()
    location = office.sim.redirect(CLIENT_ID, None)
    given = location if whole else query_of(location)["code"]
    await by_code(session(office, instance), await instance.account(), given)
    await instance.works()


@pytest.mark.parametrize("given", ["https://hub.example.test/webhook_amocrm?error=access_denied", "https://x/?code=c"])
async def test_the_command_refuses_an_address_that_brings_no_code_of_this_account(office: Office, given: str) -> None:
    instance = await office.open()
    with pytest.raises(ConfigError):
        await by_code(session(office, instance), await instance.account(), given)


# What goes with it


async def test_a_connection_that_leaves_its_file_takes_its_grant_along(office: Office) -> None:
    from svyazka.apply import commit_apply, plan_apply

    await office.authorised()
    directory = Directory(office.store, office.keyring, load_manifest, load_flow, ttl=0.0)
    without = office.tenant.model_copy(update={"connections": {}})
    await commit_apply(office.store, directory, await plan_apply(office.store, directory, office.keyring, without))
    assert not [key for key in office.store.documents if key[0] == "grants"]


def jwt(ends: float) -> str:
    import base64

    return f"e30.{base64.urlsafe_b64encode(json.dumps({'exp': ends}).encode()).decode().rstrip('=')}.x"


async def test_a_long_lived_token_is_warned_of_thirty_days_before_its_end_once(office: Office) -> None:
    ends = office.clock.real().timestamp() + 40 * 86400
    own = {**office.tenant.connections[CRM].settings, "token": jwt(ends)}
    spec = office.tenant.connections[CRM].model_copy(update={"settings": own})
    office.tenant = office.tenant.model_copy(update={"connections": {CRM: spec}})
    instance = await office.open()
    told = []
    for _ in range(15):
        await instance.worker.poller.due()
        told.append(office.alerts())
        office.clock.step(86400)
    assert [len(alerts) for alerts in told] == [0] * 10 + [1] * 5
    assert office.alerts() == [("access", "ends")]
    await (await office.open()).worker.poller.due()
    assert len(office.alerts()) == 1, "another instance doesn't tell it again"
