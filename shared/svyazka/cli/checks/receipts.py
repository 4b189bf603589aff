"""`doctor`: what fiscal receipts say that nobody has named."""

from __future__ import annotations

from svyazka.catalogue import _
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.learning import Finding
from svyazka.engine.tenants.directory import Account
from svyazka.model.tenants import FlowSpec, Tenant


def unsaid_vat(account: Account) -> list[Finding]:
    """A receipt has a VAT rate in any case: where the file names none, it is told which one is sent."""
    field = type(account.settings).model_fields.get("vat")
    if field is None or "vat" in account.settings.model_fields_set:
        return []
    if not any(_registers(account.tenant, account.name, flow) for flow in account.tenant.flows):
        return []
    what = _('no vat is set: receipts say "{vat}" where an order\'s line has no rate of its own', vat=field.default)
    remedy = _('ask the accountant, and write it down: vat: "{vat}" at {name}', vat=field.default, name=account.name)
    return [Finding("vat", "warn", what, remedy)]


def _registers(tenant: Tenant, name: str, flow: FlowSpec) -> bool:
    """Whether a flow's receipts are this connection's: one that does nothing else comes before who takes the money."""
    if flow.flow != "take_payment" or name not in flow.via or flow.settings.get("receipt") is False:
        return False
    manifests = {one: load_manifest(tenant.connections[one].vendor) for one in flow.via if one in tenant.connections}
    only_receipts = [one for one, it in manifests.items() if it.receipts is not None]
    return name in only_receipts if only_receipts else manifests[name].payments is not None
