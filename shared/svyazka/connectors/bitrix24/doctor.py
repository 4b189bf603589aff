"""`doctor`: access, rights, pipeline, stages, fields and sources of a portal, each with its remedy; by one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from svyazka.catalogue import N_, _
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.client import COMPANY, CONTACT, DEAL, Batch, Params
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import section, sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent, SourceUnavailable
from svyazka.model.outcomes import Blocked

TROUBLE = (SourceUnavailable, NotSent, MaybeSent, LeaseTooShort)
NEEDED, USEFUL = "crm", ("task",)
"""Rights without which nothing goes, and those without which something doesn't."""

FIELDS = {f"fields.{kind}": kind for kind in (DEAL, CONTACT, COMPANY)}


class Bitrix24Doctor(Doctor[Bitrix24Settings]):
    """Asks the portal."""

    def ready(self, settings: Bitrix24Settings) -> bool:
        return settings.has_access()

    async def check(self, call: Call[Bitrix24Settings]) -> list[Finding]:
        """Whether it lets us in, and whether it has what the settings name."""
        try:
            found = await client.batch(call, _questions(call.settings))
            user = section(found.one("user"))
        except TROUBLE as error:
            outcome = error.outcome if isinstance(error, SourceUnavailable) else None
            remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again in some minutes")
            return [no_access("access", str(error), remedy, error)]
        name = " ".join(filter(None, (text(user.get("NAME")), text(user.get("LAST_NAME")))))
        who = _("Bitrix24 lets us in as employee {id} ({name})", id=text(user.get("ID")) or "?", name=name)
        return [
            Finding("access", "ok", who),
            *_moved(call),
            *_rights(found),
            *_pipeline(call.settings, found),
            *_sources(call.settings, found),
            *_fields(call.settings, found),
        ]


def _questions(settings: Bitrix24Settings) -> Mapping[str, tuple[str, Params]]:
    asked: dict[str, tuple[str, Params]] = {
        "user": ("profile", {}),
        "rights": ("scope", {}),
        "pipelines": ("crm.category.list", {"entityTypeId": DEAL}),
        "stages": ("crm.status.list", {"filter": {"ENTITY_ID": _stages_of(settings.category)}}),
        "sources": ("crm.status.list", {"filter": {"ENTITY_ID": "SOURCE"}}),
    }
    fields = {name: ("crm.item.fields", {"entityTypeId": kind, **client.ORIGINAL}) for name, kind in FIELDS.items()}
    return {**asked, **fields} if settings.fields else asked


def _stages_of(category: str | None) -> str:
    return f"DEAL_STAGE_{category}" if category not in (None, "0") else "DEAL_STAGE"


def _moved(call: Call[Bitrix24Settings]) -> Iterator[Finding]:
    root = client.moved_to(call)
    if root is not None:
        host = urlsplit(root).netloc
        yield Finding("address", "warn", _("the portal lives at {host} now", host=host),
                      _("write its new address into webhook_url or domain"))  # fmt: skip


def _rights(found: Batch) -> Iterator[Finding]:
    try:
        given = found.one("rights")
    except VendorFailure as failure:
        yield Finding("rights", "warn", str(failure))
        return
    granted = {text(one) for one in given} if isinstance(given, list) else set()
    if NEEDED not in granted:
        yield no_access("rights", _("the right to {scope} is missing", scope=NEEDED), SCOPES)
    elif lacking := [scope for scope in USEFUL if scope not in granted]:
        what = _("no tasks can be set: the right to {names} is missing", names=", ".join(lacking))
        yield Finding("rights", "warn", what, SCOPES)


SCOPES = N_("tick CRM (crm) and Tasks (task) for the webhook or the application")


def _pipeline(settings: Bitrix24Settings, found: Batch) -> Iterator[Finding]:
    try:
        pipelines = sections(section(found.one("pipelines")).get("categories"))
        stages = sections(found.one("stages"))
    except VendorFailure as failure:
        yield Finding("pipeline", "warn", str(failure))
        return
    known = {text(one.get("id")): text(one.get("name")) or "?" for one in pipelines}
    if settings.category is not None and settings.category not in known:
        names = ", ".join(f"{id_} ({name})" for id_, name in known.items())
        yield Finding("category", "fail", _("there is no pipeline {category}", category=settings.category),
                      _("pipelines are {names}", names=names))  # fmt: skip
        return
    codes = {text(one.get("STATUS_ID")): text(one.get("NAME")) or "?" for one in stages}
    named = {"stage": (settings.stage,), "won_stages": settings.won_stages or ()}
    for setting, given in named.items():
        # A success may be a stage of another pipeline: only those of this one are known here.
        unknown = [one for one in given if one is not None and one not in codes and _is_of(one, settings.category)]
        if unknown:
            yield Finding(setting, "fail", _("the pipeline has no stage {names}", names=", ".join(unknown)),
                          _("its stages are {names}", names=_shown(codes)))  # fmt: skip


def _is_of(stage: str, category: str | None) -> bool:
    prefix = stage.partition(":")[0] if ":" in stage else ""
    return prefix == (f"C{category}" if category not in (None, "0") else "")


def _sources(settings: Bitrix24Settings, found: Batch) -> Iterator[Finding]:
    try:
        codes = {text(one.get("STATUS_ID")): text(one.get("NAME")) or "?" for one in sections(found.one("sources"))}
    except VendorFailure as failure:
        yield Finding("sources", "warn", str(failure))
        return
    if unknown := sorted(set(settings.sources.values()) - set(codes)):
        yield Finding("sources", "fail", _("the portal has no source {names}", names=", ".join(unknown)),
                      _("its sources are {names}", names=_shown(codes)))  # fmt: skip


def _shown(codes: Mapping[str | None, str]) -> str:
    return ", ".join(f"{code} ({name})" for code, name in codes.items())


def _fields(settings: Bitrix24Settings, found: Batch) -> Iterable[Finding]:
    if not settings.fields:
        return []
    known: set[str] = set()
    for name in FIELDS:
        try:
            known |= set(section(found.one(name), "fields"))
        except VendorFailure as failure:
            return [Finding("fields", "warn", str(failure))]
    unknown = sorted(code for code in settings.fields.values() if code not in known)
    if not unknown:
        return []
    what = _("no card has a field {names}: what goes there would be lost", names=", ".join(unknown))
    return [Finding("fields", "fail", what, _("take the code from the field's own settings in CRM"))]
