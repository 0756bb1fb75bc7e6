"""Audits on paper: a blind sheet of documents to judge, the plan that is kept apart from it, and what the grades tell.

``draw`` writes a sheet, its guideline and its plan; ``estimate`` reads the grades back and believes the sheet only as far
as plan, table and model agree with it. The statistics are those of ``ipclass.audit``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import unicodedata
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ipclass import audit, files
from ipclass.audit import WHY_NOT, Audited, Plan, Provenance
from ipclass.batch import TAGGED_BY, tagged_by
from ipclass.calibration import Calibration, Ints
from ipclass.errors import InputError, OutputError, ShareError, choices
from ipclass.figures import Interval
from ipclass.files import STDIO, Block, RowError, Source
from ipclass.labels import Label
from ipclass.model import Model
from ipclass.records import LEAST_GRADE, Definition, definition_named
from ipclass.scores import Bools, Floats
from ipclass.writing import FORMULA, guarded, refuse_to_replace, write

COLUMNS = ("no", "row", "id", "title", "abstract", "grade", "remark")
FORMAT = 1
NUMBER = 300
GRADES: Mapping[str, int] = {"0": 0, "1": 1, "2": 2, "no": 0, "yes": 2}
ROUNDED = 1e-5
"""Tables hold six digits of a probability: so far may one seem to lie on the wrong side of the threshold."""

_LONGEST_CELL = 32_000  # signs; Excel takes 32,767
_LARGEST_PLAN = 200_000_000  # bytes
_LARGEST_SHEET = 1 << 30  # bytes, unpacked
_RETAG = "run ipclass classify again"
_EXCEL = "needs openpyxl: pip install 'ipclass[excel]'"
_WIDTHS = {"no": 6, "row": 9, "id": 18, "title": 40, "abstract": 100, "grade": 8, "remark": 30}


@dataclass(frozen=True)
class Wanted:
    """What to draw. ``definition`` "" is that of the table; ``n`` None is 300, or what ``width`` needs.

    ``width`` is the half width of the interval that is aimed at, in parts of the share; ``columns`` names the columns for
    title, abstract and id where they are not the usual ones.
    """

    label: str
    definition: str = ""
    n: int | None = None
    width: float | None = None
    bulk: float = 0.4
    seed: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Tagged:
    """The scores of one label in a tagged table.

    ``rows`` are the places of the scored documents in the table, from 1, and ``scores`` theirs, both of shape (documents,);
    ``unscored`` counts the others by reason.
    """

    path: str
    columns: Mapping[str, str]
    definition: Definition
    label: Label
    rows: Ints
    scores: Floats
    unscored: Mapping[str, int]
    calibration: Calibration


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and where it stands."""

    sheet: Path
    plan: Path
    guideline: Path
    label: str
    definition: Definition
    judgements: int
    documents: int
    unscored: Mapping[str, int]


@dataclass(frozen=True)
class Result:
    """What an audit found, with all that says where it comes from.

    ``grades`` counts the judgements of each grade, and ``not_judged`` the rows without one, which are never taken for "no".
    """

    audited: Audited
    label: Label
    definition: Definition
    grades: Mapping[int, int]
    not_judged: int
    unscored: Mapping[str, int]
    plan: _Plan
    sheet: Path
    sheet_sha256: str
    plan_sha256: str


@dataclass(frozen=True, eq=False)
class _Plan:
    """What the plan file holds: which rows of which table were drawn, how, and for which model."""

    provenance: Provenance
    label: str
    definition: Definition
    model: str
    table: str
    table_sha256: str
    columns: Mapping[str, str]
    bulk: float
    seed: int
    made_by: str
    rows: Ints
    strata: Ints
    weights: Floats
    sizes: Ints


@dataclass(frozen=True)
class _Text:
    """A document as the sheet shows it."""

    id: str
    title: str
    abstract: str


@dataclass(frozen=True)
class _Line:
    """A row of a sheet that was read; ``place`` counts from 1."""

    place: int
    cells: Mapping[str, str]


# Drawing


