"""The words of a text that decided its label: where they stand and how much they weigh."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ipclass.markup import Html, el, safe
from ipclass.model import Model
from ipclass.text import NOTHING, STOP, Settings, marker, normal, term

_WORD = re.compile(r"[^\W_]+(?:(?<=[0-9])\.(?=[0-9])[^\W_]+)*")


def placed_terms(text: str, settings: Settings, stop_words: frozenset[str]) -> list[tuple[int, int, str]]:
    """Return start, end and term of each content word of a title or an abstract, as ``text`` reads it, in order.

    An opening that names only a setting is one "word" with the term of its marker.

    >>> placed_terms("The qubits, cooled", Settings(), frozenset({"the"}))
    [(4, 10, 'qubit'), (12, 18, 'cooled')]
    """
    masked = sorted((start, end, term(marker(label), False)) for start, end, label in settings.openings(text))
    words = []
    for found in _WORD.finditer(text):
        if not any(start < found.end() and found.start() < end for start, end, _ in masked):
            word = normal(found[0])
            words.append((found.start(), found.end(), term(word, word.lower() in stop_words)))
    return [each for each in sorted(masked + words) if each[2] not in (STOP, NOTHING)]


def weighed(text: str, terms: Mapping[str, float], model: Model) -> list[tuple[int, int, float]]:
    """Return start, end and weight of the words of ``text`` whose terms count: a pair's weight is shared by its two words."""
    places = placed_terms(text, model.lexicon.settings, model.lexicon.stop_words)
    weights = [terms.get(name, 0.0) for _, _, name in places]
    for at in range(len(places) - 1):
        half = terms.get(f"{places[at][2]} {places[at + 1][2]}", 0.0) / 2
        weights[at] += half
        weights[at + 1] += half
    return [(start, end, weight) for (start, end, _), weight in zip(places, weights, strict=True) if weight]


def highlighted(text: str, words: Sequence[tuple[int, int, float]], most: float) -> Html:
    """Return ``text`` with its words marked by how much they weigh beside ``most``; light ones are left alone."""
    parts, at = [], 0
    for start, end, weight in words:
        depth = np.searchsorted((0.08, 0.25, 0.55), abs(weight) / most, side="right")
        if depth and start >= at:
            kind = "f" if weight > 0 else "a"
            parts += [safe(text[at:start]), el("mark", text[start:end], class_=f"{kind}{depth}")]
            at = end
    return Html("".join([*parts, safe(text[at:])]))
