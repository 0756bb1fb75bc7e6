"""Tables of documents: CSV, TSV, JSON lines and Parquet, gzipped or not, block by block.

A file is cut into blocks cheaply (``blocks``); what is in a block is read (``parsing``), and written again (``rendering``),
by whoever works on it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl
from polars.exceptions import PolarsError

from ipclass import blocks
from ipclass.blocks import LARGEST_ROW, Bad, Range, RawBlock, first_line
from ipclass.errors import InputError
from ipclass.layout import ROLES, STDIO, Format, Layout, find_column, format_of, layout
from ipclass.parsing import Block, RowError, as_record, filled_lines, id_of, parse, undecodable
from ipclass.rendering import as_lines, as_table, header, separator_of

__all__ = [
    "LARGEST_ROW",
    "STDIO",
    "Block",
    "Format",
    "Layout",
    "RowError",
    "Source",
    "as_lines",
    "as_table",
    "find_column",
    "format_of",
    "header",
    "id_of",
    "layout_of",
    "parse",
    "separator_of",
]

HEAD_BYTES = 1 << 16
"""Bytes read at once until the header has been found."""

_BLANK = re.compile(rb"\A(?:\xef\xbb\xbf)?[\s,;|]*\n")
_UNREADABLE = (OSError, EOFError, zlib.error)


class Source:
    """A table to read from: its layout, and its blocks one after the other.

    Args:
        path: A file, or ``-`` for standard input; a file ending in ``.gz`` is unpacked on the way.
        format: The format, if the ending does not tell.
        columns: The names of the columns for title, abstract and id, where they are not the usual ones.
        encoding: The encoding of a text file.
        need_text: Whether to refuse a table with neither title nor abstract.

    Raises:
        InputError: There is no such file, it is not such a table, or has no column to read.
    """

    def __init__(
        self,
        path: str,
        format: str | None = None,
        columns: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
        need_text: bool = True,
    ) -> None:
        self.path = path
        self._need_text = need_text
        self._format = format_of(path, format)
        self._encoding = _known_encoding(encoding)
        self._wanted = dict(columns or {})
        if path != STDIO and not Path(path).is_file():
            raise InputError(f"{path}: {'is a folder, not a file' if Path(path).is_dir() else 'no such file'}")
        self._head, self._start = b"", 0
        if self._format == "parquet":
            if path == STDIO:
                raise InputError("Parquet cannot be read from standard input; name the file")
            self.layout = self._parquet_layout()
        else:
            self._stream = _opened(path)
            self.layout = self._text_layout()

    @property
    def size(self) -> int | None:
        """The size of the file in bytes, if it has one and is not packed."""
        return Path(self.path).stat().st_size if self._plain else None

    @property
    def _plain(self) -> bool:
        return self.path != STDIO and not self.path.endswith(".gz")

    def _parquet_layout(self) -> Layout:
        try:
            schema = pl.read_parquet_schema(self.path)
        except (PolarsError, OSError) as error:
            raise InputError(f"{self.path}: not a Parquet table: {first_line(error)}") from error
        found = layout("parquet", list(schema), self._wanted, self.path, need_text=self._need_text)
        for name in filter(None, (found.title, found.abstract)):
            if schema[name].is_nested() or schema[name] == pl.Binary:
                raise InputError(f"{self.path}: the column {name!r} holds {schema[name]}, not text; name another one")
        return found

    def _text_layout(self) -> Layout:
        if self._format == "jsonl":
            return Layout("jsonl", (), **{role: self._wanted.get(role, "") for role in ROLES}, encoding=self._encoding)
        line, self._head = self._header_line()
        bare = "".join(line.split('"')[::2])  # what stands outside quotation marks
        separator = "\t" if self._format == "tsv" else max(",;\t|", key=bare.count)
        csv.field_size_limit(2 * LARGEST_ROW)
        names = next(csv.reader(io.StringIO(line, newline=""), delimiter=separator), [])
        return layout(self._format, names, self._wanted, self.path, separator, self._encoding, self._need_text)

    def _header_line(self) -> tuple[str, bytes]:
        """Return the first line that is not blank, and the bytes read beyond it."""
        start, end, read = b"", 0, 0
        while not end and (more := self._read(HEAD_BYTES)):
            read += len(more)
            start = _BLANK.sub(b"", start + more)
            end = _end_of_header(start)
            if not end and len(start) > LARGEST_ROW:
                raise InputError(f"{self.path}: no end of line in the first {LARGEST_ROW >> 20} MB; not a table")
        if not start.strip():
            raise InputError(f"{self.path}: empty; a table needs a line of column names")
        if b"\r" in start and b"\n" not in start:
            raise InputError(f"{self.path}: its lines end in CR alone (an old Mac file); save it again as CSV UTF-8")
        end = end or start.find(b"\n") + 1 or len(start)
        self._start = read - (len(start) - end)
        try:
            return start[:end].decode(self._encoding).removeprefix("\ufeff").rstrip("\r\n"), start[end:]
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}, header: {undecodable(error)}") from error

    def learn_columns(self) -> None:
        """Take the names of the columns of JSON lines from the first block: a table needs them before its first row.

        Raises:
            InputError: There is no row among them that can be read.
        """
        if self._format != "jsonl":
            return
        while not self._head.endswith(b"\n") and len(self._head) < blocks.BLOCK_BYTES and (more := self._read(HEAD_BYTES)):
            self._head += more
        whole = self._head[: self._head.rfind(b"\n") + 1] or self._head
        names: dict[str, None] = {}
        problem = ""
        for row, line in enumerate(filled_lines(whole), start=1):
            try:
                names |= dict.fromkeys(as_record(line, self._encoding))
            except ValueError as error:  # told when the row is read, unless there is no other
                problem = problem or f"{self.path}, row {row}: {error}"
        if problem and not names:
            raise InputError(problem)
        self.layout = replace(self.layout, columns=tuple(names))

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except _UNREADABLE as error:
            raise InputError(f"{self.path}: cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file, if its blocks are not wanted."""
        if self._format != "parquet" and self.path != STDIO:
            self._stream.close()

    def blocks(self, skip: int = 0, places: bool = False) -> Iterator[RawBlock]:
        """Yield the rows, header aside, in blocks that no row straddles; the first ``skip`` blocks are passed over.

        With ``places`` a block may say where its rows are instead of holding them: for other processes of this machine.
        """
        cut = self._parquet_blocks() if self._format == "parquet" else self._text_blocks(places and self._plain)
        for number, block in enumerate(cut):
            if number >= skip:
                yield block

    def read(self) -> Iterator[Block]:
        """Yield the blocks, read.

        Raises:
            InputError: A row cannot be read.
        """
        before = 0
        for raw in self.blocks():
            try:
                block = parse(raw, self.layout)
            except RowError as error:
                raise InputError(f"{raw.file}, row {before + error.row}: {error.problem}") from error
            before += len(block)
            yield block

    def _parquet_blocks(self) -> Iterator[RawBlock]:
        for piece in blocks.slices(self.path):
            yield RawBlock(self.path, self.layout, piece)

    def _text_blocks(self, places: bool) -> Iterator[RawBlock]:
        separator = None if self._format == "jsonl" else self.layout.separator
        try:
            for place, piece in blocks.cut(self._stream, self._head, separator):
                if isinstance(piece, Bad):
                    yield RawBlock(self.path, self.layout, b"", (piece,))
                else:
                    content = Range(self.path, self._start + place, len(piece)) if places else bytes(piece)
                    yield RawBlock(self.path, self.layout, content)
        except _UNREADABLE as error:
            raise InputError(f"{self.path}: cannot be read: {error}") from error
        self.close()


def _end_of_header(start: bytes) -> int:
    """Return the place behind the first line feed outside quotation marks, or 0."""
    end = start.find(b"\n") + 1
    while end and start.count(b'"', 0, end) % 2:
        end = start.find(b"\n", end) + 1
    return end


def layout_of(path: str) -> Layout:
    """Return how the table in ``path`` is built, which may have no texts.

    Raises:
        InputError: There is no such table.
    """
    source = Source(path, need_text=False)
    source.learn_columns()
    source.close()
    return source.layout


def _known_encoding(encoding: str) -> str:
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise InputError(f"no encoding {encoding!r}; for instance: utf-8, latin-1, cp1252, utf-16, gb18030") from error
    if name.startswith(("utf-16", "utf-32")):
        raise InputError(f"{encoding} has line feeds within characters; convert the file to UTF-8 first")
    return name


def _opened(path: str) -> BinaryIO:
    if path == STDIO:
        return sys.stdin.buffer
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.endswith(".gz") else Path(path).open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
