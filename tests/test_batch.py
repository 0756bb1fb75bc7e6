from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import MAIN, cut_at, environment, patents, read_csv, write_csv, write_jsonl

from ipclass import batch, blocks, excel, files, sinks
from ipclass.errors import InputError, OutputError
from ipclass.records import OTHER, UNSCORED, Definition

Cut = Callable[[int], None]
ADDED = ["kites", "looms", "kites_probability", "looms_probability", "primary", "known", "unscored", "scope", "tagged_by"]
FOREIGN = {
    "de": "Der Drachen besitzt eine Waage und einen Schwanz aus Stoff und fliegt bei böigem Wind ruhig an der Leine.",
    "fr": "Le cerf-volant possède une bride et une queue en tissu et vole calmement au bout du fil malgré les rafales.",
    "zh": "一种风筝，包括骨架、提线和尾翼，其中所述提线连接于骨架的前端，使风筝在阵风中保持稳定。",
}
KITE = "The kite has a bridle and a tail of light cloth, so that the kite flies steadily on its tether in gusts of wind."


def classify(
    source: Path,
    target: Path | str,
    model: str,
    *,
    explain: int = 0,
    definition: Definition = "strict",
    prefix: str = "",
    encoding: str = "utf-8",
    **options: Any,
) -> batch.Summary:
    table = files.Source(str(source), encoding=encoding)
    job = batch.Job(table.layout, model, definition, explain, files.format_of(str(target)), prefix)
    return batch.run(table, str(target), job, **options)


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*"))


# What is in the result


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "csv.gz", "parquet"])
def test_the_result_is_the_same_whatever_the_block_size(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    found: list[Any] = []
    for size in (150, 1000, 1_000_000):
        with monkeypatch.context() as patch:
            cut_at(patch, size)
            summary = classify(patents_csv, tmp_path / f"{size}.{ending}", tiny_model)
        assert summary.rows == 60
        content = (tmp_path / f"{size}.{ending}").read_bytes()
        found.append(pl.read_parquet(content).rows() if ending == "parquet" else content)
    if ending == "csv.gz":
        found = [gzip.decompress(content) for content in found]
    assert found[0] == found[1] == found[2]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_result_is_the_same_whatever_the_number_of_processes(
    tmp_path: Path, tiny_model: str, cut: Cut, ending: str
) -> None:
    table = write_csv(tmp_path / "in.csv", patents(200))
    cut(3000)
    one = classify(table, tmp_path / f"one.{ending}", tiny_model, jobs=1, explain=2)
    two = classify(table, tmp_path / f"two.{ending}", tiny_model, jobs=2, explain=2)
    assert one == two
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_every_column_and_row_of_the_input_stands_first_in_order(tmp_path: Path, tiny_model: str, cut: Cut) -> None:
    rows = [
        {**row, 'Note, "x"': note, "": str(number)}
        for number, (row, note) in enumerate(zip(patents(6), ["", "-5", "a\nb", 'a "b" c', " 007 ", "1e5"], strict=True))
    ]
    table = write_csv(tmp_path / "in.csv", rows)
    cut(300)
    classify(table, tmp_path / "out.csv", tiny_model)
    before, after = read_csv(table.read_bytes()), read_csv((tmp_path / "out.csv").read_bytes())
    assert after[0] == [*before[0], *ADDED]
    assert [row[: len(before[0])] for row in after] == before


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz"])
def test_formulas_get_an_apostrophe_unless_cells_are_to_be_raw(tmp_path: Path, tiny_model: str, ending: str) -> None:
    rows = [{**row, "=note": note} for row, note in zip(patents(4), ["=1+1", "-5", "@x", "fine"], strict=True)]
    table = write_csv(tmp_path / "in.csv", rows)
    for raw, head, notes in ((False, "'=note", ["'=1+1", "-5", "'@x", "fine"]), (True, "=note", ["=1+1", "-5", "@x", "fine"])):
        source = files.Source(str(table))
        job = batch.Job(source.layout, tiny_model, "strict", 0, files.format_of(f"x.{ending}"), raw_cells=raw)
        batch.run(source, str(tmp_path / f"out.{ending}"), job, force=True)
        found = pl.read_csv(tmp_path / f"out.{ending}", infer_schema=False, separator="\t" if ending == "tsv" else ",")
        assert found[head].to_list() == notes


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "xlsx"])
def test_where_texts_are_texts_a_formula_is_left_as_it_is(tmp_path: Path, tiny_model: str, ending: str) -> None:
    table = write_csv(tmp_path / "in.csv", [{**row, "note": "=1+1"} for row in patents(2)])
    classify(table, tmp_path / f"out.{ending}", tiny_model)
    path = tmp_path / f"out.{ending}"
    if ending == "jsonl":
        found = [json.loads(line)["note"] for line in path.read_text("utf-8").splitlines()]
    else:
        found = (pl.read_parquet(path) if ending == "parquet" else excel.read(path))["note"].to_list()
    assert found == ["=1+1"] * 2


