"""``ipclass report``: a tagged table as one page to read, to print and to defend."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ipclass.cli_shares import OPEN_YEARS
from ipclass.commands import DefinitionsOption, ForceOption, LabelsOption, MethodOption, ModelOption, QuietOption, say
from ipclass.errors import OutputError


def report(
    table: Annotated[str, typer.Argument(help="A tagged table (CSV, TSV, Parquet), or one to be tagged on the way.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    label: LabelsOption = "",
    definition: DefinitionsOption = None,
    year: Annotated[str, typer.Option(help="The column of the year, or year:filing_date; none leaves it out.")] = "",
    country: Annotated[str, typer.Option(help="The column of the country; none leaves it out.")] = "",
    applicant: Annotated[str, typer.Option(help="The column of the applicant; none leaves it out.")] = "",
    audit: Annotated[
        list[Path] | None, typer.Option("--audit", help="A result of ipclass audit estimate -o; may be given again.")
    ] = None,
    files: Annotated[
        Path | None, typer.Option("--files", help="Also write tables (CSV, XLSX) and charts (SVG, PNG) to this folder.")
    ] = None,
    method: MethodOption = "emq",
    where: Annotated[str, typer.Option(help='Only documents for which this holds, as in "high_value == true".')] = "",
    family: Annotated[str, typer.Option(help="Count families: the column that names them.")] = "",
    fractional: Annotated[bool, typer.Option("--fractional", help="Split a document among its values, as US;DE.")] = False,
    top: Annotated[int, typer.Option(help="Countries and applicants to show.", min=1, max=100)] = 10,
    examples: Annotated[int, typer.Option(help="Most probable documents to show for each label.", min=0, max=200)] = 20,
    open_since: Annotated[int, typer.Option(help="First open year; by default last year.", show_default=False)] = 0,
    level: Annotated[float, typer.Option(help="Level of the intervals.", min=0.5, max=0.999)] = 0.95,
    draws: Annotated[int, typer.Option(help="Bootstrap draws.", min=50)] = 500,
    seed: Annotated[int, typer.Option(help="Same seed, same digits.", min=0)] = 0,
    model: ModelOption = "",
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write one HTML page: shares, trends, countries, applicants, how the numbers were made, and examples.

    Example: ipclass report tagged.csv -o report.html --files figures
    """
    from ipclass import report as reports
    from ipclass import tables, writing
    from ipclass.batch import load

    if output.exists() and not force:
        raise OutputError(f"{output}: exists; --force replaces it")
    reports.converter()
    request = tables.Request(
        labels=tuple(part.strip() for part in label.split(",") if part.strip()),
        definitions=tables.default_definitions(table, definition or ""),
        method=method,
        where=where,
        family=family,
        fractional=fractional,
        open_since=open_since or datetime.now(UTC).year - OPEN_YEARS + 1,
        level=level,
        draws=draws,
        seed=seed,
    )
    wanted = reports.Wanted(table, request, model, year, country, applicant, top, examples, audits=tuple(audit or ()))
    found = reports.gather(wanted, load(model))
    written = {output: reports.page(found).encode()}
    if files is not None:
        written |= {files / name: content for name, content in reports.extra_files(found).items()}
        _make(files)
    writing.write(written, force=force)
    if not quiet:
        say(f"{output}: {len(written[output]) / 1e6:.1f} MB" + (f"; {len(written) - 1} files in {files}" if files else ""))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
