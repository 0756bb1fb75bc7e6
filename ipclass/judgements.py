"""A user's judgements, from tables, label sheets and the exports of labelling tools: columns found by name, nothing guessed.

A row counts for a label only where it was judged for it: an empty cell is no "no". Whatever is wrong is told with its file
and row, all of it at once. What the rows mean together, and beside a corpus, is the business of ``joining``.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ipclass import rowwise
from ipclass.corpus import ORIGINS, PICKED, Entry, Judged, near_key
from ipclass.errors import CorpusError, InputError, choices
from ipclass.files import Layout
from ipclass.labels import LabelSet
from ipclass.layout import layout
from ipclass.records import OTHER, Document
from ipclass.writing import FORMULA

GRADES: Mapping[str, int] = {"0": 0, "1": 1, "2": 2, "no": 0, "yes": 2, "n": 0, "y": 2, "false": 0, "true": 2}
NONE_OF_THEM = (OTHER, "none")
"""What a label column says of a document that carries no label: judged, and 0 for all."""

TAGGED = "tagged_by"
"""The column by which a table says that a model tagged it."""

ANY_LABEL = "grade"
"""The column of grades in a sheet for one label: its plan or its guideline says which."""

_NOT_GRADES = {"no", "row", "rows", "year", "remark", "kind", "family", "claims", "citations"}
_GUIDELINE = re.compile(r"^# .*\((\w+), version [^()]*\)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Wanted:
    """How to read files of judgements.

    ``columns`` names the columns for title, abstract and id where they are not the usual ones. ``label`` is what a column
    ``grade`` judges, if no plan or guideline says so. ``origin`` is that of rows that do not tell. ``complete``: a label
    column names all labels of a document, so that the others are judged 0.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    origin: str = PICKED
    complete: bool = False
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Row:
    """A judged document, and where it stands: rows count from 1, a header aside."""

    file: str
    row: int
    document: Document
    grades: Mapping[str, int]
    origin: str
    year: str = ""
    office: str = ""

    @property
    def place(self) -> str:
        """The file and the row, as a message names them."""
        return f"{self.file}, row {self.row}"


@dataclass(frozen=True)
class Finding:
    """Something to be told of a file (row 0) or one of its rows: an error keeps a row out, a notice does not."""

    file: str
    row: int
    told: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.file}, row {self.row}: {self.told}" if self.row else f"{self.file}: {self.told}"


@dataclass(frozen=True)
class Read:
    """What files of judgements hold: rows that make sense, and what there is to tell of them and the others.

    ``seen`` counts all rows: those in ``rows``, those with an error, and ``unjudged``, which nobody judged yet.
    """

    rows: tuple[Row, ...] = ()
    errors: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()
    seen: int = 0
    unjudged: int = 0

    def __add__(self, other: Read) -> Read:
        """Return both, one after the other."""
        return Read(
            self.rows + other.rows,
            self.errors + other.errors,
            self.notices + other.notices,
            self.seen + other.seen,
            self.unjudged + other.unjudged,
        )


class _ProblemError(Exception):
    """What is wrong with a row."""


def read(paths: Iterable[Path], labels: LabelSet, wanted: Wanted = Wanted()) -> Read:
    """Return the judgements in ``paths``: CSV, TSV, Parquet, Excel, JSON lines, or what Label Studio and doccano export.

    A file that cannot be read at all is an error among the others.

    Raises:
        InputError: ``wanted`` has an origin that is none.
    """
    if wanted.origin not in ORIGINS:
        raise InputError(f"no origin {wanted.origin!r}; {choices(wanted.origin, ORIGINS)}")
    found = Read()
    for path in paths:
        try:
            found += _read_file(path, labels, wanted)
        except InputError as error:
            found += Read(errors=(Finding(str(path), 0, str(error).removeprefix(str(path)).lstrip(",: ")),))
    return found


def _read_file(path: Path, labels: LabelSet, wanted: Wanted) -> Read:
    rows: list[Row] = []
    errors: list[Finding] = []
    notices = _Notices(str(path))
    reader = _Reader(path, labels, wanted, notices)
    seen = unjudged = 0
    for number, record in enumerate(rowwise.read(path, wanted.columns, wanted.encoding), start=1):
        seen += 1
        try:
            row = reader.row(number, record)
        except _ProblemError as problem:
            errors.append(Finding(str(path), number, str(problem)))
            continue
        except InputError as error:
            if not rowwise.is_json(path):  # a table has the same columns in each row, objects may have others
                raise
            errors.append(Finding(str(path), number, str(error).removeprefix(str(path)).lstrip(",: ")))
            continue
        if row.grades:
            rows.append(row)
        else:
            unjudged += 1
    for name in reader.look_like_labels():
        notices.once(f"the column {name!r} holds nothing but grades and is no label, so it is left out; --label FILE adds one")
    if not seen:
        errors.append(Finding(str(path), 0, "holds no row"))
    elif unjudged == seen:
        errors.append(Finding(str(path), 0, f"no row is judged; {reader.needs}"))
    elif unjudged:
        notices.once(f"{unjudged:,} of {seen:,} rows are not judged, and count for nothing")
    return Read(tuple(rows), tuple(errors), notices.all(), seen, unjudged)


