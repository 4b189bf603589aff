"""What a flow is: settings, `needs` and `plan`, all pure. A flow knows no vendor, only capabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from svyazka.model.base import Frozen
from svyazka.model.bookings import Visit
from svyazka.model.commands import Command, Plan, Safety, Step
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType, Fact
from svyazka.model.giving_back import GiveBack
from svyazka.model.in_step import Rules
from svyazka.model.money import Money
from svyazka.model.questions import Question, Told
from svyazka.model.records import RecordKind
from svyazka.model.shares import Dividing
from svyazka.model.subscriptions import Dunning


@dataclass(frozen=True, slots=True)
class Channel:
    """One connection that a flow may act through, by what it can do."""

    connection: str
    vendor: str
    reaches: str | None
    """For a messenger: `phone`, `email` or a chat's vendor."""
    address: Callable[[Contact], str | None]
    """The address of a contact that this channel can use, normalised; pure."""
    carries: Callable[[str], bool]
    """Whether it has the capability for commands of that kind."""
    safety: Callable[[Command], Safety]
    timezone: str = "Europe/Moscow"
    """Of the place whose clock its vendor shows."""
    needs_receipt: bool = False
    """What it takes often never arrives: see `Messenger.needs_receipt`."""
    shows_buttons: bool = False
    """See `Messenger.shows_buttons`."""
    moves_visits: bool = True
    """See `Calendar.moves`."""

    def step(self, flow: str, command: Command, what: str | None = None) -> Step:
        """The command through this channel, named so that its identity never depends on an order; `what` tells several
        through one channel apart."""
        name = "/".join(filter(None, (flow, self.connection, what)))
        return Step.through(
            name, self.connection, self.vendor, command, self.safety(command), needs_receipt=self.needs_receipt
        )


@dataclass(frozen=True, slots=True)
class Needs:
    """What a flow has to know before it decides. The engine fetches it, once for all flows of an event, as `Facts`."""

    reread: bool = False
    """The event's object as its vendor shows it now: a webhook's body is a hint."""
    cards: frozenset[str] = frozenset()
    """CRMs (by connection) whose card of the person is to be read. It is had soon, or not at all."""
    ask: Question | None = None
    """A question for the calendar among the flow's own channels, for a person who waits; asked for each flow."""
    visits: bool = False
    """Visits to come that the event's person has booked from the same chat, in that calendar."""

    def __or__(self, other: Needs) -> Needs:
        """What two flows need together; what is asked of a calendar is each one's own."""
        return Needs(reread=self.reread or other.reread, cards=self.cards | other.cards)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine fetched of what flows need."""

    fresh: Fact | None = None
    """The event's object as its vendor shows it now, where it could be asked."""
    gone: bool = False
    """It was asked for and is there no more."""
    cards: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By connection: what the person's card shows there, by canonical name. Whoever couldn't be asked shows nothing."""
    answer: tuple[Told, ...] | None = None
    """What the calendar answered; None where nothing was asked, or there was no answer in time."""
    visits: tuple[Visit, ...] | None = None
    """The person's own, the next first; None as with `answer`."""


@dataclass(frozen=True, slots=True)
class FlowContext:
    """Surroundings of a flow that are not the event's: whose it is and what it may act through."""

    tenant: str
    tenant_name: str
    timezone: str
    flow: str
    channels: Sequence[Channel]
    source_timezone: str = "Europe/Moscow"
    """Of the place whose clock the event's source shows."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a flow wants done, or why nothing."""

    plans: Sequence[Plan] = field(default_factory=tuple)
    reason: str | None = None
    back: GiveBack | None = None
    """Money that is to go back."""


class FlowSettings(Frozen):
    """Base of every flow's settings: what stands in the tenant file beside `flow`, `id`, `from` and `via`."""


SettingsT = TypeVar("SettingsT", bound=FlowSettings)


class Flow(Generic[SettingsT]):
    """One rule. Stateless; `plan` has no I/O, no clock and no chance: the time is `event.received_at`."""

    name: ClassVar[str]
    needs_sources: ClassVar[bool] = True
    needs_channels: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("SendMessage",)
    """Kinds of commands: each of its channels must support one of them, and one channel at least the first."""
    needs_first: ClassVar[bool] = True
    """False: any of them will do."""

    in_step: ClassVar[bool] = False
    """Its sources are kept in step with one another: the engine does that by its `rules`, and `plan` isn't asked."""

    kept: ClassVar[RecordKind] = RecordKind.CONTACT
    """Of a flow that is `in_step`: what its things are, where `init` begins it."""
    visits_as_deals: ClassVar[bool] = False
    """Of a flow that is `in_step`: one of its sides is a calendar, and `as` names those in which a visit is a deal."""
    acts_on_gone: ClassVar[bool] = False
    """Also where the event's object isn't at its source any more: that is what it waits for."""
    of_payments: ClassVar[bool] = False
    """It works through providers of payments, or on what they tell, and on nothing else."""

    suggested: ClassVar[Mapping[str, str]] = {}
    """Setting -> what `svyazka init` proposes for it, as one writes it in the tenant file."""

    def gives_back(self, settings: SettingsT) -> Money | None:
        """What its sources may ask to be given back in a day, in all. None: it takes no payments."""
        return None

    def operator_gives_back(self, settings: SettingsT) -> Money | None:
        """What an operator of the console may give back of its payments in a day. None: it takes no payments."""
        return None

    def charges(self, settings: SettingsT) -> Dunning | None:
        """How subscriptions are charged that began by it. None: it charges nobody."""
        return None

    def sellers(self, settings: SettingsT) -> Mapping[str, Dividing]:
        """Among whom its payments are divided, by their names; nobody where they are the business's own."""
        return {}

    def settings_model(self) -> type[SettingsT]:
        """The pydantic model of its settings."""
        raise NotImplementedError

    def wants(self, settings: SettingsT) -> frozenset[EventType]:
        """On which events it acts."""
        raise NotImplementedError

    def needs(self, event: Event, settings: SettingsT) -> Needs:
        """What must be fetched before deciding."""
        return Needs()

    def plan(self, event: Event, facts: Facts, settings: SettingsT, context: FlowContext) -> Decision:
        """Commands with their guards, or the reason for none."""
        raise NotImplementedError

    def rules(self, settings: SettingsT) -> Rules:
        """For a flow that is `in_step`: how."""
        raise NotImplementedError

    def titled(self, settings: SettingsT, values: Mapping[str, str]) -> str:
        """For a flow of visits: how a deal is called, of what its visit shows."""
        raise NotImplementedError
