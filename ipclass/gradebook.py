"""A sheet to judge as a file, CSV or Excel: its documents and grades, and the same sheet with other grades filled in."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from ipclass import excel, files
from ipclass.errors import InputError, choices
from ipclass.judgements import ANY_LABEL, GRADES
from ipclass.labels import ID
from ipclass.records import Document
from ipclass.rowwise import WORKSHEET
from ipclass.writing import FORMULA

GUIDELINE = "guideline"
"""The name of the worksheet that says how to judge; beside a CSV it is a file."""

FIXED = ("no", "row", "id", "title", "abstract", "origin", "remark", "why")
"""The columns of a sheet that are no labels."""

_SECTION = re.compile(r"^# .*\((\w+), version [^()]*\)\s*$", re.MULTILINE)
_NUMBERS = ("no", "row")


@dataclass(frozen=True)
class Book:
    """A sheet that was read. ``cells`` are its rows as they stand, ``grades`` has a row a document and a column a label.

    ``columns`` are the places of the labels among the cells. ``others`` are the further worksheets of an Excel file.
    """

    path: Path
    header: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    columns: tuple[int, ...]
    labels: tuple[str, ...]
    documents: tuple[Document, ...]
    grades: tuple[tuple[int | None, ...], ...]
    guideline: str
    separator: str = ","
    marked: bool = False
    sheet: str = ""
    others: Mapping[str, pl.DataFrame] | None = None


def read(path: Path, known: Sequence[str] = ()) -> Book:
    """Return the sheet in ``path``, as ``ipclass next`` and ``ipclass audit draw`` write it, or as somebody made it.

    A label is a column that is named so in ``known`` or in the sheet's guideline, or that holds nothing but grades.

    Raises:
        InputError: There is no such sheet, it has no title and abstract or no label, or a grade is none.
    """
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    kind = path.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise InputError(f"{path}: a sheet to judge is .csv or .xlsx, not {kind or 'without an ending'}")
    return _read_xlsx(path, known) if kind == ".xlsx" else _read_csv(path, known)


def _read_csv(path: Path, known: Sequence[str]) -> Book:
    separator, rows = csv_rows(path)
    beside = path.with_name(f"{path.stem}.{GUIDELINE}.md")
    guideline = beside.read_text("utf-8", "replace") if beside.is_file() else ""
    filled = [tuple(row) for row in rows if any(cell.strip() for cell in row)]
    marked = path.read_bytes().startswith(codecs.BOM_UTF8)
    return _book(path, filled[0] if filled else (), filled[1:], guideline, known, separator=separator, marked=marked)


def csv_rows(path: Path) -> tuple[str, list[list[str]]]:
    """Return the separator of a CSV file, and its rows with the header as the first.

    Raises:
        InputError: It cannot be read, is not UTF-8, or is no CSV.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n")
        raise InputError(f"{path}, row {row}: is not UTF-8; save it as 'CSV UTF-8' or as .xlsx") from error
    separator = max(",;\t", key=content.partition("\n")[0].count)
    csv.field_size_limit(files.LARGEST_ROW)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        return separator, list(reader)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: cannot be read: {error}; is a quotation mark missing?") from error


def _read_xlsx(path: Path, known: Sequence[str]) -> Book:
    pages = {name: excel.read(path, name) for name in excel.names(path)}
    name = WORKSHEET if WORKSHEET in pages else next(iter(pages))
    page = pages.pop(name)
    told = pages.get(GUIDELINE)
    guideline = "" if told is None or not told.width else "\n".join([told.columns[0], *told.to_series(0)])
    rows = [tuple(row) for row in page.rows() if any(cell.strip() for cell in row)]
    return _book(path, page.columns, rows, guideline, known, sheet=name, others=pages)


def _book(
    path: Path,
    header: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    guideline: str,
    known: Sequence[str],
    separator: str = ",",
    marked: bool = False,
    sheet: str = "",
    others: Mapping[str, pl.DataFrame] | None = None,
) -> Book:
    heads = [name.strip().casefold() for name in header]
    for needed in ("title", "abstract"):
        if heads.count(needed) != 1:
            raise InputError(f"{path}: needs one column {needed!r}; {choices(needed, filter(None, heads))}")
    for place, row in enumerate(rows, start=1):
        if len(row) != len(heads):
            raise InputError(f"{path}, row {place}: has {len(row)} fields where the header has {len(heads)}")
    columns = _label_columns(heads, rows, {*known, *sections(guideline)})
    if not columns:
        raise InputError(f"{path}: has no column for a label; it needs one named after the label, or {ANY_LABEL!r}")
    labels = tuple(_label(heads[column], guideline) for column in columns)
    grades = tuple(
        tuple(_grade(row[column], f"{path}, row {place}, column {heads[column]}") for column in columns)
        for place, row in enumerate(rows, start=1)
    )
    return Book(
        path=path,
        header=tuple(header),
        cells=tuple(rows),
        columns=tuple(columns),
        labels=labels,
        documents=tuple(_document(dict(zip(heads, row, strict=True))) for row in rows),
        grades=grades,
        guideline=guideline,
        separator=separator,
        marked=marked,
        sheet=sheet,
        others=others,
    )


