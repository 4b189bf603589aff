"""What a connector gets for one attempt: its settings, a deadline, and an HTTP client that keeps the story."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from svyazka.catalogue import N_
from svyazka.engine.rules.deadlines import SEND_MARGIN
from svyazka.engine.support.answers import FLAW, LATE, text_of
from svyazka.engine.support.redaction import longest_form, redact, shown
from svyazka.engine.support.requests import Request, made
from svyazka.model.deliveries import Exchange
from svyazka.model.errors import LeaseTooShort, MaybeSent, NoToken, NotSent, SourceUnavailable, TooLate, Unavailable
from svyazka.model.ids import mark_of
from svyazka.model.outcomes import Unclear, in_doubt_of_nothing

if TYPE_CHECKING:
    import httpx

    from svyazka.engine.ports.clock import Clock
    from svyazka.model.records import Key
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")

BODY_KEPT = 4000
"""Characters of a body that an attempt's story keeps."""

TOKEN_MARGIN = timedelta(seconds=60)
"""An access token that ends sooner isn't used any more."""

REFUSAL_STANDS = 20.0
"""Seconds for which nobody signs in again after a vendor refused it."""

Guard = Callable[[str], Awaitable[Sequence[str]]]
"""Looks at a URL before it is called (the SSRF guard) and answers the IP addresses to connect to, the preferred
first; raises RefusedAddress, PlainHttp, or NotSent when the name can't be resolved."""

Turn = Callable[[float], Awaitable[None]]
"""Waits for a call's turn at its vendor's rate, so many seconds at most; raises NoPlace."""

READS = frozenset({"GET", "HEAD"})
"""Methods that change nothing, as a rule."""

TURNED_AWAY = frozenset({401, 429})
"""Statuses of what was done nothing about, whoever says so."""

ENOUGH = 64 * 1024
"""Bytes of an answer's body that are read where only its status counts."""


class Client(Protocol):
    """A connection's way out to the network."""

    async def send(
        self, request: Request, *, addresses: Sequence[str] | None, seconds: float, most: int | None = None
    ) -> httpx.Response:
        """One exchange: to one of `addresses`, the preferred first (the name stays for TLS and `Host`; None: it is
        looked up here), within `seconds`; `most` bytes of the answer's body are enough.

        `FLAW` among the response's extensions says what is wrong with its body. Raises NotSent where no byte of the
        request has left, MaybeSent where it may have and not even a status came.
        """