class _Notices:
    """What is to be told of a file once, however many rows it holds for."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._told: dict[str, int] = {}

    def once(self, told: str) -> None:
        self._told.setdefault(told, 0)

    def count(self, told: str) -> None:
        """Tell ``told`` with the number of rows in the place of ``{}``."""
        self._told[told] = self._told.get(told, 0) + 1

    def all(self) -> tuple[Finding, ...]:
        return tuple(Finding(self._file, 0, told.format(f"{n:,}") if n else told) for told, n in self._told.items())


# Rows: a document and its grades


@dataclass(frozen=True)
class _Columns:
    """Which columns hold what. ``grades`` are those named after labels; the last two may be ""."""

    title: str
    abstract: str
    id: str
    grades: Mapping[str, str]
    grade: str
    label: str


class _Reader:
    """Turns the records of one file into rows."""

    def __init__(self, path: Path, labels: LabelSet, wanted: Wanted, notices: _Notices) -> None:
        self._path = path
        self._labels = labels
        self._wanted = wanted
        self._notices = notices
        self._columns: dict[tuple[str, ...], _Columns] = {}
        self._unknown: dict[str, set[str]] = {}
        self._named = {_plain(name): label.id for label in labels for name in (label.name, label.id)}
        self._for = wanted.label or _label_of_sheet(path)

    @property
    def needs(self) -> str:
        """What a file of judgements needs, as the end of a message."""
        return f"grades stand in columns named after the labels ({', '.join(self._labels.ids)}), or labels in a column 'label'"

    def row(self, number: int, record: Mapping[str, Any]) -> Row:
        """Return the row in ``record``; without grades if nobody judged it."""
        if isinstance(record.get("data"), dict) and ("annotations" in record or "predictions" in record):
            return self._from_label_studio(number, record)
        if isinstance(record.get("text"), str) and isinstance(record.get("label"), list):
            return self._from_doccano(number, record)
        columns = self._columns_of(record)
        for name, values in self._unknown.items():
            if len(values) <= len(GRADES):
                values.add(_text(record, name).strip())
        return self._row(number, _document(record, columns), self._grades(record, columns), record)

    def look_like_labels(self) -> list[str]:
        """Return the columns that are none of a label though they hold nothing but grades."""
        return [
            name
            for name, values in self._unknown.items()
            if values - {""} and values <= {"", "0", "1", "2"} and _plain(name) not in _NOT_GRADES
        ]

    def _row(self, number: int, document: Document, grades: Mapping[str, int], record: Mapping[str, Any]) -> Row:
        if grades and not (document.title.strip() or document.abstract.strip()):
            raise _ProblemError("has neither title nor abstract")
        origin = _text(record, "origin").strip().casefold() or self._wanted.origin
        if origin not in ORIGINS:
            raise _ProblemError(f"origin {origin[:40]!r} is none; {choices(origin, ORIGINS)}")
        document = replace(document, id=document.id or _stand_in(document))
        year, office = _text(record, "year")[:10], _text(record, "office")[:10]
        return Row(str(self._path), number, document, grades, origin, year, office)

    # Tables, and JSON objects that are built like them

    def _columns_of(self, record: Mapping[str, Any]) -> _Columns:
        names = tuple(record)
        if names not in self._columns:
            self._columns[names] = self._found_columns(names)
        return self._columns[names]

    def _found_columns(self, names: Sequence[str]) -> _Columns:
        built = layout("csv", names, self._wanted.columns, str(self._path), need_text=False)
        if not built.title and not built.abstract:
            raise InputError(f"{self._path}: no column for title or abstract; name it with --abstract. {choices('', names)}")
        free = {_plain(name): name for name in names if name not in (built.title, built.abstract, built.id)}
        grades = {label: free[_plain(label)] for label in self._labels.ids if _plain(label) in free}
        grade, label = free.get(ANY_LABEL, ""), free.get("label", "") or free.get("labels", "")
        if any(name.endswith(TAGGED) for name in names):
            if label != "label":
                raise InputError(
                    f"{self._path}: its labels are the tags of a model (there is a column {TAGGED}), no judgements; put these "
                    "into a column 'label', or into a table without the columns that classify added"
                )
            grades = {}
        else:
            self._look_for_misspelt(free, grades)
            self._unknown |= {name: set() for name in free.values() if name not in (*grades.values(), grade, label)}
        if grade and not grades and not self._for:
            raise InputError(f"{self._path}: a column {grade!r}, but for which label? Name it with --for")
        if not grades and not grade and not label and "grades" not in names:
            raise InputError(f"{self._path}: no judgements; {self.needs}. {choices('', names)}")
        return _Columns(built.title, built.abstract, built.id, grades, "" if grades else grade, label)

    def _look_for_misspelt(self, free: Mapping[str, str], grades: Mapping[str, str]) -> None:
        missing = [label for label in self._labels.ids if label not in grades]
        for plain, name in free.items():
            near = get_close_matches(plain, missing, n=1, cutoff=0.8)
            if near and name not in grades.values() and plain not in _NOT_GRADES:
                raise InputError(f"{self._path}: a column {name!r}, but no such label; did you mean {near[0]!r}?")

    def _grades(self, record: Mapping[str, Any], columns: _Columns) -> dict[str, int]:
        found: dict[str, int] = {}
        nested = record.get("grades")
        if nested is not None and not isinstance(nested, dict):
            raise _ProblemError("grades must be an object with a grade a label")
        told = [(self._label(name), value) for name, value in (nested or {}).items()]
        told += [(label, record.get(name)) for label, name in columns.grades.items()]
        if columns.grade:
            told.append((self._label(self._for), record.get(columns.grade)))
        for label, value in told:
            self._note(found, label, _grade(value, label))
        if columns.label:
            self._add_named(found, record.get(columns.label))
        return found

    def _label(self, name: str) -> str:
        """Return the id of a label that is called by its id or name."""
        if (plain := _plain(str(name))) not in self._named:
            raise _ProblemError(f"{str(name)[:40]!r} is no label; {choices(plain, self._labels.ids)}")
        return self._named[plain]

    def _note(self, found: dict[str, int], label: str, grade: int | None) -> None:
        if grade is None:
            return
        if found.setdefault(label, grade) != grade:
            raise _ProblemError(f"{label} is judged both {found[label]} and {grade}")

    def _add_named(self, found: dict[str, int], value: Any) -> None:
        """Add the grades that a label column tells: labels by name, each with a colon and a grade if it is not 2."""
        named = value if isinstance(value, list) else re.split("[;,]", "" if value is None else str(value))
        named = [str(each).strip() for each in named if str(each).strip()]
        if not named:
            return
        others = [each for each in named if _plain(each) in NONE_OF_THEM and _plain(each) not in self._named]
        if others and len(named) > 1:
            raise _ProblemError(f"{'; '.join(named)[:60]!r} says both {others[0]} and a label")
        for each in () if others else named:
            name, colon, grade = each.rpartition(":")
            label = self._label(name if colon else each)
            self._note(found, label, _grade(grade, label) if colon else 2)
        if others or self._wanted.complete:
            for label in self._labels.ids:
                found.setdefault(label, 0)
        if others:
            self._notices.count("{} rows say " + others[0] + ": judged 0 for every label")
        elif self._wanted.complete:
            self._notices.count("{} rows name labels: the labels that they do not name are judged 0 (--complete)")
        else:
            self._notices.count("{} rows name labels: judged for these alone (--complete: 0 for the others)")

    # Labelling tools

    def _from_label_studio(self, number: int, task: Mapping[str, Any]) -> Row:
        """Return a task of Label Studio; annotators who disagree are a conflict, who skipped it have not judged."""
        data = task["data"]
        columns = layout("csv", list(data), self._wanted.columns, str(self._path), need_text=False)
        document = _document(data, columns)
        if not document.id and task.get("id") is not None:
            document = replace(document, id=str(task["id"]))
        found: dict[str, int] = {}
        annotations = task.get("annotations") or []
        if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
            raise _ProblemError("annotations must be a list of objects")
        for annotation in annotations:
            if not annotation.get("was_cancelled"):
                for label, grade in self._chosen(annotation.get("result")):
                    self._note(found, label, grade)
        return self._row(number, document, found, data)

    def _chosen(self, result: Any) -> Iterator[tuple[str, int | None]]:
        """Yield the grades in a result of Label Studio: a choice of grades a label, or one choice of labels."""
        for each in result if isinstance(result, list) else []:
            if not isinstance(each, dict) or each.get("type") != "choices":
                continue
            try:
                name, chosen = str(each["from_name"]), list(each["value"]["choices"])
            except (KeyError, TypeError) as error:
                raise _ProblemError(f"a choice without from_name or value.choices: {error!r}") from error
            if _plain(name) in ("label", "labels"):
                found: dict[str, int] = {}
                self._add_named(found, chosen)
                yield from found.items()
            elif len(chosen) > 1:
                raise _ProblemError(f"{name[:40]} has {len(chosen)} grades at once")
            else:
                label = self._label(name)
                yield from ((label, _grade(grade, label)) for grade in chosen)

    def _from_doccano(self, number: int, record: Mapping[str, Any]) -> Row:
        """Return a line of doccano: its first line is the title, and labels are written ``label:grade``."""
        title, feed, abstract = record["text"].partition("\n")
        if not feed:
            title, abstract = "", title
        meta = record.get("meta")
        meta = {**record, **(meta if isinstance(meta, dict) else {})}
        columns = layout("csv", [name for name in meta if name != "text"], {}, str(self._path), need_text=False)
        found: dict[str, int] = {}
        self._add_named(found, record["label"])
        return self._row(number, Document(title.strip(), abstract.strip(), _unguarded(_text(meta, columns.id))), found, meta)


def _grade(value: Any, label: str) -> int | None:
    """Return a grade, or nothing where nobody judged."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    plain = unicodedata.normalize("NFKC", str(value)).strip().casefold().removesuffix(".0")
    if not plain:
        return None
    if plain not in GRADES:
        raise _ProblemError(
            f"the grade of {label} is {str(value)[:40]!r}; it must be 0, 1, 2, yes, no, true or false, or empty"
        )
    return GRADES[plain]


