"""HTTP/1.1 as the accepting process speaks it: uvicorn's, but it loses no body, bounds heads and knows its doorkeeper.

* A request that offers `Upgrade` (h2c, websocket) is read without the offer: its body is lost in the parser otherwise.
* A target with raw Cyrillic or blanks in it, as hand-made senders write it, is percent-encoded before it is parsed.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote_from_bytes

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from svyazka.server.accept import SHOWN_OUT
from svyazka.server.doorkeeper import Doorkeeper, Stage

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's line and headers: what h11 allows, with which the functions are served."""

PAUSE = 0.3
"""Seconds in which a body may follow a POST that announced none: hand-made senders forget Content-Length, and what was
answered with "ready" is never sent again."""

_LENGTHS = (b"content-length", b"transfer-encoding")
_OFFERS = (b"upgrade", b"http2-settings")
_IN_A_TARGET = "!#$%&'()*+,/:;=?@[]~\"<>\\^`{|}"
"""What the parser takes as it is, beside letters and digits."""

_TITLES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Try again"}


class AcceptProtocol(HttpToolsProtocol):
    """One connection."""

    keeper: Doorkeeper
    """Of this process; given by `protocol_of`."""

    address = ""
    stage = Stage.HEAD
    since = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = self._new_parser()
        self._begun = self._in_head = False
        """Whether part of a request is here that isn't whole yet, and whether of its head."""
        self._pausing = False
        """Whether a body may still follow that nobody announced."""
        self._head_seen = self._piece = 0
        """Bytes of a head that began in an earlier piece; bytes of the piece that is being read."""
        self._line = b""
        """The beginning of a request's line, until the rest of it comes."""

    def _new_parser(self) -> httptools.HttpRequestParser:
        """Not as uvicorn makes it, which drops in silence what follows a request that says `Connection: close`."""
        return httptools.HttpRequestParser(self)

    # Coming and going

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.keeper.watch(self.loop)
        if not self.keeper.came(self):
            self._refuse(503, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        self.keeper.left(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.keeper.owes(self, Stage.READING)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._begun:
            self.keeper.owes(self, Stage.BODY)
        else:
            self.keeper.settled(self)

    def show_out(self, stage: Stage | None) -> None:
        """A connection that owes too long is told so, where it can still be told anything."""
        if self._begun:
            self.scope["state"][SHOWN_OUT] = True
        if self._can_be_told():
            self._refuse(408 if stage else 503, f"waited in vain for {self.stage.value}")
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # nobody reads what we have to say
        else:
            self.transport.close()

    def _can_be_told(self) -> bool:
        if self.stage is Stage.HEAD:
            return self._begun and (self.cycle is None or self.cycle.response_complete)
        return self.stage is Stage.BODY and not self.cycle.response_started and not self.pipeline

    def _refuse(self, status: int, detail: str) -> None:
        """Say why and close: for what never becomes a request."""
        if self.transport.is_closing():
            return
        text = f"{_TITLES[status]}: {detail}".encode()
        head = f"HTTP/1.1 {status} {_TITLES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        tail = f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        self.transport.write((head + tail).encode() + text)
        self.transport.close()

    # What comes

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if not (self._begun or self._pausing):
            whole = self._mended(data)
            if whole is None:
                return
            data = whole
        goes_on, self._piece = self._in_head, len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offered:
            self._read_without_the_offer(data[offered.args[0] :])
        except httptools.HttpParserError:
            self._torn()
        if goes_on and self._in_head:
            self._head_seen += self._piece
            if self._head_seen > HEAD_LIMIT:
                self._refuse_head()

    def _torn(self) -> None:
        """Bytes that are no request: perhaps the rest of a body that announced less. Then the whole isn't taken."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.scope["state"][SHOWN_OUT] = True
        self._refuse(400, "this is no HTTP request; is Content-Length the number of bytes of its body?")

    def _mended(self, data: bytes) -> bytes | None:
        """The beginning of a request with a target that can be parsed; None while its line isn't here."""
        data, self._line = self._line + data, b""
        end = data.find(b"\n")
        if end < 0 and len(data) <= HEAD_LIMIT:
            if self.stage is not Stage.HEAD:
                self.keeper.owes(self, Stage.HEAD)
            self._line = data
            return None
        line = data[:end]
        if line.isascii() and line.count(b" ") == 2:
            return data
        method, _, rest = line.partition(b" ")
        target, _, version = rest.rpartition(b" ")
        if not version.startswith(b"HTTP/1."):
            return data
        return b"%b %b %b%b" % (method, quote_from_bytes(target, _IN_A_TARGET).encode(), version, data[end:])

    def _read_without_the_offer(self, rest: bytes) -> None:
        """RFC 9110 7.8: a server may ignore an offer. The request is parsed again as if it had not been made."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._refuse(400, "this is no proxy")
            return
        head = [b"%b %b HTTP/%b\r\n" % (method, self.url, version.encode())]
        for name, value in self.headers:
            if name == b"connection":
                words = [word.strip() for word in value.split(b",")]
                value = b", ".join(word for word in words if word.lower() not in _OFFERS)
            if name not in _OFFERS and (value or name != b"connection"):
                head.append(b"%b: %b\r\n" % (name, value))
        self.parser = self._new_parser()
        self._begun = False
        self.data_received(b"".join(head) + b"\r\n" + rest)

    # What the parser calls out

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = self._in_head = True
        self._head_seen = 0
        if self.stage is not Stage.HEAD:
            self.keeper.owes(self, Stage.HEAD)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # what follows a chunked body is no header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_head = False
        if self._head_seen + self._piece > HEAD_LIMIT and self._head_size() > HEAD_LIMIT:
            self._refuse_head()
        self.stage = Stage.BODY
        if not self.transport.is_closing():
            super().on_headers_complete()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse_head(self) -> None:
        self._refuse(431, f"expected at most {HEAD_LIMIT // 1024} KiB of headers")

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() or self.transport.is_closing():
            return
        self._begun = False
        self.keeper.settled(self)
        if self.cycle.response_complete:  # the answer didn't wait for the body
            self.keeper.owes(self, Stage.IDLE)
        if not self.cycle.body and self._announced_nothing():
            self._pausing = True
            self.loop.call_later(PAUSE, self._paused, self.cycle)
        else:
            super().on_message_complete()

    def _paused(self, cycle: RequestResponseCycle) -> None:
        """Nothing followed: it has no body."""
        self._pausing = False
        cycle.more_body = False
        cycle.message_event.set()

    def _announced_nothing(self) -> bool:
        return self.scope["method"] == "POST" and not any(name in _LENGTHS for name, _ in self.headers)

    def on_response_complete(self) -> None:
        goes_on = self._begun or bool(self.pipeline)
        super().on_response_complete()
        if not goes_on:
            self.keeper.owes(self, Stage.IDLE)


def protocol_of(keeper: Doorkeeper) -> type[AcceptProtocol]:
    """The protocol with its doorkeeper, for uvicorn's `http`."""
    return type("KeptProtocol", (AcceptProtocol,), {"keeper": keeper})
