"""The table to practise on: invented, the same for the same seed, and with grades that are known."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from conftest import ipclass

from ipclass import Model, demo
from ipclass.errors import InputError

PATTERNS = tomllib.loads(demo.shipped().read_text("utf-8"))
ROOT = Path(__file__).parents[1]


def rows_of(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text("utf-8").splitlines()))


@pytest.fixture(scope="module")
def patents() -> tuple[demo.Invented, ...]:
    return demo.invented(4000)


def test_the_same_seed_gives_the_same_patents_and_another_seed_others() -> None:
    assert demo.invented(50, seed=3) == demo.invented(50, seed=3)
    assert demo.invented(50, seed=3) != demo.invented(50, seed=4)


def test_a_smaller_table_is_the_beginning_of_a_larger_one() -> None:
    assert demo.invented(60)[:20] == demo.invented(20)


def test_ids_differ_and_families_have_members_in_several_rows(patents: tuple[demo.Invented, ...]) -> None:
    assert len({each.fields["id"] for each in patents}) == len(patents)
    families = Counter(each.fields["family"] for each in patents)
    assert 0.05 < sum(size > 1 for size in families.values()) / len(families) < 0.2


def test_a_family_has_one_text_one_year_and_one_set_of_grades(patents: tuple[demo.Invented, ...]) -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for each in patents:
        facts = (each.fields["title"], each.fields["abstract"], each.fields["year"], dict(each.grades))
        assert seen.setdefault(each.fields["family"], facts) == facts


def test_every_pattern_occurs_and_leaves_no_alternative_open(patents: tuple[demo.Invented, ...]) -> None:
    assert not [each for each in patents if set("{}|") & set(each.fields["title"] + each.fields["abstract"])]
    used = {each.fields["cpc"] for each in patents}
    assert used == {pattern["cpc"] for pattern in PATTERNS["pattern"]}


def test_patterns_are_graded_for_labels_of_the_shipped_model_and_belong_to_a_theme() -> None:
    labels = set(Model.load().labels.ids)
    assert {label for pattern in PATTERNS["pattern"] for label in pattern.get("grades", {})} == labels
    assert {pattern["theme"] for pattern in PATTERNS["pattern"]} == {*PATTERNS["themes"], "plain", "foreign"}


def test_countries_and_codes_are_those_that_nobody_has(patents: tuple[demo.Invented, ...]) -> None:
    countries = {part for each in patents for part in each.fields["country"].split(";")}
    assert countries == {"XA", "XB", "XC", "XD", "XE"}
    assert all(each.fields["id"].startswith(each.fields["country"].split(";")[0]) for each in patents)
    assert all(len(each.fields["country"].split(";")) == len(each.fields["applicant"].split(";")) for each in patents)


def test_no_text_of_the_demonstration_is_one_that_the_shipped_model_learnt_or_is_tested_on() -> None:
    known = set()
    for path in (ROOT / "corpora" / "frontier" / "authored.jsonl", ROOT / "tests" / "cases" / "near_misses.jsonl"):
        lines = path.read_text("utf-8").splitlines()
        known |= {sentence for line in lines for sentence in json.loads(line)["abstract"].split(". ")}
    sentences = {sentence for pattern in PATTERNS["pattern"] for sentence in pattern["text"].split(". ")}
    assert len(known) > 3000
    assert not sentences & known


def test_the_demonstration_is_realistic_in_what_it_holds(patents: tuple[demo.Invented, ...]) -> None:
    for label in PATTERNS["pattern"][-3]["grades"]:
        share = sum(each.grades[label] == 2 for each in patents) / len(patents)
        assert 0.01 < share < 0.15
    assert 0 < sum(not each.fields["abstract"] for each in patents) < 40


def test_the_command_writes_a_table_and_its_grades_and_replaces_nothing(tmp_path: Path) -> None:
    table = tmp_path / "patents.csv"
    assert ipclass("demo", table, "-n", "30").code == 0
    rows = rows_of(table)
    judged = [json.loads(line) for line in (tmp_path / "patents.judged.jsonl").read_text("utf-8").splitlines()]
    assert tuple(rows[0]) == demo.COLUMNS
    assert [row["id"] for row in rows] == [line["id"] for line in judged]
    assert not set(rows[0]) & {"grades", *judged[0]["grades"]}
    refused = ipclass("demo", table, "-n", "30")
    assert (refused.code, len(refused.lines)) == (1, 1)


def test_a_filled_sheet_is_read_as_an_audit_that_finds_the_truth(tmp_path: Path) -> None:
    table, tagged, sheet = (tmp_path / name for name in ("patents.csv", "tagged.csv", "sheet.csv"))
    label = sorted(PATTERNS["pattern"][-3]["grades"])[0]
    assert ipclass("demo", table, "-n", "2000").code == 0
    assert ipclass("classify", table, "-o", tagged).code == 0
    assert ipclass("audit", "draw", tagged, "--label", label, "-o", sheet).code == 0
    drawn = sheet.read_bytes()
    assert ipclass("demo", table, "--fill", sheet).code == 0
    assert len(sheet.read_bytes().splitlines()) == len(drawn.splitlines())
    found = json.loads(ipclass("audit", "estimate", sheet, "--json").out)
    scored = [row["id"] for row in rows_of(tagged) if row["primary"] != "unscored"]
    grades = {each.fields["id"]: each.grades[label] for each in demo.invented(2000)}
    truth = sum(grades[id] == 2 for id in scored) / len(scored)
    assert found["low"] <= truth <= found["high"]


def test_a_sheet_to_train_on_is_filled_too(tmp_path: Path) -> None:
    table, sheet = tmp_path / "patents.csv", tmp_path / "next.csv"
    label = sorted(PATTERNS["pattern"][-3]["grades"])[0]
    assert ipclass("demo", table, "-n", "300").code == 0
    grades = {
        row["id"]: row["grades"] for row in map(json.loads, table.with_suffix(".judged.jsonl").read_text("utf-8").splitlines())
    }
    sheet.write_text(f"id,title,{label},remark\n" + "".join(f"{id},x,,y\n" for id in list(grades)[:20]), "utf-8")
    assert ipclass("demo", table, "--fill", sheet).code == 0
    rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
    assert [int(row[label]) for row in rows] == [grades[row["id"]][label] for row in rows]
    assert {(row["title"], row["remark"]) for row in rows} == {("x", "y")}


@pytest.mark.parametrize(
    "content", ["no,title\n1,Pump\n", "no,id,grade\n1,nobody,\n", "id,x\nnobody,\n", "id,y\na,\n", "", "\0"]
)
def test_a_sheet_that_is_none_or_of_other_documents_is_refused(tmp_path: Path, content: str) -> None:
    sheet, judged = tmp_path / "sheet.csv", tmp_path / "patents.judged.jsonl"
    sheet.write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"patents\.judged\.jsonl: cannot be read: No such file"):
        demo.filled(sheet, judged)
    judged.write_text('{"id": "a", "grades": {"x": 1}}\n', "utf-8")
    refused = r"needs sheet\.plan\.json beside it|no grade of 'nobody'|is not a CSV sheet"
    with pytest.raises(InputError, match=refused):
        demo.filled(sheet, judged)
    (tmp_path / "sheet.plan.json").write_text('{"label": "x"}', "utf-8")
    with pytest.raises(InputError, match=refused):
        demo.filled(sheet, judged)
