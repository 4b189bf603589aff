"""The worker's side of amoCRM: reading objects again, polling, and `doctor`. Writing into it comes later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from svyazka.connectors.amocrm import access, client
from svyazka.connectors.amocrm.client import Hook
from svyazka.connectors.amocrm.facts import Stages, contact_fact, foreign_account, lead_fact
from svyazka.connectors.amocrm.poll import poll
from svyazka.connectors.amocrm.schema import Lead, person
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.watch import hide_key
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits, Polled
from svyazka.engine.contracts.oauth import OAuthApp, Redirected
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.model.contacts import Contact
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent, SourceUnavailable
from svyazka.model.events import Entity, Fact
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


class AmocrmConnector(Connector[AmocrmSettings]):
    """amoCRM and Kommo, API v4."""

    vendor = "amocrm"
    # amoCRM counts 7 in any second for an integration and account. After a pause a second's worth goes at once
    # and the next second's after it, so the half of it never comes to more.
    limits = Limits(per_second=3.5, concurrency=4)
    secret_fields = ("token", "client_secret")
    optional_settings = {
        "subdomain": "with a long-lived token nothing can be asked of amoCRM; with OAuth any account may be connected",
        "account_id": "events of another account aren't told apart",
        "token": "without it (or client_id, client_secret and redirect_uri in its place) deals aren't read again, so "
        "nobody's phone is known, and what a lost webhook told isn't found by polling",
    }
    poll_every = 300.0

    def settings_model(self) -> type[AmocrmSettings]:
        return AmocrmSettings

    def oauth(self, settings: AmocrmSettings) -> OAuthApp | None:
        return access.app_of(settings)

    def redirected(self, params: Mapping[str, str], settings: AmocrmSettings) -> Redirected:
        return access.redirected(params, settings)

    def credential_ends(self, settings: AmocrmSettings) -> datetime | None:
        return access.token_end(settings.token) if settings.token else None

    def can_reread(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def reread(self, entity: Entity, call: Call[AmocrmSettings]) -> Fact | None:
        """The deal with its main contact, or the contact, as amoCRM has it now; None when it is gone or not ours.

        Raises AmocrmFailure, NoAccess, NotShown, NotSent, MaybeSent.
        """
        match entity.kind:
            case "lead":
                return await _lead(entity.id, call)
            case "contact" | "company":
                read = client.contact if entity.kind == "contact" else client.company
                body = await read(call, entity.id)
                return contact_fact(body, kind=entity.kind) if body is not None and _is_ours(body, call) else None
            case _:
                return None

    def can_poll(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def poll(self, cursor: str | None, call: Call[AmocrmSettings]) -> Polled:
        return await poll(cursor, call)

    def can_check(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def check(self, call: Call[AmocrmSettings]) -> list[Finding]:
        """Access, account, stages and webhook: each with its remedy."""
        try:
            account, pipelines = await client.account(call), await client.pipelines(call)
        except TROUBLE as error:
            return [_failed("access", error)]
        findings = [*_account_findings(call.settings, account), *_stage_findings(call.settings, pipelines)]
        try:
            findings += await _hook_findings(call)
        except TROUBLE as error:
            # Without a webhook changes are found by polling: worse, and no reason to stop.
            findings.append(replace(_failed("webhook", error), status="warn"))
        return findings

    async def fix(self, call: Call[AmocrmSettings], hook_url: str) -> list[Finding]:
        """Register our webhook, or enable it again. Other webhooks of the account are left alone."""
        hide_key(call, hook_url)
        try:
            ours = next((hook for hook in await client.hooks(call, hook_url) if hook.destination == hook_url), None)
            if ours is not None and not ours.disabled and set(EVENTS) <= ours.events:
                return [Finding("webhook", "ok", "the webhook is registered already")]
            if ours is not None and ours.disabled:
                await client.unsubscribe(call, hook_url)
            await client.subscribe(call, hook_url, sorted({*EVENTS, *(ours.events if ours else ())}))
        except TROUBLE as error:
            return [_failed("webhook", error)]
        return [Finding("webhook", "ok", f"the webhook is registered: events go to {_place(hook_url)}")]


async def _lead(lead_id: str, call: Call[AmocrmSettings]) -> Fact | None:
    body = await client.lead(call, lead_id)
    if body is None or not _is_ours(body, call):
        return None
    contact_id = client.main_contact(body)
    card = await client.contact(call, contact_id) if contact_id else None
    # Nobody is somebody too: without it the word of a webhook about another person would count.
    contact = person(card) if card is not None else Contact()
    return lead_fact(Lead.of(body), Stages.of(call.settings.won_statuses), contact=contact)


def _is_ours(body: Section, call: Call[AmocrmSettings]) -> bool:
    return foreign_account(call.settings.account_id, body.get("account_id")) is None


# The doctor


def _account_findings(settings: AmocrmSettings, account: Section) -> Iterable[Finding]:
    seen, name = text(account.get("id")), text(account.get("subdomain")) or "?"
    yield Finding("access", "ok", f"amoCRM lets us in: account {seen} ({name})")
    if settings.account_id is None:
        yield Finding("account", "warn", "account_id isn't set: events of another account aren't told apart",
                      f"set account_id: {seen}")  # fmt: skip
    elif settings.account_id != seen:
        yield Finding("account", "fail", f"account_id is {settings.account_id}, these credentials see {seen}",
                      "correct account_id or subdomain, or authorise for the right account")  # fmt: skip
    if account.get("is_api_filter_enabled") is False:
        yield Finding("filters", "warn", "filters of the API aren't enabled for this account: changes can't be polled",
                      "ask amoCRM's support to enable them")  # fmt: skip


def _stage_findings(settings: AmocrmSettings, pipelines: Mapping[str, set[str]]) -> Iterable[Finding]:
    every = set().union(*pipelines.values())
    pairs = {f"{pipeline}:{status}" for pipeline, statuses in pipelines.items() for status in statuses}
    unknown = [stage for stage in settings.won_statuses or () if stage not in every and stage not in pairs]
    if unknown:
        yield Finding("won_statuses", "fail", f"no pipeline has the stage {', '.join(unknown)}",
                      f"pipelines are {', '.join(sorted(pipelines))}; write `status` or `pipeline:status`")  # fmt: skip
    if settings.pipeline is not None and settings.pipeline not in pipelines:
        yield Finding("pipeline", "fail", f"there is no pipeline {settings.pipeline}",
                      f"pipelines are {', '.join(sorted(pipelines))}")  # fmt: skip


async def _hook_findings(call: Call[AmocrmSettings]) -> Iterable[Finding]:
    remedy = "`svyazka doctor --fix` registers it"
    hook_url = call.hook_url
    if hook_url is None:
        return [Finding("webhook", "warn", "our own address isn't known here")]
    hide_key(call, hook_url)
    to_us = [hook for hook in await client.hooks(call) if _same_place(hook.destination, hook_url)]
    ours = next((hook for hook in to_us if hook.destination == hook_url), None)
    if ours is None and to_us:
        return [Finding("webhook", "warn", "events come to us under another key than today's", remedy)]
    if ours is None:
        return [Finding("webhook", "warn", "no webhook of ours is registered: changes are found by polling only",
                        remedy)]  # fmt: skip
    return list(_one_hook(ours, remedy))


def _one_hook(ours: Hook, remedy: str) -> Iterable[Finding]:
    if ours.disabled:
        yield Finding("webhook", "warn", "amoCRM has switched our webhook off", remedy)
    elif not ours.events >= NEEDED:
        yield Finding("webhook", "warn", f"amoCRM doesn't tell of {', '.join(sorted(NEEDED - ours.events))}", remedy)
    else:
        yield Finding("webhook", "ok", f"events come to us: {_place(ours.destination)}")


def _same_place(one: str, other: str) -> bool:
    return _place(one) == _place(other)


def _place(url: str) -> str:
    """An address without its key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _failed(check: str, error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, SourceUnavailable) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else "try again in some minutes"
    return Finding(check, "fail", str(error), remedy)


CONNECTOR = AmocrmConnector()
