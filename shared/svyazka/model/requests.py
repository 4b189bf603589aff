"""What somebody asks for at the console. The console has no hand of its own: the worker looks at each request again,
carries it out and answers it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from svyazka.model.base import Stored, Time
from svyazka.model.deliveries import AuditLine


class Role(StrEnum):
    """What somebody may do: each may also do what those before it may."""

    LOOKER = "looker"
    OPERATOR = "operator"
    OWNER = "owner"

    def covers(self, needed: Role) -> bool:
        """Whether this role is enough for what needs another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Wish(StrEnum):
    """What can be asked for."""

    RETRY = "retry"
    """Try a connection in trouble now."""
    REPLAY = "replay"
    """Do a final delivery anew."""
    RESOLVE = "resolve"
    """Say what became of a delivery of which nobody knows."""
    PAUSE = "pause"
    RESUME = "resume"
    RELEASE = "release"
    """Let go on what a connection holds back for a person to decide."""
    DISCARD = "discard"
    """End what a connection holds back."""
    REPLAY_ALL = "replay_all"
    """Do all final deliveries of a filter anew: a job."""
    PAUSE_JOB = "pause_job"
    RESUME_JOB = "resume_job"
    CANCEL_JOB = "cancel_job"
    SET_SECRET = "set_secret"
    """Keep what was typed as the secret of that name."""
    AUTHORISE = "authorise"
    """Make the link at which an account's owner gives us access."""
    TAKE_CODE = "take_code"
    """Take the address, or the code, that agreeing led to."""
    PLAN_FILE = "plan_file"
    """Say what a business's settings, as they were typed, would change."""
    APPLY_FILE = "apply_file"
    """Make them so, if nobody changed them meanwhile."""
    TRY_OUT = "try_out"
    """Say what a sample event of a connection would bring about."""
    SYNC_START = "sync_start"
    """Systems in step: write from now on, where a flow only watched."""
    SYNC_STOP = "sync_stop"
    ANSWER_DOUBT = "answer_doubt"
    """Say what a doubt asks."""
    LET_GO = "let_go"
    """Say what becomes of very many changes at once that wait for a word."""
    SHOW_CARDS = "show_cards"
    """Read the cards of a record, to be seen side by side."""


OWNERS = frozenset(
    {Wish.SET_SECRET, Wish.AUTHORISE, Wish.TAKE_CODE, Wish.PLAN_FILE, Wish.APPLY_FILE, Wish.SYNC_START, Wish.SYNC_STOP}
)

NEEDED: Mapping[Wish, Role] = {wish: Role.OWNER if wish in OWNERS else Role.OPERATOR for wish in Wish}
"""The least role for each."""


VAULT_LOCK = "vault.lock"
"""The `meta` document to whose lock is sealed what the worker alone may read (`engine/security/sealing.py`)."""


class SignedIn(Stored):
    """Somebody who has come in, until it expires; `id` is the hash of what his browser holds."""

    id: str
    who: str
    role: Role
    tenant: str | None = None
    """None: all of them."""
    began_at: Time
    expire_at: Time

    def may(self, tenant: str, needed: Role) -> bool:
        """Whether this role is given for this tenant, and is enough."""
        return self.tenant in (None, tenant) and self.role.covers(needed)


class Request(Stored):
    """One wish. Its id comes from its form, so that a form that is sent twice is one wish."""

    id: str
    session: str
    who: str
    tenant: str
    wish: Wish
    about: str
    """A connection or flow by name, or a delivery's id; the tenant's id for the whole of it."""
    arguments: dict[str, str] = {}
    sealed: str | None = None
    """What was typed for the worker alone, sealed to the vault's lock; gone when it is answered."""
    lock: str | None = None
    """That of the session which asked (`engine/security/sealing.py`): to it is sealed what it is to see."""
    asked_at: Time
    state: Literal["asked", "done", "refused"] = "asked"
    answer: str = ""
    link: str = ""
    """A vendor's page where somebody goes on."""
    leads: str = ""
    """A page of the console's where it goes on."""
    shown: str | None = None
    """What only the session that asked can open."""
    answered_at: Time | None = None
    wake_at: Time | None = None
    wake_step: int = 0
    expire_at: Time

    @property
    def context(self) -> str:
        """What is sealed for this request opens for no other."""
        return f"request {self.id} {self.tenant} {self.wish.value} {self.about}"

    def answered(
        self, state: str, answer: str, now: datetime, link: str = "", leads: str = "", shown: str | None = None
    ) -> Request:
        """With its end; what was sealed is needed no more."""
        return self.model_copy(
            update={
                "state": state, "answer": answer, "link": link, "leads": leads, "answered_at": now, "sealed": None,
                "shown": shown, "wake_at": None, "wake_step": 0,
            }
        )  # fmt: skip

    def audit_line(self, now: datetime) -> AuditLine:
        """As the command line leaves it; of what was typed it says nothing."""
        whole = self.about == self.tenant or self.about.startswith(("dlv_", "job_", "rec_"))
        return AuditLine(
            id=f"aud_{self.id}", at=now, who=self.who, action=self.wish.value,
            target=self.about if whole else f"{self.tenant}/{self.about}", tenant=self.tenant,
            detail={"by": "console", "request": self.id, **self.arguments},
        )  # fmt: skip
