"""What share estimates promise: the right number where it can be known, never more certainty than there is."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipclass.calibration import Calibration, most_likely_share
from ipclass.errors import ShareError
from ipclass.estimators import METHODS, estimate, estimate_cells, estimate_histogram, shift_test
from ipclass.figures import exact, flags, logit_interval, printable, wilson
from ipclass.scores import Platt, fit_platt

CORRECTED = ("emq", "acc", "pacc")


def counts(words: str) -> np.ndarray:
    return np.array(words.split(), dtype=float)


# QuaPy 0.2.3 on 800 held-out and 2,000 target scores, all multiples of 1/4 (so that bins are exact), tagged from 0.625,
# probabilities 1 / (1 + exp(0.9 - 1.6 * score)); EMQ.EM with epsilon=1e-13; ACC and PACC with
# solver="exact-raise" (the default one stops 2e-6 off).
POSITIVES = counts("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2 1 1 2 7 7 4 4 2 10 5 7 6 2 4 4 5 2 1 1 2 0 0 0 1 0 0 0 0 0 0")
NEGATIVES = counts(
    "1 0 1 3 3 3 8 5 14 18 27 43 36 58 57 48 62 61 57 42 52 26 34 13 19 14 11 0 1 2 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
)
TARGET = counts(
    "1 0 2 6 7 15 12 41 45 49 62 95 104 120 139 153 160 187 140 129 121 104 85 57 32 39 24 15 13 7 6 11 3 "
    "3 4 4 1 0 1 1 0 0 1 0 0 0 1 0 0"
)
QUAPY = {"cc": 0.0355, "pcc": 0.079683804021, "acc": 0.048340807175, "pacc": 0.04046196642, "emq": 0.052545375219}


def pinned() -> Calibration:
    edges = np.arange(-24.5, 25.5) / 4
    return Calibration(edges, POSITIVES, NEGATIVES, Platt(1.6, -0.9), 0.625)


def draw(n, share, rng, up=1.5, down=-2.0, spread=1.3):
    truth = rng.random(n) < share
    return rng.normal(np.where(truth, up, down), spread), truth


def held(seed=0, n=4000, share=0.1, **options):
    return Calibration.of(*draw(n, share, np.random.default_rng(seed), **options))


def exact_densities(share=0.1, size=1e6) -> tuple[Calibration, np.ndarray, np.ndarray]:
    """Two normal densities whose ratio is log-linear at every centre: Platt's curve is then exact."""
    edges = np.linspace(-8, 8, 161)
    centres = (edges[1:] + edges[:-1]) / 2
    masses = [np.exp(-((centres - mean) ** 2) / 2) for mean in (1.0, -1.0)]
    positive, negative = (mass / mass.sum() for mass in masses)
    slope = 2.0
    offset = np.log(masses[1].sum() / masses[0].sum()) + np.log(share / (1 - share))
    calibration = Calibration(
        edges, size * share * positive, size * (1 - share) * negative, Platt(slope, float(offset)), float(edges[90])
    )
    return calibration, positive, negative


# --- the right number


@pytest.mark.parametrize("method", CORRECTED)
@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.3, 0.9])
def test_recovers_a_known_mixture(method, share):
    calibration, positive, negative = exact_densities()
    target = 1e6 * (share * positive + (1 - share) * negative)
    assert estimate_histogram(target, calibration, method, draws=2).share == pytest.approx(share, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1), st.floats(0.01, 0.9))
def test_recovers_any_mixture_from_any_training_share(share, prior):
    calibration, positive, negative = exact_densities(prior)
    found = most_likely_share((share * positive + (1 - share) * negative)[None] * 1e4, calibration.ratio[None])
    assert found[0] == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_equals_quapy(method):
    found = estimate_histogram(TARGET, pinned(), method, draws=20)
    assert found.share == pytest.approx(QUAPY[method], abs=1e-10)
    assert found.naive == QUAPY["cc"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 500), min_size=49, max_size=49).filter(any))
def test_the_share_is_the_likeliest(counts):
    histogram, ratio = np.array(counts, float), pinned().ratio
    (found,) = most_likely_share(histogram[None], ratio[None])
    grid = np.append(np.linspace(0, 1, 1001), found)
    with np.errstate(divide="ignore"):
        likelihood = histogram @ np.log(1 + np.outer(ratio - 1, grid))
    assert 0 <= found <= 1
    assert likelihood[-1] >= likelihood.max() - 1e-7 * abs(likelihood.max()) - 1e-9


