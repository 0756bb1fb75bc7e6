"""A table read block by block, and written again with more columns: no row is lost, and none changes its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from ipclass import excel, writing
from ipclass.batch import SET_APART, Done, sink_for
from ipclass.errors import InputError
from ipclass.files import STDIO, Block, RowError, Source, as_lines, as_table, format_of, parse, values

Added = Callable[[Block, int], pl.DataFrame]
"""Gives the new columns of a block, whose first row has the number that is the second argument, counted from 0."""


def read(source: Source) -> Iterator[tuple[int, Block]]:
    """Yield the blocks of a table, each with the number of its first row, counted from 0.

    Raises:
        InputError: A row cannot be read.
    """
    first = 0
    for raw in source.blocks():
        try:
            block = parse(raw, source.layout)
        except RowError as error:
            raise InputError(f"{source.path}, row {first + error.row}: {error.problem}") from error
        yield first, block
        first += len(block)


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


def write(source: Source, target: str, names: Sequence[str], added: Added, *, format: str = "", force: bool = False) -> int:
    """Write the table of ``source``, with the columns ``names`` that ``added`` gives, to ``target``; return the number of rows.

    Raises:
        InputError: A row cannot be read, or the table has such a column already.
        OutputError: ``target`` exists and ``force`` is not set, or cannot be written.
    """
    refuse(source, target, names, force=force)
    if target.lower().endswith(".xlsx") and not format:
        return _write_workbook(source, Path(target), added, force=force)
    written = format_of(target, format or None, default=source.layout.format)
    sink = sink_for(target, written, [*source.layout.columns, *names], force=force)
    state = sink.begin("", False)
    try:
        for first, block in read(source):
            more, lines = added(block, first), written == "jsonl"
            payload = as_lines(block, more.to_dicts()) if lines else as_table(block, more, source.layout, written)
            state = state.after(Done(len(block), payload, {}, {}))
            sink.write(payload, state)
    except BaseException:
        sink.discard()
        raise
    sink.finish()
    return state.rows


def _write_workbook(source: Source, path: Path, added: Added, *, force: bool) -> int:
    columns = source.layout.columns
    frames = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String))]
    for first, block in read(source):
        texts = pl.DataFrame({name: pl.Series(values(block, name), dtype=pl.String) for name in columns})
        frames.append(texts.hstack(added(block, first)))
    frame = pl.concat(frames, how="diagonal")
    writing.write({path: excel.write({"table": excel.Sheet(frame)})}, force=force)
    return frame.height
