"""A user's judgements beside a corpus: what they mean together, what contradicts what, and the corpus of both.

The user's judgement counts where it differs from the corpus; within the user's files a contradiction is an error. A
patent that the corpus has by number or by text is joined label by label: it stays one document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

from ipclass.corpus import NOT_JUDGED, TITLE_WEIGHT, Corpus, Entry, Judged, near_key, plain_number
from ipclass.counts import Counts, learn, rows_of
from ipclass.counts import join as join_counts
from ipclass.errors import CorpusError
from ipclass.judgements import Finding, Row
from ipclass.labels import Label, LabelSet
from ipclass.model import Model
from ipclass.records import DEFINITIONS, LEAST_GRADE, Document
from ipclass.training import FEWEST_POSITIVES

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SAME_TEXT, NEAR_TEXT, SAME_PATENT = 0.999, 0.9, 0.5
"""Cosines of the terms of two texts: from the first on they are one text, from the second on they are kept on one side of
every split; a number stands for one patent in both places if the texts reach the third."""

_BLOCK = 500


@dataclass(frozen=True, eq=False)
class Joined:
    """A corpus with the user's judgements in it.

    ``mine`` marks the documents that the user judged, and ``fresh`` those of them that the corpus had not. ``documents``
    are the user's, by their places in the corpus. ``added`` counts the user's judgements by label and grade.
    """

    corpus: Corpus
    mine: Bools
    fresh: Bools
    documents: Mapping[int, Document]
    added: Mapping[str, Mapping[int, int]]
    errors: tuple[Finding, ...]
    notices: tuple[Finding, ...]


def labels_with(labels: LabelSet, more: Iterable[Label]) -> LabelSet:
    """Return the labels of both.

    Raises:
        CorpusError: A label is defined in both, and not in the same way.
    """
    found = {label.id: label for label in labels}
    for label in more:
        if label.id in found and found[label.id].source != label.source:
            raise CorpusError(
                f"the label {label.id!r} is defined twice, and not in the same way; give the new one an id of its own"
            )
        found[label.id] = label
    return LabelSet(tuple(found[id] for id in sorted(found)))


def merge(parts: Sequence[Corpus]) -> Corpus:
    """Return one corpus of several. Where two have the same document, by its id, their judgements are joined.

    Raises:
        CorpusError: Two define a label differently, or judge a document differently.
    """
    whole = parts[0]
    for part in parts[1:]:
        labels = labels_with(whole.labels, part.labels)
        place = {entry.id: place for place, entry in enumerate(whole.entries)}
        entries = list(whole.entries)
        kept = []
        for row, entry in enumerate(part.entries):
            if entry.id not in place:
                kept.append(row)
                continue
            before = entries[place[entry.id]]
            for label, grade in entry.grades.items():
                if before.grades.get(label, grade) != grade:
                    raise CorpusError(f"{entry.id}: {label} is {before.grades[label]} in one corpus and {grade} in another")
            entries[place[entry.id]] = replace(before, grades={**before.grades, **entry.grades})
        terms, counts = join_counts((whole.terms, whole.counts), (part.terms, rows_of(part.counts, np.array(kept, np.int64))))
        whole = Corpus(labels, (*entries, *(part.entries[row] for row in kept)), terms, counts)
    return whole


def only_judged(corpus: Corpus, rows: Sequence[Row]) -> Corpus:
    """Return ``corpus`` without documents, and with the labels that ``rows`` judge: for judgements that stand alone."""
    judged = {label for row in rows for label in row.grades}
    labels = LabelSet(tuple(label for label in corpus.labels if label.id in judged))
    return Corpus(labels, (), (), rows_of(corpus.counts, np.zeros(0, np.int64)))


def join(base: Corpus, rows: Sequence[Row], guard: Model | None = None, held_out: Sequence[Judged] = ()) -> Joined:
    """Return ``base`` with the judgements of ``rows``, and all there is to tell of them.

    Args:
        base: A corpus, whose labels are those of ``rows``; it may have no documents.
        rows: What was read; the ones of an error are left out of the result.
        guard: A model that tells which texts cannot be tagged; without one none is refused for its language.
        held_out: Documents to evaluate on: no row may have the text of one.
    """
    documents, errors, notices = _documents(rows)
    documents, refused = _sound(documents, guard, held_out)
    corpus, places, told = _beside(base, documents)
    mine = np.zeros(len(corpus), bool)
    mine[places] = True
    added: dict[str, Counter[int]] = {label: Counter() for label in corpus.labels.ids}
    for document in documents:
        for label, grade in document.grades.items():
            added[label][grade] += 1
    return Joined(
        corpus=corpus,
        mine=mine,
        fresh=mine & (np.arange(len(corpus)) >= len(base)),
        documents={place: each.document for place, each in zip(places.tolist(), documents, strict=True)},
        added=added,
        errors=(*errors, *refused, *_too_few(corpus)),
        notices=(*notices, *told),
    )


def unseen(corpus: Corpus, judged: Sequence[Judged]) -> list[Judged]:
    """Return those of ``judged`` that ``corpus`` does not hold, by number or by text, nor anything close to their text."""
    if not len(corpus) or not judged:
        return list(judged)
    terms, counts = join_counts(
        (corpus.terms, corpus.counts), learn((each.document.text for each in judged), corpus.labels.settings, TITLE_WEIGHT)
    )
    cosine = _Likeness.of(corpus, terms, counts).cosine
    numbers = {_number(entry.id) for entry in corpus.entries}
    return [
        each
        for each, near in zip(judged, cosine.tolist(), strict=True)
        if near < NEAR_TEXT and _number(each.entry.id) not in numbers
    ]


# What the rows mean together


@dataclass(frozen=True)
class _Mine:
    """A document that a user judged, in one row or more."""

    rows: tuple[Row, ...]
    grades: Mapping[str, int]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def document(self) -> Document:
        return self.first.document


def _documents(rows: Sequence[Row]) -> tuple[list[_Mine], list[Finding], list[Finding]]:
    """Return the documents that the rows judge, with what contradicts itself and what is there twice."""
    errors: list[Finding] = []
    notices: list[Finding] = []
    by_id: dict[str, _Mine] = {}
    by_text: dict[str, str] = {}
    for row in rows:
        text = text_key(row.document)
        id = by_text.get(text, row.document.id)
        if id not in by_id:
            by_id[id] = _Mine((row,), row.grades)
            by_text[text] = id
            continue
        known = by_id[id]
        if text_key(known.document) != text:
            told = (
                f"the id {id[:40]!r} stands for another text in {_where(known.first, row)}; give each document an id of its own"
            )
            errors.append(Finding(row.file, row.row, told))
            continue
        conflicts = [label for label, grade in row.grades.items() if known.grades.get(label, grade) != grade]
        if conflicts:
            label = conflicts[0]
            told = (
                f"{label} is judged {row.grades[label]}, but {known.grades[label]} in {_where(known.first, row)}: the same text"
            )
            errors.append(Finding(row.file, row.row, told))
            continue
        new = set(row.grades) - set(known.grades)
        told = f"adds {', '.join(sorted(new))} to" if new else "counts once: it is the same as"
        notices.append(Finding(row.file, row.row, f"{told} {_where(known.first, row)}"))
        by_id[id] = _Mine((*known.rows, row), {**known.grades, **row.grades})
    return list(by_id.values()), errors, notices


def _where(row: Row, seen_from: Row) -> str:
    return f"row {row.row}" if row.file == seen_from.file else row.place


def text_key(document: Document) -> str:
    """Return what two copies of a text have in common: its letters and digits, in small letters.

    >>> text_key(Document("A Kite.", "With a tail")) == text_key(Document("a kite", "with a tail!"))
    True
    """
    return " ".join(_WORD.findall(document.text.lower()))


_WORD = re.compile(r"[^\W_]+")


def _sound(documents: list[_Mine], guard: Model | None, held_out: Sequence[Judged]) -> tuple[list[_Mine], list[Finding]]:
    """Return the documents that can be learnt from, and what is wrong with the others."""
    asked = {key: judged.entry.id for judged in held_out for key in (text_key(judged.document), _number(judged.entry.id))}
    texts = [each.document.text for each in documents]
    reasons = guard.tag(texts).unscored if guard and texts else [""] * len(texts)
    kept, errors = [], []
    for each, reason in zip(documents, reasons, strict=True):
        row, told = each.first, ""
        if reason.startswith(_FOREIGN):
            told = f"cannot be tagged ({reason}), so nothing can be learnt from it"
        elif same := next((asked[key] for key in (text_key(row.document), _number(row.document.id)) if key in asked), ""):
            told = f"is {same} of the held-out documents; what is learnt from cannot be evaluated on"
        if told:
            errors.append(Finding(row.file, row.row, told))
        else:
            kept.append(each)
    return kept, errors


_FOREIGN = ("empty", "too short", "not English", "language")
"""How the reasons begin for which a text can never be tagged; one of unknown words may be of a new technology."""


def _number(id: str) -> str:
    """Return what ids of one patent have in common; ids that are none of a publication stay as they are."""
    plain = plain_number(id)
    return plain if _PUBLICATION.fullmatch(plain.upper()) else id


_PUBLICATION = re.compile(r"[A-Z]{2}[0-9]{5,}[0-9A-Z]*")


# What they mean beside the corpus


@dataclass(frozen=True)
class _Place:
    """Where a document of the user belongs: the place of the same one in the corpus, if it is there, and its group."""

    same: int | None
    group: str
    told: str = ""


def _beside(base: Corpus, documents: Sequence[_Mine]) -> tuple[Corpus, Ints, list[Finding]]:
    """Return the corpus of both, the places of ``documents`` in it, and each judgement that differs from the corpus."""
    written = learn((each.document.text for each in documents), base.labels.settings, TITLE_WEIGHT)
    terms, counts = join_counts((base.terms, base.counts), written)
    found = _placed(base, documents, _Likeness.of(base, terms, counts))
    entries = list(base.entries)
    places, fresh, notices = [], [], []
    for row, (each, place) in enumerate(zip(documents, found, strict=True), start=len(base)):
        if place.told:
            notices.append(Finding(each.first.file, each.first.row, place.told))
        if place.same is None:
            fresh.append(row)
            places.append(len(entries))
            first = each.first
            entries.append(Entry(first.document.id, first.year, first.office, first.origin, place.group, each.grades))
            continue
        places.append(place.same)
        known = entries[place.same]
        notices += [Finding(each.first.file, each.first.row, told) for told in _differences(known, each.grades)]
        entries[place.same] = replace(known, grades={**known.grades, **each.grades})
    rows = np.array([*range(len(base)), *fresh], np.int64)
    return Corpus(base.labels, tuple(entries), terms, rows_of(counts, rows)), np.array(places, np.int64), notices


def _differences(known: Entry, grades: Mapping[str, int]) -> list[str]:
    return [
        f"{known.id}: {label} is {known.grades[label]} in the corpus and {grade} here, which counts"
        for label, grade in grades.items()
        if known.grades.get(label, grade) != grade
    ]


def _placed(base: Corpus, documents: Sequence[_Mine], likeness: _Likeness) -> list[_Place]:
    numbers = {_number(entry.id): place for place, entry in enumerate(base.entries)}
    found: list[_Place] = []
    for row, each in enumerate(documents):
        numbered = numbers.get(_number(each.document.id))
        nearest, cosine = int(likeness.nearest[row]), float(likeness.cosine[row])
        earlier, resemblance = int(likeness.earlier[row]), float(likeness.resemblance[row])
        if numbered is not None and likeness.between(row, numbered) >= SAME_PATENT:
            place = _Place(numbered, base.entries[numbered].group)
        elif cosine >= SAME_TEXT:
            place = _Place(nearest, base.entries[nearest].group, f"is {base.entries[nearest].id} of the corpus: the same text")
        elif numbered is not None:
            told = f"the id {each.document.id[:40]} stands for another text in the corpus; taken for a document of its own"
            place = _Place(None, base.entries[numbered].group, told)
        elif cosine >= NEAR_TEXT:
            place = _Place(None, base.entries[nearest].group)
        elif resemblance >= NEAR_TEXT:
            place = _Place(None, found[earlier].group)
        else:
            place = _Place(None, near_key(each.document))
        found.append(place)
    return found


@dataclass(frozen=True, eq=False)
class _Likeness:
    """How much each document of the user resembles those of the corpus and the user's own before it: TF-IDF cosines.

    ``nearest`` is a place in the corpus and ``cosine`` its cosine; ``earlier`` is a place among the user's documents.
    """

    theirs: sp.csr_matrix
    mine: sp.csr_matrix
    nearest: Ints
    cosine: Floats
    earlier: Ints
    resemblance: Floats

    @classmethod
    def of(cls, base: Corpus, terms: Sequence[str], counts: Counts) -> _Likeness:
        whole = sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(counts), len(terms)))
        if not len(counts):
            return cls(whole, whole, *_nearest(whole, whole), *_nearest(whole, whole))
        n, weighted = len(base), TfidfTransformer(sublinear_tf=True, norm=None).fit_transform(whole)
        known = np.isin(np.array(terms), np.array(base.terms)) if n else np.ones(len(terms), bool)
        both = normalize(weighted[:, np.flatnonzero(known)])  # the corpus does not keep terms of one patent alone
        own = normalize(weighted[n:]) if len(counts) > n else weighted[n:]
        return cls(both[:n], both[n:], *_nearest(both[n:], both[:n]), *_nearest(own, own, before=True))

    def between(self, row: int, place: int) -> float:
        """Return the cosine of a document of the user and one of the corpus."""
        return float(self.mine[[row]].multiply(self.theirs[[place]]).sum())


def _nearest(rows: sp.csr_matrix, others: sp.csr_matrix, before: bool = False) -> tuple[Ints, Floats]:
    """Return for each row the most similar one of ``others``, and its cosine: with ``before``, of those above it."""
    place, cosine = np.zeros(rows.shape[0], np.int64), np.zeros(rows.shape[0])
    for start in range(0, rows.shape[0] if others.shape[0] else 0, _BLOCK):
        likeness = (rows[start : start + _BLOCK] @ others.T).toarray()
        if before:
            likeness = np.tril(likeness, start - 1)
        place[start : start + _BLOCK], cosine[start : start + _BLOCK] = likeness.argmax(axis=1), likeness.max(axis=1)
    return place, cosine


def _too_few(corpus: Corpus) -> list[Finding]:
    """Return which labels have too few judgements to learn from."""
    errors = []
    for label in corpus.labels.ids:
        grades = corpus.grades(label)
        judged = grades[grades != NOT_JUDGED]
        for definition in DEFINITIONS:
            positive = int((judged >= LEAST_GRADE[definition]).sum())
            short = [
                (n, kind) for n, kind in ((positive, "positive"), (len(judged) - positive, "negative")) if n < FEWEST_POSITIVES
            ]
            for n, kind in short:
                hint = (
                    ""
                    if kind == "positive"
                    else " (an empty cell is no 'no'; a label column needs rows of 'none', or --complete)"
                )
                told = f"{n} {kind} judgements under {definition}; at least {FEWEST_POSITIVES} are needed to learn from{hint}"
                errors.append(Finding(label, 0, told))
    return errors
