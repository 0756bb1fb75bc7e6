"""Rows that cannot be read, kept apart: each is told with its place and reason, and none is lost or counted twice."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import ipclass, patents, read_csv, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from ipclass import batch, files
from ipclass.blocks import RawBlock
from ipclass.errors import InputError, OutputError
from ipclass.files import Layout
from ipclass.parsing import sift

Cut = Callable[[int], None]
HEAD = "publication_number,title,abstract,year\n"
KITE = "The kite has a bridle and a tail of light cloth, so that the kite flies steadily on its tether in gusts of wind."


def classify(table: Path, target: Path, model: str, **options: Any) -> batch.Summary:
    source = files.Source(str(table))
    job = batch.Job(source.layout, model, "strict", 0, files.format_of(str(target)))
    return batch.run(source, str(target), job, rejects=str(target.with_name("rejects.csv")), **options)


def told(folder: Path) -> list[tuple[str, str]]:
    """Return the places and the reasons in the table of rejects."""
    head, *rows = read_csv((folder / "rejects.csv").read_bytes())
    assert head == ["file", "place", "reason"]
    return [(place, reason) for _, place, reason in rows]


def sifted(content: str | bytes, columns: str = "title,abstract", format: Any = "csv") -> tuple[list[list[Any]], list[int]]:
    """Return the rows that can be read, and the numbers of those that cannot."""
    layout = Layout(format, tuple(columns.split(",")), "title", "abstract", "")
    block = sift(RawBlock("t", layout, content.encode() if isinstance(content, str) else content), layout)
    assert block.frame is not None
    return [list(row) for row in block.frame.rows()], [bad.row for bad in block.bad]


# One row each


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        ("A,B\nC\nD,E\n", ["A", "D"], [2]),
        ("A,B\nC,D,E\nF,G\n", ["A", "F"], [2]),
        ("A,B\nC\nD\nE,F\n", ["A", "E"], [2, 3]),
        ('A,B\nC,"D\nE,F\nG,H\n', ["A", "E", "G"], [2]),
        ('A,B\nC,"D\nE,"F"\nG,"H"\n', ["A", "E", "G"], [2]),
        ('A,"B"\nC,"D one\nE,"F"\nG,"H\nI,"J"\n', ["A", "E", "I"], [2, 4]),
        ('A,"B\nC","D"\nE,F\n', ["E"], [1]),
        ('A,B\n"C,D\nE,F\n', ["A", "E"], [2]),
        ('A,"B" x\nC,D\n', ["C"], [1]),
        ('A,"one\ntwo" x\nC,D\n', ["C"], [1]),
        ('A,B\nC,"D', ["A"], [2]),
    ],
)
def test_a_broken_row_costs_no_other(content: str, good: list[str], bad: list[int]) -> None:
    rows, numbers = sifted(content)
    assert ([row[0] for row in rows], numbers) == (good, bad)


def test_an_unclosed_mark_costs_the_lines_of_its_own_row_and_is_told_once() -> None:
    content = 'A,"one\ntwo\nthree, four, five\nC,D\nE,"F"\n'
    rows, bad = sifted(content)
    assert (rows, bad) == ([["C", "D"], ["E", "F"]], [1])


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('1,"a "b" c"', ["1", 'a "b" c']),
        ('1,"a "b" ""c"" d"', ["1", 'a "b" "c" d']),
        ('1,""a" b"', ["1", '"a" b']),
        ('"a" b",2', ['a" b', "2"]),
    ],
)
def test_bare_marks_within_a_quoted_field_are_part_of_it(line: str, fields: list[str]) -> None:
    assert sifted(f"x,y\n{line}\nz,w\n") == ([["x", "y"], fields, ["z", "w"]], [])


def test_two_stray_marks_do_not_join_two_rows() -> None:
    """What polars reads as one row of two lines."""
    assert sifted('A,"B"C"\nD,"E"F"\nG,H\n')[0] == [["A", 'B"C'], ["D", 'E"F'], ["G", "H"]]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "gb18030", "shift-jis"])
def test_rows_of_another_encoding_are_told_one_by_one(encoding: str) -> None:
    lines = [b"A,B\n", b"C,Drachenschw\xff\x80nze\n", b"E,F\n", b'"G\nG","\xff\x80"\n', b"I,J\n"]
    layout = Layout("csv", ("title", "abstract"), "title", "abstract", "", encoding=encoding)
    block = sift(RawBlock("t", layout, b"".join(lines)), layout)
    assert block.texts == ["A\nB", "E\nF", "I\nJ"]
    assert [bad.row for bad in block.bad] == [2, 4]
    assert all(f"byte 0xff is not {layout.encoding}" in bad.problem.replace("shift_jis", "shift-jis") for bad in block.bad)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"title": "A"', "is not JSON"),
        ("[1]", "is a list"),
        ('{"name": "A"}', "no text"),
        ('{"title": ["A"]}', "holds a list, not text"),
        ('{"title": "A", "abstract": {"en": "B"}}', "holds a dict, not text"),
        ('{"title": "A", "primary": "x"}', "has a field 'primary' already"),
        ('{"title": "\udc80"}', "byte 0x80 is not utf-8"),
    ],
)
def test_a_bad_line_of_json_is_told_and_the_others_are_tagged(tmp_path: Path, tiny_model: str, line: str, reason: str) -> None:
    good = [json.dumps(row) for row in patents(2)]
    content = "\n".join([good[0], line, good[1]]).encode("utf-8", "surrogateescape")
    (tmp_path / "in.jsonl").write_bytes(content)
    summary = classify(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tiny_model)
    assert (summary.rows, summary.rejected) == (2, 1)
    ((place, why),) = told(tmp_path)
    assert place == "row 2"
    assert reason in why


def test_a_field_that_comes_late_is_a_reject_of_a_table(tmp_path: Path, tiny_model: str, cut: Cut) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in patents(12)]
    rows[9]["late"] = 1
    table = write_jsonl(tmp_path / "in.jsonl", rows)
    cut(500)
    assert classify(table, tmp_path / "out.csv", tiny_model).rejected == 1
    assert told(tmp_path) == [("row 10", "has the field 'late', which the first rows had not; write JSON lines instead")]
    assert len(read_csv((tmp_path / "out.csv").read_bytes())) == 12


def test_first_lines_that_are_no_json_do_not_stop_a_table(tmp_path: Path, tiny_model: str) -> None:
    (tmp_path / "in.jsonl").write_text("{\n" + "".join(json.dumps(row) + "\n" for row in patents(3)), "utf-8")
    summary = classify(tmp_path / "in.jsonl", tmp_path / "out.csv", tiny_model)
    assert (summary.rows, summary.rejected) == (3, 1)


def test_a_row_too_long_to_be_one_is_passed_over(tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipclass.blocks.LARGEST_ROW", 50_000)
    monkeypatch.setattr("ipclass.blocks.BLOCK_BYTES", 10_000)
    rows = patents(40)
    rows[20]["abstract"] = "x" * 200_000
    table = write_csv(tmp_path / "in.csv", rows)
    for jobs in (1, 2):
        summary = classify(table, tmp_path / "out.csv", tiny_model, jobs=jobs, force=True)
        assert (summary.rows, summary.rejected) == (39, 1)
        ((place, why),) = told(tmp_path)
        assert place == "row 21"
        assert "has more than 0 MB" in why


# Whole runs


def broken(path: Path, rows: int = 60) -> Path:
    """Write a table of which every sixth row is broken, each in another way."""
    lines = write_csv(path, patents(rows)).read_bytes().splitlines(keepends=True)
    for at in range(6, len(lines), 6):
        lines[at] = (b"too,short\n", b'XX,"never closed\n', b"XX,\xff,\x80,1\n", lines[at].rstrip() + b",1\n")[at // 6 % 4]
    path.write_bytes(b"".join(lines))
    return path


def reference(table: Path, model: str, folder: Path, ending: str) -> tuple[bytes, bytes]:
    folder.mkdir()
    classify(table, folder / f"out.{ending}", model)
    return (folder / f"out.{ending}").read_bytes(), (folder / "rejects.csv").read_bytes()


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_rows_read_are_rows_tagged_and_rows_rejected_whatever_the_blocks_and_processes(
    tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    table = broken(tmp_path / "in.csv")
    found = []
    for size, jobs in ((300, 1), (1000, 2), (10**6, 1)):
        with monkeypatch.context() as patch:
            patch.setattr("ipclass.blocks.BLOCK_BYTES", size)
            patch.setattr("ipclass.sources.HEAD_BYTES", size)
            summary = classify(table, tmp_path / f"out.{ending}", tiny_model, jobs=jobs, force=True)
        assert (summary.rows, summary.rejected) == (50, 10)
        found.append((tmp_path / "rejects.csv").read_bytes())
    assert found[0] == found[1] == found[2]
    assert [place for place, _ in told(tmp_path)] == [f"row {row}" for row in range(6, 61, 6)]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_resumed_run_has_the_same_rejects(tmp_path: Path, tiny_model: str, cut: Cut, ending: str, after: int) -> None:
    table = broken(tmp_path / "in.csv")
    cut(700)
    whole = reference(table, tiny_model, tmp_path / "whole", ending)
    blocks = 0

    def count(rows: int) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(table, tmp_path / f"out.{ending}", tiny_model, progress=count)
    assert not (tmp_path / "rejects.csv").exists()
    summary = classify(table, tmp_path / f"out.{ending}", tiny_model, resume=True)
    assert ((tmp_path / f"out.{ending}").read_bytes(), (tmp_path / "rejects.csv").read_bytes()) == whole
    assert (summary.rows, summary.rejected) == (50, 10)
    assert not list(tmp_path.glob(".*"))


def test_a_run_killed_between_its_two_files_is_finished_by_resuming(
    tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = broken(tmp_path / "in.csv")
    whole = reference(table, tiny_model, tmp_path / "whole", "csv")
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.name == "out.csv":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            classify(table, tmp_path / "out.csv", tiny_model)
    assert (tmp_path / "rejects.csv").exists()
    assert not (tmp_path / "out.csv").exists()
    classify(table, tmp_path / "out.csv", tiny_model, resume=True)
    assert ((tmp_path / "out.csv").read_bytes(), (tmp_path / "rejects.csv").read_bytes()) == whole


def test_without_a_file_for_rejects_a_bad_row_stops_the_run_and_the_way_on_is_told(tmp_path: Path, tiny_model: str) -> None:
    found = ipclass("classify", broken(tmp_path / "in.csv"), "-o", tmp_path / "out.csv", "-m", tiny_model)
    assert found.code == 1
    assert len(found.lines) == 1
    assert "row 6: cannot be read" in found.err
    assert "--rejects FILE" in found.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_the_command_says_that_the_sum_is_right(tmp_path: Path, tiny_model: str) -> None:
    rejects = tmp_path / "bad.csv"
    found = ipclass("classify", broken(tmp_path / "in.csv"), "-o", tmp_path / "out.csv", "-m", tiny_model, "--rejects", rejects)
    assert found.code == 0
    assert found.lines[1] == f"60 rows read = 50 tagged + 10 rejected ({rejects})"


def test_a_run_without_bad_rows_says_so_with_an_empty_table(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    summary = classify(patents_csv, tmp_path / "out.csv", tiny_model)
    assert (summary.rows, summary.rejected) == (60, 0)
    assert told(tmp_path) == []


def test_rejects_are_not_written_over_a_file_or_the_result(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    (tmp_path / "rejects.csv").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists; --force"):
        classify(patents_csv, tmp_path / "out.csv", tiny_model)
    assert (tmp_path / "rejects.csv").read_text("utf-8") == "mine"
    with pytest.raises(OutputError, match="is the file of the result"):
        classify(patents_csv, tmp_path / "rejects.csv", tiny_model, force=True)


def test_a_run_with_rejects_is_not_gone_on_with_without(tmp_path: Path, tiny_model: str, cut: Cut) -> None:
    table = broken(tmp_path / "in.csv")
    cut(700)

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(table, tmp_path / "out.csv", tiny_model, progress=stop)
    source = files.Source(str(table))
    job = batch.Job(source.layout, tiny_model, "strict", 0, "csv")
    with pytest.raises((OutputError, InputError)):
        batch.run(source, str(tmp_path / "out.csv"), job, resume=True)


def test_what_a_reason_quotes_is_no_formula(tmp_path: Path, tiny_model: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"title": "A"}\n{"=cmd()": 1}\n', "utf-8")
    classify(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tiny_model)
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in told(tmp_path) for cell in row)


# Any damage

CELL = st.text(st.sampled_from(list('ab",\n\r é')), max_size=6)


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=6),
    st.integers(0, 200),
    st.sampled_from(list('",\n\rx')),
)
def test_one_wrong_character_costs_few_rows_and_what_is_left_is_as_it_was(
    rows: list[list[str]], place: int, wrong: str
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([*rows, *([["p", "q"]] * 5)])
    content = text.getvalue()
    at = place % len(content)
    good, _ = sifted(content[:at] + wrong + content[at:])
    assert [row for row in good if row == ["p", "q"]][:4] == [["p", "q"]] * 4


@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv"]))
def test_any_bytes_are_rows_or_rejects(content: bytes, format: Any) -> None:
    rows, bad = sifted(content, format=format)
    numbers = sorted(bad)
    assert numbers == bad
    assert not numbers or numbers[-1] <= len(rows) + len(bad)
    assert len(set(numbers)) == len(numbers)


def test_parquet_knows_no_bad_rows(tmp_path: Path, tiny_model: str) -> None:
    pl.DataFrame({"title": ["Kite", None], "abstract": [KITE, None]}).write_parquet(tmp_path / "in.parquet")
    summary = classify(tmp_path / "in.parquet", tmp_path / "out.csv", tiny_model)
    assert (summary.rows, summary.rejected) == (2, 0)
