"""What to judge next: documents on whose side of the threshold a committee is least sure, none of them much like another.

Arrays in, places out. Measured on judged patents beside random choice and plain margins: ``benchmarks/README.md``, active.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ipclass.scores import Bools, Floats

Ints = npt.NDArray[np.int64]

TOO_ALIKE = 0.8
"""Documents of a higher cosine teach the same twice."""

NEVER = -np.inf
"""The urgency of a document that is not to be chosen."""

_LEAST_SPREAD = 0.02  # of scores; members that agree to the last digit are not infinitely sure


def urgency(votes: Floats, cut: float) -> Floats:
    """Return how much each document should be judged, the higher the more: 0 at the cut, below 0 away from it.

    It is minus the distance of the mean vote from ``cut``, in units of the spread of the votes: a document far from the
    threshold is urgent where the committee is at odds, one near it where the committee is of one mind.

    Args:
        votes: The scores that the members of a committee give, shape (members, documents).
        cut: The score from which a label is assigned.

    Source: the learning function U of Echard, Gayton and Lemaire (2011), "AK-MCS: an active learning reliability method",
    Structural Safety 33, with a committee (Seung, Opper and Sompolinsky 1992) in the place of their kriging model.

    >>> urgency(np.array([[0.0, 2.0, 2.0], [0.0, 2.0, 4.0]]), 1.0).round(1).tolist()
    [-50.0, -50.0, -2.0]
    """
    return np.asarray(-np.abs(votes.mean(axis=0) - cut) / (votes.std(axis=0) + _LEAST_SPREAD))


def committee(groups: Sequence[str], members: int, seed: int = 0) -> list[Ints]:
    """Return the places of the documents that each member learns from: as many groups as there are, drawn with replacement.

    Groups (near-duplicates, families) stay whole; a document of a group drawn twice stands there twice. The same groups and
    seed give the same committee.

    Source: Breiman (1996), "Bagging predictors"; Abe and Mamitsuka (1998), "Query learning strategies using boosting and
    bagging".
    """
    names, group = np.unique(np.array(groups), return_inverse=True)
    rng = np.random.default_rng([seed, 5])
    places = np.arange(len(group))
    times = (np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[group] for _ in range(members))
    return [np.repeat(places, often) for often in times]


def choose(
    urgencies: Floats, features: sp.csr_matrix, n: int, *, taken: Sequence[int] = (), alike: float = TOO_ALIKE
) -> tuple[Ints, Ints]:
    """Return the places of ``n`` documents to judge, or of fewer if not so many differ, and the criterion that took each.

    The criteria take turns: each takes the document that it finds most urgent among those left that are not too much like
    one taken before. So a rare label, or a definition, has its share of the judgements whatever the others need.

    Args:
        urgencies: How urgent each document is by each criterion, shape (documents, criteria); ``NEVER`` bars it.
        features: Rows of length 1, shape (documents, terms).
        n: How many to choose.
        taken: Places of documents that are chosen already; others like them are not.
        alike: The cosine from which two documents are too much alike.
    """
    barred = np.zeros(len(urgencies), bool)
    for place in taken:
        barred |= _like(features, place, alike)
    ranked = np.argsort(-urgencies, axis=0, kind="stable")
    turns = [iter(ranked[urgencies[ranked[:, column], column] > NEVER, column].tolist()) for column in range(ranked.shape[1])]
    chosen: list[tuple[int, int]] = []
    waiting = list(enumerate(turns))
    while waiting and len(chosen) < n:
        criterion, turn = waiting.pop(0)
        for place in turn:
            if not barred[place]:
                chosen.append((place, criterion))
                barred |= _like(features, place, alike)
                waiting.append((criterion, turn))
                break
    found = np.array(chosen, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _like(features: sp.csr_matrix, place: int, alike: float) -> Bools:
    """Return which documents are too much like one of them, itself among them."""
    found = np.asarray((features @ features[[place]].T).toarray()).ravel() >= alike
    found[place] = True
    return found


def random_part(n: int, explore: float) -> int:
    """Return how many of ``n`` documents are drawn at random.

    >>> random_part(50, 0.1), random_part(5, 0.1), random_part(50, 0.0)
    (5, 1, 0)
    """
    return 0 if explore <= 0 else max(1, round(n * explore))
