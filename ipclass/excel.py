"""Excel workbooks: every text stays text on the way out, every cell is text on the way in."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ipclass.errors import InputError

LARGEST = 1 << 30
"""Bytes of a workbook unpacked; more is no table but an attack."""

LONGEST_CELL = 32_767
"""Characters that Excel takes in one cell."""

MOST_ROWS = 1_048_576
_WIDEST = 60


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
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        for name, sheet in sheets.items():
            _write_sheet(book, name, sheet)
    return buffer.getvalue()


def _write_sheet(book: Any, name: str, sheet: Sheet) -> None:
    frame = sheet.frame
    if frame.height >= MOST_ROWS:
        raise InputError(f"{frame.height:,} rows are more than an Excel sheet takes ({MOST_ROWS - 1:,}); write CSV or Parquet")
    page = book.add_worksheet(name[:31])
    head = book.add_format({"bold": True, "bottom": 1})
    for place, column in enumerate(frame.columns):
        look: dict[str, Any] = {"valign": "top"}
        kind = frame.schema[column]
        text = not kind.is_numeric() and kind != pl.Boolean
        if text:
            look["num_format"] = "@"
        if column in sheet.formats:
            look["num_format"] = sheet.formats[column]
        if column in sheet.wrapped:
            look["text_wrap"] = True
        cells = book.add_format(look)
        page.set_column(place, place, sheet.widths.get(column, min(_WIDEST, max(8, len(column) + 3))), cells)
        page.write_string(0, place, column, head)
        for row, value in enumerate(frame[column].to_list(), start=1):
            _write_cell(page, row, place, value, cells)
        if column in sheet.choices and frame.height:
            rule = {"validate": "list", "source": list(sheet.choices[column]), "error_message": "choose from the list"}
            page.data_validation(1, place, frame.height, place, rule)
    page.freeze_panes(1, 0)
    if sheet.filters and frame.width:
        page.autofilter(0, 0, frame.height, frame.width - 1)


def _write_cell(page: Any, row: int, place: int, value: Any, look: Any) -> None:
    if value is None or value == "" or value != value:
        page.write_blank(row, place, None, look)
    elif isinstance(value, bool):
        page.write_boolean(row, place, value, look)
    elif isinstance(value, int | float):
        page.write_number(row, place, value, look)
    else:
        page.write_string(row, place, str(value)[:LONGEST_CELL], look)


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
        with zipfile.ZipFile(path) as parts:
            if (whole := sum(part.file_size for part in parts.infolist())) > LARGEST:
                raise InputError(f"{path}: {whole >> 20:,} MB unpacked is no table")
        yield fastexcel.read_excel(path)
    except (fastexcel.FastExcelError, zipfile.BadZipFile, OSError, IndexError) as error:
        raise InputError(f"{path}: not an Excel file (.xlsx), or damaged: {str(error).splitlines()[0][:200]}") from error
