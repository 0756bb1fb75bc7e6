"""Counts of terms, a batch of texts at a time, without a Python object per word.

Each distinct word is analysed once, by ``text.term``; after that a word is eight bytes (a hash) that numpy looks up.
The counts equal those of the plain route ``text.terms_of`` (a test says so).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass import text as plain
from ipclass.errors import ModelError
from ipclass.text import NO_SETTINGS, NOTHING, STOP, Settings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words64 = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int32]

UNKNOWN_CODE, STOP_CODE, NOTHING_CODE = -1, -2, -3
BATCH_BYTES = 1 << 19  # the arrays of one batch stay in the processor's cache
LONGEST_RUN = 2_000
"""Collisions of the pairs of a lexicon; about a hundred come by chance, thousands only by design."""
MEMORY_WORDS = 500_000  # distinct words remembered before the memory starts anew: 16 MB

_RADIX = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Counts:
    """Term counts of texts, as the rows of a compressed sparse matrix, and what the texts consist of.

    ``terms[starts[i]:starts[i + 1]]`` are the terms of text i in ascending order and ``values`` how often each occurs.
    ``words``, ``stops`` and ``content`` count the words of each text, the stop words and the words with content among
    them; ``known`` the content words that are terms, ``pairs`` the pairs of them that are. ``abstract`` counts the stop
    words and the known words behind the title. A title counts once in these, whatever its weight.
    """

    starts: Ints
    terms: Ints
    values: Floats
    words: Ints
    stops: Ints
    content: Ints
    known: Ints
    pairs: Ints
    abstract: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1


def concatenate(parts: Sequence[Counts]) -> Counts:
    """Return the texts of all ``parts``, one after the other."""
    lengths = [np.diff(part.starts) for part in parts]
    starts = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()
    join = {name: [getattr(part, name) for part in parts] for name in Counts.__dataclass_fields__ if name != "starts"}
    return Counts(starts=starts, **{name: np.concatenate(arrays) for name, arrays in join.items()})


Counted = tuple[tuple[str, ...], Counts]
"""Terms, and counts whose columns they name."""


def bare(starts: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> Counts:
    """Return counts of which nothing but the terms is known."""
    none = np.zeros(len(starts) - 1, np.int64)
    return Counts(starts, columns, values, *[none] * 6)


def rows_of(counts: Counts, rows: Ints) -> Counts:
    """Return some rows of ``counts``, of which nothing but the terms is known."""
    lengths = np.diff(counts.starts)[rows]
    starts = np.concatenate([[0], lengths.cumsum()]).astype(np.int64)
    taken = np.repeat(counts.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
    return bare(starts, counts.terms[taken], counts.values[taken])


def learn(texts: Iterable[str], settings: Settings = NO_SETTINGS, title_weight: int = 2) -> Counted:
    """Return every term of ``texts``, sorted, and their counts, by the plain route."""
    rows: list[Counter[str]] = []
    for title, abstract in plain.terms_of(texts, settings):
        row = Counter(abstract)
        for term, times in Counter(title).items():
            row[term] += title_weight * times
        rows.append(row)
    terms = tuple(sorted(set().union(*rows)))
    numbers = {term: number for number, term in enumerate(terms)}
    pairs = [sorted((numbers[term], times) for term, times in row.items()) for row in rows]
    starts = np.cumsum([0, *map(len, pairs)])
    flat = np.array([pair for row_pairs in pairs for pair in row_pairs], np.int64).reshape(-1, 2)
    return terms, bare(starts, flat[:, 0], flat[:, 1].astype(np.float64))


def join(one: Counted, two: Counted) -> Counted:
    """Return the terms of both, sorted, and the texts of ``one`` followed by those of ``two``."""
    terms = tuple(sorted({*one[0], *two[0]}))
    return terms, concatenate([_renumbered(part, terms) for part in (one, two)])


def _renumbered(counted: Counted, terms: Sequence[str]) -> Counts:
    """Return the counts with the columns of ``terms``, which has all of the old ones in the same order."""
    old, counts = counted
    numbers = {term: number for number, term in enumerate(terms)}
    new = np.array([numbers[term] for term in old], np.int64)
    return replace(counts, terms=new[counts.terms]) if len(old) else counts


def keep_terms(counted: Counted, least: int) -> Counted:
    """Return the terms that occur in at least ``least`` documents, and the counts of these alone."""
    terms, counts = counted
    return only(counted, np.bincount(counts.terms, minlength=len(terms)) >= least)


def only(counted: Counted, kept: npt.NDArray[np.bool_]) -> Counted:
    """Return the terms marked in ``kept`` with their counts, numbered anew."""
    terms, counts = counted
    numbers = np.cumsum(kept) - 1
    inside = kept[counts.terms]
    starts = np.concatenate([[0], np.cumsum(inside)])[counts.starts].astype(np.int64)
    chosen = tuple(term for term, keep in zip(terms, kept.tolist(), strict=True) if keep)
    return chosen, replace(counts, starts=starts, terms=numbers[counts.terms[inside]], values=counts.values[inside])


class Lexicon:
    """The terms of a model, each with a number, and the memory of the words met so far.

    Args:
        terms: Single words, and pairs of them with a space between. The place in the sequence is the term's number.
        settings: Openings to be masked before anything is counted.
        title_weight: How often a word of the title counts.
        stop_words: What spaCy takes for stop words, if that is known already: a model keeps them, so that it neither waits
            for spaCy nor changes with it.

    Raises:
        ModelError: A pair is made of words that are not terms themselves.
    """

    def __init__(
        self,
        terms: Sequence[str],
        settings: Settings = NO_SETTINGS,
        title_weight: int = 2,
        stop_words: frozenset[str] | None = None,
    ) -> None:
        self.terms = terms
        self.settings = settings
        self.title_weight = title_weight
        self.stop_words = plain.stop_words() if stop_words is None else stop_words
        self._singles = {term: number for number, term in enumerate(terms) if " " not in term}
        self._pairs = self._pair_table()
        self._forget()

    def _pair_table(self) -> _Table:
        numbers = np.array([n for n, term in enumerate(self.terms) if " " in term], np.int64)
        try:
            parts = [self._singles[word] for n in numbers for word in self.terms[n].split(" ")]
        except KeyError as error:
            raise ModelError(f"the pairs of the lexicon hold the word {error}, which is no term itself") from error
        table = _Table(2 * len(numbers))
        both = np.array(parts, np.int32).reshape(-1, 2)
        table.insert(self._pair_keys(both[:, 0], both[:, 1]), numbers, patience=LONGEST_RUN)
        return table

    def _pair_keys(self, one: Codes, two: Codes) -> Words64:
        return np.asarray((one * np.int64(len(self.terms)) + two + 1).astype(np.uint64) * _MIX)

    def __reduce__(self) -> tuple[type[Lexicon], tuple[Any, ...]]:
        """Leave the memory of words out: whoever shares a pickle may map its arrays into memory for reading only."""
        return Lexicon, (self.terms, self.settings, self.title_weight, self.stop_words)

    def _forget(self) -> None:
        """Start the memory of words anew."""
        self._memory = _Table(1 << 16)
        self._groups = np.zeros(0, np.int64)
        self._codes = np.zeros(0, np.int32)
        self._met = 0

    def count(self, texts: Iterable[str]) -> Counts:
        """Return the counts of ``texts``; each is a title, a line feed and an abstract, or an abstract alone."""
        return concatenate([self._count_batch(batch) for batch in _batches(texts)] or [self._count_batch([])])

    def _count_batch(self, texts: list[str]) -> Counts:
        words = self._read(texts)
        changed = self._masked(texts, words)
        if changed:
            again = self._read(list(changed.values()))
            words = words.replaced(np.fromiter(changed, np.int64), again)
        return self._counts(words, len(texts))

    def _masked(self, texts: list[str], words: _Stream) -> dict[int, str]:
        """Return the texts in which an opening was masked, by their place."""
        seen = np.zeros(len(texts), np.int64)
        telling = np.flatnonzero(words.groups)
        np.bitwise_or.at(seen, words.lines[telling] >> 1, words.groups[telling])
        suspect = np.zeros(len(texts), bool)
        for needed in self.settings.needed:
            suspect |= seen & needed == needed
        places = np.flatnonzero(suspect).tolist()
        fields = map(plain.normal, self.settings.mask_all([field for place in places for field in texts[place].split("\n")]))
        masked = {place: f"{title}\n{abstract}" for place, title, abstract in zip(places, fields, fields, strict=True)}
        return {place: text for place, text in masked.items() if text != texts[place]}

    def _counts(self, words: _Stream, n: int) -> Counts:
        kept = words.codes > STOP_CODE
        codes, lines = words.codes[kept], words.lines[kept]
        single = codes >= 0
        adjacent = single[:-1] & single[1:] & (lines[:-1] == lines[1:])
        one, two = codes[:-1][adjacent], codes[1:][adjacent]
        pairs = self._pairs.get(self._pair_keys(one, two), UNKNOWN_CODE)
        paired = pairs >= 0
        found = np.concatenate([codes[single], pairs[paired]])
        of_singles, of_pairs = lines[single], lines[:-1][adjacent][paired]
        where = np.concatenate([of_singles, of_pairs])
        narrow = n * len(self.terms) < 1 << 31  # half the bytes to sort
        keys = (where >> 1).astype(np.int32 if narrow else np.int64) * len(self.terms) + found
        titles = keys[where & 1 == 0]
        keys = np.sort(np.concatenate([keys, *[titles] * (self.title_weight - 1)]))
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
        values = np.diff(first, append=len(keys)).astype(np.float64)
        rows, terms = np.divmod(keys[first], max(len(self.terms), 1))
        stops = _by_field(words.lines[words.codes == STOP_CODE], n)
        content, known = _by_field(lines, n), _by_field(of_singles, n)
        return Counts(
            starts=np.concatenate([[0], np.bincount(rows, minlength=n).cumsum()]).astype(np.int64),
            terms=terms,
            values=values,
            words=(stops + content).sum(axis=1),
            stops=stops.sum(axis=1),
            content=content.sum(axis=1),
            known=known.sum(axis=1),
            pairs=_by_field(of_pairs, n).sum(axis=1),
            abstract=(stops + known)[:, 1],
        )

    def _read(self, texts: list[str]) -> _Stream:
        """Return the words of ``texts``, each of one line feed, as codes."""
        data = np.frombuffer("\n".join(texts).encode() + bytes(7), np.uint8)
        starts, ends = _word_bounds(data)
        feeds = np.searchsorted(starts, np.flatnonzero(data == 10))
        lines = np.repeat(
            np.arange(2 * len(texts), dtype=np.int32), np.diff(feeds, prepend=0, append=len(starts))[: 2 * len(texts)]
        )
        hashes = _hash_words(data, starts, ends)
        places = self._memory.get(hashes, -1)
        new = np.flatnonzero(places < 0)
        if len(new):
            if self._met > MEMORY_WORDS:
                self._forget()
                new = np.arange(len(hashes))
            self._learn(data, starts[new], ends[new], hashes[new])
            places = self._memory.get(hashes, -1)
        return _Stream(self._codes[places], lines, self._groups[places])

    def _learn(self, data: npt.NDArray[np.uint8], starts: Ints, ends: Ints, hashes: Words64) -> None:
        distinct, first = np.unique(hashes, return_index=True)
        codes = np.empty(len(distinct), np.int32)
        groups = np.empty(len(distinct), np.int64)
        buffer = data.tobytes()
        for place, at in enumerate(first):
            word = buffer[starts[at] : ends[at]].decode()
            lower = word.lower()
            codes[place] = self._code(plain.term(word, lower in self.stop_words))
            groups[place] = self.settings.bits.get(lower, 0)
        self._memory.insert(distinct, np.arange(self._met, self._met + len(distinct)))
        self._codes = np.concatenate([self._codes[: self._met], codes])
        self._groups = np.concatenate([self._groups[: self._met], groups])
        self._met += len(distinct)

    def _code(self, term: str) -> int:
        if term == NOTHING:
            return NOTHING_CODE
        return STOP_CODE if term == STOP else self._singles.get(term, UNKNOWN_CODE)


def _by_field(lines: Codes, n: int) -> Ints:
    """Return how often the title and the abstract of each of ``n`` texts are among ``lines``, a row a text."""
    return np.asarray(np.bincount(lines, minlength=2 * n).reshape(n, 2))


@dataclass(frozen=True)
class _Stream:
    """The words of a batch in order: what each stands for, the line it is on (two a text), its groups of settings."""

    codes: Codes
    lines: Codes
    groups: Ints

    def replaced(self, places: Ints, by: _Stream) -> _Stream:
        """Return the stream with the texts at ``places`` replaced by the texts of ``by``, in that order."""
        kept = ~np.isin(self.lines >> 1, places)
        lines = (places[by.lines >> 1] * 2 + (by.lines & 1)).astype(np.int32)
        return _Stream(
            np.concatenate([self.codes[kept], by.codes]),
            np.concatenate([self.lines[kept], lines]),
            np.concatenate([self.groups[kept], by.groups]),
        )


class _Table:
    """A map from hashes to numbers, with open addressing, read and filled an array at a time. The key 0 is "empty"."""

    def __init__(self, room: int) -> None:
        self._size = 1 << max(10, (2 * room - 1).bit_length())
        self._keys = np.zeros(self._size, np.uint64)
        self._values = np.zeros(self._size, np.int32)
        self._filled = 0

    def _slots(self, keys: Words64) -> Ints:
        return (keys >> np.uint64(64 - (self._size.bit_length() - 1))).astype(np.int64)

    def get(self, keys: Words64, missing: int) -> Codes:
        """Return the number of each key, or ``missing``."""
        slots = self._slots(keys)
        met = self._keys[slots]
        values = np.where(met == keys, self._values[slots], np.int32(missing))
        open_ = np.flatnonzero((met != keys) & (met != 0))
        while len(open_):
            slots[open_] = (slots[open_] + 1) & (self._size - 1)
            met = self._keys[slots[open_]]
            hit = met == keys[open_]
            values[open_[hit]] = self._values[slots[open_[hit]]]
            open_ = open_[~hit & (met != 0)]
        return values

    def insert(self, keys: Words64, values: Ints | Codes, patience: int = 0) -> None:
        """Add ``keys``, all distinct and none of them there yet; with ``patience``, in so many rounds at most."""
        if 2 * (self._filled + len(keys)) > self._size:
            self._grow(self._filled + len(keys))
        self._filled += len(keys)
        slots = self._slots(keys)
        left = np.arange(len(keys))
        rounds = 0
        while len(left):
            rounds += 1
            if patience and rounds > patience:
                raise ModelError(f"the pairs of the lexicon collide more than {patience:,} times; they were chosen to do so")
            free = left[self._keys[slots[left]] == 0]
            self._keys[slots[free]] = keys[free]  # of two that want one slot the last stays
            self._values[slots[free]] = values[free]
            left = left[self._keys[slots[left]] != keys[left]]
            slots[left] = (slots[left] + 1) & (self._size - 1)

    def _grow(self, room: int) -> None:
        used = np.flatnonzero(self._keys)
        keys, values = self._keys[used], self._values[used]
        self.__init__(2 * room)  # type: ignore[misc]
        self.insert(keys, values)


def _batches(texts: Iterable[str]) -> Iterable[list[str]]:
    """Yield texts of one line feed and known characters, about ``BATCH_BYTES`` at a time."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if not text.isascii() or len(text) > plain.LONGEST_FIELD or text.count("\n") != 1:
            text = "\n".join(plain.fields(text))
        batch.append(text)
        size += len(text)
        if size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def hashed_words(lines: Sequence[str]) -> tuple[Words64, Ints]:
    """Return a hash of each word in ``lines``, and where the words of each line begin, with the end of the last."""
    data = np.frombuffer("\n".join(lines).encode() + bytes(7), np.uint8)
    starts, ends = _word_bounds(data)
    feeds = np.searchsorted(starts, np.flatnonzero(data == 10))
    bounds = np.concatenate([[0], feeds, [len(starts)]]) if lines else np.zeros(1)
    return _hash_words(data, starts, ends), bounds.astype(np.int64)


