"""What very many cost at their vendors, counted there: read by the page, whoever asks."""

from __future__ import annotations

import pytest

from chaos.many import count_calls
from simulators.serve import Running


async def test_a_bulk_edit_its_echoes_and_a_night_cost_pages(
    vendors: Running, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    await count_calls(("bitrix24", "amocrm"), vendors, 60)
    capsys.readouterr()