def test_counts_of_tags_are_exact():
    calibration = held()
    scores, _ = draw(5000, 0.2, np.random.default_rng(1))
    scores[:3] = calibration.threshold, -50, 50
    assert estimate(scores, calibration, draws=2).naive == np.mean(scores >= calibration.threshold)


def test_corrects_what_counting_gets_wrong():
    calibration = held(n=20_000)
    scores, truth = draw(100_000, 0.01, np.random.default_rng(2))
    count, found = estimate(scores, calibration, "cc"), estimate(scores, calibration)
    assert count.share > 1.2 * truth.mean()
    assert found.share == pytest.approx(truth.mean(), rel=0.1)
    assert found.low < truth.mean() < found.high


def test_one_fit_for_each_cell():
    rng = np.random.default_rng(3)
    truths = (0.005, 0.03, 0.2)
    parts = [draw(20_000, share, rng) for share in truths]
    cells = np.repeat(np.arange(3), 20_000)
    found = estimate_cells(np.concatenate([part[0] for part in parts]), cells, held(n=20_000), draws=200)
    for share, (_, truth) in zip(found, parts, strict=True):
        assert share.low < truth.mean() < share.high


# --- the same number


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS))
def test_order_of_documents_does_not_matter(seed, method):
    rng = np.random.default_rng(seed)
    scores, _ = draw(300, 0.1, rng)
    weights, cells = rng.random(300), rng.permutation(np.arange(300) % 3)
    order = rng.permutation(300)
    calibration = pinned()
    one = estimate_cells(scores, cells, calibration, method, weights, draws=20)
    other = estimate_cells(scores[order], cells[order], calibration, method, weights[order], draws=20)
    assert one.shares == other.shares
    assert np.array_equal(one.draws, other.draws)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_digits(method):
    scores, _ = draw(2000, 0.05, np.random.default_rng(0))
    one, other = (estimate(scores, held(), method, seed=7, draws=50) for _ in range(2))
    assert one == other
    assert estimate(scores, held(), method, seed=8, draws=50).share == one.share


def test_weights_of_one_are_no_weights():
    scores, _ = draw(2000, 0.05, np.random.default_rng(0))
    cells = np.arange(2000) % 4
    plain = estimate_cells(scores, cells, held(), draws=50)
    weighted = estimate_cells(scores, cells, held(), weights=np.ones(2000), draws=50)
    assert plain.shares == weighted.shares


def test_equal_weights_change_the_number_of_documents_only():
    scores, _ = draw(2000, 0.05, np.random.default_rng(0))
    plain, third = estimate(scores, held()), estimate(scores, held(), weights=np.full(2000, 1 / 3))
    assert third.n == pytest.approx(2000 / 3)
    assert third.effective == pytest.approx(2000)
    assert third.share == pytest.approx(plain.share, rel=1e-6)


def test_unequal_weights_widen():
    scores, _ = draw(4000, 0.05, np.random.default_rng(0))
    weights = np.where(np.arange(4000) % 10, 0.01, 1.0)
    plain, found = estimate(scores, held()), estimate(scores, held(), weights=weights)
    assert found.effective < 1000
    assert found.high - found.low > 1.5 * (plain.high - plain.low)


def test_a_cell_does_not_depend_on_later_cells():
    scores, _ = draw(3000, 0.05, np.random.default_rng(0))
    cells = np.arange(3000) % 3
    every = estimate_cells(scores, cells, held(), draws=50)
    first = estimate_cells(scores[cells < 2], cells[cells < 2], held(), draws=50)
    assert every.shares[:2] == first.shares
    assert estimate(scores[cells == 0], held(), draws=50) == first[0]


def test_calibration_survives_its_arrays(tmp_path):
    calibration = held()
    np.savez(tmp_path / "c.npz", **calibration.to_dict())
    scores, _ = draw(500, 0.1, np.random.default_rng(0))
    again = Calibration.from_dict(np.load(tmp_path / "c.npz"))
    assert estimate(scores, again, draws=20) == estimate(scores, calibration, draws=20)
    as_json = json.loads(json.dumps({name: part.tolist() for name, part in calibration.to_dict().items()}))
    assert estimate(scores, Calibration.from_dict(as_json), draws=20) == estimate(scores, calibration, draws=20)


def test_probabilities_lead_back_to_scores():
    calibration = held()
    scores, _ = draw(500, 0.1, np.random.default_rng(0))
    assert calibration.scores_of(calibration.platt(scores)) == pytest.approx(scores, abs=1e-6)


