"""``ipclass labels``: what the technologies mean."""

from __future__ import annotations

from typing import Annotated

import typer

from ipclass.commands import Commands, ModelOption

labels_app = typer.Typer(
    cls=Commands, help="What the labels mean, and how far judgements for them can be trusted.", no_args_is_help=True
)


@labels_app.command("list")
def labels_list(model: ModelOption = "") -> None:
    """List the labels of a model.

    Example: ipclass labels list
    """
    from ipclass.batch import load

    for label in load(model).labels:
        typer.echo(f"{label.id:<10} {label.name}: {label.summary}")


@labels_app.command("show")
def labels_show(label: Annotated[str, typer.Argument(help="The id of a label.")], model: ModelOption = "") -> None:
    """Show the definitions of a label, with examples of what is inside and outside.

    Example: ipclass labels show quantum
    """
    from ipclass.batch import load

    shown = load(model).labels[label]
    typer.echo(f"{shown.name} ({shown.id}, version {shown.version})\n\nstrict: {shown.strict}\n\nbroad: {shown.broad}")
    for title, examples in (("inside", shown.inside), ("borderline", shown.borderline), ("outside", shown.outside)):
        typer.echo(f"\n{title}:\n" + "\n".join(f"  - {example}" for example in examples))
