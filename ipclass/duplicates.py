"""Documents of the same invention: by publication number, by family, and by abstracts that are nearly the same.

They are marked and never removed. Which documents belong together does not depend on their order; the first of them in the
table stands for the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ipclass.files import Block, Source, values
from ipclass.rewriting import Added
from ipclass.shingles import Hashes, Keys, Shingles, alike, candidates, shingles
from ipclass.text import fields

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Reason = Literal["", "number", "family", "text"]
"""Why a document is a duplicate, the surest reason first: it shares its number, its family, or its abstract with another."""

FAMILY = (
    *("family", "family id", "simple family id", "docdb family id", "family number", "simple family", "patent family"),
    *("docdb同族id", "简单同族id"),
)
"""Usual names of the column of families. INPADOC's wide families are none: they hold more than one invention."""

NO_FAMILY = frozenset(("", "0", "-1", "nan", "none", "null"))

FEWEST_SHINGLES = 20
"""An abstract of fewer than 22 words is like too many others."""

_NUMBER = re.compile(r"([A-Z]{2})([A-Z]{0,3})(\d+)(?:([A-Z])\d{0,2})?")
_SIGNS = re.compile(r"[\s./,-]+")


@dataclass(frozen=True)
class Wanted:
    """What tells that two documents are one invention: the columns of numbers and families, "" if none, and the texts."""

    numbers: str = ""
    families: str = ""
    texts: bool = True


@dataclass(frozen=True)
class Duplicates:
    """For each document of a table the row of the first one of its invention, counted from 0: its own if it is the first.

    ``why`` says by what a document that is not the first belongs to its invention.
    """

    first: Ints
    why: tuple[Reason, ...]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def marked(self) -> Bools:
        """Which documents are not the first of their invention."""
        return np.asarray(self.first != np.arange(len(self.first)))


def find(opened: Callable[[], Source], wanted: Wanted) -> Duplicates:
    """Return the duplicates in the table that ``opened`` opens; it is read twice if texts are compared.

    Raises:
        InputError: A row cannot be read.
    """
    numbers, families, texts = _gathered(opened(), wanted)
    rows = len(numbers)
    pairs = [_equal(numbers), _equal(families), texts.same, _confirmed(opened, texts)]
    first = _first_of_each(np.concatenate(pairs), rows)
    why = np.where(first != np.arange(rows), "text", "").astype(object)
    for keys, reason in ((families, "family"), (numbers, "number")):
        why[(why != "") & _several(keys)] = reason
    return Duplicates(first, tuple(why.tolist()))


@dataclass(frozen=True)
class _Texts:
    """The abstracts of a table: ``rows`` are the first ones of each distinct abstract, ``same`` pairs of equal ones."""

    rows: Ints
    same: Ints
    bands: Hashes


def _gathered(source: Source, wanted: Wanted) -> tuple[Keys, Keys, _Texts]:
    """Return keys of the numbers and of the families, a row each and 0 where there is none, and the abstracts."""
    numbers, families = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    rows, keys, bands = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], [Shingles.joined([]).bands()]
    for first, block in source.numbered():
        numbers.append(_keys(block, wanted.numbers, number_key))
        families.append(_keys(block, wanted.families, family_key))
        if wanted.texts:
            sets = abstract_shingles(block.texts)
            long = np.flatnonzero(sets.sizes >= FEWEST_SHINGLES)
            rows.append(long + first)
            keys.append(sets.only(long).keys())
            bands.append(sets.only(long).bands())
    texts = _distinct(np.concatenate(rows), np.concatenate(keys), np.concatenate(bands))
    return np.concatenate(numbers), np.concatenate(families), texts


def _keys(block: Block, column: str, key: Callable[[str], str]) -> Keys:
    if not column:
        return np.zeros(len(block), np.uint64)
    keys = pl.Series([key(text) for text in values(block, column)], dtype=pl.String)
    return np.where((keys == "").to_numpy(), np.uint64(0), keys.hash().to_numpy())


def _distinct(rows: Ints, keys: Keys, bands: Hashes) -> _Texts:
    _, places, which = np.unique(keys, return_index=True, return_inverse=True)
    return _Texts(rows[places], np.column_stack([rows[places][which], rows]), bands[places])