_IS_WORD = np.array([chr(byte).isalnum() or byte >= 0x80 for byte in range(256)])
_IS_DIGIT = np.array([chr(byte) in "0123456789" for byte in range(256)])


def _word_bounds(data: npt.NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Return where words start and end: runs of letters and digits, and a full stop between two digits."""
    inside = np.zeros(len(data) + 2, bool)
    inside[1:-1] = _IS_WORD[data]
    stops = np.flatnonzero(data[1:-1] == ord(".")) + 1 if len(data) > 2 else np.zeros(0, np.int64)
    joined = stops[_IS_DIGIT[data[stops - 1]] & _IS_DIGIT[data[stops + 1]]]
    inside[joined + 1] = True
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[::2], edges[1::2]


def _hash_words(data: npt.NDArray[np.uint8], starts: Ints, ends: Ints) -> Words64:
    """Return one hash a word, eight of its bytes at a time; ``data`` ends with seven bytes to spare.

    Words are told apart by their first ``_LONGEST_HASHED`` bytes and their length; longer ones stand for nothing anyway.
    """
    eights = np.ndarray((max(len(data) - 7, 0),), "<u8", data, strides=(1,))
    lengths = ends - starts
    hashes = eights.take(starts) if len(starts) else np.zeros(0, np.uint64)
    hashes &= _MASKS.take(np.minimum(lengths, 8))
    hashes ^= lengths.astype(np.uint64) * _RADIX
    _mix(hashes)
    left, at = np.flatnonzero(lengths > 8), 8
    while len(left) and at < _LONGEST_HASHED:
        part = eights.take(starts[left] + at) & _MASKS.take(np.minimum(lengths[left] - at, 8))
        part ^= hashes[left]
        _mix(part)
        hashes[left] = part
        at += 8
        left = left[lengths[left] > at]
    return np.asarray(hashes * _MIX | np.uint64(1))


def _mix(hashes: Words64) -> None:
    hashes *= _MIX
    hashes ^= hashes >> np.uint64(32)


_LONGEST_HASHED = 4 * plain.LONGEST_WORD  # four bytes a character in UTF-8
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(9)], np.uint64)
