"""A tenant's file: WhatsApp is never a flow's last word, nor without a time for the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from svyazka.model.tenants import Tenant
from svyazka.tenantfile.mistakes import TenantFileError
from svyazka.tenantfile.reader import read_tenant_file

FILE = """
id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  till: {vendor: iiko}
  wa:   {vendor: whatsapp, phone_number_id: 1122334455667, access_token: {secret: wa-token},
         app_secret: {secret: wa-app}, verify_token: {secret: wa-verify}}
  sms:  {vendor: exolve, api_key: {secret: exolve-key}, sender: KOFE, whatsapp_sender: "wa-1"}
  mail: {vendor: resend, api_key: {secret: resend-key}, sender: "Кофейня <noreply@example.com>",
         signing_secret: {secret: resend-signing}}
flows:
  - flow: review_request
    from: [till]
    via: VIA
    text: "{name}, спасибо! {review_url}"
    review_url: https://example.org/r
    template: {name: review, parameters: ["{name|гость}"]}
"""


def read(folder: Path, via: str, more: str = "") -> Tenant:
    path = folder / "kofe.yaml"
    path.write_text(FILE.replace("VIA", via) + more, "utf-8")
    return read_tenant_file(path)


@pytest.mark.parametrize("via", ["[wa, sms]", "[wa, mail, sms]", "[sms, wa, mail]"])
def test_with_a_time_and_another_channel_after_it_it_may_be_used(tmp_path: Path, via: str) -> None:
    assert read(tmp_path, via, "    fallback_after: 30m\n").flows[0].via[-1] in ("sms", "mail")


@pytest.mark.parametrize(
    ("via", "more", "said"),
    [
        ("[wa]", "    fallback_after: 30m\n", "flows.0.via.0: what whatsapp takes may never arrive"),
        ("[sms, wa]", "    fallback_after: 30m\n", "flows.0.via.1: what whatsapp takes may never arrive"),
        ("[wa, sms]", "", "flows.0.fallback_after: expected a duration such as 30m"),
    ],
)
def test_otherwise_the_file_is_refused_with_what_is_missing(tmp_path: Path, via: str, more: str, said: str) -> None:
    with pytest.raises(TenantFileError) as error:
        read(tmp_path, via, more)
    assert said in str(error.value)
    assert len(error.value.mistakes) == 1


def test_channels_whose_word_is_good_need_neither(tmp_path: Path) -> None:
    assert read(tmp_path, "[mail, sms]").flows[0].via == ("mail", "sms")


@pytest.mark.parametrize("setting", ["access_token: {secret: wa-token}", "api_key: {secret: resend-key}"])
def test_a_credential_never_stands_in_the_file(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "kofe.yaml"
    name = setting.partition(":")[0]
    path.write_text(FILE.replace("VIA", "[mail, sms]").replace(setting, f"{name}: plain"), "utf-8")
    with pytest.raises(TenantFileError, match="never stands in this file"):
        read_tenant_file(path)
