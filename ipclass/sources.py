"""One table each: text, Parquet or a workbook, with its layout and its rows in blocks."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import polars as pl

from ipclass import blocks, excel
from ipclass.blocks import LARGEST_ROW, UNREADABLE, Bad, Range, RawBlock, first_line
from ipclass.containers import Member, from_chunks
from ipclass.errors import InputError
from ipclass.layout import ROLES, STDIO, Format, Layout, layout
from ipclass.parsing import as_record, filled_lines, undecodable

HEAD_BYTES = 1 << 16
"""Bytes read at once until the header has been found."""

FRAME_ROWS = 5_000

_BLANK = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:sep=[^\r\n]\r?\n|[\s,;|]*\n)")  # sep=; is a word to Excel
_NO_TEXT = {
    b"\x1f\x8b": "packed by gzip; it must end in .gz",
    b"\x28\xb5\x2f\xfd": "packed by zstd; it must end in .zst",
    b"PK\x03\x04": "an archive or a workbook; it must end in .zip or .xlsx",
    b"PAR1": "Parquet; it must end in .parquet",
    b"%PDF": "a PDF; a table is needed",
    b"\xd0\xcf\x11\xe0": "a workbook of the old kind; save it as .xlsx",
}
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Table:
    """A table that rows can be read from.

    Args:
        member: The file.
        wanted: The names of the columns for title, abstract and id, where they are not the usual ones.
        need_text: Whether to refuse a table with neither title nor abstract.

    Raises:
        InputError: It is not such a table, or has no column to read.
    """

    layout: Layout

    def __init__(self, member: Member, wanted: Mapping[str, str], need_text: bool) -> None:
        self.name = member.name
        self._member = member
        self._wanted = wanted
        self._need_text = need_text
        self.schema: Mapping[str, pl.DataType] = {}
        """The types of the columns, where they are not all texts."""

    def _laid_out(self, format: Format, names: list[str], separator: str = ",", encoding: str = "utf-8") -> Layout:
        return layout(format, names, self._wanted, self.name, separator, encoding, self._need_text)

    def learn_columns(self) -> None:
        """Find out the names of the columns, if the table does not begin with them."""

    def blocks(self, places: bool) -> Iterator[RawBlock]:
        """Yield the rows in blocks; with ``places`` a block may say where its rows are instead of holding them."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file, if its blocks are not wanted."""


class TextTable(Table):
    """CSV, TSV or JSON lines."""

    def __init__(self, member: Member, wanted: Mapping[str, str], need_text: bool, format: Format, encoding: str) -> None:
        super().__init__(member, wanted, need_text)
        self._format = format
        self._named_encoding = encoding
        try:
            self.layout = self._begin()
        finally:
            self._leave()

    def _begin(self) -> Layout:
        """Open the file and read its header; the layout comes back."""
        self._open()
        if self._format == "jsonl":
            return Layout("jsonl", (), **{role: self._wanted.get(role, "") for role in ROLES}, encoding=self._encoding)
        line = self._header_line()
        bare = "".join(line.split('"')[::2])  # what stands outside quotation marks
        separator = "\t" if self._format == "tsv" else max(",;\t|", key=bare.count)
        csv.field_size_limit(2 * LARGEST_ROW)
        rows = list(csv.reader(io.StringIO(line, newline=""), delimiter=separator))
        if len(rows) > 1:
            raise InputError(f"{self.name}, header: has a CR in its midst; save the file again as CSV UTF-8")
        return self._laid_out(self._format, _named(rows[0] if rows else []), separator, self._encoding)

    def _open(self) -> None:
        """Open the file; where bytes are not characters of ASCII, or lines do not end in a line feed, make them so."""
        stream = self._stream = self._member.open()
        head = stream.read(max(HEAD_BYTES, 4))
        if head.endswith(b"\r"):
            head += stream.read(1)
        if kind := next((kind for mark, kind in _NO_TEXT.items() if head.startswith(mark)), ""):
            raise InputError(f"{self.name}: is {kind}")
        self._encoding = self._named_encoding
        wide = next((encoding for mark, encoding in _BOMS if head.startswith(mark)), "")
        if not wide and self._encoding.startswith(("utf-16", "utf-32")):
            wide = self._encoding
        whole = chain([head], iter(lambda: stream.read(HEAD_BYTES), b""))
        if wide:
            self._stream, self._head, self._encoding = from_chunks(self._recoded(whole, wide), stream), b"", "utf-8"
        elif b"\r" in head and b"\n" not in head:
            self._stream, self._head = from_chunks((chunk.replace(b"\r", b"\n") for chunk in whole), stream), b""
        else:
            self._head = head
        self._is_plain = bool(self._member.path) and self._stream is stream
        self._start = 0

    def _recoded(self, chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
        """Yield UTF-8; what is no character becomes bytes that are none either."""
        decoder = codecs.getincrementaldecoder(encoding)("ipclass-marked")
        try:
            for chunk in chunks:
                yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
            yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")
        except UnicodeError as error:
            raise InputError(f"{self.name}: {error}; name {encoding}-le or {encoding}-be with --encoding") from error

    def _header_line(self) -> str:
        """Return the first line that is not blank, or lines if a name has line feeds; what was read behind it is kept."""
        start = _BLANK.sub(b"", self._head)
        read, end = len(self._head), _end_of_header(start)
        while not end and (more := self._read(HEAD_BYTES)):
            read += len(more)
            start = _BLANK.sub(b"", start + more)
            end = _end_of_header(start)
            if not end and len(start) > LARGEST_ROW:
                raise InputError(f"{self.name}: no end of line in the first {LARGEST_ROW >> 20} MB; not a table")
        if not start.strip():
            raise InputError(f"{self.name}: empty; a table needs a line of column names")
        end = end or start.find(b"\n") + 1 or len(start)
        self._head, self._start = start[end:], read - (len(start) - end)
        try:
            return start[:end].decode(self._encoding).removeprefix("\ufeff").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.name}, header: {undecodable(error)}") from error

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error}") from error

    def learn_columns(self) -> None:
        """Take the names of the columns of JSON lines from the first block: a table needs them before its first row.

        Raises:
            InputError: There is no row among them that can be read.
        """
        if self._format != "jsonl":
            return
        self._return()
        try:
            while not self._head.endswith(b"\n") and len(self._head) < blocks.BLOCK_BYTES and (more := self._read(HEAD_BYTES)):
                self._head += more
        finally:
            self._leave()
        whole = self._head[: self._head.rfind(b"\n") + 1] or self._head
        names: dict[str, None] = {}
        problem = ""
        for row, line in enumerate(filled_lines(whole), start=1):
            try:
                names |= dict.fromkeys(as_record(line, self._encoding))
            except ValueError as error:  # told when the row is read, unless there is no other
                problem = problem or f"{self.name}, row {row}: {error}"
        if problem and not names:
            raise InputError(problem)
        self.layout = replace(self.layout, columns=tuple(names))

    def _leave(self) -> None:
        """Close the file until it is wanted: there may be thousands. Standard input cannot be opened again."""
        if self._member.name != STDIO:
            self.close()

    def _return(self) -> None:
        if self._stream.closed:
            self._begin()

    def close(self) -> None:  # noqa: D102 - as above
        self._stream.close()

    def blocks(self, places: bool) -> Iterator[RawBlock]:  # noqa: D102 - as above
        self._return()
        separator = None if self._format == "jsonl" else self.layout.separator
        try:
            for place, piece in blocks.cut(self._stream, self._head, separator):
                if isinstance(piece, Bad):
                    yield RawBlock(self.name, self.layout, b"", (piece,))
                elif places and self._is_plain:
                    yield RawBlock(self.name, self.layout, Range(self._member.path, self._start + place, len(piece)))
                else:
                    yield RawBlock(self.name, self.layout, bytes(piece))
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error}") from error
        finally:
            self.close()


