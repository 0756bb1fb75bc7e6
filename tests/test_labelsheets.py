"""Sheets to judge: written, filled in as people and tools do, and read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ipclass

from ipclass import excel, gradebook, judgements, labelsheets, writing
from ipclass.errors import OutputError
from ipclass.labels import LabelSet, read_labels
from ipclass.labelsheets import Asked
from ipclass.records import Document

ASKED = (
    Asked(Document("A kite", "With a tail,\nand a keel.", "XX1"), "picked", "kites (strict): probability 0.50"),
    Asked(Document("=1+1", 'A "loom" <b>&\x07', "007"), "representative", "drawn at random"),
    Asked(Document("", "A pan without a title.", ""), "picked", "x"),
)


@pytest.fixture
def labels(tiny_corpus: Path) -> LabelSet:
    return read_labels(tiny_corpus / "labels")


def written(path: Path, labels: LabelSet, kind: str = "", show: bool = False) -> list[Path]:
    parts = labelsheets.files_of(path, labelsheets.kind_of(path, kind), ASKED, labels, show=show)
    writing.write(parts, force=False)
    return list(parts)


def fill_table(path: Path) -> None:
    """Judge as in a spreadsheet program: kites 2 and 0, looms 1 of the second, the third not at all."""
    book = gradebook.read(path)
    path.write_bytes(gradebook.written(book, [(2, None), (0, 1), (None, None)]))


def fill_label_studio(path: Path) -> None:
    """Judge as Label Studio exports it."""

    def chosen(label: str, grade: str) -> dict[str, object]:
        return {"from_name": label, "to_name": "text", "type": "choices", "value": {"choices": [grade]}}

    tasks = json.loads(path.read_text("utf-8"))
    results = [[chosen("kites", "2")], [chosen("looms", "1"), chosen("kites", "0")], []]
    for number, (task, result) in enumerate(zip(tasks, results, strict=True)):
        task |= {"id": number + 1, "annotations": [{"id": number, "was_cancelled": False, "result": result}]}
    path.write_text(json.dumps(tasks), "utf-8")


def fill_doccano(path: Path) -> None:
    """Judge as doccano exports it: its own id gives way to ours."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    given = [["kites:2"], ["kites:0", "looms:1"], []]
    filled = [{"id": 7, **line, "label": labels} for line, labels in zip(lines, given, strict=True)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in filled), "utf-8")


FILLED = {"csv": fill_table, "xlsx": fill_table, "json": fill_label_studio, "jsonl": fill_doccano}


@pytest.mark.parametrize("ending", FILLED)
def test_every_kind_of_sheet_comes_back_with_its_grades_origins_and_texts(
    tmp_path: Path, labels: LabelSet, ending: str
) -> None:
    path = tmp_path / f"sheet.{ending}"
    written(path, labels)
    FILLED[ending](path)
    found = judgements.read([path], labels)
    assert not found.errors
    assert [row.grades for row in found.rows] == [{"kites": 2}, {"kites": 0, "looms": 1}]
    assert [row.origin for row in found.rows] == ["picked", "representative"]
    assert [row.document.id for row in found.rows] == ["XX1", "007"]
    assert found.rows[0].document.abstract == "With a tail, and a keel."
    assert found.rows[1].document.abstract == 'A "loom" <b>&'
    assert found.rows[1].document.title.removeprefix("'") == "=1+1"
    assert found.unjudged == 1


@pytest.mark.parametrize("ending", FILLED)
def test_a_sheet_is_blind_unless_it_is_to_show_why(tmp_path: Path, labels: LabelSet, ending: str) -> None:
    written(tmp_path / f"a.{ending}", labels)
    written(tmp_path / f"b.{ending}", labels, show=True)

    def told(name: str) -> str:
        path = tmp_path / f"{name}.{ending}"
        return str(excel.read(path).rows()) if ending == "xlsx" else path.read_text("utf-8")

    assert "probability" not in told("a")
    assert "probability 0.50" in told("b")


def test_a_table_has_the_columns_that_training_reads(tmp_path: Path, labels: LabelSet) -> None:
    for ending in ("csv", "xlsx"):
        written(tmp_path / f"a.{ending}", labels)
    columns = ["id", "title", "abstract", "kites", "looms", "origin", "remark"]
    assert excel.read(tmp_path / "a.xlsx").columns == columns
    assert excel.names(tmp_path / "a.xlsx") == ["judge", "guideline"]
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig"))))
    assert rows[0] == columns
    assert rows[2][:3] == ["007", "'=1+1", 'A "loom" <b>&']  # no formula, no control sign


def test_the_guideline_goes_with_the_sheet_and_has_a_section_a_label(tmp_path: Path, labels: LabelSet) -> None:
    assert [path.name for path in written(tmp_path / "a.xlsx", labels)] == ["a.xlsx"]
    assert [path.name for path in written(tmp_path / "b.csv", labels)] == ["b.csv", "b.guideline.md"]
    for path in (tmp_path / "a.xlsx", tmp_path / "b.csv"):
        told = gradebook.sections(gradebook.read(path).guideline)
        assert list(told) == ["kites", "looms"]
        assert "- **2** (or yes): The contribution is about looms." in told["looms"]
        assert "plan" not in told["looms"]


def test_label_studio_has_one_choice_of_grades_a_label(tmp_path: Path, labels: LabelSet) -> None:
    names = [path.name for path in written(tmp_path / "a.json", labels)]
    assert names == ["a.json", "a.xml", "a.guideline.md"]
    tasks = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert list(tasks[0]["data"]) == ["id", "title", "abstract", "origin"]
    view = ElementTree.fromstring((tmp_path / "a.xml").read_text("utf-8"))
    choices = {each.get("name"): [choice.get("value") for choice in each] for each in view.findall("Choices")}
    assert choices == {"kites": ["2", "1", "0"], "looms": ["2", "1", "0"]}
    text = view.find("Text")
    assert text is not None
    assert {each.get("toName") for each in view.findall("Choices")} == {text.get("name")}


def test_doccano_has_a_label_type_for_each_grade(tmp_path: Path, labels: LabelSet) -> None:
    names = [path.name for path in written(tmp_path / "a.jsonl", labels)]
    assert names == ["a.jsonl", "a.labels.json", "a.guideline.md"]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert lines[0] == {"text": "A kite\nWith a tail, and a keel.", "label": [], "id": "XX1", "origin": "picked"}
    types = json.loads((tmp_path / "a.labels.json").read_text("utf-8"))
    assert [each["text"] for each in types] == [f"{label}:{grade}" for label in labels.ids for grade in "210"]


def test_the_kind_is_told_by_the_ending_or_by_name() -> None:
    assert labelsheets.kind_of(Path("a.XLSX")) == "xlsx"
    assert labelsheets.kind_of(Path("a.txt"), "doccano") == "doccano"
    for path, named, said in (("a.ods", "", "'.ods'"), ("a", "", "no ending"), ("a.csv", "docano", "did you mean 'doccano'")):
        with pytest.raises(OutputError, match=said):
            labelsheets.kind_of(Path(path), named)
    with pytest.raises(OutputError, match="name a file"):
        labelsheets.kind_of(Path("-"))


def test_a_sheet_can_be_judged_at_once(tmp_path: Path, labels: LabelSet, tiny_model: str) -> None:
    written(tmp_path / "a.csv", labels)
    found = ipclass("judge", tmp_path / "a.csv", "-m", tiny_model)
    assert "judging needs a terminal" in found.err
