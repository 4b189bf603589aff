"""Our webhook at iiko: its registration."""

from __future__ import annotations

from svyazka.catalogue import N_, _
from svyazka.connectors.iiko import reads
from svyazka.connectors.iiko.doctor import TROUBLE, concerned, failed, left_out, place, same_host, wanted_filter
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding, Hook
from svyazka.engine.contracts.untrusted import section, text


async def fix(call: Call[IikoSettings], hook_url: str) -> list[Finding]:
    """Register our webhook. Somebody else's is never overwritten: iiko keeps one address an API login and
    organization, and its owner would stop getting events without a word."""
    call.http.hide(hook_url)
    try:
        organizations = concerned(call.settings, await reads.organizations(call))
        if len(organizations) != 1:
            message = N_("expected one organization, these credentials see {count}").format(count=len(organizations))
            return [Finding("webhook", "fail", message, _("set organization_id of this connection"))]
        return [await _register(call, hook_url, organizations[0])]
    except TROUBLE as error:
        return [failed("webhook", error)]


async def _register(call: Call[IikoSettings], hook_url: str, organization: str) -> Finding:
    present = await reads.hook_settings(call, organization)
    stands = text(present.get("webHooksUri"))
    if stands and not same_host(stands, hook_url):
        return Finding(
            "webhook", "fail", _("events of this API login go to {place}: left as it is", place=place(stands)),
            _(
"make an API login of its own for Svyazka in iikoWeb, or clear the webhook's address there if "
"nobody needs it any more, and run this again"
),
        )  # fmt: skip
    wanted: dict[str, object] = {
        "organizationId": organization,
        "webHooksUri": hook_url,
        "webHooksFilter": wanted_filter(call.settings, section(present, "webHooksFilter")),
    }
    token = call.settings.auth_token or present.get("authToken")
    if isinstance(token, str):
        call.http.hide(token)
        wanted["authToken"] = token
    as_wanted = stands == hook_url and present.get("authToken") == wanted.get("authToken")
    if as_wanted and not left_out(call.settings, section(present, "webHooksFilter")):
        return Finding("webhook", "ok", _("the webhook is registered already"))
    await reads.register_hook(call, wanted)
    was = "registered" if not stands else N_("brought up to date")
    return Finding("webhook", "ok", _("the webhook is {was}: events go to {place}", was=was, place=place(hook_url)))


class IikoHook(Hook[IikoSettings]):
    """Registers our webhook."""

    def ready(self, settings: IikoSettings) -> bool:
        return settings.means_to_sign_in()

    async def register(self, call: Call[IikoSettings], url: str) -> list[Finding]:
        return await fix(call, url)
