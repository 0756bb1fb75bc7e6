"""What to judge next, by the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, document, ipclass, judged, patents, write_csv, write_jsonl

from ipclass import excel, gradebook


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Documents that the model has not met: plain ones, and a few that mix two themes."""
    rows = patents(120)[60:]
    for number, row in enumerate(rows):
        row["abstract"] += f" Variant {number} has {' '.join(document('', number)[0].split()[4:])}."
        if number % 10 == 0:
            row["abstract"] += f" {document('looms', number)[1]} {document('kites', number + 1)[1]}"
    return write_csv(tmp_path / "pool.csv", rows)


def run(table: Path, output: Path, base: Path, model: str, *more: object) -> Ended:
    return ipclass("next", table, "-o", output, "--base", base, "-m", model, *map(str, more))


def rows(sheet: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"))))


def ids(sheet: Path) -> set[str]:
    return {row["id"] for row in rows(sheet)}


def test_a_sheet_of_different_documents_is_written_and_all_is_counted(
    table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str
) -> None:
    found = run(table, tmp_path / "s.csv", tiny_corpus, tiny_model, "-n", 10)
    assert (found.code, found.out) == (0, b"")
    sheet = rows(tmp_path / "s.csv")
    assert list(sheet[0]) == ["id", "title", "abstract", "kites", "looms", "origin", "remark"]
    assert len(ids(tmp_path / "s.csv")) == 10
    assert sorted(row["origin"] for row in sheet) == ["picked"] * 9 + ["representative"]
    assert f"{tmp_path / 's.csv'}: 10 documents to judge for kites, looms: 1 drawn at random, 9 picked" in found.lines
    assert any(line.startswith("of 60 documents; left out:") for line in found.lines)


def test_mixed_documents_are_asked_for_before_plain_ones(
    table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str
) -> None:
    run(table, tmp_path / "s.csv", tiny_corpus, tiny_model, "-n", 4, "--explore", 0, "-q")
    mixed = {f"XX{60 + number:05d}A1" for number in range(0, 60, 10)}
    assert len(ids(tmp_path / "s.csv") & mixed) >= 3


def test_the_same_seed_gives_the_same_bytes_and_another_draws_anew(
    table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert run(table, tmp_path / f"{name}.csv", tiny_corpus, tiny_model, "-n", 20, "--seed", seed, "-q").err == ""
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    drawn = [{r["id"] for r in rows(tmp_path / f"{n}.csv") if r["origin"] == "representative"} for n in "ac"]
    assert drawn[0] != drawn[1]


def test_what_was_judged_is_never_asked_again(table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    first = tmp_path / "first.csv"
    run(table, first, tiny_corpus, tiny_model, "-n", 10, "-q")
    book = gradebook.read(first)
    first.write_bytes(gradebook.written(book, [(0, 2)] * len(book.documents)))
    found = run(table, tmp_path / "second.csv", tiny_corpus, tiny_model, "-n", 10, "--judged", first)
    assert found.code == 0
    assert not ids(first) & ids(tmp_path / "second.csv")
    assert "judged already" in found.err


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_judged_sheet_is_what_training_reads(
    table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str, ending: str
) -> None:
    sheet = tmp_path / f"s.{ending}"
    run(table, sheet, tiny_corpus, tiny_model, "-n", 8, "-q")
    book = gradebook.read(sheet)
    sheet.write_bytes(gradebook.written(book, [(0, 2)] * (len(book.documents) - 1) + [(None, None)]))
    found = ipclass("train", sheet, "--base", tiny_corpus, "--check")
    assert found.code == 0
    assert f"{len(book.documents)} rows: {len(book.documents) - 1} judged, 1 not judged, 0 with an error" in found.err


def test_documents_of_the_corpus_are_not_asked_for(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    texts = [{key: row[key] for key in ("id", "title", "abstract")} for row in judged(12)]
    renamed = [{**row, "id": f"N{number}", "title": f"{row['title']} again"} for number, row in enumerate(texts)]
    fresh = {"id": "F1", "title": "A kite that weaves", "abstract": "The loom of the kite moves a reed past a keel in gusts."}
    table = write_jsonl(tmp_path / "pool.jsonl", [*texts, *renamed, fresh])
    found = run(table, tmp_path / "s.csv", tiny_corpus, tiny_model, "-n", 30)
    assert ids(tmp_path / "s.csv") == {"F1"}
    assert "12 judged already" in found.err
    assert "like a judged document" in found.err


def test_a_sheet_for_one_label_has_one_column_of_grades(
    table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str
) -> None:
    run(table, tmp_path / "s.xlsx", tiny_corpus, tiny_model, "-n", 5, "--for", "looms", "--show", "-q")
    frame = excel.read(tmp_path / "s.xlsx")
    assert frame.columns == ["id", "title", "abstract", "looms", "origin", "remark", "why"]
    assert all(why.startswith(("looms (", "drawn at random")) for why in frame["why"])


def test_a_label_that_no_model_knows_is_looked_for_by_its_phrases(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    source = (tiny_corpus / "labels" / "looms.toml").read_text("utf-8").replace("ooms", "adles").replace('"ladles"', '"ladle"')
    (tmp_path / "ladles.toml").write_text(source, "utf-8")
    table = write_csv(tmp_path / "pool.csv", patents(120)[60:])
    label = ["--label", tmp_path / "ladles.toml", "--for", "ladles"]
    found = run(table, tmp_path / "s.csv", tiny_corpus, tiny_model, "-n", 4, "--explore", 0, *label, "--show")
    assert found.code == 0
    sheet = rows(tmp_path / "s.csv")
    assert "ladles" in sheet[0]
    assert all("ladle" in row["title"] for row in sheet)
    assert all(row["why"].startswith("ladles: phrases") for row in sheet)


def test_a_table_comes_from_standard_input_too(table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    arguments: Sequence[Any] = ["-n", "5", "--base", tiny_corpus, "-m", tiny_model, "-q"]
    ipclass("next", table, "-o", tmp_path / "a.csv", *arguments)
    ipclass("next", "-", "-o", tmp_path / "b.csv", *arguments, stdin=table.read_bytes())
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_mistakes_are_one_line_and_exit_1(table: Path, tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    there = tmp_path / "there.csv"
    there.write_text("x")
    empty = tmp_path / "empty.csv"
    empty.write_text("id,title,abstract\nX,,\n")
    known = write_jsonl(tmp_path / "known.jsonl", judged(3))
    for source, output, more, said in (
        (tmp_path / "none.csv", "s.csv", [], "no such file"),
        (table, "s.ods", [], "cannot tell the kind of sheet"),
        (table, "there.csv", [], "exists; --force replaces it"),
        (table, "s.csv", ["--for", "kite"], "did you mean 'kites'"),
        (table, "s.csv", ["--abstract", "text"], "no column 'text'"),
        (empty, "s.csv", [], "nothing to judge among 1 documents (1 empty)"),
        (known, "s.csv", [], "nothing to judge among 3 documents (3 judged already)"),
        (table, "s.csv", ["--judged", tmp_path / "none.csv"], "none.csv: no such file"),
    ):
        found = run(source, tmp_path / output, tiny_corpus, tiny_model, "-q", *more)
        assert (found.code, found.out, len(found.lines)) == (1, b"", 1), found.err
        assert said in found.err
    assert there.read_text() == "x"


@pytest.mark.parametrize("more", [["-n", "0"], ["--explore", "2"], []])
def test_a_wrong_call_ends_with_2(table: Path, more: list[str]) -> None:
    assert ipclass("next", table, *(["-o", "x.csv", *more] if more else [])).code == 2
