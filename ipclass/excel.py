"""Excel workbooks: every text stays text on the way out, every cell is text on the way in."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ipclass.containers import BROKEN
from ipclass.errors import InputError

LARGEST = 256 << 20
"""Bytes of a workbook unpacked; more is no table but an attack."""

OLD = b"\xd0\xcf\x11\xe0"
"""How a workbook of the old kind (.xls) begins."""

LARGEST_FILE = 64 << 20
"""Bytes of a workbook as it lies on the disk."""

MOST_CELLS = 8 << 20
"""Cells of a worksheet from its first row and column to its last: the reader makes room for each, used or not."""

LONGEST_CELL = 32_767
"""Characters that Excel takes in one cell."""

MOST_ROWS = 1_048_576
_WIDEST = 60
_MEMORY = 3 << 30  # bytes of address space, of which the libraries take the most
_MOST_EXACT = 10**15
_AS_THEY_ARE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@dataclass(frozen=True)
class Sheet:
    """A worksheet to write. Numbers and booleans keep their types; all else is text.

    ``widths`` are in characters; ``choices`` gives columns a drop-down; ``formats`` are Excel's number formats, as ``0.0%``;
    ``wrapped`` columns break their lines. ``filters`` puts a filter on each column.
    """

    frame: pl.DataFrame
    widths: Mapping[str, int] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    wrapped: frozenset[str] = frozenset()
    filters: bool = True


def write(sheets: Mapping[str, Sheet]) -> bytes:
    """Return a workbook of ``sheets``, in their order, each with its header frozen.

    Raises:
        InputError: A sheet has more rows than Excel takes.

    >>> write({"a": Sheet(pl.DataFrame({"x": ["=1+1"]}))})[:2]
    b'PK'
    """
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {**_AS_THEY_ARE, "in_memory": True}) as book:
        for name, sheet in sheets.items():
            _write_sheet(book, name, sheet)
    return buffer.getvalue()


def _write_sheet(book: Any, name: str, sheet: Sheet) -> None:
    frame = sheet.frame
    if frame.height >= MOST_ROWS:
        raise InputError(f"{frame.height:,} rows are more than an Excel sheet takes ({MOST_ROWS - 1:,}); write CSV or Parquet")
    page = book.add_worksheet(name[:31])
    looks = _write_header(book, page, sheet)
    for place, column in enumerate(frame.columns):
        for row, value in enumerate(frame[column].to_list(), start=1):
            _write_cell(page, row, place, value, looks[place])
        if column in sheet.choices and frame.height:
            rule = {"validate": "list", "source": list(sheet.choices[column]), "error_message": "choose from the list"}
            page.data_validation(1, place, frame.height, place, rule)
    if sheet.filters and frame.width:
        page.autofilter(0, 0, frame.height, frame.width - 1)


def _write_header(book: Any, page: Any, sheet: Sheet) -> list[Any]:
    """Write the names of the columns, frozen, and return how the cells of each are to look."""
    head = book.add_format({"bold": True, "bottom": 1})
    looks = []
    for place, (column, kind) in enumerate(sheet.frame.schema.items()):
        look: dict[str, Any] = {"valign": "top"}
        if kind.is_temporal():
            look["num_format"] = "yyyy-mm-dd hh:mm:ss" if kind == pl.Datetime else "yyyy-mm-dd"
        elif not kind.is_numeric() and kind != pl.Boolean:
            look["num_format"] = "@"
        if column in sheet.formats:
            look["num_format"] = sheet.formats[column]
        if column in sheet.wrapped:
            look["text_wrap"] = True
        looks.append(book.add_format(look))
        page.set_column(place, place, sheet.widths.get(column, min(_WIDEST, max(8, len(column) + 3))), looks[-1])
        page.write_string(0, place, column, head)
    page.freeze_panes(1, 0)
    return looks


def _write_cell(page: Any, row: int, place: int, value: Any, look: Any) -> None:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        page.write_blank(row, place, None, look)
    elif isinstance(value, bool):
        page.write_boolean(row, place, value, look)
    elif isinstance(value, int | float) and abs(value) < _MOST_EXACT:
        page.write_number(row, place, value, look)
    elif isinstance(value, date) and value.year >= 1900 and getattr(value, "tzinfo", None) is None:
        page.write_datetime(row, place, value, look)
    else:
        text = str(value)
        page.write_string(row, place, text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…", look)


def save(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Write a workbook of one sheet, whose rows come in ``frames`` of equal columns, in little memory.

    Raises:
        InputError: There are more rows than Excel takes.
    """
    import xlsxwriter

    with xlsxwriter.Workbook(path, {**_AS_THEY_ARE, "constant_memory": True}) as book:
        page = book.add_worksheet("patents")
        row, columns = 0, 0
        looks: list[Any] = []
        for frame in frames:
            looks = looks or _write_header(book, page, Sheet(frame))
            columns = frame.width
            if row + frame.height >= MOST_ROWS:
                raise InputError(f"more rows than an Excel sheet takes ({MOST_ROWS - 1:,}); write CSV or Parquet")
            for values in frame.iter_rows():
                row += 1
                for place, value in enumerate(values):
                    _write_cell(page, row, place, value, looks[place])
        page.autofilter(0, 0, row, max(columns - 1, 0))


def names(path: Path) -> list[str]:
    """Return the names of the worksheets.

    Raises:
        InputError: As ``read``.
    """
    with _opened(path) as book:
        return list(book.sheet_names)


