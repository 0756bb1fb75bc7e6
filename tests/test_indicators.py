"""What figures made of shares promise: errors that are common cancel, and what cannot be said is withheld."""

from dataclasses import replace

import numpy as np
import pytest

from ipclass.calibration import Calibration
from ipclass.errors import ShareError
from ipclass.estimators import Estimates, estimate, estimate_cells
from ipclass.figures import Interval
from ipclass.indicators import (
    expected_counts,
    growth,
    growth_between,
    hhi,
    overlap,
    rank_intervals,
    rta,
    symmetric,
    top_share,
)

SIZES = (40_000, 40_000, 20_000, 400)
TRUE = (0.02, 0.08, 0.04, 0.05)


def draw(truth, rng):
    return rng.normal(np.where(truth, 1.5, -2.0), 1.3)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    rng = np.random.default_rng(0)
    truth = rng.random(4000) < 0.1
    return Calibration.of(draw(truth, rng), truth)


@pytest.fixture(scope="module")
def cells(calibration) -> Estimates:
    rng = np.random.default_rng(1)
    truth = np.concatenate([rng.random(n) < share for n, share in zip(SIZES, TRUE, strict=True)])
    return estimate_cells(draw(truth, rng), np.repeat(np.arange(4), SIZES), calibration)


def test_growth(cells):
    found = growth(cells, 0, 1, years=7)
    assert found.low < 4 ** (1 / 7) - 1 < found.high
    assert found.low < found.value < found.high


def test_common_errors_cancel_in_growth(cells):
    paired = growth(cells, 1, 2, years=1)
    shuffled = Estimates(cells.shares, np.stack([cells.draws[0], cells.draws[1][::-1], *cells.draws[2:]]), cells.level)
    apart = growth(shuffled, 1, 2, years=1)
    assert paired.high - paired.low < 0.9 * (apart.high - apart.low)


def test_growth_needs_a_start_above_the_floor(calibration):
    rng = np.random.default_rng(2)
    truth = np.concatenate([rng.random(20_000) < 0.003, rng.random(20_000) < 0.03])
    found = estimate_cells(draw(truth, rng), np.repeat([0, 1], 20_000), calibration, draws=50)
    assert found[0].below_floor
    withheld = growth(found, 0, 1, years=9)
    assert np.isnan([withheld.value, withheld.low, withheld.high]).all()
    assert "below the floor" in withheld.reason
    assert growth(found, 0, 1, years=9, audited=True).value > 0


def test_growth_stops_at_a_break(cells):
    broken = Estimates((cells[0], cells[1].marked("b")), cells.draws[:2], cells.level)
    assert "break" in growth(broken, 0, 1, years=9).reason


def test_growth_to_nothing_has_a_width(cells):
    gone = Estimates((cells[0], estimate_nothing(cells)), np.stack([cells.draws[0], np.zeros(500)]), cells.level)
    found = growth(gone, 0, 1, years=1)
    assert found.value == -1
    assert found.high > found.low


def estimate_nothing(cells):
    return replace(cells[0], share=0.0, low=0.0)


def test_growth_needs_time(cells):
    with pytest.raises(ShareError, match="after the start"):
        growth(cells, 0, 1, years=0)


def test_growth_between_audits():
    found = growth_between(0.01, 0.002, 0.04, 0.004, years=2)
    assert found.value == pytest.approx(1.0)
    half = 1.959964 * np.hypot(0.2, 0.1)
    assert found.low == pytest.approx(np.sqrt(4 * np.exp(-half)) - 1, rel=1e-5)
    assert "no positive" in growth_between(0.0, 0.001, 0.04, 0.004, years=2).reason


def test_rta(cells):
    common = np.dot(TRUE, SIZES) / sum(SIZES)
    found = rta(cells)
    for interval, share in zip(found[:3], TRUE, strict=False):
        assert interval.low < share / common < interval.high
    assert "400 documents, fewer than 500" in found[3].reason
    parts = cells.values * cells.sizes / (cells.values @ cells.sizes) / (cells.sizes / cells.sizes.sum())
    assert [interval.value for interval in found[:3]] == pytest.approx(parts[:3])


