"""Who may stand at the door, and for how long: by a clock of the test's own."""

from __future__ import annotations

import json

import pytest

from svyazka.server.doorkeeper import KEPT_FREE, LONGEST, MOST, Bounds, Doorkeeper, Stage


class Guest:
    """A connection that notes how it was shown out."""

    def __init__(self, keeper: Doorkeeper, address: str = "203.0.113.1") -> None:
        self.keeper, self.address = keeper, address
        self.stage, self.since = Stage.HEAD, 0.0
        self.out: list[Stage | None] = []
        self.let_in = keeper.came(self)

    def show_out(self, stage: Stage | None) -> None:
        self.out.append(stage)
        self.keeper.left(self)


@pytest.fixture
def time() -> list[float]:
    return [0.0]


@pytest.fixture
def keeper(time: list[float]) -> Doorkeeper:
    return Doorkeeper(Bounds(overall=6, of_an_address=3), now=lambda: time[0])


@pytest.mark.parametrize("stage", Stage)
def test_whoever_owes_for_too_long_is_shown_out(keeper: Doorkeeper, time: list[float], stage: Stage) -> None:
    guest = Guest(keeper)
    keeper.owes(guest, stage)
    time[0] = LONGEST[stage] - 0.1
    keeper.look()
    assert guest.out == []
    time[0] = LONGEST[stage]
    keeper.look()
    keeper.look()
    assert (guest.out, keeper.inside) == ([stage], 0)


def test_a_slow_drip_does_not_begin_anew(keeper: Doorkeeper, time: list[float]) -> None:
    guest = Guest(keeper)
    time[0] = 9.0
    guest.stage = Stage.BODY  # its head is here: the time runs from the beginning of the request
    time[0] = 20.0
    keeper.look()
    assert guest.out == [Stage.BODY]


def test_a_request_that_is_being_answered_is_never_shown_out(keeper: Doorkeeper, time: list[float]) -> None:
    served = [Guest(keeper, f"203.0.113.{n}") for n in range(6)]
    for guest in served:
        keeper.settled(guest)
    time[0] = 1e6
    keeper.look()
    late = Guest(keeper, "203.0.113.99")
    assert not late.let_in
    assert [guest.out for guest in served] == [[]] * 6


def test_when_all_places_are_taken_the_longest_waiting_makes_way(keeper: Doorkeeper) -> None:
    guests = [Guest(keeper, f"203.0.113.{n}") for n in range(6)]
    keeper.owes(guests[0], Stage.IDLE)
    keeper.settled(guests[1])
    new = [Guest(keeper, f"198.51.100.{n}") for n in range(4)]
    assert [guest.out for guest in guests] == [[], [], [None], [None], [None], [None]]
    assert all(guest.let_in for guest in new)
    assert keeper.inside == 6


def test_an_address_has_its_share_and_makes_way_for_itself(keeper: Doorkeeper) -> None:
    other = Guest(keeper, "198.51.100.1")
    many = [Guest(keeper) for _ in range(5)]
    assert [guest.out for guest in many] == [[None], [None], [], [], []]
    assert (other.out, keeper.inside) == ([], 4)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_on_this_machine_speaks_for_everybody(keeper: Doorkeeper, address: str) -> None:
    guests = [Guest(keeper, address) for _ in range(6)]
    assert [guest.out for guest in guests] == [[]] * 6


def test_what_was_closed_is_said_once_for_each_reason(
    keeper: Doorkeeper, time: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        Guest(keeper)
    idle = Guest(keeper, "198.51.100.1")
    keeper.owes(idle, Stage.IDLE)
    time[0] = 1e6
    for _ in range(2):
        keeper.look()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["reason"], line["count"]) for line in lines] == [
        ("no room: the longest waiting made way", 2), ("10 s without the head of a request", 3),
    ]  # fmt: skip
    assert "203.0.113" not in str(lines), "an address is somebody's"


def test_the_bounds_follow_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, overall in ((256, 256 - KEPT_FREE), (50, 16), (1_000_000, MOST), (-1, MOST)):
        monkeypatch.setattr("resource.getrlimit", lambda _, files=files: (files, files))
        assert Bounds.of_this_process().overall == overall
