"""A table of documents read once, however long: what is urgent to judge and what was drawn is kept, all else forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ipclass import files
from ipclass.corpus import near_key, plain_number
from ipclass.errors import InputError
from ipclass.files import Block, RowError, Source
from ipclass.records import Document
from ipclass.scores import Bools, Floats

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """Documents that are judged already: their numbers, and what their near-duplicates have in common with them."""

    numbers: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: Sequence[str], documents: Sequence[Document]) -> Known:
        """Return what ``documents`` are known by, and documents of which nothing but the ``ids`` is known."""
        numbers = {plain_number(id) for id in (*ids, *(document.id for document in documents))}
        return cls(frozenset(numbers - {""}), frozenset(map(near_key, documents)) - {""})

    def has(self, document: Document) -> bool:
        """Return whether ``document``, or one very like it, is judged."""
        return plain_number(document.id) in self.numbers or near_key(document) in self.keys


@dataclass(frozen=True, eq=False)
class Pool:
    """What was kept of a table, in its order.

    ``rows`` are the places in the table, from 1; ``urgencies`` have shape (documents, criteria). ``drawn`` are places among
    ``documents`` in the order of a random draw from all rows. ``left_out`` counts the rows of the table that were not to be
    chosen, by reason; near-duplicates are counted where they would have been kept.
    """

    documents: tuple[Document, ...]
    rows: Ints
    urgencies: Floats
    drawn: Ints
    seen: int
    left_out: Mapping[str, int]


JUDGED, TWICE = "judged already", "near-duplicates within the table"

Unscored = Callable[[Sequence[str]], Sequence[str]]
"""Returns for each text the reason why it cannot be tagged, or nothing."""


def read(
    source: Source,
    urgencies: Callable[[Sequence[Document]], Floats],
    unscored: Unscored,
    known: Known,
    *,
    keep: int,
    draw: int,
    seed: int = 0,
) -> Pool:
    """Return the ``keep`` most urgent documents of ``source`` by each criterion, and ``draw`` drawn at random.

    Memory does not grow with the table. The same table and seed give the same pool, however the table is cut into blocks.

    Args:
        source: The table.
        urgencies: Returns how urgent documents are, shape (documents, criteria).
        unscored: Returns why texts cannot be tagged; such documents are not kept.
        known: Documents not to be judged again.
        keep: How many to keep a criterion.
        draw: How many to draw.
        seed: Of the draw.

    Raises:
        InputError: A row cannot be read.
    """
    rng = np.random.default_rng([seed, 6])
    kept = _Kept(keep, draw, known, unscored)
    for before, documents in _documents(source):
        kept.add(before, documents, urgencies(documents), rng.random(len(documents)))
    return kept.pool()


def _documents(source: Source) -> Iterator[tuple[int, list[Document]]]:
    """Yield the documents of each block, with the number of rows before it."""
    before = 0
    for raw in source.blocks():
        try:
            block = files.parse(raw, source.layout)
        except RowError as error:
            raise InputError(f"{source.path}, row {before + error.row}: {error.problem}") from error
        if len(block):
            ids = _ids(block, source)
            halves = (text.partition("\n") for text in block.texts)
            yield before, [Document(title, abstract, id) for (title, _, abstract), id in zip(halves, ids, strict=True)]
        before += len(block)


def _ids(block: Block, source: Source) -> list[str]:
    if block.frame is not None and source.layout.id:
        return ["" if id is None else str(id) for id in block.frame[source.layout.id].to_list()]
    return [files.id_of(block, row, source.layout) for row in range(len(block))]


@dataclass
class _Kept:
    """The documents kept so far, and the bars that the next ones have to reach."""

    keep: int
    draw: int
    known: Known
    unscored: Unscored
    seen: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    documents: list[Document] = field(default_factory=list)
    rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    keys: Floats = field(default_factory=lambda: np.zeros(0))
    urgencies: Floats | None = None
    bars: Floats | None = None
    last_key: float = np.inf

    def add(self, before: int, documents: Sequence[Document], urgencies: Floats, keys: Floats) -> None:
        """Look at the documents of the rows behind ``before``; ``keys`` are their random numbers."""
        self.seen += len(documents)
        if self.urgencies is None or self.bars is None:
            self.urgencies = np.zeros((0, urgencies.shape[1]))
            self.bars = np.full(urgencies.shape[1], -np.inf)
        reaching = np.flatnonzero((urgencies > self.bars).any(axis=1) | (keys < self.last_key))
        places = self._sound(documents, reaching)
        self.documents += [documents[place] for place in places]
        self.rows = np.concatenate([self.rows, before + 1 + places])
        self.keys = np.concatenate([self.keys, keys[places]])
        self.urgencies = np.concatenate([self.urgencies, urgencies[places]])
        if len(self.documents) > 2 * (self.keep * urgencies.shape[1] + self.draw):
            self._prune()

    def _sound(self, documents: Sequence[Document], places: Ints) -> Ints:
        """Return those of ``places`` that may be judged."""
        fresh = [place for place in places.tolist() if not self.known.has(documents[place])]
        self.left_out[JUDGED] += len(places) - len(fresh)
        reasons = self.unscored([documents[place].text for place in fresh])
        self.left_out.update(filter(None, reasons))
        sound = [place for place, reason in zip(fresh, reasons, strict=True) if not reason]
        return np.array(sound, np.int64)

    def _prune(self) -> None:
        """Forget what is not among the most urgent by any criterion and was not drawn, and raise the bars."""
        if self.urgencies is None or self.bars is None:
            return
        self._only(self._first_of_each())
        chosen = np.zeros(len(self.documents), bool)
        for column, values in enumerate(self.urgencies.T):
            ranked = np.argsort(-values, kind="stable")[: self.keep]
            ranked = ranked[values[ranked] > -np.inf]
            chosen[ranked] = True
            if len(ranked) == self.keep:
                self.bars[column] = values[ranked[-1]]
        ranked = np.argsort(self.keys, kind="stable")[: self.draw]
        chosen[ranked] = True
        self.last_key = float(self.keys[ranked[-1]]) if len(ranked) == self.draw > 0 else (np.inf if self.draw else -np.inf)
        self._only(chosen)

    def _first_of_each(self) -> Bools:
        """Return which documents are the first of their near-duplicates."""
        met: set[str] = set()
        first = np.zeros(len(self.documents), bool)
        for place, document in enumerate(self.documents):
            key = near_key(document) or f"row {self.rows[place]}"
            first[place] = key not in met
            met.add(key)
        self.left_out[TWICE] += int((~first).sum())
        return first

    def _only(self, chosen: Bools) -> None:
        if self.urgencies is not None:
            self.urgencies = self.urgencies[chosen]
        self.documents = [document for document, keep in zip(self.documents, chosen.tolist(), strict=True) if keep]
        self.rows, self.keys = self.rows[chosen], self.keys[chosen]

    def pool(self) -> Pool:
        """Return what is kept in the end."""
        self._prune()
        drawn = np.argsort(self.keys, kind="stable")[: self.draw]
        urgencies = np.zeros((0, 0)) if self.urgencies is None else self.urgencies
        left_out = {reason: n for reason, n in self.left_out.items() if n}
        return Pool(tuple(self.documents), self.rows, urgencies, drawn, self.seen, left_out)