# --- no more certainty than there is


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(METHODS), st.sampled_from([-30.0, -5.0, 0.0, 5.0, 30.0]), st.integers(1, 5000))
def test_never_an_interval_without_width(method, score, n):
    found = estimate(np.full(n, score), pinned(), method, draws=20)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.high - found.low >= 0.5 / n


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 400), st.sampled_from(METHODS))
def test_the_share_lies_in_its_interval(seed, share, n, method):
    scores, _ = draw(n, share, np.random.default_rng(seed))
    found = estimate(scores, pinned(), method, draws=30)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low < found.high


def test_error_of_calibration_is_in_the_interval():
    scores, _ = draw(200_000, 0.1, np.random.default_rng(0))
    few, many = (estimate(scores, held(n=n)) for n in (500, 50_000))
    assert few.high - few.low > 3 * (many.high - many.low)


@pytest.mark.parametrize("method", METHODS)
def test_draws_scatter_around_the_estimate(method):
    scores, _ = draw(20_000, 0.1, np.random.default_rng(0))
    found = estimate_cells(scores, np.zeros(20_000, int), held(), method)
    assert found.draws.mean() == pytest.approx(found[0].share, rel=0.02)


def test_draws_center_even_if_the_curve_was_fitted_elsewhere():
    scores, truth = draw(4000, 0.1, np.random.default_rng(0))
    own = fit_platt(scores, truth)
    other = Calibration.of(scores, truth, Platt(own.slope * 0.8, own.offset + 0.3))
    found = estimate_cells(scores, np.zeros(4000, int), other)
    assert found.draws.mean() == pytest.approx(found[0].share, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_coverage(share):
    inside, error, draws = 0, 0.0, 300
    for seed in range(draws):
        rng = np.random.default_rng([seed, 11])
        calibration = Calibration.of(*draw(4000, 0.1, rng))
        scores, truth = draw(10_000, share, rng)
        found = estimate(scores, calibration, draws=200)
        inside += found.low <= truth.mean() <= found.high
        error += found.share / truth.mean() - 1
    assert inside / draws >= 0.90
    assert abs(error / draws) < 0.05


# --- refusals


def test_refuses_fewer_than_30_held_out_positives():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(2, 1, 29), rng.normal(-2, 1, 1000)])
    few = Calibration.of(scores, np.arange(1029) < 29)
    for method in ("emq", "acc", "pacc", "pcc"):
        with pytest.raises(ShareError, match="29 held-out positives, fewer than 30"):
            estimate(scores, few, method)
    assert estimate(scores, few, "cc").method == "C"
    enough = Calibration.of(np.append(scores, 2.0), np.append(np.arange(1029) < 29, True))
    assert estimate(scores, enough, draws=10).share > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": np.empty(0), "cells": np.empty(0, int)}, "no documents"),
        ({"cells": np.array([0, 2, 2])}, "cell 1 has no documents"),
        ({"cells": np.array([0, -1, 0])}, "without gaps"),
        ({"cells": np.array([0, 0])}, "3 scores, but 2 cells"),
        ({"scores": np.array([0.0, np.nan, 1.0])}, "document 1 is not a number"),
        ({"scores": np.array([0.0, 1.0, np.inf])}, "document 2 is not a number"),
        ({"weights": np.array([1.0, -1.0, 1.0])}, "weights"),
        ({"weights": np.array([0.0, 0.0, 0.0])}, "no weight"),
        ({"method": "eqm"}, "did you mean 'emq'"),
        ({"level": 1.0}, "level"),
    ],
)
def test_refuses(arguments, message):
    usual = {"scores": np.array([0.0, 1.0, 2.0]), "cells": np.zeros(3, int), "calibration": pinned()}
    with pytest.raises(ShareError, match=message):
        estimate_cells(**(usual | arguments))


def test_refuses_an_empty_or_foreign_histogram():
    with pytest.raises(ShareError, match="no documents"):
        estimate_histogram(np.zeros(49), pinned())
    with pytest.raises(ShareError, match="49 counts"):
        estimate_histogram(np.ones(48), pinned())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positives": np.zeros(49)}, "positives"),
        ({"positives": np.ones(48)}, "counts"),
        ({"negatives": np.full(49, np.nan)}, "negatives"),
        ({"edges": np.zeros(50)}, "increase"),
        ({"threshold": np.array([0.6])}, "threshold"),
        ({"platt": np.array([-1.0, 0.0])}, "slope"),
        ({"platt": np.array([1.0])}, "cannot be read"),
    ],
)
def test_refuses_a_damaged_calibration(change, message):
    with pytest.raises(ShareError, match=message):
        Calibration.from_dict(pinned().to_dict() | change)


