"""Doubts and agreement by the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import document, ipclass, judged, write_csv, write_jsonl

from ipclass import excel, gradebook


def table(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return judged documents as a sheet has them."""
    texts = [{key: row[key] for key in ("id", "title", "abstract")} for row in rows]
    return [
        {**text, **{label: str(grade) for label, grade in row["grades"].items()}} for text, row in zip(texts, rows, strict=True)
    ]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Judgements of other documents than those of the corpus, the first of them wrong."""
    rows = judged(102)[72:]
    for number, row in enumerate(rows):
        row["id"] = f"M{number:02d}"
        row["abstract"] += f" {document('', number)[1]}"
    written = table(rows)
    written[0]["kites"] = "0"
    return write_csv(tmp_path / "mine.csv", written)


def test_the_users_judgements_are_held_against_the_corpus(mine: Path, tmp_path: Path, tiny_corpus: Path) -> None:
    found = ipclass("labels", "doubts", mine, "--base", tiny_corpus, "-o", tmp_path / "d.csv")
    assert found.code == 0
    rows = list(csv.reader(io.StringIO((tmp_path / "d.csv").read_text("utf-8"))))
    assert rows[0] == ["id", "label", "grade", "suggested", "expected", "terms against"]
    assert rows[1][:4] == ["M00", "kites", "0", "2"]
    assert "kite (+" in rows[1][5]
    assert all(row[0].startswith("M") for row in rows[1:])
    assert found.out.decode().splitlines()[1].split()[:4] == ["M00", "kites", "0", "2"]
    assert "kites: of 30 judgements" in found.err


def test_the_corpus_itself_can_be_looked_at(mine: Path, tmp_path: Path, tiny_corpus: Path) -> None:
    alone = ipclass("labels", "doubts", "--base", tiny_corpus)
    assert "kites: of 60 judgements" in alone.err
    both = ipclass("labels", "doubts", mine, "--base", tiny_corpus, "--whole")
    assert "kites: of 90 judgements" in both.err


def test_a_second_reading_is_blind_and_can_be_compared(mine: Path, tmp_path: Path, tiny_corpus: Path) -> None:
    sheet = tmp_path / "second.xlsx"
    ipclass("labels", "doubts", mine, "--base", tiny_corpus, "--sheet", sheet, "-q")
    frame = excel.read(sheet)
    assert "M00" in frame["id"].to_list()
    assert set(frame["kites"].to_list()) == {""}
    book = gradebook.read(sheet)
    sheet.write_bytes(gradebook.written(book, [(2,) * len(book.labels)] * len(book.documents)))
    found = ipclass("labels", "agreement", mine, sheet, "--base", tiny_corpus, "-o", tmp_path / "differ.csv")
    assert found.code == 0
    differing = list(csv.DictReader(io.StringIO((tmp_path / "differ.csv").read_text("utf-8"))))
    assert ("M00", "kites", "0", "2") in {(row["id"], row["label"], row["one"], row["two"]) for row in differing}
    assert "judged by one of them alone: kites 2" in found.err


def test_agreement_is_told_by_label_and_definition(tmp_path: Path, tiny_corpus: Path) -> None:
    rows = judged(60)
    one = write_jsonl(tmp_path / "one.jsonl", rows)
    other = [{**row, "grades": {**row["grades"], "kites": 1 if row["id"] == "J0" else row["grades"]["kites"]}} for row in rows]
    two = write_jsonl(tmp_path / "two.jsonl", other)
    lines = ipclass("labels", "agreement", one, two, "--base", tiny_corpus).out.decode().splitlines()
    assert [line.split()[:3] for line in lines[1:6]] == [
        ["kites"],
        ["grades", "60", "1"],
        ["strict", "60", "1"],
        ["broad", "60", "0"],
        ["looms"],
    ]
    assert max(map(len, lines)) <= 80
    facts = json.loads(ipclass("labels", "agreement", one, two, "--base", tiny_corpus, "--json").out)
    assert facts["looms"]["grades"]["kappa"]["value"] == 1
    assert 0.9 < facts["kites"]["strict"]["kappa"]["value"] < 1


def test_mistakes_are_one_line_and_exit_1(mine: Path, tmp_path: Path, tiny_corpus: Path) -> None:
    strangers = write_csv(tmp_path / "s.csv", [{"id": "Q", "title": "T", "abstract": "A", "kites": "1"}])
    twice = write_csv(tmp_path / "t.csv", [{"id": "Q", "title": "T", "abstract": "A", "kites": grade} for grade in "12"])
    for command, said in (
        (["doubts", tmp_path / "none.csv"], "no such file"),
        (["doubts", mine, "-o", tmp_path / "d.ods"], "as .csv or .xlsx"),
        (["doubts", mine, "--sheet", tmp_path / "d.ods"], "cannot tell the kind of sheet"),
        (["doubts", mine, "-o", mine], "exists; --force replaces it"),
        (["doubts", mine, "--base", tmp_path / "none"], "no such folder"),
        (["agreement", mine, tmp_path / "none.csv"], "no such file"),
        (["agreement", mine, strangers], "no document is judged for the same label in both files (30 and 1 documents)"),
        (["agreement", mine, twice], "'Q' is judged twice by one judge: kites 1 and 2"),
    ):
        base = [] if "--base" in command else ["--base", tiny_corpus]
        found = ipclass("labels", *command, *base, "-q")
        assert (found.code, found.out, len(found.lines)) == (1, b"", 1), found.err
        assert said in found.err


def test_doubts_are_written_to_a_workbook_and_no_more_are_printed_than_asked_for(
    mine: Path, tmp_path: Path, tiny_corpus: Path
) -> None:
    rows = list(csv.DictReader(io.StringIO(mine.read_text("utf-8"))))
    for row in rows[:9]:
        row["looms"], row["kites"] = row["kites"], row["looms"]
    rows.append({**rows[0], "id": "bad", "kites": "x"})
    write_csv(mine, rows)
    found = ipclass("labels", "doubts", mine, "--base", tiny_corpus, "-o", tmp_path / "d.xlsx", "-n", "2")
    frame = excel.read(tmp_path / "d.xlsx")
    assert frame.columns == ["id", "label", "grade", "suggested", "expected", "terms against"]
    assert frame.height > 2
    assert len(found.out.decode().splitlines()) == 1 + 2 * 2
    assert "1 rows of judgements have an error and are passed over" in found.err
    assert f"{frame.height} in all, 2 shown; -o writes them all" in found.err
    quiet = ipclass("labels", "doubts", mine, "--base", tiny_corpus, "-n", "2", "-q")
    assert (quiet.out, quiet.err) == (found.out, "")


def test_where_nothing_is_doubted_there_is_no_table_and_no_sheet_to_read_again(tmp_path: Path, tiny_corpus: Path) -> None:
    sure = write_csv(tmp_path / "sure.csv", table([row for row in judged(90) if 1 not in row["grades"].values()]))
    found = ipclass("labels", "doubts", sure, "--no-base", "--base", tiny_corpus)
    assert (found.code, found.out) == (0, b"")
    again = ipclass("labels", "doubts", sure, "--no-base", "--base", tiny_corpus, "--sheet", tmp_path / "again.csv", "-q")
    assert (again.code, len(again.lines)) == (1, 1)
    assert "nothing to read again" in again.err


def test_doubts_are_printed_as_json(mine: Path, tiny_corpus: Path) -> None:
    found = ipclass("labels", "doubts", mine, "--base", tiny_corpus, "--json", "-q")
    assert (found.code, found.err) == (0, "")
    first = json.loads(found.out)[0]
    assert (first["id"], first["label"], first["grade"], first["suggested"]) == ("M00", "kites", 0, 2)
