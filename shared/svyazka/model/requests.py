"""What somebody asks for at the console. The console has no hand of its own: the worker looks at each request again,
carries it out and answers it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from svyazka.model.base import Stored, Time
from svyazka.model.deliveries import AuditLine
from svyazka.model.roles import Role as Role


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
    ANSWER_ALL = "answer_all"
    """Say one thing to all doubts of a kind."""
    UNMERGE = "unmerge"
    """Take a card from a record: it is somebody else's."""
    REVIVE = "revive"
    """Let a card be made anew where it was deleted."""
    LET_GO = "let_go"
    """Say what becomes of very many changes at once that wait for a word."""
    SUPPORT_LINK = "support_link"
    """Make a link by which whoever helps may look, for some days."""
    SHOW_CARDS = "show_cards"
    """Read the cards of a record, to be seen side by side."""
    END_SIGN_IN = "end_sign_in"
    """Put somebody's browser out."""
    REFUND = "refund"
    """Give money of a payment back."""
    NOTE_PAID = "note_paid"
    """Say that an order was paid past its provider: in cash, by a bank transfer."""
    ASK_PROVIDER = "ask_provider"
    """Have a payment's providers asked now how it stands."""
    SUBSCRIPTION = "subscription"
    """Say what becomes of a subscription: charged now, not for this period, no more at all."""
    RECEIPT = "receipt"
    """Say what becomes of a fiscal receipt: again, registered otherwise, or that an advance is settled."""
    SEEN_TO = "seen_to"
    """Say that what is odd about a payment was seen to."""


OWNERS = frozenset(
    {
        Wish.SET_SECRET,
        Wish.AUTHORISE,
        Wish.TAKE_CODE,
        Wish.PLAN_FILE,
        Wish.APPLY_FILE,
        Wish.SYNC_START,
        Wish.SYNC_STOP,
        Wish.END_SIGN_IN,
        Wish.SUPPORT_LINK,
    }
)

NEEDED: Mapping[Wish, Role] = {wish: Role.OWNER if wish in OWNERS else Role.OPERATOR for wish in Wish}
"""The least role for each."""


VAULT_LOCK = "vault.lock"
"""The `meta` document to whose lock is sealed what the worker alone may read (`engine/security/sealing.py`)."""


class SignedIn(Stored):
    """Somebody who has come in, until it expires; `id` is the hash of what his browser holds.

    By a link he has the role that the link was made for; a link for support is itself what the browser holds. By a code
    or by Google he is a person of a tenant's file, and what he may do stands there, looked at anew each time
    (`engine/rules/access.py`).
    """

    id: str
    who: str
    way: Literal["link", "support", "code", "google"] = "link"
    role: Role = Role.LOOKER
    """By a link."""
    tenant: str | None = None
    """By a link: for which; None: for all of them. By a code: in whose file the person stands, called `who` there."""
    proof: str | None = None
    """Keyed hash of the address at which the code was read, or of the Google account."""
    began_at: Time
    seen_at: Time | None = None
    """Some minutes old at most."""
    expire_at: Time


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
        whole = self.about == self.tenant or self.about.startswith(("dlv_", "job_", "rec_", "pay_", "sub_", "rct_"))
        return AuditLine(
            id=f"aud_{self.id}", at=now, who=self.who, action=self.wish.value,
            target=self.about if whole else f"{self.tenant}/{self.about}", tenant=self.tenant,
            detail={"by": "console", "request": self.id, **self.arguments},
            came="refused" if self.state == "refused" else "done",
        )  # fmt: skip
