"""`svyazka import --into`: what a person at the command line sees of a file on its way into amoCRM's stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import messy_rows
from cli.conftest import Installation
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.importing import planning
from vendors import CRMS

TENANT = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  crm: {{vendor: amocrm, subdomain: %s, account_id: "%s", token: {{secret: amo}}, base_url: "{vendors}/amocrm"}}
flows: []
"""


@pytest.fixture(scope="module")
def amocrm() -> Iterator[Running]:
    with serve([load_simulator("amocrm")]) as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, amocrm: Running, monkeypatch: pytest.MonkeyPatch) -> Installation:
    known = CRMS["amocrm"]
    amocrm.of("amocrm").clear()
    known.open(amocrm)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    made = Installation(tmp_path, amocrm)
    text = TENANT % (known.settings["subdomain"], known.settings["account_id"])
    made.svyazka("apply", str(made.write(text)), "--yes")
    made.svyazka("secret", "set", "kofe", "amo", given=str(known.secrets["token"]))
    return made


def contacts(hub: Installation) -> int:
    return len(hub.vendors.of("amocrm").cards["contacts"])


def test_a_dry_run_foresees_what_the_import_does(hub: Installation, tmp_path: Path):
    made = messy_rows.messy(130, seed=5, doubles=0.08)
    file = messy_rows.write_csv(tmp_path / "base.csv", made)
    arguments = ("import", str(file), "--into", "crm", "--as", "shop")
    (foreseen,) = hub.rows(*arguments, "--dry-run")
    assert contacts(hub) == 0
    (done,) = hub.rows(*arguments)
    ready = sum(one.outcome == "ready" for one in made)
    assert (done["state"], done["counts"]["read"]) == ("done", len(made) + messy_rows.HEAD)
    assert foreseen["outcomes"]["would_create"] == done["outcomes"]["created"] == contacts(hub) == ready
    assert done["outcomes"]["doubt"] == sum(one.outcome == "doubt" for one in made)
    (again,) = hub.rows(*arguments)
    assert (again["outcomes"]["unchanged"], contacts(hub)) == (ready, ready)
    assert ("import", "kofe/crm") in hub.audit()


@pytest.mark.parametrize("dry", [True, False])
def test_a_file_that_is_changed_while_it_is_looked_through_is_begun_anew(
    hub: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: bool
):
    """It is gone through twice: of a line that has moved in between, another one's fate would be told and done."""
    file = tmp_path / "base.csv"
    lines = ["ФИО;Телефон", "Петров Иван;+7 999 123-45-67", "Петров Иван;+7 999 123-45-67", "Анна;+7 999 222-33-44"]
    file.write_text("\n".join(lines))
    listed = planning.listed

    async def listed_while_somebody_saves(*arguments: Any) -> Any:
        file.write_text("\n".join(lines[:2] + lines[3:]))
        return await listed(*arguments)

    monkeypatch.setattr(planning, "listed", listed_while_somebody_saves)
    arguments = ("import", str(file), "--into", "crm", "--yes", *(("--dry-run",) if dry else ()))
    assert "begin anew" in hub.svyazka(*arguments, status=1).output
    assert contacts(hub) == 0


def test_what_was_decided_is_applied_to_the_next_file(hub: Installation, tmp_path: Path):
    file = tmp_path / "base.csv"
    head = "Кто;Куда звонить\n"
    file.write_text(head + "Иванов Иван;89161234568\nИванов И.;89161234568\n")
    (first,) = hub.rows(
        "import", str(file), "--into", "crm", "--as", "shop", "--columns", "Кто=name, Куда звонить=phone",
        "--doubles", "same_phone=one",
    )  # fmt: skip
    assert (first["outcomes"]["created"], first["outcomes"]["merged"]) == (1, 1)
    file.write_text(head + "Петров Пётр;89037654322\nПетров П.;89037654322\n")
    result = hub.svyazka("import", str(file), "--into", "crm", "--as", "shop")
    assert "as was decided" in result.stdout
    assert contacts(hub) == 2


def test_what_the_crm_refused_is_said_and_the_exit_status_too(hub: Installation, tmp_path: Path):
    file = tmp_path / "base.csv"
    file.write_text("ФИО;Телефон\nИванов Иван;89161234568\n")
    wrong = {"code": "InvalidType", "path": "name", "detail": "not so"}
    body = {"status": 400, "validation-errors": [{"request_id": "0", "errors": [wrong]}]}
    hub.vendors.fault("amocrm", kind="answer", status=400, body=body, path="*/contacts", method="POST")
    result = hub.svyazka("import", str(file), "--into", "crm", status=1)
    assert "not all of it was taken" in result.stderr
    assert "not so" in (tmp_path / "base-report.html").read_text()
    hub.svyazka("import", str(file), "--into", "crm")
    assert contacts(hub) == 1
    assert "has a connection 'nowhere'" in hub.svyazka("import", str(file), "--into", "nowhere", status=1).stderr
