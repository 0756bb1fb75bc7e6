"""A table of documents read once, however long: what is urgent to judge and what was drawn is kept, all else forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ipclass import files
from ipclass.corpus import near_key, plain_number
from ipclass.files import Block, Source
from ipclass.records import Document
from ipclass.scores import Floats

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """Documents that are judged already: their numbers, and what their near-duplicates have in common with them."""

    numbers: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: Sequence[str], documents: Sequence[Document]) -> Known:
        """Return what ``documents`` are known by, and documents of which nothing but the ``ids`` is known."""
        named = {*ids, *(document.id for document in documents)}
        numbers = named | {plain_number(id) for id in named}
        return cls(frozenset(numbers) - {""}, frozenset(map(near_key, documents)) - {""})

    def has(self, document: Document) -> bool:
        """Return whether ``document``, or one very like it, is judged."""
        numbered = document.id in self.numbers or plain_number(document.id) in self.numbers
        return numbered or near_key(document) in self.keys


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


JUDGED = "judged already"

Looked = tuple[Floats, Sequence[str]]
"""How urgent documents are, shape (documents, criteria), and for each the reason why it cannot be judged, or nothing."""


def read(
    source: Source,
    look: Callable[[Sequence[Document]], Looked],
    known: Known,
    *,
    keep: int,
    draw: int,
    seed: int = 0,
) -> Pool:
    """Return the ``keep`` most urgent documents of ``source`` by each criterion, and ``draw`` drawn at random.

    Of near-duplicates one is kept. Memory does not grow with the table. The same table and seed give the same pool, however
    the table is cut into blocks.

    Args:
        source: The table.
        look: Looks at documents.
        known: Documents not to be judged again.
        keep: How many to keep a criterion.
        draw: How many to draw.
        seed: Of the draw.

    Raises:
        InputError: A row cannot be read.
    """
    rng = np.random.default_rng([seed, 6])
    kept = _Kept(keep, draw)
    for before, documents in _documents(source):
        keys = rng.random(len(documents))
        fresh = np.array([place for place, each in enumerate(documents) if not known.has(each)], np.int64)
        urgencies, reasons = look([documents[place] for place in fresh.tolist()])
        sound = np.array([not reason for reason in reasons], bool)
        kept.seen += len(documents)
        kept.left_out.update({JUDGED: len(documents) - len(fresh)})
        kept.left_out.update(filter(None, reasons))
        places = fresh[sound]
        kept.add([documents[place] for place in places.tolist()], before + 1 + places, keys[places], urgencies[sound])
    return kept.pool()


def _documents(source: Source) -> Iterator[tuple[int, list[Document]]]:
    """Yield the documents of each block, with the number of rows before it."""
    for before, block in source.numbered():
        ids = _ids(block, source)
        halves = (text.partition("\n") for text in block.texts)
        yield before, [Document(title, abstract, id) for (title, _, abstract), id in zip(halves, ids, strict=True)]


def _ids(block: Block, source: Source) -> list[str]:
    if block.frame is not None and source.layout.id:
        return ["" if id is None else str(id) for id in block.frame[source.layout.id].to_list()]
    return [files.id_of(block, row, source.layout) for row in range(len(block))]


@dataclass
class _Kept:
    """The documents kept so far; ``keys`` are the random numbers that decide which are drawn."""

    keep: int
    draw: int
    seen: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    documents: list[Document] = field(default_factory=list)
    rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    keys: Floats = field(default_factory=lambda: np.zeros(0))
    urgencies: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, documents: Sequence[Document], rows: Ints, keys: Floats, urgencies: Floats) -> None:
        """Keep the documents, or as many of all as are wanted."""
        self.documents += documents
        self.rows = np.concatenate([self.rows, rows])
        self.keys = np.concatenate([self.keys, keys])
        self.urgencies = np.concatenate([self.urgencies, urgencies]) if self.urgencies.size else urgencies
        chosen = np.zeros(len(self.documents), bool)
        for column in self.urgencies.T:
            chosen[self._first(-column, self.keep)] = True
        chosen[self._first(self.keys, self.draw)] = True
        self.documents = [document for document, keep in zip(self.documents, chosen.tolist(), strict=True) if keep]
        self.rows, self.keys, self.urgencies = self.rows[chosen], self.keys[chosen], self.urgencies[chosen]

    def _first(self, order: Floats, n: int) -> list[int]:
        """Return the places of the ``n`` smallest finite numbers of ``order``, of near-duplicates the first one."""
        met: set[str] = set()
        found: list[int] = []
        for place in np.argsort(order, kind="stable").tolist():
            if len(found) == n or not np.isfinite(order[place]):
                break
            key = near_key(self.documents[place]) or f"row {self.rows[place]}"
            if key not in met:
                met.add(key)
                found.append(place)
        return found

    def pool(self) -> Pool:
        """Return what is kept in the end."""
        drawn = np.array(self._first(self.keys, self.draw), np.int64)
        left_out = {reason: n for reason, n in self.left_out.items() if n}
        return Pool(tuple(self.documents), self.rows, self.urgencies, drawn, self.seen, left_out)
