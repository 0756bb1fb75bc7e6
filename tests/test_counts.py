"""The fast route counts what the plain route counts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipclass import counts as module
from ipclass.counts import Lexicon, concatenate, keep_terms, learn
from ipclass.errors import ModelError
from ipclass.text import Setting, Settings, terms_of

SETTINGS = Settings(
    (
        Setting("one", (r"5G or 6G[^.]*?rates?",), (("5g",), ("rate", "rates"))),
        Setting("two", (r"smart pumps?",), (("pump", "pumps"),)),
    )
)
VOCABULARY = [
    "brain",
    "signal",
    "brain signal",
    "6g",
    "rate",
    "pump",
    "ghz",
    "settingone",
    "settingtwo",
    "naïve",
    "5th",
    "pump 6g",
]
VOCABULARY += ["brain pump", "signal brain", "settingone pump"]

PIECES = st.sampled_from(
    "brain Brains signals, the of comprising 6G 6g 5G or rate rates. pump (12) S10 2.4GHz 100GHz - -- _ brain-signal naïve "
    "NAÏVE “pump” 5th 1. .5 a.b 3.x ½ \u2028 \x1c \x85 smart 脳 脳波 é ﬁ \ud800 <b> &amp; \t \n x1y 6G/5G".split(" ")
)
TEXTS = st.lists(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=25).map(" ".join), max_size=6)


def plainly(texts: list[str], lexicon: Lexicon) -> list[dict[str, float]]:
    rows = []
    for title, abstract in terms_of(texts, lexicon.settings):
        row = Counter(abstract)
        for term, times in Counter(title).items():
            row[term] += lexicon.title_weight * times
        rows.append({term: float(times) for term, times in row.items() if term in set(lexicon.terms)})
    return rows


def quickly(texts: list[str], lexicon: Lexicon) -> list[dict[str, float]]:
    found = lexicon.count(texts)
    spans = zip(found.starts[:-1], found.starts[1:], strict=True)
    return [{lexicon.terms[t]: float(v) for t, v in zip(found.terms[a:b], found.values[a:b], strict=True)} for a, b in spans]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_equal_to_the_plain_route_for_any_text(texts: list[str]) -> None:
    lexicon = Lexicon(VOCABULARY, SETTINGS)
    assert quickly(texts, lexicon) == plainly(texts, lexicon)


@settings(max_examples=50, deadline=None)
@given(TEXTS, st.integers(1, 60))
def test_equal_whatever_the_batch_and_however_small_the_memory(texts: list[str], size: int) -> None:
    whole = quickly(texts, Lexicon(VOCABULARY, SETTINGS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_BYTES", size)
        patch.setattr(module, "MEMORY_WORDS", 3)
        lexicon = Lexicon(VOCABULARY, SETTINGS)
        assert quickly(texts, lexicon) == whole
        assert quickly(texts, lexicon) == whole


def test_the_memory_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY_WORDS", 1000)
    lexicon = Lexicon(VOCABULARY, SETTINGS)
    for start in range(0, 20_000, 500):
        lexicon.count([" ".join(f"word{number}x" for number in range(start, start + 500))])
        assert lexicon._met <= 1500


def test_many_distinct_words_are_all_found_again() -> None:
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}q{n}z" for n in range(20_000)]
    lexicon = Lexicon(words)
    found = lexicon.count(words)
    assert np.array_equal(found.terms, np.arange(len(words)))
    assert np.array_equal(lexicon.count(words).terms, np.arange(len(words)))


@given(st.lists(st.sets(st.integers(1, 2**64 - 1), max_size=2000), max_size=5))
def test_a_table_of_hashes_keeps_all_keys_however_far_it_grows(batches: list[set[int]]) -> None:
    table, kept = module._Table(1), dict[int, int]()
    for batch in batches:
        fresh = [key for key in batch if key not in kept]
        table.insert(np.array(fresh, np.uint64), np.arange(len(kept), len(kept) + len(fresh)))
        kept |= {key: len(kept) + place for place, key in enumerate(fresh)}
    asked = np.array([*kept, *(key ^ 1 for key in kept if key ^ 1 not in kept and key != 1)], np.uint64)
    assert table.get(asked, -1).tolist() == [*kept.values(), *[-1] * (len(asked) - len(kept))]


def test_a_pair_of_unknown_words_is_refused() -> None:
    with pytest.raises(ModelError, match="magnet"):
        Lexicon(["brain", "brain magnet"])


def test_no_text_gives_no_row() -> None:
    assert len(Lexicon(VOCABULARY).count([])) == 0


def test_what_a_text_consists_of_is_counted() -> None:
    found = Lexicon(["brain"]).count(["The brain of 12 magnets"])
    assert (found.words[0], found.stops[0], found.content[0], found.known[0]) == (4, 2, 2, 1)


def test_a_title_counts_twice_in_values_and_once_in_what_is_known() -> None:
    found = Lexicon(["brain"]).count(["Brain\nbrain"])
    assert (found.values[0], found.known[0]) == (3.0, 2)


def test_learnt_counts_equal_counted_ones_and_rare_terms_go() -> None:
    texts = ["Brain signal\nA brain signal pump.", "pump brain", "6G pump"]
    terms, learnt = keep_terms(learn(texts, SETTINGS), 2)
    counted = Lexicon(terms, SETTINGS).count(texts)
    assert terms == ("brain", "pump")
    assert np.array_equal(learnt.terms, counted.terms)
    assert np.array_equal(learnt.values, counted.values)
    assert np.array_equal(learnt.starts, counted.starts)


def test_concatenated_counts_are_the_counts_of_all() -> None:
    lexicon = Lexicon(VOCABULARY)
    one, two = lexicon.count(["brain", ""]), lexicon.count(["pump pump"])
    both = lexicon.count(["brain", "", "pump pump"])
    joined = concatenate([one, two])
    assert all(np.array_equal(getattr(joined, name), getattr(both, name)) for name in joined.__dataclass_fields__)
