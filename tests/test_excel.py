from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipclass import excel
from ipclass.errors import InputError
from ipclass.excel import Sheet

FRAME = pl.DataFrame(
    {"id": ["007", "=1+1", "+3", "-x", "@y"], "n": [1, 2, None, 4, 5], "share": [0.5, 0.25, None, 1.0, 0.0], "yes": [True] * 5}
)


def written(path: Path, frame: pl.DataFrame = FRAME, **options: object) -> Path:
    path.write_bytes(excel.write({"first": Sheet(frame, **options), "second": Sheet(frame)}))  # type: ignore[arg-type]
    return path


def test_texts_come_back_as_they_were_and_numbers_stay_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx")
    assert excel.read(path)["id"].to_list() == FRAME["id"].to_list()
    assert pl.read_excel(path).schema["share"] == pl.Float64


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path / "a.xlsx")) as parts:
        pages = [parts.read(name).decode() for name in parts.namelist() if "worksheets/" in name]
    assert pages
    assert not any("<f>" in page for page in pages)


def test_the_header_is_frozen_filtered_and_choices_drop_down(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path / "a.xlsx", choices={"n": ["0", "1"]})) as parts:
        page = parts.read("xl/worksheets/sheet1.xml").decode()
    assert '<autoFilter ref="A1:D6"/>' in page
    assert 'state="frozen"' in page
    assert "0,1" in page
    assert 'type="list"' in page


def test_a_sheet_is_found_by_name_and_a_missing_one_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx")
    assert excel.read(path, "second").height == 5
    with pytest.raises(InputError, match="there are: first, second"):
        excel.read(path, "third")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40), min_size=1, max_size=5))
def test_any_text_makes_the_round_trip(tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(excel.write({"a": Sheet(pl.DataFrame({"x": texts}))}))
    assert excel.read(path)["x"].to_list() == texts


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a,b\n1,2\n", b"\xd0\xcf\x11\xe0" * 200])
def test_what_is_no_workbook_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not an Excel file") as error:
        excel.read(path)
    assert "\n" not in str(error.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "LARGEST", 1000)
    with pytest.raises(InputError, match="unpacked is no table"):
        excel.read(written(tmp_path / "a.xlsx"))


def changed(path: Path, part: str, content: bytes) -> Path:
    """Put ``content`` in the place of one part of a workbook."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, kept in parts.items():
            new.writestr(name, content if name == part else kept)
    return path


FAR = b'<worksheet><sheetData><row r="1"><c r="A1"/></row><row r="1048576"><c r="xfd1048576"/></row></sheetData></worksheet>'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (FAR, "a cell in row 1,048,576 and column 16,384 is too far away"),
        (FAR.replace(b"<c ", b"<x:c ").replace(b"<row ", b"<x:row "), "is too far away"),
        (FAR.replace(b'<c r="xfd1048576"/>', b"<c/>" * 9000), "cells that do not say where they stand"),
        (b"<worksheet><sheetData>" + b"<row r='1'>" * 9 + b" " * 400_000, "open it in Excel and save it again"),
        (b"<worksheet>" + b" " * (excel.LARGEST + 1), "unpacked is no table"),
    ],
)
def test_a_sheet_that_would_cost_all_memory_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = changed(written(tmp_path / "a.xlsx"), "xl/worksheets/sheet1.xml", content)
    with pytest.raises(InputError, match=told):
        excel.read(path)
    with pytest.raises(InputError, match=told):
        list(excel.sheets(path.read_bytes(), "a.xlsx"))


def test_other_packed_files_are_no_workbooks(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    for names in (["a.csv"], ["xl/workbook.xml", "content.xml"], ["xl/workbook.bin"]):
        with zipfile.ZipFile(path, "w") as parts:
            for name in names:
                parts.writestr(name, "")
        with pytest.raises(InputError, match="not an Excel workbook"):
            excel.read(path)


def test_every_sheet_comes_with_its_header_as_text(tmp_path: Path) -> None:
    first, second = excel.sheets(written(tmp_path / "a.xlsx").read_bytes(), "a.xlsx")
    assert first.row(0) == tuple(FRAME.columns)
    assert second.height == FRAME.height + 1
    assert set(first.dtypes) == {pl.String}
