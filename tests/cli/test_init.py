"""`svyazka init` makes a tenant file that `apply` takes; credentials go into the store only."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.conftest import API_ID, Installation, order
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.flows.registry import DOES, FLOWS, load_flow
from svyazka.tenantfile.reader import read_tenant_file
from vendors import VENDORS as DESCRIBED

MANIFESTS = {vendor: load_manifest(vendor) for vendor in VENDORS}
REVIEW = ("--set", "review_url=https://example.org/r")
PLAIN = ("init", "--yes", "--name", "Кофейня", "--id", "kofe", "--from", "till=iiko", "--via", "smsru", *REVIEW)

NEEDED = {
    "booking": ("--via", "yclients,smsru"),
    "booking_bot": ("--via", "telegram,yclients"),
    "close_table": ("--via", "smsru", "--set", "staff={phone: '+79990000001'}"),
    "enrich": ("--via", "amocrm", "--set", "events=[order.completed]", "--set", "note=№{number}"),
    "forward": ("--via", "http"),
    "lead_intake": ("--via", "amocrm"),
    "new_user_is_lead": ("--via", "amocrm"),
    "notify": ("--via", "smsru", "--set", "events=[lead.created]", "--set", "to={curator: {phone: '+79990000001'}}"),
    "one_time_code": ("--via", "smsru"),
    "another_card": ("--via", "smsru"),
    "paid_order": ("--via", "amocrm"),
    "refund_on_cancel": (),
    "review_request": ("--via", "smsru", *REVIEW),
    "sync": ("--via", "amocrm,bitrix24", "--set", "fields={name: both}"),
    "sync_appointments": (
        "--via", "amocrm,yclients", "--set", "stages={booked: 1, confirmed: 2, completed: 3, cancelled: 4, missed: 5}",
    ),
    "sync_contacts": ("--via", "amocrm,yclients"),
    "take_payment": ("--via", "yookassa", "--set", "yookassa.shop_id=100500"),
}  # fmt: skip
"""What each flow can't do without, and has no default."""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in VENDORS:
        for variable in load_manifest(vendor).credentials.environment.values():
            monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def smsru(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brief's variables of sms.ru."""
    monkeypatch.setenv("SMSRU_API_KEY", API_ID)
    monkeypatch.setenv("SMSRU_SENDER", "KOFE")


def file_of(installation: Installation, name: str = "kofe") -> Path:
    return installation.folder / "tenants" / f"{name}.yaml"


def test_options_environment_and_defaults_make_a_file_without_the_credentials(bare: Installation, smsru: None) -> None:
    bare.svyazka(
        "init",
        "--yes",
        "--name",
        "Кофейня «У Щёлоковых»",
        "--from",
        "till=iiko",
        *REVIEW,
        "--alert-to",
        "8 999 000 00 01",
    )
    (file,) = (bare.folder / "tenants").iterdir()
    tenant = read_tenant_file(file)
    assert (file.name, tenant.id, tenant.timezone) == ("kofeynya-u-shchelokovykh.yaml", file.stem, "Europe/Moscow")
    assert tenant.connections["smsru"].settings == {"api_id": {"secret": "smsru-api-id"}, "sender": "KOFE"}
    assert [flow.model_dump(include={"flow", "sources", "via"}) for flow in tenant.flows] == [
        {"flow": "review_request", "sources": ("till",), "via": ("smsru",)}
    ]
    assert tenant.flows[0].settings["quiet_hours"] == "21:00-10:00"
    assert [one.phone for one in tenant.alerts.to] == ["+79990000001"]
    assert API_ID not in file.read_text("utf-8") + "".join(bare.outputs)


def test_applied_it_does_what_was_asked_for(bare: Installation, smsru: None) -> None:
    said = bare.svyazka(
        *PLAIN,
        "--apply",
        "--set",
        f"smsru.base_url={bare.vendors.url}/smsru",
        "--set",
        "delay=",
        "--set",
        "quiet_hours=",
    )
    assert "/webhook_iiko?key=" in said.stdout
    assert bare.rows("secret", "list", "kofe")[0]["set"] is True
    bare.done(order())
    assert [text.partition(",")[0] for text in bare.sent()] == ["Иван"]
    assert ("secret set", "kofe/smsru-api-id") in bare.audit()


def test_what_comes_next_is_said_and_works(bare: Installation) -> None:
    said = bare.svyazka(*PLAIN).stdout
    apply, secret, urls, doctor, _ = (line.split("#")[0].split()[1:] for line in said.splitlines() if line[:1] == " ")
    assert not bare.data.exists()
    bare.svyazka(*apply, "--yes")
    assert bare.svyazka(*doctor, status=1).stdout.count("svyazka secret set kofe smsru-api-id") == 2
    bare.svyazka(*secret, given=API_ID)
    bare.svyazka(*urls)
    bare.svyazka(*doctor)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--name"),
        (("--name", "中"), "--id"),
        (("--name", "К", "--id", "Kofe"), "small Latin letters"),
        (("--name", "К", "--timezone", "Moscow"), "Europe/Moscow"),
        (("--name", "К"), "--from"),
        (("--name", "К", "--from", "iko"), "did you mean 'iiko'?"),
        (("--name", "К", "--from", "iiko"), "--via"),
        (("--name", "К", "--from", "a=iiko", "--via", "a=smsru", *REVIEW), "NAME=VENDOR"),
        (("--name", "К", "--from", "iiko", "--via", "smsru"), "review_url"),
        (("--name", "К", "--from", "iiko", "--via", "smsru", *REVIEW, "--set", "quiet_hours=night"), "21:00-10:00"),
        (("--name", "К", "--from", "iiko", "--via", "smsru", "--set", "review_url=r.ru"), "an address such as https"),
        (("--name", "К", "--from", "iiko", "--via", "smsru", *REVIEW, "--set", "iiko.sender=X"), "no setting 'sender'"),
        (("--name", "К", "--from", "iiko", "--via", "smsru", *REVIEW, "--set", "till.id=X"), "till.id"),
        (("--name", "К", "--from", "iiko", "--via", "smsru", *REVIEW, "--set", "delay"), "SETTING=VALUE"),
        (("--name", "К", "--from", "iiko", "--via", "smsru", *REVIEW, "--alert-to", "112"), "--alert-to"),
        (("--name", "К", "--from", "iiko", "--via", "resend", *REVIEW), "RESEND_FROM"),
        (("--name", "К", "--flow", "sync_appointments", "--via", "amocrm,bitrix24"), "one calendar and a CRM"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_named_and_nothing_is_written(
    bare: Installation, arguments: tuple[str, ...], told: str
) -> None:
    said = bare.svyazka("init", "--yes", *arguments, status=2)
    assert told in re.sub(r"[\s│]+", " ", said.stderr)
    assert list(bare.folder.iterdir()) == []


def test_a_credential_on_the_command_line_is_refused_and_not_repeated(bare: Installation) -> None:
    said = bare.svyazka(*PLAIN, "--set", f"smsru.api_id={API_ID}", status=2)
    assert "never taken from the command line" in re.sub(r"[\s│]+", " ", said.stderr)
    assert API_ID not in said.output


def test_a_file_that_is_there_is_replaced_only_when_told(bare: Installation) -> None:
    bare.svyazka(*PLAIN)
    before = file_of(bare).read_text("utf-8")
    assert "--overwrite" in bare.svyazka(*PLAIN, "--set", "delay=1h", status=1).stderr
    assert file_of(bare).read_text("utf-8") == before
    bare.svyazka(*PLAIN, "--set", "delay=1h", "--overwrite")
    assert read_tenant_file(file_of(bare)).flows[0].settings["delay"] == "1h"
    assert [path.name for path in file_of(bare).parent.iterdir()] == ["kofe.yaml"]


def test_a_secret_that_is_there_is_replaced_only_when_told(hub: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> list[str]:
        return [target for action, target in hub.audit() if action == "secret set"]

    monkeypatch.setenv("SMSRU_API_KEY", API_ID)
    hub.svyazka(*PLAIN)
    monkeypatch.setenv("SMSRU_API_KEY", "another-key-for-tests")
    assert "stays as it was" in hub.svyazka("init", "again.yaml", *PLAIN[1:]).stderr
    assert len(kept()) == 1
    hub.svyazka("init", "again.yaml", *PLAIN[1:], "--overwrite")
    assert len(kept()) == 2


def test_without_a_terminal_nobody_is_asked(bare: Installation) -> None:
    assert "--yes" in bare.svyazka("init", status=1).stderr


def test_a_file_that_apply_would_not_take_is_not_written(bare: Installation) -> None:
    said = bare.svyazka(*PLAIN, "--set", "delay=2d", status=1)
    assert "delay: expected less than expires_after" in said.stderr
    assert list((bare.folder / "tenants").iterdir()) == []


def written(value: object) -> str:
    """A value as it is given on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("flow", sorted(FLOWS))
@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_and_every_flow_can_be_begun_with(bare: Installation, vendor: str, flow: str) -> None:
    channel = load_manifest(vendor).carries("SendMessage") and load_flow(flow).carries == ("SendMessage",)
    used = channel or load_flow(flow).needs_sources
    needed = [
        part
        for setting in load_manifest(vendor).credentials.needed()
        if used and setting not in load_manifest(vendor).credentials.secret
        for part in ("--set", f"{vendor}.{setting}={written(DESCRIBED[vendor].plain[setting])}")
    ]
    also = ("--via", vendor) if channel else ()
    bare.svyazka(
        "init", "--yes", "--name", "К", "--id", "k", "--flow", flow, "--from", vendor, *also, *NEEDED[flow], *needed
    )
    tenant = read_tenant_file(file_of(bare, "k"))
    assert [one.flow for one in tenant.flows] == [flow]
    assert vendor in tenant.connections or not used


def test_a_calendar_and_a_crm_are_put_in_step_by_what_each_of_them_keeps(bare: Installation) -> None:
    vendors = ("--via", "amocrm,yclients", *NEEDED["sync_appointments"][2:])
    needed = ("--set", "amocrm.base_url=https://k.amocrm.ru", "--set", "yclients.company_id=1")
    bare.svyazka("init", "--yes", "--name", "К", "--id", "k", "--flow", "sync_appointments", *vendors, *needed)
    (flow,) = read_tenant_file(file_of(bare, "k")).flows
    assert (flow.settings["between"], flow.settings["as"]) == (["yclients", "amocrm"], {"amocrm": "deal"})


def test_the_briefs_variables_are_read() -> None:
    brief = {
        "SMSRU_API_KEY", "SMSRU_SENDER", "META_WHATSAPP_ACCESS_TOKEN", "META_WHATSAPP_PHONE_NUMBER_ID",
        "EXOLVE_WHATSAPP_API_KEY", "EXOLVE_WHATSAPP_SENDER_ID", "RESEND_API_KEY", "RESEND_FROM",
    }  # fmt: skip
    read = [variable for vendor in VENDORS for variable in load_manifest(vendor).credentials.environment.values()]
    assert brief <= set(read)
    assert len(set(read)) == len(read), "two vendors read one variable"
    page = (Path(__file__).parent.parent.parent / "docs" / "command-line.md").read_text("utf-8")
    told = re.findall(r"^\| (\w+) \| (`[A-Z_`, ]+`) \|$", page, re.M)
    assert {vendor: sorted(re.findall(r"\w+", names)) for vendor, names in told} == {
        vendor: sorted(load_manifest(vendor).credentials.environment.values())
        for vendor in VENDORS
        if load_manifest(vendor).credentials.environment
    }


def test_channels_are_proposed_by_the_environment_but_whatsapp_never(
    bare: Installation, smsru: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vendor in VENDORS:
        for variable in load_manifest(vendor).credentials.environment.values():
            monkeypatch.setenv(variable, "hub@example.org")
    told = bare.svyazka("init", "--yes", "--name", "К", "--id", "k", "--from", "iiko", *REVIEW)
    held = {vendor: one for vendor, one in MANIFESTS.items() if one.messenger and one.credentials.environment}
    unasked = {vendor for vendor, one in held.items() if one.credentials.not_proposed}
    places = {one.proposed: vendor for vendor, one in held.items() if vendor not in unasked}
    assert len(places) == len(held.keys() - unasked), "two channels share a place: `proposed` in their manifests"
    via = read_tenant_file(file_of(bare, "k")).flows[0].via
    assert via == tuple(
        sorted(held.keys() - unasked, key=lambda one: (held[one].reaches != "phone", held[one].proposed))
    )
    assert via[0] == "smsru"
    assert {"whatsapp", "exolve"} <= unasked
    for vendor in unasked:
        said = f"{vendor} isn't taken though its variables are set: {load_manifest(vendor).credentials.not_proposed}"
        assert said in told.stderr


@pytest.mark.parametrize("vendor", ["whatsapp", "exolve"])
def test_a_channel_that_is_not_proposed_is_taken_when_named_with_a_word_of_what_it_needs(
    bare: Installation, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    for variable in load_manifest(vendor).credentials.environment.values():
        monkeypatch.setenv(variable, "5")
    via = ("--via", vendor, "--via", "smsru")
    told = bare.svyazka("init", "--yes", "--name", "К", "--id", "k", "--from", "iiko", *via, *REVIEW)
    assert vendor in read_tenant_file(file_of(bare, "k")).connections
    assert f"{vendor}: {load_manifest(vendor).credentials.not_proposed}" in told.stderr
    assert "isn't taken" not in told.stderr


# By questions, at a terminal


class Terminal:
    """A command at a terminal of its own; what it shows is read until a question stands there."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master, self.shown = process, master, ""
        self._read_to = 0

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, and type. A hidden one's last space comes once nothing is shown any more."""
        end = time.monotonic() + 90
        while question not in self.shown[self._read_to :]:
            assert time.monotonic() < end, f"no {question!r} in {self.shown}"
            assert self._more(), f"it ended without {question!r}: {self.shown}"
        self._read_to = len(self.shown)
        os.write(self._master, f"{text}\n".encode())

    def end(self) -> int:
        """Read the rest; its exit status."""
        while self._more():
            pass
        return self.process.wait(30)

    def _more(self) -> bool:
        if not select.select([self._master], [], [], 30)[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self.shown += piece.decode("utf-8", "replace")
        return bool(piece)


@contextmanager
def terminal(installation: Installation, *arguments: str, **variables: str) -> Iterator[Terminal]:
    master, slave = os.openpty()
    command = [sys.executable, "-m", "svyazka.cli", "--data", str(installation.data), *arguments]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=installation.folder,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb", **variables},
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_by_questions(bare: Installation) -> None:
    with terminal(bare, "init", SMSRU_SENDER="KOFE") as asked:
        asked.answer("Name of the business:", "Салон «Ёлка»")
        asked.answer("[salon-elka]:", "")
        asked.answer("[Europe/Moscow]:", "Moscow")
        asked.answer("Europe/Moscow, got 'Moscow'", "Asia/Omsk")
        asked.answer("[review_request]:", "")
        asked.answer("yookassa):", "yclent")
        asked.answer("did you mean 'yclients'?", "yclients")
        asked.answer("preferred one first", "smsru")
        asked.answer("yclients: set them now?", "y")
        asked.answer("yclients: company_id", "997441")
        asked.answer("yclients: partner_token (Enter: later): ", "partner-token-for-tests")
        asked.answer("yclients: user_token (Enter: later): ", "")
        asked.answer("yclients: booking_form (Enter: later): ", "")
        asked.answer("smsru: api_id (Enter: later): ", API_ID)
        asked.answer("told of troubles", "")
        asked.answer("review_request: text [", "")
        asked.answer("review_request: review_url (an address", "")
        asked.answer("expected a value, got none", "example.org")
        asked.answer(
            "review_request: review_url (an address such as https://example.org/review):", "https://example.org/r"
        )
        asked.answer("review_request: delay [30m]:", "-")
        asked.answer("review_request: quiet_hours [21:00-10:00]:", "")
        asked.answer("review_request: at_most_once_per [30d]:", "")
        assert asked.end() == 0
    tenant = read_tenant_file(file_of(bare, "salon-elka"))
    assert tenant.connections["yclients"].settings == {
        "company_id": 997441, "partner_token": {"secret": "yclients-partner-token"}
    }  # fmt: skip
    assert tenant.connections["smsru"].settings == {"api_id": {"secret": "smsru-api-id"}, "sender": "KOFE"}
    assert "delay" not in tenant.flows[0].settings
    assert "-for-tests" not in asked.shown
    assert "isn't found by polling" in asked.shown
    assert all(f"  {flow}: {what}" in asked.shown for flow, what in DOES.items())
    assert DOES.keys() == FLOWS.keys()
    bare.svyazka("apply", "tenants/salon-elka.yaml", "--yes")
    stored = {row["name"] for row in bare.rows("secret", "list", "salon-elka") if row["set"]}
    assert stored == {"yclients-partner-token", "smsru-api-id"}


def test_asked_whether_to_replace_the_file_no_leaves_it(bare: Installation) -> None:
    bare.svyazka(*PLAIN)
    with terminal(bare, "init", "--name", "К", "--id", "kofe") as asked:
        asked.answer("Replace it? [y/N]:", "")
        assert asked.end() == 1
    assert read_tenant_file(file_of(bare)).name == "Кофейня"


def test_left_in_the_middle_nothing_is_written(bare: Installation) -> None:
    with terminal(bare, "init") as asked:
        asked.answer("Name of the business:", "К")
        asked.answer("Its id", "\x04")
        assert asked.end() == 1
    assert list(bare.folder.iterdir()) == []


def test_of_two_kinds_of_access_the_one_that_the_vendor_recommends_is_named(bare: Installation, smsru: None) -> None:
    said = " ".join(bare.svyazka(*PLAIN).stderr.split())
    assert "iiko recommends API keys: app_id and client_secret from public-api.iikoweb.ru/portal" in said
