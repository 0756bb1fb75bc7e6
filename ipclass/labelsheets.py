"""Documents to judge, as people get them: an Excel or CSV sheet, or a project of Label Studio or doccano.

All of them come back through ``judgements``: a column a label (``label:grade`` in doccano), and ``origin``, which says
whether a document was picked or drawn whatever a model thinks of it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import polars as pl

from ipclass import excel, gradebook
from ipclass.audit_sheet import guideline_of
from ipclass.audit_table import one_line
from ipclass.errors import OutputError, choices
from ipclass.files import STDIO
from ipclass.labels import LabelSet
from ipclass.records import Document
from ipclass.rowwise import WORKSHEET
from ipclass.writing import guarded

XLSX, CSV, LABEL_STUDIO, DOCCANO = "xlsx", "csv", "label-studio", "doccano"
KINDS: Mapping[str, str] = {".xlsx": XLSX, ".csv": CSV, ".json": LABEL_STUDIO, ".jsonl": DOCCANO}
"""What is written for each ending."""

GRADES = ("2", "1", "0")
_MEANING = {"2": "yes", "1": "borderline", "0": "no"}
_COLOURS = {"2": "#1f7a4d", "1": "#94792a", "0": "#7d8790"}

ADVICE = (
    "Leave the grade empty if you cannot tell: such a row counts as not judged, never as no. Judge by the text alone, and",
    "look up neither tags nor probabilities. Rows may be sorted or left out; change no column but the grades and remark.",
)


@dataclass(frozen=True)
class Asked:
    """A document to judge, how it came to be asked for (an origin of a corpus), and why, for those who may know."""

    document: Document
    origin: str
    why: str = ""


def kind_of(path: Path, named: str = "") -> str:
    """Return what to write to ``path``: what is ``named``, else what its ending says.

    Raises:
        OutputError: There is no such kind.
    """
    if str(path) == STDIO:
        raise OutputError("a sheet has its guideline with it; name a file instead of -")
    known = tuple(KINDS.values())
    if named and named not in known:
        raise OutputError(f"no kind of sheet {named!r}; {choices(named, known)}")
    ending = path.suffix.lower()
    if not named and ending not in KINDS:
        raise OutputError(f"{path}: cannot tell the kind of sheet from {ending or 'no ending'!r}; {choices(ending, KINDS)}")
    return named or KINDS[ending]


def files_of(path: Path, kind: str, asked: Sequence[Asked], labels: LabelSet, *, show: bool = False) -> dict[Path, bytes]:
    """Return the files of a sheet, by their paths: the sheet at ``path``, and beside it what it needs to be judged.

    A sheet is blind unless ``show``: it tells nothing of what a model thinks.
    """
    guideline = "\n".join(guideline_of(label, ADVICE) for label in labels)
    told = {_beside(path, f"{gradebook.GUIDELINE}.md"): guideline.encode()}
    if kind == XLSX:
        return {path: _xlsx(_frame(asked, labels, show), labels, guideline)}
    if kind == CSV:
        return {path: _csv(_frame(asked, labels, show)), **told}
    if kind == LABEL_STUDIO:
        tasks = [{"data": _data(each, show)} for each in asked]
        return {path: _json(tasks), _beside(path, "xml"): label_studio_config(labels), **told}
    lines = "".join(f"{json.dumps(_line(each, show), ensure_ascii=False)}\n" for each in asked)
    return {path: lines.encode(), _beside(path, "labels.json"): _json(_label_types(labels)), **told}


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.stem}.{ending}")


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


# Sheets


def _frame(asked: Sequence[Asked], labels: LabelSet, show: bool) -> pl.DataFrame:
    rows = [
        {"id": data["id"], "title": data["title"], "abstract": data["abstract"]}
        | dict.fromkeys(labels.ids, "")
        | {"origin": each.origin, "remark": ""}
        | ({"why": each.why} if show else {})
        for each, data in ((each, _data(each, show)) for each in asked)
    ]
    columns = ["id", "title", "abstract", *labels.ids, "origin", "remark", *(["why"] if show else [])]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))


def _xlsx(frame: pl.DataFrame, labels: LabelSet, guideline: str) -> bytes:
    first, *rest = guideline.splitlines()
    page = gradebook.guideline_page(pl.DataFrame({first: rest}))
    return excel.write({WORKSHEET: gradebook.page_of(frame, labels.ids), gradebook.GUIDELINE: page})


def _csv(frame: pl.DataFrame) -> bytes:
    """Return a sheet as CSV that spreadsheet programs read as it is meant: with a mark of UTF-8, and no formulas."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(map(guarded, row) for row in frame.iter_rows())
    return buffer.getvalue().encode("utf-8-sig")


# Labelling tools


def _data(asked: Asked, show: bool) -> dict[str, str]:
    """Return what a task of Label Studio holds; texts without control signs or line feeds."""
    document = asked.document
    told = {"id": one_line(document.id), "title": one_line(document.title), "abstract": one_line(document.abstract)}
    return {**told, "origin": asked.origin, **({"why": asked.why} if show else {})}


def label_studio_config(labels: LabelSet) -> bytes:
    """Return the labelling interface of Label Studio, as XML: the text, and one choice of grades for each label."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$title", size="4")
    ElementTree.SubElement(view, "Text", name="text", value="$abstract", valueType="text")
    for label in labels:
        ElementTree.SubElement(view, "Header", value=f"{label.name}: {' '.join(label.summary.split())}", size="6")
        control = ElementTree.SubElement(view, "Choices", name=label.id, toName="text", choice="single", showInline="true")
        for grade in GRADES:
            ElementTree.SubElement(control, "Choice", value=grade, hint=_MEANING[grade])
    ElementTree.indent(view, " ")
    return f"{ElementTree.tostring(view, encoding='unicode')}\n".encode()


def _line(asked: Asked, show: bool) -> dict[str, object]:
    """Return a line for doccano: the first line of its text is the title."""
    data = _data(asked, show)
    text = f"{data.pop('title')}\n{data.pop('abstract')}"
    return {"text": text, "label": [], **data}


def _label_types(labels: LabelSet) -> list[dict[str, str]]:
    """Return the labels of doccano, for its import of label types: one for each label and grade."""
    return [
        {"text": f"{label}:{grade}", "background_color": _COLOURS[grade], "text_color": "#ffffff"}
        for label in labels.ids
        for grade in GRADES
    ]
