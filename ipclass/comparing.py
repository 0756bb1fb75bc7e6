"""Two models compared out of fold: each document is judged by classifiers that had not seen it, on both sides.

A new model comes with its scores of the documents outside each fold. The old one is asked about texts that it has not seen;
what it has learnt from is scored by the classifiers of its own folds, if it can be made again from what is at hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ipclass import gate, training
from ipclass.corpus import Corpus
from ipclass.counts import rows_of
from ipclass.errors import CorpusError
from ipclass.gate import Comparison, Paired
from ipclass.joining import Joined, text_key
from ipclass.model import Model
from ipclass.records import DEFINITIONS, LEAST_GRADE, Definition, Document
from ipclass.training import Trained

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

CLOSE = 0.02
"""How far the held-out scores of two fits of one corpus lie apart at most, on whatever machines they were made."""


def mark_of(document: Document) -> str:
    """Return by what a model remembers that it learnt from a text of a user: twelve digits of its sha256.

    >>> mark_of(Document("A kite", "")) == mark_of(Document("a KITE!", ""))
    True
    """
    return hashlib.sha256(text_key(document).encode("utf-8", "replace")).hexdigest()[:12]


def marks(documents: Iterable[Document]) -> list[str]:
    """Return the marks of ``documents``, sorted."""
    return sorted(map(mark_of, documents))


def marked_by(model: Model) -> set[str]:
    """Return the marks of the texts of a user that ``model`` has learnt from."""
    told = model.facts.get("seen", [])
    return {mark for mark in told if isinstance(mark, str)} if isinstance(told, list) else set()


def out_of_fold(base: Corpus, joined: Joined, trained: Trained, old: Model, jobs: int = 1) -> Comparison:
    """Return ``old`` and the model in ``trained`` compared on all documents of which neither has seen the judgement.

    ``base`` is the corpus without the user's judgements and ``joined`` with them, which ``trained`` has learnt from.
    """
    marked = marked_by(old)
    seen = np.array([place for place, each in joined.documents.items() if mark_of(each) in marked], np.int64)
    fresh = np.setdiff1d(np.flatnonzero(joined.fresh), seen)
    theirs = np.concatenate([np.arange(len(base)), seen[seen >= len(base)]])
    reference = _again(base, joined, theirs, seen, old, jobs)
    pairs = list(_pairs(joined, trained, old, fresh, theirs, reference))
    told = f"{len(fresh):,} new documents"
    if reference is None:
        return gate.compare(old, trained.model, pairs, f"{told}, out of fold; the old model may have seen all others")
    return gate.compare(
        old, trained.model, pairs, f"{len(theirs):,} documents that the old model learnt from and {told}, out of fold"
    )


def _again(base: Corpus, joined: Joined, rows: Ints, seen: Ints, old: Model, jobs: int) -> Trained | None:
    """Return the old model fitted anew on ``rows``, for its scores outside of folds; nothing if that does not make it again.

    Judgements of the user that it has not seen are not in it: there those of the corpus count.
    """
    entries = list(joined.corpus.entries)
    for place in set(range(len(base))) - set(seen.tolist()):
        entries[place] = base.entries[place]
    corpus = Corpus(old.labels, tuple(entries[row] for row in rows), joined.corpus.terms, rows_of(joined.corpus.counts, rows))
    try:
        again = training.fit(corpus, training.recipe_of(old), jobs)
    except CorpusError:  # it learnt from something else: here are too few judgements of its labels
        return None
    return again if _close(again.model, old) else None


def _close(one: Model, other: Model) -> bool:
    """Say whether two models are fits of one corpus."""
    return list(one.lexicon.terms) == list(other.lexicon.terms) and all(
        ours.held_out.shape == theirs.held_out.shape and np.allclose(ours.held_out, theirs.held_out, atol=CLOSE)
        for ours, theirs in zip(one.targets, other.targets, strict=True)
    )


def _pairs(
    joined: Joined, trained: Trained, old: Model, fresh: Ints, theirs: Ints, reference: Trained | None
) -> Iterator[Paired]:
    """Yield what both models say, target by target, wherever both were judged out of fold."""
    corpus = joined.corpus
    groups = np.array(corpus.groups(), dtype=object)
    texts = [joined.documents[place].text for place in fresh.tolist()]
    for definition in DEFINITIONS:
        tags = old.tag(texts, definition) if texts else None
        for label in (label for label in corpus.labels.ids if label in old.labels.ids):
            before, known = np.zeros(len(corpus), bool), np.zeros(len(corpus), bool)
            if reference is not None:
                before[theirs], known[theirs] = _assigned(reference, definition, label)
            if tags is not None:
                before[fresh], known[fresh] = tags.assigned[:, tags.labels.index(label)], True
            after, judged = _assigned(trained, definition, label)
            rows = np.flatnonzero(known & judged)
            truth = corpus.grades(label)[rows] >= LEAST_GRADE[definition]
            yield Paired(definition, label, truth, before[rows], after[rows], groups[rows].tolist())


def _assigned(trained: Trained, definition: Definition, label: str) -> tuple[Bools, Bools]:
    """Return where a label is assigned by classifiers that had not seen the document, and where it was judged at all."""
    fitted = trained.fitted[trained.model.column(label, definition)]
    judged = ~np.isnan(fitted.unseen)
    return fitted.target.platt(np.nan_to_num(fitted.unseen)) >= fitted.target.threshold, judged