def draw(table: str, sheet: Path, model: Model, wanted: Wanted, *, force: bool = False) -> Drawn:
    """Write a sheet of documents to judge, its guideline, and beside it the plan that whoever judges should not see.

    Args:
        table: The output of ``ipclass classify``.
        sheet: The file to write, .csv or .xlsx. CSV has the guideline in a file beside it, Excel in a second worksheet too.
        model: The model that tagged the table.
        wanted: What to draw.
        force: Replace what is there.

    Raises:
        InputError: The table cannot be read, is not tagged, or was tagged by another model or under another definition.
        ShareError: ``wanted`` cannot be had from these documents.
        LabelError: The model has no such label.
        OutputError: Something is there already, or cannot be written.
    """
    kind = _kind(sheet)
    plan_path, guideline_path = _beside(sheet, "plan.json"), _beside(sheet, "guideline.md")
    refuse_to_replace((sheet, plan_path, guideline_path), force)
    if wanted.n is not None and wanted.width is not None:
        raise ShareError(f"either {wanted.n} judgements or as many as the width {wanted.width:g} needs, not both")
    digest = sha256(table)
    tagged = read_tagged(table, model, wanted)
    n = _size(tagged, wanted, wanted.width) if wanted.width is not None else NUMBER if wanted.n is None else wanted.n
    drawn = audit.plan(tagged.scores, tagged.calibration, n, wanted.bulk, wanted.seed)
    rows = tagged.rows[drawn.rows]
    lines = _lines(rows, _texts(tagged, rows))
    guideline = guideline_of(tagged.label)
    made = {
        "format": FORMAT,
        "provenance": str(Provenance.STRATIFIED),
        "label": tagged.label.id,
        "label_version": tagged.label.version,
        "definition": tagged.definition,
        "model": model.digest,
        "table": _relative(table, plan_path.parent),
        "table_sha256": digest,
        "columns": dict(wanted.columns),
        "documents": len(tagged.rows),
        "unscored": dict(tagged.unscored),
        "judgements": len(rows),
        "bulk": wanted.bulk,
        "seed": wanted.seed,
        "made_by": f"ipclass {version('ipclass')}",
        "sizes": drawn.sizes.tolist(),
        "rows": rows.tolist(),
        "strata": drawn.stratum.tolist(),
        "weights": drawn.weight.tolist(),
    }
    parts = {
        plan_path: (json.dumps(made, ensure_ascii=False) + "\n").encode(),
        guideline_path: guideline.encode(),
        sheet: _as_csv(lines) if kind == ".csv" else _as_xlsx(lines, guideline),
    }
    write(parts, force=force)
    counts = len(rows), len(tagged.rows), tagged.unscored
    return Drawn(sheet, plan_path, guideline_path, tagged.label.id, tagged.definition, *counts)


def size(table: str, model: Model, wanted: Wanted, width: float) -> tuple[int, int]:
    """Return how many judgements bring the half width of the interval to ``width`` times the share, of how many documents.

    Raises:
        InputError, ShareError, LabelError: As ``draw``.
    """
    tagged = read_tagged(table, model, wanted)
    return _size(tagged, wanted, width), len(tagged.rows)


def _size(tagged: Tagged, wanted: Wanted, width: float) -> int:
    return audit.audit_size(tagged.scores, tagged.calibration, width, wanted.bulk)


def _beside(sheet: Path, ending: str) -> Path:
    return sheet.with_name(f"{sheet.stem}.{ending}")


def _relative(table: str, folder: Path) -> str:
    """Return the way from ``folder`` to ``table``, so that both can be moved together."""
    try:
        return Path(os.path.relpath(table, folder)).as_posix()
    except ValueError:  # another drive
        return Path(table).resolve().as_posix()


def sha256(path: str) -> str:
    """Return the sha256 of a file, as 64 hexadecimal digits.

    Raises:
        InputError: It is no file, or cannot be read.
    """
    if path == STDIO:
        raise InputError("an audit reads its table more than once; name a file instead of -")
    if not Path(path).is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if Path(path).is_dir() else 'no such file'}")
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


# The tagged table


