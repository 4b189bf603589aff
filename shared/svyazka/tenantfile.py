"""Reads `tenants/<id>.yaml`: unknown keys and wrong values are errors with their line and a suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from svyazka.catalogue import N_, _, systems
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.flow import Flow
from svyazka.engine.delivering.admission import ENGINE_FLOWS
from svyazka.flows.registry import FLOWS, load_flow
from svyazka.model.complaints import in_words
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.in_step import Rules
from svyazka.model.lookalikes import in_latin, lookalike
from svyazka.model.records import RecordKind
from svyazka.model.roles import Role
from svyazka.model.tenants import (
    WRITTEN_NOW,
    Addressee,
    AlertSettings,
    ConnectionSpec,
    FlowSpec,
    Person,
    SecretRef,
    Tenant,
    valid_name,
)
from svyazka.yamlhelp import explain, odd_space

FLOW_KEYS = ("flow", "id", "from", "via")
MOST_NODES, DEEPEST = 10_000, 20
"""Of a file: what is larger or nested deeper was made by aliases of aliases."""

TENANT_KEYS = (
    "id", "name", "timezone", "alerts", "connections", "flows", "retention", "dedupe_window",
    "country", "sensitive", "personal_data", "people",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a file."""

    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        at = _("line {line}", line=self.line) + ": " if self.line else ""
        return f"{at}{self.where}: {self.message}" if self.where else f"{at}{self.message}"


class TenantFileError(ConfigError):
    """A tenant file with its mistakes, all of them at once."""

    def __init__(self, path: Path, mistakes: Sequence[Mistake]) -> None:
        self.path, self.mistakes = path, list(mistakes)
        super().__init__("\n".join(f"{path.name}: {mistake}" for mistake in mistakes))


class _Lines:
    """Where each key stands: (path of keys) -> line, from PyYAML's nodes."""

    def __init__(self, node: yaml.Node | None) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        self._nodes = 0
        self.twice: list[tuple[tuple[str, ...], int, int]] = []
        """Keys that stand twice, with both lines: YAML itself would keep the last and say nothing."""
        if node is not None:
            self._walk(node, ())

    def _walk(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        self._nodes += 1
        if len(path) > DEEPEST or self._nodes > MOST_NODES:
            # An alias within its own anchor, or aliases of aliases.
            raise yaml.MarkedYAMLError(problem="nested without end", problem_mark=node.start_mark)
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                inner = (*path, name)
                if name in seen:
                    self.twice.append((inner, line, seen[name]))
                seen[name] = self._lines[inner] = line
                self._walk(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, str(index)))

    def of(self, path: Sequence[object]) -> int | None:
        keys = tuple(str(part) for part in path)
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return self._lines.get(keys)


KIND_NAMES = {
    RecordKind.CONTACT: N_("people"), RecordKind.COMPANY: N_("companies"), RecordKind.DEAL: N_("deals"),
    RecordKind.VISIT: N_("visits"),
}  # fmt: skip