# Excel


def test_a_workbook_has_the_cells_of_the_table_with_their_types(
    tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {**row, "publication_number": str(9_000_000 + n), "claims": claims, "share": share, "kind": kind, "blank": ""}
        for n, (row, claims, share, kind) in enumerate(
            zip(patents(4), ["12", "", "7", "-3"], ["0.5", "1", "", "-2.25"], ["007", "1", "2", "3"], strict=True)
        )
    ]
    table = write_csv(tmp_path / "in.csv", rows)
    cut_at(monkeypatch, 300)
    classify(table, tmp_path / "out.xlsx", tiny_model)
    classify(table, tmp_path / "out.csv", tiny_model)
    found = pl.read_excel(tmp_path / "out.xlsx")
    assert found.columns == read_csv((tmp_path / "out.csv").read_bytes())[0]
    assert found["publication_number"].to_list() == [row["publication_number"] for row in rows]
    assert found["kind"].to_list() == ["007", "1", "2", "3"]
    assert found["claims"].to_list() == [12, None, 7, -3]
    assert found["share"].to_list() == [0.5, 1, None, -2.25]
    assert found["year"].to_list() == [1990, 1991, 1992, 1993]
    assert found["kites"].to_list() == [1, 0, 0, 1]
    assert found["title"].to_list() == [row["title"] for row in rows]
    assert hidden(tmp_path) == []
    with zipfile.ZipFile(tmp_path / "out.xlsx") as parts:
        page = parts.read("xl/worksheets/sheet1.xml").decode()
    assert 'state="frozen"' in page
    assert re.search('<autoFilter ref="A1:[A-Z]5"/>', page)


def test_dates_of_parquet_are_dates_in_a_workbook(tmp_path: Path, tiny_model: str) -> None:
    from datetime import date

    days = [date(2020, 5, 3), None, date(1850, 1, 1), date(9999, 12, 31)]
    frame = pl.DataFrame({"title": ["Kite"] * 4, "abstract": [KITE] * 4, "day": days})
    frame.write_parquet(tmp_path / "in.parquet")
    classify(tmp_path / "in.parquet", tmp_path / "out.xlsx", tiny_model)
    with zipfile.ZipFile(tmp_path / "out.xlsx") as parts:
        page = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<v>43954</v>" in page  # 3 May 2020 in Excel's days
    assert "<t>1850-01-01</t>" in page  # Excel knows no day before 1900
    assert "<v>2958465</v>" in page


def test_more_rows_than_excel_takes_are_refused_with_another_format(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "MOST_ROWS", 60)
    with pytest.raises(OutputError, match="Excel takes no more than 59 rows; write CSV or Parquet"):
        classify(patents_csv, tmp_path / "out.xlsx", tiny_model)
    assert [path.name for path in tmp_path.iterdir()] == ["patents.csv"]
    monkeypatch.setattr(excel, "MOST_ROWS", 61)
    assert classify(patents_csv, tmp_path / "out.xlsx", tiny_model).rows == 60


def test_a_cell_longer_than_excel_takes_ends_with_a_sign_that_it_was_cut(tmp_path: Path) -> None:
    excel.save(tmp_path / "a.xlsx", [pl.DataFrame({"x": ["y" * 40_000, "z" * 32_767]})])
    assert excel.read(tmp_path / "a.xlsx")["x"].to_list() == ["y" * 32_766 + "…", "z" * 32_767]


