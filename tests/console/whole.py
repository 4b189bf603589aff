"""Somebody at the console of a hub whole: real store, worker, and the vendors' stand-ins over loopback."""

from __future__ import annotations

import json
from collections.abc import Sequence

from console.visitor import Visitor
from matrix.hub import Machine


class Desk:
    """The console of a hub, and who sits there."""

    def __init__(self, hub: Machine, owner: Visitor) -> None:
        self.hub, self.owner = hub, owner

    async def press(self, path: str, label: str, after: str = "", **filled: str) -> str:
        """What the console answers in the end. `after`: of several such buttons the first that stands after this."""
        page = (await self.owner.page(path)).partition(after)[2] if after else await self.owner.page(path)
        where = await self.owner.press(page, label, **filled)
        await self.hub.work()
        return await self.owner.page(where)

    async def does(self, path: str, label: str, after: str = "", **filled: str) -> None:
        """The same, which is done."""
        said = await self.press(path, label, after, **filled)
        assert "Готово" in said, (label, said)

    async def asks(self, path: str, label: str) -> None:
        """The same, with nothing else done yet."""
        await self.owner.press(await self.owner.page(path), label)
        for _id, task, body in self.hub._due(self.hub.clock.now()):
            if task == "/request":
                assert await self.hub.worker.handle("/request", json.loads(str(body))) == 204

    async def come_in_anew(self) -> None:
        """Whoever was here days ago has to."""
        self.owner = await Visitor(self.hub).come_in()

    def calls(self, vendor: str, *paths: str) -> Sequence[tuple[str, str]]:
        """What a stand-in was asked since its list was cleared."""
        found = [(one["method"], one["path"]) for one in self.hub.vendors.of(vendor).calls]
        return [one for one in found if not paths or any(path in one[1] for path in paths)]