def read(path: Path, sheet: str = "", header_row: int = 0) -> pl.DataFrame:
    """Return the worksheet ``sheet``, or the first one, as text: a cell without a value is "".

    ``header_row`` counts the rows above the header.

    Raises:
        InputError: It is no workbook, has no such sheet, or unpacks to more than ``LARGEST`` bytes.
    """
    with _opened(path) as book:
        name = sheet if sheet in book.sheet_names else book.sheet_names[0]
        if sheet and name != sheet:
            raise InputError(f"{path}: no worksheet {sheet!r}; there are: {', '.join(book.sheet_names)}")
        found: pl.DataFrame = book.load_sheet(name, header_row=header_row, dtypes="string").to_polars()
    return found.with_columns(pl.all().cast(pl.String).fill_null(""))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import fastexcel

    try:
        check(path.read_bytes(), str(path))
        yield fastexcel.read_excel(path)
    except (fastexcel.FastExcelError, OSError, IndexError) as error:
        raise InputError(_damaged(str(path), error)) from error


def sheets(content: bytes, name: str) -> Iterator[pl.DataFrame]:
    """Yield the worksheets of a workbook (.xlsx, or .xls of old), header and all, as text: a cell without a value is "".

    Raises:
        InputError: It is no workbook, or too large a one.
    """
    if content.startswith(OLD):
        yield from _old_sheets(content, name)
    else:
        check(content, name)
        yield from _sheets(content, name)


def _sheets(content: bytes, name: str) -> Iterator[pl.DataFrame]:
    import fastexcel

    try:
        book = fastexcel.read_excel(content)
        for sheet in book.sheet_names:
            found = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
            yield found.with_columns(pl.all().cast(pl.String).fill_null(""))
    except fastexcel.FastExcelError as error:
        raise InputError(_damaged(name, error)) from error


def _old_sheets(content: bytes, name: str) -> Iterator[pl.DataFrame]:
    """Read in a process of its own: nothing short of reading tells how far away the cells of an old workbook are."""
    command = [sys.executable, "-P", "-c", "from ipclass import excel; excel.pass_on_sheets()"]
    done = subprocess.run(command, input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise InputError(f"{name}: not an Excel file (.xls), damaged, or too large; save it as .xlsx")
    answer = io.BytesIO(done.stdout)
    while size := int.from_bytes(answer.read(8), "big"):
        yield pl.read_ipc(io.BytesIO(answer.read(size)))


def pass_on_sheets() -> None:
    """Write the worksheets of the old workbook on standard input to standard output, in little memory or not at all."""
    with suppress(ImportError, ValueError, OSError):  # not every system can set a limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for frame in _sheets(sys.stdin.buffer.read(), "standard input"):
        buffer = io.BytesIO()
        frame.write_ipc(buffer)
        sys.stdout.buffer.write(len(buffer.getvalue()).to_bytes(8, "big") + buffer.getvalue())


def check(content: bytes, name: str) -> None:
    """Refuse a workbook that would cost more memory than there is: one cell far away is enough for that.

    Raises:
        InputError: It is such a workbook, or none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            names = {part.filename for part in parts.infolist()}
            if "xl/workbook.xml" not in names or not names.isdisjoint({"xl/workbook.bin", "content.xml"}):
                raise InputError(f"{name}: a packed file, but not an Excel workbook (.xlsx)")
            left = LARGEST
            for part in parts.infolist():
                left = _check_part(parts, part, left, name)
    except BROKEN as error:
        raise InputError(_damaged(name, error)) from error


_PLACED = re.compile(rb"""<(?:\w+:)?(?:c|row)\s[^>]*?\br\s*=\s*["']([A-Z]{0,3})(\d{1,10})["']""", re.IGNORECASE)
_ROWS_AND_CELLS = re.compile(rb"<(?:\w+:)?(?:c|row)[\s/>]")


def _check_part(parts: zipfile.ZipFile, part: zipfile.ZipInfo, left: int, name: str) -> int:
    """Return how many of ``left`` bytes remain after a part is unpacked."""
    rows, columns, rest, is_sheet = 0, 0, b"", False
    with parts.open(part) as stream:
        while more := stream.read(1 << 20):
            if (left := left - len(more)) < 0:
                raise InputError(f"{name}: more than {LARGEST >> 20:,} MB unpacked is no table")
            whole, sign, rest = (rest + more).rpartition(b">")
            is_sheet = is_sheet or b"sheetData" in whole
            if not is_sheet:
                rest = rest[-64:]
                continue
            places = _PLACED.findall(whole + sign)
            if len(places) < len(_ROWS_AND_CELLS.findall(whole + sign)) or len(rest) > LONGEST_CELL * 8:
                raise InputError(f"{name}: has cells that do not say where they stand; open it in Excel and save it again")
            for letters, digits in places:
                rows, columns = max(rows, int(digits)), max(columns, _column(letters))
            if rows * columns > MOST_CELLS:
                raise InputError(f"{name}: a cell in row {rows:,} and column {columns:,} is too far away for a table")
    return left


def _column(letters: bytes) -> int:
    """Return the number of the column that is called so, from 1.

    >>> _column(b"A"), _column(b"XFD")
    (1, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("@")
    return number


def _damaged(name: str, error: Exception) -> str:
    return f"{name}: not an Excel file (.xlsx), or damaged: {' '.join(str(error).split())[:200]}"