def test_the_tags_follow_the_text(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    summary = classify(patents_csv, tmp_path / "out.csv", tiny_model)
    rows = pl.read_csv(tmp_path / "out.csv")
    assert rows["primary"].to_list() == ["kites", OTHER, "looms"] * 20
    assert rows["kites"].to_list() == [1, 0, 0] * 20
    assert ((rows["kites_probability"] >= 0) & (rows["kites_probability"] <= 1)).all()
    assert rows["tagged_by"].unique().to_list() == [batch.tagged_by(batch.load(tiny_model), "strict")]
    assert summary.assigned == {"kites": 20, "looms": 20}


UNTAGGED = [
    ("", "", "empty"),
    (" ", "\n\t", "empty"),
    ("12", "345 - 6", "empty"),
    ("Kite", "", "too short"),
    ("Kite and tail", "", "too short"),
    *[("", text, f"language: {language}") for language, text in FOREIGN.items()],
    ("Drachen mit Waage", FOREIGN["de"], "language: de"),
]


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_what_cannot_be_tagged_is_marked_with_its_reason_and_never_other(tmp_path: Path, tiny_model: str, format: str) -> None:
    texts = [*UNTAGGED, ("Kite", KITE, ""), ("", KITE, ""), ("Soup ladle", KITE.replace("kite", "soup"), "")]
    table = write_csv(tmp_path / "in.csv", [{"title": title, "abstract": abstract} for title, abstract, _ in texts])
    summary = classify(table, tmp_path / f"out.{format}", tiny_model)
    reasons = [reason for _, _, reason in texts]
    assert summary.unscored == {reason: reasons.count(reason) for reason in set(reasons) - {""}}
    if format == "csv":
        rows = pl.read_csv(tmp_path / "out.csv").to_dicts()
        assert [row["unscored"] or "" for row in rows] == reasons
        blank = [(row["kites"], row["looms"], row["kites_probability"], row["looms_probability"]) for row in rows]
        assert [values == (None,) * 4 for values in blank] == [bool(reason) for reason in reasons]
    else:
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
        assert [row.get("unscored", "") for row in rows] == reasons
        assert [row["probabilities"] == {} for row in rows] == [bool(reason) for reason in reasons]
    assert [row["primary"] == UNSCORED for row in rows] == [bool(reason) for reason in reasons]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_title_without_its_abstract_is_tagged_and_marked_in_the_column_scope(
    tmp_path: Path, tiny_model: str, ending: str
) -> None:
    texts = [("Kite with a bridle and a tail of light cloth", ""), ("Kite", KITE), ("", FOREIGN["de"])]
    table = write_csv(tmp_path / "in.csv", [{"title": title, "abstract": abstract} for title, abstract in texts])
    target = tmp_path / f"out.{ending}"
    classify(table, target, tiny_model)
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[ending]
    rows = read(target).to_dicts()
    assert [row["primary"] for row in rows] == ["kites", "kites", UNSCORED]
    assert [row["scope"] or "" for row in rows] == ["title only", "", ""]


def test_a_broad_run_may_tag_more_and_says_so(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    classify(patents_csv, tmp_path / "strict.csv", tiny_model)
    classify(patents_csv, tmp_path / "broad.csv", tiny_model, definition="broad")
    strict, broad = (pl.read_csv(tmp_path / f"{name}.csv") for name in ("strict", "broad"))
    assert strict["tagged_by"][0].split(":")[0] == "strict"
    assert broad["tagged_by"][0].split(":")[0] == "broad"
    assert not strict["kites_probability"].equals(broad["kites_probability"])


def test_types_of_parquet_survive_and_lists_become_json_in_csv(tmp_path: Path, tiny_model: str) -> None:
    frame = pl.DataFrame({"title": ["Kite"], "abstract": [KITE], "cpc": [["A63H", "B64C"]], "year": [1999], "x": [None]})
    frame.write_parquet(tmp_path / "in.parquet")
    classify(tmp_path / "in.parquet", tmp_path / "out.parquet", tiny_model)
    classify(tmp_path / "in.parquet", tmp_path / "out.csv", tiny_model)
    assert pl.read_parquet(tmp_path / "out.parquet").select(frame.columns).equals(frame)
    assert read_csv((tmp_path / "out.csv").read_bytes())[1][2:5] == ['["A63H", "B64C"]', "1999", ""]


def test_parquet_binary_and_dates_are_written_or_refused_with_a_message(tmp_path: Path, tiny_model: str) -> None:
    from datetime import date

    frame = pl.DataFrame({"title": ["Kite"], "abstract": [KITE], "day": [date(1999, 1, 2)], "raw": [b"\x00\xff"]})
    frame.write_parquet(tmp_path / "in.parquet")
    classify(tmp_path / "in.parquet", tmp_path / "out.jsonl", tiny_model)
    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["day"] == "1999-01-02"
    try:
        classify(tmp_path / "in.parquet", tmp_path / "out.csv", tiny_model)
    except (InputError, OutputError):
        return
    assert read_csv((tmp_path / "out.csv").read_bytes())[1][2] == "1999-01-02"


def test_json_output_is_json_even_where_a_number_is_missing(tmp_path: Path, tiny_model: str) -> None:
    pl.DataFrame({"title": ["Kite"], "abstract": [KITE], "x": [float("nan")]}).write_parquet(tmp_path / "in.parquet")
    classify(tmp_path / "in.parquet", tmp_path / "out.jsonl", tiny_model)

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"), parse_constant=refuse)["title"] == "Kite"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_without_rows_gives_one_without_rows(tmp_path: Path, tiny_model: str, ending: str) -> None:
    (tmp_path / "in.csv").write_text("title,abstract\n", "utf-8")
    assert classify(tmp_path / "in.csv", tmp_path / f"out.{ending}", tiny_model).rows == 0
    content = (tmp_path / f"out.{ending}").read_bytes()
    if ending == "csv":
        assert read_csv(content) == [["title", "abstract", *ADDED]]
    elif ending == "jsonl":
        assert content == b""
    else:
        assert pl.read_parquet(content).columns == ["title", "abstract", *ADDED]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_blocks_of_blank_lines_alone_add_nothing(tmp_path: Path, tiny_model: str, cut: Cut, ending: str) -> None:
    lines = write_csv(tmp_path / "plain.csv", patents(6)).read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "gaps.csv").write_text("".join(line + "\n" * 400 for line in lines), "utf-8")
    cut(150)
    for name in ("plain", "gaps"):
        classify(tmp_path / f"{name}.csv", tmp_path / f"{name}_out.{ending}", tiny_model)
    plain, gaps = ((tmp_path / f"{name}_out.{ending}") for name in ("plain", "gaps"))
    if ending == "csv":
        assert plain.read_bytes() == gaps.read_bytes()
    else:
        assert pl.read_parquet(plain).equals(pl.read_parquet(gaps))


def test_gzipped_output_is_valid_and_holds_the_same(tmp_path: Path, patents_csv: Path, tiny_model: str, cut: Cut) -> None:
    cut(500)
    classify(patents_csv, tmp_path / "out.csv", tiny_model)
    classify(patents_csv, tmp_path / "out.csv.gz", tiny_model)
    subprocess.run(["gzip", "-t", str(tmp_path / "out.csv.gz")], check=True, capture_output=True)
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()) == (tmp_path / "out.csv").read_bytes()