class _Reader:
    """One file being read."""

    def __init__(self, path: Path, content: Mapping[str, Any], lines: _Lines) -> None:
        self.path, self.content, self.lines = path, content, lines
        self.mistakes: list[Mistake] = []
        self._in_step: dict[tuple[RecordKind, str], str] = {}
        """Which flow keeps a connection's things of a kind in step."""

    def wrong(self, where: Sequence[object], message: str) -> None:
        dotted = ".".join(str(part) for part in where)
        self.mistakes.append(Mistake(self.lines.of(where), dotted, message))

    def unknown(self, where: Sequence[object], known: Sequence[str]) -> None:
        key = str(where[-1])
        self.wrong(where, _("unknown key; {hint}", hint=_hint(key, known)))

    def check(
        self,
        model: type[BaseModel],
        values: Mapping[str, Any],
        where: tuple[object, ...],
        unseen: Set[str] = frozenset(),
    ) -> BaseModel | None:
        """Validate `values`; pydantic's complaints become ours, with their lines. Of what is `unseen`, lying in a
        secret, only the name can be judged here."""
        try:
            return model.model_validate(values, extra="forbid", context={WRITTEN_NOW: True})
        except ValidationError as error:
            complaints = error.errors()
            inner = {complaint["loc"][:-1] for complaint in complaints}
            for complaint in complaints:
                if complaint["type"] == "too_short" and complaint["loc"] in inner:
                    continue  # what is in it is wrong, not how much
                if complaint["loc"] and complaint["loc"][0] in unseen and complaint["type"] != "extra_forbidden":
                    continue
                at = (*where, *(part for part in complaint["loc"] if part not in ("secret", "[key]")))
                if complaint["type"] == "extra_forbidden":
                    self.unknown(at, _keys_at(model, complaint["loc"]))
                elif complaint["type"] == "missing":
                    self.wrong(at, _("expected this setting, it is missing"))
                else:
                    self.wrong(at, in_words(complaint, model))
            return None

    # The parts of a file

    def tenant(self) -> Tenant | None:
        for path, line, first in self.lines.twice:
            message = _("stands twice, first in line {first}", first=first)
            self.mistakes.append(Mistake(line, ".".join(path), message))
        for key in self.content:
            if key not in TENANT_KEYS:
                self.unknown((key,), TENANT_KEYS)
        connections = dict(self._connections())
        flows = tuple(self._flows(connections))
        plain = {key: value for key, value in self.content.items() if key in TENANT_KEYS}
        for key in ("id", "name", "timezone"):
            if key not in plain:
                self.wrong((key,), _("expected this setting, it is missing"))
        alerts, people = self._alerts(connections), tuple(self._people(connections))
        built = {**plain, "alerts": alerts, "people": people, "connections": connections, "flows": flows}
        tenant = self.check(Tenant, built, ()) if {"id", "name", "timezone"} <= plain.keys() else None
        return tenant if isinstance(tenant, Tenant) and not self.mistakes else None

    def _alerts(self, connections: Mapping[str, ConnectionSpec]) -> AlertSettings:
        given = self.content.get("alerts") or {}
        read = self.check(AlertSettings, given, ("alerts",)) if isinstance(given, dict) else None
        if not isinstance(given, dict):
            self.wrong(("alerts",), _("expected names and values, such as {name: value}"))
        for index, addressee in enumerate(read.to if isinstance(read, AlertSettings) else ()):
            self._addressee(addressee, ("alerts", "to", index), connections)
        return read if isinstance(read, AlertSettings) else AlertSettings()

    def _people(self, connections: Mapping[str, ConnectionSpec]) -> Iterator[Person]:
        """Whoever comes into the console: each by a name of his own, and one of them its owner."""
        given = self.content.get("people") or []
        if not isinstance(given, list):
            self.wrong(("people",), _("expected a list, such as [a, b]"))
            return
        names: dict[str, int] = {}
        owners = 0
        for index, item in enumerate(given):
            where = ("people", index)
            if not isinstance(item, dict):
                self.wrong(where, _("expected names and values, such as {name: value}"))
            person = self.check(Person, item, where) if isinstance(item, dict) else None
            if not isinstance(person, Person):
                owners += 1  # nobody can say what this one was to be
                continue
            if person.name in names:
                self.wrong(
                    (*where, "name"),
                    _("{name} stands at people.{index} already", name=person.name, index=names[person.name]),
                )
            if person.of is not None and person.of == self.content.get("id"):
                self.wrong((*where, "of"), _("expected another tenant: this is this one's own file"))
            if person.addressee is not None:
                self._addressee(person.addressee, where, connections)
            names[person.name] = index
            owners += person.role is Role.OWNER
            yield person
        if given and not owners:
            self.wrong(
                ("people",),
                _("expected one with role: owner at least, or nobody could change this list at the console"),
            )

    def _addressee(
        self, addressee: Addressee, where: tuple[object, ...], connections: Mapping[str, ConnectionSpec]
    ) -> None:
        """Whoever is to be told of troubles must be somebody whom his connection reaches."""
        if not self._known(addressee.connection, (*where, "connection"), connections):
            return
        if not self._able(addressee.connection, ("SendMessage",), (*where, "connection"), connections):
            return
        manifest = load_manifest(connections[addressee.connection].vendor)
        chats = {manifest.reaches: addressee.chat} if addressee.chat and manifest.reaches else {}
        if manifest.address(Contact(phone=addressee.phone, email=addressee.email, chats=chats)) is None:
            kind = next(kind for kind in ("phone", "email", "chat") if getattr(addressee, kind) is not None)
            own = manifest.reaches if manifest.reaches in ("phone", "email") else "chat"
            message = (
                _("{vendor} can't reach this address", vendor=manifest.vendor)
                if kind == own
                else _("{vendor} can't reach this address: it sends to a {own}", vendor=manifest.vendor, own=own)
            )
            self.wrong((*where, kind), message)

    def _connections(self) -> Iterator[tuple[str, ConnectionSpec]]:
        given = self.content.get("connections") or {}
        if not isinstance(given, dict):
            self.wrong(("connections",), _("expected a name and settings for each connection"))
            return
        for name, settings in given.items():
            where = ("connections", name)
            if not isinstance(settings, dict) or "vendor" not in settings:
                self.wrong(where, _("expected settings with `vendor`, such as {vendor: iiko}"))
                continue
            vendor = settings["vendor"]
            if not isinstance(vendor, str) or vendor not in VENDORS:
                hint = _hint(str(vendor), VENDORS)
                self.wrong((*where, "vendor"), _("unknown vendor {vendor!r}; {hint}", vendor=vendor, hint=hint))
                continue
            own = {key: value for key, value in settings.items() if key != "vendor"}
            self._connection(vendor, own, where)
            yield str(name), ConnectionSpec(vendor=vendor, settings=own)

    def _connection(self, vendor: str, settings: Mapping[str, Any], where: tuple[str, ...]) -> None:
        manifest = load_manifest(vendor)
        checked: dict[str, Any] = {}
        unseen: set[str] = set()
        for key, value in settings.items():
            if isinstance(value, dict) and "secret" in value:
                if self.check(SecretRef, value, (*where, key)) is not None:
                    checked[key] = "•" * 8
                    unseen.add(key)
            elif key in manifest.credentials.secret:
                self.wrong(
                    (*where, key), _("expected {secret: NAME}: a credential never stands in this file (got a value)")
                )
            else:
                checked[key] = value
        self.check(manifest.settings, checked, where, unseen)

    def _flows(self, connections: Mapping[str, ConnectionSpec]) -> Iterator[FlowSpec]:
        given = self.content.get("flows") or []
        if not isinstance(given, list):
            self.wrong(("flows",), _("expected a list, such as [a, b]"))
            return
        seen: dict[str, int] = {}
        for index, item in enumerate(given):
            where = ("flows", index)
            if not isinstance(item, dict) or "flow" not in item:
                self.wrong(where, _("expected settings with `flow`, such as {flow: review_request, ...}"))
                continue
            if not isinstance(item["flow"], str) or item["flow"] not in FLOWS:
                hint = _hint(str(item["flow"]), FLOWS)
                self.wrong((*where, "flow"), _("unknown flow {flow!r}; {hint}", flow=item["flow"], hint=hint))
                continue
            flow_id = str(item.get("id", item["flow"]))
            if not self._is_flow_id(flow_id, (*where, "id")):
                continue
            if flow_id in seen:
                self.wrong(
                    (*where, "id"),
                    _(
                        "flow id {id!r} stands at flows.{index} already: give this one its own `id`",
                        id=flow_id,
                        index=seen[flow_id],
                    ),
                )
                continue
            seen[flow_id] = index
            spec = self._flow(item, flow_id, where, connections)
            if spec is not None:
                yield spec

    def _is_flow_id(self, flow_id: str, where: tuple[object, ...]) -> bool:
        try:
            valid_name(flow_id)
        except ValueError as error:
            self.wrong(where, str(error))
            return False
        if flow_id in ENGINE_FLOWS:
            message = _("{id!r} is taken by Svyazka's own messages: give this one another `id`", id=flow_id)
            self.wrong(where, message)
        return flow_id not in ENGINE_FLOWS

    def _flow(
        self,
        item: Mapping[str, Any],
        flow_id: str,
        where: tuple[object, ...],
        connections: Mapping[str, ConnectionSpec],
    ) -> FlowSpec | None:
        flow = load_flow(item["flow"])
        sources = self._names(item, "from", where, connections, flow.needs_sources)
        via = self._names(item, "via", where, connections, flow.needs_channels)
        able = [
            self._able(name, flow.carries, (*where, "via", index), connections)
            for index, name in enumerate(via) if name in connections
        ]  # fmt: skip
        if all(able) and len(able) == len(via) > 0:
            self._one_at_least(via, flow.carries[: 1 if flow.needs_first else None], (*where, "via"), connections)
        self._divides(item, via, where, connections)
        if flow.in_step:
            sources = self._between(item, flow, where, connections)
        settings = {key: value for key, value in item.items() if key not in FLOW_KEYS}
        self._no_dead_ends(via, settings, where, connections)
        card = settings.get("card")
        if card is not None and self._known(card, (*where, "card"), connections):
            self._able(str(card), ("PutRecord",), (*where, "card"), connections)
        paid_at = settings.get("paid_at")
        if paid_at is not None:
            self._known(paid_at, (*where, "paid_at"), connections)
        read = self.check(flow.settings_model(), settings, where)
        if read is None:
            return None
        if flow.in_step:
            self._alone(flow_id, flow.rules(read), where)
            self._kept(flow.rules(read), where, connections)
        return FlowSpec(id=flow_id, flow=item["flow"], sources=sources, via=via, settings=settings)

    def _between(
        self, item: Mapping[str, Any], flow: Flow[Any], where: tuple[object, ...],
        connections: Mapping[str, ConnectionSpec],
    ) -> tuple[str, ...]:  # fmt: skip
        """The connections that are kept in step: each keeps what it is about, and each is a source."""
        for key in ("from", "via"):
            if key in item:
                self.wrong((*where, key), _("a flow that keeps systems in step has `between` in place of it"))
        names = self._names(item, "between", where, connections, True)
        for index, name in enumerate(names):
            if name in connections:
                self._able(name, flow.carries, (*where, "between", index), connections)
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
                self.wrong((*where, "between"), message)
                return

    def _kept(
        self, rules: Rules, where: tuple[object, ...], connections: Mapping[str, ConnectionSpec]
    ) -> None:  # fmt: skip
        """Each system has what is kept in step, or what it is shown as there."""
        for index, name in enumerate(rules.between):
            kind, spec = rules.shows_as.get(name, rules.kind), connections.get(name)
            if spec is not None and not load_manifest(spec.vendor).keeps(kind, spec.settings):
                message = _("{vendor} has no {kind} to be kept in step", vendor=spec.vendor, kind=_(KIND_NAMES[kind]))
                self.wrong((*where, "between", index), message)
            elif spec is not None and name in rules.create:
                self._finds(name, spec, kind, (*where, "create"))

    def _finds(self, name: str, spec: ConnectionSpec, kind: RecordKind, where: tuple[object, ...]) -> None:
        """Where something is to be made it can be looked for before."""
        records = load_manifest(spec.vendor).records_under(spec.settings)
        why = records.not_searched(kind) if records is not None and kind in records.kinds else None
        if why is not None:
            message = _(
                "{name!r} can't be asked whom it has, so that one person would be made there twice: {why}, "
                "or take {name} out of create",
                name=name, why=why,
            )  # fmt: skip
            self.wrong(where, message)

    def _no_dead_ends(
        self, via: Sequence[str], settings: Mapping[str, Any], where: tuple[object, ...],
        connections: Mapping[str, ConnectionSpec],
    ) -> None:  # fmt: skip
        """A channel whose word proves little is no flow's last, and the next one has a time to try at."""
        known = [connections[name].vendor if name in connections else None for name in via]
        for index, vendor in enumerate(known):
            if vendor is None or not load_manifest(vendor).needs_receipt:
                continue
            if index == len(via) - 1:
                what = _(
                    "what {vendor} takes may never arrive: name another connection after {last}",
                    vendor=vendor,
                    last=via[index],
                )
                self.wrong((*where, "via", index), what)
            elif "fallback_after" not in settings:
                what = _(
                    "expected a duration such as 30m: without {vendor}'s receipt by then {next} tries",
                    vendor=vendor,
                    next=via[index + 1],
                )
                self.wrong((*where, "fallback_after"), what)

    def _names(
        self, item: Mapping[str, Any], key: str, where: tuple[object, ...], connections: Mapping[str, ConnectionSpec],
        needed: bool,
    ) -> tuple[str, ...]:  # fmt: skip
        names = item.get(key, [])
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or (needed and not names):
            self.wrong((*where, key), _("expected a list of this tenant's connections"))
            return ()
        for index, name in enumerate(names):
            self._known(name, (*where, key, index), connections)
            if name in names[:index]:
                self.wrong((*where, key, index), _("{name!r} stands here twice", name=name))
        return tuple(str(name) for name in names)

    def _known(self, name: object, where: tuple[object, ...], connections: Mapping[str, ConnectionSpec]) -> bool:
        """Whether it can be used. One that stands in the file with a mistake of its own isn't missing besides."""
        there = self.content.get("connections")
        written = [str(each) for each in there] if isinstance(there, dict) else []
        if str(name) not in written:
            listed = (
                _("connections are {names}", names=", ".join(written)) if written else _("the file names none at all")
            )
            hint = _hint(str(name), written, listed)
            self.wrong(where, _("no connection {name!r}; {hint}", name=name, hint=hint))
        return str(name) in connections

    def _divides(
        self, item: Mapping[str, Any], via: Sequence[str], where: tuple[object, ...],
        connections: Mapping[str, ConnectionSpec],
    ) -> None:  # fmt: skip
        """Whoever can't divide money among sellers would be found out by the first payer."""
        sellers = item.get("sellers")
        for seller, told in sellers.items() if isinstance(sellers, dict) else ():
            accounts = told.get("accounts") if isinstance(told, dict) else None
            for name in accounts if isinstance(accounts, dict) else ():
                spec = connections.get(name)
                payments = load_manifest(spec.vendor).payments if spec is not None else None
                here = (*where, "sellers", seller, "accounts", name)
                if name not in via:
                    self.wrong(here, _("expected one of `via`"))
                elif payments is None or Can.SPLIT not in payments.can:
                    vendor = spec.vendor if spec is not None else name
                    self.wrong(here, _("{vendor} divides no payment among sellers", vendor=vendor))

    def _able(
        self, name: str, commands: Sequence[str], where: tuple[object, ...], connections: Mapping[str, ConnectionSpec]
    ) -> bool:
        """A connection that can't do what is asked of it would be found out by the first event, months later."""
        able = _carrying(connections, *commands)
        if name not in able:
            vendor = connections[name].vendor
            what = (
                _("{vendor} carries no messages", vendor=vendor)
                if commands == ("SendMessage",)
                else _("{vendor} doesn't know {command}", vendor=vendor, command=" / ".join(commands))
            )
            does = _("connections that do: {names}", names=", ".join(able)) if able else _("no connection here does")
            self.wrong(where, f"{what}; {does}")
        return name in able

    def _one_at_least(
        self, via: Sequence[str], commands: Sequence[str], where: tuple[object, ...],
        connections: Mapping[str, ConnectionSpec],
    ) -> None:  # fmt: skip
        """What the flow is for must be somebody's to do."""
        able = _carrying(connections, *commands)
        if not set(via) & set(able):
            does = _("connections that do: {names}", names=", ".join(able)) if able else _("no connection here does")
            what = _("none of these knows {command}", command=" / ".join(commands))
            self.wrong(where, f"{what}; {does}")


