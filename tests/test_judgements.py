from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import LABELS, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from ipclass import excel
from ipclass import judgements as reader
from ipclass.errors import CorpusError, InputError
from ipclass.judgements import Read, Wanted, listed, refuse_errors
from ipclass.labels import LabelSet, read_labels

TEXT = {"title": "Kite with a keel", "abstract": "A kite has a keel and a long tail of cloth."}


@pytest.fixture(scope="module")
def labels(tiny_corpus: Path) -> LabelSet:
    return read_labels(tiny_corpus / "labels")


def row(id: object = "A1", **cells: object) -> dict[str, Any]:
    return {"id": id, **TEXT, **cells}


def read(path: Path, labels: LabelSet, **wanted: Any) -> Read:
    found = reader.read([path], labels, Wanted(**wanted))
    refused = {each.row for each in found.errors if each.row}
    assert len(found.rows) + found.unjudged + len(refused) == found.seen
    return found


def errors(found: Read) -> list[str]:
    return [f"{each.row}: {each.told}" for each in found.errors]


def notices(found: Read) -> list[str]:
    return [each.told for each in found.notices]


def grades(found: Read) -> list[dict[str, int]]:
    return [dict(each.grades) for each in found.rows]


# Grades in columns


@pytest.mark.parametrize(
    ("cell", "grade"),
    [("0", 0), ("1", 1), ("2", 2), ("2.0", 2), (" yes ", 2), ("No", 0), ("TRUE", 2), ("false", 0), ("y", 2), ("２", 2)],
)
def test_a_grade_is_a_number_or_a_word(cell: str, grade: int, labels: LabelSet, tmp_path: Path) -> None:
    assert grades(read(write_csv(tmp_path / "a.csv", [row(kites=cell)]), labels)) == [{"kites": grade}]


@pytest.mark.parametrize("cell", ["3", "-1", "0.5", "maybe", "1 or 2", "?", "10", "nope"])
def test_what_is_no_grade_is_told_with_its_row(cell: str, labels: LabelSet, tmp_path: Path) -> None:
    found = read(write_csv(tmp_path / "a.csv", [row(kites="0"), row("A2", kites=cell)]), labels)
    assert grades(found) == [{"kites": 0}]
    assert errors(found) == [f"2: the grade of kites is {cell!r}; it must be 0, 1, 2, yes, no, true or false, or empty"]


def test_an_empty_cell_is_no_judgement_and_no_no(labels: LabelSet, tmp_path: Path) -> None:
    rows = [row(kites="2", looms=""), row("A2", kites="", looms=" "), row("A3", kites="0", looms="1")]
    found = read(write_csv(tmp_path / "a.csv", rows), labels)
    assert grades(found) == [{"kites": 2}, {"kites": 0, "looms": 1}]
    assert (found.seen, found.unjudged) == (3, 1)
    assert notices(found) == ["1 of 3 rows are not judged, and count for nothing"]


def test_all_that_is_wrong_is_told_at_once(labels: LabelSet, tmp_path: Path) -> None:
    rows = [
        row(kites="x"),
        row("A2", kites="2"),
        {"id": "A3", "title": "", "abstract": " ", "kites": "1"},
        row("A4", kites="9"),
    ]
    found = read(write_csv(tmp_path / "a.csv", rows), labels)
    assert [each.row for each in found.errors] == [1, 3, 4]
    assert "neither title nor abstract" in errors(found)[1]


def test_columns_are_found_by_their_usual_names_and_by_those_given(labels: LabelSet, tmp_path: Path) -> None:
    usual = {"Publication Number": "XX1", "Invention Title": "Kite", "Abstract Text": "A kite.", "KITES": "1"}
    (found,) = read(write_csv(tmp_path / "a.csv", [usual]), labels).rows
    assert (found.document.id, found.document.title, found.document.abstract) == ("XX1", "Kite", "A kite.")
    own = {"key": "7", "heading": "Kite", "body": "A kite.", "kites": "1"}
    (found,) = read(
        write_csv(tmp_path / "b.csv", [own]), labels, columns={"id": "key", "title": "heading", "abstract": "body"}
    ).rows
    assert (found.document.id, found.document.title, found.document.abstract) == ("7", "Kite", "A kite.")


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"kitez": "1"}, "a column 'kitez', but no such label; did you mean 'kites'?"),
        ({"year": "1990"}, "no judgements; grades stand in columns named after the labels (kites, looms)"),
        ({"grade": "1"}, "a column 'grade', but for which label? Name it with --for"),
        ({"kites": "1", "kites_probability": "0.9", "tagged_by": "strict:abc"}, "its labels are the tags of a model"),
        ({"kites": ""}, "no row is judged"),
    ],
)
def test_a_table_that_says_nothing_is_refused_as_a_whole(
    cells: dict[str, str], told: str, labels: LabelSet, tmp_path: Path
) -> None:
    found = read(write_csv(tmp_path / "a.csv", [row(**cells)]), labels)
    assert not found.rows
    (error,) = errors(found)
    assert error.startswith(f"0: {told}")


