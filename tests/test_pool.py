"""A table read once: what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import patents, write_csv, write_jsonl

from ipclass import files, pool
from ipclass.errors import InputError
from ipclass.pool import Known, Looked, Pool
from ipclass.records import Document

NOBODY = Known()


def look(documents: Sequence[Document]) -> Looked:
    """Find documents of a high number urgent, and by another criterion those of a low one; tools are not looked for."""
    numbers = np.array([float(document.id[2:7]) for document in documents])
    return np.column_stack([numbers, -numbers]).reshape(-1, 2), ["no tools" if "Kitchen" in d.title else "" for d in documents]


def read(path: Path, *, keep: int = 5, draw: int = 4, seed: int = 0, known: Known = NOBODY) -> Pool:
    return pool.read(files.Source(str(path)), look, known, keep=keep, draw=draw, seed=seed)


def ids(found: Pool) -> list[str]:
    return [document.id for document in found.documents]


def test_the_most_urgent_by_each_criterion_and_what_was_drawn_are_kept_and_all_rows_are_counted(tmp_path: Path) -> None:
    found = read(write_csv(tmp_path / "a.csv", patents(60)))
    assert found.seen == 60
    assert found.left_out == {"no tools": 20}
    urgent = {f"XX{number:05d}A1" for number in range(60) if number % 3 != 1}
    assert {*sorted(urgent)[:5], *sorted(urgent)[-5:]} <= set(ids(found)) <= urgent
    assert len(found.drawn) == 4
    assert len(found.documents) <= 14
    assert [f"XX{row - 1:05d}A1" for row in found.rows.tolist()] == ids(found)


@pytest.mark.parametrize("size", [200, 1500, 1 << 20])
def test_the_pool_is_the_same_however_the_table_is_cut(tmp_path: Path, cut: Callable[[int], None], size: int) -> None:
    rows = patents(60) + [{**row, "publication_number": f"XX{90 + n:05d}A1"} for n, row in enumerate(patents(9))]
    path = write_csv(tmp_path / "a.csv", rows)
    whole = read(path)
    cut(size)
    again = read(path)
    assert ids(again) == ids(whole)
    assert again.drawn.tolist() == whole.drawn.tolist()
    assert np.array_equal(again.urgencies, whole.urgencies)
    assert again.left_out == whole.left_out


def test_of_near_duplicates_the_most_urgent_is_kept_once_a_criterion(tmp_path: Path) -> None:
    rows = [{**patents(1)[0], "publication_number": f"XX{number:05d}A1"} for number in range(50)]
    found = read(write_csv(tmp_path / "a.csv", rows), draw=0)
    assert ids(found) == ["XX00000A1", "XX00049A1"]


def test_what_is_judged_is_left_out_by_number_whatever_its_form_and_by_text(tmp_path: Path) -> None:
    rows = patents(6)
    twin = Document(rows[2]["title"], "Another abstract.", "other id")
    found = read(write_csv(tmp_path / "a.csv", rows), known=Known.of(["XX-00000", "", "XX 00003 B2"], [twin]))
    assert ids(found) == ["XX00005A1"]
    assert found.left_out == {pool.JUDGED: 3, "no tools": 2}


def test_nothing_is_known_of_documents_without_a_number_or_text() -> None:
    assert not Known.of(["", "x"], [Document("", "")]).has(Document("", "", ""))


def test_every_row_is_as_likely_to_be_drawn(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [row for row in patents(30) if "Kitchen" not in row["title"]])
    drawn = [
        found.documents[place].id for seed in range(200) for found in [read(path, keep=0, seed=seed)] for place in found.drawn
    ]
    times = [drawn.count(id) for id in sorted(set(drawn))]
    assert len(times) == 20
    assert 15 < min(times) <= max(times) < 75  # 40 on average


def test_json_lines_and_tables_without_ids_are_read_too(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("publication_number", "title", "abstract")} for row in patents(6)]
    assert ids(read(write_jsonl(tmp_path / "a.jsonl", rows))) == ids(read(write_csv(tmp_path / "a.csv", rows)))
    bare = [{"title": "A kite of paper", "abstract": "It flies."}]
    source = files.Source(str(write_csv(tmp_path / "b.csv", bare)))
    found = pool.read(source, lambda documents: (np.zeros((len(documents), 1)), [""]), NOBODY, keep=3, draw=0)
    assert ids(found) == [""]


def test_a_row_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", patents(4))
    with path.open("a") as file:
        file.write("too,few\n")
    with pytest.raises(InputError, match="row 5: has 2 fields"):
        read(path)


def test_an_empty_table_gives_an_empty_pool(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,title,abstract\n")
    assert read(path).documents == ()
