"""What connections claim of a vendor's: a part of an address that several share (`Webhook.shared_by`), or a shop at a
provider of payments (`Payments.shop`)."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.registry import load_webhook
from svyazka.engine.ports.claims import KIND, claimants, claims_document, claims_key
from svyazka.engine.ports.store import Create, Replace, Store, Write
from svyazka.engine.tenants.directory import Directory, is_secret
from svyazka.model.ids import connection_id
from svyazka.model.tenants import Tenant

SAME_ID = N_("{owner}: {others} has the same {vendor} id; only the one that the vendor calls hears of it")
SAME_SHOP = N_(
    "{owner}: {others} takes payments by the same {vendor} shop: what one is told may be about the other's money, and "
    "`svyazka reconcile payments` counts both's; give each a shop (site, terminal) of its own"
)


async def claims(
    store: Store, directory: Directory, before: Tenant | None, tenant: Tenant
) -> tuple[list[str], list[Write]]:
    """What is to be said of those that claim the same as another, and what is written down. Whose claim is out of date
    is passed over when it is read; here it is taken away."""
    told, writes = list[str](), list[Write]()
    had, have = _claimed(directory, before), _claimed(directory, tenant)
    for key in sorted(had.keys() | have.keys()):
        document = await store.get(KIND, key)
        owners = set(claimants(document))
        others = owners - had.get(key, set()) - have.get(key, set())
        if others or len(have.get(key, ())) > 1:
            vendor = key.split(".")[1]
            words = SAME_SHOP if directory.manifests(vendor).payments is not None else SAME_ID
            told += [
                words.format(owner=owner, others=", ".join(sorted((others | have[key]) - {owner})), vendor=vendor)
                for owner in sorted(have.get(key, ()))
            ]
        if others | have.get(key, set()) != owners:
            new = claims_document(key, others | have.get(key, set()), document.version if document else None)
            writes.append(Replace(new) if document else Create(new))
    return told, writes


def _claimed(directory: Directory, tenant: Tenant | None) -> dict[str, set[str]]:
    """Ids of a tenant's connections by the document that lists their claims."""
    found: dict[str, set[str]] = {}
    for name, spec in tenant.connections.items() if tenant else ():
        webhook, payments = load_webhook(spec.vendor), directory.manifests(spec.vendor).payments
        shared = webhook.shared_by if webhook is not None else None
        shared = shared or (payments.shop if payments is not None else None)
        value = spec.settings.get(shared) if shared is not None else None
        if tenant and value is not None and not is_secret(value):
            found.setdefault(claims_key(spec.vendor, str(value)), set()).add(connection_id(tenant.id, name))
    return found
