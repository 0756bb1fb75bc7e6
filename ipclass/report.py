"""What a report tells of a tagged table: its shares and indicators, examples of documents, audits, and what is missing.

``report_page`` writes the HTML, ``report_files`` the tables and charts beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from ipclass import evidence, files
from ipclass.batch import tagged_by
from ipclass.cells import Cell
from ipclass.errors import InputError, ShareError
from ipclass.evidence import CODES
from ipclass.files import Source
from ipclass.grouping import DATES, Request, grouped, restricted
from ipclass.indicator_tables import indicators_of
from ipclass.labels import LabelSet
from ipclass.model import Model
from ipclass.printed import drawable
from ipclass.records import Contribution, Definition
from ipclass.tables import Table, provenance, share_table_of
from ipclass.tagged import MADE_BY, PROBABILITY, ROW, read_tagged

COUNTRIES = ("country", "applicant_country", "assignee_country", "countries", "jurisdiction", "office")

APPLICANTS = ("applicant", "applicants", "assignee", "assignees", "owner", "holder")

NONE = "none"
"""What a user names in place of a column to leave a part out."""

MOST_YEARS = 300

MOST_HOLDERS = 10_000


@dataclass(frozen=True)
class Wanted:
    """What the report is to show. ``year``, ``country``, ``applicant`` name columns: "" the usual one, ``none`` no such part.

    ``request`` says how shares are estimated; its ``by`` and ``top`` are not used. ``audits`` are files written by
    ``ipclass audit estimate -o``.
    """

    path: str
    request: Request
    model_folder: str = ""
    year: str = ""
    country: str = ""
    applicant: str = ""
    top: int = 10
    examples: int = 20
    nearest: int = 10
    disagreeing: int = 5
    audits: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Example:
    """A document with what decided its probability of a label. ``tagged`` says whether it lies above the threshold.

    ``codes`` is what its classification codes say of the label, if the table tells.
    """

    id: str
    title: str
    abstract: str
    probability: float
    tagged: bool
    terms: tuple[Contribution, ...]
    codes: str = ""


@dataclass(frozen=True)
class Examples:
    """Documents of a label under one definition: the most probable, the nearest to the threshold, and those to look at twice.

    ``doubted`` are tagged though codes speak against the label, the most probable first; ``missed`` are not tagged though a
    strong code points to it, the least probable first.
    """

    definition: Definition
    threshold: float
    likely: tuple[Example, ...]
    nearest: tuple[Example, ...]
    doubted: tuple[Example, ...] = ()
    missed: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Findings:
    """All that a report tells.

    ``tables`` and ``figures`` are named by part: ``all``, ``year``, ``country``, ``applicant``, and ``growth``,
    ``overlap``, ``concentration``; the latter by definition too. ``codes`` counts by label how the classification codes
    and the tags agree, as ``evidence.counts``. ``notes`` say by part what is missing and why.
    """

    wanted: Wanted
    model: Model
    tables: Mapping[str, Table]
    figures: Mapping[tuple[str, Definition], pl.DataFrame]
    examples: Mapping[str, Examples]
    unscored: Mapping[str, int]
    codes: Mapping[str, Mapping[str, int]]
    audits: tuple[Mapping[str, Any], ...]
    notes: Mapping[str, tuple[str, ...]]

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """The definitions shown, the first of which the charts and examples are of."""
        return tuple(dict.fromkeys(cell.definition for cell in self.tables["all"].cells))

    @property
    def labels(self) -> tuple[str, ...]:
        """The ids of the labels shown."""
        return tuple(dict.fromkeys(cell.label for cell in self.tables["all"].cells))

    def name(self, label: str) -> str:
        """Return the name of a label."""
        return self.model.labels[label].name


def gather(wanted: Wanted, model: Model) -> Findings:
    """Return what the report is to tell. The table is read once a definition, and once more for the texts of examples.

    Raises:
        InputError: The table, a column or an audit cannot be read.
        ShareError: There is nothing to count, or too little to calibrate with.
    """
    if wanted.path == files.STDIO:
        raise InputError("a report reads its table more than once; name a file in place of standard input")
    audits = tuple(read_audit(path) for path in wanted.audits)
    return _Gathering(wanted, model).findings(audits)


class _Gathering:
    """The work behind ``gather``, definition by definition."""

    def __init__(self, wanted: Wanted, model: Model) -> None:
        self.wanted, self.model = wanted, model
        self.labels = tuple(model.labels[label].id for label in wanted.request.labels or model.labels.ids)
        self.notes: dict[str, list[str]] = {}
        self.cells: dict[str, list[Cell]] = {}
        self.names: dict[str, Mapping[str, tuple[str, ...]]] = {}
        self.columns: dict[str, str] = {}
        self.figures: dict[tuple[str, Definition], pl.DataFrame] = {}
        self.examples: dict[str, Examples] = {}
        self.unscored: dict[str, int] = {}
        self.codes: dict[str, Mapping[str, int]] = {}
        some, few = wanted.nearest, wanted.disagreeing
        self.most = {"likely": wanted.examples, "nearest": some, "doubted": few, "missed": few}

    def findings(self, audits: tuple[Mapping[str, Any], ...]) -> Findings:
        made = provenance(self.wanted.path, self.model, self.wanted.request)
        for definition in self.wanted.request.definitions:
            self._add(definition)
        requests = {part: self._request(part, self.wanted.request.definitions) for part in self.cells}
        found = {
            part: Table(request, tuple(self.cells[part]), {**made, "request": asdict(request)}, self.names[part])
            for part, request in requests.items()
        }
        for audit in audits:
            for key, ours in (("table_sha256", made["input_sha256"]), ("model", self.model.digest)):
                if audit.get(key) != ours:
                    self._note(
                        "audit", f"The audit of {audit['label']} is of another {key.partition('_')[0]}: do not mix them."
                    )
        notes = {part: tuple(dict.fromkeys(said)) for part, said in self.notes.items()}
        counts = self.unscored, self.codes
        return Findings(self.wanted, self.model, found, self.figures, self.examples, *counts, audits, notes)

    def _note(self, part: str, said: str) -> None:
        self.notes.setdefault(part, []).append(said)

    def _request(self, part: str, definitions: tuple[Definition, ...]) -> Request:
        top = self.wanted.top if part in ("country", "applicant") else 0
        by = (self.columns[part],) if part in self.columns else ()
        breaks = self.wanted.request.breaks if part == "year" else ()
        return replace(self.wanted.request, definitions=definitions, labels=self.labels, by=by, top=top, breaks=breaks)

    def _add(self, definition: Definition) -> None:
        path, model = self.wanted.path, self.model
        request = replace(self.wanted.request, definitions=(definition,), labels=self.labels)
        whole = read_tagged(path, model, definition, self.labels, self.wanted.model_folder)
        kept = restricted(whole, request)
        ours = (kept[MADE_BY] == tagged_by(model, definition)).fill_null(False)
        if not ours.any() and definition != self.wanted.request.definitions[-1 if not self.cells else 0]:
            self._note("trust", f"No {definition} shares: the table was tagged under another definition, and has no texts.")
            return
        first = not self.cells
        if first:
            self._choose_columns(kept)
        for part in ("all", *self.columns):
            made = share_table_of(whole, model, self._request(part, (definition,)), {})
            self.cells.setdefault(part, []).extend(made.cells)
            self.names[part] = made.names
        if ours.all():
            self._add_figures(definition, kept)
        else:
            self._note("trust", f"Some documents were not tagged by this model as {definition}: counted only, flag b.")
        if first:
            if "unscored" in kept.columns:
                reasons = kept["unscored"].cast(pl.String).fill_null("").value_counts().sort("unscored").rows()
                self.unscored = {str(reason): int(count) for reason, count in reasons if reason}
            kept = self._with_verdicts(definition, kept)
            self._add_codes(definition, kept)
            self._add_examples(definition, kept, whole.height)

    def _add_codes(self, definition: Definition, kept: pl.DataFrame) -> None:
        for label in self.labels:
            if CODES.format(label) in kept.columns:
                self.codes[label] = evidence.counts(kept[CODES.format(label)], self._tags(label, definition, kept))

    def _choose_columns(self, frame: pl.DataFrame) -> None:
        usual = {"year": ("year",), "country": COUNTRIES, "applicant": APPLICANTS}
        for part, names in usual.items():
            named = getattr(self.wanted, part)
            if named == NONE:
                self._note(part, "Left out as asked.")
                continue
            lower = {name.lower(): name for name in reversed(frame.columns)}
            found = named or next((lower[name] for name in names if name in lower), "")
            if part == "year" and not found and any(date in frame.columns for date in DATES):
                found = "year"
            if not found:
                self._note(part, f"The table has no column of the {part} under a usual name; name it with --{part}.")
                continue
            groups = grouped(frame, Request(by=(found,)))[0]["__by_0"].n_unique() if part == "year" else 0
            if groups > MOST_YEARS:
                self._note(part, f"The column {found!r} has {groups:,} values: no years.")
                continue
            self.columns[part] = found

    def _add_figures(self, definition: Definition, kept: pl.DataFrame) -> None:
        request = Request(**_how(self.wanted.request), labels=self.labels, definitions=(definition,))

        def add(part: str, frame: pl.DataFrame, request: Request, year: str = "", holder: str = "") -> None:
            try:
                found = indicators_of(frame, self.model, request, year, "", holder)
            except ShareError as error:
                self._note(part, f"Not to be had: {error}.")
                return
            for name, made in found.items():
                key = (name.partition(" ")[0], definition)
                if key[0] == part and len(made):
                    self.figures[key] = pl.concat([self.figures[key], made]) if key in self.figures else made

        if len(self.labels) > 1:
            add("overlap", kept, request)
        if "year" in self.columns:
            rows = grouped(kept, Request(by=(self.columns["year"],)))[0]
            for label in self.labels:
                ends = _closed_years(self.cells["year"], label, definition)
                if ends:
                    inside = rows.filter(pl.col("__by_0").is_between(pl.lit(ends[0]), pl.lit(ends[1])))
                    named = inside.with_columns(pl.col("__by_0").alias("year"))
                    add("growth", named, replace(request, labels=(label,)), "year")
        if "applicant" in self.columns:
            holders = kept[self.columns["applicant"]].n_unique()
            if holders > MOST_HOLDERS:
                self._note("applicant", f"No concentration: {holders:,} applicants are more than {MOST_HOLDERS:,}.")
            else:
                add("concentration", kept, request, holder=self.columns["applicant"])

    def _with_verdicts(self, definition: Definition, kept: pl.DataFrame) -> pl.DataFrame:
        """Return ``kept`` with what its codes make of its tags; without codes, what ``--explain`` said of them stays."""
        labels = LabelSet(tuple(self.model.labels[label] for label in self.labels))
        return evidence.with_verdicts(kept, labels, [self._tags(label, definition, kept) for label in self.labels])

    def _tags(self, label: str, definition: Definition, kept: pl.DataFrame) -> pl.Series:
        sure = pl.col(PROBABILITY.format(label))
        return kept.select(pl.when(sure.is_finite()).then(sure >= self._threshold(label, definition))).to_series()

    def _threshold(self, label: str, definition: Definition) -> float:
        return self.model.targets[self.model.column(label, definition)].threshold

    def _add_examples(self, definition: Definition, kept: pl.DataFrame, rows: int) -> None:
        chosen = {label: self._chosen(label, definition, kept) for label in self.labels}
        needed = {row for kinds in chosen.values() for found in kinds.values() for row in found[ROW].to_list()}
        texts = self._texts(needed, rows)
        if texts is None:
            return
        for label, kinds in chosen.items():
            shown = {
                kind: tuple(islice(self._shown(label, definition, found, texts), self.most[kind]))
                for kind, found in kinds.items()
            }
            self.examples[label] = Examples(definition, self._threshold(label, definition), **shown)

    def _chosen(self, label: str, definition: Definition, kept: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Return the documents of each kind, the best first, and three times as many as are shown, for texts come again."""
        sure, codes, threshold = pl.col("sure"), CODES.format(label), self._threshold(label, definition)
        scored = kept.select(
            ROW,
            pl.col(PROBABILITY.format(label)).alias("sure"),
            (pl.col(codes) if codes in kept.columns else pl.lit("")).cast(pl.String).fill_null("").alias("codes"),
        ).filter(sure.is_finite())
        disagreeing = scored.filter(evidence.verdict(pl.col("codes")) == "disagree")
        found = {
            "likely": scored.filter(sure >= threshold).sort("sure", ROW, descending=[True, False]),
            "nearest": scored.sort((sure - threshold).abs(), ROW),
            "doubted": disagreeing.filter(sure >= threshold).sort("sure", ROW, descending=[True, False]),
            "missed": disagreeing.filter(sure < threshold).sort("sure", ROW),
        }
        return {kind: each.head(3 * self.most[kind]) for kind, each in found.items()}

    def _shown(
        self, label: str, definition: Definition, found: pl.DataFrame, texts: Mapping[int, tuple[str, str]]
    ) -> Iterator[Example]:
        threshold, seen = self._threshold(label, definition), set[str]()
        for row, sure, codes in found.rows():
            id, text = texts[row]
            if text not in seen:  # members of a family have one text
                seen.add(text)
                title, _, abstract = text.partition("\n")
                terms = self.model.explain(text, label, definition)[:-1]
                yield Example(id, title.strip(), abstract.strip(), sure, sure >= threshold, terms, codes)

    def _texts(self, needed: set[int], rows: int) -> dict[int, tuple[str, str]] | None:
        """Return id and text of the rows ``needed``, from one pass over the table; nothing if it has no texts."""
        try:
            source = Source(self.wanted.path)
        except InputError:
            self._note("examples", "The table has no texts, so there are no examples: give it a title and an abstract column.")
            return None
        if source.layout.format != "jsonl" and not source.layout.abstract:
            self._note("examples", "The table has no abstracts: the examples are titles alone.")
        found, seen = {}, 0
        for at, read in source.numbered():
            for row in needed.intersection(range(at, at + len(read))):
                found[row] = (files.id_of(read, row - at, source.layout), read.texts[row - at])
            seen = at + len(read)
        if seen != rows:
            self._note("examples", f"No examples: the table changed while it was read ({rows:,} rows, then {seen:,}).")
            return None
        return found


def _how(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ("method", "breaks", "level", "draws", "seed")}


def _closed_years(cells: Sequence[Cell], label: str, definition: Definition) -> tuple[str, str] | None:
    """Return the first and the last year with a share that may be printed and is above the floor, open years aside."""
    mine = (cell for cell in cells if (cell.label, cell.definition) == (label, definition) and is_year(cell.group[0]))
    years = [cell.group[0] for cell in mine if drawable(cell) and "p" not in cell.share.flags]
    return (years[0], years[-1]) if len(years) > 1 else None


def is_year(value: str) -> bool:
    """Return whether ``value`` is a year of four digits."""
    return bool(re.fullmatch(r"[12][0-9]{3}", value))


def read_audit(path: Path) -> Mapping[str, Any]:
    """Return what ``ipclass audit estimate -o`` wrote.

    Raises:
        InputError: The file cannot be read, or is no such result.
    """
    try:
        facts = json.loads(path.read_text("utf-8"))
        if not isinstance(facts, dict) or not {"label", "definition", "share", "low", "high"} <= set(facts):
            raise ValueError("label, definition, share, low and high are needed")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a result of ipclass audit estimate -o: {error}") from error
    return dict(facts)
