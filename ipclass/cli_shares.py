"""``ipclass shares`` and ``ipclass indicators``: from tagged documents to tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ipclass.commands import (
    DefinitionsOption,
    ForceOption,
    InputFormatOption,
    LabelsOption,
    MethodOption,
    ModelOption,
    OutputFormatOption,
    PrefixOption,
    as_json,
    say,
    show,
)
from ipclass.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from ipclass.grouping import Request
    from ipclass.tables import Table

WhereOption = Annotated[str, typer.Option(help='Only documents for which this holds, as in "high_value == true".')]
UnitOption = Annotated[
    Literal["document", "family"],
    typer.Option(help="What counts as one: document, or family (of a family column or duplicate_of)."),
]
FamilyOption = Annotated[str, typer.Option(help="Count families: the column that names them, if not a usual one.")]
OpenSinceOption = Annotated[
    int, typer.Option(help="First year that is still open; by default last year.", show_default=False, min=0)
]
BreaksOption = Annotated[
    list[str] | None, typer.Option("--break", help="Where a series becomes another, as year=2016:REASON; may be given again.")
]
LevelOption = Annotated[float, typer.Option(help="Level of the intervals.", min=0.5, max=0.999)]
DrawsOption = Annotated[int, typer.Option(help="Bootstrap draws.", min=50)]
SeedOption = Annotated[int, typer.Option(help="Same seed, same digits.", min=0)]


def shares(
    table: Annotated[
        str, typer.Argument(help="A tagged table (CSV, TSV, Parquet, JSON lines), or one to be tagged on the way.")
    ],
    by: Annotated[
        str, typer.Option(help="Columns with commas between them, as year,country. year:filing_date takes it from a date.")
    ] = "",
    label: LabelsOption = "",
    definition: DefinitionsOption = None,
    method: MethodOption = "emq",
    where: WhereOption = "",
    unit: UnitOption = "document",
    family: FamilyOption = "",
    fractional: Annotated[bool, typer.Option("--fractional", help="Split a document among its values, as US;DE.")] = False,
    split_labels: Annotated[
        bool, typer.Option("--split-labels", help="Split a document among its labels: of two, half for each.")
    ] = False,
    top: Annotated[int, typer.Option(help="Only the N largest applicants (or groups).", min=0)] = 0,
    population: Annotated[Path | None, typer.Option(help="CSV of country, year, population: adds rates per 10,000.")] = None,
    open_since: OpenSinceOption = 0,
    breaks: BreaksOption = None,
    level: LevelOption = 0.95,
    draws: DrawsOption = 500,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here (.csv, .tsv, .parquet, .json, .xlsx), and beside it how it was made."),
    ] = None,
    verify: Annotated[Path | None, typer.Option(help="Make this stored table again and say whether it is the same.")] = None,
    model: ModelOption = "",
    json_wanted: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    force: ForceOption = False,
) -> None:
    """Estimate what share of the documents each label has, with intervals.

    Example: ipclass shares tagged.csv --by year,country -o shares.xlsx
    """
    from ipclass import table_files, tables
    from ipclass.batch import load
    from ipclass.population import per_inhabitants

    if verify is not None:
        _verify(table, verify, model, population)
        return
    if output is not None:
        from ipclass.writing import refuse_to_lose, refuse_to_replace

        table_files.check_ending(output)
        refuse_to_replace((output, _beside(output)), force)
        refuse_to_lose([table, *([population] if population else [])], [output])
    request = request_of(
        table,
        label,
        definition,
        open_since,
        breaks,
        by=split(by),
        method=method,
        where=where,
        unit=unit,
        family=family,
        fractional=fractional,
        split_labels=split_labels,
        top=top,
        level=level,
        draws=draws,
        seed=seed,
    )
    made = tables.share_table(table, load(model), request, model)
    frame = tables.as_frame(made)
    if population is not None:
        frame = per_inhabitants(frame, population)
    if output is not None:
        _store(made, frame, output, population, force)
        say(f"{output}: {len(frame)} rows")
    elif json_wanted:
        typer.echo(table_files.as_json(made, frame))
    else:
        same = [name for name in ("definition", "method") if len({*frame[name]} - {"-"}) < 2]  # told below the table
        for line in [*readable(frame.drop(same)), "", *tables.described(made)]:
            show(line)


def request_of(
    table: str,
    label: str,
    definition: Literal["strict", "broad", "both"] | None,
    open_since: int,
    breaks: Sequence[str] | None,
    **same: Any,
) -> Request:
    """Return the request that options make; ``same`` are those that it takes as they are."""
    from ipclass.grouping import Request, first_open_year
    from ipclass.tagged import default_definitions

    return Request(
        labels=split(label),
        definitions=default_definitions(table, definition or ""),
        open_since=open_since or first_open_year(),
        breaks=tuple(breaks or ()),
        **same,
    )


def split(listed: str) -> tuple[str, ...]:
    """Return the parts of an option that stand between commas."""
    return tuple(part.strip() for part in listed.split(",") if part.strip())


def _store(made: Table, frame: pl.DataFrame, output: Path, population: Path | None, force: bool) -> None:
    from ipclass import table_files
    from ipclass.tagged import sha256
    from ipclass.writing import write

    content = table_files.table_bytes(made, frame, output)
    facts = table_files.stated(made, frame, content)
    if population is not None:
        facts |= {"population": population.name, "population_sha256": sha256(str(population))}
    write({output: content, _beside(output): f"{as_json(facts, sort_keys=True)}\n".encode()}, force=force)


def _beside(output: Path) -> Path:
    return output.with_name(f"{output.name}.json")


def _verify(table: str, stored: Path, model: str, population: Path | None) -> None:
    from ipclass import table_files, tables
    from ipclass.batch import load
    from ipclass.grouping import request_from
    from ipclass.population import per_inhabitants

    if not _beside(stored).is_file():
        raise InputError(f"{_beside(stored)}: no such file; ipclass shares -o {stored} writes it beside the table")
    try:
        stated = json.loads(_beside(stored).read_text("utf-8"))
        request = request_from(stated["request"])
        people = stated.get("population")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{_beside(stored)}: does not say how {stored} was made: {error}") from error
    if people and population is None:
        raise InputError(f"{stored}: was made with the population of {people}; name it with --population")
    made = tables.share_table(table, load(model), request, model)
    frame = tables.as_frame(made)
    if people and population is not None:
        frame = per_inhabitants(frame, population)
    found = table_files.verified(made, frame, stored, stated)
    if found:
        raise InputError(f"{stored}: not the same when made again: {'; '.join(found)}")
    say(f"{stored}: made again, the same to the digit")


def readable(frame: pl.DataFrame) -> list[str]:
    """Return a data frame as aligned lines: shares in per cent, what must not be printed as a slash."""
    apart = ("unscored_", "scope_")  # described in words below the table
    columns = [name for name in frame.columns if name not in ("floor", "shift") and not name.startswith(apart)]
    rows = [columns, *([_shown(row, name) for name in columns] for row in frame.iter_rows(named=True))]
    return _aligned(rows, [frame.schema[name].is_numeric() for name in columns])


def _aligned(rows: Sequence[Sequence[str]], numbers: Sequence[bool]) -> list[str]:
    """Return rows of cells as lines: words begin, and ``numbers`` end, below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if number else text.ljust(width) for text, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in rows
    ]


