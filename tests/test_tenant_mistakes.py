"""Whatever stands in a tenant file, the answer is a tenant or a list of mistakes, each with its line and what helps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from svyazka.catalogue import use
from svyazka.flows.registry import load_flow
from svyazka.model.errors import ConfigError
from svyazka.tenantfile.mistakes import TenantFileError
from svyazka.tenantfile.reader import read_tenant_file

FILE = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
retention: 30d
alerts: {to: [{connection: sms, phone: "+79990000001"}], after: 3h}
connections:
  till: {vendor: iiko, organization_id: "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"}
  sms: {vendor: smsru, api_id: {secret: smsru-api-id}, sender: KOFE, timeout: 10s}
flows:
  - flow: review_request
    from: [till]
    via: [sms]
    text: "{name}, спасибо! {review_url}"
    review_url: https://example.org/r
    delay: 30m
"""
ENGLISH = re.compile(r"\b(expected|got|unknown|line|stands|missing|did you mean|the|is|are|not|here|with)\b")
VALUE = "c0ffee-in-place-for-nobody"

# What is changed, and the one mistake that must be named: its line, its place, and words of the help.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "unknown key at the top": ("timezone:", "timezon:", r"line 3: timezon: unknown key; did you mean 'timezone'\?"),
    "unknown key of a connection": ("sender: KOFE", "sendr: KOFE", r"line 8: .*sendr: .*did you mean 'sender'"),
    "unknown key of a flow": ("    delay:", "    dellay:", r"line 15: .*dellay: unknown key; did you mean 'delay'"),
    "unknown key of the alerts": ("after: 3h", "afterr: 3h", r"line 5: .*afterr: unknown key; did you mean 'after'"),
    "unknown key of an addressee": ("phone:", "fone:", r"line 5: .*fone: unknown key; did you mean 'phone'"),
    "unknown key of a secret": ("{secret: smsru", "{sekret: x, secret: smsru", r"line 8: .*sekret: unknown key"),
    "unknown vendor": ("vendor: iiko", "vendor: iko", r"line 7: .*unknown vendor 'iko'; did you mean 'iiko'\?"),
    "no vendor's name at all": ("vendor: iiko", "vendor: [iiko]", r"line 7: .*vendor: unknown vendor"),
    "vendor missing": ("{vendor: iiko, ", "{", r"line 7: connections.till: expected settings with `vendor`"),
    "unknown flow": ("review_request", "review_reqest", r"line 10: .*unknown flow .*; did you mean 'review_request'\?"),
    "no flow's name at all": ("flow: review_request", "flow: {a: b}", r"line 10: .*flow: unknown flow"),
    "setting missing": ("    review_url: https://example.org/r\n", "", r"review_url: expected this setting"),
    "id missing": ("id: kofe\n", "", r"id: expected this setting, it is missing"),
    "secret in place": ("{secret: smsru-api-id}", VALUE, r"line 8: .*api_id: expected \{secret: NAME\}"),
    "unknown source": ("from: [till]", "from: [tilll]", r"line 11: .*no connection 'tilll'; did you mean 'till'\?"),
    "unknown channel": ("via: [sms]", "via: [smz]", r"line 12: .*no connection 'smz'; did you mean 'sms'\?"),
    "no connection's name at all": ("via: [sms]", "via: [{sms: 1}]", r"line 12: .*no connection"),
    "a channel twice": ("via: [sms]", "via: [sms, sms]", r"line 12: flows.0.via.1: 'sms' stands here twice"),
    "no list of channels": ("via: [sms]", "via: 5", r"line 12: flows.0.via: expected a list"),
    "unknown addressee": ("connection: sms,", "connection: smz,", r"line 5: .*no connection 'smz'"),
    "bad duration": ("delay: 30m", "delay: 30 minutes", r"line 15: flows.0.delay: expected a duration such as 30s"),
    "a duration without end": ("retention: 30d", "retention: 99999d", r"line 4: retention: expected .* ten years"),
    "bad duration of a connection": ("timeout: 10s", "timeout: 10", r"line 8: .*timeout: expected a duration"),
    "bad hours": ("delay: 30m", "quiet_hours: 9-21", r'line 15: .*expected hours such as "21:00-10:00"'),
    "hours of equal ends": ("delay: 30m", 'quiet_hours: "21:00-21:00"', r"line 15: .*two different times"),
    "equal business hours": (
        "timeout: 10s", 'retry: {business_hours: "00:00-24:00"}', r"line 8: .*two different times"
    ),
    "hours that are numbers to YAML": ("delay: 30m", "quiet_hours: [21:00, 10:00]", r"line 15: .*expected hours"),
    "bad zone": ("Europe/Moscow", "Moscow", r"line 3: timezone: expected a time zone such as Europe/Moscow"),
    "unknown placeholder": ("{name}, ", "{nane}, ", r"line 13: .*unknown placeholder \{nane\}"),
    "delay past the end": ("delay: 30m", "delay: 2d", r"delay: expected less than expires_after"),
    "a flow id that is no name": ("- flow:", "- id: Отзывы\n    flow:", r"line 10: flows.0.id: expected"),
    "a flow id of the engine's": ("- flow:", "- id: alerts\n    flow:", r"line 10: flows.0.id: .*alerts.* is taken"),
    "connections are a list": ("connections:\n", "connections: [till]\nmore:\n", r"line 6: connections: expected"),
}  # fmt: skip


