"""The terms that drive a label's share over the years: each tagged document is split among the terms that tagged it.

A first version followed what terms add to the mean score of all documents. That told much of a common label and nothing of
a rare one, whose mean score moves with words of the documents that are far from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ipclass import scope
from ipclass.errors import InputError
from ipclass.figures import quantile
from ipclass.files import Source, values
from ipclass.frames import as_polars, eager, model_of
from ipclass.grouping import dated, year_in
from ipclass.inputs import frame_texts
from ipclass.model import Model
from ipclass.records import Definition, definition_named
from ipclass.scores import Floats
from ipclass.tagged import has, without_texts

Ints = npt.NDArray[np.int64]
Block = tuple[Sequence[str], Sequence[str]]
"""Texts and their years, "" where there is none."""

LEVEL = 0.95
_TEXTS = 5_000  # counted at a time


@dataclass(frozen=True)
class Driver:
    """A term and its part in the share of documents that are tagged.

    A tagged document counts 1, split among the terms that speak for the label in proportion to what they add to its score.
    ``parts`` are the sums of this by year, divided by all documents of the year: points of the share. ``trend`` is their
    change a year with its interval at 95 %, and ``sure`` whether the interval leaves out 0 even when it is widened for the
    number of terms that were looked at (Bonferroni).
    """

    term: str
    trend: float
    low: float
    high: float
    sure: bool
    parts: tuple[float, ...]


@dataclass(frozen=True)
class Drivers:
    """What drives the counted share of a label over ``years``: the parts of all terms sum to it, and their trends to ``trend``.

    ``documents`` and ``shares`` are the number of documents of each year, and how many of them are tagged, between 0 and 1:
    a count, which no estimate has corrected. Documents without a year (``undated``) or that could not be tagged
    (``unscored``) are in none of them.
    """

    label: str
    definition: Definition
    years: tuple[str, ...]
    documents: tuple[int, ...]
    shares: tuple[float, ...]
    trend: float
    rising: tuple[Driver, ...]
    falling: tuple[Driver, ...]
    undated: int
    unscored: int

    @property
    def early(self) -> int:
        """How many of the years, from the first on, hold the earlier half of the documents, as nearly as years allow."""
        half = np.cumsum(self.documents) <= sum(self.documents) / 2
        return min(max(int(half.sum()), 1), len(self.years) - 1)

    def halves(self, values: Sequence[float]) -> tuple[float, float]:
        """Return the mean over the ``early`` years and over the others of ``values``, one a year, by documents."""
        cut = self.early
        one = np.average(values[:cut], weights=self.documents[:cut])
        two = np.average(values[cut:], weights=self.documents[cut:])
        return float(one), float(two)

    def frame(self) -> pl.DataFrame:
        """Return a row a term, the fastest rising first, with a column a year of its part in the share."""
        rows = [
            {"term": each.term, "trend": each.trend, "low": each.low, "high": each.high, "sure": each.sure}
            | dict(zip(self.years, each.parts, strict=True))
            for each in (*self.rising, *reversed(self.falling))
        ]
        kinds = {"term": pl.String, "trend": pl.Float64, "low": pl.Float64, "high": pl.Float64, "sure": pl.Boolean}
        return pl.DataFrame(rows, schema=kinds | dict.fromkeys(self.years, pl.Float64))


def drivers(
    frame: Any,
    label: str,
    *,
    year: str = "year",
    definition: str = "strict",
    model: Model | str | Path | None = None,
    title: str = "",
    abstract: str = "",
    top: int = 10,
) -> Drivers:
    """Return the terms that drive the share of ``label`` over the years, at most ``top`` rising and as many falling.

    Args:
        frame: Documents with their texts: a data frame of pandas, polars or pyarrow; a lazy one is collected.
        label: The id of the label.
        year: The column of the year, or of a date to take it from.
        definition: ``strict`` or ``broad``.
        model: A model or its folder; by default the one that comes with the package.
        title: The column of the title, if it has no usual name.
        abstract: The column of the abstract.
        top: Terms to return of each kind.

    Raises:
        InputError: A column is not there, the documents are not of two years at least, or ``top`` is less than 1.
        LabelError: The model has no such label, or there is no such definition.
    """
    held = eager(frame.collect() if isinstance(frame, pl.LazyFrame) else frame)
    texts = frame_texts(held, title, abstract)
    names = list(map(str, held.columns))
    years = _years(as_polars(held, [year] if year in names else without_texts(names)), year)
    blocks = ((texts[at : at + _TEXTS], years[at : at + _TEXTS]) for at in range(0, len(texts), _TEXTS))
    return drivers_of(blocks, label, definition_named(definition), model_of(model), top)


def drivers_in(source: Source, label: str, definition: Definition, model: Model, year: str = "year", top: int = 10) -> Drivers:
    """Return the same of the documents in a table, read block by block.

    Raises:
        InputError, LabelError: As ``drivers``; a row cannot be read.
    """
    return drivers_of(_blocks(source, year), label, definition, model, top)


def drivers_of(blocks: Iterable[Block], label: str, definition: Definition, model: Model, top: int = 10) -> Drivers:
    """Return the same of texts with their years.

    The trend is the slope of least squares over the documents, its interval that of White (1980), "A
    heteroskedasticity-consistent covariance matrix estimator", Econometrica 48; both need only sums by term and year.
    """
    if top < 1:
        raise InputError(f"{top} terms of each kind: ask for 1 or more")
    column = model.column(label, definition)
    sums = _Sums(len(model.lexicon.terms))
    for texts, years in blocks:
        sums.add(texts, years, model, column)
    years = sorted(sums.documents)
    if len(years) < 2:
        raise InputError(f"documents of {' and '.join(years) or 'no year'} alone; a trend needs two years or more")
    return _found(sums, years, model, column, top)


@dataclass
class _Sums:
    """By year: the documents, those tagged, and for each of ``terms`` terms the sum of its parts in them and of the squares."""

    terms: int
    documents: dict[str, int] = field(default_factory=dict)
    tagged: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Floats] = field(default_factory=dict)
    squares: dict[str, Floats] = field(default_factory=dict)
    undated: int = 0
    unscored: int = 0

    def add(self, texts: Sequence[str], years: Sequence[str], model: Model, column: int) -> None:
        """Count more documents."""
        counts = model.lexicon.count(texts)
        scored = np.array([not reason for reason in scope.unscored(counts, texts)], bool)
        target = model.targets[column]
        tagged = scored & (target.platt(model.score(counts, [column])[:, 0]) >= target.threshold)
        rows = np.repeat(np.arange(len(counts)), np.diff(counts.starts))
        parts = _split(model.contributions(counts, column), rows, len(counts))
        dates = np.array(years, dtype="U4")
        self.unscored += int((~scored).sum())
        self.undated += int((scored & (dates == "")).sum())
        for year in sorted(set(dates[scored].tolist()) - {""}):
            inside = scored & (dates == year)
            entries = (inside & tagged)[rows]
            terms, values = counts.terms[entries], parts[entries]
            nothing = np.zeros(self.terms)
            self.documents[year] = self.documents.get(year, 0) + int(inside.sum())
            self.tagged[year] = self.tagged.get(year, 0) + int((inside & tagged).sum())
            self.parts[year] = self.parts.get(year, nothing) + np.bincount(terms, values, self.terms)
            self.squares[year] = self.squares.get(year, nothing) + np.bincount(terms, values**2, self.terms)


def _split(added: Floats, rows: Ints, n: int) -> Floats:
    """Return what of its document each term makes, by what it adds to the score: 0 for a term that speaks against it."""
    speaking = np.maximum(added, 0)
    whole = np.bincount(rows, speaking, n)
    return np.asarray(speaking / np.where(whole > 0, whole, 1)[rows])


def _found(sums: _Sums, years: Sequence[str], model: Model, column: int, top: int) -> Drivers:
    documents = np.array([sums.documents[year] for year in years], float)
    tagged = np.array([sums.tagged[year] for year in years], float)
    parts = np.array([sums.parts[year] for year in years])
    squares = np.array([sums.squares[year] for year in years])
    trends, errors = _trends(np.array(years, float), documents, parts, squares)
    met = squares.any(axis=0)
    margin, strict = quantile(LEVEL), quantile(1 - (1 - LEVEL) / max(met.sum(), 1))
    parts /= documents[:, None]

    def driver(place: int) -> Driver:
        term, trend, error = model.lexicon.terms[place], float(trends[place]), float(errors[place])
        low, high = trend - margin * error, trend + margin * error
        return Driver(term, trend, low, high, abs(trend) > strict * error, tuple(parts[:, place].tolist()))

    order = np.argsort(trends, kind="stable").tolist()
    target = model.targets[column]
    return Drivers(
        target.label,
        target.definition,
        tuple(years),
        tuple(map(int, documents)),
        tuple((tagged / documents).tolist()),
        float(trends.sum()),
        tuple(driver(place) for place in reversed(order[-top:]) if trends[place] > 0),
        tuple(driver(place) for place in order[:top] if trends[place] < 0),
        sums.undated,
        sums.unscored,
    )


def _trends(years: Floats, documents: Floats, parts: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Return the slope over the years of each term's part in a document, and its standard error, both of shape (terms,)."""
    total = documents.sum()
    away = years - (documents * years).sum() / total
    spread = (documents * away**2).sum()
    slopes = away @ parts / spread
    fitted = parts.sum(axis=0) / total + np.outer(away, slopes)
    residuals = squares - 2 * fitted * parts + documents[:, None] * fitted**2
    variance = away**2 @ np.maximum(residuals, 0) * total / max(total - 2, 1)
    return np.asarray(slopes), np.asarray(np.sqrt(variance) / spread)


def _years(frame: pl.DataFrame, year: str) -> list[str]:
    """Return the year of each row: of the column ``year``, or of a date if there is no column of that usual name."""
    column = dated(frame, year).removeprefix("year:")
    has(frame, column)
    return frame.select(year_in(column)).to_series().to_list()


def _blocks(source: Source, year: str) -> Iterator[Block]:
    for _, block in source.numbered():
        frame = block.frame
        if frame is None:
            names = {name: None for record in block.records or () for name in record}
            frame = pl.DataFrame({name: values(block, name) for name in names})
        yield block.texts, _years(frame, year)