def _named(names: list[str]) -> list[str]:
    """Return ``names`` with a name for each column that has none, if there are several: as spreadsheets leave them behind."""
    if names.count("") < 2:
        return names
    return [name or f"column {place}" for place, name in enumerate(names, start=1)]


def _end_of_header(start: bytes) -> int:
    """Return the place behind the first line feed outside quotation marks, or 0."""
    end = start.find(b"\n") + 1
    while end and start.count(b'"', 0, end) % 2:
        end = start.find(b"\n", end) + 1
    return end


class ParquetTable(Table):
    """Parquet, whose columns have types."""

    def __init__(self, member: Member, wanted: Mapping[str, str], need_text: bool) -> None:
        super().__init__(member, wanted, need_text)
        if not member.path:
            raise InputError(f"{member.name}: Parquet can only be read where it lies; unpack it, and name the file")
        try:
            self.schema = pl.read_parquet_schema(member.path)
        except UNREADABLE as error:
            raise InputError(f"{self.name}: not a Parquet table: {first_line(error)}") from error
        self.layout = self._laid_out("parquet", list(self.schema))
        for name in filter(None, (self.layout.title, self.layout.abstract)):
            if self.schema[name].is_nested() or self.schema[name] == pl.Binary:
                raise InputError(f"{self.name}: the column {name!r} holds {self.schema[name]}, not text; name another one")

    def blocks(self, places: bool) -> Iterator[RawBlock]:  # noqa: D102 - as above
        for piece in blocks.slices(self._member.path):
            yield RawBlock(self.name, self.layout, piece)


class Workbook(Table):
    """A worksheet of an Excel workbook; all its cells are text."""

    def __init__(self, member: Member, wanted: Mapping[str, str], need_text: bool, sheet: str) -> None:
        super().__init__(member, wanted, need_text)
        if not member.path:
            raise InputError(f"{member.name}: a workbook can only be read where it lies; unpack it, and name the file")
        frame = excel.read(Path(member.path), sheet)
        self._frame = frame.filter(pl.any_horizontal(pl.all() != "")) if frame.width else frame
        self.layout = self._laid_out("csv", frame.columns)

    def blocks(self, places: bool) -> Iterator[RawBlock]:  # noqa: D102 - as above
        for frame in self._frame.iter_slices(FRAME_ROWS):
            yield RawBlock(self.name, self.layout, frame)