SYNC = """
id: salon
name: Салон
timezone: Europe/Moscow
connections:
  salon: {vendor: yclients}
  crm: {vendor: amocrm, subdomain: shop}
  b24: {vendor: bitrix24}
  sms: {vendor: smsru}
flows:
  - flow: sync_contacts
    between: [salon, crm]
    fields: {phone: both, name: crm, birthday: off}
    create: {crm: {once: lead}, salon: always}
    conflicts: newest
    prefer: crm
"""
SYNC_MISTAKES: dict[str, tuple[str, str, str]] = {
    "a second flow between them": (
        "    prefer: crm", "    prefer: crm\n  - {flow: sync_contacts, id: two, between: [crm, b24]}",
        r"'crm' is kept in step by the flow 'sync_contacts' already: make one flow with three sides",
    ),
    "an unknown owner": ("name: crm", "name: cmr", r"fields.name: expected both, off or one of salon, crm, got 'cmr'"),
    "an unknown connection": ("[salon, crm]", "[salon, crn]", r"between.1: no connection 'crn'; did you mean 'crm'\?"),
    "one that keeps nobody": ("[salon, crm]", "[salon, crm, sms]", r"between.2: smsru doesn't know SyncObject"),
    "one alone": ("[salon, crm]", "[salon]", r"between: "),
    "a source besides": ("between:", "from: [crm]\n    between:", r"from: .*has `between` in place of it"),
    "newest without prefer": ("    prefer: crm\n", "", r"prefer: expected a connection"),
    "somebody to be made elsewhere": ("salon: always", "b24: always", r"create: expected one of salon, crm, got 'b24'"),
    "a deletion to be mirrored": ("prefer: crm", "prefer: crm\n    delete: mirror", r"delete: expected keep or ask"),
    "only by what there is": ("prefer: crm", "prefer: crm\n    only: {crm: {tags: x}}", r"only.crm: expected one"),
    "an unknown mode": ("prefer: crm", "prefer: crm\n    mode: of", r"mode: "),
}  # fmt: skip


def said(folder: Path, text: str | bytes) -> list[str]:
    """Every mistake that is named, as it is printed."""
    file = folder / "kofe.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TenantFileError) as caught:
        read_tenant_file(file)
    assert str(caught.value).startswith("kofe.yaml: ")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_good_file_is_a_tenant(tmp_path: Path) -> None:
    (tmp_path / "kofe.yaml").write_text(FILE, "utf-8")
    tenant = read_tenant_file(tmp_path / "kofe.yaml")
    assert (tenant.id, list(tenant.connections), [flow.id for flow in tenant.flows]) == (
        "kofe",
        ["till", "sms"],
        ["review_request"],
    )
    assert not tenant.paused


def test_a_good_sync_flow_is_taken_with_yamls_own_words_for_on_and_off(tmp_path: Path) -> None:
    (tmp_path / "kofe.yaml").write_text(SYNC.replace("    prefer", "    mode: on\n    prefer"), "utf-8")
    (flow,) = read_tenant_file(tmp_path / "kofe.yaml").flows
    assert flow.sources == ("salon", "crm")
    rules = load_flow("sync_contacts").rules(load_flow("sync_contacts").settings_model().model_validate(flow.settings))
    assert rules.writes
    assert rules.fields == {"name": "crm", "phone": "both", "email": "both", "birthday": "off"}
    assert rules.create == {"crm": "lead", "salon": "always"}


