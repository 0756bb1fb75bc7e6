"""Which texts cannot be tagged and why, and which tags deserve less trust: decided by the counts of a text's words.

A text without English is not tagged. A text unlike all that the model has learnt from, or of which there is only the
title, is tagged, and marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ipclass.counts import Counts
from ipclass.language import ENGLISH, is_latin, language_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

EMPTY, TOO_SHORT, NO_KNOWN_WORDS = "empty", "too short", "no known words"
LANGUAGE = "language: {}"
"""Why a text is not tagged: no word at all; too few of them; words, but not three that the model has met; the language,
as two letters."""

Scope = Literal["", "far", "title only"]
"""What to bear in mind with a tag. ``far``: the text is unlike those that the model has learnt from. ``title only``:
there is no abstract, or none in English."""

SAID: Mapping[str, str] = {"far": "far from what the model learnt"}
"""A scope as it is told, where its name says too little."""

FEWEST_WORDS = 5
FEWEST_KNOWN = 3

DOUBTFUL_STOPS = 0.20
DOUBTFUL_KNOWN = 0.50
"""A text is asked for its language if its shares of stop words and of known words both lie below: 8 of 101,404 real
abstracts do, and 4 of these are German; so do all 40 test texts in 37 languages."""

FAR_PAIRS = 0.02
FAR_NEARNESS = 0.025
FAR_PER_WORD = 0.0002
FAR_WORDS = 20
FEWEST_PAIRS = 20_000
"""A text of at least 20 words is far if its words form fewer known pairs than 0.02 a word with content, and its nearness
to the corpus (the cosine of its TF-IDF vector and the mean one) lies below 0.025 + 0.0002 a word, for longer texts are
nearer by chance. That marks 0.6 % of 101,404 real abstracts of all fields, mostly chemistry and biology, and three
quarters of 108 texts of 35 words that are no patents (news, recipes, poems, advertisements). A model that knows fewer
pairs than 20,000 cannot tell, and finds nothing far."""


def unscored(counts: Counts, texts: Sequence[str]) -> tuple[str, ...]:
    """Return for each text the reason why it cannot be tagged, or nothing."""
    short = (counts.words < FEWEST_WORDS) | (counts.content < FEWEST_KNOWN)
    unknown = counts.known < FEWEST_KNOWN
    named = unknown & (counts.content >= FEWEST_WORDS)
    reasons: list[str] = np.select(
        [counts.words == 0, short | (unknown & ~named), named], [EMPTY, TOO_SHORT, NO_KNOWN_WORDS], ""
    ).tolist()
    for row in np.flatnonzero(_doubtful(counts)).tolist():
        if counts.words[row] >= FEWEST_WORDS or not is_latin(texts[row]):
            language = language_of(texts[row])
            if language and language != ENGLISH:
                reasons[row] = LANGUAGE.format(language)
            elif not language and not reasons[row]:
                reasons[row] = LANGUAGE.format("unknown")
    return tuple(reasons)


def _doubtful(counts: Counts) -> Bools:
    stops = counts.stops < DOUBTFUL_STOPS * counts.words
    return np.asarray(stops & (counts.known <= DOUBTFUL_KNOWN * counts.content) & (counts.words > 0))


def scopes(counts: Counts, scored: Bools, idf: Floats, typical: Floats | None) -> tuple[Scope, ...]:
    """Return for each text what to bear in mind with its tags: nothing where there are none, as ``scored`` says.

    ``typical`` is what the function of that name returns.
    """
    title_only = scored & (counts.abstract < FEWEST_WORDS)
    found = np.where(title_only, "title only", "").astype(object)
    if typical is not None:
        suspect = (counts.pairs < FAR_PAIRS * counts.content) & (counts.words >= FAR_WORDS)
        rows = np.flatnonzero(suspect & scored & ~title_only)
        near = FAR_NEARNESS + FAR_PER_WORD * counts.words[rows]
        found[rows[_nearness(counts, rows, idf, typical) < near]] = "far"
    return tuple(found.tolist())


def said(counts: Mapping[str, float]) -> str:
    """Return for how many documents there is what to bear in mind, in one phrase.

    >>> said({"title only": 45, "far": 1234})
    'far from what the model learnt 1,234, title only 45'
    """
    return ", ".join(f"{SAID.get(scope, scope)} {n:,.0f}" for scope, n in sorted(counts.items()))


def typical(idf: Floats, pairs: int) -> Floats | None:
    """Return the mean TF-IDF vector of the texts that ``idf`` was learnt from, of length 1, but for the texts' lengths.

    Nothing if the model knows too few ``pairs`` of words.
    """
    if pairs < FEWEST_PAIRS:
        return None
    vector = np.exp(1 - idf) * idf  # idf = 1 - log of the share of texts that hold the term (scikit-learn, smooth)
    return np.asarray(vector / np.linalg.norm(vector))


def _nearness(counts: Counts, rows: Ints, idf: Floats, typical: Floats) -> Floats:
    """Return the cosine of each text at ``rows`` with ``typical``."""
    lengths = np.diff(counts.starts)[rows]
    texts = np.repeat(np.arange(len(rows)), lengths)
    places = np.arange(len(texts)) + np.repeat(counts.starts[rows] - np.cumsum(lengths) + lengths, lengths)
    terms = counts.terms[places]
    weights = (1 + np.log(counts.values[places])) * idf[terms]
    products = np.bincount(texts, weights * typical[terms], len(rows))
    return np.asarray(products / np.sqrt(np.maximum(np.bincount(texts, weights**2, len(rows)), np.finfo(float).tiny)))
