"""``ipclass model``: look into a model."""

from __future__ import annotations

import typer

from ipclass.commands import Commands, JsonOption, ModelOption, as_json

model_app = typer.Typer(cls=Commands, help="Look into a model.", no_args_is_help=True)


@model_app.command("show")
def model_show(model: ModelOption = "", json_wanted: JsonOption = False) -> None:
    """Print the card of a model.

    Example: ipclass model show
    """
    from ipclass.batch import load

    loaded = load(model)
    typer.echo(as_json({"digest": loaded.digest, **loaded.facts}) if json_wanted else loaded.card)
