"""Figures made of shares, each with its interval: growth, specialisation, ranks, overlap of labels, concentration.

All intervals come from the draws that the cells share, so that errors of calibration, common to numerator and
denominator, cancel. A figure that must not be printed is withheld with its reason, never quietly left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ipclass.calibration import Calibration, Ints, most_likely_share, posterior
from ipclass.errors import ShareError
from ipclass.estimators import Estimates, estimate, percentiles, require_held_out, resampled, tally
from ipclass.figures import Interval, Share, quantile, widen, wilson
from ipclass.scores import Floats

FEWEST_FOR_RTA = 500.0
FEWEST_FOR_CONCENTRATION = 50.0


def growth(cells: Estimates, first: int, last: int, years: float, *, audited: bool = False) -> Interval:
    """Return the growth of the share per year, ``(end / start) ** (1 / years) - 1``, between two cells.

    Withheld if the start is below the detection floor and not ``audited``, if nothing is left to grow from, or if the
    series has a break. The interval takes both shares of a draw from the same held-out sample.

    Raises:
        ShareError: ``years`` is not positive.
    """
    _check_years(years)
    start, end = cells[first], cells[last]
    reason = _no_growth(start, end, audited)
    if reason:
        return Interval.withheld(reason)
    smallest = 1e-9
    ratios = cells.draws[last] / np.maximum(cells.draws[first], smallest)
    low, high = percentiles(ratios, cells.level)
    value = end.share / start.share
    least, most = _counting_limits(start, end, cells.level)
    low, high = min(low, least), max(high, most)
    return _each(Interval(value, min(low, value), max(high, value)), lambda ratio: ratio ** (1 / years) - 1)


def growth_between(
    start: float, start_error: float, end: float, end_error: float, years: float, level: float = 0.95
) -> Interval:
    """Return the growth per year between two audited shares with their standard errors, by the delta method on logs.

    Raises:
        ShareError: ``years`` is not positive.
    """
    _check_years(years)
    if start <= 0 or end <= 0:
        return Interval.withheld("an audit found no positive at the start or the end")
    half = quantile(level) * float(np.hypot(start_error / start, end_error / end))
    log_ratio = float(np.log(end / start))
    return _each(Interval(log_ratio, log_ratio - half, log_ratio + half), lambda x: float(np.expm1(x / years)))


def rta(cells: Estimates) -> tuple[Interval, ...]:
    """Return the revealed technological advantage of each cell: its share over the share among all documents.

    The cells must divide all documents among them (each document in one cell, or by fractions). Equal to the cell's
    part of all positives over its part of all documents; 1 means as much as everybody. Withheld for cells of fewer
    than 500 documents, as the OECD does.
    """
    weight = cells.sizes / cells.sizes.sum()
    common = float(cells.values @ weight)
    if common <= 0:
        return tuple(Interval.withheld("no positives among all documents") for _ in cells)
    ratios = cells.draws / np.maximum(weight @ cells.draws, 1e-12)
    return tuple(
        _ratio_interval(cell, common, ratio, cells.level)
        if cell.effective >= FEWEST_FOR_RTA
        else Interval.withheld(f"{cell.effective:.0f} documents, fewer than {FEWEST_FOR_RTA:.0f}")
        for cell, ratio in zip(cells, ratios, strict=True)
    )


def symmetric(advantage: Interval) -> Interval:
    """Return ``(rta - 1) / (rta + 1)`` with its interval: from -1 (nothing) over 0 (as everybody) to less than 1.

    Source: Dalum, Laursen and Villumsen (1998), "Structural change in OECD export specialisation patterns".

    >>> symmetric(Interval(3.0, 1.0, 4.0)).value
    0.5
    """
    return _each(advantage, lambda x: (x - 1) / (x + 1))


@dataclass(frozen=True, slots=True)
class Rank:
    """A cell's place (1: the largest share) and the interval of places; overlapping intervals are ties."""

    rank: int
    low: int
    high: int


def rank_intervals(cells: Estimates) -> tuple[Rank, ...]:
    """Return the rank of each cell with its interval, over the same draws."""
    highest, lowest = _ranks(cells.draws)
    tail = (1 - cells.level) / 2
    low = np.quantile(highest, tail, axis=1, method="lower").astype(int)
    high = np.quantile(lowest, 1 - tail, axis=1, method="higher").astype(int)
    ranks = _ranks(cells.values[:, None])[0][:, 0]
    return tuple(Rank(int(r), int(min(lo, r)), int(max(hi, r))) for r, lo, hi in zip(ranks, low, high, strict=True))


def _ranks(values: Floats) -> tuple[Ints, Ints]:
    """The first and the last place of each value within its column, of the shape of ``values``."""
    first, last = np.empty(values.shape, np.int64), np.empty(values.shape, np.int64)
    for column, sorted_values in enumerate(np.sort(values, axis=0).T):
        first[:, column] = len(values) - np.searchsorted(sorted_values, values[:, column], side="right") + 1
        last[:, column] = len(values) - np.searchsorted(sorted_values, values[:, column], side="left")
    return first, last


