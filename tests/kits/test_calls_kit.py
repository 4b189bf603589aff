"""What very many cost at their vendors, counted there: read by the page, whoever asks."""

from __future__ import annotations

import random

import pytest

from chaos.first_links import link_two_bases
from chaos.many import count_calls
from simulators.serve import Running


async def test_a_bulk_edit_its_echoes_and_a_night_cost_pages(
    vendors: Running, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    await count_calls(("bitrix24", "amocrm"), vendors, 60)
    capsys.readouterr()


async def test_two_filled_bases_are_linked_over_their_vendors_and_then_agree(
    vendors: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """The short form of `python -m chaos --first-link`."""
    found = await link_two_bases(vendors, 40, random.Random(3))
    capsys.readouterr()
    assert found["doubts"]
