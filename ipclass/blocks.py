"""A table cut into blocks that no row straddles: cheaply, by whoever hands them out. What is in them is read elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PanicException, PolarsError

from ipclass.errors import InputError
from ipclass.layout import Layout
from ipclass.records import Reject

BLOCK_BYTES = 4 << 20
LARGEST_ROW = 32 << 20
SLICE_ROWS = 25_000
"""Rows of Parquet handed out at once: within a row group that is larger, each slice costs a look at those before it."""

UNREADABLE = (PolarsError, PanicException, OSError)
"""What polars raises where a Parquet file is damaged. Some damage ends the process instead: polars does not survive it."""

QUOTE, FEED = b'"'[0], b"\n"[0]


@dataclass(frozen=True)
class Range:
    """Some bytes of a file, which a worker on this machine reads itself."""

    path: str
    start: int
    length: int

    def read(self) -> bytes:
        """Return the bytes.

        Raises:
            InputError: They are not there any more.
        """
        with Path(self.path).open("rb") as file:
            file.seek(self.start)
            found = file.read(self.length)
        if len(found) < self.length:
            raise InputError(f"{self.path}: became shorter while it was read")
        return found


@dataclass(frozen=True)
class Slice:
    """Some rows of a Parquet file, which a worker on this machine reads itself."""

    path: str
    start: int
    rows: int

    def read(self) -> pl.DataFrame:
        """Return the rows.

        Raises:
            InputError: They cannot be read.
        """
        try:
            return pl.scan_parquet(self.path).slice(self.start, self.rows).collect()
        except UNREADABLE as error:
            raise InputError(f"{self.path}: not a Parquet table: {first_line(error)}") from error


@dataclass(frozen=True)
class Bad:
    """A row that cannot be read, and why; ``row`` counts from 1 within its block."""

    row: int
    problem: str


@dataclass(frozen=True)
class RawBlock:
    """Rows that nobody has read yet, or the place where they are. ``layout`` is that of their file.

    ``bad`` rows come before those of ``content``; ``rejects`` were found by a reader that counts in its own way.
    """

    file: str
    layout: Layout
    content: bytes | pl.DataFrame | Range | Slice
    bad: tuple[Bad, ...] = ()
    rejects: tuple[Reject, ...] = ()

    def carried(self) -> RawBlock:
        """Return the block with the rows in it, for a worker on another machine."""
        if isinstance(self.content, Range | Slice):
            return replace(self, content=self.content.read())
        return self


def cut(stream: BinaryIO, head: bytes, separator: str | None) -> Iterator[tuple[int, memoryview | Bad]]:
    """Yield what ``stream`` holds behind ``head``, and that too, in pieces that end with a row, each with its place.

    A piece is only valid until the next one is asked for. With a ``separator`` rows may have line feeds in quoted fields,
    otherwise none. A row of more than ``LARGEST_ROW`` bytes is passed over, and told.
    """
    buffer, filled = bytearray(head) + bytes(BLOCK_BYTES), len(head)
    place, passing = 0, False
    while more := stream.readinto(memoryview(buffer)[filled : filled + BLOCK_BYTES]):  # type: ignore[attr-defined]
        filled += more
        end = 0
        if passing:
            end = buffer.find(b"\n", 0, filled) + 1
            passing, end = not end, end or filled
        elif found := _end_of_rows(buffer, filled, separator):
            end = found
            yield place, memoryview(buffer)[:end]
        elif filled > LARGEST_ROW:  # a quotation mark is missing, and whoever reads the rows finds out where
            end = buffer.rfind(b"\n", 0, filled) + 1
            passing = not end
            yield place, memoryview(buffer)[:end] if end else Bad(1, f"has more than {LARGEST_ROW >> 20} MB; is it a row?")
            end = end or filled
        place, filled = place + end, filled - end
        buffer[:filled] = buffer[end : end + filled]
        if filled + BLOCK_BYTES > len(buffer):
            buffer = buffer + bytes(len(buffer))  # a new one: the old one cannot grow while someone looks into it
    if buffer[:filled].strip(b"\r\n"):
        yield place, memoryview(buffer)[:filled]


def _end_of_rows(buffer: bytearray, filled: int, separator: str | None) -> int:
    """Return the place behind the last line feed that stands outside quoted fields, or 0.

    A quotation mark opens a field only at its beginning: in 5" pipe it is a character like any other.
    """
    if separator is None:
        return buffer.rfind(b"\n", 0, filled) + 1
    data = np.frombuffer(buffer, np.uint8, filled)
    marks = np.flatnonzero(data == QUOTE)
    if _open_fields(data, marks, separator):
        return _last_feed(buffer, filled, marks)
    return _end_found_slowly(bytes(buffer[:filled]), separator)


def _open_fields(data: npt.NDArray[np.uint8], marks: npt.NDArray[np.int64], separator: str) -> bool:
    """Say whether each two of ``marks`` enclose a field, or a part of one between doubled ones."""
    before = data[marks[::2] - 1]
    if len(marks) and not marks[0]:
        before[0] = FEED
    return bool(_around(separator)[before].all())


def well_quoted(rows: bytes, separator: str) -> bool:
    """Say whether quotation marks stand only around whole fields, and doubled within them.

    >>> [well_quoted(row, ",") for row in (b'a,"b ""c"" d"', b'a,"b "c" d"', b'a,5" pipe')]
    [True, False, False]
    """
    data = np.frombuffer(rows, np.uint8)
    marks = np.flatnonzero(data == QUOTE)
    if len(marks) % 2 or not _open_fields(data, marks, separator):
        return False
    behind = marks[1::2] + 1
    return bool(_around(separator)[data[behind[behind < len(data)]]].all())


@lru_cache
def _around(separator: str) -> npt.NDArray[np.bool_]:
    """Return which bytes may stand beside a quotation mark that begins or ends a field, or a part of one."""
    return np.isin(np.arange(256), np.frombuffer(b'\r\n"' + separator.encode(), np.uint8))


def _last_feed(buffer: bytearray, filled: int, marks: npt.NDArray[np.int64]) -> int:
    """Return the place behind the last line feed with an even number of quotation marks before it, or 0."""
    end = buffer.rfind(b"\n", 0, filled) + 1
    while end and np.searchsorted(marks, end) % 2:
        end = buffer.rfind(b"\n", 0, marks[np.searchsorted(marks, end) - 1]) + 1
    return end


def _end_found_slowly(rest: bytes, separator: str) -> int:
    end = rest.rfind(b"\n") + 1
    for found in reversed(list(_quoted(separator).finditer(rest))):
        if found[1] and found.end() <= end:
            break
        end = min(end, rest.rfind(b"\n", 0, found.start()) + 1)
    return end


@lru_cache
def _quoted(separator: str) -> re.Pattern[bytes]:
    """Return what finds a quoted field; its first group is empty if nothing closes it."""
    return re.compile(rb'(?:\A|(?<=[\r\n%s]))"[^"]*(?:""[^"]*)*("?)' % re.escape(separator.encode()))


def slices(path: str) -> Iterator[Slice]:
    """Yield the rows of a Parquet file in parts.

    Raises:
        InputError: It is no Parquet file.
    """
    try:
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
    except UNREADABLE as error:
        raise InputError(f"{path}: not a Parquet table: {first_line(error)}") from error
    for start in range(0, rows, SLICE_ROWS):
        yield Slice(path, start, min(SLICE_ROWS, rows - start))


def first_line(error: BaseException) -> str:
    """Return what polars says, without what it adds to it."""
    return str(error).split("\n", 1)[0]
