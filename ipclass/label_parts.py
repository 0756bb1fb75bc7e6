"""Fractional counting by label: a document of two labels counts half for each, so that labels add up to documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ipclass.calibration import Calibration, Ints, posterior
from ipclass.figures import Share, flags, quantile
from ipclass.scores import Bools, Floats


def in_parts(
    scores: Mapping[str, Floats],
    whole: Mapping[str, Sequence[Share]],
    calibrations: Mapping[str, Calibration],
    cells: Ints,
    weights: Floats,
    counted: Bools,
    level: float = 0.95,
) -> dict[str, list[Share]]:
    """Return the shares of each label with every document divided among its labels.

    A share is multiplied by the mean part that its positives have, which is known where tags are counted. Elsewhere it is
    expected: each document's probabilities are adjusted to the shares of its cell, and its labels taken as independent,
    given their scores. The interval joins the errors of share and part on logs (MOVER).

    Args:
        scores: Scores of all labels, each of shape (documents,), nan where there is none.
        whole: The share of each label in each cell, every document counted whole.
        calibrations: One for each label.
        cells: The cell of each document, shape (documents,).
        weights: How much each document counts, shape (documents,).
        counted: Which cells count tags, shape (cells,).
        level: Of the intervals.

    Source: Zou and Donner (2008), "Construction of confidence limits about effect measures", Statistics in Medicine 27.
    """
    labels = tuple(scores)
    tags = np.column_stack([scores[label] >= calibrations[label].threshold for label in labels]).astype(np.float64)
    chances = np.column_stack([_chances(scores[label], whole[label], calibrations[label], cells) for label in labels])
    chances = np.where(counted[cells][:, None], tags, chances)
    parts, parts_of_tags = mean_parts(chances), mean_parts(tags)
    size, found = len(counted), {}
    for place, label in enumerate(labels):
        mean, error = _mean_in_cells(chances[:, place], parts[:, place], cells, weights, size)
        naive, _ = _mean_in_cells(tags[:, place], parts_of_tags[:, place], cells, weights, size)
        found[label] = [
            _part_of(share, float(part), float(wrong), float(of_tags), level)
            for share, part, wrong, of_tags in zip(whole[label], mean, error, naive, strict=True)
        ]
    return found


def mean_parts(chances: Floats) -> Floats:
    """Return the expected part that a label has of each document if the document has it, shape (documents, labels).

    ``chances`` are the probabilities of independent labels, shape (documents, labels). With the certain labels 1 and 0 the
    part is one over their number:

    >>> mean_parts(np.array([[1.0, 1.0, 0.0], [1.0, 0.5, 0.0]]))[:, 0].tolist()
    [0.5, 0.75]
    """
    documents, labels = chances.shape
    parts = np.empty(chances.shape)
    for label in range(labels):
        others = np.zeros((documents, labels))  # how probable it is that so many others hold
        others[:, 0] = 1
        for other in range(labels):
            if other != label:
                p = chances[:, other, None]
                others = others * (1 - p) + np.pad(others[:, :-1], ((0, 0), (1, 0))) * p
        parts[:, label] = others @ (1 / np.arange(1, labels + 1))
    return parts


def _chances(scores: Floats, shares: Sequence[Share], calibration: Calibration, cells: Ints) -> Floats:
    """Return the probability of each document, adjusted to the share of its cell; 0 where there is no score."""
    share = np.nan_to_num(np.array([each.share for each in shares]))[cells]
    scored = np.isfinite(scores)
    found = np.zeros(len(scores))
    found[scored] = posterior(calibration.ratio_at(scores[scored]), share[scored])
    return found


def _mean_in_cells(chance: Floats, part: Floats, cells: Ints, weights: Floats, size: int) -> tuple[Floats, Floats]:
    """Return the mean part of each cell's positives (1 if there are none) and its standard error, both of shape (cells,)."""

    def sums(values: Floats) -> Floats:
        # to 30 binary digits, so that sums are exact and do not depend on the order of documents
        return np.bincount(cells, np.ldexp(np.round(np.ldexp(values, 30)), -30), minlength=size).astype(np.float64)

    expected = weights * chance
    total = sums(expected)
    safe = np.where(total > 0, total, 1)
    mean = np.where(total > 0, sums(expected * part) / safe, 1.0)
    return mean, np.sqrt(sums((expected * (part - mean[cells])) ** 2)) / safe


def _part_of(share: Share, mean: float, error: float, naive: float, level: float) -> Share:
    if not share.n:
        return share
    half = quantile(level) * error
    value = share.share * mean
    low = value * np.exp(-np.hypot(_log(share.share, share.low), _log(mean, mean - half)))
    top = min(1.0, mean + half)
    high = value * np.exp(np.hypot(_log(share.high, share.share), _log(top, mean))) if value > 0 else share.high * top
    raised = flags(value, float(low), float(high), share.effective, floor=np.nan_to_num(share.floor) * mean, shift=share.shift)
    return replace(
        share,
        naive=share.naive * naive,
        share=value,
        low=float(low),
        high=float(min(1.0, high)),
        flags=raised,
        floor=share.floor * mean,
    )


def _log(large: float, small: float) -> float:
    """Return the log of a ratio, infinite if nothing is left below."""
    return float(np.log(large / small)) if small > 0 and large > 0 else np.inf
