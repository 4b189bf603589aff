"""What iiko's refusals mean: its codes and statuses as a table, and the reading of an answer by it. Pure."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Outcome
from svyazka.model.reasons import Reason

RIGHTS = N_("Дайте этому API-логину группу ограничений с этим методом (iikoWeb, «Настройки Cloud API»)")
CREDENTIALS = N_("Сверьте ключи подключения с iikoWeb и сохраните их: svyazka secret set")
_TILL = N_("Проверьте, что касса ресторана включена, зарегистрирована и на связи с iikoCloud")

_TILL_OFF = Rule("block", Reason.OUT_OF_SERVICE, N_("касса не на связи или не настроена"), _TILL)
_REFERENCE = Rule(
    "refuse",
    Reason.NOT_FOUND,
    N_("the order names something that the restaurant doesn't have: refresh the dictionaries"),
)
_RACE = Rule("retry", Reason.CONFLICT, N_("the restaurant's staff changed it at the same time"), outage=False)
_TROUBLE = Rule("retry", Reason.OUT_OF_SERVICE, N_("iiko failed"))
_DONE = Rule("done", Reason.DUPLICATE, N_("an earlier try of ours has succeeded"))

FAILURES = FailureMap(
    # `error` of an answer, or `errorInfo.code` of an order that wasn't created
    codes={
        "Common_OrganizationNotFound": Rule(
            "block",
            Reason.SETTING,
            N_("у этой организации не настроена лояльность"),
            N_("Настройте iikoCard или укажите другую организацию"),
        ),
        "DRAFTS_DISABLED": Rule(
            "block", Reason.SETTING, N_("черновики выключены"), N_("Включите их в настройках доставки iiko")
        ),
        "DuplicatedOrderId": _DONE,
        "DuplicatedReserveId": _DONE,
        "TerminalGroupUnregistered": _TILL_OFF,
        "TerminalGroupDisabled": _TILL_OFF,
        "TerminalGroupIdNotDetermined": _TILL_OFF,
        "OrganizationUnregistered": _TILL_OFF,
        "OrganizationDisabled": _TILL_OFF,
        "IikoFrontTooOldVersion": _TILL_OFF,
        "ProductNotFound": _REFERENCE,
        "ProductSizeNotFound": _REFERENCE,
        "PaymentTypeNotFound": _REFERENCE,
        "OrderTypeNotFound": _REFERENCE,
        "MarketingSourceNotFound": _REFERENCE,
        "CourierIdDoesNotExist": _REFERENCE,
        "InvalidPhone": _REFERENCE,
        "RequestProductPriceIsNotEqualToFrontPrice": _REFERENCE,
        "WrongDeliveryStatus": _RACE,
        "OrderStatusChangedInIikoFront": _RACE,
        "InconsistentUpdates": _RACE,
        "MayBeInconsistentUpdates": _RACE,
        "EntityAlreadyInUse": _RACE,
        "Common": _TROUBLE,
        "InternalServerError": _TROUBLE,
        "UnknownError": _TROUBLE,
    },
    statuses={
        400: Rule(
            "refuse",
            Reason.BAD_REQUEST,
            N_("iiko doesn't take the request: validation, an unknown id or a feature that is off"),
        ),
        401: Rule("block", Reason.NO_ACCESS, N_("iiko не принимает ни этот токен, ни новый"), CREDENTIALS),
        403: Rule("block", Reason.NO_ACCESS, N_("у этого API-логина iiko нет прав"), RIGHTS),
        # Whether the till has carried out a command nobody knows.
        408: Rule("unclear", Reason.OUT_OF_SERVICE, N_("the till didn't answer in time")),
        410: Rule("refuse", Reason.NOT_FOUND, N_("iiko has forgotten this correlation id")),
        429: Rule("retry", Reason.TOO_MUCH, N_("over iiko's quota"), after=60),
        500: Rule("retry", Reason.OUT_OF_SERVICE, N_("iiko failed")),
        502: Rule("retry", Reason.OUT_OF_SERVICE, N_("iiko can't be reached behind its gateway")),
        503: Rule("retry", Reason.OUT_OF_SERVICE, N_("iiko is unavailable")),
    },
    classes={range(500, 1000): Rule("retry", Reason.OUT_OF_SERVICE, N_("iiko failed"))},
    other=Rule("refuse", Reason.OTHER, N_("iiko refuses the request")),
)


def failure(status: int, code: str | None, detail: str | None, after: float | None = None) -> Outcome:
    """What a failure means: by its code where we know it, else by its status; a quota is a quota with any code."""
    quota = status == 429
    rule = FAILURES.rule_of(status, None if quota else code)
    name = code if code and not quota else str(status)
    return outcome_of(rule, name, message=f"{rule.what}: {detail}" if detail else None, after=after)
