"""Nothing waits for a connection in trouble: its vendor is asked whether it is well."""

from __future__ import annotations

from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent


async def probe(hub: Hub, outages: Outages, tenant: str, connection: str) -> None:
    """Nothing waits for a connection in trouble: ask its vendor whether it is well."""
    account = await hub.directory.account(tenant, connection)
    if account is None or account.missing:
        return
    doctor = account.manifest.doctor
    if doctor is None or not doctor.ready(account.settings):
        await outages.close(account.tenant, connection)  # the next delivery will tell
        return
    try:
        findings = await doctor.check(call_to(hub, account, exchanges(hub, account), key="probe"))
    except (NotSent, MaybeSent, LeaseTooShort):
        findings = []
    stopping = [finding for finding in findings if finding.status == "fail" and finding.stops]
    if findings and not stopping:
        await outages.close(account.tenant, connection)
    else:
        after = max((one.after or 0.0 for one in stopping), default=0.0)
        await outages.probing.put_off(tenant, connection, after)