def read_tagged(path: str, model: Model, wanted: Wanted) -> Tagged:
    """Return the scores of a label in a tagged table, which must be tagged by ``model``, each row alike.

    Raises:
        InputError: The table cannot be read, is not tagged, was tagged by another model or under another definition, or a
            row was changed since.
        ShareError: The table holds no document, or the model cannot be used for shares.
        LabelError: The model has no such label.
    """
    source = _source(path, wanted.columns)
    source.learn_columns()
    prefix = _prefix(source)
    frames = []
    definition: Definition | None = None
    for before, block in _blocks(source):
        if definition is None:
            definition = _definition(path, _tagged_by(block, prefix), model, wanted.definition)
            target = model.targets[model.column(wanted.label, definition)]
        frames.append(
            _checked(path, before, _figures(path, block, prefix, wanted.label), tagged_by(model, definition), target.threshold)
        )
    if definition is None:
        raise ShareError(f"{path}: no documents: a share of nothing is not 0")
    frame = pl.concat(frames)
    scored = frame.filter(pl.col("unscored") == "")
    reasons = Counter(frame.filter(pl.col("unscored") != "")["unscored"].to_list())
    scores = _scores(scored["probability"].to_numpy(), scored["tag"].to_numpy() == 1, target.calibration)
    rows = scored["row"].to_numpy().astype(np.int64)
    label = model.labels[wanted.label]
    return Tagged(path, wanted.columns, definition, label, rows, scores, dict(sorted(reasons.items())), target.calibration)


def _source(path: str, columns: Mapping[str, str]) -> Source:
    if path == STDIO:
        raise InputError("an audit reads its table more than once; name a file instead of -")
    return Source(path, columns=columns)


def _blocks(source: Source) -> Iterator[tuple[int, Block]]:
    """Yield the blocks that hold rows, each with the number of rows before it."""
    before = 0
    for raw in source.blocks():
        try:
            block = files.parse(raw, source.layout)
        except RowError as error:
            raise InputError(f"{source.path}, row {before + error.row}: {error.problem}") from error
        if len(block):
            yield before, block
        before += len(block)


def _prefix(source: Source) -> str:
    """Return what ``classify --prefix`` put before its columns."""
    names = [name for name in source.layout.columns if name.endswith("tagged_by")]
    if "tagged_by" in names:
        return ""
    if len(names) == 1:
        return names[0].removesuffix("tagged_by")
    if any(name.endswith("probabilities") for name in source.layout.columns):
        raise InputError(f"{source.path}: says not which model tagged it (no field tagged_by); {_RETAG}, to CSV or Parquet")
    raise InputError(f"{source.path}: is not tagged (no column 'tagged_by'); run ipclass classify first")


def _tagged_by(block: Block, prefix: str) -> str:
    if block.frame is not None:
        return str(block.frame[f"{prefix}tagged_by"][0])
    return str((block.records or [{}])[0].get(f"{prefix}tagged_by"))


def _definition(path: str, made_by: str, model: Model, wanted: str) -> Definition:
    """Return the definition that the first row was tagged under, after checking that ``model`` did it."""
    if wanted:
        definition_named(wanted)
    name, _, digest = made_by.partition(":")
    if name not in LEAST_GRADE or not digest:
        raise InputError(f"{path}, row 1: tagged_by {_short(made_by)} names no definition and model; {_RETAG}")
    definition = definition_named(name)
    if made_by != tagged_by(model, definition):
        here = model.digest[:TAGGED_BY]
        raise InputError(f"{path}: was tagged by model {_short(digest)}, not by {here!r}; name it with --model, or {_RETAG}")
    if wanted and wanted != definition:
        raise InputError(f"{path}: was tagged under the definition {definition}, not {wanted}; {_RETAG} with -d {wanted}")
    return definition


def _figures(path: str, block: Block, prefix: str, label: str) -> pl.DataFrame:
    """Return tag, probability, reason for none, and tagger of each row; nothing where there is no such figure."""
    if block.frame is None:
        return _figures_of_records(block.records or [], prefix, label)
    needed = {
        "tag": prefix + label,
        "probability": f"{prefix}{label}_probability",
        "unscored": f"{prefix}unscored",
        "by": f"{prefix}tagged_by",
    }
    if absent := [name for name in needed.values() if name not in block.frame.columns]:
        raise InputError(f"{path}: is not tagged for {label!r} (no column {absent[0]!r}); {_RETAG}")
    numbers = [pl.col(needed[name]).cast(pl.Float64, strict=False).alias(name) for name in ("tag", "probability")]
    texts = [pl.col(needed[name]).cast(pl.String).fill_null("").alias(name) for name in ("unscored", "by")]
    return block.frame.select(*numbers, *texts)


