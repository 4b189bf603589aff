"""A remedy is a whole command: names stand in it, and nothing that is whole already is touched."""

from __future__ import annotations

import pytest

from svyazka.model.remedies import whole
from svyazka.model.tenants import Tenant

TENANT = Tenant.model_validate({
    "id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow", "flows": [],
    "connections": {"sms": {"vendor": "smsru", "settings": {"api_id": {"secret": "smsru-api-id"}}}},
})  # fmt: skip


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("сохраните его: svyazka secret set", "сохраните его: svyazka secret set kofe smsru-api-id"),
        ("put it in by `svyazka secret set`", "put it in by `svyazka secret set kofe smsru-api-id`"),
        ("svyazka secret set. Отправка продолжится", "svyazka secret set kofe smsru-api-id. Отправка продолжится"),
        ("svyazka secret set kofe other", "svyazka secret set kofe other"),
        ("Выдайте доступ заново: svyazka auth", "Выдайте доступ заново: svyazka auth kofe/sms"),
        ("запустите svyazka auth ещё раз", "запустите svyazka auth kofe/sms ещё раз"),
        ("svyazka auth kofe/till", "svyazka auth kofe/till"),
        ("`svyazka doctor --fix` registers it", "`svyazka doctor kofe --fix` registers it"),
        ("svyazka doctor kofe --live", "svyazka doctor kofe --live"),
        ("nothing to do", "nothing to do"),
    ],
)  # fmt: skip
def test_what_a_person_reads_can_be_pasted(said: str, read: str) -> None:
    assert whole(said, TENANT, "sms", ["api_id"]) == read


def test_a_credential_that_the_file_does_not_name_is_named_as_init_names_it() -> None:
    assert whole("svyazka secret set", TENANT, "till", ["api_login"]) == "svyazka secret set kofe till-api-login"
