"""One page that shows the shares of a tagged table, how they were made and how far to trust them.

``gather`` finds the figures and examples, ``page`` writes the HTML, ``extra_files`` the tables and charts beside it.
Texts and names are a stranger's: ``el`` escapes all that is not ``Html``, charts are read as XML and only what draws is
kept, and the page's own policy lets nothing be fetched and no script run but its own.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import polars as pl

from ipclass import files, tables
from ipclass.batch import tagged_by
from ipclass.errors import InputError, OutputError, ShareError
from ipclass.figures import SHIFT_RELIABLE
from ipclass.files import RowError, Source
from ipclass.model import Model
from ipclass.records import Contribution, Definition
from ipclass.tables import Cell, Request, Table
from ipclass.text import NOTHING, STOP, Settings, marker, normal, term

COUNTRIES = ("country", "applicant_country", "assignee_country", "countries", "jurisdiction", "office")
APPLICANTS = ("applicant", "applicants", "assignee", "assignees", "owner", "holder")
NONE = "none"
"""What a user names in place of a column to leave a part out."""

MOST_YEARS = 300
MOST_HOLDERS = 10_000
LONGEST_SHOWN = 4_000
"""Characters shown of an abstract."""

PARTS = Path(__file__).parent / "templates"


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
    audits: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Example:
    """A document with what decided its probability of a label. ``tagged`` says whether it lies above the threshold."""

    id: str
    title: str
    abstract: str
    probability: float
    tagged: bool
    terms: tuple[Contribution, ...]


@dataclass(frozen=True)
class Examples:
    """The most probable documents of a label, and those nearest to its threshold, of one definition."""

    definition: Definition
    threshold: float
    likely: tuple[Example, ...]
    nearest: tuple[Example, ...]


@dataclass(frozen=True)
class Findings:
    """All that a report tells.

    ``tables`` and ``figures`` are named by part: ``all``, ``year``, ``country``, ``applicant``, and ``growth``,
    ``overlap``, ``concentration``; the latter by definition too. ``notes`` say by part what is missing and why.
    """

    wanted: Wanted
    model: Model
    tables: Mapping[str, Table]
    figures: Mapping[tuple[str, Definition], pl.DataFrame]
    examples: Mapping[str, Examples]
    unscored: Mapping[str, int]
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

    def findings(self, audits: tuple[Mapping[str, Any], ...]) -> Findings:
        made = tables.provenance(self.wanted.path, self.model, self.wanted.request)
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
        return Findings(self.wanted, self.model, found, self.figures, self.examples, self.unscored, audits, notes)

    def _note(self, part: str, said: str) -> None:
        self.notes.setdefault(part, []).append(said)

    def _request(self, part: str, definitions: tuple[Definition, ...]) -> Request:
        top = self.wanted.top if part in ("country", "applicant") else 0
        by = (self.columns[part],) if part in self.columns else ()
        return replace(self.wanted.request, definitions=definitions, labels=self.labels, by=by, top=top)

    def _add(self, definition: Definition) -> None:
        path, model = self.wanted.path, self.model
        request = replace(self.wanted.request, definitions=(definition,), labels=self.labels)
        whole = tables.read_tagged(path, model, definition, self.labels, (), self.wanted.model_folder)
        kept = tables.restricted(whole, request)
        ours = (kept[tables.MADE_BY] == tagged_by(model, definition)).fill_null(False)
        if not ours.any() and definition != self.wanted.request.definitions[-1 if not self.cells else 0]:
            self._note("trust", f"No {definition} shares: the table was tagged under another definition, and has no texts.")
            return
        first = not self.cells
        if first:
            self._choose_columns(kept)
        with tempfile.TemporaryDirectory() as folder:
            copy = self._copied(whole, Path(folder) / "tagged.parquet")
            for part in ("all", *self.columns):
                made = tables.share_table(copy, model, self._request(part, (definition,)))
                self.cells.setdefault(part, []).extend(made.cells)
                self.names[part] = made.names
            if not ours.all():
                self._note("trust", f"Some documents were not tagged by this model as {definition}: counted only, flag b.")
            else:
                self._add_figures(definition, kept, copy, Path(folder) / "some.parquet")
        if first:
            if "unscored" in kept.columns:
                reasons = kept["unscored"].cast(pl.String).fill_null("").value_counts().sort("unscored").rows()
                self.unscored = {str(reason): int(count) for reason, count in reasons if reason}
            self._add_examples(definition, kept, whole.height)

    @staticmethod
    def _copied(frame: pl.DataFrame, path: Path) -> str:
        """Write ``frame`` for ``share_table`` to read again: fast, and without texts."""
        plain = frame.select(name for name in frame.columns if not name.startswith("__"))
        plain.drop([name for name in plain.columns if name.lower() in ("title", "abstract")]).with_columns(
            pl.lit("").alias("title")
        ).write_parquet(path)
        return str(path)

    def _choose_columns(self, frame: pl.DataFrame) -> None:
        usual = {"year": ("year",), "country": COUNTRIES, "applicant": APPLICANTS}
        for part, names in usual.items():
            named = getattr(self.wanted, part)
            if named == NONE:
                self._note(part, "Left out as asked.")
                continue
            lower = {name.lower(): name for name in reversed(frame.columns)}
            found = named or next((lower[name] for name in names if name in lower), "")
            if part == "year" and not found and any(date in frame.columns for date in tables.DATES):
                found = "year"
            if not found:
                self._note(part, f"The table has no column of the {part} under a usual name; name it with --{part}.")
                continue
            groups = tables.grouped(frame, Request(by=(found,)))[0]["__by_0"].n_unique() if part == "year" else 0
            if groups > MOST_YEARS:
                self._note(part, f"The column {found!r} has {groups:,} values: no years.")
                continue
            self.columns[part] = found

    def _add_figures(self, definition: Definition, kept: pl.DataFrame, copy: str, some: Path) -> None:
        request = replace(self.wanted.request, definitions=(definition,), labels=self.labels)

        def add(part: str, path: str, request: Request, year: str, holder: str) -> None:
            try:
                found = tables.indicator_tables(path, self.model, request, year, "", holder)
            except ShareError as error:
                self._note(part, f"Not to be had: {error}.")
                return
            for name, frame in found.items():
                key = (name.partition(" ")[0], definition)
                if key[0] == part and len(frame):
                    self.figures[key] = pl.concat([self.figures[key], frame]) if key in self.figures else frame

        if len(self.labels) > 1:
            add("overlap", copy, request, "", "")
        if "year" in self.columns:
            rows = tables.grouped(kept, Request(by=(self.columns["year"],)))[0]
            for label in self.labels:
                ends = _closed_years(self.cells["year"], label, definition)
                if not ends:
                    continue
                inside = rows.filter(pl.col("__by_0").is_between(pl.lit(ends[0]), pl.lit(ends[1])))
                names = ["__by_0", "tagged_by", f"{label}_probability"]
                self._copied(inside.select(names).rename({"__by_0": "year"}), some)
                add("growth", str(some), Request(**_how(request), labels=(label,), definitions=(definition,)), "year", "")
        if "applicant" in self.columns:
            holders = kept[self.columns["applicant"]].n_unique()
            if holders > MOST_HOLDERS:
                self._note("applicant", f"No concentration: {holders:,} applicants are more than {MOST_HOLDERS:,}.")
            else:
                add("concentration", copy, request, "", self.columns["applicant"])

    def _add_examples(self, definition: Definition, kept: pl.DataFrame, rows: int) -> None:
        chosen: dict[str, tuple[list[int], list[int]]] = {}
        sure: dict[str, dict[int, float]] = {}
        for label in self.labels:
            threshold = self.model.targets[self.model.column(label, definition)].threshold
            column = tables.PROBABILITY.format(label)
            scored = kept.filter(pl.col(column).is_finite()).select(
                tables.ROW, column, (pl.col(column) - threshold).abs().alias("far")
            )
            likely = scored.filter(pl.col(column) >= threshold).sort([column, tables.ROW], descending=[True, False])
            near = scored.sort(["far", tables.ROW])
            some = [likely.head(3 * self.wanted.examples), near.head(3 * self.wanted.nearest)]
            chosen[label] = (some[0][tables.ROW].to_list(), some[1][tables.ROW].to_list())
            sure[label] = dict(pl.concat(some).select(tables.ROW, column).rows())
        needed = {row for both in chosen.values() for part in both for row in part}
        texts = self._texts(needed, rows)
        for label, (likely_rows, near_rows) in chosen.items() if texts is not None else ():
            target = self.model.targets[self.model.column(label, definition)]

            def shown(
                places: list[int], most: int, label: str = label, threshold: float = target.threshold
            ) -> Iterator[Example]:
                seen: set[str] = set()
                for row in places:
                    id, text = (texts or {})[row]
                    if len(seen) < most and text not in seen:  # members of a family have one text
                        seen.add(text)
                        title, _, abstract = text.partition("\n")
                        terms = self.model.explain(text, label, definition)[:-1]
                        p = float(sure[label][row])
                        yield Example(id, title.strip(), abstract.strip(), p, p >= threshold, terms)

            likely_shown = tuple(shown(likely_rows, self.wanted.examples))
            near_shown = tuple(shown(near_rows, self.wanted.nearest))
            self.examples[label] = Examples(definition, target.threshold, likely_shown, near_shown)

    def _texts(self, needed: set[int], rows: int) -> dict[int, tuple[str, str]] | None:
        """Return id and text of the rows ``needed``, from one pass over the table; nothing if it has no texts."""
        try:
            source = Source(self.wanted.path)
        except InputError:
            self._note("examples", "The table has no texts, so there are no examples: give it a title and an abstract column.")
            return None
        if source.layout.format != "jsonl" and not source.layout.abstract:
            self._note("examples", "The table has no abstracts: the examples are titles alone.")
        found, at = {}, 0
        for block in source.blocks():
            try:
                read = files.parse(block, source.layout)
            except RowError as error:
                raise InputError(f"{self.wanted.path}, row {at + error.row}: {error.problem}") from error
            for row in needed.intersection(range(at, at + len(read))):
                found[row] = (files.id_of(read, row - at, source.layout), read.texts[row - at])
            at += len(read)
        if at != rows:
            self._note("examples", f"No examples: the table changed while it was read ({rows:,} rows, then {at:,}).")
            return None
        return found


def _how(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ("method", "level", "draws", "seed")}


def _closed_years(cells: Sequence[Cell], label: str, definition: Definition) -> tuple[str, str] | None:
    """Return the first and the last year with a share that may be printed and is above the floor, open years aside."""
    mine = (cell for cell in cells if (cell.label, cell.definition) == (label, definition) and is_year(cell.group[0]))
    years = [cell.group[0] for cell in mine if _drawable(cell) and "p" not in cell.share.flags]
    return (years[0], years[-1]) if len(years) > 1 else None


def is_year(value: str) -> bool:
    """Return whether ``value`` is a year of four digits."""
    return bool(re.fullmatch(r"[12][0-9]{3}", value))


def read_audit(path: Path) -> Mapping[str, Any]:
    """Return what ``ipclass audit estimate -o`` wrote.

    Raises:
        InputError: The file is no such result.
    """
    try:
        facts = json.loads(path.read_text("utf-8"))
        if not isinstance(facts, dict) or not {"label", "definition", "share", "low", "high"} <= set(facts):
            raise ValueError("label, definition, share, low and high are needed")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a result of ipclass audit estimate -o: {error}") from error
    return dict(facts)


# --- words that decided


def placed_terms(text: str, settings: Settings, stop_words: frozenset[str]) -> list[tuple[int, int, str]]:
    """Return start, end and term of each content word of a title or an abstract, as ``text`` reads it, in order.

    An opening that names only a setting is one "word" with the term of its marker.

    >>> placed_terms("The qubits, cooled", Settings(), frozenset({"the"}))
    [(4, 10, 'qubit'), (12, 18, 'cooled')]
    """
    masked = sorted((start, end, term(marker(label), False)) for start, end, label in settings.openings(text))
    words = []
    for found in _WORD.finditer(text):
        if not any(start < found.end() and found.start() < end for start, end, _ in masked):
            word = normal(found[0])
            words.append((found.start(), found.end(), term(word, word.lower() in stop_words)))
    return [each for each in sorted(masked + words) if each[2] not in (STOP, NOTHING)]


_WORD = re.compile(r"[^\W_]+(?:(?<=[0-9])\.(?=[0-9])[^\W_]+)*")


def weighed(text: str, terms: Mapping[str, float], model: Model) -> list[tuple[int, int, float]]:
    """Return start, end and weight of the words of ``text`` whose terms count: a pair's weight is shared by its two words."""
    places = placed_terms(text, model.lexicon.settings, model.lexicon.stop_words)
    weights = [terms.get(name, 0.0) for _, _, name in places]
    for at in range(len(places) - 1):
        half = terms.get(f"{places[at][2]} {places[at + 1][2]}", 0.0) / 2
        weights[at] += half
        weights[at + 1] += half
    return [(start, end, weight) for (start, end, _), weight in zip(places, weights, strict=True) if weight]


