"""Tables of shares as files, and whether they come out the same again."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from simulation import tabled

from ipclass import table_files, tables
from ipclass.errors import InputError, OutputError
from ipclass.model import Model
from ipclass.tables import Table


@pytest.fixture
def made(model: Model, small: pl.DataFrame, path: Path) -> Table:
    """Shares by year and country, some of hostile names."""
    frame = small.with_columns(
        year=pl.Series(["2018"] * 12 + ["2019", "2020", ""] * 296),
        country=pl.Series(["US", "=HYPERLINK(1)", "+49", "-", "@a", "\tx"] * 150),
    )
    frame = frame.with_columns(pl.when(pl.int_range(pl.len()) < 12).then(pl.lit("US")).otherwise("country").alias("country"))
    return tabled(frame, model, path, by=("year", "country"))


def test_every_format_holds_the_same_figures(made: Table) -> None:
    frame = tables.as_frame(made)
    kinds = {name: kind for name, kind in frame.schema.items() if kind.is_numeric()}
    read: dict[str, Callable[[bytes], pl.DataFrame]] = {
        ".csv": lambda content: pl.read_csv(content, infer_schema_length=None),
        ".tsv": lambda content: pl.read_csv(content, separator="\t", infer_schema_length=None),
        ".parquet": lambda content: pl.read_parquet(content),
        ".json": lambda content: pl.DataFrame(json.loads(content)["cells"], infer_schema_length=None),
        ".xlsx": lambda content: pl.read_excel(content, sheet_name="shares", infer_schema_length=None),
    }
    for ending, reader in read.items():
        found = reader(table_files.table_bytes(made, frame, Path(f"x{ending}")))
        assert found.columns == frame.columns
        for name in kinds:
            assert found[name].cast(pl.Float64).to_list() == pytest.approx(frame[name].cast(pl.Float64).to_list(), nan_ok=True)
        assert found["label"].to_list() == frame["label"].to_list()
        assert found["flags"].to_list() == frame["flags"].to_list()


def test_names_in_csv_are_no_formulas_and_elsewhere_as_they_were(made: Table) -> None:
    frame = tables.as_frame(made)
    shown = pl.read_csv(table_files.table_bytes(made, frame, Path("x.csv")), infer_schema=False)
    assert set(shown["country"].to_list()) == {"US", "'=HYPERLINK(1)", "'+49", "-", "'@a", "x"}
    assert "'" not in "".join(shown["method"].to_list() + shown["flags"].to_list())
    parquet = pl.read_parquet(table_files.table_bytes(made, frame, Path("x.parquet")))
    assert parquet["country"].to_list() == frame["country"].to_list()
    for field in csv.reader(table_files.table_bytes(made, frame, Path("x.csv")).decode().splitlines()):
        assert not [each for each in field if re.match(r"[=@\t\r]|[+-](?![\d.])", each) and len(each) > 1]


def test_the_workbook_is_typed_filtered_frozen_and_says_how_it_was_made(made: Table) -> None:
    frame = tables.as_frame(made)
    book = openpyxl.load_workbook(io.BytesIO(table_files.table_bytes(made, frame, Path("x.xlsx"))))
    assert book.sheetnames == ["shares", "how it was made"]
    page = book["shares"]
    assert (page.freeze_panes, page.auto_filter.ref) == ("A2", f"A1:{page.cell(1, frame.width).column_letter}{len(frame) + 1}")
    columns = {cell.value: cell.column for cell in page[1]}
    row = next(line for line in range(2, page.max_row + 1) if page.cell(line, columns["share"]).value is not None)
    for name in ("counted", "share", "low", "high", "floor"):
        assert (page.cell(row, columns[name]).data_type, page.cell(row, columns[name]).number_format) == ("n", "0.00%")
    assert page.cell(row, columns["n"]).number_format == page.cell(row, columns["unscored_empty"]).number_format == "#,##0"
    assert isinstance(page.cell(row, columns["year"]).value, int | None)
    assert {page.cell(line, columns["country"]).data_type for line in range(2, page.max_row + 1)} == {"s"}
    assert not [cell for sheet in book for line in sheet for cell in line if cell.data_type == "f"]
    hidden = [line for line in range(2, page.max_row + 1) if "/" in str(page.cell(line, columns["flags"]).value)]
    assert hidden
    assert all(page.cell(line, columns["share"]).value is None for line in hidden)
    told = {str(line[0].value): str(line[1].value) for line in book["how it was made"].iter_rows(min_row=2)}
    assert told["input_sha256"] == json.dumps(made.provenance["input_sha256"])
    assert json.loads(told["request"])["by"] == ["year", "country"]
    said = [str(line[1].value) for line in book["how it was made"].iter_rows(min_row=2)]
    assert set(tables.described(made)) <= set(said)


def test_years_are_numbers_only_if_all_are() -> None:
    assert table_files.typed(pl.DataFrame({"year": ["2019", ""]}))["year"].to_list() == [2019, None]
    assert table_files.typed(pl.DataFrame({"year": ["2019", "soon"]}))["year"].to_list() == ["2019", "soon"]
    assert table_files.typed(pl.DataFrame({"month": ["2019"]}))["month"].to_list() == ["2019"]


@pytest.mark.parametrize("name", ["x.doc", "x", "x.csv.gz", "x.xls"])
def test_other_endings_are_refused_with_the_choices(made: Table, name: str) -> None:
    with pytest.raises(OutputError, match=r"x.*: no table for the ending .*There are: \.csv, \.tsv, \.parquet, \.json, \.xlsx"):
        table_files.table_bytes(made, tables.as_frame(made), Path(name))
    with pytest.raises(OutputError, match="no table for the ending"):
        table_files.check_ending(Path(name))


def test_json_is_strict_and_holds_all(made: Table) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    facts = json.loads(table_files.as_json(made, tables.as_frame(made)), parse_constant=refuse)
    assert set(facts) == {"cells", "made", "names"}
    assert len(facts["cells"]) == len(made.cells)


# What differs from a stored table


def test_a_stored_table_that_comes_out_the_same_differs_in_nothing(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    made = tabled(small, model, tmp_path / "tagged.csv", by=("cell",))
    frame = tables.as_frame(made)
    stored = tmp_path / "shares.csv"
    content = table_files.table_bytes(made, frame, stored)
    stored.write_bytes(content)
    stated = table_files.stated(made, frame, content)
    assert table_files.verified(made, frame, stored, stated) == []
    assert "input_sha256" in table_files.verified(made, frame, stored, {**stated, "input_sha256": "0"})[0]
    assert "model_digest" in table_files.verified(made, frame, stored, {**stated, "model_digest": "0"})[0]
    other = replace(made, cells=made.cells[1:])
    assert table_files.verified(other, tables.as_frame(other), stored, stated) == ["the figures come out differently"]
    stored.write_bytes(stored.read_bytes() + b"\n")
    assert table_files.verified(made, frame, stored, stated) == [f"{stored}: changed since it was written"]
    stored.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        table_files.verified(made, frame, stored, stated)