def test_a_gzipped_parquet_is_refused_or_really_gzipped(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    try:
        classify(patents_csv, tmp_path / "out.parquet.gz", tiny_model)
    except (InputError, OutputError):
        assert not (tmp_path / "out.parquet.gz").exists()
        return
    assert (tmp_path / "out.parquet.gz").read_bytes()[:2] == b"\x1f\x8b"


# Columns that clash


@pytest.mark.parametrize(
    ("column", "source", "target"),
    [
        ("primary", "csv", "csv"),
        ("kites", "csv", "parquet"),
        ("labels", "csv", "jsonl"),
        ("probabilities", "csv", "jsonl"),
        ("primary", "jsonl", "jsonl"),
        ("known", "jsonl", "csv"),
        ("labels", "jsonl", "jsonl"),
    ],
)
def test_a_column_that_tagging_would_overwrite_is_refused_or_kept(
    tmp_path: Path, tiny_model: str, column: str, source: str, target: str
) -> None:
    rows = [{**row, column: "mine"} for row in patents(3)]
    table = (write_csv if source == "csv" else write_jsonl)(tmp_path / f"in.{source}", rows)
    with pytest.raises(InputError, match=f"{column}.*--prefix"):
        classify(table, tmp_path / f"out.{target}", tiny_model)
    assert not (tmp_path / f"out.{target}").exists()
    classify(table, tmp_path / f"out.{target}", tiny_model, prefix="new_")
    assert b"mine" in (tmp_path / f"out.{target}").read_bytes()


def test_a_column_of_the_other_format_is_no_clash(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", [{**row, "labels": "mine"} for row in patents(3)])
    classify(table, tmp_path / "out.csv", tiny_model)
    table = write_csv(tmp_path / "in.csv", [{**row, "kites": "mine"} for row in patents(3)])
    classify(table, tmp_path / "out.jsonl", tiny_model)
    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])["kites"] == "mine"


