"""How far two judges agree: raw agreement, Cohen's kappa and Krippendorff's alpha, each with an interval over documents."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ipclass.corpus import Judged
from ipclass.errors import InputError
from ipclass.figures import Interval, wilson
from ipclass.records import DEFINITIONS, LEAST_GRADE, Document
from ipclass.scores import Floats

Ints = npt.NDArray[np.int64]
Scale = Literal["nominal", "ordinal"]
View = Literal["grades", "strict", "broad"]

GRADES: View = "grades"
DRAWS = 2000


@dataclass(frozen=True)
class Agreement:
    """How two judges agree on documents that both judged.

    ``disagreed`` counts the documents on which they differ. A figure is withheld where it is not defined.
    """

    documents: int
    disagreed: int
    raw: Interval
    kappa: Interval
    alpha: Interval


def by_view(one: Ints, two: Ints, draws: int = DRAWS, seed: int = 0) -> dict[View, Agreement]:
    """Return the agreement on grades (alpha is ordinal), and on yes or no under each definition (alpha is nominal).

    Args:
        one: Grades by one judge, shape (documents,).
        two: Grades of the same documents by the other.
        draws: Bootstrap samples for the intervals.
        seed: Same seed, same intervals.
    """
    found: dict[View, Agreement] = {GRADES: between(table_of(one, two, 3), "ordinal", draws, seed)}
    for definition in DEFINITIONS:
        least = LEAST_GRADE[definition]
        sides = table_of((one >= least).astype(np.int64), (two >= least).astype(np.int64), 2)
        found[definition] = between(sides, "nominal", draws, seed)
    return found


def table_of(one: Ints, two: Ints, values: int) -> Ints:
    """Return how many documents got each pair of values, shape (values, values): rows by one judge, columns by the other.

    >>> table_of(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    return np.bincount(one * values + two, minlength=values * values).reshape(values, values)


def between(table: Ints, scale: Scale, draws: int = DRAWS, seed: int = 0) -> Agreement:
    """Return the agreement that a table of pairs tells, with 95 % percentile intervals over documents.

    Where two judges never differ, a bootstrap has no width: there the lower end is what the upper end of Wilson's interval
    of a disagreement not yet seen would make of the figure.

    Raises:
        ValueError: The table is empty.
    """
    n = int(table.sum())
    if not n:
        raise ValueError("no document was judged by both")
    rng = np.random.default_rng(seed)
    tables = rng.multinomial(n, table.ravel() / n, draws).reshape(-1, *table.shape)
    agreed = int(np.trace(table))
    least = wilson(agreed, n)[0] if agreed == n else 1.0

    def figure(statistic: Callable[[Ints], Floats], unseen: float) -> Interval:
        value = float(statistic(table[None])[0])
        if math.isnan(value):
            return Interval.withheld("both judges gave all documents one value")
        found = np.append(statistic(tables), value)
        low, high = np.quantile(found[~np.isnan(found)], [0.025, 0.975])
        return Interval(value, min(float(low), value, unseen), max(float(high), value))

    by_chance = float(_by_chance(table[None])[0])
    unseen = 1 - (1 - least) / (1 - by_chance) if by_chance < 1 else 1.0
    return Agreement(n, n - agreed, figure(raw, least), figure(kappa, unseen), figure(lambda each: alpha(each, scale), unseen))


def raw(tables: Ints) -> Floats:
    """Return the part of the documents on which the judges agree, for each of several tables."""
    return np.asarray(np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2)))


def _by_chance(tables: Ints) -> Floats:
    """Return the part on which judges would agree who gave their values without looking."""
    n = tables.sum(axis=(1, 2))
    return np.asarray((tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2)


def kappa(tables: Ints) -> Floats:
    """Return agreement beyond chance, each judge with his own frequencies; nan where chance alone would agree always.

    Source: Cohen (1960), "A coefficient of agreement for nominal scales".

    >>> kappa(np.array([[[20, 5], [10, 15]]])).round(2).tolist()
    [0.4]
    """
    chance = _by_chance(tables)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, (raw(tables) - chance) / (1 - chance), np.nan)


def alpha(tables: Ints, scale: Scale) -> Floats:
    """Return one minus the disagreement seen over the one expected, the judges taken for exchangeable; nan for one value.

    On the ordinal scale a disagreement weighs by how many judgements lie between the two values, so that 0 against 2 is worse
    than 1 against 2.

    Source: Krippendorff (2019), "Content analysis", 4th edition, chapter 12, for two judges without gaps.
    """
    pairs = tables + tables.transpose(0, 2, 1)
    times = pairs.sum(axis=2)
    weights = _weights(times, scale)
    seen = (pairs * weights).sum(axis=(1, 2))
    expected = (times[:, :, None] * times[:, None, :] * weights).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (times.sum(axis=1) - 1) * seen / expected, np.nan)


