"""What the tagger's scores mean: their distribution in held-out positives and negatives, and the share that fits best.

The two histograms and the calibration curve are all that share estimates need, so a model carries them
and no document. They must come from documents that the model was *not* trained on, scored by that very model:
out-of-fold scores belong to other models and bias every estimate (measured; see the research note, 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass.errors import ShareError
from ipclass.figures import quantile
from ipclass.scores import Bools, Floats, Platt, fit_platt

Ints = npt.NDArray[np.int64]

STEEPEST = 30.0
"""Log likelihood ratios are cut here: one document must not decide a share."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Held-out scores of one label by class, as histograms of ``bins`` bins, with curve and threshold.

    ``edges`` has one entry more than ``positives`` and ``negatives``; the first and last bin are open, and
    ``threshold`` (the score from which the label is assigned) is one of the edges, so that counts of tags are exact.

    Raises:
        ShareError: The parts do not fit each other, a class is empty, or higher scores do not mean more positives.
    """

    edges: Floats
    positives: Floats
    negatives: Floats
    platt: Platt
    threshold: float

    def __post_init__(self) -> None:
        """Refuse parts that contradict each other: a damaged model must not yield shares."""
        bins = len(self.edges) - 1
        if bins < 2 or self.positives.shape != (bins,) or self.negatives.shape != (bins,):
            raise ShareError(f"calibration: {bins} bins, {len(self.positives)} and {len(self.negatives)} counts")
        if not (np.isfinite(self.edges).all() and (np.diff(self.edges) > 0).all()):
            raise ShareError("calibration: the edges of the bins do not increase")
        for name, counts in (("positives", self.positives), ("negatives", self.negatives)):
            if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.sum() > 0):
                raise ShareError(f"calibration: no usable counts of held-out {name}")
        if self.threshold not in self.edges[1:-1]:
            raise ShareError(f"calibration: the threshold {self.threshold:g} is not an edge between two bins")
        if not self.platt.slope > 0 or not np.isfinite(self.platt.offset):
            raise ShareError(f"calibration: slope {self.platt.slope:g}; higher scores must mean more positives")

    @classmethod
    def of(
        cls, scores: Floats, truth: Bools, platt: Platt | None = None, threshold: float | None = None, bins: int = 160
    ) -> Calibration:
        """Return the calibration of held-out ``scores`` with their ``truth``, both of shape (documents,).

        Without ``platt`` the curve is fitted to these scores, which is the better choice;
        without ``threshold`` (a score: ``score_at`` makes one of a probability) it is where the curve passes one half.

        Raises:
            ShareError: A score is not finite, or the documents are all of one class.
        """
        finite(scores)
        if len(scores) != len(truth) or not truth.any() or truth.all():
            raise ShareError(f"calibration needs both classes: {int(truth.sum())} positives among {len(truth)} truths")
        platt = platt or fit_platt(scores, truth)
        threshold = float(-platt.offset / platt.slope if threshold is None else threshold)
        edges = _edges(scores, threshold, bins)
        place = np.searchsorted(edges[1:-1], scores, side="right")
        counts = [np.bincount(place[chosen], minlength=bins).astype(np.float64) for chosen in (truth, ~truth)]
        return cls(edges, counts[0], counts[1], platt, threshold)

    @property
    def n_pos(self) -> float:
        """The number of held-out positives."""
        return float(self.positives.sum())

    @property
    def n_neg(self) -> float:
        """The number of held-out negatives."""
        return float(self.negatives.sum())

    @property
    def prior(self) -> float:
        """The share of positives in the held-out sample."""
        return self.n_pos / (self.n_pos + self.n_neg)

    @property
    def centres(self) -> Floats:
        """The score that stands for each bin, shape (bins,)."""
        return np.asarray((self.edges[1:] + self.edges[:-1]) / 2)

    @property
    def tagged(self) -> Floats:
        """1 for the bins from the threshold up, else 0, shape (bins,)."""
        return (self.edges[:-1] >= self.threshold).astype(np.float64)

    @property
    def ratio(self) -> Floats:
        """How many times more frequent the scores of each bin are in positives than in negatives, shape (bins,)."""
        return self.ratio_at(self.centres)

    def ratio_at(self, scores: Floats) -> Floats:
        """Return the likelihood ratio of each score, of the shape of ``scores``."""
        return likelihood_ratio(self.platt.slope * scores + self.platt.offset, self.prior)

    def place(self, scores: Floats) -> Ints:
        """Return the bin of each score; scores beyond the held-out ones fall into the first and last bin."""
        finite(scores)
        return np.searchsorted(self.edges[1:-1], scores, side="right").astype(np.int64)

    def histogram(self, scores: Floats) -> Floats:
        """Return the number of scores in each bin, shape (bins,)."""
        return np.bincount(self.place(scores), minlength=len(self.positives)).astype(np.float64)

    def scores_of(self, probabilities: Floats) -> Floats:
        """Return the scores that the curve turns into ``probabilities`` (for tables that hold only those)."""
        return score_at(probabilities, self.platt)

    def floor(self, level: float = 0.95) -> float:
        """Return the smallest share that the tagger can tell from 0: 1 if it can tell none.

        The error of the false-positive rate, which ever so many target documents do not reduce, as a share:
        ``z * sqrt(fpr * (1 - fpr) / negatives) / (tpr - fpr)``. Rates are smoothed by one success and one failure:
        no false positive among 50 negatives does not mean a floor of 0.
        """
        tpr = (self.positives @ self.tagged + 1) / (self.n_pos + 2)
        fpr = (self.negatives @ self.tagged + 1) / (self.n_neg + 2)
        if tpr <= fpr:
            return 1.0
        return min(1.0, float(quantile(level) * np.sqrt(fpr * (1 - fpr) / self.n_neg) / (tpr - fpr)))

    def to_dict(self) -> dict[str, Floats]:
        """Return plain arrays, for example for ``numpy.savez``."""
        return {
            "edges": self.edges,
            "positives": self.positives,
            "negatives": self.negatives,
            "platt": np.array([self.platt.slope, self.platt.offset]),
            "threshold": np.array([self.threshold]),
        }

    @classmethod
    def from_dict(cls, arrays: Mapping[str, Any]) -> Calibration:
        """Return the calibration that ``to_dict`` took apart.

        Raises:
            ShareError: An array is missing or does not fit the others.
        """
        try:
            parts = {
                name: np.asarray(arrays[name], dtype=np.float64)
                for name in ("edges", "positives", "negatives", "platt", "threshold")
            }
            slope, offset = parts["platt"].tolist()
            (threshold,) = parts["threshold"].tolist()
        except (KeyError, TypeError, ValueError) as error:
            raise ShareError(f"calibration: cannot be read from its arrays ({error})") from error
        return cls(parts["edges"], parts["positives"], parts["negatives"], Platt(slope, offset), threshold)


def score_at(probabilities: Floats | float, platt: Platt) -> Floats:
    """Return the scores that ``platt`` turns into ``probabilities``, for example into a threshold."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray((np.log(p / (1 - p)) - platt.offset) / platt.slope)