class Exchanges:
    """The HTTP calls of one attempt, within its deadline, recorded with credentials cut out."""

    def __init__(
        self,
        client: Client,
        *,
        base_url: str,
        deadline: float,
        clock: Clock | None = None,
        lease_until: datetime | None = None,
        secrets: Sequence[str] = (),
        guard: Guard | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._deadline = deadline
        self._clock = clock
        self._lease_until = lease_until
        self._secrets = sorted(set(secrets), key=len, reverse=True)
        self._guard = guard
        self._turn = turn
        self.log: list[Exchange] = []
        self.only_reads = False
        """See `Call.only_read`."""
        self.wrote = 0
        """Requests that may have left and change something there, were they taken: whoever fails after one of them
        can't say that nothing was done."""
        self.left_at = 0.0
        """The monotonic moment at which the last request left: what its answer says may be as old as that."""
        self.wrote_before = 0
        """The same without the last request, of which its answer may say that nothing came of it."""

    @property
    def base_url(self) -> str:
        """Where the vendor is."""
        return self._base_url

    def hide(self, secret: str) -> None:
        """Another value that no story may show (a fresh access token)."""
        if secret not in self._secrets:
            self._secrets.insert(0, secret)

    def blank(self, *parts: Literal["request_body", "response_body"]) -> None:
        """Take these bodies of the last call out of its story, where there was one: they hold secrets that can't
        be cut out, being others' or unknown before they came."""
        if self.log:
            self.log[-1] = self.log[-1].model_copy(update=dict.fromkeys(parts, "•••"))

    def cut(self, text: str) -> str:
        """`text` as a story or a log line may show it."""
        return redact(text, self._secrets)

    def _kept(self, content: bytes) -> str:
        """A request's body as a story keeps it."""
        return shown(content[: 4 * self._window()].decode("utf-8", "replace"), self._secrets, BODY_KEPT)

    def _window(self) -> int:
        """Characters that are enough to keep BODY_KEPT of them, once credentials are cut out."""
        return BODY_KEPT + 4 * max(map(longest_form, self._secrets), default=0)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        timeout: float | None = None,
        only_status: bool = False,
        leaves_by: float | None = None,
        changes: bool | None = None,
    ) -> httpx.Response:
        """One call, once it is its turn at the vendor's rate; `url` may be a path under the connection's base URL.
        Redirects are not followed.

        `only_status`: whether it was taken is said by the status alone, so that what is wrong with the body changes
        nothing. Else a 2xx must come whole: it is the vendor's word. Any other status is believed to have come,
        with as much of its body as did.

        `leaves_by`: the monotonic moment from which on it is too late to begin, because what was read for it is too
        old. `changes`: whether it changes anything there; None: by its method, unless the call only reads for now.

        Raises NotSent when it provably didn't reach the vendor, MaybeSent when it left and no whole
        answer came, LeaseTooShort when too little of the lease is left to begin or it isn't its turn in time, TooLate
        after `leaves_by`; and what the guard raises.
        """
        if "://" not in url:
            url = f"{self._base_url}/{url.lstrip('/')}"
        request = made(method, url, params=params, headers=headers, json=json, data=data, content=content)
        addresses = await self._guard(request.url) if self._guard is not None else None
        await self._in_turn()
        left = self._deadline - time.monotonic()
        limit = max(min(left, timeout) if timeout is not None else left, 0.001)
        self._check_lease(left)
        if leaves_by is not None and time.monotonic() > leaves_by:
            raise TooLate(N_("it came to its turn too late"))
        begun = Exchange(
            method=method,
            url=self.cut(request.url),
            request_body=self._kept(request.body) if request.body else None,
        )
        self.log.append(begun)  # before it leaves: who is cut off in the middle has left all the same
        place = len(self.log) - 1
        writes = changes if changes is not None else not (self.only_reads or method in READS)
        self.wrote_before = self.wrote
        self.wrote += writes
        self.left_at = time.monotonic()
        try:
            response = await self._client.send(
                request, addresses=addresses, seconds=limit, most=ENOUGH if only_status else None
            )
        except NotSent:
            self.wrote -= writes
            raise
        if response.status_code in TURNED_AWAY or response.is_redirect:
            self.wrote -= writes
        body = shown(text_of(response, self._window()), self._secrets, BODY_KEPT)
        told = {"status": response.status_code, "response_body": body}
        self.log[place] = begun.model_copy(update=told)
        flaw = response.extensions.get(FLAW)
        if flaw is not None and response.is_success and not only_status:
            raise MaybeSent("timeout" if flaw == LATE else N_("an answer {flaw}").format(flaw=flaw))
        return response

    async def _in_turn(self) -> None:
        """At most half of what is left of the attempt's time is waited: what begins must have time to end."""
        if self._turn is not None:
            left = self._deadline - time.monotonic()
            self._check_lease(left)
            await self._turn(left / 2)

    def _check_lease(self, left: float) -> None:
        if left <= 0:
            raise LeaseTooShort(N_("the attempt's time is over"))
        if self._clock is None or self._lease_until is None:
            return
        if (self._lease_until - self._clock.real()).total_seconds() < max(left, 0) + SEND_MARGIN:
            raise LeaseTooShort(N_("too little of the lease is left to begin a call"))


@dataclass(frozen=True, slots=True)
class Access:
    """A token to call with, and where its account lives, if its authorisation told."""

    token: str
    base_url: str | None = None


class Authorisation:
    """A connection's access by OAuth; the engine keeps it fresh. Raises SourceUnavailable where there is none."""

    async def access(self) -> Access:
        """A token that should be good."""
        raise NotImplementedError

    async def renewed(self, refused: str) -> Access:
        """Another token than this one, which the vendor has just answered 401 to. Ask once a call."""
        raise NotImplementedError

    async def worked(self, token: str) -> None:
        """The vendor took this token."""


def _as_it_is(moment: datetime) -> datetime:
    return moment


