"""Between the product and the emulator: counts what a bill would count, and breaks what a test wants broken.

Two faces, as the product speaks to Firestore in two ways: REST and gRPC.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc.aio
from google.cloud.firestore_v1.types import firestore as messages

from backends.google.http_server import Asked, response, serving
from svyazka.backends.google.wire import Origin

Mode = Literal["whole", "down", "hang", "lost"]
"""`down`: refused at once. `hang`: never answered. `lost`: done, and the answer lost."""

UNARY = {"Commit": messages.CommitRequest}
STREAMED = {"BatchGetDocuments": messages.BatchGetDocumentsRequest, "RunQuery": messages.RunQueryRequest}
ANSWERS = {"RunQuery": messages.RunQueryResponse}


@dataclass
class Bill:
    """Documents read (missing ones cost too) and written, and how many calls that took."""

    reads: int = 0
    writes: int = 0
    calls: list[str] = field(default_factory=list)

    def count(self, call: str, reads: int = 0, writes: int = 0) -> None:
        """One call."""
        self.calls.append(call)
        self.reads += reads
        self.writes += writes


@dataclass
class FirestoreProxy:
    """Both faces. Set `mode` to break; with `times`, only that often."""

    rest: str = ""
    """URL."""
    grpc: str = ""
    """host:port"""
    mode: Mode = "whole"
    times: int | None = None
    bill: Bill = field(default_factory=Bill)
    queries: list[Any] = field(default_factory=list)
    """Structured queries as they came."""
    codes: list[int] = field(default_factory=list)
    """Codes with which the next items of batchWrite are answered, undone."""

    lost: list[int] = field(default_factory=list)
    """Which commits from now on are done and their answers lost: 0 is the next."""

    def loses_commits(self, *numbers: int) -> None:
        """See `lost`."""
        self.lost = list(numbers)

    def loses_this(self) -> bool:
        """A commit was done: whether its answer is lost."""
        loses = 0 in self.lost
        self.lost = [number - 1 for number in self.lost if number > 0]
        return loses

    def breaks(self, mode: Mode, times: int | None = None) -> None:
        """From now on."""
        self.mode, self.times = mode, times

    def struck(self) -> Mode:
        """What befalls the call at hand."""
        if self.times == 0:
            self.mode, self.times = "whole", None
        if self.times is not None:
            self.times -= 1
        return self.mode


@asynccontextmanager
async def proxy(emulator: str) -> AsyncIterator[FirestoreProxy]:
    """A running proxy."""
    made = FirestoreProxy()
    server = grpc.aio.server()
    async with grpc.aio.insecure_channel(emulator) as channel, serving(_Rest(made, emulator)) as rest:
        server.add_generic_rpc_handlers((_Grpc(made, channel),))
        made.grpc = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        made.rest = rest.url
        await server.start()
        yield made
        await server.stop(None)


# REST


class _Rest:
    def __init__(self, proxy: FirestoreProxy, emulator: str) -> None:
        self._proxy = proxy
        self._emulator = Origin(f"http://{emulator}")

    async def __call__(self, asked: Asked) -> bytes | None:
        mode = self._proxy.struck()
        if mode == "down":
            return None
        if mode == "hang":
            await asyncio.Event().wait()
        body, undone = json.loads(asked.body), []
        if asked.path.endswith(":batchWrite") and self._proxy.codes:
            undone, self._proxy.codes = self._proxy.codes, []
            body["writes"] = body["writes"][len(undone) :]
        answer = await self._emulator.send(
            asked.method, asked.path, {"Authorization": "Bearer owner"}, json.dumps(body).encode()
        )
        told = answer.json()
        self._count(asked.path.rpartition(":")[2], body, told)
        if mode == "lost":
            return None
        if undone:
            told["status"] = [{"code": code} for code in undone] + told.get("status", [])
        return response(json.dumps(told).encode(), answer.status)

    def _count(self, method: str, body: Any, told: Any) -> None:
        if method == "batchGet":
            self._proxy.bill.count(method, reads=len(body["documents"]))
        else:
            self._proxy.bill.count(method, writes=sum(not status.get("code") for status in told.get("status", [])))


# gRPC


class _Grpc(grpc.GenericRpcHandler):
    def __init__(self, proxy: FirestoreProxy, channel: grpc.aio.Channel) -> None:
        self._proxy = proxy
        self._channel = channel

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        name = details.method.rpartition("/")[2]
        if name in UNARY:
            return grpc.unary_unary_rpc_method_handler(self._unary(details.method, name))
        return grpc.unary_stream_rpc_method_handler(self._streamed(details.method, name))

    def _unary(self, method: str, name: str) -> Any:
        call = self._channel.unary_unary(method)

        async def forward(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            mode = await self._strike(context)
            try:
                answer: bytes = await call(request, metadata=_metadata(context))
            except grpc.aio.AioRpcError as error:
                self._proxy.bill.count(name)
                await context.abort(error.code(), error.details() or "")
            self._proxy.bill.count(name, writes=len(UNARY[name].deserialize(request).writes))
            if self._proxy.loses_this() or mode == "lost":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
            return answer

        return forward

    def _streamed(self, method: str, name: str) -> Any:
        call = self._channel.unary_stream(method)

        async def forward(request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            await self._strike(context)
            asked = STREAMED[name].deserialize(request)
            if name == "BatchGetDocuments":
                self._proxy.bill.count(name, reads=len(asked.documents))
            else:
                self._proxy.queries.append(asked.structured_query)
            found = 0
            async for answer in call(request, metadata=_metadata(context)):
                found += name == "RunQuery" and bool(ANSWERS[name].deserialize(answer).document.name)
                yield answer
            if name == "RunQuery":
                self._proxy.bill.count(name, reads=max(found, 1))  # a query that finds nothing costs one

        return forward

    async def _strike(self, context: grpc.aio.ServicerContext) -> Mode:
        mode = self._proxy.struck()
        if mode == "down":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        if mode == "hang":
            await asyncio.Event().wait()
        return mode


def _metadata(context: grpc.aio.ServicerContext) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in context.invocation_metadata() if key in ("authorization",))