@pytest.mark.parametrize(("before", "after", "words"), SYNC_MISTAKES.values(), ids=SYNC_MISTAKES.keys())
def test_each_mistake_of_a_sync_flow_is_named(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in SYNC
    found = said(tmp_path, SYNC.replace(before, after, 1))
    assert any(re.search(words, one) for one in found), found


@pytest.mark.parametrize(("before", "after", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_kind_of_mistake_is_named_with_its_line_and_what_helps(
    tmp_path: Path, before: str, after: str, words: str
) -> None:
    assert before in FILE
    told = said(tmp_path, FILE.replace(before, after, 1))
    assert any(re.search(words, line) for line in told), told


@pytest.mark.parametrize(("before", "after"), [(before, after) for before, after, _words in MISTAKES.values()])
def test_each_is_said_in_the_readers_language_from_the_first_word_to_the_last(
    tmp_path: Path, before: str, after: str
) -> None:
    try:
        use("ru")
        told = said(tmp_path, FILE.replace(before, after, 1))
    finally:
        use(None)
    assert told
    assert [line for line in told if ENGLISH.search(line)] == []


def test_a_credential_that_stands_in_the_file_is_not_repeated(tmp_path: Path) -> None:
    told = said(tmp_path, FILE.replace("{secret: smsru-api-id}", VALUE))
    assert VALUE not in "".join(told)


def test_two_flows_of_one_id_are_told_apart(tmp_path: Path) -> None:
    flow = FILE[FILE.index("  - flow") :]
    (told,) = said(tmp_path, FILE + flow)
    assert told.startswith("line 16: flows.1.id: flow id 'review_request' stands at flows.0 already")


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = FILE.replace("timezone:", "timezon:").replace("vendor: iiko", "vendor: iko").replace("30m", "half an hour")
    assert len(said(tmp_path, text)) >= 4


# Not even YAML


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE.replace("  sms:", " sms:"), "line 8: not YAML"),
        (FILE.replace("{vendor: iiko", "{vendor: iiko, ["), "not YAML"),
        (FILE.replace("name: Кофейня", "name: 'Кофейня"), "not YAML"),
        (FILE.replace("    via", "\tvia"), "line 12: not YAML"),
        ("a: *nothing", "line 1: not YAML"), ("", "line 1: expected id, name, timezone"),
        ("- a\n- b", "line 1: expected id"),
        ("просто текст", "line 1: expected id"), ("\x00", "not YAML"), ("id: !!python/object:os.system x", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    assert any(words in line for line in said(tmp_path, text))


def test_what_is_no_utf8_says_how_to_save_it(tmp_path: Path) -> None:
    (tmp_path / "kofe.yaml").write_bytes(FILE.encode("cp1251"))
    with pytest.raises(ConfigError, match=r"kofe.yaml: expected UTF-8 text \(save the file as UTF-8\)"):
        read_tenant_file(tmp_path / "kofe.yaml")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "kofe.yaml").write_bytes(b"\xef\xbb\xbf" + FILE.encode())
    assert read_tenant_file(tmp_path / "kofe.yaml").id == "kofe"


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    for path in (tmp_path / "nobody.yaml", tmp_path):
        with pytest.raises(ConfigError, match="expected a tenant file"):
            read_tenant_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "id: &a [*a]", "connections: &a {till: *a}", "connections: {till: &a {vendor: iiko, base_url: *a}}",
        "flows: &a [*a]", "alerts: &a {to: *a}",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\n" + "".join(
            f"k{n}: &k{n} [*{'d' if n == 0 else f'k{n - 1}'}, *{'d' if n == 0 else f'k{n - 1}'}]\n" for n in range(40)
        ),
    ],
)  # fmt: skip
def test_a_file_that_bites_its_own_tail_is_a_mistake_and_no_hang(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, text)


# Anything at all

