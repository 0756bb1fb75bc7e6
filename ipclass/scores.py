"""Arrays in, numbers out: calibration, thresholds, and how good predictions are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Platt:
    """A logistic curve from scores to probabilities: ``1 / (1 + exp(-(slope * score + offset)))``.

    Source: Platt (1999), "Probabilistic outputs for support vector machines", with his smoothed targets.
    """

    slope: float
    offset: float

    def __call__(self, scores: Floats) -> Floats:
        """Return probabilities, of the shape of ``scores``.

        >>> Platt(1.0, 0.0)(np.zeros(2)).tolist()
        [0.5, 0.5]
        """
        return expit(self.slope * scores + self.offset)


def expit(x: Floats) -> Floats:
    """Return ``1 / (1 + exp(-x))`` without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def fit_platt(scores: Floats, truth: Bools, rounds: int = 100) -> Platt:
    """Return the curve of highest likelihood, by Newton's method on standardised scores: from far off it may diverge.

    Raises:
        ValueError: All of ``truth`` is one class, which no curve can be fitted to.
    """
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise ValueError(f"calibration needs both classes, got {positives} positives and {negatives} negatives")
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    middle, spread = float(scores.mean()), float(scores.std())
    logit = float(np.log(target.sum() / (1 - target).sum()))
    if spread <= 1e-12 * abs(middle):  # all alike but for rounding
        return Platt(0.0, logit)
    design = np.column_stack([(scores - middle) / spread, np.ones(len(scores))])
    beta = np.array([0.0, logit])
    loss = _log_loss(design @ beta, target)
    for _ in range(rounds):
        p = expit(design @ beta)
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, design.T @ (p - target))
        length = 1.0
        while (new := _log_loss(design @ (beta - length * step), target)) > loss and length > 1e-8:
            length /= 2
        beta = beta - length * step
        if abs(loss - new) < 1e-10 * len(target):
            break
        loss = new
    slope = float(beta[0]) / spread
    return Platt(slope, float(beta[1]) - slope * middle)


def _log_loss(margin: Floats, target: Floats) -> float:
    return float(np.sum(np.logaddexp(0, margin) - target * margin))


def best_threshold(probabilities: Floats) -> float:
    """Return the probability from which to assign a label for the highest expected F1.

    The expectation is over the probabilities themselves, which makes it far steadier than the best F1 counted on few
    positives. Source: Lipton, Elkan and Naryanaswamy (2014), ECML, "Optimal thresholding of classifiers to maximize F1".

    >>> best_threshold(np.array([0.9, 0.8, 0.1, 0.1]))
    0.45
    """
    ranked = np.sort(probabilities)[::-1]
    expected = 2 * ranked.cumsum() / (np.arange(1, len(ranked) + 1) + ranked.sum())
    best = int(expected.argmax())
    return float((ranked[best] + (ranked[best + 1] if best + 1 < len(ranked) else 0.0)) / 2)


def precision(assigned: Bools, truth: Bools) -> float:
    """Return the share of assigned documents that are truly positive; nan if none was assigned."""
    return _ratio((assigned & truth).sum(), assigned.sum())


def recall(assigned: Bools, truth: Bools) -> float:
    """Return the share of positive documents that were assigned; nan if there is none."""
    return _ratio((assigned & truth).sum(), truth.sum())


def f1(assigned: Bools, truth: Bools) -> float:
    """Return the harmonic mean of precision and recall; nan if nothing is positive and nothing assigned."""
    return _ratio(2 * (assigned & truth).sum(), assigned.sum() + truth.sum())


def average_precision(scores: Floats, truth: Bools) -> float:
    """Return the mean precision over the ranks of the positives (ties in one step); nan if there is none."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], truth[order].cumsum()
    if not len(ranked) or not hits[-1]:
        return float("nan")
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return float(np.sum(np.diff(hits[last], prepend=0) / hits[-1] * hits[last] / (last + 1)))


def brier(probabilities: Floats, truth: Bools) -> float:
    """Return the mean squared difference of probability and truth; nan without documents."""
    return float(np.mean((probabilities - truth) ** 2)) if len(truth) else float("nan")


def calibration_error(probabilities: Floats, truth: Bools, bins: int = 10) -> float:
    """Return the expected calibration error: mean gap of probability and truth over bins of equal width, by size.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI, "Obtaining well calibrated probabilities".
    """
    if not len(truth):
        return float("nan")
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gap = np.bincount(place, probabilities - truth, minlength=bins)
    return float(np.abs(gap).sum() / len(truth))


def bootstrap(
    statistic: Callable[[npt.NDArray[np.int64]], float], n: int, draws: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of ``statistic``, which is given the places of a resample of ``n`` documents.

    Resamples in which the statistic is not defined (nan) are left out; without any other the interval is (nan, nan).
    """
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(0, n, n)) for _ in range(draws)])
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _ratio(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else float("nan")
