"""Short ways to read what ``sources`` writes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from sources import WRITERS, Patent

from ipclass import formats
from ipclass.records import Reject

Row = dict[str, str]


def inputs_of(files: Mapping[str, bytes]) -> list[formats.Input]:
    return [formats.Input(name, lambda content=content: io.BytesIO(content)) for name, content in files.items()]


def read(format: str, files: Mapping[str, bytes], title_only: bool = False) -> tuple[list[Row], list[Reject]]:
    """Return the documents in files, and the rejects."""
    rows: list[Row] = []
    rejects: list[Reject] = []
    for batch in formats.read(format, inputs_of(files), title_only):
        rows += batch.frame.rows(named=True)
        rejects += batch.rejects
    return rows, rejects


def rows(format: str, files: Mapping[str, bytes], title_only: bool = False) -> list[Row]:
    """Return the documents in files of which nothing is rejected."""
    found, rejects = read(format, files, title_only)
    assert not rejects
    return found


def row(format: str, content: bytes | str, title_only: bool = False) -> Row:
    """Return the one document in a file."""
    [found] = rows(format, {"file": content.encode() if isinstance(content, str) else content}, title_only)
    return found


def reasons(format: str, content: bytes | str) -> list[str]:
    """Return the places that are rejected in a file, with the reasons."""
    _, rejects = read(format, {"file": content.encode() if isinstance(content, str) else content})
    return [f"{each.place}: {each.reason}" for each in rejects]


def written(variant: str, patents: Sequence[Patent]) -> tuple[str, dict[str, bytes]]:
    """Return the format of a variant, and the patents written in it."""
    return variant.split()[0], WRITERS[variant](patents)
