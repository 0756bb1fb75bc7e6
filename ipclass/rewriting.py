"""A table read block by block, and written again with more columns: no row is lost, and none changes its place."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from ipclass import writing
from ipclass.errors import InputError
from ipclass.files import STDIO, Block, Source, as_lines, as_table, format_of, values
from ipclass.layout import packing
from ipclass.parsing import SET_APART
from ipclass.rendering import pack
from ipclass.sinks import Output, Summary

Added = Callable[[Block, int], pl.DataFrame]
"""Gives the new columns of a block, whose first row has the number that is the second argument, counted from 0."""


def refuse(source: Source, target: str, names: Sequence[str], *, force: bool) -> None:
    """Say, before any work is done, that the columns ``names`` cannot be added, or ``target`` cannot be written.

    Raises:
        InputError: The table has such a column already.
        OutputError: ``target`` exists and ``force`` is not set, or its folder does not exist.
    """
    source.learn_columns()
    if clash := [name for name in names if name in source.layout.columns]:
        raise InputError(f"{source.path}: has a column {clash[0]!r} already; {SET_APART}")
    if target != STDIO:
        writing.refuse_to_replace([Path(target)], force)


def columns_of(source: Source, names: Container[str]) -> pl.DataFrame:
    """Return those of the columns ``names`` that the table of ``source`` has, as text.

    Raises:
        InputError: A row cannot be read.
    """
    source.learn_columns()
    kept = [name for name in source.layout.columns if name in names]
    parts: dict[str, list[str]] = {name: [] for name in kept}
    for _, block in source.numbered():
        for name in kept:
            parts[name] += values(block, name)
    return pl.DataFrame(parts, dict.fromkeys(kept, pl.String))


def write(source: Source, target: str, names: Sequence[str], added: Added, *, format: str = "", force: bool = False) -> int:
    """Write the table of ``source``, with the columns ``names`` that ``added`` gives, to ``target``; return the number of rows.

    Raises:
        InputError: A row cannot be read, or the table has such a column already.
        OutputError: ``target`` exists and ``force`` is not set, or cannot be written.
    """
    refuse(source, target, names, force=force)
    written = format_of(target, format or None, default=source.layout.format)
    output = Output(target, written, [*source.layout.columns, *names], id=source.layout.id, force=force)
    state, ending = output.begin(""), packing(target)
    try:
        for first, block in source.numbered():
            more, lines = added(block, first), written == "jsonl"
            payload = as_lines(block, more.to_dicts()) if lines else as_table(block, more, source.layout, written)
            state = replace(state, blocks=state.blocks + 1, summary=state.summary + Summary(len(block)))
            state = output.write(pack(payload, ending), [], state)
    except BaseException:
        output.discard()
        raise
    output.finish()
    return state.summary.rows
