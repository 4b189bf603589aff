"""What `init` asks: which flows, sources and channels, and what each of them needs to be told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import typer
from pydantic import BaseModel

from svyazka.catalogue import _, told
from svyazka.cli.interview import Interview, names_among, one_line_settings, setting_check, settings_by_name
from svyazka.cli.output import note
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.flow import Flow
from svyazka.engine.contracts.manifest import Credentials, Manifest
from svyazka.flows.registry import DOES, FLOWS, load_flow
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.records import RecordKind

FIRST_FLOW = "review_request"


@dataclass
class Draft:
    """A tenant file to be, and what must not stand in it."""

    id: str
    content: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    """Values by name."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`--flow`, `--from`, `--via` and `--alert-to`, None where nothing was said."""

    flows: str | None
    sources: str | None
    channels: str | None
    alert_to: str | None


def fill(draft: Draft, talk: Interview, choice: Choice) -> None:
    """Ask for all of it. Raises BadParameter."""
    if choice.flows is None and not talk.silent:
        for flow in sorted(FLOWS):
            note(f"  {flow}: {told(DOES[flow])}", None)
    wanted = named(
        talk.value(
            _("What is to be done ({names})", names=', '.join(sorted(FLOWS))), names_among(FLOWS), option="--flow",
            given=choice.flows, default=FIRST_FLOW,
        )
    )  # fmt: skip
    flows = {id_: load_flow(flow) for id_, flow in wanted.items()}
    sources = _sources(talk, choice.sources) if any(flow.needs_sources for flow in flows.values()) else {}
    carried = {command for flow in flows.values() if flow.needs_channels for command in flow.carries}
    in_step = any(flow.in_step for flow in flows.values())
    channels = _channels(talk, choice.channels, carried, in_step) if carried or in_step else {}
    connections = dict(sources)
    for name, vendor in channels.items():
        if connections.setdefault(name, vendor) != vendor:
            raise typer.BadParameter(
                _(
                    "{name} is {one} and {vendor}: NAME=VENDOR tells them apart",
                    name=name,
                    one=connections[name],
                    vendor=vendor,
                )
            )
    draft.content["connections"] = {
        name: _connection(talk, name, vendor, draft.secrets) for name, vendor in connections.items()
    }
    alerts = _alerts(talk, channels, choice.alert_to)
    if alerts:
        draft.content["alerts"] = alerts
    draft.content["flows"] = [_flow(talk, id_, flow, sources, channels) for id_, flow in flows.items()]


def named(choices: Iterable[str]) -> dict[str, str]:
    """`["till=iiko", "smsru"]` -> `{"till": "iiko", "smsru": "smsru"}`."""
    pairs = (choice.rpartition("=") for choice in choices)
    return {name or what: what for name, _, what in pairs}


def _sources(talk: Interview, given: str | None) -> dict[str, str]:
    manifests = {vendor: load_manifest(vendor) for vendor in VENDORS}
    systems = [
        vendor for vendor, one in manifests.items()
        if not one.carries("SendMessage") and (one.tells is None or one.tells)
    ]  # fmt: skip
    question = _("Systems that tell of it ({systems})", systems=", ".join(systems))
    return named(talk.value(question, names_among(VENDORS), option="--from", given=given))


def _channels(talk: Interview, given: str | None, carried: Iterable[str], in_step: bool) -> dict[str, str]:
    """Those whose credentials the environment holds are proposed, phones first: sources know them more often."""
    every = sorted(map(load_manifest, VENDORS), key=lambda one: (one.reaches != "phone", one.proposed, one.vendor))
    wanted = {*carried, "SyncObject"} if in_step else carried
    fitting = {one.vendor: one for one in every if any(map(one.carries, wanted))}
    held = [
        vendor
        for vendor, one in fitting.items()
        if one.credentials.environment
        and set(one.credentials.needed(_set(one.credentials))) <= _set(one.credentials).keys()
    ]
    ready = [vendor for vendor in held if fitting[vendor].credentials.not_proposed is None]
    names = ", ".join(fitting)
    question = (
        _("Systems that are kept in step ({fitting})", fitting=names)
        if in_step and not carried
        else _("Channels, the preferred one first ({fitting})", fitting=names)
    )
    taken = named(
        talk.value(question, names_among(fitting), option="--via", given=given, default=", ".join(ready) or None)
    )
    for vendor in held:
        if fitting[vendor].credentials.not_proposed and vendor not in taken.values():
            note(
                _(
                    "{vendor} isn't taken though its variables are set: {not_proposed}",
                    vendor=vendor,
                    not_proposed=told(fitting[vendor].credentials.not_proposed or ""),
                ),
                None,
            )
    return taken


def _set(credentials: Credentials) -> dict[str, str]:
    """The settings whose variables are set."""
    found = {setting: os.environ.get(variable, "").strip() for setting, variable in credentials.environment.items()}
    return {setting: value for setting, value in found.items() if value}


