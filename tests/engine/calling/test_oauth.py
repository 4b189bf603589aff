"""Access by OAuth: one refresh whatever happens, and a connection that is never lost without saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.calling.oauth_support import Killed, Office
from simulators.amocrm import AmocrmSimulator
from simulators.serve import Running, serve
from svyazka.engine.calling.oauth.grant import unseal
from svyazka.engine.calling.oauth.refresh import NoAccess
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE
from svyazka.model.errors import Unavailable
from svyazka.model.outcomes import Blocked, Retry

TAKE_OVER = LEASE + TAKE_OVER_GRACE + 1
PLACES = ("before commit 1", "after commit 1", "before call 1", "after call 1", "before commit 2", "after commit 2")
"""Of a refresh: the claim, the question, the new pair's way into the store."""

LOSES_A_STRICT_VENDORS_PAIR = frozenset({"after call 1", "before commit 2"})
"""The vendor has ended the old refresh token, and the new one was seen by nobody who lives."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve([AmocrmSimulator()]) as up:
        yield up


@pytest.fixture
async def office(running: Running) -> AsyncIterator[Office]:
    running.of("amocrm").clear()
    office = Office(running)
    yield office
    await office.close()


def outcome_of(error: pytest.ExceptionInfo[NoAccess]) -> Blocked | Retry:
    outcome = error.value.outcome
    assert isinstance(outcome, Blocked | Retry)
    return outcome


# One refresh


@pytest.mark.parametrize("known", [True, False], ids=["by our clock", "by the vendor's 401"])
async def test_fifty_workers_over_five_instances_with_an_expired_token_refresh_once(
    office: Office, known: bool
) -> None:
    first = await office.authorised()
    instances = [first, *[await office.open() for _ in range(4)]]
    office.expire(known)
    await asyncio.gather(*(instance.works() for instance in instances for _ in range(10)))
    assert office.asked("refresh") == [200]
    assert len({await instance.token() for instance in instances}) == 1


async def test_a_token_that_is_good_costs_no_question_and_no_write(office: Office) -> None:
    instance = await office.authorised()
    writes, reads = office.store.writes, office.store.reads
    auth = await instance.auth()
    reads = office.store.reads
    for _ in range(20):
        await auth.access()
    assert (office.store.writes, office.store.reads) == (writes, reads)
    assert office.asked("refresh") == []


async def test_a_caller_that_gives_up_does_not_take_the_refresh_with_it(office: Office) -> None:
    instance = await office.authorised()
    office.expire()
    instance.ports.freeze = "after call 1"
    instance.ports.count_anew()
    waiting = asyncio.create_task(instance.token())
    await instance.ports.frozen.wait()
    waiting.cancel()
    instance.ports.thaw.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await instance.token()
    assert office.asked("refresh") == [200]


# Rotation


async def test_the_new_pair_is_stored_before_it_is_used_and_the_old_one_is_kept_until_it_has_worked(
    office: Office,
) -> None:
    instance = await office.authorised()
    old = office.grant.sealed
    assert old is not None
    office.expire()
    token = await instance.token()
    grant = office.grant
    assert grant.sealed is not None
    assert unseal(office.keyring, grant.id, grant.sealed).access == token
    assert (grant.spares, grant.worked) == ((old,), False)
    await instance.works()
    assert (office.grant.spares, office.grant.worked) == ((), True)


async def test_tokens_lie_sealed_in_the_store(office: Office) -> None:
    instance = await office.authorised()
    office.expire()
    token = await instance.token()
    assert token not in office.everything()
    assert not [refresh for refresh in office.sim.grants.refresh if refresh in office.everything()]


async def test_a_new_pair_that_is_no_good_falls_back_to_the_old_one(office: Office) -> None:
    office.sim.grants.rotation = "lenient"
    instance = await office.authorised()
    office.expire()
    await instance.token()
    newest = list(office.sim.grants.refresh.values())[-1]
    newest.gone = True
    office.sim.grants.expire_access()
    await instance.works()
    assert office.asked("refresh") == [200, 401, 200]


# Death and frost at every point


@pytest.mark.parametrize("rotation", ["strict", "lenient"])
@pytest.mark.parametrize("place", PLACES)
async def test_a_process_that_dies_during_a_refresh_loses_no_connection_without_saying_so(
    office: Office, place: str, rotation: str
) -> None:
    dying = await office.authorised()
    office.expire()
    office.sim.grants.rotation = rotation  # type: ignore[assignment]
    dying.ports.count_anew()
    dying.ports.kill = place
    with pytest.raises(Killed):
        await dying.token()
    heir = await office.open()
    office.clock.step(TAKE_OVER)
    if rotation == "strict" and place in LOSES_A_STRICT_VENDORS_PAIR:
        with pytest.raises(NoAccess) as lost:
            await heir.token()
        outcome = outcome_of(lost)
        assert isinstance(outcome, Blocked)
        assert (outcome.code, outcome.remedy[:22]) == ("authorisation_needed", "svyazka auth kofe/crm ")
        assert "токен обновления больше не действует" in outcome.message
        await office.agree(heir)
    await heir.works()
    assert office.grant.worked
    assert len(office.asked("refresh")) <= 2


@pytest.mark.parametrize("rotation", ["strict", "lenient"])
@pytest.mark.parametrize("place", PLACES)
async def test_a_process_that_freezes_during_a_refresh_and_awakes_past_its_lease_harms_nobody(
    office: Office, place: str, rotation: str
) -> None:
    frozen = await office.authorised()
    office.expire()
    office.sim.grants.rotation = rotation  # type: ignore[assignment]
    frozen.ports.count_anew()
    frozen.ports.freeze = place
    sleeping = asyncio.create_task(frozen.token())
    await frozen.ports.frozen.wait()
    office.clock.step(TAKE_OVER)
    other = await office.open()
    lost = rotation == "strict" and place in LOSES_A_STRICT_VENDORS_PAIR
    if lost:
        with pytest.raises(NoAccess):
            await other.token()
        assert office.grant.dead
    else:
        await other.works()
    frozen.ports.thaw.set()
    await asyncio.wait([sleeping])
    await other.works()  # what the sleeper held was merged: it revives the grant where nothing else does
    await frozen.works()
    assert not office.grant.dead
    assert office.asked("exchange") == [200], "nobody had to authorise anew"


async def test_what_was_blocked_goes_on_when_a_sleeper_brings_the_pair_that_all_had_given_up(office: Office) -> None:
    frozen = await office.authorised()
    office.expire()
    frozen.ports.count_anew()
    frozen.ports.freeze = "after call 1"
    sleeping = asyncio.create_task(frozen.token())
    await frozen.ports.frozen.wait()
    office.clock.step(TAKE_OVER)
    other = await office.open()
    await other.worker.handle("/poll", {"tenant": "kofe", "connection": "crm"})
    assert office.outage.is_open
    frozen.ports.thaw.set()
    await sleeping
    await office.run(other)
    assert not office.outage.is_open
    await office.pass_time(other, 1200)
    assert office.alerts() == [("outage", "blocked"), ("outage", "recovered")]


async def test_the_claim_of_a_dead_process_is_taken_over_by_the_sweep(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svyazka.engine.calling.oauth.refresh.PAUSES", (0.0, 0.0))
    dying = await office.authorised()
    office.expire()
    dying.ports.count_anew()
    dying.ports.kill = "before call 1"
    with pytest.raises(Killed):
        await dying.token()
    heir = await office.open()
    await office.pass_time(heir, 60)
    assert office.asked("refresh") == [], "its lease and the grace past it hold"
    with pytest.raises(NoAccess) as error:
        await heir.token()
    assert (outcome_of(error).code, office.asked("refresh")) == ("renewing", [])
    await office.pass_time(heir, 120)
    assert office.asked("refresh") == [200]
    assert office.grant.lease_until is None


async def test_while_another_instance_renews_nobody_else_asks(office: Office) -> None:
    first = await office.authorised()
    office.expire()
    first.ports.count_anew()
    first.ports.freeze = "before call 1"
    renewing = asyncio.create_task(first.token())
    await first.ports.frozen.wait()
    other = await office.open()
    waiting = asyncio.create_task(other.token())
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    assert office.asked("refresh") == []
    first.ports.thaw.set()
    assert await renewing == await waiting
    assert office.asked("refresh") == [200]


async def test_a_pair_that_cannot_be_stored_is_not_used_and_is_stored_before_anything_else(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await office.authorised()
    monkeypatch.setattr("svyazka.engine.calling.oauth.refresh.STORE_TRIES", 2)
    office.expire()
    instance.ports.count_anew()
    instance.ports.freeze = "after call 1"
    waiting = asyncio.create_task(instance.token())
    await instance.ports.frozen.wait()
    office.store.down = True
    instance.ports.thaw.set()
    with pytest.raises(Unavailable):
        await waiting
    office.store.down = False
    await instance.works()
    assert office.asked("refresh") == [200], "the pair that had come was kept in memory and stored"


# No answer, and answers that say no


async def test_a_refresh_without_an_answer_is_asked_once_more_with_the_old_token(
    office: Office, running: Running
) -> None:
    office.sim.grants.rotation = "lenient"
    instance = await office.authorised()
    office.expire()
    running.fault("amocrm", kind="cut_after", path="/oauth2/access_token")
    with pytest.raises(NoAccess) as error:
        await instance.token()
    assert isinstance(outcome_of(error), Retry)
    await instance.works()
    assert office.asked("refresh") == [200, 200]


@pytest.mark.parametrize("status", [429, 500, 503, 403])
async def test_a_vendor_in_trouble_means_later_and_not_a_new_authorisation(
    office: Office, running: Running, status: int
) -> None:
    instance = await office.authorised()
    office.expire()
    running.fault("amocrm", kind="answer", path="/oauth2/access_token", status=status, body="Error happen")
    with pytest.raises(NoAccess) as error:
        await instance.token()
    assert isinstance(outcome_of(error), Retry)
    assert not office.grant.dead
    asked = len(office.asked("refresh"))
    for other in (instance, await office.open()):
        for _ in range(3):
            with pytest.raises(NoAccess):
                await other.token()
    assert len(office.asked("refresh")) == asked, "whoever else waits learns it from us, not from the vendor"
    office.clock.step(61)
    await instance.works()


async def test_a_dead_refresh_token_blocks_the_connection_once_and_is_not_asked_about_again(office: Office) -> None:
    instance = await office.authorised()
    office.expire()
    office.sim.grants.withdraw()
    for _ in range(5):
        with pytest.raises(NoAccess):
            await instance.token()
    for _ in range(3):
        await instance.worker.handle("/poll", {"tenant": "kofe", "connection": "crm"})
    assert office.asked("refresh") == [401]
    assert office.alerts() == [("outage", "blocked")]
    assert "svyazka auth kofe/crm" in office.texts()[0]


async def test_a_wrong_secret_is_named_and_forgiven_when_it_is_put_right(office: Office) -> None:
    await office.authorised()
    wrong = await office.open(secret="made-anew-in-the-cabinet")
    office.expire()
    with pytest.raises(NoAccess) as error:
        await wrong.token()
    outcome = outcome_of(error)
    assert isinstance(outcome, Blocked)
    assert outcome.code == "incorrect_client"
    assert "Incorrect client" in outcome.message
    assert not office.grant.dead
    for _ in range(5):
        with pytest.raises(NoAccess):
            await wrong.token()
    assert len(office.asked("refresh")) == 1, "nobody's hand has been at it yet"
    await (await office.open()).works()


async def test_tokens_of_another_integration_are_never_offered(office: Office, running: Running) -> None:
    await office.authorised()
    changed = Office(running, client_id="another-integration")
    changed.store = office.store
    instance = await changed.open()
    with pytest.raises(NoAccess, match="client_id с тех пор сменился"):
        await instance.token()


async def test_a_connection_without_a_grant_says_how_to_get_one(office: Office) -> None:
    instance = await office.open()
    with pytest.raises(NoAccess, match="его ещё не выдавали") as error:
        await instance.token()
    assert outcome_of(error).code == "authorisation_needed"


# Kept alive


async def test_a_grant_that_nobody_uses_is_renewed_every_week(office: Office) -> None:
    instance = await office.authorised()
    await office.pass_time(instance, 30 * 86400, step=86400)
    assert office.asked("refresh") == [200] * 4


async def test_a_refresh_token_that_cannot_be_renewed_for_months_is_warned_of_once(
    office: Office, running: Running
) -> None:
    instance = await office.authorised()
    running.fault("amocrm", kind="answer", path="/oauth2/access_token", status=503, times=-1)
    await office.pass_time(instance, 59 * 86400, step=86400)
    assert ("access", "ends") not in office.alerts()
    await office.pass_time(instance, 5 * 86400, step=86400)
    assert office.alerts().count(("access", "ends")) == 1
