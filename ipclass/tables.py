"""Tables of shares from tagged documents: estimate each cell, flag it, and say how it was made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ipclass import shares
from ipclass.batch import TAGGED_BY, tagged_by
from ipclass.errors import InputError, ShareError
from ipclass.figures import Share
from ipclass.grouping import Request, dated, grouped, restricted, title
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.tagged import MADE_BY, PROBABILITY, prepared, read_tagged, sha256, without_texts

Floats = npt.NDArray[np.float64]
COLUMNS = ("definition", "label", "n", "unscored", "counted", "share", "low", "high", "method", "flags", "floor", "shift")
"""What every table of shares has beside the columns of ``by``."""


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
    wanted = labels_of(request, model)

    def read(definition: Definition) -> pl.DataFrame:
        return read_tagged(path, model, definition, wanted, model_folder)

    return _table(read, model, request, lambda request: provenance(path, model, request))


def share_table_of(frame: pl.DataFrame, model: Model, request: Request, made: Mapping[str, Any] | None = None) -> Table:
    """Return the table that ``request`` asks for, of the tagged documents in ``frame``.

    Args:
        frame: Documents with the columns that ``classify`` adds, at least ``tagged_by`` and the probabilities of the
            labels; rows of another model or definition are counted and flagged ``b``.
        model: The model that tagged them.
        request: What is wanted.
        made: What the table says of its origin; None: the size and the sha256 of the frame.

    Raises:
        InputError: A column is not there, or the condition does not fit.
        ShareError: As ``share_table``.
    """
    tagged = prepared(frame, labels_of(request, model))

    def origin(request: Request) -> dict[str, Any]:
        return provenance_of(frame, model, request) if made is None else {**made, "request": asdict(request)}

    return _table(lambda _: tagged, model, request, origin)


def _table(
    read: Callable[[Definition], pl.DataFrame],
    model: Model,
    request: Request,
    made: Callable[[Request], dict[str, Any]],
) -> Table:
    wanted = labels_of(request, model)
    _check_by(request)
    cells: list[Cell] = []
    names: dict[str, tuple[str, ...]] = {}
    for definition in request.definitions:
        frame = read(definition)
        request = replace(request, by=tuple(dated(frame, column) for column in request.by))
        frame = restricted(frame, request)
        frame, names = grouped(frame, request)
        if frame.is_empty():
            raise ShareError(f"no documents left that have a value of {', '.join(request.by)}: a share of nothing is not 0")
        cells += _cells(frame, model, definition, wanted, request)
    return Table(request, tuple(cells), made(request), names)


def labels_of(request: Request, model: Model) -> tuple[str, ...]:
    """Return the labels asked for, each once; all of the model if none is named.

    Raises:
        LabelError: The model has no such label.
    """
    for label in request.labels:
        _ = model.labels[label]
    return tuple(dict.fromkeys(request.labels)) or model.labels.ids


def _check_by(request: Request) -> None:
    shown = [title(column) for column in request.by]
    for place, name in enumerate(shown):
        if name in COLUMNS:
            raise InputError(f"--by {name!r}: a table of shares has a column of that name already; rename yours")
        if name in shown[:place]:
            raise InputError(f"--by names {name!r} twice")


def _cells(
    frame: pl.DataFrame, model: Model, definition: Definition, labels: Sequence[str], request: Request
) -> Iterator[Cell]:
    keys = [f"__by_{place}" for place in range(len(request.by))]
    groups = frame.select(keys).unique().sort(keys) if keys else pl.DataFrame({"__one": [0]})
    codes = _codes(frame, groups, keys)
    count = len(groups)
    made_by = tagged_by(model, definition)
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
        if title(column) == "year" and request.open_since and value.isdigit() and int(value) >= request.open_since:
            letters += "p"
    return share.marked(letters)


def provenance(path: str, model: Model, request: Request) -> dict[str, Any]:
    """Return what the table was made from and how: enough to make it again and to see that it is the same."""
    return _made(Path(path).name, sha256(path), model, request)


def provenance_of(frame: pl.DataFrame, model: Model, request: Request) -> dict[str, Any]:
    """Return the same of a data frame, whose digest is that of its rows without texts, as JSON lines."""
    lines = frame.select(without_texts(frame.columns)).write_ndjson()
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return _made(f"data frame of {len(frame):,} rows", digest, model, request)


def _made(name: str, digest: str, model: Model, request: Request) -> dict[str, Any]:
    return {
        "input": name,
        "input_sha256": digest,
        "model_digest": model.digest,
        "labels": {label.id: {"name": label.name, "version": label.version} for label in model.labels},
        "request": asdict(request),
        "ipclass": version("ipclass"),
        "numpy": np.__version__,
    }


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
                **{title(column): value for column, value in zip(table.request.by, cell.group, strict=True)},
                "n": round(share.n, 3),
                "unscored": round(cell.unscored, 3) if table.request.fractional else int(cell.unscored),
                "counted": number(share.naive),
                "share": number(share.share) if shown else None,
                "low": number(share.low) if shown else None,
                "high": number(share.high) if shown else None,
                "method": share.method,
                "flags": share.flags,
                "floor": number(share.floor),
                "shift": number(share.shift),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def number(value: float) -> float | None:
    """Return a figure with seven digits, as tables hold it; nothing if it is not defined."""
    return None if math.isnan(value) else float(f"{value:.7g}")


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
