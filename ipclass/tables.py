"""Tables of shares from tagged documents: estimate each cell, flag it, and say how it was made."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ipclass.batch import TAGGED_BY
from ipclass.cells import Cell, cells_of
from ipclass.errors import InputError, ShareError
from ipclass.grouping import Request, breaks_of, dated, grouped, restricted, title
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.scope import said
from ipclass.tagged import prepared, read_tagged, sha256, without_texts

COLUMNS = ("definition", "label", "n", "unscored", "counted", "share", "low", "high", "method", "flags", "floor", "shift")
"""What every table of shares has beside the columns of ``by``."""


@dataclass(frozen=True)
class Table:
    """Shares with all that is needed to make them again."""

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

    def read(definition: Definition) -> pl.DataFrame:
        return read_tagged(path, model, definition, _read_labels(request, model), model_folder)

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
    tagged = prepared(frame, _read_labels(request, model))

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
        cells += cells_of(frame, model, definition, wanted, request)
    return Table(request, tuple(cells), made(request), names)


def labels_of(request: Request, model: Model) -> tuple[str, ...]:
    """Return the labels asked for, each once; all of the model if none is named.

    Raises:
        LabelError: The model has no such label.
    """
    for label in request.labels:
        _ = model.labels[label]
    return tuple(dict.fromkeys(request.labels)) or model.labels.ids


def _read_labels(request: Request, model: Model) -> tuple[str, ...]:
    """Return the labels whose probabilities are needed: all of them if a document is divided among its labels."""
    wanted = labels_of(request, model)
    return model.labels.ids if request.split_labels else wanted


def _check_by(request: Request) -> None:
    shown = [title(column) for column in request.by]
    for place, name in enumerate(shown):
        if name in COLUMNS:
            raise InputError(f"--by {name!r}: a table of shares has a column of that name already; rename yours")
        if name in shown[:place]:
            raise InputError(f"--by names {name!r} twice")


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
    """Return the table as a data frame; a share that must not be printed is empty, the count beside it stays.

    Behind the columns of every table stand the counts of unscored documents by reason (``unscored_empty``) and of documents
    to be careful with (``scope_far``), as far as there are any.
    """
    whole = not table.request.fractional
    reasons, scopes = (sorted({name for cell in table.cells for name in getattr(cell, kind)}) for kind in ("reasons", "scopes"))
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
                "unscored": _documents(cell.unscored, whole),
                "counted": number(share.naive),
                "share": number(share.share) if shown else None,
                "low": number(share.low) if shown else None,
                "high": number(share.high) if shown else None,
                "method": share.method,
                "flags": share.flags,
                "floor": number(share.floor),
                "shift": number(share.shift),
                **{_column("unscored", name): _documents(cell.reasons.get(name, 0), whole) for name in reasons},
                **{_column("scope", name): _documents(cell.scopes.get(name, 0), whole) for name in scopes},
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _documents(weight: float, whole: bool) -> float | int:
    return round(weight) if whole else round(weight, 3)


def _column(kind: str, name: str) -> str:
    return f"{kind}_{re.sub(r'[^a-z0-9]+', '_', name.lower())}"


def number(value: float) -> float | None:
    """Return a figure with seven digits, as tables hold it; nothing if it is not defined."""
    return None if math.isnan(value) else float(f"{value:.7g}")


def described(table: Table) -> list[str]:
    """Return in words how the table was made: what stands below it wherever it is shown."""
    request, made = table.request, table.provenance
    names = {"emq": "maximum likelihood (EMQ)", "cc": "counting tags", "pcc": "mean probability"}
    by_values = "fractional" if request.fractional else "whole"
    return [
        f"Definition: {', '.join(request.definitions)}; model {made['model_digest'][:TAGGED_BY]}; "
        f"labels {_versions(made['labels'])}.",
        f"Method: {names.get(request.method, request.method)}, {request.level:.0%} intervals from "
        f"{request.draws} bootstrap draws of calibration and documents, seed {request.seed}; a text that comes again makes "
        "them no narrower. 'counted' is the share of documents tagged, without correction.",
        f"Counting: {'families' if request.unit == 'family' or request.family else 'documents'}, {by_values}"
        f"{', a document of several labels in equal parts' if request.split_labels else ''}"
        f"{f'; where {request.where}' if request.where else ''}"
        f"{''.join(f'; years are those of {column[5:]}' for column in request.by if column.startswith('year:'))}. "
        "Unscored documents are left out of n and shown beside it.",
        *_left_out(table.cells),
        *(f"Break: from {each.column} {each.value} on: {each.reason}." for each in breaks_of(request)),
        "Flags: e estimated without an audit, u low reliability, p open year, b break: tagged by another model, or stated; "
        "/ not printable.",
        f"Input: {made['input']}, sha256 {made['input_sha256'][:16]}; ipclass {made['ipclass']}.",
    ]


def _left_out(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield what was counted apart, over all groups: why documents are unscored, and which to be careful with."""
    reasons: Counter[str] = Counter()
    scopes: Counter[str] = Counter()
    for cell in cells:
        if (cell.definition, cell.label) == (cells[0].definition, cells[0].label):
            reasons.update(cell.reasons)
            scopes.update(cell.scopes)
    if reasons:
        yield f"Unscored: {', '.join(f'{name} {weight:,.0f}' for name, weight in sorted(reasons.items()))}."
    if scopes:
        yield f"Scored, but to be read with care: {said(scopes)}."


def _versions(labels: Mapping[str, Mapping[str, str]]) -> str:
    return ", ".join(f"{id} {each['version']}" for id, each in labels.items())
