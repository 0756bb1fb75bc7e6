"""Sheets to judge as files: read, filled in, and otherwise as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipclass import excel, gradebook, writing
from ipclass.errors import InputError

HEADER = ["id", "title", "abstract", "kites", "looms", "origin", "remark"]
ROWS = [
    ["A1", "A kite", "With a tail; and a keel.", "2", "", "picked", ""],
    ["'-7", "A loom", 'A "fast" one,\nwith a reed.', "", "yes", "representative", "so, so"],
    ["", "", "=1+1", " ", "0.0", "picked", ""],
]
GUIDELINE = (
    "# How to judge: Kites (kites, version 1)\n\nKites fly.\n\n# How to judge: Looms (looms, version 2)\n\n- They weave.\n"
)


def sheet(path: Path, header: list[str] = HEADER, rows: list[list[str]] = ROWS, guideline: str = GUIDELINE) -> Path:
    if path.suffix == ".xlsx":
        frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
        first, *rest = guideline.splitlines() or [""]
        told = pl.DataFrame({first: rest}, schema={first: pl.String})
        pages = {"judge": gradebook.page_of(frame, ["kites"]), "guideline": gradebook.guideline_page(told)}
        path.write_bytes(excel.write(pages if guideline else {"Sheet1": excel.Sheet(frame)}))
    else:
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([header, *rows])
        path.write_bytes(buffer.getvalue().encode("utf-8-sig"))
        if guideline:
            path.with_name(f"{path.stem}.guideline.md").write_text(guideline, "utf-8")
    return path


@pytest.fixture(params=[".csv", ".xlsx"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"sheet{request.param}"


def saved(book: gradebook.Book, grades: list[tuple[int | None, ...]]) -> gradebook.Book:
    writing.write({book.path: gradebook.written(book, grades)}, force=True)
    return gradebook.read(book.path)


def test_documents_labels_and_grades_are_read(path: Path) -> None:
    book = gradebook.read(sheet(path))
    assert book.labels == ("kites", "looms")
    assert book.grades == ((2, None), (None, 2), (None, 0))
    assert [document.id for document in book.documents] == ["A1", "-7", ""]
    assert book.documents[1].abstract.split() == 'A "fast" one, with a reed.'.split()
    assert gradebook.sections(book.guideline)["looms"].endswith("- They weave.")


def test_grades_are_filled_in_and_every_other_cell_stays_as_it_was(path: Path) -> None:
    before = gradebook.read(sheet(path))
    after = saved(before, [(2, 1), (0, 2), (None, 0)])
    assert after.grades == ((2, 1), (0, 2), (None, 0))
    assert after.header == before.header
    for old, new in zip(before.cells, after.cells, strict=True):
        kept = [place for place in range(len(old)) if place not in before.columns]
        assert [old[place] for place in kept] == [new[place] for place in kept]
    assert after.cells[1][4] == "yes"  # the same grade in the judge's own word
    assert after.guideline == before.guideline


def test_a_grade_can_be_taken_back(path: Path) -> None:
    assert saved(gradebook.read(sheet(path)), [(None, None)] * 3).grades == ((None, None),) * 3


def test_saving_without_a_change_is_the_same_to_the_cell(path: Path) -> None:
    book = gradebook.read(sheet(path))
    assert saved(book, list(book.grades)).cells == book.cells


def test_a_sheet_of_an_audit_has_its_label_from_its_guideline(path: Path) -> None:
    header = ["no", "row", "id", "title", "abstract", "grade", "remark"]
    rows = [["1", "17", "00123", "A kite", "Flies.", "", ""], ["2", "5", "", "A pan", "Fries.", "1", ""]]
    book = gradebook.read(sheet(path, header, rows, GUIDELINE.partition("# How to judge: Looms")[0]))
    assert book.labels == ("kites",)
    after = saved(book, [(0,), (1,)])
    assert after.cells[0] == ("1", "17", "00123", "A kite", "Flies.", "0", "")


def test_a_column_is_a_label_if_it_is_known_or_holds_nothing_but_grades(tmp_path: Path) -> None:
    header = ["id", "title", "abstract", "year", "kites", "baskets", "looms", "Notes"]
    rows = [["1", "A", "B", "2001", "", "1", "", "2"], ["2", "C", "D", "2", "", "", "", "no"]]
    path = sheet(tmp_path / "a.csv", header, rows, "")
    assert gradebook.read(path).labels == ("baskets", "notes")
    assert gradebook.read(path, ["kites"]).labels == ("kites", "baskets", "notes")


def test_separators_and_marks_of_utf8_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("title;abstract;kites\n\xc4,b;c;\n".encode())
    book = gradebook.read(path, ["kites"])
    assert gradebook.written(book, [(1,)]) == "title;abstract;kites\n\xc4,b;c;1\n".encode()
    marked = gradebook.read(sheet(tmp_path / "b.csv"))
    assert gradebook.written(marked, list(marked.grades)).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,title,kites\n1,2,1\n", "needs one column 'abstract'"),
        (b"", "needs one column 'title'"),
        (b"title,abstract,title,kites\n1,2,3,1\n", "needs one column 'title'"),
        (b"id,title,abstract\n1,2,3\n", "no column for a label"),
        (b"title,abstract,kites\na,b,3\n", "row 1, column kites: grade '3' is none of 0, 1, 2, no, yes, n, y, false, true"),
        (b"title,abstract,kites\na,b\n", "row 1: has 2 fields where the header has 3"),
        (b'title,abstract,kites\na,"b,1\n', "is a quotation mark missing"),
        (b"title,abstract,kites\na,\xff,1\n", "row 1: is not UTF-8"),
    ],
)
def test_what_is_no_sheet_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        gradebook.read(path, ["kites"])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_other_endings_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ods").write_bytes(b"x")
    for path, said in (("a.ods", ".csv or .xlsx"), ("none.csv", "no such file"), ("", "is a folder")):
        with pytest.raises(InputError, match=said):
            gradebook.read(tmp_path / path)


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(_TEXT, _TEXT, st.sampled_from(["", "0", "1", "2"])), min_size=1, max_size=4))
def test_any_text_survives_being_judged(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    for ending in (".csv", ".xlsx"):
        path = sheet(tmp_path / f"a{ending}", ["title", "abstract", "kites"], [list(row) for row in rows], "")
        before = gradebook.read(path, ["kites"])
        after = saved_known(before, [(1,)] * len(rows))
        assert [row[:2] for row in after.cells] == [row[:2] for row in rows]
        assert after.grades == ((1,),) * len(rows)


def saved_known(book: gradebook.Book, grades: list[tuple[int | None, ...]]) -> gradebook.Book:
    writing.write({book.path: gradebook.written(book, grades)}, force=True)
    return gradebook.read(book.path, book.labels)
