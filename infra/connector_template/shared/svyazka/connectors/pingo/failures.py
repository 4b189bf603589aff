"""What Pingo's refusals mean: a table in the order of its page, so that it can be checked against it line by line."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule
from svyazka.model.reasons import Reason

FAILURES = FailureMap(other=Rule("unclear", Reason.OUT_OF_SERVICE, N_("Pingo failed"), code="http_5xx"))
