"""What goes into a reader and what comes out: unpacked files in, batches of documents and rejected places out."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias, TypeVar, cast

import polars as pl
import zstandard

from ipclass.formats import values
from ipclass.records import STANDARD, Reject

HEAD = 1 << 16
"""Bytes of a file that tell its format."""

LARGEST = 16 << 20
"""Characters of one row or one line of JSON; no patent's are more."""

LARGEST_MARKUP = 8 << 20
"""Bytes of one XML document, of which a tree takes many times as much memory; what is passed over does not count."""

LARGEST_WHOLE = 64 << 20
"""Bytes of a file of JSON that can only be read whole, since it is one array or object."""

NO_DOCUMENT = "the file holds no document"

BATCH_ROWS = 2_000
_BATCH_CHARACTERS = 16 << 20
_HALF = re.compile("[\ud800-\udfff]")

READ_ERRORS = (OSError, EOFError, UnicodeError, zlib.error, zipfile.BadZipFile, zstandard.ZstdError)
"""What a stream raises that is damaged, or packed in a damaged archive."""

_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}

Fields: TypeAlias = Mapping[str, str]
"""A document by the names of ``records.STANDARD``; what is not known may be left out."""


@dataclass(frozen=True)
class Input:
    """One unpacked file: its name as the user knows it, and what opens it; the stream is read once and closed."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Batch:
    """Documents, in the columns of ``records.STANDARD``, and what could not be read on the way to them."""

    frame: pl.DataFrame
    rejects: tuple[Reject, ...] = ()


class UnreadableError(Exception):
    """A document that cannot be read; the message says why. The user meets it as a ``Reject``."""


Part = TypeVar("Part")


def document_by_document(
    inputs: Sequence[Input], cut: Callable[[BinaryIO], Iterator[Part | UnreadableError]], make: Callable[[Part], Fields]
) -> Iterator[Fields | Reject]:
    """Yield what ``make`` makes of each part that ``cut`` cuts a file into; what it cannot read costs one part only."""
    for input in inputs:
        number = 0
        try:
            with input.open() as stream:
                for number, part in enumerate(cut(as_utf8(stream)), start=1):
                    try:
                        if isinstance(part, UnreadableError):
                            raise part
                        yield make(part)
                    except UnreadableError as error:
                        yield Reject(input.name, f"document {number}", str(error))
        except READ_ERRORS as error:
            yield Reject(input.name, f"document {number + 1}", f"nothing can be read from here on: {shown(error)}")
        else:
            if not number:
                yield Reject(input.name, "document 1", NO_DOCUMENT)


def shown(error: Exception) -> str:
    """Return what another library says of an error, as a part of one line."""
    return " ".join(str(error).split())[:200]


def batched(found: Iterable[Fields | Reject]) -> Iterator[Batch]:
    """Yield ``found`` in batches that fit into memory, in order."""
    rows: list[Fields] = []
    rejects: list[Reject] = []
    characters = 0
    for each in found:
        if isinstance(each, Reject):
            rejects.append(each)
        else:
            rows.append(each)
            characters += len(each.get("abstract", "")) + len(each.get("title", ""))
        if len(rows) + len(rejects) >= BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            yield Batch(_frame(rows), tuple(rejects))
            rows, rejects, characters = [], [], 0
    if rows or rejects:
        yield Batch(_frame(rows), tuple(rejects))


def _frame(rows: list[Fields]) -> pl.DataFrame:
    columns = {name: [row.get(name, "") for row in rows] for name in STANDARD}
    try:
        return pl.DataFrame(columns, schema=dict.fromkeys(STANDARD, pl.String))
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON may hold, is no character
        whole = {name: [_HALF.sub("\ufffd", value) for value in column] for name, column in columns.items()}
        return pl.DataFrame(whole, schema=dict.fromkeys(STANDARD, pl.String))


def begun(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of ``stream``, and a stream that begins with them."""
    head = b""
    while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
        head += more
    return head, rejoined(head, stream)


def rejoined(head: bytes, rest: BinaryIO) -> BinaryIO:
    """Return a stream of what was read already and of the rest."""
    return cast(BinaryIO, io.BufferedReader(_Rejoined(head, rest), 1 << 18))


def as_utf8(stream: BinaryIO) -> BinaryIO:
    """Return ``stream`` without its byte-order mark, and as UTF-8 if it is UTF-16."""
    head, stream = begun(stream)
    if encoding := _UTF_16.get(head[:2]):
        return cast(BinaryIO, codecs.EncodedFile(stream, "utf-8", encoding, "replace"))
    if head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    return stream


class _Rejoined(io.RawIOBase):
    """What was read of a stream, and then the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        part = self._head or self._rest.read(len(buffer))  # which may be more, if it is recoded on the way
        self._head = part[len(buffer) :]
        size = min(len(part), len(buffer))
        buffer[:size] = part[:size]
        return size

    def close(self) -> None:
        if not self.closed:
            self._rest.close()
        super().close()


def parties(found: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return the columns of applicants, given as names, countries and types; a name that comes twice is one applicant.

    >>> parties([("ACME; INC", "US", "enterprise"), ("DOE JANE", "", "")])["applicants"]
    'ACME, INC;DOE JANE'
    """
    kept: dict[str, tuple[str, str]] = {}
    for name, country, kind in found:
        if (plain := values.name(name)) and plain not in kept:
            kept[plain] = (values.two_letters(country), kind)
    if not kept:
        return {}
    countries, kinds = zip(*kept.values(), strict=True)
    columns = {"applicants": kept, "applicant_countries": countries, "applicant_types": kinds}
    return {name: values.SEPARATOR.join(parts) if any(parts) else "" for name, parts in columns.items()}
