"""``ipclass duplicates``: which documents of a table are the same invention."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ipclass.commands import (
    AbstractOption,
    EncodingOption,
    ForceOption,
    InputFormatOption,
    OutputFormatOption,
    PrefixOption,
    columns_named,
    say,
)
from ipclass.errors import InputError, choices

if TYPE_CHECKING:
    from ipclass.duplicates import Duplicates, Wanted
    from ipclass.files import Layout

BY = ("number", "family", "text")


def duplicates(
    table: Annotated[str, typer.Argument(help="CSV, TSV, JSON lines or Parquet, also .gz: a file, for it is read twice.")],
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write, also .xlsx; - is standard output.")] = "-",
    number: Annotated[str, typer.Option(help="The column of publication numbers, if it is not a usual name.")] = "",
    family: Annotated[str, typer.Option(help="The column of families, if it is not a usual name.")] = "",
    by: Annotated[str, typer.Option(help="What to go by: number, family, text, or several of them.")] = ",".join(BY),
    abstract: AbstractOption = "",
    input_format: InputFormatOption = "",
    output_format: OutputFormatOption = "",
    encoding: EncodingOption = "utf-8",
    prefix: PrefixOption = "",
    force: ForceOption = False,
) -> None:
    """Mark documents of the same invention: the column duplicate_of names the first one. No row is removed.

    Example: ipclass duplicates patents.csv -o marked.csv
    """
    from ipclass import duplicates as same
    from ipclass import rewriting
    from ipclass.files import STDIO, Source, with_roles

    if table == STDIO:
        raise InputError("duplicates are found by reading a table twice; name a file instead of standard input")

    def opened() -> Source:
        source = Source(table, input_format or None, columns_named(abstract=abstract), encoding, need_text=False)
        source.learn_columns()
        return source

    source, names = opened(), [f"{prefix}duplicate_of", f"{prefix}duplicate_why"]
    source.close()
    rewriting.refuse(source, output, names, force=force)
    layout = with_roles(source.layout)
    found = same.find(opened, _wanted(table, layout, by, number, family))
    added = same.marks(found, layout.id, names)
    rewriting.write(opened(), output, names, added, format=output_format, force=force)
    say(_told(found))


def _wanted(table: str, layout: Layout, by: str, number: str, family: str) -> Wanted:
    from ipclass.duplicates import FAMILY, Wanted
    from ipclass.files import column_named

    named = [part.strip() for part in by.split(",") if part.strip()]
    if unknown := [name for name in named if name not in BY]:
        raise InputError(f"--by {unknown[0]!r}; {choices(unknown[0], BY)}")
    numbers = column_named(layout.columns, (), number, table) or layout.id if "number" in named else ""
    families = column_named(layout.columns, FAMILY, family, table) if "family" in named else ""
    wanted = Wanted(numbers, families, bool(layout.abstract) and "text" in named)
    if wanted == Wanted(texts=False):
        raise InputError(f"{table}: no column of {', '.join(named or BY)}; {choices('', layout.columns)}")
    return wanted


def _told(found: Duplicates) -> str:
    reasons: Counter[str] = Counter(reason for reason in found.why if reason)
    listed = ", ".join(f"{reason} {reasons[reason]:,}" for reason in BY if reasons[reason])
    inventions = len(found) - sum(reasons.values())
    return f"{len(found):,} documents, {inventions:,} inventions: {sum(reasons.values()):,} duplicates ({listed or 'none'})"
