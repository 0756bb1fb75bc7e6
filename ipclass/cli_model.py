"""``ipclass model``: look into a model."""

from __future__ import annotations

import typer

from ipclass.commands import Commands, ModelOption

model_app = typer.Typer(cls=Commands, help="Look into a model.", no_args_is_help=True)


@model_app.command("show")
def model_show(model: ModelOption = "") -> None:
    """Print the card of a model.

    Example: ipclass model show
    """
    from ipclass.batch import load

    typer.echo(load(model).card)
