"""Judgements that may be wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass import corpus as corpora
from ipclass import doubts
from ipclass.corpus import Corpus


@pytest.fixture(scope="module")
def sound(tiny_corpus: Path) -> Corpus:
    return corpora.read_corpus(tiny_corpus)


def changed(corpus: Corpus, **grades: tuple[str, int]) -> Corpus:
    """Return ``corpus`` with other grades: id=(label, grade)."""
    entries = tuple(
        replace(entry, grades={**entry.grades, grades[entry.id][0]: grades[entry.id][1]}) if entry.id in grades else entry
        for entry in corpus.entries
    )
    return replace(corpus, entries=entries)


def told(found: doubts.Doubts, corpus: Corpus) -> list[tuple[str, str, int, int]]:
    return [(corpus.entries[each.place].id, each.label, each.grade, each.suggested) for each in found.doubts]


def test_wrong_judgements_are_found_and_come_first_with_the_terms_that_speak_against_them(sound: Corpus) -> None:
    corpus = changed(sound, J0=("kites", 0), J31=("looms", 0), J5=("kites", 2))
    found = doubts.find(corpus)
    assert set(told(found, corpus)[:3]) == {("J0", "kites", 0, 2), ("J31", "looms", 0, 2), ("J5", "kites", 2, 0)}
    by_id = {corpus.entries[each.place].id: each for each in found.doubts}
    assert "kite" in {each.term for each in by_id["J0"].terms}
    assert all(each.value > 0 for each in by_id["J0"].terms)
    assert all(each.value < 0 for each in by_id["J5"].terms)
    distances = [each.distance for each in found.doubts]
    assert distances == sorted(distances, reverse=True)


def test_sound_judgements_are_hardly_doubted(sound: Corpus) -> None:
    assert not [each for each in doubts.find(sound).doubts if each.distance > 1]


def test_all_are_held_against_each_other_but_only_those_wanted_are_told(sound: Corpus) -> None:
    corpus = changed(sound, J0=("kites", 0), J31=("looms", 0))
    wanted = np.array([entry.id == "J31" for entry in corpus.entries])
    found = doubts.find(corpus, wanted)
    assert {row[0] for row in told(found, corpus)} == {"J31"}
    assert found.judged == {"kites": 1, "looms": 1}


def test_a_near_duplicate_with_the_same_mistake_does_not_vouch_for_it(sound: Corpus) -> None:
    group = {entry.id: entry.group for entry in sound.entries}
    corpus = changed(sound, J0=("kites", 0), J30=("kites", 0))
    together = tuple(replace(entry, group=group["J0"]) if entry.id == "J30" else entry for entry in corpus.entries)
    found = told(doubts.find(replace(corpus, entries=together)), corpus)
    assert {"J0", "J30"} <= {row[0] for row in found}


def test_a_label_with_too_few_judgements_is_named_and_not_guessed(sound: Corpus) -> None:
    entries = tuple(
        replace(entry, grades={"kites": entry.grades["kites"], **({"looms": 0} if place < 9 else {})})
        for place, entry in enumerate(sound.entries)
    )
    found = doubts.find(replace(sound, entries=entries))
    assert found.skipped == ("looms",)
    assert list(found.judged) == ["kites"]


def test_what_is_not_judged_is_not_doubted(sound: Corpus) -> None:
    entries = tuple(replace(entry, grades={}) if entry.id == "J0" else entry for entry in sound.entries)
    found = doubts.find(replace(sound, entries=entries))
    assert found.judged == {"kites": 59, "looms": 59}
    assert "J0" not in {row[0] for row in told(found, sound)}


def test_the_doubted_are_those_of_cleanlab() -> None:
    filters: Any = pytest.importorskip("cleanlab.filter")
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = rng.random(int(rng.integers(30, 300))) < rng.uniform(0.05, 0.6)
        scores = rng.normal(0, rng.uniform(0.3, 3), len(truth)) + np.where(truth, 1.5, -1.5)
        probabilities = 1 / (1 + np.exp(-scores))
        given = truth ^ (rng.random(len(truth)) < 0.1)
        if min(given.sum(), (~given).sum()) < 2:
            continue
        both = np.column_stack([1 - probabilities, probabilities])
        theirs = filters.find_label_issues(given.astype(int), both, filter_by="confident_learning", n_jobs=1)
        assert np.array_equal(doubts.doubted(probabilities, given), theirs)


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=30))
def test_nothing_is_doubted_that_is_more_probable_as_judged(rows: list[tuple[float, bool]]) -> None:
    probabilities, truth = np.array([p for p, _ in rows]), np.array([side for _, side in rows])
    found = doubts.doubted(probabilities, truth)
    assert not (found & (truth == (probabilities > 0.5)) & (probabilities != 0.5)).any()


@given(st.integers(0, 2), st.floats(0, 2))
def test_the_suggestion_differs_and_lies_on_the_side_of_the_expected_grade(grade: int, expected: float) -> None:
    found = doubts.suggestion(grade, expected)
    assert found != grade
    if abs(expected - grade) > 0.5:
        assert found in (0, 1, 2)
        assert (found - grade) * (expected - grade) > 0


def test_doubts_are_a_table_and_a_text(sound: Corpus) -> None:
    corpus = changed(sound, J0=("kites", 0))
    frame = doubts.as_frame(doubts.find(corpus), corpus)
    assert frame.row(0)[:4] == ("J0", "kites", 0, 2)
    assert "kite (+" in frame["terms against"][0]
    assert doubts.as_text(frame).splitlines()[1].startswith("J0")
