"""Sheets to judge: written as CSV or Excel with the guideline, and read back as people leave them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ipclass import excel
from ipclass.audit_table import Text
from ipclass.calibration import Ints
from ipclass.errors import InputError, OutputError, choices
from ipclass.excel import Sheet
from ipclass.files import STDIO
from ipclass.gradebook import csv_rows
from ipclass.labels import Label
from ipclass.writing import guarded

_JUDGE = "judge"
COLUMNS = ("no", "row", "id", "title", "abstract", "grade", "remark")

_WIDTHS = {"no": 6, "row": 9, "id": 18, "title": 40, "abstract": 100, "grade": 8, "remark": 30}


@dataclass(frozen=True)
class Line:
    """A row of a sheet that was read; ``place`` counts from 1."""

    place: int
    cells: Mapping[str, str]


AUDIT_ADVICE = (
    "Leave the grade empty if you cannot tell: such a row counts as not judged, never as no. Judge by the text alone:",
    "look up neither tags nor probabilities, and leave the plan file closed. Rows may be sorted as a whole; do not",
    "delete or add rows, and change no column but grade and remark.",
)


def guideline_of(label: Label, advice: Sequence[str] = AUDIT_ADVICE) -> str:
    """Return how to judge for ``label``, as Markdown: the grades, lines of ``advice``, and examples of each grade."""
    examples = (("Grade 2", label.inside), ("Borderline, mostly grade 1", label.borderline), ("Grade 0", label.outside))
    return "\n".join(
        [
            f"# How to judge: {label.name} ({label.id}, version {label.version})",
            "",
            label.summary,
            "",
            "Read the title and the abstract of each row and write one grade:",
            "",
            f"- **2** (or yes): {_flowing(label.strict)}",
            f"- **1**: not 2, but the wider definition holds. {_flowing(label.broad)}",
            "- **0** (or no): neither.",
            "",
            *advice,
            *(
                line
                for title, lines in examples
                for line in ("", f"## {title}", "", *(f"- {_flowing(text)}" for text in lines))
            ),
            "",
        ]
    )


def _flowing(text: str) -> str:
    return " ".join(text.split())


def kind_of(sheet: Path) -> str:
    """Return whether a sheet is .csv or .xlsx.

    Raises:
        OutputError: It is neither.
    """
    if str(sheet) == STDIO:
        raise OutputError("a sheet has its plan beside it; name a file instead of -")
    kind = sheet.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise OutputError(f"{sheet}: a sheet is .csv or .xlsx, not {kind or 'without an ending'}")
    return kind


def sheet_bytes(kind: str, rows: Ints, texts: Mapping[int, Text], guideline: str) -> bytes:
    """Return the sheet of the documents in ``rows``, in their order, as a file of ``kind``."""
    shown = [(no, row, texts[row]) for no, row in enumerate(rows.tolist(), start=1)]
    lines = [(no, row, text.id, text.title, text.abstract, "", "") for no, row, text in shown]
    return _as_csv(lines) if kind == ".csv" else _as_xlsx(lines, guideline)


_Row = tuple[int, int, str, str, str, str, str]


def _as_csv(lines: Sequence[_Row]) -> bytes:
    """Return the sheet as CSV that spreadsheet programs read as it is meant: with a mark of UTF-8, and no formulas."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((no, row, *map(guarded, texts)) for no, row, *texts in lines)
    return buffer.getvalue().encode("utf-8-sig")


def _as_xlsx(lines: Sequence[_Row], guideline: str) -> bytes:
    """Return the sheet as an Excel file: every text as text, a choice of grades, and the guideline in a second worksheet."""
    frame = pl.DataFrame(lines, schema=list(COLUMNS), orient="row")
    judge = Sheet(frame, widths=_WIDTHS, choices={"grade": ("0", "1", "2")}, wrapped=frozenset({"title", "abstract", "remark"}))
    title, *rest = guideline.splitlines()
    told = Sheet(pl.DataFrame({title: rest}), widths={title: 120}, wrapped=frozenset({title}), filters=False)
    return excel.write({_JUDGE: judge, "guideline": told})


def read_sheet(sheet: Path) -> Iterator[Line]:
    """Yield the rows of a sheet that are not empty.

    Raises:
        InputError: It is no such sheet.
    """
    table = _rows_of_xlsx(sheet) if sheet.suffix.lower() == ".xlsx" else iter(csv_rows(sheet)[1])
    heads = [name.strip().casefold() for name in next(table, [])]
    needed = ("no", "row", "id", "grade")
    if absent := [name for name in needed if heads.count(name) != 1]:
        raise InputError(f"{sheet}: needs one column {absent[0]!r}; {choices(absent[0], filter(None, heads))}")
    places = {name: heads.index(name) for name in needed}
    for place, cells in enumerate(table, start=1):
        if any(cell.strip() for cell in cells):
            yield Line(place, {name: cells[column].strip() if column < len(cells) else "" for name, column in places.items()})


def _rows_of_xlsx(sheet: Path) -> Iterator[list[str]]:
    """Yield the rows of the worksheet ``judge``, or of the first one."""
    frame = excel.read(sheet, _JUDGE if _JUDGE in excel.names(sheet) else "")
    yield frame.columns
    yield from map(list, frame.iter_rows())
