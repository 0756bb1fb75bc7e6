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