def test_refuses_an_incomplete_calibration():
    with pytest.raises(ShareError, match="edges"):
        Calibration.from_dict({})
    with pytest.raises(ShareError, match="both classes"):
        Calibration.of(np.zeros(3), np.ones(3, bool))


def test_refuses_a_tagger_that_tells_nothing():
    with pytest.raises(ShareError, match="higher scores"):
        Calibration.of(*draw(4000, 0.5, np.random.default_rng(0), up=-2.0, down=1.5))
    flat = pinned().to_dict() | {"positives": np.ones(49), "negatives": np.ones(49)}
    for method in ("acc", "pacc"):
        with pytest.raises(ShareError, match="tells nothing"):
            estimate(np.zeros(100), Calibration.from_dict(flat), method)


# --- floor, shift and flags


def test_floor_is_the_formula():
    calibration = held(n=50_000)
    tpr = calibration.positives @ calibration.tagged / calibration.n_pos
    fpr = calibration.negatives @ calibration.tagged / calibration.n_neg
    expected = 1.96 * np.sqrt(fpr * (1 - fpr) / calibration.n_neg) / (tpr - fpr)
    assert calibration.floor() == pytest.approx(expected, rel=0.01)


def test_floor_is_never_zero_and_never_above_one():
    rng = np.random.default_rng(0)
    scores, truth = np.concatenate([rng.normal(9, 1, 50), rng.normal(-9, 1, 50)]), np.arange(100) < 50
    assert 0.02 < Calibration.of(scores, truth).floor() < 0.1
    assert Calibration.of(scores, truth, threshold=-40.0).floor() == 1


def test_shift_test_is_quiet_when_only_the_mix_changed():
    quiet = []
    for seed in range(40):
        calibration = held(seed)
        scores, _ = draw(5000, 0.02, np.random.default_rng([seed, 1]))
        quiet.append(float(shift_test(calibration.histogram(scores)[None], calibration)[0]))
    assert 0.7 < np.mean(quiet) < 1.3
    assert np.mean(np.array(quiet) > 2) < 0.1


def test_shift_test_warns_when_negatives_look_different():
    scores, _ = draw(5000, 0.02, np.random.default_rng(1), down=-1.6)
    assert shift_test(held().histogram(scores)[None], held())[0] > 2
    assert "u" in estimate(scores, held()).flags


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        ((0.05, 0.04, 0.06, 10_000), {}, "e"),
        ((0.05, 0.04, 0.06, 10_000), {"audited": True}, ""),
        ((0.05, 0.04, 0.06, 10_000), {"audited": True, "open_year": True, "broken": True}, "pb"),
        ((0.05, 0.029, 0.07, 10_000), {"audited": True}, "u"),  # wider than 80 %
        ((0.05, 0.01, 0.1, 10_000), {"audited": True}, "u/"),  # wider than 160 %
        ((0.05, 0.04, 0.06, 199), {"audited": True}, "/"),  # fewer than 10 positives
        ((0.9, 0.8, 0.95, 29), {"audited": True}, "/"),  # fewer than 30 documents
        ((0.05, 0.04, 0.06, 10_000), {"floor": 0.03}, "eu"),
        ((0.05, 0.04, 0.06, 10_000), {"shift": 2.1}, "eu"),
        ((0.0, 0.0, 0.01, 10_000), {}, "eu/"),
    ],
)
def test_flags(arguments, options, expected):
    assert flags(*arguments, **options) == expected
    assert printable(expected) == ("/" not in expected)


def test_further_flags_keep_the_order():
    scores, _ = draw(20_000, 0.1, np.random.default_rng(0))
    share = estimate(scores, held())
    assert share.flags == "e"
    assert share.marked("b").marked("p").marked("p").flags == "epb"
    assert share.printable
    assert not share.below_floor


def test_intervals_of_counts():
    assert wilson(0, 10) == (0, pytest.approx(0.27753, abs=1e-5))
    assert wilson(10, 10) == (pytest.approx(1 - 0.27753, abs=1e-5), 1)
    assert wilson(81, 263) == pytest.approx((0.25525, 0.36619), abs=1e-4)
    assert exact(0, 120) == (0, pytest.approx(1 - 0.025 ** (1 / 120)))
    assert exact(3, 3)[1] == 1
    assert logit_interval(0.0, 0.01) == (0, pytest.approx(0.0196, abs=1e-4))
    assert logit_interval(1.0, 0.01) == (pytest.approx(0.9804, abs=1e-4), 1)
    low, high = logit_interval(0.01, 0.002)
    assert 0 < 0.01 - low < high - 0.01