def _shown(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if name in ("counted", "share", "low", "high"):
        if value is None:
            return "/"
        return f"< {row['floor']:.2%}" if name == "share" and row["floor"] and value < row["floor"] else f"{value:.2%}"
    if name in ("n", "unscored"):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def indicators(
    table: Annotated[str, typer.Argument(help="A tagged table, or one to be tagged on the way.")],
    label: LabelsOption = "",
    definition: DefinitionsOption = None,
    year: Annotated[str, typer.Option(help="The column of the year, or year:filing_date; for growth.")] = "year",
    of: Annotated[str, typer.Option(help="The column whose groups are compared, as country.")] = "country",
    holder: Annotated[str, typer.Option(help="The column of applicants, for concentration.")] = "",
    where: WhereOption = "",
    unit: UnitOption = "document",
    family: FamilyOption = "",
    open_since: OpenSinceOption = 0,
    to_open: Annotated[bool, typer.Option("--to-open", help="Let growth end in an open year.")] = False,
    breaks: BreaksOption = None,
    seed: SeedOption = 0,
    model: ModelOption = "",
    json_wanted: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Growth, technological advantage, ranks, overlap of labels, concentration: with intervals, or why they are withheld.

    Example: ipclass indicators tagged.csv --of country --holder assignee
    """
    from ipclass.batch import load
    from ipclass.indicator_tables import indicator_tables

    same = {"where": where, "unit": unit, "family": family, "to_open": to_open, "seed": seed}
    request = request_of(table, label, definition, open_since, breaks, **same)
    request = replace(request, definitions=request.definitions[:1])
    found = indicator_tables(table, load(model), request, year, of, holder, model)
    for name, column in (("growth a year", year), (f"advantage by {of}", of)):
        if column and name not in found:
            say(f"no {name.partition(' ')[0]}: the table has no column {column!r}, or nothing in it")
    if json_wanted:
        typer.echo(as_json({name: frame.to_dicts() for name, frame in found.items()}))
        return
    show("\n\n".join("\n  ".join([name, *_with_reasons(frame)]) for name, frame in found.items()))


def _with_reasons(frame: pl.DataFrame) -> list[str]:
    """Return figures as aligned lines, a slash where one is withheld, and why in a line below."""
    columns = [name for name in frame.columns if name != "withheld"]
    told = list(frame.iter_rows(named=True))
    rows = [columns, *([_figure(row[name]) for name in columns] for row in told)]
    withheld = [row for row in told if row["withheld"]]
    reasons = [
        f"/ {' '.join(row[name] for name in columns if isinstance(row[name], str))}: {row['withheld']}" for row in withheld
    ]
    return [*_aligned(rows, [not any(isinstance(row[name], str) for row in told) for name in columns]), *reasons]


def _figure(value: Any) -> str:
    return "/" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def derive_high_value(
    table: Annotated[str, typer.Argument(help="A table, tagged or not: a file, for it is read twice.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="The table to write, with a column high_value; - is standard output.")
    ],
    start: Annotated[Literal["filing", "grant"], typer.Option(help="Whence ten years in force run.")] = "filing",
    as_of: Annotated[str, typer.Option(help="The day on which it is asked, as 2026-01-31; by default today.")] = "",
    input_format: InputFormatOption = "",
    output_format: OutputFormatOption = "",
    prefix: PrefixOption = "",
    force: ForceOption = False,
) -> None:
    """Say which patents pass one of CNIPA's five tests of high value, as far as the columns allow.

    Example: ipclass high-value tagged.csv -o valued.csv --start grant
    """
    from datetime import date

    from ipclass import rewriting
    from ipclass.files import STDIO, Source
    from ipclass.highvalue import COLUMN, NEEDED, high_value

    if table == STDIO:
        raise InputError("high value is told by reading a table twice; name a file instead of standard input")
    try:
        day = date.fromisoformat(as_of) if as_of else date.today()
    except ValueError as error:
        raise InputError(f"--as-of {as_of!r}: {error}; write it as 2026-01-31") from error

    def opened() -> Source:
        return Source(table, input_format or None, need_text=False)

    names = [f"{prefix}{COLUMN}"]
    rewriting.refuse(opened(), output, names, force=force)
    found = high_value(rewriting.columns_of(opened(), NEEDED), start, day)
    rewriting.write(
        opened(),
        output,
        names,
        lambda block, first: found.values.slice(first, len(block)).to_frame(names[0]),
        format=output_format,
        force=force,
    )
    known = found.values.drop_nulls()
    say(f"applied: {', '.join(found.applied)} (as of {day}, ten years from {start})")
    if found.not_applied:
        say(f"not applied, for want of columns: {', '.join(found.not_applied)}; so 'no' cannot be told: the cell is empty")
    high, undecided = int(known.sum()), found.values.null_count()
    say(f"{output}: {high:,} of high value, {len(known) - high:,} not, {undecided:,} open")
