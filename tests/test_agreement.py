"""Agreement of two judges, beside the packages that others trust."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ipclass import agreement
from ipclass.agreement import Scale

Ints = npt.NDArray[np.int64]
GRADES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60)


def judges(pairs: list[tuple[int, int]]) -> tuple[Ints, Ints]:
    both = np.array(pairs, np.int64)
    return both[:, 0], both[:, 1]


@given(GRADES)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    one, two = judges(pairs)
    found = float(agreement.kappa(agreement.table_of(one, two, 3)[None])[0])
    if len({*one.tolist(), *two.tolist()}) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(cohen_kappa_score(one, two, labels=[0, 1, 2]))


@pytest.mark.parametrize("scale", ["nominal", "ordinal"])
@given(pairs=GRADES)
def test_alpha_is_that_of_the_package_krippendorff(pairs: list[tuple[int, int]], scale: Scale) -> None:
    krippendorff: Any = pytest.importorskip("krippendorff")
    one, two = judges(pairs)
    found = float(agreement.alpha(agreement.table_of(one, two, 3)[None], scale)[0])
    if len({*one.tolist(), *two.tolist()}) == 1:
        assert math.isnan(found)
    else:
        theirs = krippendorff.alpha(np.array([one, two]), level_of_measurement=scale, value_domain=[0, 1, 2])
        assert found == pytest.approx(theirs)


@given(GRADES, st.integers(0, 3))
def test_figures_lie_in_their_intervals_and_these_in_their_bounds(pairs: list[tuple[int, int]], seed: int) -> None:
    for each in agreement.by_view(*judges(pairs), draws=50, seed=seed).values():
        assert each.documents == len(pairs)
        for figure in (each.raw, each.kappa, each.alpha):
            if not figure.reason:
                assert figure.low <= figure.value <= figure.high <= 1 + 1e-9
        assert each.raw.low >= 0
        assert each.disagreed == round((1 - each.raw.value) * len(pairs))


def test_judges_who_never_differ_agree_fully_but_the_interval_says_how_little_was_seen() -> None:
    few, many = (agreement.by_view(*(2 * [np.tile([0, 1, 2], n)]))["grades"] for n in (3, 100))
    for found in (few, many):
        assert found.disagreed == 0
        assert found.raw.value == found.kappa.value == found.alpha.value == 1
        assert found.kappa.high == 1
    assert few.kappa.low < 0.6 < 0.97 < many.kappa.low < 1
    assert few.raw.low < many.raw.low < 1


def test_a_wide_disagreement_weighs_more_on_the_ordinal_scale_alone() -> None:
    base = [(0, 0)] * 10 + [(1, 1)] * 10 + [(2, 2)] * 10
    near, far = (agreement.by_view(*judges([*base, pair]))["grades"] for pair in ((1, 2), (0, 2)))
    assert near.alpha.value > far.alpha.value
    tables = [agreement.table_of(*judges([*base, pair]), 3)[None] for pair in ((1, 2), (0, 2))]
    nominal = [agreement.alpha(table, "nominal")[0] for table in tables]
    assert nominal[0] == pytest.approx(nominal[1], abs=0.002)


def test_the_border_between_grades_counts_for_the_definition_that_draws_it() -> None:
    found = agreement.by_view(*judges([(0, 0)] * 5 + [(2, 2)] * 5 + [(1, 2)] * 4))
    assert found["broad"].disagreed == 0
    assert found["strict"].disagreed == found["grades"].disagreed == 4


def test_one_value_alone_leaves_kappa_and_alpha_undefined_and_raw_agreement_not() -> None:
    found = agreement.by_view(np.zeros(9, np.int64), np.zeros(9, np.int64))["strict"]
    assert found.raw.value == 1
    assert found.kappa.reason == found.alpha.reason == "both judges gave all documents one value"
    assert "not defined" in agreement.as_table({"kites": {"strict": found}})


def test_no_document_is_no_agreement() -> None:
    with pytest.raises(ValueError, match="judged by both"):
        agreement.by_view(np.zeros(0, np.int64), np.zeros(0, np.int64))


def test_intervals_cover_at_about_their_level() -> None:
    rng = np.random.default_rng(1)
    truth = np.array([[60, 5, 1], [4, 12, 3], [0, 3, 12]]) / 100
    real = float(agreement.kappa(np.round(truth * 1e6).astype(np.int64)[None])[0])
    tables = rng.multinomial(200, truth.ravel(), 200).reshape(-1, 3, 3)
    found = [agreement.between(table, "ordinal", draws=400).kappa for table in tables]
    assert 0.90 <= np.mean([each.low <= real <= each.high for each in found]) <= 0.99