def _figures_of_records(records: Sequence[Mapping[str, Any]], prefix: str, label: str) -> pl.DataFrame:
    rows = []
    for record in records:
        sure, tags = record.get(f"{prefix}probabilities"), record.get(f"{prefix}labels")
        probability = sure.get(label) if isinstance(sure, dict) else None
        number = float(probability) if isinstance(probability, int | float) else None
        tag = float(label in tags) if isinstance(tags, list) else None
        rows.append((tag, number, str(record.get(f"{prefix}unscored") or ""), str(record.get(f"{prefix}tagged_by"))))
    kinds = {"tag": pl.Float64, "probability": pl.Float64, "unscored": pl.String, "by": pl.String}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _checked(path: str, before: int, frame: pl.DataFrame, made_by: str, threshold: float) -> pl.DataFrame:
    """Return ``frame`` with the number of each row, after checking that each is as the model left it."""
    frame = frame.with_row_index("row", offset=before + 1)
    tag, probability, scored = pl.col("tag"), pl.col("probability"), pl.col("unscored") == ""
    near = (probability - threshold).abs() <= ROUNDED * (threshold + 0.1)
    checks = {
        f"tagged_by is {{by!r}}, in other rows {made_by!r}; one table, one model": pl.col("by") != made_by,
        "the probability is missing or no number from 0 to 1": scored & ~probability.is_between(0, 1).fill_null(False),
        "the tag is missing or neither 0 nor 1": scored & ~tag.is_in([0.0, 1.0]).fill_null(False),
        f"tag {{tag:g}} at probability {{probability:g}}, where the model tags from {threshold:.3g}": (
            scored & ~near & ((tag == 1) != (probability >= threshold))
        ),
    }
    for problem, broken in checks.items():
        first = frame.filter(broken.fill_null(False)).head(1).to_dicts()
        if first:
            shown = problem.format(**{**first[0], "by": first[0]["by"][:60]})
            raise InputError(f"{path}, row {first[0]['row']}: {shown}; was it changed? {_RETAG}")
    return frame.drop("by")


def _scores(probabilities: Floats, tags: Bools, calibration: Calibration) -> Floats:
    """Return the scores behind rounded probabilities, on that side of the threshold where the tags say they were."""
    scores, threshold = calibration.scores_of(probabilities), calibration.threshold
    scores = np.where(tags, np.maximum(scores, threshold), scores)
    return np.asarray(np.where(tags, scores, np.minimum(scores, np.nextafter(threshold, -np.inf))))


def _texts(tagged: Tagged, rows: Ints) -> dict[int, _Text]:
    """Return the documents in some rows of the table, as a sheet shows them."""
    wanted = np.sort(rows)
    source = _source(tagged.path, tagged.columns)
    found = {}
    for before, block in _blocks(source):
        start, end = np.searchsorted(wanted, [before + 1, before + len(block) + 1])
        for row in wanted[start:end].tolist():
            place = row - before - 1
            title, _, abstract = block.texts[place].partition("\n")
            id = _cell(files.id_of(block, place, source.layout))
            found[row] = _Text(id or _fingerprint(block.texts[place]), _cell(title), _cell(abstract))
    return found


def _fingerprint(text: str) -> str:
    """Return what stands for the id of a document that has none: rows of a sheet can then be told apart all the same."""
    return f"text-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:10]}"


def _cell(text: str) -> str:
    """Return ``text`` as a cell can hold it: no control signs, no line feeds, not endless.

    >>> _cell(" a\\x00b\\nc ")
    'a b c'
    """
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign for sign in text).strip()
    return plain if len(plain) <= _LONGEST_CELL else f"{plain[:_LONGEST_CELL]} [...]"


# The sheet


def guideline_of(label: Label) -> str:
    """Return how to judge for ``label``, as Markdown: the grades, and examples of each."""
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
            "Leave the grade empty if you cannot tell: such a row counts as not judged, never as no. Judge by the text alone:",
            "look up neither tags nor probabilities, and leave the plan file closed. Rows may be sorted as a whole; do not",
            "delete or add rows, and change no column but grade and remark.",
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


