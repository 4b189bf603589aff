"""A user's token for his login and password, which are used for this one call and kept nowhere."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.signing_in import SecondStep, SigningIn
from svyazka.engine.contracts.untrusted import section, text, whole
from svyazka.model.errors import SourceUnavailable


class YclientsSigningIn(SigningIn[YclientsSettings]):
    """`POST /api/v1/auth`: 201 with the token, or 200 where a code was sent to the person (two-factor)."""

    setting = "user_token"
    needs = ("partner_token",)

    async def sign_in(
        self, login: str, password: str, step: SecondStep | None, code: str, call: Call[YclientsSettings]
    ) -> str | SecondStep:
        for secret in filter(None, (login, password, code)):
            call.http.hide(secret)
        asked: dict[str, object] = {"login": login, "password": password}
        if step is not None:
            asked["2fa"] = {"uuid": step.handle, "secret": code}
        data = section(await client.sign_in(call, asked))
        token, handle = text(data.get("user_token"), 200), text(data.get("uuid"), 100)
        if token is not None:
            return token
        if handle is None:
            raise SourceUnavailable(N_("YCLIENTS answered with neither a token nor a question for a code"))
        sent = section(data.get("transport"))
        where = text(sent.get("recipient"), 100) or text(sent.get("type"), 40) or "?"
        return SecondStep(handle=handle, where=where, attempts_left=whole(data.get("attempts_left")))