SCALARS = st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.dates() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["id", "name", "timezone", "alerts", "connections", "flows", "vendor", "flow", "from", "via", "to", "connection",
     "text", "review_url", "delay", "secret", "retry", "limit", "till", "sms"]
) | st.text(max_size=5) | st.integers(0, 3) | st.booleans() | st.none()  # fmt: skip
NAMES = st.sampled_from(["kofe", "iiko", "smsru", "review_request", "till", "sms", "30m", "Europe/Moscow"])
ANYTHING = st.recursive(
    SCALARS | NAMES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
LIKELY_CONNECTION = st.fixed_dictionaries(
    {"vendor": st.sampled_from(["iiko", "smsru", "http"]) | ANYTHING},
    optional={"api_id": ANYTHING, "retry": ANYTHING, "limit": ANYTHING},
)
LIKELY_FLOW = st.fixed_dictionaries(
    {"flow": st.just("review_request") | ANYTHING},
    optional={"from": ANYTHING, "via": ANYTHING, "text": ANYTHING, "id": ANYTHING},
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "id": ANYTHING,
        "name": ANYTHING,
        "timezone": ANYTHING | NAMES,
        "alerts": ANYTHING,
        "people": ANYTHING,
        "retention": ANYTHING,
        "connections": st.dictionaries(KEYS, LIKELY_CONNECTION, max_size=2) | ANYTHING,
        "flows": st.lists(LIKELY_FLOW, max_size=2) | ANYTHING,
    },
)


@given(LIKELY | ANYTHING)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_yaml_it_is_the_answer_is_a_tenant_or_its_mistakes(tmp_path: Path, content: Any) -> None:
    text = yaml.safe_dump(content, allow_unicode=True)
    (tmp_path / "any.yaml").write_text(text, "utf-8", errors="replace")
    mistakes: list[object] = ["none"]
    try:
        read_tenant_file(tmp_path / "any.yaml")
    except TenantFileError as error:
        mistakes = list(error.mistakes)
    assert mistakes


@pytest.mark.parametrize(
    ("accounts", "says"),
    [("cloud", "cloudpayments divides no payment among sellers"), ("other", "expected one of `via`"), ("kassa", None)],
)
def test_whoever_divides_no_payment_has_no_sellers(accounts: str, says: str | None, tmp_path: Path) -> None:
    file = tmp_path / "kofe.yaml"
    file.write_text(
        "id: kofe\nname: Кофейня\ntimezone: Europe/Moscow\nconnections:\n"
        "  site: {vendor: site, origins: [https://example.org]}\n"
        "  kassa: {vendor: yookassa, shop_id: '100500', secret_key: {secret: a}}\n"
        "  cloud: {vendor: cloudpayments, public_id: {secret: b}, api_secret: {secret: c}}\n"
        "flows:\n  - flow: take_payment\n    from: [site]\n    via: [kassa, cloud]\n"
        f"    sellers: {{anna: {{accounts: {{{accounts}: '1'}}, part: 1}}}}\n",
        "utf-8",
    )
    if says is None:
        assert read_tenant_file(file).flows[0].settings["sellers"]
        return
    with pytest.raises(TenantFileError, match=re.escape(says)):
        read_tenant_file(file)


SHOP = (
    "id: kofe\nname: Кофейня\ntimezone: Europe/Moscow\nconnections:\n  site: {vendor: site, origins: [https://a.ru]}\n"
    "  kassa: {vendor: yookassa, shop_id: '100500', secret_key: {secret: a}, vat: '20'}\n"
    "flows:\n  - flow: take_payment\n    from: [site]\n    via: [kassa]\n    return_url: https://a.ru/paid\n"
)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("vat: '20'", "vat: 20", "нужен текст: напишите в кавычках, '20'"),
        ("vat: '20'", "vat: '21'", "'22/122'"),
        ("https://a.ru/paid", "a.ru/paid", "нужно: адрес, который начинается с https://"),
        ("[kassa]", "[site]", "site не принимает платежи и не регистрирует чеки"),
        ("via: [kassa]", "via: [kassa", "не YAML"),
        ("[kassa]", "[kassa, *kofe]", "не YAML: такой метки нет: 'kofe'"),
    ],
)
def test_a_shops_mistakes_are_said_in_the_readers_language(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in SHOP
    try:
        use("ru")
        told = said(tmp_path, SHOP.replace(before, after, 1))
    finally:
        use(None)
    assert any(words in line for line in told), told
    assert [line for line in told if re.search(r"\b(or|expected|MakeLink|found|alias)\b", line)] == []
