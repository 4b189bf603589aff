"""Who is in the console is seen on the machine, and put out from there."""

from __future__ import annotations

from cli.conftest import Installation
from svyazka.backends.local.store import LocalStore
from svyazka.engine.worker import Worker
from svyazka.signing_in import come_in, signed_in


def came_in(hub: Installation, *link: str) -> str:
    """Somebody comes in by a link; what his browser holds."""
    token = hub.svyazka("console", *link).stdout.strip().rpartition("/")[2]

    async def enter(worker: Worker, store: LocalStore) -> str | None:
        return await come_in(store, worker.hub.clock, token)

    return hub.opened(enter) or ""


def is_in(hub: Installation, cookie: str) -> bool:
    async def look(worker: Worker, store: LocalStore) -> bool:
        return await signed_in(store, worker.hub.clock, cookie) is not None

    return hub.opened(look)


def test_whoever_is_in_is_shown_and_put_out(hub: Installation) -> None:
    async def served(worker: Worker, store: LocalStore) -> None:
        from svyazka.cli.commands.console import console_write

        await store.commit([console_write(8082)])

    hub.opened(served)
    assert hub.rows("sign-ins") == []
    everywhere, here = came_in(hub), came_in(hub, "--role", "looker", "--tenant", "kofe", "--name", "Аня")
    found = {row["who"]: row for row in hub.rows("sign-ins", "kofe")}
    assert found["Аня"]["roles"] == {"kofe": "looker"}
    assert len(found) == 2
    hub.svyazka("sign-ins", "--end", found["Аня"]["id"])
    assert (is_in(hub, everywhere), is_in(hub, here)) == (True, False)
    assert "expected an id" in hub.svyazka("sign-ins", "--end", "ffffffff", status=1).output
    hub.svyazka("sign-ins", "--end", "all")
    assert not is_in(hub, everywhere)
    assert hub.audit()[-1] == ("sign-ins end", "*")
