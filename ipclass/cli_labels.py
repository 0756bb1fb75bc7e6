"""``ipclass labels``: what the technologies mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ipclass.commands import Commands, JsonOption, ModelOption, as_json

labels_app = typer.Typer(cls=Commands, help="Show what the labels mean.", no_args_is_help=True)


@labels_app.command("list")
def labels_list(model: ModelOption = "", json_wanted: JsonOption = False) -> None:
    """List the labels of a model.

    Example: ipclass labels list
    """
    from ipclass.batch import load

    labels = load(model).labels
    if json_wanted:
        typer.echo(as_json([{"id": label.id, "name": label.name, "summary": label.summary} for label in labels]))
        return
    for label in labels:
        typer.echo(f"{label.id:<10} {label.name}: {label.summary}")


@labels_app.command("show")
def labels_show(
    label: Annotated[str, typer.Argument(help="The id of a label.")], model: ModelOption = "", json_wanted: JsonOption = False
) -> None:
    """Show the definitions of a label, with examples of what is inside and outside.

    Example: ipclass labels show quantum
    """
    from ipclass.batch import load

    shown = load(model).labels[label]
    if json_wanted:
        typer.echo(as_json(asdict(shown)))
        return
    typer.echo(f"{shown.name} ({shown.id}, version {shown.version})\n\nstrict: {shown.strict}\n\nbroad: {shown.broad}")
    for title, examples in (("inside", shown.inside), ("borderline", shown.borderline), ("outside", shown.outside)):
        typer.echo(f"\n{title}:\n" + "\n".join(f"  - {example}" for example in examples))
