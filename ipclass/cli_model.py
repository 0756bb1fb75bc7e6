"""``ipclass model`` and ``ipclass compare``: look into a model, and see what another one changes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipclass.commands import Commands, DefinitionOption, ForceOption, JsonOption, ModelOption, QuietOption, as_json, say, show

model_app = typer.Typer(cls=Commands, help="Look into a model.", no_args_is_help=True)

ModelArgument = Annotated[str, typer.Argument(help="A model folder or its zip file; by default the model that is shipped.")]


@model_app.command("show")
def model_show(model: ModelOption = "", json_wanted: JsonOption = False) -> None:
    """Print the card of a model.

    Example: ipclass model show
    """
    from ipclass.batch import load

    loaded = load(model)
    typer.echo(as_json({"digest": loaded.digest, **loaded.facts}) if json_wanted else loaded.card)


@model_app.command("verify")
def model_verify(model: ModelArgument = "") -> None:
    """Check every part of a model, and say what it is.

    Example: ipclass model verify models/mine
    """
    from ipclass import inspection
    from ipclass.model import shipped

    show(inspection.as_text(inspection.verify(Path(model) if model else shipped())))


@model_app.command("diff")
def model_diff(
    old: Annotated[str, typer.Argument(help="A model; 'shipped' is the one that is shipped.")],
    new: Annotated[str, typer.Argument(help="Another model.")],
    terms: Annotated[int, typer.Option("--terms", "-n", help="Terms to list a label and definition.", min=0)] = 8,
    json_wanted: JsonOption = False,
) -> None:
    """Say how two models differ: labels, recipe, corpora, figures, terms.

    Example: ipclass model diff shipped models/mine
    """
    from ipclass import inspection
    from ipclass.batch import load

    before, after = (load("" if each == "shipped" else each) for each in (old, new))
    found = inspection.diff(before, after, terms)
    if json_wanted:
        typer.echo(as_json(inspection.diff_as_record(found)))
    else:
        show(inspection.diff_as_text(found))


@model_app.command("pack")
def model_pack(
    model: ModelArgument = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip file to write.")] = Path("model.zip"),
    force: ForceOption = False,
) -> None:
    """Put a model into one zip file, to be sent and used as it is.

    Example: ipclass model pack models/mine -o mine.zip
    """
    from ipclass import inspection, parts, writing
    from ipclass.model import files_of, shipped

    verified = inspection.verify(Path(model) if model else shipped())
    writing.write({output: parts.pack(files_of(verified.model))}, force=force)
    say(f"{output}: model {verified.model.digest[:12]}")


def compare(
    table: Annotated[str, typer.Argument(help="CSV, TSV, JSON lines or Parquet, also .gz; - is standard input.")],
    old: Annotated[str, typer.Argument(help="A model; 'shipped' is the one that is shipped.")],
    new: Annotated[str, typer.Argument(help="Another model.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="List the changes in this file: .csv, .xlsx or .jsonl.")
    ] = None,
    definition: DefinitionOption = "strict",
    terms: Annotated[int, typer.Option("--terms", "-n", help="Terms to give for each change.", min=0)] = 5,
    title: Annotated[str, typer.Option(help="The column of the title, if it is not a usual name.")] = "",
    abstract: Annotated[str, typer.Option(help="The column of the abstract.")] = "",
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the documents whose tags differ between two models, and the terms that made the change.

    Example: ipclass compare patents.csv shipped models/mine -o changes.csv
    """
    from ipclass import changes, files, writing
    from ipclass.batch import load
    from ipclass.records import definition_named

    if output is not None:
        changes.as_file([], output)
        writing.refuse_to_replace([output], force)
    columns = {role: name for role, name in (("title", title), ("abstract", abstract)) if name}
    models = [load("" if each == "shipped" else each) for each in (old, new)]
    found = changes.compare(files.Source(table, columns=columns), models[0], models[1], definition_named(definition), terms)
    if output is not None:
        writing.write({output: changes.as_file(found.found, output)}, force=force)
    if not quiet:
        show(changes.as_text(found, *models))
