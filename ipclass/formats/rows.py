"""Rows of tables, as text, from text files and workbooks alike; a row that cannot be read does not cost the next one."""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TextIO

from ipclass import excel
from ipclass.errors import InputError
from ipclass.formats.batches import LARGEST, READ_ERRORS, shown

Cells = list[str]
_MARKED = "surrogateescape"  # a byte that is no text becomes half of a surrogate pair, which no text holds


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why."""

    problem: str


@dataclass(frozen=True)
class Dialect:
    """How a text table is written: what stands between its cells, whether cells are quoted, its encoding."""

    separator: str = ","
    quoted: bool = True
    encoding: str = "utf-8"


def is_workbook(head: bytes) -> bool:
    """Return whether a file that begins with ``head`` is an Excel workbook, new or old."""
    return head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def encoding_of(head: bytes) -> str:
    """Return the encoding of the text that begins with ``head``: that of its mark, UTF-8, or GB 18030.

    Rows in another encoding than the rest are few, and each is rejected; so UTF-8 stays where most rows are that.

    >>> [encoding_of("标题\\n".encode(name)) for name in ("utf-8", "gb18030", "utf-16")]
    ['utf-8', 'gb18030', 'utf-16']
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    telling = [line for line in head.split(b"\n") if not line.isascii()]
    if sum(_decodes(line, "utf-8") for line in telling) * 2 >= len(telling):
        return "utf-8"
    return "gb18030" if all(_decodes(line, "gb18030") for line in telling) else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    """Return whether a line is text in ``encoding``, which may be cut off."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(line)
    except UnicodeDecodeError:
        return False
    return True


def decoded(stream: BinaryIO, encoding: str) -> TextIO:
    """Return ``stream`` as text, with its line ends as they are and its byte-order mark gone."""
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    errors = "replace" if encoding == "utf-16" else _MARKED
    return io.TextIOWrapper(stream, name, errors, newline="")


def text_rows(stream: TextIO, dialect: Dialect) -> Iterator[Cells | BadRow]:
    """Yield the rows of a text table; blank ones are passed over.

    A quotation mark that nothing closes costs the line it stands in: reading goes on with the next one.
    """
    csv.field_size_limit(LARGEST)
    lines = _Lines(stream)
    while True:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
        reader = csv.reader(lines, delimiter=dialect.separator, quoting=quoting, strict=True)
        try:
            for cells in reader:
                whole = all(map(_is_text, lines.taken))
                lines.taken.clear()
                if any(map(str.strip, cells)) or not whole:
                    yield cells if whole else BadRow(f"holds bytes that are not {dialect.encoding}; save the file as UTF-8")
        except csv.Error as error:
            lines.give_back()
            yield BadRow(f"cannot be read: {error}; is a quotation mark missing?")
        except READ_ERRORS as error:
            yield BadRow(f"nothing can be read from here on: {shown(error)}")
            return
        else:
            return


def problem_of(row: Cells | BadRow, header: Sequence[str]) -> str:
    """Return why a row cannot belong to a table with such a header, or ""."""
    if isinstance(row, BadRow):
        return row.problem
    if len(row) < len(header) or any(map(str.strip, row[len(header) :])):
        return f"has {len(row)} fields where the header has {len(header)}; is a quotation mark or a separator missing?"
    return ""


@dataclass
class _Lines:
    """The lines of a text, which remembers those taken since the last row and gives all but the first of them back."""

    stream: TextIO
    taken: list[str] = field(default_factory=list)
    waiting: deque[str] = field(default_factory=deque)
    size: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.taken:
            self.size = 0
        line = self.waiting.popleft() if self.waiting else self.stream.readline(LARGEST)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.size += len(line)
        if self.size >= LARGEST:
            self._pass_over(line)
            raise csv.Error(f"more than {LARGEST >> 20} million characters")
        return line

    def _pass_over(self, line: str) -> None:
        """Leave out the rest of a line that was too long to be read whole."""
        while line and not line.endswith(("\n", "\r")):
            line = self.stream.readline(LARGEST)

    def give_back(self) -> None:
        """Let the lines after the first one of those taken come again."""
        self.waiting.extendleft(reversed(self.taken[1:]))
        self.taken.clear()


def _is_text(line: str) -> bool:
    return line.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in line)


def sheet_rows(stream: BinaryIO, name: str) -> Iterator[Iterator[Cells]]:
    """Yield the worksheets of a workbook, each as its rows.

    Raises:
        InputError: It is no workbook, or too large a one.
    """
    content = stream.read(excel.LARGEST_FILE + 1)
    if len(content) > excel.LARGEST_FILE:
        raise InputError(f"{name}: a workbook of more than {excel.LARGEST_FILE >> 20} MB; save it as CSV UTF-8")
    for frame in excel.sheets(content, name):
        yield (list(row) for row in frame.iter_rows() if any(map(str.strip, row)))