@dataclass(frozen=True, eq=False)
class Overlap:
    """How often labels meet in one document, each array of shape (labels, labels), the diagonal a label's own share.

    ``lift`` is the share of the pair over the product of the two shares (1: no more than by chance; diagonal: nan).
    Model-based: given the scores, the labels are taken as independent. For a figure to be quoted audit the pair.
    """

    share: Floats
    low: Floats
    high: Floats
    lift: Floats
    lift_low: Floats
    lift_high: Floats


def overlap(
    scores: Floats, calibrations: Sequence[Calibration], level: float = 0.95, draws: int = 500, seed: int = 0
) -> Overlap:
    """Return the share of documents that carry both labels, for all pairs.

    The sum of the products of EMQ-adjusted probabilities, which was off by -6 % to +26 % where products of shares were
    off by -9 % to -97 % (measured; see the research note, section 7). The weaker the tagger, the more it leans towards
    "no more than by chance".

    Args:
        scores: Scores of each label, shape (documents, labels).
        calibrations: One for each label.
        level: Of the intervals.
        draws: Of the bootstrap.
        seed: Same seed, same digits.

    Raises:
        ShareError: As ``estimate``, for any label.
    """
    labels = len(calibrations)
    if scores.ndim != 2 or scores.shape[1] != labels:
        raise ShareError(f"scores of shape (documents, {labels}) are needed, not {scores.shape}")
    places = [calibration.place(scores[:, i]) for i, calibration in enumerate(calibrations)]
    worlds = [resampled(calibration, draws, seed) for calibration in calibrations]
    result = Overlap(*(np.full((labels, labels), np.nan) for _ in range(6)))
    for i, calibration in enumerate(calibrations):
        own = estimate(scores[:, i], calibration, level=level, draws=draws, seed=seed)
        result.share[i, i], result.low[i, i], result.high[i, i] = own.share, own.low, own.high
        for j in range(i):
            rng = np.random.default_rng([seed, 2, i, j])
            pair = _Pair.of(places[i], places[j], len(calibration.positives), len(calibrations[j].positives))
            points = pair.solve(pair.counts[None], calibration.ratio[None], calibrations[j].ratio[None])
            drawn = pair.draw(worlds[i].ratio, worlds[j].ratio, rng)
            _fill(result, i, j, points[:, 0], drawn, len(scores), level)
    return result


