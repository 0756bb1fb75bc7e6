"""Shares of labels among documents, from the scores of the tagger: estimates and intervals.

Counting tags gives biased shares. The estimators here undo the bias under one assumption, *prior shift*: positives
look like the held-out positives and negatives like the held-out negatives, only their mix differs. ``shift_test``
warns where that cannot be; an audit (``ipclass.audit``) needs no such assumption.

Everything works on histograms of scores, so time does not grow with the documents once they are binned.
Each draw of the bootstrap takes one held-out sample for *all* cells (errors of calibration are common to them and
cancel in ratios) and a new sample of documents for each cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ipclass.calibration import Calibration, Ints, likelihood_ratio, most_likely_share, posterior
from ipclass.errors import ShareError, choices
from ipclass.figures import Share, flags, printable, widen, wilson
from ipclass.scores import Floats, expit

__all__ = [
    "LETTERS",
    "METHODS",
    "Calibration",
    "Estimates",
    "Method",
    "Share",
    "Worlds",
    "estimate",
    "estimate_cells",
    "estimate_histogram",
    "flags",
    "percentiles",
    "printable",
    "require_held_out",
    "resampled",
    "shift_test",
    "tally",
    "wilson",
]

Method = Literal["emq", "acc", "pacc", "pcc", "cc"]
METHODS: tuple[Method, ...] = get_args(Method)
LETTERS = {"audit": "A", "emq": "E", "acc": "R", "pacc": "P", "pcc": "S", "cc": "C"}
"""The letter of each method in tables: audit, EMQ, rates (ACC), mean probabilities (PACC), sums (PCC), count."""

FEWEST_HELD_OUT = 30
SHIFT_GROUPS = 12


@dataclass(frozen=True, eq=False)
class Estimates:
    """The shares of all cells, and the bootstrap draws behind their intervals, shape (cells, draws).

    Column ``i`` of the draws uses the same held-out sample in every cell. ``level`` is that of the intervals.
    """

    shares: tuple[Share, ...]
    draws: Floats
    level: float

    def __iter__(self) -> Iterator[Share]:
        return iter(self.shares)

    def __len__(self) -> int:
        return len(self.shares)

    def __getitem__(self, cell: int) -> Share:
        return self.shares[cell]

    @property
    def values(self) -> Floats:
        """The share of each cell, shape (cells,)."""
        return np.array([share.share for share in self.shares])

    @property
    def sizes(self) -> Floats:
        """The documents of each cell, shape (cells,)."""
        return np.array([share.n for share in self.shares])


def estimate(
    scores: Floats,
    calibration: Calibration,
    method: Method = "emq",
    weights: Floats | None = None,
    level: float = 0.95,
    draws: int = 500,
    seed: int = 0,
) -> Share:
    """Return the share of positives among documents with these ``scores``, shape (documents,).

    Args:
        scores: The model's scores, on the scale of the calibration (not probabilities).
        calibration: Held-out scores of the same model and label.
        method: ``emq`` maximum likelihood; ``acc`` and ``pacc`` adjusted counts and mean probabilities; ``pcc`` sum of
            probabilities; ``cc`` tags counted. Only the first three undo prior shift.
        weights: How much each document counts (fractional counting); None: each as 1.
        level: Of the interval.
        draws: Of the bootstrap.
        seed: Same seed, same digits.

    Raises:
        ShareError: No documents, a score or weight that is not a number, fewer than 30 held-out positives or
            negatives (except ``cc``), or a tagger that does not separate the classes.

    Sources: ``emq`` Saerens et al. (2002); ``acc`` Rogan and Gladen (1978), Forman (2008); ``pacc``, ``pcc``
    Bella et al. (2010).
    """
    cells = np.zeros(len(scores), dtype=np.int64)
    return estimate_cells(scores, cells, calibration, method, weights, level, draws, seed)[0]


def estimate_cells(
    scores: Floats,
    cells: Ints,
    calibration: Calibration,
    method: Method = "emq",
    weights: Floats | None = None,
    level: float = 0.95,
    draws: int = 500,
    seed: int = 0,
    texts: Ints | None = None,
) -> Estimates:
    """Return one share for each cell: a fit of its own, since one common fit pulls all cells to the mean.

    ``cells`` holds the cell of each document as a code from 0, shape (documents,); every code below the largest must
    occur. A document in several cells is given several times. ``texts`` are codes from 0 that equal texts share (None:
    no two are equal): a text that comes again counts again, but tells nothing new, so the interval must not become
    narrower for it. Else as ``estimate``.

    Raises:
        ShareError: As ``estimate``; or a cell has no documents.
    """
    histograms, effective = tally(scores, cells, calibration, weights)
    repeats = None if texts is None else _Repeats.of(scores, cells, calibration, weights, texts)
    return _estimate(histograms, effective, calibration, method, level, draws, seed, repeats)


def estimate_histogram(
    histogram: Floats,
    calibration: Calibration,
    method: Method = "emq",
    effective: float | None = None,
    level: float = 0.95,
    draws: int = 500,
    seed: int = 0,
) -> Share:
    """Return the share behind one cell's ``histogram`` of scores in the bins of ``calibration``, shape (bins,).

    ``effective`` is the number of equally weighted documents that would tell as much; None: the sum of the histogram.

    Raises:
        ShareError: As ``estimate``.
    """
    histogram = np.asarray(histogram, dtype=np.float64)
    if histogram.shape != calibration.positives.shape or not (np.isfinite(histogram).all() and (histogram >= 0).all()):
        raise ShareError(f"a histogram of {len(calibration.positives)} counts is needed, not {histogram.shape}")
    size = np.array([histogram.sum() if effective is None else effective])
    return _estimate(histogram[None], size, calibration, method, level, draws, seed)[0]


def shift_test(histograms: Floats, calibration: Calibration, effective: Floats | None = None) -> Floats:
    """Return chi-square per degree of freedom between each histogram and the nearest mix of held-out classes.

    About 1 if only the mix of the classes has changed; above 2 the documents differ in kind and no label-free share
    should be trusted. It cannot see positives that score exactly like negatives.

    Args:
        histograms: Documents in each bin of ``calibration``, shape (cells, bins).
        calibration: Held-out scores.
        effective: Number of equally weighted documents of each cell; None: the sums.

    Returns:
        Shape (cells,).

    The scores are pooled into at most 12 groups of equal weight in the even mix of both classes; the variance holds
    the errors of target and held-out samples; the mix is fitted by least squares.
    """
    sizes = histograms.sum(axis=1) if effective is None else effective
    even = calibration.positives / calibration.n_pos + calibration.negatives / calibration.n_neg
    before = np.cumsum(even) - even
    group = np.minimum((before / 2 * SHIFT_GROUPS).astype(np.int64), SHIFT_GROUPS - 1)
    pool = (group[:, None] == np.unique(group)).astype(np.float64)
    if pool.shape[1] < 3:
        return np.full(len(histograms), np.nan)
    seen = histograms @ pool / histograms.sum(axis=1, keepdims=True)
    positive, negative = (_smooth(counts @ pool) for counts in (calibration.positives, calibration.negatives))
    gap = positive - negative
    share = np.full((len(histograms), 1), 0.5)
    for _ in range(50):
        expected = share * positive + (1 - share) * negative
        variance = (
            expected / sizes[:, None]
            + share**2 * positive / calibration.n_pos
            + (1 - share) ** 2 * negative / calibration.n_neg
        )
        new = (gap * (seen - negative) / variance).sum(axis=1) / (gap**2 / variance).sum(axis=1)
        share = np.clip(new, 0, 1)[:, None]
    expected = share * positive + (1 - share) * negative
    return np.asarray(((seen - expected) ** 2 / variance).sum(axis=1) / (pool.shape[1] - 2))


def _smooth(counts: Floats) -> Floats:
    return np.asarray((counts + 0.5) / (counts + 0.5).sum())


def tally(scores: Floats, cells: Ints, calibration: Calibration, weights: Floats | None) -> tuple[Floats, Floats]:
    """Return the histogram of each cell, shape (cells, bins), and its effective number of documents, shape (cells,).

    Raises:
        ShareError: No documents, a gap in the codes of the cells, or weights that are none.
    """
    if not len(scores):
        raise ShareError("no documents: a share of nothing is not 0")
    if len(scores) != len(cells):
        raise ShareError(f"{len(scores)} scores, but {len(cells)} cells")
    if cells.min() < 0 or cells.max() >= len(cells):
        raise ShareError(f"cells must be codes from 0 without gaps, got {cells.min()} to {cells.max()}")
    sizes = np.bincount(cells)
    if not sizes.all():
        raise ShareError(f"cell {int(np.argmin(sizes))} has no documents: a share of nothing is not 0")
    bins = len(calibration.positives)
    code = cells * bins + calibration.place(scores)

    def total(values: Floats | None) -> Floats:
        return np.bincount(code, values, minlength=len(sizes) * bins).reshape(-1, bins).astype(np.float64)

    if weights is None:
        return total(None), sizes.astype(np.float64)
    if len(weights) != len(scores) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ShareError("weights must be numbers of at least 0, one for each document")
    histograms, squares = total(_rounded(weights)), total(_rounded(weights**2)).sum(axis=1)
    sums = histograms.sum(axis=1)
    if not sums.all():
        raise ShareError(f"cell {int(np.argmin(sums))} has no weight: a share of nothing is not 0")
    return histograms, sums**2 / squares


@dataclass(frozen=True, eq=False)
class _Repeats:
    """The squared weights of single documents and of distinct texts in each cell and bin, both of shape (cells, bins)."""

    documents: Floats
    texts: Floats

    @classmethod
    def of(cls, scores: Floats, cells: Ints, calibration: Calibration, weights: Floats | None, texts: Ints) -> _Repeats:
        if len(texts) != len(scores):
            raise ShareError(f"{len(scores)} scores, but {len(texts)} texts")
        bins, size = len(calibration.positives), int(cells.max()) + 1
        code = cells * bins + calibration.place(scores)
        each = np.ones(len(scores)) if weights is None else _rounded(weights)
        # equal texts have equal scores, so that within a cell they lie in one bin
        several = int(texts.max()) + 1
        place, text = np.unique(code * several + texts, return_inverse=True)
        whole = np.bincount(text, each).astype(np.float64)
        documents = np.bincount(code, _rounded(each**2), size * bins)
        of_texts = np.bincount(place // several, _rounded(whole**2), size * bins)
        return cls(documents.reshape(size, bins).astype(np.float64), of_texts.reshape(size, bins).astype(np.float64))

    def part(self, relevance: Floats) -> Floats:
        """Return to what part of its documents each cell shrinks if a text that comes again tells nothing new, shape (cells,).

        Kish's effective number, of texts over that of documents, where each bin weighs as ``relevance`` says: for the
        share of positives it is the distinct positives that count.
        """
        return np.asarray((relevance**2 * self.documents).sum(axis=1) / (relevance**2 * self.texts).sum(axis=1))


def _rounded(weights: Floats) -> Floats:
    """Weights to 28 binary digits, so that their sums are exact and do not depend on the order of documents."""
    _, exponent = np.frexp(weights.max(initial=0.0))
    return np.asarray(np.ldexp(np.round(np.ldexp(weights, 28 - exponent)), exponent - 28))


def _estimate(
    histograms: Floats,
    effective: Floats,
    calibration: Calibration,
    method: Method,
    level: float,
    draws: int,
    seed: int,
    repeats: _Repeats | None = None,
) -> Estimates:
    _check(calibration, method, level, draws)
    sums = histograms.sum(axis=1)
    if not (sums > 0).all() or not (effective > 0).all():
        raise ShareError("no documents: a share of nothing is not 0")
    values = _solve(method, histograms, _observed(calibration))
    different = effective
    if repeats is not None:
        different = effective * repeats.part(np.ones_like(histograms))
        likely = np.clip(values, 1e-9, 1 - 1e-9)[:, None]
        effective = effective * repeats.part(posterior(calibration.ratio, likely))
    drawn = _draw_cells(method, histograms, effective, values, resampled(calibration, draws, seed), seed)
    naive = histograms @ calibration.tagged / sums
    floor = calibration.floor(level)
    shift = shift_test(histograms, calibration, different)
    shares = []
    for cell in range(len(histograms)):
        value, n = float(values[cell]), float(effective[cell])
        low, high = percentiles(drawn[cell], level)
        low, high = widen(value, min(low, value), max(high, value), n, level)
        raised = flags(value, low, high, n, floor=floor, shift=shift[cell])
        ends = (float(naive[cell]), value, low, high, LETTERS[method], raised, floor, float(shift[cell]))
        shares.append(Share(float(sums[cell]), n, *ends))
    return Estimates(tuple(shares), drawn, level)


def _check(calibration: Calibration, method: str, level: float, draws: int) -> None:
    if method not in METHODS:
        raise ShareError(f"no method {method!r}; {choices(method, METHODS)}")
    if not 0 < level < 1 or draws < 1:
        raise ShareError(f"level {level:g} must lie between 0 and 1, and draws {draws} above 0")
    if method == "cc":
        return
    require_held_out(calibration)
    observed = _observed(calibration)
    if (method == "acc" and observed.tpr[0] <= observed.fpr[0]) or (method == "pacc" and observed.up <= observed.down):
        raise ShareError(f"{method}: held-out positives score no higher than negatives; the tagger tells nothing")


def require_held_out(calibration: Calibration) -> None:
    """Refuse to estimate from too few held-out documents.

    Raises:
        ShareError: There are fewer than 30 positives or negatives.
    """
    for name, count in (("positives", calibration.n_pos), ("negatives", calibration.n_neg)):
        if count < FEWEST_HELD_OUT:
            raise ShareError(f"{count:.0f} held-out {name}, fewer than {FEWEST_HELD_OUT}: only an audit gives a share")


@dataclass(frozen=True, eq=False)
class Worlds:
    """What the methods need to know of the classes, once for each row: each row a held-out sample that might have been.

    ``ratio`` and ``chance`` (calibrated probability) have shape (rows, bins); the rates of tags and the mean
    probabilities of positives and negatives have shape (rows,); ``tagged`` has shape (bins,).
    """

    ratio: Floats
    chance: Floats
    tagged: Floats
    tpr: Floats
    fpr: Floats
    up: Floats
    down: Floats

    @classmethod
    def of(cls, calibration: Calibration, positives: Floats, negatives: Floats, margin: Floats) -> Worlds:
        """Return the worlds with these histograms and calibrated log-odds, each of shape (rows, bins)."""
        n_pos, n_neg = positives.sum(axis=1), negatives.sum(axis=1)
        chance = expit(margin)
        return cls(
            likelihood_ratio(margin, (n_pos / (n_pos + n_neg))[:, None]),
            chance,
            calibration.tagged,
            positives @ calibration.tagged / n_pos,
            negatives @ calibration.tagged / n_neg,
            (positives * chance).sum(axis=1) / n_pos,
            (negatives * chance).sum(axis=1) / n_neg,
        )


def _observed(calibration: Calibration) -> Worlds:
    margin = calibration.platt.slope * calibration.centres + calibration.platt.offset
    return Worlds.of(calibration, calibration.positives[None], calibration.negatives[None], margin[None])


def resampled(calibration: Calibration, draws: int, seed: int) -> Worlds:
    """Return resampled held-out histograms with their curves, the same for every cell and method."""
    rng = np.random.default_rng([seed, 0])
    both = np.concatenate([calibration.positives, calibration.negatives])
    counts = rng.multinomial(round(both.sum()), both / both.sum(), size=draws).astype(np.float64)
    positives, negatives = np.split(counts, 2, axis=1)
    for drawn, held in ((positives, calibration.positives), (negatives, calibration.negatives)):
        drawn[drawn.sum(axis=1) == 0] = held  # so improbable with 30 that it needs no better answer
    # The model's curve need not be the best for these histograms (it was smoothed, or fitted elsewhere): the draws add
    # to it the *change* that resampling makes, so that they scatter around the estimate and not beside it.
    change = _curves(calibration, positives, negatives)
    change -= _curves(calibration, calibration.positives[None], calibration.negatives[None])
    slope = np.maximum(calibration.platt.slope + change[:, :1], 1e-6)
    margin = slope * calibration.centres + calibration.platt.offset + change[:, 1:]
    return Worlds.of(calibration, positives, negatives, margin)


def _curves(calibration: Calibration, positives: Floats, negatives: Floats, rounds: int = 25) -> Floats:
    """Return slope and offset of Platt's curve for each row of the histograms, shape (rows, 2), by Newton's method."""
    n_pos, n_neg = positives.sum(axis=1, keepdims=True), negatives.sum(axis=1, keepdims=True)
    weight = positives + negatives
    target = positives * ((n_pos + 1) / (n_pos + 2)) + negatives / (n_neg + 2)  # smoothed as in scores.fit_platt
    score = calibration.centres
    centre = float(weight.sum(axis=0) @ score / weight.sum())
    spread = float(np.sqrt(weight.sum(axis=0) @ (score - centre) ** 2 / weight.sum())) or 1.0
    x = (score - centre) / spread
    slope = np.full(len(positives), calibration.platt.slope * spread)
    offset = np.full(len(positives), calibration.platt.offset + calibration.platt.slope * centre)
    for _ in range(rounds):
        p = expit(slope[:, None] * x + offset[:, None])
        residual, curvature = target - weight * p, weight * p * (1 - p) + 1e-12
        a, b, c = curvature @ x**2, curvature @ x, curvature.sum(axis=1)
        g, h = residual @ x, residual.sum(axis=1)
        scale = a * c - b * b
        steps = np.clip(np.stack([(c * g - b * h) / scale, (a * h - b * g) / scale]), -2, 2)
        slope, offset = slope + steps[0], offset + steps[1]
        if np.abs(steps).max() < 1e-9:
            break
    return np.stack([slope / spread, offset - slope * centre / spread], axis=1)


def _draw_cells(method: Method, histograms: Floats, effective: Floats, values: Floats, worlds: Worlds, seed: int) -> Floats:
    """Return the estimates of resampled documents, shape (cells, draws)."""
    drawn = np.empty((len(histograms), len(worlds.tpr)))
    for cell, histogram in enumerate(histograms):
        rng = np.random.default_rng([seed, 1, cell])
        size = max(1, round(float(effective[cell])))
        counts = rng.multinomial(size, histogram / histogram.sum(), size=len(worlds.tpr)).astype(np.float64)
        drawn[cell] = _solve(method, counts, worlds, float(values[cell]))
    return drawn


def _solve(method: Method, counts: Floats, worlds: Worlds, start: float | None = None) -> Floats:
    """Return the share of each row of ``counts`` in the world of the same row (or the only one)."""
    if method == "emq":
        return most_likely_share(counts, worlds.ratio, None if start is None else np.full(len(counts), start))
    n = counts.sum(axis=1)
    tags = counts @ worlds.tagged / n
    if method == "cc":
        return np.asarray(tags)
    if method == "acc":
        return _adjusted(tags, worlds.fpr, worlds.tpr)
    mean = (counts * worlds.chance).sum(axis=1) / n
    return np.asarray(mean) if method == "pcc" else _adjusted(mean, worlds.down, worlds.up)


def _adjusted(mean: Floats, low: Floats, high: Floats) -> Floats:
    """Return where ``mean`` lies between its values for no and for only positives."""
    return np.clip((mean - low) / np.maximum(high - low, 1e-9), 0, 1)


def percentiles(draws: Floats, level: float) -> tuple[float, float]:
    """Return the ends of the interval that holds the middle ``level`` of the draws."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
