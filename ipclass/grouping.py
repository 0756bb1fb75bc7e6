"""Which documents are counted, in which groups, and with what weight."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
import scipy.sparse as sp
from polars.exceptions import PolarsError
from scipy.sparse.csgraph import connected_components

from ipclass import estimators
from ipclass.errors import InputError, ShareError, choices
from ipclass.files import find_column
from ipclass.records import Definition
from ipclass.tagged import ROW, has

DATES = ("publication_date", "grant_date", "filing_date", "application_date", "priority_date", "date")
LEGAL_FORMS = frozenset(
    "AB AG AS BV CO COMPANY CORP CORPORATION GMBH INC INCORPORATED KG KK LIMITED LLC LLP LP LTD MBH NV OY PLC PTE PTY "
    "SA SAS SE SPA SRL THE KABUSHIKI KAISHA COLTD".split()
)
"""What is dropped from applicants' names, so that one firm is one name. Country marks such as [KR] go too."""

_YEAR = r"(?:1[89]|20)\d\d"
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_YEARS = (
    rf"(?:^|\D)({_YEAR})(?:$|\D|{_MONTH}$|{_MONTH}{_DAY}(?:$|\D))",  # 2020, 3 May 2020, 202005, 20200503
    rf"(?:^|\D){_DAY}{_MONTH}({_YEAR})(?:$|\D)",  # 03052020
)


OPEN_YEARS = 2
"""Patents are published 18 months after filing: the last two years are never complete."""

Unit = Literal["document", "family"]
UNITS: tuple[Unit, ...] = get_args(Unit)


@dataclass(frozen=True)
class Request:
    """What table is wanted. With the input file and the model it decides every digit.

    ``by`` are columns; ``year`` may be derived from a date column, named as ``year:filing_date``. Values with ``;``
    between them are several: each counts whole, or a part each if ``fractional``. With ``split_labels`` a document of two
    labels counts half for each. If the ``unit`` is the family, ``family`` names its column ("": the usual one).
    ``open_since`` is the first year whose documents are not all published yet; growth ends before it unless ``to_open``.
    ``breaks`` are groups from which on a series is another one, with the reason, as ``year=2016:new law``.
    """

    by: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ("strict",)
    method: estimators.Method = "emq"
    where: str = ""
    unit: Unit = "document"
    family: str = ""
    fractional: bool = False
    split_labels: bool = False
    top: int = 0
    open_since: int = 0
    to_open: bool = False
    breaks: tuple[str, ...] = ()
    level: float = 0.95
    draws: int = 500
    seed: int = 0


def first_open_year() -> int:
    """Return the first year whose patents are not all published yet."""
    return datetime.now(UTC).year - OPEN_YEARS + 1


def request_from(stated: Mapping[str, Any]) -> Request:
    """Return the request that ``dataclasses.asdict`` took apart and JSON stored.

    Raises:
        TypeError: It has other fields.
    """
    lists = {name: tuple(value) for name, value in stated.items() if isinstance(value, list)}
    return Request(**{**stated, **lists})


@dataclass(frozen=True)
class Break:
    """A group from which on a series is another one, and why."""

    column: str
    value: str
    reason: str


def breaks_of(request: Request) -> tuple[Break, ...]:
    """Return the breaks that a request states.

    Raises:
        InputError: One is not written as COLUMN=VALUE:REASON, or names a column that the table is not broken down by.
    """
    found = []
    for stated in request.breaks:
        match = re.fullmatch(r"([^=]+)=([^:]*):(.+)", stated, re.DOTALL)
        if not match:
            raise InputError(f"--break {stated!r}: write it as COLUMN=VALUE:REASON, as in year=2016:new classification")
        found.append(Break(*(part.strip() for part in match.groups())))
    return tuple(found)


def restricted(frame: pl.DataFrame, request: Request) -> pl.DataFrame:
    """Return the documents that fulfil the condition, one of each family if families are counted.

    Raises:
        InputError: The condition does not fit, or there is nothing that says what belongs to one family.
        ShareError: No documents are left.
    """
    if request.where:
        frame = frame.filter(_condition(frame, request.where))
    if request.unit == "family" or request.family:
        frame = _one_of_each(frame, _families(frame, request.family))
    if frame.is_empty():
        raise ShareError(f"no documents left{f' where {request.where}' if request.where else ''}: a share of nothing is not 0")
    return frame


