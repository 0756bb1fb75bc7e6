from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from ipclass import scores

PAIRS = st.lists(st.tuples(st.integers(0, 10).map(lambda n: n / 10), st.booleans()), min_size=2, max_size=40)


def unzip(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p for p, _ in pairs]), np.array([t for _, t in pairs], bool)


@given(PAIRS)
def test_metrics_equal_those_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    sure, truth = unzip(pairs)
    assigned = sure >= 0.5
    if truth.any():
        assert scores.average_precision(sure, truth) == pytest.approx(metrics.average_precision_score(truth, sure))
        assert scores.recall(assigned, truth) == pytest.approx(metrics.recall_score(truth, assigned))
    if assigned.any() or truth.any():
        assert scores.f1(assigned, truth) == pytest.approx(metrics.f1_score(truth, assigned))
    assert scores.brier(sure, truth) == pytest.approx(float(np.mean((sure - truth) ** 2)))


def test_a_metric_without_a_case_is_nan_and_not_zero() -> None:
    none = np.zeros(3, bool)
    assert math.isnan(scores.precision(none, ~none))
    assert math.isnan(scores.recall(~none, none))
    assert math.isnan(scores.f1(none, none))
    assert math.isnan(scores.average_precision(np.ones(3), none))
    assert math.isnan(scores.brier(np.zeros(0), np.zeros(0, bool)))


def test_platt_equals_logistic_regression_without_penalty() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(4000) < 0.2
    score = rng.normal(truth * 1.5, 1.0)
    curve = scores.fit_platt(score, truth)
    other = LogisticRegression(C=np.inf).fit(score[:, None], truth)
    assert curve.slope == pytest.approx(other.coef_[0, 0], rel=0.01)
    assert curve.offset == pytest.approx(other.intercept_[0], rel=0.01)


def test_platt_needs_both_classes() -> None:
    with pytest.raises(ValueError, match="0 positives"):
        scores.fit_platt(np.arange(3.0), np.zeros(3, bool))


@given(PAIRS, st.floats(1e-3, 1e3), st.floats(-1e6, 1e6))
def test_platt_gives_the_same_probabilities_wherever_the_scores_lie_and_however_wide(
    pairs: list[tuple[float, bool]], scale: float, shift: float
) -> None:
    score, truth = unzip([*pairs, (0.0, True), (1.0, False)])
    moved = (score + shift) * scale
    assert scores.fit_platt(moved, truth)(moved) == pytest.approx(scores.fit_platt(score, truth)(score), abs=1e-6)


@given(PAIRS, st.floats(-1e6, 1e6))
def test_platt_converges_on_scores_far_from_zero(pairs: list[tuple[float, bool]], shift: float) -> None:
    score, truth = unzip([*pairs, (0.0, False), (1.0, True)])
    target = np.where(truth, (truth.sum() + 1) / (truth.sum() + 2), 1 / ((~truth).sum() + 2))
    left = scores.fit_platt(score + shift, truth)(score + shift) - target
    assert abs(left.sum()) < 1e-6  # both slopes of the likelihood are nought where it is highest
    assert abs((left * score).sum()) < 1e-6


@pytest.mark.parametrize("score", [0.0, 0.1, -7e5])
def test_platt_learns_from_scores_that_are_all_alike_only_how_frequent_positives_are(score: float) -> None:
    curve = scores.fit_platt(np.full(7, score), np.arange(7) < 2)
    assert curve.slope == 0
    assert curve(np.array([score, score + 1])) == pytest.approx((2 * 3 / 4 + 5 / 7) / 7)


def test_platt_survives_separable_scores() -> None:
    curve = scores.fit_platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    sure = curve(np.array([-2.0, 2.0]))
    assert 0 < sure[0] < 0.5 < sure[1] < 1


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=30))
def test_the_threshold_has_the_highest_expected_f1(values: list[float]) -> None:
    sure = np.array(values)

    def expected(threshold: float) -> float:
        assigned = sure >= threshold
        return float(2 * sure[assigned].sum() / (assigned.sum() + sure.sum()))

    assert expected(scores.best_threshold(sure)) >= max(map(expected, values)) - 1e-9


def test_perfect_calibration_has_no_error_and_its_opposite_has() -> None:
    truth = np.array([True, False])
    assert scores.calibration_error(truth.astype(float), truth) == 0
    assert scores.calibration_error((~truth).astype(float), truth) == 1


def test_the_bootstrap_interval_holds_the_mean_and_is_repeatable() -> None:
    values = np.random.default_rng(1).normal(3, 1, 200)
    low, high = scores.bootstrap(lambda rows: float(values[rows].mean()), 200, 500)
    assert low < values.mean() < high
    assert (low, high) == scores.bootstrap(lambda rows: float(values[rows].mean()), 200, 500)


def test_a_statistic_that_is_never_defined_has_no_interval() -> None:
    low, high = scores.bootstrap(lambda rows: math.nan, 5, 20)
    assert math.isnan(low)
    assert math.isnan(high)


def test_expit_does_not_overflow() -> None:
    assert scores.expit(np.array([-1e9, 0, 1e9])).tolist() == [0, 0.5, 1]