def _connection(talk: Interview, name: str, vendor: str, secrets: dict[str, str]) -> dict[str, Any]:
    """What `--set` and the environment say, what it can't do without, and the rest if somebody wants to."""
    manifest = load_manifest(vendor)
    model, credentials = manifest.settings, manifest.credentials
    values = talk.settings_of(name, model, never=credentials.secret)
    found = {setting: value for setting, value in _set(credentials).items() if setting not in values}
    if found:
        read = (_("{setting} from {variable}", setting=s, variable=credentials.environment[s]) for s in found)
        note(f"{name}: {', '.join(read)}", None)
    if credentials.not_proposed:
        note(f"{name}: {told(credentials.not_proposed)}", None)
    if credentials.advice:
        note(f"{name}: {told(credentials.advice)}", None)
    open_ = [s for s in one_line_settings(model) if s not in values and s not in found]
    required = credentials.needed({*values, *found})
    asked = [setting for setting in open_ if setting in required]
    optional = [setting for setting in open_ if setting not in required]
    if optional and _wants(talk, name, manifest, optional):
        asked += optional
    for setting in (*found, *asked):
        secret, needed = setting in credentials.secret, setting in required
        value = talk.value(
            f"{name}: {setting}" + (f" {_('(Enter: later)')}" if secret or not needed else ""),
            setting_check(model, setting), option=credentials.environment.get(setting, f"--set {name}.{setting}"),
            given=found.get(setting), needed=needed and not secret, hidden=secret,
        )  # fmt: skip
        if secret and (needed or value is not None):
            values[setting] = {"secret": f"{name}-{setting.replace('_', '-')}"}
            if value is not None:
                secrets[values[setting]["secret"]] = value
        elif not secret:
            values[setting] = value
    return {"vendor": vendor, **_said(values)}


def _wants(talk: Interview, name: str, manifest: Manifest[Any], optional: Iterable[str]) -> bool:
    if talk.silent:
        return False
    note(_("{name} takes {optional} as well, now or later in the file.", name=name, optional=", ".join(optional)), None)
    for setting in manifest.credentials.optional:
        note(f"  {told(manifest.if_not_set(setting))}", None)
    return talk.agrees(_("{name}: set them now?", name=name))


def _flow(
    talk: Interview, id_: str, flow: Flow[Any], sources: Iterable[str], channels: Mapping[str, str]
) -> dict[str, Any]:
    """What it needs, and what it proposes."""
    model = flow.settings_model()
    values = talk.settings_of(id_, model, bare=True)
    if flow.in_step:
        values = {**_sides(flow, channels), **values}
    needed = [setting for setting, info in settings_by_name(model).items() if info.is_required()]
    suggested = {**_deadline(model, channels), **flow.suggested}
    for setting in dict.fromkeys((*needed, *suggested)):
        if setting not in values:
            values[setting] = talk.value(
                f"{id_}: {setting}{_looks(model, setting)}", setting_check(model, setting), option=f"--set {setting}",
                default=suggested.get(setting), needed=setting in needed,
            )  # fmt: skip
    head: dict[str, Any] = {"flow": flow.name}
    if id_ != flow.name:
        head["id"] = id_
    if flow.needs_sources:
        head["from"] = list(sources)
    if flow.needs_channels:
        manifests = {name: load_manifest(vendor) for name, vendor in channels.items()}
        head["via"] = [name for name, one in manifests.items() if any(map(one.carries, flow.carries))]
        needed_ones = flow.carries[:1] if flow.needs_first else flow.carries
        if not any(manifests[name].carries(one) for name in head["via"] for one in needed_ones):
            raise typer.BadParameter(
                _("{flow} needs a channel that carries {carries}", flow=flow.name, carries=flow.carries[0]),
                param_hint="--via",
            )
    return {**head, **_said(values)}


def _sides(flow: Flow[Any], channels: Mapping[str, str]) -> dict[str, Any]:
    """The connections that a flow keeps in step, and in which of them its things are deals. Raises BadParameter for
    fewer than it needs."""
    manifests = {name: load_manifest(vendor) for name, vendor in channels.items()}
    if flow.visits_as_deals:
        calendars = [name for name, one in manifests.items() if one.keeps(RecordKind.VISIT)]
        crms = [name for name, one in manifests.items() if one.keeps(RecordKind.DEAL)]
        if len(calendars) != 1 or not crms:
            raise typer.BadParameter(
                _("{flow} needs one calendar and a CRM, such as yclients and amocrm", flow=flow.name),
                param_hint="--via",
            )
        return {"between": [*calendars, *crms], "as": dict.fromkeys(crms, "deal")}
    sides = [name for name, one in manifests.items() if one.keeps(flow.kept, {})]
    if len(sides) < 2:
        raise typer.BadParameter(
            _("{flow} keeps two systems or more in step, such as amocrm and yclients", flow=flow.name),
            param_hint="--via",
        )
    return {"between": sides}


def _looks(model: type[BaseModel], setting: str) -> str:
    """` (an address such as https://example.org/review)`, where the setting says how it must look."""
    expected = settings_by_name(model)[setting].description
    return f" ({told(expected)})" if expected else ""


def _deadline(model: type[BaseModel], channels: Mapping[str, str]) -> Mapping[str, str]:
    """Where a channel's word proves little, a time at which the next one tries."""
    late = any(load_manifest(vendor).needs_receipt for vendor in channels.values())
    return {"fallback_after": "30m"} if late and "fallback_after" in model.model_fields else {}


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {setting: value for setting, value in values.items() if value is not None}


def _alerts(talk: Interview, channels: Mapping[str, str], given: str | None) -> dict[str, Any] | None:
    """Who at the business is told when a system stays down."""
    first = next((name for name, vendor in channels.items() if load_manifest(vendor).reaches), None)
    if first is None:
        return None
    manifest = load_manifest(channels[first])
    kind = manifest.reaches if manifest.reaches in ("phone", "email") else "chat"

    def check(text: str) -> str:
        contact = Contact(phone=text, email=text, chats={str(manifest.reaches): text})
        if manifest.address(contact) is None:
            raise ValueError(_("expected a {kind} that {vendor} reaches", kind=kind, vendor=manifest.vendor))
        return (normalize_phone(text) if kind == "phone" else None) or text.strip()

    question = _("Who is told of troubles, through {first} ({kind})", first=first, kind=kind)
    address = talk.value(question, check, option="--alert-to", given=given, needed=False)
    return {"to": [{"connection": first, kind: address}]} if address is not None else None
