"""``ipclass report``: a tagged table as one page to read, to print and to defend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipclass.cli_shares import (
    BreaksOption,
    DrawsOption,
    FamilyOption,
    LevelOption,
    OpenSinceOption,
    SeedOption,
    UnitOption,
    WhereOption,
    request_of,
)
from ipclass.commands import DefinitionsOption, ForceOption, LabelsOption, MethodOption, ModelOption, say
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
    where: WhereOption = "",
    unit: UnitOption = "document",
    family: FamilyOption = "",
    fractional: Annotated[bool, typer.Option("--fractional", help="Split a document among its values, as US;DE.")] = False,
    top: Annotated[int, typer.Option(help="Countries and applicants to show.", min=1, max=100)] = 10,
    examples: Annotated[int, typer.Option(help="Most probable documents to show for each label.", min=0, max=200)] = 20,
    open_since: OpenSinceOption = 0,
    breaks: BreaksOption = None,
    level: LevelOption = 0.95,
    draws: DrawsOption = 500,
    seed: SeedOption = 0,
    model: ModelOption = "",
    force: ForceOption = False,
) -> None:
    """Write one HTML page: shares, trends, countries, applicants, how the numbers were made, and examples.

    Example: ipclass report tagged.csv -o report.html --files figures
    """
    from ipclass import report as reports
    from ipclass import report_files, report_page, writing
    from ipclass.batch import load

    writing.refuse_to_replace([output], force)  # before minutes of work
    writing.refuse_to_lose([table, *(audit or ())], [output])
    request = request_of(
        table,
        label,
        definition,
        open_since,
        breaks,
        method=method,
        where=where,
        unit=unit,
        family=family,
        fractional=fractional,
        level=level,
        draws=draws,
        seed=seed,
    )
    wanted = reports.Wanted(table, request, model, year, country, applicant, top, examples, audits=tuple(audit or ()))
    found = reports.gather(wanted, load(model))
    written = {output: report_page.page(found).encode()}
    if files is not None:
        written |= {files / name: content for name, content in report_files.extra_files(found).items()}
        _make(files)
    writing.write(written, force=force)
    say(f"{output}: {len(written[output]) / 1e6:.1f} MB" + (f"; {len(written) - 1} files in {files}" if files else ""))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
