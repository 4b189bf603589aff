"""A stand-in of a business's own site: the pages of `examples/site`, from an origin of their own, as in the world.

It is no vendor: nobody calls it. `svyazka run --with-simulators` tells it where the hub is, the site's public key, and
by which key each business's server speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of

PAGES = Path(__file__).resolve().parents[2] / "examples" / "site"
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src {hub}; form-action 'self' {hub}"
"""As strict as a site may be that embeds us. The page's own looks stand in its head; the script brings no <style>."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a business's own server needs for speaking with the hub."""

    tenant: str
    connection: str
    hub: str
    secret: str


class Site(Simulator):
    """A few pages, and whose servers stand behind them."""

    vendor = "site"
    settings = ("hub", "key")

    def reset(self) -> None:
        self.hub = "http://127.0.0.1:8080"
        self.key = "KEY"
        self.servers: dict[str, Server] = {}
        """By tenant."""

    def controls(self) -> Sequence[BaseRoute]:
        return [Route("/servers", self._serves, methods=["POST"])]

    async def _serves(self, request: Request) -> Response:
        server = Server(**json_of(await request.body()))
        self.servers[server.tenant] = server
        return JSONResponse({"servers": list(self.servers)})

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/", self._index), Route("/{name}", self._page)]

    async def _index(self, request: Request) -> Response:
        return RedirectResponse("index.html" if request.url.path.endswith("/") else f"{request.url.path}/index.html")

    async def _page(self, request: Request) -> Response:
        path = PAGES / Path(request.path_params["name"]).name
        if path.suffix not in KINDS or not path.is_file():
            return PlainTextResponse("404", 404)
        content = path.read_text("utf-8")
        if path.suffix == ".html":
            here = str(request.url).rpartition("/")[0]
            content = content.replace("https://HUB", self.hub).replace("https://PAGE", here).replace("KEY", self.key)
        policy = {"Content-Security-Policy": POLICY.format(hub=self.hub)}
        return Response(content, media_type=KINDS[path.suffix], headers=policy)


SIMULATOR = Site
