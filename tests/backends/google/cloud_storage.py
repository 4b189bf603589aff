"""A bucket of Cloud Storage on loopback: uploads with a precondition, whole objects, lists in pages, and its bad days.

Answers are in the shapes of https://cloud.google.com/storage/docs/json_api/v1/objects.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

from backends.google.http_server import Asked, HttpServer, response, serving

BUCKET = "demo-svyazka-blobs"
CUT = 0


@dataclass
class Bucket:
    """What it holds."""

    now: Callable[[], datetime]
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    script: deque[int] = field(default_factory=deque)
    """What the next calls are answered with in place of the truth; CUT: it acts, and the answer is lost."""
    page: int = 1000
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url

    async def answer(self, asked: Asked) -> bytes | None:
        """One call."""
        if asked.headers.get("authorization") != "Bearer owner":
            return response(b"{}", 401)
        planned = self.script.popleft() if self.script else None
        if planned:
            return response(b"{}", planned)
        said = self._done(asked)
        return None if planned == CUT else said

    def _done(self, asked: Asked) -> bytes:
        where = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        top = f"/storage/v1/b/{BUCKET}/o"
        if where.path == f"/upload{top}" and asked.method == "POST":
            return self._upload(query, asked.body)
        if where.path == top:
            return self._listed(query)
        name = unquote(where.path.removeprefix(f"{top}/"))
        if name not in self.objects:
            return response(b"{}", 404)
        if asked.method == "DELETE":
            del self.objects[name]
            return response(b"", 204)
        assert query == {"alt": "media"}
        return response(self.objects[name][0])

    def _upload(self, query: dict[str, str], body: bytes) -> bytes:
        assert (query["uploadType"], query["ifGenerationMatch"]) == ("media", "0")
        if query["name"] in self.objects:
            return response(b'{"error":{"code":412}}', 412)
        self.objects[query["name"]] = (body, self.now())
        return response(json.dumps({"name": query["name"], "generation": "1"}).encode())

    def _listed(self, query: dict[str, str]) -> bytes:
        first = query.get("pageToken", query.get("startOffset", ""))
        names = sorted(name for name in self.objects if name.startswith(query["prefix"]) and name >= first)
        most = min(int(query["maxResults"]), self.page)
        items = [
            {"name": name, "size": str(len(self.objects[name][0])), "timeCreated": self.objects[name][1].isoformat()}
            for name in names[:most]
        ]
        page: dict[str, object] = {"items": items} if items else {}
        if len(names) > most:
            page["nextPageToken"] = names[most]
        return response(json.dumps(page).encode())


@asynccontextmanager
async def bucket(now: Callable[[], datetime]) -> AsyncIterator[Bucket]:
    """An empty one."""
    made = Bucket(now)
    async with serving(made.answer) as made.server:
        yield made
