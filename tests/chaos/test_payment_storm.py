"""Weeks of payments over three providers that lie, while workers die and freeze (short form)."""

from __future__ import annotations

from collections import Counter

from chaos.payment_storms import storms

SEEDS = (14,)
BILLS = 60


def test_nobody_is_charged_twice_no_money_is_lost_and_nothing_is_final_by_time_whatever_befalls() -> None:
    befell, ended = Counter[str](), Counter[str]()
    for seed, what, states, faults in storms(SEEDS, [BILLS] * len(SEEDS)):
        assert not faults, f"seed {seed}: {faults}"
        befell, ended = befell + what, ended + states
    for struck in ("killed", "frozen", "cut_before", "cut_after", "down", "stale"):
        assert befell[struck], f"{struck} never befell anybody"
    assert ended["paid_twice"], "nobody paid once more"
    assert ended["paid"] > BILLS / 4
    assert ended["refunded"] + ended["part_refunded"] > 5
    for what in ("capture done", "void done", "given back by itself"):
        assert ended[what], f"{what} never"
