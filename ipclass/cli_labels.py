"""``ipclass labels``: what the technologies mean, and further ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ipclass.commands import Commands, ForceOption, JsonOption, ModelOption, as_json, say, show

labels_app = typer.Typer(
    cls=Commands,
    help="What the labels mean, how to add others, how far judgements for them can be trusted.",
    no_args_is_help=True,
)


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
        show(f"{label.id:<10} {label.name}: {label.summary}")


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
    show(f"{shown.name} ({shown.id}, version {shown.version})\n\nstrict: {shown.strict}\n\nbroad: {shown.broad}")
    for title, examples in (("inside", shown.inside), ("borderline", shown.borderline), ("outside", shown.outside)):
        show(f"\n{title}:\n" + "\n".join(f"  - {example}" for example in examples))


@labels_app.command("new")
def labels_new(id: Annotated[str, typer.Argument(help="The id: lower-case letters, digits and _.")]) -> None:
    """Print a label file to fill in.

    Example: ipclass labels new fusion_energy > fusion_energy.toml
    """
    from ipclass.labels import template

    typer.echo(template(id), nl=False)


@labels_app.command("add")
def labels_add(
    id: Annotated[str, typer.Argument(help="The id of the label.")],
    source: Annotated[Path, typer.Option("--from", help="Its label file (TOML).")],
    corpus: Annotated[Path, typer.Option(help="The corpus folder, made if need be.")],
    force: ForceOption = False,
) -> None:
    """Check a label file and put it into a corpus of your own.

    Example: ipclass labels add fusion_energy --from fusion.toml --corpus my_corpus
    """
    from ipclass.labels import add

    label = add(source, id, corpus, force=force)
    say(f"{corpus}: has the label {label.id} ({label.name}, version {label.version})")
    say(f"to learn it: judgements with a column {label.id}, and ipclass train {corpus} judgements.csv --base CORPUS -o model")