def test_rta_of_nothing(cells):
    nothing = Estimates((estimate_nothing(cells),), np.zeros((1, 500)), cells.level)
    assert "no positives" in rta(nothing)[0].reason


def test_symmetric():
    assert symmetric(Interval(1.0, 0.0, 3.0)) == Interval(0.0, -1.0, 0.5)
    assert symmetric(Interval.withheld("few")).reason == "few"


def test_ranks(cells):
    found = rank_intervals(cells)
    assert [rank.rank for rank in found[:3]] in ([4, 1, 3], [4, 1, 2])
    assert all(1 <= rank.low <= rank.rank <= rank.high <= 4 for rank in found)
    assert (found[1].low, found[1].high) == (1, 1)
    assert found[3].high - found[3].low >= 1  # 400 documents: anywhere around the third


def test_equal_cells_tie(cells):
    equal = Estimates((estimate_nothing(cells),) * 3, np.zeros((3, 10)), cells.level)
    assert {(rank.rank, rank.low, rank.high) for rank in rank_intervals(equal)} == {(1, 1, 3)}


def test_overlap():
    rng = np.random.default_rng(3)
    first = rng.random(40_000) < 0.1
    second = rng.random(40_000) < np.where(first, 0.4, 0.05)
    held_out = rng.random(4000) < 0.1
    calibration = Calibration.of(2 * draw(held_out, rng) + 3 * held_out, held_out)
    scores = np.column_stack([2 * draw(truth, rng) + 3 * truth for truth in (first, second)])
    found = overlap(scores, [calibration, calibration], draws=100)
    assert found.share == pytest.approx(found.share.T)
    assert found.share[0, 1] == pytest.approx(0.04, rel=0.2)
    assert found.low[0, 1] < found.share[0, 1] < found.high[0, 1]
    assert found.lift[0, 1] == pytest.approx(0.04 / (0.1 * 0.085), rel=0.3)
    assert found.lift_low[0, 1] > 1
    assert found.share[0, 0] == estimate(scores[:, 0], calibration, draws=100).share
    assert np.isnan(found.lift[1, 1])
    again = overlap(scores[::-1].copy(), [calibration, calibration], draws=100)
    assert np.array_equal(found.lift_high, again.lift_high, equal_nan=True)


def test_overlap_of_independent_labels_is_chance(calibration):
    rng = np.random.default_rng(4)
    scores = np.column_stack([draw(rng.random(40_000) < 0.1, rng) for _ in range(2)])
    found = overlap(scores, [calibration, calibration], draws=100)
    assert found.lift_low[0, 1] < 1 < found.lift_high[0, 1] or found.lift[0, 1] == pytest.approx(1, abs=0.1)


def test_overlap_needs_one_calibration_for_each_label(calibration):
    with pytest.raises(ShareError, match="shape"):
        overlap(np.zeros((5, 3)), [calibration, calibration])


@pytest.fixture(scope="module")
def holders():
    rng = np.random.default_rng(5)
    part = np.array([0.3, 0.2, 0.1] + [0.4 / 97] * 97)
    holder = rng.choice(100, 30_000, p=part)
    holder[:100] = np.arange(100)
    return part, draw(rng.random(30_000) < 0.05, rng), holder


def test_concentration(calibration, holders):
    part, scores, holder = holders
    counts = expected_counts(scores, holder, calibration)
    assert counts.expected.sum() == pytest.approx(30_000 * estimate(scores, calibration, draws=2).share, rel=1e-6)
    found = hhi(counts)
    assert found.low < np.sum(part**2) < found.high
    three = top_share(counts, 3)
    assert three.low < 0.6 < three.high
    assert three.high < top_share(counts, 50).value


def test_concentration_needs_positives(calibration, holders):
    _, scores, holder = holders
    order = np.argsort(scores)[:200]
    counts = expected_counts(scores[order], np.unique(holder[order], return_inverse=True)[1], calibration)
    assert "fewer than 50" in hhi(counts).reason
    assert "fewer than 50" in top_share(counts).reason


def test_one_holder_is_a_monopoly(calibration, holders):
    _, scores, _ = holders
    counts = expected_counts(scores, np.zeros(len(scores), int), calibration, draws=50)
    assert hhi(counts).value == pytest.approx(1)
    assert top_share(counts, 1).value == pytest.approx(1)
