"""Audits beside the plainest way to the same figures: loops and formulas as they stand in the docstrings."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import beta

from ipclass import audit
from ipclass.audit import (
    Plan,
    Provenance,
    audit_size,
    estimate,
    estimate_random,
    plan,
    plan_random,
    ppi,
    random_size,
)
from ipclass.calibration import Calibration
from ipclass.errors import ShareError
from ipclass.figures import exact, flags, logit_interval, quantile

RNG = np.random.default_rng


def drawn(n, share, rng, up=1.5):
    truth = rng.random(n) < share
    return rng.normal(np.where(truth, up, -2.0), 1.3), truth


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Calibration.of(*drawn(1500, 0.1, RNG(0)))


@pytest.fixture(scope="module")
def target():
    return drawn(3000, 0.04, RNG(1))


@pytest.fixture(scope="module")
def expected(target, calibration):
    """The probability of each document at the share under which all scores are likeliest."""
    histogram, ratio = calibration.histogram(target[0]), calibration.ratio

    def surprise(q):
        return -float(histogram @ np.log(1 - q + q * ratio))

    share = minimize_scalar(surprise, bounds=(0, 1), method="bounded", options={"xatol": 1e-13}).x
    own = calibration.ratio_at(target[0])
    return share * own / (share * own + 1 - share)


# --- the plan


def plain_strata(scores, expected, strata):
    """Return the stratum of each document: cuts where equal parts of the expected deviation are used up."""
    order = np.argsort(scores, kind="stable")
    whole = math.fsum(math.sqrt(p * (1 - p)) for p in expected)
    cuts, used, part = [], 0.0, 1
    for row in order:
        used += math.sqrt(expected[row] * (1 - expected[row]))
        while part < strata and used >= whole * part / strata * (1 - 1e-12):
            cuts.append(scores[row])
            part += 1
    kinds = sorted({sum(score >= cut for cut in set(cuts)) for score in scores})
    return np.array([kinds.index(sum(score >= cut for cut in set(cuts))) for score in scores])


@pytest.mark.parametrize(("n", "strata"), [(20, 5), (100, 5), (101, 10), (300, 10)])
def test_strata_use_up_equal_parts_of_the_expected_deviation(target, calibration, expected, n, strata):
    scores, _ = target
    found = plan(scores, calibration, n)
    stratum = plain_strata(scores, expected, strata)
    sizes = np.bincount(stratum)
    assert len(found.sizes) == len(sizes) == strata
    assert np.abs(found.sizes - sizes).max() <= 2, "a document at a cut may fall to either side"
    agree = stratum[found.rows] == found.stratum
    assert agree.mean() > 0.97
    spread = np.bincount(stratum, np.sqrt(expected * (1 - expected)))
    assert spread == pytest.approx(np.full(strata, spread.sum() / strata), rel=0.06)


@pytest.mark.parametrize("bulk", [0.1, 0.4, 0.75])
@pytest.mark.parametrize("n", [20, 60, 300])
def test_the_bulk_gets_its_part_and_the_higher_strata_equal_numbers(target, calibration, n, bulk):
    found = plan(target[0], calibration, n, bulk)
    numbers = np.bincount(found.stratum)
    assert numbers.sum() == n == len(found.rows)
    assert numbers[0] == round(n * bulk)
    assert numbers[1:].max() - numbers[1:].min() <= 1
    assert (np.diff(numbers[1:]) >= 0).all(), "what is left over goes to the highest scores first"
    assert found.weight == pytest.approx((found.sizes / numbers)[found.stratum])


def test_small_strata_are_judged_whole_and_the_rest_goes_to_the_others(calibration):
    scores, _ = drawn(400, 0.1, RNG(3))
    found = plan(scores, calibration, 300)
    numbers = np.bincount(found.stratum)
    assert numbers.sum() == 300
    assert (numbers <= found.sizes).all()
    full = numbers == found.sizes
    assert full[1:].any()
    assert set(found.weight[np.isin(found.stratum, np.flatnonzero(full))].tolist()) == {1.0}
    assert len(plan(scores, calibration, 400).rows) == len(plan(scores, calibration, 4000).rows) == 400


def test_documents_of_one_score_are_one_stratum(calibration):
    found = plan(np.full(500, -2.0), calibration, 100)
    assert found.sizes.tolist() == [500]
    assert (len(found.rows), set(found.stratum.tolist()), set(found.weight.tolist())) == (100, {0}, {5.0})


def test_every_document_of_a_stratum_is_as_likely(calibration):
    scores, _ = drawn(300, 0.2, RNG(4))
    plans = [plan(scores, calibration, 60, seed=seed) for seed in range(400)]
    often = sum(np.bincount(each.rows, minlength=300) for each in plans)
    first = plans[0]
    numbers = np.bincount(first.stratum)
    stratum = np.full(300, -1)
    for each in plans:
        stratum[each.rows] = each.stratum
    for h, (size, number) in enumerate(zip(first.sizes, numbers, strict=True)):
        chance = number / size
        spread = math.sqrt(400 * chance * (1 - chance)) or 1.0
        assert np.abs(often[stratum == h] - 400 * chance).max() < 4.5 * spread
    places = np.array([np.flatnonzero(each.stratum == 0).mean() for each in plans])
    assert places.mean() == pytest.approx(29.5, abs=1), "the order of the sheet tells nothing of the strata"


def test_what_cannot_be_planned_is_refused_with_its_reason(target, calibration):
    for arguments, said in (
        ((target[0], calibration, 19), "an audit needs at least 20 judgements and a bulk in (0, 1), not 19 and 0.4"),
        ((target[0], calibration, 30, 0.0), "an audit needs at least 20 judgements and a bulk in (0, 1), not 30 and 0"),
        ((target[0], calibration, 30, 1.0), "an audit needs at least 20 judgements and a bulk in (0, 1), not 30 and 1"),
        ((np.empty(0), calibration), "no documents to audit"),
    ):
        with pytest.raises(ShareError) as error:
            plan(*arguments)
        assert str(error.value) == said
    with pytest.raises(ShareError, match="document 1 is not a number"):
        plan(np.array([0.0, np.nan]), calibration)
    assert len(plan(target[0], calibration, 20).rows) == 20


# --- the estimate


def plain_mean(found, positive, expected, stratum, factor):
    """Return the stratified difference estimate of the mean of truth times ``factor``, and its hybrid standard error."""
    n = len(expected)
    value, variance = float(np.mean([f * p for f, p in zip(factor, expected, strict=True)])), 0.0
    for h, size in enumerate(found.sizes):
        judged = np.flatnonzero(found.stratum == h)
        rows = found.rows[judged]
        errors = [(positive[j] - expected[row]) * factor[row] for j, row in zip(judged, rows, strict=True)]
        mean = sum(errors) / len(errors)
        value += size / n * mean
        seen = sum((each - mean) ** 2 for each in errors) / max(len(errors) - 1, 1)
        inside = np.flatnonzero(stratum == h)
        foreseen = float(np.mean([factor[row] ** 2 * expected[row] * (1 - expected[row]) for row in inside]))
        variance += (size / n) ** 2 * (1 - len(errors) / size) * max(seen, foreseen) / len(errors)
    return value, math.sqrt(variance)


def strata_of(found, scores):
    """Return the stratum of every document, from those drawn: strata are intervals of scores."""
    lowest = [scores[found.rows[found.stratum == h]].min() for h in range(len(found.sizes))]
    ends = np.sort(scores)[np.cumsum(found.sizes)[:-1]]  # the lowest score of the next stratum
    assert all(low >= end for low, end in zip(lowest[1:], ends, strict=True))
    return np.searchsorted(ends, scores, side="right")


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_audit_is_the_stratified_difference_estimate(target, calibration, expected, seed, guard, level):
    scores, truth = target
    found = plan(scores, calibration, 200, seed=seed)
    positive = truth[found.rows]
    result = estimate(found, positive, scores, calibration, level=level, guard=guard)
    stratum = strata_of(found, scores)
    tags = (scores >= calibration.threshold).astype(float)
    share, error = plain_mean(found, positive, expected, stratum, np.ones(3000))
    assert result.share.share == pytest.approx(max(0, share), abs=1e-6)
    assert result.error == pytest.approx(error, rel=1e-4)
    low, high = logit_interval(max(0.0, share), error, level)
    bulk = found.stratum == 0
    hits, checked, size = int(positive[bulk].sum()), int(bulk.sum()), int(found.sizes[0])
    hidden = size / 3000 * (1 - checked / size) * beta.ppf((1 + level) / 2, hits + 1, checked - hits)
    top = max(high, share + hidden) if guard else high
    assert (result.share.low, result.share.high) == pytest.approx((low, top), rel=1e-3, abs=1e-6)
    assert (result.checked, result.bulk_checked, result.bulk_positive) == (200, checked, hits)
    assert result.share.naive == tags.mean()
    assert (result.share.n, result.share.effective, result.share.method, result.share.floor) == (3000, 3000, "A", 0)
    assert math.isnan(result.share.shift)
    assert result.share.flags == flags(result.share.share, result.share.low, result.share.high, 3000, audited=True)
    hit, hit_error = plain_mean(found, positive, expected, stratum, tags)
    precision = min(1, max(0, hit / tags.mean()))
    assert result.precision.value == pytest.approx(precision, abs=1e-4)
    ends = logit_interval(precision, hit_error / tags.mean(), level)
    assert (result.precision.low, result.precision.high) == pytest.approx(ends, abs=1e-3)
    missed, _ = plain_mean(found, positive, expected, stratum, 1 - tags)
    hit, missed = max(0, hit), max(0, missed)
    recall = hit / (hit + missed)
    assert result.recall.value == pytest.approx(recall, abs=1e-4)
    _, wrong = plain_mean(found, positive, expected, stratum, tags - recall)
    low, high = logit_interval(recall, wrong / (hit + missed), level)
    least = min(low, hit / (hit + missed + (hidden if guard else 0)))
    assert (result.recall.low, result.recall.high) == pytest.approx((least, high), abs=1e-3)


def test_rows_that_nobody_judged_are_in_no_figure(target, calibration):
    scores, truth = target
    found = plan(scores, calibration, 200)
    judged = RNG(2).random(200) < 0.8
    some = Plan(found.rows, found.stratum, found.weight, found.sizes)
    result = estimate(some, truth[found.rows], scores, calibration, judged=judged)
    assert result.checked == judged.sum()
    assert result.bulk_checked == (found.stratum[judged] == 0).sum()
    other = np.where(judged, truth[found.rows], ~truth[found.rows])
    assert repr(estimate(some, other, scores, calibration, judged=judged)) == repr(result)
    with pytest.raises(ShareError) as error:
        estimate(some, truth[found.rows], scores, calibration, judged=judged[:-1])
    assert str(error.value) == "200 judgements for a plan of 200"


def test_an_audit_of_all_documents_is_their_share(calibration):
    scores, truth = drawn(250, 0.2, RNG(5))
    found = plan(scores, calibration, 250)
    result = estimate(found, truth[found.rows], scores, calibration)
    assert result.error == pytest.approx(0, abs=1e-12)
    assert (result.share.low, result.share.share, result.share.high) == pytest.approx((truth.mean(),) * 3)
    tags = scores >= calibration.threshold
    assert result.precision.value == pytest.approx(truth[tags].mean())
    assert result.recall.value == pytest.approx(tags[truth].mean())


def test_what_an_audit_cannot_say_is_withheld_with_its_reason(calibration):
    scores = RNG(6).normal(-5, 0.5, 1000)
    found = plan(scores, calibration, 100)
    result = estimate(found, np.zeros(100, bool), scores, calibration)
    assert result.precision.reason == "no document was tagged"
    assert result.recall.reason == "no positive was found"
    assert result.share.low == 0 < result.share.high
    assert result.sentence == f"0 of {result.bulk_checked} checked in the bulk were positive"
    one = np.zeros(100, bool)
    one[np.flatnonzero(found.stratum == 0)[0]] = True
    seen = estimate(found, one, scores, calibration)
    assert seen.sentence == f"1 of {seen.bulk_checked} checked in the bulk was positive"
    assert not seen.recall.reason


def test_a_share_never_leaves_its_scale(calibration):
    scores = RNG(7).normal(4, 0.5, 400)
    found = plan(scores, calibration, 60)
    for positive in (np.ones(60, bool), np.zeros(60, bool)):
        share = estimate(found, positive, scores, calibration).share
        assert 0 <= share.low <= share.share <= share.high <= 1


# --- what it costs


@pytest.mark.parametrize("width", [0.3, 0.6, 1.2])
def test_the_size_is_the_least_whose_interval_is_narrow_enough(target, calibration, expected, width):
    scores, _ = target

    def half(n):
        found = plan(scores, calibration, n)
        stratum = strata_of(found, scores)
        numbers, share = np.bincount(found.stratum), float(expected.mean())
        variance = sum(
            (size / 3000) ** 2
            * (1 - number / size)
            * float(np.mean(expected[stratum == h] * (1 - expected[stratum == h])))
            / number
            for h, (size, number) in enumerate(zip(found.sizes, numbers, strict=True))
        )
        low, high = logit_interval(share, math.sqrt(variance))
        hits = round(numbers[0] * float(expected[stratum == 0].mean()))
        guard = found.sizes[0] / 3000 * (1 - numbers[0] / found.sizes[0]) * exact(hits, int(numbers[0]))[1]
        return (max(high, share + guard) - low) / 2

    n = audit_size(scores, calibration, width)
    assert half(n) <= width * expected.mean() * 1.001
    assert half(n - 1) > width * expected.mean() * 0.97


def test_the_size_has_its_bounds(target, calibration):
    scores, _ = target
    for size in (audit_size, random_size):
        assert size(scores, calibration, 50) == 20
        assert size(scores[:15], calibration, 0.01) == 15
        assert size(scores[:20], calibration, 0.01) == 20
        assert size(scores, calibration, 1e-9) == 3000
        with pytest.raises(ShareError) as error:
            size(scores, calibration, 0.0)
        assert str(error.value) == "the relative half width must be above 0, not 0"
        assert size(scores, calibration, 0.5, level=0.5) < size(scores, calibration, 0.5)
    assert audit_size(scores, calibration, 0.6, 0.1) != audit_size(scores, calibration, 0.6, 0.8)


@pytest.mark.parametrize("width", [0.3, 0.8])
def test_the_size_of_a_random_sample_is_the_least_that_is_narrow_enough(target, calibration, expected, width):
    share = expected.mean()

    def half(n):
        tells = 2999 / (3000 - n)
        low, high = exact(share * n * tells, n * tells)
        return (high - low) / 2

    n = random_size(target[0], calibration, width)
    assert half(n) <= width * share * 1.001
    assert half(n - 1) > width * share * 0.999


# --- plain random samples


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_a_random_sample_is_three_proportions(target, calibration, level):
    scores, truth = target
    tagged = scores >= calibration.threshold
    found = plan_random(3000, 400, 2)
    result = estimate_random(found, truth[found.rows], tagged, level=level)
    known, tags = truth[found.rows], tagged[found.rows]

    def interval(hits, n, size):
        tells = (size - 1) / (size - n)
        k, m, tail = hits * tells, n * tells, (1 - level) / 2
        return (beta.ppf(tail, k, m - k + 1) if hits else 0.0, beta.ppf(1 - tail, k + 1, m - k) if hits < n else 1.0)

    assert result.share.share == known.mean()
    assert (result.share.low, result.share.high) == pytest.approx(interval(known.sum(), 400, 3000))
    assert result.share.flags == flags(known.mean(), result.share.low, result.share.high, 3000.0, audited=True)
    assert (result.share.n, result.share.effective, result.share.naive) == (3000, 3000, tagged.mean())
    assert (result.share.method, result.share.floor) == ("A", 0)
    assert math.isnan(result.share.shift)
    assert result.precision.value == known[tags].mean()
    ends = interval(known[tags].sum(), tags.sum(), tagged.sum())
    assert (result.precision.low, result.precision.high) == pytest.approx(ends)
    assert result.recall.value == tags[known].mean()
    ends = interval(tags[known].sum(), known.sum(), round(result.share.high * 3000))
    assert (result.recall.low, result.recall.high) == pytest.approx(ends)
    smooth = (known.sum() + 1) / 402
    assert result.error == pytest.approx(math.sqrt(smooth * (1 - smooth) / 400 * (1 - 400 / 3000)))
    assert (result.checked, result.bulk_checked, result.bulk_positive) == (400, (~tags).sum(), known[~tags].sum())
    assert result.sentence == f"{result.bulk_positive} of {result.bulk_checked} checked where nothing was tagged were positive"


def test_judgements_of_another_origin_are_refused_by_every_estimator(target, calibration):
    scores, truth = target
    stratified, random = plan(scores, calibration, 60), plan_random(3000, 60)
    calls = {
        "the stratified difference estimator": lambda origin: estimate(
            stratified, truth[stratified.rows], scores, calibration, provenance=origin
        ),
        "the share of a plain random sample": lambda origin: estimate_random(
            random, truth[random.rows], truth, provenance=origin
        ),
        "prediction-powered inference": lambda origin: ppi(truth[:50], np.full(50, 0.1), np.full(500, 0.1), origin),
    }
    fits = {"the stratified difference estimator": Provenance.STRATIFIED}
    for name, call in calls.items():
        for origin in Provenance:
            if origin == fits.get(name, Provenance.RANDOM):
                call(origin)
                continue
            with pytest.raises(ShareError) as error:
                call(origin)
            assert str(error.value) == f"{name} does not fit these judgements ({origin}): they {audit.WHY_NOT[origin]}"


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_prediction_powered_inference_is_its_formula(level):
    rng = RNG(8)
    predicted, rest = rng.random(60), rng.random(500)
    positive = rng.random(60) < predicted
    found = ppi(positive, predicted, rest, Provenance.RANDOM, level)
    errors = positive - predicted
    value = rest.mean() + errors.mean()
    half = quantile(level) * math.sqrt(rest.var() / 500 + errors.var() / 60)
    assert (found.value, found.low, found.high) == pytest.approx((value, value - half, value + half))
    for one, other, said in ((0, 500, "0 judgements and 500"), (60, 0, "60 judgements and 0")):
        with pytest.raises(ShareError) as error:
            ppi(positive[:one], predicted[:one], rest[:other], Provenance.RANDOM)
        assert str(error.value) == f"prediction-powered inference of {said} other documents"


def test_what_is_not_said_is_the_same_everywhere(target, calibration):
    def defaults(function):
        return {name: each.default for name, each in inspect.signature(function).parameters.items()}

    assert {name: defaults(plan)[name] for name in ("n", "bulk", "seed")} == {"n": 300, "bulk": 0.4, "seed": 0}
    assert {name: defaults(plan_random)[name] for name in ("n", "seed")} == {"n": 300, "seed": 0}
    assert defaults(estimate)["guard"] is True
    for function in (estimate, estimate_random, ppi, audit_size, random_size):
        assert defaults(function)["level"] == 0.95
    assert defaults(audit_size)["bulk"] == 0.4
    scores, _ = target
    assert np.array_equal(plan(scores, calibration).rows, plan(scores, calibration, 300, 0.4, 0).rows)
    assert np.array_equal(plan_random(1000).rows, plan_random(1000, 300, 0).rows)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(60, 5000), st.sampled_from([0.8, 0.95]))
def test_a_proportion_of_a_finite_population_is_surer_than_of_an_endless_one(hits, more, size, level):
    n = hits + more
    found = audit._proportion(hits, n, max(size, n), level)
    low, high = exact(hits, n, level)
    assert low - 1e-12 <= found.low <= found.value == hits / n <= found.high <= high + 1e-12
    if n >= size:
        assert found.low == found.high
