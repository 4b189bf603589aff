"""What a form or a prompt may say of a vendor's settings: each has a name for people."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.model.complaints import in_words
from svyazka.model.tenants import ConnectionSettings


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_setting_has_a_name_for_people_and_examples_are_valid(vendor: str) -> None:
    manifest = load_manifest(vendor)
    fields: dict[str, FieldInfo] = manifest.settings.model_fields
    assert [name for name in fields if name not in ConnectionSettings.model_fields and not fields[name].title] == []
    assert {name for kind in manifest.credentials.either for name in kind} <= set(fields)
    for name, field in fields.items():
        for example in field.examples or ():
            assert getattr(manifest.settings.model_validate({name: example}), name) == example


def test_where_to_find_a_value_is_not_told_as_what_is_expected_of_it() -> None:
    settings = load_manifest("telegram").settings
    with pytest.raises(ValidationError) as caught:
        settings.model_validate({"bot_token": "two words", "webhook_secret": "?"})
    said = sorted(in_words(each, settings) for each in caught.value.errors())
    assert said[0].startswith("expected a bot's token of @BotFather's")
    assert said[1] == "expected text of the form ^[A-Za-z0-9_-]{1,256}$"