def _carrying(connections: Mapping[str, ConnectionSpec], *commands: str) -> list[str]:
    """Connections that carry out one of these commands."""
    manifests = {name: load_manifest(spec.vendor) for name, spec in connections.items()}
    return [name for name, manifest in manifests.items() if any(map(manifest.carries, commands))]


def read_tenant_file(path: Path) -> Tenant:
    """The tenant that a file describes. Raises TenantFileError with every mistake, or ConfigError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(_("{path}: expected a tenant file; {why}", path=path, why=systems(error))) from None
    except UnicodeDecodeError:
        raise ConfigError(_("{file}: expected UTF-8 text (save the file as UTF-8)", file=path.name)) from None
    return read_tenant_text(text, path.name)


def read_tenant_text(text: str, name: str) -> Tenant:
    """The tenant that a text describes; `name` is what its mistakes call it. Raises TenantFileError."""
    path = Path(name)
    odd = odd_space(text)
    if odd is not None:
        raise TenantFileError(path, [Mistake(odd.line, "", odd.message)])
    try:
        lines = _Lines(yaml.compose(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text)
    except RecursionError:
        raise TenantFileError(path, [Mistake(None, "", _("not YAML: {why}", why=_("nested without end")))]) from None
    except yaml.YAMLError as error:
        explained = explain(text, error)
        message = _("not YAML: {why}", why=explained.message)
        raise TenantFileError(path, [Mistake(explained.line, "", message)]) from None
    if not isinstance(content, dict):
        raise TenantFileError(path, [Mistake(1, "", _("expected id, name, timezone, connections and flows"))])
    reader = _Reader(path, content, lines)
    tenant = reader.tenant()
    if tenant is None or reader.mistakes:
        raise TenantFileError(path, reader.mistakes)
    return tenant


def _hint(written: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """What was meant, if something known is near; a letter of another alphabet is named, for nobody sees it."""
    names = sorted(known)
    close = difflib.get_close_matches(in_latin(written), [in_latin(name) for name in names], n=1)
    meant = next((name for name in names if close and in_latin(name) == close[0]), None)
    listed = otherwise or _("expected one of {names}", names=", ".join(names))
    hint = _("did you mean {meant!r}?", meant=meant) if meant else listed
    alike = lookalike(written) or (lookalike(meant) if meant else None)
    return f"{hint} ({alike})" if alike else hint


def _keys_at(model: type[BaseModel], path: Sequence[object]) -> list[str]:
    """The keys that are known where `path`, within a model and the models in it, leads to one that isn't."""
    for part in path[:-1]:
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation speaks of, in whatever it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