@dataclass(frozen=True, eq=False)
class _Pair:
    """The occupied cells of the two-way histogram of two labels."""

    first: Ints
    second: Ints
    counts: Floats
    bins: tuple[int, int]

    @classmethod
    def of(cls, first: Ints, second: Ints, rows: int, columns: int) -> _Pair:
        table = np.bincount(first * columns + second, minlength=rows * columns)
        codes = np.flatnonzero(table)
        return cls(codes // columns, codes % columns, table[codes].astype(np.float64), (rows, columns))

    def draw(self, first_ratio: Floats, second_ratio: Floats, rng: np.random.Generator) -> Floats:
        """Share of the pair and lift under each row of the ratios, shape (2, draws)."""
        n, parts, block = int(self.counts.sum()), [], 50
        for at in range(0, len(first_ratio), block):
            ratios = first_ratio[at : at + block], second_ratio[at : at + block]
            counts = rng.multinomial(n, self.counts / n, size=len(ratios[0])).astype(np.float64)
            parts.append(self.solve(counts, *ratios))
        return np.concatenate(parts, axis=1)

    def solve(self, counts: Floats, first_ratio: Floats, second_ratio: Floats) -> Floats:
        shares, chances = [], []
        for place, bins, ratio in zip((self.first, self.second), self.bins, (first_ratio, second_ratio), strict=True):
            margin = np.zeros((len(counts), bins))
            for row, weights in zip(margin, counts, strict=True):
                row += np.bincount(place, weights, minlength=bins)
            share = most_likely_share(margin, ratio)
            shares.append(share)
            chances.append(posterior(ratio, share[:, None])[:, place])
        both = (counts * chances[0] * chances[1]).sum(axis=1) / counts.sum(axis=1)
        product = shares[0] * shares[1]
        return np.stack([both, np.divide(both, product, out=np.full_like(both, np.nan), where=product > 0)])


def _fill(result: Overlap, i: int, j: int, points: Floats, drawn: Floats, n: int, level: float) -> None:
    low, high = percentiles(drawn[0], level)
    share, lift = float(points[0]), float(points[1])
    low, high = widen(share, min(low, share), max(high, share), n, level)
    lifts = drawn[1][~np.isnan(drawn[1])]
    lift_low, lift_high = percentiles(lifts, level) if len(lifts) and not np.isnan(lift) else (np.nan, np.nan)
    for at in ((i, j), (j, i)):
        result.share[at], result.low[at], result.high[at] = share, low, high
        result.lift[at], result.lift_low[at], result.lift_high[at] = lift, lift_low, lift_high


@dataclass(frozen=True, eq=False)
class Counts:
    """Expected positives of each holder, shape (holders,), and their bootstrap draws, shape (holders, draws)."""

    expected: Floats
    draws: Floats
    level: float


def expected_counts(
    scores: Floats,
    holders: Ints,
    calibration: Calibration,
    weights: Floats | None = None,
    level: float = 0.95,
    draws: int = 500,
    seed: int = 0,
) -> Counts:
    """Return the expected positives of each holder (an applicant, say), by summed EMQ-adjusted probabilities.

    For many small cells, where a fit of its own for each would be noise. The probabilities are adjusted to the share
    among *all* the documents given. ``holders`` holds codes from 0 as in ``estimate_cells``; memory grows with holders
    times draws, so pool the smallest beyond some 10,000.

    Raises:
        ShareError: As ``estimate``.
    """
    require_held_out(calibration)
    histograms, effective = tally(scores, holders, calibration, weights)
    total = histograms.sum(axis=0)
    share = most_likely_share(total[None], calibration.ratio[None])
    worlds = resampled(calibration, draws, seed)
    rng = np.random.default_rng([seed, 3])
    size = max(1, round(float(effective.sum())))
    shares = most_likely_share(rng.multinomial(size, total / total.sum(), size=draws).astype(float), worlds.ratio)
    chances = posterior(worlds.ratio, shares[:, None])
    mean, spread = histograms @ chances.T, histograms @ (chances**2).T
    mean = np.maximum(mean, 1e-12)
    spread = np.maximum(spread, 1e-12)
    drawn = rng.gamma(mean**2 / spread, spread / mean)  # a Poisson resample of each holder, in its first two moments
    return Counts(histograms @ posterior(calibration.ratio, share[0]), drawn, level)


def hhi(counts: Counts) -> Interval:
    """Return the Herfindahl-Hirschman index of positives over holders, from 0 to 1, corrected for their small number.

    ``(n * sum(part ** 2) - 1) / (n - 1)`` with ``n`` positives: the chance that two of them have one holder. Withheld
    below 50 expected positives.

    Source: Hall (2005), "A note on the bias in Herfindahl-type measures based on count data".
    """

    def index(values: Floats) -> Floats:
        n = values.sum(axis=0)
        return np.asarray((n * (values**2).sum(axis=0) / n**2 - 1) / np.maximum(n - 1, 1e-9))

    return _concentration(counts, index)


def top_share(counts: Counts, k: int = 10) -> Interval:
    """Return the part of all positives held by the ``k`` largest holders. Withheld below 50 expected positives."""
    return _concentration(counts, lambda values: np.sort(values, axis=0)[-k:].sum(axis=0) / values.sum(axis=0))


def _concentration(counts: Counts, index: Callable[[Floats], Floats]) -> Interval:
    n = float(counts.expected.sum())
    if n < FEWEST_FOR_CONCENTRATION:
        return Interval.withheld(f"{n:.0f} expected positives, fewer than {FEWEST_FOR_CONCENTRATION:.0f}")
    value = float(np.clip(index(counts.expected), 0, 1))
    drawn = index(counts.draws)
    drawn = drawn - drawn.mean() + value  # resampling adds noise of its own, which makes any holder look larger
    low, high = percentiles(drawn, counts.level)
    return Interval(value, max(0.0, min(low, value)), min(1.0, max(high, value)))


def _check_years(years: float) -> None:
    if not years > 0:
        raise ShareError(f"growth over {years:g} years; the end must lie after the start")


def _no_growth(start: Share, end: Share, audited: bool) -> str:
    if "b" in start.flags + end.flags:
        return "the series has a break (flag b): another model or definition"
    if start.share <= 0:
        return "the share at the start is 0"
    if start.below_floor and not audited:
        return f"the share at the start, {start.share:.2%}, is below the floor of {start.floor:.2%}: audit it"
    return ""


def _counting_limits(start: Share, end: Share, level: float) -> tuple[float, float]:
    """The least and most that end / start can be if a faultless tagger counted the end (so that it has a width)."""
    low, high = wilson(end.share * end.effective, end.effective, level)
    return low / start.share, high / start.share


def _ratio_interval(cell: Share, common: float, ratios: Floats, level: float) -> Interval:
    value = cell.share / common
    least, most = wilson(cell.share * cell.effective, cell.effective, level)
    low, high = percentiles(ratios, level)
    return Interval(value, min(low, value, least / common), max(high, value, most / common))


def _each(interval: Interval, change: Callable[[float], float]) -> Interval:
    """Apply an increasing function to the value and both ends."""
    return replace(interval, value=change(interval.value), low=change(interval.low), high=change(interval.high))
