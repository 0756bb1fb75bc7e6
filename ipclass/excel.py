"""Excel workbooks: every text stays text on the way out, every cell is text on the way in."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
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


def read(path: Path, sheet: str = "", header_row: int = 0) -> pl.DataFrame:
    """Return the worksheet ``sheet``, or the first one, as text: a cell without a value is "".

    ``header_row`` counts the rows above the header.

    Raises:
        InputError: It is no workbook, has no such sheet, or unpacks to more than ``LARGEST`` bytes.
    """
    import fastexcel

    try:
        with zipfile.ZipFile(path) as parts:
            if (whole := sum(part.file_size for part in parts.infolist())) > LARGEST:
                raise InputError(f"{path}: {whole >> 20:,} MB unpacked is no table")
        book = fastexcel.read_excel(path)
        name = sheet if sheet in book.sheet_names else book.sheet_names[0]
        if sheet and name != sheet:
            raise InputError(f"{path}: no worksheet {sheet!r}; there are: {', '.join(book.sheet_names)}")
        found = book.load_sheet(name, header_row=header_row, dtypes="string").to_polars()
    except (fastexcel.FastExcelError, zipfile.BadZipFile, OSError, IndexError) as error:
        raise InputError(f"{path}: not an Excel file (.xlsx), or damaged: {str(error).splitlines()[0][:200]}") from error
    return found.with_columns(pl.all().cast(pl.String).fill_null(""))
