"""The page itself, on the stand-ins' own port. It takes clicks of its own forms alone; all it shows is made up."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.scenes import acts, paying
from simulators.scenes.acts import Scene
from simulators.scenes.ledger import TITLES, Got, got
from simulators.scenes.world import Connected, Deed, World
from svyazka.catalogue import N_, Language, said

SCENES = (*acts.SCENES, *paying.SCENES)
HERE = Path(__file__).parent
STYLE = Path(__file__).resolve().parents[2] / "svyazka" / "console" / "static" / "console.css"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SHOWN = 30
THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def routes(world: World) -> list[BaseRoute]:
    """The page, its buttons, and where it is told who is connected."""
    play = Play(world)
    return [
        Route("/play", play.page),
        Route("/play/do/{name}", play.do, methods=["POST"]),
        Route("/play/console.css", _file(STYLE)),
        Route("/play/play.css", _file(HERE / "play.css")),
        Route("/play/play.js", _file(HERE / "play.js")),
        Route("/_sim/scenes", play.told, methods=["POST"]),
    ]


class Play:
    """What the routes answer."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def told(self, request: Request) -> Response:
        """`{console, connected: [{tenant, business, connection, vendor}]}`"""
        given = await request.json()
        self._world.console = given["console"]
        self._world.connected = [Connected(**one) for one in given["connected"]]
        return JSONResponse({"connected": len(self._world.connected)})

    async def page(self, request: Request) -> Response:
        self._here(request)
        self._world.pass_time()
        language = _language(request)
        t = partial(said, language=language)
        shown = {
            "t": t, "lang": language, "world": self._world, "groups": self._groups(), "titles": TITLES,
            "lines": self._lines(), "clock": lambda at: f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}",
        }  # fmt: skip
        page = HTMLResponse(_template().render(shown))
        page.headers["content-security-policy"] = POLICY
        page.headers["cache-control"] = "no-store"
        return page

    async def do(self, request: Request) -> Response:
        """A click."""
        if not _is_ours(request):
            return PlainTextResponse("this form is of another page", 403)
        self._here(request)
        scene = next((one for one in self._scenes() if one.name == request.path_params["name"]), None)
        if scene is not None:
            self._world.clicked_at = time.time()
            try:
                await scene.act(self._world)
            except httpx.HTTPError:
                self._world.did(N_("the hub doesn't answer: it may be starting still. Try again"))
        return RedirectResponse("/play#came", 303)

    def _here(self, request: Request) -> None:
        self._world.url = str(request.base_url).rstrip("/")

    def _scenes(self) -> Sequence[Scene]:
        """Those that somebody connected would notice, and that can happen now."""
        vendors = {one.vendor for one in self._world.connected}
        return [one for one in SCENES if one.vendor in vendors and one.shown(self._world)]

    def _groups(self) -> dict[str, list[Scene]]:
        found: dict[str, list[Scene]] = {}
        for one in self._scenes():
            found.setdefault(one.vendor, []).append(one)
        return found

    def _lines(self) -> list[Deed | Got]:
        """What was done here, and what the vendors got, newest first."""
        lines: list[Deed | Got] = list(self._world.deeds)
        for simulator in self._world.simulators.values():
            lines += got(simulator)
        return sorted(lines, key=lambda line: line.at, reverse=True)[:SHOWN]


def _is_ours(request: Request) -> bool:
    """Whether a form comes from this very page, called by this machine's own name."""
    host = request.headers.get("host", "")
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if urlsplit(f"//{host}").hostname not in THIS_MACHINE:
        return False
    return (origin is None or urlsplit(origin).netloc == host) and site in (None, "same-origin", "none")


def _language(request: Request) -> Language:
    asked = request.headers.get("accept-language", "").lower()
    return "en" if "en" in asked and "ru" not in asked else "ru"


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return FileResponse(path)

    return answer


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("play.html")
