from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass import shingles as module
from ipclass.shingles import Shingles, alike, candidates, shingles

words = st.lists(st.sampled_from("abcde"), max_size=12)


def plain(text: str) -> set[tuple[str, ...]]:
    """Return the shingles of a text of words with a space between."""
    split = text.split()
    return {tuple(split[place : place + 3]) for place in range(len(split) - 2)}


@given(st.lists(words.map(" ".join), max_size=6))
def test_the_sets_are_those_of_the_plain_way(texts: list[str]) -> None:
    found = shingles(texts)
    assert len(found) == len(texts)
    assert found.sizes.tolist() == [len(plain(text)) for text in texts]
    for one in range(len(texts)):
        for two in range(len(texts)):
            same = plain(texts[one]) == plain(texts[two])
            assert (found.keys()[one] == found.keys()[two]) == same
            if len(texts) > 1 and plain(texts[one]) and plain(texts[two]):
                shared = module._shared(found, np.array([[one, two]]))[0]
                assert shared == len(plain(texts[one]) & plain(texts[two]))


@given(st.lists(words.map(" ".join), min_size=1, max_size=6))
def test_the_batch_does_not_change_a_set(texts: list[str]) -> None:
    together = shingles(texts)
    for place, text in enumerate(texts):
        assert together.only(np.array([place])).values.tolist() == shingles([text]).values.tolist()
    assert (together.bands() == np.concatenate([shingles([text]).bands() for text in texts])).all()


@given(st.lists(words.map(" ".join), min_size=1, max_size=6), st.lists(st.integers(0, 5), max_size=6))
def test_only_and_joined_put_sets_together(texts: list[str], wanted: list[int]) -> None:
    places = np.array([place % len(texts) for place in wanted], np.int64)
    sets = shingles(texts)
    chosen = sets.only(places)
    joined = Shingles.joined([sets.only(places[at : at + 1]) for at in range(len(places))])
    assert chosen.starts.tolist() == joined.starts.tolist()
    assert chosen.values.tolist() == joined.values.tolist()


def test_case_signs_and_line_feeds_do_not_matter_but_words_do() -> None:
    keys = shingles(["The (red) Kite-flies, high", "the red kite\nflies high!", "the red kite flies low"]).keys()
    assert keys[0] == keys[1] != keys[2]


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), max_size=30))
def test_candidates_are_all_pairs_that_share_a_band(rows: list[list[int]]) -> None:
    bands = np.array(rows, np.uint32).reshape(-1, 4)
    expected = {(one, two) for one in range(len(rows)) for two in range(one + 1, len(rows)) if (bands[one] == bands[two]).any()}
    found = candidates(bands)
    assert {tuple(pair) for pair in found.tolist()} == expected
    assert len(found) == len(expected)


def test_a_crowd_is_compared_with_its_neighbours_and_stays_connected() -> None:
    found = candidates(np.zeros((1000, 1), np.uint32))
    assert len(found) < 1000 * module.NEIGHBOURS
    gaps = found[:, 1] - found[:, 0]
    assert (gaps.min(), gaps.max()) == (1, module.NEIGHBOURS)
    assert (gaps == 1).sum() == 999


def numbered(start: int, end: int) -> str:
    return " ".join(f"w{number}" for number in range(start, end))


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (numbered(0, 102), numbered(0, 102), True),
        (numbered(0, 102), numbered(5, 107), True),  # 95 of 105 shared
        (numbered(0, 102), numbered(6, 108), False),  # 94 of 106
        (numbered(0, 102), numbered(0, 62), True),  # 60, all within
        (numbered(0, 102), numbered(0, 61), False),  # 59
        (numbered(0, 202), numbered(0, 102), True),
        (numbered(0, 203), numbered(0, 102), False),  # less than half
        (numbered(0, 190), f"x x x {numbered(0, 102)}", True),  # 97 % of the smaller within
        (numbered(0, 190), f"x y z u v {numbered(0, 102)}", False),
    ],
)
def test_texts_are_alike_from_the_thresholds_on(one: str, two: str, same: bool) -> None:
    assert alike(shingles([one, two]), np.array([[0, 1]])).tolist() == [same]
    assert alike(shingles([two, one]), np.array([[0, 1]])).tolist() == [same]


def test_no_pairs_are_no_problem() -> None:
    assert alike(shingles(["a b c"]), np.zeros((0, 2), np.int64)).tolist() == []
    assert len(candidates(shingles([]).bands())) == 0


@pytest.mark.parametrize(("similarity", "least"), [(0.5, 0.95), (0.7, 0.99), (0.9, 0.999)])
def test_bands_find_what_the_formula_says(similarity: float, least: float) -> None:
    assert 1 - (1 - similarity**module.ROWS) ** module.BANDS > least
    shift = round(200 * (1 - similarity) / (1 + similarity))
    texts = [f"{numbered(1000 * at + side * shift, 1000 * at + side * shift + 202)}" for side in (0, 1) for at in range(300)]
    bands = shingles(texts).bands()
    assert (bands[:300] == bands[300:]).any(axis=1).mean() > least - 0.03
    assert (bands[:299] == bands[301:]).any(axis=1).mean() < 0.01
