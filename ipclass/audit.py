"""Shares that need no assumption: people judge a sample of the very documents that are counted.

``plan`` draws the sample by strata of the score, ``estimate`` turns its judgements into a share, and into precision and
recall of the tagger on these documents. The estimate is unbiased by design: a bad tagger makes it wide, not wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ipclass.calibration import Calibration, Ints, finite, most_likely_share, posterior
from ipclass.errors import ShareError
from ipclass.figures import Interval, Share, exact, flags, logit_interval, quantile
from ipclass.scores import Bools, Floats

STRATA = 10
STRATA_OF_SMALL = 5
FEWEST = 20
SMALL = 100
"""Up to so many judgements there are fewer strata, else each would hold too few to show its variance."""


class Provenance(StrEnum):
    """Where judgements come from, which decides what may be concluded from them."""

    RANDOM = "random_from_target"
    STRATIFIED = "stratified_audit"
    TRAINING = "training"


WHY_NOT = {
    Provenance.RANDOM: "are a plain random sample of the documents counted, without strata: use estimate_random or ppi",
    Provenance.STRATIFIED: "were drawn by score strata, so that likely positives are over-represented: use estimate",
    Provenance.TRAINING: "were chosen to train the model, not drawn from the documents that are counted: draw an audit",
}


@dataclass(frozen=True, eq=False)
class Plan:
    """Which documents to judge, in random order.

    ``rows`` (places in the target), ``stratum`` and ``weight`` (documents that a judgement stands for) have shape
    (judgements,); ``sizes`` are the documents of each stratum, the first being the *bulk*: the lowest scores.
    Whoever judges must see none of it but the documents in the given order. Equal arguments give an equal plan.
    """

    rows: Ints
    stratum: Ints
    weight: Floats
    sizes: Ints


@dataclass(frozen=True)
class Audited:
    """What an audit found: the share, and how good the tagger is on these documents.

    ``error`` is the standard error of the share, ``checked`` the number of judgements used. The *bulk* are the lowest
    scores, of a plain random sample all that is not tagged. Intervals of precision and recall are withheld if nothing was
    tagged or nothing is positive.
    """

    share: Share
    error: float
    checked: int
    bulk_checked: int
    bulk_positive: int
    precision: Interval
    recall: Interval
    bulk: str = "in the bulk"

    @property
    def sentence(self) -> str:
        """What was found where the tagger expects nothing: blind spots show here or nowhere."""
        verb = "was" if self.bulk_positive == 1 else "were"
        return f"{self.bulk_positive} of {self.bulk_checked} checked {self.bulk} {verb} positive"


def plan(scores: Floats, calibration: Calibration, n: int = 300, bulk: float = 0.4, seed: int = 0) -> Plan:
    """Draw the documents to judge: ``bulk`` of ``n`` among the low scores, the others spread over the higher strata.

    Strata end where equal parts of the expected standard deviation ``sqrt(p * (1 - p))`` are used up, so that equal
    numbers of judgements are the best allocation; the bulk gets more than that, since the tagger cannot say what it
    misses there. A stratum smaller than its part is judged whole, and the rest goes to the others.

    Args:
        scores: Scores of all documents to be counted, shape (documents,).
        calibration: Held-out scores; few positives make the audit wider, not wrong.
        n: Number of judgements; not more than there are documents.
        bulk: Part of them in the lowest stratum.
        seed: Same seed and same documents in the same order, same plan.

    Raises:
        ShareError: No documents, a score that is not a number, ``n`` below 20, or ``bulk`` not between 0 and 1.

    Sources: Dalenius and Hodges (1959) for the strata; Fisch et al. (2024), "Stratified prediction-powered inference".
    """
    if n < FEWEST or not 0 < bulk < 1:
        raise ShareError(f"an audit needs at least {FEWEST} judgements and a bulk in (0, 1), not {n} and {bulk:g}")
    expected = _expected(scores, calibration)
    stratum = _strata(scores, expected, n)
    sizes = np.bincount(stratum)
    numbers = _allocate(sizes, min(n, len(scores)), bulk)
    rng = np.random.default_rng([seed, 4])
    rows = np.concatenate([rng.choice(np.flatnonzero(stratum == h), number, replace=False) for h, number in enumerate(numbers)])
    rows = rng.permutation(rows)
    return Plan(rows, stratum[rows], (sizes / numbers)[stratum[rows]], sizes)


def plan_random(documents: int, n: int = 300, seed: int = 0) -> Plan:
    """Draw a plain random sample of the documents to judge: one stratum, every document as likely.

    It needs far more judgements than ``plan`` where a label is rare, and no tagger at all.

    Raises:
        ShareError: No documents, or ``n`` below 20.
    """
    if n < FEWEST:
        raise ShareError(f"an audit needs at least {FEWEST} judgements, not {n}")
    if not documents:
        raise ShareError("no documents to audit")
    number = min(n, documents)
    rows = np.random.default_rng([seed, 5]).choice(documents, number, replace=False)
    return Plan(rows, np.zeros(number, np.int64), np.full(number, documents / number), np.array([documents]))


def audit_size(scores: Floats, calibration: Calibration, width: float, bulk: float = 0.4, level: float = 0.95) -> int:
    """Return how many judgements bring the half width of the interval down to ``width`` times the share.

    What ``estimate`` is expected to print if the calibration holds on these documents; a blind spot costs more.

    Raises:
        ShareError: ``width`` is not positive, or as ``plan``.
    """
    if not width > 0:
        raise ShareError(f"the relative half width must be above 0, not {width:g}")
    expected = _expected(scores, calibration)

    def wide(n: int) -> bool:
        half, share = _foreseen(scores, expected, n, bulk, level)
        return half > width * share

    return _least(wide, len(scores))


def random_size(scores: Floats, calibration: Calibration, width: float, level: float = 0.95) -> int:
    """Return the same for a plain random sample, as ``estimate_random`` is expected to print.

    Raises:
        ShareError: As ``audit_size``.
    """
    if not width > 0:
        raise ShareError(f"the relative half width must be above 0, not {width:g}")
    share = float(_expected(scores, calibration).mean())

    def wide(n: int) -> bool:
        tells = (len(scores) - 1) / (len(scores) - n)
        low, high = exact(share * n * tells, n * tells, level)
        return (high - low) / 2 > width * share

    return _least(wide, len(scores))


def _least(wide: Callable[[int], bool], documents: int) -> int:
    """Return the least number of judgements that is not too wide; all documents if none is."""
    low, high = FEWEST, documents
    if low >= high or not wide(low):
        return min(low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return high


def estimate(
    plan: Plan,
    positive: Bools,
    scores: Floats,
    calibration: Calibration,
    *,
    judged: Bools | None = None,
    provenance: Provenance = Provenance.STRATIFIED,
    level: float = 0.95,
    guard: bool = True,
) -> Audited:
    """Return the share of positives among all documents, from the judgements of a ``plan``.

    The stratified difference estimator: the mean expected probability of all documents, plus each stratum's mean error
    found by judging. The variance of a stratum is the larger of the one seen and the one that the probabilities expect,
    so that no error seen never means no error. The interval is symmetric in log-odds; ``guard`` moves its upper end up
    to what the bulk may still hide (Clopper-Pearson).

    Args:
        plan: What was drawn.
        positive: Judgements in the order of ``plan.rows``, shape (judgements,).
        scores: The same scores of the same documents as given to ``plan``.
        calibration: The same calibration.
        judged: Which rows were judged at all; None: all.
        provenance: Where the judgements come from; all but a stratified audit are refused.
        level: Of the intervals.
        guard: Whether to raise the upper end.

    Raises:
        ShareError: The provenance does not fit, the plan belongs to other documents, or a stratum has no judgement.

    Sources: Cochran (1977), "Sampling techniques", for the difference estimator; Angelopoulos et al. (2023),
    "Prediction-powered inference"; hybrid variance and guard are measured in the research note, section 5.
    """
    _require(provenance, Provenance.STRATIFIED, "the stratified difference estimator")
    sample = _Sample.of(plan, positive, scores, calibration, judged)
    tagged = (scores >= calibration.threshold).astype(np.float64)
    share, error = sample.mean(lambda rows: np.ones(len(rows)))
    value = min(1.0, max(0.0, share))
    low, high = logit_interval(value, error, level)
    hidden = sample.hidden(level) if guard else 0.0
    high = max(high, min(1.0, value + hidden))
    naive = float(tagged.mean())
    n = float(len(scores))
    raised = flags(value, low, high, n, audited=True)
    return Audited(
        Share(n, n, naive, value, low, high, "A", raised, 0.0, float("nan")),
        error,
        len(sample.rows),
        int((sample.stratum == 0).sum()),
        int(sample.positive[sample.stratum == 0].sum()),
        _precision(sample, tagged, level),
        _recall(sample, tagged, hidden, level),
    )


def estimate_random(
    plan: Plan,
    positive: Bools,
    tagged: Bools,
    *,
    judged: Bools | None = None,
    provenance: Provenance = Provenance.RANDOM,
    level: float = 0.95,
) -> Audited:
    """Return the share of positives among all documents, from the judgements of a plain random sample.

    The intervals are exact for proportions (Clopper-Pearson), with the correction for a finite population: of documents
    that were all judged nothing is unknown.

    Args:
        plan: What was drawn.
        positive: Judgements in the order of ``plan.rows``, shape (judgements,).
        tagged: Which of all documents are tagged, shape (documents,).
        judged: Which rows were judged at all; None: all.
        provenance: Where the judgements come from; all but a plain random sample are refused.
        level: Of the intervals.

    Raises:
        ShareError: The provenance does not fit, the plan belongs to other documents, or nothing was judged.

    Sources: Clopper and Pearson (1934); Korn and Graubard (1998), "Confidence intervals for proportions with small
    expected number of positive counts", for effective numbers in the exact interval.
    """
    _require(provenance, Provenance.RANDOM, "the share of a plain random sample")
    used = np.ones(len(plan.rows), np.bool_) if judged is None else judged
    if not len(positive) == len(used) == len(plan.rows):
        raise ShareError(f"{len(positive)} judgements for a plan of {len(plan.rows)}")
    if plan.sizes.tolist() != [len(tagged)]:
        raise ShareError(f"the audit was drawn from {plan.sizes.sum()} documents, these are {len(tagged)}")
    truth, tags = positive[used], tagged[plan.rows[used]]
    size, n = len(tagged), len(truth)
    if not n:
        raise ShareError("no judgements: a share of nothing is not 0")
    found = _proportion(int(truth.sum()), n, size, level)
    smooth = (int(truth.sum()) + 1) / (n + 2)  # of no positive at all the error is not 0
    error = float(np.sqrt(smooth * (1 - smooth) / n * (1 - n / size)))
    raised = flags(found.value, found.low, found.high, float(size), audited=True)
    ends = (found.value, found.low, found.high, "A", raised, 0.0, float("nan"))
    nothing = Interval.withheld("no document was tagged" if not tagged.any() else "no tagged document was judged")
    return Audited(
        Share(float(size), float(size), float(tagged.mean()), *ends),
        error,
        n,
        int((~tags).sum()),
        int(truth[~tags].sum()),
        _proportion(int(truth[tags].sum()), int(tags.sum()), int(tagged.sum()), level) if tags.any() else nothing,
        _proportion(int(tags[truth].sum()), int(truth.sum()), round(found.high * size), level)
        if truth.any()
        else Interval.withheld("no positive was found"),
        "where nothing was tagged",
    )


def _proportion(positives: int, n: int, size: int, level: float) -> Interval:
    """Return the proportion of positives among ``size``, from ``n`` of them drawn at random."""
    value = positives / n
    if n >= size:
        return Interval(value, value, value)
    tells = (size - 1) / (size - n)  # each judgement tells as much as so many of an endless population
    return Interval(value, *exact(positives * tells, n * tells, level))


def ppi(positive: Bools, predicted: Floats, rest: Floats, provenance: Provenance, level: float = 0.95) -> Interval:
    """Return the mean by prediction-powered inference with lambda 1, for comparison: wide for rare labels.

    Args:
        positive: Judgements of a plain random sample, shape (judgements,).
        predicted: Probabilities of the same documents.
        rest: Probabilities of all other documents.
        provenance: Where the judgements come from; all but a plain random sample are refused.
        level: Of the interval, which is normal and may leave 0 to 1.

    Raises:
        ShareError: The provenance does not fit, or there are no judgements or no other documents.

    Source: Angelopoulos, Bates, Fannjiang, Jordan and Zrnic (2023), "Prediction-powered inference", Science 382.
    """
    _require(provenance, Provenance.RANDOM, "prediction-powered inference")
    if not len(positive) or not len(rest):
        raise ShareError(f"prediction-powered inference of {len(positive)} judgements and {len(rest)} other documents")
    errors = positive - predicted
    value = float(rest.mean() + errors.mean())
    half = quantile(level) * float(np.sqrt(rest.var() / len(rest) + errors.var() / len(errors)))
    return Interval(value, value - half, value + half)


def _require(given: Provenance, needed: Provenance, estimator: str) -> None:
    if given != needed:
        raise ShareError(f"{estimator} does not fit these judgements ({given}): they {WHY_NOT[given]}")


def _expected(scores: Floats, calibration: Calibration) -> Floats:
    """Probability of each document, adjusted to the most likely share, shape (documents,); never quite 0 or 1."""
    if not len(scores):
        raise ShareError("no documents to audit")
    finite(scores)
    share = most_likely_share(calibration.histogram(scores)[None], calibration.ratio[None])
    return np.clip(posterior(calibration.ratio_at(scores), np.clip(share, 1e-5, 1 - 1e-5)), 1e-7, 1 - 1e-7)


def _strata(scores: Floats, expected: Floats, n: int) -> Ints:
    """Stratum of each document, 0 the lowest scores; equal scores share a stratum, and none is empty."""
    strata = STRATA_OF_SMALL if min(n, len(scores)) <= SMALL else STRATA
    order = np.argsort(scores, kind="stable")
    used = np.cumsum(np.sqrt(expected * (1 - expected))[order])
    ends = np.searchsorted(used, used[-1] * np.arange(1, strata) / strata)
    cuts = np.unique(scores[order][np.minimum(ends, len(scores) - 1)])
    stratum = np.searchsorted(cuts, scores, side="right")
    return np.unique(stratum, return_inverse=True)[1].astype(np.int64)


def _allocate(sizes: Ints, n: int, bulk: float) -> Ints:
    """Judgements of each stratum: ``bulk`` of ``n`` to the first, the others equal, none more than its size."""
    numbers = np.zeros(len(sizes), np.int64)
    if len(sizes) > 1:
        numbers[0] = min(round(n * bulk), sizes[0])
    while (left := n - int(numbers.sum())) > 0:
        open_ = np.flatnonzero(numbers < sizes)
        higher = open_[open_ > 0]
        turn = (higher if len(higher) else open_)[::-1][:left]  # the highest scores first
        numbers[turn] += np.minimum(max(1, left // len(turn)), (sizes - numbers)[turn])
    return numbers


def _foreseen(scores: Floats, expected: Floats, n: int, bulk: float, level: float) -> tuple[float, float]:
    """Half width of the interval expected from ``n`` judgements, and the expected share."""
    stratum = _strata(scores, expected, n)
    sizes = np.bincount(stratum)
    numbers = _allocate(sizes, min(n, len(scores)), bulk)
    part, unseen = sizes / len(scores), 1 - numbers / sizes
    spread = np.bincount(stratum, expected * (1 - expected)) / sizes
    share = float(expected.mean())
    low, high = logit_interval(share, float(np.sqrt(np.sum(part**2 * unseen * spread / numbers))), level)
    found = round(numbers[0] * float(expected[stratum == 0].mean()))
    guard = part[0] * unseen[0] * exact(found, int(numbers[0]), level)[1]
    return (max(high, min(1.0, share + guard)) - low) / 2, share


@dataclass(frozen=True, eq=False)
class _Sample:
    """The judgements in use, with the expected probabilities and the stratum of every document."""

    rows: Ints
    positive: Floats
    stratum: Ints
    strata: Ints
    expected: Floats
    sizes: Ints
    numbers: Ints

    @classmethod
    def of(cls, plan: Plan, positive: Bools, scores: Floats, calibration: Calibration, judged: Bools | None) -> _Sample:
        used = np.ones(len(plan.rows), np.bool_) if judged is None else judged
        if not len(positive) == len(used) == len(plan.rows):
            raise ShareError(f"{len(positive)} judgements for a plan of {len(plan.rows)}")
        expected = _expected(scores, calibration)
        if plan.sizes.sum() != len(scores):
            raise ShareError(f"the audit was drawn from {plan.sizes.sum()} documents, these are {len(scores)}")
        strata = _strata(scores, expected, len(plan.rows))
        if not (np.array_equal(np.bincount(strata), plan.sizes) and (strata[plan.rows] == plan.stratum).all()):
            raise ShareError("the audit was drawn from other documents, or with another model: the strata differ")
        numbers = np.bincount(plan.stratum[used], minlength=len(plan.sizes))
        if not numbers.all():
            raise ShareError(f"no judgement in stratum {int(np.argmin(numbers)) + 1} of {len(numbers)}: judge all rows")
        return cls(
            plan.rows[used],
            positive[used].astype(np.float64),
            plan.stratum[used],
            strata,
            expected,
            plan.sizes,
            numbers,
        )

    def mean(self, factor: Callable[[Ints], Floats]) -> tuple[float, float]:
        """Return the estimated mean of ``truth * factor`` over all documents, and its standard error.

        ``factor`` gives a known number for each of some rows.
        """
        part, unseen = self.sizes / self.sizes.sum(), 1 - self.numbers / self.sizes
        known = factor(np.arange(len(self.expected)))
        error = (self.positive - self.expected[self.rows]) * factor(self.rows)
        mean = np.bincount(self.stratum, error) / self.numbers
        seen = np.bincount(self.stratum, (error - mean[self.stratum]) ** 2) / np.maximum(self.numbers - 1, 1)
        spread = np.bincount(self.strata, known**2 * self.expected * (1 - self.expected)) / self.sizes
        value = float((known * self.expected).mean() + part @ mean)
        return value, float(np.sqrt(np.sum(part**2 * unseen * np.maximum(seen, spread) / self.numbers)))

    def hidden(self, level: float) -> float:
        """Return the largest share of all documents that may be positives not yet seen in the bulk."""
        found, checked, size = int(self.positive[self.stratum == 0].sum()), int(self.numbers[0]), int(self.sizes[0])
        return size / len(self.expected) * (1 - checked / size) * exact(found, checked, level)[1]


def _precision(sample: _Sample, tagged: Floats, level: float) -> Interval:
    if not tagged.any():
        return Interval.withheld("no document was tagged")
    hits, error = sample.mean(lambda rows: tagged[rows])
    value = min(1.0, max(0.0, hits / tagged.mean()))
    return Interval(value, *logit_interval(value, error / float(tagged.mean()), level))


def _recall(sample: _Sample, tagged: Floats, hidden: float, level: float) -> Interval:
    hits = max(0.0, sample.mean(lambda rows: tagged[rows])[0])
    missed = max(0.0, sample.mean(lambda rows: 1 - tagged[rows])[0])
    if (hits + missed) * len(tagged) < 0.5:  # less than half a document
        return Interval.withheld("no positive was found")
    value = hits / (hits + missed)
    _, error = sample.mean(lambda rows: tagged[rows] - value)  # a ratio of two estimates, linearised
    low, high = logit_interval(value, error / (hits + missed), level)
    return Interval(value, min(low, hits / (hits + missed + hidden)), high)
