"""A tenant file's mistakes are named with their line and in words that help; what could never work is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.model.tenants import ConnectionSettings
from svyazka.tenantfile.mistakes import TenantFileError
from svyazka.tenantfile.reader import read_tenant_file, read_tenant_text
from svyazka.tenanttext import text_of

FILE = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
alerts: {to: [{connection: sms, phone: "+79990000001"}]}
connections:
  till: {vendor: iiko}
  sms: {vendor: smsru, api_id: {secret: smsru-api-id}}
flows:
  - flow: review_request
    from: [till]
    via: [sms]
    text: "{name}, спасибо! {review_url}"
    review_url: https://example.org/r
"""


def mistakes(folder: Path, *changes: tuple[str, str], more: str = "") -> list[str]:
    """What is said of the file with these changes."""
    text = FILE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file = folder / "kofe.yaml"
    file.write_text(text + more, "utf-8")
    with pytest.raises(TenantFileError) as error:
        read_tenant_file(file)
    return [str(mistake) for mistake in error.value.mistakes]


def test_the_file_without_mistakes_is_read(tmp_path: Path) -> None:
    (tmp_path / "kofe.yaml").write_text(FILE, "utf-8")
    assert read_tenant_file(tmp_path / "kofe.yaml").flows[0].via == ("sms",)