def _label_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], known: set[str]) -> list[int]:
    found = []
    for column, name in enumerate(heads):
        filled = [row[column] for row in rows if row[column].strip()]
        graded = bool(filled) and all(_plain(cell) in GRADES for cell in filled)
        if name not in FIXED and (name in known or name == ANY_LABEL or (graded and ID.fullmatch(name))):
            found.append(column)
    return found


def _label(name: str, guideline: str) -> str:
    """Return the label of a column; a sheet for one label has it in its guideline."""
    named = list(sections(guideline))
    return named[0] if name == ANY_LABEL and len(named) == 1 else name


def _document(cells: Mapping[str, str]) -> Document:
    id, title, abstract = (_unguarded(cells.get(name, "").strip()) for name in ("id", "title", "abstract"))
    return Document(title, abstract, id)


def _unguarded(text: str) -> str:
    """Return a text without the sign that kept it from being taken for a formula.

    >>> _unguarded("'=x"), _unguarded("'tis")
    ('=x', "'tis")
    """
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _plain(cell: str) -> str:
    return cell.strip().casefold().removesuffix(".0")


def _grade(cell: str, where: str) -> int | None:
    plain = _plain(cell)
    if not plain:
        return None
    if plain not in GRADES:
        raise InputError(f"{where}: grade {cell[:60]!r} is none of {', '.join(GRADES)}; leave it empty if it was not judged")
    return GRADES[plain]


def sections(guideline: str) -> dict[str, str]:
    """Return what a guideline says of each label, by its id.

    >>> sections("# How to judge: Looms (looms, version 1)\\n\\nWeaving.\\n")
    {'looms': '# How to judge: Looms (looms, version 1)\\n\\nWeaving.'}
    """
    starts = [found.start() for found in _SECTION.finditer(guideline)]
    names = _SECTION.findall(guideline)
    parts = [guideline[start:end].strip() for start, end in pairwise([*starts, len(guideline)])]
    return dict(zip(names, parts, strict=True))


def written(book: Book, grades: Sequence[Sequence[int | None]]) -> bytes:
    """Return the file of ``book`` with other ``grades``; a cell whose grade is the same stays as it was.

    An Excel file is built anew: texts, widths and drop-downs are there, colours and formulas of one's own are not.
    """
    rows = [list(row) for row in book.cells]
    for row, old, new in zip(rows, book.grades, grades, strict=True):
        for column, before, after in zip(book.columns, old, new, strict=True):
            if before != after:
                row[column] = "" if after is None else str(after)
    return _as_xlsx(book, rows) if book.sheet else _as_csv(book, rows)


def _as_csv(book: Book, rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=book.separator, lineterminator="\n")
    writer.writerow(book.header)
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8-sig" if book.marked else "utf-8")


def _as_xlsx(book: Book, rows: Sequence[Sequence[str]]) -> bytes:
    frame = pl.DataFrame(list(map(tuple, rows)), schema=dict.fromkeys(book.header, pl.String), orient="row")
    numbers = [name for name in frame.columns if name in _NUMBERS and frame[name].str.contains(r"^[1-9]\d{0,14}$").all()]
    labels = [book.header[column] for column in book.columns]
    pages = {book.sheet: page_of(frame.with_columns(pl.col(numbers).cast(pl.Int64)), labels)}
    for name, other in (book.others or {}).items():
        pages[name] = guideline_page(other) if name == GUIDELINE else excel.Sheet(other)
    return excel.write(pages)


_WIDTHS = {"no": 6, "row": 9, "id": 18, "title": 40, "abstract": 100, "grade": 8, "origin": 14, "remark": 30, "why": 40}


def page_of(frame: pl.DataFrame, labels: Sequence[str]) -> excel.Sheet:
    """Return the worksheet of a sheet to judge, with a drop-down in the columns of ``labels``."""
    widths = {name: _WIDTHS.get(name.casefold(), 10) for name in frame.columns}
    wrapped = frozenset(name for name in frame.columns if name.casefold() in ("title", "abstract", "remark", "why"))
    return excel.Sheet(frame, widths, dict.fromkeys(labels, ("0", "1", "2")), wrapped=wrapped)


def guideline_page(frame: pl.DataFrame) -> excel.Sheet:
    """Return the worksheet of a guideline: one wide column, whose name is its first line."""
    return excel.Sheet(frame, dict.fromkeys(frame.columns, 120), wrapped=frozenset(frame.columns), filters=False)
