from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ipclass import corpus as corpora
from ipclass.errors import CorpusError
from ipclass.labels import read_labels
from ipclass.records import Document

LABELS = read_labels(corpora.shipped() / "labels")
GOLD = Path(__file__).parents[2] / "shared" / "gold"
needs_gold = pytest.mark.skipif(not (GOLD / "train.jsonl").is_file(), reason="the gold standard (../shared/gold) is not here")


def line(**changes: object) -> str:
    record = {"id": "A1", "title": "Kite", "abstract": "A kite with a tail.", "grades": {"ai": 0}}
    return json.dumps({**record, **changes})


def judged(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_judged_texts_are_read_with_what_is_known_of_them(tmp_path: Path) -> None:
    (found,) = corpora.read_judged(judged(tmp_path, line(year=2020, grades={"ai": 2, "bci": 1})), LABELS)
    assert found.document == Document("Kite", "A kite with a tail.", "A1")
    assert (found.entry.year, found.entry.grades) == ("2020", {"ai": 2, "bci": 1})


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{", "line 2"),
        ("[]", "line 2"),
        ('{"id": "A2"}', "line 2"),
        (line(id="A2", grades={"quantun": 1}), "did you mean 'quantum'"),
        (line(id="A2", grades={"ai": 3}), "grade of ai is 3"),
        (line(id="A2", grades={"ai": "yes"}), "grade of ai"),
        (line(), "'A1' comes more than once"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, problem: str) -> None:
    with pytest.raises(CorpusError, match=problem):
        corpora.read_judged(judged(tmp_path, line(), bad), LABELS)


def test_near_duplicates_share_a_key_and_others_do_not() -> None:
    key = corpora.near_key
    assert key(Document("Kite with a Tail!", "x")) == key(Document("kite with a tail", "y"))
    assert key(Document("Kite", "A kite of paper")) != key(Document("Kite", "A kite of silk"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(corpora.shipped() / "labels", tmp_path / "corpus" / "labels")
    return tmp_path / "corpus"


def test_a_built_corpus_keeps_counts_and_no_rare_word(folder: Path, tmp_path: Path) -> None:
    path = judged(
        tmp_path, line(), line(id="A2", title="Kite", abstract="A kite of zylon."), line(id="A3", abstract="Tail of a kite.")
    )
    built = corpora.rebuild(folder, [path], [])
    assert set(built.terms) == {"kite", "tail"}
    assert built.counts.values[built.counts.starts[0] : built.counts.starts[1]].tolist() == [3, 1]
    stored = (folder / "patents.npz").read_bytes() + (folder / "patents.csv").read_bytes()
    assert b"zylon" not in stored
    again = corpora.read_corpus(folder)
    assert again.entries == built.entries
    assert np.array_equal(again.counts.terms, built.counts.terms)


def test_picked_patents_stay_and_their_texts_are_asked_for(folder: Path, tmp_path: Path) -> None:
    corpora.rebuild(folder, [judged(tmp_path, line(), line(id="P1", origin="picked", abstract="A pump and a kite."))], [])
    fresh = tmp_path / "fresh.jsonl"
    fresh.write_text(line(id="A9"))
    with pytest.raises(CorpusError, match="the text of P1"):
        corpora.rebuild(folder, [fresh], [])
    texts = tmp_path / "pool.jsonl"
    texts.write_text(line(id="P1", abstract="A pump and a kite."))
    assert [entry.id for entry in corpora.rebuild(folder, [fresh], [texts]).entries] == ["A9", "P1"]


@pytest.mark.parametrize("part", ["patents.npz", "patents.csv"])
def test_a_damaged_part_is_named(folder: Path, tmp_path: Path, part: str) -> None:
    corpora.rebuild(folder, [judged(tmp_path, line(), line(id="A2"))], [])
    (folder / part).write_bytes(b"number,year\n1,2\n")
    with pytest.raises(CorpusError, match=part):
        corpora.read_corpus(folder)


def test_counts_of_another_number_of_rows_are_refused(folder: Path, tmp_path: Path) -> None:
    corpora.rebuild(folder, [judged(tmp_path, line(), line(id="A2"))], [])
    with (folder / "patents.csv").open("a") as file:
        file.write("A3,2020,US,representative,A3,0,0,0,0\n")
    with pytest.raises(CorpusError, match="build it anew"):
        corpora.read_corpus(folder)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("A3,2020,US,representative,A3,0,0,0\n", "row 4: not as many fields as the header has"),
        ("A3,2020,US,representative,A3,0,0,0,0,0\n", "row 4: not as many fields as the header has"),
        ("A3,2020,US,representative,A3,0,x,0,0\n", "row 4: a grade must be 0, 1 or 2"),
        ("A3,2020,US,representative,A3,0,3,0,0\n", "row 4"),
    ],
)
def test_a_bad_row_of_patents_is_named(folder: Path, tmp_path: Path, row: str, problem: str) -> None:
    corpora.rebuild(folder, [judged(tmp_path, line(), line(id="A2"))], [])
    with (folder / "patents.csv").open("a") as file:
        file.write(row)
    with pytest.raises(CorpusError, match=rf"patents\.csv, {problem}"):
        corpora.read_corpus(folder)


def test_missing_counts_and_counts_of_terms_that_are_none_are_named(folder: Path, tmp_path: Path) -> None:
    corpora.rebuild(folder, [judged(tmp_path, line(), line(id="A2"))], [])
    with np.load(folder / "patents.npz") as stored:
        parts = dict(stored)
    np.savez(folder / "patents.npz", **{**parts, "terms": parts["terms"] + len(parts["vocabulary"])})
    with pytest.raises(CorpusError, match="names terms beyond its vocabulary"):
        corpora.read_corpus(folder)
    (folder / "patents.npz").unlink()
    with pytest.raises(CorpusError, match=r"patents\.npz: missing"):
        corpora.read_corpus(folder)


def test_a_line_that_is_no_text_of_a_patent_is_named(folder: Path, tmp_path: Path) -> None:
    texts = tmp_path / "pool.jsonl"
    texts.write_text('{"id": "A9", "title": "Kite"}\n')
    with pytest.raises(CorpusError, match=r"pool\.jsonl, line 1: no object with id, title, abstract"):
        corpora.rebuild(folder, [judged(tmp_path, line())], [texts])


def test_an_empty_corpus_says_what_it_lacks(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"neither authored\.jsonl nor patents\.csv"):
        corpora.read_corpus(folder)


def test_the_shipped_corpus_judges_every_document_for_every_label() -> None:
    corpus = corpora.read_corpus(corpora.shipped())
    assert all(set(entry.grades) == set(LABELS.ids) for entry in corpus.entries)
    assert len({entry.id for entry in corpus.entries}) == len(corpus)


@needs_gold
def test_the_shipped_corpus_has_no_document_of_the_development_set() -> None:
    ours = {corpora.plain_number(entry.id.removeprefix("R-")) for entry in corpora.read_corpus(corpora.shipped()).entries}
    for name in ("dev.jsonl", "dev_restated.jsonl"):
        theirs = {corpora.plain_number(each.entry.id.removeprefix("R-")) for each in corpora.read_judged(GOLD / name, LABELS)}
        if name == "dev.jsonl":
            assert not ours & theirs


@needs_gold
@pytest.mark.slow
def test_the_shipped_grades_are_those_of_the_gold_standard() -> None:
    ours = {entry.id: entry.grades for entry in corpora.read_corpus(corpora.shipped()).entries}
    gold = corpora.read_judged(GOLD / "train.jsonl", LABELS)
    assert all(ours[each.entry.id] == each.entry.grades for each in gold)
