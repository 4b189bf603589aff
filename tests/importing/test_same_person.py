"""Lines that may be one person are shown with their reasons and never merged unasked; what was decided is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

import messy_rows
from svyazka.importing.clusters import Reason
from svyazka.importing.columns import guess
from svyazka.importing.decisions import Decisions, Same, given_columns
from svyazka.importing.survey import Survey, look_through
from svyazka.importing.tables import open_table
from svyazka.model.errors import ConfigError

HEAD = "Код;ФИО;Телефон;Почта;Дата рождения\n"


def looked(path: Path, lines: str, decisions: Decisions | None = None) -> Survey:
    file = path / "x.csv"
    file.write_text(HEAD + lines)
    table, known = open_table(file), decisions or Decisions()
    return look_through(table, guess(table, known, messy_rows.TODAY), known, messy_rows.TODAY)


def outcomes(survey: Survey) -> list[str]:
    return [row.outcome.value for row in sorted(survey.rows(), key=lambda row: row.number)][1:]


CLUSTERS = [
    ("1;Иванов Иван;89161234568;;\n2;Иванов И.;+7 916 123 45 68;;\n", {Reason.PHONE}, True),
    ("1;Иванов Иван;89161234568;;\n2;;89161234568;;\n", {Reason.PHONE_NO_NAME}, True),
    ("1;Иванов Иван;;i@ya.ru;\n2;Иван Иванов;;I@YA.RU;\n", {Reason.MAIL}, True),
    ("1;Иванов Иван;89161234568;;\n1;Иванов Иван;89037654322;;\n", {Reason.CODE}, True),
    ("1;Иванов Иван;89161234568;;\n1;Петров Пётр;89037654322;;\n", {Reason.CODE}, False),
    ("1;Иванов Иван Петрович;;i@ya.ru;14.02.1985\n2;ИВАНОВ ИВАН ПЕТРОВИЧ;89161234568;;1985-02-14\n",
        {Reason.NAME_AND_BIRTHDAY}, True),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "reasons", "alike"), CLUSTERS)
def test_lines_that_may_be_one_person_wait_for_a_word(lines: str, reasons: set[Reason], alike: bool, tmp_path: Path):
    survey = looked(tmp_path, lines)
    (cluster,) = survey.found.clusters
    assert (set(cluster.reasons), cluster.alike) == (reasons, alike)
    assert outcomes(survey) == ["doubt", "doubt"]


OTHERS = [
    "1;Иванов Иван;89161234568;;\n2;Иванова Анна;89161234568;;\n",
    "1;Иванов Иван;89161234568;;14.02.1985\n2;Иванов Иван;89161234568;;01.03.2010\n",
    "1;Иванов Иван Петрович;89161234568;;\n2;Иванов Иван Иванович;89161234568;;\n",
]


@pytest.mark.parametrize("lines", OTHERS)
def test_a_household_is_no_cluster_each_is_taken_for_himself(lines: str, tmp_path: Path):
    survey = looked(tmp_path, lines)
    assert survey.found.clusters == ()
    assert survey.found.households == ((2, 3),)
    assert outcomes(survey) == ["ready", "ready"]


def test_a_phone_of_many_joins_nobody_to_anybody_by_itself(tmp_path: Path):
    names = ["Анна", "Мария", "Елена", "Ольга", "Ирина", "Юлия"]
    survey = looked(tmp_path, "".join(f"{n};{name} Петрова;89161234568;;\n" for n, name in enumerate(names)))
    (cluster,) = survey.found.clusters
    assert (cluster.reasons, cluster.alike) == ({Reason.CROWD}, False)
    assert outcomes(survey) == ["doubt"] * 6


def test_a_line_that_says_the_same_again_is_a_repeat(tmp_path: Path):
    survey = looked(tmp_path, "1;Иванов Иван;89161234568;;\n1;ИВАНОВ ИВАН;+7 916 123-45-68;;\n")
    assert outcomes(survey) == ["ready", "repeat"]


TWICE = "1;Иванов Иван;89161234568;;\n2;Иванов И.;89161234568;i@ya.ru;14.02.1985\n"


def test_a_decision_about_a_reason_holds_for_the_next_file_and_loses_nothing(tmp_path: Path):
    decided = Decisions(duplicates={"same_phone": Same.ONE})
    survey = looked(tmp_path, TWICE, decided)
    assert outcomes(survey) == ["ready", "merged"]
    kept = next(row for row in survey.rows() if row.number == 2)
    assert (kept.fields["name"], kept.fields["email"], kept.fields["birthday"]) == (
        "Иванов Иван",
        ("i@ya.ru",),
        "1985-02-14",
    )
    assert outcomes(looked(tmp_path, TWICE, Decisions(duplicates={"same_phone": Same.EACH}))) == ["ready", "ready"]


def test_lines_that_contradict_each_other_are_merged_by_a_word_about_themselves_only(tmp_path: Path):
    lines = CLUSTERS[4][0]
    general = Decisions(duplicates={"same_code": Same.ONE})
    survey = looked(tmp_path, lines, general)
    assert outcomes(survey) == ["doubt", "doubt"]
    own = general.model_copy(update={"clusters": {survey.found.clusters[0].id: Same.ONE}})
    assert outcomes(looked(tmp_path, lines, own)) == ["ready", "merged"]


def test_columns_that_a_person_names():
    assert given_columns("Телефон 2=phone, Дата=registered; D=skip, Цвет=colour") == {
        "телефон 2": "phone", "дата": "registered", "d": "skip", "цвет": "colour",
    }  # fmt: skip
    for wrong in ("Телефон", "=phone", "Телефон=Телефон"):
        with pytest.raises(ConfigError, match="--columns"):
            given_columns(wrong)
