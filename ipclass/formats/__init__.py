"""Exports of offices and vendors, read into the standard columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl

from ipclass.records import Reject

NAMES: tuple[str, ...] = ()


@dataclass(frozen=True)
class Input:
    """One unpacked file: its name, and how to open it."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Batch:
    """Some documents in the columns ``records.STANDARD``, and what could not be read on the way to them."""

    frame: pl.DataFrame
    rejects: tuple[Reject, ...] = ()


def recognise(name: str, head: bytes) -> str:
    """Return the name of the format of a file that is called ``name`` and begins with ``head``, "" for a plain table."""
    return ""


def read(format: str, inputs: Sequence[Input], title_only: bool = False) -> Iterator[Batch]:
    """Yield the documents in ``inputs``."""
    raise NotImplementedError
