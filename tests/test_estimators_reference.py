"""Share estimates beside the plainest way to the same figures: loops and formulas as they stand in the docstrings."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from ipclass import estimators
from ipclass.calibration import Calibration
from ipclass.errors import ShareError
from ipclass.estimators import (
    METHODS,
    Estimates,
    Share,
    estimate,
    estimate_cells,
    estimate_histogram,
    percentiles,
    resampled,
    shift_test,
    tally,
)
from ipclass.figures import flags, wilson
from ipclass.scores import Platt, expit

RNG = np.random.default_rng


def drawn(n, share, rng):
    truth = rng.random(n) < share
    return rng.normal(np.where(truth, 1.5, -2.0), 1.3), truth


def held(n=1500, share=0.1, seed=0) -> Calibration:
    return Calibration.of(*drawn(n, share, RNG(seed)))


def documents(seed, n=600, cells=3):
    rng = RNG(seed)
    scores, _ = drawn(n, 0.2, rng)
    return scores, np.concatenate([np.arange(cells), rng.integers(0, cells, n - cells)]), rng.random(n) + 0.05


# --- counts


@pytest.mark.parametrize("weighted", [False, True])
def test_a_histogram_counts_every_document_of_its_cell_in_its_bin(weighted):
    scores, cells, weights = documents(1)
    calibration = held()
    histograms, effective = tally(scores, cells, calibration, weights if weighted else None)
    assert histograms.shape == (3, 160)
    for cell in range(3):
        row, squares = np.zeros(160), 0.0
        for score, place, weight in zip(scores, cells, weights, strict=True):
            if place == cell:
                each = weight if weighted else 1.0
                bin = int((calibration.edges[1:-1] <= score).sum())
                row[bin] += each
                squares += each**2
        assert histograms[cell] == pytest.approx(row, abs=1e-6)
        assert effective[cell] == pytest.approx(row.sum() ** 2 / squares, rel=1e-6)


def test_what_cannot_be_tallied_is_refused_with_its_reason():
    calibration, zero = held(), np.zeros(3, int)
    scores = np.array([0.0, 1.0, 2.0])
    for arguments, said in (
        ((np.empty(0), np.empty(0, int), None), "no documents: a share of nothing is not 0"),
        ((scores, zero[:2], None), "3 scores, but 2 cells"),
        ((scores, np.array([0, 0, 3]), None), "cells must be codes from 0 without gaps, got 0 to 3"),
        ((scores, np.array([-1, 0, 1]), None), "cells must be codes from 0 without gaps, got -1 to 1"),
        ((scores, np.array([0, 2, 2]), None), "cell 1 has no documents: a share of nothing is not 0"),
        ((scores, zero, np.array([1.0, 1.0])), "weights must be numbers of at least 0, one for each document"),
        ((scores, zero, np.array([1.0, np.inf, 1.0])), "weights must be numbers of at least 0, one for each document"),
        ((scores, zero, np.array([1.0, -0.1, 1.0])), "weights must be numbers of at least 0, one for each document"),
        ((scores, np.array([0, 0, 1]), np.array([1.0, 1.0, 0.0])), "cell 1 has no weight: a share of nothing is not 0"),
    ):
        with pytest.raises(ShareError) as error:
            tally(arguments[0], arguments[1], calibration, arguments[2])
        assert str(error.value) == said
    _, effective = tally(scores, np.array([0, 1, 2]), calibration, None)
    assert effective.tolist() == [1, 1, 1], "as many cells as documents are allowed"
    histograms, _ = tally(scores, zero, calibration, np.array([0.0, 1.0, 1.0]))
    assert histograms.sum() == 2, "a weight may be 0"


@pytest.mark.parametrize("weighted", [False, True])
def test_the_effective_number_is_kishs_with_texts_for_documents(weighted):
    scores, cells, weights = documents(2)
    rng, calibration = RNG(3), held()
    texts = rng.integers(0, 150, 600)
    scores = drawn(150, 0.3, rng)[0][texts]
    found = estimate_cells(scores, cells, calibration, weights=weights if weighted else None, texts=texts, draws=5)
    for cell in range(3):
        share = found[cell].share
        of_text: dict[int, float] = {}
        chance: dict[int, float] = {}
        alone = total = squares = 0.0
        for score, place, text, weight in zip(scores, cells, texts, weights, strict=True):
            if place != cell:
                continue
            each = weight if weighted else 1.0
            bin = int((calibration.edges[1:-1] <= score).sum())
            ratio = calibration.ratio[bin]
            chance[text] = share * ratio / (share * ratio + 1 - share)
            of_text[text] = of_text.get(text, 0.0) + each
            alone += (each * chance[text]) ** 2
            total, squares = total + each, squares + each**2
        together = sum((weight * chance[text]) ** 2 for text, weight in of_text.items())
        assert found[cell].effective == pytest.approx(total**2 / squares * alone / together, rel=1e-5)


# --- the shift test


def plain_shift(histogram, calibration, size):
    """Return chi-square per degree of freedom, by a search for the best mix for fixed weights, as often as it takes."""
    even = calibration.positives / calibration.n_pos + calibration.negatives / calibration.n_neg
    groups: dict[int, list[int]] = {}
    for bin, before in enumerate(np.cumsum(even) - even):
        groups.setdefault(min(int(before / 2 * 12), 11), []).append(bin)
    pools = [groups[name] for name in sorted(groups)]

    def pooled(counts):
        return np.array([counts[bins].sum() for bins in pools])

    seen = pooled(histogram) / histogram.sum()
    positive, negative = (pooled(counts) + 0.5 for counts in (calibration.positives, calibration.negatives))
    positive, negative = positive / positive.sum(), negative / negative.sum()
    share = 0.5
    for _ in range(200):
        expected = share * positive + (1 - share) * negative
        variance = expected / size + share**2 * positive / calibration.n_pos + (1 - share) ** 2 * negative / calibration.n_neg

        def distance(mix, variance=variance):
            return float(((seen - mix * positive - (1 - mix) * negative) ** 2 / variance).sum())

        share = minimize_scalar(distance, bounds=(0, 1), method="bounded", options={"xatol": 1e-12}).x
    return distance(share) / (len(pools) - 2)


@pytest.mark.parametrize("sized", [False, True])
def test_the_shift_is_the_distance_to_the_nearest_mix(sized):
    calibration = held()
    rows = [calibration.histogram(drawn(400, share, RNG(seed))[0]) for seed, share in enumerate((0.02, 0.3, 0.6))]
    rows.append(calibration.histogram(RNG(9).normal(0, 1, 300)))
    histograms = np.array(rows)
    sizes = np.array([400.0, 100.0, 250.0, 30.0]) if sized else histograms.sum(axis=1)
    found = shift_test(histograms, calibration, sizes if sized else None)
    assert found.shape == (4,)
    for histogram, size, shift in zip(histograms, sizes, found, strict=True):
        assert shift == pytest.approx(plain_shift(histogram, calibration, size), rel=1e-4)


def test_a_shift_between_two_groups_of_scores_cannot_be_told():
    edges = np.array([-2.0, -1.0, 0.0, 1.0])
    two = Calibration(edges[:3], np.array([0.0, 40.0]), np.array([60.0, 0.0]), Platt(1.0, 0.0), -1.0)
    assert np.isnan(shift_test(np.array([[5.0, 5.0], [1.0, 9.0]]), two)).tolist() == [True, True]
    three = Calibration(edges, np.array([0.0, 20.0, 40.0]), np.array([60.0, 20.0, 1.0]), Platt(1.0, 0.0), 0.0)
    assert np.isfinite(shift_test(np.array([[5.0, 3.0, 2.0]]), three)).all()


# --- curves and draws


def test_the_curve_of_resampled_counts_is_the_likeliest():
    calibration = held()
    rng = RNG(4)
    both = np.concatenate([calibration.positives, calibration.negatives])
    counts = rng.multinomial(1500, both / both.sum(), size=4).astype(float)
    positives, negatives = np.split(counts, 2, axis=1)
    found = estimators._curves(calibration, positives, negatives)
    assert found.shape == (4, 2)
    for up, down, (slope, offset) in zip(positives, negatives, found, strict=True):
        n_pos, n_neg = up.sum(), down.sum()
        target = up * (n_pos + 1) / (n_pos + 2) + down / (n_neg + 2)

        def loss(line, up=up, down=down, target=target):
            margin = line[0] * calibration.centres + line[1]
            return float(((up + down) * np.logaddexp(0, margin) - target * margin).sum())

        best = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-9})
        assert loss((slope, offset)) <= best.fun + 1e-6
        assert (slope, offset) == pytest.approx(tuple(best.x), abs=1e-3)


def test_resampled_classes_are_samples_of_the_held_out_ones_with_curves_of_their_own():
    calibration = held()
    worlds = resampled(calibration, 800, 3)
    tpr = calibration.positives @ calibration.tagged / calibration.n_pos
    fpr = calibration.negatives @ calibration.tagged / calibration.n_neg
    for rates, rate, n in ((worlds.tpr, tpr, calibration.n_pos), (worlds.fpr, fpr, calibration.n_neg)):
        assert rates.shape == (800,)
        assert rates.mean() == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / n / 800))
        assert rates.std() == pytest.approx(math.sqrt(rate * (1 - rate) / n), rel=0.12)
    assert worlds.ratio.shape == worlds.chance.shape == (800, 160)
    middle = np.median(np.log(worlds.ratio), axis=0)
    inside = np.abs(np.log(calibration.ratio)) < 4
    assert middle[inside] == pytest.approx(np.log(calibration.ratio)[inside], abs=0.15)
    assert (np.diff(worlds.chance, axis=1) > 0).all(), "higher scores mean more positives in every draw"
    assert np.log(worlds.ratio[:, 100]).std() > 0.02
    assert np.corrcoef(worlds.up, worlds.tpr)[0, 1] > 0.5
    for mean, share in ((worlds.up, calibration.positives), (worlds.down, calibration.negatives)):
        chance = expit(calibration.platt.slope * calibration.centres + calibration.platt.offset)
        assert mean.mean() == pytest.approx(share @ chance / share.sum(), abs=0.02)
    again, other = resampled(calibration, 800, 3), resampled(calibration, 800, 4)
    assert np.array_equal(worlds.ratio, again.ratio)
    assert not np.array_equal(worlds.tpr, other.tpr)


def test_the_ratio_of_a_draw_is_that_of_its_own_prior():
    calibration = held()
    worlds = resampled(calibration, 50, 0)
    odds = worlds.chance / (1 - worlds.chance)
    prior = odds / worlds.ratio  # the same for all bins of a draw, where nothing is cut
    inside = np.abs(np.log(worlds.ratio)) < 29
    for row, chosen in zip(prior, inside, strict=True):
        assert row[chosen] == pytest.approx(np.median(row[chosen]), rel=1e-6)
    assert np.median(prior) == pytest.approx(calibration.n_pos / calibration.n_neg, rel=0.05)
    assert prior[:, 80].std() > 0.001


def test_a_class_that_a_draw_lost_is_taken_as_it_was_held_out():
    edges = np.array([-2.0, -1.0, 0.0, 1.0])
    rare = Calibration(edges, np.array([0.0, 0.0, 1.0]), np.array([900.0, 90.0, 9.0]), Platt(1.0, -5.0), 0.0)
    worlds = resampled(rare, 300, 1)
    assert np.isfinite(worlds.ratio).all()
    assert (worlds.tpr == 1).all()
    assert np.isfinite(worlds.up).all()


def test_draws_of_a_cell_scatter_as_so_many_documents_do():
    calibration = held(200_000)
    scores, _ = drawn(400, 0.3, RNG(5))
    weights = np.where(np.arange(400) % 4, 0.2, 1.0)
    for each, n in ((None, 400), (weights, weights.sum() ** 2 / (weights**2).sum())):
        found = estimate_cells(scores, np.zeros(400, int), calibration, "cc", each, draws=2000)
        share = found[0].share
        assert found[0].effective == pytest.approx(n)
        assert found.draws.std() == pytest.approx(math.sqrt(share * (1 - share) / round(n)), rel=0.06)
        assert found.draws.mean() == pytest.approx(share, abs=0.003)


def test_cells_are_drawn_apart_and_share_their_held_out_samples():
    calibration = held(400)
    scores, _ = drawn(3000, 0.3, RNG(6))
    found = estimate_cells(np.tile(scores, 2), np.repeat([0, 1], 3000), calibration, draws=400)
    assert not np.array_equal(found.draws[0], found.draws[1])
    assert np.corrcoef(found.draws)[0, 1] > 0.3, "errors of calibration are common to all cells"
    many = held(400_000)
    apart = estimate_cells(np.tile(scores[:300], 2), np.repeat([0, 1], 300), many, draws=400)
    assert abs(np.corrcoef(apart.draws)[0, 1]) < 0.2


# --- the methods, the interval, what stands beside it


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_each_method_is_its_formula(share):
    calibration = held()
    scores, _ = drawn(500, share, RNG(7))
    histogram = calibration.histogram(scores)
    chance = expit(calibration.platt.slope * calibration.centres + calibration.platt.offset)
    tags, mean = histogram @ calibration.tagged / 500, histogram @ chance / 500
    tpr, fpr = (each @ calibration.tagged / each.sum() for each in (calibration.positives, calibration.negatives))
    up, down = (each @ chance / each.sum() for each in (calibration.positives, calibration.negatives))
    expected = {
        "cc": tags,
        "pcc": mean,
        "acc": min(1, max(0, (tags - fpr) / (tpr - fpr))),
        "pacc": min(1, max(0, (mean - down) / (up - down))),
    }
    for method, value in expected.items():
        found = estimate(scores, calibration, method, draws=5)
        assert found.share == pytest.approx(value, abs=1e-12)
        assert found.naive == pytest.approx(tags, abs=1e-12)
        assert found.method == estimators.LETTERS[method]
    ratio = calibration.ratio

    def surprise(q):
        return -float(histogram @ np.log(1 - q + q * ratio))

    best = minimize_scalar(surprise, bounds=(0, 1), method="bounded", options={"xatol": 1e-12}).x
    assert estimate(scores, calibration, draws=5).share == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("method", ["acc", "pacc"])
def test_an_adjusted_share_stays_between_nothing_and_all(method):
    calibration = held()
    assert estimate(np.full(200, -30.0), calibration, method, draws=5).share == 0
    assert estimate(np.full(200, 30.0), calibration, method, draws=5).share == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_the_interval_is_that_of_the_draws_widened_to_a_faultless_taggers(method, level):
    calibration = held()
    scores, cells, weights = documents(8)
    found = estimate_cells(scores, cells, calibration, method, weights, level, 300, 2)
    assert found.level == level
    assert found.draws.shape == (3, 300)
    assert (len(found), list(found)) == (3, list(found.shares))
    for place, share in enumerate(found):
        inside = np.sort(found.draws[place])
        low, high = np.quantile(inside, (1 - level) / 2), np.quantile(inside, 1 - (1 - level) / 2)
        least, most = wilson(share.share * share.effective, share.effective, level)
        assert share.low == pytest.approx(min(low, share.share, least), abs=1e-12)
        assert share.high == pytest.approx(max(high, share.share, most), abs=1e-12)
        assert share.n == pytest.approx(weights[cells == place].sum(), rel=1e-6)
        assert share.floor == calibration.floor(level)
        expected = flags(share.share, share.low, share.high, share.effective, floor=share.floor, shift=share.shift)
        assert share.flags == expected
    assert found.values.tolist() == [share.share for share in found.shares]
    assert found.sizes.tolist() == [share.n for share in found.shares]
    assert found[1] is found.shares[1]


def test_percentiles_hold_the_middle_of_the_draws():
    draws = np.arange(1001.0)
    assert percentiles(draws, 0.9) == pytest.approx((50, 950))
    assert percentiles(draws, 0.5) == pytest.approx((250, 750))
    assert all(type(end) is float for end in percentiles(draws, 0.9))


def test_what_is_not_said_is_the_same_everywhere():
    for function in (estimate, estimate_cells, estimate_histogram):
        known = {name: each.default for name, each in inspect.signature(function).parameters.items()}
        assert (known["method"], known["level"], known["draws"], known["seed"]) == ("emq", 0.95, 500, 0)
    scores = documents(9)[0]
    calibration = held()
    one = estimate(scores, calibration)
    assert one == estimate(scores, calibration, "emq", None, 0.95, 500, 0)
    assert one == estimate_cells(scores, np.zeros(600, int), calibration)[0]
    assert one == estimate_histogram(calibration.histogram(scores), calibration)
    fewer = estimate_histogram(calibration.histogram(scores), calibration, effective=50)
    assert (fewer.n, fewer.effective, fewer.share) == (600, 50, one.share)
    assert fewer.high - fewer.low > one.high - one.low
    assert estimate(scores, calibration, seed=3) != one
    assert estimate(scores, calibration, level=0.5).high < one.high
    assert estimate(scores, calibration, draws=77) != one


def test_what_cannot_be_estimated_is_refused_with_its_reason():
    calibration = held()
    for options, said in (
        ({"method": "eqm"}, "no method 'eqm'; did you mean 'emq'? There are: emq, acc, pacc, pcc, cc"),
        ({"level": 0.0}, "level 0 must lie between 0 and 1, and draws 500 above 0"),
        ({"level": 1.0}, "level 1 must lie between 0 and 1, and draws 500 above 0"),
        ({"draws": 0}, "level 0.95 must lie between 0 and 1, and draws 0 above 0"),
    ):
        with pytest.raises(ShareError) as error:
            estimate(np.zeros(5), calibration, **options)
        assert str(error.value) == said
    assert estimate(np.zeros(5), calibration, draws=1).n == 5
    for broken, said in (
        (np.zeros(160), "no documents: a share of nothing is not 0"),
        (np.ones(159), "a histogram of 160 counts is needed, not (159,)"),
        (np.full(160, np.nan), "a histogram of 160 counts is needed, not (160,)"),
        (np.append(np.ones(159), -1.0), "a histogram of 160 counts is needed, not (160,)"),
    ):
        with pytest.raises(ShareError) as error:
            estimate_histogram(broken, calibration)
        assert str(error.value) == said
    with pytest.raises(ShareError, match="no documents"):
        estimate_histogram(np.ones(160), calibration, effective=0.0)


@pytest.mark.parametrize(("class_", "n_pos", "n_neg"), [("positives", 29, 100), ("negatives", 100, 29)])
def test_either_class_needs_30_held_out_documents(class_, n_pos, n_neg):
    def calibration(n_pos, n_neg):
        truth = np.arange(n_pos + n_neg) < n_pos
        return Calibration.of(RNG(1).normal(np.where(truth, 1.5, -2.0), 1.0), truth)

    with pytest.raises(ShareError) as error:
        estimate(np.zeros(50), calibration(n_pos, n_neg))
    assert str(error.value) == f"29 held-out {class_}, fewer than 30: only an audit gives a share"
    assert estimate(np.zeros(50), calibration(n_pos, n_neg), "cc").n == 50
    assert estimate(np.zeros(50), calibration(max(n_pos, 30), max(n_neg, 30)), draws=5).n == 50


@pytest.mark.parametrize("method", ["acc", "pacc"])
def test_a_tagger_that_tells_nothing_is_refused(method):
    edges = np.array([-1.0, 0.0, 1.0])
    even = Calibration(edges, np.array([40.0, 40.0]), np.array([40.0, 40.0]), Platt(1.0, 0.0), 0.0)
    with pytest.raises(ShareError) as error:
        estimate(np.zeros(5), even, method)
    assert str(error.value) == f"{method}: held-out positives score no higher than negatives; the tagger tells nothing"
    assert estimate(np.zeros(5), even, draws=5).n == 5, "maximum likelihood needs no rates"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.01, 5), min_size=2, max_size=40), st.floats(0.1, 1000))
def test_only_the_proportions_of_weights_matter(weights, factor):
    scores = drawn(len(weights), 0.3, RNG(1))[0]
    one, other = (estimate(scores, held(), "pacc", np.array(weights) * by, draws=5) for by in (1.0, factor))
    assert isinstance(one, Share)
    assert other.share == pytest.approx(one.share, abs=1e-5)
    assert other.n == pytest.approx(one.n * factor, rel=1e-5)
    assert other.effective == pytest.approx(one.effective, rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("factor", "shift"), [(10, 0), (0.1, 0), (2, -3)])
def test_the_scale_of_scores_does_not_matter(method, factor, shift):
    known, truth = drawn(1500, 0.1, RNG(0))
    scores, cells, _ = documents(11)
    one = estimate_cells(scores, cells, Calibration.of(known, truth), method, draws=60)
    other = estimate_cells(factor * scores + shift, cells, Calibration.of(factor * known + shift, truth), method, draws=60)
    assert other.values == pytest.approx(one.values, rel=1e-4)
    assert other.draws == pytest.approx(one.draws, rel=1e-3, abs=1e-5)
    assert [share.shift for share in other] == pytest.approx([share.shift for share in one], rel=1e-3)


def test_estimates_are_a_sequence_of_shares():
    share = estimate(np.zeros(50), held(), draws=5)
    made = Estimates((share, share), np.zeros((2, 5)), 0.9)
    assert [*made] == [share, share]
    assert made.sizes.tolist() == [50, 50]