def test_a_table_can_be_tagged_twice_with_a_prefix(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    classify(patents_csv, tmp_path / "one.csv", tiny_model)
    classify(tmp_path / "one.csv", tmp_path / "two.csv", tiny_model, prefix="b_")
    rows = pl.read_csv(tmp_path / "two.csv")
    assert rows["primary"].equals(rows["b_primary"])


# Bad rows, existing files


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_row_is_named_and_leaves_nothing_behind(
    tmp_path: Path, tiny_model: str, cut: Cut, ending: str, jobs: int
) -> None:
    lines = write_csv(tmp_path / "in.csv", patents(40)).read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "in.csv").write_text("".join([*lines[:31], "too,short\n", *lines[31:]]), "utf-8")
    cut(700)
    with pytest.raises(InputError, match=r"in\.csv, row 31: has 2 fields"):
        classify(tmp_path / "in.csv", tmp_path / f"out.{ending}", tiny_model, jobs=jobs)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_an_undecodable_byte_is_named_with_its_row_of_the_whole_table(tmp_path: Path, tiny_model: str, cut: Cut) -> None:
    rows = patents(30)
    rows[24]["abstract"] = "Drachenschwänze " + KITE
    content = write_csv(tmp_path / "in.csv", rows).read_text("utf-8").encode("latin-1")
    (tmp_path / "in.csv").write_bytes(content)
    cut(500)
    with pytest.raises(InputError, match=r"in\.csv, row 25: byte 0xe4 is not utf-8"):
        classify(tmp_path / "in.csv", tmp_path / "out.csv", tiny_model)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    classify(tmp_path / "in.csv", tmp_path / "out.csv", tiny_model, encoding="latin-1")
    assert "Drachenschwänze" in (tmp_path / "out.csv").read_text("utf-8")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_broken_first_json_line_is_named_with_file_and_row(tmp_path: Path, tiny_model: str, ending: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"title": "Kite"\n', "utf-8")
    with pytest.raises(InputError, match=r"in\.jsonl, row 1: is not JSON"):
        classify(tmp_path / "in.jsonl", tmp_path / f"out.{ending}", tiny_model)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_half_a_surrogate_pair_in_json_is_tagged_or_refused_with_its_row(tmp_path: Path, tiny_model: str, ending: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"title": "Kite \\ud800", "abstract": "' + KITE + '"}\n', "utf-8")
    said = ""
    try:
        classify(tmp_path / "in.jsonl", tmp_path / f"out.{ending}", tiny_model)
    except InputError as error:
        said = str(error)
    if said or ending != "jsonl":
        assert not said or "row 1" in said
    else:
        assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["title"].startswith("Kite ")


def test_a_late_field_stops_a_table_and_leaves_nothing_behind(tmp_path: Path, tiny_model: str, cut: Cut) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in patents(12)]
    rows[11]["late"] = 1
    write_jsonl(tmp_path / "in.jsonl", rows)
    cut(400)
    with pytest.raises(InputError, match="row 12: has the field 'late'"):
        classify(tmp_path / "in.jsonl", tmp_path / "out.csv", tiny_model)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    assert classify(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tiny_model).rows == 12


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_existing_file_is_kept_without_force_and_replaced_with_it(
    tmp_path: Path, patents_csv: Path, tiny_model: str, ending: str
) -> None:
    target = tmp_path / f"out.{ending}"
    target.write_text("mine", "utf-8")
    for resume in (False, True):
        with pytest.raises(OutputError, match="exists; --force replaces it"):
            classify(patents_csv, target, tiny_model, resume=resume)
        assert target.read_text("utf-8") == "mine"
    classify(patents_csv, target, tiny_model, force=True)
    assert target.stat().st_size > 1000


