"""Blocks as they are written: CSV, TSV, JSON lines and Parquet."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import polars as pl
from polars.exceptions import PolarsError

from ipclass.blocks import first_line
from ipclass.errors import InputError
from ipclass.layout import Format, Layout
from ipclass.parsing import Block, as_text
from ipclass.writing import FORMULA

_FORMULA = rf"\A[{''.join(map(re.escape, FORMULA))}]"
_HARMLESS = r"\A(?:[-+]+|[-+]?[\d.,]*\d[\d.,]*(?:[eE][-+]?\d+)?\s?%?)\z"


def as_lines(block: Block, fields: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the rows of ``block`` as JSON lines, each with the fields that were added to it."""
    rows = block.records if block.records is not None else _finite(cast(pl.DataFrame, block.frame)).to_dicts()
    both = zip(rows, fields, strict=True)
    lines = (json.dumps({**row, **added}, ensure_ascii=False, default=str) for row, added in both)
    return "".join(f"{line}\n" for line in lines).encode()


def _finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with nothing where a number is not finite: JSON has no word for these."""
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats)


def as_table(block: Block, columns: pl.DataFrame, layout: Layout, format: Format, raw: bool = False) -> bytes:
    """Return the rows of ``block`` with the columns that were added to them, in ``format``, without a header.

    What is to become a workbook is Parquet for the time being. Texts of CSV and TSV are ``guarded`` unless ``raw``.

    Raises:
        InputError: A column holds what a text table cannot hold.
    """
    frame = pl.concat([_as_frame(block, layout), columns], how="horizontal")
    buffer = io.BytesIO()
    if format in ("parquet", "xlsx"):
        frame.write_parquet(buffer)
    else:
        try:
            shown = flat(frame) if raw else guarded(flat(frame))
            shown.write_csv(buffer, include_header=False, separator=separator_of(format))
        except PolarsError as error:
            raise InputError(f"cannot be written as text: {first_line(error)}; write Parquet instead") from error
    return buffer.getvalue()


def separator_of(format: Format) -> str:
    """Return what stands between the fields of a text table."""
    return "\t" if format == "tsv" else ","


def header(columns: Sequence[str], format: Format, raw: bool = False) -> bytes:
    """Return the line of column names that ``format`` begins with, or nothing."""
    if format in ("jsonl", "parquet", "xlsx"):
        return b""
    buffer = io.BytesIO()
    names = pl.DataFrame([columns], schema=[str(place) for place in range(len(columns))], orient="row")
    shown = names if raw else guarded(names)
    shown.write_csv(buffer, include_header=False, separator=separator_of(format))
    return buffer.getvalue()


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with an apostrophe before each text that a spreadsheet program would take for a formula.

    Numbers and what consists of signs alone are none.

    >>> guarded(pl.DataFrame({"x": ["=1+1", "-5", "-", "a = b", "+1,5 %", "@x"]}))["x"].to_list()
    ["'=1+1", '-5', '-', 'a = b', '+1,5 %', "'@x"]
    """
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    found = frame.select(pl.col(name).str.contains(_FORMULA).any() for name in texts)
    suspect = [name for name in texts if found[name].item()]
    return frame.with_columns(
        pl.when(_is_formula(name)).then("'" + pl.col(name)).otherwise(name).alias(name) for name in suspect
    )


def _is_formula(name: str) -> pl.Expr:
    return pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_HARMLESS)


def _as_frame(block: Block, layout: Layout) -> pl.DataFrame:
    if block.frame is not None:
        return block.frame
    records = cast(list[dict[str, Any]], block.records)
    return pl.DataFrame(
        {name: [as_text(record, name) for record in records] for name in layout.columns},
        schema=dict.fromkeys(layout.columns, pl.String),
    )


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with lists and structures as JSON text, which a text table can hold."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        pl.Series(name, [json.dumps(value, ensure_ascii=False, default=str) for value in frame[name].to_list()])
        for name in nested
    )


def pack(payload: bytes, ending: str) -> bytes:
    """Return ``payload`` packed; packed parts, one behind the other, unpack to the whole."""
    if not ending or not payload:
        return payload
    if ending == ".gz":
        return gzip.compress(payload, 6, mtime=0)
    import zstandard

    return zstandard.compress(payload)
