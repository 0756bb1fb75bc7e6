"""The gate: is a new model worse than the old one on judgements that neither has seen?

Both are asked about the same documents, and the difference of their F1 gets an interval by a paired bootstrap over groups of
near-duplicates. A label whose whole interval lies below 0 stops the new model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass.corpus import NOT_JUDGED, Judged
from ipclass.errors import CorpusError
from ipclass.evaluation import Figure
from ipclass.model import Model
from ipclass.records import DEFINITIONS, LEAST_GRADE, Definition

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEVEL = 0.99
"""Of the intervals of differences. A model has some eight targets: with 95 % one in five new models that are just as good
would be stopped, with 99 % fewer than one in twenty (each is stopped at one end of its interval only)."""

FEWEST_POSITIVES = 10
"""With fewer positives in common nothing is said of a target."""

WORSE, BETTER, SAME, TOO_FEW, NEW, LOST = "worse", "better", "unclear", "too few", "new", "lost"


@dataclass(frozen=True, eq=False)
class Paired:
    """What two models say of the same documents for one target. ``groups`` are kept together in the bootstrap."""

    definition: Definition
    label: str
    truth: Bools
    old: Bools
    new: Bools
    groups: Sequence[str]


@dataclass(frozen=True)
class Difference:
    """The F1 of both models on one target, and the difference, new less old, with its interval."""

    definition: Definition
    label: str
    documents: int
    positives: int
    old: float
    new: float
    difference: Figure
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two models beside each other, target by target. ``on`` says which documents they were compared on."""

    old: str
    new: str
    on: str
    differences: tuple[Difference, ...]

    @property
    def worse(self) -> tuple[Difference, ...]:
        """The targets that stop the new model: significantly worse, or lost."""
        return tuple(each for each in self.differences if each.verdict in (WORSE, LOST))


def on_texts(old: Model, new: Model, judged: Sequence[Judged], on: str, draws: int = 2000, seed: int = 0) -> Comparison:
    """Return both models compared on judged texts, which neither may have learnt from.

    Raises:
        CorpusError: There is no document.
    """
    if not judged:
        raise CorpusError("no judged documents to compare the models on")
    texts, groups = [each.document.text for each in judged], [each.entry.group for each in judged]
    pairs = []
    for definition in DEFINITIONS:
        before, after = old.tag(texts, definition), new.tag(texts, definition)
        for label in (label for label in after.labels if label in before.labels):
            grades = np.array([each.entry.grades.get(label, NOT_JUDGED) for each in judged])
            rows = np.flatnonzero(grades != NOT_JUDGED)
            pairs.append(
                Paired(
                    definition,
                    label,
                    grades[rows] >= LEAST_GRADE[definition],
                    before.assigned[rows, before.labels.index(label)],
                    after.assigned[rows, after.labels.index(label)],
                    [groups[row] for row in rows],
                )
            )
    return compare(old, new, pairs, on, draws, seed)


def compare(old: Model, new: Model, pairs: Sequence[Paired], on: str, draws: int = 2000, seed: int = 0) -> Comparison:
    """Return the comparison of two models from what they said of the same documents."""
    known = {(pair.definition, pair.label): pair for pair in pairs}
    found = []
    for definition in DEFINITIONS:
        for label in sorted({*old.labels.ids, *new.labels.ids}):
            if (definition, label) in known:
                found.append(difference(known[definition, label], draws, seed))
            else:
                verdict = NEW if label not in old.labels.ids else LOST if label not in new.labels.ids else TOO_FEW
                found.append(Difference(definition, label, 0, 0, np.nan, np.nan, _UNDEFINED, verdict))
    return Comparison(old.digest, new.digest, on, tuple(found))


_UNDEFINED = Figure(float("nan"), float("nan"), float("nan"))


def difference(pair: Paired, draws: int = 2000, seed: int = 0) -> Difference:
    """Return the difference of two models on one target, by a paired bootstrap over groups.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", percentile intervals; groups drawn whole.
    """
    counts = _by_group(pair)
    old, new = _f1(counts.sum(axis=0))
    enough = pair.truth.sum() >= FEWEST_POSITIVES
    interval = _UNDEFINED
    if enough:
        rng = np.random.default_rng(seed)
        n = len(counts)
        drawn = np.array([np.bincount(rng.integers(0, n, n), minlength=n) @ counts for _ in range(draws)])
        before, after = _f1(drawn)
        gain = (after - before)[~np.isnan(after - before)]
        low, high = np.quantile(gain, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        interval = Figure(float(new - old), float(low), float(high))
    verdict = TOO_FEW if not enough else WORSE if interval.high < 0 else BETTER if interval.low > 0 else SAME
    return Difference(
        pair.definition, pair.label, len(pair.truth), int(pair.truth.sum()), float(old), float(new), interval, verdict
    )


def _by_group(pair: Paired) -> Floats:
    """Return for each group its positives, and what each model assigned and assigned rightly: five columns."""
    _, place = np.unique(np.array(pair.groups, dtype=object).astype(str), return_inverse=True)
    columns = (pair.truth, pair.old, pair.old & pair.truth, pair.new, pair.new & pair.truth)
    groups = int(place.max()) + 1 if len(place) else 0
    return np.column_stack([np.bincount(place, column, minlength=groups) for column in columns])


def _f1(sums: Floats) -> tuple[Floats, Floats]:
    positives, old, old_right, new, new_right = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    with np.errstate(invalid="ignore"):  # nan where nothing is positive and nothing assigned
        return 2 * old_right / (positives + old), 2 * new_right / (positives + new)


def as_record(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as what JSON can hold; what is not defined is nan."""
    return {**asdict(comparison), "level": LEVEL, "passed": not comparison.worse}


def as_table(comparison: Comparison) -> str:
    """Return a comparison as a table for a terminal of 80 columns."""
    lines = [f"{'':8}{'':10}{'n':>6}{'n+':>6}{'F1 old':>8}{'new':>7}  difference (99 %)"]
    for each in comparison.differences:
        head = f"{each.definition:8}{each.label:10}{each.documents:>6}{each.positives:>6}"
        lines.append(f"{head}{_told(each.old):>8}{_told(each.new):>7}  {_interval(each.difference):<25}{each.verdict}")
    return "\n".join([*lines, f"on {comparison.on}"])


def as_markdown(record: Mapping[str, Any]) -> list[str]:
    """Return what ``as_record`` made as a section of a model card."""
    lines = [
        f"Compared with model `{record['old'][:12]}` on {record['on']}; intervals of 99 % by a paired bootstrap over groups:",
        "",
        "| definition | label | documents | positives | F1 old | F1 new | difference | verdict |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for each in record["differences"]:
        interval = _interval(Figure(**each["difference"]))
        figures = f"{each['documents']} | {each['positives']} | {_told(each['old'])} | {_told(each['new'])}"
        lines.append(f"| {each['definition']} | {each['label']} | {figures} | {interval or '-'} | {each['verdict']} |")
    return lines


def _told(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def _interval(figure: Figure) -> str:
    return "" if figure.value != figure.value else f"{figure.value:+.3f} [{figure.low:+.3f}, {figure.high:+.3f}]"
