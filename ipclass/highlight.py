"""The words of a text that decided its label: where they stand and how much they weigh."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import normalize

import numpy as np

from ipclass.markup import Html, el, safe
from ipclass.model import Model
from ipclass.text import LONGEST_FIELD, NOTHING, STOP, Setting, Settings, marker, normal, term

_WORD = re.compile(r"[^\W_]+(?:(?<=[0-9])\.(?=[0-9])[^\W_]+)*")
_LONGEST_CLUSTER = 32
"""A sign with more accents than any language gives it is cut: to look at it again for each accent would take for ever."""


def placed_terms(text: str, settings: Settings, stop_words: frozenset[str]) -> list[tuple[int, int, str]]:
    """Return start, end and term of each content word of a title or an abstract, as ``text`` reads it, in order.

    An opening that names only a setting is one "word" with the term of its marker.

    >>> placed_terms("The qubits, cooled", Settings(), frozenset({"the"}))
    [(4, 10, 'qubit'), (12, 18, 'cooled')]
    """
    plain = _masked(_aligned(text[:LONGEST_FIELD].replace("\n", " ")), settings)
    words = [
        (plain.starts[found.start()], plain.ends[found.end() - 1], term(found[0], found[0].lower() in stop_words))
        for found in _WORD.finditer(plain.text)
    ]
    return [each for each in words if each[2] not in (STOP, NOTHING)]


@dataclass(frozen=True)
class _Aligned:
    """A text in its normal form, and from where to where in the text as it came each of its characters stands."""

    text: str
    starts: list[int]
    ends: list[int]


def _aligned(text: str) -> _Aligned:
    if text.isascii():
        return _Aligned(text, list(range(len(text))), list(range(1, len(text) + 1)))
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in pairwise(_joints(text)):
        parts.append(normal(text[start:end]))
        starts += [start] * len(parts[-1])
        ends += [end] * len(parts[-1])
    return _Aligned("".join(parts), starts, ends)


def _joints(text: str) -> list[int]:
    """Return where ``text`` can be cut so that its parts have the same normal form alone: not before an accent."""
    cuts = [0]
    for at in range(1, len(text)):
        before, sign = text[cuts[-1] : at], text[at]
        alone = normalize("NFKC", before) + normalize("NFKC", sign)
        if len(before) >= _LONGEST_CLUSTER or normalize("NFKC", before + sign) == alone:
            cuts.append(at)
    return [*cuts, len(text)]


def _masked(plain: _Aligned, settings: Settings) -> _Aligned:
    """Return the text with each opening replaced by its marker, which stands where the opening stood."""
    for setting in settings.settings:
        for pattern in setting.patterns:  # one after the other, as ``Settings.mask`` does it
            for start, end, label in reversed(Settings((Setting(setting.label, (pattern,)),)).openings(plain.text)):
                if start == end:
                    continue
                word = f" {marker(label)} "
                plain = _Aligned(
                    plain.text[:start] + word + plain.text[end:],
                    plain.starts[:start] + plain.starts[start : start + 1] * len(word) + plain.starts[end:],
                    plain.ends[:start] + plain.ends[end - 1 : end] * len(word) + plain.ends[end:],
                )
    return plain


def weighed(text: str, terms: Mapping[str, float], model: Model) -> list[tuple[int, int, float]]:
    """Return start, end and weight of the words of ``text`` whose terms count: a pair's weight is shared by its two words."""
    places = placed_terms(text, model.lexicon.settings, model.lexicon.stop_words)
    weights = [terms.get(name, 0.0) for _, _, name in places]
    for at in range(len(places) - 1):
        half = terms.get(f"{places[at][2]} {places[at + 1][2]}", 0.0) / 2
        weights[at] += half
        weights[at + 1] += half
    return [(start, end, weight) for (start, end, _), weight in zip(places, weights, strict=True) if weight]


def marked(texts: Iterable[str], terms: Mapping[str, float], model: Model, longest: int, least: float = 0.0) -> list[Html]:
    """Return ``texts`` with their words marked by how much they weigh beside the one that weighs most in any of them.

    What is longer than ``longest`` characters is cut. If no word weighs ``least``, they are marked by how much they weigh
    beside that: words that all but nothing hangs on must not look as if they decided.
    """
    texts = list(texts)
    words = [weighed(text[:longest], terms, model) for text in texts]
    most = max((abs(weight) for found in words for _, _, weight in found), default=1.0)
    most = max(most, least)
    shown = [highlighted(text[:longest], found, most) for text, found in zip(texts, words, strict=True)]
    return [Html(f"{part} […]") if len(text) > longest else part for text, part in zip(texts, shown, strict=True)]


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