def test_a_tagged_table_may_hold_judgements_in_a_label_column(labels: LabelSet, tmp_path: Path) -> None:
    rows = [row(kites="1", kites_probability="0.9", tagged_by="strict:abc", label="looms")]
    assert grades(read(write_csv(tmp_path / "a.csv", rows), labels)) == [{"looms": 2}]


def test_a_column_of_grades_that_is_no_label_is_pointed_out_and_a_year_is_not(labels: LabelSet, tmp_path: Path) -> None:
    rows = [row(kites="1", fusion="2", year="1", remark="0"), row("A2", kites="0", fusion="", year="2", remark="")]
    (notice,) = notices(read(write_csv(tmp_path / "a.csv", rows), labels))
    assert notice.startswith("the column 'fusion' holds nothing but grades and is no label")


def test_a_sheet_for_one_label_says_which_in_its_plan_or_guideline_or_is_told(labels: LabelSet, tmp_path: Path) -> None:
    cells = row(no="1", row="5", grade="2", remark="")
    sheet = write_csv(tmp_path / "sheet.csv", [cells])
    assert grades(read(sheet, labels, label="looms")) == [{"looms": 2}]
    (tmp_path / "sheet.guideline.md").write_text("# How to judge: Kites (kites, version 1)\n\nx\n")
    assert grades(read(sheet, labels)) == [{"kites": 2}]
    (tmp_path / "sheet.plan.json").write_text(json.dumps({"label": "looms"}))
    assert grades(read(sheet, labels)) == [{"looms": 2}]


# Labels in a column


def test_a_label_column_judges_for_the_labels_it_names_alone(labels: LabelSet, tmp_path: Path) -> None:
    rows = [row(label="kites"), row("A2", label="Looms; kites:1"), row("A3", label="other"), row("A4", label="")]
    found = read(write_csv(tmp_path / "a.csv", rows), labels)
    assert grades(found) == [{"kites": 2}, {"looms": 2, "kites": 1}, {"kites": 0, "looms": 0}]
    assert notices(found) == [
        "2 rows name labels: judged for these alone (--complete: 0 for the others)",
        "1 rows say other: judged 0 for every label",
        "1 of 4 rows are not judged, and count for nothing",
    ]


def test_a_complete_label_column_judges_for_all_labels(labels: LabelSet, tmp_path: Path) -> None:
    found = read(write_csv(tmp_path / "a.csv", [row(label="kites"), row("A2", label="none")]), labels, complete=True)
    assert grades(found) == [{"kites": 2, "looms": 0}, {"kites": 0, "looms": 0}]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("kitess", "'kitess' is no label; did you mean 'kites'? There are: kites, looms"),
        ("kites; other", "'kites; other' says both other and a label"),
        ("kites:3", "the grade of kites is '3'"),
        ("kites:1; kites:2", "kites is judged both 1 and 2"),
    ],
)
def test_a_label_that_is_none_is_told(cell: str, told: str, labels: LabelSet, tmp_path: Path) -> None:
    (error,) = errors(read(write_csv(tmp_path / "a.csv", [row(label=cell)]), labels))
    assert error.startswith(f"1: {told}")


# Formats