def _lines(rows: Ints, texts: Mapping[int, _Text]) -> list[tuple[int, int, str, str, str]]:
    shown = ((row, texts[row]) for row in rows.tolist())
    return [(no, row, text.id, text.title, text.abstract) for no, (row, text) in enumerate(shown, start=1)]


def _kind(sheet: Path) -> str:
    """Return whether a sheet is .csv or .xlsx; openpyxl is asked for before any work is done."""
    if str(sheet) == STDIO:
        raise OutputError("a sheet has its plan beside it; name a file instead of -")
    kind = sheet.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise OutputError(f"{sheet}: a sheet is .csv or .xlsx, not {kind or 'without an ending'}")
    if kind == ".xlsx":
        _openpyxl(sheet)
    return kind


def _openpyxl(sheet: Path) -> Any:
    try:
        return import_module("openpyxl")
    except ImportError as error:
        raise OutputError(f"{sheet}: Excel {_EXCEL}; or use .csv") from error


def _as_csv(lines: Sequence[tuple[int, int, str, str, str]]) -> bytes:
    """Return the sheet as CSV that spreadsheet programs read as it is meant: with a mark of UTF-8, and no formulas."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for no, row, *texts in lines:
        writer.writerow([no, row, *map(guarded, texts), "", ""])
    return buffer.getvalue().encode("utf-8-sig")


def _as_xlsx(lines: Sequence[tuple[int, int, str, str, str]], guideline: str) -> bytes:
    """Return the sheet as an Excel file: every text as text, a choice of grades, and the guideline in a second worksheet."""
    openpyxl = import_module("openpyxl")
    styles = import_module("openpyxl.styles")
    validation = import_module("openpyxl.worksheet.datavalidation")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "judge"
    sheet.append(COLUMNS)
    wrapped = styles.Alignment(wrap_text=True, vertical="top")
    for line, values in enumerate(lines, start=2):
        for place, value in enumerate((*values, None, None), start=1):
            cell = sheet.cell(line, place)
            cell.alignment = wrapped
            if isinstance(value, str):
                _set_text(cell, value)
            elif value is not None:
                cell.value = value
    for place, name in enumerate(COLUMNS, start=1):
        sheet.cell(1, place).font = styles.Font(bold=True)
        sheet.column_dimensions[sheet.cell(1, place).column_letter].width = _WIDTHS[name]
    sheet.freeze_panes = "A2"
    grades = validation.DataValidation(type="list", formula1='"0,1,2"', allow_blank=True, showErrorMessage=True)
    grades.error = "0, 1 or 2; empty if you cannot tell"
    letter = sheet.cell(1, COLUMNS.index("grade") + 1).column_letter
    grades.add(f"{letter}2:{letter}{len(lines) + 1}")
    sheet.add_data_validation(grades)
    second = book.create_sheet("guideline")
    second.column_dimensions["A"].width = 120
    for line, text in enumerate(guideline.splitlines(), start=1):
        cell = second.cell(line, 1)
        cell.alignment = wrapped
        _set_text(cell, text)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _set_text(cell: Any, text: str) -> None:
    """Fill a cell with text that stays text, also when it is edited: never a formula, number or date."""
    cell.value = text
    cell.data_type = "s"
    cell.number_format = "@"
    if text.startswith(FORMULA):
        cell.quotePrefix = True


# Estimating


def estimate(sheet: Path, model: Model, *, table: str = "", plan: Path | None = None) -> Result:
    """Return the share, and the precision and recall of the tagger, from the grades in a sheet.

    Args:
        sheet: The sheet that ``draw`` wrote, graded; its rows may stand in any order.
        model: The model that tagged the table.
        table: The tagged table, if it stands elsewhere than the plan says.
        plan: The plan, if it does not stand beside the sheet.

    Raises:
        InputError: A file cannot be read, or the sheet has lost, doubled or mixed up rows, or holds an unknown grade.
        ShareError: Table, model or provenance do not fit, or a stratum has no judgement.
    """
    if not sheet.is_file():
        raise InputError(f"{sheet}: {'is a folder, not a file' if sheet.is_dir() else 'no such file'}")
    plan_path = plan or _beside(sheet, "plan.json")
    made = _read_plan(plan_path)
    if made.model != model.digest:
        theirs, ours = made.model[:TAGGED_BY], model.digest[:TAGGED_BY]
        raise ShareError(f"{plan_path}: was drawn with model {theirs!r}, this is {ours!r}; name it with --model")
    path = table or str(plan_path.parent / made.table)
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; name the tagged table with --table")
    if sha256(path) != made.table_sha256:
        raise ShareError(f"{path}: is not the table that the audit was drawn from, or was changed since (sha256 differs)")
    tagged = read_tagged(path, model, Wanted(made.label, made.definition, columns=made.columns))
    drawn = _places(made, tagged, plan_path)
    grades = _grades(sheet, made.rows, _texts(tagged, made.rows))
    judged = grades >= 0
    if not judged.any():
        raise ShareError(f"{sheet}: no row has a grade yet: a share of nothing is not 0")
    positive = grades >= LEAST_GRADE[made.definition]
    found = audit.estimate(drawn, positive, tagged.scores, tagged.calibration, judged=judged, provenance=made.provenance)
    counted = {grade: int((grades == grade).sum()) for grade in (0, 1, 2)}
    digests = sha256(str(sheet)), sha256(str(plan_path))
    return Result(found, tagged.label, made.definition, counted, int((~judged).sum()), tagged.unscored, made, sheet, *digests)


def _read_plan(path: Path) -> _Plan:
    if not path.is_file():
        raise InputError(f"{path}: no such file; name the plan that was drawn with the sheet by --plan")
    try:
        if path.stat().st_size > _LARGEST_PLAN:
            raise ValueError(f"{path.stat().st_size} bytes")
        stored = json.loads(path.read_text("utf-8"))
        given = Provenance(stored["provenance"])
        if given != Provenance.STRATIFIED:
            raise ShareError(f"{path}: an audit does not fit these judgements ({given}): they {WHY_NOT[given]}")
        return _plan(stored)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not the plan of an audit, or damaged: {_short(repr(error))}") from error


def _plan(stored: Mapping[str, Any]) -> _Plan:
    if stored["format"] != FORMAT:
        raise ValueError(f"format {stored['format']!r}, this ipclass reads {FORMAT}")
    texts = {name: stored[name] for name in ("label", "definition", "model", "table", "table_sha256", "made_by")}
    columns = stored["columns"]
    if not all(isinstance(text, str) for text in (*texts.values(), *columns, *columns.values())):
        raise TypeError("a text is expected")
    if texts["definition"] not in LEAST_GRADE:
        raise ValueError(f"definition {texts['definition']!r}")
    rows, strata, sizes = (np.array(_whole(stored[name]), np.int64) for name in ("rows", "strata", "sizes"))
    weights = np.array(stored["weights"], np.float64)
    if not len(rows) == len(strata) == len(weights) > 0 or len(set(rows.tolist())) < len(rows):
        raise ValueError("rows, strata and weights do not fit each other")
    if strata.min() < 0 or strata.max() >= len(sizes):
        raise ValueError("strata without a size")
    return _Plan(
        provenance=Provenance(stored["provenance"]),
        columns=dict(columns),
        bulk=float(stored["bulk"]),
        seed=int(stored["seed"]),
        rows=rows,
        strata=strata,
        weights=weights,
        sizes=sizes,
        **texts,
    )


def _whole(numbers: Sequence[Any]) -> list[int]:
    if not all(type(number) is int for number in numbers):
        raise TypeError("whole numbers are expected")
    return list(numbers)


def _places(made: _Plan, tagged: Tagged, path: Path) -> Plan:
    """Return the plan with its rows as places among the scored documents."""
    places = np.searchsorted(tagged.rows, made.rows)
    absent = tagged.rows[np.minimum(places, len(tagged.rows) - 1)] != made.rows
    if absent.any():
        raise ShareError(f"{path}: row {made.rows[absent][0]} of the table is no scored document; was the plan changed?")
    return Plan(places.astype(np.int64), made.strata, made.weights, made.sizes)


def _grades(sheet: Path, rows: Ints, texts: Mapping[int, _Text]) -> Ints:
    """Return the grade of each row drawn, -1 where there is none, after checking that the sheet holds just these rows."""
    number = {row: no for no, row in enumerate(rows.tolist(), start=1)}
    grades: dict[int, int] = {}
    for line in _read_sheet(sheet):
        where = f"{sheet}, row {line.place}"
        no, row = (_number(where, name, line.cells[name]) for name in ("no", "row"))
        if row not in number:
            raise InputError(f"{where}: row {row} of the table was not drawn; was a row changed or added?")
        if row in grades:
            raise InputError(f"{where}: row {row} of the table stands in the sheet twice; leave one of them")
        if no != number[row]:
            raise InputError(f"{where}: no {no} does not belong to row {row} of the table; were columns sorted apart?")
        if not _same(line.cells["id"], texts[row].id):
            raise InputError(
                f"{where}: id {_short(line.cells['id'])} is not {_short(texts[row].id)}, which the table has there"
            )
        grades[row] = _grade(where, line.cells["grade"])
    missing = [row for row in number if row not in grades]
    if missing:
        many = f"{len(missing)} of the {len(rows)} rows drawn are missing, first no {number[missing[0]]}"
        raise InputError(f"{sheet}: {many}; put them back, with an empty grade where nobody judged")
    return np.array([grades[row] for row in rows.tolist()], np.int64)


def _number(where: str, name: str, text: str) -> int:
    try:
        number = float(text)
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise InputError(f"{where}: {name} {_short(text)} is no number of a row; was a row changed or added?")


def _same(found: str, id: str) -> bool:
    """Say whether an id is the same; spreadsheet programs drop zeros before whole numbers.

    >>> _same("123", "00123"), _same("'-1", "-1"), _same("124", "123")
    (True, True, False)
    """
    found = _cell(found)
    if found in (id, guarded(id)):
        return True
    return found.isdecimal() and id.isdecimal() and found.lstrip("0") == id.lstrip("0")


def _grade(where: str, text: str) -> int:
    plain = unicodedata.normalize("NFKC", text).strip().casefold().removesuffix(".0")
    if not plain:
        return -1
    if plain not in GRADES:
        raise InputError(f"{where}: grade {_short(text)} is none of {', '.join(GRADES)}; leave it empty if it was not judged")
    return GRADES[plain]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def _read_sheet(sheet: Path) -> Iterator[_Line]:
    """Yield the rows of a sheet that are not empty."""
    table = _rows_of_xlsx(sheet) if sheet.suffix.lower() == ".xlsx" else _rows_of_csv(sheet)
    heads = [name.strip().casefold() for name in next(table, [])]
    needed = ("no", "row", "id", "grade")
    if absent := [name for name in needed if heads.count(name) != 1]:
        raise InputError(f"{sheet}: needs one column {absent[0]!r}; {choices(absent[0], filter(None, heads))}")
    places = {name: heads.index(name) for name in needed}
    for place, cells in enumerate(table, start=1):
        if any(cell.strip() for cell in cells):
            yield _Line(place, {name: cells[column].strip() if column < len(cells) else "" for name, column in places.items()})


def _rows_of_csv(sheet: Path) -> Iterator[list[str]]:
    try:
        content = sheet.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{sheet}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n")
        raise InputError(f"{sheet}, row {row}: is not UTF-8; save it as 'CSV UTF-8' or as .xlsx") from error
    separator = max(",;\t", key=content.partition("\n")[0].count)
    csv.field_size_limit(files.LARGEST_ROW)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{sheet}, line {reader.line_num}: cannot be read: {error}; is a quotation mark missing?") from error


def _rows_of_xlsx(sheet: Path) -> Iterator[list[str]]:
    """Yield the rows of the worksheet ``judge``, or of the first one."""
    openpyxl = _openpyxl(sheet)
    try:
        with zipfile.ZipFile(sheet) as parts:
            if (whole := sum(part.file_size for part in parts.infolist())) > _LARGEST_SHEET:
                raise ValueError(f"{whole >> 20} MB unpacked is no sheet")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats that openpyxl does not keep: we only read
            book = openpyxl.load_workbook(sheet, read_only=True, data_only=True)
        try:
            page = book["judge"] if "judge" in book.sheetnames else book.worksheets[0]
            for row in page.iter_rows(values_only=True):
                yield ["" if value is None else str(value) for value in row]
        finally:
            book.close()
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, SyntaxError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{sheet}: not an Excel file (.xlsx), or damaged: {_short(str(error).partition(chr(10))[0])}"
        ) from error


# What it tells


def as_record(result: Result) -> dict[str, Any]:
    """Return all that an audit found and where it comes from, for JSON; what is not defined is nan."""
    found, share, plan = result.audited, result.audited.share, result.plan
    return {
        "provenance": str(plan.provenance),
        "label": result.label.id,
        "label_version": result.label.version,
        "definition": result.definition,
        **asdict(share),
        "error": found.error,
        "printable": share.printable,
        "precision": asdict(found.precision),
        "recall": asdict(found.recall),
        "judged": found.checked,
        "not_judged": result.not_judged,
        "grades": {str(grade): count for grade, count in result.grades.items()},
        "bulk_checked": found.bulk_checked,
        "bulk_positive": found.bulk_positive,
        "bulk": found.sentence,
        "unscored": dict(result.unscored),
        "model": plan.model,
        "table": plan.table,
        "table_sha256": plan.table_sha256,
        "sheet": str(result.sheet),
        "sheet_sha256": result.sheet_sha256,
        "plan_sha256": result.plan_sha256,
        "drawn": {"judgements": len(plan.rows), "bulk": plan.bulk, "seed": plan.seed, "by": plan.made_by},
        "made_by": f"ipclass {version('ipclass')}",
    }


_FLAGS = {
    "e": "estimated",
    "u": "of low reliability: the interval is wide",
    "p": "provisional",
    "b": "break in the series",
    "/": "too uncertain to be published: too few documents or positives, or too wide an interval",
}


def as_text(result: Result) -> str:
    """Return what an audit found, in words."""
    found, share, plan = result.audited, result.audited.share, result.plan
    raised = "; ".join(f"{flag} {_FLAGS[flag]}" for flag in share.flags) or "none"
    graded = ", ".join(f"{count:,} x {grade}" for grade, count in result.grades.items())
    source = f"table {plan.table}, sha256 {plan.table_sha256[:TAGGED_BY]}; {plan.provenance}, seed {plan.seed}"
    lines = (
        f"{result.label.name} ({result.label.id}, version {result.label.version}, definition {result.definition})",
        f"Share: {_in_words(Interval(share.share, share.low, share.high))} of {share.n:,.0f} documents",
        f"Counted: {_percent(share.naive)} are tagged",
        f"Precision of the tagger here: {_in_words(found.precision)}",
        f"Recall of the tagger here: {_in_words(found.recall)}",
        found.sentence,
        f"Flags: {raised}",
        f"Judged: {found.checked:,} of {len(plan.rows):,} rows drawn (grades: {graded})",
        f"Not judged: {result.not_judged:,}, in no figure and never taken for no",
        f"Unscored: {_counted(result.unscored)}, which could not be drawn and are in no figure",
        f"Model {plan.model[:TAGGED_BY]}; {source}",
    )
    return "\n".join(lines)


def drawn_as_text(drawn: Drawn) -> str:
    """Return what was drawn, in words."""
    what = f"{drawn.judgements:,} of {drawn.documents:,} documents to judge for {drawn.label} ({drawn.definition})"
    lines = (
        f"{drawn.sheet}: {what}",
        f"{drawn.guideline}: how to judge",
        f"{drawn.plan}: the plan, needed to estimate; whoever judges leaves it closed",
        f"unscored documents, which cannot be drawn: {_counted(drawn.unscored)}",
    )
    return "\n".join(lines)


def size_as_text(n: int, documents: int, width: float) -> str:
    """Return what ``size`` found, in words."""
    all_ = ", which is all of them" if n == documents else ""
    return (
        f"{n:,} judgements of {documents:,} documents{all_}: so many are expected to bring the half width of the interval "
        f"to {width:g} times the share"
    )


def _counted(unscored: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in unscored.items())
    return f"{sum(unscored.values()):,}{f' ({reasons})' if reasons else ''}"


def _in_words(figure: Interval) -> str:
    if figure.reason:
        return f"withheld: {figure.reason}"
    return f"{_percent(figure.value)} (95 % interval {_percent(figure.low)} to {_percent(figure.high)})"


def _percent(value: float) -> str:
    """Return a share in per cent, with three digits.

    >>> _percent(0.05234), _percent(1.0), _percent(0.000012)
    ('5.23 %', '100 %', '0.0012 %')
    """
    percent = 100 * value
    return f"{percent:.3g} %" if percent >= 1e-4 or percent == 0 else "below 0.0001 %"
