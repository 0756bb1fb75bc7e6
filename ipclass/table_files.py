"""Tables of shares as files, and whether a stored one comes out the same when it is made again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ipclass.errors import InputError
from ipclass.tables import Table


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """Return ``frame`` as CSV."""
    return frame.write_csv().encode()


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