def test_an_existing_file_survives_a_forced_run_that_fails(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    target = tmp_path / "out.csv"
    target.write_text("mine", "utf-8")
    with patents_csv.open("a", encoding="utf-8") as file:
        file.write("too,short\n")
    with pytest.raises(InputError):
        classify(patents_csv, target, tiny_model, force=True)
    assert target.read_text("utf-8") == "mine"
    assert hidden(tmp_path) == []


def test_a_table_can_be_replaced_by_its_tagged_self(tmp_path: Path, patents_csv: Path, tiny_model: str, cut: Cut) -> None:
    before = read_csv(patents_csv.read_bytes())
    cut(500)
    classify(patents_csv, patents_csv, tiny_model, force=True)
    assert [row[:4] for row in read_csv(patents_csv.read_bytes())] == before


@pytest.mark.parametrize(("target", "said"), [("none/out.csv", "its folder does not exist"), ("folder.csv", "folder|exists")])
def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, patents_csv: Path, tiny_model: str, target: str, said: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match=said):
        classify(patents_csv, tmp_path / target, tiny_model)
    with pytest.raises(OutputError, match="folder"):
        classify(patents_csv, tmp_path / target, tiny_model, force=True)


# Resuming


def interrupt(
    patents_csv: Path, target: Path, model: str, monkeypatch: pytest.MonkeyPatch, after: int = 4, **options: Any
) -> None:
    """Run until ``after`` blocks are safe, then press Ctrl-C."""
    blocks = 0

    def count(rows: int) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        cut_at(patch, 500)
        with pytest.raises(KeyboardInterrupt):
            classify(patents_csv, target, model, progress=count, **options)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_a_resumed_run_does_not_tag_again_what_is_safe_and_ends_the_same(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    target, whole = tmp_path / f"out.{ending}", tmp_path / f"whole.{ending}"
    interrupt(patents_csv, target, tiny_model, monkeypatch)
    assert not target.exists()
    assert hidden(tmp_path)
    worked: list[blocks.RawBlock] = []
    work = batch.work

    def noted(block: blocks.RawBlock, job: batch.Job) -> batch.Done:
        worked.append(block)
        return work(block, job)

    monkeypatch.setattr(batch, "work", noted)
    cut_at(monkeypatch, 500)
    resumed = classify(patents_csv, target, tiny_model, resume=True)
    again = len(worked)
    summary = classify(patents_csv, whole, tiny_model)
    assert again == len(worked) - again - 4
    assert target.read_bytes() == whole.read_bytes()
    assert resumed == summary
    assert hidden(tmp_path) == []


def test_documents_to_be_careful_with_are_counted_alike_alone_in_processes_and_resumed(
    tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**row, "abstract": row["abstract"] if number % 4 else ""} for number, row in enumerate(patents(60))]
    table = write_csv(tmp_path / "in.csv", rows)
    alone = classify(table, tmp_path / "alone.csv", tiny_model)
    assert alone.scope == {"title only": 15}
    assert alone == classify(table, tmp_path / "spread.csv", tiny_model, jobs=2)
    interrupt(table, tmp_path / "out.csv", tiny_model, monkeypatch)
    cut_at(monkeypatch, 500)
    assert alone == classify(table, tmp_path / "out.csv", tiny_model, resume=True)


