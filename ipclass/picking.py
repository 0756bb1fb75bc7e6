"""From a table to the documents to judge next: what is urgent, what was drawn at random, none twice, none judged before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ipclass import active, committees, pool
from ipclass.active import NEVER
from ipclass.committees import Committee, Criterion, Signs
from ipclass.corpus import PICKED, REPRESENTATIVE, Corpus
from ipclass.errors import InputError, LabelError, choices
from ipclass.files import Source
from ipclass.labels import LabelSet
from ipclass.labelsheets import Asked
from ipclass.model import Model
from ipclass.pool import Known, Looked, Pool
from ipclass.records import Definition, Document
from ipclass.scores import Bools

_KEPT_FOR_ONE = 10
_KEPT_AT_LEAST = 300
"""So many documents are kept for each to be chosen, and at least so many a criterion: near-duplicates fall out later."""

_BLOCK = 500


@dataclass(frozen=True)
class Wanted:
    """What to choose: ``n`` documents to judge for ``labels`` (none: all there are), ``explore`` of them at random."""

    labels: tuple[str, ...] = ()
    n: int = 50
    explore: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Picked:
    """What was chosen, in random order, for which labels, and what became of the rest of the table."""

    asked: tuple[Asked, ...]
    labels: LabelSet
    seen: int
    left_out: Mapping[str, int]


def pick(
    source: Source,
    model: Model,
    corpus: Corpus,
    judged: Sequence[Document],
    wanted: Wanted,
    tell: Callable[[str], None] = lambda line: None,
) -> Picked:
    """Return documents of ``source`` to judge next.

    Labels that ``model`` has are looked at by a committee fitted to resamples of ``corpus``, others by their phrases.

    Args:
        source: The table, which is read once.
        model: The model as it is now.
        corpus: All that is judged, the user's judgements with it; its labels are those there can be.
        judged: Documents of ``corpus`` whose texts are known.
        wanted: What to choose.
        tell: Is told how far things are.

    Raises:
        LabelError: There is no such label.
        InputError: A row cannot be read, or the table holds nothing to judge.
    """
    labels = _wanted_labels(wanted, corpus, model)
    known_to_model = [label for label in labels.ids if label in model.labels.ids]
    tell(f"fitting committees of {committees.MEMBERS} for {', '.join(known_to_model)}" if known_to_model else "")
    committee = committees.of_model(model, corpus, known_to_model, wanted.seed)
    signs = Signs.of(LabelSet(tuple(label for label in labels if label.id not in known_to_model)))
    tell(f"reading {source.path}")
    drawn = active.random_part(wanted.n, wanted.explore)
    found = pool.read(
        source,
        lambda documents: _look(documents, model, committee, signs),
        Known.of([entry.id for entry in corpus.entries], judged),
        keep=_KEPT_AT_LEAST + _KEPT_FOR_ONE * wanted.n,
        draw=2 * drawn + _KEPT_FOR_ONE * bool(drawn),
        seed=wanted.seed,
    )
    asked, alike = _chosen(found, model, corpus, (*committee.criteria, *signs.criteria), wanted, drawn)
    left_out = {**found.left_out, **({"like a judged document": alike} if alike else {})}
    if not asked:
        raise InputError(f"{source.path}: nothing to judge among {found.seen:,} documents{_why_not(left_out)}")
    return Picked(asked, labels, found.seen, left_out)


def _wanted_labels(wanted: Wanted, corpus: Corpus, model: Model) -> LabelSet:
    known = {label.id: label for label in (*model.labels, *corpus.labels)}
    for label in wanted.labels:
        if label not in known:
            raise LabelError(f"no label {label!r}; {choices(label, known)}")
    return LabelSet(tuple(known[id] for id in sorted(wanted.labels or known)))


def _look(documents: Sequence[Document], model: Model, committee: Committee, signs: Signs) -> Looked:
    reasons = model.tag([document.text for document in documents]).unscored
    parts = [committee.urgencies(documents), signs.urgencies(documents)]
    return np.hstack(parts), reasons


def _why_not(left_out: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
    return f" ({reasons})" if reasons else ""


def _chosen(
    found: Pool, model: Model, corpus: Corpus, criteria: Sequence[Criterion], wanted: Wanted, drawn: int
) -> tuple[tuple[Asked, ...], int]:
    """Return what to ask for, in random order, and how many documents of the pool are too much like a judged one."""
    rows = committees.features(model, model.lexicon.count([document.text for document in found.documents]))
    stale = _stale(rows, committees.features(model, committees.aligned(corpus, model)))
    random = _apart([place for place in found.drawn.tolist() if not stale[place]], rows, drawn)
    urgencies = np.where(stale[:, None], NEVER, found.urgencies)
    picked, by = active.choose(urgencies, rows, wanted.n - len(random), taken=random)
    why = dict.fromkeys(random, "drawn at random")
    why |= {place: _why(found.documents[place], criteria[at], model) for place, at in zip(picked.tolist(), by, strict=True)}
    order = np.random.default_rng([wanted.seed, 7]).permutation(sorted(why))
    asked = (
        Asked(found.documents[place], REPRESENTATIVE if place in random else PICKED, why[place]) for place in order.tolist()
    )
    return tuple(asked), int(stale.sum())


def _stale(rows: sp.csr_matrix, judged: sp.csr_matrix) -> Bools:
    """Return which documents are too much like one that is judged."""
    found = np.zeros(rows.shape[0], bool)
    for start in range(0, rows.shape[0], _BLOCK):
        likeness = rows[start : start + _BLOCK] @ judged.T
        found[start : start + _BLOCK] = likeness.max(axis=1).toarray().ravel() >= active.TOO_ALIKE if judged.shape[0] else False
    return found


def _apart(places: Sequence[int], rows: sp.csr_matrix, n: int) -> list[int]:
    """Return the first ``n`` of ``places`` that are not too much alike."""
    found: list[int] = []
    for place in places:
        if len(found) < n and not any((rows[[place]] @ rows[[other]].T).sum() >= active.TOO_ALIKE for other in found):
            found.append(place)
    return found


def _why(document: Document, criterion: Criterion, model: Model) -> str:
    """Return why a document was picked, in words."""
    label, definition = criterion
    if label not in model.labels.ids:
        return f"{label}: phrases of its label file ({'strong ones' if definition == 'strict' else 'supporting ones alone'})"
    target = model.targets[model.column(label, definition)]
    probability = float(_probability(document, model, label, definition))
    return f"{label} ({definition}): probability {probability:.2f}, assigned from {target.threshold:.2f}"


def _probability(document: Document, model: Model, label: str, definition: Definition) -> float:
    tags = model.tag([document.text], definition)
    return float(tags.probabilities[0, tags.labels.index(label)])
