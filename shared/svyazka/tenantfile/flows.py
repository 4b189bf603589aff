"""A tenant file's flows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from svyazka.catalogue import N_, _
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.flow import Flow
from svyazka.engine.delivering.admission import ENGINE_FLOWS
from svyazka.flows.registry import FLOWS, load_flow
from svyazka.model.in_step import Rules
from svyazka.model.records import RecordKind
from svyazka.model.tenants import FlowSpec, valid_name
from svyazka.tenantfile.connections import Connections
from svyazka.tenantfile.mistakes import Mistakes, hint

FLOW_KEYS = ("flow", "id", "from", "via")

KIND_NAMES = {
    RecordKind.CONTACT: N_("people"), RecordKind.COMPANY: N_("companies"), RecordKind.DEAL: N_("deals"),
    RecordKind.VISIT: N_("visits"),
}  # fmt: skip


class Flows:
    """Those of one file."""

    def __init__(self, connections: Connections, mistakes: Mistakes) -> None:
        self._connections, self._mistakes = connections, mistakes
        self._in_step: dict[tuple[RecordKind, str], str] = {}
        """Which flow keeps a connection's things of a kind in step."""

    def read(self, given: object) -> tuple[FlowSpec, ...]:
        """Those that can be used; what is wrong with the others is noted."""
        return tuple(self._read(given or []))

    def _read(self, given: object) -> Iterator[FlowSpec]:
        if not isinstance(given, list):
            self._mistakes.wrong(("flows",), _("expected a list, such as [a, b]"))
            return
        seen: dict[str, int] = {}
        for index, item in enumerate(given):
            where = ("flows", index)
            if not isinstance(item, dict) or "flow" not in item:
                self._mistakes.wrong(where, _("expected settings with `flow`, such as {flow: review_request, ...}"))
                continue
            if not isinstance(item["flow"], str) or item["flow"] not in FLOWS:
                meant = hint(str(item["flow"]), FLOWS)
                self._mistakes.wrong(
                    (*where, "flow"), _("unknown flow {flow!r}; {hint}", flow=item["flow"], hint=meant)
                )
                continue
            flow_id = str(item.get("id", item["flow"]))
            if not self._is_flow_id(flow_id, (*where, "id")):
                continue
            if flow_id in seen:
                self._mistakes.wrong(
                    (*where, "id"),
                    _(
                        "flow id {id!r} stands at flows.{index} already: give this one its own `id`",
                        id=flow_id,
                        index=seen[flow_id],
                    ),
                )
                continue
            seen[flow_id] = index
            spec = self._flow(item, flow_id, where)
            if spec is not None:
                yield spec

    def _is_flow_id(self, flow_id: str, where: tuple[object, ...]) -> bool:
        try:
            valid_name(flow_id)
        except ValueError as error:
            self._mistakes.wrong(where, str(error))
            return False
        if flow_id in ENGINE_FLOWS:
            message = _("{id!r} is taken by Svyazka's own messages: give this one another `id`", id=flow_id)
            self._mistakes.wrong(where, message)
        return flow_id not in ENGINE_FLOWS

    def _flow(self, item: Mapping[str, Any], flow_id: str, where: tuple[object, ...]) -> FlowSpec | None:
        connections = self._connections
        flow = load_flow(item["flow"])
        sources = connections.named(item, "from", where, flow.needs_sources)
        via = connections.named(item, "via", where, flow.needs_channels)
        able = [
            connections.able(name, flow.carries, (*where, "via", index))
            for index, name in enumerate(via) if name in connections.specs
        ]  # fmt: skip
        if all(able) and len(able) == len(via) > 0:
            connections.one_at_least(via, flow.carries[: 1 if flow.needs_first else None], (*where, "via"))
        self._divides(item, via, where)
        if flow.in_step:
            sources = self._between(item, flow, where)
        settings = {key: value for key, value in item.items() if key not in FLOW_KEYS}
        self._no_dead_ends(via, settings, where)
        card = settings.get("card")
        if card is not None and connections.known(card, (*where, "card")):
            connections.able(str(card), ("PutRecord",), (*where, "card"))
        paid_at = settings.get("paid_at")
        if paid_at is not None:
            connections.known(paid_at, (*where, "paid_at"))
        read = self._mistakes.check(flow.settings_model(), settings, where)
        if read is None:
            return None
        if flow.in_step:
            self._alone(flow_id, flow.rules(read), where)
            self._kept(flow.rules(read), where)
        return FlowSpec(id=flow_id, flow=item["flow"], sources=sources, via=via, settings=settings)

    def _between(self, item: Mapping[str, Any], flow: Flow[Any], where: tuple[object, ...]) -> tuple[str, ...]:
        """The connections that are kept in step: each keeps what it is about, and each is a source."""
        for key in ("from", "via"):
            if key in item:
                self._mistakes.wrong((*where, key), _("a flow that keeps systems in step has `between` in place of it"))
        names = self._connections.named(item, "between", where, True)
        for index, name in enumerate(names):
            if name in self._connections.specs:
                self._connections.able(name, flow.carries, (*where, "between", index))
        return names

    def _alone(self, flow_id: str, rules: Rules, where: tuple[object, ...]) -> None:
        """Of two flows that keep one system's people in step each would undo what the other does."""
        for name in rules.between:
            other = self._in_step.setdefault((rules.kind, name), flow_id)
            if other != flow_id:
                message = _(
                    "{name!r} is kept in step by the flow {other!r} already: make one flow with three sides, "
                    "between: [a, b, c]",
                    name=name, other=other,
                )  # fmt: skip
                self._mistakes.wrong((*where, "between"), message)
                return

    def _kept(self, rules: Rules, where: tuple[object, ...]) -> None:
        """Each system has what is kept in step, or what it is shown as there."""
        for index, name in enumerate(rules.between):
            kind, spec = rules.shows_as.get(name, rules.kind), self._connections.specs.get(name)
            if spec is not None and not self._connections.manifest(name).keeps(kind, spec.settings):
                message = _("{vendor} has no {kind} to be kept in step", vendor=spec.vendor, kind=_(KIND_NAMES[kind]))
                self._mistakes.wrong((*where, "between", index), message)
            elif spec is not None and name in rules.create:
                self._finds(name, kind, (*where, "create"))

    def _finds(self, name: str, kind: RecordKind, where: tuple[object, ...]) -> None:
        """Where something is to be made it can be looked for before."""
        records = self._connections.manifest(name).records_under(self._connections.specs[name].settings)
        why = records.not_searched(kind) if records is not None and kind in records.kinds else None
        if why is not None:
            message = _(
                "{name!r} can't be asked whom it has, so that one person would be made there twice: {why}, "
                "or take {name} out of create",
                name=name, why=why,
            )  # fmt: skip
            self._mistakes.wrong(where, message)

    def _no_dead_ends(self, via: Sequence[str], settings: Mapping[str, Any], where: tuple[object, ...]) -> None:
        """A channel whose word proves little is no flow's last, and the next one has a time to try at."""
        specs = self._connections.specs
        known = [specs[name].vendor if name in specs else None for name in via]
        for index, vendor in enumerate(known):
            if vendor is None or not self._connections.manifest(via[index]).needs_receipt:
                continue
            if index == len(via) - 1:
                what = _(
                    "what {vendor} takes may never arrive: name another connection after {last}",
                    vendor=vendor,
                    last=via[index],
                )
                self._mistakes.wrong((*where, "via", index), what)
            elif "fallback_after" not in settings:
                what = _(
                    "expected a duration such as 30m: without {vendor}'s receipt by then {next} tries",
                    vendor=vendor,
                    next=via[index + 1],
                )
                self._mistakes.wrong((*where, "fallback_after"), what)

    def _divides(self, item: Mapping[str, Any], via: Sequence[str], where: tuple[object, ...]) -> None:
        """Whoever can't divide money among sellers would be found out by the first payer."""
        sellers = item.get("sellers")
        for seller, told in sellers.items() if isinstance(sellers, dict) else ():
            accounts = told.get("accounts") if isinstance(told, dict) else None
            for name in accounts if isinstance(accounts, dict) else ():
                spec = self._connections.specs.get(name)
                payments = self._connections.manifest(name).payments if spec is not None else None
                here = (*where, "sellers", seller, "accounts", name)
                if name not in via:
                    self._mistakes.wrong(here, _("expected one of `via`"))
                elif payments is None or Can.SPLIT not in payments.can:
                    vendor = spec.vendor if spec is not None else name
                    self._mistakes.wrong(here, _("{vendor} divides no payment among sellers", vendor=vendor))
