"""Tables of shares from tagged documents: read, restrict, group, estimate, flag, and say how it was made."""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from ipclass import batch, indicators, shares
from ipclass.batch import TAGGED_BY, Job
from ipclass.errors import InputError, OutputError, ShareError, choices
from ipclass.figures import Interval, Share
from ipclass.files import STDIO, Layout, Source, format_of, layout_of, separator_of
from ipclass.model import Model
from ipclass.records import DEFINITIONS, Definition

Floats = npt.NDArray[np.float64]

DATES = ("publication_date", "grant_date", "filing_date", "application_date", "priority_date", "date")
LEGAL_FORMS = frozenset(
    "AB AG AS BV CO COMPANY CORP CORPORATION GMBH INC INCORPORATED KG KK LIMITED LLC LLP LP LTD MBH NV OY PLC PTE PTY "
    "SA SAS SE SPA SRL THE KABUSHIKI KAISHA COLTD".split()
)
"""What is dropped from applicants' names, so that one firm is one name. Country marks such as [KR] go too."""

COLUMNS = ("definition", "label", "n", "unscored", "counted", "share", "low", "high", "method", "flags", "floor", "shift")
"""What every table of shares has beside the columns of ``by``."""

_YEAR = r"(?:1[89]|20)\d\d"
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_YEARS = (
    rf"(?:^|\D)({_YEAR})(?:$|\D|{_MONTH}$|{_MONTH}{_DAY}(?:$|\D))",  # 2020, 3 May 2020, 202005, 20200503
    rf"(?:^|\D){_DAY}{_MONTH}({_YEAR})(?:$|\D)",  # 03052020
)

ROW, PROBABILITY, MADE_BY = "__row", "__p_{}", "__by"


@dataclass(frozen=True)
class Request:
    """What table is wanted. With the input file and the model it decides every digit.

    ``by`` are columns; ``year`` may be derived from a date column, named as ``year:filing_date``. Values with ``;``
    between them are several: each counts whole, or a part each if ``fractional``. ``open_since`` is the first year
    whose documents are not all published yet.
    """

    by: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ("strict",)
    method: shares.Method = "emq"
    where: str = ""
    family: str = ""
    fractional: bool = False
    top: int = 0
    open_since: int = 0
    level: float = 0.95
    draws: int = 500
    seed: int = 0


@dataclass(frozen=True)
class Cell:
    """One row of a table: a label in a group of documents. ``unscored`` documents are none of ``share.n``."""

    definition: Definition
    label: str
    group: tuple[str, ...]
    unscored: float
    share: Share


