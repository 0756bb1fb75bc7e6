"""The command line of audits: a sheet out, a share back. It decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ipclass.commands import (
    AbstractOption,
    Commands,
    ForceOption,
    IdOption,
    JsonOption,
    ModelOption,
    TitleOption,
    as_json,
    columns_named,
    say,
    show,
)
from ipclass.records import Definition

audit_app = typer.Typer(
    cls=Commands,
    help="Judge a sample of the documents that are counted: a share that needs no assumption.",
    no_args_is_help=True,
)


@audit_app.command()
def draw(
    table: Annotated[str, typer.Argument(help="The output of ipclass classify: CSV, TSV, JSON lines or Parquet, also .gz.")],
    label: Annotated[str, typer.Option("--label", "-l", help="The id of the label to judge for.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The sheet to write: .csv or .xlsx.")] = None,
    number: Annotated[int | None, typer.Option("--number", "-n", help="Judgements. [default: 300]", show_default=False)] = None,
    definition: Annotated[
        Definition | None,
        typer.Option("--definition", "-d", help="strict or broad; by default the one the table was tagged under."),
    ] = None,
    design: Annotated[
        Literal["stratified", "random"],
        typer.Option(help="stratified by score, which needs far fewer judgements, or random: a plain random sample."),
    ] = "stratified",
    bulk: Annotated[float, typer.Option(help="The part to draw where the tagger expects nothing.")] = 0.4,
    seed: Annotated[int, typer.Option(help="Same seed, same sheet.", min=0)] = 0,
    target_width: Annotated[
        float | None,
        typer.Option(
            help="Draw as many as bring the half width of the interval to this part of the share; without -o only say."
        ),
    ] = None,
    title: TitleOption = "",
    abstract: AbstractOption = "",
    id: IdOption = "",
    model: ModelOption = "",
    force: ForceOption = False,
) -> None:
    """Draw documents to judge, blind: a sheet, its guideline, and the plan, which whoever judges leaves closed.

    Example: ipclass audit draw tagged.csv --label quantum -o sheet.xlsx
    """
    if output is None and target_width is None:
        raise typer.BadParameter(
            "name the sheet to write, or --target-width to learn how many judgements it takes", param_hint="-o"
        )
    from ipclass import audit_draw, audit_words, writing
    from ipclass.audit_table import Wanted
    from ipclass.batch import load

    columns = columns_named(title=title, abstract=abstract, id=id)
    wanted = Wanted(label, definition or "", number, target_width, bulk, seed, design, columns)
    if output is not None:
        writing.refuse_to_lose([table], [output])
        say(audit_words.drawn_as_text(audit_draw.draw(table, output, load(model), wanted, force=force)))
    elif target_width is not None:
        show(audit_words.size_as_text(*audit_draw.size(table, load(model), wanted, target_width), target_width))


@audit_app.command()
def estimate(
    sheet: Annotated[Path, typer.Argument(help="The sheet with its grades filled in: 0, 1, 2, or yes and no.")],
    table: Annotated[str, typer.Option(help="The tagged table, if it was moved.")] = "",
    plan: Annotated[Path | None, typer.Option(help="The plan, if it does not stand beside the sheet.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write all figures as JSON to this file.")] = None,
    json_wanted: JsonOption = False,
    model: ModelOption = "",
    force: ForceOption = False,
) -> None:
    """Turn the grades of a sheet into a share, and into the precision and recall of the tagger on these documents.

    Example: ipclass audit estimate sheet.xlsx -o audit.json
    """
    from ipclass import audit_estimate, audit_words, writing
    from ipclass.batch import load

    result = audit_estimate.estimate(sheet, load(model), table=table, plan=plan)
    facts = as_json(audit_words.as_record(result))
    if output is not None:
        writing.refuse_to_lose([sheet], [output])
        writing.write({output: f"{facts}\n".encode()}, force=force)
    show(facts if json_wanted else audit_words.as_text(result))
