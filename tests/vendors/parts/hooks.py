"""What a vendor's webhooks look like, how they are proven, and what it tells of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.serve import Running
from svyazka.engine.contracts.webhook import Inbound, RawRequest
from vendors.parts.base import FORM, JSON, SAMPLES, Guest, Part, Webhook

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account


def request_of(path: Path) -> RawRequest:
    """A sample as a request: `.http` holds a whole one, any other is the body of one."""
    content = path.read_bytes()
    if path.suffix != ".http":
        kind = FORM if path.suffix == ".form" else JSON
        return RawRequest("POST", "/hook", b"", [(b"content-type", kind.encode())], content)
    separator = b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n"
    head, _, body = content.partition(separator)
    first, *lines = head.decode().splitlines()
    method, url, _ = first.split()
    named = (line.partition(": ") for line in lines)
    headers = [(name.lower().encode(), value.encode()) for name, _, value in named]
    return RawRequest(method, url.partition("?")[0], url.partition("?")[2].encode(), headers, body)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How a vendor's requests are known to be its own."""

    secrets: Mapping[str, str]
    headers: Callable[[bytes, Mapping[str, str]], Mapping[str, str]] | None = None
    """The headers that prove a body, by these secrets; None where its proof stands in the body itself."""
    of_the_body: bool = True
    """They are of these very bytes; False: a token that is the same for all."""
    demanded: bool = True
    """Without its secret a connection lets nobody in."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a vendor's webhooks look like."""

    samples: str = ""
    """Its folder of samples."""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Each sample of a webhook -> what it says: type, subject, what it lacks, and why nobody acts on it."""
    others: Sequence[str] = ()
    """Patterns of the samples that are no webhooks."""
    bodies: Sequence[object] = ()
    """Further contents that look like its own."""
    public: Sequence[Mapping[str, Any]] = ({},)
    """Settings under which any body must be read; the samples are read under the first."""
    proof: Proof | None = None
    content_type: str = JSON
    may_be_empty: bool = False
    """An object of its may hold nothing at all."""
    modules: frozenset[str] = frozenset()
    """Modules of the connector's folder that its webhook loads beside `webhook` and `schema`: none calls anybody."""

    @property
    def folder(self) -> Path:
        return SAMPLES / self.samples

    def signed(self, body: bytes) -> Mapping[str, str]:
        """The headers by which a body is known to be its own."""
        return self.proof.headers(body, self.proof.secrets) if self.proof and self.proof.headers else {}

    @cached_property
    def requests(self) -> Mapping[str, RawRequest]:
        """Each sample of a webhook as the request that it is."""
        return {name: request_of(self.folder / name) for name in self.told}

    def inbound(self, number: int = 0, **more: Any) -> Inbound:
        """A connection's settings and secrets."""
        return Inbound(self.public[number], dict(self.proof.secrets) if self.proof else {}, **more)


@dataclass(frozen=True)
class Source(Part):
    """A vendor that tells of something done: each webhook is of another subject, about a person of its own."""

    webhook: Callable[[Running, Guest], Webhook] = field(kw_only=True)
    """Lets it happen at the stand-in, which is asked again where the connection has access; what it would send."""
    tells: frozenset[str] = frozenset({"phone"})
    """Which addresses of a person its events bring."""
    must_ask: bool = False
    """Its webhooks name nobody: who it was is read from the vendor, which a flow that passes them on doesn't do."""
    begin: Callable[[Running], None] = lambda running: None
    """Make the stand-in ready: nobody waits for its rates here."""
    authorise: Callable[[Running, Hub, Account], Awaitable[None]] | None = None
    """What an owner does at its pages, where access is by OAuth."""