@dataclass(frozen=True)
class Table:
    """Shares with all that is needed to make them again. ``draws`` are the bootstrap draws of each label's cells."""

    request: Request
    cells: tuple[Cell, ...]
    provenance: Mapping[str, Any]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Which spellings were put together, where applicants were harmonised."""


def share_table(path: str, model: Model, request: Request, model_folder: str = "") -> Table:
    """Return the table that ``request`` asks for, of the documents in ``path``: tagged already, or tagged on the way.

    Raises:
        InputError: The file, a column or the condition is not there or does not fit.
        ShareError: There is nothing to count, or too little to calibrate with.
    """
    wanted = _labels(request, model)
    _check_by(request)
    cells: list[Cell] = []
    names: dict[str, tuple[str, ...]] = {}
    for definition in request.definitions:
        frame = read_tagged(path, model, definition, wanted, needed_columns(request), model_folder)
        request = replace(request, by=tuple(_dated(frame, column) for column in request.by))
        frame = restricted(frame, request)
        frame, names = grouped(frame, request)
        if frame.is_empty():
            raise ShareError(f"no documents left that have a value of {', '.join(request.by)}: a share of nothing is not 0")
        cells += _cells(frame, model, definition, wanted, request)
    return Table(request, tuple(cells), provenance(path, model, request), names)


def _labels(request: Request, model: Model) -> tuple[str, ...]:
    for label in request.labels:
        _ = model.labels[label]
    return tuple(dict.fromkeys(request.labels)) or model.labels.ids


def _check_by(request: Request) -> None:
    shown = [_title(column) for column in request.by]
    for place, name in enumerate(shown):
        if name in COLUMNS:
            raise InputError(f"--by {name!r}: a table of shares has a column of that name already; rename yours")
        if name in shown[:place]:
            raise InputError(f"--by names {name!r} twice")


def _title(column: str) -> str:
    """Return what a column of ``by`` is called in the table."""
    return "year" if column.startswith("year:") else column


def _dated(frame: pl.DataFrame, column: str) -> str:
    """Return ``column`` with the date that it is taken from, if it is a year that the table lacks."""
    if column != "year" or "year" in frame.columns:
        return column
    date = next((each for each in DATES if each in frame.columns), "")
    if not date:
        raise InputError(f"no column 'year' and no date to take it from; {choices('year', DATES)}")
    return f"year:{date}"


def needed_columns(request: Request) -> tuple[str, ...]:
    """Return what the columns of ``by``, ``where`` and ``family`` are, as far as they are named."""
    named = [part for column in request.by for part in (column.split(":", 1)[1:] or [column])]
    return tuple(dict.fromkeys([*named, *([request.family] if request.family else [])]))


def _layout_of(path: str) -> Layout:
    if path == STDIO:
        raise InputError("a table of shares is made from a file, which is read twice; standard input cannot be")
    return layout_of(path)


def read_tagged(
    path: str, model: Model, definition: Definition, labels: Sequence[str], columns: Sequence[str], model_folder: str = ""
) -> pl.DataFrame:
    """Return all columns of the table but its texts, with a probability column a label, and who tagged each row.

    A table without tags, or tagged under another definition, is tagged on the way if it has texts.
    """
    layout = _layout_of(path)
    by = f"{definition}:{model.digest[:TAGGED_BY]}"
    tagged = {"tagged_by", *(f"{label}_probability" for label in labels)} <= set(layout.columns)
    if tagged:
        frame = _read(path)
        if (frame["tagged_by"].cast(pl.String) == by).any() or not layout.abstract:
            return _prepared(frame, labels)
    return _prepared(_tag_on_the_way(path, definition, model_folder), labels)


def _read(path: str) -> pl.DataFrame:
    format = format_of(path)
    try:
        if format == "parquet":
            stored = pl.scan_parquet(path)
            return stored.select(_without_texts(stored.collect_schema().names())).collect()
        if format == "jsonl":
            raise InputError(f"{path}: shares are read from CSV, TSV or Parquet; tag into one of these")
        separator = layout_of(path).separator
        kinds = pl.scan_csv(path, separator=separator, infer_schema=False)  # 007 is not 7, and RE123 may follow 456
        return kinds.select(_without_texts(kinds.collect_schema().names())).collect()
    except PolarsError as error:
        raise InputError(f"{path}: cannot be read as a table: {str(error).splitlines()[0]}") from error


def _without_texts(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.lower() not in ("abstract", "title")]


def _tag_on_the_way(path: str, definition: Definition, model_folder: str) -> pl.DataFrame:
    source = Source(path)
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "tagged.parquet")
        job = Job(source.layout, model_folder, definition, 0, "parquet", "__new_")
        batch.run(source, target, job)
        frame = pl.read_parquet(target)
    old = [name.removeprefix("__new_") for name in frame.columns if name.startswith("__new_")]
    frame = frame.drop(old, strict=False).rename({f"__new_{name}": name for name in old})
    return frame.drop([name for name in (source.layout.title, source.layout.abstract) if name])


def _prepared(frame: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    return frame.with_row_index(ROW).with_columns(
        *(pl.col(f"{label}_probability").cast(pl.Float64, strict=False).alias(PROBABILITY.format(label)) for label in labels),
        pl.col("tagged_by").cast(pl.String).alias(MADE_BY),
    )


def restricted(frame: pl.DataFrame, request: Request) -> pl.DataFrame:
    """Return the documents that fulfil the condition, one of each family if families are counted."""
    if request.where:
        frame = frame.filter(_condition(frame, request.where))
    if request.family:
        _has(frame, request.family)
        # the first document of a family that could be tagged stands for it: one in another language must not hide the rest
        scored = pl.any_horizontal(pl.col("^__p_.*$").is_finite().fill_null(False))
        frame = frame.sort(~scored, maintain_order=True)
        alone = pl.col(request.family).is_null() | (pl.col(request.family).cast(pl.String) == "")
        frame = frame.filter(alone | pl.col(request.family).is_first_distinct()).sort(ROW)
    if frame.is_empty():
        raise ShareError(f"no documents left{f' where {request.where}' if request.where else ''}: a share of nothing is not 0")
    return frame


def _condition(frame: pl.DataFrame, where: str) -> pl.Series:
    """Return which rows fulfil ``where``; text columns of numbers or of true and false are taken for such."""
    try:
        expression = pl.sql_expr(where.replace("==", "="))
        columns = sorted(set(expression.meta.root_names()))
        for column in columns:
            _has(frame, column)
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


def _has(frame: pl.DataFrame, column: str) -> None:
    if column not in frame.columns:
        listed = [name for name in frame.columns if not name.startswith("__")]
        raise InputError(f"no column {column!r}; {choices(column, listed)}")


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


def _value(frame: pl.DataFrame, column: str) -> pl.Expr:
    name, _, date = column.partition(":")
    if name == "year" and (date or name not in frame.columns):
        date = date or _dated(frame, name).partition(":")[2]
        _has(frame, date)
        text = pl.col(date).cast(pl.String)
        return pl.coalesce(*(text.str.extract(form) for form in _YEARS), pl.lit(""))
    _has(frame, column)
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


def _cells(
    frame: pl.DataFrame, model: Model, definition: Definition, labels: Sequence[str], request: Request
) -> Iterator[Cell]:
    keys = [f"__by_{place}" for place in range(len(request.by))]
    groups = frame.select(keys).unique().sort(keys) if keys else pl.DataFrame({"__one": [0]})
    codes = _codes(frame, groups, keys)
    count = len(groups)
    made_by = f"{definition}:{model.digest[:TAGGED_BY]}"
    foreign = np.bincount(codes, (frame[MADE_BY] != made_by).fill_null(True).to_numpy(), minlength=count) > 0
    for label in labels:
        probabilities = frame[PROBABILITY.format(label)].to_numpy().astype(np.float64)
        scored = np.isfinite(probabilities)
        weights = frame["__weight"].to_numpy()
        unscored = np.bincount(codes[~scored], weights[~scored], minlength=count)
        calibration = model.targets[model.column(label, definition)].calibration
        scores = calibration.scores_of(probabilities)
        if label in frame.columns:  # where another model tagged, its tags are counted, not its probabilities cut by ours
            tags = frame[label].cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
            ends = np.where(tags > 0.5, calibration.edges[-1], calibration.edges[0])
            scores = np.where(foreign[codes] & np.isfinite(tags), ends, scores)
        found = _estimated(scores[scored], codes[scored], weights[scored], calibration, request, foreign, count)
        for place, share in enumerate(found):
            group = tuple(str(value) for value in groups.row(place)) if keys else ()
            yield Cell(
                definition,
                label,
                group,
                round(float(unscored[place]), 6),
                _flagged(share, group, request, bool(foreign[place])),
            )


def _codes(frame: pl.DataFrame, groups: pl.DataFrame, keys: Sequence[str]) -> npt.NDArray[np.int64]:
    if not keys:
        return np.zeros(len(frame), np.int64)
    numbered = groups.with_row_index("__code")
    joined = frame.select(keys).join(numbered, on=list(keys), how="left", maintain_order="left")
    return joined["__code"].to_numpy().astype(np.int64)


def _estimated(
    scores: Floats,
    codes: npt.NDArray[np.int64],
    weights: Floats,
    calibration: shares.Calibration,
    request: Request,
    foreign: npt.NDArray[np.bool_],
    count: int,
) -> list[Share]:
    """Return a share a group: an empty one where nothing was scored, a bare count where another model tagged."""
    filled = np.unique(codes)
    empty = Share(0, 0, math.nan, math.nan, math.nan, math.nan, "-", "/", math.nan, math.nan)
    found = [empty] * count
    if not len(filled):
        return found
    plain = bool((weights == 1).all())
    for method, chosen in ((request.method, filled[~foreign[filled]]), ("cc", filled[foreign[filled]])):
        inside = np.isin(codes, chosen)
        if not len(chosen):
            continue
        estimates = shares.estimate_cells(
            scores[inside],
            np.searchsorted(chosen, codes[inside]).astype(np.int64),
            calibration,
            method,
            None if plain else weights[inside],
            request.level,
            request.draws,
            request.seed,
        )
        for place, share in zip(chosen, estimates.shares, strict=True):
            found[place] = _of_others(share) if foreign[place] else share
    return found


def _of_others(share: Share) -> Share:
    """Return a count of another model's tags without what our calibration says of it."""
    raised = shares.flags(share.share, share.low, share.high, share.effective)
    return replace(share, flags=raised, floor=math.nan, shift=math.nan)


