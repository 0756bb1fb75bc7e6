"""How good a model is on judged documents, each figure with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass import scores
from ipclass.corpus import NOT_JUDGED, Judged
from ipclass.errors import CorpusError
from ipclass.model import Model
from ipclass.records import DEFINITIONS, LEAST_GRADE, Definition

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Metric = Callable[[Floats, Bools, Bools], float]
METRICS: Mapping[str, Metric] = {
    "precision": lambda probabilities, assigned, truth: scores.precision(assigned, truth),
    "recall": lambda probabilities, assigned, truth: scores.recall(assigned, truth),
    "f1": lambda probabilities, assigned, truth: scores.f1(assigned, truth),
    "average_precision": lambda probabilities, assigned, truth: scores.average_precision(probabilities, truth),
    "brier": lambda probabilities, assigned, truth: scores.brier(probabilities, truth),
    "calibration_error": lambda probabilities, assigned, truth: scores.calibration_error(probabilities, truth),
}


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bin:
    """One bar of a reliability diagram: documents whose probability lies in the bin, and how they turned out."""

    documents: int
    probability: float
    positive: float


@dataclass(frozen=True)
class Quality:
    """How good a model is for one label under one definition."""

    definition: Definition
    label: str
    documents: int
    positives: int
    figures: Mapping[str, Figure]
    reliability: tuple[Bin, ...]


@dataclass(frozen=True)
class Report:
    """The quality of every target, the macro-averaged F1 of each definition, and the documents left out."""

    qualities: tuple[Quality, ...]
    macro_f1: Mapping[Definition, Figure]
    documents: int
    unscored: int


def evaluate(model: Model, judged: Sequence[Judged], draws: int = 1000, seed: int = 0) -> Report:
    """Return the quality of ``model`` on ``judged``. A document that the model cannot tag counts as not assigned.

    Raises:
        CorpusError: There is no document.
    """
    if not judged:
        raise CorpusError("no judged documents to evaluate on")
    texts = [each.document.text for each in judged]
    qualities: list[Quality] = []
    macro: dict[Definition, Figure] = {}
    for definition in DEFINITIONS:
        tags = model.tag(texts, definition)
        parts = []
        for place, label in enumerate(tags.labels):
            grades = np.array([each.entry.grades.get(label, NOT_JUDGED) for each in judged])
            rows = np.flatnonzero(grades != NOT_JUDGED)
            truth = grades >= LEAST_GRADE[definition]
            if len(rows):
                assigned, sure = tags.assigned[:, place], tags.probabilities[:, place]
                qualities.append(_quality(definition, label, sure[rows], assigned[rows], truth[rows], draws, seed))
                parts.append((assigned, truth, grades != NOT_JUDGED))
        macro[definition] = _macro(parts, len(texts), draws, seed)
    unscored = sum(1 for reason in tags.unscored if reason)
    return Report(tuple(qualities), macro, len(texts), unscored)


def _quality(definition: Definition, label: str, sure: Floats, assigned: Bools, truth: Bools, draws: int, seed: int) -> Quality:
    def figure(metric: Metric) -> Figure:
        interval = scores.bootstrap(lambda rows: metric(sure[rows], assigned[rows], truth[rows]), len(truth), draws, seed)
        return Figure(metric(sure, assigned, truth), *interval)

    figures = {name: figure(metric) for name, metric in METRICS.items()}
    return Quality(definition, label, len(truth), int(truth.sum()), figures, reliability(sure, truth))


def reliability(sure: Floats, truth: Bools, bins: int = 10) -> tuple[Bin, ...]:
    """Return the bins of a reliability diagram that hold documents, from low to high probability."""
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return tuple(
        Bin(int((place == each).sum()), float(sure[place == each].mean()), float(truth[place == each].mean()))
        for each in np.unique(place)
    )


def _macro(parts: Sequence[tuple[Bools, Bools, Bools]], n: int, draws: int, seed: int) -> Figure:
    def mean(rows: npt.NDArray[np.int64]) -> float:
        return float(np.mean([scores.f1(a[rows][j[rows]], t[rows][j[rows]]) for a, t, j in parts]))

    return Figure(mean(np.arange(n)), *scores.bootstrap(mean, n, draws, seed))


def as_record(report: Report, model: Model) -> dict[str, Any]:
    """Return ``report`` as what JSON can hold, with the model that it is about."""
    return {"model": model.digest, **asdict(report)}


def as_table(report: Report) -> str:
    """Return ``report`` as a table for a terminal of 80 columns, a line a label and definition."""
    lines = [f"{'':8}{'':10}{'n+':>5}{'precision':>10}{'recall':>7}  {'F1':<19}{'AP':>6}{'Brier':>6}{'ECE':>6}"]
    for each in report.qualities:
        value = {name: f"{figure.value:.3f}" for name, figure in each.figures.items()}
        figures = f"{value['precision']:>10}{value['recall']:>7}  {_told(each.figures['f1']):<19}"
        rest = f"{value['average_precision']:>6}{value['brier']:>6}{value['calibration_error']:>6}"
        lines.append(f"{each.definition:8}{each.label:10}{each.positives:>5}{figures}{rest}")
    lines += [f"macro F1, {definition}: {_told(figure)}" for definition, figure in report.macro_f1.items()]
    lines.append(f"{report.documents} documents, {report.unscored} of them unscored; 95 % intervals (all of them: --json)")
    lines.append("AP: average precision; ECE: expected calibration error")
    return "\n".join(lines)


def _told(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.2f}, {figure.high:.2f}]"