def test_every_format_says_the_same(labels: LabelSet, tmp_path: Path) -> None:
    rows = [row(kites="2", looms="0"), row("A2", kites="1", looms=""), row("A3", kites="no", looms="yes")]
    frame = pl.DataFrame(rows)
    write_csv(tmp_path / "a.csv", rows)
    write_csv(tmp_path / "a.tsv", rows, "\t")
    write_jsonl(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.json").write_text(json.dumps(rows))
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.xlsx").write_bytes(
        excel.write({"guideline": excel.Sheet(pl.DataFrame({"x": ["y"]})), "judge": excel.Sheet(frame)})
    )
    (tmp_path / "first.xlsx").write_bytes(excel.write({"mine": excel.Sheet(frame)}))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    (tmp_path / "z.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    found = {path.name: read(path, labels) for path in sorted(tmp_path.iterdir())}
    assert len(found) == 9
    for each in found.values():
        assert not each.errors
        assert grades(each) == [{"kites": 2, "looms": 0}, {"kites": 1}, {"kites": 0, "looms": 2}]
        assert [(r.row, r.document.id, r.document.title) for r in each.rows] == [(n, f"A{n}", TEXT["title"]) for n in (1, 2, 3)]


def test_parquet_keeps_numbers_truths_and_lists(labels: LabelSet, tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "title": ["Kite"] * 3, "kites": [2, None, 0], "looms": [True, False, None]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert grades(read(tmp_path / "a.parquet", labels)) == [{"kites": 2, "looms": 2}, {"looms": 0}, {"kites": 0}]
    pl.DataFrame({"title": ["Kite", "Loom"], "label": [["kites"], []]}).write_parquet(tmp_path / "b.parquet")
    assert grades(read(tmp_path / "b.parquet", labels)) == [{"kites": 2}]


def test_json_objects_may_hold_an_object_of_grades(labels: LabelSet, tmp_path: Path) -> None:
    rows = [row(grades={"kites": 2, "Looms": None}), row("A2", grades={"plums": 1}), row("A3", grades=[1])]
    found = read(write_jsonl(tmp_path / "a.jsonl", rows), labels)
    assert grades(found) == [{"kites": 2}]
    assert errors(found)[0].startswith("2: 'plums' is no label")
    assert errors(found)[1].startswith("3: grades must be an object")


def task(**results: Any) -> dict[str, Any]:
    found = [
        {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": choices}}
        for name, choices in results.items()
    ]
    return {"completed_by": 1, "was_cancelled": False, "result": found}


def test_label_studio_exports_are_read(labels: LabelSet, tmp_path: Path) -> None:
    rating = {"from_name": "sure", "type": "rating", "value": {"rating": 3}}
    tasks = [
        {"id": 1, "data": row(), "annotations": [task(kites=["2"], looms=["0"])]},
        {"id": 2, "data": row("A2"), "annotations": [{**task(kites=["2"]), "was_cancelled": True}, task(kites=["1"])]},
        {"id": 3, "data": TEXT, "annotations": [task(label=["kites", "looms"])]},
        {"id": 4, "data": row("A4"), "annotations": [], "predictions": [task(kites=["2"])]},
        {"id": 5, "data": row("A5"), "annotations": [task(kites=["2"]), task(kites=["0"])]},
        {"id": 6, "data": row("A6"), "annotations": [task(plums=["2"])]},
        {
            "id": 7,
            "data": row("A7", origin="representative"),
            "annotations": [{**task(kites=["0"]), "result": [rating]}, task(kites=["0"])],
        },
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    found = read(tmp_path / "a.json", labels)
    assert [(r.row, r.document.id, dict(r.grades)) for r in found.rows] == [
        (1, "A1", {"kites": 2, "looms": 0}),
        (2, "A2", {"kites": 1}),
        (3, "3", {"kites": 2, "looms": 2}),
        (7, "A7", {"kites": 0}),
    ]
    assert found.rows[3].origin == "representative"
    assert errors(found) == [
        "5: kites is judged both 2 and 0",
        "6: 'plums' is no label; did you mean 'looms'? There are: kites, looms",
    ]
    assert found.unjudged == 1


def test_doccano_exports_are_read(labels: LabelSet, tmp_path: Path) -> None:
    text = f"{TEXT['title']}\n{TEXT['abstract']}"
    lines = [
        {"id": 1, "text": text, "label": ["kites:2", "looms:0"], "meta": {"id": "A1"}},
        {"id": 2, "text": text, "label": [], "meta": {}},
        {"id": 3, "text": "A kite has a tail.", "label": ["kites"]},
        {"id": 4, "text": text, "label": ["other"], "Comments": []},
        {"id": 5, "text": text, "label": ["kites:2", "kites:0"]},
    ]
    found = read(write_jsonl(tmp_path / "a.jsonl", lines), labels)
    assert [(r.document.id, r.document.title, dict(r.grades)) for r in found.rows] == [
        ("A1", TEXT["title"], {"kites": 2, "looms": 0}),
        ("3", "", {"kites": 2}),
        ("4", TEXT["title"], {"kites": 0, "looms": 0}),
    ]
    assert errors(found) == ["5: kites is judged both 2 and 0"]


# What else a row tells


def test_origins_stand_in_a_column_or_are_told_and_are_picked_otherwise(labels: LabelSet, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [row(kites="1", origin=""), row("A2", kites="1", origin="Authored")])
    assert [each.origin for each in read(path, labels).rows] == ["picked", "authored"]
    assert [each.origin for each in read(path, labels, origin="representative").rows] == ["representative", "authored"]
    wrong = read(write_csv(tmp_path / "b.csv", [row(kites="1", origin="drawn")]), labels)
    assert "origin 'drawn' is none" in errors(wrong)[0]


def test_texts_without_an_id_are_told_apart_by_a_stand_in(labels: LabelSet, tmp_path: Path) -> None:
    rows = [{"title": f"Kite {n}", "abstract": "", "kites": "1"} for n in (1, 2, 1)]
    ids = [each.document.id for each in read(write_csv(tmp_path / "a.csv", rows), labels).rows]
    assert ids[0] == ids[2] != ids[1]
    assert ids[0].startswith("text-")


def test_the_sign_that_guards_against_formulas_is_taken_off(labels: LabelSet, tmp_path: Path) -> None:
    (found,) = read(write_csv(tmp_path / "a.csv", [row("'-7", kites="1", title="'=Kite")]), labels).rows
    assert (found.document.id, found.document.title) == ("-7", "=Kite")


def test_an_origin_that_is_none_is_refused_at_once(labels: LabelSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no origin 'drawn'"):
        reader.read([tmp_path / "a.csv"], labels, Wanted(origin="drawn"))


# Files that cannot be read


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("gone.csv", None, "no such file"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"id,title,kites\n", "holds no row"),
        ("a.csv", b"id,title,kites\n1,Kite\n", "row 1: has 2 fields"),
        ("a.csv", b"id,title,kites\n1,\xff,1\n", "byte 0xff is not utf-8"),
        ("a.csv", b'id,title,kites\n1,"Kite,1\n', "quotation mark"),
        ("a.jsonl", b'{"title": "Kite", "kites": 1}\n{', "row 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "row 1 is a int"),
        ("a.json", b'[{"title": "Kite", "kites": 1}, 3]', "row 2 is a int"),
        ("a.json", b"[" * 100_000, "is not JSON"),
        ("a.jsonl", b'{"title": "\xff"}', "is not utf-8"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.xlsx", b"no workbook", "not an Excel file"),
        ("a.parquet", b"no table", "not a Parquet table"),
        ("a.docx", b"PK", "cannot tell the format"),
        ("a.csv", b"id,kites\n1,1\n", "no column for title or abstract"),
        ("a.csv", b"title,title,kites\n1,1,1\n", "twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error_among_the_others(
    name: str, content: bytes | None, told: str, labels: LabelSet, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    good = write_csv(tmp_path / "good.csv", [row(kites="1")])
    found = reader.read([tmp_path / name, good], labels)
    assert len(found.rows) == 1
    assert told in str(found.errors[0])
    assert str(found.errors[0]).startswith(f"{tmp_path / name}")
    assert str(found.errors[0]).count(name) == 1
    assert "\n" not in str(found.errors[0])


def test_for_an_evaluation_the_first_error_is_told_and_how_many_there_are(labels: LabelSet, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [row(kites="x"), row("A2", kites="z")])
    with pytest.raises(CorpusError, match=r"row 1: the grade of kites is 'x'.*\(and 1 more\)"):
        refuse_errors(reader.read([path], labels))
    refuse_errors(Read())


def test_of_many_findings_the_first_are_listed() -> None:
    findings = [reader.Finding("a.csv", n, "wrong") for n in range(1, 31)]
    assert len(listed(findings)) == 21
    assert listed(findings)[-1] == "and 10 more of this kind"
    assert listed(findings[:20])[-1] == "a.csv, row 20: wrong"


_CELL = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.lists(st.text(max_size=4), max_size=3)
)
_NAMES = st.sampled_from(
    [
        "id",
        "title",
        "abstract",
        "kites",
        "looms",
        "label",
        "grades",
        "origin",
        "text",
        "data",
        "annotations",
        "meta",
        "grade",
        "year",
    ]
)
_NESTED = st.recursive(
    _CELL, lambda inner: st.dictionaries(_NAMES, inner, max_size=4) | st.lists(inner, max_size=3), max_leaves=8
)


@given(st.lists(st.dictionaries(_NAMES, _NESTED, max_size=6), min_size=1, max_size=4))
def test_whatever_json_says_rows_are_neither_lost_nor_made_up(records: list[dict[str, Any]]) -> None:
    import tempfile

    corpus = read_labels_of_conftest()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
        found = reader.read([path], corpus)
    broken = [each for each in found.errors if not each.row]
    refused = {each.row for each in found.errors if each.row}
    assert broken or len(found.rows) + found.unjudged + len(refused) == len(records)
    for each in found.rows:
        assert each.grades
        assert set(each.grades) <= set(LABELS)
        assert set(each.grades.values()) <= {0, 1, 2}
        each.document.text.encode()


def read_labels_of_conftest() -> LabelSet:
    from conftest import _LABEL

    from ipclass.labels import parse_label

    return LabelSet(tuple(parse_label(id, _LABEL.format(id=id, name=name), id) for id, name in LABELS.items()))
