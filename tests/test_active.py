"""What to judge next, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ipclass import active

NEVER = active.NEVER


def apart(n: int) -> sp.csr_matrix:
    """Return features of documents that have nothing in common."""
    return sp.csr_matrix(np.eye(n))


def chosen(*arguments: Any, **options: Any) -> npt.NDArray[np.int64]:
    return active.choose(*arguments, **options)[0]


def test_nearer_to_the_threshold_is_more_urgent_among_documents_that_the_committee_sees_alike() -> None:
    votes = np.array([[0.0, 0.5, 1.0, 3.0], [0.2, 0.7, 1.2, 3.2]])
    assert np.argsort(-active.urgency(votes, 1.0)).tolist() == [2, 1, 0, 3]


def test_disagreement_makes_a_document_urgent_and_a_committee_of_one_mind_does_not() -> None:
    votes = np.array([[2.0, 0.5], [2.0, 3.5]])
    agreed, disputed = active.urgency(votes, 1.0)
    assert disputed > agreed
    assert np.isfinite(active.urgency(np.zeros((3, 2)), 0.0)).all()


@given(arrays(np.float64, (4, 6), elements=st.floats(-5, 5)), st.floats(-2, 2))
def test_no_document_is_more_urgent_than_one_on_the_threshold(votes: npt.NDArray[np.float64], cut: float) -> None:
    found = active.urgency(votes, cut)
    assert (found <= 0).all()
    assert np.allclose(found, active.urgency(2 * cut - votes, cut), rtol=1e-6, atol=1e-6)  # both sides alike


def test_members_of_a_committee_learn_from_whole_groups_and_no_two_from_the_same() -> None:
    groups = [f"g{number % 17}" for number in range(102)]
    members = active.committee(groups, 5)
    for member in members:
        times = np.bincount(member, minlength=len(groups))
        for name in set(groups):
            assert len(set(times[np.array(groups) == name])) == 1
        assert 0 < len(set(member.tolist())) < len(groups)
        assert times.sum() == 102  # groups of one size
    assert len({tuple(member) for member in members}) == 5


def test_the_same_groups_and_seed_give_the_same_committee() -> None:
    groups = [f"g{number % 7}" for number in range(50)]
    same, again, other = active.committee(groups, 3), active.committee(groups, 3), active.committee(groups, 3, seed=1)
    assert all(np.array_equal(one, two) for one, two in zip(same, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(same, other, strict=True))


def test_criteria_take_turns_so_that_one_rare_label_is_not_crowded_out() -> None:
    urgencies = np.array([[0.0, -9], [-1, -8], [-2, -7], [-3, -6], [-4, -5]])
    assert chosen(urgencies, apart(5), 4).tolist() == [0, 4, 1, 3]
    assert active.choose(urgencies, apart(5), 4)[1].tolist() == [0, 1, 0, 1]


def test_a_criterion_with_nothing_left_leaves_its_turns_to_the_others() -> None:
    urgencies = np.array([[0.0, NEVER], [-1, NEVER], [-2, -1.0]])
    assert chosen(urgencies, apart(3), 5).tolist() == [0, 2, 1]
    assert chosen(np.full((3, 2), NEVER), apart(3), 5).tolist() == []
    assert chosen(np.zeros((3, 0)), apart(3), 5).tolist() == []


def test_of_near_duplicates_one_is_chosen_and_of_documents_that_differ_both() -> None:
    features = sp.csr_matrix(np.array([[1.0, 0, 0], [0.9, np.sqrt(0.19), 0], [0.6, 0.8, 0], [0, 0, 1]]))
    urgencies = np.array([[0.0], [-1], [-2], [-3]])
    assert chosen(urgencies, features, 4).tolist() == [0, 2, 3]
    assert chosen(urgencies, features, 4, alike=0.95).tolist() == [0, 1, 2, 3]


def test_nothing_like_what_is_taken_already_is_chosen() -> None:
    features = sp.csr_matrix(np.array([[1.0, 0], [1, 0], [0, 1]]))
    assert chosen(np.zeros((3, 1)), features, 3, taken=[1]).tolist() == [2]


@given(arrays(np.float64, (8, 3), elements=st.floats(-9, 0)), st.integers(0, 10))
def test_no_document_is_chosen_twice_and_as_many_as_there_are(urgencies: npt.NDArray[np.float64], n: int) -> None:
    found = chosen(urgencies, apart(8), n)
    assert len(set(found.tolist())) == len(found) == min(n, 8)
    if n:
        assert urgencies[found[0], 0] == urgencies[:, 0].max()


@pytest.mark.parametrize(("n", "explore", "drawn"), [(50, 0.1, 5), (3, 0.1, 1), (50, 0, 0), (50, 1, 50), (20, 0.5, 10)])
def test_the_random_part_is_never_nothing_unless_it_is_to_be(n: int, explore: float, drawn: int) -> None:
    assert active.random_part(n, explore) == drawn
