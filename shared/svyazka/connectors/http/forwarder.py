"""`Forward` by the generic pair: one HTTP call with one event in it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from svyazka.catalogue import N_
from svyazka.connectors.http.client import body_of, headers_of
from svyazka.connectors.http.failures import answered
from svyazka.connectors.http.schema import Unanswered, can_be_header, check_url
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.forwarder import Forwarder
from svyazka.model.commands import Forward, Safety
from svyazka.model.errors import ConfigError
from svyazka.model.outcomes import Blocked, Outcome, Refused

KEY_REMEDY = N_("whsec_ и от 24 до 64 случайных байтов в base64: svyazka secret set")


class HttpForwarder(Forwarder[HttpSettings]):
    """Any HTTP endpoint of the tenant's."""

    def safety(self, command: Forward) -> Safety:
        """A webhook is delivered at least once by its nature: `webhook-id` stays, and its receiver tells by it."""
        return Safety.idempotent()

    async def forward(self, command: Forward, call: Call[HttpSettings]) -> Outcome:
        settings = call.settings
        trouble = unusable(settings)
        if trouble is not None:
            return trouble
        assert settings.url is not None
        # The id must hold no dot, or the signature could be shifted; it is the same on every repeat.
        message = call.key.replace(".", "_")
        try:
            body = body_of(command, settings)
            headers = headers_of(settings, message, int(time.time()), body)
        except Unanswered as error:
            return Refused(code="body", message=N_("body: {why}").format(why=error))
        except ConfigError as error:
            return Blocked(code="outbound_secret", message=str(error), remedy=KEY_REMEDY)
        response = await call.http.request(
            settings.method, settings.url, content=body, headers=headers, only_status=True
        )
        return answered(response.status_code, response.headers, datetime.now(UTC))


def unusable(settings: HttpSettings) -> Blocked | None:
    """Why nothing can be sent, or None: values that are secrets were seen by nobody before."""
    if settings.url is None:
        return Blocked(code="no_url", message=N_("не задан `url`"), remedy=N_("Впишите `url` в файл бизнеса"))
    try:
        check_url(settings.url)
    except ValueError as error:
        return Blocked(
            code="url",
            message=N_("url: {why}").format(why=error),
            remedy=N_("Исправьте `url` или секрет, который в нём назван"),
        )
    if settings.url.startswith("/") and settings.base_url is None:
        message = N_("url: к одному пути нужен `base_url`")
        return Blocked(code="url", message=message, remedy=N_("Впишите адрес целиком: https://..."))
    if not can_be_header(settings.authorization or ""):
        message = N_("authorization: нужна одна строка из латинских букв, цифр и знаков")
        return Blocked(code="authorization", message=message, remedy=N_("Сохраните секрет заново: svyazka secret set"))
    return None