@pytest.mark.parametrize(
    ("before", "after", "where", "expected"),
    [
        ("id: kofe", "id: Кафе", "line 1: id", "small Latin letters, digits, - and _, got 'Кафе'"),
        ("name: Кофейня", "name: 12", "line 2: name", "text (in quotes where it looks like a number)"),
        ("alerts: {to", "alerts: {after: 3, to", "line 4: alerts.after", "a duration such as 30s, 15m, 24h or 30d"),
        ('[{connection: sms, phone: "+79990000001"}]', "sms", "line 4: alerts.to", "a list, such as [a, b]"),
        ("  till: {", "  my till: {", "line 6: connections.my till", "small Latin letters, digits, - and _"),
        ("iiko}", "iiko, final_statuses: Closed}", "line 6: connections.till.final_statuses", "a list, such as [a, b]"),
        ("smsru-api-id", "my key", "line 7: connections.sms.api_id", "the name of a secret: Latin letters, digits"),
        ("https://", "", "line 13: flows.0.review_url", "an address such as https://example.org/review"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_answered_with_what_was_expected(
    tmp_path: Path, before: str, after: str, where: str, expected: str
) -> None:
    said = mistakes(tmp_path, (before, after))
    assert any(line.startswith(f"{where}: expected {expected}") for line in said), said


def test_a_setting_that_stands_twice_is_a_mistake_for_one_of_them_would_be_lost(tmp_path: Path) -> None:
    said = mistakes(tmp_path, ("  sms: {", "  till: {vendor: iiko}\n  sms: {"), more="    text: другой\n")
    assert said == [
        "line 7: connections.till: stands twice, first in line 6",
        "line 15: flows.0.text: stands twice, first in line 13",
    ]


def test_mistakes_at_the_top_and_below_are_told_together(tmp_path: Path) -> None:
    said = mistakes(tmp_path, ("id: kofe", "id: Kofe"), ("Europe/Moscow", "Moscow"), ("via: [sms]", "via: [smss]"))
    assert sorted(line.split(": ")[1] for line in said) == ["flows.0.via.0", "id", "timezone"]


def test_a_channel_that_carries_no_messages_is_refused(tmp_path: Path) -> None:
    said = mistakes(tmp_path, ("from: [till]", "from: [sms]"), ("via: [sms]", "via: [till]"))
    assert said == ["line 11: flows.0.via.0: iiko carries no messages; connections that do: sms"]


def test_a_connection_with_a_mistake_of_its_own_isnt_called_missing_besides(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, ("vendor: iiko", "vendor: iko"))) == 1


@pytest.mark.parametrize(
    ("addressee", "said"),
    [
        ('{connection: smss, phone: "+79990000001"}', "connection: no connection 'smss'; did you mean 'sms'?"),
        ('{connection: till, phone: "+79990000001"}', "connection: iiko carries no messages; connections that do: sms"),
        ("{connection: sms, phone: хозяйке}", "phone: smsru can't reach this address"),
        ("{connection: sms, email: a@example.org}", "email: smsru can't reach this address: it sends to a phone"),
    ],
)
def test_who_could_never_be_told_of_troubles_is_a_mistake(tmp_path: Path, addressee: str, said: str) -> None:
    assert mistakes(tmp_path, ('{connection: sms, phone: "+79990000001"}', addressee)) == [
        f"line 4: alerts.to.0.{said}"
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            "vendor: iiko, organization_id: 7bc05553-4b68-44e8-b7bc-37be63",
            "organization_id: expected an id such as",
        ),
        ("vendor: iiko, organization_id: Кофейня", "organization_id: expected an id such as"),
        ("vendor: amocrm, account_id: kofe", "account_id: expected an id of amoCRM's: digits only"),
        ("vendor: amocrm, won_statuses: [won]", "won_statuses.0: expected a status id"),
        ("vendor: yclients, company_id: 99744I", "company_id: expected a whole number"),
        ('vendor: whatsapp, phone_number_id: "+79990000001"', "phone_number_id: expected the number's id of Meta's"),
        ("vendor: rkeeper, object_id: дом", "object_id.0: expected a whole number"),
    ],
)
def test_an_id_that_could_never_match_is_a_mistake_for_it_would_drop_everything(
    tmp_path: Path, settings: str, expected: str
) -> None:
    (said,) = mistakes(tmp_path, ("connections:\n", f"connections:\n  it: {{{settings}}}\n"))
    assert said.startswith(f"line 6: connections.it.{expected}")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("id: k\nconnections:\n\ttill: {vendor: iiko}\n", 3, "a tab stands before the text"),
        ("id: k\nflows:\n  - flow: r\n    text: {name}, спасибо!\n", 4, 'goes in quotes: text: "{..."'),
        ("id: k\nflows:\n  - flow: r\n    text: {name} спасибо {x}\n", 4, 'goes in quotes: text: "{..."'),
        (
            "connections:\n  till: {vendor: iiko}\n   sms: {vendor: smsru}\n",
            3,
            "it begins 3 space(s) in, the line before 2",
        ),
        ("connections:\n    till: {vendor: iiko}\n  sms: {vendor: smsru}\n", 3, "it begins 2 space(s) in"),
        ("id: k\n name: X\n", 2, "it begins 1 space(s) in"),
        ("id: k\nconnections:\n\u00a0\u00a0till: {vendor: iiko}\n", 3, "a no-break space (U+00A0) stands here"),
        ("id: k\nname:\u00a0Кофейня\n", 2, "a no-break space (U+00A0) stands here"),
        ("connections:\n  till: {vendor:\u202fiiko}\n", 2, "a no-break space (U+202F) stands here"),
        ("id: k\nname: Кофейня: лучшая\n", 2, 'goes in quotes: name: "..."'),
        ('id: k\nname: "Кофейня\ntimezone: X\n', 2, "a quote opens here and is never closed"),
        ('id: k\nname: "Кофейня "На Покровке""\n', 2, "quotes within quotes"),
        ("id: k\nname: @x\n", 2, 'goes in quotes: name: "@..."'),
        ("id: k\nname: *x\n", 2, 'goes in quotes: name: "*..."'),
        ("flows:\n  - flow: r\n    from: [till\n    via: [sms]\n", 3, "[ opens here and isn't closed: write ]"),
        ("connections:\n  till: {vendor: iiko\n  sms: {vendor: smsru}\n", 2, "{ opens here and isn't closed: write }"),
        ("id:k\nname: x\n", 1, "a space belongs after the colon: id: ..."),
        ("id: k\nname:x\ntimezone: y\n", 2, "a space belongs after the colon: name: ..."),
        ("id: k\nflows:\n  -flow: r\n   from: [till]\n", 3, "a space belongs after the dash: - flow"),
        ("id: k\x07\n", 1, "a character that can't be seen (U+0007)"),
    ],
)
def test_what_yaml_cannot_read_is_said_with_its_line_and_what_to_write(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    (tmp_path / "kofe.yaml").write_text(text, "utf-8")
    with pytest.raises(TenantFileError) as error:
        read_tenant_file(tmp_path / "kofe.yaml")
    (mistake,) = map(str, error.value.mistakes)
    assert mistake.startswith(f"line {line}: ")
    assert said in mistake


def test_a_no_break_space_within_a_text_is_a_part_of_it(tmp_path: Path) -> None:
    text = FILE.replace("name: Кофейня", "name: Кофейня\u00a0№\u00a01").replace("спасибо!", "спасибо\u00a0!")
    (tmp_path / "kofe.yaml").write_text(text, "utf-8")
    assert read_tenant_file(tmp_path / "kofe.yaml").name == "Кофейня\u00a0№\u00a01"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("id: kofe", "id: kоfe", "«о» (U+043E) in 'kоfe' is Cyrillic and only looks Latin: type kofe"),
        ("via: [sms]", "via: [smѕ]", "did you mean 'sms'? («ѕ» (U+0455)"),
        ("vendor: iiko", "vendor: iikо", "did you mean 'iiko'? («о» (U+043E)"),
        ("    text:", "    tехt:", "did you mean 'text'? («е» (U+0435), «х» (U+0445)"),
        ("timezone: Europe/Moscow", "timezone: Moscow", "did you mean Europe/Moscow?"),
        ("timezone: Europe/Moscow", "timezone: europe/moscow", "did you mean Europe/Moscow?"),
        ("timezone: Europe/Moscow", "timezone: Москва", "did you mean Europe/Moscow?"),
        ("timezone: Europe/Moscow", "timezone: UTC+5", "did you mean Asia/Yekaterinburg?"),
        ("timezone: Europe/Moscow", "timezone: МСК+4", "did you mean Asia/Krasnoyarsk?"),
        ("timezone: Europe/Moscow", "timezone: Asia/Novosibirks", "did you mean Asia/Novosibirsk?"),
    ],
)
def test_a_letter_of_another_alphabet_and_a_zone_written_otherwise_are_named(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert any(said in line for line in mistakes(tmp_path, (before, after)))


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_every_setting_may_lie_in_a_secret_whatever_form_it_has(tmp_path: Path, vendor: str) -> None:
    own = load_manifest(vendor).settings.model_fields.keys() - ConnectionSettings.model_fields.keys()
    settings = ", ".join(f"{name}: {{secret: x-{name}}}" for name in sorted(own))
    text = FILE.replace("connections:\n", f"connections:\n  it: {{vendor: {vendor}, {settings}}}\n")
    (tmp_path / "kofe.yaml").write_text(text, "utf-8")
    assert read_tenant_file(tmp_path / "kofe.yaml").connections["it"].settings.keys() == own


OWNER = '{name: Мария, role: owner, connection: sms, phone: "+79990000001"}'
FRIEND = "{name: Мария, role: owner, google: maria@example.org}"


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("Мария", "people: expected a list, such as [a, b]"),
        ("[Мария]", "people.0: expected names and values, such as {name: value}"),
        ("[{name: Аня, role: looker, google: a@example.org}]", "people: expected one with role: owner at least"),
        (f"[{OWNER}, {FRIEND}]", "people.1.name: Мария stands at people.0 already"),
        ("[{name: Мария, role: boss, google: m@example.org}]", "people.0.role: expected 'looker', 'operator'"),
        ("[{name: Мария, role: owner}]", "people.0: expected an address for a code"),
        ("[{name: Мария, role: owner, connection: sms}]", "people.0: expected connection with exactly one of"),
        ('[{name: Мария, role: owner, phone: "+79990000001"}]', "people.0: expected connection with exactly one of"),
        ('[{name: Мария, role: owner, connection: till, phone: "+79990000001"}]', "people.0.connection: iiko"),
        ("[{name: Мария, role: owner, of: kofe}]", "people.0.of: expected another tenant"),
        ("[{name: Мария, role: owner, of: studio, google: m@example.org}]", "people.0: expected only"),
        ("[{name: Мария, role: owner, google: maria}]", "people.0.google: expected a Google account"),
        ("[{name: Мария, role: owner, google: m@example.org, rol: x}]", "people.0.rol: unknown key"),
    ],
)  # fmt: skip
def test_who_could_never_come_in_or_whom_nobody_could_let_in_is_a_mistake(
    tmp_path: Path, people: str, said: str
) -> None:
    found = mistakes(tmp_path, more=f"people: {people}\n")
    assert [line.removeprefix("line 14: ")[: len(said)] for line in found] == [said]


def test_people_are_read_and_written_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "kofe.yaml").write_text(
        f"{FILE}people: [{OWNER}, {{name: Пётр, role: operator, of: studio}}]\n", "utf-8"
    )
    read = read_tenant_file(tmp_path / "kofe.yaml")
    assert [(one.name, one.role.value, one.of) for one in read.people] == [
        ("Мария", "owner", None), ("Пётр", "operator", "studio"),
    ]  # fmt: skip
    assert read_tenant_text(text_of(read), "kofe.yaml") == read
