"""`doctor`: access, account, stages and webhook of an amoCRM account, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from svyazka.catalogue import N_, _, ngettext
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.client import Hook as KnownHook
from svyazka.connectors.amocrm.dictionary import ENTITY, every_field
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.watch import hide_key
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent, SourceUnavailable
from svyazka.model.outcomes import Blocked

EVENTS = (
    "add_lead", "update_lead", "status_lead", "delete_lead", "restore_lead",
    "add_contact", "update_contact", "delete_contact", "restore_contact",
    "add_unsorted",
)  # fmt: skip
"""What our webhook is registered for; what it is registered for besides stays."""

NEEDED = frozenset({"add_lead", "status_lead"})
"""Without these a won deal is found by polling only."""


TROUBLE = (SourceUnavailable, NotSent, MaybeSent, LeaseTooShort)


class AmocrmDoctor(Doctor[AmocrmSettings]):
    """Asks amoCRM."""

    def ready(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def check(self, call: Call[AmocrmSettings]) -> list[Finding]:
        """Access, account, stages and webhook: each with its remedy."""
        try:
            account, pipelines = await client.account(call), await client.pipelines(call)
        except TROUBLE as error:
            return [failed("access", error)]
        findings = [*_account_findings(call.settings, account), *_stage_findings(call.settings, pipelines)]
        try:
            findings += await _field_findings(call)
        except TROUBLE as error:
            findings.append(replace(failed("fields", error), status="warn"))
        try:
            findings += await _hook_findings(call)
        except TROUBLE as error:
            # Without a webhook changes are found by polling: worse, and no reason to stop.
            findings.append(replace(failed("webhook", error), status="warn"))
        return findings


def _account_findings(settings: AmocrmSettings, account: Section) -> Iterable[Finding]:
    seen, name = text(account.get("id")), text(account.get("subdomain")) or "?"
    yield Finding("access", "ok", _("amoCRM lets us in: account {seen} ({name})", seen=seen, name=name))
    if settings.account_id is None:
        yield Finding("account", "warn", _("account_id isn't set: events of another account aren't told apart"),
                      _("set account_id: {seen}", seen=seen))  # fmt: skip
    elif settings.account_id != seen:
        yield Finding(
            "account",
            "fail",
            _("account_id is {account_id}, these credentials see {seen}", account_id=settings.account_id, seen=seen),
            _("correct account_id or subdomain, or authorise for the right account"),
        )
    host = settings.host()
    if host is not None and settings.base_url is None and name not in (host.partition(".")[0], "?"):
        yield Finding(
            "subdomain",
            "warn",
            _("the account is called {name} by now: its new address is used", name=name),
            _("set subdomain: {name}", name=name),
        )
    if account.get("is_api_filter_enabled") is False:
        yield Finding(
            "filters",
            "warn",
            _("filters of the API aren't enabled for this account: changes can't be polled"),
            _("ask amoCRM's support to enable them"),
        )


def _stage_findings(settings: AmocrmSettings, pipelines: Mapping[str, set[str]]) -> Iterable[Finding]:
    every = set().union(*pipelines.values())
    pairs = {f"{pipeline}:{status}" for pipeline, statuses in pipelines.items() for status in statuses}
    unknown = [stage for stage in settings.won_statuses or () if stage not in every and stage not in pairs]
    if unknown:
        yield Finding(
            "won_statuses",
            "fail",
            _("no pipeline has the stage {unknown}", unknown=", ".join(unknown)),
            _("pipelines are {names}; write `status` or `pipeline:status`", names=", ".join(sorted(pipelines))),
        )
    if settings.pipeline is not None and settings.pipeline not in pipelines:
        yield Finding("pipeline", "fail", _("there is no pipeline {pipeline}", pipeline=settings.pipeline),
                      _("pipelines are {names}", names=', '.join(sorted(pipelines))))  # fmt: skip

    at = pipelines.get(settings.pipeline or "", every)
    if settings.status is not None and settings.status not in at:
        yield Finding(
            "status",
            "fail",
            _("no such stage for new deals: {status}", status=settings.status),
            _("stages there are {names}", names=", ".join(sorted(at))),
        )


async def _field_findings(call: Call[AmocrmSettings]) -> Iterable[Finding]:
    """Whether the fields that the settings name exist at any kind of card."""
    settings = call.settings
    marks = settings.mark_field.values() if isinstance(settings.mark_field, dict) else [settings.mark_field]
    wanted = {*settings.fields.values(), *(mark for mark in marks if mark is not None)}
    if not wanted:
        return _without_mark(settings)
    known: set[str] = set()
    for kind in ENTITY:
        names = await every_field(call, kind)
        if names is None:
            remedy = _("give access on behalf of an administrator")
            return [Finding("fields", "warn", _("amoCRM doesn't show us its list of fields"), remedy)]
        known |= names
    missing = sorted(wanted - known)
    if missing:
        remedy = _("take the number or code from the field's settings in amoCRM")
        return [Finding("fields", "fail", _("no card has the field {names}", names=", ".join(missing)), remedy)]
    found = Finding("fields", "ok", ngettext("{count} field is there", "{count} fields are there", len(wanted)))
    return [found, *_without_mark(settings)]


def _without_mark(settings: AmocrmSettings) -> list[Finding]:
    """Only whoever has said how new cards are made is going to have some."""
    makes = (settings.status, settings.responsible, settings.fields, settings.sources)
    if settings.mark_field is not None or not any(makes):
        return []
    text = _("mark_field isn't set: what a lost answer has made is found by phone and by time, which is less sure")
    return [Finding("mark_field", "warn", text, _("make a text field for our mark and set mark_field"))]


async def _hook_findings(call: Call[AmocrmSettings]) -> Iterable[Finding]:
    remedy = N_("`svyazka doctor --fix` registers it")
    hook_url = call.hook_url
    if hook_url is None:
        return [Finding("webhook", "warn", _("our own address isn't known here"))]
    hide_key(call, hook_url)
    to_us = [hook for hook in await client.hooks(call) if _same_place(hook.destination, hook_url)]
    ours = next((hook for hook in to_us if hook.destination == hook_url), None)
    if ours is None and to_us:
        return [Finding("webhook", "warn", _("events come to us under another key than today's"), remedy)]
    if ours is None:
        return [Finding("webhook", "warn", _("no webhook of ours is registered: changes are found by polling only"),
                        remedy)]  # fmt: skip
    return list(_one_hook(ours, remedy))


def _one_hook(ours: KnownHook, remedy: str) -> Iterable[Finding]:
    if ours.disabled:
        yield Finding("webhook", "warn", _("amoCRM has switched our webhook off"), remedy)
    elif not ours.events >= NEEDED:
        yield Finding(
            "webhook",
            "warn",
            _("amoCRM doesn't tell of {names}", names=", ".join(sorted(NEEDED - ours.events))),
            remedy,
        )
    else:
        yield Finding("webhook", "ok", _("events come to us: {place}", place=place(ours.destination)))


def _same_place(one: str, other: str) -> bool:
    return place(one) == place(other)


def place(url: str) -> str:
    """An address without its key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def failed(check: str, error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, SourceUnavailable) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again in some minutes")
    if check == "webhook":
        return Finding(check, "fail", str(error), remedy)
    return no_access(check, str(error), remedy, error)