def _edges(scores: Floats, threshold: float, bins: int) -> Floats:
    """Bins of equal width, save that the edge nearest to the threshold is moved onto it."""
    low, high = min(float(scores.min()), threshold), max(float(scores.max()), threshold)
    margin = max((high - low) * 1e-6, 1e-6 * max(1.0, abs(low), abs(high)))
    edges = np.linspace(low - margin, high + margin, bins + 1)
    nearest = 1 + int(np.argmin(np.abs(edges[1:-1] - threshold)))
    edges[nearest] = threshold
    return edges


def finite(scores: Floats) -> None:
    """Refuse scores that are not numbers.

    Raises:
        ShareError: Names the first such score and its place.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise ShareError(f"score {scores[bad[0]]} of document {bad[0]} is not a number; leave unscored documents out")


def likelihood_ratio(margin: Floats, prior: float | Floats) -> Floats:
    """Return ``P(score | positive) / P(score | negative)`` from calibrated log-odds (``margin``) at ``prior``."""
    return np.asarray(np.exp(np.clip(margin - np.log(prior / (1 - prior)), -STEEPEST, STEEPEST)))


def posterior(ratio: Floats, share: float | Floats) -> Floats:
    """Return the probability of a positive, given its likelihood ratio and the share of positives around it."""
    return np.asarray(share * ratio / (share * ratio + 1 - share))


def most_likely_share(counts: Floats, ratio: Floats, start: Floats | None = None, rounds: int = 200) -> Floats:
    """Return the share of positives under which each histogram is most likely: where the EM of EMQ/SLD ends.

    Args:
        counts: Documents in each bin, shape (rows, bins); no row may be empty.
        ratio: Likelihood ratio of each bin, shape (rows, bins) or (1, bins).
        start: First guess of each row's share.
        rounds: The most steps to take.

    The likelihood is concave in the share, so Newton's method within a shrinking bracket finds its one maximum
    exactly, where EM creeps: QuaPy's stops 2 % off at a share of 0.4 %.

    Source: Saerens, Latinne and Decaestecker (2002), "Adjusting the outputs of a classifier to new a priori
    probabilities", Neural Computation 14.
    """
    excess = ratio - 1
    low = np.zeros(len(counts))
    high = np.ones(len(counts))
    high[np.einsum("ij,ij->i", counts, np.broadcast_to(excess, counts.shape)) <= 0] = 0.0
    low[(counts * (excess / ratio)).sum(axis=1) >= 0] = 1.0
    share = np.clip(np.full(len(counts), 0.05) if start is None else start, low, high)
    active = np.flatnonzero(low < high)
    rising = np.broadcast_to(excess, counts.shape)
    for _ in range(rounds):
        if not len(active):
            break
        everyone = len(active) == len(counts)
        c, r = (counts, rising) if everyone else (counts[active], rising[active])
        q = share[active]
        term = r / (1 + q[:, None] * r)
        weighted = c * term
        gradient = weighted.sum(axis=1)
        low[active] = np.where(gradient > 0, q, low[active])
        high[active] = np.where(gradient > 0, high[active], q)
        step = q + gradient / np.einsum("ij,ij->i", weighted, term)
        outside = (step <= low[active]) | (step >= high[active])
        step = np.where(outside, (low[active] + high[active]) / 2, step)
        share[active] = step
        active = active[np.abs(step - q) > 1e-14 + 1e-11 * q]
    return share
