"""Data frames of pandas, polars and pyarrow: tagged, and broken down by shares, each into a frame of its own kind."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import fields, replace
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, cast

import narwhals as nw
import numpy as np
import polars as pl

from ipclass import batch
from ipclass.batch import Job, added_frame, code_verdicts, tagged_by
from ipclass.errors import InputError, ModelError, choices, one_of
from ipclass.estimators import METHODS
from ipclass.evidence import code_columns
from ipclass.files import Block, Layout
from ipclass.grouping import UNITS, Request, first_open_year
from ipclass.grouping import title as column_title
from ipclass.inputs import as_seen, frame_texts, text_columns
from ipclass.model import Model
from ipclass.records import DEFINITIONS, Definition, definition_named
from ipclass.tables import as_frame, share_table_of
from ipclass.tagged import without_texts

Frame = TypeVar("Frame")

_TEXTS = 5_000  # tagged at a time: memory grows with the columns that are added, not with what making them takes


def classify(
    frame: Frame,
    *,
    definition: str = "strict",
    model: Model | str | Path | None = None,
    title: str = "",
    abstract: str = "",
    explain: int = 0,
    prefix: str = "",
    wide: bool = True,
) -> Frame:
    """Return ``frame`` with the columns that ``ipclass classify`` adds to a table, as a frame of the same kind.

    Rows, their order, the index and all other columns stay as they are. Tags are 0 and 1, empty (null, NA) where a text
    could not be tagged. A polars ``LazyFrame`` stays lazy: nothing is tagged before it is collected.

    Args:
        frame: A data frame of pandas, polars or pyarrow.
        definition: ``strict`` or ``broad``.
        model: A model or its folder; by default the one that comes with the package.
        title: The column of the title, if it has no usual name.
        abstract: The column of the abstract.
        explain: Give so many terms that weigh most for each label assigned.
        prefix: Put this before the names of the added columns.
        wide: A column a label. If not, a row a document and label, in the columns ``label``, ``assigned``, ``probability``.

    Raises:
        InputError: It is no such frame, has no column of texts, or has a column already that would be added.
        LabelError: There is no such definition.
        ModelError: The model cannot be read.

    >>> import polars as pl
    >>> classify(pl.DataFrame({"abstract": ["A resonator reads out a superconducting qubit."]}))["primary"].to_list()
    ['quantum']
    """
    loaded = model_of(model)
    job = Job(_layout((), title, abstract), "", definition_named(definition), explain, "parquet", prefix)
    if isinstance(frame, pl.LazyFrame):
        return cast(Frame, _lazily(frame, partial(_classified, model=loaded, job=job, wide=wide)))
    return cast(Frame, _classified(frame, loaded, job, wide))


def model_of(model: Model | str | Path | None) -> Model:
    """Return ``model``, read from its folder if it is not read yet; None is the model that comes with the package.

    Raises:
        ModelError: It cannot be read, or is neither a model nor a folder.
    """
    if isinstance(model, Model):
        return model
    if model is not None and not isinstance(model, str | Path):
        raise ModelError(f"a Model or its folder is expected, got {type(model).__name__}; a fitted PatentTagger has model_")
    return batch.load("" if model is None else str(model))


def _lazily(frame: pl.LazyFrame, change: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.LazyFrame:
    """Return what will become of ``frame``; an empty one like it tells the columns, and mistakes, at once."""
    schema = change(pl.DataFrame(schema=frame.collect_schema())).schema
    return frame.map_batches(change, schema=schema, streamable=True)


def _classified(frame: Any, model: Model, job: Job, wide: bool) -> Any:
    held = eager(frame)
    job = replace(job, layout=replace(job.layout, columns=tuple(map(str, held.columns))))
    added = _added(held, model, job)
    if not wide:
        labels = model.labels.ids
        held, added = held[np.repeat(np.arange(len(held)), len(labels)).tolist()], _long(added, labels, job)
    if clash := [name for name in added.columns if name in held.columns]:
        raise InputError(f"data frame: has a column {clash[0]!r} already; set the new ones apart with prefix=")
    return _beside(held, added)


def _layout(columns: tuple[str, ...], title: str, abstract: str) -> Layout:
    return Layout("parquet", columns, title, abstract, "")


def _added(held: nw.DataFrame[Any], model: Model, job: Job) -> pl.DataFrame:
    """Return the columns that tagging adds, a row a document."""
    texts = frame_texts(held, job.layout.title, job.layout.abstract)
    codes = as_polars(held, code_columns(job.layout.columns))
    parts = []
    for at in range(0, max(len(texts), 1), _TEXTS):
        block = Block(texts[at : at + _TEXTS], frame=codes[at : at + _TEXTS])
        tags = model.tag(block.texts, job.definition, job.explain)
        parts.append(added_frame(tags, model, job, code_verdicts(block, tags, model, job)))
    return pl.concat(parts)


def eager(frame: Any) -> nw.DataFrame[Any]:
    """Return ``frame`` as narwhals sees it.

    Raises:
        InputError: It is no data frame of pandas, polars or pyarrow, or it holds no rows yet, or names a column twice.
    """
    try:
        held = as_seen(frame, eager_only=True)
    except TypeError as error:
        kind = f"{type(frame).__module__.partition('.')[0]} {type(frame).__name__}".removeprefix("builtins ")
        raise InputError(f"a data frame of pandas, polars or pyarrow is expected, got {kind}") from error
    known = held.implementation
    if not (known.is_pandas() or known.is_polars() or known.is_pyarrow()):
        raise InputError(f"a data frame of pandas, polars or pyarrow is expected, got {known}: convert it first")
    return cast(nw.DataFrame[Any], held)


def _long(added: pl.DataFrame, labels: Sequence[str], job: Job) -> pl.DataFrame:
    """Return the added columns with a row a document and label."""
    forms = {"assigned": "{}", "probability": "{}_probability", "terms": "{}_terms", "codes": "{}_codes"}
    own = {name: form for name, form in forms.items() if job.prefix + form.format(labels[0]) in added.columns}
    of_labels = {job.prefix + form.format(label) for form in own.values() for label in labels}
    common = [name for name in added.columns if name not in of_labels]
    parts = [
        added.select(
            pl.lit(label).alias(f"{job.prefix}label"),
            *(pl.col(job.prefix + form.format(label)).alias(job.prefix + name) for name, form in own.items()),
            *common,
        )
        for label in labels
    ]
    order = np.arange(len(labels) * len(added)).reshape(len(labels), -1).T.ravel()
    return pl.concat(parts)[order]


def _beside(held: nw.DataFrame[Any], added: pl.DataFrame) -> Any:
    """Return the frame in ``held`` with more columns, of its own kind."""
    native = held.to_native()
    if held.implementation.is_polars():
        return native.hstack(added)
    if held.implementation.is_pyarrow():
        more = _arrow(added)
        for name in more.column_names:
            native = native.append_column(name, more[name])
        return native
    both = native.copy()
    for name, array in _pandas_columns(added, nw.get_native_namespace(native)).items():
        both[name if both.columns.nlevels == 1 else (name, *[""] * (both.columns.nlevels - 1))] = array
    return both


def _alike(held: nw.DataFrame[Any], made: pl.DataFrame) -> Any:
    """Return ``made`` as a frame of the kind of ``held``."""
    if held.implementation.is_polars():
        return made
    if held.implementation.is_pyarrow():
        return _arrow(made)
    pandas = nw.get_native_namespace(held)
    return pandas.DataFrame(_pandas_columns(made, pandas))


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())  # texts as large_string: views are known to few readers


def _pandas_columns(frame: pl.DataFrame, pandas: Any) -> dict[str, Any]:
    """Return arrays, which no index can put in another order; whole numbers may be missing and stay whole numbers."""

    def array(column: pl.Series) -> Any:
        if column.dtype.is_integer():
            return pandas.array(column.to_list(), dtype=str(column.dtype))
        if column.dtype == pl.String:
            return pandas.Series(column.to_list(), dtype="str").array
        return column.cast(pl.Float64).to_numpy()

    return {column.name: array(column) for column in frame}


def shares(
    frame: Frame,
    by: str | Iterable[str] = (),
    *,
    definition: str = "",
    model: Model | str | Path | None = None,
    title: str = "",
    abstract: str = "",
    wide: bool = False,
    **asked: Any,
) -> Frame:
    """Return the table of shares that ``ipclass shares`` makes of the documents in ``frame``, as a frame of the same kind.

    Args:
        frame: A data frame of pandas, polars or pyarrow: tagged, or with texts to be tagged on the way.
        by: The columns that shares are broken down by; ``year:filing_date`` takes the year from a date.
        definition: ``strict``, ``broad`` or ``both``; by default what the frame was tagged with.
        model: The model that tagged it, or its folder; by default the one that comes with the package.
        title: The column of the title, if it has no usual name.
        abstract: The column of the abstract.
        wide: A row a group and the figures of each label side by side (``ai_share``, ``ai_low``, ...), not a row a label.
        asked: More of what ``grouping.Request`` holds: ``labels``, ``method``, ``where``, ``unit``, ``family``, ``top``,
            ``fractional``, ``open_since``, ``breaks``, ``level``, ``draws``, ``seed``.

    Raises:
        InputError: It is no such frame, a column is not there, or what is asked for does not exist.
        ShareError: There is nothing to count, or too little to calibrate with.
    """
    if isinstance(frame, pl.LazyFrame):
        found = shares(
            frame.collect(), by, definition=definition, model=model, title=title, abstract=abstract, wide=wide, **asked
        )
        return cast(Frame, found.lazy())
    held, loaded = eager(frame), model_of(model)
    request = _request(by, asked)
    parts = []
    for each in _definitions(held, definition):
        tagged = _tagged(held, loaded, each, title, abstract)
        parts.append(as_frame(share_table_of(tagged, loaded, replace(request, definitions=(each,)))))
    made = pl.concat(parts, how="diagonal_relaxed")
    return cast(Frame, _alike(held, _side_by_side(made, request) if wide else made))


def _request(by: str | Iterable[str], asked: dict[str, Any]) -> Request:
    """Return the request that the arguments of ``shares`` make.

    Raises:
        InputError: An argument or a choice is none of those that there are.
    """
    usual = {each.name: each.default for each in fields(Request) if each.name not in ("by", "definitions", "to_open")}
    for name in asked:
        if name not in usual:
            raise InputError(f"shares() takes no {name!r}; {choices(name, usual)}")
    one_of("method", str(asked.get("method", METHODS[0])), METHODS)
    one_of("unit", str(asked.get("unit", UNITS[0])), UNITS)
    listed: dict[str, Any] = {name: _several(asked[name]) for name in ("labels", "breaks") if name in asked}
    given: dict[str, Any] = {"open_since": first_open_year(), **asked, **listed}
    for name, value in given.items():
        _check_kind(name, value, usual[name])
    return Request(by=_several(by), **given)


def _several(given: Any) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, Iterable) and not isinstance(given, str) else (str(given),)


def _check_kind(name: str, value: Any, usual: Any) -> None:
    """Refuse what is of another kind than the usual value: a text, yes or no, a number, or a count, which is not below 0."""
    if type(usual) is int:
        fits, wanted = isinstance(value, Integral) and int(value) >= 0, "a whole number, 0 or more,"
    elif type(usual) is float:
        fits, wanted = isinstance(value, Real), "a number"
    else:
        fits, wanted = isinstance(value, type(usual)), type(usual).__name__
    if not fits:
        raise InputError(f"shares({name}={value!r}): {wanted} is expected")


def _definitions(held: nw.DataFrame[Any], named: str) -> Sequence[Definition]:
    """Return the definitions that ``named`` asks for, or else those under which the frame was tagged."""
    if named:
        return DEFINITIONS if named == "both" else (definition_named(named),)
    made_by = held.get_column("tagged_by").unique().to_list() if "tagged_by" in held.columns else []
    seen = {str(each).partition(":")[0] for each in made_by}
    return tuple(each for each in DEFINITIONS if each in seen) or DEFINITIONS[:1]


def _tagged(held: nw.DataFrame[Any], model: Model, definition: Definition, title: str, abstract: str) -> pl.DataFrame:
    """Return the documents in ``held`` tagged under ``definition``, without their texts: as they came, or else tagged now."""
    names = list(map(str, held.columns))
    texts = text_columns(names, title, abstract)
    frame = as_polars(held, [name for name in without_texts(names) if name not in texts])
    if {"tagged_by", *(f"{label}_probability" for label in model.labels.ids)} <= set(frame.columns):
        ours = (frame["tagged_by"].cast(pl.String) == tagged_by(model, definition)).any()
        if ours or not any(texts):
            return frame
    added = _added(held, model, Job(_layout(tuple(names), title, abstract), "", definition, 0, "parquet"))
    kept = frame.drop(added.columns, strict=False)
    return kept.hstack(added) if kept.width else added  # a frame without columns has no rows either


def as_polars(held: nw.DataFrame[Any], names: Container[str]) -> pl.DataFrame:
    """Return the columns of ``held`` that are named; pandas's without pyarrow, which need not be there."""
    kept = [name for name in held.columns if str(name) in names]
    if not held.implementation.is_pandas():
        return held.select(kept).to_polars()
    return pl.DataFrame([_polars_column(held.get_column(name)).alias(str(name)) for name in kept])


def _polars_column(column: nw.Series[Any]) -> pl.Series:
    """Return numbers and true and false as such, and all else as text; several values stand with ``;`` between them."""
    values, missing = column.to_list(), column.is_null().to_list()
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return pl.Series([None if gone else value for value, gone in zip(values, missing, strict=True)], strict=False)
    return pl.Series([None if gone else _shown(value) for value, gone in zip(values, missing, strict=True)], dtype=pl.String)


def _shown(value: Any) -> str:
    return ";".join(map(str, value)) if isinstance(value, list | tuple | set | np.ndarray) else str(value)


_WIDE = ("n", "counted", "share", "low", "high", "flags")


def _side_by_side(made: pl.DataFrame, request: Request) -> pl.DataFrame:
    """Return a row a definition and group, with the figures of each label side by side."""
    keys = ["definition", *(column_title(column) for column in request.by)]
    labels = made["label"].unique(maintain_order=True)
    found = made.select(keys).unique(maintain_order=True)
    for label in labels:
        own = made.filter(pl.col("label") == label).select(*keys, *(pl.col(name).alias(f"{label}_{name}") for name in _WIDE))
        found = found.join(own, on=keys, how="left", maintain_order="left")
    return found
