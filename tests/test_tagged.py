"""Tagged tables read: the same documents whatever the format, and each mistake with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from conftest import patents, write_csv, write_jsonl
from simulation import tabled

from ipclass import batch, files, tables
from ipclass.errors import InputError
from ipclass.files import Format
from ipclass.grouping import Request
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.tagged import default_definitions, read_tagged, sha256, text_codes

COUNT = Request(by=("year",), method="cc", draws=50)


@pytest.fixture
def tiny(tiny_model: str) -> Model:
    return batch.load(tiny_model)


def tag(source: Path, target: Path, model: str, format: Format, definition: Definition = "strict") -> Path:
    table = files.Source(str(source))
    batch.run(table, str(target), batch.Job(table.layout, model, definition, 2, format))
    return target


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    rows = [{**row, "country": "US;DE"} for row in patents(60)]
    rows[7] |= {"abstract": "", "title": ""}
    return write_csv(tmp_path / "raw.csv", rows)


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_give_the_same_shares_as_csv(raw: Path, tmp_path: Path, tiny_model: str, tiny: Model, packed: bool) -> None:
    csv, lines = (tag(raw, tmp_path / f"t.{kind}", tiny_model, kind) for kind in ("csv", "jsonl"))  # type: ignore[arg-type]
    if packed:
        lines = tmp_path / "t.jsonl.gz"
        lines.write_bytes(gzip.compress((tmp_path / "t.jsonl").read_bytes()))
    made, found = (tables.share_table(str(path), tiny, COUNT, tiny_model) for path in (csv, lines))
    assert made.cells == found.cells
    assert sum(cell.unscored for cell in found.cells) == 2
    assert default_definitions(str(lines), "") == ("strict",)


def test_lists_in_json_lines_are_several_values(raw: Path, tmp_path: Path, tiny_model: str, tiny: Model) -> None:
    lines = tag(raw, tmp_path / "t.jsonl", tiny_model, "jsonl")
    records = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    write_jsonl(lines, [{**record, "country": ["US", "DE"], "n": 3} for record in records])
    made = tables.share_table(str(lines), tiny, Request(by=("country",), where="n = 3", method="cc", draws=50), tiny_model)
    assert {(cell.group, cell.share.n + cell.unscored) for cell in made.cells} == {(("US",), 60), (("DE",), 60)}


def test_json_lines_of_another_definition_are_tagged_again_if_they_have_texts(
    raw: Path, tmp_path: Path, tiny_model: str, tiny: Model
) -> None:
    lines = tag(raw, tmp_path / "t.jsonl", tiny_model, "jsonl", "broad")
    request = Request(method="cc", draws=50)
    assert not any("b" in cell.share.flags for cell in tables.share_table(str(lines), tiny, request, tiny_model).cells)
    records = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    write_jsonl(lines, [{key: value for key, value in each.items() if key not in ("title", "abstract")} for each in records])
    assert all("b" in cell.share.flags for cell in tables.share_table(str(lines), tiny, request, tiny_model).cells)


def test_a_broken_line_is_named(raw: Path, tmp_path: Path, tiny_model: str, tiny: Model) -> None:
    lines = tag(raw, tmp_path / "t.jsonl", tiny_model, "jsonl")
    lines.write_text(lines.read_text("utf-8").replace('{"pub', "{pub", 5), "utf-8")
    text = lines.read_text("utf-8").splitlines()
    lines.write_text("\n".join([text[10], *text[:9], "{", *text[20:]]) + "\n", "utf-8")
    with pytest.raises(InputError, match=r"t\.jsonl, row 2: is not JSON"):
        read_tagged(str(lines), tiny, "strict", tiny.labels.ids, tiny_model)


def test_texts_are_equal_if_all_their_probabilities_are(model: Model, small: pl.DataFrame, path: Path) -> None:
    doubled = pl.concat([small.head(100), small.head(100)])
    doubled.write_csv(path)
    codes = text_codes(read_tagged(str(path), model, "strict", ("ai",)))
    assert codes[:100].tolist() == codes[100:].tolist()
    assert len(set(codes.tolist())) == 100
    other = doubled.with_columns(bci_probability=pl.Series([0.5] * 100 + [0.25] * 100))
    other.write_csv(path)
    assert len(set(text_codes(read_tagged(str(path), model, "strict", ("ai",))).tolist())) == 200


def test_what_is_no_file_has_no_digest(tmp_path: Path) -> None:
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "none", "no such file"), (Path("-"), "more than once")):
        with pytest.raises(InputError, match=said):
            sha256(str(path))


def test_tables_are_read_alike_from_frame_and_file(model: Model, small: pl.DataFrame, path: Path) -> None:
    made = tabled(small, model, path, by=("cell",))
    assert tables.share_table_of(small, model, Request(by=("cell",), draws=50)).cells == made.cells