FAMILIES = (
    "family",
    "family_id",
    "docdb_family_id",
    "inpadoc_family_id",
    "simple_family_id",
    "extended_family_id",
    "family_no",
)
DUPLICATE_OF = "duplicate_of"
"""Holds the id of the first document of the same invention, or nothing."""


def _families(frame: pl.DataFrame, named: str) -> pl.Series:
    """Return the number of each document's family: what a family column or ``duplicate_of`` ties, directly or not."""
    if named:
        has(frame, named)
    lower = {name.lower().replace(" ", "_"): name for name in reversed(frame.columns)}
    column = named or next((lower[name] for name in FAMILIES if name in lower), "")
    if not column and DUPLICATE_OF not in frame.columns:
        raise InputError(f"no column of the family and none of duplicates ({DUPLICATE_OF}); name it with --family")
    ties = [_shared(frame, column)] if column else []
    if DUPLICATE_OF in frame.columns:
        id = find_column("id", frame.columns)
        first = _shared(frame, DUPLICATE_OF)
        ties.append(first if not id else pl.select(pl.coalesce(first, _shared(frame, id))).to_series())
    rows = np.arange(len(frame))
    codes = [tie.fill_null("").rank("dense").to_numpy().astype(np.int64) for tie in ties]
    held = [tie.is_not_null().to_numpy() for tie in ties]
    offsets = np.cumsum([len(frame), *(int(code.max(initial=0)) + 1 for code in codes)])
    ends = [code[there] + offset for code, there, offset in zip(codes, held, offsets[:-1], strict=True)]
    starts = [rows[there] for there in held]
    edges = (np.concatenate(starts), np.concatenate(ends))
    graph = sp.coo_matrix((np.ones(len(edges[0]), np.int8), edges), shape=(offsets[-1], offsets[-1]))
    return pl.Series(connected_components(graph, directed=False)[1][: len(frame)])


def _shared(frame: pl.DataFrame, column: str) -> pl.Series:
    """Return the values of a column as text, nothing where there is none."""
    return frame[column].cast(pl.String).str.strip_chars().replace("", None)


def _one_of_each(frame: pl.DataFrame, families: pl.Series) -> pl.DataFrame:
    """Return the first document of each family that could be tagged: one in another language must not hide the rest."""
    scored = pl.any_horizontal(pl.col("^__p_.*$").is_finite().fill_null(False))
    ordered = frame.with_columns(families.alias("__family")).sort(~scored, maintain_order=True)
    return ordered.filter(pl.col("__family").is_first_distinct()).sort(ROW).drop("__family")


def _condition(frame: pl.DataFrame, where: str) -> pl.Series:
    """Return which rows fulfil ``where``; text columns of numbers or of true and false are taken for such."""
    try:
        expression = pl.sql_expr(where.replace("==", "="))
        columns = sorted(set(expression.meta.root_names()))
        for column in columns:
            has(frame, column)
        texts = [_filled(frame[column]) for column in columns]
        try:
            found = frame.with_columns(map(_typed, texts)).select(expression.alias("holds")).to_series()
        except PolarsError:  # numbers compared with texts, as in code = '007'
            found = frame.with_columns(texts).select(expression.alias("holds")).to_series()
        if found.dtype != pl.Boolean:
            raise InputError(f"--where {where!r}: is a value, not a condition; as in \"year >= 2020 and country = 'CN'\"")
        return found.fill_null(False)
    except PolarsError as error:
        raise InputError(
            f"--where {where!r}: {str(error).splitlines()[0]}; as in \"year >= 2020 and country = 'CN'\""
        ) from error


def _filled(column: pl.Series) -> pl.Series:
    """Return the column with nothing where it holds an empty text."""
    return column.replace("", None) if column.dtype == pl.String else column


def _typed(filled: pl.Series) -> pl.Series:
    if filled.dtype != pl.String:
        return filled
    numbers = filled.cast(pl.Float64, strict=False)
    if numbers.null_count() == filled.null_count():
        return numbers
    answers = filled.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    return answers if answers.null_count() == filled.null_count() else filled