def _flagged(share: Share, group: Sequence[str], request: Request, foreign: bool) -> Share:
    if not share.n:
        return share
    letters = "b" if foreign else ""
    for column, value in zip(request.by, group, strict=True):
        if _title(column) == "year" and request.open_since and value.isdigit() and int(value) >= request.open_since:
            letters += "p"
    return share.marked(letters)


def provenance(path: str, model: Model, request: Request) -> dict[str, Any]:
    """Return what the table was made from and how: enough to make it again and to see that it is the same."""
    return {
        "input": Path(path).name,
        "input_sha256": sha256(path),
        "model_digest": model.digest,
        "labels": {label.id: {"name": label.name, "version": label.version} for label in model.labels},
        "request": asdict(request),
        "ipclass": version("ipclass"),
        "numpy": np.__version__,
    }


def sha256(path: str) -> str:
    """Return the sha256 of a file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_frame(table: Table) -> pl.DataFrame:
    """Return the table as a data frame; a share that must not be printed is empty, the count beside it stays."""
    rows = []
    for cell in table.cells:
        share = cell.share
        shown = share.printable
        rows.append(
            {
                "definition": cell.definition,
                "label": cell.label,
                **{_title(column): value for column, value in zip(table.request.by, cell.group, strict=True)},
                "n": round(share.n, 3),
                "unscored": round(cell.unscored, 3) if table.request.fractional else int(cell.unscored),
                "counted": _number(share.naive),
                "share": _number(share.share) if shown else None,
                "low": _number(share.low) if shown else None,
                "high": _number(share.high) if shown else None,
                "method": share.method,
                "flags": share.flags,
                "floor": _number(share.floor),
                "shift": _number(share.shift),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.7g}")


def per_inhabitants(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Return ``frame`` with ``per_10000``: estimated documents of the label per 10,000 people of its country and year.

    ``path`` is a CSV with ``population`` and those of ``country`` and ``year`` that it is broken down by.

    Raises:
        InputError: The file is not such a table, or has no column in common with ``frame``.
    """
    try:
        people = pl.read_csv(path, infer_schema=False)
    except (PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a table of population: {str(error).splitlines()[0]}") from error
    shared = [name for name in ("country", "year") if name in people.columns and name in frame.columns]
    if "population" not in people.columns or not shared:
        raise InputError(f"{path}: needs the columns population and country or year, as the shares have them")
    if people.select(shared).is_duplicated().any():
        raise InputError(f"{path}: a {' and '.join(shared)} comes twice")
    number = people["population"].cast(pl.Float64, strict=False)
    wrong = people["population"].filter(
        people["population"].is_not_null() & ~((number > 0) & number.is_finite()).fill_null(False)
    )
    if len(wrong):
        raise InputError(f"{path}: the population {wrong[0]!r} is not a number above 0; write it as 1412000000")
    people = people.select(*shared, number)
    joined = frame.join(people, on=shared, how="left", maintain_order="left")
    rates = [
        (pl.col(name) * pl.col("n") / pl.col("population") * 10_000).round_sig_figs(6).alias(target)
        for name, target in (("share", "per_10000"), ("low", "per_10000_low"), ("high", "per_10000_high"))
    ]
    return joined.with_columns(rates).drop("population")


def described(table: Table) -> list[str]:
    """Return in words how the table was made: what stands below it wherever it is shown."""
    request, made = table.request, table.provenance
    names = {"emq": "maximum likelihood (EMQ)", "cc": "counting tags", "pcc": "mean probability"}
    return [
        f"Definition: {', '.join(request.definitions)}; model {made['model_digest'][:TAGGED_BY]}; "
        f"labels {_versions(made['labels'])}.",
        f"Method: {names.get(request.method, request.method)}, {request.level:.0%} intervals from "
        f"{request.draws} bootstrap draws of calibration and documents, seed {request.seed}. "
        "'counted' is the share of documents tagged, without correction.",
        f"Counting: {'families' if request.family else 'documents'}, {'fractional' if request.fractional else 'whole'}"
        f"{f'; where {request.where}' if request.where else ''}"
        f"{''.join(f'; years are those of {column[5:]}' for column in request.by if column.startswith('year:'))}. "
        "Unscored documents are left out of n and shown beside it.",
        "Flags: e estimated without an audit, u low reliability, p open year, b tagged by another model, / not printable.",
        f"Input: {made['input']}, sha256 {made['input_sha256'][:16]}; ipclass {made['ipclass']}.",
    ]


def _versions(labels: Mapping[str, Mapping[str, str]]) -> str:
    return ", ".join(f"{id} {each['version']}" for id, each in labels.items())


def request_from(stated: Mapping[str, Any]) -> Request:
    """Return the request that ``dataclasses.asdict`` took apart and JSON stored.

    Raises:
        TypeError: It has other fields.
    """
    lists = {name: tuple(value) for name, value in stated.items() if isinstance(value, list)}
    return Request(**{**stated, **lists})


def indicator_tables(
    path: str, model: Model, request: Request, year: str, of: str, holder: str, model_folder: str = ""
) -> dict[str, pl.DataFrame]:
    """Return the indicators that the columns of the table allow: growth, advantage, overlap, concentration.

    Raises:
        InputError: None of the columns is there.
        ShareError: There is nothing to count.
    """
    (definition,) = request.definitions
    labels = _labels(request, model)
    frame = restricted(read_tagged(path, model, definition, labels, (), model_folder), request)
    if not (frame[MADE_BY] == f"{definition}:{model.digest[:TAGGED_BY]}").fill_null(False).all():
        raise ShareError(f"{path}: not all rows were tagged by this model as {definition}; run ipclass classify again")
    scored = frame.filter(pl.all_horizontal(pl.col(PROBABILITY.format(label)).is_finite() for label in labels))
    if scored.is_empty():
        raise ShareError("no document could be tagged: an indicator of nothing is not 0")
    calibrations = {label: model.targets[model.column(label, definition)].calibration for label in labels}
    scores = {
        label: calibration.scores_of(scored[PROBABILITY.format(label)].to_numpy().astype(np.float64))
        for label, calibration in calibrations.items()
    }
    found: dict[str, pl.DataFrame] = {}
    for name, column, make in (("growth a year", year, _growth), ("advantage", of, _advantage)):
        there = column in scored.columns or (column == "year" and any(date in scored.columns for date in DATES))
        if column and (there or column not in ("year", "country")):  # these two are tried without being asked for
            rows, _ = grouped(scored, Request(by=(column,), fractional=True))
            kept = rows.filter(pl.col("__by_0") != "")
            order = _positions(kept, scored)
            if kept.is_empty():
                continue
            found[f"{name} by {column}" if name == "advantage" else name] = pl.DataFrame(
                [row for label in labels for row in make(label, scores[label][order], kept, calibrations[label], request)],
                infer_schema_length=None,
            )
    if len(labels) > 1:
        found["overlap"] = _overlap(labels, scores, calibrations, request)
    if holder:
        _has(scored, holder)
        rows, _ = grouped(scored, Request(by=(holder,), fractional=True))
        kept = rows.filter(pl.col("__by_0") != "")
        found["concentration"] = _concentration(labels, scores, calibrations, kept, _positions(kept, scored), request)
    return found


def _positions(kept: pl.DataFrame, scored: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return for each row of ``kept`` the place of its document in ``scored``."""
    return np.searchsorted(scored[ROW].to_numpy(), kept[ROW].to_numpy()).astype(np.int64)


Row = dict[str, Any]


def _figures(interval: Interval) -> Row:
    return {
        "value": _number(interval.value),
        "low": _number(interval.low),
        "high": _number(interval.high),
        "withheld": interval.reason,
    }


def _by_group(
    label_scores: Floats, kept: pl.DataFrame, calibration: shares.Calibration, request: Request
) -> tuple[list[str], shares.Estimates]:
    names, codes = np.unique(np.array(kept["__by_0"].to_list()), return_inverse=True)
    estimates = shares.estimate_cells(
        label_scores,
        codes.astype(np.int64),
        calibration,
        request.method,
        _weights(kept),
        request.level,
        request.draws,
        request.seed,
    )
    return names.tolist(), estimates


def _weights(kept: pl.DataFrame) -> Floats | None:
    """Return the parts in which documents count, or nothing if each counts whole."""
    weights = kept["__weight"].to_numpy().astype(np.float64)
    return None if (weights == 1).all() else weights


def _growth(label: str, scores: Floats, kept: pl.DataFrame, calibration: shares.Calibration, request: Request) -> list[Row]:
    years, estimates = _by_group(scores, kept, calibration, request)
    if not (years[0].isdigit() and years[-1].isdigit()):
        interval = Interval.withheld(f"{years[0]!r} to {years[-1]!r} are not years")
    elif len(years) < 2:
        interval = Interval.withheld("one year only")
    else:
        interval = indicators.growth(estimates, 0, len(years) - 1, float(int(years[-1]) - int(years[0])))
    return [{"label": label, "from": years[0], "to": years[-1], **_figures(interval)}]


def _advantage(label: str, scores: Floats, kept: pl.DataFrame, calibration: shares.Calibration, request: Request) -> list[Row]:
    names, estimates = _by_group(scores, kept, calibration, request)
    rows = []
    together = zip(names, indicators.rta(estimates), indicators.rank_intervals(estimates), strict=True)
    for name, advantage, rank in together:
        even = indicators.symmetric(advantage)
        row = {"label": label, "group": name, **_figures(advantage), "symmetric": _number(even.value)}
        rows.append({**row, "rank": rank.rank, "rank_low": rank.low, "rank_high": rank.high})
    return rows


def _overlap(
    labels: Sequence[str], scores: Mapping[str, Floats], calibrations: Mapping[str, shares.Calibration], request: Request
) -> pl.DataFrame:
    matrix = np.column_stack([scores[label] for label in labels])
    found = indicators.overlap(matrix, [calibrations[label] for label in labels], request.level, request.draws, request.seed)
    rare = {
        label for label in labels if not (own := _own(scores[label], calibrations[label], request)).printable or own.below_floor
    }
    names = ("share", "low", "high", "lift", "lift_low", "lift_high")
    rows: list[Row] = []
    for i, j in combinations(range(len(labels)), 2):
        hidden = labels[i] in rare or labels[j] in rare
        figures = {name: None if hidden else _number(float(getattr(found, name)[i, j])) for name in names}
        reason = "a label is too rare here" if hidden else ""
        rows.append({"label": labels[i], "with": labels[j], **figures, "withheld": reason})
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(names, pl.Float64))


def _own(scores: Floats, calibration: shares.Calibration, request: Request) -> Share:
    return shares.estimate(scores, calibration, request.method, None, request.level, request.draws, request.seed)


def _concentration(
    labels: Sequence[str],
    scores: Mapping[str, Floats],
    calibrations: Mapping[str, shares.Calibration],
    kept: pl.DataFrame,
    order: npt.NDArray[np.int64],
    request: Request,
) -> pl.DataFrame:
    holders = np.unique(np.array(kept["__by_0"].to_list()), return_inverse=True)[1].astype(np.int64)
    rows = []
    for label in labels:
        counts = indicators.expected_counts(
            scores[label][order], holders, calibrations[label], _weights(kept), request.level, request.draws, request.seed
        )
        for name, interval in (("HHI", indicators.hhi(counts)), ("share of the ten largest", indicators.top_share(counts, 10))):
            rows.append({"label": label, "indicator": name, **_figures(interval)})
    return pl.DataFrame(rows)


def default_definitions(path: str, named: str) -> tuple[Definition, ...]:
    """Return the definitions that ``named`` asks for: one, ``both``, or what the table was tagged with."""
    if named == "both":
        return DEFINITIONS
    for definition in DEFINITIONS:
        if named == definition:
            return (definition,)
    if named:
        raise InputError(f"no definition {named!r}; {choices(named, [*DEFINITIONS, 'both'])}")
    if "tagged_by" in _layout_of(path).columns:
        seen = {str(value).partition(":")[0] for value in _read(path)["tagged_by"].unique().to_list()}
        return tuple(each for each in DEFINITIONS if each in seen) or ("strict",)
    return ("strict",)


def verified(table: Table, frame: pl.DataFrame, path: Path, stated: Mapping[str, Any]) -> list[str]:
    """Return what differs between a stored table and the same table made again, as ``frame``; nothing if it is the same.

    Raises:
        InputError: The stored table cannot be read.
    """
    found = []
    for name in ("input_sha256", "model_digest"):
        if stated.get(name) != table.provenance[name]:
            found.append(f"{name}: stored {stated.get(name)}, now {table.provenance[name]}")
    fresh = csv_bytes(frame)
    try:
        stored = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if stored != stated.get("table_sha256"):
        found.append(f"{path}: changed since it was written")
    elif hashlib.sha256(fresh).hexdigest() != stated.get("table_sha256"):
        found.append("the figures come out differently")
    return found


def read_text_table(path: str) -> pl.DataFrame:
    """Return all columns of a table; of text tables as they stand there.

    Raises:
        InputError: The file is not such a table.
    """
    try:
        if format_of(path) == "parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, separator="\t" if format_of(path) == "tsv" else ",", infer_schema=False)
    except (PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a table: {str(error).splitlines()[0]}") from error


def write_text_table(frame: pl.DataFrame, path: Path) -> None:
    """Write ``frame`` as its ending says: CSV, TSV or Parquet.

    Raises:
        OutputError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.part")
    try:
        if format_of(str(path)) == "parquet":
            frame.write_parquet(fresh)
        else:
            frame.write_csv(fresh, separator=separator_of(format_of(str(path))))
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """Return ``frame`` as CSV."""
    return frame.write_csv().encode()
