"""The rows of a file one by one, as objects, whatever the format: CSV, TSV, Parquet, a worksheet, JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ipclass import excel
from ipclass.errors import InputError
from ipclass.files import Source

WORKSHEET = "judge"
LARGEST = 1 << 30
"""Bytes of a JSON file that is read as a whole."""


def read(path: Path, columns: Mapping[str, str] | None = None, encoding: str = "utf-8") -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a file as objects: values by the names of their columns.

    ``columns`` names those for title, abstract and id that must be there.

    Raises:
        InputError: The file is none that can be read, or breaks off.
    """
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        yield from _worksheet(path).to_dicts()
    elif is_json(path):
        yield from _json(path, encoding)
    else:
        yield from _table(path, columns or {}, encoding)


def is_json(path: Path) -> bool:
    """Say whether a file holds objects, which need not be alike, and not a table."""
    return path.name.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson"))


def _worksheet(path: Path) -> pl.DataFrame:
    """Return the worksheet ``judge``, or the first one, without rows that are empty."""
    try:
        frame = excel.read(path, WORKSHEET)
    except InputError as error:
        if "no worksheet" not in str(error):
            raise
        frame = excel.read(path)
    return frame.filter(~pl.all_horizontal(pl.all() == "")) if frame.width else frame


def _table(path: Path, columns: Mapping[str, str], encoding: str) -> Iterator[Mapping[str, Any]]:
    source = Source(str(path), None, columns, encoding, need_text=False)
    for block in source.read():
        if block.frame is not None:
            yield from block.frame.to_dicts()


def _json(path: Path, encoding: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of JSON lines, or of one list of them."""
    content = _content(path).removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode(encoding)
        found = json.loads(text) if text.lstrip()[:1] == "[" else _lines(text, path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start:,} is not {error.encoding}; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON: {error}") from error
    for row, record in enumerate(found, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}: row {row} is a {type(record).__name__}; a list of objects is needed, or one a line")
        yield record


def _content(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if len(content) > LARGEST:
        raise InputError(f"{path}: more than {LARGEST >> 20:,} MB; write JSON lines in several files, or a table")
    return content


def _lines(text: str, path: Path) -> Iterator[Any]:
    for row, line in enumerate((line for line in text.split("\n") if line.strip()), start=1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: row {row} is not JSON: {error}; one object a line is needed") from error