def number_key(number: str) -> str:
    """Return what publications of one document have in common: its number without the kind code, however it is written.

    Where an office numbers applications and grants, or utility models, in series of their own, that is kept apart.

    >>> number_key("US 2019/0123456 A1") == number_key("US2019123456A9"), number_key("EP 1 234 567 B1")
    (True, 'EP1234567')
    >>> number_key("JPH0712345A") == number_key("JPH0712345B2")
    False
    """
    plain = _SIGNS.sub("", number.upper())
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return plain
    office, series, digits, kind = found.groups(default="")
    if kind in ("U", "Y", "S") or office == "JP" or (office == "CN" and len(digits) < _CHINESE_DIGITS):
        series += f"{kind}:"
    return f"{office}{series}{_year_and_rest(office, digits)}"


_CHINESE_DIGITS = 9  # since 2007; before, applications and grants had numbers of their own


def _year_and_rest(office: str, digits: str) -> str:
    """Return the number of a document without zeros that some databases leave out."""
    if office in ("US", "WO") and len(digits) in (10, 11) and digits[:2] in ("19", "20"):
        return f"{digits[:4]}/{int(digits[4:])}"
    if office == "WO" and len(digits) in (7, 8):
        return f"{'19' if digits[0] in '789' else '20'}{digits[:2]}/{int(digits[2:])}"
    return str(int(digits))


def family_key(family: str) -> str:
    """Return a family's name, or "" where databases write that there is none.

    >>> family_key(" 12345 "), family_key("-1")
    ('12345', '')
    """
    plain = family.strip().removesuffix(".0")
    return "" if plain.lower() in NO_FAMILY else plain


def abstract_shingles(texts: Sequence[str]) -> Shingles:
    """Return the shingles of the abstracts of ``texts``; a title alone has none."""
    return shingles([fields(text)[1] for text in texts])


def _equal(keys: Keys) -> Ints:
    """Return the pairs of rows that have the same key, each with the first one that has it."""
    rows = np.flatnonzero(keys)
    _, places, which = np.unique(keys[rows], return_index=True, return_inverse=True)
    return np.column_stack([rows[places][which], rows])


def _several(keys: Keys) -> Bools:
    """Return which rows have a key that another row has too."""
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray((counts[which] > 1) & (keys != 0))


def _confirmed(opened: Callable[[], Source], texts: _Texts) -> Ints:
    """Return the pairs of rows with abstracts that are nearly the same: the candidates are read again and compared."""
    pairs = candidates(texts.bands)
    needed, pairs = np.unique(pairs, return_inverse=True)
    if not len(needed):
        return np.zeros((0, 2), np.int64)
    rows = texts.rows[needed]
    order = np.argsort(rows)
    parts: list[Shingles] = []
    for first, block in opened().numbered():
        inside = rows[order][np.searchsorted(rows[order], first) : np.searchsorted(rows[order], first + len(block))] - first
        parts.append(abstract_shingles([block.texts[row] for row in inside.tolist()]))
    sets = Shingles.joined(parts)
    places = np.argsort(order)[pairs.reshape(-1, 2)]
    return np.asarray(rows[order][places[alike(sets, places)]])


def _first_of_each(pairs: Ints, rows: int) -> Ints:
    """Return for each row the first one that it is joined with, directly or through others."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(rows, rows))
    _, groups = connected_components(graph, directed=False)
    _, first = np.unique(groups, return_index=True)
    return np.asarray(first[groups], np.int64)


def marks(found: Duplicates, ids: str, names: Sequence[str]) -> Added:
    """Return what gives the two columns ``names`` of each block: the first document of the invention, and the reason.

    The first document is named by its value in the column ``ids``, or as ``row 7`` where that is empty or "". The blocks
    must come in order: the first document stands before its duplicates.
    """
    named = dict.fromkeys(found.first[found.marked].tolist(), "")

    def added(block: Block, first: int) -> pl.DataFrame:
        known = values(block, ids) if ids else [""] * len(block)
        rows = range(first, first + len(block))
        for row, id in zip(rows, known, strict=True):
            if row in named:
                named[row] = id.strip() or f"row {row + 1}"
        of = [
            named[leader] if leader != row else ""
            for row, leader in zip(rows, found.first[rows.start : rows.stop], strict=True)
        ]
        why = found.why[rows.start : rows.stop]
        return pl.DataFrame({name: pl.Series(each, dtype=pl.String) for name, each in zip(names, (of, why), strict=True)})

    return added
