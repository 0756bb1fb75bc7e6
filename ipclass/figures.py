"""A figure with its interval, and the rules that say whether it may be printed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.special import betaincinv, expit, logit, ndtri

FLAGS = "eupb/"
"""Every flag in printing order: estimated without an audit, unreliable, provisional, break in the series, hidden."""

FEWEST_DOCUMENTS = 30
FEWEST_POSITIVES = 10.0
WIDEST_PRINTED = 1.6
WIDEST_RELIABLE = 0.8
FLOORS_RELIABLE = 2.0
SHIFT_RELIABLE = 2.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the ends of its interval; ``reason`` says why they are withheld (then all three are nan)."""

    value: float
    low: float
    high: float
    reason: str = ""

    @classmethod
    def withheld(cls, reason: str) -> Interval:
        """Return a figure that must not be printed."""
        return cls(math.nan, math.nan, math.nan, reason)


@dataclass(frozen=True, slots=True)
class Share:
    """One printed cell. All shares are between 0 and 1.

    ``n`` is the number of documents (the sum of their weights), ``effective`` the number of equally weighted documents
    that would tell as much; ``naive`` the share of documents tagged; ``method`` a letter of ``shares.LETTERS``;
    ``flags`` letters of ``FLAGS``; ``floor`` the smallest share that can be told from 0 (0 for an audit);
    ``shift`` the chi-square per degree of freedom of the shift test (nan: not tested; above 2: do not trust).
    """

    n: float
    effective: float
    naive: float
    share: float
    low: float
    high: float
    method: str
    flags: str
    floor: float
    shift: float

    @property
    def printable(self) -> bool:
        """Whether the print rules allow to show the share."""
        return printable(self.flags)

    @property
    def below_floor(self) -> bool:
        """Whether to print "less than the floor" in place of the share."""
        return self.share < self.floor

    def marked(self, letters: str) -> Share:
        """Return the share with further flags, for example ``p`` for an open year or ``b`` for a new model."""
        return replace(self, flags="".join(flag for flag in FLAGS if flag in self.flags + letters))


def flags(
    share: float,
    low: float,
    high: float,
    effective: float,
    *,
    floor: float = 0.0,
    shift: float = math.nan,
    audited: bool = False,
    open_year: bool = False,
    broken: bool = False,
) -> str:
    """Return the flags of a cell, in the order of ``FLAGS``.

    Source: letters as in Eurostat's observation flags; limits after the presentation standards for proportions and
    rates of the US National Center for Health Statistics.

    >>> flags(0.05, 0.04, 0.06, 10_000), flags(0.01, 0.001, 0.03, 100)
    ('e', 'eu/')
    """
    width = (high - low) / share if share > 0 else math.inf
    hidden = share * effective < FEWEST_POSITIVES or effective < FEWEST_DOCUMENTS or width > WIDEST_PRINTED
    unreliable = width > WIDEST_RELIABLE or share < FLOORS_RELIABLE * floor or shift > SHIFT_RELIABLE
    raised = (not audited, unreliable, open_year, broken, hidden)
    return "".join(flag for flag, holds in zip(FLAGS, raised, strict=True) if holds)


def printable(letters: str) -> bool:
    """Return whether a cell with these flags may be shown."""
    return "/" not in letters


def quantile(level: float) -> float:
    """Return the two-sided normal quantile of a confidence level.

    >>> round(quantile(0.95), 4)
    1.96
    """
    return float(ndtri((1 + level) / 2))


def wilson(positives: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a proportion; neither count need be whole.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    z2, p = quantile(level) ** 2, positives / n
    middle, scale = p + z2 / (2 * n), 1 + z2 / n
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))
    low = 0.0 if positives <= 0 else max(0.0, (middle - half) / scale)
    return low, 1.0 if positives >= n else min(1.0, (middle + half) / scale)


def exact(positives: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a proportion that covers at least at ``level``; neither count need be whole.

    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits", Biometrika 26.
    """
    tail = (1 - level) / 2
    low = 0.0 if positives <= 0 else float(betaincinv(positives, n - positives + 1, tail))
    return low, 1.0 if positives >= n else float(betaincinv(positives + 1, n - positives, 1 - tail))


def logit_interval(share: float, error: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval that is symmetric in log-odds, from a standard error; at 0 and 1 symmetric in the share.

    An error larger than the share (or than the rest) says nothing about log-odds: from there on the far end grows in
    proportion to the error, where the plain formula would soon reach the other end of the scale.

    >>> [round(end, 4) for end in logit_interval(0.0001, 0.002)]
    [0.0, 0.0123]
    """
    z = quantile(level)
    if error <= 0:
        return share, share
    if share <= 0:
        return 0.0, min(1.0, z * error)
    if share >= 1:
        return max(0.0, 1 - z * error), 1.0
    return 1 - _upper(1 - share, error, z), _upper(share, error, z)


def _upper(share: float, error: float, z: float) -> float:
    """Return the upper end for a share above 0 and below 1."""
    if share >= 1:  # by rounding
        return 1.0
    share = max(share, 1e-9)
    known = min(error, share)
    half = z * (known / share) / (1 - share)
    return min(1.0, share + (float(expit(logit(share) + half)) - share) * error / known)


def widen(share: float, low: float, high: float, effective: float, level: float = 0.95) -> tuple[float, float]:
    """Return an interval no narrower than that of a faultless tagger which saw the same number of documents.

    A bootstrap that never draws a positive would else give an interval of no width.
    """
    least, most = wilson(share * effective, effective, level)
    return min(low, least), max(high, most)
