"""``ipclass model`` and ``ipclass compare``: look into a model, and see what another one changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ipclass.commands import (
    AbstractOption,
    Commands,
    DefinitionOption,
    ForceOption,
    JsonOption,
    ModelOption,
    TitleOption,
    as_json,
    columns_named,
    quiet,
    say,
    show,
)

if TYPE_CHECKING:
    from ipclass.inspection import Verified

model_app = typer.Typer(cls=Commands, help="Look into a model.", no_args_is_help=True)

ModelArgument = Annotated[str, typer.Argument(help="A model folder or its zip file, or 'shipped', which is the default.")]
OneModel = Annotated[str, typer.Argument(help="A model, or 'shipped'.")]


@model_app.command("show")
def model_show(model: ModelArgument = "", named: ModelOption = "", json_wanted: JsonOption = False) -> None:
    """Print the card of a model.

    Example: ipclass model show models/mine
    """
    from ipclass.batch import load

    if model and named:
        raise typer.BadParameter(f"one model is shown, not {model} and {named}", param_hint="--model")
    loaded = load(model or named)
    typer.echo(as_json({"digest": loaded.digest, **loaded.facts}) if json_wanted else loaded.card)


@model_app.command("verify")
def model_verify(model: ModelArgument = "", json_wanted: JsonOption = False) -> None:
    """Check every part of a model, and say what it is.

    Example: ipclass model verify models/mine
    """
    from ipclass import inspection

    verified = _verified(model)
    if json_wanted:
        parts = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in verified.parts.items()}
        typer.echo(as_json({"path": str(verified.path), "digest": verified.model.digest, "parts": parts}))
    else:
        show(inspection.as_text(verified))


def _verified(model: str) -> Verified:
    from ipclass import inspection
    from ipclass.batch import SHIPPED
    from ipclass.model import shipped

    return inspection.verify(shipped() if model in ("", SHIPPED) else Path(model))


@model_app.command("diff")
def model_diff(
    old: OneModel,
    new: OneModel,
    terms: Annotated[int, typer.Option("--terms", "-n", help="Terms to list a label and definition.", min=0)] = 8,
    json_wanted: JsonOption = False,
) -> None:
    """Say how two models differ: labels, recipe, corpora, figures, terms.

    Example: ipclass model diff shipped models/mine
    """
    from ipclass import inspection
    from ipclass.batch import load

    found = inspection.diff(load(old), load(new), terms)
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
    from ipclass import parts, writing
    from ipclass.model import files_of

    packed = _verified(model).model
    writing.write({output: parts.pack(files_of(packed))}, force=force)
    say(f"{output}: model {packed.digest[:12]}")


def compare(
    table: Annotated[str, typer.Argument(help="CSV, TSV, JSON lines or Parquet, also .gz; - is standard input.")],
    old: OneModel,
    new: OneModel,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="List the changes in this file: .csv, .xlsx or .jsonl.")
    ] = None,
    definition: DefinitionOption = "strict",
    terms: Annotated[int, typer.Option("--terms", "-n", help="Terms to give for each change.", min=0)] = 5,
    title: TitleOption = "",
    abstract: AbstractOption = "",
    json_wanted: JsonOption = False,
    force: ForceOption = False,
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
        writing.refuse_to_lose([table], [output])
    source = files.Source(table, columns=columns_named(title=title, abstract=abstract))
    before, after = load(old), load(new)
    found = changes.compare(source, before, after, definition_named(definition), terms)
    if output is not None:
        writing.write({output: changes.as_file(found.found, output)}, force=force)
    if json_wanted:
        typer.echo(as_json(changes.as_record(found, before, after)))
    elif output is None or not quiet():
        show(changes.as_text(found, before, after))