def _plain(name: str) -> str:
    """Return what two ways to write a name have in common.

    >>> _plain("Fusion Energy") == _plain("fusion_energy")
    True
    """
    return "_".join(re.findall(r"\w+", name.casefold().replace("_", " ")))


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name) if name else None
    if value is None or isinstance(value, dict | list) or (isinstance(value, float) and value != value):
        return ""
    return str(value).encode("utf-8", "replace").decode()  # half of a surrogate pair is no character


def _document(record: Mapping[str, Any], columns: _Columns | Layout) -> Document:
    title, abstract, id = (_unguarded(_text(record, name)) for name in (columns.title, columns.abstract, columns.id))
    return Document(title, abstract, id)


def _unguarded(text: str) -> str:
    """Return a text without the sign that keeps a spreadsheet program from taking it for a formula.

    >>> _unguarded("'=x"), _unguarded("'tis ")
    ('=x', "'tis")
    """
    text = text.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _stand_in(document: Document) -> str:
    """Return what stands for the id of a document that has none."""
    return f"text-{hashlib.sha256(document.text.encode('utf-8', 'replace')).hexdigest()[:10]}"


def _label_of_sheet(path: Path) -> str:
    """Return the label of a sheet for one, as its plan or guideline tells, or ""."""
    plan, guideline = (path.with_name(f"{path.stem}.{ending}") for ending in ("plan.json", "guideline.md"))
    try:
        if plan.is_file() and plan.stat().st_size < rowwise.LARGEST:
            told = json.loads(plan.read_text("utf-8"))
            return str(told["label"]) if isinstance(told, dict) and "label" in told else ""
        if guideline.is_file() and guideline.stat().st_size < rowwise.LARGEST:
            named = _GUIDELINE.findall(guideline.read_text("utf-8"))
            return str(named[0]) if len(named) == 1 else ""
    except (OSError, ValueError, RecursionError):
        pass
    return ""


def as_judged(rows: Iterable[Row]) -> list[Judged]:
    """Return rows as judged documents; near-duplicates share a group."""
    return [
        Judged(row.document, Entry(row.document.id, row.year, row.office, row.origin, near_key(row.document), row.grades))
        for row in rows
    ]


def refuse_errors(found: Read) -> None:
    """Let pass what has no error.

    Raises:
        CorpusError: There are errors; the first one is told, and how many there are.
    """
    if found.errors:
        more = f" (and {len(found.errors) - 1:,} more)" if len(found.errors) > 1 else ""
        raise CorpusError(f"{found.errors[0]}{more}")


def listed(findings: Sequence[Finding], most: int = 20) -> list[str]:
    """Return findings as lines, at most so many, with the number of those left out.

    >>> listed([Finding("a.csv", n, "no text") for n in (1, 2, 3)], most=1)
    ['a.csv, row 1: no text', 'and 2 more of this kind']
    """
    shown = [str(each) for each in findings[:most]]
    left = len(findings) - len(shown)
    return [*shown, f"and {left:,} more of this kind"] if left else shown
