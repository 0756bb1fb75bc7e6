"""Judged patents nearest to a text, as evidence: what people said of documents that use the same terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from ipclass.corpus import AUTHORED, RESTATED, Corpus
from ipclass.counts import Counts, only
from ipclass.errors import CorpusError, InputError, LabelError, choices
from ipclass.model import Model
from ipclass.records import Document

NO_EVIDENCE = (AUTHORED, RESTATED)
"""Made up, or told anew: such documents teach the model, but no patent office has them."""


@dataclass(frozen=True)
class Neighbour:
    """A judged patent: its number, year and office, how it came into the corpus, and its grades (0, 1, 2).

    ``similarity`` is the cosine of the TF-IDF vectors, 0 to 1, and ``shared`` says what each common term adds to it, the
    largest first: they sum to the similarity. The corpus holds no sentences, so none can be shown.
    """

    id: str
    year: str
    office: str
    origin: str
    grades: Mapping[str, int]
    similarity: float
    shared: Mapping[str, float]


def nearest(model: Model, corpus: Corpus, document: Document | str, n: int = 5, label: str = "") -> tuple[Neighbour, ...]:
    """Return the ``n`` patents of ``corpus`` that are nearest to ``document``, the nearest first.

    Args:
        model: Whose terms and their document frequencies say what is near.
        corpus: Where to look; texts that were made up for the project or told anew are passed over.
        document: A document, or a text whose first line is the title; a text of one line is an abstract.
        n: The most to return. Patents that share no term with the document are none.
        label: Only patents that were judged for this label.

    Raises:
        InputError: ``n`` is less than 1.
        LabelError: The corpus has no such label.
        CorpusError: No patent in it was judged for the label.
    """
    if n < 1:
        raise InputError(f"{n} nearest patents: ask for 1 or more")
    if label and label not in corpus.labels.ids:
        raise LabelError(f"the corpus has no label {label!r}; {choices(label, corpus.labels.ids)}")
    real = [
        place
        for place, entry in enumerate(corpus.entries)
        if entry.origin not in NO_EVIDENCE and (label in entry.grades or not label)
    ]
    if not real:
        raise CorpusError(
            f"the corpus holds no patent that was judged{f' for {label}' if label else ''}, only texts made for it"
        )
    wanted = _vectors(model, model.lexicon.count([Document.of(document).text]))
    judged = _judged_vectors(model, corpus)[real]
    common = judged.multiply(wanted).tocsr()
    similar = np.asarray(common.sum(axis=1)).ravel()
    best = [row for row in np.argsort(-similar, kind="stable")[:n].tolist() if similar[row] > 0]
    return tuple(_neighbour(model, corpus, real[row], float(similar[row]), common[row]) for row in best)


def _judged_vectors(model: Model, corpus: Corpus) -> sp.csr_matrix:
    numbers = {term: number for number, term in enumerate(model.lexicon.terms)}
    terms, counts = only((corpus.terms, corpus.counts), np.array([term in numbers for term in corpus.terms], bool))
    return _vectors(model, counts, np.array([numbers[term] for term in terms], np.int64))


def _vectors(model: Model, counts: Counts, numbers: np.ndarray | None = None) -> sp.csr_matrix:
    """Return the TF-IDF vectors of texts by the model's terms, a row a text, of length 1 (or 0 without any term)."""
    columns = counts.terms if numbers is None else numbers[counts.terms]
    values = (1 + np.log(counts.values)) * model.idf[columns]
    matrix = sp.csr_matrix((values, columns, counts.starts), shape=(len(counts), len(model.lexicon.terms)))
    return normalize(matrix, copy=False)


def _neighbour(model: Model, corpus: Corpus, place: int, similarity: float, common: sp.csr_matrix) -> Neighbour:
    entry = corpus.entries[place]
    order = np.argsort(-common.data, kind="stable")
    shared = {model.lexicon.terms[common.indices[at]]: float(common.data[at]) for at in order}
    return Neighbour(entry.id, entry.year, entry.office, entry.origin, dict(entry.grades), similarity, shared)
