"""Texts that are nearly the same: as sets of shingles, which are runs of three words, found by MinHash and confirmed exactly.

MinHash signatures (datasketch) find candidates by locality-sensitive hashing (Leskovec, Rajaraman and Ullman, Mining of
Massive Datasets, chapter 3). The bands of the signatures lie in arrays, 128 bytes a text: datasketch's own index holds Python
objects, some kilobytes a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass.counts import hashed_words

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]

WORDS = 3

ALIKE = 0.9
"""Jaccard similarity from which two texts are the same."""

WITHIN, WITHIN_FEWEST, WITHIN_ALIKE = 0.97, 60, 0.5
"""So are two texts of which one holds 97 % of the other, if that has 60 shingles and the similarity is 0.5: one was cut off, or
a sentence was put before it."""

# So 421 of 101,404 real abstracts, no two quite equal, repeat an earlier one. Of 50 of these, read one by one, one tells of
# another invention, and eight share the disclosure under another title. Found of planted ones: 93 % with a typo, 55 % with
# two, 92 % behind another sentence, 99 % cut off at 1,000 characters. Lower thresholds join siblings that differ in a word.

BANDS, ROWS = 32, 3
"""Signatures of 96 values make candidates of 98.5 % of the pairs with similarity 0.5, and of nearly all with 0.7."""

CROWD, NEIGHBOURS = 200, 100
"""Where more texts share a band, each is compared with so many next to it, in the order of the bands' rows."""

_CHUNK = 5_000  # pairs compared at a time
_BATCH = 500  # texts whose words stay in the processor's cache
_HALF = np.uint64(32)
_RADIX = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Shingles:
    """The sets of some texts: ``values[starts[i]:starts[i + 1]]`` are the hashes of text i, ascending, each once."""

    starts: Ints
    values: Hashes

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def joined(cls, parts: Sequence[Shingles]) -> Shingles:
        """Return the texts of all ``parts``, one after the other."""
        sizes = np.concatenate([np.zeros(1, np.int64), *(part.sizes for part in parts)])
        return cls(np.cumsum(sizes), np.concatenate([np.zeros(0, np.uint32), *(part.values for part in parts)]))

    @property
    def sizes(self) -> Ints:
        """How many shingles each text has."""
        return np.diff(self.starts)

    def only(self, texts: Ints) -> Shingles:
        """Return the sets of the given texts, in that order."""
        sizes = self.sizes[texts]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        places = np.arange(starts[-1]) + np.repeat(self.starts[texts] - starts[:-1], sizes)
        return Shingles(starts, self.values[places])

    def keys(self) -> Keys:
        """Return a number for each set, equal for equal sets; 0 is the empty one."""
        mixed = _mixed(self.values.astype(np.uint64) + np.uint64(1))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
        return np.asarray(sums[self.starts[1:]] - sums[self.starts[:-1]])

    def bands(self) -> Hashes:
        """Return the bands of each set's MinHash signature, a row a text."""
        from datasketch import MinHash

        signatures = np.empty((len(self), BANDS * ROWS), np.uint64)
        sketch = MinHash(num_perm=BANDS * ROWS, hashfunc=int)
        for text, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            sketch.clear()
            sketch.update_batch(self.values[start:end].tolist())
            signatures[text] = sketch.hashvalues
        rows = signatures.reshape(-1, BANDS, ROWS)
        band = rows[:, :, 0]
        for place in range(1, ROWS):
            band = _mixed(band * _RADIX + rows[:, :, place])
        return (band >> _HALF).astype(np.uint32)


def _mixed(numbers: Keys) -> Keys:
    numbers = numbers * _MIX
    numbers ^= numbers >> _HALF
    return np.asarray(numbers * _RADIX)


def shingles(texts: Sequence[str]) -> Shingles:
    """Return the shingles of ``texts``, whatever the case of their letters and what stands between their words.

    >>> one, two = shingles(["A pump, with a VALVE.", "a pump with a valve"]).keys()
    >>> one == two
    np.True_
    """
    return Shingles.joined([_shingles(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)])


def _shingles(texts: Sequence[str]) -> Shingles:
    words, bounds = hashed_words([text.lower().replace("\n", " ") for text in texts])
    runs = np.zeros(max(len(words) - WORDS + 1, 0), np.uint64)
    for place in range(WORDS):
        runs = runs * _RADIX + words[place : place + len(runs)]
    owners = np.repeat(np.arange(len(texts)), np.diff(bounds))[: len(runs)]
    whole = np.arange(WORDS, len(runs) + WORDS) <= bounds[owners + 1]  # a run ends where its text ends
    values = _distinct(owners[whole].astype(np.uint64) << _HALF | _mixed(runs[whole]) >> _HALF)
    starts = np.searchsorted(values, np.arange(len(texts) + 1, dtype=np.uint64) << _HALF)
    return Shingles(starts.astype(np.int64), values.astype(np.uint32))


def _distinct(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ``numbers`` in order, each once: by sorting, which is much faster than numpy's hashing."""
    numbers = np.sort(numbers)
    return numbers[np.concatenate([[True], numbers[1:] != numbers[:-1]])] if len(numbers) else numbers


def candidates(bands: Hashes) -> Ints:
    """Return the pairs of rows of ``bands`` that share a band, the lower row first, each pair once."""
    found = np.zeros(0, np.int64)
    for band in range(bands.shape[1]):
        order = np.argsort(bands[:, band], kind="stable")
        sorted_ = bands[order, band]
        starts = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]])) if len(order) else np.zeros(0, np.int64)
        sizes = np.diff(starts, append=len(order))
        for size in np.unique(sizes[sizes > 1]):
            crowds = order[starts[sizes == size][:, None] + np.arange(size)]
            one, two = _within(int(size))
            found = np.concatenate([found, (crowds[:, one] * np.int64(len(bands)) + crowds[:, two]).ravel()])
        found = _distinct(found)
    return np.column_stack(np.divmod(found, max(len(bands), 1)))


def _within(size: int) -> tuple[Ints, Ints]:
    """Return which members of a crowd are compared, as two lists of their places, the lower place first."""
    if size <= CROWD:
        one, two = np.triu_indices(size, 1)
        return one, two
    near = np.arange(size)[:, None] + np.arange(1, NEIGHBOURS + 1)
    one, two = np.nonzero(near < size)
    return one, one + two + 1


def alike(sets: Shingles, pairs: Ints) -> Bools:
    """Return which ``pairs`` of texts are nearly the same, by all their shingles."""
    shared = np.concatenate([_shared(sets, pairs[at : at + _CHUNK]) for at in range(0, len(pairs), _CHUNK)] or [pairs[:, 0]])
    one, two = sets.sizes[pairs[:, 0]], sets.sizes[pairs[:, 1]]
    together, smaller = one + two - shared, np.minimum(one, two)
    within = (shared >= WITHIN * smaller) & (smaller >= WITHIN_FEWEST) & (shared >= WITHIN_ALIKE * together)
    return np.asarray((shared >= ALIKE * together) | within)


def _shared(sets: Shingles, pairs: Ints) -> Ints:
    """Return how many shingles the texts of each pair share."""
    tagged = []
    for side in (0, 1):
        chosen = sets.only(pairs[:, side])
        owners = np.repeat(np.arange(len(pairs), dtype=np.uint64), chosen.sizes)
        tagged.append(owners << _HALF | chosen.values)
    both = np.sort(np.concatenate(tagged))
    twice = both[1:][both[1:] == both[:-1]] >> _HALF
    return np.bincount(twice.astype(np.int64), minlength=len(pairs))