def grouped(frame: pl.DataFrame, request: Request) -> tuple[pl.DataFrame, dict[str, tuple[str, ...]]]:
    """Return the documents with columns ``__by_0``, ... of group values and ``__weight``; a document with several values
    of a column stands in several rows. The second value lists the spellings of harmonised names.
    """
    frame = frame.with_columns(pl.lit(1.0).alias("__weight"))
    names: dict[str, tuple[str, ...]] = {}
    for place, column in enumerate(request.by):
        target = f"__by_{place}"
        frame = frame.with_columns(_value(frame, column).alias(target))
        frame, several = _several(frame, target)
        if _is_name(column):
            frame, found = _harmonised(frame, target)
            names |= found
        if several:
            earlier = [ROW, *(f"__by_{each}" for each in range(place))]
            frame = frame.unique([*earlier, target], keep="first", maintain_order=True)
            if request.fractional:
                frame = frame.with_columns(pl.col("__weight") / pl.len().over(earlier))
        if request.top and (_is_name(column) or len(request.by) == 1):
            frame = _only_top(frame, target, request.top)
    return frame, names


def title(column: str) -> str:
    """Return what a column of ``by`` is called in the table."""
    return "year" if column.startswith("year:") else column


def dated(frame: pl.DataFrame, column: str) -> str:
    """Return ``column`` with the date that it is taken from, if it is a year that the table lacks."""
    if column != "year" or "year" in frame.columns:
        return column
    date = next((each for each in DATES if each in frame.columns), "")
    if not date:
        raise InputError(f"no column 'year' and no date to take it from; {choices('year', DATES)}")
    return f"year:{date}"


def year_in(column: str) -> pl.Expr:
    """Return the year of each date, of any of many forms, or of each year; "" where there is none."""
    text = pl.col(column).cast(pl.String)
    return pl.coalesce(*(text.str.extract(form) for form in _YEARS), pl.lit(""))


def _value(frame: pl.DataFrame, column: str) -> pl.Expr:
    name, _, date = column.partition(":")
    if name == "year" and (date or name not in frame.columns):
        date = date or dated(frame, name).partition(":")[2]
        has(frame, date)
        return year_in(date)
    has(frame, column)
    kind = frame.schema[column]
    if isinstance(kind, pl.List) and not kind.inner.is_nested():
        return pl.col(column).cast(pl.List(pl.String)).list.join(";").fill_null("")
    if kind.is_nested() or kind == pl.Binary:
        raise InputError(f"the column {column!r} holds {kind}, not values to group by")
    text = pl.col(column).cast(pl.String).fill_null("")
    return text.str.strip_suffix(".0") if name == "year" else text


def _several(frame: pl.DataFrame, target: str) -> tuple[pl.DataFrame, bool]:
    """Return a row for each value, and whether any document has several."""
    if not frame[target].str.contains(";", literal=True).any():
        return frame.with_columns(pl.col(target).str.strip_chars()), False
    parts = pl.col(target).str.split(";").list.eval(pl.element().str.strip_chars()).list.unique(maintain_order=True)
    parts = parts.list.eval(pl.element().filter(pl.element() != ""))
    frame = frame.with_columns(parts.alias(target)).with_columns(
        pl.when(pl.col(target).list.len() == 0).then(pl.lit([""])).otherwise(pl.col(target)).alias(target)
    )
    return frame.explode(target), True


def _is_name(column: str) -> bool:
    return column.lower() in ("applicant", "applicants", "assignee", "assignees", "owner", "holder")


def harmonised(name: str) -> str:
    """Return an applicant's name without case, punctuation, legal form and country mark.

    >>> harmonised("Samsung Electronics Co., Ltd. [KR]"), harmonised("SAMSUNG ELECTRONICS CO LTD")
    ('SAMSUNG ELECTRONICS', 'SAMSUNG ELECTRONICS')
    """
    plain = re.sub(r"\[[A-Z]{2}\]", " ", name.upper())
    words = re.sub(r"[^\w&]+", " ", plain.replace(".", "")).split()
    kept = [word for word in words if word not in LEGAL_FORMS]
    return " ".join(kept or words)


def _harmonised(frame: pl.DataFrame, target: str) -> tuple[pl.DataFrame, dict[str, tuple[str, ...]]]:
    spellings: dict[str, list[str]] = {}
    for name in sorted(set(frame[target].to_list())):
        spellings.setdefault(harmonised(name), []).append(name)
    new = {old: name for name, olds in spellings.items() for old in olds}
    frame = frame.with_columns(pl.col(target).replace_strict(new, return_dtype=pl.String))
    return frame, {name: tuple(olds) for name, olds in spellings.items() if len(olds) > 1}


def _only_top(frame: pl.DataFrame, target: str, top: int) -> pl.DataFrame:
    counts = frame.filter(pl.col(target) != "").group_by(target).agg(pl.col("__weight").sum())
    first = counts.sort(["__weight", target], descending=[True, False]).head(top)[target].to_list()
    return frame.filter(pl.col(target).is_in(first))
