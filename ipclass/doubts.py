"""Judgements that may be wrong: those that classifiers which had not seen the document contradict, worst first.

Measured by errors put into judged patents: ``benchmarks/README.md``, label quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from ipclass.corpus import NOT_JUDGED, Corpus
from ipclass.counts import keep_terms
from ipclass.records import DEFINITIONS, LEAST_GRADE, Contribution, Definition
from ipclass.scores import Bools, Floats, fit_platt
from ipclass.training import FEWEST_POSITIVES, Recipe, features_without, fit_linear, fold_of, terms_without

Ints = npt.NDArray[np.int64]

FOLDS = 10
TERMS = 5
"""How many terms are told of a doubt."""

_RECIPE = Recipe()
_SAME = 1e-6  # below this a probability reaches a threshold all the same: sums differ in their last digits


@dataclass(frozen=True)
class Doubt:
    """A judgement that is contradicted.

    ``place`` is that of the document in the corpus. ``suggested`` is the grade that the classifiers suggest and ``expected``
    the mean of the grades weighed by their probabilities, from 0 to 2; the farther it lies from ``grade``, the worse.
    ``terms`` speak against the grade, the strongest first, with their effect on the log-odds.
    """

    place: int
    label: str
    grade: int
    suggested: int
    expected: float
    terms: tuple[Contribution, ...]

    @property
    def distance(self) -> float:
        """How far the expected grade lies from the one given."""
        return abs(self.expected - self.grade)


@dataclass(frozen=True)
class Doubts:
    """The doubts of a corpus, worst first.

    ``judged`` counts by label the judgements looked at, ``doubted`` by label and definition those taken for wrong.
    ``skipped`` names the labels with too few judgements to say.
    """

    doubts: tuple[Doubt, ...]
    judged: Mapping[str, int]
    doubted: Mapping[tuple[str, Definition], int]
    skipped: tuple[str, ...]


def find(corpus: Corpus, wanted: Bools | None = None, folds: int = FOLDS) -> Doubts:
    """Return the judgements of ``corpus`` that classifiers of other documents contradict.

    Near-duplicates and families (groups) never lie on both sides of a fold.

    Args:
        corpus: All judgements: each is held against what the others teach.
        wanted: The documents whose judgements are to be looked at, shape (documents,); None: all.
        folds: In how many parts the corpus is cut.
    """
    shown = np.ones(len(corpus), bool) if wanted is None else wanted
    parts = _Parts.of(corpus, folds)
    found: list[Doubt] = []
    judged: dict[str, int] = {}
    counted: dict[tuple[str, Definition], int] = {}
    skipped = []
    for label in corpus.labels.ids:
        grades = corpus.grades(label)
        places = np.flatnonzero(grades != NOT_JUDGED)
        sides = {
            definition: side
            for definition in DEFINITIONS
            if (side := _side(parts, places, grades[places] >= LEAST_GRADE[definition])) is not None
        }
        if len(sides) < len(DEFINITIONS):
            skipped.append(label)
            continue
        judged[label] = int(shown[places].sum())
        counted |= {(label, definition): int((side.doubted & shown[places]).sum()) for definition, side in sides.items()}
        found += _doubts(label, grades, places, sides, shown, parts)
    found.sort(key=lambda doubt: (-doubt.distance, doubt.place, doubt.label))
    return Doubts(tuple(found), judged, counted, tuple(skipped))


@dataclass(frozen=True, eq=False)
class _Parts:
    """The folds of a corpus: for each the features of all documents as those outside it weigh them, and their terms."""

    fold: Ints
    features: Mapping[int, sp.csr_matrix]
    terms: Mapping[int, tuple[str, ...]]

    @classmethod
    def of(cls, corpus: Corpus, folds: int) -> _Parts:
        terms, counts = keep_terms((corpus.terms, corpus.counts), _RECIPE.least_documents)
        matrix = sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(corpus), len(terms)))
        fold = fold_of(corpus.groups(), folds)
        features, names = {}, {}
        for each in np.unique(fold).tolist():
            features[each] = features_without(matrix, fold == each, _RECIPE)
            names[each] = tuple(terms[column] for column in terms_without(matrix, fold == each, _RECIPE).tolist())
        return cls(fold, features, names)

    def against(self, place: int, weights: Floats, sign: int) -> tuple[Contribution, ...]:
        """Return the terms of a document that move its score up (1) or down (-1), the strongest first."""
        part = int(self.fold[place])
        row = self.features[part][[place]]
        added = row.data * weights[row.indices]
        order = np.argsort(-sign * added, kind="stable")[:TERMS]
        told = ((self.terms[part][row.indices[at]], float(added[at])) for at in order.tolist() if sign * added[at] > 0)
        return tuple(Contribution(term, value) for term, value in told)


@dataclass(frozen=True, eq=False)
class _Side:
    """What is said of one label under one definition by classifiers that had not seen the documents.

    All but ``weights``, which has a classifier a fold, have an entry a judged document.
    """

    truth: Bools
    probabilities: Floats
    doubted: Bools
    weights: Mapping[int, Floats]


def _side(parts: _Parts, places: Ints, truth: Bools) -> _Side | None:
    """Return what classifiers of other folds say; None if there is too little to learn from."""
    if min(truth.sum(), (~truth).sum()) < FEWEST_POSITIVES:
        return None
    fold = parts.fold[places]
    scores = np.full(len(places), np.nan)
    weights = {}
    for each in np.unique(fold).tolist():
        inside = fold == each
        if not truth[~inside].any() or truth[~inside].all():
            return None  # all positives, or all negatives, are of one fold
        rows = parts.features[each][places]
        classifier = fit_linear(rows[~inside], truth[~inside], _RECIPE)
        scores[inside], weights[each] = classifier(rows[inside]), classifier.weights
    probabilities = fit_platt(scores, truth)(scores)
    return _Side(truth, probabilities, doubted(probabilities, truth), weights)


def doubted(probabilities: Floats, truth: Bools) -> Bools:
    """Return which judgements confident learning takes for wrong, shape (documents,).

    A document is confidently of a class if its probability reaches the mean probability of those judged to be of it. It is
    doubted if it is confidently of the other class, and that is the more probable one too.

    Args:
        probabilities: Of being positive, by classifiers that had not seen the document.
        truth: The judgements.

    Source: Northcutt, Jiang and Chuang (2021), "Confident learning: estimating uncertainty in dataset labels", JAIR 70: the
    off-diagonal of the confident joint.

    >>> doubted(np.array([0.9, 0.8, 0.95, 0.1, 0.2, 0.05]), np.array([True, True, False, False, False, True])).tolist()
    [False, False, True, False, False, True]
    """
    both = np.column_stack([1 - probabilities, probabilities])
    given = truth.astype(np.int64)
    least = [both[given == side, side].mean() if (given == side).any() else np.inf for side in (0, 1)]
    confident = both >= np.array(least) - _SAME
    guess = np.where(confident.all(axis=1), both.argmax(axis=1), confident.argmax(axis=1))
    return np.asarray(confident.any(axis=1) & (guess != given) & (both.argmax(axis=1) != given))


def _doubts(
    label: str,
    grades: npt.NDArray[np.int8],
    places: Ints,
    sides: Mapping[Definition, _Side],
    shown: Bools,
    parts: _Parts,
) -> list[Doubt]:
    expected = sum((side.probabilities for side in sides.values()), np.zeros(len(places)))
    any_side = np.any([side.doubted for side in sides.values()], axis=0)
    found = []
    for row in np.flatnonzero(any_side & shown[places]).tolist():
        place = int(places[row])
        grade = int(grades[place])
        suggested = suggestion(grade, float(expected[row]))
        farthest = max(sides.values(), key=lambda side: abs(side.probabilities[row] - side.truth[row]))
        terms = parts.against(place, farthest.weights[int(parts.fold[place])], 1 if suggested > grade else -1)
        found.append(Doubt(place, label, grade, suggested, float(expected[row]), terms))
    return found


def suggestion(grade: int, expected: float) -> int:
    """Return the grade nearest to the expected one, but never the one that is doubted.

    >>> suggestion(0, 1.9), suggestion(2, 0.2), suggestion(2, 1.6)
    (2, 0, 1)
    """
    nearest = round(expected)
    return nearest if nearest != grade else grade + (1 if expected > grade else -1)


def as_frame(found: Doubts, corpus: Corpus) -> pl.DataFrame:
    """Return the doubts as a table, a row a doubt."""
    rows = [
        (
            corpus.entries[each.place].id,
            each.label,
            each.grade,
            each.suggested,
            round(each.expected, 2),
            "; ".join(f"{term.term} ({term.value:+.2f})" for term in each.terms),
        )
        for each in found.doubts
    ]
    kinds = {"grade": pl.Int64, "suggested": pl.Int64, "expected": pl.Float64}
    columns = ("id", "label", "grade", "suggested", "expected", "terms against")
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.String) for name in columns}, orient="row")


def as_text(frame: pl.DataFrame) -> str:
    """Return a table of doubts for a terminal of 80 columns, two lines each."""
    lines = [f"{'id':18}{'label':13}{'grade':>6}{'rather':>8}{'expected':>10}; below: terms against"]
    for id, label, grade, suggested, expected, terms in frame.rows():
        lines += [f"{id:17} {label:13}{grade:>6}{suggested:>8}{expected:>10.2f}", f"    {terms}"]
    return "\n".join(lines)