# --- HTML that is safe by its type


class Html(str):
    """Text that is HTML already; any other text is escaped."""

    __slots__ = ()


_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")


def clean(text: str) -> str:
    """Return ``text`` without signs that no page may hold or that turn the direction of what follows."""
    return _CONTROLS.sub("\ufffd", text)


def safe(value: object) -> Html:
    """Return ``value`` as HTML, escaped unless it is that already."""
    return value if isinstance(value, Html) else Html(html.escape(clean(str(value))))


def el(name: str, *content: object, **attributes: object) -> Html:
    """Return an element. ``class_`` stands for class; an attribute that is True stands alone, None is left out.

    >>> el("b", "<script>", title='"x"')
    '<b title="&quot;x&quot;">&lt;script&gt;</b>'
    """
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{safe(value)}"')
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{shown}>{''.join(map(safe, content))}</{name}>")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], numbers: int = 99, headers: int = 1) -> Html:
    """Return a table that scrolls by itself where it is too wide; the last ``numbers`` columns are set as numbers."""

    def kind(place: int) -> str | None:
        return "number" if place >= max(headers, len(head) - numbers) else None

    def line(row: Sequence[object]) -> Html:
        cells = (
            el("th", value, scope="row") if place < headers else el("td", value, class_=kind(place))
            for place, value in enumerate(row)
        )
        return el("tr", *cells)

    top = el("tr", *(el("th", name, scope="col", class_=kind(place)) for place, name in enumerate(head)))
    whole = el("table", el("caption", caption), el("thead", top), el("tbody", *(map(line, rows))))
    return el("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


# --- figures as text


def percent(value: float) -> str:
    """Return a share in per cent with two digits behind the point, as ``ipclass shares`` prints it."""
    return "–" if math.isnan(value) else f"{value:.2%}"


def _drawable(cell: Cell) -> bool:
    return cell.share.printable and not cell.share.below_floor


def shown_share(cell: Cell) -> str:
    """Return the share, "less than the floor", or a slash if it must not be printed."""
    if not cell.share.printable:
        return "/"
    return f"< {percent(cell.share.floor)}" if cell.share.below_floor else percent(cell.share.share)


def shown_interval(cell: Cell) -> str:
    """Return the interval of a share that may be printed."""
    return f"{percent(cell.share.low)} to {percent(cell.share.high)}" if cell.share.printable else "/"


def _count(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _figure(value: float | None, form: str = ".3g") -> str:
    return "–" if value is None else format(value, form)


def _group(cell: Cell) -> str:
    return cell.group[0] or "(not stated)"


# --- charts


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification without size, what it is called, and what it shows in words."""

    id: str
    caption: str
    alt: str
    spec: Mapping[str, Any]
    width: int = 440


COLOURS = ("#2f7fc1", "#c8641b", "#1f9d78", "#b566a3", "#94792a", "#7480d6", "#b8584f", "#7d8790")
"""Each at least 3 : 1 on the light page and on the dark one."""

_AXIS = {f"{part}Color": "currentColor" for part in ("label", "title", "domain", "tick", "grid")}
CONFIG: Mapping[str, Any] = {
    "aria": False,
    "background": None,
    "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",  # of widths that are known when the stills are laid out
    "view": {"stroke": None},
    "axis": {**_AXIS, "gridOpacity": 0.14, "domainOpacity": 0.5, "tickOpacity": 0.5, "labelFontSize": 12, "labelLimit": 220},
    "text": {"color": "currentColor"},
}
"""Ink is the page's own, so that a chart is legible on a light page and on a dark one."""

_TIPS = [{"field": name, "title": name} for name in ("group", "share", "interval", "counted", "documents", "flags")]
_WIDE = {"type": "fit-x", "contains": "padding"}
_PER_CENT = {"format": ".2~p", "title": None, "tickCount": 5}


def _point(cell: Cell, group: str) -> dict[str, Any]:
    share, drawn = cell.share, _drawable(cell)
    return {
        "group": clean(group),
        "value": share.share if drawn else None,
        "low": share.low if drawn else None,
        "high": share.high if drawn else None,
        "naive": None if math.isnan(share.naive) else share.naive,
        "sure": "u" not in share.flags,
        "share": shown_share(cell),
        "interval": shown_interval(cell),
        "counted": percent(share.naive),
        "documents": _count(share.n),
        "flags": share.flags or "none",
    }


def _dots(points: Sequence[Mapping[str, Any]], colour: str) -> dict[str, Any]:
    """Return a chart of shares with intervals, a line a group."""
    y = {
        "field": "group",
        "type": "nominal",
        "sort": None,
        "axis": {"title": None, "grid": False, "domain": False, "ticks": False},
    }
    x = {"type": "quantitative", "axis": _PER_CENT, "scale": {"zero": True, "nice": True}}
    fill = {"condition": {"test": "datum.sure", "value": colour}, "value": "transparent"}
    return {
        "data": {"values": list(points)},
        "height": 26 * len(points),
        "autosize": _WIDE,
        "encoding": {"y": y, "tooltip": _TIPS},
        "layer": [
            {
                "mark": {"type": "tick", "color": "currentColor", "opacity": 0.6, "thickness": 2},
                "encoding": {"x": {"field": "naive", **x}},
            },
            {
                "mark": {"type": "rule", "color": colour, "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "stroke": colour, "size": 70, "opacity": 1},
                "encoding": {"x": {"field": "value", **x}, "fill": fill},
            },
        ],
    }


def _trend(points: Sequence[Mapping[str, Any]], colour: str) -> dict[str, Any]:
    """Return a chart of shares over the years, with a band for the intervals; it is broken where nothing may be shown."""
    years = list(range(points[0]["year"], points[-1]["year"] + 1))
    x = {
        "field": "year",
        "type": "quantitative",
        "scale": {"zero": False, "nice": False, "padding": 8},
        "axis": {"format": "d", "values": years[:: -(-len(years) // 7)], "title": None, "grid": False},
    }
    y = {"type": "quantitative", "axis": _PER_CENT, "scale": {"zero": True}}
    band = {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}}
    line = {"x": x, "y": {"field": "value", **y}}
    fill = {"condition": {"test": "datum.sure", "value": colour}, "value": "transparent"}
    return {
        "data": {"values": list(points)},
        "height": 200,
        "autosize": _WIDE,
        "layer": [
            {"mark": {"type": "area", "color": colour, "opacity": 0.2}, "encoding": band},
            {"mark": {"type": "rule", "color": colour, "opacity": 0.45}, "encoding": band},
            {"mark": {"type": "line", "color": colour, "strokeWidth": 2}, "encoding": line},
            {
                "mark": {"type": "point", "stroke": colour, "size": 40, "opacity": 1},
                "encoding": {**line, "fill": fill, "tooltip": _TIPS},
            },
        ],
    }


def _matrix(points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return a chart of the lift of each pair of labels: blue above 1, brown below."""
    side: dict[str, Any] = {
        "type": "nominal",
        "sort": list(names),
        "axis": {"title": None, "domain": False, "ticks": False, "labelLimit": 110},
    }
    opacity = {
        "field": "depth",
        "type": "quantitative",
        "scale": {"domain": [0, 4], "range": [0.05, 0.45], "clamp": True},
        "legend": None,
    }
    fill = {"condition": {"test": "datum.above", "value": "#2f7fc1"}, "value": "#c8641b"}
    tips = [{"field": name, "title": name} for name in ("pair", "lift", "interval", "share")]
    return {
        "data": {"values": list(points)},
        "height": 44 * len(names),
        "autosize": _WIDE,
        "encoding": {
            "x": {"field": "column", **side, "axis": {**side["axis"], "orient": "top", "labelAngle": 0}},
            "y": {"field": "row", **side},
            "tooltip": tips,
        },
        "layer": [
            {"mark": {"type": "rect"}, "encoding": {"fill": fill, "fillOpacity": opacity}},
            {"mark": {"type": "text", "fontSize": 12}, "encoding": {"text": {"field": "lift"}}},
        ],
    }


def charts(found: Findings) -> dict[str, list[Chart]]:
    """Return the charts of each part, of the first definition that has something to show."""
    (definition, *_), made = found.definitions, {}
    colours = {label: COLOURS[place % len(COLOURS)] for place, label in enumerate(found.model.labels.ids)}

    def of(part: str, label: str) -> list[Cell]:
        cells = found.tables[part].cells if part in found.tables else ()
        return [cell for cell in cells if (cell.label, cell.definition) == (label, definition)]

    points = [_point(of("all", label)[0], found.name(label)) for label in found.labels]
    told = "; ".join(f"{point['group']} {point['share']}, {point['interval']}" for point in points)
    made["all"] = [
        Chart("chart-all", f"Shares, {definition}", f"Shares with intervals: {told}.", _dots(points, COLOURS[0]), 560)
    ]
    made |= {part: [] for part in ("year", "country", "applicant", "overlap")}
    for place, label in enumerate(found.labels):
        years = [cell for cell in of("year", label) if is_year(cell.group[0])]
        drawn = [at for at, cell in enumerate(years) if _drawable(cell)]
        if drawn:
            years = years[drawn[0] : drawn[-1] + 1]
            points = [{**_point(cell, cell.group[0]), "year": int(cell.group[0])} for cell in years]
            alt = (
                f"{found.name(label)} by year: {points[0]['share']} in {points[0]['group']}, "
                f"{points[-1]['share']} in {points[-1]['group']}; all figures are in the table below."
            )
            made["year"].append(Chart(f"chart-year-{place}", found.name(label), alt, _trend(points, colours[label])))
        for part in ("country", "applicant"):
            cells = _largest_first(of(part, label))
            if any(_drawable(cell) for cell in cells):
                points = [_point(cell, name) for cell, name in zip(cells, _distinct(map(_group, cells)), strict=True)]
                alt = f"{found.name(label)} by {part}: dots with intervals; all figures are in the table below."
                made[part].append(Chart(f"chart-{part}-{place}", found.name(label), alt, _dots(points, colours[label])))
    for each in found.definitions:
        overlap = found.figures.get(("overlap", each))
        if not made["overlap"] and overlap is not None and overlap["lift"].is_not_null().any():
            made["overlap"] = [_overlap_chart(found, each, overlap)]
    return made


def _short(text: str, longest: int) -> str:
    """Return ``text`` with its middle left out if it is too long: names often differ at the end."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half].rstrip()}…{text[1 - half :].lstrip()}"


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names short enough for an axis, and no two alike: a chart would put these on one line."""
    found: list[str] = []
    for name in names:
        short = _short(name, 28)
        found.append(short if short not in found else f"{short} ({len(found) + 1})")
    return found


def _largest_first(cells: Sequence[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: (-cell.share.n - cell.unscored, cell.group))


def _overlap_chart(found: Findings, definition: Definition, overlap: pl.DataFrame) -> Chart:
    points = []
    for row in overlap.iter_rows(named=True):
        lift = row["lift"]
        facts: dict[str, Any] = {
            "pair": f"{found.name(row['label'])} and {found.name(row['with'])}",
            "lift": "/" if lift is None else f"× {lift:.3g}",
            "depth": 0 if not lift else min(4.0, abs(math.log2(lift))),
            "above": lift is not None and lift > 1,
            "interval": f"{_figure(row['lift_low'])} to {_figure(row['lift_high'])}",
            "share": _figure(row["share"], ".3%"),
        }
        ends = row["label"], row["with"]
        points += [{"row": one, "column": other, **facts} for one, other in (ends, ends[::-1])]
    told = "; ".join(f"{point['pair']} {point['lift']}" for point in points[::2])
    names = ", ".join(f"{label}: {found.name(label)}" for label in found.labels)
    alt = f"Lift of each pair of labels: {told}."
    return Chart("chart-overlap", f"Lift of each pair, {definition} ({names})", alt, _matrix(points, found.labels), 440)


def converter() -> Any:
    """Return the module that draws charts.

    Raises:
        OutputError: The extra is not installed.
    """
    try:
        return import_module("vl_convert")
    except ImportError as error:
        raise OutputError("a report needs the extra that draws charts: pip install 'ipclass[report]'") from error


def drawn(chart: Chart) -> Html:
    """Return the chart as SVG to be put into a page: nothing in it but shapes and texts, its ids its own.

    >>> kept_shapes('<svg xmlns="http://www.w3.org/2000/svg"><a href="x:"><script>1</script></a><g id="a"/></svg>', "c")
    '<svg><g id="c-a" /></svg>'
    """
    svg = converter().vegalite_to_svg({**chart.spec, "width": chart.width}, config=dict(CONFIG))
    return kept_shapes(svg, chart.id)


_SHAPES = frozenset("svg g path rect line circle text tspan defs clipPath linearGradient stop".split())


def kept_shapes(svg: str, prefix: str) -> Html:
    """Return ``svg`` with nothing but shapes, texts and references within it."""
    root = ElementTree.fromstring(svg)

    def keep(node: ElementTree.Element) -> None:
        node.tag = node.tag.rpartition("}")[2]
        for name, value in list(node.attrib.items()):
            if ":" in name or "}" in name or name.lower().startswith("on") or name in ("href", "class", "style"):
                del node.attrib[name]
            elif name == "id":
                node.attrib[name] = f"{prefix}-{value}"
            elif "url(" in value:
                node.attrib[name] = re.sub(r"url\(['\"]?#([\w-]+)['\"]?\)", rf"url(#{prefix}-\1)", value)
        for child in list(node):
            if child.tag.rpartition("}")[2] in _SHAPES:
                keep(child)
            else:
                node.remove(child)

    keep(root)
    return Html(ElementTree.tostring(root, encoding="unicode"))


def script() -> str:
    """Return Vega, Vega-Lite and the page's own lines as one script that asks for nothing."""
    bundle: str = converter().javascript_bundle((PARTS / "report.js").read_text("utf-8"))
    bundle = re.sub(r"<(?=/script|script|!--)", r"\\x3c", bundle, flags=re.IGNORECASE)  # all of them stand in texts
    return bundle.replace("\r", "").strip()


def embedded(facts: Any) -> Html:
    """Return JSON for a script element: no sign in it can end the element.

    >>> embedded("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(text)


# --- the page


def page(found: Findings) -> str:
    """Return the report as one HTML page that needs nothing else. Equal findings give an equal page."""
    drawings = charts(found)
    sections = [
        ("shares", "Shares", _shares(found, drawings["all"])),
        ("trend", "By year", _by_year(found, drawings["year"])),
        ("countries", "By country", _by_group(found, "country", drawings["country"])),
        ("applicants", "By applicant", _by_group(found, "applicant", drawings["applicant"])),
        ("overlap", "Overlap of labels", _overlap(found, drawings["overlap"])),
        ("made", "How the numbers were made", _made(found)),
        ("trust", "How far to trust them", _trust(found)),
        ("examples", "Examples", _examples(found)),
    ]
    source = found.tables["all"].provenance["input"]
    title = f"{', '.join(found.name(label) for label in found.labels)} in {source}"
    live = {chart.id: chart.spec for part in drawings.values() for chart in part}
    program = script()
    style = (PARTS / "report.css").read_text("utf-8")
    body = el(
        "body",
        el("header", el("h1", title), _lead(found)),
        el("nav", el("ul", *(el("li", el("a", name, href=f"#{id}")) for id, name, _ in sections)), aria_label="Contents"),
        el("main", *(el("section", el("h2", name, id=id), *content, aria_labelledby=id) for id, name, content in sections)),
        el("footer", el("p", _COLOPHON, class_="soft")),
        el("script", embedded({"config": CONFIG, "charts": live}), type="application/json", id="specs"),
        Html(f"<script>{program}</script>"),
    )
    head = el(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(program)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="referrer" content="no-referrer">'),
        el("title", title),
        Html(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


_COLOPHON = (
    "Made by ipclass. Charts by Vega, Vega-Lite and Vega-Embed, © University of Washington Interactive Data Lab, "
    "BSD 3-Clause, with parts of D3, © Mike Bostock, ISC. The page holds all it needs and asks no server for anything."
)


def _policy(program: str) -> str:
    """Return the policy that lets the page's own script run, and nothing be fetched, framed or sent.

    Styles may stand in attributes, as the charts' do; with nothing to fetch they can tell nobody anything.
    """
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _lead(found: Findings) -> Html:
    cell, request = found.tables["all"].cells[0], found.wanted.request
    total, unit = cell.share.n + cell.unscored, "families" if request.family else "documents"
    said = (
        f"{_count(total)} {unit}{f' where {request.where}' if request.where else ''}, of which {_count(cell.unscored)} could "
    )
    said += f"not be tagged. Definition: {' and '.join(found.definitions)}. "
    said += f"Shares are estimates with {request.level:.0%} intervals; "
    return el("p", said, "the tags as merely counted stand beside them.", class_="soft")


def _noted(found: Findings, part: str) -> list[Html]:
    return [el("p", said, class_="note") for said in found.notes.get(part, ())]


def _figures(drawings: Sequence[Chart]) -> Html:
    return el("div", *map(_figure_of, drawings), class_="charts") if drawings else Html("")


def _figure_of(chart: Chart) -> Html:
    still = el("div", drawn(chart), class_="static")
    both = el("div", still, el("div", class_="live"), class_="chart", id=chart.id, role="img", aria_label=chart.alt)
    return el("figure", el("figcaption", chart.caption), both)


def _shares(found: Findings, drawings: Sequence[Chart]) -> list[Html]:
    head = ("label", "definition", "estimated", "interval", "counted", "documents", "unscored", "method", "flags")
    rows = [
        (
            found.name(cell.label),
            cell.definition,
            el("strong", shown_share(cell)),
            shown_interval(cell),
            percent(cell.share.naive),
            _count(cell.share.n),
            _count(cell.unscored),
            cell.share.method,
            cell.share.flags,
        )
        for cell in found.tables["all"].cells
    ]
    audits = [
        (
            *(_known_name(found, str(audit["label"])), audit["definition"], el("strong", _part(audit["share"]))),
            f"{_part(audit['low'])} to {_part(audit['high'])}",
            *(
                f"{audit.get('judged', '–')}",
                _range(audit.get("precision")),
                _range(audit.get("recall")),
                audit.get("flags", ""),
            ),
        )
        for audit in found.audits
    ]
    parts = [
        _figures(drawings),
        el("p", _READING, class_="soft"),
        table("Share of each label among all documents", head, rows, 7),
    ]
    shifted = [
        f"{found.name(cell.label)} ({cell.definition})"
        for cell in found.tables["all"].cells
        if cell.share.n and cell.share.shift > SHIFT_RELIABLE
    ]
    if shifted and not audits:
        said = f"These documents do not look like those the model was calibrated with: {', '.join(shifted)}. "
        parts.append(el("p", said, el("a", "How far to trust the shares", href="#trust"), class_="note"))
    if audits:
        names = ("label", "definition", "share", "interval", "judged", "precision", "recall", "flags")
        caption = "Audited shares: judged by people on a sample of these documents. Where there is one, quote it."
        parts.append(table(caption, names, audits, 6))
    return [*parts, *_noted(found, "audit")]


_READING = (
    "Dot and line: estimate and interval, hollow where reliability is low. Upright stroke: tags as counted. "
    "“< x” means below the detection floor x, “/” that too little is known to print a share."
)


def _known_name(found: Findings, label: str) -> str:
    return found.name(label) if label in found.model.labels.ids else label


def _part(value: object) -> str:
    return percent(float(value)) if isinstance(value, int | float) else "/"


def _range(interval: object) -> str:
    if not isinstance(interval, dict) or not isinstance(interval.get("value"), int | float):
        return "/"
    return f"{_part(interval['value'])} ({_part(interval.get('low'))} to {_part(interval.get('high'))})"


def _wide(found: Findings, part: str, definition: Definition, caption: str, order: Callable[[list[Cell]], list[Cell]]) -> Html:
    """Return a table with a line a group and a column a label."""
    mine = [cell for cell in found.tables[part].cells if cell.definition == definition]
    by = {(cell.label, cell.group): cell for cell in mine}
    groups = [cell.group for cell in order([cell for cell in mine if cell.label == found.labels[0]])]
    head = [part, *(found.name(label) for label in found.labels), "documents", "unscored"]
    rows = []
    for group in groups:
        first = by[found.labels[0], group]
        cells = (_cell(by[label, group]) for label in found.labels)
        rows.append((_short(_group(first), 120), *cells, _count(first.share.n), _count(first.unscored)))
    return table(caption, head, rows)


def _cell(cell: Cell) -> Html:
    interval = f"{shown_interval(cell)}; " if cell.share.printable else ""
    more = el("span", f"{interval}counted {percent(cell.share.naive)}", class_="soft")
    return Html(f"{el('strong', shown_share(cell))} {safe(cell.share.flags)}<br>{more}")


def _by_year(found: Findings, drawings: Sequence[Chart]) -> list[Html]:
    if "year" not in found.tables:
        return _noted(found, "year")
    parts = [_figures(drawings)]
    missing = [found.name(label) for label in found.labels if found.name(label) not in {chart.caption for chart in drawings}]
    if missing:
        parts.append(el("p", f"No chart of {', '.join(missing)}: in no year is there enough to print a share.", class_="note"))
    rows = []
    for definition in found.definitions:
        growth = found.figures.get(("growth", definition))
        for row in growth.iter_rows(named=True) if growth is not None else ():
            value = row["withheld"] or f"{row['value']:+.1%}"
            interval = "/" if row["withheld"] else f"{row['low']:+.1%} to {row['high']:+.1%}"
            rows.append((found.name(row["label"]), definition, f"{row['from']}–{row['to']}", value, interval))
    if rows:
        caption = "Growth of the share a year, between the first and the last closed year whose share may be printed"
        parts.append(table(caption, ("label", "definition", "years", "growth a year", "interval"), rows, 3))
    for definition in found.definitions:
        caption = f"Shares by year, {definition}, in per cent of the documents of the year"
        whole = _wide(found, "year", definition, caption, lambda cells: sorted(cells, key=lambda cell: cell.group))
        parts.append(el("details", el("summary", f"All years, {definition}"), whole))
    return [*parts, *_noted(found, "year"), *_noted(found, "growth")]


def _by_group(found: Findings, part: str, drawings: Sequence[Chart]) -> list[Html]:
    if part not in found.tables:
        return _noted(found, part)
    parts = [_figures(drawings)]
    for definition in found.definitions:
        caption = (
            f"Shares by {part}, {definition}, in per cent of the documents of each; the {found.wanted.top} with most documents"
        )
        parts.append(_wide(found, part, definition, caption, _largest_first))
    shown = {cell.group[0] for cell in found.tables[part].cells}
    joined = {name: olds for name, olds in found.tables[part].names.items() if name in shown}
    if joined:
        said = (f"{_short(name, 60)} ({_several(olds)})" for name, olds in joined.items())
        parts.append(el("p", f"Spellings put together: {', '.join(said)}.", class_="soft"))
    rows = []
    for definition in found.definitions:
        held = found.figures.get(("concentration", definition)) if part == "applicant" else None
        for row in held.iter_rows(named=True) if held is not None else ():
            interval = "/" if row["withheld"] else f"{row['low']:.3f} to {row['high']:.3f}"
            value = row["withheld"] or f"{row['value']:.3f}"
            rows.append((found.name(row["label"]), definition, row["indicator"], value, interval))
    if rows:
        parts.append(table("Concentration on applicants", ("label", "definition", "indicator", "value", "interval"), rows, 2))
    return [*parts, *_noted(found, part), *_noted(found, "concentration")]


def _several(spellings: Sequence[str], most: int = 3) -> str:
    more = f"; {len(spellings) - most} more" if len(spellings) > most else ""
    return "; ".join(_short(each, 60) for each in spellings[:most]) + more


def _overlap(found: Findings, drawings: Sequence[Chart]) -> list[Html]:
    parts = [
        el("p", "Lift: how many times as often two labels meet in one document as they would by chance.", class_="soft"),
        _figures(drawings),
    ]
    for definition in found.definitions:
        overlap = found.figures.get(("overlap", definition))
        if overlap is None:
            continue
        by = {frozenset((row["label"], row["with"])): row for row in overlap.iter_rows(named=True)}
        own = {cell.label: cell for cell in found.tables["all"].cells if cell.definition == definition}
        rows = [
            (
                found.name(one),
                *(shown_share(own[one]) if one == other else _pair(by[frozenset((one, other))]) for other in found.labels),
            )
            for one in found.labels
        ]
        caption = f"Documents with both labels, and lift with its interval, {definition}; diagonal: the label's own share"
        parts.append(table(caption, ("", *(found.name(label) for label in found.labels)), rows))
    if len(parts) > 2:
        said = (
            "Model-based: given the scores, labels are taken as independent. “/”: a label is too rare. Audit before you quote."
        )
        return [*parts, el("p", said, class_="soft"), *_noted(found, "overlap")]
    return _noted(found, "overlap") or [el("p", "There are no two labels to compare, or no tags of this model.", class_="note")]


def _pair(row: Mapping[str, Any]) -> Html:
    if row["share"] is None:
        return el("span", "/", title=row["withheld"])
    share = f"{row['share']:.3%} ({row['low']:.3%} to {row['high']:.3%})"
    if row["lift"] is None:
        return el("span", share)
    lift = f"× {row['lift']:.3g} ({_figure(row['lift_low'])} to {_figure(row['lift_high'])})"
    return Html(f"{safe(share)}<br>{safe(lift)}")


def _made(found: Findings) -> list[Html]:
    whole = found.tables["all"]
    made = whole.provenance
    facts = [
        ("input", f"{made['input']}, sha256 {made['input_sha256']}"),
        ("model", made["model_digest"]),
        ("versions", f"ipclass {made['ipclass']}, numpy {made['numpy']}"),
        ("request", json.dumps(made["request"], sort_keys=True)),
    ]
    parts = [el("ul", *(el("li", said) for said in tables.described(whole)))]
    for label in map(found.model.labels.__getitem__, found.labels):
        parts += [el("h3", f"{label.name} ({label.id}, version {label.version})"), el("p", f"{label.summary}.")]
        parts += [el("p", el("strong", "Strict: "), label.strict), el("p", el("strong", "Broad: "), label.broad)]
    parts.append(
        table("To make the same numbers again", ("what", "value"), [(name, el("code", value)) for name, value in facts], 0)
    )
    for audit in found.audits:
        shown = json.dumps(audit, indent=1, sort_keys=True, ensure_ascii=False)
        parts.append(el("details", el("summary", f"The audit of {_known_name(found, str(audit['label']))}"), el("pre", shown)))
    if not found.audits:
        parts.append(el("p", _NO_AUDIT, class_="note"))
    return parts


_NO_AUDIT = (
    "No audit is part of this report. Estimates hold if positives and negatives look like those the model was calibrated "
    "with. An audit needs no such assumption: ipclass audit draw, judge, ipclass audit estimate."
)
_FLAGS = (
    ("e", "estimated, not audited: it rests on the calibration of the model"),
    ("u", "low reliability: a wide interval, a share near the detection floor, or scores unlike those of the calibration"),
    ("p", "open year: not all its documents are published yet"),
    ("b", "break: tagged by another model or definition, and merely counted"),
    ("/", "not printable: fewer than 30 documents, fewer than 10 expected positives, or a very wide interval"),
)
_METHODS = "Method letters: A audit, E maximum likelihood, R adjusted rates, P adjusted means, S mean probability, C count."


def _trust(found: Findings) -> list[Html]:
    said = [
        el("li", el("strong", f"{found.name(cell.label)}, {cell.definition}: "), _verdict(cell))
        for cell in found.tables["all"].cells
    ]
    parts = [*_noted(found, "trust"), el("ul", *said)]
    parts.append(table(f"What the flags mean. {_METHODS}", ("flag", "meaning"), _FLAGS, 0))
    quality = [
        (
            *(found.name(row["label"]), row["definition"], f"{row['documents']:,}", f"{row['positives']:,}"),
            *(_figure(row.get(name), ".3f") for name in _QUALITY),
        )
        for row in found.model.facts.get("cross_validation", ())
        if row["label"] in found.labels and row["definition"] in found.definitions
    ]
    if quality:
        head = ("label", "definition", "judged", "positives", *(name.replace("_", " ") for name in _QUALITY))
        parts.append(table("How good the tagger was on judged documents it had not seen (cross-validation)", head, quality, 7))
    rows = [(reason, f"{count:,}") for reason, count in found.unscored.items()]
    if rows:
        parts.append(
            table("Documents that could not be tagged: in no share, and never taken for “none”", ("reason", "documents"), rows)
        )
    return parts


_QUALITY = ("precision", "recall", "f1", "average_precision", "calibration_error")


def _verdict(cell: Cell) -> str:
    share = cell.share
    if not share.n:
        return "no document could be tagged."
    said = []
    if "b" in share.flags:
        said.append("tags of another model, merely counted: biased where a label is rare")
    if not share.printable:
        said.append("too few positives to be expected for a share that can be printed; an audit would tell")
    elif share.below_floor:
        said.append(f"below {percent(share.floor)}, the smallest share that can be told from none; an audit would tell")
    if not math.isnan(share.shift) and share.shift > SHIFT_RELIABLE:
        said.append(
            f"the scores do not look like a mix of those the model was calibrated with (shift {share.shift:.1f}, trusted up to "
            f"{SHIFT_RELIABLE:.0f}): the interval may miss the truth, so audit before you quote it"
        )
    if not said and "u" in share.flags:
        said.append("the interval is wide, or the share near the detection floor")
    return f"{'; '.join(said) or 'nothing speaks against the estimate, which still is not audited'}."


def _examples(found: Findings) -> list[Html]:
    parts = [*_noted(found, "examples")]
    if not found.examples:
        return parts
    parts.append(
        el(
            "p",
            Html('<mark class="f1">for</mark> <mark class="f2">for</mark> <mark class="f3">for</mark> the label, '),
            Html('<mark class="a1">against</mark> <mark class="a3">against</mark> it: the darker, the more the word decided. '),
            "A document may be one of several labels. The texts are quoted from the table.",
            class_="soft",
        )
    )
    for label, shown in found.examples.items():
        name, place = found.name(label), f"tagged from a probability of {shown.threshold:.3f}, {shown.definition}"
        parts.append(el("h3", name))
        likely = [_document(example, found.model) for example in shown.likely]
        near = [_document(example, found.model) for example in shown.nearest]
        if likely:
            parts.append(el("details", el("summary", f"{name}: the {len(likely)} most probable ({place})"), *likely, open=True))
        else:
            parts.append(el("p", f"No document was tagged ({place}).", class_="note"))
        if near:
            parts.append(el("details", el("summary", f"{name}: the {len(near)} nearest to the threshold"), *near, open=True))
    return parts


def _document(example: Example, model: Model) -> Html:
    terms = {each.term: each.value for each in example.terms}
    parts = [(text[:LONGEST_SHOWN], text) for text in (example.title, example.abstract)]
    words = [weighed(text, terms, model) for text, _ in parts]
    most = max((abs(weight) for part in words for _, _, weight in part), default=1.0)
    title, abstract = (
        Html(f"{highlighted(text, found, most)}{' […]' if text != whole else ''}")
        for (text, whole), found in zip(parts, words, strict=True)
    )
    decided = ", ".join(f"{each.term} {each.value:+.2f}" for each in example.terms[:6])
    state = "tagged" if example.tagged else "not tagged"
    facts = " · ".join(filter(None, (example.id, f"probability {example.probability:.3f}", state)))
    return el(
        "article",
        el("h4", title or "(no title)", dir="auto"),
        el("p", facts, class_="soft"),
        el("p", abstract, dir="auto"),
        el("p", f"Decided by: {decided or 'no word that the model knows'}", class_="soft"),
    )


def highlighted(text: str, words: Sequence[tuple[int, int, float]], most: float) -> Html:
    """Return ``text`` with its words marked by how much they weigh beside ``most``; light ones are left alone."""
    parts, at = [], 0
    for start, end, weight in words:
        depth = np.searchsorted((0.08, 0.25, 0.55), abs(weight) / most, side="right")
        if depth and start >= at:
            kind = "f" if weight > 0 else "a"
            parts += [safe(text[at:start]), el("mark", text[start:end], class_=f"{kind}{depth}")]
            at = end
    return Html("".join([*parts, safe(text[at:])]))


# --- the files beside it


def frames(found: Findings) -> dict[str, pl.DataFrame]:
    """Return every table of the report as a data frame, by the name of its file."""
    made = {f"shares_{part}" if part != "all" else "shares": tables.as_frame(whole) for part, whole in found.tables.items()}
    for name in ("growth", "overlap", "concentration"):
        parts = [
            frame.select(pl.lit(definition).alias("definition"), pl.all())
            for (part, definition), frame in found.figures.items()
            if part == name
        ]
        if parts:
            made[name] = pl.concat(parts, how="vertical_relaxed")
    names = [
        {"column": whole.request.by[0], "name": name, "spelling": spelling}
        for whole in found.tables.values()
        for name, several in whole.names.items()
        for spelling in several
    ]
    if names:
        made["names"] = pl.DataFrame(names)
    if rows := list(found.model.facts.get("cross_validation", ())):
        made["quality"] = pl.DataFrame(rows, infer_schema_length=None)
    examples = [
        {
            "definition": shown.definition,
            "label": label,
            "kind": kind,
            "id": example.id,
            "probability": example.probability,
            "tagged": example.tagged,
            "terms": "; ".join(f"{each.term} ({each.value:+.3f})" for each in example.terms[:6]),
        }
        for label, shown in found.examples.items()
        for kind, several in (("most probable", shown.likely), ("nearest to the threshold", shown.nearest))
        for example in several
    ]
    if examples:
        made["examples"] = pl.DataFrame(examples)
    return {name: _harmless(frame) for name, frame in made.items()}


def _harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with an apostrophe before what a spreadsheet would take for a formula, and without control signs."""
    names = [name for name, kind in frame.schema.items() if kind == pl.String]
    plain = [pl.col(name).str.replace_all(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd").alias(name) for name in names]
    signs = [pl.col(name).str.replace(r"^([=+\-@\t\r])", "'$1").alias(name) for name in names]
    return frame.with_columns(plain).with_columns(signs)


def extra_files(found: Findings) -> dict[str, bytes]:
    """Return the tables as CSV, and as one Excel file if openpyxl is there, and the charts as SVG and PNG, by file name."""
    made = frames(found)
    parts = {f"{name}.csv": tables.csv_bytes(frame) for name, frame in made.items()}
    if (book := _workbook(made)) is not None:
        parts["tables.xlsx"] = book
    config = {**dict(_in_ink(CONFIG, "#1b1f24")), "background": "#ffffff", "padding": 12}
    for chart in (each for several in charts(found).values() for each in several):
        name = chart.id.replace("chart-", "").replace("-", "_")
        spec = {**_in_ink(chart.spec, "#1b1f24"), "width": chart.width, "title": clean(chart.caption)}
        parts[f"{name}.svg"] = converter().vegalite_to_svg(spec, config=config).encode()
        parts[f"{name}.png"] = converter().vegalite_to_png(spec, config=config, scale=2)
    return parts


def _in_ink(value: Any, ink: str) -> Any:
    """Return a specification with a colour of its own in place of the page's."""
    if isinstance(value, Mapping):
        return {name: _in_ink(each, ink) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_ink(each, ink) for each in value]
    return ink if value == "currentColor" else value


def _workbook(made: Mapping[str, pl.DataFrame]) -> bytes | None:
    try:
        openpyxl = import_module("openpyxl")
    except ImportError:
        return None
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, frame in made.items():
        sheet = book.create_sheet(name[:31])
        for place, row in enumerate([tuple(frame.columns), *frame.iter_rows()], start=1):
            for column, value in enumerate(row, start=1):
                cell = sheet.cell(place, column, value)
                if isinstance(value, str):
                    cell.data_type = "s"
        sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
