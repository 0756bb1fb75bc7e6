"""What makes a document urgent to judge: a committee of classifiers, or the phrases of a label that no model knows yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ipclass import active
from ipclass.active import NEVER
from ipclass.calibration import score_at
from ipclass.corpus import NOT_JUDGED, Corpus
from ipclass.counts import Counts, only
from ipclass.labels import LabelSet
from ipclass.model import Model, Target
from ipclass.records import LEAST_GRADE, Definition, Document
from ipclass.rules import Rules
from ipclass.scores import Floats
from ipclass.training import Recipe, fit_linear

MEMBERS = 5
FEWEST_SIDES = 2
"""A member that has fewer positives, or fewer negatives, to learn from says nothing."""

Criterion = tuple[str, Definition]
"""A label under a definition: what a document is urgent for."""


@dataclass(frozen=True, eq=False)
class Committee:
    """Classifiers of several criteria, side by side in one model: ``columns`` are those of each criterion's members.

    ``cuts`` are the scores from which the criteria's labels are assigned, in the same order.
    """

    model: Model
    criteria: tuple[Criterion, ...]
    columns: tuple[tuple[int, ...], ...]
    cuts: tuple[float, ...]

    def urgencies(self, documents: Sequence[Document]) -> Floats:
        """Return how urgent documents are, shape (documents, criteria)."""
        counts = self.model.lexicon.count([document.text for document in documents])
        found = np.empty((len(documents), len(self.criteria)))
        for place, (columns, cut) in enumerate(zip(self.columns, self.cuts, strict=True)):
            found[:, place] = active.urgency(self.model.score(counts, columns).T, cut)
        return found


def of_model(model: Model, corpus: Corpus, labels: Sequence[str], seed: int = 0) -> Committee:
    """Return the committee of ``model`` for ``labels``, its members fitted to resamples of ``corpus``.

    Of a label that too few documents of ``corpus`` are judged for, the model is the only member.
    """
    rows = features(model, aligned(corpus, model))
    weights: list[Floats] = []
    intercepts, members, cuts = [], [], []
    criteria = [(target.label, target.definition) for target in model.targets if target.label in labels]
    for label, definition in criteria:
        column = model.column(label, definition)
        fitted = members_of(rows, corpus, label, definition, seed) or [(model.weights[:, column], model.intercepts[column])]
        members.append(tuple(range(len(weights), len(weights) + len(fitted))))
        weights += [each for each, _ in fitted]
        intercepts += [intercept for _, intercept in fitted]
        cuts.append(cut_of(model.targets[column]))
    side_by_side = np.column_stack(weights) if weights else model.weights[:, :0]
    together = replace(model, weights=side_by_side, intercepts=np.array(intercepts))
    return Committee(together, tuple(criteria), tuple(members), tuple(cuts))


def cut_of(target: Target) -> float:
    """Return the score from which the label of ``target`` is assigned."""
    return float(score_at(target.threshold, target.platt))


def members_of(
    rows: sp.csr_matrix, corpus: Corpus, label: str, definition: Definition, seed: int = 0
) -> list[tuple[Floats, float]]:
    """Return the weights and the intercept of each member of a committee: classifiers fitted to resamples of ``corpus``.

    ``rows`` are the features of its documents. There are none if too few documents are judged for the label.
    """
    grades = corpus.grades(label) if label in corpus.labels.ids else np.full(len(corpus), NOT_JUDGED)
    judged = np.flatnonzero(grades != NOT_JUDGED)
    truth = grades[judged] >= LEAST_GRADE[definition]
    groups = [corpus.entries[place].group for place in judged.tolist()]
    found = []
    for sample in active.committee(groups, MEMBERS, seed) if len(judged) else ():
        if FEWEST_SIDES <= truth[sample].sum() <= len(sample) - FEWEST_SIDES:
            fitted = fit_linear(rows[judged[sample]], truth[sample], Recipe())
            found.append((fitted.weights, fitted.intercept))
    return found


def aligned(corpus: Corpus, model: Model) -> Counts:
    """Return the counts of ``corpus`` with the terms of ``model`` for columns; what the model has not met is left out."""
    numbers = {term: number for number, term in enumerate(model.lexicon.terms)}
    kept = np.array([term in numbers for term in corpus.terms], bool)
    terms, counts = only((corpus.terms, corpus.counts), kept)
    new = np.array([numbers[term] for term in terms], np.int64)
    return replace(counts, terms=new[counts.terms]) if len(terms) else counts


def features(model: Model, counts: Counts) -> sp.csr_matrix:
    """Return TF-IDF rows of length 1 as ``model`` weighs them, shape (documents, terms)."""
    data = (1 + np.log(counts.values)) * model.idf[counts.terms]
    row = np.repeat(np.arange(len(counts)), np.diff(counts.starts))
    lengths = np.sqrt(np.bincount(row, data**2, minlength=len(counts)))
    return sp.csr_matrix((data / lengths[row], counts.terms, counts.starts), shape=(len(counts), len(model.idf)))


@dataclass(frozen=True)
class Signs:
    """The phrases of labels that no model knows: to find the first documents to judge."""

    rules: Rules
    criteria: tuple[Criterion, ...]

    @classmethod
    def of(cls, labels: LabelSet) -> Signs:
        """Return the signs of ``labels``."""
        return cls(Rules(labels), tuple((label, definition) for label in labels.ids for definition in _BY_SIGNS))

    def urgencies(self, documents: Sequence[Document]) -> Floats:
        """Return how much phrases speak for each label, shape (documents, criteria); ``NEVER`` where none does.

        Under strict, documents with many strong phrases come first: likely positives, of which a rare label has few. Under
        broad it is the others, with supporting phrases alone: the border.
        """
        found = np.full((len(documents), len(self.criteria)), NEVER)
        for row, document in enumerate(documents):
            evidence = self.rules.evidence(document, (*document.cpc, *document.ipc))
            for place, (label, definition) in enumerate(self.criteria):
                signs = evidence[label]
                wanted = bool(signs.strong) == (definition == "strict")
                if wanted and (signs.strong or signs.phrases or signs.codes):
                    found[row, place] = len(signs.strong) + (len(signs.phrases) + len(signs.codes) - len(signs.against)) / 4
        return found


_BY_SIGNS: tuple[Definition, ...] = ("strict", "broad")