def _weights(times: Ints, scale: Scale) -> Floats:
    """Return how much it weighs that two values differ, shape (tables, values, values)."""
    values = times.shape[1]
    if scale == "nominal":
        return np.broadcast_to(1.0 - np.eye(values), (len(times), values, values))
    before = np.cumsum(times, axis=1) - times / 2  # the middle of each value among all judgements
    return np.asarray((before[:, :, None] - before[:, None, :]) ** 2)


@dataclass(frozen=True)
class Both:
    """What two judges gave: for each label the documents that both judged, with the grade of each.

    ``alone`` counts by label the documents that only one of them judged.
    """

    pairs: Mapping[str, tuple[tuple[Document, int, int], ...]]
    alone: Mapping[str, int]

    @property
    def differing(self) -> list[tuple[str, Document, int, int]]:
        """The judgements that differ, with their labels: the widest apart first."""
        found = [(label, *pair) for label, pairs in self.pairs.items() for pair in pairs if pair[1] != pair[2]]
        return sorted(found, key=lambda each: -abs(each[2] - each[3]))

    def agreements(self, draws: int = DRAWS) -> dict[str, dict[View, Agreement]]:
        """Return the agreement for each label that both judged."""
        grades = {label: np.array([pair[1:] for pair in pairs], np.int64) for label, pairs in self.pairs.items() if pairs}
        return {label: by_view(both[:, 0], both[:, 1], draws) for label, both in grades.items()}


def both_of(one: Sequence[Judged], two: Sequence[Judged]) -> Both:
    """Return what two judges gave, document by document, by the ids; a text without one is known by itself.

    Raises:
        InputError: A judge judged a document twice, and not alike; or no document was judged by both.
    """
    first, second = _by_document(one), _by_document(two)
    pairs: dict[str, list[tuple[Document, int, int]]] = {}
    alone: Counter[str] = Counter()
    for id in dict.fromkeys((*first, *second)):
        ours, theirs = (found[id].entry.grades if id in found else {} for found in (first, second))
        for label in sorted({*ours, *theirs}):
            if label in ours and label in theirs:
                pairs.setdefault(label, []).append((first[id].document, ours[label], theirs[label]))
            else:
                alone[label] += 1
    if not pairs:
        counts = f"{len(first):,} and {len(second):,} documents"
        raise InputError(f"no document is judged for the same label in both files ({counts}); do their ids agree?")
    return Both({label: tuple(found) for label, found in sorted(pairs.items())}, dict(sorted(alone.items())))


def _by_document(judged: Sequence[Judged]) -> dict[str, Judged]:
    found: dict[str, Judged] = {}
    for each in judged:
        id, grades = each.entry.id, each.entry.grades
        before = found.setdefault(id, each).entry.grades
        for label in {*before} & {*grades}:
            if before[label] != grades[label]:
                raise InputError(f"{id[:40]!r} is judged twice by one judge: {label} {before[label]} and {grades[label]}")
        found[id] = replace(each, entry=replace(each.entry, grades={**before, **grades}))
    return found


def differing_frame(both: Both) -> pl.DataFrame:
    """Return the judgements that differ as a table, the widest apart first."""
    rows = [(each.id, label, one, two, each.title, each.abstract) for label, each, one, two in both.differing]
    kinds = {"one": pl.Int64, "two": pl.Int64}
    columns = ("id", "label", "one", "two", "title", "abstract")
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.String) for name in columns}, orient="row")


def as_table(found: Mapping[str, Mapping[View, Agreement]]) -> str:
    """Return the agreement by label, a line a view, for a terminal of 80 columns."""
    lines = [f"{'':8}{'n':>5}{'differ':>7}{'raw':>18}{'kappa':>21}{'alpha':>21}"]
    for label, views in found.items():
        lines.append(label)
        for view, each in views.items():
            figures = f"{_told(each.raw):>18}{_told(each.kappa):>21}{_told(each.alpha):>21}"
            lines.append(f"  {view:6}{each.documents:>5,}{each.disagreed:>7,}{figures}")
    return "\n".join(lines)


def _told(figure: Interval) -> str:
    return "not defined" if figure.reason else f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"
