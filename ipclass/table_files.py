"""Tables of shares as files (CSV, Parquet, JSON, Excel), and whether a stored one comes out the same when it is made again."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ipclass import excel
from ipclass.errors import InputError, OutputError, choices
from ipclass.excel import Sheet
from ipclass.grouping import title
from ipclass.tables import Table, described
from ipclass.writing import guarded


def table_bytes(table: Table, frame: pl.DataFrame, path: Path) -> bytes:
    """Return ``frame``, which is ``tables.as_frame(table)`` or more, as a file of the format that the ending of ``path`` says.

    Raises:
        OutputError: It says none of CSV, TSV, Parquet, JSON and Excel.
    """
    return _writer(path)(table, frame)


def check_ending(path: Path) -> None:
    """Say, before any work is done, that a table cannot be written to ``path``.

    Raises:
        OutputError: As ``table_bytes``.
    """
    _writer(path)


def _writer(path: Path) -> Callable[[Table, pl.DataFrame], bytes]:
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise OutputError(f"{path}: no table for the ending {ending!r}; {choices(ending, _WRITERS)}")
    return _WRITERS[ending]


def csv_bytes(frame: pl.DataFrame, separator: str = ",", strangers: Sequence[str] | None = None) -> bytes:
    """Return ``frame`` as CSV in which no text of the columns ``strangers`` (None: of any) is a formula."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    chosen = [name for name in texts if strangers is None or name in strangers]
    safe = [pl.Series(name, map(_guarded, frame[name].to_list()), pl.String) for name in chosen]
    return frame.with_columns(safe).write_csv(separator=separator).encode()


def _guarded(text: str | None) -> str | None:
    return guarded(text) if text and len(text) > 1 else text  # a sign alone is no formula


def _groups(table: Table) -> list[str]:
    return [title(column) for column in table.request.by]


def _as_csv(table: Table, frame: pl.DataFrame) -> bytes:
    return csv_bytes(frame, strangers=_groups(table))


def _as_tsv(table: Table, frame: pl.DataFrame) -> bytes:
    return csv_bytes(frame, "\t", _groups(table))


def _as_parquet(_: Table, frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    typed(frame).write_parquet(buffer)
    return buffer.getvalue()


def as_json(table: Table, frame: pl.DataFrame) -> str:
    """Return the cells, how they were made, and which names were put together, as JSON."""
    facts = {"cells": frame.to_dicts(), "made": dict(table.provenance), "names": dict(table.names)}
    return json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)


def _as_excel(table: Table, frame: pl.DataFrame) -> bytes:
    facts = [("how it was made", line) for line in described(table)]
    facts += [(name, json.dumps(value, ensure_ascii=False)) for name, value in table.provenance.items()]
    facts += [(f"put together as {name}", "; ".join(spellings)) for name, spellings in table.names.items()]
    made = pl.DataFrame(facts, schema=["what", "value"], orient="row")
    told = Sheet(made, widths={"what": 24, "value": 110}, wrapped=frozenset({"value"}), filters=False)
    return excel.write({"shares": share_sheet(frame, table.request.fractional), "how it was made": told})


def share_sheet(frame: pl.DataFrame, fractional: bool = False) -> Sheet:
    """Return the worksheet of a table of shares: years and counts as numbers, shares in per cent."""
    counts = [name for name in frame.columns if name == "n" or name.startswith(("unscored", "scope_"))]
    formats = dict.fromkeys(counts, "#,##0.0" if fractional else "#,##0")
    formats |= dict.fromkeys(("counted", "share", "low", "high", "floor"), "0.00%") | {"shift": "0.0"}
    return Sheet(typed(frame), formats=formats)


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with years as numbers, if all of them are, for formats that tell numbers from texts."""
    if "year" not in frame.columns or frame.schema["year"] != pl.String:
        return frame
    years = frame["year"].replace("", None)
    numbers = years.cast(pl.Int32, strict=False)
    return frame.with_columns(numbers.alias("year")) if numbers.null_count() == years.null_count() else frame


_WRITERS: Mapping[str, Callable[[Table, pl.DataFrame], bytes]] = {
    ".csv": _as_csv,
    ".tsv": _as_tsv,
    ".parquet": _as_parquet,
    ".json": lambda table, frame: f"{as_json(table, frame)}\n".encode(),
    ".xlsx": _as_excel,
}


def stated(table: Table, frame: pl.DataFrame, content: bytes) -> dict[str, Any]:
    """Return what stands beside a table that was written as ``content``: how it was made, and digests of file and figures."""
    digests = {"table_sha256": hashlib.sha256(content).hexdigest(), "figures_sha256": _digest(table, frame)}
    return {**table.provenance, **digests, "described": described(table), "names": dict(table.names)}


def _digest(table: Table, frame: pl.DataFrame) -> str:
    return hashlib.sha256(_as_csv(table, frame)).hexdigest()


def verified(table: Table, frame: pl.DataFrame, path: Path, stated: Mapping[str, Any]) -> list[str]:
    """Return what differs between a stored table and the same table made again, as ``frame``; nothing if it is the same.

    Raises:
        InputError: The stored table cannot be read.
    """
    found = []
    for name in ("input_sha256", "model_digest"):
        if stated.get(name) != table.provenance[name]:
            found.append(f"{name}: stored {stated.get(name)}, now {table.provenance[name]}")
    try:
        stored = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if stored != stated.get("table_sha256"):
        found.append(f"{path}: changed since it was written")
    elif _digest(table, frame) != stated.get("figures_sha256"):
        found.append("the figures come out differently")
    return found