@pytest.mark.parametrize(
    "options", [{"definition": "broad"}, {"explain": 2}, {"prefix": "x_"}], ids=["definition", "explain", "prefix"]
)
def test_resuming_with_other_options_is_refused_and_keeps_what_is_safe(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    target = tmp_path / "out.csv"
    interrupt(patents_csv, target, tiny_model, monkeypatch)
    before = {name: (tmp_path / name).read_bytes() for name in hidden(tmp_path)}
    with pytest.raises(OutputError, match="other options"):
        classify(patents_csv, target, tiny_model, resume=True, **options)
    assert {name: (tmp_path / name).read_bytes() for name in hidden(tmp_path)} == before


def test_resuming_with_another_input_is_refused(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(patents_csv, tmp_path / "out.csv", tiny_model, monkeypatch)
    write_csv(patents_csv, patents(61))
    with pytest.raises(OutputError, match="another input"):
        classify(patents_csv, tmp_path / "out.csv", tiny_model, resume=True)


def test_resuming_with_more_processes_is_the_same_run(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(patents_csv, tmp_path / "out.csv", tiny_model, monkeypatch)
    cut_at(monkeypatch, 500)
    classify(patents_csv, tmp_path / "out.csv", tiny_model, resume=True, jobs=2)
    classify(patents_csv, tmp_path / "whole.csv", tiny_model)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_resuming_where_blocks_are_cut_otherwise_loses_and_doubles_no_row(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as after an update of the package whose blocks have another size
    interrupt(patents_csv, tmp_path / "out.csv", tiny_model, monkeypatch)
    cut_at(monkeypatch, 900)
    try:
        classify(patents_csv, tmp_path / "out.csv", tiny_model, resume=True)
    except OutputError:
        return
    classify(patents_csv, tmp_path / "whole.csv", tiny_model)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("damage", ["no journal", "no part", "short part", "garbage", "empty journal"])
def test_a_run_whose_remains_are_damaged_begins_anew(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    target = tmp_path / "out.csv"
    interrupt(patents_csv, target, tiny_model, monkeypatch)
    part, journal = tmp_path / ".out.csv.part", tmp_path / ".out.csv.journal"
    if damage == "no journal":
        journal.unlink()
    elif damage == "no part":
        part.unlink()
    elif damage == "short part":
        part.write_bytes(part.read_bytes()[:-40])
    else:
        journal.write_text("{}[" if damage == "garbage" else "", "utf-8")
    cut_at(monkeypatch, 500)
    classify(patents_csv, target, tiny_model, resume=True)
    classify(patents_csv, tmp_path / "whole.csv", tiny_model)
    assert target.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_an_interrupted_run_is_not_gone_on_with_unless_asked(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(patents_csv, tmp_path / "out.csv", tiny_model, monkeypatch)
    classify(patents_csv, tmp_path / "out.csv", tiny_model)
    classify(patents_csv, tmp_path / "whole.csv", tiny_model)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert hidden(tmp_path) == []


def test_a_write_that_fails_is_an_output_error_and_leaves_nothing(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = sinks._TextFile.append

    def full(self: sinks._TextFile, payload: bytes, block: int) -> int:
        if b"XX00030A1" in payload:
            raise OSError(28, "No space left on device")
        return append(self, payload, block)

    monkeypatch.setattr(sinks._TextFile, "append", full)
    cut_at(monkeypatch, 500)
    with pytest.raises(OutputError, match=r"out\.csv: cannot be written: No space left"):
        classify(patents_csv, tmp_path / "out.csv", tiny_model)
    assert [path.name for path in tmp_path.iterdir()] == ["patents.csv"]


# Killed. Each run is a forked child of a warm process: a second of start-up for thirty runs and not for one.

_SLOW = """
import os, random, signal, sys, time
from ipclass import batch, blocks, files, sinks, sources

def slowly(home, name, nap):
    method = getattr(home, name)
    def slow(self, *rest):
        time.sleep(nap)
        found = method(self, *rest)
        time.sleep(nap)
        return found
    setattr(home, name, slow)

nap = float(sys.argv.pop(1))
size = 700
blocks.BLOCK_BYTES = sources.HEAD_BYTES = size
for step in ("_TextFile append", "_ParquetFile append", "_Journal note", "Output finish"):
    home, name = step.split()
    slowly(getattr(sinks, home), name, nap)
"""
_KILLS = """
import csv, json
from pathlib import Path

table, target, model, wanted, kills, seed = sys.argv[1:]
target, wanted, chance = Path(target), Path(wanted), random.Random(int(seed))
rejects, rejected = target.with_name("rejects.csv"), wanted.with_name("rejected.csv").read_bytes()
with open(table, encoding="utf-8", errors="replace", newline="") as file:  # polars' threads would not survive the fork
    batch.load(model).tag([f"{row['title']}\\n{row['abstract']}" for row in csv.DictReader(file)])
journal = target.with_name(f".{target.name}.journal")

def run():
    source = files.Source(table)
    job = batch.Job(source.layout, model, "strict", 0, files.format_of(str(target)))
    batch.run(source, str(target), job, rejects=str(rejects), resume=True)

def child():
    pid = os.fork()
    if pid == 0:
        try:
            run()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(3)
    return pid

def finished():
    assert target.read_bytes() == wanted.read_bytes(), "a file under the final name is not the whole result"
    assert rejects.read_bytes() == rejected
    target.unlink()
    rejects.unlink()

def blocks():
    lines = journal.read_text().rpartition("\\n")[0].splitlines() if journal.exists() else []
    return json.loads(lines[-1])["blocks"] if lines else 0

deaths = resumed = completed = 0
while deaths < int(kills):
    before, patience = blocks(), time.monotonic() + (10 if chance.random() < 0.8 else 0)
    pid = child()
    while blocks() <= before and not target.exists() and time.monotonic() < patience:
        time.sleep(0.001)  # most kills come once something was written, however slow the machine is
    time.sleep(chance.uniform(0.0, 0.05))
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        deaths += 1
        if target.exists():
            finished()
            completed += 1
        elif blocks():
            resumed += 1
    else:
        assert os.WEXITSTATUS(status) == 0
        finished()
        completed += 1
pid = child()
assert os.waitpid(pid, 0)[1] == 0
finished()
left = [path.name for path in target.parent.glob(".*")]
print(json.dumps({"deaths": deaths, "resumed": resumed, "completed": completed, "left": left}))
"""


@pytest.mark.parametrize(("ending", "kills"), [("csv", 14), ("csv.gz", 8), ("parquet", 10)])
def test_a_run_killed_anywhere_never_looks_finished_and_resumes_to_the_same_bytes(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, ending: str, kills: int
) -> None:
    whole, target = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    lines = patents_csv.read_bytes().splitlines(keepends=True)
    patents_csv.write_bytes(b"".join([*lines[:20], b"too,short\n", *lines[20:40], b"\xff\n", *lines[40:]]))
    with monkeypatch.context() as patch:
        cut_at(patch, 700)
        classify(patents_csv, whole, tiny_model, rejects=str(tmp_path / "rejected.csv"))
    arguments = ["0.001", str(patents_csv), str(target), tiny_model, str(whole), str(kills), str(len(ending))]
    done = subprocess.run(
        [sys.executable, "-c", _SLOW + _KILLS, *arguments], capture_output=True, env=environment(), timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert told["deaths"] == kills
    assert told["resumed"] >= kills // 3, "most kills must hit a run half-way, or this test shows nothing"
    assert told["left"] == []


def start(nap: float, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start the command line, slowed down, in a process group of its own."""
    code = _SLOW + "from ipclass.cli import main; main()"
    command = [sys.executable, "-c", code, str(nap), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), start_new_session=True)


def await_blocks(journal: Path, blocks: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        lines = journal.read_text("utf-8").rpartition("\n")[0].splitlines() if journal.exists() else []
        if lines and json.loads(lines[-1])["blocks"] >= blocks:
            return
        time.sleep(0.01)
    pytest.fail(f"the run never wrote {blocks} blocks: {process.communicate()[1].decode()}")


def test_the_command_line_killed_half_way_resumes_to_the_same_bytes(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        cut_at(patch, 700)
        classify(patents_csv, tmp_path / "whole.csv", tiny_model)
    target = tmp_path / "out.csv"
    chance = random.Random(3)
    blocks = 0
    for _ in range(3):
        process = start(0.01, "classify", patents_csv, "-o", target, "-m", tiny_model, "--resume")
        blocks += chance.randint(2, 4)
        await_blocks(tmp_path / ".out.csv.journal", blocks, process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not target.exists()
    process = start(0, "classify", patents_csv, "-o", target, "-m", tiny_model, "--resume")
    said = process.communicate()[1].decode()
    assert process.returncode == 0, said
    assert said.startswith("60 documents: kites 20, looms 20")
    assert target.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_with_130_and_one_line_and_the_run_can_be_resumed(
    tmp_path: Path, patents_csv: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, jobs: str
) -> None:
    with monkeypatch.context() as patch:
        cut_at(patch, 700)
        classify(patents_csv, tmp_path / "whole.csv", tiny_model)
    target = tmp_path / "out.csv"
    command = ("classify", patents_csv, "-o", target, "-m", tiny_model, "-j", jobs)
    process = start(0.1, *command)
    await_blocks(tmp_path / ".out.csv.journal", 2, process)
    os.killpg(process.pid, signal.SIGINT)  # the terminal sends it to the workers too
    said = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 130, said
    assert said.strip() == "ipclass: interrupted"
    assert not target.exists()
    process = start(0, *command, "--resume")
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert target.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_the_console_script_and_the_module_are_one() -> None:
    found = subprocess.run([*MAIN, "--version"], capture_output=True, env=environment(), check=True).stdout.decode()
    script = Path(sys.executable).with_name("ipclass")
    assert found.startswith("ipclass ")
    assert subprocess.run([str(script), "--version"], capture_output=True, check=True).stdout.decode() == found