def test_the_fitted_curve_is_the_models():
    scores, truth = draw(4000, 0.1, np.random.default_rng(0))
    assert Calibration.of(scores, truth).platt == fit_platt(scores, truth)


# --- texts that come again


def again(times: int, share: float = 0.1, n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of which each comes so many times, and the codes of their texts."""
    scores, _ = draw(n, share, np.random.default_rng(3))
    return np.tile(scores, times), np.tile(np.arange(n), times)


def one_cell(scores, texts, method="emq", **options):
    return estimate_cells(scores, np.zeros(len(scores), int), held(), method, texts=texts, **options)[0]


@pytest.mark.parametrize("method", METHODS)
def test_texts_that_all_differ_change_nothing(method):
    scores, texts = again(1)
    assert one_cell(scores, texts[::-1].copy(), method) == one_cell(scores, None, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("times", [2, 25])
def test_what_comes_again_counts_again_but_tells_nothing_new(method, times):
    once, (scores, texts) = one_cell(*again(1), method), again(times)
    found = one_cell(scores, texts, method)
    assert (found.n, found.effective) == (900 * times, pytest.approx(900))
    assert (found.share, found.naive) == (pytest.approx(once.share), pytest.approx(once.naive))
    assert found.high - found.low == pytest.approx(once.high - once.low, rel=0.15)
    if times == 25:
        assert found.high - found.low > 1.5 * (one_cell(scores, None, "cc").high - one_cell(scores, None, "cc").low)


def test_it_is_the_positives_that_must_differ():
    rng = np.random.default_rng(5)
    few, many = rng.normal(1.5, 1, 20), rng.normal(-2, 1, 1800)
    rows = np.concatenate([rng.integers(0, 20, 200), np.arange(20, 1820)])
    found = one_cell(np.concatenate([few, many])[rows], rows)
    assert found.effective < 600  # 200 positives of 20 texts, among 2,000 documents
    rows = np.concatenate([np.arange(200), np.repeat(np.arange(200, 380), 10)])
    found = one_cell(np.concatenate([rng.normal(1.5, 1, 200), many])[rows], rows)
    assert found.effective > 1000  # 1,800 negatives of 180 texts


def test_a_text_in_two_cells_is_no_repetition():
    scores, texts = again(2)
    cells = np.repeat([0, 1], 900)
    apart = estimate_cells(scores, cells, held(), draws=20, texts=texts)
    assert apart.shares == estimate_cells(scores, cells, held(), draws=20).shares
    assert [share.effective for share in apart] == [900, 900]


def test_parts_of_one_document_in_one_cell_weigh_as_the_whole():
    scores, texts = again(2)
    halves = estimate_cells(scores, np.zeros(1800, int), held(), weights=np.full(1800, 0.5), texts=texts)[0]
    assert (halves.n, halves.effective) == (900, pytest.approx(900))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 2**31), st.sampled_from(METHODS))
def test_repeated_texts_never_tell_more_and_never_less_than_one_of_each(texts, seed, method):
    rng = np.random.default_rng(seed)
    texts = np.array(texts)
    scores = rng.normal(0, 2, 7)[texts]
    order = rng.permutation(len(texts))
    found = one_cell(scores, texts, method, draws=10)
    assert 1 - 1e-9 <= found.effective <= len(texts) + 1e-9
    assert one_cell(scores[order], texts[order], method, draws=10) == found
    assert one_cell(scores, 6 - texts, method, draws=10) == found


def test_codes_of_texts_belong_to_the_scores():
    with pytest.raises(ShareError, match="3 scores, but 2 texts"):
        one_cell(np.zeros(3), np.zeros(2, int))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_coverage_where_few_positives_come_again_and_again(share):
    """The population that missed before: 5,000 documents with no more than 40 positives that differ."""
    inside, before, draws = 0, 0, 100
    for seed in range(draws):
        rng = np.random.default_rng([seed, 12])
        truth = np.arange(940) < 40
        known, pool = (rng.normal(np.where(truth, 1.5, -2.0), 1.3) for _ in range(2))
        calibration = Calibration.of(known, truth)
        positives = round(5000 * share)
        rows = np.concatenate([rng.integers(0, 40, positives), rng.integers(40, 940, 5000 - positives)])
        cells = np.zeros(5000, int)
        found = estimate_cells(pool[rows], cells, calibration, draws=100, texts=rows)[0]
        blind = estimate_cells(pool[rows], cells, calibration, draws=100)[0]
        inside += found.low <= share <= found.high
        before += blind.low <= share <= blind.high
    assert inside >= 0.93 * draws
    assert inside > before