@dataclass
class Call(Generic[SettingsT]):
    """One attempt's surroundings, given to a connector."""

    tenant: str
    connection: str
    settings: SettingsT
    http: Exchanges
    key: str
    """Idempotency key for the vendor: delivery id and generation."""
    now: datetime
    timezone: str = "Europe/Moscow"
    hook_url: str | None = None
    maybe_sent_at: datetime | None = None
    """When an earlier attempt of this command began that may have had its effect unseen: a vendor's word of a
    repeat may then mean our own."""
    doubt_since: datetime | None = None
    """When the first attempt with this very key began that may have had its effect unseen: from then on a vendor may
    know the key, or show what was done."""
    vendor_time: Callable[[datetime], datetime] = _as_it_is
    """A time of ours as the vendor's clock shows it: what its own times are to be compared with. Another only where
    business time runs at another speed."""
    known: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    """Ids of objects that we found or made at this connection before, by what they were told by."""
    quiet: bool = False
    """What is written shall go by unnoticed, as far as its vendor lets it: no robot starts, nobody is sent a
    message."""
    memo: dict[str, Any] = field(default_factory=dict)
    """The connection's own memory within this process (an access token until it expires)."""
    tokens: TokenCache | None = None
    """The connection's memory that instances share, sealed: see TokenCache."""
    auth: Authorisation | None = None
    """Access by OAuth, where the connector has it (`Manifest.access`)."""

    @property
    def only_read(self) -> bool:
        """What is called now changes nothing, so that a failure of it leaves no doubt. Whoever looks before it writes
        says so, and takes it back before the write. A GET needs no saying."""
        return self.http.only_reads

    @only_read.setter
    def only_read(self, only: bool) -> None:
        self.http.only_reads = only

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is called within it changes nothing."""
        before, self.only_read = self.only_read, True
        try:
            yield
        finally:
            self.only_read = before

    @property
    def mark(self) -> str:
        """Our mark on what this command makes at its vendor: the same for all tries and generations of it."""
        return mark_of(self.key.partition(".")[0])

    @property
    def generation(self) -> int:
        """How often it was begun anew by an operator or a receipt, and once."""
        number = self.key.rpartition(".")[2]
        return int(number) if number.isdecimal() else 1

    @property
    def generation_mark(self) -> str:
        """Our mark on what is made anew by each generation: what an earlier one has made isn't this one's."""
        return self.mark if self.generation == 1 else f"{self.mark}-{self.generation}"

    async def keep(self, name: str, value: str, until: datetime) -> bool:
        """Keep what its vendor hands out once and asks for later (a visit's secret), sealed, until then; no story shows
        it from now on. False where the store didn't take it: what was done stays done."""
        self.http.hide(value)
        if self.tokens is None:
            self.memo[name] = value, until
            return True
        try:
            await self.tokens.put(name, value, until)
        except Unavailable:
            return False
        return True

    async def kept(self, name: str) -> str | None:
        """What was kept by that name, or None."""
        found: tuple[str, datetime] | None
        found = await self.tokens.get(name) if self.tokens is not None else self.memo.get(name)
        if found is None:
            return None
        self.http.hide(found[0])
        return found[0]

    async def token(
        self, name: str, fresh: Callable[[], Awaitable[tuple[str, datetime]]], refused: str | None = None
    ) -> str:
        """The access token of that name, one for all calls and all instances; no story shows it.

        It is asked for (`fresh`: token and end) by one caller at a time, when it is about to end or is the one that
        the vendor has just `refused`. `name` is to tell credentials and installations apart.
        """
        async with self.memo.setdefault("token.lock", asyncio.Lock()):
            kept = await self._kept(name, refused)
            held = self.memo[name] = kept or await self._signed_in(name, fresh)
            if kept is None and self.tokens is not None:
                await self.tokens.put(name, *held)
        self.http.hide(held[0])
        return held[0]

    async def _signed_in(self, name: str, fresh: Callable[[], Awaitable[tuple[str, datetime]]]) -> tuple[str, datetime]:
        """A fresh token. A refusal stands for a while: whoever else waits learns it from here, not from the vendor,
        which may lock an account for many failing sign-ins."""
        refusal: tuple[SourceUnavailable, float] | None = self.memo.get(f"{name}.refusal")
        if refusal is not None and refusal[1] > time.monotonic():
            raise refusal[0]
        try:
            with self.reading():
                token = await fresh()
        except MaybeSent as error:
            raise NoToken(str(error)) from error
        except SourceUnavailable as error:
            if isinstance(error.outcome, Unclear):  # of the sign-in: what the token is wanted for hasn't left
                error.outcome = in_doubt_of_nothing(error.outcome)
            wanted = getattr(error.outcome, "after", None) or 0.0
            self.memo[f"{name}.refusal"] = error, time.monotonic() + max(REFUSAL_STANDS, min(wanted, 3600.0))
            raise
        self.memo.pop(f"{name}.refusal", None)
        return token

    async def _kept(self, name: str, refused: str | None) -> tuple[str, datetime] | None:
        # Tokens live in the vendor's time, which `--speed` doesn't move.
        enough = datetime.now(UTC) + TOKEN_MARGIN
        held: tuple[str, datetime] | None = self.memo.get(name)
        if held is None or held[0] == refused or held[1] <= enough:
            held = await self.tokens.get(name) if self.tokens else None
        return None if held is None or held[0] == refused or held[1] <= enough else held


class TokenCache:
    """Access tokens, and others' secrets for a time, that several instances share; the default keeps none."""

    async def get(self, name: str) -> tuple[str, datetime] | None:
        """Token and its end, or None."""
        return None

    async def put(self, name: str, value: str, until: datetime) -> None:
        """Keep a token until its end."""
